//! A place in a text: the few moves that the number-like parsers share.

use std::ops::Range;

use super::ScalarError;

/// A text and how far it is read.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    /// How many bytes are read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether everything is read.
    pub(super) fn is_done(&self) -> bool {
        self.rest().is_empty()
    }

    /// Reads the characters that satisfy `is`, as many as there are.
    pub(super) fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !is(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Reads ASCII digits, as many as there are.
    pub(super) fn digits(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_digit())
    }

    /// Reads one character if it is one of `wanted`.
    pub(super) fn eat(&mut self, wanted: &[char]) -> Option<char> {
        let c = self.rest().chars().next().filter(|c| wanted.contains(c))?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// The bytes of the next character; empty at the end.
    pub(super) fn here(&self) -> Range<usize> {
        self.at..self.at + self.rest().chars().next().map_or(0, char::len_utf8)
    }

    /// An error about the next character.
    pub(super) fn error(&self, message: impl Into<String>) -> ScalarError {
        ScalarError::new(self.here(), message)
    }

    /// An error about everything since byte `start`.
    pub(super) fn error_since(&self, start: usize, message: impl Into<String>) -> ScalarError {
        ScalarError::new(start..self.at, message)
    }
}
