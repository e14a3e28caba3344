//! Mutations, params and the matrices.

use kpol_stdlib::controls::Scope;
use maud::{Markup, html};

use super::{
    super::{
        model::{Catalogue, Framework, Link, Mutation, Row, Tactic},
        words,
    },
    blocks, breakable, inlines, name, rule,
};

pub(super) fn mutations(catalogue: &Catalogue) -> Markup {
    html! {
        @if !catalogue.mutations.is_empty() {
            section #mutations {
                h2 { "Mutations" }
                p.intro { "Changes that are made to objects before they are judged, in this order." }
                @for one in &catalogue.mutations { (mutation(catalogue, one)) }
            }
        }
    }
}

fn mutation(catalogue: &Catalogue, one: &Mutation) -> Markup {
    html! {
        article.rule id=(one.anchor()) {
            header {
                h3 { a.self href={ "#" (one.anchor()) } { (name(&one.name)) } }
                span.badge.world { "Mutation" }
            }
            @if !one.lead.is_empty() { p.lead { (inlines(&one.lead)) } }
            (blocks(&one.docs))
            (rule::applies(&one.targets))
            div.verdicts {
                @for (at, (scope, change)) in one.changes.iter().enumerate() {
                    @let before = at.checked_sub(1).and_then(|at| one.changes.get(at)).map(|one| one.0.as_slice());
                    (rule::scope(before, scope))
                    p.change { code { (change) } }
                }
            }
            dl.facts {
                (rule::params(catalogue, &one.params))
                @if let Some(owner) = &one.owner { div { dt { "Owner" } dd { (owner) } } }
            }
            (rule::laws(&one.laws))
            (rule::source(&one.source, &one.place))
        }
    }
}

pub(super) fn params(catalogue: &Catalogue) -> Markup {
    html! {
        @if !catalogue.params.is_empty() {
            section #params {
                h2 { "Parameters" }
                p.intro { "Values that a bind or " code { "--param" } " may change." }
                dl.params {
                    @for (at, param) in catalogue.params.iter().enumerate() {
                        dt id=(param.anchor()) { code { (name(&param.name)) ": " (param.ty) } }
                        dd {
                            (blocks(&param.docs))
                            p.quiet {
                                @match &param.default {
                                    Some(default) => { "Default " code { (default) } }
                                    None => "No default: it must be given",
                                }
                            }
                            p.quiet {
                                "Read by "
                                @let users = catalogue.rules().filter(|rule| rule.params.contains(&at));
                                @let users = users.map(|rule| (rule.anchor(), rule.name.as_str()));
                                @let changes = catalogue.mutations.iter().filter(|one| one.params.contains(&at));
                                @let changes = changes.map(|one| (one.anchor(), one.name.as_str()));
                                @for (at, (anchor, user)) in users.chain(changes).enumerate() {
                                    @if at > 0 { ", " }
                                    a href={ "#" (anchor) } { (breakable(user)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn coverage(catalogue: &Catalogue) -> Markup {
    html! {
        section.coverage #coverage {
            h2 { "Coverage" }
            p.intro { "Which rules stand for which control. What no rule stands for is listed too." }
            @for framework in &catalogue.frameworks { (framework_table(framework)) }
            (attack(catalogue))
        }
    }
}

fn framework_table(framework: &Framework) -> Markup {
    let (covered, all) = framework.coverage();
    html! {
        section.framework id=(framework.id) {
            h3 {
                (framework.title)
                " " span.amount { (covered) " of " (all) " covered" }
            }
            p.quiet {
                @for part in super::super::text::inlines(framework.note) { (inlines(std::slice::from_ref(&part))) }
                " " a href=(framework.url) rel="noreferrer" { "The framework’s own text" } "."
            }
            @if covered == 0 {
                details.more {
                    summary { "Controls " span.amount { "no rule stands for any of the " (framework.rows.len()) } }
                    (table(framework))
                }
            } @else {
                (table(framework))
            }
        }
    }
}

fn table(framework: &Framework) -> Markup {
    let leading = framework.leading();
    let (before, behind) = framework.columns.split_at(leading);
    html! {
        div.scroll tabindex="0" role="region" aria-label=(framework.title) {
            table {
                thead {
                    tr {
                        @for column in before { th.number scope="col" { (column) } }
                        th.control scope="col" { "Control" }
                        th.by scope="col" { "Rules" }
                        @for column in behind { th.number scope="col" { (column) } }
                    }
                }
                tbody { @for one in &framework.rows { (row(one, leading)) } }
            }
        }
    }
}

fn number(number: Option<&'static str>) -> Markup {
    html! { td.number { @match number { Some(number) => (number), None => span.none { "–" } } } }
}

fn row(one: &Row, leading: usize) -> Markup {
    let (before, behind) = one.numbers.split_at(leading);
    let covered = !one.rules.is_empty();
    let by_policy = one.control.scope != Scope::Cluster;
    html! {
        tr id={ "control-" (one.control.id) } class=[(!covered).then_some("open")] {
            @for one in before { (number(*one)) }
            th.control scope="row" { (one.control.title) }
            td.by {
                (links(&one.rules))
                @if !covered && by_policy { span.uncovered { "Not covered" } }
                @if !covered && !by_policy { span.quiet { "No policy decides it: cluster setup" } }
            }
            @for one in behind { (number(*one)) }
        }
    }
}

fn links(rules: &[Link]) -> Markup {
    html! {
        @if !rules.is_empty() {
            ul.links {
                @for link in rules {
                    @let word = words::severity(link.severity);
                    li {
                        a href={ "#" (link.anchor()) } {
                            i class={ "dot sev-" (word.to_lowercase()) } title=(word) {}
                            span { (name(&link.name)) }
                        }
                    }
                }
            }
        }
    }
}

fn attack(catalogue: &Catalogue) -> Markup {
    html! {
        section.framework #attack {
            h3 { "MITRE ATT&CK" }
            @if catalogue.tactics.is_empty() {
                p.quiet { "No rule names a technique." }
            } @else {
                p.quiet {
                    "Techniques that rules answer, below the tactics that they serve. A technique may serve several."
                }
                div.scroll {
                    div.matrix { @for one in &catalogue.tactics { (tactic(one)) } }
                }
                @if !catalogue.open_tactics.is_empty() {
                    p.quiet { "No rule answers a technique of " (words::and(&catalogue.open_tactics)) "." }
                }
            }
        }
    }
}

fn tactic(one: &Tactic) -> Markup {
    html! {
        div.tactic {
            h4 { a href=(one.url) rel="noreferrer" { (one.title) } }
            @for (technique, rules) in &one.techniques {
                div.technique {
                    a.title href=(technique.url()) rel="noreferrer" { span.id { (technique.id) } " " (technique.name) }
                    (links(rules))
                }
            }
        }
    }
}
