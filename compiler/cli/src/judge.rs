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
    types::Record,
};

use crate::{
    manifests::{Object, title},
    validate::validate,
};

/// Something about an input that keeps it from being judged, or that its owner should know.
#[derive(Clone, Debug)]
pub(crate) struct InputProblem {
    /// Index of the object.
    pub(crate) object: usize,
    /// Where in the object.
    pub(crate) path: JsonPath,
    /// One sentence.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// An error ends with exit code 2; a warning is only said.
    pub(crate) is_error: bool,
}

/// What was found about one object.
pub(crate) struct Judged {
    /// Index of the object.
    pub(crate) object: usize,
    /// The findings.
    pub(crate) outcome: Outcome,
    /// What the mutations made of it, if they were asked for and changed it.
    pub(crate) mutated: Option<Mutated>,
    /// Where the judged object stands in the input (`request.object` of an AdmissionReview).
    pub(crate) prefix: JsonPath,
    /// `Pod shop/web`.
    pub(crate) title: String,
}

/// Everything that came out of one run.
#[derive(Default)]
pub(crate) struct Verdicts {
    /// By object.
    pub(crate) judged: Vec<Judged>,
    /// What could not be judged, and warnings.
    pub(crate) problems: Vec<InputProblem>,
    /// Objects of kinds that nobody knows, left out because that was asked for.
    pub(crate) skipped: usize,
}

/// What a run needs to know beside the policies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// Leave out objects of unknown kinds instead of failing.
    pub(crate) skip_unknown_kinds: bool,
    /// Keep decision trees.
    pub(crate) why: bool,
    /// Apply mutations first, and judge what they make.
    pub(crate) mutate: bool,
}

/// Judges the first `judged` of the `objects`; rules may refer to all of them.
pub(crate) fn judge(
    compiled: &Compiled,
    evaluator: &Evaluator,
    objects: &[Object<'_>],
    judged: usize,
    settings: Settings,
    mut progress: impl FnMut(usize),
) -> Verdicts {
    let watches = &evaluator.module().watches;
    let is_watched = |object: &&Object<'_>| {
        let kind = object.json.get("kind").and_then(Json::as_str);
        kind.is_some_and(|kind| watches.iter().any(|watch| watch.kind == kind))
    };
    let watched: Vec<(usize, &Object<'_>)> =
        objects.iter().enumerate().filter(|(_, object)| is_watched(object)).collect();
    let everything: Vec<Json> = watched.iter().map(|(_, object)| object.json.clone()).collect();
    let (inventory, misfits) = evaluator.inventory(&everything);
    drop(everything);
    let namespaces = Arc::new(namespaces(objects));
    let mut run = Run { compiled, evaluator, inventory, namespaces, settings, out: Verdicts::default() };
    for (position, errors) in misfits {
        // What is judged says the same of itself when its turn comes.
        let Some((index, _)) = watched.get(position).filter(|(index, _)| *index >= judged) else { continue };
        for error in errors {
            let path = error.path.parse().unwrap_or_default();
            run.error(*index, path, error.to_string(), None);
        }
    }
    for (index, object) in objects.iter().take(judged).enumerate() {
        progress(index);
        run.object(index, object.json);
    }
    run.out
}

fn namespaces<'o>(objects: &[Object<'o>]) -> BTreeMap<String, &'o Json> {
    objects
        .iter()
        .map(|object| object.json)
        .filter(|json| json.get("kind").and_then(Json::as_str) == Some("Namespace"))
        .filter(|json| json.get("apiVersion").and_then(Json::as_str) == Some("v1"))
        .filter_map(|json| Some((json.at(&["metadata", "name"])?.as_str()?.to_owned(), json)))
        .collect()
}

struct Run<'r, 'o> {
    compiled: &'r Compiled,
    evaluator: &'r Evaluator,
    inventory: Inventory,
    namespaces: Arc<BTreeMap<String, &'o Json>>,
    settings: Settings,
    out: Verdicts,
}

