//! `kpol-webhook audit`: every object of the cluster that a rule is about, judged as if it were created now.
//!
//! ```text
//!   kinds of the bundles ──▶ pages ──▶ judge ──▶ Report ──▶ PolicyReports, HTML, JSON, lines, metrics
//!                                                  ▲              │
//!                              summary of the last run ◀──────────┘ for the trend
//! ```
//!
//! Memory holds one page and the report, which is bounded; not the cluster.

pub mod judge;
pub mod list;
pub mod publish;
pub mod trend;

use std::{
    io::{BufWriter, IsTerminal, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use kpol_admission::report::{About, BundleInfo, Limits, Report, Resource, Rule, html, json, json_lines};
use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    bundles::Files,
    kind::Kind,
    metrics::Metrics,
    policies::{Maker, Ready, Store},
    policy_bundles,
    run::{FILES, StartError, client, loader},
    settings::Audit,
};
use list::{End, Pages, kinds};

/// How long policies may take to be there.
const SETTLE: Duration = Duration::from_secs(30);
/// How long a replica keeps the Lease without renewing it.
const LEASE: Duration = Duration::from_secs(30);
/// How long giving it back may take.
const GIVE_BACK: Duration = Duration::from_secs(5);
/// How long before its end it is renewed.
const LEASE_GRACE: Duration = Duration::from_secs(10);

/// Why an audit did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It could not begin.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A file cannot be written or read.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// Something that the audit runs on stopped.
    #[error("{0}")]
    Stopped(String),
}

/// What an audit came to, for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rule that denies found anything.
    Clean,
    /// Some did.
    Violations,
    /// Not everything could be looked at.
    Incomplete,
}

/// How long an audit waits for what rules refer to.
const FILL: std::time::Duration = std::time::Duration::from_secs(120);

/// Runs once, or again and again.
///
/// # Errors
/// When it cannot begin, or its results cannot be written.
pub async fn run(args: Audit) -> Result<Verdict, AuditError> {
    args.policies.check()?;
    let client = client().await?;
    let metrics = Arc::new(Metrics::new());
    let version = match args.policies.kubernetes {
        Some(version) => version,
        None => kubernetes(&client).await?,
    };
    let maker = Maker::new(&args.policies, loader(&args.policies)?, args.max_steps).with_kubernetes(version);
    let (stopper, stop) = watch::channel(false);
    let signals = crate::run::Signals::new();
    tokio::spawn(async move {
        signals.wait().await;
        let _ = stopper.send(true);
    });
    if let Some(address) = args.listen_metrics {
        crate::run::serve_metrics(address, Arc::clone(&metrics), stop.clone()).await?;
    }
    let mut lease = match &args.lease {
        Some(name) => Some(Lease::new(client.clone(), name).await?),
        None => None,
    };
    let auditor = Auditor { client, maker, metrics, version, args, stop };
    let verdict = auditor.rounds(&mut lease).await;
    if let Some(lease) = lease {
        lease.give_back().await;
    }
    verdict
}

/// What audits.
struct Auditor {
    client: Client,
    maker: Maker,
    metrics: Arc<Metrics>,
    version: (u32, u32),
    args: Audit,
    stop: watch::Receiver<bool>,
}

impl Auditor {
    /// One round, or one after the other until the process is to end.
    async fn rounds(&self, lease: &mut Option<Lease>) -> Result<Verdict, AuditError> {
        let Auditor { client, maker, metrics, version, args, stop } = self;
        let store = Arc::new(Store::new());
        if args.policies.policy_bundles {
            store.expect(policy_bundles::SOURCE, metrics);
            let (store, metrics) = (Arc::clone(&store), Arc::clone(metrics));
            tokio::spawn(policy_bundles::run(client.clone(), maker.clone(), store, metrics, stop.clone()));
        }
        let mut files = Files::new(args.policies.bundles.clone());
        loop {
            let mut ended = stop.clone();
            if let Some(lease) = lease {
                tokio::select! {
                    _ = ended.wait_for(|stop| *stop) => return Ok(Verdict::Incomplete),
                    held = lease.wait() => held?,
                }
            }
            let look = files.look(maker, metrics);
            // What is wrong with a file does not mend itself while one run waits for it.
            if !look.missing.is_empty() && args.interval.is_none() {
                return Err(StartError::Settings(look.missing.join("; ")).into());
            }
            store.update(FILES, look.ready, look.missing, metrics);
            let bundles = tokio::select! {
                _ = ended.wait_for(|stop| *stop) => return Ok(Verdict::Incomplete),
                bundles = settled(&store, args.policies.poll) => bundles,
            };
            let bundles = match bundles {
                Ok(bundles) => bundles,
                Err(missing) if args.interval.is_none() => return Err(StartError::Settings(missing).into()),
                Err(missing) => {
                    tracing::error!(missing, "some policies are not in use, and not audited by");
                    store.given().0
                }
            };
            let began = tokio::time::Instant::now();
            let report = tokio::select! {
                _ = ended.wait_for(|stop| *stop) => return Ok(Verdict::Incomplete),
                report = once(client, bundles, args, *version, metrics) => report?,
            };
            let verdict = publish(client, &report, args, metrics).await?;
            let Some(interval) = args.interval else { return Ok(verdict) };
            tokio::select! {
                _ = ended.wait_for(|stop| *stop) => return Ok(verdict),
                () = tokio::time::sleep_until(began + interval) => {}
            }
        }
    }
}

