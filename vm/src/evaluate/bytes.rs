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

use rustc_hash::FxHashMap;

use super::{
    EvalError, Evaluator, Outcome, Request, Review, User,
    facts::Inputs,
    plan::{NeedAt, Plan, needs_at},
    route::{Route, Routes},
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
    buffers: run::Buffers,
    outcome: Outcome,
    /// Whether the last bytes were a review.
    ready: bool,
}

/// One of the two objects.
#[derive(Debug, Default)]
struct Side {
    /// Where it begins, if it is there.
    at: Option<usize>,
    /// What it was projected for.
    done: Option<Choice>,
    results: Vec<Projected>,
    name: Captured,
    namespace: Captured,
}

/// A text of the object, if it is there.
#[derive(Debug, Default)]
struct Captured {
    is_there: bool,
    text: String,
}

impl Captured {
    fn set(&mut self, text: Option<&str>) {
        self.is_there = text.is_some();
        self.text.clear();
        self.text.push_str(text.unwrap_or_default());
    }

    fn get(&self) -> Option<&str> {
        self.is_there.then_some(self.text.as_str())
    }
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
    kinds: Vec<KindTries>,
    /// By group, version and kind.
    by_kind: FxHashMap<Box<str>, usize>,
    /// By group and name of the resource, for subresources.
    by_resource: FxHashMap<Box<str>, usize>,
}

#[derive(Debug)]
struct KindTries {
    kind: String,
    /// The routes of requests for the resource itself, by operation.
    routes: [Option<usize>; 4],
    object: Wanted,
    old: Wanted,
    gone: Wanted,
}

/// The order of [`KindTries::routes`].
const OPERATIONS: [Operation; 4] =
    [Operation::Create, Operation::Update, Operation::Delete, Operation::Connect];

/// The parts of a name, as a key.
fn key<'k>(parts: &[&str], out: &'k mut String) -> &'k str {
    out.clear();
    for part in parts {
        out.push_str(part);
        out.push('\n');
    }
    out
}

/// The facts of one pass, and the trie that finds them.
#[derive(Debug)]
struct Wanted {
    needs: Vec<NeedAt>,
    trie: Trie,
}

impl Tries {
    pub(super) fn new(module: &Module, plan: &Plan, routes: &Routes, layouts: &[Arc<Layout>]) -> Tries {
        let mut tries =
            Tries { kinds: Vec::new(), by_kind: FxHashMap::default(), by_resource: FxHashMap::default() };
        let mut wants: Vec<(&Target, Vec<NeedAt>)> = Vec::new();
        let mut name = String::new();
        for (rule, needs) in module.rules.iter().zip(&plan.rule_needs) {
            for target in &rule.targets {
                let Target::Kind { group, version, kind, plural, .. } = target else { continue };
                let number = tries.by_kind.get(key(&[group, version, kind], &mut name)).copied();
                let number = number.unwrap_or_else(|| {
                    tries.by_kind.insert(name.as_str().into(), wants.len());
                    tries.by_resource.entry(key(&[group, plural], &mut name).into()).or_insert(wants.len());
                    wants.push((target, Vec::new()));
                    wants.len() - 1
                });
                let Some((_, wanted)) = wants.get_mut(number) else { continue };
                for want in needs_at(needs, run::pod_keys(Some(target))) {
                    let of_object = matches!(want.0.0, Slot::Object | Slot::Old | Slot::Pod);
                    if of_object && !wanted.contains(&want) {
                        wanted.push(want);
                    }
                }
            }
        }
        tries.kinds = wants
            .into_iter()
            .filter_map(|(target, wanted)| kind_tries(target, &wanted, routes, layouts))
            .collect();
        tries
    }

    fn find(&self, name: [&str; 3], buffer: &mut String) -> Option<usize> {
        self.by_kind.get(key(&name, buffer)).copied()
    }

