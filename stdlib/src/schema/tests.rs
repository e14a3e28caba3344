#![allow(clippy::wildcard_enum_match_arm, reason = "a test asks for a few types of many")]
use std::collections::HashSet;

use kpol_vm::json::Json;
use kpol_vm::types::{Field, Presence, Record, Type, VirtualSource};

use super::*;

fn field(record: &str, name: &str) -> Field {
    let found = Schema::kubernetes().record(record).unwrap_or_else(|| panic!("no record {record}"));
    found.field(name).unwrap_or_else(|| panic!("no field {record}.{name}")).clone()
}

fn json(text: &str) -> Json {
    Json::from(serde_json::from_str::<serde_json::Value>(text).unwrap())
}

/// The record names in a type.
fn names_in(ty: &Type) -> Option<&str> {
    match ty {
        Type::Record(name) => Some(name),
        Type::List(inner) | Type::Set(inner) | Type::Map(inner) => names_in(inner),
        _ => None,
    }
}

/// Whether a documented default is a value of the field's type.
fn fits(ty: &Type, value: &Json) -> bool {
    match ty {
        Type::Bool => value.as_bool().is_some(),
        Type::Int | Type::Port => value.as_int().is_some(),
        Type::Dyn => true,
        Type::List(element) => {
            matches!(value, Json::Array(items) if items.iter().all(|item| fits(element, item)))
        }
        other => other.is_text() && value.as_str().is_some(),
    }
}

#[test]
fn the_range_of_minors_is_the_headers() {
    assert_eq!(Schema::kubernetes().minors(), (24, 37));
}

/// Facts of Kubernetes' changelogs: if one fails, the file is stale or the merge is wrong.
#[test]
fn fields_know_the_minors_that_have_them() {
    let since = |record, name| field(record, name).since;
    assert_eq!(since("PodSpec", "hostUsers"), Some(25));
    assert_eq!(since("SecurityContext", "appArmorProfile"), Some(30));
    assert_eq!(since("PodSecurityContext", "appArmorProfile"), Some(30));
    assert_eq!(since("PodSpec", "resources"), Some(32));
    assert_eq!(since("Container", "restartPolicyRules"), Some(34));
    assert_eq!(since("Container", "restartPolicy"), Some(28));
    assert_eq!(since("PodSpec", "hostNetwork"), None);
    assert_eq!(field("PodSpec", "hostNetwork").until, None);
    assert!(field("Event", "message").until.is_none());
}

#[test]
fn kinds_know_the_minors_that_serve_them() {
    let schema = Schema::kubernetes();
    let range = |group, version, kind| {
        let info =
            schema.kind_of(group, version, kind).unwrap_or_else(|| panic!("no {group}/{version} {kind}"));
        (info.since, info.until)
    };
    assert_eq!(range("policy", "v1beta1", "PodSecurityPolicy"), (None, Some(24)));
    assert_eq!(range("batch", "v1beta1", "CronJob"), (None, Some(24)));
    assert_eq!(range("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"), (Some(30), None));
    assert_eq!(range("", "v1", "Pod"), (None, None));
    assert_eq!(range("apps", "v1", "Deployment"), (None, None));
}

#[test]
fn short_names_are_the_stable_and_well_known_ones() {
    let schema = Schema::kubernetes();
    let origin = |name| schema.kind(name).map(|kind| (kind.group.as_str(), kind.version.as_str()));
    assert_eq!(origin("Event"), Some(("", "v1")));
    assert_eq!(origin("events.v1.Event"), Some(("events.k8s.io", "v1")));
    assert_eq!(origin("HorizontalPodAutoscaler"), Some(("autoscaling", "v2")));
    assert_eq!(origin("autoscaling.v1.HorizontalPodAutoscaler"), Some(("autoscaling", "v1")));
    assert_eq!(origin("ResourceClaim"), Some(("resource.k8s.io", "v1")));
    assert_eq!(schema.kind_in_group("batch", "CronJob").len(), 2);
}

