//! `kpolc` as its users meet it: arguments in, text and exit code out, without a process.
#![allow(clippy::disallowed_methods, reason = "tests make their own files")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "JSON of a test")]

mod audit;
mod bundle;
mod check;
mod fmt;
mod formats;
mod input;
mod new;
mod project;
mod run;
mod words;
