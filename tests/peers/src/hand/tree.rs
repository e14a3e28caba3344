//! A whole tree first, then the policies over it: `serde_json::Value`, the arena value of sonic-rs, the tape of simd-json.

use kpol_vm::evaluate::Decision;
use simd_json::prelude::{TypedScalarValue as _, ValueAsScalar as _};
use sonic_rs::{JsonContainerTrait as _, JsonValueTrait as _};

use super::{Amounts, Container, Containers, Pod, concerns, is_all, is_more};

/// `serde_json::Value`.
pub(crate) fn serde_json(body: &[u8]) -> Result<Decision, String> {
    let review: serde_json::Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    decision(&review)
}

/// `sonic_rs::Value`.
pub(crate) fn sonic(body: &[u8]) -> Result<Decision, String> {
    let review: sonic_rs::Value = sonic_rs::from_slice(body).map_err(|error| error.to_string())?;
    decision(&review)
}

/// The tape of simd-json; it writes into its input, so the body is copied.
#[derive(Default)]
pub(crate) struct Simd {
    copy: Vec<u8>,
    buffers: simd_json::Buffers,
}

impl Simd {
    pub(crate) fn decide(&mut self, body: &[u8]) -> Result<Decision, String> {
        self.copy.clear();
        self.copy.extend_from_slice(body);
        let tape = simd_json::to_tape_with_buffers(&mut self.copy, &mut self.buffers)
            .map_err(|error| error.to_string())?;
        decision(tape.as_value())
    }
}

/// A node of any of the trees.
trait Node: Copy {
    fn field(self, key: &str) -> Option<Self>;
    fn bool(self) -> Option<bool>;
    fn text(&self) -> Option<&str>;
    fn null(self) -> bool;
    fn each(self, seen: impl FnMut(Self));
}

impl Node for &serde_json::Value {
    fn field(self, key: &str) -> Option<Self> {
        self.get(key)
    }

    fn bool(self) -> Option<bool> {
        self.as_bool()
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn null(self) -> bool {
        self.is_null()
    }

    fn each(self, seen: impl FnMut(Self)) {
        self.as_array().into_iter().flatten().for_each(seen);
    }
}

impl Node for &sonic_rs::Value {
    fn field(self, key: &str) -> Option<Self> {
        self.get(key)
    }

    fn bool(self) -> Option<bool> {
        self.as_bool()
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn null(self) -> bool {
        self.is_null()
    }

    fn each(self, seen: impl FnMut(Self)) {
        self.as_array().into_iter().flatten().for_each(seen);
    }
}

impl Node for simd_json::tape::Value<'_, '_> {
    fn field(self, key: &str) -> Option<Self> {
        self.as_object()?.get(key)
    }

    fn bool(self) -> Option<bool> {
        self.as_bool()
    }

    fn text(&self) -> Option<&str> {
        self.as_str()
    }

    fn null(self) -> bool {
        self.is_null()
    }

    fn each(self, seen: impl FnMut(Self)) {
        if let Some(list) = self.as_array() {
            list.iter().for_each(seen);
        }
    }
}

fn decision<N: Node>(review: N) -> Result<Decision, String> {
    let request = review.field("request").ok_or("no request")?;
    let kind = request.field("kind").ok_or("no kind")?;
    let (uid, operation) = (request.field("uid"), request.field("operation"));
    let (group, kind) = (kind.field("group"), kind.field("kind"));
    let concerned = concerns(text(&uid), text(&operation), text(&group), text(&kind))?;
    if !concerned {
        return Ok(Decision::Allow);
    }
    let spec = request.field("object").and_then(|object| object.field("spec"));
    Ok(pod(spec.ok_or("a Pod without spec")?).decision())
}

fn text<N: Node>(node: &Option<N>) -> &str {
    node.as_ref().and_then(N::text).unwrap_or("")
}

fn pod<N: Node>(spec: N) -> Pod {
    let is = |key| spec.field(key).and_then(N::bool) == Some(true);
    let (limits, requests) = resources(spec);
    Pod {
        host_network: is("hostNetwork"),
        host_pid: is("hostPID"),
        host_ipc: is("hostIPC"),
        windows: text(&spec.field("os").and_then(|os| os.field("name"))) == "windows",
        limits,
        requests,
        init: containers(spec, "initContainers"),
        main: containers(spec, "containers"),
        ephemeral: containers(spec, "ephemeralContainers"),
    }
}

fn containers<N: Node>(spec: N, key: &str) -> Containers {
    let mut all = Containers::default();
    if let Some(list) = spec.field(key) {
        list.each(|one| all.add(&container(one)));
    }
    all
}

fn container<N: Node>(container: N) -> Container {
    let context = container.field("securityContext");
    let is = |key| context.and_then(|context| context.field(key)).and_then(N::bool);
    let capabilities = context.and_then(|context| context.field("capabilities"));
    let any = |key, test: fn(&str) -> bool| {
        let mut any = false;
        if let Some(list) = capabilities.and_then(|capabilities| capabilities.field(key)) {
            list.each(|one| any |= one.text().is_some_and(test));
        }
        any
    };
    let (limits, requests) = resources(container);
    Container {
        privileged: is("privileged") == Some(true),
        escalates: is("allowPrivilegeEscalation") != Some(false),
        writable: is("readOnlyRootFilesystem") != Some(true),
        drops_all: any("drop", is_all),
        adds_more: any("add", is_more),
        limits,
        requests,
    }
}

fn resources<N: Node>(of: N) -> (Amounts, Amounts) {
    let resources = of.field("resources");
    let amounts = |key| {
        let amounts = resources.and_then(|resources| resources.field(key));
        let named = |key| amounts.and_then(|amounts| amounts.field(key)).is_some_and(|node| !node.null());
        Amounts { cpu: named("cpu"), memory: named("memory") }
    };
    (amounts("limits"), amounts("requests"))
}
