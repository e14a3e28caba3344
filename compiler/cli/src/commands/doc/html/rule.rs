//! One rule as a card.

use kpol_stdlib::controls::Control;
use maud::{Markup, html};

use super::{
    super::{
        coverage,
        model::{Bind, Catalogue, Exception, Param, Rule, Verdict, World},
        text, words,
    },
    blocks, breakable, inlines, message, name,
};

pub(super) fn card(catalogue: &Catalogue, rule: &Rule) -> Markup {
    let word = words::severity(rule.severity);
    html! {
        article.rule id=(rule.anchor()) data-rule data-severity=(word.to_lowercase()) data-words=(search_words(rule)) {
            header {
                h3 { a.self href={ "#" (rule.anchor()) } { (name(&rule.name)) } }
                @if rule.world == World::Runtime { span.badge.world { "Runtime" } }
                span class={ "badge sev-" (word.to_lowercase()) } { (word) }
            }
            @if !rule.lead.is_empty() { p.lead { (inlines(&rule.lead)) } }
            (blocks(&rule.docs))
            (applies(&rule.targets))
            @if !rule.steps.is_empty() {
                ol.steps { @for step in &rule.steps { li { (inlines(step)) } } }
            }
            (verdicts(&rule.verdicts))
            (facts(catalogue, rule))
            (laws(&rule.laws))
            (source(&rule.source, &rule.place))
        }
    }
}

pub(super) fn applies(targets: &[text::Inline]) -> Markup {
    html! {
        @if !targets.is_empty() { p.applies { span.label { "Applies to" } " " (inlines(targets)) } }
    }
}

pub(super) fn laws(laws: &[String]) -> Markup {
    html! {
        @if !laws.is_empty() {
            details.more {
                summary { "Laws " span.amount { (words::counted(laws.len(), "test")) } }
                ul.laws { @for law in laws { li { (law) } } }
            }
        }
    }
}

pub(super) fn source(source: &str, place: &str) -> Markup {
    html! {
        @if !source.is_empty() {
            details.more.source {
                summary { "Source " span.amount { (breakable(place)) } }
                pre tabindex="0" { code { (source) } }
            }
        }
    }
}

/// A loop or condition around verdicts or changes is said once above those that share it.
pub(super) fn scope(before: Option<&[String]>, scope: &[String]) -> Markup {
    html! {
        @if !scope.is_empty() && before != Some(scope) {
            p.scope { @for part in scope { code { (part) } } }
        }
    }
}

