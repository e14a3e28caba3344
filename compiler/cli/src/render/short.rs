//! One line per result, as compilers and editors know it: `file:line:col: error[E0101]: message`.

use std::fmt::Write;

use crate::report::{Problem, Report, TestOutcome};

pub(crate) fn report(report: &Report) -> String {
    let mut out = String::new();
    for (problem, level) in super::problems_and_notes(report) {
        line(&mut out, &problem_place(problem), level, &problem.message);
    }
    for diagnostic in &report.diagnostics {
        let place = report.place_of(diagnostic);
        let place = place.map_or("kpolc".to_owned(), |place| place.to_string());
        let kind = format!("{}[{}]", super::level_word(diagnostic.severity), diagnostic.code);
        line(&mut out, &place, &kind, &super::headline(diagnostic));
    }
    for finding in &report.findings {
        let place = finding.place.as_ref().map_or(finding.file.clone(), ToString::to_string);
        let kind = format!("{}[{}]", finding.outcome.word(), finding.rule);
        line(&mut out, &place, &kind, &format!("{}: {}", finding.object, finding.message));
    }
    for test in &report.tests {
        let name = format!("{} \"{}\"", test.subject, test.name);
        match &test.outcome {
            TestOutcome::Passed => {}
            TestOutcome::Skipped(why) => {
                line(&mut out, &test.place.to_string(), "skipped", &format!("{name}: {why}"))
            }
            TestOutcome::Failed(failures) => {
                for failure in failures {
                    line(
                        &mut out,
                        &failure.place.to_string(),
                        "failed",
                        &format!("{name}: {}", failure.message),
                    );
                }
            }
        }
    }
    out
}

/// `file:line:col`, `file`, or the command.
pub(super) fn problem_place(problem: &Problem) -> String {
    match (&problem.place, &problem.file) {
        (Some(place), _) => place.to_string(),
        (None, Some(file)) => file.clone(),
        (None, None) => "kpolc".to_owned(),
    }
}

/// Messages are one line here, whatever they hold.
fn line(out: &mut String, place: &str, kind: &str, message: &str) {
    let message = message.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
    let _ = writeln!(out, "{}", super::plain::line(&format!("{place}: {kind}: {message}")));
}