#[test]
fn workload_stays_the_languages_word() {
    let schema = Schema::kubernetes();
    assert!(schema.kind("Workload").is_none());
    assert!(schema.record("Workload").is_none());
    assert!(schema.kind_of("scheduling.k8s.io", "v1beta1", "Workload").is_some());
}

#[test]
fn names_are_unique_and_every_named_record_exists() {
    let schema = Schema::kubernetes();
    let mut seen = HashSet::new();
    for name in schema.record_names() {
        assert!(seen.insert(name), "{name} twice");
        let record = schema.record(name).unwrap_or_else(|| panic!("{name} does not parse"));
        assert_eq!(record.name, name);
        let mut fields = HashSet::new();
        for field in &record.fields {
            assert!(fields.insert(&field.name), "{name}.{} twice", field.name);
            let used = names_in(&field.ty);
            assert!(
                used.is_none_or(|used| schema.record(used).is_some()),
                "{name}.{}: {}",
                field.name,
                field.ty
            );
        }
    }
    for kind in schema.kinds() {
        assert!(schema.record(&kind.record).is_some(), "{}", kind.record);
        assert_eq!(schema.kind(&kind.record), Some(kind));
        for (subresource, record) in &kind.subresources {
            assert!(schema.record(record).is_some(), "{}/{subresource}: {record}", kind.record);
        }
    }
    assert!(seen.len() > 1000);
}

#[test]
fn a_default_fits_its_field_and_cites_a_page() {
    let lines = overlay::defaults();
    assert!(lines.len() > 40);
    for line in lines {
        let field = field(line.record, line.field);
        assert!(
            line.page.starts_with("https://") && line.page.contains('#'),
            "{}.{}",
            line.record,
            line.field
        );
        let Presence::Default(value) = &field.presence else {
            panic!("{}.{}: `{}` is no JSON", line.record, line.field, line.says);
        };
        assert!(fits(&field.ty, value), "{}.{}: {value} is no {}", line.record, line.field, field.ty);
    }
}

#[test]
fn a_refined_type_names_a_field_and_is_a_type() {
    let lines = overlay::types();
    assert!(lines.len() > 20);
    for line in lines {
        let field = field(line.record, line.field);
        assert_eq!(field.ty.to_string(), line.says, "{}.{}", line.record, line.field);
        assert_eq!(names_in(&field.ty), None, "{}.{}: `{}` is no type", line.record, line.field, line.says);
    }
}

#[test]
fn no_table_says_a_thing_twice() {
    for table in [overlay::defaults(), overlay::types()] {
        let mut seen = HashSet::new();
        assert!(table.iter().all(|line| seen.insert((line.record, line.field))));
    }
}

#[test]
fn a_security_default_is_the_effective_value() {
    let default = |record, name| field(record, name).presence;
    assert_eq!(default("SecurityContext", "privileged"), Presence::Default(Json::Bool(false)));
    assert_eq!(default("SecurityContext", "allowPrivilegeEscalation"), Presence::Default(Json::Bool(true)));
    assert_eq!(default("PodSpec", "hostNetwork"), Presence::Default(Json::Bool(false)));
    assert_eq!(default("PodSpec", "automountServiceAccountToken"), Presence::Default(Json::Bool(true)));
    assert_eq!(default("SecurityContext", "runAsUser"), Presence::Optional);
    assert_eq!(default("PodSpec", "containers"), Presence::Required);
}

#[test]
fn types_follow_the_meaning_of_a_field() {
    let ty = |record, name| field(record, name).ty.to_string();
    assert_eq!(ty("Container", "image"), "image");
    assert_eq!(ty("Capabilities", "drop"), "list<capability>");
    assert_eq!(ty("ResourceRequirements", "limits"), "map<string, quantity>");
    assert_eq!(ty("ObjectMeta", "creationTimestamp"), "time");
    assert_eq!(ty("ServicePort", "targetPort"), "dyn");
    assert_eq!(ty("PodSpec", "ephemeralContainers"), "list<EphemeralContainer>");
    assert_eq!(ty("PodExecOptions", "command"), "list<string>");
    assert_eq!(ty("IngressRule", "host"), "string");
}

