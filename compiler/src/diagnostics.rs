//! What the compiler says to authors: one function per message, its code and its words together.
//!
//! Codes are for life (`docs/codes/` explains each, `codes.rs` lists them); texts may get better. Functions take
//! what they need to say and nothing else, so that every message can be made in a test.

mod items;
mod lints;
mod names;
mod types;

pub(crate) use items::*;
pub(crate) use lints::*;
pub(crate) use names::*;
pub(crate) use types::*;

/// The nearest of `known` to `word`, if it is near enough to be meant: `did you mean`.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let lower = word.to_lowercase();
    known
        .filter(|candidate| *candidate != word)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(word.chars().count()) / 3)
        .min_by_key(|(distance, candidate)| (*distance, (*candidate).to_owned()))
        .map(|(_, candidate)| candidate)
}

/// A type or word with its article: "an `image`".
fn a(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} `{word}`")
}

/// A short list in words: "`a`, `b` or `c`", cut after some.
fn choices<'k>(known: impl Iterator<Item = &'k str>) -> String {
    let all: Vec<&str> = known.collect();
    let shown: Vec<String> = all.iter().take(12).map(|word| format!("`{word}`")).collect();
    match shown.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) if all.len() <= 12 => format!("{} or {last}", rest.join(", ")),
        Some(_) => format!("{}, ... ({} in all)", shown.join(", "), all.len()),
    }
}
