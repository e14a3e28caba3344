//! The catalog: one place to ask for everything that an author can name.
//!
//! It owns the schema (CRDs are added to it) and the list of builtins (a host adds its own); events, their records and
//! the builtins themselves are static tables that are built once per process, so a catalog costs no more than its schema.

use std::sync::Arc;

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::{Record, Type},
};

mod host;

pub use crate::events::{EventInfo, FalcoField};
use crate::{builtins, events, schema::Schema};
pub use host::BuiltinError;

/// Defines that every file sees without a `use`.
pub const PRELUDE: &str = include_str!("../data/prelude.kpol");

/// Everything that an author can name.
pub struct Catalog {
    schema: Schema,
    builtins: Vec<&'static Builtin>,
}

impl Default for Catalog {
    fn default() -> Self {
        Catalog::new()
    }
}

impl Catalog {
    /// The built-in catalog.
    #[must_use]
    pub fn new() -> Catalog {
        Catalog { schema: Schema::kubernetes(), builtins: builtins::ALL.to_vec() }
    }

    /// Adds a builtin of the host, for whatever is compiled or loaded with this catalog.
    ///
    /// # Errors
    /// When authors could not call it, or its name is taken.
    pub fn add_builtin(&mut self, builtin: &'static Builtin) -> Result<(), BuiltinError> {
        host::check(builtin)?;
        if self.builtin(builtin.name).is_some() {
            return Err(BuiltinError::Taken(builtin.name));
        }
        self.builtins.push(builtin);
        Ok(())
    }

    /// The Kubernetes kinds.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The Kubernetes kinds, to add those of CRDs.
    pub fn schema_mut(&mut self) -> &mut Schema {
        &mut self.schema
    }

    /// The record that authors call `name`: of the event world (`process`, `file`, an event's root such as `exec`),
    /// of the host (`user`, `request`, `cluster`), else of the schema (`Container`).
    #[must_use]
    pub fn record(&self, name: &str) -> Option<Arc<Record>> {
        events::record(name).or_else(|| self.schema.record(name))
    }

    /// The event `name`: `exec`, `syscall.openat2`.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&EventInfo> {
        events::event(name)
    }

    /// All events; the family of `syscall.*` last.
    pub fn events(&self) -> impl Iterator<Item = &EventInfo> {
        events::all().iter()
    }

    /// The builtin with this name in the IR: `len`, `image.tag`.
    #[must_use]
    pub fn builtin(&self, name: &str) -> Option<&'static Builtin> {
        self.builtins.iter().copied().find(|builtin| builtin.name == name)
    }

    /// All builtins, properties among them; those of the host come last.
    #[must_use]
    pub fn builtins(&self) -> &[&'static Builtin] {
        &self.builtins
    }

    /// The property `name` of values of type `receiver`: `tag` of `image`.
    #[must_use]
    pub fn property(&self, receiver: &Type, name: &str) -> Option<&'static Builtin> {
        self.properties(receiver).find(|builtin| property_name(builtin) == name)
    }

    /// All properties of values of type `receiver`.
    pub fn properties<'a>(&'a self, receiver: &'a Type) -> impl Iterator<Item = &'static Builtin> + use<'a> {
        self.builtins.iter().copied().filter(move |builtin| {
            builtin.property && matches!(builtin.params, [(_, Sig::Is(ty))] if ty == receiver)
        })
    }

    /// What the Falco field `falco` is called here. Several answers: any of them may be meant, as with `fd.ip`;
    /// an answer with an event holds for that event only.
    pub fn falco_fields<'a>(&self, falco: &'a str) -> impl Iterator<Item = FalcoField> + use<'a> {
        events::falco_fields().iter().copied().filter(move |field| field.falco == falco)
    }
}

