//! Where the facts of one input come from: projected already, or built from the JSON that the host gives.

use std::sync::Arc;

use super::{
    EvalError, Evaluator, Review,
    plan::{Need, NeedAt},
    review::request_json,
};
use crate::{
    fact::Fact,
    interp::Roots,
    ir::{RootId, Slot},
    json::Json,
    project::Projected,
};

/// What a host gives for one input.
pub(super) struct Inputs<'r> {
    pub(super) evaluator: &'r Evaluator,
    pub(super) review: Option<&'r Review<'r>>,
    /// The object as the rules see it; the review's own, unless mutations have changed it.
    pub(super) object: Option<&'r Json>,
    /// The Namespace object, asked for when a rule reads it.
    pub(super) namespace: &'r dyn Fn() -> Option<Arc<Json>>,
    pub(super) event: Option<&'r Json>,
    /// What was projected from bytes.
    pub(super) projected: [(&'r [NeedAt], &'r [Projected]); 2],
}

impl<'r> Inputs<'r> {
    pub(super) fn of_review(
        evaluator: &'r Evaluator,
        review: &'r Review<'r>,
        object: Option<&'r Json>,
    ) -> Inputs<'r> {
        let nothing: (&[NeedAt], &[Projected]) = (&[], &[]);
        let projected = [nothing; 2];
        Inputs { evaluator, review: Some(review), object, namespace: &|| None, event: None, projected }
    }

    pub(super) fn of_event(evaluator: &'r Evaluator, event: &'r Json) -> Inputs<'r> {
        let nothing: (&[NeedAt], &[Projected]) = (&[], &[]);
        let projected = [nothing; 2];
        Inputs { evaluator, review: None, object: None, namespace: &|| None, event: Some(event), projected }
    }

    /// Gives the facts of `needs`. What the host does not give stays absent.
    pub(super) fn fill(&self, needs: &[NeedAt], roots: &mut Roots) -> Result<(), EvalError> {
        for (need, at) in needs {
            if let Some(fact) = self.fact(*need, at)? {
                roots.insert(need.0, need.1, fact);
            }
        }
        Ok(())
    }

    fn fact(&self, need: Need, at: &[String]) -> Result<Option<Arc<Fact>>, EvalError> {
        let (slot, root) = need;
        for (needs, results) in &self.projected {
            let is_this = |(other, keys): &NeedAt| *other == need && keys == at;
            if let Some(result) = needs.iter().position(is_this).and_then(|index| results.get(index)) {
                return match result {
                    Projected::Absent => Ok(None),
                    Projected::Fact(fact) => Ok(Some(Arc::clone(fact))),
                    Projected::Errors(errors) => {
                        Err(EvalError::Fact { what: what(slot), errors: errors.clone() })
                    }
                };
            }
        }
        let built = |json: &Json| self.build(slot, root, at, json);
        match slot {
            Slot::Object => self.object.map_or(Ok(None), built),
            Slot::Pod => {
                let keys: Vec<&str> = at.iter().map(String::as_str).collect();
                self.object.and_then(|object| object.at(&keys)).map_or(Ok(None), built)
            }
            Slot::Old => self.review.and_then(|review| review.old).map_or(Ok(None), built),
            Slot::Namespace => match self.review.and_then(|review| review.namespace) {
                Some(json) => built(json),
                None => (self.namespace)().map_or(Ok(None), |json| built(&json)),
            },
            Slot::User => match (self.review, self.event) {
                (Some(review), _) => built(&review.user.to_json()),
                (None, Some(event)) => event.get("user").map_or(Ok(None), built),
                (None, None) => Ok(None),
            },
            Slot::Request => self.review.map_or(Ok(None), |review| built(&request_json(review))),
            Slot::Cluster => Ok(self.evaluator.cluster_fact(root)),
            Slot::Event => self.event.map_or(Ok(None), built),
        }
    }

    fn build(
        &self,
        slot: Slot,
        root: RootId,
        at: &[String],
        json: &Json,
    ) -> Result<Option<Arc<Fact>>, EvalError> {
        let layout = self.evaluator.layouts.get(root.index());
        let Some(layout) = layout.filter(|_| !json.is_null()) else { return Ok(None) };
        let fact = Fact::build(layout, json, at);
        fact.map(Some).map_err(|errors| EvalError::Fact { what: what(slot), errors })
    }
}

/// As messages call it.
fn what(slot: Slot) -> &'static str {
    match slot {
        Slot::Object | Slot::Pod => "the object",
        Slot::Old => "the old object",
        Slot::Namespace => "the namespace",
        Slot::User => "the user",
        Slot::Request => "the request",
        Slot::Cluster => "the cluster",
        Slot::Event => "the event",
    }
}
