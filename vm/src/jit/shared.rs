//! Conditions that rules or binds have in common: compiled once, evaluated once per input.
//!
//! ```text
//! rule a { where not windows … }  ┐
//! rule b { where not windows … }  ├──▶ one function, one answer per input
//! bind … { where namespace is prod } (a condition per rule) ┘
//! ```
//!
//! Two conditions are one if their plans are: the same facts at the same offsets, asked the same with the same constants.
//! What `interp` would have to evaluate is compared with nothing, because it may mean another rule's locals and params.

use std::fmt::Write as _;

use super::{plan::Plan, text::TextTest};

/// What a plan is, as a text: equal for plans that are equal. `None` if it may mean something else elsewhere.
pub(super) fn key(plan: &Plan, needs: &[usize]) -> Option<String> {
    if !plan.sites.is_empty() || !plan.calls.is_empty() || !plan.minuses.is_empty() {
        return None;
    }
    let mut text = String::new();
    write!(text, "{needs:?} {:?} {:?}", plan.steps, plan.pairs).ok()?;
    for test in &plan.tests {
        text.push(' ');
        text.push_str(&test_key(test));
    }
    Some(with_locals_numbered(&text))
}

/// What a test is, as a text: equal for tests that are equal.
pub(super) fn test_key(test: &TextTest) -> String {
    match test {
        // A set has no order of its own.
        TextTest::OneOf(ty, texts) => {
            let mut texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
            texts.sort_unstable();
            format!("{ty:?} {texts:?}")
        }
        TextTest::Member { .. }
        | TextTest::Under(..)
        | TextTest::Like(..)
        | TextTest::Matches(_)
        | TextTest::Text(..)
        | TextTest::Order(..)
        | TextTest::Equal(..) => format!("{test:?}"),
    }
}

/// Whether asking for an answer that is there already is cheaper than evaluating the plan again: it has a loop or a call, or
/// is long.
pub(super) fn is_worth_sharing(plan: &Plan) -> bool {
    const FEW_STEPS: u64 = 16;
    !plan.tests.is_empty() || !plan.pairs.is_empty() || plan.bound.has_loops() || plan.cost.steps > FEW_STEPS
}

/// The text with its locals numbered as they appear: rules number theirs differently. What stands in quotes is a constant.
fn with_locals_numbered(text: &str) -> String {
    const LOCAL: &str = "LocalId(";
    let mut seen: Vec<&str> = Vec::new();
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut quoted) = (text, false);
    while let Some(c) = rest.chars().next() {
        if !quoted
            && let Some((number, behind)) = rest.strip_prefix(LOCAL).and_then(|rest| rest.split_once(')'))
        {
            let known = seen.iter().position(|other| *other == number);
            let place = known.unwrap_or_else(|| {
                seen.push(number);
                seen.len() - 1
            });
            let _ = write!(out, "#{place}");
            rest = behind;
            continue;
        }
        let mut taken = c.len_utf8();
        match c {
            '"' => quoted = !quoted,
            // An escaped quote does not end a constant.
            '\\' if quoted => taken += rest.chars().nth(1).map_or(0, char::len_utf8),
            _ => {}
        }
        let (this, behind) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        out.push_str(this);
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locals_are_numbered_as_they_appear_and_constants_stay() {
        let of = with_locals_numbered;
        assert_eq!(of("LocalId(7) LocalId(2) LocalId(7)"), "#0 #1 #0");
        assert_eq!(of("LocalId(3) x"), of("LocalId(9) x"));
        assert_ne!(of(r#"Is("LocalId(3)")"#), of(r#"Is("LocalId(4)")"#));
        assert_ne!(of(r#"Is("\"LocalId(3)")"#), of(r#"Is("\"LocalId(4)")"#));
    }
}
