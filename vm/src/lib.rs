//! The engine room of kpol: types, values, facts, the IR with its verifier, and the engines that run it.
//!
//! A leaf: it knows no source text, no builtin and no Kubernetes kind by name. Builtins reach it through a table
//! ([`builtin::Builtin`]), kinds and events through records ([`types::Record`]).
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

pub mod json;
pub mod scalar;
pub mod types;
