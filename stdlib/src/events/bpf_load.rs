//! A BPF program was loaded into the kernel.

use super::desc::{EventDesc, Shape::Rec, req};

pub(super) static EVENT: EventDesc = EventDesc {
    name: "bpf_load",
    doc: "A BPF program was loaded into the kernel.",
    roots: &[req("bpf", Rec("bpf_program"), "The program.")],
    killable: true,
    since: "0.1",
    falco: &["bpf"],
    falco_fields: &[],
};
