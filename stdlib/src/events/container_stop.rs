//! A container ended. There may be no process any more.

use super::desc::{EventDesc, Shape::Rec, opt, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "container_stop",
    doc: "A container ended. There may be no process any more.",
    roots: &[
        opt("proc", Rec("process"), "Its first process; absent if it ended before the container did."),
        opt("user", Rec("event_user"), "The user of that process; absent without one."),
        req("container", Rec("container"), "The container."),
    ],
    killable: false,
    since: "0.1",
    falco: &[],
    falco_fields: &[],
};
