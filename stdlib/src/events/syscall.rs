//! `syscall.*`, for experts: one event per system call, made from the table of names.
//!
//! The table (stdlib/data/syscalls.tsv) has the numbers of each architecture; `-` where it lacks the call.

use std::sync::{Arc, LazyLock};

use super::{
    EventInfo,
    desc::{FieldDesc, Shape::Rec, req, root},
};

const TABLE: &str = include_str!("../../data/syscalls.tsv");

const DOC: &str = "The system call returned. Prefer the events with a meaning: one `file_read` covers every system \
    call that opens a file, and io_uring.";

static ROOTS: &[FieldDesc] = &[req("syscall", Rec("system_call"), "The system call.")];

/// `syscall.read` and its kin, in the order of the table.
pub(super) fn events() -> impl Iterator<Item = EventInfo> {
    SYSCALLS.iter().map(|call| EventInfo {
        name: call.event,
        doc: DOC,
        record: Arc::new(root(call.event, DOC, ROOTS)),
        killable: true,
        since: "0.1",
        falco: std::slice::from_ref(&call.name),
    })
}

/// A system call and its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syscall {
    /// `openat2`.
    pub name: &'static str,
    /// `syscall.openat2`.
    pub event: &'static str,
    /// Its number on x86_64.
    pub x86_64: Option<u32>,
    /// Its number on aarch64.
    pub aarch64: Option<u32>,
}

static SYSCALLS: LazyLock<Vec<Syscall>> = LazyLock::new(|| TABLE.lines().filter_map(row).collect());

/// All system calls, by name.
#[must_use]
pub fn all() -> &'static [Syscall] {
    &SYSCALLS
}

fn row(line: &'static str) -> Option<Syscall> {
    let mut columns = line.split('\t');
    let event = columns.next()?;
    Some(Syscall {
        name: event.strip_prefix("syscall.")?,
        event,
        x86_64: columns.next()?.parse().ok(),
        aarch64: columns.next()?.parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_a_system_call() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(rows.count(), all().len());
        assert!(all().windows(2).all(|pair| pair[0].name < pair[1].name), "sorted, no name twice");
        let openat2 = all().iter().find(|call| call.name == "openat2").unwrap();
        assert_eq!((openat2.x86_64, openat2.aarch64), (Some(437), Some(437)));
        assert!(all().iter().all(|call| call.x86_64.is_some() || call.aarch64.is_some()));
    }
}
