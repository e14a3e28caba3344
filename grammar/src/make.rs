//! What the grammar's actions call: nodes from tokens, with a bound on the depth of every tree.
//!
//! The parser itself keeps its stack on the heap, but everything behind it (printing, checking, dropping) walks the
//! tree by recursion. So each node knows its depth while it is built, and the parse ends with an error before a tree
//! gets deeper than [`MAX_DEPTH`].

use lalrpop_util::ParseError;

use crate::ast::{
    BinaryOp, DateLit, Expr, ExprKind, For, Key, Literal, Name, Object, ObjectValue, Pair, Path, Quant,
    StrLit, TypeExpr, UnitNum,
};
use crate::diagnostic::Diagnostic;
use crate::diagnostics::TooDeep;
use crate::span::{FileId, Span};
use crate::text;
use crate::token::Token;

/// How deep a tree may get: brackets, prefixes, and the operators of one chain count one each.
pub const MAX_DEPTH: u32 = 256;

/// What an action fails with.
pub(crate) type Fail = ParseError<u32, Token, Box<Diagnostic>>;

/// What the parser was asked for.
pub(crate) enum Root {
    File(crate::ast::File),
    Package(Path),
    Use(crate::ast::Use),
    Item(crate::ast::Item),
    Expr(Expr),
    Rule(crate::ast::RuleClause),
    Block(crate::ast::BlockClause),
    Mutate(crate::ast::MutateClause),
    Correlate(crate::ast::CorrelateClause),
    Bind(crate::ast::BindClause),
    Exception(crate::ast::ExceptionClause),
    Test(crate::ast::TestClause),
}

/// A tree and the number of levels in it.
pub(crate) struct Deep<T> {
    pub(crate) node: T,
    pub(crate) depth: u32,
}

impl<T> Deep<T> {
    pub(crate) fn leaf(node: T) -> Deep<T> {
        Deep { node, depth: 1 }
    }

    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Deep<U> {
        Deep { node: make(self.node), depth: self.depth }
    }
}

/// The nodes of a list, and the deepest of them.
pub(crate) fn all<T>(list: Vec<Deep<T>>) -> (Vec<T>, u32) {
    let depth = list.iter().map(|deep| deep.depth).max().unwrap_or(0);
    (list.into_iter().map(|deep| deep.node).collect(), depth)
}

/// The source that is being parsed.
pub(crate) struct Ctx<'a> {
    pub(crate) file: FileId,
    pub(crate) text: &'a str,
}

