//! Any bytes as the dice of a generated program: over inputs made for it, both engines say the same, in every way of
//! asking.
#![no_main]

use std::sync::LazyLock;

use kpol_fuzz::judge;
use kpol_stdlib::catalog::Catalog;
use kpol_tests::{
    engines::{self, Engines},
    generate::{Cases, Dice, Program},
};
use kpol_vm::evaluate;
use libfuzzer_sys::fuzz_target;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sha2::{Digest, Sha256};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::new);

fuzz_target!(|bytes: &[u8]| {
    // When the bytes are at an end, they are followed by zeros.
    let program = Program::make(&mut Dice(&mut TestRng::from_seed(RngAlgorithm::PassThrough, bytes)));
    let seed: [u8; 32] = Sha256::digest(bytes).into();
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let Some(case) = (Cases { inputs: 10 }).of(program, &mut Dice(&mut rng)) else { return };
    let options = evaluate::Options { fuel: case.fuel.min(200_000), ..engines::options((1, 34), &[]) };
    let engines = Engines::new(&case.module, CATALOG.builtins(), &options)
        .unwrap_or_else(|error| panic!("it compiles and does not load: {error}\n{case:?}"));
    for input in &case.inputs {
        judge(&engines, input);
    }
});
