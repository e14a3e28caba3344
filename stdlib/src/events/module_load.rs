//! A kernel module was loaded.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "module_load",
    doc: "A kernel module was loaded.",
    roots: &[req("module", Rec("module"), "The module.")],
    killable: true,
    since: "0.1",
    falco: &["init_module", "finit_module"],
    falco_fields: &[("evt.arg.uargs", "module.params")],
};
