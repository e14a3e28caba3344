//! Puts the parts together: what `kpol-webhook serve` does from its first line to its last.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use kpol::{Loader, PublicKey};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};

use crate::{
    admission::Manner,
    bundles::Files,
    configure::Keeper,
    metrics::Metrics,
    policies::{Maker, Store, until_tomorrow},
    policy_bundles,
    router::{App, health, router},
    serve::{Server, listen},
    settings::{PolicyArgs, Serve},
};

/// What the store calls bundles from files together.
pub const FILES: &str = "files";

/// How long the API server may take to say its version.
const ASK: Duration = Duration::from_secs(5);

/// Why the webhook does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file of the command line cannot be used.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// An address cannot be listened on.
    #[error("{address}: {why}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why not.
        why: std::io::Error,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Settings(String),
}

impl PolicyArgs {
    /// Sees that there is any source of policies.
    ///
    /// # Errors
    /// When there is none.
    pub fn check(&self) -> Result<(), StartError> {
        if self.bundles.is_empty() && !self.policy_bundles {
            let why =
                "there are no policies: give --bundle, or --policy-bundles to take them from the cluster";
            return Err(StartError::Settings(why.into()));
        }
        Ok(())
    }
}

/// The loader that the command line asks for.
///
/// # Errors
/// When a key cannot be read.
pub fn loader(args: &PolicyArgs) -> Result<Loader, StartError> {
    let mut loader = Loader::new();
    for path in &args.keys {
        let wrong = |why: String| StartError::File { path: path.clone(), why };
        let pem = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        loader = loader.with_key(PublicKey::from_pem(&pem).map_err(|error| wrong(error.to_string()))?);
    }
    Ok(loader)
}

/// Looks at the files once and puts what is there into use.
fn look(files: &mut Files, maker: &Maker, store: &Store, metrics: &Metrics, first: bool) {
    let look = files.look(maker, metrics);
    if !look.changed && !first {
        return;
    }
    store.update(FILES, look.ready, look.missing, metrics);
    for param in maker.unknown_params(&store.get()) {
        tracing::warn!(param, "no bundle has this param");
    }
}

/// Looks at the files again and again, on a thread of its own.
fn keep_looking(
    mut files: Files,
    maker: Maker,
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    every: Duration,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let pause = every.min(until_tomorrow(SystemTime::now())).max(Duration::from_millis(50));
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
            let (maker, store, metrics) = (maker.clone(), Arc::clone(&store), Arc::clone(&metrics));
            let looked = tokio::task::spawn_blocking(move || {
                look(&mut files, &maker, &store, &metrics, false);
                files
            });
            match looked.await {
                Ok(again) => files = again,
                // Nothing in it panics; without it bundles would stay as they are for ever.
                Err(error) => {
                    tracing::error!(error = error.to_string(), "bundles are not looked at any more");
                    return;
                }
            }
        }
    })
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When something on the command line cannot be used.
pub async fn serve(args: Serve) -> Result<(), StartError> {
    let metrics = Arc::new(Metrics::new());
    let store = Arc::new(Store::new());
    let mut maker = Maker::new(&args.policies, loader(&args.policies)?, args.bounds.max_steps);
    let (stopper, stop) = watch::channel(false);

    args.policies.check()?;
    let signals = Signals::new();
    let client = match args.policies.policy_bundles || Keeper::is_needed(&args) {
        true => Some(client().await?),
        false => None,
    };
    match version(args.policies.kubernetes, client.as_ref()).await {
        Ok(version) => maker = maker.with_kubernetes(version),
        Err(why) => {
            tracing::warn!(
                why,
                "the cluster's version is not known: rules see the newest one; give --kubernetes"
            );
        }
    }

    let (tls, certificates) = crate::tls::start(&args.certificate, args.policies.poll, &metrics)?;

    if args.policies.policy_bundles {
        store.expect(policy_bundles::SOURCE, &metrics);
    }
    let mut files = Files::new(args.policies.bundles.clone());
    let first = {
        let (maker, store, metrics) = (maker.clone(), Arc::clone(&store), Arc::clone(&metrics));
        tokio::task::spawn_blocking(move || {
            look(&mut files, &maker, &store, &metrics, true);
            files
        })
    };
    let files = first.await.map_err(|error| StartError::Settings(error.to_string()))?;
    if !args.policies.no_watch {
        let (store, metrics) = (Arc::clone(&store), Arc::clone(&metrics));
        tokio::spawn(crate::watch::keep(client.clone(), store, metrics, stop.clone()));
    }
    if let Some(client) = client.clone().filter(|_| Keeper::is_needed(&args)) {
        let (store, metrics) = (Arc::clone(&store), Arc::clone(&metrics));
        tokio::spawn(Keeper::new(&args, client, certificates.clone(), store, metrics).run());
    }
    if let Some(client) = client.filter(|_| args.policies.policy_bundles) {
        let (store, metrics) = (Arc::clone(&store), Arc::clone(&metrics));
        tokio::spawn(policy_bundles::run(client, maker.clone(), store, metrics, stop.clone()));
    }
    keep_looking(files, maker, Arc::clone(&store), Arc::clone(&metrics), args.policies.poll, stop.clone());

    let manner =
        Manner { failure_policy: args.policies.failure_policy, validate_mutated: args.validate_mutated };
    let app = App::new(Arc::clone(&store), Arc::clone(&metrics), manner, &args.bounds);
    let app = Arc::new(app.with_certificates(certificates));
    let server = |listener, tls, router| Server {
        listener,
        tls,
        router,
        bounds: args.bounds.clone(),
        metrics: Arc::clone(&metrics),
    };
    let webhook = server(bind(args.listen).await?, Some(tls), router(Arc::clone(&app)));
    let probes = server(bind(args.listen_metrics).await?, None, health(Arc::clone(&app)));
    tracing::info!(
        address = address(&webhook),
        metrics = address(&probes),
        bundles = store.get().bundles.len(),
        "serving"
    );
    let webhook = tokio::spawn(webhook.run(stop.clone()));
    // Probes and metrics go on while the webhook drains.
    let (end_probes, probes_end) = watch::channel(false);
    let probes = tokio::spawn(probes.run(probes_end));

    signals.wait().await;
    tracing::info!(delay = args.bounds.shutdown_delay.as_secs_f64(), "shutting down");
    app.stop();
    // Endpoints learn that this one goes before it goes.
    tokio::time::sleep(args.bounds.shutdown_delay).await;
    let _ = stopper.send(true);
    let _ = webhook.await;
    let _ = end_probes.send(true);
    let _ = probes.await;
    tracing::info!("the end");
    Ok(())
}

