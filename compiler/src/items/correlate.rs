//! Correlations: parsed and type-checked; the sensor that runs them is not built yet, and the check says so.

use std::sync::Arc;

use kpol_grammar::{
    ast::{self, CorrelateClause},
    span::FileId,
};
use kpol_vm::{
    ir::{Ty, Verb},
    types::Type,
};

use crate::{
    diagnostics as d,
    elab::{Ctx, Elab, World},
    items::{meta::meta, rule, target},
    module::{ModuleBuilder, common_record},
    program::path_text,
};

pub(crate) fn check(
    ctx: &mut Ctx<'_>,
    file: FileId,
    item: &ast::Item,
    correlate: &ast::Correlate,
    params: &ModuleBuilder,
) {
    let metas = correlate.clauses.iter().filter_map(|clause| match clause {
        CorrelateClause::Meta(meta) => Some(meta),
        _ => None,
    });
    meta(ctx, &item.docs, metas);
    let mut module = params.scratch();
    let mut steps = Vec::new();
    let mut records = Vec::new();
    let mut excused = Vec::new();
    let mut written_steps = 0_usize;
    let mut withins = 0_usize;
    let mut verdicts = 0_usize;
    for clause in &correlate.clauses {
        match clause {
            CorrelateClause::Step(step) => {
                written_steps += 1;
                if check_step(ctx, &mut module, file, step, &mut steps, &mut records).is_none() {
                    excused.push(step.name.text.clone());
                }
            }
            CorrelateClause::Reset { on, when, .. } => {
                if let Some(world) = event_world(ctx, &mut module, on)
                    && let Some(when) = when
                {
                    Elab::new(ctx, &mut module, World { steps: steps.clone(), ..world }, file).cond(when);
                }
            }
            CorrelateClause::Within { .. } => withins += 1,
            CorrelateClause::Verdict(_) => verdicts += 1,
            CorrelateClause::Meta(_) => {}
        }
    }
    let name = &correlate.name;
    let mark = ctx.diagnostics.len();
    let parts = [("within", withins), ("step", written_steps), ("alert", verdicts)];
    let missing: Vec<&str> = parts.iter().filter(|(_, count)| *count == 0).map(|(part, _)| *part).collect();
    if !missing.is_empty() && !ctx.is_broken(file) {
        ctx.diagnostics.push(d::correlate_lacks(name.span, &name.text, &missing));
    }
    // Keys and messages see what all steps have in common, and each step by its name.
    let shared = Arc::new(common_record("what all steps have", &records));
    let root = module.root(&shared);
    let world = World {
        event: Some(root),
        steps,
        excused,
        title: format!("correlate {}", name.text),
        ..World::default()
    };
    for clause in &correlate.clauses {
        let mut elab = Elab::new(ctx, &mut module, world.clone(), file);
        match clause {
            CorrelateClause::Within { duration, by, .. } => {
                let literal = ast::Literal::Unit(duration.clone());
                elab.literal(&literal, duration.span, Some(&Ty::Scalar(Type::Duration)));
                for key in by {
                    if let Some(value) = elab.infer(&rule::path_expr(key))
                        && !matches!(value.ty, Ty::Scalar(_))
                    {
                        let shown = elab.show(&value.ty);
                        elab.report(d::not_a_key(key.span, "a key", &shown));
                    }
                }
            }
            CorrelateClause::Verdict(verdict) => {
                if !matches!(rule::lower_verb(verdict.verb), Verb::Alert | Verb::Kill) {
                    elab.report(d::verb_in_wrong_world(verdict.verb_span, &world.title, false));
                }
                elab.message(&verdict.message);
                if let Some(fix) = &verdict.fix {
                    elab.message(fix);
                }
            }
            CorrelateClause::Meta(_) | CorrelateClause::Step(_) | CorrelateClause::Reset { .. } => {}
        }
    }
    if !ctx.is_broken(file) && ctx.diagnostics.len() == mark {
        ctx.diagnostics.push(d::correlate_not_run(name.span, &name.text));
    }
}

fn check_step(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    file: FileId,
    step: &ast::Step,
    steps: &mut Vec<(String, kpol_vm::ir::RootId)>,
    records: &mut Vec<Arc<kpol_vm::types::Record>>,
) -> Option<()> {
    let world = event_world(ctx, module, &step.on)?;
    let record = world.event.and_then(|root| module.record(root, kpol_vm::ir::RecordId(0)).cloned())?;
    let mut elab = Elab::new(ctx, module, World { steps: steps.clone(), ..world }, file);
    if let Some(when) = &step.when {
        elab.cond(when);
    }
    if let Some(count) = &step.count {
        if count.at_least < 1 || count.at_least > 10_000 {
            elab.report(d::count_out_of_range(count.span, count.at_least));
        }
        if let Some(path) = &count.distinct {
            let value = elab.infer(&rule::path_expr(path));
            if let Some(value) = value
                && !matches!(value.ty, Ty::Scalar(_))
            {
                let shown = elab.show(&value.ty);
                elab.report(d::not_a_key(path.span, "what is counted", &shown));
            }
        }
    }
    if let Some((earlier, _)) = steps.iter().find(|(name, _)| *name == step.name.text) {
        let _ = earlier;
        ctx.diagnostics.push(d::shadowed(&step.name, None, "the name of an earlier step"));
    }
    let root = target::step_record(module, &step.name.text, &record);
    steps.push((step.name.text.clone(), root));
    records.push(record);
    Some(())
}

fn event_world(ctx: &mut Ctx<'_>, module: &mut ModuleBuilder, on: &ast::On) -> Option<World> {
    let world = target::world(ctx, module, on)?;
    if world.admission {
        ctx.diagnostics.push(d::step_on_kind(on.span, &path_text_of(on)));
        return None;
    }
    Some(world)
}

fn path_text_of(on: &ast::On) -> String {
    on.targets.iter().map(|target| path_text(&target.path)).collect::<Vec<_>>().join(", ")
}
