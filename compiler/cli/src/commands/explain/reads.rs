//! Which fields a rule reads, as paths from its roots.

use std::collections::{BTreeMap, BTreeSet};

use kpol_vm::ir::{Code, ExprId, FieldDemand, LocalId, Module, Op, Slot, SlotTy, Stmt, Ty};

/// Longer paths than this are not written by anybody.
const MAX_DEPTH: usize = 64;

/// `pod.spec.all_containers[].securityContext.privileged`, sorted; a path that only leads to another is left out.
pub(super) fn fields(module: &Module, code: &Code, body: &[Stmt]) -> Vec<String> {
    let mut reader = Reader { module, code, lists: BTreeMap::new(), values: BTreeMap::new() };
    reader.statements(body);
    for expr in &code.exprs {
        if let Op::Quantified { local, list, .. } | Op::Comprehension { local, list, .. } = &expr.op {
            reader.lists.insert(*local, *list);
        } else if let Op::Let { local, value, .. } = &expr.op {
            reader.values.insert(*local, *value);
        }
    }
    let ids = (0..code.exprs.len()).map(|index| ExprId(index as u32));
    let paths: BTreeSet<String> = ids.filter_map(|id| reader.field(id)).collect();
    let leads = |path: &String| {
        let below = [format!("{path}."), format!("{path}[")];
        paths.iter().any(|other| below.iter().any(|below| other.starts_with(below)))
    };
    paths.iter().filter(|path| !leads(path)).cloned().collect()
}

struct Reader<'m> {
    module: &'m Module,
    code: &'m Code,
    /// Locals that stand for the elements of a list.
    lists: BTreeMap<LocalId, ExprId>,
    /// Locals that stand for a value.
    values: BTreeMap<LocalId, ExprId>,
}

impl Reader<'_> {
    fn statements(&mut self, body: &[Stmt]) {
        for stmt in body {
            match stmt {
                Stmt::Let(local, value) => {
                    self.values.insert(*local, *value);
                }
                Stmt::For { local, list, body } => {
                    self.lists.insert(*local, *list);
                    self.statements(body);
                }
                Stmt::Where(_) | Stmt::Verdict { .. } => {}
            }
        }
    }

    /// The path of an expression that reads a field itself.
    fn field(&self, id: ExprId) -> Option<String> {
        let reads =
            matches!(self.code.expr(id)?.op, Op::Field { .. } | Op::Written { .. } | Op::MapKey { .. });
        if reads { self.path(id, 0) } else { None }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "no other operation gives a place in the input")]
    fn path(&self, id: ExprId, depth: usize) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        let path = |id: ExprId| self.path(id, depth + 1);
        match &self.code.expr(id)?.op {
            Op::Root(slot, _) => Some(root(*slot).to_owned()),
            Op::Cluster { root, .. } => {
                Some(format!("cluster {}", self.module.roots.get(root.index())?.name))
            }
            Op::Local(local) => match (self.lists.get(local), self.values.get(local)) {
                (Some(list), _) => path(*list).map(|list| format!("{list}[]")),
                (None, Some(value)) => path(*value),
                (None, None) => None,
            },
            Op::Field { base, field } | Op::Written { base, field } => {
                let name = &self.demand(*base, *field)?.name;
                Some(joined(&path(*base)?, name))
            }
            Op::MapKey { base, field, key } => {
                let demand = self.demand(*base, *field)?;
                let SlotTy::Map { keys, .. } = &demand.slot else { return None };
                let key = keys.get(*key as usize)?;
                Some(format!("{}[\"{key}\"]", joined(&path(*base)?, &demand.name)))
            }
            Op::MapGet { map, .. } => path(*map).map(|map| format!("{map}[]")),
            Op::ListGet { list, .. } => path(*list).map(|list| format!("{list}[]")),
            Op::Concat(list, _) | Op::Coalesce(list, _) => path(*list),
            Op::Comprehension { list, .. } => path(*list),
            _ => None,
        }
    }

    fn demand(&self, base: ExprId, field: u32) -> Option<&FieldDemand> {
        let Ty::Record(root, record) = &self.code.expr(base)?.ty else { return None };
        let record = self.module.roots.get(root.index())?.records.get(record.index())?;
        record.fields.get(field as usize)
    }
}

/// An event's own fields are written without their root.
fn joined(base: &str, name: &str) -> String {
    if base.is_empty() { name.to_owned() } else { format!("{base}.{name}") }
}

fn root(slot: Slot) -> &'static str {
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
