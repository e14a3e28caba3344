//! Projects JSON bytes onto facts: one pass over the text keeps what a demand names and skips the rest unbuilt.
//!
//! ```text
//! bytes ──UTF-8──▶ cursor ──trie of demanded keys──▶ fact { presence bits | slots ──▶ arena }
//!                    └── skips undemanded values 64 bytes at a time
//! ```
//!
//! The result is the one of parsing the text and [`Fact::build`]: that is the specification, and the way that is taken
//! when a value does not have the form of its kind, so that errors are told in full. A [`Projector`] keeps its buffers
//! and takes back the facts that nobody holds any more: after the first reviews it allocates nothing, except for fields
//! of type `dyn`, which are JSON values.
//!
//! What is refused, with the byte where it is: invalid UTF-8 anywhere, broken or unbalanced structure, nesting beyond
//! [`MAX_DEPTH`], numbers that are read and too large, repeated keys of objects that are read (a key that no rule reads
//! may stand twice), text behind the end.
//!
//! Why no SIMD JSON crate: `sonic-rs` (Apache-2.0, well kept) has lazy values, but its `get_many` allocates its result
//! and a tree of paths knows no "every element of this list", so that each list is walked again from outside; it brings
//! a crate of unsafe code on the path of hostile input. The part that matters here, skipping, is two hundred
//! lines (`block`), whose only unsafe code is a call behind the question whether the processor has AVX2.

mod block;
pub(crate) mod cursor;
mod fill;
mod json;
mod trie;

use std::sync::Arc;

pub use trie::Trie;

use crate::{
    fact::{Fact, FactError},
    json::Json,
    layout::Layout,
};
use cursor::Cursor;
use fill::{Buffers, Pass};
pub(crate) use json::duplicate;

/// Lists and objects inside each other, at most, in one projected value.
pub const MAX_DEPTH: usize = 128;
/// The most bytes of a text.
pub const MAX_BYTES: usize = 64 << 20;
/// Facts that a projector keeps for their buffers.
const MAX_POOL: usize = 32;
/// A kept fact's buffer is at most so large.
const MAX_KEPT: usize = 4 << 20;

/// Why bytes cannot be projected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {message}")]
pub struct ProjectError {
    /// The byte.
    pub at: usize,
    /// What sort of error.
    pub kind: ProjectErrorKind,
    /// What.
    pub message: String,
}

/// What sort of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectErrorKind {
    /// More than [`MAX_BYTES`].
    TooLarge,
    /// Not UTF-8.
    Utf8,
    /// Not JSON.
    Syntax,
    /// The text ends too early.
    Truncated,
    /// Something stands behind the value.
    Trailing,
    /// Nested more than [`MAX_DEPTH`].
    TooDeep,
    /// A number beyond 64-bit floats.
    Number,
    /// A key stands twice in an object that is read.
    DuplicateKey,
    /// Not an `AdmissionReview` with a request.
    Review,
}

/// Why a pass stops.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A value does not have the form that the demand expects, or is rare: parse and build.
    Form,
    /// The text is refused.
    Bad(Box<ProjectError>),
}

/// What a pass found for one root.
#[derive(Clone, Debug, Default)]
pub enum Projected {
    /// There is nothing at its path.
    #[default]
    Absent,
    /// Its fact.
    Fact(Arc<Fact>),
    /// It does not have the form of its kind.
    Errors(Vec<FactError>),
}

/// Projects texts; keeps buffers between them.
#[derive(Debug, Default)]
pub struct Projector {
    buffers: Buffers,
    pool: Vec<Arc<Fact>>,
}

impl Projector {
    /// Projects one JSON text onto the roots of `trie`. The results are in the order of the roots; those of the last
    /// text in `results` are taken back.
    ///
    /// # Errors
    /// When the text is no JSON within bounds. A wrong form is told in the results.
    pub fn project(
        &mut self,
        trie: &Trie,
        body: &[u8],
        results: &mut Vec<Projected>,
    ) -> Result<(), ProjectError> {
        let text = text(body)?;
        let mut cursor = Cursor::new(text, MAX_DEPTH);
        let done = self.value(trie, &mut cursor, results).and_then(|()| cursor.end());
        done.map_err(Stop::told)
    }

