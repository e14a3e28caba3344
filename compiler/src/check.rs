//! Findings on lowered code: what a type cannot say.

pub(crate) mod absent;
pub(crate) mod compact;
pub(crate) mod constant;
pub(crate) mod cost;
pub(crate) mod paths;
pub(crate) mod unused;
pub(crate) mod walk;

use crate::{elab::Ctx, items::rule::Lowered, module::ModuleBuilder};

/// All checks of one rule that elaborated without errors; also sets its cost.
pub(crate) fn rule(ctx: &mut Ctx<'_>, module: &ModuleBuilder, lowered: &mut Lowered) {
    let bindings = paths::Bindings::of(&lowered.rule.code, &lowered.rule.body);
    constant::rule(ctx, lowered);
    absent::rule(ctx, module, lowered, &bindings);
    let cost = cost::rule(module, &lowered.rule, &bindings, ctx.options);
    if cost.worst > ctx.options.max_cost {
        ctx.diagnostics.push(crate::diagnostics::too_expensive(
            lowered.debug.name,
            &lowered.rule.name,
            &cost.formula,
            cost.worst,
            ctx.options.max_cost,
        ));
    }
    lowered.rule.cost = cost;
}
