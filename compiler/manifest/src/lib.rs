//! Reads the text of Kubernetes manifests: YAML or JSON in, [`Json`] documents with positions out, within bounds.
//!
//! ```text
//!  text ──▶ text.rs (UTF-8, characters) ──▶ yaml.rs (saphyr events, anchors) ─┐
//!                                      └──▶ json.rs (strict, iterative) ──────┴─▶ build.rs ──▶ Document
//! ```
//!
//! A manifest must mean here what it means to `kubectl` and the API server, or a check in CI is worth nothing. Their
//! reader is `sigs.k8s.io/yaml` 1.6 over `go.yaml.in/yaml/v2` 2.4: YAML 1.1 scalars, then JSON. So plain
//! `y yes on true` and `n no off false` in their three case forms **are booleans** (`y` and `n` too: only go-yaml v3
//! reads those as text), also as keys (`on:` is the key `true`); `0644` is 420 and `0899` is 899; every `_` in a
//! number is dropped; an integral float (`1.0`, `1e3`) is an integer, because it travels as JSON; a timestamp stays
//! text; `<<` merges, and what is written later wins, be it a key or a merge. `tests/scalars.tsv` holds what the
//! real library answers for some thousand scalars, and a test compares.
//!
//! Deliberately stricter than kubectl, always with an error and a position, never with another meaning: duplicate
//! keys (kubectl: the last wins), unknown tags (ignored there), `.inf` and `.nan` (fail there too, later), an alias
//! into another document, `{a:}` and `[?a]` in flow style (YAML 1.1 and 1.2 read them differently), raw U+0085,
//! U+2028 and U+2029 (line breaks in YAML 1.1, text in 1.2), lone surrogates in JSON. Laxer: tabs between tokens and
//! plain text that only YAML 1.2 allows. Of half a million generated documents the 77 000 that both readers accepted
//! meant the same, but for the blanks of a tagged block scalar that ends with the file.
//!
//! Positions are byte ranges of the text. A value behind an alias has the range of the `*alias`; what lies inside it
//! has the ranges of the text at the anchor. Reading is linear in the text plus the aliases' budget; nothing
//! recurses over the input but the copy and drop of a `Json`, whose depth [`Limits::depth`] bounds.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

mod base64;
mod build;
mod document;
mod error;
mod json;
mod limits;
mod path;
mod scalar;
mod text;
mod yaml;

use std::ops::Range;

pub use document::{Document, objects};
pub use error::{ManifestError, ManifestErrorKind};
pub use kpol_vm::json::Json;
pub use limits::Limits;
pub use path::{JsonPath, PathError, Segment};
pub use text::line_col;

/// How a text is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Syntax {
    /// As kubectl does it: JSON if the first character is `{` or `[` and all of it is JSON, else YAML.
    #[default]
    Auto,
    /// YAML, of which JSON is nearly a subset.
    Yaml,
    /// JSON values, one after the other, with nothing but white space between them.
    Json,
}

/// Reads every document of `text`. Empty and `null` documents are skipped, as kubectl skips them.
///
/// # Errors
/// The first thing in the text that is no manifest or passes one of the `limits`.
pub fn parse(text: &str, syntax: Syntax, limits: &Limits) -> Result<Vec<Document>, ManifestError> {
    let limits = limits.clamped();
    if text.len() > limits.bytes {
        return Err(too_large(limits.bytes));
    }
    match syntax {
        Syntax::Json => json::read(text, &limits),
        Syntax::Yaml => yaml::read(text, &limits),
        Syntax::Auto if text::looks_like_json(text) => parse_json_or_flow(text, &limits),
        Syntax::Auto => yaml::read(text, &limits),
    }
}

/// [`parse`] for bytes that may not be UTF-8.
///
/// # Errors
/// As for [`parse`]; the position is in bytes of `bytes`.
pub fn parse_bytes(bytes: &[u8], syntax: Syntax, limits: &Limits) -> Result<Vec<Document>, ManifestError> {
    if bytes.len() > limits.clamped().bytes {
        return Err(too_large(limits.clamped().bytes));
    }
    parse(text::utf8(bytes)?, syntax, limits)
}

/// Text that starts like JSON may be YAML in flow style (`{a: b}`), or JSON documents with `---` between them.
/// If it is neither, the reader explains whose text it looks like; in doubt, the one that came further.
fn parse_json_or_flow(text: &str, limits: &Limits) -> Result<Vec<Document>, ManifestError> {
    let as_json = match json::read(text, limits) {
        Err(error) if error.kind == ManifestErrorKind::Syntax => error,
        other => return other,
    };
    yaml::read(text, limits).map_err(|as_yaml| {
        let yaml_knows = as_yaml.kind != ManifestErrorKind::Syntax
            || (as_yaml.at.start > as_json.at.start && !text::quotes_like_json(text));
        if yaml_knows { as_yaml } else { as_json }
    })
}

fn too_large(limit: usize) -> ManifestError {
    let at: Range<usize> = limit..limit;
    ManifestError::new(ManifestErrorKind::TooLarge, at, format!("the file has more than {limit} bytes"))
        .help("split the file, or raise the limit on the bytes of one file")
}
