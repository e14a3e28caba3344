//! The controls of benchmarks that the library's rules stand for.
//!
//! A rule names a control by kpol's own id (`tags "cis.pod.privileged"`), which is for ever; benchmarks number the
//! same control differently from version to version, and stdlib/data/controls.tsv has those numbers as data.

use std::sync::LazyLock;

use kpol_vm::ir::Meta;

const TABLE: &str = include_str!("../data/controls.tsv");

/// A control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// `cis.pod.privileged`.
    pub id: &'static str,
    /// `pss-baseline`, `pss-restricted`, `cis` or `nsa`.
    pub framework: &'static str,
    /// What can decide it.
    pub scope: Scope,
    /// What holds when it is met.
    pub title: &'static str,
    /// Benchmark versions and what they call it: `cis-1.12`, `5.2.2`. Oldest first.
    pub numbers: Vec<(&'static str, &'static str)>,
    /// The ids of kubescape's controls for it.
    pub kubescape: Vec<&'static str>,
    /// The text of the framework.
    pub reference: &'static str,
}

impl Control {
    /// What the benchmark version calls it.
    #[must_use]
    pub fn number(&self, benchmark: &str) -> Option<&'static str> {
        self.numbers.iter().find(|(name, _)| *name == benchmark).map(|(_, number)| *number)
    }
}

/// What can decide a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One admission review.
    Admission,
    /// A review together with other objects of the cluster.
    Referential,
    /// No policy: it is about how the cluster is set up.
    Cluster,
}

static CONTROLS: LazyLock<Vec<Control>> = LazyLock::new(|| rows().filter_map(control_of_row).collect());

/// All controls, by framework and number.
#[must_use]
pub fn controls() -> &'static [Control] {
    &CONTROLS
}

/// The control with this id.
#[must_use]
pub fn control(id: &str) -> Option<&'static Control> {
    CONTROLS.iter().find(|control| control.id == id)
}

/// The CIS benchmark versions (`cis-1.12`, `eks-1.5`) that have a control with this number, and which one it is there.
/// None: no version of them has it in its chapter on policies.
#[must_use]
pub fn cis_numbers(number: &str) -> Vec<(&'static str, &'static Control)> {
    let cis = CONTROLS.iter().filter(|control| control.framework == "cis");
    cis.flat_map(|control| control.numbers.iter().map(move |(benchmark, its)| (*benchmark, *its, control)))
        .filter(|(_, its, _)| *its == number)
        .map(|(benchmark, _, control)| (benchmark, control))
        .collect()
}

/// The controls that a rule stands for: those of its tags, and those that its CIS numbers mean. A number means what the
/// newest benchmark with it means, unless a tag says which control it is.
#[must_use]
pub fn of(meta: &Meta) -> Vec<&'static Control> {
    let mut all: Vec<&'static Control> = meta.tags.iter().filter_map(|tag| control(tag)).collect();
    for number in &meta.cis {
        let means = cis_numbers(number);
        if means.iter().any(|(_, control)| all.contains(control)) {
            continue;
        }
        let newest = means.iter().filter(|(benchmark, _)| benchmark.starts_with("cis-"));
        if let Some((_, control)) = newest.max_by_key(|(benchmark, _)| age(benchmark)) {
            all.push(control);
        }
    }
    all
}

/// Every benchmark version that numbers CIS controls: those of CIS from old to new, then the others.
#[must_use]
pub fn benchmarks() -> &'static [&'static str] {
    &BENCHMARKS
}

static BENCHMARKS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut all: Vec<&'static str> = Vec::new();
    // The control with the most numbers has the versions in order; later ones add what it lacks at the end.
    let mut cis: Vec<&Control> = controls().iter().filter(|control| control.framework == "cis").collect();
    cis.sort_by_key(|control| std::cmp::Reverse(control.numbers.len()));
    for (benchmark, _) in cis.iter().flat_map(|control| &control.numbers) {
        if !all.contains(benchmark) {
            all.push(benchmark);
        }
    }
    all
});

/// The newest version of the CIS benchmark itself: `cis-1.12`.
#[must_use]
pub fn newest_cis() -> &'static str {
    benchmarks().iter().rfind(|name| name.starts_with("cis-")).copied().unwrap_or_default()
}

/// The place of a benchmark version in the order of controls.tsv, which goes from old to new.
fn age(benchmark: &str) -> Option<usize> {
    benchmarks().iter().position(|known| *known == benchmark)
}

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#'))
}

