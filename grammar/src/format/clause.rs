//! Clauses: one row each.

use super::WIDTH;
use super::build::{Builder, Row, Shape};
use super::doc::{Blank, Doc};
use crate::ast::{
    BindClause, BlockClause, Change, ChangeKind, Condition, CorrelateClause, ExceptionClause, Expr, ExprKind,
    For, LetIn, Meta, MetaKind, MutateClause, On, RuleClause, Step, StrLit, TestClause, Verb, Verdict, With,
};

/// A verdict that is wider has its message on the next line.
const SHORT_VERDICT: usize = 72;

impl Builder<'_> {
    /// A row of one column.
    fn alone(&mut self, build: impl FnOnce(&mut Self) -> Doc) -> Row {
        let mut row = self.row(Shape::Alone);
        row.tail = build(self);
        row
    }

    /// A row of a word and what it says.
    fn keyed(&mut self, key: &str, build: impl FnOnce(&mut Self) -> Doc) -> Row {
        let mut row = self.row(Shape::Keyed);
        row.cells.push(self.tok(key));
        row.tail = build(self);
        row
    }

    pub(super) fn rule_clause(&mut self, clause: &RuleClause) -> Row {
        match clause {
            RuleClause::Meta(meta) => self.meta(meta),
            RuleClause::ExceptionsNeed { paths, .. } => self.alone(|this| {
                let words = vec![this.word("exceptions"), this.word("need")];
                Doc::All(vec![Doc::All(words), this.comma_aligned(paths, Self::path)])
            }),
            RuleClause::VerifyAtRuntime { .. } => self.alone(|this| this.tok("verify_at_runtime")),
            RuleClause::Block(clause) => self.block_clause(clause),
        }
    }

    pub(super) fn block_clause(&mut self, clause: &BlockClause) -> Row {
        match clause {
            BlockClause::Where { cond, .. } => self.where_clause(cond),
            BlockClause::Let(binding) => self.let_in(binding),
            BlockClause::For(block) => self.for_block(block, Self::block_clause),
            BlockClause::Verdict(verdict) => self.verdict(verdict),
        }
    }

    pub(super) fn mutate_clause(&mut self, clause: &MutateClause) -> Row {
        match clause {
            MutateClause::Meta(meta) => self.meta(meta),
            MutateClause::Where { cond, .. } => self.where_clause(cond),
            MutateClause::Let(binding) => self.let_in(binding),
            MutateClause::For(block) => self.for_block(block, Self::mutate_clause),
            MutateClause::Change(change) => self.change(change),
        }
    }

    pub(super) fn correlate_clause(&mut self, clause: &CorrelateClause) -> Row {
        match clause {
            CorrelateClause::Meta(meta) => self.meta(meta),
            CorrelateClause::Within { duration, by, .. } => self.alone(|this| {
                let words =
                    vec![this.word("within"), this.tok(duration.text.as_str()), Doc::Pad(1), this.word("by")];
                Doc::All(vec![Doc::All(words), this.comma_aligned(by, Self::path)])
            }),
            CorrelateClause::Step(step) => self.step(step),
            CorrelateClause::Reset { on, when, .. } => self.alone(|this| {
                let mut docs = vec![this.word("reset"), this.on(on)];
                if let Some(when) = when {
                    docs.extend([Doc::Pad(1), this.word("when"), this.condition(when)]);
                }
                Doc::All(docs)
            }),
            CorrelateClause::Verdict(verdict) => self.verdict(verdict),
        }
    }

    pub(super) fn bind_clause(&mut self, clause: &BindClause) -> Row {
        match clause {
            BindClause::Mode { mode, .. } => self.keyed("mode", |this| this.name(mode)),
            BindClause::Where { cond, .. } => self.keyed("where", |this| this.expr(cond)),
            BindClause::With(with) => self.with(with, Shape::Keyed),
        }
    }

    pub(super) fn exception_clause(&mut self, clause: &ExceptionClause) -> Row {
        match clause {
            ExceptionClause::Where { cond, .. } => self.keyed("where", |this| this.expr(cond)),
            ExceptionClause::Reason { text, .. } => self.keyed("reason", |this| this.string(text)),
            ExceptionClause::Owner { text, .. } => self.keyed("owner", |this| this.string(text)),
            ExceptionClause::Until { date, .. } => self.keyed("until", |this| this.tok(date.text.as_str())),
        }
    }

    pub(super) fn test_clause(&mut self, clause: &TestClause) -> Row {
        match clause {
            TestClause::Given { kind, object, .. } => self.alone(|this| {
                let head = vec![this.word("given"), this.path(kind), Doc::Pad(1)];
                Doc::All(vec![Doc::All(head), this.object(object)])
            }),
            TestClause::GivenYaml { text, .. } => self.alone(|this| this.given_text("yaml", text)),
            TestClause::GivenManifest { file, .. } => self.alone(|this| this.given_text("manifest", file)),
            TestClause::At { time, event, object, .. } => {
                let mut row = self.row(Shape::Timed(1));
                row.cells.push(Doc::All(vec![self.word("at"), self.tok(time.text.as_str())]));
                row.cells.push(self.path(event));
                row.tail = self.object(object);
                row
            }
            TestClause::With(with) => self.with(with, Shape::Alone),
            TestClause::WithObjects { objects, .. } => self.alone(|this| {
                let head = vec![this.word("with"), this.word("objects")];
                let list =
                    this.bracketed(("[", "]"), &Doc::SoftLine, false, objects, |this, (kind, object)| {
                        let kind = this.path(kind);
                        Doc::All(vec![kind, Doc::Pad(1), this.object(object)])
                    });
                Doc::All(vec![Doc::All(head), list])
            }),
            TestClause::Expect { verdict, message, blames, .. } => self.alone(|this| {
                let mut docs = vec![this.word("expect"), this.name(verdict)];
                if message.is_some() || blames.is_some() {
                    docs.push(Doc::Pad(1));
                }
                docs.push(this.expected(message.as_ref(), blames.as_ref()));
                Doc::All(docs)
            }),
        }
    }

    fn given_text(&mut self, word: &str, text: &StrLit) -> Doc {
        Doc::All(vec![self.word("given"), self.word(word), self.string(text)])
    }

    fn expected(&mut self, message: Option<&StrLit>, blames: Option<&StrLit>) -> Doc {
        self.group(|this| {
            let mut docs = Vec::new();
            if let Some(message) = message {
                docs.extend([this.word("message"), this.string(message)]);
            }
            if let Some(blames) = blames {
                if message.is_some() {
                    docs.push(Doc::Line);
                }
                docs.push(this.word("blames"));
                docs.push(Doc::IfBreak(if message.is_some() { " " } else { "" }));
                docs.push(this.string(blames));
            }
            Doc::Align(0, Box::new(Doc::All(docs)))
        })
    }

    fn where_clause(&mut self, cond: &Expr) -> Row {
        self.alone(|this| Doc::All(vec![this.word("where"), this.expr(cond)]))
    }

    fn meta(&mut self, meta: &Meta) -> Row {
        match &meta.kind {
            MetaKind::Severity(name) => self.keyed("severity", |this| this.name(name)),
            MetaKind::Mitre(list) => self.keyed("mitre", |this| this.comma_aligned(list, Self::string)),
            MetaKind::Cis(list) => self.keyed("cis", |this| this.comma_aligned(list, Self::string)),
            MetaKind::Tags(list) => self.keyed("tags", |this| this.comma_aligned(list, Self::string)),
            MetaKind::Refs(list) => self.keyed("refs", |this| this.comma_aligned(list, Self::string)),
            MetaKind::Owner(text) => self.keyed("owner", |this| this.string(text)),
        }
    }

    fn let_in(&mut self, binding: &LetIn) -> Row {
        let mut row = self.row(Shape::Value(0));
        row.cells.push(Doc::All(vec![self.word("let"), self.name(&binding.name)]));
        row.tail = self.assigned(&row, &binding.value);
        row
    }

    fn with(&mut self, with: &With, shape: Shape) -> Row {
        let mut row = self.row(shape);
        let word = self.tok("with");
        let name = self.name(&with.name);
        let width = self.flat(row.first, &name).unwrap_or(0) + 5;
        if shape == Shape::Keyed {
            row.cells.push(word);
            let value = self.assigned_behind(width + 2, &with.value);
            row.tail = Doc::All(vec![name, Doc::Pad(1), value]);
        } else {
            row.cells.push(Doc::All(vec![word, Doc::Pad(1), name]));
            row.tail = self.assigned(&row, &with.value);
        }
        row
    }

    /// `= VALUE` behind the columns of a row.
    pub(super) fn assigned(&mut self, row: &Row, value: &Expr) -> Doc {
        let cells: Option<usize> =
            row.cells.iter().map(|cell| super::doc::flat_width(cell).map(|width| width + 1)).sum();
        self.assigned_behind(cells.unwrap_or(WIDTH), value)
    }

    /// A list that does not fit behind `=` but on a line of its own stands there; other values break by themselves.
    fn assigned_behind(&mut self, head: usize, value: &Expr) -> Doc {
        let sign = self.tok("=");
        let start = self.token_count();
        let doc = self.expr(value);
        let breaks_inside = match &value.kind {
            ExprKind::List(_) => {
                let flat = self.flat(start, &doc);
                let fits = |used: usize| flat.is_some_and(|width| self.indent + used + width <= WIDTH);
                fits(head + 2) || !fits(2)
            }
            ExprKind::Comprehension { .. }
            | ExprKind::Quantified { .. }
            | ExprKind::If { .. }
            | ExprKind::Call { .. }
            | ExprKind::Paren(_) => true,
            // `a and b` would go on below the `=`, far to the right.
            ExprKind::Binary { .. }
            | ExprKind::Not(_)
            | ExprKind::Has(_)
            | ExprKind::Neg(_)
            | ExprKind::Field { .. }
            | ExprKind::Index { .. }
            | ExprKind::Var(_)
            | ExprKind::Literal(_)
            | ExprKind::Error => false,
        };
        if breaks_inside {
            return Doc::All(vec![sign, Doc::Pad(1), doc]);
        }
        let value = Doc::Group {
            doc: Box::new(Doc::Nest(2, Box::new(Doc::All(vec![Doc::Line, doc])))),
            start,
            end: self.token_count(),
        };
        Doc::All(vec![sign, value])
    }

    fn for_block<C>(&mut self, block: &For<C>, each: impl FnMut(&mut Self, &C) -> Row) -> Row {
        let mut row = self.alone(|this| {
            let head = vec![
                this.word("for"),
                this.name(&block.var),
                Doc::Pad(1),
                this.word("in"),
                this.range(&block.range),
                Doc::Pad(1),
            ];
            Doc::All(vec![Doc::All(head), this.block(&block.body, each)])
        });
        if self.source.is_none() {
            row.blank = Blank::Force;
        }
        row
    }

    fn verdict(&mut self, verdict: &Verdict) -> Row {
        let mut row = self.row(Shape::Verdict);
        let verb = match verdict.verb {
            Verb::Deny => "deny",
            Verb::Warn => "warn",
            Verb::Audit => "audit",
            Verb::Alert => "alert",
            Verb::Kill => "kill",
        };
        let mut head = vec![self.tok(verb)];
        if let Some(Condition { unless, expr, .. }) = &verdict.cond {
            head.push(Doc::Pad(1));
            head.push(self.word(if *unless { "unless" } else { "when" }));
            head.push(self.condition(expr));
        }
        let head = Doc::All(head);
        let message = Doc::All(vec![self.word("message"), self.string(&verdict.message)]);
        let fix = verdict.fix.as_ref().map(|fix| {
            let word = Doc::All(vec![self.tok("fix"), Doc::Pad(5)]);
            Doc::Nest(2, Box::new(Doc::All(vec![Doc::Hard, word, self.string(fix)])))
        });
        let width = self.flat(row.first, &Doc::All(vec![head.clone(), Doc::Pad(1), message.clone()]));
        let short = width.is_some_and(|width| self.indent + width <= SHORT_VERDICT);
        match fix {
            None if short || verdict.cond.is_none() => {
                row.cells.push(head);
                row.tail = message;
            }
            fix => {
                row.shape = Shape::Alone;
                let between = if verdict.cond.is_none() { Doc::Pad(1) } else { Doc::Hard };
                let message = Doc::Nest(2, Box::new(Doc::All(vec![between, message])));
                row.tail = Doc::All([head, message].into_iter().chain(fix).collect());
            }
        }
        row
    }

    fn change(&mut self, change: &Change) -> Row {
        self.alone(|this| match &change.kind {
            ChangeKind::Default { place, value } => this.set("default", place, value),
            ChangeKind::Overwrite { place, value } => this.set("overwrite", place, value),
            ChangeKind::Add { value, place } => {
                let head = vec![this.word("add"), this.expr(value), Doc::Pad(1), this.word("to")];
                Doc::All(vec![Doc::All(head), this.place(place)])
            }
            ChangeKind::Remove { place } => Doc::All(vec![this.word("remove"), this.place(place)]),
        })
    }

    fn set(&mut self, word: &str, place: &Expr, value: &Expr) -> Doc {
        let word = self.word(word);
        let inner = self.group(|this| {
            let place = this.place(place);
            let sign = this.tok("=");
            Doc::All(vec![place, Doc::Pad(1), sign, Doc::Line, this.expr(value)])
        });
        Doc::All(vec![word, Doc::Align(0, Box::new(inner))])
    }

    fn step(&mut self, step: &Step) -> Row {
        let mut row = self.row(Shape::Timed(2));
        row.cells.push(Doc::All(vec![self.word("step"), self.name(&step.name)]));
        let on = self.on(&step.on);
        row.cells.push(on);
        let mut parts = Vec::new();
        if let Some(when) = &step.when {
            parts.push(Doc::All(vec![self.word("when"), self.condition(when)]));
        }
        if let Some(count) = &step.count {
            let mut docs = vec![self.word("at_least"), self.tok(count.at_least.to_string())];
            if let Some(distinct) = &count.distinct {
                docs.extend([Doc::Pad(1), self.word("distinct"), self.path(distinct)]);
            }
            parts.push(Doc::All(docs));
        }
        let flat = Doc::All(row.cells.iter().chain(&parts).cloned().collect());
        let spaces = row.cells.len() + parts.len();
        let fits = self.flat(row.first, &flat).is_some_and(|width| self.indent + width + spaces <= WIDTH);
        let separator = if fits || step.count.is_none() { Doc::Pad(1) } else { Doc::Hard };
        let tail: Vec<Doc> = parts.into_iter().flat_map(|part| [separator.clone(), part]).collect();
        if fits || step.count.is_none() {
            row.tail = Doc::All(tail.into_iter().skip(1).collect());
        } else {
            let mut docs: Vec<Doc> = Vec::new();
            for cell in std::mem::take(&mut row.cells) {
                docs.extend([cell, Doc::Pad(1)]);
            }
            docs.push(Doc::Nest(2, Box::new(Doc::All(tail))));
            row.shape = Shape::Alone;
            row.tail = Doc::All(docs);
        }
        row
    }

    pub(super) fn on(&mut self, on: &On) -> Doc {
        let word = self.word("on");
        let targets = self.comma_filled(&on.targets, |this, target| {
            let mut docs = vec![this.path(&target.path)];
            if let Some(subresource) = &target.subresource {
                docs.push(this.tok("/"));
                docs.push(this.name(subresource));
            }
            if !target.operations.is_empty() {
                docs.extend([Doc::Pad(1), this.tok("(")]);
                for (index, operation) in target.operations.iter().enumerate() {
                    if index > 0 {
                        docs.extend([this.tok(","), Doc::Pad(1)]);
                    }
                    docs.push(this.name(operation));
                }
                docs.push(this.tok(")"));
            }
            Doc::All(docs)
        });
        Doc::All(vec![word, targets])
    }
}
