//! Requests and events for a module, made from what it demands and from the constants that it compares with.

use std::collections::BTreeMap;

use kpol_vm::{
    evaluate::{Review, User},
    ir::{Code, Const, FieldSource, Module, Op, Operation, RecordId, Root, RootId, Slot, SlotTy, Target},
    json::Json,
    types::Type,
    value::Value,
};

use super::Dice;
use crate::engines::{body, json_text};

/// One input.
#[derive(Clone)]
pub enum Input {
    /// A request for admission, with the objects of the cluster.
    Review(Box<Request>),
    /// An event.
    Event {
        /// Which.
        name: String,
        /// Its fields.
        event: Json,
    },
}

/// A request that owns its objects.
#[derive(Clone)]
pub struct Request {
    /// The kind: group, version, kind, name in URLs.
    pub kind: [String; 4],
    /// The subresource.
    pub subresource: Option<String>,
    /// What it does.
    pub operation: Operation,
    /// The object.
    pub object: Option<Json>,
    /// The object before.
    pub old: Option<Json>,
    /// The namespace, if the host knows it.
    pub namespace: Option<Json>,
    /// Who asks.
    pub user: User,
    /// The rest.
    pub request: kpol_vm::evaluate::Request,
    /// What the cluster holds.
    pub cluster: Vec<Json>,
}

impl Request {
    /// As engines take it.
    #[must_use]
    pub fn review(&self) -> Review<'_> {
        let [group, version, kind, _] = &self.kind;
        Review {
            operation: self.operation,
            group,
            version,
            kind,
            subresource: self.subresource.as_deref(),
            object: self.object.as_ref(),
            old: self.old.as_ref(),
            namespace: self.namespace.as_ref(),
            user: self.user.clone(),
            request: self.request.clone(),
        }
    }
}

impl Request {
    /// The request of a parsed `AdmissionReview`, read the slow way; `None` if it has none. What has the wrong form counts
    /// as not there.
    #[must_use]
    pub fn parsed(module: &Module, review: &Json) -> Option<Request> {
        let request = review.get("request")?;
        let text = |keys: &[&str]| request.at(keys).and_then(Json::as_str).unwrap_or_default().to_owned();
        let operation = match text(&["operation"]).as_str() {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            "CONNECT" => Operation::Connect,
            _ => return None,
        };
        let subresource = Some(text(&["subResource"])).filter(|text| !text.is_empty());
        let of = |name| [text(&[name, "group"]), text(&[name, "version"])];
        let ([group, version], mut kind, plural) =
            (of("kind"), text(&["kind", "kind"]), text(&["resource", "resource"]));
        let (mut group, mut version) = (group, version);
        let targets = module.rules.iter().flat_map(|rule| &rule.targets);
        let [resource_group, resource_version] = of("resource");
        let resource = targets
            .filter_map(|target| match target {
                Target::Kind { group, version, kind, plural: known, .. }
                    if *group == resource_group && *known == plural =>
                {
                    Some((version, kind))
                }
                _ => None,
            })
            .min();
        if let (Some(_), Some((_, found))) = (&subresource, resource) {
            (group, version, kind) = (resource_group, resource_version, found.clone());
        }
        let mut user = request.get("userInfo").cloned().unwrap_or_default();
        if let Json::Object(entries) = &mut user {
            entries.retain(|(key, _)| key != "name");
            entries.iter_mut().filter(|(key, _)| key == "username").for_each(|(key, _)| *key = "name".into());
        }
        let given = |key| request.get(key).filter(|json| !json.is_null()).cloned();
        Some(Request {
            kind: [group, version, kind, plural.clone()],
            subresource,
            operation,
            object: given("object"),
            old: given("oldObject"),
            namespace: None,
            user: user_of(&user),
            request: kpol_vm::evaluate::Request {
                uid: text(&["uid"]),
                name: text(&["name"]),
                namespace: text(&["namespace"]),
                resource: plural,
                dry_run: request.get("dryRun").and_then(Json::as_bool).unwrap_or_default(),
            },
            cluster: Vec::new(),
        })
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Input::Event { name, event } => write!(f, "{name} {}", json_text(event)),
            Input::Review(request) => {
                f.write_str(&body(&request.review()))?;
                if let Some(namespace) = &request.namespace {
                    write!(f, "\nnamespace {}", json_text(namespace))?;
                }
                request.cluster.iter().try_for_each(|object| write!(f, "\ncluster {}", json_text(object)))
            }
        }
    }
}

/// Makes inputs for one module.
pub struct Inputs<'m> {
    module: &'m Module,
    /// Which roots the code reads in which place.
    slots: Vec<(Slot, RootId)>,
    words: Words,
}

