//! The decision tree behind a condition, with the values that were read.
//!
//! A node per expression that was evaluated and that a reader would look at: conditions down to their atoms, atoms
//! with the values that they compare. What short-circuiting skipped is not there.

use super::{
    Trap,
    provenance::{Origin, Tracer},
};
use crate::ir::{ExprId, LocalId, Op, Ty};

/// Nodes of one tree.
const MAX_NODES: usize = 2_000;
/// Elements that a quantifier's node shows.
const MAX_ELEMENTS: usize = 16;

/// One expression and what it came out as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyNode {
    /// The expression.
    pub expr: ExprId,
    /// The element that it was evaluated for: `c = spec.containers[0]`; only below quantifiers.
    pub element: Option<String>,
    /// The place in the object that it reads.
    pub path: Option<String>,
    /// Its value in print; a default that nobody wrote as `(default) true`.
    pub value: String,
    /// What a condition came out as; `None` for other values.
    pub outcome: Option<bool>,
    /// What it rests on.
    pub children: Vec<WhyNode>,
}

impl Tracer<'_> {
    /// The tree of an expression.
    pub(super) fn why(&mut self, id: ExprId) -> Result<WhyNode, Trap> {
        let mut nodes = MAX_NODES;
        self.why_node(id, &mut nodes)
    }

    fn why_node(&mut self, id: ExprId, nodes: &mut usize) -> Result<WhyNode, Trap> {
        *nodes = nodes.saturating_sub(1);
        let value = self.interp.eval(id)?;
        let is_bool = *self.interp.ty(id) == Ty::BOOL;
        let default = if self.is_default(id)? { "(default) " } else { "" };
        let mut node = WhyNode {
            expr: id,
            element: None,
            path: self.path(id)?.map(|path| path.to_string()).filter(|path| !path.is_empty()),
            value: format!("{default}{value}"),
            outcome: is_bool.then(|| value.holds()),
            children: Vec::new(),
        };
        if *nodes > 0 && self.enter() {
            node.children = self.why_children(id, nodes)?;
            self.leave();
        }
        Ok(node)
    }

    fn why_children(&mut self, id: ExprId, nodes: &mut usize) -> Result<Vec<WhyNode>, Trap> {
        let Some(op) = self.op(id) else { return Ok(Vec::new()) };
        match op {
            Op::And(..) => self.why_chain(id, false, nodes),
            Op::Or(..) => self.why_chain(id, true, nodes),
            Op::If { cond, then, otherwise } => {
                let chosen = if self.interp.holds(*cond)? { *then } else { *otherwise };
                Ok(vec![self.why_node(*cond, nodes)?, self.why_node(chosen, nodes)?])
            }
            Op::Let { local, value, body } => {
                self.bind_expr(*local, *value)?;
                Ok(vec![self.why_node(*body, nodes)?])
            }
            Op::Local(local) => match self.origin(*local) {
                // A `let` shows what it stands for, unless that is just a place.
                Some(Origin::Expr(value)) if self.path(value)?.is_none() => {
                    Ok(vec![self.why_node(value, nodes)?])
                }
                Some(Origin::Expr(_) | Origin::Element { .. }) | None => Ok(Vec::new()),
            },
            Op::Quantified { local, list, body, .. } => self.why_elements(*local, *list, *body, nodes),
            Op::Comprehension { local, list, filter: Some(filter), .. } => {
                self.why_elements(*local, *list, *filter, nodes)
            }
            Op::Const(_)
            | Op::Param(_)
            | Op::Root(..)
            | Op::MapGet { .. }
            | Op::ListGet { .. }
            | Op::DynIndex { .. }
            | Op::ToDyn(_)
            | Op::Present(_)
            | Op::Not(_)
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
            | Op::Comprehension { .. }
            | Op::Call { .. }
            | Op::Cluster { .. } => {
                // A place speaks for itself.
                if self.path(id)?.is_some() { Ok(Vec::new()) } else { self.why_operands(op, nodes) }
            }
            // A field speaks for itself, also one of another object.
            Op::Field { .. } | Op::Written { .. } | Op::MapKey { .. } | Op::DynField { .. } => Ok(Vec::new()),
            Op::Coalesce(..) => self.why_operands(op, nodes),
        }
    }

    fn why_operands(&mut self, op: &Op, nodes: &mut usize) -> Result<Vec<WhyNode>, Trap> {
        let mut children = Vec::new();
        for operand in op.operands() {
            if *nodes > 0 && !self.is_plain(operand) {
                children.push(self.why_node(operand, nodes)?);
            }
        }
        Ok(children)
    }

    /// Constants speak for themselves.
    fn is_plain(&self, id: ExprId) -> bool {
        matches!(self.op(id), Some(Op::Const(_)))
    }

    fn why_chain(&mut self, id: ExprId, or: bool, nodes: &mut usize) -> Result<Vec<WhyNode>, Trap> {
        let mut children = Vec::new();
        for link in self.interp.links(id, or) {
            if *nodes == 0 {
                break;
            }
            let node = self.why_node(link, nodes)?;
            let decided = node.outcome == Some(or);
            children.push(node);
            if decided {
                break;
            }
        }
        Ok(children)
    }

    fn why_elements(
        &mut self,
        local: LocalId,
        list: ExprId,
        body: ExprId,
        nodes: &mut usize,
    ) -> Result<Vec<WhyNode>, Trap> {
        let len = self.interp.eval(list)?.elements().len();
        let mut children = vec![self.why_node(list, nodes)?];
        for index in 0..len.min(MAX_ELEMENTS) {
            if *nodes == 0 || !self.bind_element(local, list, index)? {
                break;
            }
            let element = self.element_name(local, list, index)?;
            let mut node = self.why_node(body, nodes)?;
            node.element = Some(element);
            children.push(node);
        }
        Ok(children)
    }

    /// `c = spec.containers[0]`, or `x = value` for what has no place.
    pub(super) fn element_name(
        &mut self,
        local: LocalId,
        list: ExprId,
        index: usize,
    ) -> Result<String, Trap> {
        let name = self.interp.code.locals.get(local.index()).map_or("_", |local| local.name.as_str());
        let place = match self.element_path(list, index)? {
            Some(path) => path.to_string(),
            None => self.interp.local(local).to_string(),
        };
        Ok(format!("{name} = {place}"))
    }
}
