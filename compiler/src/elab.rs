//! Elaboration: types an expression and lowers it to IR in one walk.
//!
//! A literal gets its type from where it stands, so the walk goes both ways: [`Elab::infer`] asks an expression for
//! its type, [`Elab::check`] tells it one. A `define` is elaborated again at every call, with its parameters bound to
//! the arguments; a top-level `let` likewise at every use, so that `let nets = ["10.0.0.0/8"]` is a set of texts in
//! one place and of blocks in another. `None` means "already reported".

use std::collections::{BTreeMap, BTreeSet};

use kpol_grammar::{
    ast,
    diagnostic::{Diagnostic, Severity},
    span::{FileId, Span},
};
use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    ir::{Code, Const, Expr, ExprId, Local, LocalId, Op, Ty},
    types::Type,
    verify::MAX_TYPES,
};

use crate::{
    compile::Options,
    diagnostics as d,
    module::ModuleBuilder,
    program::{DefId, Program},
};

pub(crate) mod call;
pub(crate) mod compare;
pub(crate) mod expr;
pub(crate) mod field;
pub(crate) mod literal;
pub(crate) mod message;
pub(crate) mod names;
pub(crate) mod operator;
pub(crate) mod types;
pub(crate) mod world;

pub(crate) use world::World;

/// Expressions in the code of one rule, at most: inlined defines can multiply.
const MAX_EXPRS: usize = 20_000;
/// Defines and lets inside each other, at most.
const MAX_INLINE: usize = 64;
/// Expressions inside expressions while they are elaborated, at most: a parser's deepest file, with room for the
/// defines that it names.
const MAX_WALK: usize = 320;

/// An elaborated expression.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) id: ExprId,
    pub(crate) ty: Ty,
    /// Whether the value may be absent.
    pub(crate) opt: bool,
}

/// What is shared by all rules of a compilation.
pub(crate) struct Ctx<'a> {
    pub(crate) program: &'a Program<'a>,
    pub(crate) catalog: &'a Catalog,
    pub(crate) options: &'a Options,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Declarations that something refers to.
    pub(crate) used: BTreeSet<DefId>,
    /// Imported names that something refers to, by file.
    pub(crate) used_imports: BTreeSet<(FileId, String)>,
    /// The first place that could not be elaborated, whoever has said why. A module with a hole must not come out:
    /// if nobody has reported an error in the end, this is one.
    pub(crate) lost: Option<Span>,
}

impl Ctx<'_> {
    /// Whether an error is known in `file`, so that complaints about what is missing there would be noise.
    pub(crate) fn is_broken(&self, file: FileId) -> bool {
        self.diagnostics.iter().any(|diagnostic| {
            diagnostic.severity == Severity::Error
                && !d::is_about_unused(diagnostic)
                && diagnostic.primary().is_some_and(|span| span.file == file)
        })
    }
}

/// A local in scope.
pub(crate) struct ScopeLocal {
    pub(crate) name: String,
    pub(crate) value: Typed,
    pub(crate) span: Span,
    pub(crate) used: bool,
    /// A `let`, whose name must be used.
    pub(crate) must_use: bool,
}

/// Elaborates the code of one rule, mutation, condition or test.
pub(crate) struct Elab<'c, 'a> {
    pub(crate) ctx: &'c mut Ctx<'a>,
    pub(crate) module: &'c mut ModuleBuilder,
    pub(crate) world: World,
    pub(crate) code: Code,
    pub(crate) spans: Vec<Span>,
    /// Where each expression is written: inside a define that is expanded, its own place there.
    pub(crate) origins: Vec<Span>,
    pub(crate) scope: Vec<ScopeLocal>,
    /// The file whose names are visible.
    pub(crate) file: FileId,
    /// Inside an inlined body, whose own check has reported or will report its mistakes.
    quiet: u32,
    inlining: Vec<DefId>,
    /// The span that expressions of an inlined body get: the use.
    inline_span: Option<Span>,
    /// The lowest Kubernetes minor on which the code at hand is reached.
    pub(crate) floor: Option<u32>,
    overflowed: bool,
    /// How deep the walk is.
    walk: usize,
    /// Statements `for` around the one at hand.
    pub(crate) loops: usize,
    /// How deep each expression is, as engines count it.
    depths: Vec<usize>,
    /// Conditions that may be absent and were closed with `?? false` by the compiler.
    pub(crate) closed: BTreeSet<ExprId>,
    /// What the `let` locals in scope stand for.
    pub(crate) let_values: BTreeMap<LocalId, ExprId>,
    /// Names whose declaration is wrong.
    pub(crate) poisoned: BTreeSet<String>,
}

