//! E02xx: types.

use kpol_grammar::{ast::Name, diagnostic::Diagnostic, span::Span};
use kpol_vm::{
    scalar::ScalarError,
    types::{Record, Type},
};

use super::{a, choices, nearest};

/// E0201: a record has no such field.
pub(crate) fn unknown_field(name: &Name, record: &Record, low: u32, high: u32) -> Diagnostic {
    let shown = record.name.as_str();
    let diagnostic = Diagnostic::error("E0201", format!("{shown} has no field `{}`", name.text));
    let origin = if record.origin.is_empty() {
        None
    } else if record.origin.contains('/') {
        Some(format!("{shown}: {}, Kubernetes 1.{low} to 1.{high}", record.origin))
    } else {
        Some(format!("{shown}: {}", record.origin))
    };
    let diagnostic = match nearest(&name.text, record.fields.iter().map(|field| field.name.as_str())) {
        Some(near) => diagnostic.label(name.span, format!("did you mean `{near}`?")).fix(name.span, near),
        None => diagnostic.label(name.span, "no such field").help(format!(
            "its fields are {}",
            choices(record.fields.iter().map(|field| field.name.as_str()))
        )),
    };
    let diagnostic = match (shown, name.text.as_str()) {
        ("Workload", "spec") => diagnostic.help("`pod` is the pod template of every workload: `pod.spec`"),
        _ => diagnostic,
    };
    match origin {
        Some(origin) => diagnostic.note(origin),
        None => diagnostic,
    }
}

/// E0201: what has no fields at all.
pub(crate) fn no_fields(name: &Name, ty: &str) -> Diagnostic {
    Diagnostic::error("E0201", format!("a `{ty}` has no field `{}`", name.text))
        .label(name.span, format!("the value before the dot is a `{ty}`"))
}

/// E0201: the fields are the elements'.
pub(crate) fn list_field(name: &Name, ty: &str) -> Diagnostic {
    Diagnostic::error("E0201", format!("a `{ty}` has no field `{}`", name.text))
        .label(name.span, "its elements may have it")
        .help(format!(
            "`for x in .. {{ .. }}` or `any x in .. {{ x.{} == .. }}` looks at each element",
            name.text
        ))
}

/// E0201: a key of a map is written in brackets.
pub(crate) fn map_field(name: &Name, span: Span) -> Diagnostic {
    let dot = Span::new(span.file, name.span.start.saturating_sub(1), name.span.end);
    Diagnostic::error("E0201", format!("keys of a map are written in brackets: `[\"{}\"]`", name.text))
        .label(name.span, "this is a key, not a field")
        .fix(dot, format!("[\"{}\"]", name.text))
}

/// E0201: a field that no object has.
pub(crate) fn computed_field(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0201", format!("`{name}` is no field of the API, an object cannot have it"))
        .label(span, "kpol computes it from other fields")
        .help("give the fields that it is made of, such as `containers` and `initContainers`")
}

/// E0202: no such type.
pub(crate) fn unknown_type<'k>(span: Span, name: &str, known: impl Iterator<Item = &'k str>) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0202", format!("there is no type `{name}`"));
    match nearest(name, known) {
        Some(near) => diagnostic.label(span, format!("did you mean `{near}`?")).fix(span, near),
        None => diagnostic.label(span, "unknown type").help(
            "types are bool int string duration time quantity semver ip cidr port path image image_prefix host \
             host_pattern capability glob regex dyn, list<T>, set<T>, map<string, T> and the kinds of Kubernetes",
        ),
    }
}

/// E0202: the wrong number of type arguments.
pub(crate) fn type_args(span: Span, name: &str, given: usize) -> Diagnostic {
    let shape = match name {
        "map" => "map<string, T>".to_owned(),
        "list" | "set" => format!("{name}<T>"),
        other => format!("`{other}`, without `<..>`"),
    };
    Diagnostic::error("E0202", format!("`{name}` does not take {given} type arguments"))
        .label(span, format!("write {shape}"))
}

/// E0202: keys are text.
pub(crate) fn map_key(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error("E0202", "the keys of a map are strings").label(span, format!("this is `{ty}`"))
}

/// E0202: elements are never absent.
pub(crate) fn optional_element(span: Span) -> Diagnostic {
    Diagnostic::error("E0202", "elements are never absent").label(span, "remove the `?`")
}

