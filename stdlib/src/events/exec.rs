//! A process began to run another program (`execve`, `execveat`).

use super::desc::EventDesc;

pub(super) static EVENT: EventDesc = EventDesc {
    name: "exec",
    doc: "A process began to run another program (`execve`, `execveat`).",
    roots: &[],
    killable: true,
    since: "0.1",
    falco: &["execve", "execveat"],
    falco_fields: &[
        ("evt.arg.filename", "proc.exe_requested"),
        ("evt.arg.exe", "proc.argv0"),
        ("evt.arg.args", "proc.args"),
    ],
};