/// A client of the API server: of the cluster that this runs in, or of the kubeconfig.
///
/// # Errors
/// When there is none.
pub async fn client() -> Result<kube::Client, StartError> {
    kube::Client::try_default()
        .await
        .map_err(|error| StartError::Settings(format!("the API server cannot be reached: {error}")))
}

/// The version of the cluster: as given, or as the API server says, if there is one within reach.
async fn version(given: Option<(u32, u32)>, client: Option<&kube::Client>) -> Result<(u32, u32), String> {
    if let Some(version) = given {
        return Ok(version);
    }
    let ask = async {
        let made;
        let client = match client {
            Some(client) => client,
            None => {
                made = kube::Client::try_default().await.map_err(|error| error.to_string())?;
                &made
            }
        };
        crate::audit::kubernetes(client).await.map_err(|error| error.to_string())
    };
    let answer = tokio::time::timeout(ASK, ask).await;
    answer.unwrap_or_else(|_| Err("the API server does not answer".into()))
}

/// Serves `/metrics` alone, until `stop` is true.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_metrics(
    address: std::net::SocketAddr,
    metrics: Arc<Metrics>,
    stop: watch::Receiver<bool>,
) -> Result<(), StartError> {
    let router = crate::router::only_metrics(Arc::clone(&metrics));
    let bounds = crate::settings::Bounds::default();
    let server = Server { listener: bind(address).await?, tls: None, router, bounds, metrics };
    tokio::spawn(server.run(stop));
    Ok(())
}

fn address(server: &Server) -> String {
    server.listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
}

async fn bind(address: std::net::SocketAddr) -> Result<tokio::net::TcpListener, StartError> {
    listen(address).await.map_err(|why| StartError::Listen { address, why })
}

/// The signals to end: SIGTERM and SIGINT. They are caught from when this is made on, so nothing is cut off that began
/// before anybody waits.
#[derive(Debug)]
pub struct Signals {
    terminate: Option<Signal>,
    interrupt: Option<Signal>,
}

impl Signals {
    /// Catches them.
    #[must_use]
    pub fn new() -> Signals {
        Signals {
            terminate: signal(SignalKind::terminate()).ok(),
            interrupt: signal(SignalKind::interrupt()).ok(),
        }
    }

    /// Waits for one of them.
    pub async fn wait(mut self) {
        tokio::select! {
            () = caught(&mut self.terminate) => {}
            () = caught(&mut self.interrupt) => {}
        }
    }
}

impl Default for Signals {
    fn default() -> Signals {
        Signals::new()
    }
}

/// A signal that cannot be caught has the effect that it has.
async fn caught(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
