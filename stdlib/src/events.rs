//! The events, one file each, and the records that their fields are made of.
//!
//! ```text
//! events/<name>.rs   static EVENT: EventDesc    name, doc, own roots, Falco names     one line in DESCS
//! events/common.rs   the roots that every event has, and the records of the event world
//! events/host.rs     the records that an admission host gives: user, request, cluster
//! events/syscall.rs  the generated family syscall.*
//! ```
//!
//! A field's absence follows law 9: `container` and `k8s` are absent for a process of the host because they do not
//! apply. A fact that is merely late (an image's name) is a required field here; the sensor marks its alert
//! `incomplete`.

mod accept;
mod bpf_load;
mod capset;
mod common;
mod connect;
mod connect_failed;
mod container_start;
mod container_stop;
mod desc;
mod exec;
mod exit;
mod file_delete;
mod file_open_failed;
mod file_read;
mod file_rename;
mod file_write;
mod host;
mod link;
mod listen;
mod module_load;
mod mount;
mod ptrace;
mod setuid;
pub mod syscall;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use kpol_vm::types::Record;

use self::desc::{EventDesc, RecordDesc};

/// Every event but those of `syscall.*`, in the order of the reference page.
static DESCS: &[&EventDesc] = &[
    &exec::EVENT,
    &exit::EVENT,
    &file_read::EVENT,
    &file_write::EVENT,
    &file_delete::EVENT,
    &file_rename::EVENT,
    &file_open_failed::EVENT,
    &link::EVENT,
    &connect::EVENT,
    &connect_failed::EVENT,
    &listen::EVENT,
    &accept::EVENT,
    &setuid::EVENT,
    &capset::EVENT,
    &ptrace::EVENT,
    &mount::EVENT,
    &module_load::EVENT,
    &bpf_load::EVENT,
    &container_start::EVENT,
    &container_stop::EVENT,
];

/// Every record that is not an event's root.
static RECORDS: &[&[&RecordDesc]] = &[common::RECORDS, host::RECORDS];

/// An event that a rule can be `on`.
#[derive(Clone, Debug)]
pub struct EventInfo {
    /// `exec`, `syscall.openat2`.
    pub name: &'static str,
    /// What happened when it is seen, in one or two sentences.
    pub doc: &'static str,
    /// Its root, of the same name: the fields are the names that a rule on it sees (`event`, `proc`, `file`, ...).
    pub record: Arc<Record>,
    /// Whether the process is still in it, so that `kill` stops what it is doing.
    pub killable: bool,
    /// The version of kpol that brought it.
    pub since: &'static str,
    /// The values of Falco's `evt.type` that it covers.
    pub falco: &'static [&'static str],
}

/// What a Falco field is called in kpol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FalcoField {
    /// `proc.pname`.
    pub falco: &'static str,
    /// `proc.parent.name`: a path from an event's root.
    pub path: &'static str,
    /// The only event for which this holds; `None`: every event that has the path.
    pub event: Option<&'static str>,
}

/// Every event; the family of `syscall.*` last.
pub(crate) fn all() -> &'static [EventInfo] {
    &TABLES.events
}

/// The event `name`.
pub(crate) fn event(name: &str) -> Option<&'static EventInfo> {
    TABLES.by_name.get(name).and_then(|&at| TABLES.events.get(at))
}

/// The record `name` of the event world or of the host; event roots have their event's name.
pub(crate) fn record(name: &str) -> Option<Arc<Record>> {
    TABLES.records.get(name).cloned().or_else(|| event(name).map(|event| event.record.clone()))
}

/// Every Falco field that has a name here.
pub(crate) fn falco_fields() -> &'static [FalcoField] {
    &TABLES.falco
}

struct Tables {
    events: Vec<EventInfo>,
    by_name: HashMap<&'static str, usize>,
    records: HashMap<&'static str, Arc<Record>>,
    falco: Vec<FalcoField>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut events: Vec<EventInfo> = DESCS.iter().map(|desc| desc.info()).collect();
    events.extend(syscall::events());
    let by_name = events.iter().enumerate().map(|(at, event)| (event.name, at)).collect();
    let records =
        RECORDS.iter().copied().flatten().map(|desc| (desc.name, Arc::new(desc.record()))).collect();
    let mut falco: Vec<FalcoField> = common::FALCO.iter().map(|&(f, path)| alias(f, path, None)).collect();
    for desc in DESCS {
        falco.extend(desc.falco_fields.iter().map(|&(f, path)| alias(f, path, Some(desc.name))));
    }
    Tables { events, by_name, records, falco }
});

