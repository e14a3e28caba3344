//! The catalogue as Markdown, for wikis and pull requests: the same content in the same order as the page.
//!
//! It is CommonMark with GitHub's tables. Anchors are written out, because every host makes its own from headings.
//! Texts of policies are escaped: none of them can become markup, HTML or a cell of its own.

mod write;

use kpol_stdlib::{controls::Scope, mitre};

use super::{
    coverage,
    model::{Bind, Catalogue, Exception, Framework, Link, Mutation, Package, Param, Rule, Verdict, World},
    words,
};
use write::{Out, code, inlines, message, text};

/// What only a catalogue of `kpolc doc` holds.
pub(crate) const MARK: &str = "Written by `kpolc doc` ";

/// The files of the catalogue's Markdown form.
pub(crate) fn markdown(catalogue: &Catalogue) -> Vec<(&'static str, String)> {
    let mut out = Out::default();
    top(&mut out, catalogue);
    contents(&mut out, catalogue);
    for (index, package) in catalogue.packages.iter().enumerate() {
        self::package(&mut out, catalogue, package, index);
    }
    mutations(&mut out, catalogue);
    params(&mut out, catalogue);
    out.heading(2, "coverage", "Coverage");
    for framework in &catalogue.frameworks {
        self::framework(&mut out, framework);
    }
    attack(&mut out, catalogue);
    footer(&mut out);
    vec![("index.md", out.finish())]
}

fn top(out: &mut Out, catalogue: &Catalogue) {
    let title = if catalogue.title.is_empty() { "Policies" } else { &catalogue.title };
    out.line(&format!("# {}: policy catalogue", text(title)));
    let (low, high) = catalogue.kubernetes;
    let facts = [
        (catalogue.rules().count(), "rule"),
        (catalogue.packages.len(), "package"),
        (catalogue.mutations.len(), "mutation"),
        (catalogue.laws(), "test"),
    ];
    let facts =
        facts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| words::counted(count, what));
    let facts: Vec<String> = facts.chain([format!("typed for Kubernetes 1.{low} to 1.{high}")]).collect();
    out.paragraph(&facts.join(" · "));
    let rated =
        words::SEVERITIES.into_iter().filter(|severity| severity.is_some() || catalogue.count(None) > 0);
    let rated: Vec<_> = rated.collect();
    out.table(&rated.iter().map(|severity| words::severity(*severity).to_owned()).collect::<Vec<_>>());
    out.row(&rated.iter().map(|severity| catalogue.count(*severity).to_string()).collect::<Vec<_>>());
}

fn contents(out: &mut Out, catalogue: &Catalogue) {
    for (index, package) in catalogue.packages.iter().enumerate() {
        let count = words::counted(package.rules.len(), "rule");
        out.item(0, &format!("[{}](#package-{index}): {count}", text(package_title(package))));
    }
    if !catalogue.mutations.is_empty() {
        out.item(0, "[Mutations](#mutations)");
    }
    if !catalogue.params.is_empty() {
        out.item(0, "[Parameters](#params)");
    }
    out.item(0, "[Coverage](#coverage)");
    for framework in &catalogue.frameworks {
        let (covered, all) = framework.coverage();
        out.item(1, &format!("[{}](#{}): {covered} of {all}", framework.title, framework.id));
    }
    out.item(1, "[MITRE ATT&CK](#attack)");
}

fn package_title(package: &Package) -> &str {
    if package.name.is_empty() { "Rules without a package" } else { &package.name }
}

fn package(out: &mut Out, catalogue: &Catalogue, package: &Package, index: usize) {
    out.heading(2, &format!("package-{index}"), &text(package_title(package)));
    out.blocks(&package.docs);
    for rule in &package.rules {
        self::rule(out, catalogue, rule);
    }
}

