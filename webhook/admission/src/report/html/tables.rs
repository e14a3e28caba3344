//! Numbers by namespace and by rule.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::{
    super::{Change, NamespaceRow, Report, RuleRow, SEVERITIES, severity_word},
    Name, anchor, badge, cell, change, count, severity,
};

/// The most namespaces that are shown, the worst ones.
const MAX_NAMESPACES: usize = 250;

pub(super) fn namespaces(report: &Report) -> Markup {
    let mut rows: Vec<(&str, &NamespaceRow)> = report.namespaces().collect();
    rows.sort_by_key(|(name, row)| (Reverse(rank(row)), *name));
    let more = rows.len().saturating_sub(MAX_NAMESPACES);
    rows.truncate(MAX_NAMESPACES);
    let is_compared = report.previous.is_some();
    html! {
        section #namespaces {
            h2 { "Namespaces" }
            @if rows.is_empty() { p.quiet { "No object was judged." } }
            @if !rows.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="Violations by namespace and severity" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Namespace" }
                                th.number scope="col" { "Objects" }
                                @for severity in SEVERITIES { th.number scope="col" { (severity_word(severity)) } }
                                th.number scope="col" { "Violations" }
                                @if is_compared { th.number scope="col" { "Trend" } }
                                th.number scope="col" { "Excepted" }
                            }
                        }
                        tbody { @for (name, row) in rows { (namespace(report, name, row, is_compared)) } }
                    }
                }
            }
            @if more > 0 { p.note { (count(more as u64, "further namespace")) " with fewer violations not shown." } }
        }
    }
}

/// How bad it is.
fn rank(row: &NamespaceRow) -> [u64; 6] {
    let [critical, high, medium, low, unrated] = SEVERITIES.map(|severity| row.severities.with(severity));
    [critical, high, medium, low, unrated, row.errors]
}

fn namespace(report: &Report, name: &str, row: &NamespaceRow, is_compared: bool) -> Markup {
    let violations = row.counts.violations();
    let before = report.previous.as_ref().and_then(|previous| previous.namespace(name));
    html! {
        tr {
            th.name scope="row" {
                @if name.is_empty() { span.quiet { "(no namespace)" } } @else { (Name(name)) }
                @if row.errors > 0 { " " span.warn { (count(row.errors, "object")) " not judged" } }
            }
            td.number { (cell(row.objects)) }
            @for severity in SEVERITIES {
                @let n = row.severities.with(severity);
                td class={ "number heat sev-" (severity_word(severity)) @if n > 0 { " some" } } { (cell(n)) }
            }
            td.number.total { (cell(violations)) }
            @if is_compared { td.number { (change(Change::since(before, violations))) } }
            td.number { (cell(row.counts.excepted)) }
        }
    }
}

pub(super) fn rules(report: &Report) -> Markup {
    let mut rows: Vec<&RuleRow> = report.rules().collect();
    rows.sort_by_key(|row| (row.status(), Reverse(row.rule.severity), Reverse(row.counts.violations())));
    let is_compared = report.previous.is_some();
    html! {
        section #rules {
            h2 { "Rules" }
            @if rows.is_empty() { p.quiet { "There are no rules." } }
            @if !rows.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="Findings by rule" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Rule" }
                                th.status scope="col" { "Status" }
                                th scope="col" { "Severity" }
                                th.number scope="col" { "Objects" }
                                th.number scope="col" { "Violating" }
                                th.number scope="col" { "Denied" }
                                th.number scope="col" { "Warned" }
                                th.number scope="col" { "Recorded" }
                                th.number scope="col" { "Excepted" }
                                @if is_compared { th.number scope="col" { "Trend" } }
                            }
                        }
                        tbody { @for row in rows { (rule(report, row, is_compared)) } }
                    }
                }
            }
        }
    }
}

fn rule(report: &Report, row: &RuleRow, is_compared: bool) -> Markup {
    let counts = row.counts;
    let before = report.previous.as_ref().and_then(|previous| previous.rule(&row.rule.name));
    html! {
        // Rules with findings have their anchor there.
        tr id=[row.findings.is_empty().then(|| anchor(&row.rule.name))] {
            th.rule scope="row" {
                @if row.findings.is_empty() { code { (Name(&row.rule.name)) } }
                @if !row.findings.is_empty() { a href={ "#" (anchor(&row.rule.name)) } { code { (Name(&row.rule.name)) } } }
                @if !row.rule.title.is_empty() { span.title { (row.rule.title) } }
                @if row.other_versions > 0 {
                    span.warn { (count(row.other_versions, "object")) " in API versions that it does not know" }
                }
            }
            td.status { (badge(row.status())) }
            td { (severity(row.rule.severity)) }
            td.number { (cell(row.objects)) }
            td.number { (cell(row.broken)) }
            @for n in [counts.deny, counts.warn, counts.record, counts.excepted] { td.number { (cell(n)) } }
            @if is_compared { td.number { (change(Change::since(before, counts.violations()))) } }
        }
    }
}