/// The bundles, once every source has given its own; what is missing if that takes too long.
async fn settled(store: &Store, every: Duration) -> Result<Vec<Arc<Ready>>, String> {
    let began = tokio::time::Instant::now();
    loop {
        let (bundles, missing) = store.given();
        if missing.is_empty() {
            return Ok(bundles);
        }
        if began.elapsed() > SETTLE {
            return Err(missing.join("; "));
        }
        tokio::time::sleep(every.min(Duration::from_millis(50))).await;
    }
}

/// Major and minor version of the cluster.
///
/// # Errors
/// When the API server does not say.
pub async fn kubernetes(client: &Client) -> Result<(u32, u32), StartError> {
    let info = client.apiserver_version().await;
    let info =
        info.map_err(|error| StartError::Settings(format!("the API server cannot be asked: {error}")))?;
    // Clouds write `34+`.
    let number = |text: &str| text.trim_end_matches('+').parse::<u32>().ok();
    number(&info.major).zip(number(&info.minor)).ok_or_else(|| {
        StartError::Settings(format!("the API server has no version: {}.{}", info.major, info.minor))
    })
}

/// Looks at everything once.
async fn once(
    client: &Client,
    bundles: Vec<Arc<Ready>>,
    args: &Audit,
    (major, minor): (u32, u32),
    metrics: &Arc<Metrics>,
) -> Result<Report, AuditError> {
    let about = About {
        subject: args.subject.clone(),
        kubernetes: format!("{major}.{minor}"),
        bundles: bundles.iter().map(|ready| info(ready)).collect(),
        tool: concat!("kpol-webhook ", env!("CARGO_PKG_VERSION")).into(),
        started: Timestamp::now(),
    };
    let rules: Vec<Rule> =
        bundles.iter().flat_map(|ready| Rule::all(ready.bundle.module()).collect::<Vec<_>>()).collect();
    let limits = Limits { findings_per_rule: args.findings_per_rule, ..Limits::default() };
    let mut report = Report::new(about, rules, limits);
    if let Some(keeper) = &args.summary {
        report.previous = keeper.last(client).await;
    }
    // Rules that refer to other objects must not be told that there are none.
    let (_watching, unknown) = crate::watch::fill(client, &bundles, metrics, FILL).await;
    for why in unknown {
        tracing::error!(why, "not all that rules refer to is known");
        report.fail(Resource::default(), format!("not all that rules refer to is known: {why}"));
    }
    let kinds = kinds(bundles.iter().map(|ready| &ready.bundle));
    let progress = progress(kinds.len());
    let bundles: Arc<[Arc<Ready>]> = bundles.into();
    let exempt: Arc<[String]> = args.exempt_namespaces.clone().into();
    let mut sessions = Vec::new();
    for kind in kinds {
        progress.set_message(kind.name());
        let mut pages = Pages::new(client.clone(), &kind, args.page_size);
        loop {
            let page = match pages.next().await {
                Ok(page) => page,
                Err(end) => {
                    ended(&kind, end, &mut report);
                    break;
                }
            };
            progress.inc_length(page.objects.len() as u64);
            let count = page.objects.len() as u64;
            let (kind, bundles, exempt) = (kind.clone(), Arc::clone(&bundles), Arc::clone(&exempt));
            let judged = tokio::task::spawn_blocking(move || {
                judge::page(page.objects, &kind, &bundles, &exempt, &mut sessions, &mut report);
                (report, sessions)
            });
            (report, sessions) = judged.await.map_err(|error| AuditError::Stopped(error.to_string()))?;
            progress.inc(count);
        }
    }
    progress.finish_and_clear();
    report.finish(Timestamp::now());
    Ok(report)
}

