//! What the command line says.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::audit::trend::Keeper;
use clap::{Args, Parser, Subcommand, ValueEnum};
use kpol::Mode;
use kpol_admission::report::ReportApi;

/// The admission webhook of kpol: loads bundles that `kpolc build` made, and answers the API server
#[derive(Clone, Debug, Parser)]
#[command(name = "kpol-webhook", version, max_term_width = 100)]
pub struct Command {
    /// What to do
    #[command(subcommand)]
    pub task: Task,
    /// The form of the log
    #[arg(long, global = true, value_enum, default_value = "json", env = "KPOL_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// The tasks of the program.
#[derive(Clone, Debug, Subcommand)]
pub enum Task {
    /// Answer the API server
    Serve(Box<Serve>),
    /// Judge everything that is in the cluster
    #[command(
        after_help = "Exit codes: 0 nothing that is denied, 1 violations, 2 it could not be done, 3 not everything could be looked at"
    )]
    Audit(Box<Audit>),
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line
    Json,
    /// For people
    Text,
}

/// What `serve` needs.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// The policies
    #[command(flatten)]
    pub policies: PolicyArgs,
    /// Address and port of the webhook (TLS)
    #[arg(long, default_value = "0.0.0.0:8443")]
    pub listen: SocketAddr,
    /// Address and port of /metrics, /healthz and /readyz without TLS, for Prometheus and the kubelet
    #[arg(long, default_value = "0.0.0.0:9090")]
    pub listen_metrics: SocketAddr,
    /// The certificate
    #[command(flatten)]
    pub certificate: CertificateArgs,
    /// The webhook configurations
    #[command(flatten)]
    pub configure: ConfigureArgs,
    /// The bounds
    #[command(flatten)]
    pub bounds: Bounds,
    /// Judge objects after mutating them, and refuse what the rules would deny
    #[arg(long)]
    pub validate_mutated: bool,
}

/// What `audit` needs.
#[derive(Clone, Debug, Args)]
pub struct Audit {
    /// The policies
    #[command(flatten)]
    pub policies: PolicyArgs,
    /// Audit again every so many seconds; once if not given
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub interval: Option<Duration>,
    /// Of several replicas only the one that holds this Lease audits
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub lease: Option<String>,
    /// A namespace whose objects are passed over. May be repeated
    #[arg(long = "exempt-namespace", value_name = "NAME")]
    pub exempt_namespaces: Vec<String>,
    /// What the report is called after
    #[arg(long, value_name = "NAME", default_value = "the cluster")]
    pub subject: String,
    /// Write reports into the cluster, too
    #[arg(long, value_enum, value_name = "API")]
    pub policy_reports: Option<ReportArg>,
    /// Write the compliance report as HTML
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write it as JSON; - is stdout
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a line of JSON per finding; - is stdout
    #[arg(long, value_name = "FILE")]
    pub lines: Option<PathBuf>,
    /// Where the totals are kept from one run to the next, for the trend: a file, or configmap:NAMESPACE/NAME
    #[arg(long, value_name = "PLACE")]
    pub summary: Option<Keeper>,
    /// Exit with 0 also when there are violations
    #[arg(long)]
    pub exit_zero: bool,
    /// The findings of one rule that are listed; the others are counted
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub findings_per_rule: usize,
    /// The objects that are read at a time
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub page_size: u32,
    /// Address and port of /metrics
    #[arg(long)]
    pub listen_metrics: Option<SocketAddr>,
    /// The steps that one rule may take for one object
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    pub max_steps: u64,
}

/// Which resources hold reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportArg {
    /// PolicyReport of wgpolicyk8s.io/v1alpha2
    PolicyReport,
    /// Report of openreports.io/v1alpha1
    OpenReports,
}

impl From<ReportArg> for ReportApi {
    fn from(api: ReportArg) -> ReportApi {
        match api {
            ReportArg::PolicyReport => ReportApi::PolicyReport,
            ReportArg::OpenReports => ReportApi::OpenReports,
        }
    }
}

/// Where policies come from, and how they hold.
#[derive(Clone, Debug, Args)]
pub struct PolicyArgs {
    /// A bundle, or a directory of bundles (*.kpolb); read again when it changes. May be repeated
    #[arg(long = "bundle", value_name = "PATH")]
    pub bundles: Vec<PathBuf>,
    /// Take bundles from the cluster, too: its PolicyBundles, watched
    #[arg(long)]
    pub policy_bundles: bool,
    /// The cluster's version, for rules that ask; the API server is asked if it is not given
    #[arg(long, value_name = "MAJOR.MINOR", value_parser = version)]
    pub kubernetes: Option<(u32, u32)>,
    /// Do not watch the cluster: rules see no object besides the one under review, and no namespace
    #[arg(long)]
    pub no_watch: bool,
    /// Take only bundles that the owner of this public key (PEM) has signed. May be repeated
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    /// A value for a param: NAME=JSON, or NAME=TEXT. May be repeated
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    pub params: Vec<(String, serde_json::Value)>,
    /// The mode of rules that no bind names: nothing blocks before somebody says so
    #[arg(long, value_enum, default_value = "dryrun")]
    pub default_mode: ModeArg,
    /// The hardest mode that is applied, whatever binds say
    #[arg(long, value_enum, default_value = "deny")]
    pub max_mode: ModeArg,
    /// What to answer when a request cannot be judged; say the same in the webhook configuration
    #[arg(long, value_enum, default_value = "fail")]
    pub failure_policy: FailurePolicy,
    /// How often files are looked at
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub poll: Duration,
}

