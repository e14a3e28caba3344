//! Runs a mutation's statements: which changes it asks for, with their places resolved.
//!
//! All conditions and values are those of the facts before the mutation; the changes are made afterwards.

use super::{
    Env, Interp, Trap,
    provenance::{Origin, Tracer},
};
use crate::{
    ir::{ChangeKind, ExprId, MutStmt, Mutation, Place, PlaceBase, Ty},
    json::Json,
    json_path::JsonPath,
};

/// One change that a mutation asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What to do.
    pub kind: ChangeKind,
    /// Where.
    pub path: JsonPath,
    /// With what; `None` for [`ChangeKind::Remove`].
    pub value: Option<Json>,
    /// The type of the value, under which elements are compared.
    pub ty: Ty,
}

/// The changes that a mutation asks for, in order. A value that is absent asks for none.
///
/// # Errors
/// When it takes too many steps.
pub fn changes(mutation: &Mutation, env: &Env<'_>) -> Result<Vec<Change>, Trap> {
    let mut run = Run { tracer: Tracer::unbounded(Interp::new(*env, &mutation.code)), changes: Vec::new() };
    run.block(&mutation.body)?;
    Ok(run.changes)
}

struct Run<'e> {
    tracer: Tracer<'e>,
    changes: Vec<Change>,
}

impl Run<'_> {
    fn block(&mut self, stmts: &[MutStmt]) -> Result<(), Trap> {
        for stmt in stmts {
            match stmt {
                MutStmt::Where(cond) => {
                    if !self.tracer.interp.holds(*cond)? {
                        return Ok(());
                    }
                }
                MutStmt::Let(local, value) => self.tracer.bind_expr(*local, *value)?,
                MutStmt::For { local, list, body } => {
                    let items = self.tracer.interp.eval(*list)?.elements();
                    for (index, item) in items.iter().enumerate() {
                        self.tracer.interp.spend(1)?;
                        self.tracer.bind(*local, item.clone(), Origin::Element { list: *list, index });
                        self.block(body)?;
                    }
                }
                MutStmt::Change { kind, place, value } => self.change(*kind, place, *value)?,
            }
        }
        Ok(())
    }

    fn change(&mut self, kind: ChangeKind, place: &Place, value: Option<ExprId>) -> Result<(), Trap> {
        let Some(path) = self.place(place)? else { return Ok(()) };
        let Some(value) = value else {
            if kind == ChangeKind::Remove {
                self.changes.push(Change { kind, path, value: None, ty: Ty::DYN });
            }
            return Ok(());
        };
        let ty = self.tracer.interp.ty(value).clone();
        if let Some(json) = self.tracer.interp.eval(value)?.to_json() {
            self.changes.push(Change { kind, path, value: Some(json), ty });
        }
        Ok(())
    }

    /// The place as a path in the object; `None` for an element that is not in the object.
    fn place(&mut self, place: &Place) -> Result<Option<JsonPath>, Trap> {
        let base = match place.base {
            PlaceBase::Object => Some(JsonPath::default()),
            PlaceBase::Pod => Some(JsonPath::keys(self.tracer.interp.env.pod_keys)),
            PlaceBase::Local(local) => match self.tracer.origin(local) {
                Some(Origin::Element { list, index }) => self.tracer.element_path(list, index)?,
                Some(Origin::Expr(value)) => self.tracer.path(value)?,
                None => None,
            },
        };
        Ok(base.map(|base| place.keys.iter().fold(base, |path, key| path.key(key))))
    }
}
