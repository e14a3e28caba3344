//! The subresources whose requests an admission webhook sees, and the type of the object that such a request carries.
//!
//! `status` is not listed: every served kind with a `status` field has it, except the answers of the review APIs.

/// Group, kind, subresource, record of the request's object. Records that no kind reaches are in `extra.jsonl`.
pub(super) const SUBRESOURCES: &[(&str, &str, &str, &str)] = &[
    ("", "Namespace", "finalize", "Namespace"),
    ("", "Node", "proxy", "NodeProxyOptions"),
    ("", "Pod", "attach", "PodAttachOptions"),
    ("", "Pod", "binding", "Binding"),
    ("", "Pod", "ephemeralcontainers", "Pod"),
    ("", "Pod", "eviction", "Eviction"),
    ("", "Pod", "exec", "PodExecOptions"),
    ("", "Pod", "portforward", "PodPortForwardOptions"),
    ("", "Pod", "proxy", "PodProxyOptions"),
    ("", "Pod", "resize", "Pod"),
    ("", "ReplicationController", "scale", "Scale"),
    ("", "Service", "proxy", "ServiceProxyOptions"),
    ("", "ServiceAccount", "token", "TokenRequest"),
    ("apps", "Deployment", "scale", "Scale"),
    ("apps", "ReplicaSet", "scale", "Scale"),
    ("apps", "StatefulSet", "scale", "Scale"),
    ("certificates.k8s.io", "CertificateSigningRequest", "approval", "CertificateSigningRequest"),
];

/// Groups whose objects are questions with the answer in `status`; nobody writes their status.
pub(super) const REVIEW_GROUPS: &[&str] = &["authentication.k8s.io", "authorization.k8s.io"];
