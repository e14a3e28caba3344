//! Reports as resources of the cluster, which dashboards and `kubectl get policyreports` read.
//!
//! | | PolicyReport | OpenReports |
//! | --- | --- | --- |
//! | API | `wgpolicyk8s.io/v1alpha2` | `openreports.io/v1alpha1` |
//! | kinds | PolicyReport, ClusterPolicyReport | Report, ClusterReport |
//! | of the report itself | - | `source`, `configuration.limits.maxResults` |
//!
//! Results have the same form in both. [Source](https://github.com/kubernetes-sigs/wg-policy-prototypes/tree/master/policy-report),
//! [Source](https://github.com/openreports/reports-api).
//!
//! One resource for each namespace, and one for what is in none. `summary` counts everything; `results` holds findings, the worst
//! first, and what could not be judged, as many as fit: a request to etcd has at most 1.5 MiB. What passes is counted only.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Map, Value, json};

use super::{Effect, Failure, Finding, NamespaceRow, OTHER, Report, Resource, Rule, severity_word};

/// The name of every report, and who made it.
const NAME: &str = "kpol";
/// The most results of one report.
const MAX_RESULTS: usize = 1_000;
/// The most bytes of the results of one report.
const MAX_BYTES: usize = 900_000;

/// Whose resources are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportApi {
    /// `wgpolicyk8s.io/v1alpha2`, of the Kubernetes policy working group.
    #[default]
    PolicyReport,
    /// `openreports.io/v1alpha1`, what it has become.
    OpenReports,
}

impl ReportApi {
    /// `wgpolicyk8s.io/v1alpha2`.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            ReportApi::PolicyReport => "wgpolicyk8s.io/v1alpha2",
            ReportApi::OpenReports => "openreports.io/v1alpha1",
        }
    }

    /// The kind of a report of a namespace, or of the one of the cluster.
    #[must_use]
    pub fn kind(self, is_cluster: bool) -> &'static str {
        match (self, is_cluster) {
            (ReportApi::PolicyReport, false) => "PolicyReport",
            (ReportApi::PolicyReport, true) => "ClusterPolicyReport",
            (ReportApi::OpenReports, false) => "Report",
            (ReportApi::OpenReports, true) => "ClusterReport",
        }
    }
}

/// What one namespace's report is made of.
#[derive(Default)]
struct Part<'r> {
    row: NamespaceRow,
    findings: Vec<(&'r Rule, &'r Finding)>,
    failures: Vec<&'r Failure>,
}

/// The resources of a report, that of the cluster first.
#[must_use]
pub fn policy_reports(report: &Report, api: ReportApi) -> Vec<Value> {
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::from([("", Part::default())]);
    // There is no namespace to put the rest into; all of it is in the other forms.
    for (name, row) in report.namespaces().filter(|(name, _)| *name != OTHER) {
        parts.insert(name, Part { row: *row, ..Part::default() });
    }
    for (rule, finding) in report.findings() {
        if let Some(part) = parts.get_mut(finding.resource.namespace.as_str()) {
            part.findings.push((rule, finding));
        }
    }
    for failure in report.failures() {
        if let Some(part) = parts.get_mut(failure.resource.namespace.as_str()) {
            part.failures.push(failure);
        }
    }
    parts.into_iter().map(|(namespace, part)| resource(report, api, namespace, part)).collect()
}

