//! The author-facing name of every definition: `Pod`, `autoscaling.v1.HorizontalPodAutoscaler`.
//!
//! Names must be unique. Where several definitions want one name, a kind wins over a part of a kind, a stable version
//! over a beta, then the better-known API group, then the newer version; the others are written in full.
//! A name that the language gives a meaning of its own is never given away.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// API groups whose names come first; all others follow.
const GROUPS: &[&str] = &[
    "core",
    "meta",
    "apps",
    "batch",
    "rbac",
    "networking",
    "policy",
    "autoscaling",
    "admissionregistration",
];

/// Names of the language: `on Workload` is every kind with a pod template, not `scheduling.k8s.io`'s kind.
const RESERVED: &[&str] = &["Workload"];

/// Where a definition lives: group and version in short form, and its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) name: String,
}

impl Place {
    /// Reads `io.k8s.api.core.v1.Pod`.
    pub(super) fn of(definition: &str) -> Place {
        let mut parts = definition.rsplit('.').map(str::to_owned);
        let name = parts.next().unwrap_or_default();
        let version = parts.next().unwrap_or_default();
        let group = parts.next().unwrap_or_default();
        Place { group, version, name }
    }

    pub(super) fn origin(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    fn qualified(&self) -> String {
        format!("{}.{}.{}", self.group, self.version, self.name)
    }
}

/// Definition to author-facing name.
pub(super) fn assign<'a>(
    definitions: impl Iterator<Item = &'a String>,
    kinds: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    let mut by_name: BTreeMap<String, Vec<(&str, Place)>> = BTreeMap::new();
    for definition in definitions {
        let place = Place::of(definition);
        by_name.entry(place.name.clone()).or_default().push((definition, place));
    }
    let mut names = BTreeMap::new();
    for (name, mut places) in by_name {
        places.sort_by_key(|(definition, place)| rank(place, kinds.contains(*definition)));
        for (index, (definition, place)) in places.into_iter().enumerate() {
            let plain = index == 0 && !RESERVED.contains(&name.as_str());
            let author = if plain { name.clone() } else { place.qualified() };
            names.insert(definition.to_owned(), author);
        }
    }
    names
}

fn rank(place: &Place, is_kind: bool) -> impl Ord + use<> {
    let (stability, major, step) = version_rank(&place.version);
    let group = GROUPS.iter().position(|group| *group == place.group).unwrap_or(GROUPS.len());
    (Reverse(is_kind), Reverse(stability), group, place.group.clone(), Reverse(major), Reverse(step))
}

/// `v2beta1` is (1, 2, 1); `v1` is (2, 1, 0).
fn version_rank(version: &str) -> (u32, u32, u32) {
    let digits = version.trim_start_matches('v');
    let (stability, word) = match digits {
        d if d.contains("alpha") => (0, "alpha"),
        d if d.contains("beta") => (1, "beta"),
        _ => (2, " "),
    };
    let mut numbers = digits.split(word).map(|n| n.parse().unwrap_or(0));
    (stability, numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
