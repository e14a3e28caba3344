//! Expressions, objects and types.

use super::build::Builder;
use super::doc::{Doc, flat_width};
use crate::ast::{BinaryOp, Expr, ExprKind, Literal, Name, Object, ObjectValue, Pair, Quant, TypeExpr};

/// How tightly an expression holds together; what stands below needs parentheses to stand above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    If,
    Or,
    And,
    Not,
    Compare,
    Coalesce,
    Sum,
    Unary,
    Postfix,
}

fn level(expr: &Expr) -> Level {
    match &expr.kind {
        ExprKind::If { .. } => Level::If,
        ExprKind::Binary { op, .. } => op_level(*op),
        ExprKind::Not(_) => Level::Not,
        ExprKind::Has(_) | ExprKind::Neg(_) => Level::Unary,
        ExprKind::Literal(Literal::Int(number)) if *number < 0 => Level::Unary,
        ExprKind::Field { .. }
        | ExprKind::Index { .. }
        | ExprKind::Call { .. }
        | ExprKind::Var(_)
        | ExprKind::Literal(_)
        | ExprKind::Paren(_)
        | ExprKind::List(_)
        | ExprKind::Comprehension { .. }
        | ExprKind::Quantified { .. }
        | ExprKind::Error => Level::Postfix,
    }
}

fn op_level(op: BinaryOp) -> Level {
    match op {
        BinaryOp::Or => Level::Or,
        BinaryOp::And => Level::And,
        BinaryOp::Default => Level::Coalesce,
        BinaryOp::Add | BinaryOp::Sub => Level::Sum,
        BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Lt
        | BinaryOp::Le
        | BinaryOp::Gt
        | BinaryOp::Ge
        | BinaryOp::In
        | BinaryOp::NotIn
        | BinaryOp::Under
        | BinaryOp::NotUnder
        | BinaryOp::Like
        | BinaryOp::NotLike
        | BinaryOp::Matches
        | BinaryOp::NotMatches
        | BinaryOp::StartsWith
        | BinaryOp::EndsWith
        | BinaryOp::Contains => Level::Compare,
    }
}

/// The words of an operator.
fn op_words(op: BinaryOp) -> &'static [&'static str] {
    match op {
        BinaryOp::Or => &["or"],
        BinaryOp::And => &["and"],
        BinaryOp::Eq => &["=="],
        BinaryOp::Ne => &["!="],
        BinaryOp::Lt => &["<"],
        BinaryOp::Le => &["<="],
        BinaryOp::Gt => &[">"],
        BinaryOp::Ge => &[">="],
        BinaryOp::In => &["in"],
        BinaryOp::NotIn => &["not", "in"],
        BinaryOp::Under => &["under"],
        BinaryOp::NotUnder => &["not", "under"],
        BinaryOp::Like => &["like"],
        BinaryOp::NotLike => &["not", "like"],
        BinaryOp::Matches => &["matches"],
        BinaryOp::NotMatches => &["not", "matches"],
        BinaryOp::StartsWith => &["starts_with"],
        BinaryOp::EndsWith => &["ends_with"],
        BinaryOp::Contains => &["contains"],
        BinaryOp::Default => &["??"],
        BinaryOp::Add => &["+"],
        BinaryOp::Sub => &["-"],
    }
}

