//! Checks rules, mutations, binds and exceptions: their targets, statements, messages, places and conditions.

use super::{
    Checker, MAX_ITEMS, MAX_LOOPS, Problem, VerifyError, at_most, code::Checked, has_record, ops::flows,
};
use crate::{
    ir::{
        ChangeKind, Clause, ClauseId, Condition, ExprId, LocalId, MutStmt, Op, Place, PlaceBase, Rule,
        RuleId, Slot, Stmt, Target, Template, TemplatePart, Ty,
    },
    value::const_fits,
};

type Check = Result<(), VerifyError>;

pub(super) fn check(checker: &Checker<'_>) -> Check {
    let module = checker.module;
    for rule in &module.rules {
        let place = format!("rule {}", rule.name);
        check_targets(checker, &place, &rule.targets)?;
        let mut checked = Checked::new(*checker, place, &rule.code)?;
        check_slots(&checked, &rule.targets)?;
        Body { rule, seen: vec![false; rule.clauses.len().min(MAX_ITEMS)] }.block(
            &mut checked,
            &rule.body,
            0,
        )?;
    }
    for mutation in &module.mutations {
        let place = format!("mutation {}", mutation.name);
        check_targets(checker, &place, &mutation.targets)?;
        let mut checked = Checked::new(*checker, place, &mutation.code)?;
        check_slots(&checked, &mutation.targets)?;
        mut_block(&mut checked, &mutation.body, &mutation.targets, 0)?;
    }
    for (index, bind) in module.binds.iter().enumerate() {
        let place = format!("bind {index}");
        check_conditions(checker, &place, &bind.rules, &bind.conditions)?;
        for (id, value) in &bind.with {
            let error = |problem| VerifyError { place: place.clone(), expr: None, problem };
            let param = module.params.get(id.index());
            let param = param.ok_or_else(|| error(Problem::NoSuch { what: "param", id: id.0 }))?;
            if !const_fits(value, &param.ty) {
                return Err(error(Problem::Const(checker.show(&param.ty))));
            }
        }
    }
    for exception in &module.exceptions {
        check_conditions(
            checker,
            &format!("exception {}", exception.name),
            &exception.rules,
            &exception.conditions,
        )?;
    }
    Ok(())
}

fn check_conditions(checker: &Checker<'_>, place: &str, rules: &[RuleId], conditions: &[Condition]) -> Check {
    let error = |problem| VerifyError { place: place.to_owned(), expr: None, problem };
    if rules.len() != conditions.len() {
        return Err(error(Problem::Conditions { rules: rules.len(), conditions: conditions.len() }));
    }
    for (id, condition) in rules.iter().zip(conditions) {
        let rule = checker.module.rules.get(id.index());
        let rule = rule.ok_or_else(|| error(Problem::NoSuch { what: "rule", id: id.0 }))?;
        let checked = Checked::new(*checker, place.to_owned(), &condition.code)?;
        check_slots(&checked, &rule.targets)?;
        condition.cond.map_or(Ok(()), |cond| checked.condition(cond))?;
    }
    Ok(())
}

/// The targets of one item: all of requests, or all of events.
fn check_targets(checker: &Checker<'_>, place: &str, targets: &[Target]) -> Check {
    let error = |problem| Err(VerifyError { place: place.to_owned(), expr: None, problem });
    if let Err(problem) = at_most("targets", targets.len(), MAX_ITEMS) {
        return error(problem);
    }
    let mut events = 0;
    for target in targets {
        let roots: Vec<_> = match target {
            Target::Kind { kind, version, object, pod, .. } => {
                if kind.is_empty() || version.is_empty() {
                    return error(Problem::Target("a kind and a version are needed"));
                }
                pod.iter().map(|(root, _)| *root).chain([*object]).collect()
            }
            Target::Event { root, .. } => {
                events += 1;
                vec![*root]
            }
        };
        if let Some(root) = roots.iter().find(|root| root.index() >= checker.module.roots.len()) {
            return error(Problem::NoSuch { what: "root", id: root.0 });
        }
    }
    if events != 0 && events != targets.len() {
        return error(Problem::Target("requests and events do not mix"));
    }
    Ok(())
}

/// The root values that code reads are those that every target gives.
fn check_slots(checked: &Checked<'_>, targets: &[Target]) -> Check {
    for (id, expr) in (0u32..).map(ExprId).zip(&checked.code.exprs) {
        let Op::Root(slot, root) = &expr.op else { continue };
        let given = |target: &Target| match (slot, target) {
            (Slot::Object | Slot::Old, Target::Kind { object, .. }) => object == root,
            (Slot::Pod, Target::Kind { pod, .. }) => pod.as_ref().is_some_and(|(pod, _)| pod == root),
            (Slot::Namespace | Slot::Request, Target::Kind { .. }) => true,
            (Slot::Event, Target::Event { root: event, .. }) => event == root,
            (Slot::User | Slot::Cluster, Target::Kind { .. } | Target::Event { .. }) => true,
            (
                Slot::Object | Slot::Old | Slot::Pod | Slot::Namespace | Slot::Request,
                Target::Event { .. },
            )
            | (Slot::Event, Target::Kind { .. }) => false,
        };
        if !targets.iter().all(given) {
            return Err(checked.error(Some(id), Problem::Slot(slot_name(*slot))));
        }
    }
    Ok(())
}

fn slot_name(slot: Slot) -> &'static str {
    match slot {
        Slot::Object => "object",
        Slot::Old => "old",
        Slot::Pod => "pod",
        Slot::Namespace => "namespace",
        Slot::User => "user",
        Slot::Request => "request",
        Slot::Cluster => "cluster",
        Slot::Event => "event",
    }
}

