//! `kpolc check`: everything that can be said about policies without running them.

use std::path::Path;

use kpol_grammar::diagnostic::{Diagnostic, Fix};

use crate::{
    CliError, Exit, Io,
    args::{CheckArgs, Global},
    load::{LoadOptions, Loaded, load, write_atomic},
    render::{self, Paint, Role},
    report::{Report, count},
};

/// A fix may make another one possible; this often, and no more.
const MAX_ROUNDS: usize = 10;

pub(crate) fn run(args: &CheckArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let options = LoadOptions { kubernetes: args.kubernetes, ..LoadOptions::of(&args.compile) };
    if args.fix && args.paths.iter().any(|path| path == "-") {
        return Err(CliError::usage("`--fix` changes files, and `-` is none", None));
    }
    let mut loaded = load(&args.paths, &options, io)?;
    if args.fix {
        loaded = fix(loaded, args, &options, global, io)?;
    }
    let mut report = Report::of("check", &loaded.compiled);
    let counts = report.counts();
    report.summary = format!(
        "checked {} in {}: {}, {}",
        count(loaded.rules(), "rule"),
        count(loaded.entries(), "file"),
        count(counts.errors, "error"),
        count(counts.warnings, "warning"),
    );
    render::write(&report, args.output.format, global, io)?;
    Ok(report.exit(args.compile.deny_warnings).zero_if(args.output.exit_zero))
}

/// Applies what is safe to apply until nothing is left, and says what it did.
fn fix(
    mut loaded: Loaded,
    args: &CheckArgs,
    options: &LoadOptions,
    global: &Global,
    io: &mut Io,
) -> Result<Loaded, CliError> {
    let paint = Paint::new(io.colored_stderr(global.color));
    for _ in 0..MAX_ROUNDS {
        let report = Report::of("check", &loaded.compiled);
        let mut applied = false;
        for (index, source) in loaded.compiled.sources.iter().enumerate() {
            if !loaded.is_own_file(source) {
                continue;
            }
            let (text, fixed) = apply(index as u32, &source.text, &report.diagnostics);
            if fixed.is_empty() {
                continue;
            }
            write_atomic(&io.at(Path::new(&source.name)), &text)?;
            applied = true;
            for diagnostic in fixed {
                let place =
                    report.place_of(diagnostic).map_or(source.name.clone(), |place| place.to_string());
                let word = paint.on(Role::Good, "fixed");
                io.err(&format!("{place}: {word}[{}]: {}\n", diagnostic.code, diagnostic.message));
            }
        }
        if !applied {
            break;
        }
        loaded = load(&args.paths, options, io)?;
    }
    Ok(loaded)
}

/// The text with the fixes of one file, and what they fix. Of two that overlap the second has to wait.
fn apply<'d>(file: u32, text: &str, diagnostics: &'d [Diagnostic]) -> (String, Vec<&'d Diagnostic>) {
    let mut fixes: Vec<(&Diagnostic, &Fix)> = diagnostics
        .iter()
        .filter_map(|diagnostic| Some((diagnostic, diagnostic.fix.as_ref()?)))
        .filter(|(_, fix)| fix.span.file.0 == file)
        .collect();
    fixes.sort_by_key(|(_, fix)| (fix.span.start, fix.span.end));
    let (mut out, mut at, mut fixed) = (String::new(), 0, Vec::new());
    for (diagnostic, fix) in fixes {
        let range = fix.span.range();
        let Some(between) = text.get(at..range.start).filter(|_| text.get(range.clone()).is_some()) else {
            continue;
        };
        out.push_str(between);
        out.push_str(&fix.replacement);
        at = range.end;
        fixed.push(diagnostic);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    (out, fixed)
}

#[cfg(test)]
mod tests {
    use kpol_grammar::span::{FileId, Span};

    use super::*;

    fn fix(start: u32, end: u32, with: &str) -> Diagnostic {
        let span = Span::new(FileId(0), start, end);
        Diagnostic::error("E0001", "wrong").label(span, "").fix(span, with)
    }

    #[test]
    fn fixes_are_applied_in_order_of_the_text() {
        let fixes = [fix(7, 9, "or"), fix(2, 4, "and")];
        let (text, fixed) = apply(0, "a && b || c", &fixes);
        assert_eq!((text.as_str(), fixed.len()), ("a and b or c", 2));
    }

    #[test]
    fn of_overlapping_fixes_one_waits() {
        let fixes = [fix(0, 4, "X"), fix(2, 6, "Y")];
        let (text, fixed) = apply(0, "abcdef", &fixes);
        assert_eq!((text.as_str(), fixed.len()), ("Xef", 1));
    }

    #[test]
    fn fixes_of_other_files_or_outside_of_the_text_are_left() {
        assert_eq!(apply(1, "abc", &[fix(0, 1, "X")]).0, "abc");
        assert_eq!(apply(0, "abc", &[fix(2, 9, "X")]).0, "abc");
    }
}
