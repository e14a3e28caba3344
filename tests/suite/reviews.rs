//! Reviews of Pods as the API server writes them: compact JSON, the keys in its order, managedFields first among what is long.
//!
//! ```text
//!   Pod { how many containers, what is broken where, … } ──review()──▶ the bytes of an AdmissionReview
//! ```
//!
//! What nobody breaks keeps the nine policies of `std.workload` and the restricted Pod Security Standard. Pure: the same knobs give
//! the same bytes. Tests, benches and `tests/peers` judge these.

use std::fmt::Write as _;

/// The nine policies of `std.workload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A container is privileged.
    Privileged,
    /// The pod uses the network of its node.
    HostNetwork,
    /// The pod sees the processes of its node.
    HostPid,
    /// The pod shares the IPC of its node.
    HostIpc,
    /// A container has no memory limit.
    ResourceLimits,
    /// A container has neither a memory request nor a limit, which counts as one: so this breaks the limits too.
    ResourceRequests,
    /// A container does not say that its processes gain no privileges.
    PrivilegeEscalation,
    /// A container's root file system is writable.
    ReadOnlyRoot,
    /// A container does not drop all capabilities.
    DropAll,
}

impl Policy {
    /// All of them.
    pub const ALL: [Policy; 9] = [
        Policy::Privileged,
        Policy::HostNetwork,
        Policy::HostPid,
        Policy::HostIpc,
        Policy::ResourceLimits,
        Policy::ResourceRequests,
        Policy::PrivilegeEscalation,
        Policy::ReadOnlyRoot,
        Policy::DropAll,
    ];

    /// Its rule in the library.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Policy::Privileged => "std.workload.privileged_containers",
            Policy::HostNetwork => "std.workload.host_network",
            Policy::HostPid => "std.workload.host_pid",
            Policy::HostIpc => "std.workload.host_ipc",
            Policy::ResourceLimits => "std.workload.resource_limits",
            Policy::ResourceRequests => "std.workload.resource_requests",
            Policy::PrivilegeEscalation => "std.workload.privilege_escalation",
            Policy::ReadOnlyRoot => "std.workload.read_only_root_filesystem",
            Policy::DropAll => "std.workload.drop_all_capabilities",
        }
    }
}

/// Which list the broken container stands in, as its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// `spec.containers`.
    #[default]
    Main,
    /// `spec.initContainers`.
    Init,
    /// `spec.ephemeralContainers`, which have no resources.
    Ephemeral,
}

/// The knobs of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// How many containers.
    pub containers: usize,
    /// How many init containers.
    pub init: usize,
    /// How many ephemeral containers.
    pub ephemeral: usize,
    /// How many environment variables a container has beside two.
    pub env: usize,
    /// Whether managedFields own all of the pod (40 to 50 % of the bytes), or its labels only.
    pub managed: bool,
    /// The policy that one container, or the pod, breaks.
    pub breaks: Option<Policy>,
    /// Where the container is that breaks it.
    pub place: Place,
    /// The capability that every container adds.
    pub adds: &'static str,
    /// The pod is for Windows, and its containers say nothing of what only Linux has.
    pub windows: bool,
    /// The pod as a whole has resources, and no container has.
    pub pod_resources: bool,
}

impl Default for Pod {
    fn default() -> Self {
        Pod {
            containers: 1,
            init: 0,
            ephemeral: 0,
            env: 0,
            managed: false,
            breaks: None,
            place: Place::Main,
            adds: "NET_BIND_SERVICE",
            windows: false,
            pod_resources: false,
        }
    }
}

/// The sizes that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 2.4 KB: one container, little managedFields.
    Small,
    /// 8.8 KB: three containers; managedFields are 40 to 50 % of it.
    Medium,
    /// 60 KB: twenty containers; managedFields alike.
    Large,
}

impl Size {
    /// All of them.
    pub const ALL: [Size; 3] = [Size::Small, Size::Medium, Size::Large];

    /// As tables say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Size::Small => "2.4 KB",
            Size::Medium => "8.8 KB",
            Size::Large => "60 KB",
        }
    }

    /// A pod of that size that breaks nothing.
    #[must_use]
    pub fn pod(self) -> Pod {
        match self {
            Size::Small => Pod::default(),
            Size::Medium => Pod { containers: 3, env: 2, managed: true, ..Pod::default() },
            Size::Large => Pod { containers: 20, env: 7, managed: true, ..Pod::default() },
        }
    }
}

