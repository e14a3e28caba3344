//! What every event has, and the records that events are made of.

use kpol_vm::types::Type;

use super::desc::{
    FieldDesc, RecordDesc,
    Shape::{Is, List, ListRec, Map, Rec, Set},
    flag, opt, req,
};

/// The roots of every event.
pub(super) static ROOTS: &[FieldDesc] = &[
    req("event", Rec("event"), "The event itself."),
    req("proc", Rec("process"), "The process that caused it."),
    req("user", Rec("event_user"), "The user that the process acts as."),
    opt("container", Rec("container"), "The container of the process; absent for a process of the host."),
    opt("k8s", Rec("k8s"), "The pod of the process; absent outside of pods."),
];

/// The records of the event world.
pub(super) static RECORDS: &[&RecordDesc] = &[
    &EVENT,
    &PROCESS,
    &EVENT_USER,
    &CONTAINER,
    &CONTAINER_MOUNT,
    &K8S,
    &K8S_NAMESPACE,
    &FILE,
    &NET,
    &LISTENER,
    &ENDPOINT,
    &EXIT_STATUS,
    &CAPABILITY_SETS,
    &PTRACE_REQUEST,
    &MOUNTED,
    &MODULE,
    &BPF_PROGRAM,
    &SYSTEM_CALL,
];

static EVENT: RecordDesc = RecordDesc {
    name: "event",
    doc: "When something happened and how it ended.",
    host: false,
    fields: &[
        req("time", Is(Type::Time), "When it happened."),
        req("name", Is(Type::Str), "The event's name: `exec`, `file_read`."),
        opt("error", Is(Type::Str), "The name of the error, `EACCES`; absent when it succeeded."),
        opt(
            "result",
            Is(Type::Int),
            "What the system call returned; negative for an error. Absent without one.",
        ),
        opt(
            "syscall",
            Is(Type::Str),
            "The system call behind it, `openat2`; absent for io_uring and without one.",
        ),
        req("node", Is(Type::Str), "The name of the node."),
    ],
};

static PROCESS: RecordDesc = RecordDesc {
    name: "process",
    doc: "A process as it was when the event happened.",
    host: false,
    fields: &[
        req(
            "id",
            Is(Type::Str),
            "Tells it from every other process of the node, also when pids are used again; \
             stays the same over `exec`.",
        ),
        req("pid", Is(Type::Int), "Its process id on the node."),
        req("ppid", Is(Type::Int), "The process id of its parent; 0 if there is none."),
        req("tid", Is(Type::Int), "The thread that acted; equal to `pid` for the first one."),
        req("vpid", Is(Type::Int), "Its process id inside its container; 1 is the container's entrypoint."),
        req("pgid", Is(Type::Int), "Its process group on the node."),
        req(
            "vpgid",
            Is(Type::Int),
            "Its process group inside its container; equal to `vpid` for the group's leader.",
        ),
        req("sid", Is(Type::Int), "Its session on the node."),
        opt("session", Is(Type::Str), "The name of the session's first process."),
        req(
            "name",
            Is(Type::Str),
            "The name that the kernel keeps: the program's file name, cut to 15 bytes. A \
             process can change it; `exe` it can not.",
        ),
        req(
            "exe",
            Is(Type::Path),
            "The program's file with symbolic links resolved; empty for a kernel thread.",
        ),
        req("exe_requested", Is(Type::Str), "The file name as it was given to `execve`."),
        req("argv0", Is(Type::Str), "The first of the words that it was started with."),
        req("args", List(Type::Str), "The words behind the first."),
        req("cmdline", Is(Type::Str), "`name` and `args`, with blanks between."),
        req("cwd", Is(Type::Path), "Its working directory."),
        req("env", Map(Type::Str), "Its environment as it was started with."),
        req("uid", Is(Type::Int), "The user id that it acts as (effective), on the node."),
        req("gid", Is(Type::Int), "The group id that it acts as (effective), on the node."),
        req("real_uid", Is(Type::Int), "The user id that started it."),
        opt(
            "login_uid",
            Is(Type::Int),
            "The user id of the login that it comes from; absent if there was none.",
        ),
        opt("tty", Is(Type::Int), "The number of its terminal; absent without one."),
        opt("parent", Rec("process"), "Its parent; absent for the first process."),
        req("ancestors", ListRec("process"), "Its parent, that one's parent, and so on; at most 16."),
        req("caps", Set(Type::Capability), "The capabilities in force (effective)."),
        req("caps_permitted", Set(Type::Capability), "The capabilities that it may put in force."),
        req("caps_inheritable", Set(Type::Capability), "The capabilities that it may pass on over `exec`."),
        flag("no_new_privs", "Whether it can never gain privileges again."),
        flag("exe_from_memfd", "Whether the program is in memory only (`memfd_create`)."),
        flag(
            "exe_upper_layer",
            "Whether the program is not of the image but was written after the container began.",
        ),
        flag("exe_deleted", "Whether the program's file is gone."),
        opt("exe_modified", Is(Type::Time), "When the program's file was last written."),
        opt(
            "exe_changed",
            Is(Type::Time),
            "When the program's file last got new metadata or content (ctime).",
        ),
        req("start_time", Is(Type::Time), "When it began (or when its last `exec` was, if that is later)."),
        req("cgroup", Is(Type::Str), "The path of its cgroup."),
        flag("host_pid_namespace", "Whether it sees the processes of the node."),
        flag("host_net_namespace", "Whether it uses the network of the node."),
        flag("host_mount_namespace", "Whether it sees the files of the node."),
    ],
};

