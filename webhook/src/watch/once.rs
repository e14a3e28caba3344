//! Fills what bundles ask of the cluster, for as long as somebody looks at it.

use std::{sync::Arc, time::Duration};

use kube::Client;
use tokio::sync::{Notify, watch};

use super::run;
use crate::{metrics::Metrics, policies::Ready};

/// Watches that end when this is dropped.
#[derive(Debug)]
pub struct Watching {
    /// Nothing is sent: a watch ends when its sender is gone.
    _ends: Vec<watch::Sender<bool>>,
}

/// Begins to watch for these bundles, and waits until every kind was listed that the API server has, at most for so long.
/// With what could not be listed, and why.
pub async fn fill(
    client: &Client,
    bundles: &[Arc<Ready>],
    metrics: &Arc<Metrics>,
    most: Duration,
) -> (Watching, Vec<String>) {
    let lives: Vec<_> = bundles.iter().filter_map(|ready| ready.live.clone()).collect();
    let mut ends = Vec::with_capacity(lives.len());
    for live in &lives {
        live.begin_again();
        let (end, ended) = watch::channel(false);
        let (live, metrics) = (Arc::clone(live), Arc::clone(metrics));
        tokio::spawn(run(client.clone(), live, metrics, Arc::new(Notify::new()), ended));
        ends.push(end);
    }
    let settled = async {
        for live in &lives {
            live.settled().await;
        }
    };
    // What is not there by then is among the missing.
    let _ = tokio::time::timeout(most, settled).await;
    (Watching { _ends: ends }, lives.iter().flat_map(|live| live.failed()).collect())
}
