//! `// allow: W0203 because the image is pinned`: a remark that silences one diagnostic.

use crate::ast::File;
use crate::lexer::{Comment, Lexeme};
use crate::make::Ctx;
use crate::span::Span;

/// A remark that silences a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The code, as written; empty when it was forgotten.
    pub code: String,
    /// What stands behind `because`; without a reason it must not silence anything.
    pub reason: Option<String>,
    /// The remark.
    pub span: Span,
    /// What it covers: its own line when code stands before it there, else the whole declaration that follows, else the
    /// next line with code.
    pub applies_to: Span,
}

impl Allow {
    /// Whether it silences `code` at `place`.
    #[must_use]
    pub fn covers(&self, code: &str, place: Span) -> bool {
        let range = self.applies_to.start..self.applies_to.end;
        self.reason.is_some()
            && self.code == code
            && place.file == self.span.file
            && range.contains(&place.start)
    }
}

pub(crate) fn collect(ctx: &Ctx<'_>, file: &File, tokens: &[Lexeme], comments: &[Comment]) -> Vec<Allow> {
    comments.iter().filter_map(|comment| allow(ctx, file, tokens, comment)).collect()
}

fn allow(ctx: &Ctx<'_>, file: &File, tokens: &[Lexeme], comment: &Comment) -> Option<Allow> {
    let words = comment.text.trim_start().strip_prefix("allow:")?.trim();
    let (code, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let reason = rest.trim_start().strip_prefix("because").map(str::trim).filter(|reason| !reason.is_empty());
    Some(Allow {
        code: code.to_owned(),
        reason: reason.map(str::to_owned),
        span: comment.span,
        applies_to: applies_to(ctx, file, tokens, comment),
    })
}

fn applies_to(ctx: &Ctx<'_>, file: &File, tokens: &[Lexeme], comment: &Comment) -> Span {
    if !comment.own_line {
        return line_of(ctx, comment.span.start);
    }
    let next = tokens.partition_point(|lexeme| lexeme.start < comment.span.end);
    let Some(next) = tokens.get(next) else { return comment.span };
    let before = file.items.partition_point(|item| item.span.end <= comment.span.end);
    let item = file.items.get(before).filter(|item| {
        let first = item.docs.first().map_or(item.span.start, |doc| doc.span.start);
        next.start == first
            || next.start == item.span.start
            || item.docs.iter().any(|doc| doc.span.start == next.start)
    });
    match item {
        Some(item) => item.docs.first().map_or(item.span, |doc| doc.span.to(item.span)),
        None => line_of(ctx, next.start),
    }
}

/// The line around a byte.
fn line_of(ctx: &Ctx<'_>, at: u32) -> Span {
    let before = ctx.slice(0, at).rfind('\n').map_or(0, |newline| newline + 1);
    let rest = ctx.text.get(at as usize..).unwrap_or_default();
    let end = at as usize + rest.find('\n').unwrap_or(rest.len());
    ctx.span(u32::try_from(before).unwrap_or(at), u32::try_from(end).unwrap_or(at))
}
