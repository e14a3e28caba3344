//! A place in a JSON text: reads what is wanted strictly and skips the rest fast.
//!
//! What is read obeys RFC 8259. Of what is skipped, strings must end, brackets must be as many closed as opened of each
//! kind, the outermost by its own kind, and nest within the bound; commas, numbers, escapes, repeated keys and brackets
//! that cross (`[[{]}]`) in it stay unseen.

use super::{
    ProjectError, ProjectErrorKind as Kind, Stop,
    block::{self, BLOCK, Carry, Machine},
};

pub(crate) struct Cursor<'b> {
    text: &'b str,
    bytes: &'b [u8],
    pub(crate) at: usize,
    depth: usize,
    max_depth: usize,
}

/// A string as it is written, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'b> {
    /// UTF-8, because it lies between quotes in a text.
    pub(crate) bytes: &'b [u8],
    pub(crate) escaped: bool,
    /// Where it begins.
    pub(crate) at: usize,
}

impl<'b> Cursor<'b> {
    pub(crate) fn new(text: &'b str, max_depth: usize) -> Cursor<'b> {
        Cursor { text, bytes: text.as_bytes(), at: 0, depth: 0, max_depth }
    }

    #[inline(always)]
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// The next byte that is no white space, 0 at the end; `at` is its place.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> u8 {
        let byte = self.byte();
        if byte > b' ' { byte } else { self.peek_far() }
    }

    fn peek_far(&mut self) -> u8 {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.byte()
    }

    /// Goes into the object or list whose bracket is here. Whether there is something in it; if not, it lies behind.
    #[inline]
    pub(crate) fn enter(&mut self, close: u8) -> Result<bool, Stop> {
        if self.depth >= self.max_depth {
            return Err(self.too_deep(self.at));
        }
        self.at += 1;
        if self.peek() == close {
            self.at += 1;
            return Ok(false);
        }
        self.depth += 1;
        Ok(true)
    }

