//! A file with mistakes: piece by piece.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a match on one of a hundred tokens names those it is about"
)]

use std::ops::Range;

use super::repair::{Mistake, Repair};
use super::split::{self, Body};
use super::{Failure, expected, run};
use crate::ast::{BlockClause, File, Item, ItemKind, MutateClause, RuleClause};
use crate::diagnostic::Diagnostic;
use crate::diagnostics::{Misplaced, TooDeep, Unclosed, Unexpected, Unmatched};
use crate::lexer::Lexeme;
use crate::make::{Ctx, MAX_DEPTH, Root};
use crate::token::Token;

/// How many mistakes of one clause are mended.
const MAX_REPAIRS: usize = 8;

/// How many `for` blocks are looked into, one inside the other.
const MAX_BLOCKS: usize = 32;

/// How many mistakes are looked for; nobody reads more, and each costs time.
const MAX_MISTAKES: usize = 1000;

/// The file, without what is broken.
pub(super) fn file(ctx: &Ctx<'_>, tokens: &[Lexeme], diagnostics: &mut Vec<Diagnostic>) -> File {
    let mut recovery = Recovery { ctx, diagnostics, file: File::default() };
    let known = recovery.diagnostics.len();
    for range in split::declarations(ctx, tokens) {
        if recovery.diagnostics.len() > known + MAX_MISTAKES {
            break;
        }
        recovery.declaration(tokens.get(range).unwrap_or_default());
    }
    recovery.file
}

/// One piece, with its mistakes mended as far as they are understood.
pub(super) fn piece(
    ctx: &Ctx<'_>,
    start: Token,
    tokens: &[Lexeme],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Root> {
    let mut tokens = tokens.to_vec();
    for _ in 0..=MAX_REPAIRS {
        let (index, expected) = match run(ctx, start, &tokens) {
            Ok(root) => return Some(root),
            Err(Failure::Other(diagnostic)) => {
                diagnostics.push(*diagnostic);
                return None;
            }
            Err(Failure::At { index, expected }) => (index, expected),
        };
        let (diagnostic, repair) = Mistake { ctx, tokens: &tokens, index, expected: &expected }.explain();
        diagnostics.push(diagnostic);
        if !mend(&mut tokens, index, repair) {
            // What stands before the mistake may be a whole by itself.
            return tokens.get(..index).and_then(|sound| run(ctx, start, sound).ok());
        }
    }
    None
}

/// Changes the tokens; says whether there is something to go on with.
fn mend(tokens: &mut Vec<Lexeme>, index: usize, repair: Repair) -> bool {
    let behind = index.checked_sub(1).and_then(|at| tokens.get(at)).map_or(0, |before| before.end);
    match repair {
        Repair::Give => return false,
        Repair::Remove => {
            if index >= tokens.len() {
                return false;
            }
            tokens.remove(index);
        }
        Repair::Insert(list) => {
            let new = list.into_iter().map(|token| Lexeme { token, start: behind, end: behind });
            tokens.splice(index..index, new);
        }
        Repair::Replace(list) => {
            let Some(old) = tokens.get(index).copied() else { return false };
            tokens.splice(index..=index, list.into_iter().map(|token| Lexeme { token, ..old }));
        }
    }
    true
}

struct Recovery<'a> {
    ctx: &'a Ctx<'a>,
    diagnostics: &'a mut Vec<Diagnostic>,
    file: File,
}

