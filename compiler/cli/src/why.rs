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
    let mark = match node.outcome {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "·",
    };
    let indent = "  ".repeat(depth);
    let source = source(compiled, rule, node);
    let element = node.element.as_ref().map_or(String::new(), |element| format!("[{element}] "));
    let place = node.path.as_ref().map_or(String::new(), |path| format!("   ({path})"));
    let value = if node.outcome.is_some() { String::new() } else { format!(" = {}", node.value) };
    lines.push(format!("{indent}{mark} {element}{source}{value}{place}"));
    for child in &node.children {
        // The same words again say nothing: what the compiler put between is not shown.
        let again = child.outcome == node.outcome && self::source(compiled, rule, child) == source;
        add(compiled, rule, child, if again { depth } else { depth + 1 }, lines);
    }
}

/// What the author wrote there, on one line.
fn source(compiled: &Compiled, rule: RuleId, node: &WhyNode) -> String {
    let span = compiled.debug.rules.get(rule.index()).and_then(|debug| debug.exprs.get(node.expr.index()));
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
