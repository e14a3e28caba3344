//! Tests in the language: objects typed against their kinds, and what is expected of a rule.
//!
//! They are data for whoever runs them (`kpolc test`); nothing is evaluated here.

use std::collections::BTreeMap;

use kpol_grammar::{
    ast::{self, Literal, ObjectValue, TestClause},
    span::{FileId, Span},
};
use kpol_stdlib::schema::KindInfo;
use kpol_vm::{
    ir::{Const, ParamId, RuleId, Verb},
    json::Json,
    types::{Presence, Record, Type},
};

use crate::{
    diagnostics as d,
    elab::{Ctx, literal::form},
    items::{bind, decl},
    module::ModuleBuilder,
    program::{DefId, path_text},
};

/// The name that a test's `with` gives the cluster's version by.
const KUBERNETES: &str = "kubernetes";

/// A test of a policy.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// What is tested, with its package.
    pub subject_name: String,
    /// What is tested.
    pub subject: Subject,
    /// The law that it states.
    pub name: String,
    /// From `test` to the closing brace.
    pub span: Span,
    /// Its input.
    pub given: Vec<Given>,
    /// Params for this test.
    pub with: Vec<(ParamId, Const)>,
    /// The cluster's version (`with kubernetes = "1.18"`); `None`: whatever the run is for.
    pub kubernetes: Option<(u32, u32)>,
    /// The cluster's objects: kind's record name and object.
    pub objects: Vec<Json>,
    /// Who asks: `given user { .. }`.
    pub user: Option<Json>,
    /// What must come out.
    pub expects: Vec<Expect>,
}

/// What a test is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A rule of the module.
    Rule(RuleId),
    /// A mutation of the module, by index.
    Mutation(usize),
    /// A correlation, which nothing runs yet.
    Correlation,
}

/// One input of a test.
#[derive(Clone, Debug)]
pub enum Given {
    /// An object, with `apiVersion` and `kind`.
    Object {
        /// The object.
        json: Json,
        /// Where it is given.
        span: Span,
    },
    /// YAML text in the test.
    Yaml {
        /// The text.
        text: String,
        /// Where it stands.
        span: Span,
    },
    /// A manifest file, relative to the test's file.
    Manifest {
        /// The path as written.
        path: String,
        /// Where it is named.
        span: Span,
    },
    /// An event at a time after the start of the test.
    Event {
        /// Nanoseconds.
        at: i64,
        /// The event's name.
        name: String,
        /// Its fields.
        json: Json,
        /// Where it is given.
        span: Span,
    },
}

/// What must come out.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The verdict.
    pub verdict: Verdict,
    /// The message of one of the hits; for a mutation `path: value` in the result.
    pub message: Option<String>,
    /// A path that one of the hits blames.
    pub blames: Option<String>,
    /// Where it is expected.
    pub span: Span,
}

/// An expected verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No hit; for a mutation: nothing changes.
    Pass,
    /// A hit of this verb.
    Hit(Verb),
    /// The mutation changes the object.
    Patched,
}

/// The rules and mutations that tests may name.
pub(crate) struct Subjects<'s> {
    pub(crate) rules: &'s BTreeMap<DefId, bind::Bindable>,
    pub(crate) mutations: &'s BTreeMap<DefId, usize>,
}

