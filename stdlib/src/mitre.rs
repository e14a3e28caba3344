//! The techniques of MITRE ATT&CK for Enterprise, to check `mitre` clauses against and to label reports.
//!
//! stdlib/data/mitre.tsv holds them: id, tactics, name; its header names the ATT&CK version and MITRE's notice.

use std::sync::LazyLock;

const TABLE: &str = include_str!("../data/mitre.tsv");

/// A technique or sub-technique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Technique {
    /// `T1059` or `T1059.004`.
    pub id: &'static str,
    /// `Unix Shell`.
    pub name: &'static str,
    /// The short names of its tactics: `execution`, `privilege-escalation`.
    pub tactics: Vec<&'static str>,
}

impl Technique {
    /// The id of the technique that a sub-technique belongs to.
    #[must_use]
    pub fn parent(&self) -> Option<&'static str> {
        self.id.split_once('.').map(|(parent, _)| parent)
    }

    /// Its page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://attack.mitre.org/techniques/{}/", self.id.replace('.', "/"))
    }
}

static TECHNIQUES: LazyLock<Vec<Technique>> = LazyLock::new(|| rows().filter_map(technique_of_row).collect());

/// All techniques, sorted by id.
#[must_use]
pub fn techniques() -> &'static [Technique] {
    &TECHNIQUES
}

/// The technique with this id.
#[must_use]
pub fn technique(id: &str) -> Option<&'static Technique> {
    let at = TECHNIQUES.binary_search_by(|technique| technique.id.cmp(id)).ok()?;
    TECHNIQUES.get(at)
}

/// The version of ATT&CK that the table is of: `18.1`.
#[must_use]
pub fn version() -> &'static str {
    TABLE.lines().find_map(|line| line.strip_prefix("# ATT&CK version: ")).unwrap_or("")
}

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#'))
}

fn technique_of_row(row: &'static str) -> Option<Technique> {
    let mut columns = row.split('\t');
    let (id, tactics, name) = (columns.next()?, columns.next()?, columns.next()?);
    Some(Technique { id, name, tactics: tactics.split(',').collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TACTICS: &[&str] = &[
        "reconnaissance",
        "resource-development",
        "initial-access",
        "execution",
        "persistence",
        "privilege-escalation",
        "defense-evasion",
        "credential-access",
        "discovery",
        "lateral-movement",
        "collection",
        "command-and-control",
        "exfiltration",
        "impact",
    ];

    fn is_id(id: &str) -> bool {
        let digits = |part: &str, n| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
        let Some(number) = id.strip_prefix('T') else { return false };
        match number.split_once('.') {
            Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
            None => digits(number, 4),
        }
    }

    #[test]
    fn every_row_is_a_technique() {
        assert_eq!(techniques().len(), rows().count());
        assert!(techniques().len() > 600);
        for technique in techniques() {
            assert!(is_id(technique.id), "{technique:?}");
            assert!(!technique.name.is_empty(), "{technique:?}");
            assert!(!technique.tactics.is_empty(), "{technique:?}");
            assert!(technique.tactics.iter().all(|tactic| TACTICS.contains(tactic)), "{technique:?}");
        }
    }

    #[test]
    fn ids_are_sorted_and_every_sub_technique_has_its_technique() {
        assert!(techniques().windows(2).all(|pair| pair[0].id < pair[1].id));
        for one in techniques() {
            assert!(one.parent().is_none_or(|parent| technique(parent).is_some()), "{one:?}");
        }
    }

    #[test]
    fn known_ids_are_found_and_others_not() {
        let shell = technique("T1059.004").unwrap();
        assert_eq!((shell.name, shell.tactics.as_slice()), ("Unix Shell", &["execution"][..]));
        assert_eq!(shell.url(), "https://attack.mitre.org/techniques/T1059/004/");
        for id in [
            "T1611", "T1609", "T1555", "T1098", "T1505", "T1528", "T1571", "T1083", "T1071", "T1552", "T1046",
        ] {
            assert!(technique(id).is_some(), "{id}");
        }
        assert_eq!(technique("T9999"), None);
        assert!(!version().is_empty());
    }
}