impl Ctx<'_> {
    pub(crate) fn span(&self, start: u32, end: u32) -> Span {
        Span::new(self.file, start, end)
    }

    pub(crate) fn slice(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(crate) fn name(&self, start: u32, end: u32) -> Name {
        Name { text: self.slice(start, end).to_owned(), span: self.span(start, end) }
    }

    pub(crate) fn key(&self, start: u32, end: u32, quoted: bool) -> Key {
        let text = if quoted { self.string(start, end).text } else { self.slice(start, end).to_owned() };
        Key { text, quoted, span: self.span(start, end) }
    }

    pub(crate) fn path(&self, names: Vec<Name>) -> Path {
        let span = match (names.first(), names.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.span(0, 0),
        };
        Path { names, span }
    }

    pub(crate) fn doc(&self, start: u32, end: u32) -> crate::ast::Doc {
        let line = self.slice(start, end).get(3..).unwrap_or_default().trim_end();
        let text = line.strip_prefix(' ').unwrap_or(line).to_owned();
        crate::ast::Doc { text, span: self.span(start, end) }
    }

    pub(crate) fn string(&self, start: u32, end: u32) -> StrLit {
        let (text, triple, escapes) = text::string_value(self.slice(start, end));
        StrLit { text, triple, escapes, span: self.span(start, end) }
    }

    pub(crate) fn regex(&self, start: u32, end: u32) -> StrLit {
        let text = text::regex_pattern(self.slice(start, end)).to_owned();
        StrLit { text, span: self.span(start, end), ..StrLit::default() }
    }

    /// The lexer has reported the numbers that do not fit.
    pub(crate) fn int(&self, start: u32, end: u32) -> i64 {
        self.slice(start, end).parse().unwrap_or(i64::MAX)
    }

    pub(crate) fn unit(&self, start: u32, end: u32) -> UnitNum {
        UnitNum { text: self.slice(start, end).to_owned(), span: self.span(start, end) }
    }

    pub(crate) fn date(&self, start: u32, end: u32) -> DateLit {
        DateLit { text: self.slice(start, end).to_owned(), span: self.span(start, end) }
    }

    /// A node above subtrees of at most `depth` levels.
    pub(crate) fn above<T>(&self, depth: u32, node: T, start: u32, end: u32) -> Result<Deep<T>, Fail> {
        if depth >= MAX_DEPTH {
            let too_deep = TooDeep { span: self.span(start, end), limit: MAX_DEPTH };
            return Err(ParseError::User { error: Box::new(too_deep.into()) });
        }
        Ok(Deep { node, depth: depth + 1 })
    }

    pub(crate) fn expr(&self, depth: u32, kind: ExprKind, start: u32, end: u32) -> Result<Deep<Expr>, Fail> {
        self.above(depth, Expr { kind, span: self.span(start, end) }, start, end)
    }

    pub(crate) fn leaf(&self, kind: ExprKind, start: u32, end: u32) -> Deep<Expr> {
        Deep::leaf(Expr { kind, span: self.span(start, end) })
    }

    pub(crate) fn unary(
        &self,
        make: fn(Box<Expr>) -> ExprKind,
        operand: Deep<Expr>,
        start: u32,
        end: u32,
    ) -> Result<Deep<Expr>, Fail> {
        self.expr(operand.depth, make(Box::new(operand.node)), start, end)
    }

    pub(crate) fn binary(
        &self,
        lhs: Deep<Expr>,
        (op, op_span): (BinaryOp, Span),
        rhs: Deep<Expr>,
        start: u32,
        end: u32,
    ) -> Result<Deep<Expr>, Fail> {
        let depth = lhs.depth.max(rhs.depth);
        let kind = ExprKind::Binary { op, op_span, lhs: Box::new(lhs.node), rhs: Box::new(rhs.node) };
        self.expr(depth, kind, start, end)
    }

    pub(crate) fn ite(
        &self,
        cond: Deep<Expr>,
        then: Deep<Expr>,
        otherwise: Deep<Expr>,
        start: u32,
        end: u32,
    ) -> Result<Deep<Expr>, Fail> {
        let depth = cond.depth.max(then.depth).max(otherwise.depth);
        let kind = ExprKind::If {
            cond: Box::new(cond.node),
            then: Box::new(then.node),
            otherwise: Box::new(otherwise.node),
        };
        self.expr(depth, kind, start, end)
    }

    pub(crate) fn index(
        &self,
        base: Deep<Expr>,
        index: Deep<Expr>,
        start: u32,
        end: u32,
    ) -> Result<Deep<Expr>, Fail> {
        let depth = base.depth.max(index.depth);
        self.expr(
            depth,
            ExprKind::Index { base: Box::new(base.node), index: Box::new(index.node) },
            start,
            end,
        )
    }

    pub(crate) fn call(
        &self,
        callee: Deep<Expr>,
        args: Vec<Deep<Expr>>,
        start: u32,
        end: u32,
    ) -> Result<Deep<Expr>, Fail> {
        let (args, depth) = all(args);
        let depth = depth.max(callee.depth);
        self.expr(depth, ExprKind::Call { callee: Box::new(callee.node), args }, start, end)
    }

    pub(crate) fn comprehension(
        &self,
        head: Deep<Expr>,
        var: Name,
        range: Deep<Expr>,
        filter: Option<Deep<Expr>>,
        start: u32,
        end: u32,
    ) -> Result<Deep<Expr>, Fail> {
        let depth = head.depth.max(range.depth).max(filter.as_ref().map_or(0, |deep| deep.depth));
        let kind = ExprKind::Comprehension {
            head: Box::new(head.node),
            var,
            range: Box::new(range.node),
            filter: filter.map(|deep| Box::new(deep.node)),
        };
        self.expr(depth, kind, start, end)
    }

    pub(crate) fn quantified(
        &self,
        quant: Quant,
        var: Name,
        range: Deep<Expr>,
        body: Deep<Expr>,
        start: u32,
        end: u32,
    ) -> Result<Deep<Expr>, Fail> {
        let depth = range.depth.max(body.depth);
        let kind =
            ExprKind::Quantified { quant, var, range: Box::new(range.node), body: Box::new(body.node) };
        self.expr(depth, kind, start, end)
    }

    pub(crate) fn type_expr(
        &self,
        name: Path,
        args: Vec<Deep<TypeExpr>>,
        optional: bool,
        start: u32,
        end: u32,
    ) -> Result<Deep<TypeExpr>, Fail> {
        let (args, depth) = all(args);
        self.above(depth, TypeExpr { name, args, optional, span: self.span(start, end) }, start, end)
    }

    pub(crate) fn object(&self, pairs: Vec<Deep<Pair>>, start: u32, end: u32) -> Result<Deep<Object>, Fail> {
        let (pairs, depth) = all(pairs);
        self.above(depth, Object { pairs, span: self.span(start, end) }, start, end)
    }

    pub(crate) fn value_list(
        &self,
        items: Vec<Deep<ObjectValue>>,
        start: u32,
        end: u32,
    ) -> Result<Deep<ObjectValue>, Fail> {
        let (items, depth) = all(items);
        self.above(depth, ObjectValue::List { items, span: self.span(start, end) }, start, end)
    }

    pub(crate) fn value_literal(
        &self,
        literal: Literal,
        negative: bool,
        start: u32,
        end: u32,
    ) -> Deep<ObjectValue> {
        Deep::leaf(ObjectValue::Literal { literal, negative, span: self.span(start, end) })
    }

    pub(crate) fn for_block<C>(
        &self,
        var: Name,
        range: Expr,
        body: Vec<Deep<C>>,
        start: u32,
        end: u32,
    ) -> Result<Deep<For<C>>, Fail> {
        let (body, depth) = all(body);
        self.above(depth, For { var, range, body, span: self.span(start, end) }, start, end)
    }
}
