//! A connection was refused or could not be made; `event.error` says why. IP only.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "connect_failed",
    doc: "A connection was refused or could not be made; `event.error` says why. IP only.",
    roots: &[req("net", Rec("net"), "The connection that was tried.")],
    killable: true,
    since: "0.1",
    falco: &["connect"],
    falco_fields: &[
        ("fd.cip", "net.local.ip"),
        ("fd.cport", "net.local.port"),
        ("fd.cnet", "net.local.ip"),
        ("fd.sip", "net.remote.ip"),
        ("fd.sport", "net.remote.port"),
        ("fd.snet", "net.remote.ip"),
        ("fd.sip.name", "net.remote.host"),
    ],
};
