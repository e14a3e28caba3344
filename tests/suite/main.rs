//! One binary for every test that crosses crates: link times matter.

mod laws;
mod pss;
mod tidy;