static EVENT_USER: RecordDesc = RecordDesc {
    name: "event_user",
    doc: "A user of the node.",
    host: false,
    fields: &[
        opt("name", Is(Type::Str), "The name in the node's user database; absent if it has none."),
        req("uid", Is(Type::Int), "The user id on the node."),
        opt("group", Is(Type::Str), "The name of the group in the node's database; absent if it has none."),
        req("gid", Is(Type::Int), "The group id on the node."),
        opt("login_name", Is(Type::Str), "The name of the user who logged in; absent if nobody did."),
        opt("login_uid", Is(Type::Int), "The id of the user who logged in; absent if nobody did."),
    ],
};

static CONTAINER: RecordDesc = RecordDesc {
    name: "container",
    doc: "A container as its runtime knows it.",
    host: false,
    fields: &[
        req("id", Is(Type::Str), "The runtime's id, in full length."),
        req("short_id", Is(Type::Str), "The first 12 characters of `id`."),
        req("name", Is(Type::Str), "The name; in a pod the name from the pod's spec."),
        req("image", Is(Type::Image), "The image that it was made from."),
        opt("image_digest", Is(Type::Str), "The digest of that image: `sha256:...`."),
        req("runtime", Is(Type::Str), "`containerd`, `cri-o` or `docker`."),
        flag("privileged", "Whether it runs privileged."),
        flag("read_only", "Whether its root file system is read-only."),
        req("labels", Map(Type::Str), "The runtime's labels."),
        req("mounts", ListRec("container_mount"), "What is mounted from outside."),
        req("start_time", Is(Type::Time), "When it began."),
    ],
};

static CONTAINER_MOUNT: RecordDesc = RecordDesc {
    name: "container_mount",
    doc: "A file or directory from outside that a container sees.",
    host: false,
    fields: &[
        req("source", Is(Type::Path), "Where it is on the node."),
        req("destination", Is(Type::Path), "Where the container sees it."),
        flag("read_only", "Whether the container can only read it."),
        opt("propagation", Is(Type::Str), "`private`, `rslave` or `rshared`."),
    ],
};

static K8S: RecordDesc = RecordDesc {
    name: "k8s",
    doc: "What Kubernetes knows of the process: the objects as they were admitted.",
    host: false,
    fields: &[
        req("pod", Rec("Pod"), "The pod."),
        opt("container", Rec("Container"), "The container in the pod's spec; absent for the pod's sandbox."),
        req("namespace", Rec("k8s_namespace"), "The namespace of the pod."),
    ],
};

