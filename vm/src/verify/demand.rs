//! Checks roots: records that exist, defaults of the slot's type, sources that can fill the slot.

use super::{MAX_DEMAND, MAX_TYPES, Problem, VerifyError, at_most};
use crate::{
    ir::{FieldDemand, FieldSource, Module, Root, SlotTy, Ty},
    layout::Layout,
    types::Type,
    value::const_fits,
};

pub(super) fn check(module: &Module) -> Result<(), VerifyError> {
    let at = |place: String, problem| VerifyError { place, expr: None, problem };
    at_most("roots", module.roots.len(), MAX_DEMAND).map_err(|problem| at("module".into(), problem))?;
    for root in &module.roots {
        check_root(root).map_err(|problem| at(format!("root {}", root.name), problem))?;
    }
    for watch in &module.watches {
        if watch.root.index() >= module.roots.len() {
            let problem = Problem::NoSuch { what: "root", id: watch.root.0 };
            return Err(at(format!("watch {}", watch.kind), problem));
        }
    }
    Ok(())
}

fn check_root(root: &Root) -> Result<(), Problem> {
    at_most("records", root.records.len(), MAX_DEMAND)?;
    if root.records.is_empty() {
        return Err(Problem::NoSuch { what: "record", id: 0 });
    }
    for record in &root.records {
        at_most("fields", record.fields.len(), MAX_DEMAND)?;
        for field in &record.fields {
            check_slot(root, &field.slot, 0)?;
            if !source_fits(field) || !default_fits(field) {
                return Err(Problem::Source(field.name.clone()));
            }
        }
    }
    // Lays out once more than needed, so that a module that is too large is refused here and nowhere else.
    Layout::new(root)
        .map(drop)
        .map_err(|_| Problem::TooMany { what: "bytes of a root's records", max: 16 << 20 })
}

fn check_slot(root: &Root, slot: &SlotTy, depth: usize) -> Result<(), Problem> {
    if depth > MAX_TYPES {
        return Err(Problem::TooDeep);
    }
    match slot {
        SlotTy::Scalar(ty @ (Type::Record(_) | Type::List(_) | Type::Set(_) | Type::Map(_))) => {
            Err(Problem::BadType(ty.to_string()))
        }
        SlotTy::Scalar(_) => Ok(()),
        SlotTy::Record(id) if id.index() < root.records.len() => Ok(()),
        SlotTy::Record(id) => Err(Problem::NoSuch { what: "record", id: id.0 }),
        SlotTy::List(element) => check_slot(root, element, depth + 1),
        SlotTy::Map { value, keys, .. } => {
            at_most("keys", keys.len(), MAX_DEMAND)?;
            check_slot(root, value, depth + 1)
        }
    }
}

fn source_fits(field: &FieldDemand) -> bool {
    match &field.source {
        FieldSource::Json => !field.name.is_empty(),
        FieldSource::Concat(sources) => !sources.is_empty() && matches!(field.slot, SlotTy::List(_)),
        FieldSource::Role | FieldSource::ObjectId => matches!(&field.slot, SlotTy::Scalar(Type::Str)),
    }
}

fn default_fits(field: &FieldDemand) -> bool {
    match (&field.default, &field.slot) {
        (None, _) => true,
        (Some(crate::ir::Const::Absent), _) => false,
        (Some(default), SlotTy::Scalar(ty)) => const_fits(default, &Ty::Scalar(ty.clone())),
        (Some(_), SlotTy::Record(_) | SlotTy::List(_) | SlotTy::Map { .. }) => false,
    }
}
