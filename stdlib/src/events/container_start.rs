//! A container began; `proc` is its first process.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "container_start",
    doc: "A container began; `proc` is its first process.",
    roots: &[req("container", Rec("container"), "The container.")],
    killable: false,
    since: "0.1",
    falco: &["container"],
    falco_fields: &[],
};
