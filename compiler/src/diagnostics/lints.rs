//! W02xx: probably a mistake. Notes: what is true and worth knowing.

use kpol_grammar::{
    diagnostic::{Diagnostic, Severity},
    span::Span,
};

/// W0201: `??` on what is always there.
pub(crate) fn needless_default(op: Span, lhs: Span, rhs: Span, default: Option<&str>) -> Diagnostic {
    let diagnostic = Diagnostic::warning("W0201", "`??` on a value that is always there")
        .label(op, "never used")
        .fix(Span::new(lhs.file, lhs.end, rhs.end), "");
    match default {
        Some(default) => diagnostic.label(lhs, format!("not set means {default} to Kubernetes")),
        None => diagnostic.label(lhs, "never absent"),
    }
}

/// W0202: `has` on what is always there.
pub(crate) fn always_there(span: Span, through_let: bool) -> Diagnostic {
    let diagnostic = Diagnostic::warning("W0202", "this `has` is always true").label(span, "never absent");
    if through_let {
        return diagnostic.help(
            "a `let` holds the effective value; to ask whether the field was written, name the field itself",
        );
    }
    diagnostic
}

/// W0203: absence opens the door.
pub(crate) fn absent_passes(span: Span, leaf: &str, field: &str, path: &str) -> Diagnostic {
    let who = if path.contains("ontainers[]") { "a container" } else { "an object" };
    Diagnostic::warning("W0203", format!("this rule lets {who} through when `{leaf}` is not set"))
        .label(span, "may be not set; then nothing denies")
        .help(format!("to deny then as well, say what not set counts as: `({field} ?? ..)`"))
        .help(format!("to say that not set is fine: `has {field} and ..`"))
}

/// W0204: an import that nothing uses.
pub(crate) fn unused_import(span: Span, name: &str) -> Diagnostic {
    Diagnostic::warning("W0204", format!("`{name}` is used nowhere in this file")).label(span, "unused")
}

/// W0205: a declaration that nothing uses.
pub(crate) fn unused_name(span: Span, what: &str, name: &str) -> Diagnostic {
    Diagnostic::warning("W0205", format!("the {what} `{name}` is used nowhere")).label(span, "unused")
}

/// Whether a diagnostic complains about what is missing or unused, which another mistake may explain.
pub(crate) fn is_about_unused(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.code, "E0311" | "E0224" | "E0228" | "E0230" | "E0231")
}

/// W0206: a condition that no input changes.
pub(crate) fn constant_condition(span: Span, value: bool) -> Diagnostic {
    Diagnostic::warning("W0206", format!("this condition is always {value}"))
        .label(span, "no input changes it")
}

/// W0207: a text prefix on an image.
pub(crate) fn prefix_on_image(op: Span, rhs: Span) -> Diagnostic {
    Diagnostic::warning("W0207", "a text prefix of an image also matches other registries")
        .label(op, "write `under`")
        .label(rhs, "\"registry.acme.io\" is also a prefix of registry.acme.io.evil.example")
        .fix(op, "under")
}

/// W0207: a text prefix on a path.
pub(crate) fn prefix_on_path(op: Span, rhs: Span) -> Diagnostic {
    Diagnostic::warning("W0207", "a text prefix of a path also matches its neighbours")
        .label(op, "write `under`")
        .label(rhs, "\"/etc\" is also a prefix of /etcetera")
        .fix(op, "under")
}

/// W0208: an exception that has ended.
pub(crate) fn exception_expired(span: Span, name: &str, until: &str, today: &str) -> Diagnostic {
    Diagnostic::warning("W0208", format!("the exception `{name}` ended on {until}"))
        .label(span, format!("today is {today}; it excepts nothing any more"))
        .help("remove it, or let its owner renew it")
}

/// W0209: an exception that can never hold.
pub(crate) fn exception_never_matches(span: Span, name: &str) -> Diagnostic {
    Diagnostic::warning("W0209", format!("the exception `{name}` can never match"))
        .label(span, "its condition contradicts itself")
}

/// W0210: a suppression that suppresses nothing.
pub(crate) fn unused_allow(span: Span, code: &str) -> Diagnostic {
    Diagnostic::warning("W0210", format!("`allow: {code}` has nothing to allow here"))
        .label(span, "remove it")
}

/// E0233: a suppression without a reason.
pub(crate) fn allow_without_reason(span: Span, code: &str) -> Diagnostic {
    Diagnostic::error("E0233", format!("`allow: {code}` needs a reason"))
        .label(span, format!("write `// allow: {code} because ..`"))
}

/// N0201: accepted, not derived yet.
pub(crate) fn verify_not_derived(span: Span) -> Diagnostic {
    note("N0201", "no runtime rule is derived from `verify_at_runtime` yet")
        .label(span, "checked at admission only; the node sensor will add the other half")
}

/// N0202: checked, not run yet.
pub(crate) fn correlate_not_run(span: Span, name: &str) -> Diagnostic {
    note("N0202", format!("the correlation `{name}` is checked, but nothing runs correlations yet"))
        .label(span, "will run in the node sensor")
}

fn note(code: &'static str, message: impl Into<String>) -> Diagnostic {
    let mut diagnostic = Diagnostic::warning(code, message);
    diagnostic.severity = Severity::Note;
    diagnostic
}