pub(crate) fn lower(
    ctx: &mut Ctx<'_>,
    module: &mut ModuleBuilder,
    subjects: &Subjects<'_>,
    file: FileId,
    item: &ast::Item,
    test: &ast::Test,
) -> Option<TestCase> {
    let (subject_name, subject) = subject(ctx, subjects, file, &test.rule)?;
    let mut out = TestCase {
        subject_name,
        subject,
        name: test.name.text.clone(),
        span: item.span,
        given: Vec::new(),
        with: Vec::new(),
        kubernetes: None,
        objects: Vec::new(),
        user: None,
        expects: Vec::new(),
    };
    let mark = ctx.diagnostics.len();
    for clause in &test.clauses {
        match clause {
            TestClause::Given { kind, object, span } if path_text(kind) == "user" => {
                let Some(record) = ctx.catalog.record("user") else { continue };
                let user = object_json(ctx, object, &record);
                if out.user.replace(user).is_some() {
                    ctx.diagnostics.push(d::said_twice(*span, "given user"));
                }
            }
            TestClause::Given { kind, object, span } => {
                if let Some(json) = kind_object(ctx, kind, object) {
                    out.given.push(Given::Object { json, span: *span });
                }
            }
            TestClause::GivenYaml { text, span } => {
                out.given.push(Given::Yaml { text: dedent(&text.text), span: *span });
            }
            TestClause::GivenManifest { file: path, .. } => {
                out.given.push(Given::Manifest { path: path.text.clone(), span: path.span });
            }
            TestClause::At { time, event, object, span } => {
                let name = path_text(event);
                let at = match kpol_vm::scalar::duration::Duration::parse(&time.text) {
                    Ok(duration) => duration.nanos(),
                    Err(error) => {
                        ctx.diagnostics.push(d::bad_literal(time.span, &time.text, &Type::Duration, &error));
                        continue;
                    }
                };
                let Some(record) = ctx.catalog.event(&name).map(|info| std::sync::Arc::clone(&info.record))
                else {
                    let known: Vec<&str> = ctx.catalog.events().map(|event| event.name).collect();
                    ctx.diagnostics.push(d::unknown_target(event.span, &name, known.into_iter()));
                    continue;
                };
                let json = object_json(ctx, object, &record);
                out.given.push(Given::Event { at, name, json, span: *span });
            }
            TestClause::With(with)
                if with.name.text == KUBERNETES && ctx.program.lookup(file, KUBERNETES).is_none() =>
            {
                out.kubernetes = kubernetes_version(ctx, &with.value);
            }
            TestClause::With(with) => out.with.extend(bind::with_param(ctx, module, file, with)),
            TestClause::WithObjects { objects, .. } => {
                for (kind, object) in objects {
                    out.objects.extend(kind_object(ctx, kind, object));
                }
            }
            TestClause::Expect { verdict, message, blames, span } => {
                let Some(verdict) = verdict_of(ctx, verdict) else { continue };
                out.expects.push(Expect {
                    verdict,
                    message: message.as_ref().map(|m| m.text.clone()),
                    blames: blames.as_ref().map(|b| b.text.clone()),
                    span: *span,
                });
            }
        }
    }
    let errors = ctx
        .diagnostics
        .iter()
        .skip(mark)
        .any(|diagnostic| diagnostic.severity == kpol_grammar::diagnostic::Severity::Error);
    if errors {
        return None;
    }
    if out.expects.is_empty() {
        ctx.diagnostics.push(d::test_lacks(test.name.span, "expect"));
    }
    if out.given.is_empty() {
        ctx.diagnostics.push(d::test_lacks(test.name.span, "given"));
    }
    Some(out)
}

/// `"1.18"`: the cluster's version in a test, a literal.
fn kubernetes_version(ctx: &mut Ctx<'_>, value: &ast::Expr) -> Option<(u32, u32)> {
    let ast::ExprKind::Literal(Literal::Str(text)) = &value.kind else {
        ctx.diagnostics.push(d::wrong_type(value.span, "a version in quotes, \"1.18\"", "something else"));
        return None;
    };
    match kpol_vm::scalar::semver::Version::parse(&text.text) {
        Ok(version) => Some((u32::try_from(version.major()).ok()?, u32::try_from(version.minor()).ok()?)),
        Err(error) => {
            ctx.diagnostics.push(d::bad_literal(value.span, &text.text, &Type::Semver, &error));
            None
        }
    }
}

fn subject(
    ctx: &mut Ctx<'_>,
    subjects: &Subjects<'_>,
    file: FileId,
    path: &ast::Path,
) -> Option<(String, Subject)> {
    let defs = ctx.program.resolve_path(file, path);
    for def in &defs {
        ctx.used.insert(*def);
    }
    if let Some(name) = path.names.first() {
        ctx.used_imports.insert((file, name.text.clone()));
    }
    if let [def] = defs.as_slice() {
        let name = ctx.program.qualified(*def);
        if let Some(rule) = subjects.rules.get(def) {
            return Some((name, Subject::Rule(rule.id)));
        }
        if let Some(index) = subjects.mutations.get(def) {
            return Some((name, Subject::Mutation(*index)));
        }
        match ctx.program.item(*def).map(|item| &item.kind) {
            Some(ast::ItemKind::Correlate(_)) => return Some((name, Subject::Correlation)),
            // The rule itself has errors that are reported.
            Some(ast::ItemKind::Rule(_) | ast::ItemKind::Mutate(_)) => return None,
            _ => {}
        }
    }
    let names = decl::rule_names(ctx.program, file);
    ctx.diagnostics.push(d::unknown_rule(path.span, &path_text(path), names.iter().map(String::as_str)));
    None
}

fn verdict_of(ctx: &mut Ctx<'_>, name: &ast::Name) -> Option<Verdict> {
    let words = ["pass", "deny", "warn", "audit", "alert", "kill", "patched"];
    Some(match name.text.as_str() {
        "pass" => Verdict::Pass,
        "deny" => Verdict::Hit(Verb::Deny),
        "warn" => Verdict::Hit(Verb::Warn),
        "audit" => Verdict::Hit(Verb::Audit),
        "alert" => Verdict::Hit(Verb::Alert),
        "kill" => Verdict::Hit(Verb::Kill),
        "patched" => Verdict::Patched,
        _ => {
            ctx.diagnostics.push(d::unknown_word(name, "verdict", words.into_iter()));
            return None;
        }
    })
}

