//! Typed structs that are there already, and the policies over them: what evaluation alone costs a Rust program.

use kpol_vm::evaluate::Decision;
use serde::Deserialize;

use super::{Amounts, Containers, concerns, is_all, is_more};

/// A review as a program would keep it.
#[derive(Deserialize)]
pub(crate) struct Review {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    uid: String,
    kind: Kind,
    operation: String,
    object: Option<Pod>,
}

#[derive(Deserialize)]
struct Kind {
    group: String,
    kind: String,
}

#[derive(Deserialize)]
struct Pod {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    host_network: bool,
    #[serde(default, rename = "hostPID")]
    host_pid: bool,
    #[serde(default, rename = "hostIPC")]
    host_ipc: bool,
    os: Option<Os>,
    #[serde(default)]
    resources: Resources,
    #[serde(default)]
    init_containers: Vec<Container>,
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    ephemeral_containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Os {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    resources: Resources,
    #[serde(default)]
    security_context: Context,
}

#[derive(Default, Deserialize)]
struct Resources {
    #[serde(default)]
    limits: Quantities,
    #[serde(default)]
    requests: Quantities,
}

#[derive(Default, Deserialize)]
struct Quantities {
    cpu: Option<String>,
    memory: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    privileged: Option<bool>,
    allow_privilege_escalation: Option<bool>,
    read_only_root_filesystem: Option<bool>,
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
struct Capabilities {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    drop: Vec<String>,
}

impl Review {
    pub(crate) fn read(body: &[u8]) -> Result<Review, String> {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }

    pub(crate) fn decision(&self) -> Result<Decision, String> {
        let Request { uid, kind, operation, object } = &self.request;
        if !concerns(uid, operation, &kind.group, &kind.kind)? {
            return Ok(Decision::Allow);
        }
        let spec = &object.as_ref().ok_or("no object")?.spec;
        let (limits, requests) = (spec.resources.limits.named(), spec.resources.requests.named());
        let pod = super::Pod {
            host_network: spec.host_network,
            host_pid: spec.host_pid,
            host_ipc: spec.host_ipc,
            windows: spec.os.as_ref().is_some_and(|os| os.name == "windows"),
            limits,
            requests,
            init: all(&spec.init_containers),
            main: all(&spec.containers),
            ephemeral: all(&spec.ephemeral_containers),
        };
        Ok(pod.decision())
    }
}

fn all(containers: &[Container]) -> Containers {
    let mut all = Containers::default();
    for Container { resources, security_context } in containers {
        let Context { privileged, allow_privilege_escalation, read_only_root_filesystem, capabilities } =
            security_context;
        all.add(&super::Container {
            privileged: *privileged == Some(true),
            escalates: *allow_privilege_escalation != Some(false),
            writable: *read_only_root_filesystem != Some(true),
            drops_all: capabilities.drop.iter().any(|name| is_all(name)),
            adds_more: capabilities.add.iter().any(|name| is_more(name)),
            limits: resources.limits.named(),
            requests: resources.requests.named(),
        });
    }
    all
}

impl Quantities {
    fn named(&self) -> Amounts {
        Amounts { cpu: self.cpu.is_some(), memory: self.memory.is_some() }
    }
}
