//! Every scalar of `scalars.tsv` means here, as a value and as a key, what it means to Kubernetes' own reader.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::expect_used, reason = "a test stops")]

use kpol_manifest::{Json, Limits, ManifestErrorKind, Syntax, parse};

fn read(text: &str) -> Result<Json, ManifestErrorKind> {
    let documents = parse(text, Syntax::Yaml, &Limits::default()).map_err(|error| error.kind)?;
    Ok(documents.into_iter().next().map(|document| document.value).unwrap_or_default())
}

/// The oracle's JSON, read as kubectl reads it: what has no fraction is an integer.
fn expected(json: &str) -> Option<Json> {
    let documents = (json != "!").then(|| parse(json, Syntax::Json, &Limits::default()).expect(json))?;
    documents.into_iter().next().map(|document| document.value)
}

#[test]
fn scalars_mean_what_they_mean_to_kubectl() {
    let mut wrong = Vec::new();
    for line in include_str!("scalars.tsv").lines().filter(|line| !line.starts_with("# ")) {
        let [source, value, key] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        for (text, oracle) in [(format!("v: {source}\n"), value), (format!("{source}: 0\n"), key)] {
            let found = read(&text);
            // A key or value that swallows the rest (`!!str: 0` is the text "0") is tried in the other column only.
            if expected(oracle).is_some_and(|json| json.entries().is_empty()) {
                continue;
            }
            if found.clone().ok() != expected(oracle) {
                wrong.push(format!("{text:?}: {found:?}, kubectl {oracle}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