/// E0202: sets hold values that compare.
pub(crate) fn set_of_records(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0202", format!("a set cannot hold `{name}`"))
        .label(span, "parts of an object are never equal")
        .help(format!("write `list<{name}>`"))
}

/// E0202: params and lets hold no objects.
pub(crate) fn record_type_here(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error("E0202", format!("a `{name}` cannot be a param or a constant"))
        .label(span, "objects come from the input only")
        .help("a `define` may take one: `define is_shell(p: process) = ..`; for free-form values use `dyn`")
}

/// E0203: the two sides never compare.
pub(crate) fn incomparable(op: Span, lhs: (Span, &str), rhs: (Span, &str)) -> Diagnostic {
    if lhs.1 == rhs.1 {
        return Diagnostic::error("E0203", format!("two of `{}` are never compared as a whole", lhs.1))
            .label(op, "compares parts of an object")
            .help(
                "compare their fields: `a.name == b.name`, `[x.name for x in xs]`; `empty(xs)` asks for none",
            );
    }
    Diagnostic::error("E0203", "these two values can never be equal")
        .label(op, "compares two different types")
        .label(lhs.0, format!("this is {}", a(lhs.1)))
        .label(rhs.0, format!("this is {}", a(rhs.1)))
        .help("compare values of one type, or convert one side first")
}

/// E0203: not ordered.
pub(crate) fn not_ordered(op: Span, lhs: (Span, &str), rhs: (Span, &str)) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0203", "these two values have no order")
        .label(op, "compares numbers, quantities, durations, times or versions")
        .label(lhs.0, format!("this is {}", a(lhs.1)))
        .label(rhs.0, format!("this is {}", a(rhs.1)));
    if lhs.1 == "string" || rhs.1 == "string" {
        return diagnostic.help("say what the text is: `int(x)`, `quantity(x)`, `semver(x)`, `time(x)`");
    }
    diagnostic
}

/// E0203: never a member.
pub(crate) fn never_a_member(op: Span, lhs: (Span, &str), rhs: (Span, &str)) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0203", "this can never be a member")
        .label(op, "looks for a value in a list or set")
        .label(lhs.0, format!("this is {}", a(lhs.1)))
        .label(rhs.0, format!("this is {}", a(rhs.1)));
    match rhs.1 {
        "string" => diagnostic.help("for a part of a text write `text contains \"part\"`"),
        "cidr" => diagnostic.help("for one block write `ip under block`"),
        "list<image_prefix>" | "set<image_prefix>" => {
            diagnostic.help("whether an image begins with one of them is `image under prefixes`")
        }
        _ => diagnostic,
    }
}

/// E0204: an operand of the wrong type.
pub(crate) fn bad_operand(span: Span, op: &str, ty: &str, optional: bool, wanted: &str) -> Diagnostic {
    let maybe = if optional { " that may be absent" } else { "" };
    Diagnostic::error("E0204", format!("`{op}` does not take a `{ty}`{maybe} here"))
        .label(span, format!("`{op}` wants {wanted}"))
}

/// E0204: a string where a regex is wanted.
pub(crate) fn regex_as_string(span: Span) -> Diagnostic {
    let before = Span::new(span.file, span.start, span.start);
    Diagnostic::error("E0204", "`matches` wants a regular expression")
        .label(span, "write re\"..\"; in a plain string `\\` and `\"` mean something else")
        .fix(before, "re")
}

/// E0204: arithmetic on what has none.
pub(crate) fn no_arithmetic(op: Span, word: &str, lhs: &str, rhs: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0204", format!("`{lhs}` {word} `{rhs}` has no meaning"))
        .label(op, "works on ints, quantities, durations, times, and on lists and sets of one type");
    if lhs == "string" && rhs == "string" && word == "+" {
        return diagnostic
            .help("a message joins texts: \"{a}-{b}\"; several become one with `join([a, b], \"-\")`");
    }
    diagnostic
}

/// E0204: cannot be indexed.
pub(crate) fn cannot_index(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error("E0204", format!("a `{ty}` has no elements to pick by `[..]`"))
        .label(span, "only lists and maps")
}

/// E0204: a record where a value is wanted.
pub(crate) fn record_argument(span: Span, ty: &str) -> Diagnostic {
    Diagnostic::error("E0204", format!("a `{ty}` is no single value")).label(span, "name one of its fields")
}