fn alias(falco: &'static str, path: &'static str, event: Option<&'static str>) -> FalcoField {
    FalcoField { falco, path, event }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kpol_vm::types::Type;

    use super::*;
    use crate::catalog::Catalog;

    fn own_records() -> Vec<Arc<Record>> {
        let roots = all().iter().map(|event| event.record.clone());
        TABLES.records.values().cloned().chain(roots).collect()
    }

    fn record_name(ty: &Type) -> Option<&str> {
        if let Type::Record(name) = ty {
            return Some(name);
        }
        if let Type::Map(inner) = ty { record_name(inner) } else { ty.element().and_then(record_name) }
    }

    #[test]
    fn names_are_unique() {
        let roots = all().iter().map(|event| event.name);
        let names: Vec<_> =
            RECORDS.iter().copied().flatten().map(|record| record.name).chain(roots).collect();
        let set: BTreeSet<_> = names.iter().collect();
        assert_eq!(set.len(), names.len());
        let catalog = Catalog::new();
        for name in names {
            assert!(catalog.schema().record(name).is_none(), "{name} is a record of the schema too");
        }
    }

    #[test]
    fn everything_has_docs() {
        for record in own_records() {
            assert!(record.doc.ends_with('.'), "{}", record.name);
            let names: BTreeSet<_> = record.fields.iter().map(|field| &field.name).collect();
            assert_eq!(names.len(), record.fields.len(), "{}: a field twice", record.name);
            for field in &record.fields {
                assert!(field.doc.ends_with('.'), "{}.{}: {}", record.name, field.name, field.doc);
                assert!(!field.doc.contains("  "), "{}.{}: {}", record.name, field.name, field.doc);
            }
        }
    }

    #[test]
    fn records_refer_to_records_that_exist() {
        let catalog = Catalog::new();
        for record in own_records() {
            for name in record.fields.iter().filter_map(|field| record_name(&field.ty)) {
                assert!(catalog.record(name).is_some(), "{}: {name}", record.name);
            }
        }
    }

    #[test]
    fn every_event_has_the_common_roots() {
        for event in all() {
            for root in common::ROOTS {
                assert!(event.record.field(root.name()).is_some(), "{}", event.name);
            }
        }
        assert!(event("exec").unwrap().record.field("file").is_none());
        assert!(
            event("container_start").unwrap().record.fields.iter().any(
                |field| field.name == "container" && field.presence == kpol_vm::types::Presence::Required
            )
        );
        assert_eq!(event("syscall.openat2").unwrap().falco, ["openat2"]);
    }

    /// Follows a path as an author would write it; properties count, lists stand for their elements.
    fn follow(catalog: &Catalog, root: &Arc<Record>, path: &str) -> bool {
        let mut ty = Type::Record(root.name.clone());
        for name in path.split('.') {
            while let Some(element) = ty.element().cloned() {
                ty = element;
            }
            let next = if let Type::Record(record) = &ty {
                catalog.record(record).and_then(|record| record.field(name).map(|field| field.ty.clone()))
            } else {
                catalog.property(&ty, name).map(|_| Type::Str)
            };
            let Some(next) = next else { return false };
            ty = next;
        }
        true
    }

    #[test]
    fn falco_fields_lead_somewhere() {
        let catalog = Catalog::new();
        let mut seen = BTreeSet::new();
        for field in falco_fields() {
            assert!(seen.insert((field.falco, field.path, field.event)), "{field:?} stands twice");
            let found = match field.event {
                Some(name) => follow(&catalog, &event(name).unwrap().record, field.path),
                None => all().iter().any(|event| follow(&catalog, &event.record, field.path)),
            };
            assert!(found, "{field:?}");
        }
    }

    #[test]
    fn falco_event_types_stand_once() {
        for desc in DESCS {
            let types: BTreeSet<_> = desc.falco.iter().collect();
            assert_eq!(types.len(), desc.falco.len(), "{}", desc.name);
        }
    }
}
