//! One binary for every test that crosses crates: link times matter.

mod pss;
mod tidy;
