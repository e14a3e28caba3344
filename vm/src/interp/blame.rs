//! Which places in the object are responsible for a condition's outcome.
//!
//! ```text
//! a and b   true: both           false: the first that is false
//! a or b    true: the first true  false: both
//! not a     those of a
//! any       true: its witnesses   false: every element, or the list if it has none; none, all: mirrored
//! others    every place that an operand reads
//! ```

use super::{
    Trap,
    provenance::{Origin, Tracer},
};
use crate::{
    ir::{ExprId, LocalId, Op, Quant},
    json_path::JsonPath,
    value::Value,
};

/// Elements that one quantifier names.
const MAX_ELEMENTS: usize = 16;
/// Places that one finding names.
const MAX_BLAMES: usize = 32;

/// Places, in the order in which they were found.
#[derive(Default)]
pub(super) struct Blames {
    paths: Vec<JsonPath>,
}

impl Blames {
    pub(super) fn extend(&mut self, path: Option<JsonPath>) {
        path.into_iter().for_each(|path| self.push(path));
    }

    fn push(&mut self, path: JsonPath) {
        if !path.steps.is_empty() && self.paths.len() < MAX_BLAMES && !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Without those that hold another one.
    pub(super) fn most_specific(&self) -> Vec<String> {
        let specific =
            |path: &&JsonPath| !self.paths.iter().any(|other| other != *path && path.covers(other));
        self.paths.iter().filter(specific).map(ToString::to_string).collect()
    }
}

impl Tracer<'_> {
    /// The places that made a condition come out as it did.
    pub(super) fn blame(&mut self, id: ExprId, out: &mut Blames) -> Result<(), Trap> {
        if !self.enter() {
            return Ok(());
        }
        let done = self.blame_of(id, out);
        self.leave();
        done
    }

    fn blame_of(&mut self, id: ExprId, out: &mut Blames) -> Result<(), Trap> {
        let Some(op) = self.op(id) else { return Ok(()) };
        match op {
            Op::And(..) => self.blame_chain(id, false, out),
            Op::Or(..) => self.blame_chain(id, true, out),
            Op::Not(operand) => self.blame(*operand, out),
            Op::If { cond, then, otherwise } => {
                let chosen = if self.interp.holds(*cond)? { *then } else { *otherwise };
                self.blame(*cond, out)?;
                self.blame(chosen, out)
            }
            Op::Let { local, value, body } => {
                self.bind_expr(*local, *value)?;
                self.blame(*body, out)
            }
            Op::Local(local) => match self.origin(*local) {
                Some(Origin::Expr(value)) => self.blame(value, out),
                Some(Origin::Element { .. }) | None => self.reads(id, out),
            },
            Op::Quantified { quant: quant @ (Quant::Any | Quant::All | Quant::None), local, list, body } => {
                self.blame_quantified(id, *quant, *local, *list, *body, out)
            }
            Op::Const(_)
            | Op::Param(_)
            | Op::Root(..)
            | Op::Field { .. }
            | Op::Written { .. }
            | Op::MapKey { .. }
            | Op::MapGet { .. }
            | Op::ListGet { .. }
            | Op::DynField { .. }
            | Op::DynIndex { .. }
            | Op::ToDyn(_)
            | Op::Present(_)
            | Op::Coalesce(..)
            | Op::Eq(..)
            | Op::Compare(..)
            | Op::In { .. }
            | Op::Under { .. }
            | Op::Like { .. }
            | Op::Matches { .. }
            | Op::Text(..)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Concat(..)
            | Op::Difference(..)
            | Op::MakeList(_)
            | Op::Quantified { .. }
            | Op::Comprehension { .. }
            | Op::Call { .. }
            | Op::Cluster { .. } => self.reads(id, out),
        }
    }

    /// All links of a chain that came out as the chain did not need to, or the one that decided it.
    fn blame_chain(&mut self, id: ExprId, or: bool, out: &mut Blames) -> Result<(), Trap> {
        let links = self.interp.links(id, or);
        for link in &links {
            if self.interp.holds(*link)? == or {
                return self.blame(*link, out);
            }
        }
        for link in links {
            self.blame(link, out)?;
        }
        Ok(())
    }

    fn blame_quantified(
        &mut self,
        id: ExprId,
        quant: Quant,
        local: LocalId,
        list: ExprId,
        body: ExprId,
        out: &mut Blames,
    ) -> Result<(), Trap> {
        // `any` that is true and `none` that is false have witnesses; `all` that is false has counter-examples;
        // the others rest on every element.
        let decided = match (quant, self.interp.holds(id)?) {
            (Quant::Any, true) | (Quant::None, false) => Some(true),
            (Quant::All, false) => Some(false),
            (Quant::Any | Quant::None | Quant::All | Quant::Count, _) => None,
        };
        if self.blame_elements(id, decided, local, list, body, out)? == 0 {
            self.reads(list, out)?;
        }
        Ok(())
    }