/// The certificate of the webhook.
#[derive(Clone, Debug, Args)]
pub struct CertificateArgs {
    /// The certificate chain (PEM); read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Answer only clients with a certificate of this CA (PEM): that of the API server
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// Answer only clients whose certificate has this common name. May be repeated
    #[arg(long, value_name = "NAME", requires = "client_ca")]
    pub client_name: Vec<String>,
    /// Make a CA and a certificate, keep them in a Secret, renew them, and write the CA into the webhook configurations
    #[arg(long, conflicts_with = "tls_cert")]
    pub self_signed: bool,
    /// The Service of the webhook: the certificate is for its name
    #[arg(long, value_name = "NAME", default_value = "kpol-webhook")]
    pub service_name: String,
    /// Its namespace, and that of the Secret; without it, the namespace of the pod
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE")]
    pub service_namespace: Option<String>,
    /// Its port
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    pub service_port: u16,
    /// The Secret of --self-signed
    #[arg(long, value_name = "NAME", default_value = "kpol-webhook-certificate")]
    pub secret: String,
    /// How long a certificate of --self-signed is valid: 365d, 12h, 30m, or seconds
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = time)]
    pub cert_validity: Duration,
    /// How long its CA is valid
    #[arg(long, value_name = "TIME", default_value = "3650d", value_parser = time)]
    pub ca_validity: Duration,
    /// How long before its end a certificate is renewed; without it, a quarter of its validity
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub renew_before: Option<Duration>,
}

/// The webhook configurations: what the API server knows of the webhook.
#[derive(Clone, Debug, Args)]
pub struct ConfigureArgs {
    /// Write the webhook configurations that the policies need, and keep them so
    #[arg(long)]
    pub configure: bool,
    /// The name of both configurations
    #[arg(long, value_name = "NAME", default_value = "kpol")]
    pub configuration_name: String,
    /// A namespace that is never asked about, besides that of the webhook. May be repeated
    #[arg(long, value_name = "NAME", default_value = "kube-system")]
    pub exempt_namespace: Vec<String>,
    /// How long the API server waits for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=30))]
    pub webhook_timeout: u8,
    /// Where the API server finds a webhook outside of the cluster: https://HOST:PORT
    #[arg(long, value_name = "URL", value_parser = https)]
    pub webhook_url: Option<String>,
    /// The CA (PEM) of --tls-cert that the configurations name; without it, something else puts it in
    #[arg(long, value_name = "FILE", conflicts_with = "self_signed")]
    pub ca_bundle: Option<PathBuf>,
}

/// What one webhook takes on. Beyond it requests are turned away at once, with a status that lets the API server's
/// `failurePolicy` decide.
#[derive(Clone, Debug, Args)]
pub struct Bounds {
    /// The largest request, in bytes: the API server takes objects of 3 MiB, and an update has two
    #[arg(long, value_name = "BYTES", default_value_t = 2 * (3 << 20) + (1 << 16))]
    pub max_body: usize,
    /// The bytes of requests that are held at the same time
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub max_held: usize,
    /// The requests that are answered at the same time
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub max_in_flight: usize,
    /// The connections that are open at the same time
    #[arg(long, value_name = "N", default_value_t = 512)]
    pub max_connections: usize,
    /// The requests of one HTTP/2 connection at the same time
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub max_streams: u32,
    /// How long a client may take for its TLS handshake, from there to the end of its first headers, and for a body
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub client_timeout: Duration,
    /// How long a connection may be without a new request before it is closed. The API server closes its own after 90
    /// seconds; who closes first loses no request
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub idle_timeout: Duration,
    /// The steps that one rule may take for one request
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    pub max_steps: u64,
    /// How long to go on answering after SIGTERM, before new connections are refused
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub shutdown_delay: Duration,
    /// How long requests that are being answered may take afterwards
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            bounds: Bounds,
        }
        Alone::parse_from(["kpol-webhook"]).bounds
    }
}

/// A mode on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// Hits are logged and counted
    Dryrun,
    /// Hits are warnings to who asks
    Warn,
    /// Hits refuse the request
    Deny,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Mode {
        match mode {
            ModeArg::Dryrun => Mode::Dryrun,
            ModeArg::Warn => Mode::Warn,
            ModeArg::Deny => Mode::Deny,
        }
    }
}

/// What happens to a request that cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailurePolicy {
    /// It is refused
    Fail,
    /// It passes, with a warning
    Ignore,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// A time with its unit; without one, it is in seconds.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits).unwrap_or_default() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("expected a time: 365d, 12h, 30m, 10s".into()),
    };
    let count: u32 = digits.parse().map_err(|_| "expected a time: 365d, 12h, 30m, 10s".to_owned())?;
    Ok(Duration::from_secs(u64::from(count) * unit))
}

/// The address of a webhook outside of the cluster, as the API server takes it.
/// [Source](https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#url).
fn https(text: &str) -> Result<String, String> {
    let url: axum::http::Uri = text.parse().map_err(|_| "expected https://HOST:PORT".to_owned())?;
    let plain = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    match (url.scheme_str(), plain, url.query()) {
        (Some("https"), true, None) => Ok(text.to_owned()),
        _ => Err("expected https://HOST:PORT".into()),
    }
}

fn version(text: &str) -> Result<(u32, u32), String> {
    let (major, minor) = text.trim_start_matches('v').split_once('.').ok_or("expected MAJOR.MINOR: 1.37")?;
    let number = |text: &str| text.parse().map_err(|_| "expected MAJOR.MINOR: 1.37".to_owned());
    Ok((number(major)?, number(minor)?))
}

fn param(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    // What is no JSON is a text: `registry=ghcr.io/acme`.
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}
