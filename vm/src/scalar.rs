//! The scalar types: what a text means as a quantity, a time, an address, a path, an image.
//!
//! One file per type, each a small parser with exact positions, a comparison and a form in print. Two families:
//!
//! ```text
//! parsed once, then a value    quantity duration time semver ip cidr port      `Xxx::parse`, `Ord`, `Display`
//! text also at run time        path image image_prefix host host_pattern       `validate` for literals;
//!                              capability glob regex                           total functions over any text
//! ```
//!
//! A literal is checked strictly ([`check_literal`]); a manifest's value is whatever somebody wrote, so nothing
//! here panics, loops without bound or needs more than linear memory. It knows no source spans and no JSON.

pub mod capability;
mod cursor;
pub mod duration;
pub mod glob;
pub mod host;
pub mod image;
pub mod net;
pub mod path;
pub mod quantity;
pub mod regex;
pub mod semver;
pub mod time;

use std::borrow::Cow;
use std::ops::Range;

use crate::types::Type;

/// Why a text is not a value of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScalarError {
    /// The bytes of the text that are wrong; on character borders and inside the text, empty at its end.
    pub at: Range<usize>,
    /// One sentence without a full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl ScalarError {
    /// An error without help.
    #[must_use]
    pub fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        ScalarError { at, message: message.into(), help: None }
    }

    /// An error about all of `text`.
    #[must_use]
    pub fn whole(text: &str, message: impl Into<String>) -> Self {
        ScalarError::new(0..text.len(), message)
    }

    /// The same error with help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same error for a text in which this one's text begins at byte `offset`.
    #[must_use]
    pub(crate) fn shifted(mut self, offset: usize) -> Self {
        self.at = self.at.start.saturating_add(offset)..self.at.end.saturating_add(offset);
        self
    }
}

/// Whether `text` is a good literal of type `ty`. Every text is a `string` and a `dyn`; none is a `bool`, an
/// `int` or a collection.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn check_literal(ty: &Type, text: &str) -> Result<(), ScalarError> {
    match ty {
        Type::Str | Type::Dyn => Ok(()),
        Type::Duration => duration::Duration::parse(text).map(drop),
        Type::Time => time::Time::parse(text).map(drop),
        Type::Quantity => quantity::Quantity::parse(text).map(drop),
        Type::Semver => semver::Version::parse(text).map(drop),
        Type::Ip => net::Ip::parse(text).map(drop),
        Type::Cidr => net::Cidr::parse(text).map(drop),
        Type::Port => net::Port::parse(text).map(drop),
        Type::Path => path::validate(text),
        Type::Image => image::Image::parse(text).map(drop),
        Type::ImagePrefix => image::validate_prefix(text),
        Type::Host => host::validate(text),
        Type::HostPattern => host::validate_pattern(text),
        Type::Capability => capability::validate(text),
        Type::Glob => glob::Glob::new(text).map(drop),
        Type::Regex => regex::Pattern::new(text).map(drop),
        Type::Bool | Type::Int | Type::Record(_) | Type::List(_) | Type::Set(_) | Type::Map(_) => {
            Err(ScalarError::whole(text, format!("a text is never a value of type `{ty}`")))
        }
    }
}

/// The one text that stands for every text equal to `text` under `ty`: two texts are equal exactly when these are.
/// Types that do not stay text at run time ([`Type::is_text`]) keep the text as it is.
#[must_use]
pub fn canonical_text<'a>(ty: &Type, text: &'a str) -> Cow<'a, str> {
    match ty {
        Type::Path => path::normalize(text),
        Type::Image => image::canonical(text),
        Type::ImagePrefix => image::canonical_prefix(text),
        Type::Host | Type::HostPattern => host::canonical(text),
        Type::Capability => capability::canonical(text),
        Type::Str
        | Type::Glob
        | Type::Regex
        | Type::Bool
        | Type::Int
        | Type::Duration
        | Type::Time
        | Type::Quantity
        | Type::Semver
        | Type::Ip
        | Type::Cidr
        | Type::Port
        | Type::Record(_)
        | Type::List(_)
        | Type::Set(_)
        | Type::Map(_)
        | Type::Dyn => Cow::Borrowed(text),
    }
}

/// Whether two texts are the same value of type `ty`, for the types that stay text at run time.
#[must_use]
pub fn text_eq(ty: &Type, a: &str, b: &str) -> bool {
    a == b || canonical_text(ty, a) == canonical_text(ty, b)
}

/// The types that travel as their text: `FromStr` by `parse`, serde by `Display` and `parse`.
macro_rules! travels_as_text {
    ($($ty:ty),* $(,)?) => {$(
        impl std::str::FromStr for $ty {
            type Err = ScalarError;

            fn from_str(text: &str) -> Result<Self, ScalarError> {
                <$ty>::parse(text)
            }
        }

        impl serde::Serialize for $ty {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $ty {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                <$ty>::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

travels_as_text!(
    duration::Duration,
    glob::Glob,
    net::Cidr,
    net::Ip,
    net::Port,
    quantity::Quantity,
    regex::Pattern,
    semver::Version,
    time::Time,
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::SIMPLE;

    fn json_round_trip<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn values_travel_as_their_text() {
        let q = quantity::Quantity::parse("1.5Gi").unwrap();
        assert_eq!(serde_json::to_string(&q).unwrap(), "\"1.5Gi\"");
        assert_eq!(json_round_trip(&q), q);
        let p = regex::Pattern::new("^a+$").unwrap();
        assert_eq!(json_round_trip(&p), p);
        let c = net::Cidr::parse("10.0.0.0/8").unwrap();
        assert_eq!(json_round_trip(&c), c);
        assert!(serde_json::from_str::<net::Port>("\"65536\"").is_err());
    }

    #[test]
    fn no_text_is_a_collection() {
        assert!(check_literal(&Type::set(Type::Str), "a").is_err());
        assert!(check_literal(&Type::Str, "").is_ok());
    }

    /// Texts that come near every grammar, and some that come near none.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            ".*",
            r"[-+]?[0-9.]{0,44}[eEinumkKMGTPhsdµ]{0,3}[-+]?[0-9]{0,22}",
            r"[0-9T:Zz.+-]{0,40}",
            r"[a-zA-Z0-9._:/@*-]{0,40}",
            r"(/|\.|\.\.|a|b){0,12}",
            r"[0-9a-f:.]{0,24}(/[0-9]{0,3})?",
            r"[()\[\]*+?\\a-cé{},0-9-]{0,20}",
        ]
    }

    proptest! {
        #[test]
        fn errors_point_inside_their_text(text in texts()) {
            for (_, ty) in SIMPLE {
                if let Err(e) = check_literal(ty, &text) {
                    prop_assert!(e.at.start <= e.at.end, "{ty}: {e:?}");
                    prop_assert!(text.get(e.at.clone()).is_some(), "{ty}: {e:?}");
                    prop_assert!(!e.message.is_empty());
                }
            }
        }

        #[test]
        fn canonical_text_is_its_own_canonical_text(text in texts()) {
            for (_, ty) in SIMPLE {
                let once = canonical_text(ty, &text).into_owned();
                let twice = canonical_text(ty, &once).into_owned();
                prop_assert_eq!(&twice, &once, "{}", ty);
                prop_assert!(text_eq(ty, &text, &once));
            }
        }
    }
}
