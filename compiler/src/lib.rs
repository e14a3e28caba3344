//! From kpol text to a checked module.
//!
//! ```text
//! sources ──parse──▶ AST ──resolve──▶ names ──elaborate──▶ IR with demand ──check──▶ findings on the IR
//!          (grammar)       program.rs          elab/                          check/
//! ```
//!
//! Elaboration types an expression and lowers it in one walk: what an expression means is decided where its type is
//! known, and a second tree with the same shape would only repeat the first. Everything behind it (absence, cost,
//! constant conditions) works on the IR with its spans ([`Debug`](struct@Debug)).
//!
//! Pure: no files, clock or network. Files that a policy names (`kind X from "crd.yaml"`) come through [`Loader`].
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "passes look for few shapes among many; the ones that must know every variant name them all"
)]

mod check;
pub mod codes;
mod compile;
mod debug;
mod diagnostics;
mod elab;
mod items;
mod module;
mod params;
mod program;
mod source;

pub use compile::{Compiled, Options, compile, compile_with};
pub use debug::{CodeDebug, Debug};
pub use diagnostics::nearest;
pub use items::target::WORKLOAD;
pub use items::test::{Expect, Given, Subject, TestCase, Verdict};
pub use params::{ParamError, param_value};
pub use source::{Loader, NoFiles, Role, Source, library, library_names};