/// Checks a loop's list against its local, and gives the local a scope.
fn enter_loop(checked: &mut Checked<'_>, local: LocalId, list: ExprId, depth: usize) -> Check {
    if depth >= MAX_LOOPS {
        return Err(checked.error(Some(list), Problem::TooDeep));
    }
    let ty = checked.used(list)?;
    checked.bind(local)?;
    let local_ty = checked.code.locals.get(local.index()).map_or(&Ty::DYN, |local| &local.ty);
    let fits = ty.element().is_some_and(|element| flows(element, local_ty))
        || (*ty == Ty::DYN && *local_ty == Ty::DYN);
    if fits { Ok(()) } else { Err(checked.wrong(Some(list), "the list", ty)) }
}

/// Checks a `let`, and gives its local a scope.
fn enter_let(checked: &mut Checked<'_>, local: LocalId, value: ExprId) -> Check {
    let ty = checked.used(value)?;
    checked.bind(local)?;
    let local_ty = checked.code.locals.get(local.index()).map_or(&Ty::DYN, |local| &local.ty);
    if flows(ty, local_ty) { Ok(()) } else { Err(checked.wrong(Some(value), "the value", ty)) }
}

struct Body<'m> {
    rule: &'m Rule,
    /// The verdicts that have been met: each stands in one place, so that a hit names it.
    seen: Vec<bool>,
}

impl<'m> Body<'m> {
    fn block(&mut self, checked: &mut Checked<'m>, stmts: &[Stmt], depth: usize) -> Check {
        let mut bound = Vec::new();
        for stmt in stmts {
            match stmt {
                Stmt::Where(cond) => checked.condition(*cond)?,
                Stmt::Let(local, value) => {
                    enter_let(checked, *local, *value)?;
                    bound.push(*local);
                }
                Stmt::For { local, list, body } => {
                    enter_loop(checked, *local, *list, depth)?;
                    self.block(checked, body, depth + 1)?;
                    checked.unbind(*local);
                }
                Stmt::Verdict { clause, cond } => {
                    cond.map_or(Ok(()), |cond| checked.condition(cond))?;
                    self.verdict(checked, *clause)?;
                }
            }
        }
        bound.into_iter().for_each(|local| checked.unbind(local));
        Ok(())
    }

    fn verdict(&mut self, checked: &Checked<'m>, id: ClauseId) -> Check {
        let missing = || checked.error(None, Problem::NoSuch { what: "verdict", id: id.0 });
        let Clause { message, fix, .. } = self.rule.clauses.get(id.index()).ok_or_else(missing)?;
        let seen = self.seen.get_mut(id.index()).ok_or_else(missing)?;
        if std::mem::replace(seen, true) {
            return Err(checked.error(None, Problem::Target("a verdict stands in two places")));
        }
        template(checked, message)?;
        fix.as_ref().map_or(Ok(()), |fix| template(checked, fix))
    }
}

fn template(checked: &Checked<'_>, template: &Template) -> Check {
    template.parts.iter().try_for_each(|part| match part {
        TemplatePart::Text(_) => Ok(()),
        TemplatePart::Hole(expr) => checked.used(*expr).map(drop),
    })
}

fn mut_block(checked: &mut Checked<'_>, stmts: &[MutStmt], targets: &[Target], depth: usize) -> Check {
    let mut bound = Vec::new();
    for stmt in stmts {
        match stmt {
            MutStmt::Where(cond) => checked.condition(*cond)?,
            MutStmt::Let(local, value) => {
                enter_let(checked, *local, *value)?;
                bound.push(*local);
            }
            MutStmt::For { local, list, body } => {
                enter_loop(checked, *local, *list, depth)?;
                mut_block(checked, body, targets, depth + 1)?;
                checked.unbind(*local);
            }
            MutStmt::Change { kind, place, value } => change(checked, *kind, place, *value, targets)?,
        }
    }
    bound.into_iter().for_each(|local| checked.unbind(local));
    Ok(())
}

fn change(
    checked: &Checked<'_>,
    kind: ChangeKind,
    place: &Place,
    value: Option<ExprId>,
    targets: &[Target],
) -> Check {
    let wrong = |words| Err(checked.error(value, Problem::Change(words)));
    if place.keys.is_empty() {
        return wrong("it names no entry");
    }
    match place.base {
        PlaceBase::Object => {}
        PlaceBase::Pod => {
            if !targets.iter().all(|target| matches!(target, Target::Kind { pod: Some(_), .. })) {
                return Err(checked.error(value, Problem::Slot("pod")));
            }
        }
        PlaceBase::Local(local) => {
            let ty = checked.code.locals.get(local.index()).map(|local| &local.ty);
            if !checked.in_scope(local) || !matches!(ty, Some(Ty::Record(..))) {
                return Err(checked.error(value, Problem::Scope(local)));
            }
        }
    }
    match (kind, value) {
        (ChangeKind::Remove, None) => Ok(()),
        (ChangeKind::Remove, Some(_)) => wrong("what is removed has no value"),
        (ChangeKind::Default | ChangeKind::Overwrite | ChangeKind::Add, None) => wrong("it has no value"),
        (ChangeKind::Default | ChangeKind::Overwrite | ChangeKind::Add, Some(id)) => {
            let ty = checked.used(id)?;
            if has_record(ty, 0) { Err(checked.wrong(Some(id), "the value", ty)) } else { Ok(()) }
        }
    }
}