/// A kind whose list has come to an end.
fn ended(kind: &Kind, end: End, report: &mut Report) {
    match end {
        End::Whole => {}
        End::NotServed => tracing::info!(kind = kind.name(), "the API server does not have this kind"),
        End::Broken(why) => {
            tracing::error!(kind = kind.name(), error = why, "not all objects could be listed");
            let resource = Resource {
                api_version: kind.version.clone(),
                kind: kind.kind.clone(),
                ..Resource::default()
            };
            report.fail(resource, format!("not all objects could be listed: {why}"));
        }
    }
}

fn info(ready: &Ready) -> BundleInfo {
    BundleInfo { name: ready.name.clone(), digest: Some(ready.bundle.digest().to_string()) }
}

/// A bar for people who watch; nothing in a log.
fn progress(kinds: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} objects, {msg} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("{kinds} kinds"));
    bar
}

/// Writes a report everywhere that was asked for.
async fn publish(
    client: &Client,
    report: &Report,
    args: &Audit,
    metrics: &Metrics,
) -> Result<Verdict, AuditError> {
    let counts = report.counts();
    metrics.audited(report);
    if let Some(path) = &args.html {
        write(path, |out| out.write_all(html(report).as_bytes()))?;
    }
    if let Some(path) = &args.json {
        write(path, |out| json(report, out))?;
    }
    if let Some(path) = &args.lines {
        write(path, |out| json_lines(report, out))?;
    }
    if let Some(keeper) = &args.summary {
        keeper.keep(client, report).await?;
    }
    let mut failed = report.errors() > 0;
    if let Some(api) = args.policy_reports {
        let done = publish::publish(client, report, api.into()).await;
        for failure in &done.failures {
            tracing::error!(error = failure, "a report cannot be written to the cluster");
        }
        failed |= !done.failures.is_empty();
        tracing::info!(written = done.written, deleted = done.deleted, "reports in the cluster");
    }
    tracing::info!(
        objects = report.objects(),
        denied = counts.deny,
        warned = counts.warn,
        recorded = counts.record,
        excepted = counts.excepted,
        errors = report.errors(),
        skipped = report.skipped(),
        seconds = report.ended().duration_since(report.about.started).as_secs_f64(),
        "audited"
    );
    Ok(match (failed, counts.deny) {
        (true, _) => Verdict::Incomplete,
        (false, 0) => Verdict::Clean,
        (false, _) if args.exit_zero => Verdict::Clean,
        (false, _) => Verdict::Violations,
    })
}

/// Writes a file whole or not at all; `-` is stdout.
fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), AuditError> {
    let wrong =
        |error: std::io::Error| AuditError::File { path: path.display().to_string(), why: error.to_string() };
    if path == Path::new("-") {
        let mut out = BufWriter::new(std::io::stdout().lock());
        return fill(&mut out).and_then(|()| out.flush()).map_err(wrong);
    }
    let beside = path.with_extension("partial");
    let written = std::fs::File::create(&beside).and_then(|file| {
        let mut out = BufWriter::new(file);
        fill(&mut out)?;
        out.flush()
    });
    written.and_then(|()| std::fs::rename(&beside, path)).map_err(wrong)
}

/// The Lease that keeps replicas from auditing the same cluster at the same time.
struct Lease {
    held: watch::Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, LeaseManagerError>>,
}

impl Lease {
    async fn new(client: Client, name: &str) -> Result<Lease, StartError> {
        let (namespace, name) = name
            .split_once('/')
            .ok_or_else(|| StartError::Settings(format!("`{name}` is no NAMESPACE/NAME of a Lease")))?;
        let manager = LeaseManagerBuilder::new(client, name)
            .with_namespace(namespace)
            .with_duration(LEASE.as_secs())
            .with_grace(LEASE_GRACE.as_secs())
            .build()
            .await
            .map_err(|error| StartError::Settings(format!("the Lease {namespace}/{name}: {error}")))?;
        let (held, task) = manager.watch().await;
        Ok(Lease { held, task })
    }

    /// Lets another replica have it at once.
    async fn give_back(self) {
        drop(self.held);
        if tokio::time::timeout(GIVE_BACK, self.task).await.is_err() {
            tracing::warn!("the Lease is not given back; it passes on when its term ends");
        }
    }

    /// Waits until this replica has it.
    async fn wait(&mut self) -> Result<(), AuditError> {
        let held = self.held.wait_for(|held| *held).await;
        held.map(drop).map_err(|_| AuditError::Stopped("the Lease is not renewed any more".into()))
    }
}