impl Run<'_, '_> {
    fn object(&mut self, index: usize, json: &Json) {
        let text = |key| json.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
        match (text("kind"), text("apiVersion")) {
            (Some("AdmissionReview"), Some(version)) if version.starts_with("admission.k8s.io/") => {
                self.admission_review(index, json);
            }
            (Some("List"), Some("v1")) => {
                let help = json.get("items").is_none().then(|| "an empty list is `items: []`".to_owned());
                self.error(index, path(&["items"]), "this List has no list of `items`".to_owned(), help);
            }
            (Some(kind), Some(api_version)) => self.manifest(index, json, kind, api_version),
            (None, None) if json.get("event").is_some() && json.get("kind").is_none() => {
                self.event(index, json)
            }
            (kind, _) => {
                let key = if kind.is_none() { "kind" } else { "apiVersion" };
                let why = match json.get(key) {
                    Some(Json::Str(_)) => format!("its `{key}` is empty"),
                    Some(other) if !other.is_null() => {
                        format!("its `{key}` is {} where text is expected", other.form())
                    }
                    _ if matches!(json, Json::Object(_)) => format!("it has no `{key}`"),
                    _ => format!("it is {}", json.form()),
                };
                let help =
                    "objects, Lists, AdmissionReviews and events (`event.name`) can be judged".to_owned();
                self.error(index, path(&[key]), format!("this is no Kubernetes object: {why}"), Some(help));
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
        review.namespace = namespaces.get(&review.request.namespace).copied();
        self.review(index, &review, JsonPath::default(), title(json));
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
        self.fits(index, json, prefix, &record)
    }

    /// Whether the object has the form of its kind; says what has not.
    fn fits(&mut self, index: usize, json: &Json, prefix: &JsonPath, record: &Record) -> bool {
        let mut sound = true;
        for problem in validate(&self.compiled.catalog, record, json) {
            sound &= !problem.is_error;
            // A warning names the field.
            let at = if problem.is_error && !problem.path.0.is_empty() {
                format!("`{}`: ", problem.path)
            } else {
                String::new()
            };
            self.out.problems.push(InputProblem {
                object: index,
                path: prefix.join(&problem.path),
                message: format!("{at}{}", problem.message),
                help: problem.help.map(str::to_owned),
                is_error: problem.is_error,
            });
        }
        sound
    }

    fn review(&mut self, index: usize, review: &Review<'_>, prefix: JsonPath, title: String) {
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
                self.out.judged.push(Judged { object: index, outcome, mutated, prefix, title });
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
        let Some(name) = json.at(&["event", "name"]).and_then(Json::as_str) else {
            let help =
                Some("an event is `{\"event\": {\"name\": \"exec\", ..}, \"proc\": {..}, ..}`".to_owned());
            return self.error(index, path(&["event", "name"]), "this event has no name".to_owned(), help);
        };
        let Some(info) = self.compiled.catalog.event(name) else {
            let known: Vec<&str> = self.compiled.catalog.events().map(|event| event.name).collect();
            let hint = kpol_compiler::nearest(name, known.into_iter());
            let help = hint.map_or("`kpolc explain events` lists them".to_owned(), |near| {
                format!("did you mean `{near}`?")
            });
            return self.error(
                index,
                path(&["event", "name"]),
                format!("there is no event `{name}`"),
                Some(help),
            );
        };
        let record = Arc::clone(&info.record);
        if !self.fits(index, json, &JsonPath::default(), &record) {
            return;
        }
        let outcome = if self.settings.why {
            self.evaluator.event_why(name, json)
        } else {
            self.evaluator.event(name, json)
        };
        let prefix = JsonPath::default();
        match outcome {
            Ok(outcome) => {
                let title = format!("event {name}");
                self.out.judged.push(Judged { object: index, outcome, mutated: None, prefix, title });
            }
            Err(error) => self.failed(index, prefix, &error),
        }
    }

    fn admission_review(&mut self, index: usize, json: &Json) {
        let Some(json) = json.get("request").filter(|request| !request.is_null()) else {
            let help = "what is judged is the request that the API server sends, not the answer".to_owned();
            return self.error(
                index,
                JsonPath::default(),
                "this AdmissionReview has no `request`".into(),
                Some(help),
            );
        };
        let asked = match Asked::read(json) {
            Ok(asked) => asked,
            Err(wrong) => {
                for (keys, message) in wrong {
                    let help = keys
                        .ends_with(&["operation"])
                        .then(|| format!("one of {}", OPERATIONS.map(|o| o.0).join(", ")));
                    self.error(index, path(&["request"]).join(&path(&keys)), message, help);
                }
                return;
            }
        };
        let (group, version, kind) = asked.kind;
        // Of a subresource, `kind` is that of its body (`Scale`); the rule's target is the resource's own.
        let resource_kind = self.resource_kind(&asked);
        let is_known = self.compiled.catalog.schema().kind_of(group, version, kind).is_some();
        // The body of a subresource may be of a kind that nobody stores: `PodExecOptions`.
        let body = asked.subresource.filter(|_| !is_known).map(|subresource| {
            let (_, record) =
                resource_kind.as_ref()?.subresources.iter().find(|(name, _)| name == subresource)?;
            self.compiled.catalog.record(record)
        });
        for (key, input) in [("object", asked.object), ("oldObject", asked.old)] {
            let Some(input) = input else { continue };
            let prefix = path(&["request", key]);
            let sound = match &body {
                None => self.known(index, input, &prefix, group, version, kind),
                Some(Some(record)) => self.fits(index, input, &prefix, record),
                Some(None) => true,
            };
            if !sound || !self.is_of(index, input, &prefix, asked.kind) {
                return;
            }
        }
        let namespaces = Arc::clone(&self.namespaces);
        let review = Review {
            operation: asked.operation,
            group: resource_kind.as_ref().map_or(group, |info| info.group.as_str()),
            version: resource_kind.as_ref().map_or(version, |info| info.version.as_str()),
            kind: resource_kind.as_ref().map_or(kind, |info| info.kind.as_str()),
            subresource: asked.subresource,
            object: asked.object,
            old: asked.old,
            namespace: namespaces.get(&asked.request.namespace).copied(),
            user: asked.user,
            request: asked.request,
        };
        let title = request_title(&review);
        let place = path(&["request", if asked.object.is_some() { "object" } else { "oldObject" }]);
        self.review(index, &review, place, title);
    }

    /// Whether an object is of the kind that its request is about; one that says nothing is.
    fn is_of(&mut self, index: usize, json: &Json, prefix: &JsonPath, asked: (&str, &str, &str)) -> bool {
        let (group, version, kind) = asked;
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        for (key, wanted) in [("kind", kind), ("apiVersion", api_version.as_str())] {
            let found = json.get(key).and_then(Json::as_str).unwrap_or(wanted);
            if found != wanted {
                let message = format!(
                    "the request is about {kind} of {api_version}; this object's `{key}` is `{found}`"
                );
                self.error(index, prefix.child(key), message, None);
                return false;
            }
        }
        true
    }

    /// The kind that a request about a subresource belongs to.
    fn resource_kind(&self, asked: &Asked<'_>) -> Option<KindInfo> {
        let resource = &asked.request.resource;
        if asked.subresource.is_none() || resource.is_empty() {
            return None;
        }
        let schema = self.compiled.catalog.schema();
        let (group, version, kind) = asked.kind;
        let same = schema.kind_of(group, version, kind).filter(|info| info.plural == *resource);
        let by_plural = || schema.kinds().find(|info| info.plural == *resource && *info.record == info.kind);
        same.or_else(by_plural).cloned()
    }

    fn failed(&mut self, index: usize, prefix: JsonPath, error: &EvalError) {
        match error {
            EvalError::Fact { what: "the object", errors } => {
                for error in errors {
                    let path = error.path.parse().unwrap_or_default();
                    self.error(index, prefix.join(&path), error.to_string(), None);
                }
            }
            EvalError::NoRequest
            | EvalError::Fact { .. }
            | EvalError::Trap { .. }
            | EvalError::Place { .. }
            | EvalError::Unsettled { .. } => {
                self.error(index, prefix, error.to_string(), None);
            }
        }
    }

    fn error(&mut self, object: usize, path: JsonPath, message: String, help: Option<String>) {
        self.out.problems.push(InputProblem { object, path, message, help, is_error: true });
    }
}

/// The operations of admission reviews, by their words there.
const OPERATIONS: [(&str, Operation); 4] = [
    ("CREATE", Operation::Create),
    ("UPDATE", Operation::Update),
    ("DELETE", Operation::Delete),
    ("CONNECT", Operation::Connect),
];

/// The request of an AdmissionReview.
struct Asked<'r> {
    operation: Operation,
    /// Group, version, kind.
    kind: (&'r str, &'r str, &'r str),
    subresource: Option<&'r str>,
    object: Option<&'r Json>,
    old: Option<&'r Json>,
    user: User,
    request: Request,
}

/// What is wrong in a request, and where.
type Wrong<'k> = Vec<(Vec<&'k str>, String)>;

impl<'r> Asked<'r> {
    /// Reads a request; says of every part that is not what it must be.
    fn read(json: &'r Json) -> Result<Asked<'r>, Wrong<'static>> {
        let mut fields = Fields { json, wrong: Vec::new() };
        if !matches!(json, Json::Object(_)) {
            return Err(vec![(Vec::new(), format!("expected a request, found {}", json.form()))]);
        }
        let word = fields.text(&["operation"]);
        let operation = OPERATIONS.iter().find(|(name, _)| *name == word).map(|(_, operation)| *operation);
        if operation.is_none() && fields.wrong.is_empty() {
            let message = match word {
                "" => "this request has no `operation`".to_owned(),
                word => format!("`{word}` is not an operation"),
            };
            fields.wrong.push((vec!["operation"], message));
        }
        let kind = (
            fields.text(&["kind", "group"]),
            fields.text(&["kind", "version"]),
            fields.text(&["kind", "kind"]),
        );
        if kind.2.is_empty() && fields.wrong.is_empty() {
            fields.wrong.push((vec!["kind"], "this request names no `kind`".to_owned()));
        }
        let object = json.get("object").filter(|json| !json.is_null());
        let old = json.get("oldObject").filter(|json| !json.is_null());
        for (needed, found, key) in [
            (&[Operation::Create, Operation::Update][..], object, "object"),
            (&[Operation::Update, Operation::Delete][..], old, "oldObject"),
        ] {
            if found.is_none() && operation.is_some_and(|operation| needed.contains(&operation)) {
                fields.wrong.push((vec![key], format!("a request to {word} must have an `{key}`")));
            }
        }
        let user = User {
            name: fields.text(&["userInfo", "username"]).to_owned(),
            uid: fields.text(&["userInfo", "uid"]).to_owned(),
            groups: fields.texts(&["userInfo", "groups"]),
            extra: fields.extra(),
        };
        let dry_run = match json.get("dryRun") {
            None | Some(Json::Null) => false,
            Some(Json::Bool(dry_run)) => *dry_run,
            Some(other) => {
                fields.wrong.push((vec!["dryRun"], format!("expected a boolean, found {}", other.form())));
                false
            }
        };
        let request = Request {
            uid: fields.text(&["uid"]).to_owned(),
            name: fields.text(&["name"]).to_owned(),
            namespace: fields.text(&["namespace"]).to_owned(),
            resource: fields.text(&["resource", "resource"]).to_owned(),
            dry_run,
        };
        let subresource = Some(fields.text(&["subResource"])).filter(|name| !name.is_empty());
        match operation.filter(|_| fields.wrong.is_empty()) {
            Some(operation) => Ok(Asked { operation, kind, subresource, object, old, user, request }),
            None => Err(fields.wrong),
        }
    }
}

/// Reads parts of a request, and remembers those of the wrong form.
struct Fields<'r> {
    json: &'r Json,
    wrong: Wrong<'static>,
}

