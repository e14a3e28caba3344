//! What is kept of a report until the next one, and what has changed since.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Counts, Report, Severities};

/// The form of summaries; others are not compared with.
const VERSION: u32 = 1;
/// The most namespaces of a summary, the worst ones: it has to fit into a ConfigMap.
const MAX_NAMESPACES: usize = 2_000;
/// The most rules of a summary, the worst ones.
const MAX_RULES: usize = 2_000;

/// The numbers of one run, small enough for a ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The form of this.
    pub version: u32,
    /// What was audited.
    pub subject: String,
    /// When the run ended.
    pub ended: Timestamp,
    /// Objects that were judged.
    pub objects: u64,
    /// Objects that could not be judged.
    pub errors: u64,
    /// All findings.
    pub counts: Counts,
    /// All violations.
    pub severities: Severities,
    /// Violations by namespace; objects without one are below the empty name.
    pub namespaces: BTreeMap<String, u64>,
    /// Violations by id of the control, of those that have a rule.
    pub controls: BTreeMap<String, u64>,
    /// Violations by rule.
    pub rules: BTreeMap<String, u64>,
    /// Whether namespaces or rules are missing, because there are too many.
    #[serde(default)]
    pub is_cut: bool,
}

impl Summary {
    /// Of a report.
    #[must_use]
    pub fn of(report: &Report) -> Summary {
        let (namespaces, namespaces_cut) = worst(
            report.namespaces().map(|(name, row)| (name.to_owned(), row.counts.violations())),
            MAX_NAMESPACES,
        );
        let (rules, rules_cut) =
            worst(report.rules().map(|row| (row.rule.name.clone(), row.counts.violations())), MAX_RULES);
        let covered = report.controls().into_iter().filter(|row| !row.rules.is_empty());
        Summary {
            version: VERSION,
            subject: report.about.subject.clone(),
            ended: report.ended(),
            objects: report.objects(),
            errors: report.errors(),
            counts: report.counts(),
            severities: report.severities(),
            namespaces,
            controls: covered.map(|row| (row.control.id.into_owned(), row.counts.violations())).collect(),
            rules,
            is_cut: namespaces_cut || rules_cut,
        }
    }

    /// Reads what [`Summary::of`] made and serde wrote.
    ///
    /// # Errors
    /// When it is none, or one of another form; in words.
    pub fn from_json(text: &str) -> Result<Summary, String> {
        let summary: Summary = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if summary.version != VERSION {
            return Err(format!(
                "it has version {}, and only version {VERSION} can be read",
                summary.version
            ));
        }
        Ok(summary)
    }

    /// Violations in a namespace then. What is not named had none, unless names are missing.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<u64> {
        self.namespaces.get(name).copied().or((!self.is_cut).then_some(0))
    }

    /// Violations of a rule then; none: it did not judge then.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<u64> {
        self.rules.get(name).copied()
    }

    /// Violations of a control then; none: no rule stood for it.
    #[must_use]
    pub fn control(&self, id: &str) -> Option<u64> {
        self.controls.get(id).copied()
    }
}

/// Those with the highest numbers, and whether others are missing.
fn worst(all: impl Iterator<Item = (String, u64)>, most: usize) -> (BTreeMap<String, u64>, bool) {
    let mut all: Vec<(String, u64)> = all.collect();
    let is_cut = all.len() > most;
    if is_cut {
        all.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        all.truncate(most);
    }
    (all.into_iter().collect(), is_cut)
}

/// How a number has changed since the last run. Fewer is better: everything that is counted here is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    now: u64,
    before: u64,
}

impl Change {
    /// None if there is nothing to compare with.
    #[must_use]
    pub fn since(before: Option<u64>, now: u64) -> Option<Change> {
        before.map(|before| Change { now, before })
    }

    /// Whether it is more than before.
    #[must_use]
    pub fn is_worse(self) -> bool {
        self.now > self.before
    }

    /// Whether it is less than before.
    #[must_use]
    pub fn is_better(self) -> bool {
        self.now < self.before
    }

    /// `3 more than before`.
    #[must_use]
    pub fn words(self) -> String {
        let by = self.now.abs_diff(self.before);
        match (self.is_worse(), self.is_better()) {
            (true, _) => format!("{by} more than before"),
            (_, true) => format!("{by} fewer than before"),
            (false, false) => "as many as before".to_owned(),
        }
    }
}

/// `▲ 3`, `▼ 2`, `=`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.now.abs_diff(self.before);
        match (self.is_worse(), self.is_better()) {
            (true, _) => write!(f, "▲ {by}"),
            (_, true) => write!(f, "▼ {by}"),
            (false, false) => f.write_str("="),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_to_where_it_goes() {
        let shown = |before, now| Change::since(before, now).map(|change| change.to_string());
        assert_eq!(shown(Some(2), 5).as_deref(), Some("▲ 3"));
        assert_eq!(shown(Some(5), 2).as_deref(), Some("▼ 3"));
        assert_eq!(shown(Some(2), 2).as_deref(), Some("="));
        assert_eq!(shown(None, 2), None);
        assert_eq!(shown(Some(0), u64::MAX).as_deref(), Some("▲ 18446744073709551615"));
    }

    #[test]
    fn the_worst_are_kept() {
        let all = (0..10u64).map(|n| (format!("n{n}"), n));
        let (kept, is_cut) = worst(all.clone(), 3);
        assert!(is_cut);
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["n7", "n8", "n9"]);
        assert_eq!(worst(all, 10).0.len(), 10);
    }
}
