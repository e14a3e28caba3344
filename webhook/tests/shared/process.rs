//! A webhook as a process of its own, for tests over sockets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long something may take that comes about by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of a log that are shown when a test fails.
const SHOWN: usize = 40;

/// Asks until the answer is one.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "it did not come about: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// `kpol-webhook`. It ends with the thread that starts it, also when nobody is left to end it: the test program may be killed.
pub(crate) fn program() -> Command {
    let program = env!("CARGO_BIN_EXE_kpol-webhook");
    let tied = ["--pdeathsig", "KILL"];
    let tried = Command::new("setpriv").args(tied).arg("true").stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(tied).arg(program);
    command
}

/// A webhook process.
pub(crate) struct Webhook {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Webhook {
    /// `kpol-webhook serve` with these arguments.
    pub(crate) fn command(listen: &str, args: &str) -> Command {
        let mut command = program();
        command.args(["serve", "--listen", listen, "--listen-metrics", "127.0.0.1:0", "--poll", "0.2"]);
        command.args(args.split_whitespace());
        command
    }

    /// Runs the command until it serves.
    pub(crate) fn run(command: &mut Command) -> Webhook {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (address, metrics) = loop {
            let line = lines.next().expect("the webhook serves").unwrap();
            log.lock().unwrap().push(line.clone());
            let Ok(json) = serde_json::from_str::<Value>(&line) else { panic!("{line}") };
            if json["message"] == "serving" {
                let at = |key: &str| json[key].as_str().unwrap().parse().unwrap();
                break (at("address"), at("metrics"));
            }
        };
        let rest = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| rest.lock().unwrap().push(line));
        });
        Webhook { child, address, metrics, log, reader: Some(reader) }
    }

    /// Status and body of a path on the port without TLS.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split_whitespace().nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The sum of a metric over the lines that have all these parts.
    pub(crate) fn metric(&self, name: &str, parts: &[&str]) -> f64 {
        let (_, text) = self.get("/metrics");
        let lines = text.lines().filter(|line| {
            line.starts_with(name) && parts.iter().all(|part| line.contains(part)) && !line.starts_with('#')
        });
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The lines of the log that say this.
    pub(crate) fn logged(&self, words: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.contains(words)).count()
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    /// Waits for its end: the exit code, and all that it has logged.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let status = eventually("the webhook ends", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status.code(), std::mem::take(&mut *self.log.lock().unwrap()))
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        // SIGKILL, as a node that goes down.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            if let Some(reader) = self.reader.take() {
                let _ = reader.join();
            }
            let log = self.log.lock().unwrap();
            let last = &log[log.len().saturating_sub(SHOWN)..];
            eprintln!("the last lines of the webhook's log:\n{}", last.join("\n"));
        }
    }
}
