//! Fields that kpol promises and the API does not have: `id`, `all_containers`, `role`.

use kpol_vm::types::{Field, Presence, Record, Type, VirtualSource};

/// The lists of containers in a pod, in the order in which they run, and the role of their elements.
const CONTAINER_LISTS: &[(&str, &str)] = &[
    ("initContainers", "init container"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral container"),
];

/// Adds the virtual fields of `record`. A field of the API with the same name is kept.
pub(super) fn apply(record: &mut Record, is_kind: bool) {
    match record.name.as_str() {
        "PodSpec" => {
            let lists = CONTAINER_LISTS.iter().map(|(key, role)| ((*key).to_owned(), (*role).to_owned()));
            add(
                record,
                "all_containers",
                Type::list(Type::Record("Container".to_owned())),
                VirtualSource::Concat(lists.collect()),
                "The init containers, the containers and the ephemeral containers, in this order.",
            );
        }
        "Container" | "EphemeralContainer" => add(
            record,
            "role",
            Type::Str,
            VirtualSource::Role,
            "`init container`, `container` or `ephemeral container`: the list that it stands in.",
        ),
        _ => {}
    }
    if is_kind {
        add(
            record,
            "id",
            Type::Str,
            VirtualSource::ObjectId,
            "`namespace/name` of the object; just `name` if it has no namespace.",
        );
    }
}

fn add(record: &mut Record, name: &str, ty: Type, source: VirtualSource, doc: &str) {
    if record.field(name).is_some() {
        return;
    }
    record.fields.push(Field {
        name: name.to_owned(),
        ty,
        presence: Presence::Required,
        doc: doc.to_owned(),
        since: None,
        until: None,
        virtual_source: Some(source),
    });
}
