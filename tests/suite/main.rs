//! One binary for every test that crosses crates: link times matter.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails; these lints know #[test] functions but not what they call"
)]

mod agreement;
mod bad_input;
mod bundle;
mod differential;
mod docs;
mod inventory;
mod laws;
mod project;
mod pss;
mod review_sizes;
mod speaks_for;
mod tidy;
mod world;
