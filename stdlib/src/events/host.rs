//! What an admission host knows beside the objects: who asks, for what, in which cluster.

use kpol_vm::types::Type;

use super::desc::{
    RecordDesc,
    Shape::{Is, List, MapList},
    flag, opt, req,
};

/// The records of the admission world that are not Kubernetes kinds.
pub(super) static RECORDS: &[&RecordDesc] = &[&USER, &REQUEST, &CLUSTER];

static USER: RecordDesc = RecordDesc {
    name: "user",
    doc: "Who asks (`userInfo` of the review). `kpolc eval` on plain manifests has none: all fields are \
        absent.",
    host: true,
    fields: &[
        req("name", Is(Type::Str), "The user's name: `jane`, `system:serviceaccount:ci:deployer`."),
        opt("uid", Is(Type::Str), "Tells apart users who had the same name at different times."),
        req("groups", List(Type::Str), "The groups that the user is in."),
        req("extra", MapList(Type::Str), "What else the authenticator said, as lists of texts by key."),
    ],
};

static REQUEST: RecordDesc = RecordDesc {
    name: "request",
    doc: "The request to the API server.",
    host: true,
    fields: &[
        req("operation", Is(Type::Str), "`create`, `update`, `delete` or `connect`, in lower case."),
        opt(
            "name",
            Is(Type::Str),
            "The object's name; absent when the server makes one up (`generateName`).",
        ),
        opt("namespace", Is(Type::Str), "The namespace of the request; absent for cluster-wide objects."),
        opt("subresource", Is(Type::Str), "`status`, `scale`, `exec`, ...; absent for the object itself."),
        req("kind", Is(Type::Str), "The kind of the object in the request: `Deployment`."),
        req("group", Is(Type::Str), "Its API group; empty for the core group."),
        req("version", Is(Type::Str), "Its API version: `v1`."),
        req("resource", Is(Type::Str), "The resource in the URL: `deployments`."),
        opt("uid", Is(Type::Str), "The id of this review."),
        flag("dryRun", "Whether nothing will be stored."),
    ],
};

static CLUSTER: RecordDesc = RecordDesc {
    name: "cluster",
    doc: "The cluster that is asked, or the one that `kpolc eval --kubernetes` stands for.",
    host: true,
    fields: &[req(
        "version",
        Is(Type::Semver),
        "The Kubernetes version without pre-release and vendor's suffix; compare it with a minor: \
            `cluster.version >= \"1.34\"`.",
    )],
};
