//! One module on both engines, and every way to ask them: whatever is asked, all give the same answer.
//!
//! ```text
//!   review ──┬─ parsed ─┬─ interp    findings: hits, bindings, messages, blames, exceptions;
//!            └─ bytes ──┴─ jit       and what the mutations make of the object
//! ```

use std::{cell::RefCell, fmt::Write as _, sync::Arc};

use kpol_vm::{
    builtin::Builtin,
    evaluate::{self, Engine, EvalError, Evaluator, LoadError, Mutated, Outcome, Review, Scratch, User},
    ir::{Const, Mode, Module, Operation},
    json::Json,
};

/// One module on both engines.
pub struct Engines {
    /// The reference.
    pub interp: Evaluator,
    /// The fast one.
    pub jit: Evaluator,
    scratches: [RefCell<Scratch>; 2],
}

/// What all ways of asking answered, or how they differ.
pub type Agreed<T> = Result<Result<T, EvalError>, String>;

/// What the tests tell an engine unless they say otherwise: mode `deny`, the fixed day, the newest Kubernetes.
#[must_use]
pub fn options(kubernetes: (u32, u32), params: &[(String, Const)]) -> evaluate::Options {
    evaluate::Options {
        params: params.to_vec(),
        default_mode: Mode::Deny,
        max_mode: Mode::Deny,
        today: jiff::civil::date(2026, 11, 23),
        kubernetes,
        fuel: evaluate::DEFAULT_FUEL,
        engine: Engine::Interp,
    }
}

impl Engines {
    /// Loads a module twice.
    ///
    /// # Errors
    /// When it is not loaded; whether it is does not depend on the engine.
    pub fn new(
        module: &Module,
        builtins: &[&'static Builtin],
        options: &evaluate::Options,
    ) -> Result<Engines, LoadError> {
        let new = |engine| {
            let options = evaluate::Options { engine, ..options.clone() };
            Evaluator::new(module.clone(), builtins, options)
        };
        let scratches = [RefCell::default(), RefCell::default()];
        Ok(Engines { interp: new(Engine::Interp)?, jit: new(Engine::Jit)?, scratches })
    }

    /// Judges a request in every way.
    ///
    /// # Errors
    /// Two answers that differ, in words.
    pub fn review(&self, review: &Review<'_>, cluster: &[Json]) -> Agreed<Outcome> {
        let (inventory, _) = self.interp.inventory(cluster);
        let expected = self.interp.review(review, &inventory);
        let found = self.jit.review(review, &inventory);
        same("jit", &found, &expected)?;
        let body = body(review);
        let namespace = review.namespace.map(|namespace| Arc::new(namespace.clone()));
        let namespaces = |_: &str| namespace.clone();
        let ways = [("interp from bytes", &self.interp), ("jit from bytes", &self.jit)];
        for ((way, evaluator), scratch) in ways.into_iter().zip(&self.scratches) {
            let mut scratch = scratch.borrow_mut();
            let found = evaluator.review_bytes(body.as_bytes(), &mut scratch, &inventory, &namespaces);
            let found = match found {
                Ok(outcome) => Ok(outcome.clone()),
                Err(evaluate::ReviewError::Eval(error)) => Err(error),
                Err(evaluate::ReviewError::Bytes(error)) => return Err(format!("{way}: {error}: {body}")),
            };
            same(way, &found, &expected)?;
        }
        Ok(expected)
    }

    /// Mutates an object on both.
    ///
    /// # Errors
    /// As [`Engines::review`].
    pub fn mutate(&self, review: &Review<'_>, cluster: &[Json]) -> Agreed<Mutated> {
        let (inventory, _) = self.interp.inventory(cluster);
        let expected = self.interp.mutate(review, &inventory);
        same("jit", &self.jit.mutate(review, &inventory), &expected)?;
        Ok(expected)
    }

    /// Judges an event on both.
    ///
    /// # Errors
    /// As [`Engines::review`].
    pub fn event(&self, name: &str, event: &Json) -> Agreed<Outcome> {
        let expected = self.interp.event(name, event);
        same("jit", &self.jit.event(name, event), &expected)?;
        Ok(expected)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    way: &str,
    found: &Result<T, EvalError>,
    expected: &Result<T, EvalError>,
) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{way} says\n{found:#?}\nand interp says\n{expected:#?}"))
}

/// The request as an `AdmissionReview` over the wire.
///
/// A namespace is asked for by its name, so a request that has one in hand is given a name for it.
#[must_use]
pub fn body(review: &Review<'_>) -> String {
    let text = |text: &str| Json::Str(text.to_owned());
    let object = |entries: &[(&str, Json)]| {
        Json::Object(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    };
    let of = |name, kind: &str| {
        object(&[("group", text(review.group)), ("version", text(review.version)), (name, text(kind))])
    };
    let operation = match review.operation {
        Operation::Create => "CREATE",
        Operation::Update => "UPDATE",
        Operation::Delete => "DELETE",
        Operation::Connect => "CONNECT",
    };
    let request = &review.request;
    let request = object(&[
        ("uid", text(&request.uid)),
        ("kind", of("kind", review.kind)),
        ("resource", of("resource", &request.resource)),
        ("subResource", review.subresource.map_or(Json::Null, text)),
        ("name", text(&request.name)),
        ("namespace", text(&request.namespace)),
        ("operation", text(operation)),
        ("userInfo", user_info(&review.user)),
        ("object", review.object.cloned().unwrap_or_default()),
        ("oldObject", review.old.cloned().unwrap_or_default()),
        ("dryRun", Json::Bool(request.dry_run)),
    ]);
    let review = object(&[
        ("kind", text("AdmissionReview")),
        ("apiVersion", text("admission.k8s.io/v1")),
        ("request", request),
    ]);
    json_text(&review)
}

fn user_info(user: &User) -> Json {
    let mut json = user.to_json();
    if let Json::Object(entries) = &mut json {
        for (key, _) in entries.iter_mut().filter(|(key, _)| key == "name") {
            *key = "username".to_owned();
        }
    }
    json
}

/// JSON text with the keys in their order, which [`Json`]'s own text does not keep.
#[must_use]
pub fn json_text(json: &Json) -> String {
    let mut out = String::new();
    write_json(json, &mut out);
    out
}

fn write_json(json: &Json, out: &mut String) {
    match json {
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_json(item, out);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_json(&Json::Str(key.clone()), out);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
        scalar @ (Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) | Json::Str(_)) => {
            let _ = write!(out, "{scalar}");
        }
    }
}