fn verdicts(verdicts: &[Verdict]) -> Markup {
    html! {
        @if !verdicts.is_empty() {
            div.verdicts {
                @for (at, verdict) in verdicts.iter().enumerate() {
                    @let before = at.checked_sub(1).and_then(|at| verdicts.get(at)).map(|one| one.scope.as_slice());
                    (scope(before, &verdict.scope))
                    div.verdict {
                        span class={ "verb verb-" (words::verb(verdict.verb)) } { (words::verb(verdict.verb)) }
                        div.said {
                            p.message { (message(&verdict.message)) }
                            @if let Some(condition) = &verdict.condition { p.condition { code { (condition) } } }
                            @if let Some(fix) = &verdict.fix {
                                p.fix { span.label { "Fix" } " " (message(fix)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A line of the facts below a rule.
fn fact(label: &str, value: Markup) -> Markup {
    html! { div { dt { (label) } dd { (value) } } }
}

fn facts(catalogue: &Catalogue, rule: &Rule) -> Markup {
    html! {
        dl.facts {
            (params(catalogue, &rule.params))
            @if !rule.techniques.is_empty() { (fact("ATT&CK", techniques(rule))) }
            @for (label, framework) in [("CIS", "cis"), ("PSS", "pss"), ("NSA/CISA", "nsa")] {
                @let controls = rule.controls.iter().filter(|control| control.framework.starts_with(framework));
                @let controls: Vec<&Control> = controls.copied().collect();
                @if !controls.is_empty() { (fact(label, controls_list(&controls))) }
            }
            @if !rule.refs.is_empty() { (fact("See also", refs(&rule.refs))) }
            @if !rule.tags.is_empty() {
                (fact("Tags", html! { @for tag in &rule.tags { code { (tag) } " " } }))
            }
            @if let Some(owner) = &rule.owner { (fact("Owner", html! { (owner) })) }
            @if !rule.exceptions_need.is_empty() { (fact("Exceptions name", needed(&rule.exceptions_need))) }
            @if !rule.exceptions.is_empty() {
                (fact("Exceptions", html! { @for one in &rule.exceptions { (exception(one)) } }))
            }
            @if catalogue.binds { (fact("Bound", binds(catalogue, &rule.binds))) }
            @if let Some((formula, worst)) = &rule.cost { (fact("Cost", cost(formula, *worst))) }
        }
    }
}

pub(super) fn params(catalogue: &Catalogue, indices: &[usize]) -> Markup {
    let params: Vec<&Param> = indices.iter().filter_map(|index| catalogue.params.get(*index)).collect();
    html! {
        @if !params.is_empty() {
            (fact("Parameters", html! {
                @for param in params {
                    div.param {
                        a href={ "#" (param.anchor()) } { code { (breakable(&param.name)) ": " (param.ty) } }
                        @match &param.default {
                            Some(default) => { " = " code { (default) } }
                            None => { " " em { "must be given" } }
                        }
                        (blocks(&param.docs))
                    }
                }
            }))
        }
    }
}

fn techniques(rule: &Rule) -> Markup {
    html! {
        ul.plain {
            @for technique in &rule.techniques {
                li {
                    a href=(technique.url()) rel="noreferrer" { span.id { (technique.id) } " " (technique.name) }
                    " "
                    span.quiet {
                        @for (at, tactic) in technique.tactics.iter().enumerate() {
                            @if at > 0 { ", " }
                            (coverage::tactic_title(tactic))
                        }
                    }
                }
            }
        }
    }
}

fn controls_list(controls: &[&Control]) -> Markup {
    html! {
        ul.plain {
            @for control in controls {
                li {
                    a href={ "#control-" (control.id) } { (control.title) }
                    @if control.framework == "cis" {
                        div.numbers {
                            @for (versions, number) in words::numbers(control) {
                                span { span.id { (number) } " " span.quiet { (versions) } }
                            }
                        }
                    } @else {
                        @let check = control.number("pss").or_else(|| control.kubescape.first().copied());
                        @if let Some(check) = check { " " span.quiet { (check) } }
                        @if control.framework == "pss-restricted" { " " span.quiet { "(restricted)" } }
                    }
                }
            }
        }
    }
}

fn refs(refs: &[String]) -> Markup {
    html! {
        ul.plain {
            @for one in refs {
                li {
                    @if words::is_link(one) { a.url href=(one) rel="noreferrer" { (breakable(one)) } }
                    @else { (one) }
                }
            }
        }
    }
}

fn needed(paths: &[String]) -> Markup {
    html! { @for path in paths { code { (path) } " " } }
}

fn exception(one: &Exception) -> Markup {
    html! {
        div.exception {
            p { code { (breakable(&one.name)) } " " (one.reason) }
            p.quiet {
                "Owner " (one.owner)
                @match &one.until {
                    Some(until) => { ", until " (until) }
                    None => ", without an end",
                }
            }
            (conditions(&one.conditions))
        }
    }
}

fn conditions(conditions: &[String]) -> Markup {
    html! { @for condition in conditions { pre tabindex="0" { code { "where " (condition) } } } }
}

fn binds(catalogue: &Catalogue, binds: &[Bind]) -> Markup {
    html! {
        @if binds.is_empty() { span.quiet { "Nowhere: it runs in the host’s default mode" } }
        @for bind in binds {
            div.bind {
                p {
                    @match bind.mode {
                        Some(mode) => { "Mode " strong { (words::mode(mode)) } }
                        None => "In the host’s default mode",
                    }
                    @if bind.conditions.is_empty() { ", everywhere" }
                }
                (conditions(&bind.conditions))
                @for (param, value) in &bind.with {
                    p { "with " (param_name(catalogue, param)) " = " code { (value) } }
                }
            }
        }
    }
}

fn param_name(catalogue: &Catalogue, name: &str) -> Markup {
    let known = catalogue.params.iter().find(|param| param.name == name);
    html! {
        @match known {
            Some(param) => a href={ "#" (param.anchor()) } { code { (breakable(name)) } },
            None => code { (breakable(name)) },
        }
    }
}

fn cost(formula: &str, worst: u64) -> Markup {
    html! {
        "at most " (words::thousands(worst)) " steps"
        @if formula.contains('|') { " " span.quiet { code { (formula) } } }
    }
}

/// What the filter looks at besides the text of the page: words that the card does not show as they are typed.
fn search_words(rule: &Rule) -> String {
    let controls = rule.controls.iter().map(|control| control.id);
    let all: Vec<&str> = controls.chain(rule.cis.iter().map(String::as_str)).collect();
    all.join(" ")
}
