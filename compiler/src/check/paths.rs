//! Paths of IR expressions as text: what is read, through `let` and loops.

use std::collections::BTreeMap;

use kpol_vm::ir::{Code, ExprId, LocalId, Op, SlotTy, Stmt, Ty};

use crate::{check::walk, module::ModuleBuilder};

/// What the locals of some code stand for.
#[derive(Default)]
pub(crate) struct Bindings {
    /// The values of `let`.
    pub(crate) lets: BTreeMap<LocalId, ExprId>,
    /// The lists of loops, quantifiers and comprehensions.
    pub(crate) loops: BTreeMap<LocalId, ExprId>,
}

impl Bindings {
    pub(crate) fn of(code: &Code, body: &[Stmt]) -> Bindings {
        let mut bindings = Bindings::default();
        for expr in &code.exprs {
            match &expr.op {
                Op::Let { local, value, .. } => {
                    bindings.lets.insert(*local, *value);
                }
                Op::Quantified { local, list, .. } | Op::Comprehension { local, list, .. } => {
                    bindings.loops.insert(*local, *list);
                }
                _ => {}
            }
        }
        walk::each_stmt(body, &mut |stmt| match stmt {
            Stmt::Let(local, value) => {
                bindings.lets.insert(*local, *value);
            }
            Stmt::For { local, list, .. } => {
                bindings.loops.insert(*local, *list);
            }
            Stmt::Where(_) | Stmt::Verdict { .. } => {}
        });
        bindings
    }

    /// The expression behind `let` names.
    pub(crate) fn resolve(&self, code: &Code, id: ExprId) -> ExprId {
        let mut id = id;
        // Each step goes to an earlier expression, so this ends.
        while let Some(Op::Local(local)) = code.expr(id).map(|expr| &expr.op) {
            match self.lets.get(local) {
                Some(value) if *value < id => id = *value,
                _ => break,
            }
        }
        id
    }
}

/// A path as text: `object.metadata.labels["team"]`, loops as `[]`; `None` for what is no path.
pub(crate) fn text(module: &ModuleBuilder, code: &Code, bindings: &Bindings, id: ExprId) -> Option<String> {
    let id = bindings.resolve(code, id);
    match &code.expr(id)?.op {
        Op::Root(slot, _) => Some(root_name(*slot).to_owned()),
        Op::Field { base, field } => {
            let name = &demanded(module, code, *base, *field)?.name;
            Some(join(text(module, code, bindings, *base)?, name))
        }
        Op::Written { base, field } => {
            let name = &demanded(module, code, *base, *field)?.name;
            Some(join(text(module, code, bindings, *base)?, name))
        }
        Op::MapKey { base, field, key } => {
            let demand = demanded(module, code, *base, *field)?;
            let SlotTy::Map { keys, .. } = &demand.slot else { return None };
            let key = keys.get(*key as usize)?;
            Some(format!("{}[{key:?}]", join(text(module, code, bindings, *base)?, &demand.name)))
        }
        Op::Local(local) => Some(format!("{}[]", text(module, code, bindings, *bindings.loops.get(local)?)?)),
        Op::Cluster { root, .. } => {
            let record = module.record(*root, kpol_vm::ir::RecordId(0))?;
            Some(format!("cluster.{}", record.name))
        }
        _ => None,
    }
}

fn join(base: String, name: &str) -> String {
    if base.is_empty() { name.to_owned() } else { format!("{base}.{name}") }
}

fn root_name(slot: kpol_vm::ir::Slot) -> &'static str {
    use kpol_vm::ir::Slot;
    match slot {
        Slot::Object => "object",
        Slot::Old => "old",
        Slot::Pod => "pod",
        Slot::Namespace => "namespace",
        Slot::User => "user",
        Slot::Request => "request",
        Slot::Cluster => "cluster",
        Slot::Event => "",
    }
}

/// The demanded field behind `base.field`.
pub(crate) fn demanded<'m>(
    module: &'m ModuleBuilder,
    code: &Code,
    base: ExprId,
    field: u32,
) -> Option<&'m kpol_vm::ir::FieldDemand> {
    let Ty::Record(root, record) = code.expr(base)?.ty else { return None };
    module.demanded(root, record, field)
}
