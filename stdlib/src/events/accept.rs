//! A process took a connection over IP that somebody made to it.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "accept",
    doc: "A process took a connection over IP that somebody made to it.",
    roots: &[req("net", Rec("net"), "The connection; the client is its remote end.")],
    killable: true,
    since: "0.1",
    falco: &["accept", "accept4"],
    falco_fields: &[
        ("fd.cip", "net.remote.ip"),
        ("fd.cport", "net.remote.port"),
        ("fd.cnet", "net.remote.ip"),
        ("fd.cip.name", "net.remote.host"),
        ("fd.sip", "net.local.ip"),
        ("fd.sport", "net.local.port"),
        ("fd.snet", "net.local.ip"),
    ],
};
