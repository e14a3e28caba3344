//! Explains hits: what to say, what to blame, and why.
//!
//! A hit names a verdict and the loop iterations that lead to it. The statements on the way are run again, for those
//! iterations only, this time with an eye on where values come from.

use super::{
    Env, Hit, Interp, Trap,
    blame::Blames,
    provenance::{Origin, Tracer},
    why::WhyNode,
};
use crate::ir::{ClauseId, ExprId, LocalId, Rule, Stmt, Template, TemplatePart};

/// Traces of one rule.
const MAX_TRACES: usize = 256;

/// What there is to say about a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub fix: Option<String>,
    /// JSON paths in the object.
    pub blames: Vec<String>,
    /// The decision tree, if it was asked for: the conditions on the way to the verdict, then its own.
    pub why: Vec<WhyNode>,
}

/// How one verdict came out in one iteration of its loops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The verdict; `None` if a `where` before it did not hold.
    pub clause: Option<ClauseId>,
    /// The loops' elements, from the outermost in.
    pub bindings: Vec<TraceBinding>,
    /// The conditions on the way (`where`), and the verdict's own as the last one if it was reached.
    pub conditions: Vec<WhyNode>,
    /// Whether the verdict holds.
    pub hit: bool,
}

/// A loop's element in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceBinding {
    /// `c = spec.containers[0]`.
    pub label: String,
    /// Its position.
    pub index: u32,
}

/// Explains a hit of a rule, with its decision tree if `why`. When the fuel is used up on the way, blames and decision tree tell what was found until
/// then: an explanation is never the reason why a request fails.
///
/// # Errors
/// When the message alone takes too many steps.
pub fn explain(rule: &Rule, env: &Env<'_>, hit: &Hit, why: bool) -> Result<Explanation, Trap> {
    let mut replay = Replay::new(rule, env);
    let cond = replay.run(&rule.body, hit.clause, &hit.bindings)?.flatten();
    let clause = rule.clauses.get(hit.clause.index());
    let message = clause.map(|clause| replay.render(&clause.message)).transpose()?.unwrap_or_default();
    let fix = clause.and_then(|clause| clause.fix.as_ref()).map(|fix| replay.render(fix)).transpose()?;
    let blames = replay.blames(cond);
    let conditions = replay.wheres.clone().into_iter().chain(cond).filter(|_| why);
    let why = conditions.map_while(|cond| replay.tracer.why(cond).ok()).collect();
    Ok(Explanation { message, fix, blames, why })
}

/// How each verdict of a rule came out, hit or not; when the fuel is used up, what was found until then.
#[must_use]
pub fn trace(rule: &Rule, env: &Env<'_>) -> Vec<Trace> {
    let mut run = TraceRun {
        replay: Replay::new(rule, env),
        bindings: Vec::new(),
        conditions: Vec::new(),
        traces: Vec::new(),
    };
    // A trap ends the traces, and nothing else.
    let _ = run.block(&rule.body);
    run.traces
}

struct Replay<'e> {
    tracer: Tracer<'e>,
    /// The conditions on the way, as far as they went.
    wheres: Vec<ExprId>,
    /// The loops on the way: local, list, position.
    loops: Vec<(LocalId, ExprId, usize)>,
}

