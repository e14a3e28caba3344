//! How the cost of a review grows with the rules that are loaded.
//!
//! ```text
//!   the nine policies + N − 9 rules that never hit, all on other kinds    ─▶ µs per review of a Pod
//!   the nine policies + N − 9 rules that never hit, all on Pods           ─▶ µs per review of a Pod
//!   the same, with rules that only running tells not to hit               ─▶ µs per review of a Pod
//! ```
//!
//! The rules on Pods read only what the nine read already, so that the facts stay as they are: what grows is matching.

use std::fmt::Write as _;

use kpol_tests::reviews::{Size, review};
use kpol_vm::{evaluate::Engine, ir::Module};

use crate::{
    contestant::{Contestant, Id, Scope},
    kpol::{self, Kpol},
    timing::{Times, measure},
};

/// How many rules are loaded.
pub(crate) const LOADED: [usize; 4] = [10, 100, 1_000, 10_000];
/// How many of them are the library's.
const LIBRARY: usize = 9;

/// What the other rules are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    OtherKinds,
    /// Rules that look for something: what no text speaks for is not run.
    Pods,
    /// Rules that look for what is missing or different: each is run.
    PodsAlways,
}

/// The medians, by [`LOADED`].
pub(crate) struct Growth {
    pub(crate) other_kinds: Vec<Times>,
    pub(crate) pods: Vec<Times>,
    pub(crate) pods_always: Vec<Times>,
}

impl Growth {
    pub(crate) fn measure(rounds: usize) -> Result<Growth, String> {
        let mut contestants = Vec::new();
        for on in [On::OtherKinds, On::Pods, On::PodsAlways] {
            for loaded in LOADED {
                eprintln!("loading {loaded} rules ({on:?})");
                let kpol = Kpol::new(module(on, loaded)?, Engine::Jit)?;
                contestants.push(Contestant::new(Id::KpolJit, Scope::Whole, kpol));
            }
        }
        for contestant in &mut contestants {
            contestant.check(&crate::contestant::nine())?;
        }
        let body = review(&Size::Medium.pod());
        let mut other_kinds = measure(&mut contestants, body.as_bytes(), rounds)?;
        let mut pods = other_kinds.split_off(LOADED.len());
        let pods_always = pods.split_off(LOADED.len());
        Ok(Growth { other_kinds, pods, pods_always })
    }
}

/// The nine policies and as many others as make `loaded`.
pub(crate) fn module(on: On, loaded: usize) -> Result<Module, String> {
    let mut text = String::from("package peers\n");
    for number in 0..loaded.saturating_sub(LIBRARY) {
        let rule = match on {
            On::OtherKinds => on_other_kind(number),
            On::Pods => on_pod(number),
            On::PodsAlways => on_pod_always(number),
        };
        let _ = writeln!(text, "\n{rule}");
    }
    kpol::package_and_text("std.workload", text)
}

fn on_other_kind(n: usize) -> String {
    let (kind, condition) = match n % 8 {
        0 => ("Service", format!(r#"object.spec.type == "Type{n}""#)),
        1 => ("ConfigMap", format!(r#"object.metadata.name == "settings-{n}""#)),
        2 => ("Secret", format!(r#"object.type in ["acme.io/a{n}", "acme.io/b{n}"]"#)),
        3 => ("Ingress", format!(r#"object.spec.ingressClassName starts_with "class{n}-""#)),
        4 => ("ServiceAccount", format!(r#"object.metadata.name contains "robot{n}""#)),
        5 => ("PersistentVolumeClaim", format!(r#"object.spec.storageClassName == "disk{n}""#)),
        6 => ("Namespace", format!(r#"object.metadata.name in ["team-{n}", "shop-{n}", "play-{n}"]"#)),
        _ => ("Role", format!(r#"object.metadata.name starts_with "admin{n}-""#)),
    };
    format!(r#"rule other_{n} on {kind} {{ deny when {condition} message "rule {n}" }}"#)
}

fn on_pod(n: usize) -> String {
    let condition = match n % 8 {
        0 => {
            return format!(
                r#"rule pod_{n} on Pod {{ deny when pod.spec.hostNetwork and pod.spec.os.name == "os{n}" message "rule {n}" }}"#
            );
        }
        1 => format!(r#"c.name == "sidecar-{n}""#),
        2 => format!(r#"c.name in ["agent-{n}", "proxy-{n}", "setup-{n}"]"#),
        3 => format!(r#"c.name starts_with "debug{n}-""#),
        4 => format!(r#"c.name contains "shell{n}""#),
        5 => format!(r#"c.image under ["ghcr.io/evil{n}"]"#),
        6 => format!(r#"c.securityContext.privileged and c.name == "root-{n}""#),
        _ => format!(r#""SYS_ADMIN" in c.securityContext.capabilities.add and c.name contains "admin{n}""#),
    };
    format!(
        r#"rule pod_{n} on Pod {{ for c in pod.spec.all_containers {{ deny when {condition} message "rule {n}" }} }}"#
    )
}

fn on_pod_always(n: usize) -> String {
    let condition = match n % 4 {
        0 => format!(r#"c.securityContext.privileged and c.name not in ["web-{n}", "job-{n}"]"#),
        1 => format!(r#"pod.spec.hostIPC and c.name != "scratch-{n}""#),
        2 => format!(r#"c.securityContext.privileged and not (c.name starts_with "sudo{n}-")"#),
        _ => {
            return format!(
                r#"rule always_{n} on Pod {{ deny when pod.spec.hostNetwork and pod.spec.os.name != "os{n}" message "rule {n}" }}"#
            );
        }
    };
    format!(
        r#"rule always_{n} on Pod {{ for c in pod.spec.all_containers {{ deny when {condition} message "rule {n}" }} }}"#
    )
}
