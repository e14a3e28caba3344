//! A process changed its capabilities; `proc.caps` are as they were before.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "capset",
    doc: "A process changed its capabilities; `proc.caps` are as they were before.",
    roots: &[req("new_caps", Rec("capability_sets"), "What it has from now on.")],
    killable: true,
    since: "0.1",
    falco: &["capset"],
    falco_fields: &[
        ("evt.arg.cap_effective", "new_caps.effective"),
        ("evt.arg.cap_permitted", "new_caps.permitted"),
        ("evt.arg.cap_inheritable", "new_caps.inheritable"),
    ],
};