static K8S_NAMESPACE: RecordDesc = RecordDesc {
    name: "k8s_namespace",
    doc: "The namespace of a pod.",
    host: false,
    fields: &[
        req("name", Is(Type::Str), "Its name."),
        req("labels", Map(Type::Str), "Its labels."),
        req("annotations", Map(Type::Str), "Its annotations."),
    ],
};

static FILE: RecordDesc = RecordDesc {
    name: "file",
    doc: "A file that an event is about.",
    host: false,
    fields: &[
        req(
            "path",
            Is(Type::Path),
            "Where it really is: absolute, symbolic links resolved, as the container sees it.",
        ),
        req("requested", Is(Type::Path), "Where it was asked for: made absolute, symbolic links kept."),
        req("raw", Is(Type::Str), "The name as it was given to the kernel; may be relative."),
        req("name", Is(Type::Str), "The last part of `path`."),
        req("dir", Is(Type::Path), "`path` without its last part."),
        opt("flags", List(Type::Str), "The flags of an open: `O_CREAT`, `O_TRUNC`; absent for other events."),
        opt("mode", Is(Type::Int), "The permissions that a new file was given; absent if none was made."),
        flag("created", "Whether the file was made by this open."),
        opt(
            "kind",
            Is(Type::Str),
            "`file`, `dir`, `symlink`, `device`, `fifo` or `socket`; absent if it does not exist.",
        ),
        opt(
            "fs_type",
            Is(Type::Str),
            "The type of its file system: `overlay`, `tmpfs`, `proc`; absent if it does not exist.",
        ),
        opt(
            "owner_uid",
            Is(Type::Int),
            "The user id that owns it, on the node; absent if it does not exist.",
        ),
    ],
};

static NET: RecordDesc = RecordDesc {
    name: "net",
    doc: "A connection over IP.",
    host: false,
    fields: &[
        req("protocol", Is(Type::Str), "`tcp`, `udp`, `sctp`, `icmp`, ..."),
        req("family", Is(Type::Str), "`ipv4` or `ipv6`."),
        req("local", Rec("endpoint"), "The end at the process."),
        req("remote", Rec("endpoint"), "The other end."),
    ],
};

static LISTENER: RecordDesc = RecordDesc {
    name: "listener",
    doc: "A socket that waits for connections over IP.",
    host: false,
    fields: &[
        req("protocol", Is(Type::Str), "`tcp`, `sctp`, ..."),
        req("family", Is(Type::Str), "`ipv4` or `ipv6`."),
        req("local", Rec("endpoint"), "The address that it waits at."),
        req("backlog", Is(Type::Int), "How many connections may wait."),
    ],
};

static ENDPOINT: RecordDesc = RecordDesc {
    name: "endpoint",
    doc: "An end of a connection; a message prints its `name`.",
    host: false,
    fields: &[
        req(
            "name",
            Is(Type::Str),
            "`ip:port`, an IPv6 address in brackets: what a message prints for the endpoint.",
        ),
        req("ip", Is(Type::Ip), "Its address; an IPv4 address in an IPv6 socket is an IPv4 address."),
        req("port", Is(Type::Port), "Its port; 0 where the protocol has none."),
        opt("host", Is(Type::Host), "The name that led to the address, if the sensor saw it being resolved."),
    ],
};

static EXIT_STATUS: RecordDesc = RecordDesc {
    name: "exit_status",
    doc: "How a process ended.",
    host: false,
    fields: &[
        opt("code", Is(Type::Int), "The exit code; absent if a signal ended it."),
        opt("signal", Is(Type::Str), "The signal that ended it, `SIGKILL`; absent if it ended by itself."),
        flag("core_dumped", "Whether a core dump was written."),
    ],
};

