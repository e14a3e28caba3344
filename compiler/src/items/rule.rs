//! Rules: clauses to statements, verdicts to clauses of the IR.

use kpol_grammar::{
    ast::{self, BlockClause, RuleClause},
    span::{FileId, Span},
};
use kpol_vm::ir::{Clause, ClauseId, Cost, Op, Rule, Stmt, Ty, Verb};

use crate::{
    check,
    debug::CodeDebug,
    diagnostics as d,
    elab::{Ctx, Elab, World},
    items::{meta::meta, target},
    module::ModuleBuilder,
    program::path_text,
};

/// A rule in IR with its spans, and what its binds and exceptions need to know of it.
pub(crate) struct Lowered {
    pub(crate) rule: Rule,
    pub(crate) debug: CodeDebug,
    pub(crate) world: World,
    /// Conditions that the compiler closed with `?? false`.
    pub(crate) closed: std::collections::BTreeSet<kpol_vm::ir::ExprId>,
}

/// Lowers a rule; `None` if its target is unknown. A rule with other errors is lowered as far as it goes, so that
/// its tests and binds still find it.
pub(crate) fn lower(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    file: FileId,
    item: &ast::Item,
    rule: &ast::Rule,
    name: String,
) -> Option<Lowered> {
    let metas = rule.clauses.iter().filter_map(|clause| match clause {
        RuleClause::Meta(meta) => Some(meta),
        _ => None,
    });
    let meta = meta(ctx, &item.docs, metas);
    let world = target::world(ctx, module, &rule.on)?;
    let mark = ctx.diagnostics.len();
    let mut lowering = RuleLowering {
        elab: Elab::new(ctx, module, world.clone(), file),
        clauses: Vec::new(),
        clause_spans: Vec::new(),
        message_spans: Vec::new(),
        killable: true,
    };
    lowering.killable = lowering.all_killable();
    let mut body = Vec::new();
    let mut exceptions_need = Vec::new();
    for clause in &rule.clauses {
        match clause {
            RuleClause::Meta(_) => {}
            RuleClause::Block(block) => lowering.clause(block, &mut body),
            RuleClause::ExceptionsNeed { paths, .. } => {
                exceptions_need.extend(lowering.needed_paths(paths));
            }
            RuleClause::VerifyAtRuntime { span } => lowering.elab.report(d::verify_not_derived(*span)),
        }
    }
    lowering.elab.unbind(0);
    if lowering.clauses.is_empty() && !lowering.elab.ctx.is_broken(file) {
        lowering.elab.report(d::no_verdict(rule.name.span, &rule.name.text));
    }
    let RuleLowering { elab, clauses, clause_spans, message_spans, .. } = lowering;
    let (code, exprs, origins, closed) = (elab.code, elab.spans, elab.origins, elab.closed);
    let sound =
        !ctx.diagnostics.iter().skip(mark).any(|d| d.severity == kpol_grammar::diagnostic::Severity::Error);
    let mut lowered = Lowered {
        rule: Rule {
            name,
            meta,
            targets: world.targets.clone(),
            code,
            body,
            clauses,
            exceptions_need,
            cost: Cost::default(),
        },
        debug: CodeDebug {
            name: rule.name.span,
            exprs,
            origins,
            clauses: clause_spans,
            messages: message_spans,
        },
        world,
        closed,
    };
    if sound {
        check::rule(ctx, module, &mut lowered);
    }
    Some(lowered)
}

struct RuleLowering<'c, 'a> {
    elab: Elab<'c, 'a>,
    clauses: Vec<Clause>,
    clause_spans: Vec<Span>,
    message_spans: Vec<Span>,
    /// Whether `kill` can still reach the process.
    killable: bool,
}

impl RuleLowering<'_, '_> {
    fn clause(&mut self, clause: &BlockClause, out: &mut Vec<Stmt>) {
        match clause {
            BlockClause::Where { cond, .. } => {
                if let Some(cond) = self.elab.where_clause(cond) {
                    out.push(Stmt::Where(cond));
                }
            }
            BlockClause::Let(binding) => {
                if let Some((local, value)) = self.elab.let_in(binding) {
                    out.push(Stmt::Let(local, value));
                }
            }
            BlockClause::For(block) => {
                let depth = self.elab.scope.len();
                let floor = self.elab.floor;
                let head = self.elab.for_head(&block.var, &block.range);
                let mut body = Vec::new();
                for clause in &block.body {
                    self.clause(clause, &mut body);
                }
                self.elab.unbind(depth);
                self.elab.loops -= 1;
                self.elab.floor = floor;
                if let Some((local, list)) = head {
                    out.push(Stmt::For { local, list, body });
                }
            }
            BlockClause::Verdict(verdict) => self.verdict(verdict, out),
        }
    }