fn rule(out: &mut Out, catalogue: &Catalogue, rule: &Rule) {
    out.heading(3, &rule.anchor(), &text(&rule.name));
    let world = if rule.world == World::Runtime { " · runtime" } else { "" };
    out.paragraph(&format!("**{}**{world}", words::severity(rule.severity)));
    out.paragraph(&inlines(&rule.lead));
    out.blocks(&rule.docs);
    if !rule.targets.is_empty() {
        out.paragraph(&format!("Applies to: {}", inlines(&rule.targets)));
    }
    if !rule.steps.is_empty() {
        out.paragraph("Steps:");
        rule.steps.iter().for_each(|step| out.item(0, &inlines(step)));
        out.paragraph("Then:");
    }
    verdicts(out, &rule.verdicts);
    facts(out, catalogue, rule);
    laws(out, &rule.laws);
    source(out, &rule.source, &rule.place);
}

fn verdicts(out: &mut Out, verdicts: &[Verdict]) {
    for (at, verdict) in verdicts.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| verdicts.get(at)).map(|one| one.scope.as_slice());
        scope(out, before, &verdict.scope);
        let condition =
            verdict.condition.as_ref().map_or(String::new(), |condition| format!(", {}", code(condition)));
        let said = message(&verdict.message);
        out.item(0, &format!("**{}** {said}{condition}", words::verb(verdict.verb)));
        if let Some(fix) = &verdict.fix {
            out.item(1, &format!("Fix: {}", message(fix)));
        }
    }
}

/// A loop or condition around verdicts or changes is said once above those that share it.
fn scope(out: &mut Out, before: Option<&[String]>, scope: &[String]) {
    if !scope.is_empty() && before != Some(scope) {
        let parts: Vec<String> = scope.iter().map(|part| code(part)).collect();
        out.paragraph(&format!("{}:", parts.join(" › ")));
    }
}

fn facts(out: &mut Out, catalogue: &Catalogue, rule: &Rule) {
    out.paragraph("Details:");
    param_facts(out, catalogue, &rule.params);
    for technique in &rule.techniques {
        let tactics: Vec<&str> =
            technique.tactics.iter().map(|tactic| coverage::tactic_title(tactic)).collect();
        let name = text(technique.name);
        let title = format!("[{} {name}]({})", technique.id, technique.url());
        out.item(0, &format!("ATT&CK: {title} ({})", tactics.join(", ")));
    }
    for control in &rule.controls {
        let framework = match control.framework {
            "cis" => "CIS",
            "nsa" => "NSA/CISA",
            "pss-restricted" => "PSS restricted",
            _ => "PSS baseline",
        };
        let numbers: Vec<String> = if control.framework == "cis" {
            words::numbers(control)
                .into_iter()
                .map(|(versions, number)| format!("{number} in {versions}"))
                .collect()
        } else {
            control
                .number("pss")
                .or_else(|| control.kubescape.first().copied())
                .map(str::to_owned)
                .into_iter()
                .collect()
        };
        let numbers = if numbers.is_empty() { String::new() } else { format!(" ({})", numbers.join("; ")) };
        out.item(0, &format!("{framework}: [{}](#control-{}){numbers}", text(control.title), control.id));
    }
    for one in &rule.refs {
        let link = if words::is_link(one) { format!("<{}>", write::url(one)) } else { text(one) };
        out.item(0, &format!("See also: {link}"));
    }
    if !rule.tags.is_empty() {
        let tags: Vec<String> = rule.tags.iter().map(|tag| code(tag)).collect();
        out.item(0, &format!("Tags: {}", tags.join(", ")));
    }
    if let Some(owner) = &rule.owner {
        out.item(0, &format!("Owner: {}", text(owner)));
    }
    if !rule.exceptions_need.is_empty() {
        let paths: Vec<String> = rule.exceptions_need.iter().map(|path| code(path)).collect();
        out.item(0, &format!("Exceptions must name: {}", paths.join(", ")));
    }
    rule.exceptions.iter().for_each(|one| exception(out, one));
    if catalogue.binds {
        binds(out, &rule.binds);
    }
    if let Some((formula, worst)) = &rule.cost {
        let formula = if formula.contains('|') { format!(" ({})", code(formula)) } else { String::new() };
        out.item(0, &format!("Cost: at most {} steps{formula}", words::thousands(*worst)));
    }
}

