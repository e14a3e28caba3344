//! A file could not be opened; `event.error` says why.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "file_open_failed",
    doc: "A file could not be opened; `event.error` says why.",
    roots: &[req(
        "file",
        Rec("file"),
        "The file that was asked for; `path` is as far as it could be resolved.",
    )],
    killable: true,
    since: "0.1",
    falco: &["open", "openat", "openat2", "creat", "io_uring_enter"],
    falco_fields: &[
        ("evt.arg.name", "file.raw"),
        ("evt.arg.filename", "file.raw"),
        ("evt.arg.flags", "file.flags"),
    ],
};