    /// The kind of a resource.
    fn kind_of(&self, group: &str, plural: &str, buffer: &mut String) -> Option<&str> {
        let number = self.by_resource.get(key(&[group, plural], buffer))?;
        self.kinds.get(*number).map(|tries| tries.kind.as_str())
    }

    /// What a request for the resource itself meets.
    fn route<'r>(&self, choice: Choice, operation: Operation, routes: &'r Routes) -> Option<&'r Route> {
        let tries = self.kinds.get(choice.kind)?;
        let at = OPERATIONS.iter().position(|known| *known == operation)?;
        routes.get(tries.routes.get(at).copied().flatten()?)
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

fn kind_tries(
    target: &Target,
    wanted: &[NeedAt],
    routes: &Routes,
    layouts: &[Arc<Layout>],
) -> Option<KindTries> {
    let Target::Kind { group, version, kind, .. } = target else { return None };
    let route = |operation| {
        let review = Review { operation, group, version, kind, ..Review::default() };
        routes.number(&review, &mut String::new())
    };
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
        kind: kind.clone(),
        routes: OPERATIONS.map(route),
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

    /// Reads what an `AdmissionReview` says besides its objects, which are skipped.
    ///
    /// # Errors
    /// When the bytes are no `AdmissionReview`.
    pub fn read(&mut self, body: &[u8]) -> Result<(), ReviewError> {
        self.ready = false;
        self.object.clear();
        self.old.clear();
        self.head.request.uid.clear();
        let mut cursor = Cursor::new(project::text(body)?, MAX_DEPTH + ENVELOPE);
        self.head.read(&mut cursor, |_, _, cursor| cursor.skip()).map_err(Stop::told)?;
        Ok(())
    }

    /// What the last request says of itself; empty where its bytes could not be read so far.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.head.request
    }

    /// Who asks.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.head.user
    }

    /// The operation, if it is a known one.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.head.operation
    }

    /// Group, version and kind of the object as it was sent.
    #[must_use]
    pub fn kind(&self) -> (&str, &str, &str) {
        let kind = &self.head.kind;
        (&kind.group, &kind.version, &kind.name)
    }

    /// The subresource; empty: none.
    #[must_use]
    pub fn subresource(&self) -> &str {
        &self.head.subresource
    }

    /// The name in the object itself: that of the request is empty where the API server makes it up.
    #[must_use]
    pub fn object_name(&self) -> Option<&str> {
        self.object.name.get().or_else(|| self.old.name.get())
    }
}

impl Head {
    fn subresource(&self) -> Option<&str> {
        Some(self.subresource.as_str()).filter(|text| !text.is_empty())
    }

    /// Group, version and kind that rules are matched by. Of a subresource, `kind` is that of its body (`Scale`); rules
    /// are about the resource.
    fn target<'h>(&'h self, tries: &'h Tries, buffer: &mut String) -> [&'h str; 3] {
        if self.subresource().is_some()
            && let Some(kind) = tries.kind_of(&self.resource.group, &self.resource.name, buffer)
        {
            return [&self.resource.group, &self.resource.version, kind];
        }
        [&self.kind.group, &self.kind.version, &self.kind.name]
    }

    /// What an object is projected for, as far as it is known.
    fn choice(&self, tries: &Tries, which: Which, has_object: bool, buffer: &mut String) -> Option<Choice> {
        let operation = self.operation?;
        let view = match which {
            Which::Object => View::Object,
            Which::Old if operation == Operation::Delete && !has_object => View::Gone,
            Which::Old => View::Old,
        };
        let target = self.target(tries, buffer);
        Some(Choice { kind: tries.find(target, buffer)?, view })
    }
}

impl Side {
    fn clear(&mut self) {
        self.at = None;
        self.done = None;
        self.name.set(None);
        self.namespace.set(None);
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
        self.name.set(projector.captured(0));
        self.namespace.set(projector.captured(1));
        Ok(())
    }
}

