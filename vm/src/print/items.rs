//! Everything of a module but its roots in print.

use super::{
    Constant, Numbered, Out,
    code::{code, id, local_id},
    joined, quoted,
};
use crate::{
    evaluate::operation_word,
    ir::{
        ChangeKind, Clause, Condition, FieldSource, Meta, Mode, Module, MutStmt, Place, PlaceBase, RuleId,
        Severity, Stmt, Target, Template, TemplatePart, Verb,
    },
};

pub(super) fn module(out: &mut Out, module: &Module) {
    for watch in &module.watches {
        let names = [&watch.group, &watch.version, &watch.kind, &watch.plural];
        let names = names.map(|name| quoted(name)).join(" ");
        out.line(format_args!("watch r{} {names}", watch.root.0));
    }
    for (i, name) in module.builtins.iter().enumerate() {
        out.line(format_args!("builtin ^{i} {}", quoted(name)));
    }
    for (i, param) in module.params.iter().enumerate() {
        let default =
            param.default.as_ref().map_or_else(String::new, |value| format!(" = {}", Constant(value)));
        out.line(format_args!("param @{i} {}: {}{default}", quoted(&param.name), Numbered(&param.ty)));
        out.nested(|out| text(out, "doc", &param.doc));
    }
    for (i, rule) in module.rules.iter().enumerate() {
        out.line(format_args!("rule #{i} {}", quoted(&rule.name)));
        out.nested(|out| {
            meta(out, &rule.meta);
            texts(out, "exceptions_need", &rule.exceptions_need);
            if !rule.cost.formula.is_empty() || rule.cost.worst != 0 {
                out.line(format_args!("cost {} {}", rule.cost.worst, quoted(&rule.cost.formula)));
            }
            rule.targets.iter().for_each(|item| target(out, item));
            code(out, &rule.code);
            out.line(format_args!("body"));
            out.nested(|out| block(out, &rule.body));
            rule.clauses.iter().enumerate().for_each(|(i, item)| clause(out, i, item));
        });
    }
    for (i, mutation) in module.mutations.iter().enumerate() {
        out.line(format_args!("mutation {i} {}", quoted(&mutation.name)));
        out.nested(|out| {
            meta(out, &mutation.meta);
            mutation.targets.iter().for_each(|item| target(out, item));
            code(out, &mutation.code);
            out.line(format_args!("body"));
            out.nested(|out| mut_block(out, &mutation.body));
        });
    }
    for (i, bind) in module.binds.iter().enumerate() {
        out.line(format_args!("bind {i}"));
        out.nested(|out| {
            if let Some(mode) = bind.mode {
                out.line(format_args!("mode {}", mode_word(mode)));
            }
            for (param, value) in &bind.with {
                out.line(format_args!("with @{} = {}", param.0, Constant(value)));
            }
            conditions(out, &bind.rules, &bind.conditions);
        });
    }
    for exception in &module.exceptions {
        out.line(format_args!("exception {}", quoted(&exception.name)));
        out.nested(|out| {
            text(out, "reason", &exception.reason);
            text(out, "owner", &exception.owner);
            if let Some(until) = &exception.until {
                out.line(format_args!("until {}", quoted(until)));
            }
            conditions(out, &exception.rules, &exception.conditions);
        });
    }
}

/// Where a field's value comes from; nothing for its own JSON entry.
pub(super) fn source(source: &FieldSource) -> String {
    match source {
        FieldSource::Json => String::new(),
        FieldSource::Concat(lists) => {
            format!(" from [{}]", joined(lists, |(key, role)| format!("{}: {}", quoted(key), quoted(role))))
        }
        FieldSource::Role => " from role".to_owned(),
        FieldSource::ObjectId => " from id".to_owned(),
    }
}

fn text(out: &mut Out, word: &str, value: &str) {
    if !value.is_empty() {
        out.line(format_args!("{word} {}", quoted(value)));
    }
}

fn texts(out: &mut Out, word: &str, values: &[String]) {
    if !values.is_empty() {
        out.line(format_args!("{word} {}", joined(values, |value| quoted(value))));
    }
}

fn meta(out: &mut Out, meta: &Meta) {
    let Meta { doc, severity, mitre, cis, tags, refs, owner } = meta;
    text(out, "doc", doc);
    if let Some(severity) = severity {
        out.line(format_args!("severity {}", severity_word(*severity)));
    }
    for (word, values) in [("mitre", mitre), ("cis", cis), ("tags", tags), ("refs", refs)] {
        texts(out, word, values);
    }
    if let Some(owner) = owner {
        out.line(format_args!("owner {}", quoted(owner)));
    }
}

