//! The rows of a report's tables: rules and namespaces as they are counted, controls as they follow from the rules.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::{Deserialize, Serialize};

use super::{Control, Counts, Finding, Rule, Severities, control};

/// What a rule found.
#[derive(Clone, Debug, Serialize)]
pub struct RuleRow {
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// Objects that it looked at.
    pub objects: u64,
    /// Objects that break it; those that an exception excuses do not.
    pub broken: u64,
    /// Objects of its kind in API versions that it does not know, and which it did not look at.
    pub other_versions: u64,
    /// Its findings.
    pub counts: Counts,
    /// Those that are kept, in the order in which they were found.
    #[serde(skip)]
    pub findings: Vec<Finding>,
    /// How many of those that are kept are excepted.
    #[serde(skip)]
    pub(super) excepted: usize,
}

impl RuleRow {
    pub(super) fn new(rule: Rule) -> RuleRow {
        RuleRow {
            rule,
            objects: 0,
            broken: 0,
            other_versions: 0,
            counts: Counts::default(),
            findings: Vec::new(),
            excepted: 0,
        }
    }

    /// Findings that are counted and not kept.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.counts.total().saturating_sub(self.findings.len() as u64)
    }

    /// What it comes to.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::of(true, self.objects, self.counts)
    }
}

/// What was found in a namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NamespaceRow {
    /// Objects that were judged.
    pub objects: u64,
    /// Objects without a violation.
    pub clean: u64,
    /// Objects that could not be judged.
    pub errors: u64,
    /// Looks of a rule at an object that came out without a violation.
    pub passes: u64,
    /// Findings.
    pub counts: Counts,
    /// Violations.
    pub severities: Severities,
}

/// What a control, or a rule, comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// There are violations.
    Fail,
    /// Exceptions excuse everything that was found.
    Excepted,
    /// Objects were looked at, and nothing was found.
    Pass,
    /// There are rules, and no object that they are about.
    NotChecked,
    /// No rule stands for it.
    NotCovered,
}

impl Status {
    /// From the worst on.
    pub const ALL: [Status; 5] =
        [Status::Fail, Status::Excepted, Status::Pass, Status::NotChecked, Status::NotCovered];

    fn of(has_rules: bool, objects: u64, counts: Counts) -> Status {
        match (has_rules, objects, counts.violations(), counts.excepted) {
            (false, _, _, _) => Status::NotCovered,
            (true, _, 1.., _) => Status::Fail,
            (true, _, 0, 1..) => Status::Excepted,
            (true, 1.., 0, 0) => Status::Pass,
            (true, 0, 0, 0) => Status::NotChecked,
        }
    }

    /// `not covered`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Fail => "fail",
            Status::Excepted => "excepted",
            Status::Pass => "pass",
            Status::NotChecked => "no object",
            Status::NotCovered => "not covered",
        }
    }
}

/// What a control comes to.
#[derive(Clone, Debug, Serialize)]
pub struct ControlRow<'r> {
    /// The control.
    pub control: Control,
    /// What it comes to.
    pub status: Status,
    /// Whether any policy can decide it; else it is about how the cluster is set up.
    pub is_decidable: bool,
    /// The findings of its rules. A finding counts for every control of its rule.
    pub counts: Counts,
    /// The rules that stand for it.
    pub rules: Vec<&'r str>,
    #[serde(skip)]
    objects: u64,
}

impl ControlRow<'_> {
    fn new(control: Control, is_decidable: bool) -> Self {
        let counts = Counts::default();
        let status = Status::NotCovered;
        ControlRow { control, status, is_decidable, counts, rules: Vec::new(), objects: 0 }
    }
}

/// The controls of the frameworks in their order, then techniques by id.
pub(super) fn controls(rules: &BTreeMap<String, RuleRow>) -> Vec<ControlRow<'_>> {
    let mut rows: Vec<ControlRow<'_>> =
        control::all().map(|(control, is_decidable)| ControlRow::new(control, is_decidable)).collect();
    // Frameworks in their order, controls in that of the table.
    rows.sort_by_key(|row| row.control.framework);
    let mut index: BTreeMap<String, usize> =
        rows.iter().enumerate().map(|(at, row)| (row.control.id.to_string(), at)).collect();
    let known = rows.len();
    for row in rules.values() {
        for control in &row.rule.controls {
            let at = match index.entry(control.id.to_string()) {
                Entry::Occupied(at) => *at.get(),
                Entry::Vacant(entry) => {
                    rows.push(ControlRow::new(control.clone(), true));
                    *entry.insert(rows.len() - 1)
                }
            };
            // A rule may say a technique twice.
            let Some(of) = rows.get_mut(at).filter(|of| of.rules.last() != Some(&row.rule.name.as_str()))
            else {
                continue;
            };
            of.rules.push(&row.rule.name);
            of.objects += row.objects;
            of.counts.merge(row.counts);
        }
    }
    if let Some(techniques) = rows.get_mut(known..) {
        techniques.sort_by(|a, b| a.control.id.cmp(&b.control.id));
    }
    for row in &mut rows {
        row.status = Status::of(!row.rules.is_empty(), row.objects, row.counts);
    }
    rows
}
