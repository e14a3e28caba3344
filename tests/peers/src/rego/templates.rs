//! Gatekeeper's ConstraintTemplates, from gatekeeper-library beside the clone, with one constraint each.
//!
//! As in Gatekeeper, a template is a program of its own, its input is the request as `review` and the constraint's
//! `parameters`, and any `violation` denies. The review is parsed once for all of them.

use std::path::Path;

use kpol_tests::yaml;
use kpol_vm::{evaluate::Decision, json::Json};
use regorus::{Value, rvm::vm::RegoVM};

use super::{compile, machine, parse};
use crate::contestant::Judge;

/// A template's folder in gatekeeper-library, and the parameters of its constraint.
pub(crate) type Constraint = (&'static str, &'static str);

const PRIVILEGED: Constraint = ("pod-security-policy/privileged-containers", "{}");
const HOST_NETWORK: Constraint = ("pod-security-policy/host-network-ports", r#"{"hostNetwork":false}"#);
const HOST_PID_IPC: Constraint = ("pod-security-policy/host-namespaces", "{}");
const ESCALATION: Constraint = ("pod-security-policy/allow-privilege-escalation", "{}");
const READ_ONLY: Constraint = ("pod-security-policy/read-only-root-filesystem", "{}");
const CAPABILITIES: Constraint = (
    "pod-security-policy/capabilities",
    r#"{"allowedCapabilities":["NET_BIND_SERVICE"],"requiredDropCapabilities":["ALL"]}"#,
);

/// The nine policies. Limits and requests are one template, which asks what `std.workload` asks: whether they are there.
pub(crate) const NINE: &[Constraint] = &[
    PRIVILEGED,
    HOST_NETWORK,
    HOST_PID_IPC,
    ("general/containerresources", r#"{"limits":["cpu","memory"],"requests":["cpu","memory"]}"#),
    ESCALATION,
    READ_ONLY,
    CAPABILITIES,
];

/// The nine policies with the templates that are named after limits and requests, which also parse the quantities and hold
/// them against a maximum.
pub(crate) const NINE_BY_QUANTITY: &[Constraint] = &[
    PRIVILEGED,
    HOST_NETWORK,
    HOST_PID_IPC,
    ("general/containerlimits", r#"{"cpu":"2","memory":"2Gi"}"#),
    ("general/containerrequests", r#"{"cpu":"2","memory":"2Gi"}"#),
    ESCALATION,
    READ_ONLY,
    CAPABILITIES,
];

/// What gatekeeper-library has for the restricted standard: its templates marked `pod-security-restricted`, and seccomp. Less than
/// `std.pss.restricted`: the corpus has no template for volume types, users and probes.
pub(crate) const RESTRICTED: &[Constraint] = &[
    PRIVILEGED,
    ("pod-security-policy/host-network-ports", r#"{"hostNetwork":false,"min":0,"max":0}"#),
    HOST_PID_IPC,
    ESCALATION,
    CAPABILITIES,
    ("pod-security-policy/host-filesystem", "{}"),
    ("pod-security-policy/proc-mount", r#"{"procMount":"Default"}"#),
    ("pod-security-policy/seccomp", r#"{"allowedProfiles":["RuntimeDefault","runtime/default"]}"#),
    (
        "pod-security-policy/selinux",
        r#"{"allowedSELinuxOptions":[{"type":"container_t"},{"type":"container_init_t"},{"type":"container_kvm_t"}]}"#,
    ),
    (
        "pod-security-policy/forbidden-sysctls",
        r#"{"allowedSysctls":["kernel.shm_rmid_forced","net.ipv4.ip_local_port_range","net.ipv4.ip_unprivileged_port_start","net.ipv4.tcp_syncookies","net.ipv4.ping_group_range"]}"#,
    ),
    ("pod-security-policy/host-process", "{}"),
];

/// Templates with their constraints.
pub(crate) struct Templates(Vec<(RegoVM, Value)>);

impl Templates {
    /// Reads and compiles the templates of these constraints.
    pub(crate) fn new(library: &Path, constraints: &[Constraint]) -> Result<Templates, String> {
        let template = |(folder, parameters): &Constraint| {
            let path = library.join(folder).join("template.yaml");
            let text = std::fs::read_to_string(path).map_err(|error| format!("{folder}: {error}"))?;
            let template = yaml(&text)?;
            let (rego, libs) = rego(&template).ok_or_else(|| format!("{folder} has no Rego"))?;
            let rule = format!("data.{}.violation", package(rego).ok_or("a module without package")?);
            let mut sources = vec![("template.rego".to_owned(), rego.to_owned())];
            for (index, lib) in libs.iter().enumerate() {
                let text = lib.as_str().ok_or("a lib that is no text")?;
                sources.push((format!("lib{index}.rego"), text.to_owned()));
            }
            let parameters = Value::from_json_str(parameters).map_err(|error| error.to_string())?;
            Ok((machine(compile(&sources, true, &rule)?), parameters))
        };
        constraints.iter().map(template).collect::<Result<_, String>>().map(Templates)
    }
}

/// The Rego of a template, in the older or the newer form of its target.
fn rego(template: &Json) -> Option<(&str, &[Json])> {
    let target = template.at(&["spec", "targets"])?.elements().first()?;
    let in_code = target
        .get("code")
        .into_iter()
        .flat_map(Json::elements)
        .find_map(|code| (code.get("engine")?.as_str()? == "Rego").then(|| code.get("source")).flatten());
    let source = in_code.unwrap_or(target);
    Some((source.get("rego")?.as_str()?, source.get("libs").map_or(&[], Json::elements)))
}

fn package(rego: &str) -> Option<&str> {
    rego.lines().find_map(|line| line.trim().strip_prefix("package ")).map(str::trim)
}

impl Judge for Templates {
    fn decide(&mut self, body: &[u8]) -> Result<Decision, String> {
        let review = parse(body)?;
        let request = &review["request"];
        let mut decision = Decision::Allow;
        for (machine, parameters) in &mut self.0 {
            let mut input = Value::new_object();
            let fields = input.as_object_mut().map_err(|error| error.to_string())?;
            fields.insert(Value::from("review"), request.clone());
            fields.insert(Value::from("parameters"), parameters.clone());
            machine.set_input(input);
            let violations = machine.execute().map_err(|error| error.to_string())?;
            if violations != Value::Undefined
                && !violations.as_set().map_err(|error| error.to_string())?.is_empty()
            {
                decision = Decision::Deny;
            }
        }
        Ok(decision)
    }
}
