//! The module under construction: roots, their records, and the demand that elaboration writes into them.

use std::{collections::BTreeMap, sync::Arc};

use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    ir::{
        BuiltinId, Const, FieldDemand, FieldSource, ParamId, RecordDemand, RecordId, Root, RootId, SlotTy, Ty,
    },
    json::Json,
    types::{Field, Presence, Record, Type, VirtualSource},
};

use crate::program::DefId;

/// Roots, builtins and params of a module, growing while rules are elaborated.
#[derive(Default)]
pub(crate) struct ModuleBuilder {
    roots: Vec<RootBuilder>,
    pub(crate) builtins: Vec<String>,
    pub(crate) params: BTreeMap<DefId, (ParamId, Ty, bool)>,
}

struct RootBuilder {
    name: String,
    records: Vec<(Arc<Record>, RecordDemand)>,
    by_name: BTreeMap<String, RecordId>,
}

impl ModuleBuilder {
    /// A module with the same params to elaborate in and throw away: the demand of a declaration is that of its uses.
    pub(crate) fn scratch(&self) -> ModuleBuilder {
        ModuleBuilder { params: self.params.clone(), ..ModuleBuilder::default() }
    }

    /// The root whose first record is `record`; one per name.
    pub(crate) fn root(&mut self, record: &Arc<Record>) -> RootId {
        if let Some(index) = self.roots.iter().position(|root| root.name == record.name) {
            return RootId(index as u32);
        }
        let demand = RecordDemand { name: record.name.clone(), fields: Vec::new() };
        self.roots.push(RootBuilder {
            name: record.name.clone(),
            records: vec![(Arc::clone(record), demand)],
            by_name: BTreeMap::from([(record.name.clone(), RecordId(0))]),
        });
        RootId(self.roots.len() as u32 - 1)
    }

    /// The record behind a record type.
    pub(crate) fn record(&self, root: RootId, record: RecordId) -> Option<&Arc<Record>> {
        self.roots.get(root.index())?.records.get(record.index()).map(|(record, _)| record)
    }

    /// The demanded field that an `Op::Field` names.
    pub(crate) fn demanded(&self, root: RootId, record: RecordId, field: u32) -> Option<&FieldDemand> {
        self.roots.get(root.index())?.records.get(record.index())?.1.fields.get(field as usize)
    }

    /// Writes `field` into the demand of a record; gives its index and the type of its value.
    pub(crate) fn demand(
        &mut self,
        catalog: &Catalog,
        root: RootId,
        record: RecordId,
        field: &Field,
    ) -> (u32, Ty) {
        let slot = self.slot(catalog, root, &field.ty);
        let ty = self.ty_of(root, &slot);
        let default = match &field.presence {
            Presence::Default(json) => default_const(&field.ty, json),
            Presence::Required | Presence::Optional => None,
        };
        let source = match &field.virtual_source {
            None | Some(VirtualSource::Host) => FieldSource::Json,
            Some(VirtualSource::Concat(lists)) => FieldSource::Concat(lists.clone()),
            Some(VirtualSource::Role) => FieldSource::Role,
            Some(VirtualSource::ObjectId) => FieldSource::ObjectId,
        };
        let Some((_, demand)) =
            self.roots.get_mut(root.index()).and_then(|r| r.records.get_mut(record.index()))
        else {
            return (0, ty);
        };
        if let Some(index) = demand.fields.iter().position(|known| known.name == field.name) {
            return (index as u32, ty);
        }
        demand.fields.push(FieldDemand { name: field.name.clone(), slot, default, source });
        (demand.fields.len() as u32 - 1, ty)
    }

    /// Demands one constant key of a map field; gives the key's index and the value's type.
    pub(crate) fn demand_key(
        &mut self,
        root: RootId,
        record: RecordId,
        field: u32,
        key: &str,
    ) -> Option<u32> {
        let records = &mut self.roots.get_mut(root.index())?.records;
        let demand = records.get_mut(record.index())?.1.fields.get_mut(field as usize)?;
        let SlotTy::Map { keys, .. } = &mut demand.slot else { return None };
        let index = keys.iter().position(|known| known == key).unwrap_or_else(|| {
            keys.push(key.to_owned());
            keys.len() - 1
        });
        Some(index as u32)
    }

    /// Demands all of a map field.
    pub(crate) fn demand_whole(&mut self, root: RootId, record: RecordId, field: u32) {
        let records = self.roots.get_mut(root.index()).map(|r| &mut r.records);
        let demand =
            records.and_then(|r| r.get_mut(record.index())).and_then(|r| r.1.fields.get_mut(field as usize));
        if let Some(FieldDemand { slot: SlotTy::Map { whole, .. }, .. }) = demand {
            *whole = true;
        }
    }

