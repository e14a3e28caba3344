//! What rules ask of the rest of the cluster, kept up to date by watches: on the kinds that a bundle refers to, and on
//! Namespaces if it reads the one that an object is in. On nothing else.
//!
//! ```text
//!   API server ──list, watch──▶ kube's watcher ──event──▶ Follower ──▶ LiveCluster: facts ──▶ reviews
//!                                    │ error: later and later                │
//!                                    └──────────▶ log, metrics               └─▶ filled: the bundle comes into use
//! ```
//!
//! No object is held as a whole: an event becomes a fact at once. A kind is filled when it was listed once; an
//! interruption afterwards leaves what is known as it is, and a list that begins anew takes its place when it is whole.

mod follow;
mod once;
mod service;

pub use follow::{Follower, run};
pub use once::{Watching, fill};
pub use service::keep;

use std::{collections::BTreeSet, sync::Arc};

use kpol::{Bundle, Evaluator, LiveCluster};
use tokio::sync::watch;

use crate::kind::Kind;

/// Why a kind is not filled at first.
const NOT_LISTED: &str = "not listed yet";
/// Why a kind is not filled that the API server does not have. It may come, with a CRD.
const NOT_SERVED: &str = "the API server does not have this kind";

/// What is known of the cluster for one bundle, and how far that has come.
#[derive(Debug)]
pub struct Live {
    /// What reviews read.
    pub cluster: LiveCluster,
    kinds: Vec<Kind>,
    /// For each kind, why it is not filled yet; `None`: it is.
    waiting: watch::Sender<Vec<Option<String>>>,
}

impl Live {
    /// For a bundle; `None` if its rules ask for nothing but the object under review.
    #[must_use]
    pub fn new(bundle: &Bundle, evaluator: &Evaluator) -> Option<Arc<Live>> {
        let cluster = evaluator.live_cluster();
        let mut kinds: BTreeSet<Kind> = bundle
            .module()
            .watches
            .iter()
            .map(|watch| Kind {
                group: watch.group.clone(),
                version: watch.version.clone(),
                kind: watch.kind.clone(),
                plural: watch.plural.clone(),
            })
            .collect();
        if cluster.reads_namespaces() {
            kinds.insert(Kind {
                group: String::new(),
                version: "v1".into(),
                kind: "Namespace".into(),
                plural: "namespaces".into(),
            });
        }
        if kinds.is_empty() {
            return None;
        }
        let kinds: Vec<Kind> = kinds.into_iter().collect();
        let waiting = watch::Sender::new(vec![Some(NOT_LISTED.to_owned()); kinds.len()]);
        Some(Arc::new(Live { cluster, kinds, waiting }))
    }

    /// From now on every kind counts as not listed, because nobody has watched for a while. What is known stays until then.
    fn begin_again(&self) {
        self.waiting.send_modify(|waiting| waiting.fill(Some(NOT_LISTED.to_owned())));
    }

    /// The kinds that are watched, each once.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Whether every kind was listed once.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        is_filled(&self.waiting.borrow())
    }

    /// Waits until every kind was listed once.
    pub async fn filled(&self) {
        // The sender is in `self`, so the channel is open.
        let _ = self.waiting.subscribe().wait_for(|waiting| is_filled(waiting)).await;
    }

    /// The same, without the kinds that the API server does not have: there are no objects of them now.
    pub async fn settled(&self) {
        let is_settled = |why: &Option<String>| why.as_ref().is_none_or(|why| why == NOT_SERVED);
        let _ = self.waiting.subscribe().wait_for(|waiting| waiting.iter().all(is_settled)).await;
    }

    /// The kinds that are not filled, and why.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.told(|_| true)
    }

    /// The kinds that are not filled though the API server may have them, and why.
    #[must_use]
    pub fn failed(&self) -> Vec<String> {
        self.told(|why| why != NOT_SERVED)
    }

    fn told(&self, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let waiting = self.waiting.borrow();
        let whys = waiting.iter().map(|why| why.as_deref().filter(|why| is_meant(why)));
        let kinds = self.kinds.iter().zip(whys);
        kinds.filter_map(|(kind, why)| Some(format!("{}: {}", kind.name(), why?))).collect()
    }

    /// Notes how far a kind has come; whether that is news. What was filled stays so.
    fn note(&self, at: usize, why: Option<String>) -> bool {
        self.waiting.send_if_modified(|waiting| match waiting.get_mut(at) {
            Some(known) if known.is_some() && *known != why => {
                *known = why;
                true
            }
            Some(_) | None => false,
        })
    }

    /// Notes for all kinds that are not filled why nobody watches them; whether that is news.
    fn note_all(&self, why: &str) -> bool {
        let news = (0..self.kinds.len()).filter(|at| self.note(*at, Some(why.to_owned())));
        news.count() > 0
    }
}

fn is_filled(waiting: &[Option<String>]) -> bool {
    waiting.iter().all(Option::is_none)
}

#[cfg(test)]
mod tests;
