//! Targets: what a rule applies to, and the world that this gives to its body.

use std::sync::Arc;

use kpol_grammar::{
    ast::{self, ExprKind},
    span::Span,
};
use kpol_stdlib::{catalog::Catalog, schema::KindInfo};
use kpol_vm::{
    ir::{Operation, Slot, Target},
    types::{Record, Type},
};

use crate::{
    diagnostics as d,
    elab::{Ctx, Elab, World, world::update_only},
    module::{ModuleBuilder, common_record},
    program::path_text,
};

/// The group of every kind that carries a pod template.
pub const WORKLOAD: &str = "Workload";

/// A kind or event that a target names, before it has a root.
struct Named<'a> {
    kind: &'a KindInfo,
    subresource: Option<String>,
    operations: Vec<Operation>,
    /// The record of the request's object.
    record: Arc<Record>,
    pod_path: Option<Vec<&'static str>>,
}

/// The world of a declaration's `on`.
pub(crate) fn world(ctx: &mut Ctx<'_>, module: &mut ModuleBuilder, on: &ast::On) -> Option<World> {
    let mut kinds = Vec::new();
    let mut events = Vec::new();
    let mut broken = false;
    for target in &on.targets {
        let name = path_text(&target.path);
        if let Some(event) = ctx.catalog.event(&name) {
            if target.subresource.is_some() || !target.operations.is_empty() {
                ctx.diagnostics.push(d::event_with_operations(target.span, &name));
                broken = true;
            }
            events.push((name, Arc::clone(&event.record)));
            continue;
        }
        match named(ctx, target, &name) {
            Some(found) => kinds.extend(found),
            None => broken = true,
        }
    }
    if broken {
        return None;
    }
    let title = on.targets.iter().map(target_text).collect::<Vec<_>>().join(", ");
    match (kinds.is_empty(), events.is_empty()) {
        (false, true) => Some(admission_world(ctx, module, kinds, title)),
        (true, false) => Some(event_world(module, events, title)),
        (true, true) => None,
        (false, false) => {
            ctx.diagnostics.push(d::mixed_worlds(on.span));
            None
        }
    }
}

fn event_world(module: &mut ModuleBuilder, events: Vec<(String, Arc<Record>)>, title: String) -> World {
    let records: Vec<Arc<Record>> = events.iter().map(|(_, record)| Arc::clone(record)).collect();
    let record = match records.as_slice() {
        [one] => Arc::clone(one),
        several => {
            let name = several.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join("|");
            Arc::new(common_record(&name, several))
        }
    };
    let root = module.root(&record);
    World {
        event: Some(root),
        targets: events.into_iter().map(|(name, _)| Target::Event { name, root }).collect(),
        title,
        ..World::default()
    }
}

fn admission_world(ctx: &Ctx<'_>, module: &mut ModuleBuilder, kinds: Vec<Named<'_>>, title: String) -> World {
    let mut records: Vec<Arc<Record>> = Vec::new();
    for named in &kinds {
        if !records.iter().any(|known| known.name == named.record.name) {
            records.push(Arc::clone(&named.record));
        }
    }
    let record = match records.as_slice() {
        [one] => Arc::clone(one),
        several => {
            let joined = several.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join("|");
            let name = if title == WORKLOAD { WORKLOAD.to_owned() } else { joined };
            Arc::new(common_record(&name, several))
        }
    };
    let object = module.root(&record);
    let mut roots = vec![("object", Slot::Object, object), ("old", Slot::Old, object)];
    let with_pod = kinds.iter().all(|named| named.pod_path.is_some());
    let pod = ctx.catalog.record("PodTemplateSpec").filter(|_| with_pod).map(|record| module.root(&record));
    if let Some(pod) = pod {
        roots.push(("pod", Slot::Pod, pod));
    }
    for (name, slot, record) in [
        ("namespace", Slot::Namespace, "Namespace"),
        ("user", Slot::User, "user"),
        ("request", Slot::Request, "request"),
        ("cluster", Slot::Cluster, "cluster"),
    ] {
        if let Some(record) = ctx.catalog.record(record) {
            roots.push((name, slot, module.root(&record)));
        }
    }
    let targets: Vec<Target> = kinds
        .into_iter()
        .map(|named| Target::Kind {
            group: named.kind.group.clone(),
            version: named.kind.version.clone(),
            kind: named.kind.kind.clone(),
            plural: named.kind.plural.clone(),
            subresource: named.subresource,
            operations: named.operations,
            object,
            pod: pod
                .zip(named.pod_path)
                .map(|(root, path)| (root, path.into_iter().map(str::to_owned).collect())),
        })
        .collect();
    World { roots, admission: true, update_only: update_only(&targets), targets, title, ..World::default() }
}