    /// Behind an element: whether another one follows. If not, the closing bracket lies behind.
    #[inline(always)]
    pub(crate) fn more(&mut self, close: u8) -> Result<bool, Stop> {
        match self.peek() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ => Err(self.expected(if close == b'}' { "`,` or `}`" } else { "`,` or `]`" })),
        }
    }

    /// A key and its colon; a value follows.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Raw<'b>, Stop> {
        if self.peek() != b'"' {
            return Err(self.expected("a key in double quotes"));
        }
        let key = self.string()?;
        if self.peek() != b':' {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(key)
    }

    /// The string whose quote is here.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Raw<'b>, Stop> {
        let start = self.at + 1;
        if let Some(end) = self.short_string(start) {
            self.at = end + 1;
            let bytes = self.bytes.get(start..end).unwrap_or_default();
            return Ok(Raw { bytes, escaped: false, at: start });
        }
        self.long_string(start)
    }

    /// Where the string that begins at `start` ends, if it is short and plain.
    #[inline(always)]
    fn short_string(&self, start: usize) -> Option<usize> {
        let chunk = self.bytes.get(start..)?.first_chunk::<16>()?;
        let marks = block::string_marks(chunk);
        let end = start + marks.trailing_zeros() as usize;
        (marks != 0 && self.bytes.get(end) == Some(&b'"')).then_some(end)
    }

    #[inline(never)]
    fn long_string(&mut self, start: usize) -> Result<Raw<'b>, Stop> {
        let mut at = start;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let run = match rest.first_chunk::<16>() {
                Some(chunk) => match block::string_marks(chunk) {
                    0 => {
                        at += 16;
                        continue;
                    }
                    marks => marks.trailing_zeros() as usize,
                },
                None => rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len()),
            };
            at += run;
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                }
                Some(_) => {
                    let message = "a string must not hold a control character; write a line break as `\\n`";
                    return Err(error(at, Kind::Syntax, message));
                }
                None => return Err(self.truncated("this string has no end", start - 1)),
            }
        }
        self.at = at + 1;
        let bytes = self.bytes.get(start..at).unwrap_or_default();
        Ok(Raw { bytes, escaped, at: start })
    }

    /// Skips a value. Whitespace before it is skipped too.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), Stop> {
        match self.peek() {
            b'"' => self.skip_string(),
            b'{' | b'[' => self.skip_nested(),
            b'-' | b'0'..=b'9' => self.number_text().map(|_| ()),
            _ => self.word().map(|_| ()),
        }
    }

    #[inline]
    fn skip_string(&mut self) -> Result<(), Stop> {
        if let Some(end) = self.short_string(self.at + 1) {
            self.at = end + 1;
            return Ok(());
        }
        self.skip_long_string()
    }

    fn skip_long_string(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let mut at = self.at + 1;
        let mut carry = Carry::in_string();
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let mut tail = [b' '; BLOCK];
            let Some(block) = padded(rest, &mut tail) else {
                return Err(self.truncated("this string has no end", start));
            };
            let quotes = carry.quotes(&block::masks(block));
            if quotes != 0 {
                self.at = at + quotes.trailing_zeros() as usize + 1;
                return Ok(());
            }
            at += BLOCK;
        }
    }

    /// Skips the object or list whose bracket is here: a block at a time, counting brackets outside strings.
    #[inline]
    fn skip_nested(&mut self) -> Result<(), Stop> {
        block::with_best(SkipNested(self))
    }

    #[inline(always)]
    fn skip_nested_with<M: Machine>(&mut self, machine: M) -> Result<(), Stop> {
        let start = self.at;
        let room = self.max_depth.saturating_sub(self.depth);
        if room == 0 {
            return Err(self.too_deep(start));
        }
        let mut depth = 1usize;
        let opened = usize::from(self.byte() == b'{');
        let mut curly = opened;
        let mut at = start + 1;
        let mut carry = Carry::default();
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let mut tail = [b' '; BLOCK];
            let Some(block) = padded(rest, &mut tail) else {
                return Err(self.truncated("this object or list has no end", start));
            };
            let masks = machine.masks(block);
            let strings = carry.strings(machine, &masks);
            let (open, close) = (masks.open & !strings, masks.close & !strings);
            let closes = close.count_ones() as usize;
            let opens = open.count_ones() as usize;
            if closes < depth && depth + opens <= room {
                depth = depth + opens - closes;
                curly = curly
                    .wrapping_add((open & masks.curly).count_ones() as usize)
                    .wrapping_sub((close & masks.curly).count_ones() as usize);
                at += BLOCK;
                continue;
            }
            let mut both = open | close;
            while both != 0 {
                let bit = both & both.wrapping_neg();
                let place = at + both.trailing_zeros() as usize;
                both ^= bit;
                let is_curly = usize::from(masks.curly & bit != 0);
                if open & bit != 0 {
                    depth += 1;
                    curly = curly.wrapping_add(is_curly);
                    if depth > room {
                        return Err(self.too_deep(place));
                    }
                    continue;
                }
                depth -= 1;
                curly = curly.wrapping_sub(is_curly);
                if depth == 0 {
                    if curly != 0 || is_curly != opened {
                        return Err(error(place, Kind::Syntax, "the brackets up to here do not match"));
                    }
                    self.at = place + 1;
                    return Ok(());
                }
            }
            at += BLOCK;
        }
    }

    /// `null`, `true` or `false`.
    pub(crate) fn word(&mut self) -> Result<Option<bool>, Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (word, value): (&[u8], _) = match rest.first() {
            Some(b'n') => (b"null", None),
            Some(b't') => (b"true", Some(true)),
            Some(b'f') => (b"false", Some(false)),
            _ => return Err(self.expected("a value")),
        };
        if !rest.starts_with(word) || rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// The text of a number, and whether it has neither fraction nor exponent.
    pub(crate) fn number_text(&mut self) -> Result<(&'b str, bool), Stop> {
        let start = self.at;
        self.one(|b| b == b'-');
        if !self.one(|b| b == b'0') {
            self.digits()?;
        }
        let whole = self.at;
        if self.one(|b| b == b'.') {
            self.digits()?;
        }
        if self.one(|b| b == b'e' || b == b'E') {
            self.one(|b| b == b'+' || b == b'-');
            self.digits()?;
        }
        let after = self.byte();
        if after.is_ascii_alphanumeric() || after == b'.' || after == b'_' {
            return Err(self.expected("the end of the number"));
        }
        Ok((self.text.get(start..self.at).unwrap_or_default(), whole == self.at))
    }

    #[inline]
    fn one(&mut self, is: impl Fn(u8) -> bool) -> bool {
        let found = is(self.byte());
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.expected("a digit")) }
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), Stop> {
        self.peek();
        if self.at >= self.bytes.len() {
            return Ok(());
        }
        Err(error(self.at, Kind::Trailing, "something follows the end of the JSON value"))
    }

    pub(crate) fn nesting(&self) -> usize {
        self.depth
    }

    /// Goes back to a place that was `nesting` deep.
    #[inline]
    pub(crate) fn back_to(&mut self, at: usize, nesting: usize) {
        self.at = at;
        self.depth = nesting;
    }

    #[cold]
    fn too_deep(&self, at: usize) -> Stop {
        error(at, Kind::TooDeep, "lists and objects are nested too deeply here")
    }

    #[cold]
    fn truncated(&self, message: &str, start: usize) -> Stop {
        error(self.bytes.len(), Kind::Truncated, format!("{message}; it begins at byte {start}"))
    }

    #[cold]
    pub(crate) fn expected(&self, what: &str) -> Stop {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => {
                error(self.at, Kind::Syntax, format!("expected {what}, found `{}`", found.escape_debug()))
            }
            None => error(self.bytes.len(), Kind::Truncated, format!("expected {what}, found the end")),
        }
    }
}

