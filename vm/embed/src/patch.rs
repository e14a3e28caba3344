//! What mutations make of an object.

use kpol_vm::evaluate::{Mutated, PatchOp};
use kpol_vm::json::Json;
use serde_json::Value;

/// What the mutations of a bundle make of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch(Mutated);

impl Patch {
    pub(crate) fn new(mutated: Mutated) -> Patch {
        Patch(mutated)
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.patch.is_empty()
    }

    /// What to change, in order.
    pub fn operations(&self) -> impl Iterator<Item = PatchOperation<'_>> {
        self.0.patch.iter().map(PatchOperation)
    }

    /// The patch as RFC 6902 writes it: what an AdmissionResponse carries in `patch`, before base64.
    #[must_use]
    pub fn to_json(&self) -> String {
        let operations = self.operations().map(|operation| operation.to_json());
        Value::Array(operations.collect()).to_string()
    }

    /// The object after it.
    #[must_use]
    pub fn object(&self) -> &Json {
        &self.0.object
    }

    /// The mutations that changed something, with their packages.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        &self.0.applied
    }
}

/// One operation of a patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatchOperation<'p>(&'p PatchOp);

impl<'p> PatchOperation<'p> {
    /// `add`, `replace` or `remove`; kpol writes no others.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self.0 {
            PatchOp::Add(_) => "add",
            PatchOp::Remove(_) => "remove",
            PatchOp::Replace(_) => "replace",
            PatchOp::Move(_) => "move",
            PatchOp::Copy(_) => "copy",
            PatchOp::Test(_) => "test",
        }
    }

    /// Where, as a JSON pointer: `/spec/hostPID`.
    #[must_use]
    pub fn path(&self) -> String {
        match self.0 {
            PatchOp::Add(operation) => operation.path.to_string(),
            PatchOp::Remove(operation) => operation.path.to_string(),
            PatchOp::Replace(operation) => operation.path.to_string(),
            PatchOp::Move(operation) => operation.path.to_string(),
            PatchOp::Copy(operation) => operation.path.to_string(),
            PatchOp::Test(operation) => operation.path.to_string(),
        }
    }

    /// What is put there.
    #[must_use]
    pub fn value(&self) -> Option<&'p Value> {
        match self.0 {
            PatchOp::Add(operation) => Some(&operation.value),
            PatchOp::Replace(operation) => Some(&operation.value),
            PatchOp::Test(operation) => Some(&operation.value),
            PatchOp::Remove(_) | PatchOp::Move(_) | PatchOp::Copy(_) => None,
        }
    }

    fn to_json(self) -> Value {
        let mut object = serde_json::Map::new();
        object.insert("op".to_owned(), self.op().into());
        object.insert("path".to_owned(), self.path().into());
        match self.0 {
            PatchOp::Move(operation) => {
                object.insert("from".to_owned(), operation.from.to_string().into());
            }
            PatchOp::Copy(operation) => {
                object.insert("from".to_owned(), operation.from.to_string().into());
            }
            PatchOp::Add(_) | PatchOp::Remove(_) | PatchOp::Replace(_) | PatchOp::Test(_) => {}
        }
        if let Some(value) = self.value() {
            object.insert("value".to_owned(), value.clone());
        }
        Value::Object(object)
    }
}