static CAPABILITY_SETS: RecordDesc = RecordDesc {
    name: "capability_sets",
    doc: "The capabilities that a process asked for.",
    host: false,
    fields: &[
        req("effective", Set(Type::Capability), "In force."),
        req("permitted", Set(Type::Capability), "That it may put in force."),
        req("inheritable", Set(Type::Capability), "That it may pass on over `exec`."),
    ],
};

static PTRACE_REQUEST: RecordDesc = RecordDesc {
    name: "ptrace_request",
    doc: "What one process wants to do with another.",
    host: false,
    fields: &[
        req("request", Is(Type::Str), "`PTRACE_ATTACH`, `PTRACE_POKETEXT`, ..."),
        req("target", Rec("process"), "The other process."),
    ],
};

static MOUNTED: RecordDesc = RecordDesc {
    name: "mounted",
    doc: "What was mounted, and where.",
    host: false,
    fields: &[
        opt(
            "source",
            Is(Type::Str),
            "The device or directory that is mounted; absent for file systems without one.",
        ),
        req("path", Is(Type::Path), "Where it is mounted, symbolic links resolved."),
        opt(
            "fs_type",
            Is(Type::Str),
            "The file system's type; absent for bind mounts and changes of a mount.",
        ),
        req("flags", List(Type::Str), "`MS_BIND`, `MS_RDONLY`, ..."),
    ],
};

static MODULE: RecordDesc = RecordDesc {
    name: "module",
    doc: "A kernel module.",
    host: false,
    fields: &[
        req("name", Is(Type::Str), "The module's name."),
        opt("path", Is(Type::Path), "The file that it came from; absent if it came from memory."),
        opt("params", Is(Type::Str), "The parameters that it was given."),
    ],
};

static BPF_PROGRAM: RecordDesc = RecordDesc {
    name: "bpf_program",
    doc: "A program for the kernel's BPF machine.",
    host: false,
    fields: &[
        req("name", Is(Type::Str), "The name that the loader gave it; may be empty."),
        req("type", Is(Type::Str), "`BPF_PROG_TYPE_KPROBE`, ..."),
        req("instructions", Is(Type::Int), "How many instructions it has."),
    ],
};

static SYSTEM_CALL: RecordDesc = RecordDesc {
    name: "system_call",
    doc: "A system call as the kernel saw it.",
    host: false,
    fields: &[
        req("name", Is(Type::Str), "Its name: `openat2`."),
        req("args", List(Type::Int), "Its six arguments as numbers; pointers are addresses in the process."),
        req("ret", Is(Type::Int), "What it returned; negative for an error."),
    ],
};

