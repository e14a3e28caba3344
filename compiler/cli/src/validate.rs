//! A manifest against the schema of its kind: wrong types are errors, unknown fields are warnings.
//!
//! The API server would refuse or drop them; a policy that reads past them would judge an object that never exists.

use kpol_manifest::{JsonPath, Segment};
use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    json::Json,
    scalar::{duration::Duration, net::Cidr, net::Ip, quantity::Quantity, semver::Version, time::Time},
    types::{Record, Type},
};

/// How many errors of one object are listed, and how many warnings.
const MAX_PROBLEMS: usize = 100;

/// What a text without quotes turns into, by YAML 1.1 and kubectl.
const UNQUOTED: &str = "if it is meant as text, put it in quotes: YAML reads 123, 1e3, yes, no, on, off, y and n as numbers and booleans";

/// Something in a manifest that its kind does not have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) path: JsonPath,
    /// One sentence.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<&'static str>,
    /// An error (a value of the wrong type), or a warning (an unknown field).
    pub(crate) is_error: bool,
}

/// Everything in `object` that does not fit `record`.
#[must_use]
pub(crate) fn validate(catalog: &Catalog, record: &Record, object: &Json) -> Vec<Problem> {
    let mut walk = Walk { catalog, path: Vec::new(), errors: Vec::new(), warnings: Vec::new(), more: 0 };
    if matches!(object, Json::Object(_)) {
        walk.record(record, object);
    } else {
        walk.problem(true, format!("expected an object ({}), found {}", record.name, object.form()), None);
    }
    let mut problems = walk.errors;
    problems.append(&mut walk.warnings);
    if walk.more > 0 {
        let message = format!("{} more problems of this object are not listed", walk.more);
        problems.push(Problem { path: JsonPath::default(), message, help: None, is_error: false });
    }
    problems
}

struct Walk<'c> {
    catalog: &'c Catalog,
    path: Vec<Segment>,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    more: usize,
}

impl Walk<'_> {
    fn record(&mut self, record: &Record, json: &Json) {
        for (key, value) in json.entries() {
            self.path.push(Segment::Key(key.clone()));
            match record.field(key).filter(|field| field.virtual_source.is_none()) {
                Some(field) => self.value(&field.ty, value),
                None => {
                    let known =
                        record.fields.iter().filter(|f| f.virtual_source.is_none()).map(|f| f.name.as_str());
                    let near = kpol_compiler::nearest(key, known);
                    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                    if !self.catalog.schema().keeps_unknown_fields(&record.name) {
                        self.problem(false, format!("{} has no field `{key}`{hint}", record.name), None);
                    }
                }
            }
            self.path.pop();
        }
    }

    fn value(&mut self, ty: &Type, json: &Json) {
        match (ty, json) {
            (_, Json::Null) | (Type::Dyn, _) => {}
            (Type::Record(name), Json::Object(_)) => {
                if let Some(record) = self.catalog.record(name) {
                    self.record(&record, json);
                }
            }
            (Type::List(element) | Type::Set(element), Json::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Segment::Index(index));
                    self.value(element, item);
                    self.path.pop();
                }
            }
            (Type::Map(value), Json::Object(entries)) => {
                for (key, item) in entries {
                    self.path.push(Segment::Key(key.clone()));
                    self.value(value, item);
                    self.path.pop();
                }
            }
            (scalar, json) => {
                if let Some(why) = misfit(scalar, json) {
                    let help =
                        scalar.is_text() && matches!(json, Json::Bool(_) | Json::Int(_) | Json::Float(_));
                    self.problem(true, why, help.then_some(UNQUOTED));
                }
            }
        }
    }

    fn problem(&mut self, is_error: bool, message: String, help: Option<&'static str>) {
        let list = if is_error { &mut self.errors } else { &mut self.warnings };
        if list.len() < MAX_PROBLEMS {
            list.push(Problem { path: JsonPath(self.path.clone()), message, help, is_error });
        } else {
            self.more += 1;
        }
    }
}

/// Why a JSON value is none of a scalar type.
fn misfit(ty: &Type, json: &Json) -> Option<String> {
    let expected = |what: &str| Some(format!("expected {what}, found {}", json.form()));
    let parsed = |result: Result<(), String>| result.err();
    match (ty, json) {
        (Type::Bool, Json::Bool(_)) | (Type::Int | Type::Port | Type::Quantity, Json::Int(_)) => None,
        (Type::Quantity, Json::Float(_)) => None,
        (Type::Quantity, Json::Str(text)) => parsed(check(Quantity::parse(text), text, "quantity")),
        (Type::Duration, Json::Str(text)) => parsed(check(Duration::parse(text), text, "duration")),
        (Type::Time, Json::Str(text)) => parsed(check(Time::parse(text), text, "time")),
        (Type::Semver, Json::Str(text)) => parsed(check(Version::parse(text), text, "version")),
        (Type::Ip, Json::Str(text)) => parsed(check(Ip::parse(text), text, "IP address")),
        (Type::Cidr, Json::Str(text)) => parsed(check(Cidr::parse_masked(text), text, "block of addresses")),
        (text, Json::Str(_)) if text.is_text() => None,
        (Type::Bool, _) => expected("a boolean"),
        (Type::Int | Type::Port, _) => expected("an integer"),
        (Type::Quantity, _) => expected("a quantity"),
        (Type::Record(name), _) => expected(&format!("an object ({name})")),
        (Type::List(_) | Type::Set(_), _) => expected("a list"),
        (Type::Map(_), _) => expected("an object"),
        (
            Type::Str
            | Type::Duration
            | Type::Time
            | Type::Semver
            | Type::Ip
            | Type::Cidr
            | Type::Path
            | Type::Image
            | Type::ImagePrefix
            | Type::Host
            | Type::HostPattern
            | Type::Capability
            | Type::Glob
            | Type::Regex
            | Type::Dyn,
            _,
        ) => expected("a string"),
    }
}

fn check<T>(result: Result<T, kpol_vm::scalar::ScalarError>, text: &str, what: &str) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| format!("`{text}` is not a valid {what}: {}", error.message))
}
