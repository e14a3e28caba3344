//! Follows the kinds of one bundle: events of a watch into a live cluster.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, future::join_all};
use kpol::{Filling, Json};
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::DynamicObject,
    runtime::{
        WatchStreamExt as _,
        utils::Backoff,
        watcher::{self, DefaultBackoff, Event},
    },
};
use tokio::sync::{Notify, watch};

use super::{Kind, Live, NOT_SERVED};
use crate::metrics::{KindLabels, Metrics};

/// Objects of one page of a list.
const PAGE: u32 = 500;
/// Objects of a list after which others get their turn.
const TURN: usize = 32;

/// Watches all kinds of a bundle until `stop` is true. `changed` is told when a kind is filled, or the reason why it is not changes.
pub async fn run(
    client: Client,
    live: Arc<Live>,
    metrics: Arc<Metrics>,
    changed: Arc<Notify>,
    stop: watch::Receiver<bool>,
) {
    watch(client, &live, &metrics, &changed, stop, Patient::default).await;
}

/// The same, with a way to wait after errors.
pub(super) async fn watch<B: Backoff + 'static>(
    client: Client,
    live: &Live,
    metrics: &Metrics,
    changed: &Notify,
    mut stop: watch::Receiver<bool>,
    patience: fn() -> B,
) {
    let kinds = (0..live.kinds.len()).map(|at| {
        let client = client.clone();
        async move {
            let Some(mut follower) = Follower::new(live, at) else { return };
            let api: Api<DynamicObject> = Api::all_with(client, &follower.kind.resource());
            let config = watcher::Config::default().page_size(PAGE);
            let mut events = std::pin::pin!(watcher::watcher(api, config).backoff(patience()));
            let mut turn = 0;
            while let Some(event) = events.next().await {
                let news = match event {
                    Ok(event) => follower.apply(event, metrics),
                    Err(error) => follower.fail(&error, metrics),
                };
                if news {
                    changed.notify_one();
                }
                turn += 1;
                if turn % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        _ = join_all(kinds) => {}
    }
}

/// Waits longer after each error, up to half a minute, and begins anew when there was none for two.
///
/// kube's own way begins anew at every event, and a watch that cannot even list has one before each error: it would ask for a
/// kind that is not there once a second for ever.
pub(super) struct Patient<B>(B);

impl Default for Patient<DefaultBackoff> {
    fn default() -> Self {
        Patient(DefaultBackoff::default())
    }
}

impl<B: Iterator<Item = Duration>> Iterator for Patient<B> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next()
    }
}

impl<B: Backoff> Backoff for Patient<B> {
    fn reset(&mut self) {}
}

/// Applies the events of one kind.
#[derive(Debug)]
pub struct Follower<'l> {
    live: &'l Live,
    at: usize,
    kind: &'l Kind,
    /// A list that is arriving.
    filling: Option<Filling<'l>>,
}

impl<'l> Follower<'l> {
    /// For the kind at this position of [`Live::kinds`].
    #[must_use]
    pub fn new(live: &'l Live, at: usize) -> Option<Follower<'l>> {
        Some(Follower { live, at, kind: live.kinds.get(at)?, filling: None })
    }

    /// Applies an event; whether the kind is filled by it.
    pub fn apply(&mut self, event: Event<DynamicObject>, metrics: &Metrics) -> bool {
        let Kind { group, version, kind, .. } = self.kind;
        match event {
            Event::Init => self.filling = Some(self.live.cluster.fill(group, version, kind)),
            Event::InitApply(object) => {
                let put = json(object, self.kind).and_then(|json| match &mut self.filling {
                    Some(filling) => filling.put(&json).map_err(|misfit| misfit.to_string()),
                    None => Ok(()),
                });
                self.noted(put, metrics);
            }
            Event::InitDone => {
                let Some(filling) = self.filling.take() else { return false };
                filling.done();
                let news = self.live.note(self.at, None);
                tracing::info!(kind = self.kind.name(), "a kind is listed");
                return news;
            }
            Event::Apply(object) => {
                let name = named(&object);
                let put = match json(object, self.kind) {
                    Ok(json) => self.live.cluster.put(&json).map(|_| ()).map_err(|misfit| misfit.to_string()),
                    Err(why) => {
                        self.live.cluster.remove(group, kind, &name.0, &name.1);
                        Err(why)
                    }
                };
                self.noted(put, metrics);
            }
            Event::Delete(object) => {
                let (namespace, name) = named(&object);
                self.live.cluster.remove(group, kind, &namespace, &name);
            }
        }
        false
    }

    /// Notes an object that is left out: rules would not understand it.
    fn noted(&self, put: Result<(), String>, metrics: &Metrics) {
        if let Err(why) = put {
            metrics.misfits.get_or_create(&self.labels()).inc();
            tracing::warn!(kind = self.kind.name(), why, "an object does not have the form of its kind");
        }
    }

    /// Notes that the watch failed, which is tried again; whether the reason why the kind is not filled is another one now.
    pub fn fail(&mut self, error: &watcher::Error, metrics: &Metrics) -> bool {
        let why = reason(error);
        metrics.watch_errors.get_or_create(&self.labels()).inc();
        tracing::warn!(kind = self.kind.name(), why, "a watch failed, and is tried again");
        self.live.note(self.at, Some(why))
    }

    fn labels(&self) -> KindLabels {
        KindLabels { kind: self.kind.kind.clone() }
    }
}

/// Namespace and name.
fn named(object: &DynamicObject) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// The object as rules see the one under review.
///
/// # Errors
/// When it is nested too deeply; with its name.
pub(super) fn json(object: DynamicObject, kind: &Kind) -> Result<Json, String> {
    let name = object.meta().name.clone().unwrap_or_default();
    kind.json(object).map_err(|error| format!("{name}: {error}"))
}

/// What went wrong, in few words.
fn reason(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) => match status.code {
            404 => NOT_SERVED.to_owned(),
            code => format!("it cannot be listed: {} ({code})", status.message),
        },
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => {
            format!("it cannot be watched: {} ({})", status.message, status.code)
        }
        watcher::Error::WatchError(status) => {
            format!("the watch ended: {} ({})", status.message, status.code)
        }
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => error.to_string(),
    }
}