/// Values that conditions may be about.
#[derive(Default)]
struct Words {
    texts: Vec<String>,
    ints: Vec<i64>,
    keys: Vec<String>,
    dyns: Vec<String>,
}

const TEXTS: &[&str] =
    &["", "a", "b", "ab", "é", "true", "7", "A", "a,b", "\"q\"\\", "RuntimeDefault", "ALL"];
const KEYS: &[&str] = &["a", "b", "team", "env", "memory", "cpu", "x/y"];

impl<'m> Inputs<'m> {
    /// For this module.
    #[must_use]
    pub fn new(module: &'m Module) -> Inputs<'m> {
        let mut inputs = Inputs { module, slots: Vec::new(), words: Words::default() };
        let conditions = module
            .binds
            .iter()
            .map(|bind| &bind.conditions)
            .chain(module.exceptions.iter().map(|exception| &exception.conditions));
        let codes = module
            .rules
            .iter()
            .map(|rule| &rule.code)
            .chain(module.mutations.iter().map(|mutation| &mutation.code))
            .chain(conditions.flatten().map(|condition| &condition.code));
        for code in codes {
            inputs.code(code);
        }
        for param in module.params.iter().filter_map(|param| param.default.as_ref()) {
            inputs.words.add(param);
        }
        for (_, value) in module.binds.iter().flat_map(|bind| &bind.with) {
            inputs.words.add(value);
        }
        inputs
    }

    fn code(&mut self, code: &Code) {
        for expr in &code.exprs {
            match &expr.op {
                Op::Const(value) => self.words.add(value),
                Op::Root(slot, root) if !self.slots.contains(&(*slot, *root)) => {
                    self.slots.push((*slot, *root));
                }
                Op::DynField { name, .. } => self.words.keys.push(name.clone()),
                _ => {}
            }
        }
    }

    /// Some request or event that a rule or mutation is about; `None` if there is none.
    pub fn one(&self, dice: &mut Dice<'_>) -> Option<Input> {
        let rules = self.module.rules.iter().map(|rule| &rule.targets);
        let all: Vec<&Vec<Target>> =
            rules.chain(self.module.mutations.iter().map(|mutation| &mutation.targets)).collect();
        let targets = all.get(dice.below(all.len()))?;
        Some(match targets.get(dice.below(targets.len()))? {
            Target::Event { name, root } => {
                let mut event = Json::Object(Vec::new());
                self.fill(dice, *root, &mut event);
                Input::Event { name: name.clone(), event }
            }
            target => Input::Review(Box::new(self.request(dice, target)?)),
        })
    }

    fn request(&self, dice: &mut Dice<'_>, target: &Target) -> Option<Request> {
        let Target::Kind { group, version, kind, plural, subresource, operations, object: root, pod } =
            target
        else {
            return None;
        };
        let all = [Operation::Create, Operation::Update, Operation::Delete, Operation::Connect];
        let operation = match operations.as_slice() {
            _ if dice.percent(6) => *dice.pick(&all),
            [] => *dice.pick(&all[..2]),
            some => *dice.pick(some),
        };
        let api_version = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
        let make = |dice: &mut Dice<'_>| {
            let mut object = entries(&[("apiVersion", &api_version), ("kind", kind)]);
            if dice.percent(90) {
                let mut metadata = entries(&[("name", *dice.pick(&["web", "a", "b"]))]);
                if dice.percent(60) {
                    insert(&mut metadata, "namespace", Json::Str("shop".to_owned()));
                }
                insert(&mut object, "metadata", metadata);
            }
            self.fill(dice, *root, &mut object);
            if let Some((root, keys)) = pod {
                let missing = dice.percent(3);
                if let Some(pod) = below(&mut object, keys, !missing) {
                    self.fill(dice, *root, pod);
                }
            }
            object
        };
        let object = make(dice);
        let old = match operation {
            Operation::Create | Operation::Connect if dice.percent(95) => None,
            _ if dice.percent(50) => Some(changed(dice, &object)),
            _ => Some(make(dice)),
        };
        let (object, old) = match operation {
            Operation::Delete if dice.percent(90) => (None, Some(object)),
            _ => (Some(object).filter(|_| dice.percent(99)), old),
        };
        let mut user = Json::Object(Vec::new());
        let namespace_name = if dice.percent(80) { "shop" } else { "" };
        let mut namespace =
            (!namespace_name.is_empty() && dice.percent(80)).then(|| Json::Object(Vec::new()));
        for (slot, root) in &self.slots {
            match slot {
                Slot::User => self.fill(dice, *root, &mut user),
                Slot::Namespace => {
                    if let Some(namespace) = &mut namespace {
                        self.fill(dice, *root, namespace);
                    }
                }
                _ => {}
            }
        }
        let mut cluster = Vec::new();
        for watch in &self.module.watches {
            for _ in 0..dice.below(4) {
                let api_version = match watch.group.as_str() {
                    "" => watch.version.clone(),
                    group => format!("{group}/{}", watch.version),
                };
                let mut other = entries(&[("apiVersion", &api_version), ("kind", &watch.kind)]);
                let mut metadata = entries(&[("name", *dice.pick(&["web", "a", "b"]))]);
                if dice.percent(60) {
                    insert(&mut metadata, "namespace", Json::Str("shop".to_owned()));
                }
                insert(&mut other, "metadata", metadata);
                self.fill(dice, watch.root, &mut other);
                cluster.push(other);
            }
            cluster.extend(object.clone().filter(|_| dice.percent(30)));
        }
        let name = |dice: &mut Dice<'_>| (*dice.pick(&["", "web", "a"])).to_owned();
        Some(Request {
            kind: [group.clone(), version.clone(), kind.clone(), plural.clone()],
            subresource: subresource.clone(),
            operation,
            object,
            old,
            namespace,
            user: user_of(&user),
            request: kpol_vm::evaluate::Request {
                uid: name(dice),
                name: name(dice),
                namespace: namespace_name.to_owned(),
                resource: plural.clone(),
                dry_run: dice.percent(20),
            },
            cluster,
        })
    }

