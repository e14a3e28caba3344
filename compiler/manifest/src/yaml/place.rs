//! From the scanner's marks to the bytes that a person would underline.
//!
//! The scanner's span of a quoted scalar runs on to the next token, that of a block scalar starts at its first line
//! of text, that of a block collection ends where the next one starts, and an absent value is marked at whatever
//! token showed its absence. The end of the last thing read, which `Places` keeps, repairs all of it without looking
//! at any byte more than a constant number of times.

use crate::text::CharMap;
use saphyr_parser::{Marker, ScalarStyle, Span};
use std::ops::Range;

pub(super) struct Places<'t> {
    text: &'t str,
    bom: usize,
    chars: CharMap<'t>,
    last_end: usize,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str, bom: usize) -> Self {
        let body = text.get(bom..).unwrap_or_default();
        Places { text, bom, chars: CharMap::new(body), last_end: bom }
    }

    pub(super) fn last_end(&self) -> usize {
        self.last_end
    }

    pub(super) fn byte(&self, mark: Marker) -> usize {
        self.bom + self.chars.byte(mark.index())
    }

    pub(super) fn alias(&mut self, span: Span) -> Range<usize> {
        self.keep(self.byte(span.start)..self.byte(span.end))
    }

    pub(super) fn collection_start(&mut self, span: Span) -> usize {
        let start = self.byte(span.start);
        self.last_end = self.last_end.max(start + usize::from(self.is_bracket(span)));
        start
    }

    /// Whether a collection is in flow style.
    pub(super) fn is_bracket(&self, span: Span) -> bool {
        let start = self.skip_properties(self.byte(span.start), self.byte(span.end));
        matches!(self.at(start), Some(b'{' | b'['))
    }

    /// Behind the closing bracket, or behind the last thing inside.
    pub(super) fn collection_end(&mut self, span: Span) -> usize {
        let start = self.byte(span.start);
        let bracket = span.start.index() < span.end.index() && matches!(self.at(start), Some(b'}' | b']'));
        if bracket {
            self.last_end = start + 1;
        }
        self.last_end
    }

    /// The bytes of a scalar, its tag and anchor (`tagged`) included.
    pub(super) fn scalar(
        &mut self,
        span: Span,
        style: ScalarStyle,
        empty: bool,
        tagged: bool,
    ) -> Range<usize> {
        let (start, end) = (self.byte(span.start), self.byte(span.end));
        let range = match style {
            ScalarStyle::Plain if empty && !tagged => {
                let behind =
                    if matches!(self.at(start), Some(b':' | b'-')) { start + 1 } else { self.last_end };
                behind..behind
            }
            ScalarStyle::Plain => start..end,
            ScalarStyle::SingleQuoted => start..self.quote_end(start, end, b'\''),
            ScalarStyle::DoubleQuoted => start..self.quote_end(start, end, b'"'),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let start = if tagged { start } else { self.block_header(start) };
                let text = self.text.get(start..end).unwrap_or_default();
                start..start + text.trim_end().len()
            }
        };
        self.keep(range)
    }

    fn keep(&mut self, range: Range<usize>) -> Range<usize> {
        self.last_end = self.last_end.max(range.end);
        range
    }

    fn at(&self, offset: usize) -> Option<u8> {
        self.text.as_bytes().get(offset).copied()
    }

    /// Behind the quote that closes the scalar whose properties or opening quote stand at `start`.
    fn quote_end(&self, start: usize, end: usize, quote: u8) -> usize {
        let mut at = self.skip_properties(start, end);
        at += 1;
        while at < end {
            match self.at(at) {
                Some(b'\\') if quote == b'"' => at += 2,
                Some(b) if b == quote && quote == b'\'' && self.at(at + 1) == Some(quote) => at += 2,
                Some(b) if b == quote => return at + 1,
                _ => at += 1,
            }
        }
        end
    }

    /// Over tag and anchor, to what they belong to.
    fn skip_properties(&self, start: usize, end: usize) -> usize {
        let mut at = self.skip_blank(start, end);
        while at < end && matches!(self.at(at), Some(b'&' | b'!')) {
            at = self.skip_blank(self.skip_until_blank(at, end), end);
        }
        at
    }

    /// The `|` or `>` between the last thing read and the first line of a block scalar's text.
    fn block_header(&self, content: usize) -> usize {
        let mut at = self.last_end;
        while at < content {
            at = self.skip_blank(at, content);
            match self.at(at) {
                Some(b'|' | b'>') => return at,
                Some(b':' | b'-' | b'?') => at += 1,
                _ => break,
            }
        }
        content
    }

    /// Over white space and comments.
    fn skip_blank(&self, start: usize, end: usize) -> usize {
        let mut at = start;
        let mut comment = false;
        while at < end {
            match self.at(at) {
                Some(b'\n' | b'\r') => comment = false,
                Some(b' ' | b'\t') => {}
                Some(b'#') => comment = true,
                _ if comment => {}
                _ => break,
            }
            at += 1;
        }
        at
    }

    fn skip_until_blank(&self, start: usize, end: usize) -> usize {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        let rest = self.text.as_bytes().get(start..end).unwrap_or_default();
        rest.iter().position(blank).map_or(end, |length| start + length)
    }
}
