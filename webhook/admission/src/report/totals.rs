//! Numbers of findings: by what became of them, and by severity.

use kpol_vm::ir::Severity;
use serde::{Deserialize, Serialize};

use super::Effect;

/// Findings by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Refused, or to be refused.
    pub deny: u64,
    /// Warned of.
    pub warn: u64,
    /// Written down.
    pub record: u64,
    /// Excused by an exception.
    pub excepted: u64,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, effect: Effect) {
        let count = match effect {
            Effect::Deny => &mut self.deny,
            Effect::Warn => &mut self.warn,
            Effect::Record => &mut self.record,
            Effect::Excepted => &mut self.excepted,
        };
        *count += 1;
    }

    /// Those of `other` too.
    pub fn merge(&mut self, other: Counts) {
        let Counts { deny, warn, record, excepted } = other;
        self.deny += deny;
        self.warn += warn;
        self.record += record;
        self.excepted += excepted;
    }

    /// How many of one effect.
    #[must_use]
    pub fn with(self, effect: Effect) -> u64 {
        match effect {
            Effect::Deny => self.deny,
            Effect::Warn => self.warn,
            Effect::Record => self.record,
            Effect::Excepted => self.excepted,
        }
    }

    /// What no exception excuses.
    #[must_use]
    pub fn violations(self) -> u64 {
        self.deny + self.warn + self.record
    }

    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.violations() + self.excepted
    }
}

/// From the worst on; `None`: the rule has none.
pub const SEVERITIES: [Option<Severity>; 5] =
    [Some(Severity::Critical), Some(Severity::High), Some(Severity::Medium), Some(Severity::Low), None];

/// `critical`; `unrated` of a rule without one.
#[must_use]
pub fn severity_word(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Critical) => "critical",
        Some(Severity::High) => "high",
        Some(Severity::Medium) => "medium",
        Some(Severity::Low) => "low",
        None => "unrated",
    }
}

/// Violations by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Severities {
    /// Mend now.
    pub critical: u64,
    /// Mend soon.
    pub high: u64,
    /// Worth mending.
    pub medium: u64,
    /// Worth knowing.
    pub low: u64,
    /// Of rules without a severity.
    pub unrated: u64,
}

impl Severities {
    /// One more.
    pub fn add(&mut self, severity: Option<Severity>) {
        let count = match severity {
            Some(Severity::Critical) => &mut self.critical,
            Some(Severity::High) => &mut self.high,
            Some(Severity::Medium) => &mut self.medium,
            Some(Severity::Low) => &mut self.low,
            None => &mut self.unrated,
        };
        *count += 1;
    }

    /// How many of one severity.
    #[must_use]
    pub fn with(self, severity: Option<Severity>) -> u64 {
        match severity {
            Some(Severity::Critical) => self.critical,
            Some(Severity::High) => self.high,
            Some(Severity::Medium) => self.medium,
            Some(Severity::Low) => self.low,
            None => self.unrated,
        }
    }
}