fn named<'a>(ctx: &mut Ctx<'a>, target: &ast::Target, name: &str) -> Option<Vec<Named<'a>>> {
    let catalog: &'a Catalog = ctx.catalog;
    let schema = catalog.schema();
    let operations = operations(ctx, target)?;
    if name == WORKLOAD {
        if let Some(subresource) = &target.subresource {
            ctx.diagnostics.push(d::unknown_subresource(subresource, WORKLOAD, std::iter::empty()));
            return None;
        }
        let workloads = schema.kinds().filter(|kind| schema.pod_path(kind).is_some());
        return Some(workloads.flat_map(|kind| with_ephemeral(catalog, kind, &operations)).collect());
    }
    let Some(kind) = schema.kind(name) else {
        if ctx.program.declares_kind(name) {
            // Its file could not be used, which is reported there.
            return None;
        }
        let known: Vec<&str> = schema
            .kinds()
            .map(|k| k.record.as_str())
            .chain(catalog.events().map(|e| e.name))
            .chain([WORKLOAD])
            .collect();
        ctx.diagnostics.push(d::unknown_target(target.path.span, name, known.into_iter()));
        return None;
    };
    if let Some((low, high)) = ctx.options.kubernetes
        && (kind.since.is_some_and(|since| since > low) || kind.until.is_some_and(|until| until < high))
        && !name.contains('.')
    {
        ctx.diagnostics.push(d::kind_outside_range(
            target.path.span,
            name,
            kind.since,
            kind.until,
            (low, high),
        ));
        return None;
    }
    let Some(subresource) = &target.subresource else {
        return Some(with_ephemeral(catalog, kind, &operations));
    };
    let Some((_, record)) = kind.subresources.iter().find(|(known, _)| *known == subresource.text) else {
        let known = kind.subresources.iter().map(|(name, _)| name.as_str());
        ctx.diagnostics.push(d::unknown_subresource(subresource, name, known));
        return None;
    };
    let same = *record == kind.record;
    Some(vec![Named {
        kind,
        subresource: Some(subresource.text.clone()),
        operations,
        record: catalog.record(record)?,
        pod_path: if same { schema.pod_path(kind) } else { None },
    }])
}

/// Old versions of a kind have records of their own; a group means the current ones.
fn is_stable(catalog: &Catalog, kind: &KindInfo) -> bool {
    catalog.schema().kind(&kind.kind).is_some_and(|plain| plain.record == kind.record)
}

/// A kind, and for a Pod also its `ephemeralcontainers`: a container that is added to a running pod arrives there,
/// and a rule on pods means it too.
fn with_ephemeral<'a>(catalog: &'a Catalog, kind: &'a KindInfo, operations: &[Operation]) -> Vec<Named<'a>> {
    let Some(record) = catalog.record(&kind.record) else { return Vec::new() };
    let pod_path = catalog.schema().pod_path(kind);
    let mut all = vec![Named {
        kind,
        subresource: None,
        operations: operations.to_vec(),
        record: Arc::clone(&record),
        pod_path: pod_path.clone(),
    }];
    let adds_containers = kind.subresources.iter().any(|(name, _)| name == "ephemeralcontainers");
    if adds_containers && (operations.is_empty() || operations.contains(&Operation::Update)) {
        all.push(Named {
            kind,
            subresource: Some("ephemeralcontainers".to_owned()),
            operations: vec![Operation::Update],
            record,
            pod_path,
        });
    }
    all
}

fn operations(ctx: &mut Ctx<'_>, target: &ast::Target) -> Option<Vec<Operation>> {
    let mut all = Vec::new();
    for name in &target.operations {
        match operation(&name.text) {
            Some(operation) => all.push(operation),
            None => {
                ctx.diagnostics.push(d::unknown_word(
                    name,
                    "operation",
                    ["create", "update", "delete", "connect"].into_iter(),
                ));
                return None;
            }
        }
    }
    Some(all)
}

