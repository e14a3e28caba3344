//! Machine code on the facts of one input: which rules find nothing, and what the others hit.
//!
//! ```text
//! ask_together ──▶ rules that find nothing, function by function       then, for the others
//!                  finds_nothing ──▶ guard, shared condition, own code
//!                  hits          ──▶ the same, with what is hit
//! ```

use super::{
    Fused, Jit, MachineCode, Which, guard,
    hostcall::{Context, RootAt},
};
use crate::{interp::Hit, value::Value};

/// Machine code on the facts of one input.
pub struct Run<'f> {
    pub(super) jit: &'f Jit,
    pub(super) context: Context<'f>,
    pub(super) roots: &'f [RootAt],
    pub(super) fuel: i64,
    /// The params where no bind gives others.
    pub(super) params: &'f [Value],
    pub(super) active: &'f [u64],
    pub(super) cleared: &'f mut [u64],
    pub(super) answers: &'f mut [Option<bool>],
    /// All facts together.
    pub(super) bytes: usize,
    /// Whether a fact is of another layout, so that its offsets are not those in the code.
    pub(super) foreign: bool,
    /// Whether the context is not as it was at first: there are hits, values or params of the last call.
    pub(super) used: bool,
}

impl<'f> Run<'f> {
    /// The verdicts of a rule that hold, in the order of its statements, under the params of `bind`.
    /// `None`: ask `interp`.
    pub fn hits(&mut self, rule: usize, bind: Option<(usize, &'f [Value])>) -> Option<&[Hit]> {
        if self.is_ruled_out(rule) {
            self.context.host.hits.clear();
            return Some(self.context.host.hits);
        }
        let which = Which::Rule { rule, bind: bind.map(|(bind, _)| bind) };
        let code = match bind {
            None => self.jit.plain.get(rule).copied()?,
            Some(_) => self.jit.function(which).map(|function| function.code),
        };
        if let Some(number) = self.jit.before.get(rule).copied().flatten()
            && !self.shared(number, Which::Shared(number), None)?
        {
            self.context.host.hits.clear();
            return Some(self.context.host.hits);
        }
        self.call(which, code?, bind.map(|(_, params)| params))?;
        Some(self.context.host.hits)
    }

    /// Whether a rule without a bind surely finds nothing. This is the answer for nearly all rules; where it is `false`,
    /// [`Run::hits`] says what there is.
    #[inline]
    pub fn finds_nothing(&mut self, rule: usize) -> bool {
        if self.is_ruled_out(rule) {
            return true;
        }
        let (Some(Some(code)), false) = (self.jit.plain.get(rule), self.foreign) else { return false };
        if let Some(Some(number)) = self.jit.before.get(rule) {
            match self.shared(*number, Which::Shared(*number), None) {
                Some(true) => {}
                Some(false) => return true,
                None => return false,
            }
        }
        let context = &mut self.context;
        if self.used {
            context.stopped = 0;
            context.host.env.params = self.params;
            context.host.hits.clear();
            context.host.values.clear();
        }
        context.fuel = self.fuel;
        context.host.which = Which::Rule { rule, bind: None };
        code(&raw mut *context);
        let nothing = context.stopped == 0 && context.fuel >= 0 && context.host.hits.is_empty();
        self.used = !nothing || !context.host.values.is_empty();
        nothing
    }

    /// The same for a rule with binds, if none of them changes params that it reads: then it finds nothing under any of them.
    #[inline]
    pub fn finds_nothing_bound(&mut self, rule: usize) -> bool {
        self.jit.rules.get(rule).is_some_and(|compiled| compiled.by_bind.is_empty())
            && self.finds_nothing(rule)
    }

    /// Asks the rules of classes all together. Those that find nothing are known afterwards, and not run any more.
    pub fn ask_together(&mut self, classes: &[usize]) {
        if self.foreign {
            return;
        }
        let jit = self.jit;
        let all = classes.iter().filter_map(|class| jit.fused.get(*class));
        for Fused { rules, function } in all.flatten() {
            let context = &mut self.context;
            context.stopped = 0;
            context.fuel = self.fuel;
            (function.code)(&raw mut *context);
            if context.stopped != 0 || context.fuel < 0 {
                continue;
            }
            for (word, bits) in rules {
                if let Some(cleared) = self.cleared.get_mut(*word) {
                    *cleared |= bits;
                }
            }
        }
        self.context.stopped = 0;
    }

    /// Whether nothing in the input speaks for a rule, so that it need not be run.
    #[inline]
    fn is_ruled_out(&self, rule: usize) -> bool {
        if self.cleared.get(rule / 64).is_some_and(|word| word >> (rule % 64) & 1 == 1) {
            return true;
        }
        if self.active.is_empty() {
            return false;
        }
        let given = |need: usize| self.roots.get(need).is_some_and(|root| root.given == 1);
        !self.foreign
            && self.context.host.env.fuel >= guard::FUEL
            && self.jit.guards.rules_out(rule, self.bytes, self.active, given)
    }

    /// Whether the condition of a bind at a position holds. `None`: ask `interp`.
    pub fn holds(&mut self, bind: (usize, &'f [Value]), position: usize) -> Option<bool> {
        let number = self.jit.conditions.get(bind.0)?.get(position).copied().flatten()?;
        self.shared(number, Which::Condition { bind: bind.0, position }, Some(bind.1))
    }

    /// Whether a shared condition holds; it is evaluated once. `None`: ask `interp`.
    fn shared(&mut self, number: usize, which: Which, params: Option<&'f [Value]>) -> Option<bool> {
        match self.answers.get(number) {
            Some(Some(known)) => return Some(*known),
            Some(None) => {}
            None => return None,
        }
        let code = self.jit.shared.get(number)?.as_ref()?.code;
        self.call(which, code, params)?;
        let holds = !self.context.host.hits.is_empty();
        if let Some(answer) = self.answers.get_mut(number) {
            *answer = Some(holds);
        }
        Some(holds)
    }

    /// Runs machine code; what it hits is in the host's list.
    fn call(&mut self, which: Which, code: MachineCode, params: Option<&'f [Value]>) -> Option<()> {
        if self.foreign {
            return None;
        }
        let context = &mut self.context;
        self.used = true;
        context.fuel = self.fuel;
        context.stopped = 0;
        context.host.which = which;
        // Those of the call before may be a bind's.
        context.host.env.params = params.unwrap_or(self.params);
        context.host.hits.clear();
        context.host.values.clear();
        code(&raw mut *context);
        (context.stopped == 0 && context.fuel >= 0).then_some(())
    }
}
