//! The Pod Security Standards of the library against Kubernetes' own test data.

use std::{collections::BTreeMap, path::Path};

use kpol_compiler::{NoFiles, Options, Role, compile, library};
use kpol_tests::{evaluator, judge, library_evaluator, shared, yaml};
use kpol_vm::{evaluate::Decision, json::Json};

/// `(level, minor, must pass, file)` of every pod below a folder of the test data's shape: level/v1.N/pass|fail.
fn cases(root: &Path) -> Vec<(String, u32, bool, std::path::PathBuf)> {
    let entries = |dir: &Path| -> Vec<std::path::PathBuf> {
        let mut all: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut cases = Vec::new();
    for level in entries(root).into_iter().filter(|path| path.is_dir()) {
        for version in entries(&level) {
            let minor = name(&version).trim_start_matches("v1.").parse().unwrap();
            for answer in entries(&version) {
                for file in entries(&answer) {
                    cases.push((name(&level), minor, name(&answer) == "pass", file));
                }
            }
        }
    }
    cases
}

fn run(root: &Path) -> usize {
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut evaluators = BTreeMap::new();
    for level in ["baseline", "restricted"] {
        for (_, minor, pass, file) in cases(root).into_iter().filter(|case| case.0 == level) {
            let evaluator = evaluators
                .entry((level, minor))
                .or_insert_with(|| library_evaluator(&format!("std.pss.{level}"), (1, minor)).unwrap());
            let object = yaml(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let outcome = judge(evaluator, &object).unwrap();
            count += 1;
            if (outcome.decision == Decision::Allow) != pass {
                let hits: Vec<&str> =
                    outcome.findings.iter().map(|finding| finding.rule_name.as_str()).collect();
                wrong.push(format!("{}: {hits:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    count
}

#[test]
fn the_library_agrees_with_kubernetes_on_every_pod_of_its_test_data() {
    let Some(root) = shared("corpora/pod-security-standards") else { return };
    assert_eq!(run(&root), 148);
}

/// What is changed in a pod that both levels accept in every version, and what each level says of it then.
struct Row {
    pod: &'static str,
    baseline: Answer,
    restricted: Answer,
}

/// The answer in Kubernetes 1.0, and the minors that turn it round: `Passes(&[22, 25])` refuses from 1.22 to 1.24.
#[derive(Clone, Copy)]
enum Answer {
    Passes(&'static [u32]),
    Refused(&'static [u32]),
}

impl Answer {
    fn passes(self, minor: u32) -> bool {
        let (first, changes) = match self {
            Answer::Passes(changes) => (true, changes),
            Answer::Refused(changes) => (false, changes),
        };
        let turned = changes.iter().filter(|change| **change <= minor).count() % 2 == 1;
        first != turned
    }
}

const ALWAYS: Answer = Answer::Passes(&[]);
const NEVER: Answer = Answer::Refused(&[]);

fn row(pod: &'static str, baseline: Answer, restricted: Answer) -> Row {
    Row { pod, baseline, restricted }
}

/// The checks of kubernetes/pod-security-admission, restated by pods whose answer changes where a version of a check
/// begins.
fn rows() -> Vec<Row> {
    use Answer::{Passes, Refused};
    let both = |pod, answer| row(pod, answer, answer);
    vec![
        both("{}", ALWAYS),
        both("{spec: {securityContext: {windowsOptions: {hostProcess: true}}}}", NEVER),
        both("{spec: {hostPID: true}}", NEVER),
        both("{spec: {hostPID: false, hostIPC: null}}", ALWAYS),
        both("{container: {ports: [{containerPort: 1, hostPort: 1}]}}", NEVER),
        both("{container: {ports: [{containerPort: 1, hostPort: 0}]}}", ALWAYS),
        both("{spec: {volumes: [{name: v, hostPath: {path: /}}]}}", NEVER),
        row("{spec: {volumes: [{name: v, nfs: {server: s, path: /}}]}}", ALWAYS, NEVER),
        row("{spec: {volumes: [{name: v, photonPersistentDisk: {pdID: s}}]}}", ALWAYS, NEVER),
        both("{spec: {volumes: [{name: v}, {name: w, image: {reference: r}}]}}", ALWAYS),
        both("{container: {livenessProbe: {httpGet: {port: 1, host: h}}}}", Passes(&[34])),
        both("{container: {lifecycle: {preStop: {tcpSocket: {port: 1, host: h}}}}}", Passes(&[34])),
        both("{container: {startupProbe: {tcpSocket: {port: 1, host: ''}}}}", ALWAYS),
        both("{annotations: {container.apparmor.security.beta.kubernetes.io/zz: unconfined}}", NEVER),
        both("{annotations: {container.apparmor.security.beta.kubernetes.io/a: ''}}", ALWAYS),
        both("{context: {appArmorProfile: {type: Unconfined}}}", NEVER),
        both("{context: {seLinuxOptions: {type: container_kvm_t}}}", ALWAYS),
        both("{context: {seLinuxOptions: {type: container_engine_t}}}", Refused(&[31])),
        both("{context: {seLinuxOptions: {role: r}}}", NEVER),
        both("{context: {procMount: Unmasked}}", NEVER),
        row("{context: {procMount: Unmasked}, spec: {hostUsers: false}}", Refused(&[35]), NEVER),
        both("{annotations: {seccomp.security.alpha.kubernetes.io/pod: unconfined}}", Refused(&[19])),
        both("{annotations: {container.seccomp.security.alpha.kubernetes.io/a: docker/default}}", ALWAYS),
        both("{annotations: {container.seccomp.security.alpha.kubernetes.io/a: ''}}", Refused(&[19])),
        both("{annotations: {container.seccomp.security.alpha.kubernetes.io/zz: unconfined}}", ALWAYS),
        both("{context: {seccompProfile: {type: Unconfined}}}", Passes(&[19])),
        row("{spec: {securityContext: {runAsNonRoot: true}}}", ALWAYS, Passes(&[19])),
        row(
            "{spec: {securityContext: {runAsNonRoot: true}, os: {name: windows}}}",
            ALWAYS,
            Passes(&[19, 25]),
        ),
        both("{sysctl: kernel.msgmax}", NEVER),
        both("{sysctl: net.ipv4.ping_group_range}", ALWAYS),
        both("{sysctl: net.ipv4.ip_local_reserved_ports}", Refused(&[27])),
        both("{sysctl: net.ipv4.tcp_fin_timeout}", Refused(&[29])),
        both("{sysctl: net.ipv4.tcp_rmem}", Refused(&[32])),
        both("{sysctl: net.ipv4.tcp_notsent_lowat}", Refused(&[37])),
        row("{context: {allowPrivilegeEscalation: null}}", ALWAYS, Passes(&[8])),
        row(
            "{context: {allowPrivilegeEscalation: true}, spec: {os: {name: windows}}}",
            ALWAYS,
            Passes(&[8, 25]),
        ),
        row("{context: {runAsNonRoot: false}}", ALWAYS, NEVER),
        row("{context: {runAsNonRoot: false}, spec: {hostUsers: false}}", ALWAYS, Refused(&[35])),
        row("{context: {runAsUser: 0}}", ALWAYS, Passes(&[23])),
        row("{context: {runAsUser: 0}, spec: {hostUsers: false}}", ALWAYS, Passes(&[23, 35])),
        row("{context: {capabilities: {drop: [all]}}}", ALWAYS, Passes(&[22])),
        row("{context: {capabilities: null}, spec: {os: {name: windows}}}", ALWAYS, Passes(&[22, 25])),
        row("{context: {capabilities: {drop: [ALL], add: [CHOWN]}}}", ALWAYS, Passes(&[22])),
        both("{context: {capabilities: {drop: [ALL], add: [NET_RAW]}}}", NEVER),
        both("{context: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}}", ALWAYS),
        row(
            "{context: {capabilities: {add: [NET_RAW]}}, spec: {os: {name: windows}}}",
            NEVER,
            // The restricted check takes the baseline's place, and lets Windows be.
            Refused(&[25]),
        ),
    ]
}

/// A pod that both levels accept in every version, with the changes of a row in it: in its spec, in one of its
/// containers, or in that one's securityContext.
fn changed(row: &Row, list: &str) -> Json {
    let secure = "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}";
    let pod = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{
            securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}},
            containers: [{{name: a, image: i, {secure}}}],
            initContainers: [{{name: b, image: i, {secure}}}],
            ephemeralContainers: [{{name: c, image: i, {secure}}}]}}}}"
    );
    let mut pod: serde_json::Value = serde_json::from_str(&yaml(&pod).unwrap().to_string()).unwrap();
    let change: serde_json::Value = serde_json::from_str(&yaml(row.pod).unwrap().to_string()).unwrap();
    let merge = |into: &mut serde_json::Value, key: &str| {
        for (name, value) in change[key].as_object().into_iter().flatten() {
            into[name.as_str()] = value.clone();
        }
    };
    merge(&mut pod["metadata"]["annotations"], "annotations");
    merge(&mut pod["spec"], "spec");
    merge(&mut pod["spec"][list][0], "container");
    merge(&mut pod["spec"][list][0]["securityContext"], "context");
    if let Some(name) = change["sysctl"].as_str() {
        pod["spec"]["securityContext"]["sysctls"] = serde_json::json!([{ "name": name, "value": "0" }]);
    }
    Json::from(pod)
}

#[test]
fn every_version_of_every_check_begins_where_it_should() {
    let mut wrong = Vec::new();
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let rows = rows();
    let pods: Vec<_> =
        rows.iter().flat_map(|row| lists.map(|list| (row, list, changed(row, list)))).collect();
    for level in ["baseline", "restricted"] {
        let compiled =
            compile(library(&format!("std.pss.{level}"), Role::Entry), &NoFiles, &Options::default());
        for minor in 0..=37 {
            let evaluator = evaluator(&compiled, (1, minor), Vec::new()).unwrap();
            for (row, list, pod) in &pods {
                let answer = if level == "baseline" { row.baseline } else { row.restricted };
                if (judge(&evaluator, pod).unwrap().decision == Decision::Allow) != answer.passes(minor) {
                    wrong.push(format!("{level} 1.{minor}, {list}: {}", row.pod));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