/// E0204: lists whose elements belong to different objects.
pub(crate) fn lists_of_different_objects(op: Span) -> Diagnostic {
    Diagnostic::error("E0204", "these lists hold parts of different objects")
        .label(op, "cannot be joined")
        .help("join values instead: `[x.name for x in a] + [x.name for x in b]`")
}

/// E0205: another type is wanted.
pub(crate) fn wrong_type(span: Span, wanted: &str, found: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0205", format!("expected `{wanted}`, found `{found}`"))
        .label(span, format!("this is `{found}`"));
    match (wanted, found) {
        ("string", "dyn") => diagnostic.help("`string(x)` gives the text, or absent if it is none"),
        ("int", "dyn" | "string") => diagnostic.help("`int(x)` gives the number, or absent if it is none"),
        ("image", "string") => diagnostic.help("`image(x)` reads a text as an image reference"),
        ("path", "string") => diagnostic.help("`path(x)` reads a text as a path"),
        _ => diagnostic,
    }
}

/// E0205: a literal of another form.
pub(crate) fn wrong_literal(span: Span, wanted: &str, found: &str) -> Diagnostic {
    Diagnostic::error("E0205", format!("expected `{wanted}`, found `{found}`"))
        .label(span, format!("this is {}", a(found)))
}

/// E0205: what events are grouped or told apart by.
pub(crate) fn not_a_key(span: Span, what: &str, ty: &str) -> Diagnostic {
    Diagnostic::error("E0205", format!("{what} must be one value, this is {}", a(ty)))
        .label(span, "name one of its fields")
}

/// E0205: both branches of an `if` need one type.
pub(crate) fn branches_differ(span: Span, then: &str, otherwise: &str) -> Diagnostic {
    Diagnostic::error("E0205", format!("`then` gives `{then}`, `else` gives `{otherwise}`"))
        .label(span, "both branches must give the same type")
}

/// E0205: a condition is a bool.
pub(crate) fn not_a_condition(span: Span, ty: &str, optional: bool) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0205", format!("a condition must be a `bool`, this is {}", a(ty)))
        .label(span, format!("this is {}", a(ty)));
    if optional { diagnostic.help("to ask whether it is set, write `has ..`") } else { diagnostic }
}

/// E0206: arithmetic needs values (law 5).
pub(crate) fn optional_arithmetic(span: Span, op: &str) -> Diagnostic {
    Diagnostic::error("E0206", format!("`{op}` on a value that may not be set"))
        .label(span, "may be absent")
        .help("say what counts when it is not set: `(.. ?? 0)`")
}

