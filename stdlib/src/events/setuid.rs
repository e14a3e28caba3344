//! A process changed the user that it acts as; `proc` and `user` are as they were before.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "setuid",
    doc: "A process changed the user that it acts as; `proc` and `user` are as they were before.",
    roots: &[req("new_user", Rec("event_user"), "Whom it acts as from now on.")],
    killable: true,
    since: "0.1",
    falco: &["setuid", "setresuid", "setreuid"],
    falco_fields: &[("evt.arg.uid", "new_user.uid"), ("evt.arg.euid", "new_user.uid")],
};
