//! HTTP, without sockets: paths, bounds on bodies, and what is turned away.
//!
//! A request that is turned away gets a status other than 200. The API server takes that for a webhook that did not answer,
//! and does what the `failurePolicy` of its configuration says.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{Semaphore, TryAcquireError};

use crate::{
    admission::{self, Manner, Reply, Webhook},
    certs::Certificates,
    metrics::Metrics,
    policies::Store,
    settings::Bounds,
};

/// Bytes are counted in pieces of so many.
const PIECE: usize = 1 << 10;
/// Bodies up to so many times the largest that is taken are read to their end before they are refused.
const DISCARDED: usize = 4;

/// What all requests share.
pub struct App {
    /// The policies in use.
    pub store: Arc<Store>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    manner: Manner,
    max_body: usize,
    body_timeout: Duration,
    in_flight: Semaphore,
    /// In [`PIECE`]s.
    held: Semaphore,
    stopping: AtomicBool,
    certificates: Option<Certificates>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("manner", &self.manner).finish_non_exhaustive()
    }
}

impl App {
    /// With these bounds.
    #[must_use]
    pub fn new(store: Arc<Store>, metrics: Arc<Metrics>, manner: Manner, bounds: &Bounds) -> App {
        let permits = |n: usize| n.clamp(1, Semaphore::MAX_PERMITS);
        App {
            store,
            metrics,
            manner,
            max_body: bounds.max_body,
            body_timeout: bounds.client_timeout,
            in_flight: Semaphore::new(permits(bounds.max_in_flight)),
            // One request of the largest size must always fit.
            held: Semaphore::new(permits(bounds.max_held.max(bounds.max_body).div_ceil(PIECE))),
            stopping: AtomicBool::new(false),
            certificates: None,
        }
    }

    /// Not ready before there is a certificate.
    #[must_use]
    pub fn with_certificates(self, certificates: Certificates) -> App {
        App { certificates: Some(certificates), ..self }
    }

    /// From now on `/readyz` says that no new requests should come.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

/// The webhook: `/validate` and `/mutate`, and what [`health`] has.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/validate", any(validate))
        .route("/mutate", any(mutate))
        .merge(health_routes())
        .fallback(nothing_here)
        .with_state(app)
}

/// `/metrics`, `/healthz` and `/readyz` alone, for a port without TLS.
pub fn health(app: Arc<App>) -> Router {
    health_routes().fallback(nothing_here).with_state(app)
}

/// `/metrics` and `/healthz` of a process that answers no requests.
pub fn only_metrics(all: Arc<Metrics>) -> Router {
    let metrics = move || {
        let text = all.text();
        async move { openmetrics(text) }
    };
    Router::new().route("/metrics", get(metrics)).route("/healthz", get(healthz)).fallback(nothing_here)
}

fn openmetrics(text: String) -> Response {
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

fn health_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
}

async fn nothing_here() -> Response {
    refuse(StatusCode::NOT_FOUND, "there are /validate, /mutate, /healthz, /readyz and /metrics")
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.stopping.load(Ordering::Relaxed) {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    }
    let missing = app.store.get().missing.join("\n");
    if app.certificates.as_ref().is_some_and(|certificates| certificates.end().is_none()) {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("there is no certificate yet\n{missing}").trim_end(),
        );
    }
    match (app.store.is_ready(), missing.is_empty()) {
        (false, _) => refuse(StatusCode::SERVICE_UNAVAILABLE, &missing),
        (true, true) => "ok\n".into_response(),
        (true, false) => format!("ok, but not everything is in use:\n{missing}\n").into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    openmetrics(app.metrics.text())
}

async fn validate(State(app): State<Arc<App>>, request: Request) -> Response {
    review(&app, Webhook::Validate, request).await
}

async fn mutate(State(app): State<Arc<App>>, request: Request) -> Response {
    review(&app, Webhook::Mutate, request).await
}