/// E0207: a literal that is no value of its type.
pub(crate) fn bad_literal(span: Span, text: &str, ty: &Type, error: &ScalarError) -> Diagnostic {
    // The error's place lies inside the text; the literal's quote comes before it. Where escapes or prefixes shift
    // it, the whole literal is shown.
    let length = span.end.saturating_sub(span.start) as usize;
    let (quoted, plain) = (length == text.len() + 2, length == text.len());
    let regex = *ty == Type::Regex && length == text.len() + 4;
    let (from, to) = (error.at.start as u32, error.at.end.max(error.at.start + 1) as u32);
    let place = match (quoted, plain) {
        _ if regex => Span::new(span.file, span.start + 3 + from, (span.start + 3 + to).min(span.end - 1)),
        (true, _) => Span::new(span.file, span.start + 1 + from, (span.start + 1 + to).min(span.end - 1)),
        (false, true) => Span::new(span.file, span.start + from, (span.start + to).min(span.end)),
        (false, false) => span,
    };
    let place = if place.start < place.end { place } else { span };
    let diagnostic =
        Diagnostic::error("E0207", format!("`{text}` is not a valid `{ty}`")).label(place, &error.message);
    match &error.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// E0207: ports are 16 bits.
pub(crate) fn bad_port(span: Span, value: i64) -> Diagnostic {
    Diagnostic::error("E0207", format!("`{value}` is not a valid `port`")).label(span, "ports are 0 to 65535")
}

/// E0208: milli or minutes?
pub(crate) fn ambiguous_unit(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error("E0208", format!("`{text}` can be milli-units or minutes"))
        .label(span, "nothing here says which")
        .help(format!("give the name a type: `let x: quantity = {text}` or `let x: duration = {text}`"))
}

/// E0209: a field that the oldest supported cluster does not have.
pub(crate) fn field_too_new(name: &Name, record: &str, since: u32, low: u32, high: u32) -> Diagnostic {
    Diagnostic::error("E0209", format!("{record} has `{}` only from Kubernetes 1.{since} on", name.text))
        .label(name.span, format!("this policy is for 1.{low} to 1.{high}"))
        .help(format!(
            "raise `kubernetes` in kpol.toml, or guard it: `cluster.version >= \"1.{since}\" and ..`"
        ))
}

/// E0209: a field that the newest supported cluster has no more.
pub(crate) fn field_gone(name: &Name, record: &str, until: u32, low: u32, high: u32) -> Diagnostic {
    Diagnostic::error("E0209", format!("{record} has `{}` only up to Kubernetes 1.{until}", name.text))
        .label(name.span, format!("this policy is for 1.{low} to 1.{high}"))
}

/// E0209: a kind that not every supported cluster serves.
pub(crate) fn kind_outside_range(
    span: Span,
    kind: &str,
    since: Option<u32>,
    until: Option<u32>,
    range: (u32, u32),
) -> Diagnostic {
    let when = match (since, until) {
        (Some(since), _) if since > range.0 => format!("only from Kubernetes 1.{since} on"),
        (_, Some(until)) => format!("only up to Kubernetes 1.{until}"),
        _ => "not always".to_owned(),
    };
    Diagnostic::error("E0209", format!("`{kind}` exists {when}"))
        .label(span, format!("this policy is for 1.{} to 1.{}", range.0, range.1))
        .help("narrow `kubernetes` in kpol.toml to the clusters that this policy is for")
}

/// E0210: a root that other events have.
pub(crate) fn event_has_no_root(name: &Name, event: &str, events: &[&str]) -> Diagnostic {
    Diagnostic::error("E0210", format!("events of \"{event}\" have no \"{}\"", name.text))
        .label(name.span, "not part of this event")
        .help(format!("these have: {}", events.join(", ")))
}

/// E0211: nothing to go through.
pub(crate) fn not_iterable(span: Span, ty: &str, is_map: bool) -> Diagnostic {
    let diagnostic = Diagnostic::error("E0211", format!("a `{ty}` has no elements to go through"))
        .label(span, "not a list or set");
    if is_map { diagnostic.help("go through `keys(..)` or `values(..)` of it") } else { diagnostic }
}

/// E0212: the wrong number of arguments.
pub(crate) fn argument_count(
    span: Span,
    name: &str,
    signature: &str,
    wanted: usize,
    given: usize,
) -> Diagnostic {
    let plural = if wanted == 1 { "" } else { "s" };
    Diagnostic::error("E0212", format!("`{name}` takes {wanted} argument{plural}, {given} given"))
        .label(span, "called here")
        .note(signature)
}

/// E0212: a define with parameters, used without.
pub(crate) fn define_needs_arguments(name: &Name, count: usize) -> Diagnostic {
    let plural = if count == 1 { "" } else { "s" };
    Diagnostic::error("E0212", format!("`{}` needs {count} argument{plural}", name.text))
        .label(name.span, format!("write `{}(..)`", name.text))
}

/// E0213: not a function.
pub(crate) fn not_callable(span: Span) -> Diagnostic {
    Diagnostic::error("E0213", "only builtins and defines can be called").label(span, "this is neither")
}

/// E0213: a declaration that takes no arguments.
pub(crate) fn not_a_function(name: &Name) -> Diagnostic {
    Diagnostic::error("E0213", format!("`{}` takes no arguments", name.text))
        .label(name.span, "not a function")
}

/// E0214: `has` asks about a path.
pub(crate) fn has_needs_path(span: Span) -> Diagnostic {
    Diagnostic::error("E0214", "`has` asks whether a field is set")
        .label(span, "this is no field, key or name")
}

/// E0215: nothing prints it.
pub(crate) fn unprintable(span: Span, record: &str) -> Diagnostic {
    Diagnostic::error("E0215", format!("a `{record}` cannot be printed"))
        .label(span, "name one of its fields")
}

/// E0216: a param's value must be known before any input.
pub(crate) fn not_constant(span: Span) -> Diagnostic {
    Diagnostic::error("E0216", "this value must be a constant").label(span, "depends on something else")
}
