//! Lines and tokens of the text form.

use super::{MAX_DEPTH, Parse, TextError};

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    /// Letters, digits and `_`.
    Word(&'t str),
    /// Digits, perhaps after `-`.
    Number(&'t str),
    /// A JSON string with its quotes.
    Text(&'t str),
    /// Any other character.
    Punct(char),
}

/// One line.
#[derive(Debug)]
pub(super) struct Line<'t> {
    number: usize,
    pub(super) depth: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Line<'t> {
    pub(super) fn cursor(&'t self) -> Cursor<'t> {
        Cursor { line: self, at: 0 }
    }

    pub(super) fn first_word(&self) -> Option<&'t str> {
        if let Some(Token::Word(word)) = self.tokens.first() { Some(word) } else { None }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> TextError {
        TextError { line: self.number, message: message.into() }
    }
}

/// The lines of a text; empty ones are left out.
pub(super) fn lines(text: &str) -> Parse<Vec<Line<'_>>> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.trim_start_matches(' ');
        let mut read =
            Line { number: index + 1, depth: (line.len() - content.len()) / 2, tokens: Vec::new() };
        let mut rest = content.trim_end();
        while let Some(first) = rest.chars().next() {
            let len = token_len(rest, first).ok_or_else(|| read.error("a text has no end"))?;
            let (token, after) = rest.split_at(len);
            match first {
                ' ' => {}
                '"' => read.tokens.push(Token::Text(token)),
                '-' | '0'..='9' => read.tokens.push(Token::Number(token)),
                'a'..='z' | 'A'..='Z' | '_' => read.tokens.push(Token::Word(token)),
                other => read.tokens.push(Token::Punct(other)),
            }
            rest = after;
        }
        if !read.tokens.is_empty() {
            lines.push(read);
        }
    }
    Ok(lines)
}

/// The bytes of the token that begins with `first`; `None` if it does not end.
fn token_len(text: &str, first: char) -> Option<usize> {
    let until = |inside: fn(char) -> bool| {
        text.char_indices().skip(1).find(|(_, c)| !inside(*c)).map_or(text.len(), |(at, _)| at)
    };
    match first {
        '"' => {
            let mut escaped = false;
            for (at, c) in text.char_indices().skip(1) {
                if c == '"' && !escaped {
                    return Some(at + 1);
                }
                escaped = c == '\\' && !escaped;
            }
            None
        }
        '-' | '0'..='9' => Some(until(|c| c.is_ascii_digit())),
        'a'..='z' | 'A'..='Z' | '_' => Some(until(|c| c.is_ascii_alphanumeric() || c == '_')),
        other => Some(other.len_utf8()),
    }
}

/// A place in a line.
pub(super) struct Cursor<'t> {
    line: &'t Line<'t>,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn error(&self, message: impl Into<String>) -> TextError {
        self.line.error(message)
    }

    pub(super) fn bounded(&self, depth: usize) -> Parse<()> {
        if depth > MAX_DEPTH { Err(self.error("this is nested too deeply")) } else { Ok(()) }
    }

    fn peek(&self) -> Option<Token<'t>> {
        self.line.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    pub(super) fn end(&self) -> Parse<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.error("more than expected")) }
    }

    /// Whether the next token is this punctuation, or (`"`) a text.
    pub(super) fn is(&self, punct: char) -> bool {
        match self.peek() {
            Some(Token::Punct(found)) => found == punct,
            Some(Token::Text(_)) => punct == '"',
            Some(Token::Word(_) | Token::Number(_)) | None => false,
        }
    }

    pub(super) fn punct(&mut self, punct: char) -> Parse<()> {
        if self.eat(punct) { Ok(()) } else { Err(self.error(format!("`{punct}` is expected"))) }
    }

    /// Takes the punctuation if it stands next.
    pub(super) fn eat(&mut self, punct: char) -> bool {
        let found = self.is(punct);
        self.at += usize::from(found);
        found
    }

    pub(super) fn any_word(&mut self) -> Parse<&'t str> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Number(_) | Token::Text(_) | Token::Punct(_)) | None => {
                Err(self.error("a word is expected"))
            }
        }
    }

    pub(super) fn word(&mut self, word: &str) -> Parse<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.error(format!("`{word}` is expected"))) }
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(Token::Word(word));
        self.at += usize::from(found);
        found
    }

    pub(super) fn text(&mut self) -> Parse<String> {
        match self.next() {
            Some(Token::Text(text)) => {
                serde_json::from_str(text).map_err(|_| self.error("this is no text in the form of JSON"))
            }
            Some(Token::Number(_) | Token::Word(_) | Token::Punct(_)) | None => {
                Err(self.error("a text is expected"))
            }
        }
    }

    /// A text that is a value of a scalar type.
    pub(super) fn scalar<T: std::str::FromStr>(&mut self) -> Parse<T> {
        let text = self.text()?;
        text.parse().map_err(|_| self.error(format!("`{text}` is no value of this type")))
    }

    pub(super) fn eat_int(&mut self) -> Parse<Option<i64>> {
        let Some(Token::Number(digits)) = self.peek() else { return Ok(None) };
        self.at += 1;
        digits.parse().map(Some).map_err(|_| self.error("this number is too large"))
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Parse<T> {
        match self.next() {
            Some(Token::Number(digits)) => digits.parse().map_err(|_| self.error("this number is too large")),
            Some(Token::Text(_) | Token::Word(_) | Token::Punct(_)) | None => {
                Err(self.error("a number is expected"))
            }
        }
    }

    /// `%3`, `$3`, `.3`: a number behind its sigil.
    pub(super) fn sigil(&mut self, sigil: char) -> Parse<u32> {
        self.punct(sigil)?;
        self.number()
    }

    /// `r3`: a number at the end of a word.
    pub(super) fn number_after(&mut self, prefix: &str) -> Parse<u32> {
        let digits = self.any_word()?.strip_prefix(prefix).and_then(|digits| digits.parse().ok());
        digits.ok_or_else(|| self.error(format!("`{prefix}` and a number are expected")))
    }

    /// Items between commas, up to `close`.
    pub(super) fn items<T>(&mut self, close: char, item: impl Fn(&mut Self) -> Parse<T>) -> Parse<Vec<T>> {
        let mut items = Vec::new();
        while !self.eat(close) {
            if !items.is_empty() {
                self.punct(',')?;
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Items between commas, at least one, up to the end of the line.
    pub(super) fn rest<T>(&mut self, item: impl Fn(&mut Self) -> Parse<T>) -> Parse<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(',') {
            items.push(item(self)?);
        }
        Ok(items)
    }
}
