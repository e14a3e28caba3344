//! Mutations: applied in order, again and again until nothing changes.
//!
//! Each mutation reads the object as it stands before it and writes afterwards. Every verb is idempotent, so a round
//! in which nothing changes is the end; mutations that undo each other never come there and are an error.

use std::collections::BTreeSet;

use super::{EvalError, Evaluator, Mutated, Review, facts::Inputs, plan::needs_at, run};
use crate::{
    interp::{Change, ClusterView, Env, Roots, changes},
    ir::{ChangeKind, Mutation, Ty},
    json::Json,
    json_path::{JsonPath, Step},
    value::{Value, canonical},
};

/// Applies the mutations that are about this request.
pub(super) fn mutate(
    evaluator: &Evaluator,
    review: &Review<'_>,
    cluster: &dyn ClusterView,
) -> Result<Mutated, EvalError> {
    let before = review.object.cloned().unwrap_or_default();
    let mut mutated = Mutated { object: before.clone(), patch: Vec::new(), applied: Vec::new() };
    if review.object.is_none() {
        return Ok(mutated);
    }
    let items = evaluator.plan.mutations(&evaluator.module, review).items;
    let mut applied = BTreeSet::new();
    let mut changed: Vec<usize> = Vec::new();
    for _ in 0..=items.len() {
        changed.clear();
        for (index, target) in items.iter().copied() {
            if apply(evaluator, review, cluster, &mut mutated.object, (index, target))? {
                changed.push(index);
            }
        }
        applied.extend(changed.iter().copied());
        if changed.is_empty() {
            break;
        }
    }
    let names = |indices: &mut dyn Iterator<Item = usize>| {
        indices.filter_map(|i| evaluator.module.mutations.get(i)).map(|m| m.name.clone()).collect()
    };
    if !changed.is_empty() {
        return Err(EvalError::Unsettled { names: names(&mut changed.into_iter()) });
    }
    mutated.applied = names(&mut applied.into_iter());
    if !mutated.applied.is_empty() {
        mutated.patch = json_patch::diff(&(&before).into(), &(&mutated.object).into()).0;
    }
    Ok(mutated)
}

/// One mutation once; whether it changed anything.
fn apply(
    evaluator: &Evaluator,
    review: &Review<'_>,
    cluster: &dyn ClusterView,
    object: &mut Json,
    (index, target): (usize, usize),
) -> Result<bool, EvalError> {
    let (Some(mutation), Some(needs)) =
        (evaluator.module.mutations.get(index), evaluator.plan.mutation_needs.get(index))
    else {
        return Ok(false);
    };
    let pod_keys = run::pod_keys(mutation.targets.get(target));
    let wanted = {
        let needs = needs_at(needs, pod_keys);
        let mut roots = Roots::default();
        Inputs::of_review(evaluator, review, Some(object)).fill(&needs, &mut roots)?;
        let env = Env {
            module: &evaluator.module,
            builtins: &evaluator.builtins,
            params: &evaluator.params,
            roots: &roots,
            pod_keys,
            cluster,
            subject: Some(run::subject(review, Some(object))),
            fuel: evaluator.options.fuel,
        };
        changes(mutation, &env).map_err(|trap| EvalError::Trap { rule: mutation.name.clone(), trap })?
    };
    let mut changed = false;
    for change in wanted {
        changed |= make(object, &change, mutation)?;
    }
    Ok(changed)
}

/// Makes one change; whether anything is different now.
fn make(object: &mut Json, change: &Change, mutation: &Mutation) -> Result<bool, EvalError> {
    let taken = |found: &Json| EvalError::Place {
        mutation: mutation.name.clone(),
        path: change.path.to_string(),
        found: found.form().to_owned(),
    };
    let Some(value) = &change.value else { return Ok(remove(object, &change.path)) };
    match change.kind {
        ChangeKind::Default => {
            if change.path.find(object).is_some_and(|found| !found.is_null()) {
                return Ok(false);
            }
            *slot(object, &change.path).map_err(|found| taken(&found))? = value.clone();
            Ok(true)
        }
        ChangeKind::Overwrite => {
            if change.path.find(object) == Some(value) {
                return Ok(false);
            }
            *slot(object, &change.path).map_err(|found| taken(&found))? = value.clone();
            Ok(true)
        }
        ChangeKind::Add => {
            let list = slot(object, &change.path).map_err(|found| taken(&found))?;
            if list.is_null() {
                *list = Json::Array(Vec::new());
            }
            let Json::Array(items) = list else { return Err(taken(list)) };
            let is_new = !items.iter().any(|item| same(&change.ty, item, value));
            if is_new {
                items.push(value.clone());
            }
            Ok(is_new)
        }
        ChangeKind::Remove => Ok(remove(object, &change.path)),
    }
}

/// The place of a path, made with its parents if it is not there; the value in the way if there is one.
fn slot<'j>(json: &'j mut Json, path: &JsonPath) -> Result<&'j mut Json, Json> {
    let mut at = json;
    for step in &path.steps {
        if at.is_null() && matches!(step, Step::Key(_)) {
            *at = Json::Object(Vec::new());
        }
        at = match (at, step) {
            (Json::Object(entries), Step::Key(key)) => entry(entries, key).ok_or(Json::Null)?,
            (Json::Array(items), Step::Index(index)) => items.get_mut(*index).ok_or(Json::Null)?,
            (other, _) => return Err(other.clone()),
        };
    }
    Ok(at)
}

/// The entry under a key, made if it is not there.
fn entry<'j>(entries: &'j mut Vec<(String, Json)>, key: &str) -> Option<&'j mut Json> {
    if entries.iter().all(|(k, _)| k != key) {
        entries.push((key.to_owned(), Json::Null));
    }
    entries.iter_mut().find(|(k, _)| k == key).map(|(_, value)| value)
}

/// Removes an entry; whether there was one.
fn remove(json: &mut Json, path: &JsonPath) -> bool {
    let Some((Step::Key(last), parents)) = path.steps.split_last() else { return false };
    let mut at = json;
    for step in parents {
        let next = match (at, step) {
            (Json::Object(entries), Step::Key(key)) => {
                entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
            }
            (Json::Array(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    let Json::Object(entries) = at else { return false };
    let before = entries.len();
    entries.retain(|(key, _)| key != last);
    entries.len() != before
}

/// Whether two elements are equal under the type of the value that a mutation adds.
fn same(ty: &Ty, a: &Json, b: &Json) -> bool {
    let read = |json: &Json| match (ty, json) {
        (Ty::Scalar(scalar), Json::Str(text)) => {
            Value::from_text(scalar, text).unwrap_or_else(|| Value::from_json(json))
        }
        _ => Value::from_json(json),
    };
    let (a, b) = (read(a), read(b));
    canonical(ty, &a).is_some_and(|a| canonical(ty, &b).is_some_and(|b| a == b))
}
