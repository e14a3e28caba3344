//! The text as bytes, characters and lines: what the two readers share below their grammars.

use crate::{ManifestError, ManifestErrorKind};

/// Line and column of a byte offset, both from 1; columns count characters. An offset inside a character counts as
/// its start, one behind the end as the end. `\n`, `\r\n` and a lone `\r` end lines.
#[must_use]
pub fn line_col(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(offset)).unwrap_or(text);
    let bytes = before.as_bytes();
    let breaks =
        |(i, b): (usize, &u8)| *b == b'\n' || (*b == b'\r' && text.as_bytes().get(i + 1) != Some(&b'\n'));
    let lines = bytes.iter().enumerate().filter(|&(i, b)| breaks((i, b))).count();
    let start = bytes.iter().enumerate().rposition(|(i, b)| breaks((i, b))).map_or(0, |i| i + 1);
    let line = before.get(start..).unwrap_or_default();
    (lines + 1, line.strip_prefix('\u{feff}').unwrap_or(line).chars().count() + 1)
}

/// The bytes as text, or the place where they stop being UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, ManifestError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let good = bytes.get(..at).map(String::from_utf8_lossy).unwrap_or_default();
        let (line, col) = line_col(&good, at);
        let byte = bytes.get(at).copied().unwrap_or_default();
        let end = at + error.error_len().unwrap_or(bytes.len() - at);
        let message = format!("byte {at} (0x{byte:02x}, line {line}, column {col}) is not UTF-8");
        let encoded = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        let help =
            if encoded { "the file looks like UTF-16; save it as UTF-8" } else { "save the file as UTF-8" };
        ManifestError::new(ManifestErrorKind::Utf8, at..end, message).help(help)
    })
}

/// The text without its byte order mark, and the mark's length.
pub(crate) fn without_bom(text: &str) -> (&str, usize) {
    text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, '\u{feff}'.len_utf8()))
}

/// Whether the first character that is no white space opens a JSON list or object.
pub(crate) fn looks_like_json(text: &str) -> bool {
    without_bom(text).0.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(['{', '['])
}

/// Whether what the first bracket opens is quoted as only JSON needs it, in a text that is one document.
pub(crate) fn quotes_like_json(text: &str) -> bool {
    let space = [' ', '\t', '\r', '\n'];
    let inside = without_bom(text).0.trim_start_matches(space).trim_start_matches(['{', '[']);
    inside.trim_start_matches(space).starts_with(['"', '{']) && !text.contains("\n---")
}

/// Byte offsets of characters: every 16th is kept, the rest is walked. Costs nothing for ASCII.
pub(crate) struct CharMap<'t> {
    text: &'t str,
    every: Option<Vec<u32>>,
}

const STEP: usize = 16;

impl<'t> CharMap<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let offset = |(at, _): (usize, char)| u32::try_from(at).unwrap_or(u32::MAX);
        let every = (!text.is_ascii()).then(|| text.char_indices().step_by(STEP).map(offset).collect());
        CharMap { text, every }
    }

    /// The byte at which the character with this index starts; the text's length behind its end.
    pub(crate) fn byte(&self, index: usize) -> usize {
        let Some(every) = &self.every else { return index.min(self.text.len()) };
        let Some(&start) = every.get(index / STEP) else { return self.text.len() };
        let rest = self.text.get(start as usize..).unwrap_or_default();
        rest.char_indices().nth(index % STEP).map_or(self.text.len(), |(at, _)| start as usize + at)
    }
}

/// Refuses what go-yaml refuses, control characters, and what it takes for line breaks where YAML 1.2 does not: text
/// behind U+2028 in a comment would be a comment here and a field in the cluster.
pub(crate) fn refuse_unreadable(text: &str) -> Result<(), ManifestError> {
    let bytes = text.as_bytes();
    let next = |at: usize| bytes.get(at + 1).copied().unwrap_or_default();
    let suspect = |(at, byte): (usize, &u8)| match byte {
        b'\t' | b'\n' | b'\r' => false,
        0..0x20 | 0x7f => true,
        0xc2 => next(at) < 0xa0,
        0xe2 => next(at) == 0x80 && matches!(next(at + 1), 0xa8 | 0xa9),
        0xef => next(at) == 0xbf && matches!(next(at + 1), 0xbe | 0xbf),
        _ => false,
    };
    let Some(at) = bytes.iter().enumerate().position(suspect) else { return Ok(()) };
    let found = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
    let is_break = matches!(found, '\u{85}' | '\u{2028}' | '\u{2029}');
    let what =
        if is_break { "a line break to kubectl and not to every reader" } else { "not allowed in YAML" };
    let message = format!("the character U+{:04X} is {what}", u32::from(found));
    Err(ManifestError::new(ManifestErrorKind::Syntax, at..at + found.len_utf8(), message)
        .help("remove it, or write it as an escape in a double-quoted string"))
}