/// The word behind the dot: `tag` of the property `image.tag`.
#[must_use]
pub fn property_name(builtin: &Builtin) -> &'static str {
    builtin.name.rsplit_once('.').map_or(builtin.name, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use kpol_vm::value::Value;

    use super::*;

    #[test]
    fn a_property_belongs_to_its_type() {
        let catalog = Catalog::new();
        assert_eq!(catalog.property(&Type::Image, "tag").unwrap().name, "image.tag");
        assert_eq!(catalog.property(&Type::Path, "name").unwrap().name, "path.name");
        assert_eq!(catalog.property(&Type::Image, "name").unwrap().name, "image.name");
        assert!(catalog.property(&Type::Str, "tag").is_none());
        assert!(catalog.property(&Type::Str, "lower").is_none(), "a function is no property");
        assert_eq!(catalog.properties(&Type::Path).count(), 3);
    }

    #[test]
    fn records_of_both_worlds_are_found() {
        let catalog = Catalog::new();
        for name in ["process", "event_user", "user", "request", "cluster", "exec", "Pod", "Container"] {
            assert_eq!(catalog.record(name).unwrap().name, name);
        }
        assert!(catalog.record("nothing").is_none());
        assert_eq!(catalog.events().filter(|event| !event.name.starts_with("syscall.")).count(), 20);
    }

    fn yes(_: &[Value]) -> Value {
        Value::Bool(true)
    }

    #[test]
    fn a_host_adds_what_authors_can_call() {
        static OURS: Builtin =
            Builtin::new("acme_known", &[("s", Sig::Is(Type::Str))], Sig::Is(Type::Bool), yes);
        static LEN: Builtin = Builtin::new("len", &[], Sig::Is(Type::Bool), yes);
        let mut catalog = Catalog::new();
        let before = catalog.builtins().len();
        assert_eq!(catalog.add_builtin(&OURS), Ok(()));
        assert_eq!(catalog.builtin("acme_known").map(|builtin| builtin.name), Some("acme_known"));
        assert_eq!(catalog.builtins().len(), before + 1);
        assert_eq!(catalog.add_builtin(&OURS), Err(BuiltinError::Taken("acme_known")));
        assert_eq!(catalog.add_builtin(&LEN), Err(BuiltinError::Taken("len")));
        assert!(Catalog::new().builtin("acme_known").is_none(), "another catalog knows nothing of it");
    }

    #[test]
    fn what_nobody_could_call_is_no_builtin() {
        static EMPTY: Builtin = Builtin::new("", &[], Sig::Is(Type::Bool), yes);
        static SPACED: Builtin = Builtin::new("a b", &[], Sig::Is(Type::Bool), yes);
        static DOTTED: Builtin = Builtin::new("a.b", &[], Sig::Is(Type::Bool), yes);
        static ANY: Builtin = Builtin::new("any", &[("v", Sig::Any)], Sig::Any, yes);
        static ELEMENT: Builtin = Builtin::new("one", &[("v", Sig::Any)], Sig::Element, yes);
        static FREE: Builtin = Builtin::new("free", &[], Sig::Is(Type::Bool), yes).with_cost(0);
        static NESTED: Builtin = Builtin::new(
            "nested",
            &[("v", Sig::OneOf(&[Sig::OneOf(&[Sig::Any])]))],
            Sig::Is(Type::Bool),
            yes,
        );
        static PROPERTY: Builtin =
            Builtin::new("string.x", &[("image", Sig::Is(Type::Image))], Sig::Is(Type::Bool), yes)
                .as_property();
        let mut catalog = Catalog::new();
        for name in [&EMPTY, &SPACED, &DOTTED, &PROPERTY] {
            assert_eq!(catalog.add_builtin(name), Err(BuiltinError::Name(name.name)));
        }
        for signature in [&ANY, &ELEMENT, &FREE, &NESTED] {
            assert_eq!(catalog.add_builtin(signature), Err(BuiltinError::Signature(signature.name)));
        }
    }

    #[test]
    fn a_host_adds_properties_too() {
        static SIGNED: Builtin =
            Builtin::new("image.signed", &[("image", Sig::Is(Type::Image))], Sig::Is(Type::Bool), yes)
                .as_property();
        let mut catalog = Catalog::new();
        catalog.add_builtin(&SIGNED).unwrap();
        assert_eq!(
            catalog.property(&Type::Image, "signed").map(|builtin| builtin.name),
            Some("image.signed")
        );
    }

    #[test]
    fn falco_names_are_found() {
        let catalog = Catalog::new();
        let paths: Vec<_> = catalog.falco_fields("fd.ip").map(|field| field.path).collect();
        assert_eq!(paths, ["net.local.ip", "net.remote.ip"]);
        assert!(catalog.falco_fields("fd.sip").all(|field| field.event.is_some()));
    }
}