fn control_of_row(row: &'static str) -> Option<Control> {
    let mut columns = row.split('\t');
    Some(Control {
        id: columns.next()?,
        framework: columns.next()?,
        scope: match columns.next()? {
            "admission" => Scope::Admission,
            "referential" => Scope::Referential,
            "cluster" => Scope::Cluster,
            _ => return None,
        },
        title: columns.next()?,
        numbers: entries(columns.next()?, ';').filter_map(|entry| entry.split_once('=')).collect(),
        kubescape: entries(columns.next()?, ',').collect(),
        reference: columns.next()?,
    })
}

/// The parts of a column; `-` has none.
fn entries(column: &'static str, separator: char) -> impl Iterator<Item = &'static str> {
    column.split(separator).filter(|entry| *entry != "-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_a_control() {
        assert_eq!(controls().len(), rows().count());
        for row in rows() {
            let columns: Vec<_> = row.split('\t').collect();
            assert_eq!(columns.len(), 7, "{row}");
            assert_eq!(control(columns[0]).unwrap().numbers.len(), entries(columns[4], ';').count(), "{row}");
        }
    }

    #[test]
    fn ids_are_unique_and_begin_with_their_framework() {
        let ids: BTreeSet<_> = controls().iter().map(|control| control.id).collect();
        assert_eq!(ids.len(), controls().len());
        for control in controls() {
            let prefix = control.framework.replace('-', ".");
            assert!(
                control.id.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('.')),
                "{}",
                control.id
            );
            assert!(
                control.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.'),
                "{}",
                control.id
            );
            assert!(control.reference.starts_with("https://"), "{}", control.id);
            assert!(!control.title.is_empty() && !control.title.ends_with('.'), "{}", control.id);
        }
    }

    #[test]
    fn a_benchmark_gives_a_number_once() {
        let mut seen = BTreeSet::new();
        for control in controls() {
            for number in &control.numbers {
                assert!(seen.insert(*number), "{number:?} is {} too", control.id);
            }
            let benchmarks: BTreeSet<_> = control.numbers.iter().map(|(name, _)| name).collect();
            assert_eq!(benchmarks.len(), control.numbers.len(), "{}", control.id);
        }
    }

    #[test]
    fn the_same_control_has_other_numbers_in_other_versions() {
        let privileged = control("cis.pod.privileged").unwrap();
        assert_eq!(privileged.number("cis-1.6"), Some("5.2.1"));
        assert_eq!(privileged.number("cis-1.23"), Some("5.2.2"));
        assert_eq!(privileged.number("cis-1.12"), Some("5.2.2"));
        assert_eq!(privileged.number("eks-1.5"), Some("4.2.1"));
        assert_eq!(control("cis.pod.added_capabilities").unwrap().number("cis-1.12"), None);
    }

    #[test]
    fn what_a_review_can_decide_has_a_rule() {
        let tagged =
            |id: &str| crate::library::files().iter().any(|file| file.text.contains(&format!("\"{id}\"")));
        for control in controls() {
            assert_eq!(tagged(control.id), control.scope != Scope::Cluster, "{}", control.id);
        }
    }

    fn meta(tags: &[&str], cis: &[&str]) -> Meta {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Meta { tags: owned(tags), cis: owned(cis), ..Meta::default() }
    }

    fn ids(meta: &Meta) -> Vec<&'static str> {
        of(meta).iter().map(|control| control.id).collect()
    }

    #[test]
    fn a_number_means_what_the_newest_benchmark_with_it_means() {
        assert_eq!(ids(&meta(&[], &["5.2.2"])), ["cis.pod.privileged"]);
        assert_eq!(ids(&meta(&[], &["5.2.13"])), ["cis.pod.host_ports"]);
        assert!(ids(&meta(&["own"], &["9.9"])).is_empty());
        assert_eq!(newest_cis(), "cis-1.12");
    }

    #[test]
    fn a_tag_says_which_control_a_number_means() {
        assert_eq!(ids(&meta(&["cis.pod.host_pid"], &["5.2.2"])), ["cis.pod.host_pid"]);
    }

    #[test]
    fn a_number_means_other_controls_in_other_versions() {
        let ids: BTreeSet<_> = cis_numbers("5.2.2").into_iter().map(|(_, control)| control.id).collect();
        assert_eq!(ids, BTreeSet::from(["cis.pod.host_pid", "cis.pod.privileged"]));
        assert!(cis_numbers("5.9.1").is_empty());
        assert!(cis_numbers("").is_empty());
    }
}
