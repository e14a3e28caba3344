//! Runs a rule's statements: which verdicts hit, and in which iterations of their loops.

use super::{Env, Interp, Trap};
use crate::ir::{ClauseId, ExprId, Rule, Stmt};

/// A verdict that holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hit {
    /// Which verdict.
    pub clause: ClauseId,
    /// The positions of the elements in the loops around it, from the outermost in.
    pub bindings: Vec<u32>,
}

/// The verdicts of a rule that hold, in the order of its statements.
///
/// # Errors
/// When it takes too many steps.
pub fn hits(rule: &Rule, env: &Env<'_>) -> Result<Vec<Hit>, Trap> {
    let mut run = Run { interp: Interp::new(*env, &rule.code), bindings: Vec::new(), hits: Vec::new() };
    run.block(&rule.body)?;
    Ok(run.hits)
}

struct Run<'e> {
    interp: Interp<'e>,
    bindings: Vec<u32>,
    hits: Vec<Hit>,
}

impl Run<'_> {
    fn block(&mut self, stmts: &[Stmt]) -> Result<(), Trap> {
        for stmt in stmts {
            match stmt {
                Stmt::Where(cond) => {
                    if !self.interp.holds(*cond)? {
                        return Ok(());
                    }
                }
                Stmt::Let(local, value) => {
                    let value = self.interp.eval(*value)?;
                    self.interp.bind(*local, value);
                }
                Stmt::For { local, list, body } => {
                    let items = self.interp.eval(*list)?.elements();
                    for (i, item) in (0u32..).zip(items.iter()) {
                        self.interp.spend(1)?;
                        self.interp.bind(*local, item.clone());
                        self.bindings.push(i);
                        self.block(body)?;
                        self.bindings.pop();
                    }
                }
                Stmt::Verdict { clause, cond } => {
                    if self.cond(*cond)? {
                        self.hits.push(Hit { clause: *clause, bindings: self.bindings.clone() });
                    }
                }
            }
        }
        Ok(())
    }

    fn cond(&mut self, cond: Option<ExprId>) -> Result<bool, Trap> {
        cond.map_or(Ok(true), |cond| self.interp.holds(cond))
    }
}