/// The review of a request that creates this pod.
#[must_use]
pub fn review(pod: &Pod) -> String {
    let object = object(pod);
    format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","kind":{{"group":"","version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},"requestKind":{{"group":"","version":"v1","kind":"Pod"}},"requestResource":{{"group":"","version":"v1","resource":"pods"}},"name":"web","namespace":"shop","operation":"CREATE","userInfo":{{"username":"system:serviceaccount:ci:deployer","uid":"0e2b8d5c","groups":["system:serviceaccounts","system:authenticated"]}},"object":{object},"oldObject":null,"dryRun":false,"options":{{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}}}}"#
    )
}

fn object(pod: &Pod) -> String {
    let managed = managed_fields(pod);
    let init = list("initContainers", pod, Place::Init, pod.init);
    let main = list("containers", pod, Place::Main, pod.containers);
    let ephemeral = list("ephemeralContainers", pod, Place::Ephemeral, pod.ephemeral);
    let flag = |policy, key| {
        if pod.breaks == Some(policy) { format!(r#""{key}":true,"#) } else { String::new() }
    };
    let network = flag(Policy::HostNetwork, "hostNetwork");
    let pid = flag(Policy::HostPid, "hostPID");
    let ipc = flag(Policy::HostIpc, "hostIPC");
    let context = if pod.windows {
        "{}"
    } else {
        r#"{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}}"#
    };
    let os = if pod.windows { r#","os":{"name":"windows"}"# } else { "" };
    let resources = if pod.pod_resources {
        r#","resources":{"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"1","memory":"1Gi"}}"#
    } else {
        ""
    };
    format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"web","namespace":"shop","uid":"4f0a8dd1-2b43-4a6e-9f6b-7d5d0c2c9a11","creationTimestamp":"2026-11-23T09:00:00Z","labels":{{"app":"web","team":"shop"}},"managedFields":[{managed}]}},"spec":{{"volumes":[{{"name":"tmp","emptyDir":{{}}}}],{init}{main}{ephemeral}"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"web",{network}{pid}{ipc}"securityContext":{context},"schedulerName":"default-scheduler","tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}}]{os}{resources}}},"status":{{}}}}"#
    )
}

fn list(key: &str, pod: &Pod, place: Place, many: usize) -> String {
    if many == 0 {
        return String::new();
    }
    let breaks = |index| if pod.place == place && index + 1 == many { pod.breaks } else { None };
    let containers: Vec<String> =
        (0..many).map(|index| container(pod, place, index, breaks(index))).collect();
    format!(r#""{key}":[{}],"#, containers.join(","))
}

fn container(pod: &Pod, place: Place, index: usize, breaks: Option<Policy>) -> String {
    let name = format!("{}{index}", prefix(place));
    let mut env = String::new();
    for variable in 0..pod.env {
        let _ = write!(
            env,
            r#",{{"name":"SETTING_{variable}","value":"value number {variable} of this deployment"}}"#
        );
    }
    let resources = resources(pod, place, breaks);
    let probe = if place == Place::Main {
        r#""livenessProbe":{"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},"#
    } else {
        ""
    };
    let context = context(pod, breaks);
    format!(
        r#"{{"name":"{name}","image":"ghcr.io/acme/app-{index}@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","args":["--config=/etc/app/config.yaml","--log-level=info"],"ports":[{{"name":"http","containerPort":8080,"protocol":"TCP"}}],"env":[{{"name":"POD_NAME","valueFrom":{{"fieldRef":{{"apiVersion":"v1","fieldPath":"metadata.name"}}}}}},{{"name":"GREETING","value":"some \"quoted\" text"}}{env}],"resources":{resources},"volumeMounts":[{{"name":"tmp","mountPath":"/tmp"}}],{probe}"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","securityContext":{context}}}"#
    )
}

fn prefix(place: Place) -> &'static str {
    match place {
        Place::Main => "app-",
        Place::Init => "setup-",
        Place::Ephemeral => "debug-",
    }
}

fn resources(pod: &Pod, place: Place, breaks: Option<Policy>) -> &'static str {
    if pod.pod_resources || place == Place::Ephemeral {
        return "{}";
    }
    match breaks {
        Some(Policy::ResourceLimits) => {
            r#"{"limits":{"cpu":"500m"},"requests":{"cpu":"100m","memory":"128Mi"}}"#
        }
        Some(Policy::ResourceRequests) => r#"{"limits":{"cpu":"500m"},"requests":{"cpu":"100m"}}"#,
        _ => r#"{"limits":{"cpu":"500m","memory":"256Mi"},"requests":{"cpu":"100m","memory":"128Mi"}}"#,
    }
}