/// [`Cursor::skip_nested`] for the machine at hand.
struct SkipNested<'c, 'b>(&'c mut Cursor<'b>);

impl block::Work for SkipNested<'_, '_> {
    type Out = Result<(), Stop>;

    #[inline(always)]
    fn run<M: Machine>(self, machine: M) -> Self::Out {
        self.0.skip_nested_with(machine)
    }
}

/// The first block of `rest`, filled up with spaces; `None` at the end.
#[inline]
fn padded<'t>(rest: &'t [u8], tail: &'t mut [u8; BLOCK]) -> Option<&'t [u8; BLOCK]> {
    if let Some(block) = rest.first_chunk::<BLOCK>() {
        return Some(block);
    }
    if rest.is_empty() {
        return None;
    }
    for (to, from) in tail.iter_mut().zip(rest) {
        *to = *from;
    }
    Some(tail)
}

#[cold]
pub(crate) fn error(at: usize, kind: Kind, message: impl Into<String>) -> Stop {
    Stop::Bad(Box::new(ProjectError { at, kind, message: message.into() }))
}

impl<'b> Raw<'b> {
    /// As it is written.
    fn text(&self) -> &'b str {
        str::from_utf8(self.bytes).unwrap_or_default()
    }

    /// Appends the text, escapes decoded.
    pub(crate) fn decode(&self, out: &mut Vec<u8>) -> Result<(), Stop> {
        if !self.escaped {
            out.extend_from_slice(self.bytes);
            return Ok(());
        }
        let text = self.text();
        let mut rest = text;
        while let Some((plain, behind)) = rest.split_once('\\') {
            out.extend_from_slice(plain.as_bytes());
            let at = self.at + text.len() - behind.len() - 1;
            let (c, used) = escape(behind).map_err(|message| error(at, Kind::Syntax, message))?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = behind.get(used..).unwrap_or_default();
        }
        out.extend_from_slice(rest.as_bytes());
        Ok(())
    }

    /// Puts the text, escapes decoded, in place of what `out` holds.
    pub(crate) fn read_into(&self, out: &mut String) -> Result<(), Stop> {
        let mut bytes = std::mem::take(out).into_bytes();
        bytes.clear();
        self.decode(&mut bytes)?;
        *out = String::from_utf8(bytes).unwrap_or_default();
        Ok(())
    }

    /// The text's bytes, escapes decoded into `out` if there are any.
    #[inline]
    pub(crate) fn read<'t>(&self, out: &'t mut Vec<u8>) -> Result<&'t [u8], Stop>
    where
        'b: 't,
    {
        if !self.escaped {
            return Ok(self.bytes);
        }
        out.clear();
        self.decode(out)?;
        Ok(out)
    }
}

/// The character that `text`, behind a backslash, means, and the bytes that it takes.
fn escape(text: &str) -> Result<(char, usize), &'static str> {
    let c = match text.as_bytes().first() {
        Some(c @ (b'"' | b'\\' | b'/')) => char::from(*c),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text),
        _ => return Err("this escape is none of JSON's"),
    };
    Ok((c, 1))
}

fn unicode(text: &str) -> Result<(char, usize), &'static str> {
    let hex = |at: usize| {
        let digits = text.get(at..at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        digits
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or("`\\u` needs four hexadecimal digits")
    };
    let high = hex(1)?;
    if (0xd800..0xdc00).contains(&high) && text.get(5..7) == Some("\\u") {
        let low = hex(7)?;
        if (0xdc00..0xe000).contains(&low) {
            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return char::from_u32(code).map(|c| (c, 11)).ok_or("this is half of a surrogate pair");
        }
    }
    char::from_u32(high).map(|c| (c, 5)).ok_or("this is half of a surrogate pair")
}