    /// Projects the value at a cursor.
    pub(crate) fn value(
        &mut self,
        trie: &Trie,
        cursor: &mut Cursor<'_>,
        results: &mut Vec<Projected>,
    ) -> Result<(), Stop> {
        self.take_back(results);
        self.lend(trie);
        let (start, nesting) = (cursor.at, cursor.nesting());
        let pass = Pass { trie, cursor, buffers: &mut self.buffers }.run();
        match pass {
            Ok(()) => {
                for (fact, filling) in trie.facts.iter().zip(&mut self.buffers.fillings) {
                    results.push(if filling.begun {
                        Projected::Fact(finish(&mut self.pool, &fact.layout, filling))
                    } else {
                        Projected::Absent
                    });
                }
                Ok(())
            }
            Err(Stop::Form) => {
                cursor.back_to(start, nesting);
                self.parsed(trie, &json::value(cursor)?, results);
                Ok(())
            }
            Err(stop) => Err(stop),
        }
    }

    /// The specification: parse and build.
    #[cold]
    fn parsed(&mut self, trie: &Trie, json: &Json, results: &mut Vec<Projected>) {
        let at = |path: &[String]| path.iter().try_fold(json, |json, key| json.get(key));
        for (text, path) in self.buffers.texts.iter_mut().zip(&trie.captures) {
            *text = at(path).and_then(Json::as_str).map(|text| [b"=", text.as_bytes()].concat());
        }
        for fact in &trie.facts {
            let json = at(&fact.path).filter(|json| !json.is_null());
            results.push(match json.map(|json| Fact::build(&fact.layout, json, &fact.path)) {
                None => Projected::Absent,
                Some(Ok(fact)) => Projected::Fact(fact),
                Some(Err(errors)) => Projected::Errors(errors),
            });
        }
    }

    /// A captured text of the last pass.
    pub(crate) fn captured(&self, capture: usize) -> Option<&str> {
        self.buffers.texts.get(capture).and_then(Option::as_deref).and_then(fill::captured)
    }

    fn take_back(&mut self, results: &mut Vec<Projected>) {
        for result in results.drain(..) {
            if let Projected::Fact(fact) = result
                && self.pool.len() < MAX_POOL
                && fact.bytes().len() < MAX_KEPT
            {
                self.pool.push(fact);
            }
        }
    }

    /// Gives the pass the buffers of facts of the same layouts.
    fn lend(&mut self, trie: &Trie) {
        let fillings = &mut self.buffers.fillings;
        fillings.resize_with(trie.facts.len().max(fillings.len()), fill::Filling::default);
        for (fact, filling) in trie.facts.iter().zip(fillings) {
            let free = self.pool.iter_mut().position(|kept| {
                Arc::ptr_eq(kept.layout(), &fact.layout)
                    && Arc::get_mut(kept).is_some_and(|kept| !kept.buffers().0.is_empty())
            });
            let kept = free.and_then(|index| self.pool.get_mut(index)).and_then(Arc::get_mut);
            match kept {
                Some(kept) => {
                    let (bytes, dyns) = kept.buffers();
                    filling.bytes = std::mem::take(bytes);
                    filling.dyns = std::mem::take(dyns);
                }
                None => {
                    filling.bytes.clear();
                    filling.dyns.clear();
                }
            }
        }
    }
}

/// A fact of what was filled: one of the pool, or a new one.
fn finish(pool: &mut Vec<Arc<Fact>>, layout: &Arc<Layout>, filling: &mut fill::Filling) -> Arc<Fact> {
    let free = pool.iter_mut().position(|kept| {
        Arc::ptr_eq(kept.layout(), layout)
            && Arc::get_mut(kept).is_some_and(|kept| kept.buffers().0.is_empty())
    });
    let (bytes, dyns) = (std::mem::take(&mut filling.bytes), std::mem::take(&mut filling.dyns));
    if let Some(mut fact) = free.map(|index| pool.swap_remove(index)) {
        if let Some(fact) = Arc::get_mut(&mut fact) {
            *fact.buffers().0 = bytes;
            *fact.buffers().1 = dyns;
        }
        return fact;
    }
    Arc::new(Fact::from_parts(Arc::clone(layout), bytes, dyns))
}

/// The text of a body.
pub(crate) fn text(body: &[u8]) -> Result<&str, ProjectError> {
    let refused = |at, kind, message: &str| ProjectError { at, kind, message: message.to_owned() };
    if body.len() > MAX_BYTES {
        return Err(refused(MAX_BYTES, ProjectErrorKind::TooLarge, "this text is larger than 64 MiB"));
    }
    simdutf8::compat::from_utf8(body)
        .map_err(|error| refused(error.valid_up_to(), ProjectErrorKind::Utf8, "this byte is not UTF-8"))
}

impl Stop {
    pub(crate) fn told(self) -> ProjectError {
        match self {
            Stop::Bad(error) => *error,
            Stop::Form => ProjectError {
                at: 0,
                kind: ProjectErrorKind::Syntax,
                message: "this value cannot be read".into(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