/// Judges the request that was read.
pub(super) fn judge<'s>(
    evaluator: &Evaluator,
    scratch: &'s mut Scratch,
    cluster: &dyn ClusterView,
    namespaces: &dyn Fn(&str) -> Option<Arc<Json>>,
) -> Result<&'s Outcome, EvalError> {
    let Scratch { projector: _, head, object, old, buffers, outcome, ready } = scratch;
    if !*ready {
        return Err(EvalError::NoRequest);
    }
    let tries = &evaluator.tries;
    let operation = head.operation.unwrap_or_default();
    let user = std::mem::take(&mut head.user);
    let request = std::mem::take(&mut head.request);
    let mut key = std::mem::take(&mut buffers.key);
    let [group, version, kind] = head.target(tries, &mut key);
    buffers.key = key;
    let review = Review {
        operation,
        group,
        version,
        kind,
        subresource: head.subresource(),
        object: None,
        old: None,
        namespace: None,
        user,
        request,
    };
    let projected = |side: &'s Side| {
        let wanted = side.done.and_then(|choice| tries.wanted(choice));
        wanted.map_or((&[][..], &[][..]), |wanted| (wanted.needs.as_slice(), side.results.as_slice()))
    };
    let (object, old) = (&*object, &*old);
    let in_namespace = || match review.request.namespace.as_str() {
        "" => None,
        namespace => namespaces(namespace),
    };
    let inputs = Inputs {
        evaluator,
        review: Some(&review),
        object: None,
        namespace: &in_namespace,
        event: None,
        projected: [projected(object), projected(old)],
    };
    let judged = match (object.at, old.at) {
        (Some(_), _) => Some(object),
        (None, Some(_)) if operation == Operation::Delete => Some(old),
        (None, _) => None,
    };
    let subject = Subject {
        group: review.group,
        kind: review.kind,
        namespace: judged.and_then(|side| side.namespace.get()).unwrap_or(&review.request.namespace),
        name: judged.and_then(|side| side.name.get()).unwrap_or(&review.request.name),
    };
    let route = match object.done.or(old.done) {
        Some(choice) if review.subresource.is_none() => tries.route(choice, operation, &evaluator.routes),
        _ => evaluator.routes.find(&review, &mut buffers.key),
    };
    let done = run::with(route, &inputs, subject, cluster, false, buffers, outcome);
    let Review { user, request, .. } = review;
    (head.user, head.request) = (user, request);
    done.map(|()| &*outcome)
}

/// Reads a review and projects its objects.
pub(super) fn read(evaluator: &Evaluator, body: &[u8], scratch: &mut Scratch) -> Result<(), ProjectError> {
    let Scratch { projector, head, object, old, buffers, outcome: _, ready } = scratch;
    let tries = &evaluator.tries;
    *ready = false;
    // Facts that nobody holds are filled again.
    buffers.roots.clear();
    object.clear();
    old.clear();
    head.request.uid.clear();
    let text = project::text(body)?;
    let mut cursor = Cursor::new(text, MAX_DEPTH + ENVELOPE);
    let key = &mut buffers.key;
    let mut pass = |head: &mut Head| {
        head.read(&mut cursor, |head, which, cursor| {
            let has_object = object.at.is_some();
            let side = match which {
                Which::Object => &mut *object,
                Which::Old => &mut *old,
            };
            side.at = Some(cursor.at);
            side.project(tries, head.choice(tries, which, has_object, key), projector, cursor)
        })
    };
    pass(head).map_err(Stop::told)?;
    let has_object = object.at.is_some();
    // The API server writes what decides before the objects; then there is nothing to look at again.
    let both_read = head.settled && (!has_object || old.at.is_none_or(|old| object.at < Some(old)));
    for (which, side) in [(Which::Object, object), (Which::Old, old)] {
        if both_read {
            break;
        }
        let Some(at) = side.at else { continue };
        let choice = head.choice(tries, which, has_object, key);
        if side.done != choice {
            cursor.back_to(at, ENVELOPE);
            side.project(tries, choice, projector, &mut cursor).map_err(Stop::told)?;
        }
    }
    *ready = true;
    Ok(())
}
