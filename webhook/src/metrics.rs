//! What Prometheus is told, in the text format of OpenMetrics.
//!
//! Labels are bounded: kinds are those that a bundle is about (others are `other`), rules are those of the bundles, and
//! everything else is a fixed list of words.

use std::{fmt, sync::atomic::AtomicU64, time::SystemTime};

use kpol_admission::report::{Effect, Report, severity_word};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Seconds of our own work per request: from some microseconds to where the API server gives up.
const BUCKETS: [f64; 14] =
    [5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 5e-2, 0.25, 1.0, 5.0];

/// A request, by what became of it.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// `validate` or `mutate`.
    pub webhook: &'static str,
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `unknown`.
    pub operation: &'static str,
    /// `apps/Deployment`, or `other`.
    pub kind: String,
    /// `allowed`, `denied`, `warned`, `mutated` or `error`.
    pub decision: &'static str,
}

/// How long requests take.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct DurationLabels {
    /// `validate` or `mutate`.
    pub webhook: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The kind.
    pub kind: String,
}

/// A hit of a rule.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct HitLabels {
    /// With its package.
    pub rule: String,
    /// `dryrun`, `warn` or `deny`.
    pub mode: &'static str,
    /// `deny`, `warn`, `record` or `excepted`.
    pub effect: &'static str,
    /// The kind.
    pub kind: String,
    /// The operation.
    pub operation: &'static str,
}

/// Why something was refused or failed.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct ReasonLabels {
    /// One of a fixed list of words.
    pub reason: &'static str,
}

/// A source of bundles.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct BundleLabels {
    /// The file or the PolicyBundle.
    pub bundle: String,
}

/// A loaded bundle.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct BundleInfo {
    /// The file or the PolicyBundle.
    pub bundle: String,
    /// What names its content.
    pub digest: String,
    /// The program that built it.
    pub producer: String,
}

/// A kind of objects.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub struct KindLabels {
    /// The kind.
    pub kind: String,
}

/// The findings of an audit.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct AuditLabels {
    /// The rule.
    pub rule: String,
    /// Its severity.
    pub severity: &'static str,
    /// `deny`, `warn`, `record` or `excepted`.
    pub effect: &'static str,
}

