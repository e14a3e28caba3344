//! A hard or symbolic link was made.

use super::desc::{EventDesc, Shape::Rec, flag, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "link",
    doc: "A hard or symbolic link was made.",
    roots: &[
        req("file", Rec("file"), "The new link."),
        req("target", Rec("file"), "What it points to; it need not exist for a symbolic link."),
        flag("symbolic", "Whether the link is a symbolic one."),
    ],
    killable: true,
    since: "0.1",
    falco: &["link", "linkat", "symlink", "symlinkat"],
    falco_fields: &[
        ("evt.arg.linkpath", "file.raw"),
        ("evt.arg.newpath", "file.raw"),
        ("evt.arg.target", "target.raw"),
        ("evt.arg.oldpath", "target.raw"),
        ("fs.path.source", "file.requested"),
        ("fs.path.target", "target.requested"),
    ],
};
