//! A rule or mutation in words: the same model as the catalogue's, and the fields that it reads.

use kpol_vm::ir::Module;

use super::reads;
use crate::{
    CliError, Io,
    commands::doc::{
        build,
        model::{Catalogue, Mutation, Rule, Verdict},
        text::{Block, Inline, Piece},
        words,
    },
    load::{LoadOptions, Loaded, load},
    render::{Paint, Role, table},
};

/// Looks for the rule in the policies of `paths`, else in those of the current directory and the library.
pub(super) fn explain(name: &str, paths: &[String], paint: Paint, io: &mut Io) -> Result<String, CliError> {
    let mut seen = Vec::new();
    let library = ["std".to_owned()];
    let places: &[&[String]] = match paths {
        // Nothing in the current directory has such a name, and what is wrong there does not matter.
        [] if name.starts_with("std.") => &[&library],
        [] => &[&[], &library],
        paths => &[paths],
    };
    for place in places {
        match load(place, &LoadOptions::default(), io) {
            Ok(loaded) => {
                if let Some(text) = find(&loaded, name, paint, &mut seen) {
                    return Ok(text);
                }
            }
            // Nobody said that there are policies here.
            Err(CliError::NoPolicies { .. }) if paths.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    seen.extend(super::known());
    let near = kpol_compiler::nearest(name, seen.iter().map(String::as_str));
    let help = near.map_or_else(
        || "it may be a code, rule, kind, builtin, event or control; `kpolc help explain`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Err(CliError::usage(format!("nothing is called `{name}`"), Some(help)))
}

/// A line per rule and mutation of the policies of `paths`, else of the current directory and the library.
pub(super) fn list(paths: &[String], io: &mut Io) -> Result<String, CliError> {
    let library = ["std".to_owned()];
    let places: &[&[String]] = if paths.is_empty() { &[&[], &library] } else { &[paths] };
    let mut rows = Vec::new();
    for place in places {
        let loaded = match load(place, &LoadOptions::default(), io) {
            Ok(loaded) => loaded,
            Err(CliError::NoPolicies { .. }) if paths.is_empty() => continue,
            Err(error) => return Err(error),
        };
        let Some(module) = &loaded.compiled.module else { continue };
        let first = |doc: &str| doc.lines().next().unwrap_or_default().trim().to_owned();
        rows.extend(module.rules.iter().map(|rule| [rule.name.clone(), first(&rule.meta.doc)]));
        rows.extend(module.mutations.iter().map(|one| [one.name.clone(), first(&one.meta.doc)]));
    }
    Ok(table(&rows))
}

fn find(loaded: &Loaded, name: &str, paint: Paint, seen: &mut Vec<String>) -> Option<String> {
    let module = loaded.compiled.module.as_ref()?;
    let catalogue = build::catalogue(&loaded.compiled);
    let is_meant = |full: &str| full == name || full.rsplit_once('.').is_some_and(|(_, last)| last == name);
    if let Some(rule) = catalogue.rules().find(|rule| is_meant(&rule.name)) {
        return Some(of_rule(rule, &catalogue, module, paint));
    }
    if let Some(mutation) = catalogue.mutations.iter().find(|mutation| is_meant(&mutation.name)) {
        return Some(of_mutation(mutation, paint));
    }
    for full in
        catalogue.rules().map(|rule| &rule.name).chain(catalogue.mutations.iter().map(|one| &one.name))
    {
        seen.push(full.clone());
        seen.extend(full.rsplit_once('.').map(|(_, last)| last.to_owned()));
    }
    None
}

/// Lines below headings.
struct Out {
    text: String,
    paint: Paint,
}

impl Out {
    fn head(&mut self, kind: &str, name: &str, place: &str) {
        let head = self.paint.on(Role::Strong, format!("{kind} {name}"));
        self.text.push_str(&format!("{head}  {}\n", self.paint.on(Role::Dim, place)));
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn section(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_none() {
            return;
        }
        let title = self.paint.on(Role::Strong, title);
        self.text.push_str(&format!("\n{title}\n"));
        for line in lines {
            self.line(&format!("  {line}"));
        }
    }

    fn docs(&mut self, lead: &[Inline], docs: &[Block]) {
        if !lead.is_empty() {
            self.line(&inline(lead));
        }
        for block in docs {
            match block {
                Block::Paragraph(parts) => self.line(&format!("\n{}", inline(parts))),
                Block::List(items) => items.iter().for_each(|item| self.line(&format!("- {}", inline(item)))),
                Block::Code(code) => code.lines().for_each(|line| self.line(&format!("    {line}"))),
            }
        }
    }
}

fn of_rule(rule: &Rule, catalogue: &Catalogue, module: &Module, paint: Paint) -> String {
    let mut out = Out { text: String::new(), paint };
    out.head("rule", &rule.name, &rule.place);
    out.docs(&rule.lead, &rule.docs);
    out.section("applies to", [inline(&rule.targets)].into_iter().filter(|text| !text.is_empty()));
    out.section("steps", rule.steps.iter().map(|step| inline(step)));
    out.section("verdicts", rule.verdicts.iter().flat_map(verdict));
    let lowered = module.rules.iter().find(|lowered| lowered.name == rule.name);
    let reads = lowered.map(|lowered| reads::fields(module, &lowered.code, &lowered.body));
    out.section("reads", reads.into_iter().flatten());
    let params = rule.params.iter().filter_map(|index| catalogue.params.get(*index));
    out.section(
        "params",
        params.map(|param| {
            let default =
                param.default.as_ref().map_or(" (must be given)".to_owned(), |value| format!(" = {value}"));
            format!("{}: {}{default}", param.name, param.ty)
        }),
    );
    out.section("stands for", references(rule));
    out.section(
        "bound",
        rule.binds.iter().map(|bind| {
            let mode = bind.mode.map_or("default mode", words::mode);
            if bind.conditions.is_empty() {
                mode.to_owned()
            } else {
                format!("{mode} where {}", bind.conditions.join(" and "))
            }
        }),
    );
    out.section(
        "exceptions",
        rule.exceptions.iter().map(|exception| {
            let until = exception.until.as_ref().map_or(String::new(), |until| format!(", until {until}"));
            format!("{}: {} ({}{until})", exception.name, exception.reason, exception.owner)
        }),
    );
    out.section("exceptions must name", rule.exceptions_need.iter().cloned());
    out.section(
        "worst-case cost",
        rule.cost
            .iter()
            .map(|(formula, worst)| format!("{formula}, at most {} steps", words::thousands(*worst))),
    );
    out.section("tests", rule.laws.iter().cloned());
    out.text
}

fn of_mutation(mutation: &Mutation, paint: Paint) -> String {
    let mut out = Out { text: String::new(), paint };
    out.head("mutate", &mutation.name, &mutation.place);
    out.docs(&mutation.lead, &mutation.docs);
    out.section("applies to", [inline(&mutation.targets)].into_iter().filter(|text| !text.is_empty()));
    out.section(
        "changes",
        mutation.changes.iter().map(|(scope, change)| {
            if scope.is_empty() { change.clone() } else { format!("{change}   ({})", scope.join(", ")) }
        }),
    );
    out.section("tests", mutation.laws.iter().cloned());
    out.text
}

fn verdict(verdict: &Verdict) -> Vec<String> {
    let condition = verdict.condition.as_deref().unwrap_or("always");
    let mut lines = vec![format!("{} {condition}", words::verb(verdict.verb))];
    lines.extend(verdict.scope.iter().map(|scope| format!("    {scope}")));
    lines.push(format!("    says: {}", pieces(&verdict.message)));
    lines.extend(verdict.fix.iter().map(|fix| format!("    fix:  {}", pieces(fix))));
    lines
}

fn references(rule: &Rule) -> Vec<String> {
    let severity =
        rule.severity.map(|_| format!("severity {}", words::severity(rule.severity).to_lowercase()));
    let techniques = rule.techniques.iter().map(|technique| format!("{} {}", technique.id, technique.name));
    let cis = rule.cis.iter().map(|number| format!("CIS {number}"));
    let controls = rule.controls.iter().map(|control| format!("{}: {}", control.id, control.title));
    let owner = rule.owner.iter().map(|owner| format!("owner {owner}"));
    let rest = rule.tags.iter().map(|tag| format!("tag {tag}")).chain(rule.refs.iter().cloned());
    severity.into_iter().chain(techniques).chain(cis).chain(controls).chain(owner).chain(rest).collect()
}

fn inline(parts: &[Inline]) -> String {
    let part = |part: &Inline| match part {
        Inline::Text(text) => text.clone(),
        Inline::Code(code) => format!("`{code}`"),
    };
    parts.iter().map(part).collect()
}

fn pieces(parts: &[Piece]) -> String {
    let part = |part: &Piece| match part {
        Piece::Text(text) => text.clone(),
        Piece::Hole(path) => format!("{{{path}}}"),
    };
    parts.iter().map(part).collect()
}