impl<'e> Replay<'e> {
    fn new(rule: &'e Rule, env: &Env<'e>) -> Replay<'e> {
        Replay { tracer: Tracer::new(Interp::new(*env, &rule.code)), wheres: Vec::new(), loops: Vec::new() }
    }

    /// Runs to a verdict: `Some` with its condition if it is in these statements.
    fn run(
        &mut self,
        stmts: &[Stmt],
        clause: ClauseId,
        bindings: &[u32],
    ) -> Result<Option<Option<ExprId>>, Trap> {
        for stmt in stmts {
            match stmt {
                Stmt::Where(cond) => self.wheres.push(*cond),
                Stmt::Let(local, value) => self.tracer.bind_expr(*local, *value)?,
                Stmt::Verdict { clause: found, cond } if *found == clause => return Ok(Some(*cond)),
                Stmt::Verdict { .. } => {}
                Stmt::For { local, list, body } if contains(body, clause) => {
                    let Some((first, rest)) = bindings.split_first() else { return Ok(None) };
                    self.tracer.bind_element(*local, *list, *first as usize)?;
                    self.loops.push((*local, *list, *first as usize));
                    return self.run(body, clause, rest);
                }
                Stmt::For { .. } => {}
            }
        }
        Ok(None)
    }

    /// A message with its holes filled.
    fn render(&mut self, template: &Template) -> Result<String, Trap> {
        let mut text = String::new();
        for part in &template.parts {
            match part {
                TemplatePart::Text(part) => text.push_str(part),
                TemplatePart::Hole(expr) => text.push_str(&self.tracer.interp.eval(*expr)?.to_string()),
            }
        }
        Ok(text)
    }

    /// The places that the verdict's condition blames; without one, those of the conditions on the way; without
    /// those, the element of the innermost loop.
    fn blames(&mut self, cond: Option<ExprId>) -> Vec<String> {
        let mut blames = Blames::default();
        // A trap ends the search, and nothing else.
        let _ = self.find_blames(cond, &mut blames);
        blames.most_specific()
    }

    fn find_blames(&mut self, cond: Option<ExprId>, blames: &mut Blames) -> Result<(), Trap> {
        if let Some(cond) = cond {
            self.tracer.blame(cond, blames)?;
        }
        if blames.is_empty() {
            for cond in self.wheres.clone() {
                self.tracer.blame(cond, blames)?;
            }
        }
        if blames.is_empty()
            && let Some((_, list, index)) = self.loops.last().copied()
        {
            blames.extend(self.tracer.element_path(list, index)?);
        }
        Ok(())
    }
}

/// Whether a verdict stands in these statements.
fn contains(stmts: &[Stmt], clause: ClauseId) -> bool {
    stmts.iter().any(|stmt| match stmt {
        Stmt::Verdict { clause: found, .. } => *found == clause,
        Stmt::For { body, .. } => contains(body, clause),
        Stmt::Where(_) | Stmt::Let(..) => false,
    })
}

struct TraceRun<'e> {
    replay: Replay<'e>,
    bindings: Vec<TraceBinding>,
    conditions: Vec<WhyNode>,
    traces: Vec<Trace>,
}

impl TraceRun<'_> {
    fn block(&mut self, stmts: &[Stmt]) -> Result<(), Trap> {
        let conditions = self.conditions.len();
        for stmt in stmts {
            if self.traces.len() >= MAX_TRACES {
                break;
            }
            match stmt {
                Stmt::Where(cond) => {
                    let node = self.replay.tracer.why(*cond)?;
                    let holds = node.outcome == Some(true);
                    self.conditions.push(node);
                    if !holds {
                        self.push(None, false);
                        break;
                    }
                }
                Stmt::Let(local, value) => self.replay.tracer.bind_expr(*local, *value)?,
                Stmt::For { local, list, body } => self.each(*local, *list, body)?,
                Stmt::Verdict { clause, cond } => {
                    let node = cond.map(|cond| self.replay.tracer.why(cond)).transpose()?;
                    let hit = node.as_ref().is_none_or(|node| node.outcome == Some(true));
                    let depth = self.conditions.len();
                    self.conditions.extend(node);
                    self.push(Some(*clause), hit);
                    self.conditions.truncate(depth);
                }
            }
        }
        self.conditions.truncate(conditions);
        Ok(())
    }

    fn each(&mut self, local: LocalId, list: ExprId, body: &[Stmt]) -> Result<(), Trap> {
        let items = self.replay.tracer.interp.eval(list)?.elements();
        for (number, (index, item)) in (0u32..).zip(items.iter().enumerate()) {
            if self.traces.len() >= MAX_TRACES {
                break;
            }
            self.replay.tracer.bind(local, item.clone(), Origin::Element { list, index });
            let label = self.replay.tracer.element_name(local, list, index)?;
            self.bindings.push(TraceBinding { label, index: number });
            self.block(body)?;
            self.bindings.pop();
        }
        Ok(())
    }

    fn push(&mut self, clause: Option<ClauseId>, hit: bool) {
        self.traces.push(Trace {
            clause,
            bindings: self.bindings.clone(),
            conditions: self.conditions.clone(),
            hit,
        });
    }
}
