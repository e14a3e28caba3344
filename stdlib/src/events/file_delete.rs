//! A file or an empty directory was removed.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "file_delete",
    doc: "A file or an empty directory was removed.",
    roots: &[req("file", Rec("file"), "What was removed.")],
    killable: true,
    since: "0.1",
    falco: &["unlink", "unlinkat", "rmdir"],
    falco_fields: &[("evt.arg.name", "file.raw"), ("evt.arg.path", "file.raw")],
};