/// All metrics of a process.
pub struct Metrics {
    registry: Registry,
    /// Requests that were answered.
    pub requests: Family<RequestLabels, Counter>,
    /// Our own work on them.
    pub seconds: Family<DurationLabels, Histogram, fn() -> Histogram>,
    /// Hits of rules.
    pub hits: Family<HitLabels, Counter>,
    /// Requests and connections that were turned away.
    pub rejected: Family<ReasonLabels, Counter>,
    /// Requests that are being answered.
    pub in_flight: Gauge,
    /// Connections that are open.
    pub connections: Gauge,
    /// Bundles that are in use; always 1.
    pub bundles: Family<BundleInfo, Gauge>,
    /// When each came into use, in seconds since 1970.
    pub loaded: Family<BundleLabels, Gauge<f64, AtomicU64>>,
    /// Bundles that were refused.
    pub refused: Family<BundleLabels, Counter>,
    /// Objects of the cluster that are kept for rules.
    pub cached: Family<KindLabels, Gauge>,
    /// The bytes that they take.
    pub cached_bytes: Family<KindLabels, Gauge>,
    /// What the last audit found.
    pub audit_findings: Family<AuditLabels, Gauge>,
    /// The objects that it looked at.
    pub audit_objects: Gauge,
    /// What it could not look at.
    pub audit_errors: Gauge,
    /// When it ended, in seconds since 1970.
    pub audit_ended: Gauge<f64, AtomicU64>,
    /// How long it took.
    pub audit_seconds: Gauge<f64, AtomicU64>,
    /// Objects of the cluster that do not have the form of their kind.
    pub misfits: Family<KindLabels, Counter>,
    /// Watches that failed, and are tried again.
    pub watch_errors: Family<KindLabels, Counter>,
    /// When the certificate in use ends, in seconds since 1970; 0: there is none.
    pub certificate_end: Gauge<f64, AtomicU64>,
    /// Certificates and client CAs that were refused.
    pub certificates_refused: Family<ReasonLabels, Counter>,
    /// What could not be done in the cluster for the certificate or the webhook configurations.
    pub configure_errors: Family<ReasonLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("kpol_webhook");
        let seconds: Family<DurationLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let metrics = Metrics {
            requests: Family::default(),
            seconds: seconds.clone(),
            hits: Family::default(),
            rejected: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            bundles: Family::default(),
            loaded: Family::default(),
            refused: Family::default(),
            cached: Family::default(),
            cached_bytes: Family::default(),
            audit_findings: Family::default(),
            audit_objects: Gauge::default(),
            audit_errors: Gauge::default(),
            audit_ended: Gauge::default(),
            audit_seconds: Gauge::default(),
            misfits: Family::default(),
            watch_errors: Family::default(),
            certificate_end: Gauge::default(),
            certificates_refused: Family::default(),
            configure_errors: Family::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Requests that were answered", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "The webhook's own work per request, without reading its body",
            Unit::Seconds,
            seconds,
        );
        registry.register("hits", "Hits of rules, by what came of them", metrics.hits.clone());
        registry.register("rejected", "Requests and connections turned away", metrics.rejected.clone());
        registry.register("in_flight", "Requests being answered", metrics.in_flight.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register("bundle_info", "Bundles in use", metrics.bundles.clone());
        registry.register_with_unit(
            "bundle_loaded_timestamp",
            "When a bundle came into use; its age is now minus this",
            Unit::Seconds,
            metrics.loaded.clone(),
        );
        registry.register("bundles_refused", "Bundles that were refused", metrics.refused.clone());
        registry.register("cached_objects", "Objects kept for referential rules", metrics.cached.clone());
        registry.register_with_unit(
            "cached",
            "Memory of the objects kept for referential rules",
            Unit::Bytes,
            metrics.cached_bytes.clone(),
        );
        registry.register("audit_findings", "Findings of the last audit", metrics.audit_findings.clone());
        registry.register("audit_objects", "Objects of the last audit", metrics.audit_objects.clone());
        registry.register("audit_errors", "What it could not look at", metrics.audit_errors.clone());
        registry.register_with_unit(
            "audit_ended_timestamp",
            "When it ended",
            Unit::Seconds,
            metrics.audit_ended.clone(),
        );
        registry.register_with_unit(
            "audit_duration",
            "How long it took",
            Unit::Seconds,
            metrics.audit_seconds.clone(),
        );
        registry.register(
            "misfits",
            "Objects left out because they do not have the form of their kind",
            metrics.misfits.clone(),
        );
        registry.register("watch_errors", "Watches that failed", metrics.watch_errors.clone());
        registry.register_with_unit(
            "certificate_end_timestamp",
            "When the certificate in use ends",
            Unit::Seconds,
            metrics.certificate_end.clone(),
        );
        registry.register(
            "certificates_refused",
            "Certificates and client CAs that were not taken",
            metrics.certificates_refused.clone(),
        );
        registry.register(
            "configure_errors",
            "What could not be read or written in the cluster for the certificate and the webhook configurations",
            metrics.configure_errors.clone(),
        );
        Metrics { registry, ..metrics }
    }

    /// Notes that something was turned away.
    pub fn reject(&self, reason: &'static str) {
        self.rejected.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Notes the bundles in use, in place of those before.
    pub fn in_use(&self, bundles: impl Iterator<Item = (BundleInfo, SystemTime)>) {
        self.bundles.clear();
        for (info, since) in bundles {
            let seconds = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            self.loaded.get_or_create(&BundleLabels { bundle: info.bundle.clone() }).set(seconds);
            self.bundles.get_or_create(&info).set(1);
        }
    }

    /// Notes what an audit found, in place of the one before.
    pub fn audited(&self, report: &Report) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.audit_findings.clear();
        for row in report.rules() {
            for effect in Effect::ALL {
                let labels = AuditLabels {
                    rule: row.rule.name.clone(),
                    severity: severity_word(row.rule.severity),
                    effect: match effect {
                        Effect::Deny => "deny",
                        Effect::Warn => "warn",
                        Effect::Record => "record",
                        Effect::Excepted => "excepted",
                    },
                };
                match row.counts.with(effect) {
                    // Rules without findings are one line each, so that a graph sees the zero.
                    0 if effect != Effect::Deny => {}
                    count => {
                        self.audit_findings.get_or_create(&labels).set(gauge(count));
                    }
                }
            }
        }
        self.audit_objects.set(gauge(report.objects()));
        self.audit_errors.set(gauge(report.errors()));
        self.audit_ended.set(report.ended().as_millisecond() as f64 / 1_000.0);
        self.audit_seconds.set(report.ended().duration_since(report.about.started).as_secs_f64());
    }

    /// As Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