    fn verdict(&mut self, verdict: &ast::Verdict, out: &mut Vec<Stmt>) {
        let verb = self.verb(verdict);
        let cond = verdict.cond.as_ref().map(|condition| self.condition(condition));
        let message = self.elab.message(&verdict.message);
        let fix = verdict.fix.as_ref().map(|fix| self.elab.message(fix));
        let clause = ClauseId(self.clauses.len() as u32);
        self.clauses.push(Clause { verb, message: message.unwrap_or_default(), fix: fix.flatten() });
        self.clause_spans.push(verdict.span);
        self.message_spans.push(verdict.message.span);
        match cond {
            None => out.push(Stmt::Verdict { clause, cond: None }),
            Some(Some(cond)) => out.push(Stmt::Verdict { clause, cond: Some(cond) }),
            // Reported; a verdict without its condition would be one that always hits.
            Some(None) => {}
        }
    }

    fn condition(&mut self, condition: &ast::Condition) -> Option<kpol_vm::ir::ExprId> {
        let value = self.elab.cond(&condition.expr)?;
        if !condition.unless {
            return Some(value.id);
        }
        let negated = self.elab.push(Op::Not(value.id), Ty::BOOL, false, condition.expr.span)?;
        // A decision tree says `unless x` of the one and `x` of the other.
        if let Some(origin) = self.elab.origins.last_mut() {
            *origin = condition.span;
        }
        Some(negated.id)
    }

    fn verb(&mut self, verdict: &ast::Verdict) -> Verb {
        let verb = lower_verb(verdict.verb);
        let fits = match verb {
            Verb::Deny | Verb::Warn | Verb::Audit => self.elab.world.admission,
            Verb::Alert | Verb::Kill => !self.elab.world.admission,
        };
        if !fits {
            let title = self.elab.world.title.clone();
            let admission = self.elab.world.admission;
            self.elab.report(d::verb_in_wrong_world(verdict.verb_span, &title, admission));
        } else if verb == Verb::Kill && !self.killable {
            let title = self.elab.world.title.clone();
            self.elab.report(d::cannot_kill(verdict.verb_span, &title));
        }
        verb
    }

    fn all_killable(&self) -> bool {
        let catalog = self.elab.ctx.catalog;
        self.elab.world.targets.iter().all(|target| match target {
            kpol_vm::ir::Target::Kind { .. } => true,
            kpol_vm::ir::Target::Event { name, .. } => {
                catalog.event(name).is_some_and(|event| event.killable)
            }
        })
    }

    /// `exceptions need proc.exe, file.path`: each must be a path of this target.
    fn needed_paths(&mut self, paths: &[ast::Path]) -> Vec<String> {
        let mut needed = Vec::new();
        for path in paths {
            if self.elab.infer(&path_expr(path)).is_some() {
                needed.push(path_text(path));
            }
        }
        needed
    }
}

pub(crate) fn lower_verb(verb: ast::Verb) -> Verb {
    match verb {
        ast::Verb::Deny => Verb::Deny,
        ast::Verb::Warn => Verb::Warn,
        ast::Verb::Audit => Verb::Audit,
        ast::Verb::Alert => Verb::Alert,
        ast::Verb::Kill => Verb::Kill,
    }
}

/// A dotted path as an expression.
pub(crate) fn path_expr(path: &ast::Path) -> ast::Expr {
    let mut names = path.names.iter();
    let first = names.next();
    let start = first.map_or(path.span, |name| name.span);
    let kind = first.map_or(ast::ExprKind::Error, |name| ast::ExprKind::Var(name.clone()));
    names.fold(ast::Expr { kind, span: start }, |base, name| ast::Expr {
        span: start.to(name.span),
        kind: ast::ExprKind::Field { base: Box::new(base), name: name.clone() },
    })
}
