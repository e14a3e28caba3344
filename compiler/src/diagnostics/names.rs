//! E03xx: names. E04xx: limits.

use kpol_grammar::{ast::Name, diagnostic::Diagnostic, span::Span};

use super::{choices, nearest};

fn did_you_mean(diagnostic: Diagnostic, span: Span, near: Option<&str>, otherwise: &str) -> Diagnostic {
    match near {
        Some(near) => diagnostic.label(span, format!("did you mean `{near}`?")).fix(span, near),
        None => diagnostic.label(span, otherwise),
    }
}

/// E0301: nothing is called that.
pub(crate) fn unknown_name<'k>(
    name: &Name,
    known: impl Iterator<Item = &'k str>,
    is_builtin: bool,
    elsewhere: Option<&str>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0301", format!("nothing here is called `{}`", name.text));
    if let Some(package) = elsewhere {
        return diagnostic
            .label(name.span, format!("{package} has it"))
            .help(format!("take it from there: `use {package}.{{{}}}`", name.text));
    }
    if is_builtin {
        return diagnostic.label(name.span, format!("a function: write `{}(..)`", name.text));
    }
    did_you_mean(diagnostic, name.span, nearest(&name.text, known), "unknown name")
}

/// E0301: no such function.
pub(crate) fn unknown_function<'k>(name: &Name, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0301", format!("there is no function `{}`", name.text));
    did_you_mean(diagnostic, name.span, nearest(&name.text, known), "unknown function")
        .note("`kpolc explain builtins` lists them")
}

/// E0301: a package is no value.
pub(crate) fn module_is_no_value(name: &Name, package: &str) -> Diagnostic {
    Diagnostic::error("E0301", format!("`{}` is the package {package}, not a value", name.text))
        .label(name.span, format!("write `{}.` and a name from it", name.text))
}

/// E0301: a rule has no value.
pub(crate) fn no_value(name: &Name, why: &str) -> Diagnostic {
    Diagnostic::error("E0301", format!("`{}` is not a value", name.text)).label(name.span, why)
}

/// E0301: a define without a target knows no input.
pub(crate) fn root_in_bare_define(name: &Name) -> Diagnostic {
    Diagnostic::error("E0301", format!("`{}` is not known here", name.text))
        .label(name.span, "this belongs to the input of a rule")
        .help(
            "give the define a target (`define x on exec = ..`) or a parameter (`define x(p: process) = ..`)",
        )
}

/// E0302: two declarations of one name.
pub(crate) fn defined_twice(name: &Name, first: Span) -> Diagnostic {
    Diagnostic::error("E0302", format!("`{}` is declared twice in this package", name.text))
        .label(name.span, "again here")
        .label(first, "first here")
}

/// E0302: one key, two values.
pub(crate) fn written_twice(span: Span, key: &str) -> Diagnostic {
    Diagnostic::error("E0302", format!("`{key}` is written twice in this object")).label(span, "again here")
}

/// E0302: one param, two values.
pub(crate) fn with_twice(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0302", format!("`{name}` gets two values")).label(span, "again here")
}

/// E0302: one clause, twice.
pub(crate) fn said_twice(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error("E0302", format!("`{what}` is said twice")).label(span, "again here")
}

/// E0303: no such package.
pub(crate) fn unknown_package<'k>(
    span: Span,
    name: &str,
    known: impl Iterator<Item = &'k String>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0303", format!("there is no package `{name}`"));
    did_you_mean(
        diagnostic,
        span,
        nearest(name, known.map(String::as_str)),
        "not among the given files and not in the library",
    )
    .help("give kpolc the file or directory that declares it; the library's packages begin with `std.`")
}

/// E0303: a package without that name.
pub(crate) fn unknown_name_in_package<'k>(
    name: &Name,
    package: &str,
    known: impl Iterator<Item = &'k String>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0303", format!("package `{package}` has no `{}`", name.text));
    did_you_mean(diagnostic, name.span, nearest(&name.text, known.map(String::as_str)), "not declared there")
}

/// E0304: a name that hides another.
pub(crate) fn shadowed(name: &Name, earlier: Option<Span>, what: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0304", format!("`{}` already has a meaning here", name.text))
        .label(name.span, format!("would hide {what}"));
    match earlier {
        Some(earlier) => diagnostic.label(earlier, "this one"),
        None => diagnostic,
    }
}

/// E0305: a definition that needs itself.
pub(crate) fn cyclic_definition(names: &[&Name]) -> Diagnostic {
    let trail: Vec<String> = names.iter().map(|name| format!("`{}`", name.text)).collect();
    let first = trail.first().cloned().unwrap_or_default();
    let message = match trail.as_slice() {
        [_] => format!("{first} needs itself"),
        _ => format!("{first} needs itself: {} -> {first}", trail.join(" -> ")),
    };
    let mut diagnostic = Diagnostic::error("E0305", message);
    for name in names {
        diagnostic = diagnostic.label(name.span, "part of the cycle");
    }
    diagnostic
}

/// E0306: packages that use each other.
pub(crate) fn cyclic_use(span: Span, trail: &[String]) -> Diagnostic {
    let first = trail.first().map_or("", String::as_str);
    Diagnostic::error(
        "E0306",
        format!("packages use each other in a circle: {} -> {first}", trail.join(" -> ")),
    )
    .label(span, "this `use` closes the circle")
    .help("move what both need into a third package")
}