/// What is sent to a subresource (`PodExecOptions`) is no kind of its own; it has the version of the kind that it is
/// sent to.
fn subresource_object(ctx: &Ctx<'_>, name: &str) -> Option<KindInfo> {
    let mut kinds = ctx.catalog.schema().kinds();
    let of = kinds.find(|kind| kind.subresources.iter().any(|(_, record)| record == name))?;
    Some(KindInfo { kind: name.to_owned(), record: name.to_owned(), ..of.clone() })
}

/// `Pod { .. }` as JSON with `apiVersion`, `kind` and what the API requires.
fn kind_object(ctx: &mut Ctx<'_>, kind: &ast::Path, object: &ast::Object) -> Option<Json> {
    let name = path_text(kind);
    let Some(info) = ctx.catalog.schema().kind(&name).cloned().or_else(|| subresource_object(ctx, &name))
    else {
        let known: Vec<&str> = ctx.catalog.schema().kinds().map(|kind| kind.record.as_str()).collect();
        ctx.diagnostics.push(d::unknown_target(kind.span, &name, known.into_iter()));
        return None;
    };
    let record = ctx.catalog.record(&info.record)?;
    let mut json = object_json(ctx, object, &record);
    let group = if info.group.is_empty() { String::new() } else { format!("{}/", info.group) };
    set(&mut json, "apiVersion", Json::Str(format!("{group}{}", info.version)));
    set(&mut json, "kind", Json::Str(info.kind.clone()));
    fill(ctx, &mut json, &record, 8);
    if record.field("metadata").is_some()
        && json.at(&["metadata", "name"]).is_none()
        && let Json::Object(entries) = &mut json
    {
        let name = ("name".to_owned(), Json::Str("test".to_owned()));
        match entries.iter_mut().find(|(key, _)| key == "metadata") {
            Some((_, Json::Object(metadata))) => metadata.push(name),
            Some(_) => {}
            None => entries.push(("metadata".to_owned(), Json::Object(vec![name]))),
        }
    }
    Some(json)
}

fn set(json: &mut Json, key: &str, value: Json) {
    if let Json::Object(entries) = json
        && !entries.iter().any(|(known, _)| known == key)
    {
        entries.push((key.to_owned(), value));
    }
}

/// Writes what the API requires and the test leaves out: names get the field's name, numbers 0, lists nothing.
fn fill(ctx: &Ctx<'_>, json: &mut Json, record: &Record, depth: usize) {
    let Json::Object(entries) = json else { return };
    if depth == 0 {
        return;
    }
    for field in record.fields.iter().filter(|field| field.virtual_source.is_none()) {
        let known = entries.iter_mut().find(|(key, _)| *key == field.name).map(|(_, value)| value);
        match (known, &field.ty) {
            (Some(value), ty) => fill_value(ctx, value, ty, depth - 1),
            (None, Type::Str) if field.presence == Presence::Required => {
                entries.push((field.name.clone(), Json::Str(field.name.clone())));
            }
            (None, Type::Int | Type::Port) if field.presence == Presence::Required => {
                entries.push((field.name.clone(), Json::Int(0)));
            }
            (None, _) => {}
        }
    }
}

fn fill_value(ctx: &Ctx<'_>, json: &mut Json, ty: &Type, depth: usize) {
    match (ty, json) {
        (Type::Record(name), json @ Json::Object(_)) => {
            if let Some(record) = ctx.catalog.record(name) {
                fill(ctx, json, &record, depth);
            }
        }
        (Type::List(element) | Type::Set(element), Json::Array(items)) => {
            for item in items {
                fill_value(ctx, item, element, depth);
            }
        }
        _ => {}
    }
}

/// An object typed against a record; unknown keys and wrong values are reported.
fn object_json(ctx: &mut Ctx<'_>, object: &ast::Object, record: &Record) -> Json {
    let mut json = Json::Object(Vec::new());
    for pair in &object.pairs {
        pair_json(ctx, &mut json, &pair.keys, &pair.value, &Type::Record(record.name.clone()), Some(record));
    }
    json
}

fn pair_json(
    ctx: &mut Ctx<'_>,
    json: &mut Json,
    keys: &[ast::Key],
    value: &ObjectValue,
    ty: &Type,
    record: Option<&Record>,
) {
    let Some((key, rest)) = keys.split_first() else { return };
    let Some(inner) = member(ctx, key, ty, record) else { return };
    let Json::Object(entries) = json else {
        ctx.diagnostics.push(d::written_twice(key.span, &key.text));
        return;
    };
    let index = match entries.iter().position(|(known, _)| *known == key.text) {
        Some(index) => index,
        None => {
            entries.push((key.text.clone(), Json::Null));
            entries.len() - 1
        }
    };
    let Some((_, slot)) = entries.get_mut(index) else { return };
    if rest.is_empty() {
        if !slot.is_null() {
            ctx.diagnostics.push(d::written_twice(key.span, &key.text));
            return;
        }
        *slot = value_json(ctx, value, &inner);
        return;
    }
    if slot.is_null() {
        *slot = Json::Object(Vec::new());
    }
    pair_json(ctx, slot, rest, value, &inner, None);
}

