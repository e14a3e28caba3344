//! The facts of one review, built when the first rule needs them and kept for the others.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    EvalError, Evaluator, Review,
    plan::{Need, NeedAt},
    review::object,
    review::request_json,
};
use crate::{
    fact::{Fact, FactError},
    interp::Roots,
    ir::{RootId, Slot},
    json::Json,
    project::Projected,
};

/// Where facts come from.
pub(super) struct Inputs<'r> {
    evaluator: &'r Evaluator,
    object: Option<&'r Json>,
    old: Option<&'r Json>,
    namespace: Option<&'r Json>,
    user: Json,
    request: Json,
    event: Option<&'r Json>,
    built: BTreeMap<NeedAt, Arc<Fact>>,
    failed: Vec<(NeedAt, Vec<FactError>)>,
}

impl<'r> Inputs<'r> {
    pub(super) fn of_review(
        evaluator: &'r Evaluator,
        review: &Review<'r>,
        object: Option<&'r Json>,
    ) -> Inputs<'r> {
        Inputs {
            evaluator,
            object,
            old: review.old,
            namespace: review.namespace,
            user: review.user.to_json(),
            request: request_json(review),
            event: None,
            built: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    pub(super) fn of_event(evaluator: &'r Evaluator, event: &'r Json) -> Inputs<'r> {
        Inputs {
            evaluator,
            object: None,
            old: None,
            namespace: None,
            user: event.get("user").cloned().unwrap_or_default(),
            request: Json::Null,
            event: Some(event),
            built: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    /// Takes what was projected from bytes.
    pub(super) fn take(&mut self, need: Need, at: &[String], projected: &Projected) {
        let key = || (need, at.to_vec());
        match projected {
            Projected::Absent => {}
            Projected::Fact(fact) => {
                self.built.insert(key(), Arc::clone(fact));
            }
            Projected::Errors(errors) => self.failed.push((key(), errors.clone())),
        }
    }

    /// The facts that code needs. What the host does not give stays absent.
    pub(super) fn roots(&mut self, needs: &[Need], pod_keys: &[String]) -> Result<Roots, EvalError> {
        let mut roots = Roots::default();
        for (slot, root) in needs.iter().copied() {
            if let Some(fact) = self.fact(slot, root, pod_keys)? {
                roots.insert(slot, root, fact);
            }
        }
        Ok(roots)
    }

    fn fact(
        &mut self,
        slot: Slot,
        root: RootId,
        pod_keys: &[String],
    ) -> Result<Option<Arc<Fact>>, EvalError> {
        let at = if slot == Slot::Pod { pod_keys } else { &[] };
        let key = ((slot, root), at.to_vec());
        if let Some(fact) = self.built.get(&key) {
            return Ok(Some(Arc::clone(fact)));
        }
        let failed = self.failed.iter().find(|(failed, _)| *failed == key).map(|(_, errors)| errors);
        let cluster;
        let (what, json) = match slot {
            Slot::Object => ("the object", self.object),
            Slot::Pod => {
                let keys: Vec<&str> = at.iter().map(String::as_str).collect();
                ("the object", self.object.and_then(|object| object.at(&keys)))
            }
            Slot::Old => ("the old object", self.old),
            Slot::Namespace => ("the namespace", self.namespace),
            Slot::User => ("the user", Some(&self.user)),
            Slot::Request => ("the request", Some(&self.request)),
            Slot::Cluster => {
                cluster = self.cluster();
                ("the cluster", Some(&cluster))
            }
            Slot::Event => ("the event", self.event),
        };
        if let Some(errors) = failed {
            return Err(EvalError::Fact { what, errors: errors.clone() });
        }
        let (Some(json), Some(layout)) =
            (json.filter(|json| !json.is_null()), self.evaluator.layouts.get(root.index()))
        else {
            return Ok(None);
        };
        let fact = Fact::build(layout, json, at).map_err(|errors| EvalError::Fact { what, errors })?;
        self.built.insert(key, Arc::clone(&fact));
        Ok(Some(fact))
    }

    /// The record `cluster`.
    fn cluster(&self) -> Json {
        let (major, minor) = self.evaluator.options.kubernetes;
        object(vec![("version", Json::Str(format!("{major}.{minor}")))])
    }
}