async fn review(app: &App, webhook: Webhook, request: Request) -> Response {
    if request.method() != Method::POST {
        let mut response = turn_away(app, Away::Method);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    if !is_json(&request) {
        return turn_away(app, Away::ContentType);
    }
    // Nobody waits here: whoever waits holds memory, and the API server does not wait for long.
    let Ok(_permit) = app.in_flight.try_acquire() else { return turn_away(app, Away::InFlight) };
    let _count = Count::new(&app.metrics);
    let body = match body(app, request.into_body()).await {
        Ok(body) => body,
        Err(away) => return turn_away(app, away),
    };
    let policies = app.store.get();
    // Some microseconds of work; it ends because steps are bounded.
    let Reply { status, body } = admission::answer(webhook, &policies, &body.0, app.manner, &app.metrics);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = if status == StatusCode::OK { "application/json" } else { "text/plain; charset=utf-8" };
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

/// Counts a request while it is answered.
struct Count<'m>(&'m Metrics);

impl<'m> Count<'m> {
    fn new(metrics: &'m Metrics) -> Count<'m> {
        metrics.in_flight.inc();
        Count(metrics)
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

/// `application/json`, whatever its parameters.
fn is_json(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.map(|value| value.split(';').next().unwrap_or_default().trim());
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

/// The body, and the room that it takes.
async fn body(app: &App, body: Body) -> Result<(Bytes, Option<tokio::sync::SemaphorePermit<'_>>), Away> {
    use http_body::Body as _;
    // What does not say how long it is may be as long as it may get.
    let size = body.size_hint();
    let most = size.upper().unwrap_or(app.max_body as u64);
    if size.lower() > app.max_body as u64 {
        // Who wants to send far too much gets no time for it.
        if size.lower() <= app.max_body.saturating_mul(DISCARDED) as u64 {
            discard(app, body).await;
        }
        return Err(Away::TooLarge);
    }
    let pieces = usize::try_from(most).unwrap_or(app.max_body).min(app.max_body).div_ceil(PIECE);
    let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
    let permit = match app.held.try_acquire_many(pieces) {
        Ok(permit) => permit,
        Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return Err(Away::Held),
    };
    let mut limited = std::pin::pin!(Limited::new(body, app.max_body).collect());
    // Most bodies are there already, and need no clock.
    let collected = match futures_util::poll!(&mut limited) {
        Poll::Ready(collected) => Ok(collected),
        Poll::Pending => tokio::time::timeout(app.body_timeout, limited).await,
    };
    match collected {
        Err(_) => Err(Away::SlowBody),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Away::TooLarge),
        Ok(Err(_)) => Err(Away::Broken),
        Ok(Ok(collected)) => Ok((collected.to_bytes(), Some(permit))),
    }
}

/// Reads what is not wanted, so that a client of HTTP/1.1 gets to the answer: it writes its body to the end first.
async fn discard(app: &App, body: Body) {
    let read = async {
        let mut body = std::pin::pin!(Limited::new(body, app.max_body.saturating_mul(DISCARDED)));
        while let Some(Ok(_)) = body.frame().await {}
    };
    let _ = tokio::time::timeout(app.body_timeout, read).await;
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    Method,
    ContentType,
    InFlight,
    Held,
    TooLarge,
    SlowBody,
    Broken,
}

fn turn_away(app: &App, away: Away) -> Response {
    let (status, reason, text) = match away {
        Away::Method => (StatusCode::METHOD_NOT_ALLOWED, "method", "an AdmissionReview is sent by POST"),
        Away::ContentType => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type",
            "an AdmissionReview is sent as Content-Type: application/json",
        ),
        Away::InFlight => {
            (StatusCode::SERVICE_UNAVAILABLE, "in_flight", "too many requests at the same time")
        }
        Away::Held => {
            (StatusCode::SERVICE_UNAVAILABLE, "held", "too many bytes of requests at the same time")
        }
        Away::TooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the request is larger than --max-body")
        }
        Away::SlowBody => (StatusCode::REQUEST_TIMEOUT, "slow_body", "the body did not arrive in time"),
        Away::Broken => (StatusCode::BAD_REQUEST, "broken_body", "the body broke off"),
    };
    app.metrics.reject(reason);
    tracing::warn!(reason, status = status.as_u16(), "a request is turned away");
    refuse(status, text)
}

fn refuse(status: StatusCode, text: &str) -> Response {
    (status, format!("{text}\n")).into_response()
}
