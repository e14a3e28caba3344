//! The webhook on a real API server, driven by kubectl: `KPOL_CLUSTER=1 cargo test -p kpol-webhook --test cluster`.
//!
//! One cluster (`tests/cluster/run`) for all of them; each test has a namespace, a webhook process, policies and webhook
//! configurations of its own. Nothing is waited for by the clock: what should come about is asked for until it does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; these lints know #[test] functions but not what they call"
)]

mod audit;
mod load;
mod modes;
#[path = "../shared/process.rs"]
mod process;
mod renewal;
mod requests;
mod sources;
mod world;

use libtest_mimic::{Arguments, Trial};

/// A test: its name states a law.
type Law = (&'static str, fn());

fn main() {
    let arguments = Arguments::from_args();
    let listing = arguments.list;
    if std::env::var_os("KPOL_CLUSTER").is_none() {
        if !listing {
            eprintln!(
                "SKIPPED: the tests on a real API server; KPOL_CLUSTER=1 runs them (they need Go, see tests/cluster)"
            );
        }
        return;
    }
    let laws: Vec<Law> = [modes::LAWS, requests::LAWS, sources::LAWS, load::LAWS, audit::LAWS].concat();
    // Two cores: more at a time only wait for each other.
    let arguments = Arguments { test_threads: arguments.test_threads.or(Some(2)), ..arguments };
    let cluster = (!listing).then(world::Cluster::start);
    let together = libtest_mimic::run(&arguments, trials(laws));
    let arguments = Arguments { test_threads: Some(1), ..arguments };
    let alone = libtest_mimic::run(&arguments, trials(renewal::LAWS.to_vec()));
    drop(cluster);
    together.exit_if_failed();
    alone.exit();
}

fn trials(laws: Vec<Law>) -> Vec<Trial> {
    let trial = |(name, law): Law| {
        Trial::test(name, move || {
            law();
            Ok(())
        })
    };
    laws.into_iter().map(trial).collect()
}
