//! Sockets: accepts connections within bounds, speaks TLS, HTTP/1.1 and HTTP/2, and drains at the end.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::{HttpService, Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{certs::tls::Acceptor, metrics::Metrics, settings::Bounds};

/// How long to wait when no connection can be accepted, as when the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often a quiet HTTP/2 client is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The most bytes of the headers of a request; those of an API server take some hundred.
const MAX_HEADERS: u32 = 16 << 10;
/// The most headers of a request.
const MAX_HEADER_COUNT: usize = 64;

/// What a listener serves.
pub struct Server {
    /// The listener.
    pub listener: TcpListener,
    /// TLS; without, plain HTTP.
    pub tls: Option<Acceptor>,
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
    async fn serve(self, stream: TcpStream, tls: Option<Acceptor>) {
        // Answers are small, and somebody waits for them.
        let _ = stream.set_nodelay(true);
        self.metrics.connections.inc();
        let metrics = Arc::clone(&self.metrics);
        match tls {
            None => self.http(TokioIo::new(stream), false).await,
            Some(tls) => match self.handshake(stream, &tls).await {
                Ok(stream) => {
                    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    self.http(TokioIo::new(stream), is_http2).await;
                }
                Err(reason) => self.metrics.reject(reason),
            },
        }
        metrics.connections.dec();
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        tls: &Acceptor,
    ) -> Result<TlsStream<TcpStream>, &'static str> {
        let accept = TlsAcceptor::from(tls.current()).accept(stream);
        match tokio::time::timeout(self.bounds.client_timeout, accept).await {
            Err(_) => Err("slow_handshake"),
            // Port scanners and probes end here all the time; the counter says how many.
            Ok(Err(error)) => {
                tracing::debug!(error = error.to_string(), "a TLS handshake failed");
                Err("handshake")
            }
            Ok(Ok(stream)) => Ok(stream),
        }
    }

    /// Serves until the client goes away, or has not begun a request for too long: what it sends besides, and at which pace, is
    /// no matter.
    async fn http<I>(self, io: I, is_http2: bool)
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (bounds, metrics) = (self.bounds.clone(), Arc::clone(&self.metrics));
        let asked = Arc::new(AtomicBool::new(false));
        let (note, inner) = (Arc::clone(&asked), TowerToHyperService::new(self.router.clone()));
        let service = service_fn(move |request| {
            note.store(true, Ordering::Relaxed);
            inner.call(request)
        });
        let served = async {
            match is_http2 {
                true => self.http2(io, service).await,
                false => self.http1(io, service).await,
            }
        };
        let quiet = async {
            tokio::time::sleep(bounds.client_timeout).await;
            if !asked.load(Ordering::Relaxed) {
                return metrics.reject("slow_request");
            }
            // Looked at now and then: that costs requests nothing, and a connection at most twice its time.
            while asked.swap(false, Ordering::Relaxed) {
                tokio::time::sleep(bounds.idle_timeout).await;
            }
        };
        tokio::select! {
            () = served => {}
            () = quiet => {}
        }
    }

    async fn http1<I, S>(self, io: I, service: S)
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
        S: HttpService<Incoming, ResBody = axum::body::Body> + Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // It would count from the request before, and so close connections that are only idle.
            .header_read_timeout(None)
            .max_headers(MAX_HEADER_COUNT)
            .max_buf_size(MAX_HEADERS as usize)
            .serve_connection(io, service);
        ended(self.watcher.watch(connection).await);
    }

    async fn http2<I, S>(self, io: I, service: S)
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
        S: HttpService<Incoming, ResBody = axum::body::Body> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.bounds.max_streams)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(self.bounds.client_timeout)
            .serve_connection(io, service);
        ended(self.watcher.watch(connection).await);
    }
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
