//! Why something was not done. The errors are opaque: they can be printed and asked.

use kpol_vm::{
    bundle::BundleError,
    evaluate::{self, EvalError},
    interp::Trap,
    project::{ProjectError, ProjectErrorKind},
};

/// Why a bundle is refused. Nothing of a refused bundle has been used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub(crate) BundleError);

impl LoadError {
    /// Whether it is a matter of trust: not signed, signed with a key that is not trusted, or changed since.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        matches!(self.0, BundleError::NotSigned | BundleError::UnknownKey(_) | BundleError::BadSignature(_))
    }

    /// Whether the bundle was made by a newer or older kpol than this one.
    #[must_use]
    pub fn is_other_version(&self) -> bool {
        matches!(self.0, BundleError::Version { .. })
    }

    /// Whether it is larger, dearer or more complex than this host takes ([`Loader`](crate::Loader)).
    #[must_use]
    pub fn is_over_limit(&self) -> bool {
        matches!(self.0, BundleError::TooLarge { .. } | BundleError::TooComplex(_) | BundleError::Cost { .. })
    }

    /// Whether it is no bundle, is cut off or changed, or holds what no compiler writes.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        matches!(self.0, BundleError::NotABundle | BundleError::Damaged(_) | BundleError::Verify(_))
    }

    /// The builtin that the bundle calls and this host does not have.
    #[must_use]
    pub fn missing_builtin(&self) -> Option<&str> {
        if let BundleError::NoBuiltin(name) = &self.0 { Some(name) } else { None }
    }
}

/// Why a bundle cannot be made ready with these options.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct PrepareError(pub(crate) Unready);

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Unready {
    #[error("{0}")]
    Load(evaluate::LoadError),
    #[error("there is no param `{0}`")]
    Unknown(String),
    #[error("`{name}` can be {}: give its full name", candidates.join(" or "))]
    Ambiguous { name: String, candidates: Vec<String> },
    #[error("param `{0}` is given twice")]
    Twice(String),
    #[error("param `{name}` cannot be {value}: {why}")]
    Value { name: String, value: String, why: String },
}

impl PrepareError {
    /// The param that has no value, two, or a wrong one, or that does not exist.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        match &self.0 {
            Unready::Unknown(name)
            | Unready::Ambiguous { name, .. }
            | Unready::Twice(name)
            | Unready::Value { name, .. }
            | Unready::Load(
                evaluate::LoadError::MissingParam(name)
                | evaluate::LoadError::UnknownParam(name)
                | evaluate::LoadError::ParamType { name, .. },
            ) => Some(name),
            Unready::Load(
                evaluate::LoadError::Verify(_)
                | evaluate::LoadError::Layout { .. }
                | evaluate::LoadError::Jit(_),
            ) => None,
        }
    }

    /// Whether a param needs a value that the options do not give.
    #[must_use]
    pub fn is_missing_param(&self) -> bool {
        matches!(self.0, Unready::Load(evaluate::LoadError::MissingParam(_)))
    }
}

/// Why a review, object or event has no answer. What the host does then is its own policy: a webhook answers as its
/// `failurePolicy` says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(transparent)]
pub struct ReviewError(pub(crate) evaluate::ReviewError);

impl From<EvalError> for ReviewError {
    fn from(error: EvalError) -> Self {
        ReviewError(error.into())
    }
}

impl ReviewError {
    /// Bytes that are no review, for a reason that belongs to no single byte.
    pub(crate) fn no_review(message: impl Into<String>) -> ReviewError {
        ReviewError::bytes(0, ProjectErrorKind::Review, message.into())
    }

    pub(crate) fn bytes(at: usize, kind: ProjectErrorKind, message: String) -> ReviewError {
        ReviewError(ProjectError { at, kind, message }.into())
    }

    /// Whether the fault is in what was asked: bytes that are no review, or an object without the form of its kind.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        match &self.0 {
            evaluate::ReviewError::Bytes(_) | evaluate::ReviewError::Eval(EvalError::Fact { .. }) => true,
            evaluate::ReviewError::Eval(
                EvalError::Trap { .. }
                | EvalError::Place { .. }
                | EvalError::Unsettled { .. }
                | EvalError::NoRequest,
            ) => false,
        }
    }

    /// Where the bytes go wrong.
    #[must_use]
    pub fn byte(&self) -> Option<usize> {
        if let evaluate::ReviewError::Bytes(error) = &self.0 { Some(error.at) } else { None }
    }

    /// The rule, bind or mutation that was stopped.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match &self.0 {
            evaluate::ReviewError::Eval(EvalError::Trap { rule, .. }) => Some(rule),
            evaluate::ReviewError::Eval(EvalError::Place { mutation, .. }) => Some(mutation),
            evaluate::ReviewError::Eval(
                EvalError::Fact { .. } | EvalError::Unsettled { .. } | EvalError::NoRequest,
            )
            | evaluate::ReviewError::Bytes(_) => None,
        }
    }

    /// Whether a rule took more steps than [`Options::with_fuel`](crate::Options::with_fuel) allows.
    #[must_use]
    pub fn is_out_of_fuel(&self) -> bool {
        matches!(&self.0, evaluate::ReviewError::Eval(EvalError::Trap { trap: Trap::OutOfFuel, .. }))
    }
}
