//! The kpol language as text: `text ⇄ AST`, and diagnostics as data.
//!
//! A leaf: it knows no type, no builtin and no Kubernetes kind. Parsing never fails: it gives a tree and diagnostics.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

pub mod ast;
pub mod diagnostic;
pub mod span;
