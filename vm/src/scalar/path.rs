//! File paths, compared part by part.
//!
//! Paths are normalized **lexically**, as POSIX pathname resolution (IEEE Std 1003.1, section 4.16) would without
//! symbolic links: `//` and `/./` are `/`, `a/..` is nothing, `/..` is `/`, a trailing slash is nothing. So
//! `/etc/../root/x` is not under `/etc`, and `/etcetera` is not either. What a link points to is not known here.
//! The empty text names no file: it equals itself only.
//!
//! Text at run time is any text; nothing here fails on it. [`validate`] is stricter, for literals.

use std::borrow::Cow;

use super::ScalarError;

/// Whether `text` is a good literal: absolute, without `..` and NUL.
///
/// # Errors
/// What is wrong, and where.
pub fn validate(text: &str) -> Result<(), ScalarError> {
    if let Some(at) = text.find('\0') {
        return Err(ScalarError::new(at..at + 1, "a path holds no NUL"));
    }
    if !text.starts_with('/') {
        return Err(ScalarError::whole(text, "a path begins with `/`").with_help(format!("write `/{text}`")));
    }
    let mut at = 0;
    for part in text.split('/') {
        if part == ".." {
            return Err(ScalarError::new(at..at + 2, "a path in a policy holds no `..`")
                .with_help(format!("write `{}`", normalize(text))));
        }
        at += part.len() + 1;
    }
    Ok(())
}

/// Whether `path` is `prefix` or lies below it. A relative path is never under an absolute one, nor the reverse.
#[must_use]
pub fn under(path: &str, prefix: &str) -> bool {
    if path.starts_with('/') != prefix.starts_with('/') || path.is_empty() != prefix.is_empty() {
        return false;
    }
    if !has_parent_part(path) && !has_parent_part(prefix) {
        let mut parts = named(path);
        return named(prefix).all(|part| parts.next() == Some(part));
    }
    let (path, prefix) = (resolved(path), resolved(prefix));
    // What is left must lead down: `../..` begins like `..` and is above it.
    path.strip_prefix(prefix.as_slice()).is_some_and(|left| left.first() != Some(&".."))
}

/// Whether both are the same path after normalization.
#[must_use]
pub fn eq(a: &str, b: &str) -> bool {
    a == b || normalize(a) == normalize(b)
}

/// The path without `//`, `.`, `..` and a trailing slash; `.` for a relative path that comes to nothing.
#[must_use]
pub fn normalize(path: &str) -> Cow<'_, str> {
    if is_normal(path) {
        return Cow::Borrowed(path);
    }
    Cow::Owned(joined(path, &resolved(path)))
}

/// The last part of the normalized path; empty for `/`, and for a relative path that leads up.
#[must_use]
pub fn name(path: &str) -> &str {
    let mut up = 0_usize;
    for part in path.rsplit('/') {
        match part {
            "" | "." => {}
            ".." => up = up.saturating_add(1),
            _ if up > 0 => up -= 1,
            name => return name,
        }
    }
    ""
}

/// The path of the directory: the normalized path without its last part. `/` of `/`, `.` of a single relative part,
/// and `..` more of a relative path that leads up.
#[must_use]
pub fn dir(path: &str) -> String {
    let mut parts = resolved(path);
    match parts.last() {
        Some(&"..") => parts.push(".."),
        None if !path.is_empty() && !path.starts_with('/') => parts.push(".."),
        Some(_) | None => {
            parts.pop();
        }
    }
    joined(path, &parts)
}

fn joined(path: &str, parts: &[&str]) -> String {
    let joined = parts.join("/");
    match (path.starts_with('/'), joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) if !path.is_empty() => ".".to_owned(),
        (false, _) => joined,
    }
}

