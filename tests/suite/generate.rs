//! Made-up programs of the language, and made-up inputs on which they really hit.
//!
//! ```text
//!   dice ──▶ program (text as a tree) ──compile──▶ module ──demand, constants──▶ inputs
//!            schema: a kind of the catalog, a CRD, an event
//! ```
//!
//! Everything is drawn from one source of random numbers, so that a property test and a fuzzer make the same things.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a generator of tests: what it cannot make must be seen"
)]

mod case;
mod crd;
mod inputs;
mod program;
mod tree;

use proptest::{prelude::Rng, test_runner::TestRng};

pub use case::{Case, Cases};
pub use inputs::{Input, Inputs, Request};
pub use program::Program;

/// A source of choices.
pub struct Dice<'r>(pub &'r mut TestRng);

impl Dice<'_> {
    /// A number below `n`; 0 if there is none.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.next_u32() as usize % n.max(1)
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }
}
