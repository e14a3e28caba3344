//! A file was opened for writing, made, or cut (`truncate`). One open may be a `file_read` and a
//! `file_write`.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "file_write",
    doc: "A file was opened for writing, made, or cut (`truncate`). One open may be a `file_read` and a \
        `file_write`.",
    roots: &[req("file", Rec("file"), "The file that was opened.")],
    killable: true,
    since: "0.1",
    falco: &["open", "openat", "openat2", "creat", "io_uring_enter", "truncate"],
    falco_fields: &[
        ("evt.arg.name", "file.raw"),
        ("evt.arg.filename", "file.raw"),
        ("evt.arg.flags", "file.flags"),
        ("evt.arg.mode", "file.mode"),
    ],
};
