//! Checks a module before anything runs it.
use crate::{builtin::Builtin, ir::Module};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct VerifyError {
    /// What.
    pub problem: String,
}

/// Checks.
pub fn verify(module: &Module, builtins: &[&'static Builtin]) -> Result<Vec<&'static Builtin>, VerifyError> {
    module
        .builtins
        .iter()
        .map(|name| {
            builtins.iter().find(|b| b.name == name).copied().ok_or_else(|| VerifyError { problem: format!("there is no builtin `{name}`") })
        })
        .collect()
}