fn context(pod: &Pod, breaks: Option<Policy>) -> String {
    let privileged = breaks == Some(Policy::Privileged);
    if pod.windows {
        return format!(r#"{{"privileged":{privileged}}}"#);
    }
    let adds = pod.adds;
    let drop = if breaks == Some(Policy::DropAll) { "NET_RAW" } else { "ALL" };
    let read_only = breaks != Some(Policy::ReadOnlyRoot);
    let escalation =
        if breaks == Some(Policy::PrivilegeEscalation) { "" } else { r#","allowPrivilegeEscalation":false"# };
    format!(
        r#"{{"capabilities":{{"add":["{adds}"],"drop":["{drop}"]}},"privileged":{privileged},"runAsNonRoot":true,"readOnlyRootFilesystem":{read_only}{escalation}}}"#
    )
}

/// Who owns which field. The keys of lists are JSON in a string, with its quotes escaped: that is most of the backslashes
/// in real reviews.
fn managed_fields(pod: &Pod) -> String {
    let head = r#""manager":"kubectl-client-side-apply","operation":"Update","apiVersion":"v1","time":"2026-11-23T09:00:00Z","fieldsType":"FieldsV1""#;
    if !pod.managed {
        return format!(
            r#"{{{head},"fieldsV1":{{"f:metadata":{{"f:labels":{{".":{{}},"f:app":{{}},"f:team":{{}}}}}}}}}}"#
        );
    }
    let mut lists = String::new();
    for (key, place, many) in [
        ("f:containers", Place::Main, pod.containers),
        ("f:ephemeralContainers", Place::Ephemeral, pod.ephemeral),
        ("f:initContainers", Place::Init, pod.init),
    ] {
        if many > 0 {
            let owned: Vec<String> =
                (0..many).map(|index| owned_container(prefix(place), index, pod.env)).collect();
            let _ = write!(lists, r#""{key}":{{{}}},"#, owned.join(","));
        }
    }
    format!(
        r#"{{{head},"fieldsV1":{{"f:metadata":{{"f:labels":{{".":{{}},"f:app":{{}},"f:team":{{}}}}}},"f:spec":{{{lists}"f:dnsPolicy":{{}},"f:restartPolicy":{{}},"f:schedulerName":{{}},"f:securityContext":{{".":{{}},"f:runAsNonRoot":{{}},"f:seccompProfile":{{".":{{}},"f:type":{{}}}}}},"f:serviceAccount":{{}},"f:serviceAccountName":{{}},"f:terminationGracePeriodSeconds":{{}},"f:volumes":{{".":{{}},"k:{{\"name\":\"tmp\"}}":{{".":{{}},"f:emptyDir":{{}},"f:name":{{}}}}}}}}}}}}"#
    )
}

fn owned_container(prefix: &str, index: usize, env: usize) -> String {
    let mut variables = String::new();
    for variable in 0..env {
        let _ = write!(
            variables,
            r#","k:{{\"name\":\"SETTING_{variable}\"}}":{{".":{{}},"f:name":{{}},"f:value":{{}}}}"#
        );
    }
    format!(
        r#""k:{{\"name\":\"{prefix}{index}\"}}":{{".":{{}},"f:args":{{}},"f:env":{{".":{{}},"k:{{\"name\":\"GREETING\"}}":{{".":{{}},"f:name":{{}},"f:value":{{}}}},"k:{{\"name\":\"POD_NAME\"}}":{{".":{{}},"f:name":{{}},"f:valueFrom":{{".":{{}},"f:fieldRef":{{}}}}}}{variables}}},"f:image":{{}},"f:imagePullPolicy":{{}},"f:livenessProbe":{{".":{{}},"f:failureThreshold":{{}},"f:httpGet":{{".":{{}},"f:path":{{}},"f:port":{{}},"f:scheme":{{}}}},"f:periodSeconds":{{}},"f:successThreshold":{{}},"f:timeoutSeconds":{{}}}},"f:name":{{}},"f:ports":{{".":{{}},"k:{{\"containerPort\":8080,\"protocol\":\"TCP\"}}":{{".":{{}},"f:containerPort":{{}},"f:name":{{}},"f:protocol":{{}}}}}},"f:resources":{{".":{{}},"f:limits":{{".":{{}},"f:cpu":{{}},"f:memory":{{}}}},"f:requests":{{".":{{}},"f:cpu":{{}},"f:memory":{{}}}}}},"f:securityContext":{{".":{{}},"f:allowPrivilegeEscalation":{{}},"f:capabilities":{{".":{{}},"f:add":{{}},"f:drop":{{}}}},"f:privileged":{{}},"f:readOnlyRootFilesystem":{{}},"f:runAsNonRoot":{{}}}},"f:terminationMessagePath":{{}},"f:terminationMessagePolicy":{{}},"f:volumeMounts":{{".":{{}},"k:{{\"mountPath\":\"/tmp\"}}":{{".":{{}},"f:mountPath":{{}},"f:name":{{}}}}}}}}"#
    )
}
