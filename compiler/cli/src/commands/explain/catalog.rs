//! Kinds, events, builtins, controls and techniques in words.

use kpol_stdlib::{
    catalog::Catalog,
    controls::{self, Control, Scope},
    mitre::Technique,
    schema::KindInfo,
};
use kpol_vm::{
    builtin::{Builtin, Sig},
    types::{Field, Presence, Record},
};

use crate::{
    commands::doc::words,
    render::{Paint, Role, table},
};

/// The group of every kind that runs pods.
pub(super) fn workload(catalog: &Catalog) -> String {
    let schema = catalog.schema();
    let kinds: Vec<&str> = schema
        .kinds()
        .filter(|kind| schema.pod_path(kind).is_some() && kind.record == kind.kind)
        .map(|kind| kind.kind.as_str())
        .collect();
    format!(
        "Workload: everything with a pod template\n\n{}\n\nIn a rule on Workload `object` has what all of them have \
         (metadata, kind, apiVersion, id), and `pod` is the pod template.\n",
        kinds.join(", ")
    )
}

/// Signature and first sentence of each builtin; signatures are too long for a column.
pub(super) fn builtins(catalog: &Catalog) -> String {
    let line = |builtin: &&Builtin| format!("{}\n    {}\n", signature(builtin), first_sentence(builtin.doc));
    catalog.builtins().iter().map(line).collect()
}

/// A line per event.
pub(super) fn events(catalog: &Catalog) -> String {
    let own = catalog.events().filter(|event| !event.name.starts_with("syscall."));
    let rows: Vec<[String; 2]> =
        own.map(|event| [event.name.to_owned(), first_sentence(event.doc)]).collect();
    let experts = catalog.events().filter(|event| event.name.starts_with("syscall.")).count();
    format!("{}syscall.*, for experts: {experts} events such as syscall.openat2\n", table(&rows))
}

/// A line per control.
pub(super) fn controls() -> String {
    let rows: Vec<[String; 3]> = controls::controls()
        .iter()
        .map(|control| {
            let newest = control.numbers.last().map_or(String::new(), |(_, number)| (*number).to_owned());
            [control.id.to_owned(), newest, control.title.to_owned()]
        })
        .collect();
    table(&rows)
}

pub(super) fn event(catalog: &Catalog, name: &str, paint: Paint) -> Option<String> {
    let event = catalog.event(name)?;
    let mut out = format!("{}\n{}\n", paint.on(Role::Strong, format!("event {}", event.name)), event.doc);
    let can = if event.killable { "rules on it may `alert` and `kill`" } else { "rules on it may `alert`" };
    out.push_str(&format!("{can}; since kpol {}\n", event.since));
    if !event.falco.is_empty() {
        out.push_str(&format!("Falco: evt.type {}\n", event.falco.join(", ")));
    }
    out.push('\n');
    out.push_str(&fields(&event.record, paint));
    Some(out)
}

pub(super) fn builtin(catalog: &Catalog, name: &str, paint: Paint) -> Option<String> {
    let builtin = catalog.builtin(name)?;
    let mut out = format!("{}\n{}\n", paint.on(Role::Strong, signature(builtin)), builtin.doc);
    if !builtin.examples.is_empty() {
        out.push('\n');
        let rows: Vec<[String; 2]> = builtin
            .examples
            .iter()
            .map(|(expr, gives)| [format!("  {expr}"), format!("= {gives}")])
            .collect();
        out.push_str(&table(&rows));
    }
    for (language, same) in [("Rego", builtin.rego), ("Falco", builtin.falco)] {
        if let Some(same) = same {
            out.push_str(&format!("{language}: {same}\n"));
        }
    }
    Some(out)
}

/// A kind, or a record that kinds and events are made of.
pub(super) fn record(catalog: &Catalog, name: &str, paint: Paint) -> Option<String> {
    let record = catalog.record(name)?;
    let mut out =
        format!("{}  {}\n", paint.on(Role::Strong, &record.name), paint.on(Role::Dim, &record.origin));
    if !record.doc.is_empty() {
        out.push_str(&format!("{}\n", record.doc));
    }
    if let Some(kind) = catalog.schema().kind(name) {
        out.push_str(&kind_facts(catalog, kind));
    }
    out.push('\n');
    out.push_str(&fields(&record, paint));
    Some(out)
}