#[test]
fn all_containers_is_every_list_of_containers() {
    let field = field("PodSpec", "all_containers");
    assert_eq!(field.ty, Type::list(Type::Record("Container".to_owned())));
    let Some(VirtualSource::Concat(lists)) = field.virtual_source else { panic!("not a concatenation") };
    let keys: Vec<&str> = lists.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["initContainers", "containers", "ephemeralContainers"]);
    for record in ["Container", "EphemeralContainer"] {
        assert_eq!(self::field(record, "role").virtual_source, Some(VirtualSource::Role));
    }
}

#[test]
fn every_kind_has_an_id_and_no_part_of_one_has() {
    let schema = Schema::kubernetes();
    for kind in schema.kinds() {
        assert_eq!(
            field(&kind.record, "id").virtual_source,
            Some(VirtualSource::ObjectId),
            "{}",
            kind.record
        );
    }
    assert!(schema.record("PodSpec").is_some_and(|record| record.field("id").is_none()));
}

#[test]
fn a_pod_path_leads_to_a_pod_spec() {
    let schema = Schema::kubernetes();
    let mut workloads = Vec::new();
    for kind in schema.kinds() {
        let Some(path) = schema.pod_path(kind) else { continue };
        let mut record = schema.record(&kind.record).unwrap();
        for key in path {
            let Some(Type::Record(next)) = record.field(key).map(|field| field.ty.clone()) else {
                panic!("{key}")
            };
            record = schema.record(&next).unwrap();
        }
        assert_eq!(
            record.field("spec").map(|f| f.ty.to_string()),
            Some("PodSpec".to_owned()),
            "{}",
            kind.record
        );
        workloads.push(kind.kind.as_str());
    }
    workloads.sort_unstable();
    workloads.dedup();
    let all = "CronJob DaemonSet Deployment Job Pod PodTemplate ReplicaSet ReplicationController StatefulSet";
    assert_eq!(workloads.join(" "), all);
}

#[test]
fn subresources_carry_their_own_objects() {
    let schema = Schema::kubernetes();
    let object = |kind, subresource| {
        let found = &schema.kind(kind)?.subresources;
        found.iter().find(|(name, _)| name == subresource).map(|(_, record)| record.as_str())
    };
    assert_eq!(object("Pod", "exec"), Some("PodExecOptions"));
    assert_eq!(object("Pod", "ephemeralcontainers"), Some("Pod"));
    assert_eq!(object("Pod", "eviction"), Some("Eviction"));
    assert_eq!(object("Deployment", "scale"), Some("Scale"));
    assert_eq!(object("Deployment", "status"), Some("Deployment"));
    assert_eq!(object("ServiceAccount", "token"), Some("TokenRequest"));
    assert_eq!(object("ConfigMap", "status"), None);
}

