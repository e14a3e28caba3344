//! The cluster, and what each test has of its own in it.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use kpol::Compiler;
use kpol_admission::webhook_config::{Address, FailurePolicy, Settings, mutating, validating};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

pub(crate) use crate::process::{Webhook, eventually};

static CLUSTER: OnceLock<PathBuf> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cluster/run")
}

/// A running cluster; stopped when it is dropped, and also when this program is killed.
pub(crate) struct Cluster {
    /// Starts the cluster, and stops it when its stdin ends. A group of its own: Ctrl-C is for this program alone.
    keeper: Child,
    _dir: tempfile::TempDir,
}

impl Cluster {
    pub(crate) fn start() -> Cluster {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cluster");
        let mut keeper = Command::new("sh")
            .args(["-c", r#""$0" start "$1" </dev/null && cat >/dev/null; "$0" stop "$1""#])
            .arg(script())
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(keeper.stdout.take().unwrap()).lines();
        let ready = said.by_ref().map_while(Result::ok).any(|line| line.starts_with("ready: "));
        assert!(ready, "the cluster does not start");
        CLUSTER.set(path).unwrap();
        Cluster { keeper, _dir: dir }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The folder of the cluster.
pub(crate) fn cluster() -> &'static Path {
    CLUSTER.get().expect("the cluster runs")
}

/// A client of the cluster, for who may do everything.
pub(crate) async fn client() -> Client {
    client_of(&cluster().join("kubeconfig")).await
}

/// A client of the cluster.
pub(crate) async fn client_of(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// A kubeconfig for another user.
pub(crate) fn kubeconfig_of(user: &str) -> PathBuf {
    let said = Command::new(script()).arg("kubeconfig").arg(cluster()).arg(user).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().into()
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// It must have worked.
    #[track_caller]
    pub(crate) fn good(self) -> Said {
        assert!(self.ok, "{}{}", self.out, self.err);
        self
    }

    /// It must have been refused, with this in its words.
    #[track_caller]
    pub(crate) fn refused(self, words: &str) -> Said {
        assert!(!self.ok && self.err.contains(words), "expected `{words}`: {}{}", self.out, self.err);
        self
    }
}

/// A value of `DIR/env`.
fn setting(key: &str) -> String {
    let text = std::fs::read_to_string(cluster().join("env")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap();
    line.trim_matches('\'').to_owned()
}

/// Runs kubectl with these words, and this on its stdin.
pub(crate) fn kubectl(args: &str, stdin: &str) -> Said {
    run(&args.split_whitespace().collect::<Vec<_>>(), stdin)
}

fn run(args: &[&str], stdin: &str) -> Said {
    let mut child = Command::new(setting("KUBECTL"))
        .args(args)
        .env("KUBECONFIG", cluster().join("kubeconfig"))
        .env("KUBECACHEDIR", setting("KUBECACHEDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { ok: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
}

/// What a test has: a namespace, and a folder for bundles.
pub(crate) struct World {
    pub(crate) namespace: String,
    pub(crate) dir: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        let namespace = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        kubectl(&format!("create namespace {namespace}"), "").good();
        World { namespace, dir: tempfile::tempdir().unwrap() }
    }

    /// kubectl in the test's namespace.
    pub(crate) fn kubectl(&self, args: &str, stdin: &str) -> Said {
        kubectl(&format!("-n {} {args}", self.namespace), stdin)
    }

    pub(crate) fn apply(&self, object: &Value) -> Said {
        self.kubectl("apply -f -", &object.to_string())
    }

    pub(crate) fn dry_run(&self, object: &Value) -> Said {
        self.kubectl("apply --dry-run=server -f -", &object.to_string())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a bundle as another program would that replaces it.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(path.with_extension("new"), bytes).unwrap();
        std::fs::rename(path.with_extension("new"), &path).unwrap();
        path
    }

    /// A webhook with these policies, called by the API server for the test's namespace.
    pub(crate) fn webhook(&self, policy: &str, args: &str) -> Webhook {
        self.webhook_of(Compiler::new().with_source("p.kpol", policy), args, FailurePolicy::Fail)
    }

    pub(crate) fn webhook_of(&self, compiler: Compiler, args: &str, failure: FailurePolicy) -> Webhook {
        let compiled = compiler.compile().unwrap_or_else(|error| panic!("{error}"));
        let bundle = self.write("p.kpolb", compiled.bytes());
        let args = format!("--bundle {} {args}", bundle.display());
        let webhook = Webhook::start(&with_files(&args), "127.0.0.1:0");
        self.configure(&webhook, compiled.bundle(), failure);
        webhook
    }

    /// Has the API server ask a webhook about the test's namespace.
    pub(crate) fn configure(&self, webhook: &Webhook, bundle: &kpol::Bundle, failure_policy: FailurePolicy) {
        let settings = Settings { failure_policy, ..self.settings(webhook) };
        self.configure_for(&[&self.namespace], bundle, &settings);
    }

    /// Of the test's configurations.
    pub(crate) fn settings(&self, webhook: &Webhook) -> Settings {
        Settings {
            name: self.namespace.clone(),
            address: Address::Url(format!("https://{}", webhook.address)),
            ca: std::fs::read_to_string(cluster().join("ca.crt")).unwrap(),
            timeout_seconds: 10,
            ..Settings::default()
        }
    }

    /// Writes the configurations, narrowed to some namespaces: other tests have others.
    pub(crate) fn configure_for(&self, namespaces: &[&str], bundle: &kpol::Bundle, settings: &Settings) {
        let module = bundle.module();
        for mut config in [validating([module], settings), mutating([module], settings)].into_iter().flatten()
        {
            let only = json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces});
            config["webhooks"][0]["namespaceSelector"]["matchExpressions"].as_array_mut().unwrap().push(only);
            kubectl("apply -f -", &config.to_string()).good();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let name = &self.namespace;
        kubectl(
            &format!(
                "delete validatingwebhookconfiguration,mutatingwebhookconfiguration {name} --ignore-not-found"
            ),
            "",
        );
    }
}

/// The arguments with the cluster's serving certificate.
pub(crate) fn with_files(args: &str) -> String {
    let tls = cluster().join("tls");
    format!("--tls-cert {0}/webhook.crt --tls-key {0}/webhook.key {args}", tls.display())
}

impl Webhook {
    /// Of this cluster.
    pub(crate) fn start(args: &str, listen: &str) -> Webhook {
        let args = format!("--shutdown-delay 0.2 {args}");
        Webhook::run(Webhook::command(listen, &args).env("KUBECONFIG", cluster().join("kubeconfig")))
    }
}

/// A Pod.
pub(crate) fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "a", "image": "nginx"}]},
    });
    for (key, value) in spec.as_object().unwrap() {
        pod["spec"][key] = value.clone();
    }
    pod
}