impl Recovery<'_> {
    fn report(&mut self, diagnostic: impl Into<Diagnostic>) {
        self.diagnostics.push(diagnostic.into());
    }

    fn declaration(&mut self, tokens: &[Lexeme]) {
        let (docs, rest) = self.docs(tokens);
        let Some(first) = rest.first().copied() else {
            for doc in docs {
                self.misplaced_doc(doc);
            }
            return;
        };
        let start = match first.token {
            Token::Package => Token::StartPackage,
            Token::Use | Token::Kind => Token::StartUse,
            _ => {
                let all: Vec<Lexeme> = docs.into_iter().chain(rest).collect();
                self.item(&all);
                return;
            }
        };
        for doc in docs {
            self.misplaced_doc(doc);
        }
        match piece(self.ctx, start, &rest, self.diagnostics) {
            Some(Root::Package(path)) => {
                let late = !self.file.uses.is_empty() || !self.file.items.is_empty();
                if late || self.file.package.is_some() {
                    let message = "a file has one `package`, as its first declaration".to_owned();
                    self.misplaced(first, message, "move it to the top of the file");
                }
                self.file.package.get_or_insert(path);
            }
            Some(Root::Use(import)) => {
                if !self.file.items.is_empty() {
                    let word = first.token.fixed_text().unwrap_or_default();
                    let message = format!("`{word}` stands before all other declarations");
                    self.misplaced(first, message, "move it up, behind `package`");
                }
                self.file.uses.push(import);
            }
            _ => {}
        }
    }

    fn misplaced(&mut self, lexeme: Lexeme, message: String, help: &'static str) {
        let span = self.ctx.span(lexeme.start, lexeme.end);
        self.report(Misplaced { span, message, help, fix: None });
    }

    fn misplaced_doc(&mut self, lexeme: Lexeme) {
        let span = self.ctx.span(lexeme.start, lexeme.end);
        let slashes = self.ctx.span(lexeme.start, lexeme.start + 3);
        let (message, help) = if lexeme.token == Token::FileDoc {
            ("a `//!` comment tells about the file and stands at its top", "write `//`, or move it up")
        } else {
            ("this doc comment stands above no declaration", "write `//` for a remark")
        };
        self.report(Misplaced { span, message: message.to_owned(), help, fix: Some((slashes, "//")) });
    }

    /// Takes the doc comments out of a declaration: those above it, and the rest of its tokens.
    fn docs(&mut self, tokens: &[Lexeme]) -> (Vec<Lexeme>, Vec<Lexeme>) {
        let mut docs = Vec::new();
        let mut rest: Vec<Lexeme> = Vec::new();
        for lexeme in tokens {
            match lexeme.token {
                Token::Doc if rest.is_empty() => docs.push(*lexeme),
                Token::FileDoc if rest.is_empty() && docs.is_empty() && self.is_untouched() => {
                    self.file.docs.push(self.ctx.doc(lexeme.start, lexeme.end));
                }
                Token::Doc | Token::FileDoc => self.misplaced_doc(*lexeme),
                _ => rest.push(*lexeme),
            }
        }
        (docs, rest)
    }

    fn is_untouched(&self) -> bool {
        self.file.package.is_none() && self.file.uses.is_empty() && self.file.items.is_empty()
    }

    fn item(&mut self, tokens: &[Lexeme]) {
        if let Ok(Root::Item(item)) = run(self.ctx, Token::StartItem, tokens) {
            self.file.items.push(item);
            return;
        }
        let item = match split::too_deep(tokens, MAX_DEPTH) {
            Some(bracket) => {
                let span = self.ctx.span(bracket.start, bracket.end);
                self.report(TooDeep { span, limit: MAX_DEPTH });
                None
            }
            None => self.broken_item(tokens),
        };
        let span = match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => self.ctx.span(first.start, last.end),
            _ => self.ctx.span(0, 0),
        };
        self.file.items.push(item.unwrap_or(Item { docs: Vec::new(), kind: ItemKind::Error, span }));
    }

    fn broken_item(&mut self, tokens: &[Lexeme]) -> Option<Item> {
        let known = tokens.iter().find(|lexeme| lexeme.token != Token::Doc)?;
        let plain = matches!(known.token, Token::Param | Token::Let | Token::Define);
        let open = split::opening_brace(tokens).filter(|_| !plain);
        let Some(open) = open else {
            return self.item_piece(tokens);
        };
        let (head, body, behind) = self.block(tokens, open);
        let item = self.item_piece(&head);
        let body_kind = item.as_ref().map_or_else(|| Body::of(known.token), |item| body_of(&item.kind));
        let roots = body_kind.map(|kind| self.body(kind, body, 0)).unwrap_or_default();
        self.behind(tokens, behind);
        let mut item = item?;
        fill_item(&mut item.kind, roots);
        item.span.end = item.span.end.max(tokens.get(behind.saturating_sub(1)).map_or(0, |last| last.end));
        Some(item)
    }

    fn item_piece(&mut self, tokens: &[Lexeme]) -> Option<Item> {
        match piece(self.ctx, Token::StartItem, tokens, self.diagnostics) {
            Some(Root::Item(item)) => Some(item),
            _ => None,
        }
    }

    /// Head (with empty braces), body, and the index behind the closing brace.
    fn block<'t>(&mut self, tokens: &'t [Lexeme], open: usize) -> (Vec<Lexeme>, &'t [Lexeme], usize) {
        let close = split::closing_brace(tokens, open);
        let mut head = tokens.get(..=open).unwrap_or_default().to_vec();
        let at = tokens.get(open).map_or(0, |brace| brace.end);
        head.push(Lexeme { token: Token::RBrace, start: at, end: at });
        if close.is_none()
            && let Some(brace) = split::unclosed_brace(self.ctx, tokens).and_then(|index| tokens.get(index))
        {
            let open = self.ctx.span(brace.start, brace.end);
            self.report(Unclosed { open, bracket: "{", closing: "}", before: None });
        }
        let end = close.unwrap_or(tokens.len());
        (head, tokens.get(open + 1..end).unwrap_or_default(), close.map_or(end, |close| close + 1))
    }

    /// Reports what stands behind a declaration.
    fn behind(&mut self, tokens: &[Lexeme], index: usize) {
        let Some(found) = tokens.get(index).copied() else { return };
        let span = self.ctx.span(found.start, found.end);
        if found.token.closes() {
            let bracket = found.token.fixed_text().unwrap_or_default();
            self.report(Unmatched { span, bracket });
            return;
        }
        self.report(Unexpected {
            span,
            found: Some(expected::found(self.ctx, found)),
            expected: "a declaration".to_owned(),
            behind: tokens.get(index.saturating_sub(1)).map(|before| expected::shown(self.ctx, *before)),
            meant: None,
            help: Some("the `}` before it ends the declaration".to_owned()),
        });
    }

    fn body(&mut self, body: Body, tokens: &[Lexeme], blocks: usize) -> Vec<Root> {
        let ranges = split::clauses(self.ctx, body, tokens);
        let known = self.diagnostics.len();
        let mut roots = Vec::new();
        for range in ranges {
            if self.diagnostics.len() > known + MAX_MISTAKES {
                break;
            }
            roots.extend(self.clause(body, tokens, range, blocks));
        }
        roots
    }

    fn clause(&mut self, body: Body, tokens: &[Lexeme], range: Range<usize>, blocks: usize) -> Option<Root> {
        let tokens = tokens.get(range)?;
        let is_for = tokens.first().is_some_and(|first| first.token == Token::For);
        if let (true, Some(inner)) = (is_for && blocks < MAX_BLOCKS, body.inner()) {
            match run(self.ctx, body.start(), tokens) {
                Ok(root) => return Some(root),
                Err(Failure::At { .. }) => {
                    if let Some(open) = split::opening_brace(tokens) {
                        return self.for_block(body, inner, tokens, open, blocks);
                    }
                }
                Err(Failure::Other(_)) => {}
            }
        }
        piece(self.ctx, body.start(), tokens, self.diagnostics)
    }

    fn for_block(
        &mut self,
        body: Body,
        inner: Body,
        tokens: &[Lexeme],
        open: usize,
        blocks: usize,
    ) -> Option<Root> {
        let (head, inside, behind) = self.block(tokens, open);
        let root = piece(self.ctx, body.start(), &head, self.diagnostics);
        let roots = self.body(inner, inside, blocks + 1);
        if let Some(rest) = tokens.get(behind..).filter(|rest| !rest.is_empty()) {
            piece(self.ctx, body.start(), rest, self.diagnostics);
        }
        let mut root = root?;
        fill_block(&mut root, roots);
        Some(root)
    }
}

