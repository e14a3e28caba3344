//! From the bytes of an `AdmissionReview` to its outcome: one pass reads the request and projects its objects.
//!
//! ```text
//! kind, operation, … ──▶ tries of the kind ──▶ object, oldObject: facts ──▶ rules
//! ```
//!
//! The API server writes kind and operation before the objects. In any other order the objects are skipped, or projected
//! for what the request looked like until there, and read again at the end. The objects of a kind are projected for all its rules at
//! once; a form that only rules ask for that do not apply is no error, because facts are taken when a rule needs them.

mod head;

use std::sync::Arc;

use super::{
    EvalError, Evaluator, Outcome, Review,
    facts::Inputs,
    plan::{NeedAt, Plan},
    run,
};
use crate::{
    interp::{ClusterView, Subject},
    ir::{Module, Operation, Slot, Target},
    json::Json,
    layout::Layout,
    project::{self, MAX_DEPTH, ProjectError, Projected, Projector, Stop, Trie, cursor::Cursor},
};
use head::{Head, Which};

/// The objects stand in the request, and the request in the review.
const ENVELOPE: usize = 2;
/// The texts that say which object it is.
const SUBJECT: [&[&str]; 2] = [&["metadata", "name"], &["metadata", "namespace"]];

/// Why the bytes of a review are not answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReviewError {
    /// They are no review.
    #[error("the request cannot be read: {0}")]
    Bytes(#[from] ProjectError),
    /// The review cannot be judged.
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// Buffers that are kept between reviews, and what the last review said. For one evaluator at a time: with another one
/// it works too, but begins anew.
#[derive(Debug, Default)]
pub struct Scratch {
    projector: Projector,
    head: Head,
    object: Side,
    old: Side,
}

/// One of the two objects.
#[derive(Debug, Default)]
struct Side {
    /// Where it begins, if it is there.
    at: Option<usize>,
    /// What it was projected for.
    done: Option<Choice>,
    results: Vec<Projected>,
    name: Option<String>,
    namespace: Option<String>,
}

/// A kind (by position in [`Tries`]) and the trie of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    kind: usize,
    view: View,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// As `object` and `pod`.
    Object,
    /// As `old`.
    Old,
    /// As all of them: the object that goes.
    Gone,
}

/// What passes look for, by kind.
#[derive(Debug)]
pub(super) struct Tries {
    /// Sorted by group, version and kind.
    kinds: Vec<KindTries>,
}

#[derive(Debug)]
struct KindTries {
    group: String,
    version: String,
    kind: String,
    plural: String,
    object: Wanted,
    old: Wanted,
    gone: Wanted,
}

/// The facts of one pass, and the trie that finds them.
#[derive(Debug)]
struct Wanted {
    needs: Vec<NeedAt>,
    trie: Trie,
}

impl Tries {
    pub(super) fn new(module: &Module, plan: &Plan, layouts: &[Arc<Layout>]) -> Tries {
        let mut kinds: Vec<(&Target, Vec<NeedAt>)> = Vec::new();
        for (rule, needs) in module.rules.iter().zip(&plan.rule_needs) {
            for target in &rule.targets {
                let Some(name) = name_of(target) else { continue };
                let place = kinds.binary_search_by(|(other, _)| name_of(other).cmp(&Some(name)));
                let place = place.unwrap_or_else(|place| {
                    kinds.insert(place, (target, Vec::new()));
                    place
                });
                let Some((_, wanted)) = kinds.get_mut(place) else { continue };
                for (slot, root) in needs.iter().copied() {
                    let at = match slot {
                        Slot::Object | Slot::Old => &[],
                        Slot::Pod => run::pod_keys(Some(target)),
                        Slot::Namespace | Slot::User | Slot::Request | Slot::Cluster | Slot::Event => {
                            continue;
                        }
                    };
                    let want = ((slot, root), at.to_vec());
                    if !wanted.contains(&want) {
                        wanted.push(want);
                    }
                }
            }
        }
        let kinds = kinds.into_iter().filter_map(|(target, wanted)| kind_tries(target, &wanted, layouts));
        Tries { kinds: kinds.collect() }
    }

    fn find(&self, group: &str, version: &str, kind: &str) -> Option<usize> {
        let by = |tries: &KindTries| {
            (tries.group.as_str(), tries.version.as_str(), tries.kind.as_str()).cmp(&(group, version, kind))
        };
        self.kinds.binary_search_by(by).ok()
    }

    /// The kind of a resource.
    fn kind_of(&self, group: &str, plural: &str) -> Option<&str> {
        let found = self.kinds.iter().find(|tries| tries.plural == plural && tries.group == group);
        found.map(|tries| tries.kind.as_str())
    }

    fn wanted(&self, choice: Choice) -> Option<&Wanted> {
        let tries = self.kinds.get(choice.kind)?;
        Some(match choice.view {
            View::Object => &tries.object,
            View::Old => &tries.old,
            View::Gone => &tries.gone,
        })
    }
}

fn name_of(target: &Target) -> Option<(&str, &str, &str)> {
    match target {
        Target::Kind { group, version, kind, .. } => Some((group, version, kind)),
        Target::Event { .. } => None,
    }
}

fn kind_tries(target: &Target, wanted: &[NeedAt], layouts: &[Arc<Layout>]) -> Option<KindTries> {
    let Target::Kind { group, version, kind, plural, .. } = target else { return None };
    let of = |keep: &dyn Fn(Slot) -> bool| {
        let needs: Vec<_> = wanted
            .iter()
            .filter(|((slot, root), _)| keep(*slot) && root.index() < layouts.len())
            .cloned()
            .collect();
        let root = |((_, root), at): &NeedAt| {
            layouts.get(root.index()).map(|layout| (Arc::clone(layout), at.clone()))
        };
        let roots: Vec<_> = needs.iter().filter_map(root).collect();
        Wanted { needs, trie: Trie::new(&roots, &SUBJECT) }
    };
    Some(KindTries {
        group: group.clone(),
        version: version.clone(),
        kind: kind.clone(),
        plural: plural.clone(),
        object: of(&|slot| slot != Slot::Old),
        old: of(&|slot| slot == Slot::Old),
        gone: of(&|_| true),
    })
}