fn kind_facts(catalog: &Catalog, kind: &KindInfo) -> String {
    let group = if kind.group.is_empty() { String::new() } else { format!("{}/", kind.group) };
    let scope = if kind.namespaced { "in a namespace" } else { "for the whole cluster" };
    let mut out = format!("apiVersion {group}{}, resource {}, {scope}\n", kind.version, kind.plural);
    if let Some(life) = life(kind.since, kind.until) {
        out.push_str(&format!("served {life}\n"));
    }
    if !kind.subresources.is_empty() {
        let names: Vec<String> =
            kind.subresources.iter().map(|(name, _)| format!("{}/{name}", kind.record)).collect();
        out.push_str(&format!("subresources: {}\n", names.join(", ")));
    }
    match catalog.schema().pod_path(kind) {
        Some(path) if path.is_empty() => out.push_str("`pod` is the object itself\n"),
        Some(path) => out.push_str(&format!("`pod` is object.{}\n", path.join("."))),
        None => {}
    }
    out
}

/// A line per field: name, type, what "not set" means; its documentation below.
fn fields(record: &Record, paint: Paint) -> String {
    let mut out = String::new();
    for field in &record.fields {
        out.push_str(&format!("  {}: {}", paint.on(Role::Strong, &field.name), typed(field)));
        if let Some(life) = life(field.since, field.until) {
            out.push_str(&format!("  ({life})"));
        }
        out.push('\n');
        if !field.doc.is_empty() {
            out.push_str(&format!("      {}\n", paint.on(Role::Dim, first_sentence(&field.doc))));
        }
    }
    out
}

fn typed(field: &Field) -> String {
    match &field.presence {
        Presence::Required => field.ty.to_string(),
        Presence::Optional => format!("{}?", field.ty),
        Presence::Default(value) => format!("{} = {value}", field.ty),
    }
}

fn life(since: Option<u32>, until: Option<u32>) -> Option<String> {
    match (since, until) {
        (Some(since), Some(until)) => Some(format!("Kubernetes 1.{since} to 1.{until}")),
        (Some(since), None) => Some(format!("since Kubernetes 1.{since}")),
        (None, Some(until)) => Some(format!("until Kubernetes 1.{until}")),
        (None, None) => None,
    }
}

/// `cidr_contains(block: cidr, addr: ip) -> bool`, `image.tag -> string?`.
fn signature(builtin: &Builtin) -> String {
    let params: Vec<String> =
        builtin.params.iter().map(|(name, ty)| format!("{name}: {}", sig(ty))).collect();
    let ret = format!("{}{}", sig(&builtin.ret), if builtin.partial { "?" } else { "" });
    if builtin.property {
        format!("{} -> {ret}", builtin.name)
    } else {
        format!("{}({}) -> {ret}", builtin.name, params.join(", "))
    }
}

fn sig(sig: &Sig) -> String {
    match sig {
        Sig::Is(ty) => ty.to_string(),
        Sig::ListOf(ty) => format!("list<{ty}>"),
        Sig::AnyList => "list<T>".to_owned(),
        Sig::Element => "T".to_owned(),
        Sig::ListOfElement => "list<T>".to_owned(),
        Sig::AnyMap => "map<string, T>".to_owned(),
        Sig::Any => "any".to_owned(),
        Sig::OneOf(choices) => choices.iter().map(self::sig).collect::<Vec<_>>().join(" | "),
    }
}

pub(super) fn control(control: &Control, paint: Paint) -> String {
    let decides = match control.scope {
        Scope::Admission => "one admission review decides it",
        Scope::Referential => "it needs other objects of the cluster",
        Scope::Cluster => "no policy can decide it: it is about how the cluster is set up",
    };
    let mut out = format!("{}\n{}\n{decides}\n", paint.on(Role::Strong, control.id), control.title);
    for (versions, number) in words::numbers(control) {
        out.push_str(&format!("  {number}  in {versions}\n"));
    }
    if !control.kubescape.is_empty() {
        out.push_str(&format!("kubescape: {}\n", control.kubescape.join(", ")));
    }
    out.push_str(&format!("{}\n", control.reference));
    out
}

/// Every control that a benchmark gives this number, or kubescape this id: numbers change from version to version.
pub(super) fn numbered(number: &str, paint: Paint) -> Option<String> {
    let is_meant = |control: &&Control| {
        control.numbers.iter().any(|(_, its)| *its == number)
            || control.kubescape.iter().any(|its| its.eq_ignore_ascii_case(number))
    };
    let pages: Vec<String> =
        controls::controls().iter().filter(is_meant).map(|found| control(found, paint)).collect();
    (!pages.is_empty()).then(|| pages.join("\n"))
}

pub(super) fn technique(technique: &Technique, paint: Paint) -> String {
    let head = paint.on(Role::Strong, format!("{} {}", technique.id, technique.name));
    format!("{head}\ntactics: {}\n{}\n", technique.tactics.join(", "), technique.url())
}

fn first_sentence(doc: &str) -> String {
    let end = doc.find(". ").map_or(doc.len(), |end| end + 1);
    doc.get(..end).unwrap_or(doc).replace('\n', " ")
}