impl Builder<'_> {
    /// An expression whose further lines begin where it begins.
    pub(super) fn expr(&mut self, expr: &Expr) -> Doc {
        self.expr_at(expr, Level::If, 0)
    }

    /// An expression behind `when`: the operands line up, `and` stands left of them.
    pub(super) fn condition(&mut self, expr: &Expr) -> Doc {
        let hang = match level(expr) {
            Level::Or => 3,
            Level::And => 4,
            Level::If
            | Level::Not
            | Level::Compare
            | Level::Coalesce
            | Level::Sum
            | Level::Unary
            | Level::Postfix => 0,
        };
        self.expr_at(expr, Level::If, hang)
    }

    /// A range of `for`, `any` and their like.
    pub(super) fn range(&mut self, expr: &Expr) -> Doc {
        self.expr_at(expr, Level::Sum, 0)
    }

    /// The place of a change.
    pub(super) fn place(&mut self, expr: &Expr) -> Doc {
        self.expr_at(expr, Level::Postfix, 0)
    }

    fn expr_at(&mut self, expr: &Expr, least: Level, hang: usize) -> Doc {
        if level(expr) < least {
            let open = self.tok("(");
            let inner = self.expr_kind(expr, 0);
            let close = self.tok(")");
            return Doc::All(vec![open, inner, close]);
        }
        self.expr_kind(expr, hang)
    }

    fn expr_kind(&mut self, expr: &Expr, hang: usize) -> Doc {
        match &expr.kind {
            ExprKind::If { .. } => self.group(|this| Doc::Align(0, Box::new(this.if_then_else(expr)))),
            ExprKind::Binary { op, lhs, rhs, .. } => self.binary(*op, lhs, rhs, hang),
            ExprKind::Not(operand) => self.prefixed("not", operand, Level::Not),
            ExprKind::Has(operand) => self.prefixed("has", operand, Level::Postfix),
            ExprKind::Neg(operand) => {
                let minus = self.tok("-");
                Doc::All(vec![minus, self.expr_at(operand, Level::Unary, 0)])
            }
            ExprKind::Field { base, name } => {
                let base = self.expr_at(base, Level::Postfix, 0);
                let dot = self.tok(".");
                Doc::All(vec![base, dot, self.name(name)])
            }
            ExprKind::Index { base, index } => {
                let base = self.expr_at(base, Level::Postfix, 0);
                let open = self.tok("[");
                let index = self.expr(index);
                Doc::All(vec![base, open, index, self.tok("]")])
            }
            ExprKind::Call { callee, args } => {
                let callee = self.expr_at(callee, Level::Postfix, 0);
                let args = self.bracketed(("(", ")"), &Doc::SoftLine, false, args, Self::expr);
                Doc::All(vec![callee, args])
            }
            ExprKind::Var(name) => self.name(name),
            ExprKind::Literal(literal) => self.literal(literal),
            ExprKind::Paren(inner) => {
                let open = self.tok("(");
                let inner = Doc::Align(0, Box::new(self.expr(inner)));
                Doc::All(vec![open, inner, self.tok(")")])
            }
            ExprKind::List(items) => {
                let fill = items.iter().all(|item| matches!(item.kind, ExprKind::Literal(_)));
                self.bracketed(("[", "]"), &Doc::SoftLine, fill, items, Self::expr)
            }
            ExprKind::Comprehension { head, var, range, filter } => {
                self.group(|this| this.comprehension(head, var, range, filter.as_deref()))
            }
            ExprKind::Quantified { quant, var, range, body } => {
                self.group(|this| this.quantified(*quant, var, range, body))
            }
            ExprKind::Error => self.tok("_"),
        }
    }

    fn prefixed(&mut self, word: &str, operand: &Expr, least: Level) -> Doc {
        let word = self.word(word);
        Doc::All(vec![word, self.expr_at(operand, least, 0)])
    }

    /// A chain of one operator, or of operators of one level, is one group.
    fn binary(&mut self, op: BinaryOp, lhs: &Expr, rhs: &Expr, hang: usize) -> Doc {
        let own = op_level(op);
        let mut operands = vec![(op, rhs)];
        let mut first = lhs;
        while let ExprKind::Binary { op, lhs, rhs, .. } = &first.kind
            && op_level(*op) == own
            && own != Level::Compare
        {
            operands.push((*op, rhs));
            first = lhs;
        }
        let (least_first, least) = match own {
            Level::Or => (Level::Or, Level::And),
            Level::And => (Level::And, Level::Not),
            Level::Coalesce => (Level::Coalesce, Level::Sum),
            Level::Sum => (Level::Sum, Level::Unary),
            Level::If | Level::Not | Level::Compare | Level::Unary | Level::Postfix => {
                (Level::Coalesce, Level::Coalesce)
            }
        };
        self.group(|this| {
            let mut docs = vec![this.expr_at(first, least_first, 0)];
            for (op, operand) in operands.into_iter().rev() {
                let hugs = own == Level::Compare && matches!(operand.kind, ExprKind::List(_));
                docs.push(if hugs { Doc::Pad(1) } else { Doc::Line });
                for word in op_words(op) {
                    docs.push(this.word(word));
                }
                docs.push(this.expr_at(operand, least, 0));
            }
            let doc = Box::new(Doc::All(docs));
            if matches!(own, Level::Or | Level::And) { Doc::Align(hang, doc) } else { Doc::Nest(4, doc) }
        })
    }

    fn if_then_else(&mut self, expr: &Expr) -> Doc {
        let mut docs = Vec::new();
        let mut rest = expr;
        while let ExprKind::If { cond, then, otherwise } = &rest.kind {
            docs.push(self.word("if"));
            docs.push(self.expr_at(cond, Level::Or, 0));
            docs.push(Doc::Line);
            docs.push(self.word("then"));
            docs.push(self.expr(then));
            docs.push(Doc::Line);
            docs.push(self.word("else"));
            rest = otherwise;
        }
        docs.push(self.expr(rest));
        Doc::All(docs)
    }

    fn comprehension(&mut self, head: &Expr, var: &Name, range: &Expr, filter: Option<&Expr>) -> Doc {
        let open = self.tok("[");
        let head = self.expr(head);
        let beside = flat_width(&head).is_some_and(|width| width <= 24);
        let mut docs =
            vec![self.word("for"), self.name(var), Doc::Pad(1), self.word("in"), self.range(range)];
        if let Some(filter) = filter {
            docs.extend([Doc::Line, self.word("where")]);
            docs.push(self.expr(filter));
        }
        let rest = Doc::Align(0, Box::new(Doc::All(docs)));
        let between = if beside { Doc::Pad(1) } else { Doc::Line };
        let inner = Doc::Align(0, Box::new(Doc::All(vec![head, between, rest])));
        Doc::All(vec![open, inner, self.tok("]")])
    }

    fn quantified(&mut self, quant: Quant, var: &Name, range: &Expr, body: &Expr) -> Doc {
        let word = match quant {
            Quant::Any => "any",
            Quant::All => "all",
            Quant::None => "none",
            Quant::Count => "count",
        };
        let head = vec![
            self.word(word),
            self.name(var),
            Doc::Pad(1),
            self.word("in"),
            self.range(range),
            Doc::Pad(1),
        ];
        let open = self.tok("{");
        let body = Doc::All(vec![Doc::Line, self.expr(body)]);
        let close = self.tok("}");
        Doc::All(vec![Doc::All(head), open, Doc::Nest(2, Box::new(body)), Doc::End { soft: false }, close])
    }

    pub(super) fn literal(&mut self, literal: &Literal) -> Doc {
        match literal {
            Literal::Str(text) => self.string(text),
            Literal::Regex(pattern) => self.tok(format!("re\"{}\"", pattern.text)),
            Literal::Int(number) if *number < 0 => {
                let minus = self.tok("-");
                Doc::All(vec![minus, self.tok(number.unsigned_abs().to_string())])
            }
            Literal::Int(number) => self.tok(number.to_string()),
            Literal::Unit(unit) => self.tok(unit.text.as_str()),
            Literal::Date(date) => self.tok(date.text.as_str()),
            Literal::Bool(value) => self.tok(if *value { "true" } else { "false" }),
        }
    }

    pub(super) fn object(&mut self, object: &Object) -> Doc {
        self.bracketed(("{", "}"), &Doc::Line, false, &object.pairs, Self::pair)
    }

    fn pair(&mut self, pair: &Pair) -> Doc {
        let mut docs = Vec::new();
        for (index, key) in pair.keys.iter().enumerate() {
            if index > 0 {
                docs.push(self.tok("."));
            }
            docs.push(if key.quoted {
                self.tok(crate::text::escape(&key.text))
            } else {
                self.tok(key.text.as_str())
            });
        }
        docs.extend([self.tok(":"), Doc::Pad(1)]);
        docs.push(self.object_value(&pair.value));
        Doc::All(docs)
    }

    fn object_value(&mut self, value: &ObjectValue) -> Doc {
        match value {
            ObjectValue::Object(object) => self.object(object),
            ObjectValue::List { items, .. } => {
                let fill = items.iter().all(|item| matches!(item, ObjectValue::Literal { .. }));
                self.bracketed(("[", "]"), &Doc::SoftLine, fill, items, Self::object_value)
            }
            ObjectValue::Literal { literal, negative, .. } => {
                if *negative {
                    let minus = self.tok("-");
                    Doc::All(vec![minus, self.literal(literal)])
                } else {
                    self.literal(literal)
                }
            }
        }
    }

    pub(super) fn type_expr(&mut self, ty: &TypeExpr) -> Doc {
        let mut docs = vec![self.path(&ty.name)];
        if !ty.args.is_empty() {
            docs.push(self.tok("<"));
            for (index, arg) in ty.args.iter().enumerate() {
                if index > 0 {
                    docs.extend([self.tok(","), Doc::Pad(1)]);
                }
                docs.push(self.type_expr(arg));
            }
            docs.push(self.tok(">"));
        }
        if ty.optional {
            docs.push(self.tok("?"));
        }
        Doc::All(docs)
    }
}
