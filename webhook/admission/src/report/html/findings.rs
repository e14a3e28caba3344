//! The findings themselves, folded rule by rule, and what could not be judged.

use std::{cmp::Reverse, collections::BTreeSet};

use maud::{Markup, html};

use super::{
    super::{Effect, Finding, Report, RuleRow},
    Name, anchor, count, number, severity,
};

/// The most findings of the page: browsers have to hold it.
const MAX_FINDINGS: usize = 20_000;

pub(super) fn section(report: &Report) -> Markup {
    let mut rows: Vec<&RuleRow> = report.rules().filter(|row| !row.findings.is_empty()).collect();
    rows.sort_by_key(|row| (row.status(), Reverse(row.rule.severity), Reverse(row.counts.violations())));
    let mut room = MAX_FINDINGS;
    let rows = rows.into_iter().map(|row| {
        let shown = row.findings.len().min(room);
        room -= shown;
        (row, shown)
    });
    html! {
        section #findings {
            h2 { "Findings" }
            @if report.counts().total() == 0 {
                p.quiet { (if report.objects() > 0 { "Nothing was found." } else { "No object was judged." }) }
            }
            @for (row, shown) in rows { (rule(row, shown)) }
        }
    }
}

fn rule(row: &RuleRow, shown: usize) -> Markup {
    let counts = row.counts;
    let left_out = counts.total().saturating_sub(shown as u64);
    let fixes: BTreeSet<Option<&str>> = row.findings.iter().map(|finding| finding.fix.as_deref()).collect();
    // What all say is said once.
    let common =
        Some(&fixes).filter(|fixes| fixes.len() == 1).and_then(|fixes| fixes.first().copied().flatten());
    html! {
        details.finding-rule id=(anchor(&row.rule.name)) {
            summary {
                span.head {
                    code { (Name(&row.rule.name)) }
                    span.amounts {
                        @for effect in Effect::ALL {
                            @let n = counts.with(effect);
                            @if n > 0 { span class={ "effect is-" (effect.word()) } { (number(n)) " " (effect.word()) } }
                        }
                    }
                    (severity(row.rule.severity))
                }
                @if !row.rule.title.is_empty() { span.title { (row.rule.title) } }
            }
            @if !row.rule.controls.is_empty() {
                p.refs {
                    @for (at, control) in row.rule.controls.iter().enumerate() {
                        @if at > 0 { ", " }
                        span title=(control.title) { (control.label()) }
                    }
                }
            }
            @if let Some(fix) = common { p.fix { b { "Fix " } (fix) } }
            div.scroll tabindex="0" role="region" aria-label={ "Findings of " (row.rule.name) } {
                table.found {
                    thead {
                        tr { th scope="col" { "Object" } th scope="col" { "What is wrong" } th scope="col" { "Where" } th scope="col" { "Effect" } }
                    }
                    tbody { @for one in row.findings.iter().take(shown) { (finding(one, common.is_none())) } }
                }
            }
            @if left_out > 0 { p.note { (count(left_out, "further finding")) " of this rule counted and not listed." } }
        }
    }
}

fn finding(one: &Finding, with_fix: bool) -> Markup {
    let resource = &one.resource;
    html! {
        tr {
            td.object {
                span.kind { (resource.kind) } " "
                @if !resource.namespace.is_empty() { (Name(&resource.namespace)) "/" wbr; }
                b { @if resource.name.is_empty() { "(no name)" } @else { (Name(&resource.name)) } }
                @if let Some(source) = &resource.source { span.source { (Name(&source.file)) ":" (source.line) } }
            }
            td.message {
                (one.message)
                @if with_fix { @if let Some(fix) = &one.fix { span.fix { b { "Fix " } (fix) } } }
                @if let Some(exception) = &one.exception { span.exception { (exception) } }
            }
            td.where { @for blame in &one.blames { code { (Name(blame)) } } }
            td { span class={ "effect is-" (one.effect.word()) } { (one.effect.word()) } }
        }
    }
}

pub(super) fn failures(report: &Report) -> Markup {
    let more = report.errors().saturating_sub(report.failures().len() as u64);
    html! {
        @if report.errors() > 0 {
            section #failures {
                h2 { "Not judged" }
                p.intro { "Nothing is known of these objects: neither that they are good nor that they are bad." }
                div.scroll tabindex="0" role="region" aria-label="Objects that could not be judged" {
                    table.found {
                        thead { tr { th scope="col" { "Object" } th scope="col" { "Why" } } }
                        tbody {
                            @for failure in report.failures() {
                                tr {
                                    td.object {
                                        (Name(&failure.resource.to_string()))
                                        @if let Some(source) = &failure.resource.source {
                                            span.source { (Name(&source.file)) ":" (source.line) }
                                        }
                                    }
                                    td.message { (failure.message) }
                                }
                            }
                        }
                    }
                }
                @if more > 0 { p.note { (count(more, "further object")) " could not be judged." } }
            }
        }
    }
}
