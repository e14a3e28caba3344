//! One page that needs nothing else: style and script are in it, and without the script it reads as well.
//!
//! Every text of a policy goes through maud, which escapes it; only `style.css` and `script.js` are put in as they
//! are. The page's own policy forbids it to load or send anything.

mod rule;
mod tables;

use kpol_stdlib::mitre;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    model::{Catalogue, Framework, Package, split_name},
    text::{Block, Inline, Piece},
    words,
};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What only a page of `kpolc doc` holds.
pub(crate) const MARK: &str = "<meta name=\"generator\" content=\"kpolc ";

/// The files of the catalogue's HTML form.
pub(crate) fn html(catalogue: &Catalogue) -> Vec<(&'static str, String)> {
    vec![("index.html", page(catalogue).into_string())]
}

fn page(catalogue: &Catalogue) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("kpolc ", env!("CARGO_PKG_VERSION")));
                title { (heading(catalogue)) " – policy catalogue" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the rules" }
                div.layout {
                    (navigation(catalogue))
                    main #content {
                        (top(catalogue))
                        (overview(catalogue))
                        @for (index, package) in catalogue.packages.iter().enumerate() {
                            (package_section(catalogue, package, index))
                        }
                        p.nothing #nothing hidden { "No rule fits the filter." }
                        (tables::mutations(catalogue))
                        (tables::params(catalogue))
                        (tables::coverage(catalogue))
                        (footer())
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn heading(catalogue: &Catalogue) -> &str {
    if catalogue.title.is_empty() { "Policies" } else { &catalogue.title }
}

fn top(catalogue: &Catalogue) -> Markup {
    let (low, high) = catalogue.kubernetes;
    let facts = [
        (catalogue.rules().count(), "rule"),
        (catalogue.packages.len(), "package"),
        (catalogue.mutations.len(), "mutation"),
        (catalogue.laws(), "test"),
    ];
    html! {
        header.top #top {
            p.kicker { "Policy catalogue" }
            h1 { (heading(catalogue)) }
            p.facts {
                @for (count, what) in facts.into_iter().filter(|(count, _)| *count > 0) {
                    span { (words::counted(count, what)) }
                }
                span { "typed for Kubernetes 1." (low) " to 1." (high) }
            }
        }
    }
}

fn overview(catalogue: &Catalogue) -> Markup {
    html! {
        section.overview aria-label="Overview" {
            div.tiles role="group" aria-label="Rules by severity" {
                @for severity in words::SEVERITIES {
                    @let count = catalogue.count(severity);
                    @if count > 0 || severity.is_some() {
                        @let word = words::severity(severity);
                        button.tile type="button" data-filter=(word.to_lowercase()) aria-pressed="false" {
                            span.count { (count) }
                            span class={ "word sev-" (word.to_lowercase()) } { i.dot {} (word) }
                        }
                    }
                }
            }
            ul.meters {
                @for framework in &catalogue.frameworks { (meter(framework)) }
                li {
                    a href="#attack" { "MITRE ATT&CK" }
                    span.amount { (techniques(catalogue)) }
                }
            }
        }
    }
}

fn techniques(catalogue: &Catalogue) -> String {
    let mut ids: Vec<&str> =
        catalogue.rules().flat_map(|rule| rule.techniques.iter().map(|technique| technique.id)).collect();
    ids.sort_unstable();
    ids.dedup();
    words::counted(ids.len(), "technique")
}

fn meter(framework: &Framework) -> Markup {
    let (covered, all) = framework.coverage();
    let percent = (covered * 100).checked_div(all).unwrap_or(0);
    html! {
        li {
            a href={ "#" (framework.id) } { (framework.title) }
            span.amount { (covered) " of " (all) }
            span.bar aria-hidden="true" { span style={ "width:" (percent) "%" } {} }
        }
    }
}

fn navigation(catalogue: &Catalogue) -> Markup {
    html! {
        nav.side aria-label="Contents" {
            details.contents open {
                summary { "Contents" }
                div.search #search hidden {
                    label.hidden for="query" { "Filter rules" }
                    input #query type="search" placeholder="Filter rules" autocomplete="off" spellcheck="false";
                    kbd aria-hidden="true" { "/" }
                    p.matches #matches role="status" {}
                }
                p.nav-head { a href="#top" { "Overview" } }
                @for (index, package) in catalogue.packages.iter().enumerate() {
                    div data-group=(index) {
                        p.nav-head {
                            a href={ "#package-" (index) } { (package_title(package)) }
                            span.amount { (package.rules.len()) }
                        }
                        ul {
                            @for rule in &package.rules {
                                @let word = words::severity(rule.severity);
                                li data-entry=(rule.anchor()) {
                                    a href={ "#" (rule.anchor()) } {
                                        i class={ "dot sev-" (word.to_lowercase()) } title=(word) {}
                                        (breakable(rule.split_name().1))
                                    }
                                }
                            }
                        }
                    }
                }
                @if !catalogue.mutations.is_empty() {
                    p.nav-head {
                        a href="#mutations" { "Mutations" }
                        span.amount { (catalogue.mutations.len()) }
                    }
                }
                @if !catalogue.params.is_empty() {
                    p.nav-head {
                        a href="#params" { "Parameters" }
                        span.amount { (catalogue.params.len()) }
                    }
                }
                p.nav-head { a href="#coverage" { "Coverage" } }
                ul {
                    @for framework in &catalogue.frameworks {
                        li { a href={ "#" (framework.id) } { (framework.title) } }
                    }
                    li { a href="#attack" { "MITRE ATT&CK" } }
                }
            }
        }
    }
}

fn package_title(package: &Package) -> &str {
    if package.name.is_empty() { "Rules without a package" } else { &package.name }
}

fn package_section(catalogue: &Catalogue, package: &Package, index: usize) -> Markup {
    html! {
        section.package id={ "package-" (index) } data-package=(index) {
            h2 { (breakable(package_title(package))) }
            div.package-docs { (blocks(&package.docs)) }
            @for one in &package.rules { (rule::card(catalogue, one)) }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer {
            p { "Written by " code { "kpolc doc" } " " (env!("CARGO_PKG_VERSION")) "." }
            p {
                "Techniques and tactics are of MITRE ATT&CK " (mitre::version())
                ". © 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of "
                "The MITRE Corporation."
            }
        }
    }
}

/// A name with its package set back.
fn name(name: &str) -> Markup {
    let (package, short) = split_name(name);
    html! { span.pkg { (breakable(package)) } wbr; span.short { (breakable(short)) } }
}

/// A name that may break behind `.` and `_`.
fn breakable(text: &str) -> Markup {
    html! { @for part in text.split_inclusive(['.', '_', '/']) { (part) wbr; } }
}

fn inlines(parts: &[Inline]) -> Markup {
    html! {
        @for part in parts {
            @match part {
                Inline::Text(text) => (text),
                Inline::Code(code) => code { (code) },
            }
        }
    }
}

fn blocks(all: &[Block]) -> Markup {
    html! {
        @for block in all {
            @match block {
                Block::Paragraph(parts) => p { (inlines(parts)) },
                Block::List(items) => ul.text { @for item in items { li { (inlines(item)) } } },
                Block::Code(code) => pre tabindex="0" { code { (code) } },
            }
        }
    }
}

fn message(pieces: &[Piece]) -> Markup {
    html! {
        @for piece in pieces {
            @match piece {
                Piece::Text(text) => (text),
                Piece::Hole(path) => span.hole { "{" (path) "}" },
            }
        }
    }
}
