//! Begins and ends watches as bundles come and go, and says how much is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use kube::Client;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{Live, run};
use crate::{
    metrics::{KindLabels, Metrics},
    policies::Store,
};

/// How often sizes are told, and a client is tried to be had.
const PAUSE: Duration = Duration::from_secs(5);

/// The watches of one bundle.
struct Running {
    live: Arc<Live>,
    end: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Watches for all bundles of the store, also for those that come into use when their kinds are filled, until `stop` is true.
/// Without a `client`, one is made when a bundle needs it.
pub async fn keep(
    mut client: Option<Client>,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let changed = store.changed();
    let mut running: Vec<Running> = Vec::new();
    let mut told = BTreeSet::new();
    loop {
        store.settle(&metrics);
        let wanted = store.lives();
        running.retain(|running| {
            let is_wanted = wanted.iter().any(|live| Arc::ptr_eq(live, &running.live));
            let stays = is_wanted && !running.task.is_finished();
            if !stays {
                let _ = running.end.send(true);
            }
            stays
        });
        for live in &wanted {
            if running.iter().any(|running| Arc::ptr_eq(&running.live, live)) {
                continue;
            }
            match had(&mut client).await {
                Ok(client) => running.push(begin(client, Arc::clone(live), &metrics, &changed)),
                Err(why) => {
                    if live.note_all(&why) {
                        tracing::error!(why, "the cluster cannot be watched");
                        changed.notify_one();
                    }
                }
            }
        }
        tell(&wanted, &metrics, &mut told);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            () = changed.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    for running in &running {
        let _ = running.end.send(true);
    }
}

async fn had(client: &mut Option<Client>) -> Result<Client, String> {
    if client.is_none() {
        let made = Client::try_default().await;
        *client = Some(made.map_err(|error| format!("there is no way to the API server: {error}"))?);
    }
    client.clone().ok_or_else(|| "there is no client".to_owned())
}

fn begin(client: Client, live: Arc<Live>, metrics: &Arc<Metrics>, changed: &Arc<Notify>) -> Running {
    let (end, ends) = watch::channel(false);
    for kind in live.kinds() {
        tracing::info!(kind = kind.name(), "watching");
    }
    let task = tokio::spawn(run(client, Arc::clone(&live), Arc::clone(metrics), Arc::clone(changed), ends));
    Running { live, end, task }
}

/// Says how much is kept of each kind, for all bundles together.
pub(super) fn tell(lives: &[Arc<Live>], metrics: &Metrics, told: &mut BTreeSet<KindLabels>) {
    let mut sizes: BTreeMap<KindLabels, (usize, usize)> = BTreeMap::new();
    for size in lives.iter().flat_map(|live| live.cluster.sizes()) {
        let (objects, bytes) = sizes.entry(KindLabels { kind: size.kind }).or_default();
        *objects += size.objects;
        *bytes += size.bytes + size.index_bytes;
    }
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    for (labels, (objects, bytes)) in &sizes {
        metrics.cached.get_or_create(labels).set(number(*objects));
        metrics.cached_bytes.get_or_create(labels).set(number(*bytes));
    }
    for gone in told.iter().filter(|labels| !sizes.contains_key(labels)) {
        metrics.cached.remove(gone);
        metrics.cached_bytes.remove(gone);
    }
    *told = sizes.into_keys().collect();
}
