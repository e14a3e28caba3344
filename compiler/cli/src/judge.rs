//! Runs policies over manifests: which objects are known, what each one is judged by, what came out.
//!
//! It knows no flag and prints nothing; `eval` gives it inputs and renders what it gives back.

use std::{collections::BTreeMap, sync::Arc};

use kpol_compiler::Compiled;
use kpol_manifest::JsonPath;
use kpol_stdlib::schema::KindInfo;
use kpol_vm::{
    evaluate::{EvalError, Evaluator, Inventory, Mutated, Outcome, Request, Review, User},
    ir::Operation,
    json::Json,
};

use crate::{manifests::Object, validate::validate};

/// Something about an input that keeps it from being judged, or that its owner should know.
#[derive(Clone, Debug)]
pub struct InputProblem {
    /// Index of the object.
    pub object: usize,
    /// Where in the object.
    pub path: JsonPath,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// An error ends with exit code 2; a warning is only said.
    pub is_error: bool,
}

/// What was found about one object.
pub struct Judged {
    /// Index of the object.
    pub object: usize,
    /// The findings.
    pub outcome: Outcome,
    /// What the mutations made of it, if they were asked for and changed it.
    pub mutated: Option<Mutated>,
    /// Where the judged object stands in the input (`request.object` of an AdmissionReview).
    pub prefix: JsonPath,
}

/// Everything that came out of one run.
#[derive(Default)]
pub struct Verdicts {
    /// By object.
    pub judged: Vec<Judged>,
    /// What could not be judged, and warnings.
    pub problems: Vec<InputProblem>,
    /// Objects of kinds that nobody knows, left out because that was asked for.
    pub skipped: usize,
}

/// What a run needs to know beside the policies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Leave out objects of unknown kinds instead of failing.
    pub skip_unknown_kinds: bool,
    /// Keep decision trees.
    pub why: bool,
    /// Apply mutations first, and judge what they make.
    pub mutate: bool,
}

/// Judges `objects`; `cluster` are further objects that rules may refer to.
pub fn judge(
    compiled: &Compiled,
    evaluator: &Evaluator,
    objects: &[Object],
    cluster: &[Json],
    settings: Settings,
    mut progress: impl FnMut(usize),
) -> Verdicts {
    let mut everything: Vec<Json> = objects.iter().map(|object| object.json.clone()).collect();
    everything.extend(cluster.iter().cloned());
    // Objects that do not fit their kind are reported below, when their turn comes.
    let (inventory, _) = evaluator.inventory(&everything);
    let namespaces = Arc::new(namespaces(&everything));
    let mut run = Run { compiled, evaluator, inventory, namespaces, settings, out: Verdicts::default() };
    for (index, object) in objects.iter().enumerate() {
        progress(index);
        run.object(index, &object.json);
    }
    run.out
}

fn namespaces(objects: &[Json]) -> BTreeMap<String, Json> {
    objects
        .iter()
        .filter(|json| json.get("kind").and_then(Json::as_str) == Some("Namespace"))
        .filter_map(|json| Some((json.at(&["metadata", "name"])?.as_str()?.to_owned(), json.clone())))
        .collect()
}

struct Run<'r> {
    compiled: &'r Compiled,
    evaluator: &'r Evaluator,
    inventory: Inventory,
    namespaces: Arc<BTreeMap<String, Json>>,
    settings: Settings,
    out: Verdicts,
}

