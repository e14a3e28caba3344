//! What the layout takes from the text: comments and blank lines, each at its token.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a match on one of a hundred tokens names those it is about"
)]

use crate::lexer::{Comment, Lexeme, tokens};
use crate::token::Token;

/// A comment between two tokens.
pub(super) struct Remark {
    /// With the slashes.
    pub(super) text: String,
    pub(super) own_line: bool,
    pub(super) blank_before: bool,
}

/// The comments and blank lines of a text. Gap `n` is the one before token `n`; the last one ends the file.
pub(super) struct Source {
    gaps: Vec<Vec<Remark>>,
    blanks: Vec<bool>,
    /// How many comments stand in the gaps before this one.
    sums: Vec<usize>,
}

impl Source {
    pub(super) fn new(text: &str, comments: &[Comment]) -> Source {
        let all: Vec<Lexeme> = tokens(text);
        let significant: Vec<Token> =
            all.iter().map(|lexeme| lexeme.token).filter(|token| !token.is_trivia()).collect();
        let mut comments = comments.iter();
        let mut source = Source { gaps: vec![Vec::new()], blanks: vec![false], sums: vec![0] };
        let mut newlines = 0;
        let mut index = 0;
        for lexeme in all {
            match lexeme.token {
                Token::Space => {
                    let blanks = text.get(lexeme.start as usize..lexeme.end as usize).unwrap_or_default();
                    newlines += blanks.matches('\n').count();
                }
                Token::Comment => {
                    if let (Some(gap), Some(comment)) = (source.gaps.last_mut(), comments.next()) {
                        let blank_before = newlines > 1;
                        let text = format!("//{}", comment.text);
                        gap.push(Remark { text, own_line: comment.own_line, blank_before });
                    }
                    newlines = 0;
                }
                token => {
                    index += 1;
                    let trailing =
                        token == Token::Comma && significant.get(index).is_some_and(|next| next.closes());
                    if !trailing {
                        source.end_gap(newlines > 1);
                    }
                    newlines = 0;
                }
            }
        }
        source.end_gap(false);
        source
    }

    fn end_gap(&mut self, blank: bool) {
        if let Some(last) = self.blanks.last_mut() {
            *last = blank;
        }
        let sum = self.sums.last().copied().unwrap_or(0) + self.gaps.last().map_or(0, Vec::len);
        self.sums.push(sum);
        self.gaps.push(Vec::new());
        self.blanks.push(false);
    }

    pub(super) fn token_count(&self) -> usize {
        self.gaps.len().saturating_sub(2)
    }

    /// The comments before a token.
    pub(super) fn gap(&self, token: usize) -> &[Remark] {
        self.gaps.get(token).map_or(&[], Vec::as_slice)
    }

    /// Whether a blank line stands right before a token (behind the comments before it).
    pub(super) fn blank(&self, token: usize) -> bool {
        self.blanks.get(token).copied().unwrap_or(false)
    }

    /// Whether a blank line stands anywhere between a token and the one before it.
    pub(super) fn parted(&self, token: usize) -> bool {
        self.blank(token) || self.gap(token).iter().any(|remark| remark.blank_before)
    }

    /// Whether a comment stands between the first token and the last one of a range.
    pub(super) fn has_comment(&self, start: usize, end: usize) -> bool {
        let sum = |gap: usize| self.sums.get(gap).copied().unwrap_or(0);
        end > start + 1 && sum(end) > sum(start + 1)
    }
}
