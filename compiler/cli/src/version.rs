//! Versions of Kubernetes as users write them: `1.34`, `v1.34.2`, `1.31..1.36`.

use std::{fmt, str::FromStr};

/// A minor version of Kubernetes: the 34 of `1.34`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Minor(pub u32);

/// A range of minors, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MinorRange(pub Minor, pub Minor);

impl FromStr for Minor {
    type Err = String;

    fn from_str(text: &str) -> Result<Minor, String> {
        let trimmed = text.trim();
        let mut parts = trimmed.strip_prefix('v').unwrap_or(trimmed).splitn(3, '.');
        let minor = match (parts.next(), parts.next()) {
            (Some("1"), Some(minor)) => minor.parse().ok(),
            _ => None,
        };
        let patch = parts.next().is_none_or(|patch| patch.starts_with(|c: char| c.is_ascii_digit()));
        minor
            .filter(|_| patch)
            .map(Minor)
            .ok_or_else(|| format!("`{text}` is no version of Kubernetes such as 1.34"))
    }
}

impl FromStr for MinorRange {
    type Err = String;

    fn from_str(text: &str) -> Result<MinorRange, String> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let range = MinorRange(from.parse()?, to.trim_start_matches('=').parse()?);
        if range.0 > range.1 { Err(format!("the range `{text}` is empty")) } else { Ok(range) }
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

impl fmt::Display for MinorRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 { write!(f, "{}", self.0) } else { write!(f, "{}..{}", self.0, self.1) }
    }
}
