//! A process connected a socket.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "connect",
    doc: "A process connected a socket, or sent the first datagram to an address. A connection that is still \
        being made counts. IP only: unix sockets are no connections to anywhere else.",
    roots: &[req("net", Rec("net"), "The connection.")],
    killable: true,
    since: "0.1",
    falco: &["connect", "sendto", "sendmsg", "sendmmsg"],
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
