//! What an audit found, counted and within bounds.
//!
//! ```text
//!   rules ────────────────────────┐
//!   per object: Checked ──add──▶ Report ──▶ html            for auditors
//!                                 │  ├────▶ policy_reports  for the cluster: PolicyReport, or Report of OpenReports
//!   Summary of the last run ──────┘  ├────▶ json, json_lines
//!                                    └────▶ Summary         for the next run
//! ```
//!
//! Numbers are exact, whatever the number of objects. Findings are kept as examples: so many of each rule, and so many bytes
//! in all; how many were left out is always said. Everything else grows with the policies, not with the cluster, but for
//! the rows of namespaces, of which there is a most.
//!
//! A control passes where its rules looked at objects and found nothing. One whose rules met no object has not passed: it
//! was not checked, which is said instead.

mod control;
mod finding;
mod html;
mod json;
mod policy_reports;
mod rows;
mod summary;
#[cfg(test)]
mod tests;
mod totals;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kpol_vm::ir::Meta;
use serde::{Deserialize, Serialize};

pub use control::{Control, Framework, Rule};
pub use finding::{Effect, Finding, Resource, Source};
pub use html::html;
pub use json::{json, json_lines};
pub use policy_reports::{ReportApi, policy_reports};
pub use rows::{ControlRow, NamespaceRow, RuleRow, Status};
pub use summary::{Change, Summary};
pub use totals::{Counts, SEVERITIES, Severities, severity_word};

/// Stands for what is not told apart any more: namespaces beyond the limit, rules that nobody declared.
pub const OTHER: &str = "(other)";

/// The most objects that could not be judged which are named.
const MAX_FAILURES: usize = 100;
/// The longest name of a namespace. The API server takes 63 bytes; manifests may say anything.
const MAX_NAME: usize = 253;

/// What an audit is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What was audited: `cluster prod-eu`, `deploy/`.
    pub subject: String,
    /// The version of Kubernetes that rules see: `1.34`.
    pub kubernetes: String,
    /// The policies.
    pub bundles: Vec<BundleInfo>,
    /// The program: `kpolc 0.1.0`.
    pub tool: String,
    /// When the run began.
    pub started: Timestamp,
}

/// Policies that were judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleInfo {
    /// The file, the PolicyBundle or the package.
    pub name: String,
    /// What names a bundle's content; none of policies that were read from their sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// How much a report keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Findings of one rule; a quarter of them may be excepted ones.
    pub findings_per_rule: usize,
    /// Bytes of all findings.
    pub bytes: usize,
    /// Namespaces that are counted apart.
    pub namespaces: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { findings_per_rule: 1_000, bytes: 64 << 20, namespaces: 10_000 }
    }
}

/// What became of one object, by all policies.
#[derive(Clone, Debug, Default)]
pub struct Checked<'a> {
    /// Its namespace, which is that of the findings' resources; empty: none.
    pub namespace: &'a str,
    /// The rules that looked at it, hit or not.
    pub applied: Vec<&'a str>,
    /// The rules for its kind that know other API versions of it only, and did not look.
    pub other_versions: Vec<&'a str>,
    /// What they found.
    pub findings: Vec<Finding>,
    /// Hits that the engine did not list, because one verdict has very many on this object.
    pub omitted: usize,
}

/// An object that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The object, as far as it is known.
    pub resource: Resource,
    /// Why.
    pub message: String,
}

/// What an audit found.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it is of.
    pub about: About,
    /// The last run, for the trend.
    pub previous: Option<Summary>,
    limits: Limits,
    ended: Timestamp,
    objects: u64,
    clean: u64,
    errors: u64,
    skipped: u64,
    omitted: u64,
    counts: Counts,
    severities: Severities,
    rules: BTreeMap<String, RuleRow>,
    other_rules: RuleRow,
    namespaces: BTreeMap<String, NamespaceRow>,
    other_namespaces: NamespaceRow,
    failures: Vec<Failure>,
    bytes: usize,
}

