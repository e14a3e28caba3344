//! Parts of a policy in words: targets, constants, what benchmarks call a control.

use kpol_grammar::ast;
use kpol_stdlib::{catalog::Catalog, controls::Control};
use kpol_vm::{
    ir::{Const, Mode, Severity, Target, Verb},
    json::Json,
};

/// `Critical`.
pub(crate) fn severity(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Critical) => "Critical",
        Some(Severity::High) => "High",
        Some(Severity::Medium) => "Medium",
        Some(Severity::Low) => "Low",
        None => "Unrated",
    }
}

/// From the worst on.
pub(crate) const SEVERITIES: [Option<Severity>; 5] =
    [Some(Severity::Critical), Some(Severity::High), Some(Severity::Medium), Some(Severity::Low), None];

/// `deny`.
pub(crate) fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Deny => "deny",
        Verb::Warn => "warn",
        Verb::Audit => "audit",
        Verb::Alert => "alert",
        Verb::Kill => "kill",
    }
}

/// The verb of the syntax tree as the one of the module.
pub(crate) fn verb_of(verb: ast::Verb) -> Verb {
    match verb {
        ast::Verb::Deny => Verb::Deny,
        ast::Verb::Warn => Verb::Warn,
        ast::Verb::Audit => Verb::Audit,
        ast::Verb::Alert => Verb::Alert,
        ast::Verb::Kill => Verb::Kill,
    }
}

/// `deny`.
pub(crate) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Dryrun => "dryrun",
        Mode::Warn => "warn",
        Mode::Deny => "deny",
        Mode::Alert => "alert",
        Mode::Enforce => "enforce",
    }
}

/// Where a rule applies: `Pods and everything with a pod template, also ephemeral containers; on create and update`.
/// Targets with the same operations are said together. Backticks are code.
pub(crate) fn targets(on: &ast::On, lowered: &[Target], catalog: &Catalog) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for target in &on.targets {
        let name = path(&target.path);
        if let Some(event) = catalog.event(&name) {
            let first = event.doc.split_inclusive('.').next().unwrap_or_default();
            parts.push(format!("Event `{name}`: {}", lower_first(first.trim_end_matches('.').trim())));
            continue;
        }
        let (what, default) = kind_words(target, &name);
        let written: Vec<&str> = target.operations.iter().map(|operation| operation.text.as_str()).collect();
        let operations = and(if written.is_empty() { default } else { &written });
        match groups.iter_mut().find(|(known, _)| *known == operations) {
            Some((_, kinds)) => kinds.push(what),
            None => groups.push((operations, vec![what])),
        }
    }
    parts.extend(groups.into_iter().map(|(operations, kinds)| format!("{}; on {operations}", and(&kinds))));
    let ephemeral = lowered.iter().any(
        |target| matches!(target, Target::Kind { subresource: Some(sub), .. } if sub == "ephemeralcontainers"),
    );
    let written = on.targets.iter().any(|target| target.subresource.is_some());
    if ephemeral && !written {
        parts.push("Also when an ephemeral container is added to a pod".to_owned());
    }
    parts.join(". ")
}

/// A kind in words, and the operations that are meant if none is written.
fn kind_words(target: &ast::Target, name: &str) -> (String, &'static [&'static str]) {
    match &target.subresource {
        Some(sub) if ["exec", "attach", "portforward", "proxy"].contains(&sub.text.as_str()) => {
            (format!("`{name}/{}`", sub.text), &["connect"])
        }
        Some(sub) => (format!("`{name}/{}`", sub.text), &["create", "update"]),
        None if name == "Workload" => {
            ("Pods and everything with a pod template".to_owned(), &["create", "update"])
        }
        None => (format!("`{name}`"), &["create", "update"]),
    }
}

/// `a, b and c`.
pub(crate) fn and<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// `1 rule`, `2 rules`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Names joined by dots.
pub(crate) fn path(path: &ast::Path) -> String {
    path.names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let word_goes_on_small =
        chars.clone().next().is_some_and(|second| second.is_lowercase() || second == ' ');
    if word_goes_on_small { first.to_lowercase().chain(chars).collect() } else { text.to_owned() }
}

/// A constant as an author writes it.
pub(crate) fn constant(value: &Const) -> String {
    match value {
        Const::Absent => "(not set)".to_owned(),
        Const::Bool(value) => value.to_string(),
        Const::Int(value) => value.to_string(),
        Const::Text(text) => Json::Str(text.clone()).to_string(),
        Const::Quantity(value) => value.to_string(),
        Const::Duration(value) => value.to_string(),
        Const::Time(value) => value.to_string(),
        Const::Version(value) => format!("\"{value}\""),
        Const::Ip(value) => format!("\"{value}\""),
        Const::Cidr(value) => format!("\"{value}\""),
        Const::List(items) => format!("[{}]", items.iter().map(constant).collect::<Vec<_>>().join(", ")),
        Const::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", Json::Str(key.clone()), constant(value)))
                .collect::<Vec<_>>();
            format!("{{{}}}", entries.join(", "))
        }
        Const::Dyn(json) => json.clone(),
    }
}

/// What benchmark versions call a control, newest first; versions in a row that agree are one entry:
/// `("CIS 1.23 to 1.12", "5.2.2")`.
pub(crate) fn numbers(control: &Control) -> Vec<(String, &'static str)> {
    let mut runs: Vec<(&str, &str, &str, &'static str)> = Vec::new();
    for (benchmark, number) in &control.numbers {
        let (family, version) = benchmark.split_once('-').unwrap_or((benchmark, ""));
        match runs.last_mut() {
            Some((known, _, last, same)) if *known == family && same == number => *last = version,
            _ => runs.push((family, version, version, number)),
        }
    }
    let is_other = |run: &(&str, &str, &str, &str)| run.0 != "cis";
    let (others, mut own): (Vec<_>, Vec<_>) = runs.into_iter().partition(is_other);
    own.reverse();
    own.into_iter()
        .chain(others)
        .map(|(family, first, last, number)| (versions(family, first, last), number))
        .collect()
}

/// `CIS 1.5 to 1.20`, `EKS 1.5`.
pub(crate) fn versions(family: &str, first: &str, last: &str) -> String {
    let family = family.to_uppercase();
    match (first.is_empty(), first == last) {
        (true, _) => family,
        (false, true) => format!("{family} {first}"),
        (false, false) => format!("{family} {first} to {last}"),
    }
}

/// Whether a text is a link that a browser may follow.
pub(crate) fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.chars().any(|c| c.is_whitespace() || c.is_control()))
}

#[cfg(test)]
mod tests {
    use kpol_stdlib::controls;

    use super::*;

    #[test]
    fn versions_in_a_row_that_agree_are_one_entry() {
        let control = controls::control("cis.pod.privileged").unwrap();
        let all = numbers(control);
        let all: Vec<_> = all.iter().map(|(versions, number)| (versions.as_str(), *number)).collect();
        let want = [
            ("CIS 1.23 to 1.12", "5.2.2"),
            ("CIS 1.5 to 1.20", "5.2.1"),
            ("EKS 1.5", "4.2.1"),
            ("AKS 1.8", "4.2.1"),
        ];
        assert_eq!(all, want);
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert!(is_link("https://kubernetes.io/docs"));
        for text in
            ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "https://", "https://a b", "//x", ""]
        {
            assert!(!is_link(text), "{text}");
        }
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([0, 999, 1000, 1234567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn lists_end_with_and() {
        assert_eq!(and::<&str>(&[]), "");
        assert_eq!(and(&["a"]), "a");
        assert_eq!(and(&["a", "b", "c"]), "a, b and c");
    }
}
