//! Controls, framework by framework: what was found, and what nobody looked for.

use maud::{Markup, html};

use super::{
    super::{Change, ControlRow, Framework, Report, Status},
    Name, anchor, badge, cell, change, class,
};

/// More rules than this are folded.
const MAX_RULES: usize = 5;

pub(super) fn section(report: &Report, controls: &[ControlRow<'_>]) -> Markup {
    html! {
        section #controls {
            h2 { "Controls" }
            ul.cards {
                @for framework in Framework::ALL { (card(framework, controls)) }
            }
            @for framework in Framework::ALL { (table(report, framework, controls)) }
        }
    }
}

fn of<'c, 'r>(
    framework: Framework,
    controls: &'c [ControlRow<'r>],
) -> impl Iterator<Item = &'c ControlRow<'r>> + Clone {
    controls.iter().filter(move |row| row.control.framework == framework)
}

fn id(framework: Framework) -> &'static str {
    match framework {
        Framework::Cis => "cis",
        Framework::Nsa => "nsa",
        Framework::Pss => "pss",
        Framework::Mitre => "mitre",
    }
}

/// How a framework stands, in a line and a bar.
fn card(framework: Framework, controls: &[ControlRow<'_>]) -> Markup {
    let rows = of(framework, controls);
    let all = rows.clone().count();
    let parts: Vec<(Status, usize)> = Status::ALL
        .into_iter()
        .map(|status| (status, rows.clone().filter(|row| row.status == status).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    html! {
        li.card {
            h3 { a href={ "#" (id(framework)) } { (framework.title()) } }
            @if all == 0 { p.quiet { "No rule names a technique." } }
            @if all > 0 {
                div.bar aria-hidden="true" {
                    @for (status, count) in &parts {
                        span class={ "is-" (class(*status)) } style={ "flex-grow:" (count) } {}
                    }
                }
                p.parts {
                    @for (status, count) in &parts { span { b { (count) } " " (status.word()) } }
                }
            }
        }
    }
}

fn table(report: &Report, framework: Framework, controls: &[ControlRow<'_>]) -> Markup {
    let (open, covered): (Vec<_>, Vec<_>) =
        of(framework, controls).partition(|row| row.status == Status::NotCovered);
    let is_compared = report.previous.is_some();
    html! {
        section.framework id=(id(framework)) {
            h3 { (framework.title()) }
            @if covered.is_empty() { p.quiet { "None of these rules stands for a control of it." } }
            @if !covered.is_empty() {
                div.scroll tabindex="0" role="region" aria-label=(framework.title()) {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Number" }
                                th scope="col" { "Control" }
                                th.status scope="col" { "Status" }
                                th.number scope="col" { "Violations" }
                                @if is_compared { th.number scope="col" { "Trend" } }
                                th.number scope="col" { "Excepted" }
                                th.by scope="col" { "Rules" }
                            }
                        }
                        tbody { @for row in &covered { (line(report, row, is_compared)) } }
                    }
                }
            }
            @if !open.is_empty() {
                details.open {
                    summary { "Not covered " span.quiet { (open.len()) } }
                    ul.plain {
                        @for row in &open {
                            li {
                                span.id { (label(row)) } " " (row.control.title)
                                @if !row.is_decidable { span.quiet { " – no policy decides it: cluster setup" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn line(report: &Report, row: &ControlRow<'_>, is_compared: bool) -> Markup {
    let violations = row.counts.violations();
    let before = report.previous.as_ref().and_then(|previous| previous.control(&row.control.id));
    html! {
        tr {
            td.id { (label(row)) }
            th.control scope="row" { (row.control.title) }
            td.status { (badge(row.status)) }
            td.number { (cell(violations)) }
            @if is_compared { td.number { (change(Change::since(before, violations))) } }
            td.number { (cell(row.counts.excepted)) }
            td.by {
                @if row.rules.len() <= MAX_RULES { (rules(&row.rules)) }
                @if row.rules.len() > MAX_RULES {
                    details { summary { (row.rules.len()) " rules" } (rules(&row.rules)) }
                }
            }
        }
    }
}

fn rules(names: &[&str]) -> Markup {
    html! {
        @for (at, name) in names.iter().enumerate() {
            @if at > 0 { ", " }
            a href={ "#" (anchor(name)) } { (Name(name)) }
        }
    }
}

/// Its number if it has one; kpol's id otherwise.
fn label(row: &ControlRow<'_>) -> Markup {
    let text = row.control.number.as_ref().unwrap_or(&row.control.id);
    html! {
        @if row.control.link.starts_with("https://") {
            a href=(row.control.link) rel="noreferrer" title=(row.control.id) { (Name(text)) }
        } @else {
            span title=(row.control.id) { (Name(text)) }
        }
    }
}
