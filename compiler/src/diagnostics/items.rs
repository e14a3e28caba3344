//! E022x to E024x: declarations that do not fit together.

use kpol_grammar::{ast::Name, diagnostic::Diagnostic, span::Span};

/// E0220: `old` outside of updates.
pub(crate) fn old_outside_update(span: Span, target: &str) -> Diagnostic {
    Diagnostic::error("E0220", "`old` exists only for updates")
        .label(span, format!("this rule is on {target}, not only on its updates"))
        .help(format!("write `on {target} (update)`"))
}

/// E0221: a verb of the other world.
pub(crate) fn verb_in_wrong_world(span: Span, target: &str, admission: bool) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0221", format!("this verb has no meaning on {target}"));
    if admission {
        diagnostic.label(span, "rules on Kubernetes kinds `deny`, `warn` or `audit`")
    } else {
        diagnostic.label(span, "rules on events `alert` or `kill`")
    }
}

/// E0221: nothing left to kill.
pub(crate) fn cannot_kill(span: Span, target: &str) -> Diagnostic {
    Diagnostic::error("E0221", format!("`kill` is not possible on {target}"))
        .label(span, "these events are not in the context of the process any more")
        .help("use `alert`")
}

/// E0222: kinds and events in one rule.
pub(crate) fn mixed_worlds(span: Span) -> Diagnostic {
    Diagnostic::error("E0222", "a rule is on kinds or on events, not on both")
        .label(span, "mixes both")
        .help("write two rules; a `define` can hold what they share")
}

/// E0222: operations of an event.
pub(crate) fn event_with_operations(span: Span, event: &str) -> Diagnostic {
    Diagnostic::error("E0222", format!("`{event}` is an event: it has no subresources or operations"))
        .label(span, "remove what follows the name")
}

/// E0222: a mutation of an event.
pub(crate) fn mutate_on_event(span: Span, target: &str) -> Diagnostic {
    Diagnostic::error("E0222", format!("{target} cannot be mutated")).label(span, "only Kubernetes kinds can")
}

/// E0222: a step on a kind.
pub(crate) fn step_on_kind(span: Span, target: &str) -> Diagnostic {
    Diagnostic::error("E0222", format!("`{target}` is no event")).label(span, "correlations are about events")
}

/// E0223: a define used where its target is not.
pub(crate) fn define_on_other_target(span: Span, on: Span, missing: &[String], target: &str) -> Diagnostic {
    Diagnostic::error("E0223", format!("this define is not for {target}"))
        .label(span, format!("used on {}", missing.join(", ")))
        .label(on, "made for this")
}

/// E0223: a define without a target that uses one with a target.
pub(crate) fn define_needs_target(name: &Name, on: Span) -> Diagnostic {
    Diagnostic::error("E0223", format!("`{}` needs a target, and this define has none", name.text))
        .label(name.span, "used here")
        .label(on, "made for this")
        .help("give this define the same `on ..`")
}

/// E0224: a rule that decides nothing.
pub(crate) fn no_verdict(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0224", format!("`{name}` decides nothing"))
        .label(span, "has no deny, warn, audit, alert or kill")
}

/// E0225: a place that a mutation cannot write.
pub(crate) fn bad_place(span: Span) -> Diagnostic {
    Diagnostic::error("E0225", "a mutation writes fields of the object")
        .label(span, "not a path from `object`, `pod` or a `for` name to a field of the API")
}

/// E0225: a loop over what is not in the object.
pub(crate) fn mutate_range(span: Span) -> Diagnostic {
    Diagnostic::error("E0225", "a mutation goes through lists of the object")
        .label(span, "not a list in the object")
}

/// E0225: `add` to what is no list.
pub(crate) fn add_needs_list(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error("E0225", "`add` adds an element to a list").label(span, format!("this is a `{ty}`"))
}

/// E0225: whole records are not written.
pub(crate) fn record_value(span: Span) -> Diagnostic {
    Diagnostic::error("E0225", "a mutation writes values, not whole records")
        .label(span, "write its fields one by one")
}

/// E0226: two mutations that fight.
pub(crate) fn conflicting_mutations(
    second: Span,
    first: Span,
    second_name: &str,
    first_name: &str,
    place: &str,
) -> Diagnostic {
    Diagnostic::error("E0226", format!("`{first_name}` and `{second_name}` write `{place}` differently"))
        .label(second, "this one")
        .label(first, "and this one")
        .help("make one of them a `default`, or let their `where` clauses exclude each other")
}

/// E0227: an overwrite that would change the object again and again.
pub(crate) fn overwrite_reads_itself(span: Span) -> Diagnostic {
    Diagnostic::error("E0227", "this value is computed from the field that it overwrites")
        .label(span, "applied again, it could give something else")
        .help("mutations must be idempotent: the API server may call them more than once")
}

/// E0228: an exception without something it needs.
pub(crate) fn exception_lacks(span: Span, name: &str, what: &[&str]) -> Diagnostic {
    let why = match what.first().copied() {
        Some("where") => "without a condition it would switch the rule off",
        Some("reason") => "whoever reads it later must know why",
        _ => "somebody must answer for it",
    };
    Diagnostic::error("E0228", format!("the exception `{name}` has no {}", all_of(what))).label(span, why)
}

/// "`where`, `reason` and `owner`"
fn all_of(words: &[&str]) -> String {
    super::choices(words.iter().copied()).replace(" or ", " and ")
}

/// E0229: an exception that names too little.
pub(crate) fn exception_does_not_pin(span: Span, name: &str, paths: &[&str]) -> Diagnostic {
    let first = paths.first().copied().unwrap_or_default();
    Diagnostic::error("E0229", format!("the exception `{name}` does not say which {}", all_of(paths)))
        .label(span, "the rule's `exceptions need` wants a condition on each of them")
        .help(format!("add `{first} == ..` (or in, under, like, matches) with `and`"))
}

/// E0230: a correlation that lacks a part.
pub(crate) fn correlate_lacks(span: Span, name: &str, what: &[&str]) -> Diagnostic {
    let write = match what.first().copied().unwrap_or_default() {
        "within" => "write `within 1m by container.id`: in which time, by which key",
        "step" => "write `step name on exec when ..`: what is looked for",
        _ => "write `alert message \"..\"`: what is said",
    };
    Diagnostic::error("E0230", format!("the correlation `{name}` has no {}", all_of(what))).label(span, write)
}

/// E0230: a count that makes no sense.
pub(crate) fn count_out_of_range(span: Span, value: i64) -> Diagnostic {
    Diagnostic::error("E0230", format!("`at_least {value}` is out of range"))
        .label(span, "1 to 10000: so many events are kept per key")
}

/// E0231: a test without input or expectation.
pub(crate) fn test_lacks(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error("E0231", format!("this test has no `{what}`")).label(span, "it could not fail")
}

/// E0302: two tests of one law.
pub(crate) fn test_twice(span: Span) -> Diagnostic {
    Diagnostic::error("E0302", "this rule has two tests of this name").label(span, "again here")
}

/// E0232: `kind Name from` names something else than its file.
pub(crate) fn kind_not_in_file(name: &Name, found: &[String]) -> Diagnostic {
    Diagnostic::error("E0232", format!("that file defines no kind `{}`", name.text)).label(
        name.span,
        match super::nearest(&name.text, found.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it defines {}", super::choices(found.iter().map(String::as_str))),
        },
    )
}