/// Whether kpol computes the field from others, so that nobody can give it.
fn is_computed(field: &kpol_vm::types::Field) -> bool {
    !matches!(field.virtual_source, None | Some(kpol_vm::types::VirtualSource::Host))
}

/// The type behind a key of a value of type `ty`.
fn member(ctx: &mut Ctx<'_>, key: &ast::Key, ty: &Type, record: Option<&Record>) -> Option<Type> {
    match ty {
        Type::Record(name) => {
            let looked_up = if record.is_none() { ctx.catalog.record(name) } else { None };
            let record = record.or(looked_up.as_deref())?;
            match record.field(&key.text) {
                Some(field) if is_computed(field) => {
                    ctx.diagnostics.push(d::computed_field(key.span, &key.text));
                    None
                }
                Some(field) => Some(field.ty.clone()),
                None => {
                    let (low, high) = ctx.catalog.schema().minors();
                    let name = ast::Name { text: key.text.clone(), span: key.span };
                    ctx.diagnostics.push(d::unknown_field(&name, record, low, high));
                    None
                }
            }
        }
        Type::Map(value) => Some(value.as_ref().clone()),
        Type::Dyn => Some(Type::Dyn),
        other => {
            ctx.diagnostics.push(d::wrong_type(key.span, &other.to_string(), "object"));
            None
        }
    }
}

fn value_json(ctx: &mut Ctx<'_>, value: &ObjectValue, ty: &Type) -> Json {
    match (value, ty) {
        (ObjectValue::Object(object), Type::Record(_) | Type::Map(_) | Type::Dyn) => {
            let mut json = Json::Object(Vec::new());
            for pair in &object.pairs {
                pair_json(ctx, &mut json, &pair.keys, &pair.value, ty, None);
            }
            json
        }
        (ObjectValue::List { items, .. }, Type::List(element) | Type::Set(element)) => {
            Json::Array(items.iter().map(|item| value_json(ctx, item, element)).collect())
        }
        (ObjectValue::List { items, .. }, Type::Dyn) => {
            Json::Array(items.iter().map(|item| value_json(ctx, item, &Type::Dyn)).collect())
        }
        (ObjectValue::Literal { literal, negative, span }, ty) => {
            literal_json(ctx, literal, *negative, *span, ty)
        }
        (ObjectValue::Object(object), ty) => {
            ctx.diagnostics.push(d::wrong_type(object.span, &ty.to_string(), "object"));
            Json::Null
        }
        (ObjectValue::List { span, .. }, ty) => {
            ctx.diagnostics.push(d::wrong_type(*span, &ty.to_string(), "list"));
            Json::Null
        }
    }
}

fn literal_json(ctx: &mut Ctx<'_>, literal: &Literal, negative: bool, span: Span, ty: &Type) -> Json {
    let text = match literal {
        Literal::Str(text) => Some(text.text.clone()),
        Literal::Unit(unit) => Some(if negative { format!("-{}", unit.text) } else { unit.text.clone() }),
        Literal::Date(date) => Some(date.text.clone()),
        Literal::Int(_) | Literal::Bool(_) | Literal::Regex(_) => None,
    };
    match (literal, text, ty) {
        (Literal::Bool(value), _, Type::Bool | Type::Dyn) => Json::Bool(*value),
        (Literal::Int(value), _, Type::Int | Type::Port | Type::Quantity | Type::Dyn) => {
            Json::Int(if negative { value.wrapping_neg() } else { *value })
        }
        (_, Some(text), ty)
            if !matches!(
                ty,
                Type::Bool
                    | Type::Int
                    | Type::Port
                    | Type::Record(_)
                    | Type::List(_)
                    | Type::Set(_)
                    | Type::Map(_)
            ) =>
        {
            // Manifests may hold what no literal may (`../x` in a path): only what cannot be read at all is wrong.
            if let Err(error) = crate::elab::literal::text_const(ty, &text)
                && !ty.is_text()
            {
                ctx.diagnostics.push(d::bad_literal(span, &text, ty, &error));
            }
            Json::Str(text)
        }
        (literal, _, ty) => {
            ctx.diagnostics.push(d::wrong_literal(span, &ty.to_string(), form(literal)));
            Json::Null
        }
    }
}

/// A triple-quoted text without the indentation that all its lines share.
fn dedent(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let indent = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    text.lines().map(|line| line.get(indent..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}