fn target(out: &mut Out, target: &Target) {
    match target {
        Target::Kind { group, version, kind, plural, subresource, operations, object, pod } => {
            let names = [group, version, kind, plural].map(|name| quoted(name)).join(" ");
            let subresource =
                subresource.as_ref().map_or_else(String::new, |name| format!(" / {}", quoted(name)));
            let operations = joined(operations, |operation| operation_word(*operation).to_owned());
            let pod = pod.as_ref().map_or_else(String::new, |(root, keys)| {
                format!(" pod r{} [{}]", root.0, joined(keys, |key| quoted(key)))
            });
            out.line(format_args!(
                "target kind {names}{subresource} ({operations}) object r{}{pod}",
                object.0
            ));
        }
        Target::Event { name, root } => out.line(format_args!("target event {} r{}", quoted(name), root.0)),
    }
}

fn block(out: &mut Out, stmts: &[Stmt]) {
    for stmt in stmts {
        match stmt {
            Stmt::Where(cond) => out.line(format_args!("where {}", id(*cond))),
            Stmt::Let(local, value) => out.line(format_args!("let {} = {}", local_id(*local), id(*value))),
            Stmt::For { local, list, body } => {
                out.line(format_args!("for {} in {}", local_id(*local), id(*list)));
                out.nested(|out| block(out, body));
            }
            Stmt::Verdict { clause, cond } => {
                let cond = cond.map_or_else(String::new, |cond| format!(" when {}", id(cond)));
                out.line(format_args!("verdict !{}{cond}", clause.0));
            }
        }
    }
}

fn mut_block(out: &mut Out, stmts: &[MutStmt]) {
    for stmt in stmts {
        match stmt {
            MutStmt::Where(cond) => out.line(format_args!("where {}", id(*cond))),
            MutStmt::Let(local, value) => out.line(format_args!("let {} = {}", local_id(*local), id(*value))),
            MutStmt::For { local, list, body } => {
                out.line(format_args!("for {} in {}", local_id(*local), id(*list)));
                out.nested(|out| mut_block(out, body));
            }
            MutStmt::Change { kind, place, value } => {
                let value = value.map_or_else(String::new, |value| format!(" {}", id(value)));
                out.line(format_args!("{} {}{value}", change_word(*kind), place_text(place)));
            }
        }
    }
}

fn place_text(place: &Place) -> String {
    let base = match place.base {
        PlaceBase::Object => "object".to_owned(),
        PlaceBase::Pod => "pod".to_owned(),
        PlaceBase::Local(local) => local_id(local),
    };
    format!("{base} [{}]", joined(&place.keys, |key| quoted(key)))
}

fn clause(out: &mut Out, index: usize, clause: &Clause) {
    let fix = clause.fix.as_ref().map_or_else(String::new, |fix| format!(" fix {}", template(fix)));
    out.line(format_args!("clause !{index} {} {}{fix}", verb_word(clause.verb), template(&clause.message)));
}

/// Texts in quotes and holes as they are: `["container ", %3]`.
fn template(template: &Template) -> String {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Text(text) => quoted(text),
        TemplatePart::Hole(expr) => id(*expr),
    };
    format!("[{}]", joined(&template.parts, part))
}

fn conditions(out: &mut Out, rules: &[RuleId], conditions: &[Condition]) {
    for (i, rule) in rules.iter().enumerate() {
        out.line(format_args!("on #{}", rule.0));
        if let Some(condition) = conditions.get(i) {
            out.nested(|out| {
                code(out, &condition.code);
                if let Some(cond) = condition.cond {
                    out.line(format_args!("where {}", id(cond)));
                }
            });
        }
    }
}

pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Dryrun => "dryrun",
        Mode::Warn => "warn",
        Mode::Deny => "deny",
        Mode::Alert => "alert",
        Mode::Enforce => "enforce",
    }
}

pub(super) fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::Deny => "deny",
        Verb::Warn => "warn",
        Verb::Audit => "audit",
        Verb::Alert => "alert",
        Verb::Kill => "kill",
    }
}

pub(super) fn change_word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Default => "default",
        ChangeKind::Overwrite => "overwrite",
        ChangeKind::Add => "add",
        ChangeKind::Remove => "remove",
    }
}