/// E0307: a file with kinds that cannot be used.
pub(crate) fn kind_file(span: Span, file: &str, why: &str) -> Diagnostic {
    Diagnostic::error("E0307", format!("cannot take kinds from \"{file}\"")).label(span, why)
}

/// E0308: no such kind or event.
pub(crate) fn unknown_target<'k>(span: Span, name: &str, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0308", format!("there is no kind or event `{name}`"));
    did_you_mean(diagnostic, span, nearest(name, known), "unknown")
        .help("for a custom resource declare it first: `kind Name from \"crd.yaml\"`")
}

/// E0308: no such subresource.
pub(crate) fn unknown_subresource<'k>(
    name: &Name,
    kind: &str,
    known: impl Iterator<Item = &'k str>,
) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let diagnostic = Diagnostic::error("E0308", format!("{kind} has no subresource `{}`", name.text));
    let near = nearest(&name.text, known.iter().copied());
    did_you_mean(diagnostic, name.span, near, &format!("it has {}", choices(known.iter().copied())))
}

/// E0309: no such rule.
pub(crate) fn unknown_rule<'k>(span: Span, name: &str, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0309", format!("there is no rule `{name}`"));
    did_you_mean(diagnostic, span, nearest(name, known), "unknown rule")
}

/// E0310: no such param.
pub(crate) fn unknown_param<'k>(name: &Name, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0310", format!("there is no param `{}`", name.text));
    did_you_mean(diagnostic, name.span, nearest(&name.text, known), "unknown param")
}

/// E0311: a `let` that nothing uses.
pub(crate) fn unused_let(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0311", format!("`{name}` is never used")).label(span, "remove it, or use it")
}

/// E0311: a parameter that nothing uses.
pub(crate) fn unused_parameter(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0311", format!("the parameter `{name}` is never used"))
        .label(span, "remove it, or use it")
}

/// E0312: a word from a list.
pub(crate) fn unknown_word<'k>(
    name: &Name,
    what: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        "E0312",
        format!("`{}` is not {} {what}", name.text, if what.starts_with('o') { "an" } else { "a" }),
    );
    let all = choices(known.clone());
    did_you_mean(diagnostic, name.span, nearest(&name.text, known), &format!("expected {all}"))
}

/// E0313: not a technique of MITRE ATT&CK.
pub(crate) fn unknown_technique<'k>(
    span: Span,
    id: &str,
    known: impl Iterator<Item = &'k str>,
) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0313", format!("MITRE ATT&CK has no technique `{id}`"));
    match nearest(id, known) {
        Some(near) => diagnostic.label(span, format!("did you mean `{near}`?")),
        None => diagnostic.label(span, "ids look like T1611 or T1059.004"),
    }
}

/// E0313: not a control of any CIS benchmark that we know.
pub(crate) fn unknown_cis(span: Span, id: &str) -> Diagnostic {
    Diagnostic::error(
        "E0313",
        format!("no CIS Kubernetes benchmark has a control `{id}` that a policy can check"),
    )
    .label(span, "numbers look like 5.2.2")
}

/// E0313: a reserved tag that names no control.
pub(crate) fn unknown_control<'k>(span: Span, tag: &str, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0313", format!("there is no control `{tag}`"))
        .note("tags that begin with pss., cis. and nsa. name controls; `kpolc explain controls` lists them");
    match nearest(tag, known) {
        Some(near) => diagnostic.label(span, format!("did you mean `{near}`?")),
        None => diagnostic.label(span, "unknown control"),
    }
}

/// E0401: more code than a rule may have.
pub(crate) fn too_big(span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error("E0401", format!("this rule has more than {limit} operations"))
        .label(span, "the limit is passed here")
        .help("defines are expanded at every use; split the rule, or use fewer defines inside each other")
}

/// E0402: a rule that can cost too much.
pub(crate) fn too_expensive(span: Span, name: &str, formula: &str, worst: u64, limit: u64) -> Diagnostic {
    Diagnostic::error(
        "E0402",
        format!("`{name}` can take {worst} steps for one object; the limit is {limit}"),
    )
    .label(span, "too expensive in the worst case")
    .note(format!("worst case: {formula}"))
    .help("loops inside loops multiply; look things up in a set instead, or lower `max_items` in kpol.toml")
}

/// E0401: deeper than any engine goes.
pub(crate) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error("E0401", "this is nested too deeply")
        .label(span, "the limit is passed here")
        .help("name parts of it with `let` or `define`; a long chain of `or` is a list and `in`")
}

/// E0401: more names than a rule may have.
pub(crate) fn too_many_names(span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error("E0401", format!("this rule has more than {limit} names"))
        .label(span, "the limit is passed here")
        .help("loops, lets and the parameters of defines count at every use; split the rule")
}

/// E0401: defines that use defines that use defines.
pub(crate) fn too_many_defines(span: Span, limit: usize) -> Diagnostic {
    Diagnostic::error("E0401", format!("more than {limit} defines and lets inside each other"))
        .label(span, "the limit is passed here")
        .help("let the outer ones say what they mean directly")
}

/// E0403: a bug of the compiler, said as one.
pub(crate) fn internal(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error("E0403", format!("the compiler cannot make this runnable: {what}"))
        .label(span, "here or in what is used here")
        .help("this is a bug of kpol, please report it; another way to write this may work")
}
