//! A process ended.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "exit",
    doc: "A process ended.",
    roots: &[req("exit", Rec("exit_status"), "How it ended.")],
    killable: false,
    since: "0.1",
    falco: &["procexit"],
    falco_fields: &[("evt.arg.status", "exit.code")],
};