impl Scratch {
    /// The id of the last request; empty if its bytes could not be read so far.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.head.request.uid
    }

    /// The namespace of the last request.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.head.request.namespace
    }
}

impl Head {
    fn subresource(&self) -> Option<&str> {
        Some(self.subresource.as_str()).filter(|text| !text.is_empty())
    }

    /// Group, version and kind that rules are matched by. Of a subresource, `kind` is that of its body (`Scale`); rules
    /// are about the resource.
    fn target<'h>(&'h self, tries: &'h Tries) -> (&'h str, &'h str, &'h str) {
        if self.subresource().is_some()
            && let Some(kind) = tries.kind_of(&self.resource.group, &self.resource.name)
        {
            return (&self.resource.group, &self.resource.version, kind);
        }
        (&self.kind.group, &self.kind.version, &self.kind.name)
    }

    /// What an object is projected for, as far as it is known.
    fn choice(&self, tries: &Tries, which: Which, has_object: bool) -> Option<Choice> {
        let operation = self.operation?;
        let (group, version, kind) = self.target(tries);
        let view = match which {
            Which::Object => View::Object,
            Which::Old if operation == Operation::Delete && !has_object => View::Gone,
            Which::Old => View::Old,
        };
        Some(Choice { kind: tries.find(group, version, kind)?, view })
    }
}

impl Side {
    fn clear(&mut self) {
        self.at = None;
        self.done = None;
        self.name = None;
        self.namespace = None;
    }

    fn project(
        &mut self,
        tries: &Tries,
        choice: Option<Choice>,
        projector: &mut Projector,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), Stop> {
        self.done = choice;
        let Some(wanted) = choice.and_then(|choice| tries.wanted(choice)) else { return cursor.skip() };
        projector.value(&wanted.trie, cursor, &mut self.results)?;
        let text = |index| projector.captured(index).map(str::to_owned);
        (self.name, self.namespace) = (text(0), text(1));
        Ok(())
    }
}

/// Judges the request of a review.
pub(super) fn review(
    evaluator: &Evaluator,
    body: &[u8],
    scratch: &mut Scratch,
    cluster: &dyn ClusterView,
    namespaces: &dyn Fn(&str) -> Option<Arc<Json>>,
) -> Result<Outcome, ReviewError> {
    let Scratch { projector, head, object, old } = scratch;
    read(&evaluator.tries, body, projector, head, object, old)?;
    let tries = &evaluator.tries;
    let operation = head.operation.unwrap_or(Operation::Create);
    let namespace =
        if head.request.namespace.is_empty() { None } else { namespaces(&head.request.namespace) };
    let user = std::mem::take(&mut head.user);
    let request = std::mem::take(&mut head.request);
    let (group, version, kind) = head.target(tries);
    let review = Review {
        operation,
        group,
        version,
        kind,
        subresource: head.subresource(),
        object: None,
        old: None,
        namespace: namespace.as_deref(),
        user,
        request,
    };
    let mut inputs = Inputs::of_review(evaluator, &review, None);
    for side in [&*object, &*old] {
        let Some(wanted) = side.done.and_then(|choice| tries.wanted(choice)) else { continue };
        for ((need, at), projected) in wanted.needs.iter().zip(&side.results) {
            inputs.take(*need, at, projected);
        }
    }
    let judged = match (object.at, old.at) {
        (Some(_), _) => Some(&*object),
        (None, Some(_)) if operation == Operation::Delete => Some(&*old),
        (None, _) => None,
    };
    let text = |of: fn(&Side) -> Option<&str>| judged.and_then(of);
    let subject = Subject {
        group: review.group,
        kind: review.kind,
        namespace: text(|side| side.namespace.as_deref()).unwrap_or(&review.request.namespace),
        name: text(|side| side.name.as_deref()).unwrap_or(&review.request.name),
    };
    let outcome = run::with(evaluator, &review, inputs, subject, cluster, false);
    let Review { user, request, .. } = review;
    (head.user, head.request) = (user, request);
    Ok(outcome?)
}

/// Reads the review, projects its objects.
fn read(
    tries: &Tries,
    body: &[u8],
    projector: &mut Projector,
    head: &mut Head,
    object: &mut Side,
    old: &mut Side,
) -> Result<(), ProjectError> {
    object.clear();
    old.clear();
    head.request.uid.clear();
    let text = project::text(body)?;
    let mut cursor = Cursor::new(text, MAX_DEPTH + ENVELOPE);
    let mut pass = |head: &mut Head| {
        head.read(&mut cursor, |head, which, cursor| {
            let has_object = object.at.is_some();
            let side = match which {
                Which::Object => &mut *object,
                Which::Old => &mut *old,
            };
            side.at = Some(cursor.at);
            side.project(tries, head.choice(tries, which, has_object), projector, cursor)
        })
    };
    pass(head).map_err(Stop::told)?;
    let has_object = object.at.is_some();
    for (which, side) in [(Which::Object, object), (Which::Old, old)] {
        let choice = head.choice(tries, which, has_object);
        if let Some(at) = side.at.filter(|_| side.done != choice) {
            cursor.back_to(at, ENVELOPE);
            side.project(tries, choice, projector, &mut cursor).map_err(Stop::told)?;
        }
    }
    Ok(())
}
