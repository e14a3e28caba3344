//! A file system or directory was mounted, or a mount changed.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "mount",
    doc: "A file system or directory was mounted, or a mount changed.",
    roots: &[req("mount", Rec("mounted"), "What, and where.")],
    killable: true,
    since: "0.1",
    falco: &["mount", "move_mount"],
    falco_fields: &[
        ("evt.arg.dev", "mount.source"),
        ("evt.arg.dir", "mount.path"),
        ("evt.arg.type", "mount.fs_type"),
        ("evt.arg.flags", "mount.flags"),
    ],
};