impl<'c, 'a> Elab<'c, 'a> {
    pub(crate) fn new(
        ctx: &'c mut Ctx<'a>,
        module: &'c mut ModuleBuilder,
        world: World,
        file: FileId,
    ) -> Self {
        let floor = ctx.options.kubernetes.map(|(low, _)| low);
        Elab {
            ctx,
            module,
            world,
            code: Code::default(),
            spans: Vec::new(),
            origins: Vec::new(),
            scope: Vec::new(),
            file,
            quiet: 0,
            inlining: Vec::new(),
            inline_span: None,
            floor,
            overflowed: false,
            walk: 0,
            loops: 0,
            depths: Vec::new(),
            closed: BTreeSet::new(),
            let_values: BTreeMap::new(),
            poisoned: BTreeSet::new(),
        }
    }

    /// Reports, unless the walk is inside a body that is checked elsewhere.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if self.quiet == 0 {
            self.ctx.diagnostics.push(diagnostic);
        }
    }

    /// Whether an error was reported since `mark` (a length of the diagnostics).
    pub(crate) fn errors_since(&self, mark: usize) -> bool {
        self.ctx.diagnostics.iter().skip(mark).any(|d| d.severity == Severity::Error)
    }

    pub(crate) fn push(&mut self, op: Op, ty: Ty, opt: bool, span: Span) -> Option<Typed> {
        let at = self.inline_span.unwrap_or(span);
        let depth = self.depth_of(&op);
        if self.overflowed || self.code.exprs.len() >= MAX_EXPRS {
            return self.overflow(d::too_big(at, MAX_EXPRS));
        }
        if depth >= kpol_vm::interp::MAX_DEPTH || types::depth(&ty) > MAX_TYPES {
            return self.overflow(d::too_deep(at));
        }
        self.depths.push(depth);
        let id = ExprId(self.code.exprs.len() as u32);
        self.code.exprs.push(Expr { op, ty: ty.clone(), optional: opt });
        self.spans.push(at);
        self.origins.push(span);
        Some(Typed { id, ty, opt })
    }

    /// Stops the walk: what has grown out of bounds here would only be reported again and again further out.
    pub(crate) fn overflow<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.overflowed = true;
        // What grows out of bounds in one define does so in all that use it: one of them is enough to say.
        if !self.ctx.diagnostics.iter().any(|known| known.code == diagnostic.code) {
            self.ctx.diagnostics.push(diagnostic);
        }
        None
    }

    /// The left operand of a chain of `and` or of `or` is as deep as the chain.
    fn depth_of(&self, op: &Op) -> usize {
        let depth = |id: &ExprId| self.depths.get(id.index()).copied().unwrap_or(0);
        let chain = |left: &ExprId| {
            let left = self.code.expr(*left).map(|expr| &expr.op);
            matches!((op, left), (Op::And(..), Some(Op::And(..))) | (Op::Or(..), Some(Op::Or(..))))
        };
        match op {
            Op::And(left, right) | Op::Or(left, right) if chain(left) => depth(left).max(depth(right) + 1),
            _ => op.operands().iter().map(depth).max().unwrap_or(0) + 1,
        }
    }

    /// One step down into an expression; ends where the walk has become too deep or was stopped.
    pub(crate) fn descend<T>(&mut self, span: Span, step: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.overflowed {
            return None;
        }
        if self.walk >= MAX_WALK {
            let span = self.inline_span.unwrap_or(span);
            return self.overflow(d::too_deep(span));
        }
        self.walk += 1;
        let result = step(self);
        self.walk -= 1;
        result
    }

    pub(crate) fn push_const(&mut self, value: Const, ty: Ty, span: Span) -> Option<Typed> {
        self.push(Op::Const(value), ty, false, span)
    }

    pub(crate) fn op(&self, typed: &Typed) -> Option<&Op> {
        self.code.expr(typed.id).map(|expr| &expr.op)
    }

    pub(crate) fn constant(&self, typed: &Typed) -> Option<&Const> {
        match self.op(typed) {
            Some(Op::Const(value)) => Some(value),
            _ => None,
        }
    }

    /// A new local that is visible until [`Elab::unbind`].
    pub(crate) fn bind(&mut self, name: &ast::Name, ty: Ty, opt: bool, must_use: bool) -> Option<LocalId> {
        self.refuse_shadowing(name);
        self.bind_hidden(&name.text, name.span, ty, opt, must_use)
    }

    /// A new local whose name may hide others: parameters of an inlined define.
    pub(crate) fn bind_hidden(
        &mut self,
        name: &str,
        span: Span,
        ty: Ty,
        opt: bool,
        must_use: bool,
    ) -> Option<LocalId> {
        if self.code.locals.len() >= kpol_vm::verify::MAX_LOCALS {
            return self
                .overflow(d::too_many_names(self.inline_span.unwrap_or(span), kpol_vm::verify::MAX_LOCALS));
        }
        let id = LocalId(self.code.locals.len() as u32);
        self.code.locals.push(Local { name: name.to_owned(), ty: ty.clone(), optional: opt });
        let value = self.push(Op::Local(id), ty, opt, span)?;
        self.scope.push(ScopeLocal { name: name.to_owned(), value, span, used: false, must_use });
        Some(id)
    }

    /// Ends the scope of every local bound since the scope had `len` of them. In a broken file the use of an unused
    /// one may be what could not be read.
    pub(crate) fn unbind(&mut self, len: usize) {
        if self.ctx.is_broken(self.file) {
            self.scope.truncate(len);
            return;
        }
        let ended: Vec<(String, Span)> = self
            .scope
            .iter()
            .skip(len)
            .filter(|local| local.must_use && !local.used)
            .map(|local| (local.name.clone(), local.span))
            .collect();
        for (name, span) in ended {
            self.report(d::unused_let(span, &name));
        }
        self.scope.truncate(len);
    }

    fn refuse_shadowing(&mut self, name: &ast::Name) {
        if let Some(earlier) = self.scope.iter().find(|local| local.name == name.text) {
            let earlier = earlier.span;
            self.report(d::shadowed(name, Some(earlier), "a name of this block"));
        } else if self.is_root(&name.text) {
            self.report(d::shadowed(name, None, "the input of that name"));
        }
    }

    /// A condition: a `bool` that is never absent. An absent one counts as false; a `dyn` holds if it is `true`.
    pub(crate) fn cond(&mut self, expr: &ast::Expr) -> Option<Typed> {
        let value = self.condition(expr);
        if value.is_none() {
            self.lose(expr.span);
        }
        value
    }

    /// Remembers a place that has no value.
    pub(crate) fn lose(&mut self, span: Span) {
        let span = self.inline_span.unwrap_or(span);
        self.ctx.lost.get_or_insert(span);
    }

    fn condition(&mut self, expr: &ast::Expr) -> Option<Typed> {
        let value = self.check_or_infer(expr, &Ty::BOOL)?;
        match &value.ty {
            Ty::Scalar(Type::Bool) if !value.opt => Some(value),
            Ty::Scalar(Type::Bool) => self.close(value, expr.span),
            Ty::Scalar(Type::Dyn) => {
                let yes = self.push_const(Const::Dyn("true".into()), Ty::DYN, expr.span)?;
                self.push(Op::Eq(value.id, yes.id), Ty::BOOL, false, expr.span)
            }
            other => {
                let shown = self.show(other);
                self.report(d::not_a_condition(expr.span, &shown, value.opt));
                None
            }
        }
    }

    /// An absent condition does not hold.
    pub(crate) fn close(&mut self, value: Typed, span: Span) -> Option<Typed> {
        let no = self.push_const(Const::Bool(false), Ty::BOOL, span)?;
        let closed = self.push(Op::Coalesce(value.id, no.id), Ty::BOOL, false, span)?;
        self.closed.insert(closed.id);
        Some(closed)
    }

    fn check_or_infer(&mut self, expr: &ast::Expr, expected: &Ty) -> Option<Typed> {
        if self.is_flexible(expr) { self.check(expr, expected) } else { self.infer(expr) }
    }

    /// The body of a declaration, elaborated at its use: names of its own file, no diagnostics, bounded depth.
    pub(crate) fn inline<T>(
        &mut self,
        def: DefId,
        span: Span,
        body: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        if self.inlining.contains(&def) {
            // The cycle itself is reported once, by the declarations' own check.
            return None;
        }
        if self.inlining.len() >= MAX_INLINE {
            let span = self.inline_span.unwrap_or(span);
            return self.overflow(d::too_many_defines(span, MAX_INLINE));
        }
        let outer = (self.file, self.inline_span, std::mem::take(&mut self.scope));
        self.file = def.file;
        self.inline_span = self.inline_span.or(Some(span));
        self.quiet += 1;
        self.inlining.push(def);
        let result = body(self);
        self.inlining.pop();
        self.quiet -= 1;
        (self.file, self.inline_span, self.scope) = outer;
        result
    }
}