fn param_facts(out: &mut Out, catalogue: &Catalogue, indices: &[usize]) {
    for param in indices.iter().filter_map(|index| catalogue.params.get(*index)) {
        let default = match &param.default {
            Some(default) => format!("default {}", code(default)),
            None => "must be given".to_owned(),
        };
        out.item(
            0,
            &format!(
                "Parameter: [{}](#{}), {}, {default}",
                text(&param.name),
                param.anchor(),
                code(&param.ty)
            ),
        );
    }
}

fn exception(out: &mut Out, one: &Exception) {
    let until = one.until.as_ref().map_or("without an end".to_owned(), |until| format!("until {until}"));
    let (name, reason, owner) = (code(&one.name), text(&one.reason), text(&one.owner));
    out.item(0, &format!("Exception {name}: {reason} (owner {owner}, {})", text(&until)));
    one.conditions.iter().for_each(|condition| out.item(1, &format!("where {}", code(condition))));
}

fn binds(out: &mut Out, binds: &[Bind]) {
    if binds.is_empty() {
        out.item(0, "Bound: nowhere; it runs in the host’s default mode");
    }
    for bind in binds {
        let everywhere = if bind.conditions.is_empty() { ", everywhere" } else { "" };
        let mode = match bind.mode {
            Some(mode) => format!("mode **{}**", words::mode(mode)),
            None => "in the host’s default mode".to_owned(),
        };
        out.item(0, &format!("Bound: {mode}{everywhere}"));
        bind.conditions.iter().for_each(|condition| out.item(1, &format!("where {}", code(condition))));
        bind.with
            .iter()
            .for_each(|(name, value)| out.item(1, &format!("with {} = {}", code(name), code(value))));
    }
}

fn laws(out: &mut Out, laws: &[String]) {
    if !laws.is_empty() {
        out.item(0, &format!("Laws ({}):", words::counted(laws.len(), "test")));
        laws.iter().for_each(|law| out.item(1, &text(law)));
    }
}

fn source(out: &mut Out, source: &str, place: &str) {
    if !source.is_empty() {
        out.details(&format!("Source: {place}"), source);
    }
}

fn mutations(out: &mut Out, catalogue: &Catalogue) {
    if catalogue.mutations.is_empty() {
        return;
    }
    out.heading(2, "mutations", "Mutations");
    out.paragraph("Changes that are made to objects before they are judged, in this order.");
    for one in &catalogue.mutations {
        mutation(out, catalogue, one);
    }
}

fn mutation(out: &mut Out, catalogue: &Catalogue, one: &Mutation) {
    out.heading(3, &one.anchor(), &text(&one.name));
    out.paragraph(&inlines(&one.lead));
    out.blocks(&one.docs);
    if !one.targets.is_empty() {
        out.paragraph(&format!("Applies to: {}", inlines(&one.targets)));
    }
    for (at, (around, change)) in one.changes.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| one.changes.get(at)).map(|one| one.0.as_slice());
        scope(out, before, around);
        out.item(0, &code(change));
    }
    if !one.params.is_empty() || one.owner.is_some() || !one.laws.is_empty() {
        out.paragraph("Details:");
    }
    param_facts(out, catalogue, &one.params);
    if let Some(owner) = &one.owner {
        out.item(0, &format!("Owner: {}", text(owner)));
    }
    laws(out, &one.laws);
    source(out, &one.source, &one.place);
}