const CERTIFICATE: &str = r#"{
  "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
  "metadata": { "name": "certificates.example.io" },
  "spec": {
    "group": "example.io", "scope": "Namespaced",
    "names": { "kind": "Certificate", "plural": "certificates" },
    "versions": [
      { "name": "v1alpha1", "served": true, "storage": false, "schema": { "openAPIV3Schema": {
          "type": "object", "properties": { "spec": { "type": "object", "properties": { "old": { "type": "string" } } } } } } },
      { "name": "v0", "served": false, "storage": false },
      { "name": "v1", "served": true, "storage": true,
        "subresources": { "status": {}, "scale": { "specReplicasPath": ".spec.count" } },
        "schema": { "openAPIV3Schema": {
          "type": "object", "description": "A certificate.\n\nMore.",
          "properties": {
            "apiVersion": { "type": "string" }, "kind": { "type": "string" }, "metadata": { "type": "object" },
            "spec": { "type": "object", "required": ["issuerRef", "secretName"], "properties": {
                "secretName": { "type": "string", "description": "Where it goes." },
                "duration": { "type": "string", "format": "duration" },
                "notAfter": { "type": "string", "format": "date-time" },
                "data": { "type": "string", "format": "byte" },
                "count": { "type": "integer", "format": "int32", "default": 1 },
                "ratio": { "type": "number" },
                "port": { "x-kubernetes-int-or-string": true },
                "raw": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                "pod": { "type": "object", "x-kubernetes-embedded-resource": true, "properties": {} },
                "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                "dnsNames": { "type": "array", "items": { "type": "string" } },
                "issuerRef": { "type": "object", "properties": { "name": { "type": "string" } } },
                "keystores": { "type": "array", "items": { "type": "object", "properties": { "create": { "type": "boolean" } } } }
            } } } } } }
    ] } }"#;

fn with_certificate() -> Schema {
    let mut schema = Schema::kubernetes();
    schema.add_crd("Certificate", &json(CERTIFICATE)).unwrap();
    schema
}

fn refused(from: &str, to: &str) -> Vec<(String, String)> {
    assert!(CERTIFICATE.contains(from));
    let errors =
        Schema::kubernetes().add_crd("Certificate", &json(&CERTIFICATE.replace(from, to))).unwrap_err();
    errors.into_iter().map(|error| (error.path, error.message)).collect()
}

fn record_of(schema: &Schema, name: &str) -> Arc<Record> {
    schema.record(name).unwrap_or_else(|| panic!("no record {name}"))
}

#[test]
fn a_crd_is_a_kind_like_any_other() {
    let schema = with_certificate();
    let kind = schema.kind("Certificate").unwrap();
    assert_eq!((kind.group.as_str(), kind.version.as_str(), kind.namespaced), ("example.io", "v1", true));
    assert_eq!(schema.kind_of("example.io", "v1", "Certificate"), Some(kind));
    let subresources: Vec<&str> = kind.subresources.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(subresources, ["scale", "status"]);
    let root = record_of(&schema, "Certificate");
    let names: Vec<&str> = root.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["apiVersion", "kind", "metadata", "spec", "id"]);
    assert_eq!(root.field("metadata").unwrap().ty, Type::Record("ObjectMeta".to_owned()));
    assert_eq!((root.doc.as_str(), root.origin.as_str()), ("A certificate.", "example.io/v1"));
}

#[test]
fn a_crds_fields_have_the_types_of_its_schema() {
    let schema = with_certificate();
    let spec = record_of(&schema, "Certificate.spec");
    let types: Vec<String> =
        spec.fields.iter().map(|field| format!("{}: {}", field.name, field.ty)).collect();
    let mut expected = vec![
        "secretName: string",
        "duration: duration",
        "notAfter: time",
        "data: string",
        "count: int",
        "ratio: dyn",
        "port: dyn",
        "raw: dyn",
        "pod: dyn",
        "labels: map<string, string>",
        "dnsNames: list<string>",
        "issuerRef: Certificate.spec.issuerRef",
        "keystores: list<Certificate.spec.keystores>",
    ];
    let mut found: Vec<&str> = types.iter().map(String::as_str).collect();
    // Without `preserve_order` serde_json sorts the keys of the literal above.
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(spec.field("secretName").unwrap().presence, Presence::Required);
    assert_eq!(spec.field("duration").unwrap().presence, Presence::Optional);
    assert_eq!(spec.field("count").unwrap().presence, Presence::Default(Json::Int(1)));
}

