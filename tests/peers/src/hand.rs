//! The nine policies of `std.workload` written by hand, for Pods: what a Rust program without any policy language costs.
//!
//! ```text
//!   bytes ──stream, scan──▶ Pod (flags)  ──decision──▶ allow | deny
//!   bytes ──tree, typed──▶ every container ──▶ Pod ──┘
//! ```
//!
//! The same answers as the rules with their params' defaults, which are constants here: containers of all three lists, limits
//! that count as requests, resources of the pod as a whole, and no Linux fields asked of Windows pods. It says neither which
//! container nor why.

#[cfg(target_arch = "x86_64")]
pub(crate) mod scan;
pub(crate) mod stream;
pub(crate) mod tree;
pub(crate) mod typed;

use kpol_vm::evaluate::Decision;

/// Whether cpu and memory are named.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Amounts {
    pub(crate) cpu: bool,
    pub(crate) memory: bool,
}

/// What the policies ask of one container.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Container {
    pub(crate) privileged: bool,
    /// `allowPrivilegeEscalation` is not set to false.
    pub(crate) escalates: bool,
    /// `readOnlyRootFilesystem` is not set to true.
    pub(crate) writable: bool,
    pub(crate) drops_all: bool,
    /// Adds a capability that is not on the list.
    pub(crate) adds_more: bool,
    pub(crate) limits: Amounts,
    pub(crate) requests: Amounts,
}

/// What any container of a list does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Containers {
    privileged: bool,
    /// What only Linux has.
    loose: bool,
    without_limits: Amounts,
    without_requests: Amounts,
}

impl Containers {
    #[inline]
    pub(crate) fn add(&mut self, container: &Container) {
        let Container { privileged, escalates, writable, drops_all, adds_more, limits, requests } =
            *container;
        self.privileged |= privileged;
        self.loose |= escalates | writable | !drops_all | adds_more;
        self.without_limits.cpu |= !limits.cpu;
        self.without_limits.memory |= !limits.memory;
        self.without_requests.cpu |= !(limits.cpu | requests.cpu);
        self.without_requests.memory |= !(limits.memory | requests.memory);
    }
}

/// What the policies ask of a pod.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pod {
    pub(crate) host_network: bool,
    pub(crate) host_pid: bool,
    pub(crate) host_ipc: bool,
    pub(crate) windows: bool,
    pub(crate) limits: Amounts,
    pub(crate) requests: Amounts,
    pub(crate) init: Containers,
    pub(crate) main: Containers,
    /// Cannot have resources.
    pub(crate) ephemeral: Containers,
}

impl Pod {
    #[inline]
    pub(crate) fn decision(&self) -> Decision {
        let Pod { init, main, ephemeral, limits, requests, .. } = self;
        let host = self.host_network | self.host_pid | self.host_ipc;
        let privileged = init.privileged | main.privileged | ephemeral.privileged;
        let loose = init.loose | main.loose | ephemeral.loose;
        let without = |of: fn(&Containers) -> Amounts, cpu: bool, memory: bool| {
            let (init, main) = (of(init), of(main));
            ((init.cpu | main.cpu) & !cpu) | ((init.memory | main.memory) & !memory)
        };
        let without_limits = without(|list| list.without_limits, limits.cpu, limits.memory);
        let without_requests =
            without(|list| list.without_requests, limits.cpu | requests.cpu, limits.memory | requests.memory);
        let denied = host | privileged | (loose & !self.windows) | without_limits | without_requests;
        if denied { Decision::Deny } else { Decision::Allow }
    }
}

/// Whether a request is about what the policies are about; an error if it is none.
#[inline]
pub(crate) fn concerns(uid: &str, operation: &str, group: &str, kind: &str) -> Result<bool, String> {
    if uid.is_empty() {
        return Err("a request without uid".into());
    }
    match operation {
        "CREATE" | "UPDATE" => Ok(group.is_empty() && kind == "Pod"),
        "DELETE" | "CONNECT" => Ok(false),
        other => Err(format!("the operation {other:?}")),
    }
}

/// `CAP_sys_admin` is `SYS_ADMIN`.
#[inline]
fn is_capability(text: &str, name: &str) -> bool {
    text.eq_ignore_ascii_case(name)
        || text
            .split_at_checked(4)
            .is_some_and(|(head, rest)| head.eq_ignore_ascii_case("CAP_") && rest.eq_ignore_ascii_case(name))
}

#[inline]
pub(crate) fn is_all(capability: &str) -> bool {
    is_capability(capability, "ALL")
}

#[inline]
pub(crate) fn is_more(capability: &str) -> bool {
    !is_capability(capability, "NET_BIND_SERVICE")
}