impl Run<'_> {
    fn object(&mut self, index: usize, json: &Json) {
        let kind = json.get("kind").and_then(Json::as_str);
        let api_version = json.get("apiVersion").and_then(Json::as_str);
        match (kind, api_version) {
            (Some("AdmissionReview"), Some(version)) if version.starts_with("admission.k8s.io/") => {
                self.admission_review(index, json);
            }
            (Some(kind), Some(api_version)) => self.manifest(index, json, kind, api_version),
            (None, None) if json.at(&["event", "name"]).is_some() => self.event(index, json),
            (kind, _) => {
                let missing = if kind.is_none() { "kind" } else { "apiVersion" };
                self.error(
                    index,
                    JsonPath::default(),
                    format!("this is no Kubernetes object: it has no `{missing}`"),
                    Some(
                        "objects, Lists, AdmissionReviews and events (`event.name`) can be judged".to_owned(),
                    ),
                );
            }
        }
    }

    fn manifest(&mut self, index: usize, json: &Json, kind: &str, api_version: &str) {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        if !self.known(index, json, &JsonPath::default(), group, version, kind) {
            return;
        }
        let Some(mut review) = Review::create(json) else { return };
        let namespaces = Arc::clone(&self.namespaces);
        review.namespace = namespaces.get(&review.request.namespace);
        self.review(index, &review, JsonPath::default());
    }

    /// Whether the kind has a schema and the object fits it; says what does not.
    fn known(
        &mut self,
        index: usize,
        json: &Json,
        prefix: &JsonPath,
        group: &str,
        version: &str,
        kind: &str,
    ) -> bool {
        let schema = self.compiled.catalog.schema();
        let Some(info) = schema.kind_of(group, version, kind) else {
            if self.settings.skip_unknown_kinds {
                self.out.skipped += 1;
                return false;
            }
            let (message, help) = unknown_kind(schema, group, version, kind);
            self.error(index, prefix.child("kind"), message, Some(help));
            return false;
        };
        let record = info.record.clone();
        let Some(record) = self.compiled.catalog.record(&record) else { return true };
        let mut sound = true;
        for problem in validate(&self.compiled.catalog, &record, json) {
            sound &= !problem.is_error;
            self.out.problems.push(InputProblem {
                object: index,
                path: prefix.join(&problem.path),
                message: problem.message,
                help: None,
                is_error: problem.is_error,
            });
        }
        sound
    }

    fn review(&mut self, index: usize, review: &Review<'_>, prefix: JsonPath) {
        let mut mutated = None;
        if self.settings.mutate {
            match self.evaluator.mutate(review, &self.inventory) {
                Ok(result) if !result.patch.is_empty() => mutated = Some(result),
                Ok(_) => {}
                Err(error) => return self.failed(index, prefix, &error),
            }
        }
        let mut after = review.clone();
        if let Some(mutated) = &mutated {
            after.object = Some(&mutated.object);
        }
        let outcome = if self.settings.why {
            self.evaluator.review_why(&after, &self.inventory)
        } else {
            self.evaluator.review(&after, &self.inventory)
        };
        match outcome {
            Ok(outcome) => {
                self.note_versions(index, &prefix, review, &outcome);
                self.out.judged.push(Judged { object: index, outcome, mutated, prefix });
            }
            Err(error) => self.failed(index, prefix, &error),
        }
    }

    /// A rule that knows the kind in another API version only does not run; that must not pass in silence.
    fn note_versions(&mut self, index: usize, prefix: &JsonPath, review: &Review<'_>, outcome: &Outcome) {
        let rules = &self.evaluator.module().rules;
        let names: Vec<&str> = outcome
            .other_versions
            .iter()
            .filter_map(|id| rules.get(id.index()))
            .map(|rule| rule.name.as_str())
            .collect();
        if !names.is_empty() {
            self.out.problems.push(InputProblem {
                object: index,
                path: prefix.child("apiVersion"),
                message: format!(
                    "{} not judged by {}: these rules are for another API version of {}",
                    review.version,
                    names.join(", "),
                    review.kind
                ),
                help: Some("write the manifest in the version that the cluster stores".to_owned()),
                is_error: false,
            });
        }
    }

    fn event(&mut self, index: usize, json: &Json) {
        let name = json.at(&["event", "name"]).and_then(Json::as_str).unwrap_or_default();
        if self.compiled.catalog.event(name).is_none() {
            let known: Vec<&str> = self.compiled.catalog.events().map(|event| event.name).collect();
            let hint = kpol_compiler::nearest(name, known.into_iter());
            let help = hint.map(|near| format!("did you mean `{near}`?"));
            return self.error(index, path(&["event", "name"]), format!("there is no event `{name}`"), help);
        }
        let outcome = if self.settings.why {
            self.evaluator.event_why(name, json)
        } else {
            self.evaluator.event(name, json)
        };
        match outcome {
            Ok(outcome) => {
                let prefix = JsonPath::default();
                self.out.judged.push(Judged { object: index, outcome, mutated: None, prefix });
            }
            Err(error) => self.failed(index, JsonPath::default(), &error),
        }
    }

    fn admission_review(&mut self, index: usize, json: &Json) {
        let Some(request) = json.get("request").filter(|request| !request.is_null()) else {
            return self.error(
                index,
                JsonPath::default(),
                "this AdmissionReview has no `request`".into(),
                None,
            );
        };
        let text = |keys: &[&str]| request.at(keys).and_then(Json::as_str).unwrap_or_default().to_owned();
        let operation = match text(&["operation"]).as_str() {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            "CONNECT" => Operation::Connect,
            other => {
                let message = format!("`{other}` is not an operation");
                let help = Some("one of CREATE, UPDATE, DELETE, CONNECT".to_owned());
                return self.error(index, path(&["request", "operation"]), message, help);
            }
        };
        let object = request.get("object").filter(|json| !json.is_null());
        let old = request.get("oldObject").filter(|json| !json.is_null());
        let (kind, namespace) = (text(&["kind", "kind"]), text(&["namespace"]));
        let (group, version) = (text(&["kind", "group"]), text(&["kind", "version"]));
        let subresource = text(&["subResource"]);
        if kind.is_empty() {
            return self.error(index, path(&["request"]), "this request names no `kind`".into(), None);
        }
        for (key, input) in [("object", object), ("oldObject", old)] {
            if let Some(input) = input
                && subresource.is_empty()
                && !self.known(index, input, &path(&["request", key]), &group, &version, &kind)
            {
                return;
            }
        }
        let namespaces = Arc::clone(&self.namespaces);
        let texts = |json: Option<&Json>| -> Vec<String> {
            let items = json.map(Json::elements).unwrap_or_default();
            items.iter().filter_map(Json::as_str).map(str::to_owned).collect()
        };
        // Of a subresource, `kind` is that of its body (`Scale`); the rule's target is the resource's own.
        let resource_kind =
            self.resource_kind(&group, &version, &kind, &text(&["resource", "resource"]), &subresource);
        let review = Review {
            operation,
            group: resource_kind.as_ref().map_or(group.as_str(), |info| info.group.as_str()),
            version: resource_kind.as_ref().map_or(version.as_str(), |info| info.version.as_str()),
            kind: resource_kind.as_ref().map_or(kind.as_str(), |info| info.kind.as_str()),
            subresource: Some(subresource.as_str()).filter(|name| !name.is_empty()),
            object,
            old,
            namespace: namespaces.get(&namespace),
            user: User {
                name: text(&["userInfo", "username"]),
                uid: text(&["userInfo", "uid"]),
                groups: texts(request.at(&["userInfo", "groups"])),
                extra: request
                    .at(&["userInfo", "extra"])
                    .map(Json::entries)
                    .unwrap_or_default()
                    .iter()
                    .map(|(key, values)| (key.clone(), texts(Some(values))))
                    .collect(),
            },
            request: Request {
                uid: text(&["uid"]),
                name: text(&["name"]),
                namespace,
                resource: text(&["resource", "resource"]),
                dry_run: request.get("dryRun").and_then(Json::as_bool).unwrap_or(false),
            },
        };
        self.review(
            index,
            &review,
            path(&["request", if object.is_some() { "object" } else { "oldObject" }]),
        );
    }

    fn resource_kind(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        resource: &str,
        subresource: &str,
    ) -> Option<KindInfo> {
        if subresource.is_empty() || resource.is_empty() {
            return None;
        }
        let schema = self.compiled.catalog.schema();
        let same = schema.kind_of(group, version, kind).filter(|info| info.plural == resource);
        let by_plural = || schema.kinds().find(|info| info.plural == resource && *info.record == info.kind);
        same.or_else(by_plural).cloned()
    }

    fn failed(&mut self, index: usize, prefix: JsonPath, error: &EvalError) {
        match error {
            EvalError::Fact { errors, .. } => {
                for error in errors {
                    let path = error.path.parse().unwrap_or_default();
                    self.error(index, prefix.join(&path), error.message.clone(), None);
                }
            }
            EvalError::Trap { .. } | EvalError::Place { .. } | EvalError::Unsettled { .. } => {
                self.error(index, prefix, error.to_string(), None);
            }
        }
    }

    fn error(&mut self, object: usize, path: JsonPath, message: String, help: Option<String>) {
        self.out.problems.push(InputProblem { object, path, message, help, is_error: true });
    }
}

fn path(keys: &[&str]) -> JsonPath {
    keys.iter().fold(JsonPath::default(), |path, key| path.child(key))
}

fn unknown_kind(
    schema: &kpol_stdlib::schema::Schema,
    group: &str,
    version: &str,
    kind: &str,
) -> (String, String) {
    let shown = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let message = format!("the kind `{kind}` of `{shown}` is not known");
    let elsewhere: Vec<String> = schema
        .kind_in_group(group, kind)
        .iter()
        .map(|info| if group.is_empty() { info.version.clone() } else { format!("{group}/{}", info.version) })
        .collect();
    if !elsewhere.is_empty() {
        return (message, format!("it is known in {}", elsewhere.join(", ")));
    }
    let same_group: Vec<&str> =
        schema.kinds().filter(|info| info.group == group).map(|i| i.kind.as_str()).collect();
    if let Some(near) = kpol_compiler::nearest(kind, same_group.into_iter()) {
        return (message, format!("did you mean `{near}`?"));
    }
    let help =
        "give its CustomResourceDefinition with --crd (or among the manifests), or pass --skip-unknown-kinds";
    (message, help.to_owned())
}
