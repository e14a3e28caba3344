//! Pages of objects, judged into a report.

use std::sync::Arc;

use kpol::{Hit, Json, Session};
use kpol_admission::report::{Checked, Effect, Finding, Report, Resource};
use kube::api::DynamicObject;

use crate::{kind::Kind, policies::Ready};

/// Judges the objects of a page by all bundles.
pub fn page(
    objects: Vec<DynamicObject>,
    kind: &Kind,
    bundles: &[Arc<Ready>],
    exempt: &[String],
    sessions: &mut Vec<Session>,
    report: &mut Report,
) {
    sessions.resize_with(bundles.len().max(sessions.len()), Session::new);
    for object in objects {
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        if exempt.contains(&namespace) {
            report.skip(1);
            continue;
        }
        let resource = Resource {
            api_version: kind.api_version(),
            kind: kind.kind.clone(),
            namespace,
            name: object.metadata.name.clone().unwrap_or_default(),
            source: None,
        };
        match kind.json(object) {
            Ok(json) => one(&json, &resource, bundles, sessions, report),
            Err(error) => report.fail(resource, error),
        }
    }
}

fn one(
    json: &Json,
    resource: &Resource,
    bundles: &[Arc<Ready>],
    sessions: &mut [Session],
    report: &mut Report,
) {
    let mut checked = Checked { namespace: &resource.namespace, ..Checked::default() };
    for (ready, session) in bundles.iter().zip(sessions) {
        if !ready.evaluator.covers(group(&resource.api_version), &resource.kind) {
            continue;
        }
        match ready.evaluator.object(json, &ready.cluster, session) {
            Ok(answer) => {
                checked.applied.extend(answer.applied().map(|rule| rule.name()));
                checked.other_versions.extend(answer.other_versions().map(|rule| rule.name()));
                checked.omitted += answer.omitted();
                checked.findings.extend(answer.hits().map(|hit| finding(hit, resource)));
            }
            Err(error) => {
                report.fail(resource.clone(), format!("{}: {error}", ready.name));
                return;
            }
        }
    }
    report.add(checked);
}

fn finding(hit: Hit<'_>, resource: &Resource) -> Finding {
    let ended = hit.expired_exception().map(|name| format!("{name} has ended"));
    Finding {
        rule: hit.rule().to_owned(),
        effect: Effect::of(hit.effect(), hit.exception().is_some()),
        mode: hit.mode(),
        message: hit.message().to_owned(),
        fix: hit.fix().map(str::to_owned),
        exception: hit.exception().map(str::to_owned).or(ended),
        resource: resource.clone(),
        blames: hit.blames().to_vec(),
    }
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
