//! A file or directory got another name.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "file_rename",
    doc: "A file or directory got another name.",
    roots: &[
        req("file", Rec("file"), "It under its old name."),
        req("target", Rec("file"), "It under its new name."),
    ],
    killable: true,
    since: "0.1",
    falco: &["rename", "renameat", "renameat2"],
    falco_fields: &[
        ("evt.arg.oldpath", "file.raw"),
        ("evt.arg.newpath", "target.raw"),
        ("fs.path.source", "file.requested"),
        ("fs.path.target", "target.requested"),
    ],
};
