//! Decision trees as lines: every condition with its source text and the values that it saw.
//!
//! ```text
//! std.workload.privileged
//! ✓ c.securityContext.privileged                      = true     spec.containers[0].securityContext.privileged
//! ```

use kpol_compiler::Compiled;
use kpol_grammar::span::Span;
use kpol_vm::{
    evaluate::RuleTrace,
    interp::{Trace, WhyNode},
    ir::{Rule, RuleId},
};

/// Lines of one tree, at most.
const MAX_LINES: usize = 200;
/// Characters of source text in one line.
const MAX_SOURCE: usize = 72;

/// The tree of a finding.
pub(crate) fn tree(compiled: &Compiled, rule: RuleId, _code: &Rule, nodes: &[WhyNode]) -> String {
    let mut lines = Vec::new();
    for node in nodes {
        add(compiled, rule, node, 0, &mut lines);
    }
    if lines.len() >= MAX_LINES {
        lines.push("...".to_owned());
    }
    lines.join("\n")
}

/// Why a rule that applied to an object found nothing.
pub(crate) fn passed(compiled: &Compiled, trace: &RuleTrace, rule: &Rule, object: &str) -> String {
    let mut out = format!("{} passes {object}", rule.name);
    if trace.traces.is_empty() {
        out.push_str("\n  no element of its loops is there");
    }
    for one in &trace.traces {
        let labels: Vec<&str> = one.bindings.iter().map(|binding| binding.label.as_str()).collect();
        if !labels.is_empty() {
            out.push_str(&format!("\n  for {}", labels.join(", ")));
        }
        for line in trace_lines(compiled, trace.rule, one) {
            out.push_str(&format!("\n    {line}"));
        }
    }
    out
}

fn trace_lines(compiled: &Compiled, rule: RuleId, trace: &Trace) -> Vec<String> {
    let mut lines = Vec::new();
    for node in &trace.conditions {
        add(compiled, rule, node, 0, &mut lines);
    }
    lines
}

fn add(compiled: &Compiled, rule: RuleId, node: &WhyNode, depth: usize, lines: &mut Vec<String>) {
    if lines.len() >= MAX_LINES {
        return;
    }
    let source = source(compiled, rule, node);
    // A constant says nothing that its source does not.
    if node.outcome.is_none() && node.path.is_none() && node.children.is_empty() && is_literal(&source) {
        return;
    }
    let mark = match node.outcome {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "·",
    };
    let indent = "  ".repeat(depth);
    let element = node.element.as_ref().map_or(String::new(), |element| format!("[{element}] "));
    let value = match (&node.outcome, &node.path) {
        (Some(_), None) => String::new(),
        (None, None) => format!(" = {}", node.value),
        (_, Some(path)) => format!(" = {}   {path}", node.value),
    };
    lines.push(format!("{indent}{mark} {element}{source}{value}"));
    for child in &node.children {
        add(compiled, rule, shown_child(compiled, rule, node, child), depth + 1, lines);
    }
}

/// The first node below that says something else than its parent: what the compiler put between is not shown.
fn shown_child<'n>(compiled: &Compiled, rule: RuleId, parent: &WhyNode, child: &'n WhyNode) -> &'n WhyNode {
    let words = source(compiled, rule, parent);
    let mut child = child;
    while let [only] = child.children.as_slice() {
        let repeats =
            child.element.is_none() && child.path.is_none() && source(compiled, rule, child) == words;
        if !repeats {
            break;
        }
        child = only;
    }
    child
}

fn is_literal(source: &str) -> bool {
    source.starts_with(['"', '['])
        || source.starts_with(|c: char| c.is_ascii_digit())
        || matches!(source, "true" | "false")
}

/// What the author wrote there, on one line.
fn source(compiled: &Compiled, rule: RuleId, node: &WhyNode) -> String {
    let span = compiled.debug.rules.get(rule.index()).and_then(|debug| debug.origins.get(node.expr.index()));
    let text = span.and_then(|span| text(compiled, *span)).unwrap_or("?");
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= MAX_SOURCE {
        return line;
    }
    let cut: String = line.chars().take(MAX_SOURCE - 1).collect();
    format!("{cut}…")
}

fn text(compiled: &Compiled, span: Span) -> Option<&str> {
    compiled.sources.get(span.file.0 as usize)?.text.get(span.range())
}