fn operation(name: &str) -> Option<Operation> {
    match name {
        "create" => Some(Operation::Create),
        "update" => Some(Operation::Update),
        "delete" => Some(Operation::Delete),
        "connect" => Some(Operation::Connect),
        _ => None,
    }
}

/// `Pod/exec (connect)` as written.
fn target_text(target: &ast::Target) -> String {
    let sub = target.subresource.as_ref().map_or(String::new(), |sub| format!("/{}", sub.text));
    format!("{}{sub}", path_text(&target.path))
}

/// What `key` gives for each of the targets that a written target means.
pub(crate) fn names(catalog: &Catalog, target: &ast::Target) -> Vec<(String, Option<String>)> {
    let name = path_text(&target.path);
    let subresource = target.subresource.as_ref().map(|sub| sub.text.clone());
    if catalog.event(&name).is_some() {
        return vec![(name, None)];
    }
    let schema = catalog.schema();
    let kinds: Vec<&KindInfo> = if name == WORKLOAD {
        schema.kinds().filter(|kind| schema.pod_path(kind).is_some() && is_stable(catalog, kind)).collect()
    } else {
        schema.kind(&name).into_iter().collect()
    };
    kinds
        .into_iter()
        .flat_map(|kind| {
            let ephemeral = (subresource.is_none() && kind.kind == "Pod")
                .then(|| (kind.kind.clone(), Some("ephemeralcontainers".to_owned())));
            [Some((kind.kind.clone(), subresource.clone())), ephemeral].into_iter().flatten()
        })
        .collect()
}

/// Kind and subresource of a target, or the event's name.
pub(crate) fn key(target: &Target) -> (String, Option<String>) {
    match target {
        Target::Kind { kind, subresource, .. } => (kind.clone(), subresource.clone()),
        Target::Event { name, .. } => (name.clone(), None),
    }
}

/// The kind in `cluster.others(Kind)`.
pub(crate) fn kind_argument(elab: &mut Elab<'_, '_>, expr: &ast::Expr) -> Option<Arc<Record>> {
    let name = dotted(expr);
    let found = name.as_deref().and_then(|name| elab.ctx.catalog.schema().kind(name));
    match found {
        Some(kind) => elab.ctx.catalog.record(&kind.record),
        None => {
            let shown = name.unwrap_or_default();
            let known: Vec<&str> =
                elab.ctx.catalog.schema().kinds().map(|kind| kind.record.as_str()).collect();
            elab.report(d::unknown_target(expr.span, &shown, known.into_iter()));
            None
        }
    }
}

fn dotted(expr: &ast::Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Var(name) => Some(name.text.clone()),
        ExprKind::Field { base, name } => Some(format!("{}.{}", dotted(base)?, name.text)),
        _ => None,
    }
}

/// The world in which a define without `on` is checked: its parameters may be records of any root.
pub(crate) fn bare_world(module: &mut ModuleBuilder, title: &str) -> World {
    let any = Arc::new(Record {
        name: "(parameters)".to_owned(),
        origin: String::new(),
        doc: String::new(),
        fields: Vec::new(),
    });
    let root = module.root(&any);
    World { roots: vec![("", Slot::Object, root)], bare: true, title: title.to_owned(), ..World::default() }
}

/// The event root of a step with what counting adds: `count`, `first`, `last`.
pub(crate) fn step_record(
    module: &mut ModuleBuilder,
    name: &str,
    event: &Arc<Record>,
) -> kpol_vm::ir::RootId {
    let mut record = Record::clone(event);
    record.name = format!("step {name}");
    let field = |name: &str, ty: Type, doc: &str| kpol_vm::types::Field {
        name: name.to_owned(),
        ty,
        presence: kpol_vm::types::Presence::Required,
        doc: doc.to_owned(),
        since: None,
        until: None,
        virtual_source: Some(kpol_vm::types::VirtualSource::Host),
    };
    let whole = Type::Record(event.name.clone());
    record.fields.push(field("count", Type::Int, "How many events the step has counted."));
    record.fields.push(field("first", whole.clone(), "The first event of the step."));
    record.fields.push(field("last", whole, "The last event of the step."));
    module.root(&Arc::new(record))
}

/// A place to hang a message on when a target has none of its own.
pub(crate) fn on_span(on: &ast::On) -> Span {
    on.span
}
