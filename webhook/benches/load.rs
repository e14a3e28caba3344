//! The webhook under load, beside a handler that judges nothing: `cargo bench -p kpol-webhook --bench load`.
//!
//! ```text
//!   this process: HTTP/2 over TLS, closed loops ──▶ kpol-webhook serve, std.pss.restricted    ┐ in turns, each alone on a core
//!                                               ──▶ the ceiling: same sockets, a fixed answer ┘
//! ```
//!
//! The ceiling is this program again (`KPOL_CEILING=1`): TLS and HTTP of the webhook, and a router that reads the body and answers a fixed
//! AdmissionReview. What is compared is requests per second, and processor time of the server per request, which does not
//! depend on how fast this client is. Overload needs a cgroup for the processor (root); without one that part says `SKIPPED`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a program for measuring")]

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, http::Request, routing::post};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kpol_tests::reviews::{Size, review};
use kpol_webhook::{metrics::Metrics, serve::Server, settings};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;

/// Seconds of one measurement.
const SECONDS: f64 = 3.0;
/// How often the two take turns.
const TURNS: usize = 5;
/// Connections of the client: an API server keeps few.
const CONNECTIONS: usize = 4;
/// Requests at the same time on each.
const STREAMS: usize = 16;

fn main() {
    if std::env::var_os("KPOL_CEILING").is_some() {
        ceiling();
        return;
    }
    // `cargo test --benches` builds this and runs it without `--bench`: nothing is measured then.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(measure());
}

