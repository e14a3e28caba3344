//! What the tests share: files from the disk, and a plain rendering of diagnostics.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests read fixtures and fail by panicking"
)]

use std::path::{Path, PathBuf};

use kpol_compiler::{Compiled, Loader, Options, Role, Source, compile};
use kpol_grammar::diagnostic::{Diagnostic, Severity};
use kpol_manifest::{Limits, Syntax, parse};
use kpol_vm::json::Json;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Reads files beside the source that names them.
pub(crate) struct Disk;

impl Loader for Disk {
    fn documents(&self, from: &Source, path: &str) -> Result<Vec<Json>, String> {
        let path = Path::new(&from.name).parent().unwrap_or(Path::new("")).join(path);
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let documents = parse(&text, Syntax::Auto, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(documents.into_iter().map(|document| document.value).collect())
    }
}

/// Gives the document of a file whatever its name: what the pages' examples name.
pub(crate) struct Crds;

impl Loader for Crds {
    fn documents(&self, _from: &Source, path: &str) -> Result<Vec<Json>, String> {
        if path.contains("missing") {
            return Err("there is no such file".to_owned());
        }
        let from = Source {
            name: root().join("examples/language/x.kpol").display().to_string(),
            text: String::new(),
            role: Role::Entry,
        };
        Disk.documents(&from, "crds/cert-manager.yaml")
    }
}

pub(crate) fn entry(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned(), role: Role::Entry }
}

/// A text compiled by itself. `//# NAME` begins a further file; `//! kubernetes: 1.29..1.37`, `//! today: 2026-11-23`
/// and `//! max_cost: 1000` in the first lines are options.
pub(crate) fn compile_text(text: &str) -> Compiled {
    let mut sources = vec![entry("main.kpol", "")];
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("//# ") {
            sources.push(entry(name.trim(), ""));
            continue;
        }
        sources.last_mut().unwrap().text.push_str(line);
    }
    compile(sources, &Crds, &options(text))
}

fn options(text: &str) -> Options {
    let mut options = Options::default();
    for line in text.lines() {
        let Some((key, value)) = line.strip_prefix("//! ").and_then(|line| line.split_once(": ")) else {
            continue;
        };
        match key {
            "kubernetes" => {
                let minor = |text: &str| text.trim_start_matches("1.").parse().ok();
                let range = value.split_once("..");
                options.kubernetes = range.and_then(|(low, high)| minor(low).zip(minor(high)));
            }
            "today" => options.today = Some(value.to_owned()),
            "max_cost" => options.max_cost = value.parse().unwrap_or(options.max_cost),
            _ => {}
        }
    }
    options
}

pub(crate) fn codes(compiled: &Compiled) -> Vec<&'static str> {
    compiled.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

/// Each diagnostic with the text that it underlines.
pub(crate) fn render(compiled: &Compiled) -> String {
    let several = compiled.sources.iter().filter(|source| source.role == Role::Entry).count() > 1;
    compiled.diagnostics.iter().map(|diagnostic| render_one(compiled, diagnostic, several)).collect()
}

fn render_one(compiled: &Compiled, diagnostic: &Diagnostic, several: bool) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut out = format!("\n{severity}[{}]: {}\n", diagnostic.code, diagnostic.message);
    let place = |span: kpol_grammar::span::Span| {
        let source = &compiled.sources[span.file.0 as usize];
        let before = &source.text[..span.range().start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        let file =
            if several || source.role != Role::Entry { format!("{}:", source.name) } else { String::new() };
        (format!("{file}{line}:{column}"), source.text[span.range()].to_owned())
    };
    for label in &diagnostic.labels {
        let (at, text) = place(label.span);
        out.push_str(&format!("  {at} {text:?}: {}\n", label.text));
    }
    for help in &diagnostic.helps {
        out.push_str(&format!("  help: {help}\n"));
    }
    for note in &diagnostic.notes {
        out.push_str(&format!("  note: {note}\n"));
    }
    if let Some(fix) = &diagnostic.fix {
        out.push_str(&format!("  fix: {:?} -> {:?}\n", place(fix.span).1, fix.replacement));
    }
    out
}

/// The source with line numbers, and its diagnostics.
pub(crate) fn show(text: &str) -> String {
    let numbered: String =
        text.lines().enumerate().map(|(index, line)| format!("{:>3} | {line}\n", index + 1)).collect();
    format!("{numbered}{}", render(&compile_text(text)))
}
