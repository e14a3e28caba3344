//! JUnit XML: a suite per file; in it a case per test, per rule (`check`) or per object (`eval`).

use std::collections::BTreeMap;

use kpol_grammar::diagnostic::{Diagnostic, Severity as Level};
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::{level_word, problems_and_notes};
use crate::{
    CliError,
    report::{Finding, Outcome, Place, Report, TestOutcome, TestResult},
};

/// Cases by file, files in order.
type Suites = BTreeMap<String, Vec<TestCase>>;

type Placed<'r> = (&'r Diagnostic, Option<Place>);

pub(crate) fn report(report: &Report) -> Result<String, CliError> {
    let mut suites = Suites::new();
    problems(report, &mut suites);
    policies(report, &mut suites);
    objects(report, &mut suites);
    for test in &report.tests {
        suites.entry(test.place.text.name.clone()).or_default().push(of_test(test));
    }
    let mut junit = Junit::new(format!("kpolc {}", report.command));
    for (file, cases) in suites {
        let mut suite = TestSuite::new(file);
        suite.add_test_cases(cases);
        junit.add_test_suite(suite);
    }
    Ok(junit.to_string()? + "\n")
}

fn problems(report: &Report, suites: &mut Suites) {
    for (problem, level) in problems_and_notes(report) {
        let file = problem.file.clone().unwrap_or_else(|| "kpolc".to_owned());
        let place = problem.place.as_ref().map_or(file.clone(), ToString::to_string);
        let status = if level == "error" {
            failing(NonSuccessKind::Error, level, &problem.message, &place)
        } else {
            TestCaseStatus::success()
        };
        let mut case = TestCase::new("read", status);
        if level != "error" {
            case.set_system_out(format!("{place}: {}", problem.message));
        }
        suites.entry(file).or_default().push(case);
    }
}

/// A case per declaration with what is wrong in it, and one per file for what stands outside of them. Only `check`
/// lists what is sound: for the others a policy is a means.
fn policies(report: &Report, suites: &mut Suites) {
    let mut open: Vec<Placed<'_>> = report.diagnostics.iter().map(|d| (d, report.place_of(d))).collect();
    if report.command == "check" {
        for (name, item) in &report.items {
            let (inside, outside) = open.into_iter().partition(|(_, place)| {
                place.as_ref().is_some_and(|place| {
                    std::sync::Arc::ptr_eq(&place.text, &item.text) && item.range.contains(&place.range.start)
                })
            });
            open = outside;
            suites.entry(item.text.name.clone()).or_default().push(of_diagnostics(name, inside));
        }
    }
    let mut by_file: BTreeMap<String, Vec<Placed<'_>>> = BTreeMap::new();
    for (diagnostic, place) in open {
        let file = place.as_ref().map_or("kpolc".to_owned(), |place| place.text.name.clone());
        by_file.entry(file).or_default().push((diagnostic, place));
    }
    for (file, diagnostics) in by_file {
        suites.entry(file).or_default().push(of_diagnostics("file", diagnostics));
    }
}

fn of_diagnostics(name: &str, diagnostics: Vec<Placed<'_>>) -> TestCase {
    let line = |(diagnostic, place): &Placed<'_>| {
        let place = place.as_ref().map_or(String::new(), |place| format!("{place}: "));
        format!(
            "{place}{}[{}]: {}",
            level_word(diagnostic.severity),
            diagnostic.code,
            super::headline(diagnostic)
        )
    };
    let (errors, others): (Vec<_>, Vec<_>) =
        diagnostics.into_iter().partition(|(diagnostic, _)| diagnostic.severity == Level::Error);
    let status = match errors.first() {
        None => TestCaseStatus::success(),
        Some((first, _)) => {
            let lines: Vec<String> = errors.iter().map(line).collect();
            failing(NonSuccessKind::Failure, first.code, &first.message, &lines.join("\n"))
        }
    };
    let mut case = TestCase::new(name, status);
    if !others.is_empty() {
        case.set_system_out(others.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    case
}

/// A case per object that was judged.
fn objects(report: &Report, suites: &mut Suites) {
    let mut found: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for (object, file) in &report.objects {
        found.entry((file, object)).or_default();
    }
    for finding in &report.findings {
        found.entry((&finding.file, &finding.object)).or_default().push(finding);
    }
    for ((file, object), findings) in found {
        suites.entry(file.to_owned()).or_default().push(of_findings(object, &findings));
    }
}

fn of_findings(object: &str, findings: &[&Finding]) -> TestCase {
    let line = |finding: &&Finding| {
        let place = finding.place.as_ref().map_or(finding.file.clone(), ToString::to_string);
        format!("{place}: {}[{}]: {}", finding.outcome.word(), finding.rule, finding.message)
    };
    let (denied, others): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.outcome == Outcome::Denied);
    let status = match denied.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let lines: Vec<String> = denied.iter().map(line).collect();
            failing(NonSuccessKind::Failure, &first.rule, &first.message, &lines.join("\n"))
        }
    };
    let mut case = TestCase::new(object, status);
    if !others.is_empty() {
        case.set_system_out(others.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    case
}

fn of_test(test: &TestResult) -> TestCase {
    let status = match &test.outcome {
        TestOutcome::Passed => TestCaseStatus::success(),
        TestOutcome::Skipped(why) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(why.as_str());
            status
        }
        TestOutcome::Failed(failures) => {
            let first = failures.first().map_or("failed", |failure| failure.message.as_str());
            let lines: Vec<String> = failures
                .iter()
                .flat_map(|failure| {
                    std::iter::once(format!("{}: {}", failure.place, failure.message))
                        .chain(failure.notes.clone())
                })
                .collect();
            failing(NonSuccessKind::Failure, "expect", first, &lines.join("\n"))
        }
    };
    let mut case = TestCase::new(test.name.as_str(), status);
    case.set_classname(test.subject.as_str());
    case.set_time(test.took);
    case
}

fn failing(kind: NonSuccessKind, ty: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(ty).set_message(message).set_description(text);
    status
}
