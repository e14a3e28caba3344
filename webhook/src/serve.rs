//! Sockets: accepts connections within bounds, speaks TLS, HTTP/1.1 and HTTP/2, and drains at the end.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{metrics::Metrics, settings::Bounds};

/// How long to wait when no connection can be accepted, as when the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often a quiet HTTP/2 client is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The most bytes of the headers of a request; those of an API server take some hundred.
const MAX_HEADERS: u32 = 16 << 10;
/// The most headers of a request.
const MAX_HEADER_COUNT: usize = 64;

/// Which clients may ask, after the handshake.
pub type Admits = Arc<dyn Fn(&[rustls::pki_types::CertificateDer<'_>]) -> bool + Send + Sync>;

/// TLS of the webhook.
#[derive(Clone)]
pub struct Tls {
    /// The configuration of the moment: certificates change while the process runs.
    pub config: Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>,
    /// What is asked of the client's certificate besides being valid.
    pub admits: Admits,
}

/// What a listener serves.
pub struct Server {
    /// The listener.
    pub listener: TcpListener,
    /// TLS; without, plain HTTP.
    pub tls: Option<Tls>,
    /// What answers.
    pub router: Router,
    /// Within which bounds.
    pub bounds: Bounds,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves until `stop` is true, then refuses new connections and waits for what is being answered, at most
    /// [`Bounds::drain`].
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let Server { listener, tls, router, bounds, metrics } = self;
        let connections = Arc::new(Semaphore::new(bounds.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(error = error.to_string(), "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
                // Closed at once: a client that waits would think that it is served.
                metrics.reject("connections");
                continue;
            };
            let connection = Connection {
                router: router.clone(),
                bounds: bounds.clone(),
                metrics: Arc::clone(&metrics),
                watcher: graceful.watcher(),
                _permit: permit,
            };
            let tls = tls.clone();
            tokio::spawn(async move { connection.serve(stream, tls).await });
        }
        drop(listener);
        let open = graceful.count();
        if tokio::time::timeout(bounds.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!(open, "connections are cut off that did not end in time");
        }
    }
}

struct Connection {
    router: Router,
    bounds: Bounds,
    metrics: Arc<Metrics>,
    watcher: hyper_util::server::graceful::Watcher,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<Tls>) {
        // Answers are small, and somebody waits for them.
        let _ = stream.set_nodelay(true);
        self.metrics.connections.inc();
        let metrics = Arc::clone(&self.metrics);
        match tls {
            None => self.http1(TokioIo::new(stream)).await,
            Some(tls) => match self.handshake(stream, &tls).await {
                Ok(stream) if is_http2(&stream) => self.http2(TokioIo::new(stream)).await,
                Ok(stream) => self.http1(TokioIo::new(stream)).await,
                Err(reason) => self.metrics.reject(reason),
            },
        }
        metrics.connections.dec();
    }

    async fn handshake(&self, stream: TcpStream, tls: &Tls) -> Result<TlsStream<TcpStream>, &'static str> {
        let accept = TlsAcceptor::from((tls.config)()).accept(stream);
        let stream = match tokio::time::timeout(self.bounds.client_timeout, accept).await {
            Err(_) => return Err("slow_handshake"),
            // Port scanners and probes end here all the time; the counter says how many.
            Ok(Err(error)) => {
                tracing::debug!(error = error.to_string(), "a TLS handshake failed");
                return Err("handshake");
            }
            Ok(Ok(stream)) => stream,
        };
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        if !(tls.admits)(certificates) {
            tracing::warn!("a client's certificate has a name that is not among --client-name");
            return Err("client_name");
        }
        Ok(stream)
    }

    async fn http1<I>(self, io: I)
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.bounds.client_timeout)
            .max_headers(MAX_HEADER_COUNT)
            .max_buf_size(MAX_HEADERS as usize)
            .serve_connection(io, TowerToHyperService::new(self.router));
        ended(self.watcher.watch(connection).await);
    }

    async fn http2<I>(self, io: I)
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.bounds.max_streams)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(self.bounds.client_timeout)
            .serve_connection(io, TowerToHyperService::new(self.router));
        ended(self.watcher.watch(connection).await);
    }
}

fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

/// Clients go away in the middle of things; that is theirs to know.
fn ended(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        tracing::debug!(error = error.to_string(), "a connection ended");
    }
}

/// A listener on an address.
///
/// # Errors
/// When the address is taken, or not of this machine.
pub async fn listen(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