    pub(crate) fn builtin(&mut self, name: &str) -> BuiltinId {
        let index = self.builtins.iter().position(|known| known == name).unwrap_or_else(|| {
            self.builtins.push(name.to_owned());
            self.builtins.len() - 1
        });
        BuiltinId(index as u32)
    }

    /// A catalog type as the type of expressions in a root.
    pub(crate) fn ty(&mut self, catalog: &Catalog, root: RootId, ty: &Type) -> Ty {
        let slot = self.slot(catalog, root, ty);
        self.ty_of(root, &slot)
    }

    pub(crate) fn finish_roots(&mut self, catalog: &Catalog) -> Vec<Root> {
        self.demand_roles(catalog);
        std::mem::take(&mut self.roots)
            .into_iter()
            .map(|root| Root {
                name: root.name,
                records: root.records.into_iter().map(|(_, demand)| demand).collect(),
            })
            .collect()
    }

    /// An element knows its role by the joined list that names the list it stands in; where a role is read, that
    /// joined list must be known to the layout even if no rule goes through it.
    fn demand_roles(&mut self, catalog: &Catalog) {
        let mut wanted = Vec::new();
        for (index, root) in self.roots.iter().enumerate() {
            let reads_role =
                |demand: &RecordDemand| demand.fields.iter().any(|f| f.source == FieldSource::Role);
            if !root.records.iter().any(|(_, demand)| reads_role(demand)) {
                continue;
            }
            for (id, (record, _)) in root.records.iter().enumerate() {
                let joined = |field: &&Field| matches!(field.virtual_source, Some(VirtualSource::Concat(_)));
                for field in record.fields.iter().filter(joined) {
                    wanted.push((RootId(index as u32), RecordId(id as u32), field.clone()));
                }
            }
        }
        for (root, record, field) in wanted {
            self.demand(catalog, root, record, &field);
        }
    }

    fn slot(&mut self, catalog: &Catalog, root: RootId, ty: &Type) -> SlotTy {
        match ty {
            Type::Record(name) => match self.register(catalog, root, name) {
                Some(id) => SlotTy::Record(id),
                // A record that the catalog does not know has no fields to name: any JSON.
                None => SlotTy::Scalar(Type::Dyn),
            },
            Type::List(element) | Type::Set(element) => {
                SlotTy::List(Box::new(self.slot(catalog, root, element)))
            }
            Type::Map(value) => SlotTy::Map {
                value: Box::new(self.slot(catalog, root, value)),
                keys: Vec::new(),
                whole: false,
            },
            scalar => SlotTy::Scalar(scalar.clone()),
        }
    }

    fn register(&mut self, catalog: &Catalog, root: RootId, name: &str) -> Option<RecordId> {
        let builder = self.roots.get_mut(root.index())?;
        if let Some(id) = builder.by_name.get(name) {
            return Some(*id);
        }
        let record = catalog.record(name)?;
        let id = RecordId(builder.records.len() as u32);
        builder.records.push((record, RecordDemand { name: name.to_owned(), fields: Vec::new() }));
        builder.by_name.insert(name.to_owned(), id);
        Some(id)
    }

    fn ty_of(&self, root: RootId, slot: &SlotTy) -> Ty {
        slot_ty(root, slot)
    }
}

/// The type of the value that a slot of `root` holds.
pub(crate) fn slot_ty(root: RootId, slot: &SlotTy) -> Ty {
    match slot {
        SlotTy::Scalar(ty) => Ty::Scalar(ty.clone()),
        SlotTy::Record(id) => Ty::Record(root, *id),
        SlotTy::List(element) => Ty::List(Box::new(slot_ty(root, element))),
        SlotTy::Map { value, .. } => Ty::Map(Box::new(slot_ty(root, value))),
    }
}

/// A documented default as a constant; `None` where the type has no constant form (lists and records start empty
/// anyway).
fn default_const(ty: &Type, json: &Json) -> Option<Const> {
    match (ty, json) {
        (Type::Bool, Json::Bool(value)) => Some(Const::Bool(*value)),
        (Type::Int | Type::Port, Json::Int(value)) => Some(Const::Int(*value)),
        (text, Json::Str(value)) => crate::elab::literal::text_const(text, value).ok(),
        _ => None,
    }
}

/// Fields that all of `records` have with one type: what a rule on several kinds may read of `object`.
pub(crate) fn common_record(name: &str, records: &[Arc<Record>]) -> Record {
    let Some((first, rest)) = records.split_first() else {
        return Record {
            name: name.to_owned(),
            origin: String::new(),
            doc: String::new(),
            fields: Vec::new(),
        };
    };
    let shared = |field: &&Field| {
        rest.iter()
            .all(|r| r.field(&field.name).is_some_and(|f| f.ty == field.ty && f.presence == field.presence))
    };
    let origin = records.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", ");
    let fields = first.fields.iter().filter(shared).cloned().collect();
    let doc = format!("What {origin} have in common.");
    Record { name: name.to_owned(), origin, doc, fields }
}
