//! A process looks into another one or controls it.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "ptrace",
    doc: "A process looks into another one or controls it.",
    roots: &[req("ptrace", Rec("ptrace_request"), "What it does, and to whom.")],
    killable: true,
    since: "0.1",
    falco: &["ptrace"],
    falco_fields: &[("evt.arg.request", "ptrace.request"), ("evt.arg.pid", "ptrace.target.pid")],
};
