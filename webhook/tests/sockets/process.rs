//! A webhook process with one rule and a certificate for 127.0.0.1.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

const RULE: &str = r#"package acme
rule no_host_pid on Pod { deny when object.spec.hostPID message "hostPID is not allowed" }
bind no_host_pid { mode deny }
"#;

pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: SocketAddr,
    roots: rustls::RootCertStore,
    log: Arc<Mutex<Vec<String>>>,
    _dir: tempfile::TempDir,
}

impl Process {
    pub(crate) fn start(args: &str) -> Process {
        let dir = tempfile::tempdir().unwrap();
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("tls.crt"), certified.cert.pem()).unwrap();
        std::fs::write(at("tls.key"), certified.signing_key.serialize_pem()).unwrap();
        std::fs::write(at("p.kpolb"), kpol::compile(RULE).unwrap().bytes()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certified.cert.der().clone()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kpol-webhook"))
            .args(["serve", "--listen", "127.0.0.1:0", "--listen-metrics", "127.0.0.1:0"])
            .arg("--bundle")
            .arg(at("p.kpolb"))
            .arg("--tls-cert")
            .arg(at("tls.crt"))
            .arg("--tls-key")
            .arg(at("tls.key"))
            .args(args.split_whitespace())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (address, metrics) = loop {
            let line = lines.next().expect("it serves").unwrap();
            let json: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if json["message"] == "serving" {
                let at = |key: &str| json[key].as_str().unwrap().parse().unwrap();
                break (at("address"), at("metrics"));
            }
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let rest = Arc::clone(&log);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| rest.lock().unwrap().push(line));
        });
        Process { child, address, metrics, roots, log, _dir: dir }
    }

    /// A TLS connection that offers one protocol.
    pub(crate) async fn connect(&self, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// A metric by the beginning of its line, as it stands now.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = TcpStream::connect(self.metrics).await.unwrap();
        let ask = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_default()
    }

    /// Waits until a metric is at least so much.
    pub(crate) async fn counted(&self, line: &str, least: f64) {
        let counted = async {
            while self.metric(line).await < least {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::LONG, counted)
            .await
            .unwrap_or_else(|_| panic!("{line} never was {least}"));
    }

    /// The lines of the log that say this, once there are so many.
    pub(crate) async fn logged(&self, words: &str, least: usize) -> usize {
        let count = || self.log.lock().unwrap().iter().filter(|line| line.contains(words)).count();
        let enough = async {
            while count() < least {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let _ = tokio::time::timeout(crate::LONG, enough).await;
        count()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let ended = self.child.try_wait();
            eprintln!("the process: {ended:?}, its log:\n{}", self.log.lock().unwrap().join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