#[test]
fn other_served_versions_of_a_crd_are_named_with_their_version() {
    let schema = with_certificate();
    assert_eq!(schema.kind("v1alpha1.Certificate").map(|kind| kind.version.as_str()), Some("v1alpha1"));
    assert!(record_of(&schema, "v1alpha1.Certificate.spec").field("old").is_some());
    assert_eq!(schema.kind_in_group("example.io", "Certificate").len(), 2);
}

#[test]
fn adding_the_same_crd_again_changes_nothing_and_a_taken_name_is_refused() {
    let mut schema = with_certificate();
    let count = schema.kinds().count();
    schema.add_crd("Certificate", &json(CERTIFICATE)).unwrap();
    assert_eq!(schema.kinds().count(), count);
    let errors = schema.add_crd("Pod", &json(CERTIFICATE)).unwrap_err();
    assert_eq!(errors, [CrdError::new("", "the name `Pod` is taken")]);
    assert_eq!(schema.kinds().count(), count);
}

#[test]
fn what_is_no_crd_v1_is_refused_at_its_place() {
    let (path, message) = refused("apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1").remove(0);
    assert_eq!(path, "apiVersion");
    assert!(message.contains("removed in Kubernetes 1.22"), "{message}");
    assert_eq!(refused("CustomResourceDefinition", "Pod")[0].0, "kind");
    assert_eq!(refused(r#""group": "example.io","#, "")[0].0, "spec.group");
    assert_eq!(refused("Namespaced", "Everywhere")[0].0, "spec.scope");
    assert_eq!(refused(r#""storage": true"#, r#""storage": false"#)[0].0, "spec.versions");
    let (path, _) = refused(r#""type": "number""#, r#""type": "complex""#).remove(0);
    assert_eq!(path, "spec.versions[2].schema.openAPIV3Schema.properties.spec.properties.ratio.type");
    for junk in ["null", "[]", "3", "{}"] {
        assert!(Schema::kubernetes().add_crd("X", &json(junk)).is_err());
    }
}

fn certificate_with(spec: Json) -> Result<(), Vec<CrdError>> {
    let text = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","spec":{"group":"g.io",
        "scope":"Cluster","names":{"kind":"Deep","plural":"deeps"},"versions":[{"name":"v1","served":true,"storage":true,
        "schema":{"openAPIV3Schema":"HERE"}}]}}"#;
    fn replace(value: Json, by: &Json) -> Json {
        match value {
            Json::Str(text) if text == "HERE" => by.clone(),
            Json::Array(items) => Json::Array(items.into_iter().map(|item| replace(item, by)).collect()),
            Json::Object(entries) => {
                Json::Object(entries.into_iter().map(|(key, value)| (key, replace(value, by))).collect())
            }
            other => other,
        }
    }
    Schema::kubernetes().add_crd("Deep", &replace(json(text), &spec))
}

fn object(entries: Vec<(String, Json)>) -> Json {
    Json::Object(vec![
        ("type".to_owned(), Json::Str("object".to_owned())),
        ("properties".to_owned(), Json::Object(entries)),
    ])
}

#[test]
fn a_crd_too_deep_or_too_big_is_refused_once() {
    let leaf = Json::Object(vec![("type".to_owned(), Json::Str("string".to_owned()))]);
    let nested = |depth| (0..depth).fold(leaf.clone(), |inner, _| object(vec![("a".to_owned(), inner)]));
    assert_eq!(certificate_with(nested(60)), Ok(()));
    let errors = certificate_with(nested(400)).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("deeper than 64"), "{}", errors[0]);
    let lists = (0..400).fold(leaf.clone(), |inner, _| {
        Json::Object(vec![("type".to_owned(), Json::Str("array".to_owned())), ("items".to_owned(), inner)])
    });
    assert!(certificate_with(object(vec![("a".to_owned(), lists)])).is_err());
    let wide = object((0..20_001).map(|i| (format!("f{i}"), leaf.clone())).collect());
    let errors = certificate_with(wide).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("more than 20000 fields"), "{}", errors[0]);
}