fn params(out: &mut Out, catalogue: &Catalogue) {
    if catalogue.params.is_empty() {
        return;
    }
    out.heading(2, "params", "Parameters");
    out.paragraph("Values that a bind or `--param` may change.");
    for (at, param) in catalogue.params.iter().enumerate() {
        self::param(out, catalogue, param, at);
    }
}

fn param(out: &mut Out, catalogue: &Catalogue, param: &Param, at: usize) {
    out.heading(3, &param.anchor(), &text(&param.name));
    let default = match &param.default {
        Some(default) => format!("default {}", code(default)),
        None => "no default: it must be given".to_owned(),
    };
    out.paragraph(&format!("{}, {default}", code(&param.ty)));
    out.blocks(&param.docs);
    let rules =
        catalogue.rules().filter(|rule| rule.params.contains(&at)).map(|rule| (rule.anchor(), &rule.name));
    let changes = catalogue.mutations.iter().filter(|one| one.params.contains(&at));
    let users = rules.chain(changes.map(|one| (one.anchor(), &one.name)));
    let users: Vec<String> = users.map(|(anchor, name)| format!("[{}](#{anchor})", text(name))).collect();
    out.paragraph(&format!("Read by {}", users.join(", ")));
}

fn framework(out: &mut Out, framework: &Framework) {
    let (covered, all) = framework.coverage();
    out.heading(3, framework.id, &format!("{}: {covered} of {all} covered", framework.title));
    let note = super::text::inlines(framework.note);
    out.paragraph(&format!("{} [The framework’s own text]({}).", inlines(&note), framework.url));
    let columns: Vec<String> = framework.columns.clone();
    let (before, behind) = columns.split_at(framework.leading());
    out.table(&[before, &["Control".to_owned(), "Rules".to_owned()], behind].concat());
    for row in &framework.rows {
        let control =
            format!("{}{}", write::anchor(&format!("control-{}", row.control.id)), text(row.control.title));
        let rules = match (row.rules.is_empty(), row.control.scope) {
            (false, _) => links(&row.rules, "<br>"),
            (true, Scope::Cluster) => "No policy decides it: cluster setup".to_owned(),
            (true, Scope::Admission | Scope::Referential) => "**Not covered**".to_owned(),
        };
        let numbers: Vec<String> =
            row.numbers.iter().map(|number| number.unwrap_or("–").to_owned()).collect();
        let (before, behind) = numbers.split_at(framework.leading());
        out.row(&[before, &[control, rules], behind].concat());
    }
}

fn links(rules: &[Link], between: &str) -> String {
    let links = rules.iter().map(|link| format!("[{}](#{})", text(&link.name), link.anchor()));
    links.collect::<Vec<_>>().join(between)
}

fn attack(out: &mut Out, catalogue: &Catalogue) {
    out.heading(3, "attack", "MITRE ATT&CK");
    if catalogue.tactics.is_empty() {
        out.paragraph("No rule names a technique.");
        return;
    }
    out.table(&["Tactic", "Technique", "Rules"].map(str::to_owned));
    for tactic in &catalogue.tactics {
        for (at, (technique, rules)) in tactic.techniques.iter().enumerate() {
            let title = if at == 0 { format!("[{}]({})", tactic.title, tactic.url) } else { String::new() };
            let technique = format!("[{} {}]({})", technique.id, text(technique.name), technique.url());
            out.row(&[title, technique, links(rules, "<br>")]);
        }
    }
    if !catalogue.open_tactics.is_empty() {
        out.paragraph(&format!("No rule answers a technique of {}.", words::and(&catalogue.open_tactics)));
    }
}

fn footer(out: &mut Out) {
    out.line("---");
    out.paragraph(&format!(
        "{MARK}{}. Techniques and tactics are of MITRE ATT&CK {}. © 2025 The MITRE Corporation. \
         This work is reproduced and distributed with the permission of The MITRE Corporation.",
        env!("CARGO_PKG_VERSION"),
        mitre::version(),
    ));
}
