//! Which control of which framework, and which technique, a rule stands for.

use kpol_stdlib::{
    controls::{self, Control},
    mitre,
};

use super::{
    model::{Framework, Link, Row, Rule, Tactic},
    words,
};

/// The frameworks, by the names that controls.tsv has for them.
const FRAMEWORKS: [(&str, &str, &str, &str); 4] = [
    (
        "cis",
        "CIS Kubernetes Benchmark",
        "Numbers differ between versions: versions that number alike share a column, the newest is first. \
         After 1.24 the benchmark went on as 1.7. \
         A number in a `cis` clause means what the newest version with that number means by it, \
         unless the rule's tags name the control.",
        "https://www.cisecurity.org/benchmark/kubernetes",
    ),
    (
        "pss-baseline",
        "Pod Security Standards: baseline",
        "The checks of pod-security-admission for level baseline.",
        "https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline",
    ),
    (
        "pss-restricted",
        "Pod Security Standards: restricted",
        "What level restricted asks for beyond baseline.",
        "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted",
    ),
    (
        "nsa",
        "NSA/CISA Kubernetes Hardening Guidance",
        "The items of version 1.2 that a policy can decide, with the ids of kubescape's controls.",
        "https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF",
    ),
];

/// The tactics of ATT&CK for Enterprise in its order: short name, title, id.
const TACTICS: [(&str, &str, &str); 14] = [
    ("reconnaissance", "Reconnaissance", "TA0043"),
    ("resource-development", "Resource Development", "TA0042"),
    ("initial-access", "Initial Access", "TA0001"),
    ("execution", "Execution", "TA0002"),
    ("persistence", "Persistence", "TA0003"),
    ("privilege-escalation", "Privilege Escalation", "TA0004"),
    ("defense-evasion", "Defense Evasion", "TA0005"),
    ("credential-access", "Credential Access", "TA0006"),
    ("discovery", "Discovery", "TA0007"),
    ("lateral-movement", "Lateral Movement", "TA0008"),
    ("collection", "Collection", "TA0009"),
    ("command-and-control", "Command and Control", "TA0011"),
    ("exfiltration", "Exfiltration", "TA0010"),
    ("impact", "Impact", "TA0040"),
];

/// The title of a tactic.
pub(crate) fn tactic_title(short: &'static str) -> &'static str {
    TACTICS.iter().find(|(name, _, _)| *name == short).map_or(short, |(_, title, _)| title)
}

/// Every framework with its controls.
pub(crate) fn frameworks(rules: &[&Rule]) -> Vec<Framework> {
    FRAMEWORKS
        .into_iter()
        .map(|(name, title, note, url)| {
            let of: Vec<&'static Control> =
                controls::controls().iter().filter(|control| control.framework == name).collect();
            let columns = columns(name, &of);
            let rows = of.into_iter().map(|control| row(control, &columns, rules)).collect();
            let columns = columns.into_iter().map(|(title, _)| title).collect();
            Framework { id: name, title, note, url, columns, rows }
        })
        .collect()
}

fn row(control: &'static Control, columns: &[(String, &'static str)], rules: &[&Rule]) -> Row {
    let numbers = columns
        .iter()
        .map(|(_, benchmark)| match *benchmark {
            KUBESCAPE => control.kubescape.first().copied(),
            benchmark => control.number(benchmark),
        })
        .collect();
    let rules =
        rules.iter().filter(|rule| rule.controls.contains(&control)).map(|rule| Link::to(rule)).collect();
    Row { control, numbers, rules }
}

/// The column of kubescape's ids, which is no benchmark.
const KUBESCAPE: &str = "kubescape";

/// Titles of columns, each with a benchmark version whose numbers it shows.
fn columns(framework: &str, of: &[&'static Control]) -> Vec<(String, &'static str)> {
    match framework {
        "cis" => cis_columns(of),
        "nsa" => vec![("kubescape".to_owned(), KUBESCAPE)],
        _ => vec![("Check".to_owned(), "pss")],
    }
}

/// Versions in a row that number every control alike share a column.
fn cis_columns(of: &[&'static Control]) -> Vec<(String, &'static str)> {
    let numbers = |benchmark: &str| of.iter().map(|control| control.number(benchmark)).collect::<Vec<_>>();
    let mut runs: Vec<Vec<&'static str>> = Vec::new();
    for benchmark in controls::benchmarks() {
        let family = |benchmark: &str| benchmark.split('-').next().unwrap_or_default().to_owned();
        match runs.last_mut() {
            Some(run)
                if run.first().is_some_and(|first| {
                    family(first) == family(benchmark) && numbers(first) == numbers(benchmark)
                }) =>
            {
                run.push(benchmark);
            }
            _ => runs.push(vec![benchmark]),
        }
    }
    let (mut own, others): (Vec<_>, Vec<_>) =
        runs.into_iter().partition(|run| run.first().is_some_and(|first| first.starts_with("cis-")));
    own.reverse();
    own.into_iter().chain(others).filter_map(|run| Some((column_title(&run)?, *run.first()?))).collect()
}

fn column_title(run: &[&'static str]) -> Option<String> {
    let (family, first) = run.first()?.split_once('-')?;
    let (_, last) = run.last()?.split_once('-')?;
    Some(words::versions(family, first, last))
}

/// The tactics that a rule answers, and the titles of the others.
pub(crate) fn tactics(rules: &[&Rule]) -> (Vec<Tactic>, Vec<&'static str>) {
    let all = TACTICS.into_iter().map(|(short, title, id)| {
        let techniques = mitre::techniques()
            .iter()
            .filter(|technique| technique.tactics.contains(&short))
            .filter_map(|technique| {
                let by = rules.iter().filter(|rule| rule.techniques.contains(&technique));
                let links: Vec<Link> = by.map(|rule| Link::to(rule)).collect();
                (!links.is_empty()).then_some((technique, links))
            })
            .collect();
        Tactic { title, url: format!("https://attack.mitre.org/tactics/{id}/"), techniques }
    });
    let (answered, open): (Vec<Tactic>, Vec<Tactic>) = all.partition(|tactic| !tactic.techniques.is_empty());
    (answered, open.into_iter().map(|tactic| tactic.title).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_framework_has_its_controls_and_every_number_a_column() {
        let all = frameworks(&[]);
        let rows: usize = all.iter().map(|framework| framework.rows.len()).sum();
        assert_eq!(rows, controls::controls().len());
        for control in controls::controls().iter().filter(|control| control.framework == "cis") {
            let row = all[0].rows.iter().find(|row| row.control.id == control.id).unwrap();
            for (_, number) in &control.numbers {
                assert!(row.numbers.contains(&Some(number)), "{}: {number}", control.id);
            }
        }
        assert!(all[0].columns[0].starts_with("CIS 1.12"), "{:?}", all[0].columns);
    }

    #[test]
    fn every_tactic_of_a_technique_is_known() {
        for technique in mitre::techniques() {
            for tactic in &technique.tactics {
                assert!(TACTICS.iter().any(|(short, _, _)| short == tactic), "{tactic}");
            }
        }
    }
}