/// Falco's fields that mean the same in every event. Where an operator of Falco's means something else on a field
/// (`proc.aname` is any ancestor, `fd.ip` either end), the importer knows; this table only names the field.
pub(super) static FALCO: &[(&str, &str)] = &[
    ("evt.time", "event.time"),
    ("evt.time.iso8601", "event.time"),
    ("evt.rawtime", "event.time"),
    ("evt.datetime", "event.time"),
    ("evt.type", "event.syscall"),
    ("syscall.type", "event.syscall"),
    ("evt.rawres", "event.result"),
    ("evt.res", "event.error"),
    ("evt.hostname", "event.node"),
    ("evt.failed", "event.error"),
    ("proc.pid", "proc.pid"),
    ("proc.ppid", "proc.ppid"),
    ("proc.apid", "proc.ancestors.pid"),
    ("proc.vpid", "proc.vpid"),
    ("proc.pvpid", "proc.parent.vpid"),
    ("proc.pgid", "proc.pgid"),
    ("proc.vpgid", "proc.vpgid"),
    ("proc.sid", "proc.sid"),
    ("proc.sname", "proc.session"),
    ("proc.name", "proc.name"),
    ("proc.pname", "proc.parent.name"),
    ("proc.aname", "proc.ancestors.name"),
    ("proc.exe", "proc.argv0"),
    ("proc.pexe", "proc.parent.argv0"),
    ("proc.aexe", "proc.ancestors.argv0"),
    ("proc.exepath", "proc.exe"),
    ("proc.pexepath", "proc.parent.exe"),
    ("proc.aexepath", "proc.ancestors.exe"),
    ("proc.args", "proc.args"),
    ("proc.pargs", "proc.parent.args"),
    ("proc.aargs", "proc.ancestors.args"),
    ("proc.cmdline", "proc.cmdline"),
    ("proc.pcmdline", "proc.parent.cmdline"),
    ("proc.acmdline", "proc.ancestors.cmdline"),
    ("proc.cwd", "proc.cwd"),
    ("proc.env", "proc.env"),
    ("proc.penv", "proc.parent.env"),
    ("proc.aenv", "proc.ancestors.env"),
    ("proc.tty", "proc.tty"),
    ("proc.is_exe_from_memfd", "proc.exe_from_memfd"),
    ("proc.is_exe_upper_layer", "proc.exe_upper_layer"),
    ("proc.exe_ino.mtime", "proc.exe_modified"),
    ("proc.exe_ino.ctime", "proc.exe_changed"),
    ("proc.pid.ts", "proc.start_time"),
    ("proc.ppid.ts", "proc.parent.start_time"),
    ("thread.tid", "proc.tid"),
    ("thread.cap_effective", "proc.caps"),
    ("thread.cap_permitted", "proc.caps_permitted"),
    ("thread.cap_inheritable", "proc.caps_inheritable"),
    ("thread.cgroup", "proc.cgroup"),
    ("user.uid", "user.uid"),
    ("user.name", "user.name"),
    ("user.loginuid", "user.login_uid"),
    ("user.loginname", "user.login_name"),
    ("group.gid", "user.gid"),
    ("group.name", "user.group"),
    ("container.id", "container.short_id"),
    ("container.full_id", "container.id"),
    ("container.name", "container.name"),
    ("container.image", "container.image"),
    ("container.image.repository", "container.image.repository"),
    ("container.image.tag", "container.image.tag"),
    ("container.image.digest", "container.image_digest"),
    ("container.type", "container.runtime"),
    ("container.privileged", "container.privileged"),
    ("container.mounts", "container.mounts"),
    ("container.mount.source", "container.mounts.source"),
    ("container.mount.dest", "container.mounts.destination"),
    ("container.start_ts", "container.start_time"),
    ("container.label", "container.labels"),
    ("container.labels", "container.labels"),
    ("k8s.ns.name", "k8s.namespace.name"),
    ("k8s.ns.label", "k8s.namespace.labels"),
    ("k8s.ns.labels", "k8s.namespace.labels"),
    ("k8s.pod.name", "k8s.pod.metadata.name"),
    ("k8s.pod.uid", "k8s.pod.metadata.uid"),
    ("k8s.pod.id", "k8s.pod.metadata.uid"),
    ("k8s.pod.label", "k8s.pod.metadata.labels"),
    ("k8s.pod.labels", "k8s.pod.metadata.labels"),
    ("k8s.pod.ip", "k8s.pod.status.podIP"),
    ("fd.name", "file.requested"),
    ("fd.nameraw", "file.raw"),
    ("fd.filename", "file.name"),
    ("fd.directory", "file.dir"),
    ("fs.path.name", "file.requested"),
    ("fs.path.nameraw", "file.raw"),
    ("fd.lip.name", "net.local.host"),
    ("fd.l4proto", "net.protocol"),
    ("fd.sockfamily", "net.family"),
    ("fd.lip", "net.local.ip"),
    ("fd.lport", "net.local.port"),
    ("fd.rip", "net.remote.ip"),
    ("fd.rport", "net.remote.port"),
    ("fd.rip.name", "net.remote.host"),
    ("fd.rnet", "net.remote.ip"),
    ("fd.lnet", "net.local.ip"),
    ("fd.ip", "net.local.ip"),
    ("fd.ip", "net.remote.ip"),
    ("fd.net", "net.local.ip"),
    ("fd.net", "net.remote.ip"),
    ("fd.port", "net.local.port"),
    ("fd.port", "net.remote.port"),
];