    /// Adds what a root demands to an object.
    fn fill(&self, dice: &mut Dice<'_>, root: RootId, object: &mut Json) {
        if let Some(root) = self.module.roots.get(root.index()) {
            self.record(dice, root, RecordId(0), object, 0);
        }
    }

    fn record(&self, dice: &mut Dice<'_>, root: &Root, record: RecordId, object: &mut Json, depth: usize) {
        let Some(demand) = root.records.get(record.index()) else { return };
        if depth > 7 {
            return;
        }
        for field in &demand.fields {
            match &field.source {
                FieldSource::Json => self.field(dice, root, &field.name, &field.slot, object, depth),
                FieldSource::Concat(lists) => {
                    for (key, _) in lists {
                        self.field(dice, root, key, &field.slot, object, depth);
                    }
                }
                FieldSource::Role | FieldSource::ObjectId => {}
            }
        }
        if dice.percent(8) {
            let value = self.any(dice, 2);
            let key: &&str = dice.pick(&["junk", "x-more", ""]);
            insert(object, key, value);
        }
    }

    fn field(
        &self,
        dice: &mut Dice<'_>,
        root: &Root,
        key: &str,
        slot: &SlotTy,
        object: &mut Json,
        depth: usize,
    ) {
        if let Some(known) = entry(object, key) {
            self.more(dice, root, slot, known, depth);
            return;
        }
        let value = match dice.below(100) {
            0..=17 => return,
            18..=20 => Json::Null,
            _ => self.value(dice, root, slot, depth + 1),
        };
        insert(object, key, value);
    }

