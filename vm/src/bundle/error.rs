//! Why a bundle is refused.

use super::KeyId;
use crate::verify::{Problem, VerifyError};

/// Why a bundle is refused, or cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The file is larger than the host reads.
    #[error("the bundle has {bytes} bytes, and at most {max} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The host's limit.
        max: usize,
    },
    /// It does not begin as a bundle does.
    #[error("this is no kpol bundle: it does not begin with the mark of one")]
    NotABundle,
    /// It is of another version than this build reads.
    #[error(
        "the bundle is of {what} {found}, and this build reads {what} {ours}: {}",
        if found > ours { "update the program that loads it" } else { "build it again with this version's `kpolc build`" }
    )]
    Version {
        /// `format` or `IR version`.
        what: &'static str,
        /// The bundle's.
        found: u16,
        /// This build's.
        ours: u16,
    },
    /// It is cut off, changed or put together wrongly.
    #[error("the bundle is damaged: {0}")]
    Damaged(Damage),
    /// It has no signature, and the host asks for one.
    #[error("the bundle is not signed, and only signed ones are accepted")]
    NotSigned,
    /// The key that signed it is not one of the host's.
    #[error("the bundle is signed with the key {0}, which is not trusted")]
    UnknownKey(KeyId),
    /// The signature is not the named key's, or not of these bytes.
    #[error(
        "the signature is wrong: the bundle has changed since it was signed, or the key {0} did not sign it"
    )]
    BadSignature(KeyId),
    /// It has more of something than the host takes on.
    #[error("the bundle has more {0} than this host takes")]
    TooComplex(&'static str),
    /// A rule may cost more than the host spends.
    #[error("the rule `{rule}` may cost more than {max}, the most that this host spends on one")]
    Cost {
        /// The rule.
        rule: String,
        /// The host's limit.
        max: u64,
    },
    /// It calls a builtin that the host does not have.
    #[error(
        "the bundle calls the builtin `{0}`, which this host does not have: update the program that loads it, or give it \
         that builtin"
    )]
    NoBuiltin(String),
    /// It breaks a rule of the IR.
    #[error("the bundle's policies are malformed: {0}")]
    Verify(VerifyError),
    /// A module cannot be written.
    #[error("the section `{0}` cannot be written")]
    Encode(&'static str),
}

/// What is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It ends too early.
    #[error("it has {found} bytes and says that it has {needed}")]
    Truncated {
        /// As many bytes there should be, at least.
        needed: u64,
        /// As many there are.
        found: u64,
    },
    /// Bytes that mean nothing stand behind its end.
    #[error("there are {0} bytes behind its end")]
    Trailing(u64),
    /// A field of the header or table has a value that it cannot have.
    #[error("{0} in its header is wrong")]
    Header(&'static str),
    /// A section is not the one that stands at this place.
    #[error("section {index} is of kind {found}")]
    Section {
        /// Its place, from 0.
        index: usize,
        /// The kind that it says it is.
        found: u32,
    },
    /// A section's bytes are not those that were written.
    #[error("the section `{0}` has changed")]
    Digest(&'static str),
    /// A section's bytes are not the values that it should hold.
    #[error("the section `{0}` does not hold what it should")]
    Values(&'static str),
    /// A section holds values inside values inside values.
    #[error("the section `{0}` is nested too deeply")]
    TooDeep(&'static str),
    /// Two sections do not belong together.
    #[error("the section `{0}` does not fit the rules")]
    Lengths(&'static str),
}

impl From<Damage> for BundleError {
    fn from(damage: Damage) -> Self {
        BundleError::Damaged(damage)
    }
}

impl From<VerifyError> for BundleError {
    fn from(error: VerifyError) -> Self {
        if let Problem::NoBuiltin(name) = error.problem {
            BundleError::NoBuiltin(name)
        } else {
            BundleError::Verify(error)
        }
    }
}