impl<'r> Fields<'r> {
    /// The value at `keys`, if it and its parents are there.
    fn at(&mut self, keys: &[&'static str]) -> Option<&'r Json> {
        let mut json = self.json;
        for (depth, key) in keys.iter().enumerate() {
            if !matches!(json, Json::Object(_)) {
                let keys = keys.get(..depth).unwrap_or_default().to_vec();
                let wrong = (keys, format!("expected an object, found {}", json.form()));
                if !self.wrong.contains(&wrong) {
                    self.wrong.push(wrong);
                }
                return None;
            }
            json = json.get(key).filter(|json| !json.is_null())?;
        }
        Some(json)
    }

    fn text(&mut self, keys: &[&'static str]) -> &'r str {
        match self.at(keys) {
            None => "",
            Some(Json::Str(text)) => text,
            Some(other) => {
                self.wrong.push((keys.to_vec(), format!("expected a string, found {}", other.form())));
                ""
            }
        }
    }

    fn texts(&mut self, keys: &[&'static str]) -> Vec<String> {
        let Some(json) = self.at(keys) else { return Vec::new() };
        let texts: Vec<String> = json.elements().iter().filter_map(Json::as_str).map(str::to_owned).collect();
        if !matches!(json, Json::Array(_)) || texts.len() < json.elements().len() {
            self.wrong.push((keys.to_vec(), "expected a list of strings".to_owned()));
        }
        texts
    }

    fn extra(&mut self) -> Vec<(String, Vec<String>)> {
        let Some(json) = self.at(&["userInfo", "extra"]) else { return Vec::new() };
        let mut extra = Vec::new();
        let mut sound = matches!(json, Json::Object(_));
        for (key, values) in json.entries() {
            let texts: Vec<String> =
                values.elements().iter().filter_map(Json::as_str).map(str::to_owned).collect();
            sound &= values.is_null()
                || matches!(values, Json::Array(_)) && texts.len() == values.elements().len();
            extra.push((key.clone(), texts));
        }
        if !sound {
            self.wrong.push((vec!["userInfo", "extra"], "expected an object of lists of strings".to_owned()));
        }
        extra
    }
}

/// `Pod shop/web`, `Pod/exec shop/web`: what the request is about, whatever its body is.
fn request_title(review: &Review<'_>) -> String {
    let object = review.object.or(review.old);
    let own =
        |key| object.and_then(|json| json.at(&["metadata", key])).and_then(Json::as_str).unwrap_or_default();
    let first = |a: &str, b: &str| if a.is_empty() { b.to_owned() } else { a.to_owned() };
    let name = first(&review.request.name, &first(own("name"), own("generateName")));
    let namespace = first(&review.request.namespace, own("namespace"));
    let kind = review.subresource.map_or(review.kind.to_owned(), |sub| format!("{}/{sub}", review.kind));
    let name = if name.is_empty() { "(no name)" } else { &name };
    if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
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
