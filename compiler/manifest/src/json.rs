//! Strict JSON (RFC 8259) with positions, iterative: one loop over the text, the open lists and objects on a stack.
//!
//! Several values may follow each other, as in `kubectl get -o json` output that was appended to a file.

use crate::build::Builder;
use crate::scalar::number;
use crate::{Document, Json, Limits, ManifestError, ManifestErrorKind as Kind, text};
use std::ops::Range;

pub(crate) fn read(text: &str, limits: &Limits) -> Result<Vec<Document>, ManifestError> {
    let (_, start) = text::without_bom(text);
    let mut reader = Reader { text, at: start, build: Builder::new(limits) };
    while reader.peek().is_some() {
        reader.build.start_document(reader.at)?;
        reader.document()?;
        reader.build.end_document();
    }
    Ok(reader.build.finish())
}

struct Reader<'t, 'l> {
    text: &'t str,
    at: usize,
    build: Builder<'l>,
}

impl Reader<'_, '_> {
    fn document(&mut self) -> Result<(), ManifestError> {
        let mut open = Vec::new();
        loop {
            let next = self.peek();
            let start = self.at;
            match next {
                Some(bracket @ (b'{' | b'[')) => {
                    let object = bracket == b'{';
                    self.build.open(object, self.at)?;
                    self.at += 1;
                    open.push(object);
                    if self.peek() != Some(closer(object)) {
                        self.key_if(object)?;
                        continue;
                    }
                }
                Some(b'"') => {
                    let value = Json::Str(self.string()?);
                    self.insert(value, start)?;
                }
                Some(b'-' | b'0'..=b'9') => {
                    let value = self.number()?;
                    self.insert(value, start)?;
                }
                Some(_) => {
                    let value = self.word()?;
                    self.insert(value, start)?;
                }
                None => return Err(self.expected("a value")),
            }
            // A value or an opening bracket lies behind: brackets close until a comma or the end.
            while let Some(&object) = open.last() {
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.key_if(object)?;
                        break;
                    }
                    Some(byte) if byte == closer(object) => {
                        self.at += 1;
                        open.pop();
                        if let Some(built) = self.build.close(self.at)? {
                            self.build.insert(built)?;
                        }
                    }
                    _ => return Err(self.expected(if object { "`,` or `}`" } else { "`,` or `]`" })),
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    fn insert(&mut self, value: Json, start: usize) -> Result<(), ManifestError> {
        let built = self.build.scalar(value, start..self.at)?;
        self.build.insert(built)
    }

    fn key_if(&mut self, object: bool) -> Result<(), ManifestError> {
        if !object {
            return Ok(());
        }
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let start = self.at;
        let name = self.string()?;
        self.build.key(name, start..self.at)?;
        if self.peek() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is no white space; `at` is its place.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn word(&mut self) -> Result<Json, ManifestError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let word = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let value = match word {
            "null" => Json::Null,
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            _ => return Err(self.expected("a value")),
        };
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Json, ManifestError> {
        let start = self.at;
        self.skip_one(|b| b == b'-');
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let whole = self.at;
        if self.skip_one(|b| b == b'.') {
            self.digits()?;
        }
        if self.skip_one(|b| b == b'e' || b == b'E') {
            self.skip_one(|b| b == b'+' || b == b'-');
            self.digits()?;
        }
        if self.byte().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_') {
            return Err(self.expected("the end of the number"));
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if let (true, Ok(value)) = (whole == self.at, text.parse()) {
            return Ok(Json::Int(value));
        }
        let value = text.parse().ok().filter(|value: &f64| value.is_finite());
        let too_large = || ManifestError::new(Kind::Number, start..self.at, "this number is too large");
        value.map(number).ok_or_else(too_large)
    }

    fn skip_one(&mut self, is: impl Fn(u8) -> bool) -> bool {
        let found = self.byte().is_some_and(is);
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> Result<(), ManifestError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(()) } else { Err(self.expected("a digit")) }
    }

    /// A string; `at` is on its opening quote before and behind its closing quote after.
    fn string(&mut self) -> Result<String, ManifestError> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let run = rest.bytes().position(|b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(rest.len());
            out.push_str(rest.get(..run).unwrap_or_default());
            self.at += run;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => {
                    let help = "write a line break in a string as `\\n`, a tab as `\\t`";
                    return Err(self.expected("no control character in a string").help(help));
                }
                None => {
                    return Err(syntax(start..start + 1, "this string has no end"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, ManifestError> {
        let start = self.at;
        let letter = self.text.as_bytes().get(start + 1).copied();
        self.at += 2;
        let c = match letter {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(syntax(start..start + 1, "this escape is none of JSON's")),
        };
        Ok(c)
    }

    fn unicode(&mut self, start: usize) -> Result<char, ManifestError> {
        let high = self.hex(start)?;
        let is_high = (0xd800..0xdc00).contains(&high);
        let code = if is_high && self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u") {
            self.at += 2;
            let low = self.hex(start)?;
            let paired = (0xdc00..0xe000).contains(&low);
            if paired { 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) } else { high }
        } else {
            high
        };
        char::from_u32(code).ok_or_else(|| syntax(start..self.at, "this is half of a surrogate pair"))
    }

    fn hex(&mut self, start: usize) -> Result<u32, ManifestError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += 4;
        code.ok_or_else(|| syntax(start..start + 2, "`\\u` needs four hexadecimal digits"))
    }

    fn expected(&self, what: &str) -> ManifestError {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let end = self.at + found.map_or(0, char::len_utf8);
        let found = found.map_or("the end of the text".to_owned(), |c| format!("`{}`", c.escape_debug()));
        syntax(self.at..end, &format!("this is not valid JSON: expected {what}, found {found}"))
    }
}

fn syntax(at: Range<usize>, message: &str) -> ManifestError {
    ManifestError::new(Kind::Syntax, at, message)
}

fn closer(object: bool) -> u8 {
    if object { b'}' } else { b']' }
}
