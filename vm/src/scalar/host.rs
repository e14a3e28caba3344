//! DNS names, and patterns of them.
//!
//! Names follow RFC 1123 section 2.1 (labels of letters, digits and hyphens, at most 63 bytes; a name at most 253),
//! plus `_`, which service names have (RFC 2782). They compare without ASCII case (RFC 4343), and the dot of the
//! root is nothing.
//!
//! A pattern may begin with `*.`, which stands for **one or more labels**: `*.acme.io` covers `a.acme.io` and
//! `a.b.acme.io`, and not `acme.io`. (A TLS certificate or an Ingress covers one label only; a policy that trusts
//! or refuses a domain means all of it, and a list to refuse that `a.b.` passes would be a hole.) `*` alone covers
//! every host, as `*.` below the root would.

use std::borrow::Cow;

use super::ScalarError;

/// Whether `text` is a DNS name.
///
/// # Errors
/// What is wrong, and where.
pub fn validate(text: &str) -> Result<(), ScalarError> {
    if let Some(at) = text.find('*') {
        return Err(ScalarError::new(at..at + 1, "a host is one name, without `*`")
            .with_help("a name with `*` is a `host_pattern`"));
    }
    name(text)
}

/// Whether `text` is a DNS name, `*.` and a DNS name, or `*`.
///
/// # Errors
/// What is wrong, and where.
pub fn validate_pattern(text: &str) -> Result<(), ScalarError> {
    if text == "*" {
        return Ok(());
    }
    let rest = text.strip_prefix("*.").unwrap_or(text);
    let offset = text.len() - rest.len();
    if let Some(at) = rest.find('*') {
        let at = at + offset;
        return Err(ScalarError::new(at..at + 1, "`*` stands only in front, as a whole label")
            .with_help("write `*.acme.io`, which covers every name below acme.io"));
    }
    name(rest).map_err(|error| error.shifted(offset))
}

fn name(text: &str) -> Result<(), ScalarError> {
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.is_empty() {
        return Err(ScalarError::whole(text, "a host name is missing"));
    }
    if labels.len() > 253 {
        return Err(ScalarError::whole(text, "a host name has at most 253 characters"));
    }
    let mut at = 0;
    for label in labels.split('.') {
        let whole = at..at + label.len();
        if label.is_empty() {
            return Err(ScalarError::new(whole, "a part between the dots is missing"));
        }
        if let Some((i, c)) =
            label.char_indices().find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
        {
            let error =
                ScalarError::new(at + i..at + i + c.len_utf8(), format!("a host name holds no {c:?}"));
            return Err(match c {
                '/' => error.with_help("write the name only, without scheme and path"),
                ':' => error.with_help("write the name only, without a port"),
                c if !c.is_ascii() => error.with_help("write the form with `xn--` (RFC 5891)"),
                _ => error,
            });
        }
        if label.len() > 63 {
            return Err(ScalarError::new(whole, "a part of a host name has at most 63 characters"));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(ScalarError::new(whole, "a part of a host name neither begins nor ends with `-`"));
        }
        at += label.len() + 1;
    }
    Ok(())
}

/// The name in lower case (ASCII) without the dot of the root.
#[must_use]
pub fn canonical(text: &str) -> Cow<'_, str> {
    let bare = text.trim_end_matches('.');
    if bare.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(bare.to_ascii_lowercase())
    } else {
        Cow::Borrowed(bare)
    }
}

/// Whether both are the same name.
#[must_use]
pub fn eq(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

/// Whether `pattern` covers `host`. The empty text is no host: nothing covers it.
#[must_use]
pub fn matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.trim_end_matches('.'), host.trim_end_matches('.'));
    if host.is_empty() {
        return false;
    }
    if pattern == "*" {
        return true;
    }
    let Some(domain) = pattern.strip_prefix("*.") else {
        return pattern.eq_ignore_ascii_case(host);
    };
    // At least one byte of a label, the dot, and the domain.
    let split = host.len().checked_sub(domain.len() + 1).and_then(|at| host.split_at_checked(at));
    split.is_some_and(|(labels, rest)| {
        !labels.is_empty()
            && !labels.ends_with('.')
            && !domain.is_empty()
            && rest.strip_prefix('.').is_some_and(|rest| rest.eq_ignore_ascii_case(domain))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_one_or_more_labels() {
        for (pattern, host) in [
            ("*.acme.io", "a.acme.io"),
            ("*.acme.io", "a.b.ACME.io."),
            ("*.Acme.io.", "a.acme.io"),
            ("api.stripe.com", "API.stripe.com."),
            ("*", "x"),
            ("*.acme.io", "*.acme.io"),
        ] {
            assert!(matches(pattern, host), "{pattern} {host}");
        }
        for (pattern, host) in [
            ("*.acme.io", "acme.io"),
            ("*.acme.io", ".acme.io"),
            ("*.acme.io", "evilacme.io"),
            ("*.acme.io", "a.acme.io.evil.example"),
            ("acme.io", "a.acme.io"),
            ("*.a", "."),
            ("*", ""),
            ("*.acme.io", "aé.acme.i"),
        ] {
            assert!(!matches(pattern, host), "{pattern} {host}");
        }
    }

    #[test]
    fn errors_point_at_the_wrong_character() {
        for (text, at) in [
            ("", 0..0),
            ("a..b", 2..2),
            ("a.b/c", 3..4),
            ("a.-b", 2..4),
            ("*.a.io", 0..1),
            ("bücher.example", 1..3),
            ("a.io:443", 4..5),
        ] {
            assert_eq!(validate(text).unwrap_err().at, at, "{text}");
        }
        for (text, at) in [("*.*.io", 2..3), ("a*.io", 1..2), ("*.", 2..2), ("*.a b", 3..4)] {
            assert_eq!(validate_pattern(text).unwrap_err().at, at, "{text}");
        }
        for good in ["*", "*.acme.io", "acme.io.", "_sip._tcp.acme.io", "localhost"] {
            assert!(validate_pattern(good).is_ok(), "{good}");
        }
        assert!(validate(&"a.".repeat(128)).is_err());
    }

    proptest! {
        #[test]
        fn a_wildcard_covers_exactly_what_is_below(labels in "[a-cA-C]{0,2}(\\.[a-c]{1,2}){0,3}", domain in "[a-c]{1,2}\\.io") {
            let host = format!("{labels}.{domain}");
            prop_assert_eq!(matches(&format!("*.{domain}"), &host), !labels.is_empty());
            let sibling = format!("{labels}x{domain}");
            let pattern = format!("*.{domain}");
            prop_assert!(!matches(&pattern, &sibling));
        }

        #[test]
        fn any_text_is_handled(a in ".*", b in ".*") {
            let _ = (validate(&a), validate_pattern(&a), matches(&a, &b), eq(&a, &b));
            prop_assert_eq!(eq(&a, &b), canonical(&a) == canonical(&b));
        }
    }
}