/// A certificate for 127.0.0.1, as files; and the roots that trust it.
fn certificate(dir: &std::path::Path) -> rustls::RootCertStore {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    std::fs::write(dir.join("tls.crt"), certified.cert.pem()).unwrap();
    std::fs::write(dir.join("tls.key"), certified.signing_key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    roots
}

/// A server process, on a core of its own.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(mut command: Command) -> Process {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            if let Ok(json) = serde_json::from_str::<serde_json::Value>(&line)
                && json["message"] == "serving"
            {
                break json["address"].as_str().unwrap().parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Process { child, address }
    }

    /// Seconds of processor time so far.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// KiB of a line of its status.
    fn status(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program on one core, if that can be said.
fn on_a_core(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok() {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        return command;
    }
    println!("SKIPPED: no taskset, so servers and client share the cores");
    Command::new(program)
}

#[derive(Clone, Copy, Default)]
struct Run {
    per_second: f64,
    cpu_us: f64,
    p50_us: f64,
    p99_us: f64,
    accepted: u64,
    turned_away: u64,
    failed: u64,
}

/// What a client does: closed loops over so many connections and streams, each waiting `pause` between requests.
async fn load(
    process: &Process,
    roots: &rustls::RootCertStore,
    body: &Bytes,
    connections: usize,
    streams: usize,
    seconds: f64,
) -> Run {
    let mut config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stop = Arc::new(AtomicBool::new(false));
    let (turned_away, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(process.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        let (sender, connection) =
            http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..streams {
            let (mut sender, body, stop) = (sender.clone(), body.clone(), Arc::clone(&stop));
            let (turned_away, failed) = (Arc::clone(&turned_away), Arc::clone(&failed));
            tasks.push(tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let request = Request::post("https://127.0.0.1/validate")
                        .header("content-type", "application/json")
                        .body(Full::new(body.clone()))
                        .unwrap();
                    let began = Instant::now();
                    let Ok(response) = sender.send_request(request).await else {
                        failed.fetch_add(1, Ordering::Relaxed);
                        break;
                    };
                    let status = response.status().as_u16();
                    let read = response.into_body().collect().await;
                    match (status, read) {
                        (200, Ok(body)) => {
                            assert!(body.to_bytes().starts_with(b"{\"apiVersion\""));
                            times.push(began.elapsed());
                        }
                        (503, Ok(_)) => {
                            turned_away.fetch_add(1, Ordering::Relaxed);
                        }
                        _ => {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                times
            }));
        }
    }
    let (began, cpu) = (Instant::now(), process.cpu());
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let (took, cpu) = (began.elapsed().as_secs_f64(), process.cpu() - cpu);
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    let accepted = times.len() as u64;
    let all = accepted + turned_away.load(Ordering::Relaxed);
    Run {
        per_second: accepted as f64 / took,
        cpu_us: cpu * 1e6 / all.max(1) as f64,
        p50_us: at(0.5),
        p99_us: at(0.99),
        accepted,
        turned_away: turned_away.load(Ordering::Relaxed),
        failed: failed.load(Ordering::Relaxed),
    }
}

async fn measure() {
    let dir = tempfile::tempdir().unwrap();
    let roots = certificate(dir.path());
    let compiled = kpol::Compiler::new().with_library("std.pss.restricted").unwrap().compile().unwrap();
    std::fs::write(dir.path().join("pss.kpolb"), compiled.bytes()).unwrap();
    let webhook = |more: &[&str]| {
        let mut command = on_a_core(env!("CARGO_BIN_EXE_kpol-webhook"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--listen-metrics", "127.0.0.1:0"])
            .args(["--default-mode", "deny"])
            .arg("--bundle")
            .arg(dir.path().join("pss.kpolb"))
            .arg("--tls-cert")
            .arg(dir.path().join("tls.crt"))
            .arg("--tls-key")
            .arg(dir.path().join("tls.key"))
            .args(more);
        Process::start(command)
    };
    let fixed = {
        let mut command = on_a_core(std::env::current_exe().unwrap());
        command.env("KPOL_CEILING", dir.path());
        Process::start(command)
    };
    let kpol = webhook(&[]);
    println!(
        "{CONNECTIONS} connections × {STREAMS} requests at the same time, {SECONDS} s, {TURNS} turns; server and client on a core each\n"
    );
    for size in [Size::Small, Size::Medium, Size::Large] {
        let body = Bytes::from(review(&size.pod()));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            theirs.push(load(&fixed, &roots, &body, CONNECTIONS, STREAMS, SECONDS).await);
            ours.push(load(&kpol, &roots, &body, CONNECTIONS, STREAMS, SECONDS).await);
        }
        let median = |runs: &[Run], of: fn(&Run) -> f64| {
            let mut all: Vec<f64> = runs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!("{} bytes", body.len());
        for (name, runs) in [("  ceiling", &theirs), ("  kpol", &ours)] {
            println!(
                "{name:<10} {:>8.0} requests/s  {:>6.1} µs of processor time each  p50 {:>6.0} µs  p99 {:>6.0} µs  failed {}",
                median(runs, |run| run.per_second),
                median(runs, |run| run.cpu_us),
                median(runs, |run| run.p50_us),
                median(runs, |run| run.p99_us),
                runs.iter().map(|run| run.failed).sum::<u64>(),
            );
        }
        println!(
            "  kpol / ceiling: {:.0} % of the requests, {:.0} % of the requests per processor time\n",
            100.0 * median(&ours, |run| run.per_second) / median(&theirs, |run| run.per_second),
            100.0 * median(&theirs, |run| run.cpu_us) / median(&ours, |run| run.cpu_us),
        );
    }
    println!(
        "kpol, resident: {:.1} MB now, {:.1} MB at its peak\n",
        kpol.status("VmRSS") as f64 / 1024.0,
        kpol.status("VmHWM") as f64 / 1024.0,
    );
    drop((kpol, fixed));
    overload(&webhook(&["--max-in-flight", "32"]), &roots).await;
}

/// Four times what a server can do, and what comes after it.
async fn overload(kpol: &Process, roots: &rustls::RootCertStore) {
    let Some(_quota) = Quota::new(kpol.child.id(), 10) else {
        println!("SKIPPED: overload (no cgroup for the processor can be made here)");
        return;
    };
    let body = Bytes::from(review(&Size::Medium.pod()));
    println!("overload: the server has a tenth of a core, and answers 32 requests at the same time");
    for (name, connections, streams) in
        [("sustainable", 2, 16), ("four times", 8, 16), ("sixteen times", 16, 32), ("after it", 2, 16)]
    {
        let run = load(kpol, roots, &body, connections, streams, SECONDS).await;
        println!(
            "  {name:<14} {:>4} at the same time: {:>6} answered (p50 {:>7.0} µs, p99 {:>7.0} µs), {:>6} turned away, {} failed",
            connections * streams,
            run.accepted,
            run.p50_us,
            run.p99_us,
            run.turned_away,
            run.failed,
        );
    }
}

/// A share of one core for a process.
struct Quota(std::path::PathBuf);

impl Quota {
    fn new(pid: u32, percent: u32) -> Option<Quota> {
        for (root, file, text) in [
            ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", format!("{}", percent * 1_000)),
            ("/sys/fs/cgroup", "cpu.max", format!("{} 100000", percent * 1_000)),
        ] {
            let dir = std::path::Path::new(root).join(format!("kpol-load-{pid}"));
            let made = std::fs::create_dir(&dir)
                .and_then(|()| std::fs::write(dir.join(file), text))
                .and_then(|()| std::fs::write(dir.join("cgroup.procs"), pid.to_string()));
            if made.is_ok() {
                return Some(Quota(dir));
            }
            let _ = std::fs::remove_dir(&dir);
        }
        None
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let root = self.0.parent().unwrap().join("cgroup.procs");
        for pid in std::fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default().lines() {
            let _ = std::fs::write(&root, pid);
        }
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// The other server: everything but judging.
fn ceiling() {
    let dir = std::path::PathBuf::from(std::env::var_os("KPOL_CEILING").unwrap());
    let answer = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true}}"#;
    let router = Router::new().route(
        "/validate",
        post(move |body: Bytes| async move {
            std::hint::black_box(body.len());
            ([("content-type", "application/json")], answer)
        }),
    );
    let args = ["kpol-webhook", "serve", "--tls-cert"].map(std::ffi::OsString::from).into_iter().chain([
        dir.join("tls.crt").into(),
        "--tls-key".into(),
        dir.join("tls.key").into(),
    ]);
    let settings::Task::Serve(serve) = <settings::Command as clap::Parser>::parse_from(args).task;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (_stopper, stop) = tokio::sync::watch::channel(false);
        let tls = kpol_webhook::tls::start(&serve.certificate, Duration::from_secs(60), stop.clone()).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        eprintln!(r#"{{"message":"serving","address":"{}"}}"#, listener.local_addr().unwrap());
        let server = Server {
            listener,
            tls: Some(tls.unwrap()),
            router,
            bounds: serve.bounds,
            metrics: Arc::new(Metrics::new()),
        };
        server.run(stop).await;
    });
}
