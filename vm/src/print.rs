//! Prints a module.
use crate::ir::{Module, Ty};

/// A type.
#[must_use]
pub fn ty_text(_module: &Module, ty: &Ty) -> String {
    format!("{ty:?}")
}
