//! A hit as logs, metrics and answers say it.

use kpol::{Effect, Hit, Mode, Operation, Severity};

/// A hit, out of the session that it borrows.
pub(super) struct Found {
    pub(super) rule: String,
    pub(super) message: String,
    pub(super) effect: Effect,
    pub(super) mode: Mode,
    pub(super) severity: Option<Severity>,
    pub(super) exception: Option<String>,
    pub(super) expired: Option<String>,
    pub(super) blames: String,
}

impl Found {
    pub(super) fn new(hit: Hit<'_>) -> Found {
        Found {
            rule: hit.rule().to_owned(),
            message: hit.message().to_owned(),
            effect: hit.effect(),
            mode: hit.mode(),
            severity: hit.severity(),
            exception: hit.exception().map(str::to_owned),
            expired: hit.expired_exception().map(str::to_owned),
            blames: hit.blames().join(", "),
        }
    }
}

pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Dryrun => "dryrun",
        Mode::Warn | Mode::Alert => "warn",
        Mode::Deny | Mode::Enforce => "deny",
    }
}

/// As Kubernetes writes it.
#[must_use]
pub fn operation_word(operation: Option<Operation>) -> &'static str {
    match operation {
        Some(Operation::Create) => "CREATE",
        Some(Operation::Update) => "UPDATE",
        Some(Operation::Delete) => "DELETE",
        Some(Operation::Connect) => "CONNECT",
        None => "unknown",
    }
}