    /// Blames the elements for which `body` comes out as `wanted` (or all of them); how many there are.
    fn blame_elements(
        &mut self,
        id: ExprId,
        wanted: Option<bool>,
        local: LocalId,
        list: ExprId,
        body: ExprId,
        out: &mut Blames,
    ) -> Result<usize, Trap> {
        // Where elements are wanted that decide, those that cannot are not looked at; where all are, all.
        let items = match wanted {
            Some(_) => self.interp.elements_of(id, list)?,
            None => self.interp.eval(list)?.elements(),
        };
        let mut found = 0;
        for (index, item) in items.iter().enumerate() {
            if found >= MAX_ELEMENTS {
                break;
            }
            self.bind(local, item.clone(), Origin::Element { list, index });
            if wanted.is_some_and(|wanted| self.interp.holds(body) != Ok(wanted)) {
                continue;
            }
            found += 1;
            let mut inner = Blames::default();
            self.blame(body, &mut inner)?;
            if inner.is_empty()
                && let Some(path) = self.element_path(list, index)?
            {
                inner.push(path);
            }
            inner.paths.into_iter().for_each(|path| out.push(path));
        }
        Ok(found)
    }

    /// Every place that a value is made of.
    pub(super) fn reads(&mut self, id: ExprId, out: &mut Blames) -> Result<(), Trap> {
        if !self.enter() {
            return Ok(());
        }
        let done = match self.path(id)? {
            Some(path) => {
                out.push(path);
                Ok(())
            }
            None => self.reads_of(id, out),
        };
        self.leave();
        done
    }

    fn reads_of(&mut self, id: ExprId, out: &mut Blames) -> Result<(), Trap> {
        let Some(op) = self.op(id) else { return Ok(()) };
        match op {
            Op::Local(local) => match self.origin(*local) {
                Some(Origin::Expr(value)) => self.reads(value, out),
                Some(Origin::Element { list, .. }) => self.reads(list, out),
                None => Ok(()),
            },
            Op::Let { local, value, body } => {
                self.bind_expr(*local, *value)?;
                self.reads(*body, out)
            }
            Op::If { cond, then, otherwise } => {
                let chosen = if self.interp.holds(*cond)? { *then } else { *otherwise };
                self.blame(*cond, out)?;
                self.reads(chosen, out)
            }
            Op::Not(_) | Op::And(..) | Op::Or(..) => self.blame(id, out),
            Op::Quantified { quant: Quant::Count, local, list, body } => {
                if self.blame_elements(id, Some(true), *local, *list, *body, out)? == 0 {
                    self.reads(*list, out)?;
                }
                Ok(())
            }
            Op::Quantified { .. } => self.blame(id, out),
            Op::Comprehension { local, list, filter, head } => {
                let kept = self.interp.comprehension(id, *local, *list, *filter, *head)?;
                if kept.is_empty() {
                    return self.reads(*list, out);
                }
                for kept in kept.into_iter().take(MAX_ELEMENTS) {
                    self.bind(*local, kept.item, Origin::Element { list: *list, index: kept.index });
                    if let Some(filter) = filter {
                        self.blame(*filter, out)?;
                    }
                    self.reads(*head, out)?;
                }
                Ok(())
            }
            Op::Difference(first, second) => {
                // What is left over is to blame, element by element where that is possible.
                if matches!(self.interp.eval(*second)?, Value::List(_)) {
                    self.reads(*second, out)?;
                }
                self.reads(*first, out)
            }
            Op::Const(_)
            | Op::Param(_)
            | Op::Root(..)
            | Op::Field { .. }
            | Op::Written { .. }
            | Op::MapKey { .. }
            | Op::MapGet { .. }
            | Op::ListGet { .. }
            | Op::DynField { .. }
            | Op::DynIndex { .. }
            | Op::ToDyn(_)
            | Op::Present(_)
            | Op::Coalesce(..)
            | Op::Eq(..)
            | Op::Compare(..)
            | Op::In { .. }
            | Op::Under { .. }
            | Op::Like { .. }
            | Op::Matches { .. }
            | Op::Text(..)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Neg(_)
            | Op::Concat(..)
            | Op::MakeList(_)
            | Op::Call { .. }
            | Op::Cluster { .. } => {
                op.operands().into_iter().try_for_each(|operand| self.reads(operand, out))
            }
        }
    }
}
