//! A process began to wait for connections over IP.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "listen",
    doc: "A process began to wait for connections over IP.",
    roots: &[req("net", Rec("listener"), "The socket.")],
    killable: true,
    since: "0.1",
    falco: &["listen"],
    falco_fields: &[("fd.sip", "net.local.ip"), ("fd.sport", "net.local.port"), ("fd.snet", "net.local.ip")],
};
