//! The engine room of kpol: types, values, facts, the IR with its verifier, and the engines that run it.
//!
//! ```text
//! types, json, scalar ──▶ ir ──▶ layout ──▶ fact ──▶ interp ──▶ evaluate
//!                          └──▶ verify, print, bundle
//! ```
//!
//! A leaf: it knows no source text, no builtin and no Kubernetes kind by name. Builtins reach it through a table
//! ([`builtin::Builtin`]), kinds and events through records ([`types::Record`]).
// Only `jit` (at the border between Rust and machine code) and `project::block` (AVX2 behind a question) may use `unsafe`,
// each time with its invariant.
#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod builtin;
pub mod bundle;
pub mod evaluate;
pub mod fact;
pub mod interp;
pub mod ir;
pub mod jit;
pub mod json;
pub mod json_path;
pub mod layout;
pub mod print;
pub mod project;
pub mod scalar;
pub mod types;
pub mod value;
pub mod verify;

#[cfg(test)]
mod testing;
