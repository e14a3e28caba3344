//! What the tests share: a plain rendering of diagnostics.
#![allow(dead_code, reason = "each test binary uses its part")]

use kpol_grammar::ast::{BlockClause, CorrelateClause, ItemKind, RuleClause, Verdict};
use kpol_grammar::diagnostic::Diagnostic;
use kpol_grammar::span::FileId;
use kpol_grammar::{parse, template};

/// All diagnostics of a text, those of its messages too.
pub(crate) fn diagnose(text: &str) -> Vec<Diagnostic> {
    let parsed = parse(FileId(0), text);
    let mut list = parsed.diagnostics;
    for item in &parsed.file.items {
        match &item.kind {
            ItemKind::Rule(rule) => {
                for clause in &rule.clauses {
                    if let RuleClause::Block(clause) = clause {
                        block(clause, &mut list);
                    }
                }
            }
            ItemKind::Correlate(correlate) => {
                for clause in &correlate.clauses {
                    if let CorrelateClause::Verdict(verdict) = clause {
                        message(verdict, &mut list);
                    }
                }
            }
            _ => {}
        }
    }
    list
}

fn block(clause: &BlockClause, list: &mut Vec<Diagnostic>) {
    match clause {
        BlockClause::Verdict(verdict) => message(verdict, list),
        BlockClause::For(inner) => inner.body.iter().for_each(|clause| block(clause, list)),
        BlockClause::Where { .. } | BlockClause::Let(_) => {}
    }
}

fn message(verdict: &Verdict, list: &mut Vec<Diagnostic>) {
    list.extend(template(&verdict.message).err());
}

pub(crate) fn codes(text: &str) -> Vec<&'static str> {
    diagnose(text).iter().map(|diagnostic| diagnostic.code).collect()
}

/// The source, and each diagnostic with the text that it underlines.
pub(crate) fn render(text: &str) -> String {
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        out.push_str(&format!(
            "{:>3} | {}\n",
            number + 1,
            line.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
        ));
    }
    for diagnostic in diagnose(text) {
        out.push_str(&format!("\n{}: {}\n", diagnostic.code, diagnostic.message));
        for label in &diagnostic.labels {
            let range = label.span.range();
            let before = &text[..range.start];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            out.push_str(&format!("  {line}:{column} {:?}: {}\n", &text[range], label.text));
        }
        for help in &diagnostic.helps {
            out.push_str(&format!("  help: {help}\n"));
        }
        for note in &diagnostic.notes {
            out.push_str(&format!("  note: {note}\n"));
        }
        if let Some(fix) = &diagnostic.fix {
            out.push_str(&format!("  fix: {:?} -> {:?}\n", &text[fix.span.range()], fix.replacement));
        }
    }
    out
}