fn body_of(kind: &ItemKind) -> Option<Body> {
    match kind {
        ItemKind::Rule(_) => Some(Body::Rule),
        ItemKind::Mutate(_) => Some(Body::Mutate),
        ItemKind::Correlate(_) => Some(Body::Correlate),
        ItemKind::Bind(_) => Some(Body::Bind),
        ItemKind::Exception(_) => Some(Body::Exception),
        ItemKind::Test(_) => Some(Body::Test),
        ItemKind::Param { .. } | ItemKind::Let { .. } | ItemKind::Define { .. } | ItemKind::Error => None,
    }
}

/// Picks the clauses of one kind.
macro_rules! pick {
    ($roots:expr, $variant:path) => {
        $roots
            .into_iter()
            .filter_map(|root| if let $variant(clause) = root { Some(clause) } else { None })
            .collect()
    };
}

fn fill_item(kind: &mut ItemKind, roots: Vec<Root>) {
    match kind {
        ItemKind::Rule(rule) => rule.clauses = pick!(roots, Root::Rule),
        ItemKind::Mutate(mutate) => mutate.clauses = pick!(roots, Root::Mutate),
        ItemKind::Correlate(correlate) => correlate.clauses = pick!(roots, Root::Correlate),
        ItemKind::Bind(bind) => bind.clauses = pick!(roots, Root::Bind),
        ItemKind::Exception(exception) => exception.clauses = pick!(roots, Root::Exception),
        ItemKind::Test(test) => test.clauses = pick!(roots, Root::Test),
        ItemKind::Param { .. } | ItemKind::Let { .. } | ItemKind::Define { .. } | ItemKind::Error => {}
    }
}

fn fill_block(root: &mut Root, roots: Vec<Root>) {
    match root {
        Root::Rule(RuleClause::Block(BlockClause::For(block))) | Root::Block(BlockClause::For(block)) => {
            block.body = pick!(roots, Root::Block);
        }
        Root::Mutate(MutateClause::For(block)) => block.body = pick!(roots, Root::Mutate),
        _ => {}
    }
}