/// The parts that name something.
fn named(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

fn has_parent_part(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// Whether normalization would change nothing; may say no too often.
fn is_normal(path: &str) -> bool {
    let rest = path.strip_prefix('/').unwrap_or(path);
    path.is_empty() || path == "/" || rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The parts after resolution of `..`; those that lead above a relative path's beginning stay in front.
fn resolved(path: &str) -> Vec<&str> {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in named(path) {
        match (part, parts.last()) {
            ("..", Some(&last)) if last != ".." => {
                parts.pop();
            }
            ("..", _) if absolute => {}
            _ => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn under_compares_whole_parts() {
        for (path, prefix) in [
            ("/etc", "/etc"),
            ("/etc/x", "/etc"),
            ("/etc/x", "/etc/"),
            ("/etc//./x/", "//etc"),
            ("/root/../etc/x", "/etc"),
            ("/etc", "/"),
            ("/../etc", "/etc"),
            ("a/b", "a"),
            ("a", "."),
            ("../x", ".."),
        ] {
            assert!(under(path, prefix), "{path} {prefix}");
        }
        for (path, prefix) in [
            ("/etcetera", "/etc"),
            ("/etc/../root/x", "/etc"),
            ("/etc", "/etc/x"),
            ("etc/x", "/etc"),
            ("/a", "."),
            ("../../x", ".."),
            ("../x", "."),
            ("", "/"),
            ("x", ""),
            ("", "."),
        ] {
            assert!(!under(path, prefix), "{path} {prefix}");
        }
    }

    #[test]
    fn name_and_dir_split_the_normalized_path() {
        for (path, dir_of, name_of) in [
            ("/etc/shadow", "/etc", "shadow"),
            ("/etc/shadow/", "/etc", "shadow"),
            ("/etc/x/../shadow/.", "/etc", "shadow"),
            ("/x", "/", "x"),
            ("/", "/", ""),
            ("x", ".", "x"),
            ("", "", ""),
            ("..", "../..", ""),
            (".", "..", ""),
        ] {
            assert_eq!((dir(path).as_str(), name(path)), (dir_of, name_of), "{path}");
        }
    }

    #[test]
    fn literals_are_absolute_and_direct() {
        assert!(validate("/etc/..x/").is_ok());
        let e = validate("/etc/../root").unwrap_err();
        assert_eq!((e.at, e.help.as_deref()), (5..7, Some("write `/root`")));
        assert_eq!(validate("etc").unwrap_err().at, 0..3);
        assert_eq!(validate("/a\0").unwrap_err().at, 2..3);
        assert!(validate("").is_err());
    }

    fn paths() -> impl Strategy<Value = String> {
        "(/|//)?((a|b|\\.|\\.\\.)(/|//)){0,6}(a|b|\\.\\.)?"
    }

    proptest! {
        #[test]
        fn under_is_reflexive_and_transitive(a in paths(), b in paths(), c in paths()) {
            prop_assert!(under(&a, &a));
            if under(&a, &b) && under(&b, &c) {
                prop_assert!(under(&a, &c));
            }
        }

        #[test]
        fn under_is_equality_or_a_prefix_with_a_slash(a in paths(), b in paths()) {
            let (x, y) = (normalize(&a), normalize(&b));
            let below = match y.as_ref() {
                "/" => x.starts_with('/'),
                "." => !x.is_empty() && !x.starts_with('/') && x.split('/').next() != Some(".."),
                y => x.strip_prefix(&format!("{y}/")).is_some_and(|left| left.split('/').next() != Some("..")),
            };
            prop_assert_eq!(under(&a, &b), x == y || below && !y.is_empty());
        }

        #[test]
        fn both_ways_under_is_equal(a in paths(), b in paths()) {
            prop_assert_eq!(under(&a, &b) && under(&b, &a), eq(&a, &b));
        }

        #[test]
        fn a_path_is_its_directory_and_name(a in paths()) {
            if !name(&a).is_empty() {
                let joined = format!("{}/{}", dir(&a), name(&a));
                prop_assert!(eq(&a, &joined));
                prop_assert!(under(&a, &dir(&a)));
            }
        }

        #[test]
        fn any_text_is_handled(a in ".*", b in ".*") {
            let _ = (validate(&a), under(&a, &b), eq(&a, &b), name(&a), dir(&a));
        }
    }
}
