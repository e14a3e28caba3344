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
