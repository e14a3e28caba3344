//! What the fuzz targets share.

use std::collections::BTreeMap;

use kpol_compiler::{Compiled, NoFiles, Options, Role, Source, compile, library};
use kpol_tests::{
    engines::{self, Engines},
    generate::{Dice, Input, Inputs},
};
use kpol_vm::{
    builtin::Builtin,
    evaluate,
    ir::{Module, Target},
};
use proptest::test_runner::{RngAlgorithm, TestRng};
use sha2::{Digest, Sha256};

/// One file compiled by itself.
pub fn compile_text(text: &str) -> Compiled {
    let source = Source { name: "fuzz.kpol".to_owned(), text: text.to_owned(), role: Role::Entry };
    compile(vec![source], &NoFiles, &Options::default())
}

/// A package of the library.
pub fn compile_library(name: &str) -> Compiled {
    compile(library(name, Role::Entry), &NoFiles, &Options::default())
}

/// Runs a module on both engines over a few inputs made for it; they must agree.
pub fn run(module: &Module, builtins: &[&'static Builtin], inputs: usize) {
    let options = evaluate::Options { fuel: 200_000, ..engines::options((1, 34), &[]) };
    let Ok(engines) = Engines::new(module, builtins, &options) else { return };
    if is_ambiguous(module) {
        return;
    }
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut dice = Dice(&mut rng);
    let made = Inputs::new(module);
    for _ in 0..inputs {
        let Some(input) = made.one(&mut dice) else { return };
        judge(&engines, &input);
    }
}

/// Whether one resource is of two kinds. No API server has that, and a request to its subresource has no one answer: the
/// kind is found by the resource.
fn is_ambiguous(module: &Module) -> bool {
    let mut kinds: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    module.rules.iter().flat_map(|rule| &rule.targets).any(|target| match target {
        Target::Kind { group, plural, kind, .. } => *kinds.entry((group, plural)).or_insert(kind) != kind,
        Target::Event { .. } => false,
    })
}

/// Judges one input in every way.
pub fn judge(engines: &Engines, input: &Input) {
    let difference = match input {
        Input::Event { name, event } => engines.event(name, event).err(),
        Input::Review(request) => {
            let review = request.review();
            let judged = engines.review(&review, &request.cluster).err();
            judged.or_else(|| engines.mutate(&review, &request.cluster).err())
        }
    };
    if let Some(difference) = difference {
        panic!("{input:?}\n{difference}");
    }
}

/// The bundle with digests that are right: else a fuzzer never gets behind them.
pub fn repaired(bytes: &[u8]) -> Vec<u8> {
    const HEADER: usize = 16;
    const ROW: usize = 48;
    let mut bytes = bytes.to_vec();
    let word = |bytes: &[u8], at: usize, len: usize| {
        let mut word = [0; 8];
        word[..len].copy_from_slice(bytes.get(at..at + len)?);
        usize::try_from(u64::from_le_bytes(word)).ok()
    };
    let sections = word(&bytes, 12, 2).unwrap_or(0);
    let mut at = HEADER + sections * ROW;
    for section in 0..sections {
        let row = HEADER + section * ROW;
        let Some(end) = word(&bytes, row + 8, 8).and_then(|len| at.checked_add(len)) else { break };
        let Some(content) = bytes.get(at..end) else { break };
        let digest: [u8; 32] = Sha256::digest(content).into();
        bytes[row + 16..row + ROW].copy_from_slice(&digest);
        at = end;
    }
    bytes
}
