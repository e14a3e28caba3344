//! A report as one page that needs nothing else: what a security engineer shows to an auditor.
//!
//! Every text goes through maud, which escapes it; only `style.css` is put in as it is. There is no script, and the page's own
//! policy forbids it to load or send anything. Numbers never depend on color alone.

mod controls;
mod findings;
mod tables;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

use super::{Change, Effect, Report, SEVERITIES, Status, severity_word};

const STYLE: &str = include_str!("html/style.css");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page.
#[must_use]
pub fn html(report: &Report) -> String {
    let controls = report.controls();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(report.about.tool);
                title { "Compliance report: " (report.about.subject) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#controls" { "Skip to the controls" }
                (top(report))
                main {
                    (overview(report))
                    (controls::section(report, &controls))
                    (tables::namespaces(report))
                    (tables::rules(report))
                    (findings::section(report))
                    (findings::failures(report))
                }
                (footer(report))
            }
        }
    };
    page.into_string()
}

fn top(report: &Report) -> Markup {
    let about = &report.about;
    html! {
        header.top {
            p.kicker { "Compliance report" }
            h1 { (about.subject) }
            dl.facts {
                div { dt { "Run" } dd { (when(about.started)) ", " (took(report)) } }
                @if !about.kubernetes.is_empty() { div { dt { "Kubernetes" } dd { (about.kubernetes) } } }
                div { dt { "Judged" } dd { (count(report.objects(), "object")) " by " (count(report.rules().count() as u64, "rule")) } }
                @if let Some(previous) = &report.previous {
                    div { dt { "Compared with" } dd {
                        "the run of " (when(previous.ended))
                        @if previous.subject != about.subject { ", which was of " b { (previous.subject) } }
                    } }
                }
                div.wide {
                    dt { "Policies" }
                    dd {
                        @if about.bundles.is_empty() { "none" }
                        @if !about.bundles.is_empty() {
                            ul.plain {
                                @for bundle in &about.bundles {
                                    li {
                                        (bundle.name)
                                        @if let Some(digest) = &bundle.digest { " " code.digest { (digest) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            nav aria-label="Sections" {
                a href="#controls" { "Controls" }
                a href="#namespaces" { "Namespaces" }
                a href="#rules" { "Rules" }
                a href="#findings" { "Findings" }
            }
        }
    }
}

fn overview(report: &Report) -> Markup {
    let counts = report.counts();
    let violations = counts.violations();
    let previous = report.previous.as_ref();
    let objects = report.objects();
    html! {
        section.overview aria-label="Totals" {
            div.lead {
                div.verdict.bad[violations > 0].good[violations == 0 && objects > 0] {
                    p.big { (number(violations)) }
                    p.what { (if violations == 1 { "violation" } else { "violations" }) (change(report.change())) }
                    p.parts {
                        @for effect in Effect::ALL {
                            span { b { (number(counts.with(effect))) } " " (effect.word()) }
                        }
                    }
                }
                div.verdict {
                    p.big { (percent(report.clean(), objects)) }
                    p.what { "of the objects have no violation" }
                    p.parts {
                        span { b { (number(report.clean())) } " of " (number(objects)) }
                        @if report.errors() > 0 { span.warn { b { (number(report.errors())) } " could not be judged" } }
                        @if report.skipped() > 0 { span { b { (number(report.skipped())) } " passed over" } }
                    }
                }
            }
            ul.tiles aria-label="Violations by severity" {
                @for severity in SEVERITIES {
                    @let now = report.severities().with(severity);
                    @let before = previous.map(|previous| previous.severities.with(severity));
                    @if severity.is_some() || now > 0 || before.unwrap_or_default() > 0 {
                        li class={ "tile sev-" (severity_word(severity)) } {
                            span.count { (number(now)) }
                            span.word { i.dot {} (severity_word(severity)) }
                            (change(Change::since(before, now)))
                        }
                    }
                }
            }
            @if report.omitted() > 0 {
                p.note { (count(report.omitted(), "further hit")) " of verdicts that hit very often on one object are not counted." }
            }
        }
    }
}

fn footer(report: &Report) -> Markup {
    html! {
        footer {
            dl.legend {
                @for status in Status::ALL {
                    div { dt { (badge(status)) } dd { (meaning(status)) } }
                }
            }
            p {
                "A control passes as far as its rules can tell: they see the objects that were judged, not how the cluster is set up. "
                "A finding counts for every control that its rule stands for."
            }
            p { "Written by " (report.about.tool) "." }
        }
    }
}

fn meaning(status: Status) -> &'static str {
    match status {
        Status::Fail => "There are violations, whether they are denied, warned of or only recorded.",
        Status::Excepted => "Exceptions excuse everything that was found.",
        Status::Pass => "Its rules looked at objects and found nothing.",
        Status::NotChecked => "It has rules, and none of the objects is of a kind that they are about.",
        Status::NotCovered => "None of these rules stands for it.",
    }
}

/// What its color hangs on.
fn class(status: Status) -> &'static str {
    match status {
        Status::Fail => "fail",
        Status::Excepted => "excepted",
        Status::Pass => "pass",
        Status::NotChecked => "unchecked",
        Status::NotCovered => "open",
    }
}

fn badge(status: Status) -> Markup {
    html! { span class={ "badge is-" (class(status)) } { (status.word()) } }
}

fn severity(severity: Option<kpol_vm::ir::Severity>) -> Markup {
    let word = severity_word(severity);
    html! { span class={ "sev sev-" (word) } { i.dot {} (word) } }
}

/// An arrow, with words for those who do not see it.
fn change(change: Option<Change>) -> Markup {
    html! {
        @if let Some(change) = change {
            " " span.change.worse[change.is_worse()].better[change.is_better()] title=(change.words()) {
                span aria-hidden="true" { (change) }
                span.hidden { (change.words()) }
            }
        }
    }
}

/// A number in a table; a dash for none, so that the others are seen.
fn cell(n: u64) -> Markup {
    html! {
        @if n == 0 { span.none { "0" } }
        @if n > 0 { (number(n)) }
    }
}

/// `12 345`, with narrow blanks that do not break.
fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + 6);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len() > 4 && (digits.len() - at).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

/// `1 object`, `2 objects`.
fn count(n: u64, one: &str) -> String {
    format!("{} {one}{}", number(n), if n == 1 { "" } else { "s" })
}

/// Rounded down, so that 100 % means all.
fn percent(part: u64, of: u64) -> String {
    match (u128::from(part) * 100).checked_div(u128::from(of)) {
        Some(percent) => format!("{percent}\u{202f}%"),
        None => "–".to_owned(),
    }
}

fn when(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `12 s`, rounded up.
fn took(report: &Report) -> String {
    let millis = report.ended().duration_since(report.about.started).as_millis().max(0);
    let seconds = u64::try_from(millis).unwrap_or(u64::MAX).div_ceil(1_000);
    format!("{}\u{202f}s", number(seconds))
}

/// A name that may break behind its dots, slashes and dashes.
struct Name<'n>(&'n str);

impl Render for Name<'_> {
    fn render(&self) -> Markup {
        html! {
            @for part in self.0.split_inclusive(['.', '/', '_', '-', ':', '[']) { (part) wbr; }
        }
    }
}

/// What links lead to: letters, digits and `.-_` stay, so that names make no other anchors.
fn anchor(rule: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = rule.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    format!("rule-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_ten_thousand_on() {
        assert_eq!(number(0), "0");
        assert_eq!(number(9_999), "9999");
        assert_eq!(number(12_345), "12\u{202f}345");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn a_hundred_percent_is_all() {
        assert_eq!(percent(999, 1_000), "99\u{202f}%");
        assert_eq!(percent(u64::MAX, u64::MAX), "100\u{202f}%");
        assert_eq!(percent(0, 0), "–");
    }
}