    /// Adds what is demanded to a value that is there already.
    fn more(&self, dice: &mut Dice<'_>, root: &Root, slot: &SlotTy, known: &mut Json, depth: usize) {
        match (slot, known) {
            (SlotTy::Record(record), known @ Json::Object(_)) => {
                self.record(dice, root, *record, known, depth + 1);
            }
            (SlotTy::List(element), Json::Array(items)) => {
                for item in items {
                    self.more(dice, root, element, item, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn value(&self, dice: &mut Dice<'_>, root: &Root, slot: &SlotTy, depth: usize) -> Json {
        // Once in a while a value has the wrong form: a clear error, and the same one everywhere.
        if dice.below(2500) == 0 {
            return self.any(dice, 1);
        }
        match slot {
            SlotTy::Scalar(ty) => self.words.scalar(dice, ty).unwrap_or_else(|| self.any(dice, 3)),
            SlotTy::Record(record) => {
                let mut object = Json::Object(Vec::new());
                self.record(dice, root, *record, &mut object, depth);
                object
            }
            SlotTy::List(element) => {
                let most = if depth > 5 { 1 } else { 4 };
                let items = (0..dice.below(most)).map(|_| match dice.below(40) {
                    0 => Json::Null,
                    _ => self.value(dice, root, element, depth + 1),
                });
                Json::Array(items.collect())
            }
            SlotTy::Map { value, keys, whole } => {
                let mut map = Json::Object(Vec::new());
                for key in keys {
                    if dice.percent(75) {
                        let value = self.value(dice, root, value, depth + 1);
                        insert(&mut map, key, value);
                    }
                }
                for _ in 0..if *whole { dice.below(3) } else { dice.below(2) } {
                    let key = self.words.key(dice);
                    let value = self.value(dice, root, value, depth + 1);
                    insert(&mut map, &key, value);
                }
                map
            }
        }
    }

    /// Any JSON.
    fn any(&self, dice: &mut Dice<'_>, depth: usize) -> Json {
        match dice.below(if depth == 0 { 9 } else { 13 }) {
            0 => Json::Null,
            1 | 2 => Json::Bool(dice.percent(50)),
            3 | 4 => self.words.int(dice),
            // A number without a fraction that fits 64 bits is an integer to every reader.
            5 => Json::Float(*dice.pick(&[0.5, -1.5, 1e300, 1e19])),
            6..=8 => Json::Str(self.words.text(dice)),
            9 | 10 => Json::Array((0..dice.below(4)).map(|_| self.any(dice, depth - 1)).collect()),
            _ => {
                let mut object = Json::Object(Vec::new());
                for _ in 0..dice.below(4) {
                    let key = self.words.key(dice);
                    let value = self.any(dice, depth - 1);
                    insert(&mut object, &key, value);
                }
                object
            }
        }
    }
}

impl Words {
    fn add(&mut self, value: &Const) {
        match value {
            Const::Absent | Const::Bool(_) => {}
            Const::Int(value) => self.ints.push(*value),
            Const::Text(text) => {
                self.keys.push(text.clone());
                self.texts.push(text.clone());
            }
            Const::List(items) => items.iter().for_each(|item| self.add(item)),
            Const::Map(entries) => entries.iter().for_each(|(key, value)| {
                self.keys.push(key.clone());
                self.add(value);
            }),
            Const::Dyn(json) => self.dyns.push(json.clone()),
            other => {
                let value = Value::from_const(other, &kpol_vm::ir::Ty::DYN);
                if let Some(Json::Str(text)) = value.to_json() {
                    self.texts.push(text);
                }
            }
        }
    }

    fn key(&self, dice: &mut Dice<'_>) -> String {
        if !self.keys.is_empty() && dice.percent(60) {
            return dice.pick(&self.keys).clone();
        }
        (*dice.pick(KEYS)).to_owned()
    }

    /// A text, mostly one of the program's or close to one.
    fn text(&self, dice: &mut Dice<'_>) -> String {
        if self.texts.is_empty() || dice.percent(25) {
            return (*dice.pick(TEXTS)).to_owned();
        }
        let word = dice.pick(&self.texts).clone();
        match dice.below(12) {
            0 => format!("{word}x"),
            1 => format!("{word}/sub"),
            2 => format!("a{word}"),
            3 => word.to_uppercase(),
            4 => word.chars().skip(1).collect(),
            5 | 6 => word.replace('*', "z").replace(['?', '^', '$', '\\'], ""),
            7 => format!("{word}:1.2"),
            _ => word,
        }
    }

    fn int(&self, dice: &mut Dice<'_>) -> Json {
        let known = if self.ints.is_empty() { 0 } else { *dice.pick(&self.ints) };
        Json::Int(match dice.below(10) {
            0..=4 => known,
            5 => known.saturating_add(1),
            6 => known.saturating_sub(1),
            7 => 0,
            8 => *dice.pick(&[1, 2, 80, 8080, -1]),
            _ => *dice.pick(&[i64::MAX, i64::MIN, 1 << 31, 3]),
        })
    }

    /// A value of a scalar type; `None` for `dyn`.
    fn scalar(&self, dice: &mut Dice<'_>, ty: &Type) -> Option<Json> {
        let samples = samples(ty);
        Some(match ty {
            Type::Dyn => {
                let known = self.dyns.get(dice.below(self.dyns.len()));
                let known = known.filter(|_| dice.percent(30));
                return known
                    .and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok())
                    .map(Json::from);
            }
            Type::Bool => Json::Bool(dice.percent(50)),
            Type::Int => self.int(dice),
            Type::Port => match self.int(dice) {
                Json::Int(port) if (0..=65535).contains(&port) => Json::Int(port),
                _ => Json::Int(443),
            },
            Type::Quantity if dice.percent(25) => {
                if dice.percent(20) {
                    Json::Float(0.5)
                } else {
                    Json::Int(dice.below(3) as i64)
                }
            }
            _ => {
                let fits = |text: &String| Value::from_text(ty, text).is_some();
                let text = self.text(dice);
                let text = if dice.percent(50) || samples.is_empty() {
                    text
                } else {
                    (*dice.pick(samples)).to_owned()
                };
                let strict = !ty.is_text();
                let text = if strict && !fits(&text) { (*dice.pick(samples)).to_owned() } else { text };
                Json::Str(text)
            }
        })
    }
}

/// Texts that are values of a type; literals of programs are drawn from the same.
pub(crate) fn samples(ty: &Type) -> &'static [&'static str] {
    match ty {
        Type::Str => &["a", "b", "ab", "web", "shop", "prod", "true", "7", "1Gi", "nginx"],
        Type::Duration => &["1h", "60m", "90d", "0s", "1h30m", "5m"],
        Type::Time => &["2026-11-23T00:00:00Z", "2027-03-31T12:00:00Z", "2024-02-29T23:59:59Z"],
        Type::Quantity => &["1Gi", "1024Mi", "500m", "2", "0.5", "1e3", "0", "4Ki"],
        Type::Semver => &["1.34", "v1.34.0", "1.31.2-rc.1", "2.0.0+b", "0.9"],
        Type::Ip => &["10.1.2.3", "::ffff:10.1.2.3", "192.168.0.1", "fd00::1", "0.0.0.0"],
        Type::Cidr => &["10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/24", "fd00::/8", "0.0.0.0/0"],
        Type::Path => &["/etc", "/etc/passwd", "/etc//passwd", "/var/run/../run/x.sock", "/", "/etcetera"],
        Type::Image => &[
            "nginx",
            "nginx:1.27",
            "docker.io/library/nginx:latest",
            "registry.acme.io/web:1",
            "registry.acme.io/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "ghcr.io/acme/app",
        ],
        Type::ImagePrefix => &["registry.acme.io", "nginx", "ghcr.io/acme", "docker.io"],
        Type::Host => &["a.acme.io", "acme.io", "A.ACME.IO.", "a.b.acme.io", "evil.example"],
        Type::HostPattern => &["*.acme.io", "acme.io", "*"],
        Type::Capability => &["ALL", "all", "NET_ADMIN", "CAP_NET_ADMIN", "cap_chown", "CHOWN"],
        Type::Glob => &["*", "a*", "?b", "*e*", "/etc/*", "web", "*.io"],
        Type::Regex => &["^a", "b$", "[0-9]+", "e", "^(web|shop)$"],
        _ => &[],
    }
}

fn user_of(json: &Json) -> User {
    let text = |key| json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let texts = |json: &Json| -> Vec<String> {
        json.elements().iter().filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let extra = json.get("extra").map_or(&[][..], Json::entries);
    let extra: BTreeMap<String, Vec<String>> =
        extra.iter().map(|(key, value)| (key.clone(), texts(value))).collect();
    User {
        name: text("name"),
        uid: text("uid"),
        groups: json.get("groups").map(texts).unwrap_or_default(),
        extra: extra.into_iter().collect(),
    }
}

/// The same with something left out.
fn changed(dice: &mut Dice<'_>, json: &Json) -> Json {
    let mut json = json.clone();
    let mut at = &mut json;
    for _ in 0..4 {
        if let Json::Array(items) = at {
            if items.is_empty() || dice.percent(20) {
                items.pop();
                break;
            }
            let index = dice.below(items.len());
            at = &mut items[index];
        } else if let Json::Object(entries) = at {
            if entries.is_empty() {
                break;
            }
            let index = dice.below(entries.len());
            if dice.percent(30) {
                entries.remove(index);
                break;
            }
            at = &mut entries[index].1;
        } else {
            break;
        }
    }
    json
}

fn entries(entries: &[(&str, &str)]) -> Json {
    Json::Object(
        entries.iter().map(|(key, text)| ((*key).to_owned(), Json::Str((*text).to_owned()))).collect(),
    )
}

fn entry<'j>(json: &'j mut Json, key: &str) -> Option<&'j mut Json> {
    let Json::Object(entries) = json else { return None };
    entries.iter_mut().find(|(known, _)| known == key).map(|(_, value)| value)
}

/// What is under a chain of keys, made if `make` says so.
fn below<'j>(json: &'j mut Json, keys: &[String], make: bool) -> Option<&'j mut Json> {
    let Some((first, rest)) = keys.split_first() else { return Some(json) };
    if make {
        insert(json, first, Json::Object(Vec::new()));
    }
    below(entry(json, first)?, rest, make)
}

/// Adds an entry unless it is there.
fn insert(json: &mut Json, key: &str, value: Json) {
    if let Json::Object(entries) = json
        && entries.iter().all(|(known, _)| known != key)
    {
        entries.push((key.to_owned(), value));
    }
}
