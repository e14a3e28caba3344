//! Every worked example of the language parses without a diagnostic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "tests read fixtures and fail by panicking"
)]

use kpol_grammar::span::FileId;

#[test]
fn every_worked_example_parses() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let parsed = kpol_grammar::parse(FileId(0), &text);
        assert_eq!(parsed.diagnostics, [], "{}", path.display());
        assert!(!parsed.file.items.is_empty(), "{}", path.display());
    }
}
