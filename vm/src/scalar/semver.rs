//! Versions: `1.34`, `v1.34.2-rc.1+k3s1`.
//!
//! Semantic Versioning 2.0.0 (<https://semver.org>) by the semver crate, with two liberties that Kubernetes takes
//! too: a leading `v`, and missing parts that count as 0 (`1.34` is `1.34.0`). Order is the precedence of section
//! 11, so a pre-release comes before its release, and build metadata (`+k3s1`) makes no difference, neither in
//! order nor in equality. A part beyond 64 bits is an **error**.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::ScalarError;

/// A version.
#[derive(Clone, Debug)]
pub struct Version {
    version: semver::Version,
    text: Arc<str>,
}

impl Version {
    /// Reads a version.
    ///
    /// # Errors
    /// When the text is none, even with the two liberties.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        const HELP: &str = "write `1.34`, `1.34.2` or `1.34.2-rc.1`";
        let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let offset = text.len() - bare.len();
        let core_end = bare.find(['-', '+']).unwrap_or(bare.len());
        let (core, tail) = bare.split_at_checked(core_end).unwrap_or((bare, ""));
        let mut parts = [0_u64; 3];
        let mut at = offset;
        for (index, part) in core.split('.').enumerate() {
            let here = at..at + part.len();
            let slot = parts.get_mut(index).ok_or_else(|| {
                ScalarError::new(here.clone(), "a version has at most three numbers").with_help(HELP)
            })?;
            *slot = number(part).map_err(|message| ScalarError::new(here, message).with_help(HELP))?;
            at += part.len() + 1;
        }
        let [major, minor, patch] = parts;
        let tail_at = offset + core_end..text.len();
        let version = semver::Version::parse(&format!("{major}.{minor}.{patch}{tail}"))
            .map_err(|error| ScalarError::new(tail_at, error.to_string()).with_help(HELP))?;
        Ok(Version { version, text: text.into() })
    }

    /// The first number.
    #[must_use]
    pub fn major(&self) -> u64 {
        self.version.major
    }

    /// The second number.
    #[must_use]
    pub fn minor(&self) -> u64 {
        self.version.minor
    }

    /// The third number.
    #[must_use]
    pub fn patch(&self) -> u64 {
        self.version.patch
    }

    /// What follows `-`; empty for a release.
    #[must_use]
    pub fn pre_release(&self) -> &str {
        self.version.pre.as_str()
    }
}

/// One of the three numbers.
fn number(part: &str) -> Result<u64, String> {
    match part.bytes().find(|b| !b.is_ascii_digit()) {
        _ if part.is_empty() => Err("a number is missing".to_owned()),
        Some(_) => Err(format!("`{part}` is not a number")),
        None if part.len() > 1 && part.starts_with('0') => Err("a number begins with 0".to_owned()),
        None => part.parse().map_err(|_| format!("`{part}` is too large")),
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let semver::Version { major, minor, patch, pre, build: _ } = &self.version;
        (major, minor, patch, pre).hash(state);
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.version.cmp_precedence(&other.version)
    }
}

impl fmt::Display for Version {
    /// As written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn missing_parts_are_zero() {
        assert_eq!(v("1.34"), v("v1.34.0"));
        assert_eq!(v("2"), v("2.0.0"));
        assert_eq!(v("1.34-rc.1"), v("1.34.0-rc.1"));
        assert_eq!(v("v1.34.2+k3s1"), v("1.34.2"));
        assert_eq!(v("v1.34").to_string(), "v1.34");
    }

    #[test]
    fn order_is_semver_precedence() {
        let sorted = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.2",
            "1.10",
        ];
        for (low, high) in sorted.iter().zip(sorted.iter().skip(1)) {
            assert!(v(low) < v(high), "{low} {high}");
        }
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        for (text, at) in [
            ("", 0..0),
            ("v", 1..1),
            ("1..2", 2..2),
            ("1.x", 2..3),
            ("1.2.3.4", 6..7),
            ("v1.02", 3..5),
            ("1.2.3-", 5..6),
        ] {
            assert_eq!(Version::parse(text).unwrap_err().at, at, "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_is_read_back(parts in prop::collection::vec(any::<u64>(), 1..4), pre in "(-[a-z]{1,3}(\\.[1-9])?)?") {
            let core: Vec<String> = parts.iter().map(u64::to_string).collect();
            let x = v(&format!("{}{pre}", core.join(".")));
            prop_assert_eq!(v(&x.to_string()), x);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Version::parse(&text);
        }
    }
}
