//! A static worst case per rule: a polynomial in named list lengths, and its value for the configured bounds.
//!
//! One unit is one operation on scalars; a loop costs its body times the length of its list.

use std::collections::BTreeMap;

use kpol_vm::ir::{Cost, ExprId, Op, Rule, Stmt};

use crate::{
    check::paths::{self, Bindings},
    compile::Options,
    module::ModuleBuilder,
};

/// Sum of products of list names, with coefficients.
type Poly = BTreeMap<Vec<String>, u64>;

pub(crate) fn rule(module: &ModuleBuilder, rule: &Rule, bindings: &Bindings, options: &Options) -> Cost {
    let counter = Counter { module, rule, bindings };
    let poly = counter.body(&rule.body);
    let worst = poly
        .iter()
        .map(|(lists, coefficient)| {
            lists.iter().fold(*coefficient, |product, list| {
                // `cluster.Ingress` counts objects; `cluster.Ingress[].spec.rules` is a list in one of them.
                let is_objects = list.starts_with("cluster.") && !list.contains("[]");
                let bound = if is_objects { options.max_objects } else { options.max_items };
                product.saturating_mul(bound)
            })
        })
        .fold(0_u64, u64::saturating_add);
    Cost { formula: formula(&poly), worst }
}

fn formula(poly: &Poly) -> String {
    let mut terms: Vec<(&Vec<String>, &u64)> = poly.iter().collect();
    terms.sort_by_key(|(lists, _)| (lists.len(), (*lists).clone()));
    terms
        .into_iter()
        .map(|(lists, coefficient)| {
            let factors: Vec<String> = lists.iter().map(|list| format!("|{list}|")).collect();
            match factors.as_slice() {
                [] => coefficient.to_string(),
                _ => format!("{coefficient}·{}", factors.join("·")),
            }
        })
        .collect::<Vec<_>>()
        .join(" + ")
}

struct Counter<'m> {
    module: &'m ModuleBuilder,
    rule: &'m Rule,
    bindings: &'m Bindings,
}

impl Counter<'_> {
    fn body(&self, body: &[Stmt]) -> Poly {
        let mut total = Poly::new();
        for stmt in body {
            match stmt {
                Stmt::Where(id) | Stmt::Let(_, id) | Stmt::Verdict { cond: Some(id), .. } => {
                    add(&mut total, &self.expr(*id), 1);
                }
                Stmt::Verdict { cond: None, .. } => add(&mut total, &one(), 1),
                Stmt::For { list, body, .. } => {
                    add(&mut total, &self.expr(*list), 1);
                    let mut inner = one();
                    add(&mut inner, &self.body(body), 1);
                    add(&mut total, &product(&inner, &self.count(*list)), 1);
                }
            }
        }
        total
    }

    fn expr(&self, id: ExprId) -> Poly {
        let Some(expr) = self.rule.code.expr(id) else { return Poly::new() };
        let mut total = one();
        match &expr.op {
            Op::Quantified { list, body, .. } => {
                add(&mut total, &self.expr(*list), 1);
                add(&mut total, &product(&self.expr(*body), &self.count(*list)), 1);
            }
            Op::Comprehension { list, filter, head, .. } => {
                add(&mut total, &self.expr(*list), 1);
                let mut inner = self.expr(*head);
                if let Some(filter) = filter {
                    add(&mut inner, &self.expr(*filter), 1);
                }
                add(&mut total, &product(&inner, &self.count(*list)), 1);
            }
            Op::In { value, set } => {
                add(&mut total, &self.expr(*value), 1);
                add(&mut total, &self.expr(*set), 1);
                add(&mut total, &self.size(*set), 1);
            }
            Op::Difference(a, b) => {
                add(&mut total, &self.expr(*a), 1);
                add(&mut total, &self.expr(*b), 1);
                add(&mut total, &product(&self.size(*a), &self.size(*b)), 1);
            }
            op => {
                for operand in op.operands() {
                    add(&mut total, &self.expr(operand), 1);
                }
            }
        }
        total
    }

    /// How often a loop over a list runs: a number for a list of the text, else its length's name.
    fn count(&self, id: ExprId) -> Poly {
        let resolved = self.bindings.resolve(&self.rule.code, id);
        match self.rule.code.expr(resolved).map(|expr| &expr.op) {
            Some(Op::Const(kpol_vm::ir::Const::List(_)) | Op::MakeList(_)) => self.size(resolved),
            _ => Poly::from([(vec![self.length(id)], 1)]),
        }
    }

    /// The name of a list's length.
    fn length(&self, id: ExprId) -> String {
        let id = self.bindings.resolve(&self.rule.code, id);
        if let Some(path) = paths::text(self.module, &self.rule.code, self.bindings, id) {
            return path;
        }
        match self.rule.code.expr(id).map(|expr| &expr.op) {
            // A computed list is no longer than the one that it is made of.
            Some(Op::Comprehension { list, .. } | Op::Difference(list, _)) => self.length(*list),
            Some(Op::Call { args, .. }) => {
                args.first().map_or_else(|| "list".into(), |arg| self.length(*arg))
            }
            Some(Op::Param(param)) => format!("param {}", param.0),
            _ => "list".to_owned(),
        }
    }

    /// How many elements a list can have: a number for a constant, else its name.
    fn size(&self, id: ExprId) -> Poly {
        let resolved = self.bindings.resolve(&self.rule.code, id);
        match self.rule.code.expr(resolved).map(|expr| &expr.op) {
            Some(Op::Const(kpol_vm::ir::Const::List(items))) => {
                Poly::from([(Vec::new(), items.len() as u64)])
            }
            Some(Op::MakeList(items)) => Poly::from([(Vec::new(), items.len() as u64)]),
            // Params are bound at load, small, and looked up as sets.
            Some(Op::Param(_) | Op::Const(_)) => one(),
            _ => Poly::from([(vec![self.length(resolved)], 1)]),
        }
    }
}

fn one() -> Poly {
    Poly::from([(Vec::new(), 1)])
}

fn add(total: &mut Poly, other: &Poly, factor: u64) {
    for (lists, coefficient) in other {
        let entry = total.entry(lists.clone()).or_insert(0);
        *entry = entry.saturating_add(coefficient.saturating_mul(factor));
    }
}

fn product(a: &Poly, b: &Poly) -> Poly {
    let mut product = Poly::new();
    for (la, ca) in a {
        for (lb, cb) in b {
            let mut lists = la.clone();
            lists.extend(lb.iter().cloned());
            lists.sort();
            let entry = product.entry(lists).or_insert(0);
            *entry = entry.saturating_add(ca.saturating_mul(*cb));
        }
    }
    product
}