fn resource(report: &Report, api: ReportApi, namespace: &str, mut part: Part<'_>) -> Value {
    let NamespaceRow { errors, passes, counts, .. } = part.row;
    part.findings.sort_by_key(|(rule, finding)| (finding.effect, Reverse(rule.severity)));
    let all = counts.total() + errors;
    let failures = part.failures.into_iter().map(|failure| error(report, failure));
    let findings = part.findings.into_iter().map(|(rule, finding)| result(report, rule, finding));
    let results = fitting(failures.chain(findings));
    let mut metadata = json!({
        "name": NAME,
        "labels": {"app.kubernetes.io/managed-by": NAME},
        "annotations": annotations(report, all.saturating_sub(results.len() as u64)),
    });
    if !namespace.is_empty() {
        set(&mut metadata, "namespace", namespace);
    }
    let mut resource = json!({
        "apiVersion": api.api_version(),
        "kind": api.kind(namespace.is_empty()),
        "metadata": metadata,
        "summary": {
            "pass": passes,
            "fail": counts.deny,
            "warn": counts.warn + counts.record,
            "error": errors,
            "skip": counts.excepted,
        },
        "results": results,
    });
    if api == ReportApi::OpenReports {
        set(&mut resource, "source", NAME);
        set(&mut resource, "configuration", json!({"limits": {"maxResults": MAX_RESULTS}}));
    }
    resource
}

/// Sets a key of an object.
fn set(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value.into());
    }
}

/// As many as a report may hold.
fn fitting(results: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut bytes = 0;
    let fits = |result: &Value| {
        bytes += result.to_string().len() + 1;
        bytes <= MAX_BYTES
    };
    results.take(MAX_RESULTS).take_while(fits).collect()
}

fn annotations(report: &Report, left_out: u64) -> Value {
    let bundles = report.about.bundles.iter().map(|bundle| match &bundle.digest {
        Some(digest) => format!("{}@{digest}", bundle.name),
        None => bundle.name.clone(),
    });
    let mut annotations = json!({
        "kpol.dev/audited": report.about.subject,
        "kpol.dev/bundles": bundles.collect::<Vec<_>>().join(", "),
        "kpol.dev/ended": report.ended().to_string(),
    });
    if left_out > 0 {
        set(&mut annotations, "kpol.dev/results-left-out", left_out.to_string());
    }
    annotations
}

fn result(report: &Report, rule: &Rule, finding: &Finding) -> Value {
    let (policy, name) = rule.split_name();
    let (outcome, scored) = match finding.effect {
        Effect::Deny => ("fail", true),
        Effect::Warn | Effect::Record => ("warn", false),
        Effect::Excepted => ("skip", false),
    };
    let controls: Vec<String> = rule.controls.iter().map(super::Control::label).collect();
    let properties: Map<String, Value> = [
        ("mode", Some(super::finding::mode_word(finding.mode).to_owned())),
        ("blames", Some(finding.blames.join(", "))),
        ("fix", finding.fix.clone()),
        ("controls", Some(controls.join(", "))),
        ("exception", finding.exception.clone()),
        ("source", finding.resource.source.as_ref().map(ToString::to_string)),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value.filter(|value| !value.is_empty())?.into())))
    .collect();
    let mut result = json!({
        "source": NAME,
        "policy": policy,
        "rule": name,
        "result": outcome,
        "scored": scored,
        "message": finding.message,
        "resources": [reference(&finding.resource)],
        "timestamp": timestamp(report),
        "properties": properties,
    });
    if rule.severity.is_some() {
        set(&mut result, "severity", severity_word(rule.severity));
    }
    if let Some(control) = rule.controls.first() {
        set(&mut result, "category", control.framework.title());
    }
    result
}

fn error(report: &Report, failure: &Failure) -> Value {
    json!({
        "source": NAME,
        "policy": NAME,
        "result": "error",
        "scored": false,
        "message": failure.message,
        "resources": [reference(&failure.resource)],
        "timestamp": timestamp(report),
    })
}

fn reference(resource: &Resource) -> Value {
    let Resource { api_version, kind, namespace, name, source: _ } = resource;
    let parts = [("apiVersion", api_version), ("kind", kind), ("namespace", namespace), ("name", name)];
    let parts = parts.into_iter().filter(|(_, value)| !value.is_empty());
    parts.map(|(key, value)| (key.to_owned(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
}

/// When it was found: some time in the run, so its end.
fn timestamp(report: &Report) -> Value {
    let ended = report.ended();
    // Before 1970 both would be negative, which the API does not take; no clock says that.
    json!({"seconds": ended.as_second(), "nanos": ended.subsec_nanosecond().max(0)})
}