impl Report {
    /// An empty one, of a run that is about to begin with these rules.
    #[must_use]
    pub fn new(about: About, rules: impl IntoIterator<Item = Rule>, limits: Limits) -> Report {
        let rows = rules.into_iter().map(|rule| (rule.name.clone(), RuleRow::new(rule)));
        Report {
            ended: about.started,
            about,
            previous: None,
            limits,
            objects: 0,
            clean: 0,
            errors: 0,
            skipped: 0,
            omitted: 0,
            counts: Counts::default(),
            severities: Severities::default(),
            rules: rows.collect(),
            other_rules: RuleRow::new(Rule::new(OTHER, &Meta::default())),
            namespaces: BTreeMap::new(),
            other_namespaces: NamespaceRow::default(),
            failures: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes in what became of an object.
    pub fn add(&mut self, checked: Checked<'_>) {
        let Checked { namespace, applied, other_versions, findings, omitted } = checked;
        self.objects += 1;
        self.omitted += omitted as u64;
        let mut counts = Counts::default();
        let mut broken: Vec<String> = Vec::new();
        for name in &applied {
            self.rule(name).objects += 1;
        }
        for name in other_versions {
            self.rule(name).other_versions += 1;
        }
        for finding in findings {
            counts.add(finding.effect);
            if finding.effect != Effect::Excepted && !broken.contains(&finding.rule) {
                broken.push(finding.rule.clone());
                self.rule(&finding.rule).broken += 1;
            }
            self.keep(namespace, finding);
        }
        self.counts.merge(counts);
        let is_clean = counts.violations() == 0;
        self.clean += u64::from(is_clean);
        let row = self.namespace(namespace);
        row.objects += 1;
        row.clean += u64::from(is_clean);
        row.passes +=
            applied.iter().filter(|name| !broken.iter().any(|broken| broken == *name)).count() as u64;
        row.counts.merge(counts);
    }

    /// Counts a finding where it belongs, and keeps it if there is room.
    fn keep(&mut self, namespace: &str, finding: Finding) {
        let Limits { findings_per_rule, bytes, .. } = self.limits;
        let is_excepted = finding.effect == Effect::Excepted;
        let left = bytes.saturating_sub(self.bytes);
        let row = self.rule(&finding.rule);
        let severity = row.rule.severity;
        row.counts.add(finding.effect);
        let has_room = row.findings.len() < findings_per_rule
            && (!is_excepted || row.excepted < findings_per_rule.div_ceil(4));
        let finding = has_room.then(|| finding.bounded()).filter(|finding| finding.bytes() <= left);
        if let Some(finding) = finding {
            let taken = finding.bytes();
            row.findings.push(finding);
            row.excepted += usize::from(is_excepted);
            self.bytes += taken;
        }
        if !is_excepted {
            self.severities.add(severity);
            self.namespace(namespace).severities.add(severity);
        }
    }

    /// An object that could not be judged.
    pub fn fail(&mut self, mut resource: Resource, mut message: String) {
        self.errors += 1;
        self.namespace(&resource.namespace).errors += 1;
        if self.failures.len() < MAX_FAILURES {
            resource.cut();
            finding::cut(&mut message);
            self.failures.push(Failure { resource, message });
        }
    }

    /// Objects that were passed over on purpose.
    pub fn skip(&mut self, objects: u64) {
        self.skipped += objects;
    }

    /// The run has come to its end.
    pub fn finish(&mut self, ended: Timestamp) {
        self.ended = ended;
    }

    /// The row of a rule; of one that nobody declared, that of all others.
    fn rule(&mut self, name: &str) -> &mut RuleRow {
        self.rules.get_mut(name).unwrap_or(&mut self.other_rules)
    }

    /// The row of a namespace; if there are too many already, that of all others.
    fn namespace(&mut self, name: &str) -> &mut NamespaceRow {
        let has_room = self.namespaces.len() < self.limits.namespaces && name.len() <= MAX_NAME;
        if has_room && !self.namespaces.contains_key(name) {
            self.namespaces.insert(name.to_owned(), NamespaceRow::default());
        }
        self.namespaces.get_mut(name).unwrap_or(&mut self.other_namespaces)
    }

    /// When the run ended.
    #[must_use]
    pub fn ended(&self) -> Timestamp {
        self.ended
    }

    /// Objects that were judged.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// Objects without a violation.
    #[must_use]
    pub fn clean(&self) -> u64 {
        self.clean
    }

    /// Objects that could not be judged.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Objects that were passed over on purpose.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Hits that the engine did not list, and which are counted nowhere else.
    #[must_use]
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// All findings.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// All violations.
    #[must_use]
    pub fn severities(&self) -> Severities {
        self.severities
    }

    /// The rules by their names, then that of all others, if there are any.
    pub fn rules(&self) -> impl Iterator<Item = &RuleRow> {
        let others = Some(&self.other_rules).filter(|row| row.objects + row.counts.total() > 0);
        self.rules.values().chain(others)
    }

    /// The namespaces by their names, then that of all others, if there are any; the empty name is that of what is in none.
    pub fn namespaces(&self) -> impl Iterator<Item = (&str, &NamespaceRow)> {
        let others = Some(&self.other_namespaces).filter(|row| row.objects + row.errors > 0);
        let named = self.namespaces.iter().map(|(name, row)| (name.as_str(), row));
        named.chain(others.map(|row| (OTHER, row)))
    }

    /// The objects that could not be judged, the first of them.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The findings that are kept, rule by rule.
    pub fn findings(&self) -> impl Iterator<Item = (&Rule, &Finding)> {
        self.rules().flat_map(|row| row.findings.iter().map(|finding| (&row.rule, finding)))
    }

    /// Findings that are counted and not kept.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.rules().map(RuleRow::left_out).sum()
    }

    /// Every control of the frameworks, with what the rules that stand for it found, then the techniques that rules answer.
    #[must_use]
    pub fn controls(&self) -> Vec<ControlRow<'_>> {
        rows::controls(&self.rules)
    }

    /// How many violations there are more or fewer than in the last run.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        let before = self.previous.as_ref().map(|previous| previous.counts.violations());
        Change::since(before, self.counts.violations())
    }
}
