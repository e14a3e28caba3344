//! `kpolc fmt`: the one style. A file with mistakes stays as it is; the others are still formatted.

use std::path::PathBuf;

use kpol_grammar::{diagnostic::Diagnostic, format};
use similar::TextDiff;

use crate::{
    CliError, Exit, Io,
    args::{FmtArgs, Global},
    load::{Entry, find, read_stdin, read_text, write_atomic},
    render::{self, Paint, Role},
    report::{Report, Text, count},
};

/// What became of the files.
#[derive(Default)]
struct Tally {
    seen: usize,
    changed: Vec<String>,
    broken: usize,
}

pub(crate) fn run(args: &FmtArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let mut tally = Tally::default();
    for entry in find(&args.paths, io)? {
        let (name, path, text) = match entry {
            Entry::Library(name) => return Err(library(&name)),
            Entry::Stdin => ("<stdin>".to_owned(), None, read_stdin(io)?),
            Entry::File { name, path } => {
                let text = read_text(&name, &path)?;
                (name, Some(path), text)
            }
        };
        tally.seen += 1;
        match format(&text) {
            Ok(formatted) => file(&name, path, &text, &formatted, &mut tally, args, global, io)?,
            Err(diagnostics) => {
                tally.broken += 1;
                broken(name, text, diagnostics, global, io)?;
            }
        }
    }
    let stays = args.check || args.diff;
    if !global.quiet && args.paths != ["-"] {
        summary(&tally, stays, global, io);
    }
    Ok(Exit::no_if(tally.broken > 0 || (stays && !tally.changed.is_empty())))
}

fn library(name: &str) -> CliError {
    CliError::usage(format!("`{name}` is part of kpolc: it is not formatted"), None)
}

#[expect(clippy::too_many_arguments, reason = "one file with everything that was said about it")]
fn file(
    name: &str,
    path: Option<PathBuf>,
    text: &str,
    formatted: &str,
    tally: &mut Tally,
    args: &FmtArgs,
    global: &Global,
    io: &mut Io,
) -> Result<(), CliError> {
    let changed = text != formatted;
    if changed {
        tally.changed.push(name.to_owned());
    }
    if args.diff {
        if changed {
            let paint = Paint::new(io.colored_stdout(global.color));
            io.out(&diff(name, text, formatted, paint));
        }
    } else if args.check {
        if changed {
            io.out(&format!("{name}\n"));
        }
    } else {
        match path {
            None => io.out(formatted),
            Some(path) if changed => write_atomic(&path, formatted)?,
            Some(_) => {}
        }
    }
    Ok(())
}

/// What would change, as `diff -u` says it.
fn diff(name: &str, old: &str, new: &str, paint: Paint) -> String {
    let diff = TextDiff::from_lines(old, new);
    let unified = diff.unified_diff().context_radius(3).header(name, name).to_string();
    let line = |line: &str| match line.chars().next() {
        Some('+') => paint.on(Role::Good, line),
        Some('-') => paint.on(Role::Error, line),
        Some('@') => paint.on(Role::Note, line),
        _ => line.to_owned(),
    };
    unified.lines().map(|text| line(text) + "\n").collect()
}

/// The mistakes that keep a file from being formatted: on stderr, since stdout may be the formatted text.
fn broken(
    name: String,
    text: String,
    diagnostics: Vec<Diagnostic>,
    global: &Global,
    io: &mut Io,
) -> Result<(), CliError> {
    let report =
        Report { command: "fmt", sources: vec![Text::new(name, text)], diagnostics, ..Report::default() };
    let text = render::on_stderr(&report, global, io);
    io.err(&text);
    Ok(())
}

fn summary(tally: &Tally, stays: bool, global: &Global, io: &mut Io) {
    let paint = Paint::new(io.colored_stderr(global.color));
    let changed = tally.changed.len();
    let verb = if stays { "would be formatted" } else { "formatted" };
    let mut text = format!("{} of {} {verb}", changed, count(tally.seen, "file"));
    if tally.broken > 0 {
        text.push_str(&format!(", {} with syntax errors left as they are", tally.broken));
    }
    let role = if tally.broken > 0 || (stays && changed > 0) { Role::Error } else { Role::Good };
    io.err(&format!("{}\n", paint.on(role, text)));
}
