//! Controls of frameworks as reports show them, and the rules that stand for them.
//!
//! Which rule stands for which control is `kpol_stdlib::controls`' knowledge; here it only gets a form.

use std::borrow::Cow;

use kpol_stdlib::{
    controls::{self, Scope},
    mitre,
};
use kpol_vm::ir::{Meta, Module, Severity, Target};
use serde::{Deserialize, Serialize};

/// Whose control it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Framework {
    /// CIS Kubernetes Benchmark.
    #[serde(rename = "CIS")]
    Cis,
    /// NSA/CISA Kubernetes Hardening Guidance.
    #[serde(rename = "NSA/CISA")]
    Nsa,
    /// Pod Security Standards.
    #[serde(rename = "PSS")]
    Pss,
    /// MITRE ATT&CK for Enterprise.
    #[serde(rename = "MITRE")]
    Mitre,
}

impl Framework {
    /// In the order of reports.
    pub const ALL: [Framework; 4] = [Framework::Cis, Framework::Nsa, Framework::Pss, Framework::Mitre];

    /// `NSA/CISA`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Framework::Cis => "CIS",
            Framework::Nsa => "NSA/CISA",
            Framework::Pss => "PSS",
            Framework::Mitre => "MITRE",
        }
    }

    /// `CIS Kubernetes Benchmark 1.12`: with the version that numbers are of.
    #[must_use]
    pub fn title(self) -> String {
        match self {
            Framework::Cis => {
                let version = controls::newest_cis().trim_start_matches("cis-");
                format!("CIS Kubernetes Benchmark {version}")
            }
            Framework::Nsa => "NSA/CISA Kubernetes Hardening Guidance 1.2".to_owned(),
            Framework::Pss => "Pod Security Standards".to_owned(),
            Framework::Mitre => format!("MITRE ATT&CK {}", mitre::version()).trim_end().to_owned(),
        }
    }

    fn of(name: &str) -> Option<Framework> {
        match name {
            "cis" => Some(Framework::Cis),
            "nsa" => Some(Framework::Nsa),
            "pss-baseline" | "pss-restricted" => Some(Framework::Pss),
            _ => None,
        }
    }
}

/// A control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Whose it is.
    pub framework: Framework,
    /// kpol's own id, `cis.pod.privileged`, or that of a technique, `T1611`. For ever.
    pub id: Cow<'static, str>,
    /// What the framework calls it today: `5.2.2`. None: the newest version has no such control, or no numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Cow<'static, str>>,
    /// What holds when it is met, or the name of the technique.
    pub title: Cow<'static, str>,
    /// Its text.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub link: Cow<'static, str>,
}

impl Control {
    fn of(control: &'static controls::Control) -> Option<Control> {
        let framework = Framework::of(control.framework)?;
        let number = match framework {
            Framework::Cis => control.number(controls::newest_cis()),
            Framework::Nsa => control.kubescape.first().copied(),
            Framework::Pss | Framework::Mitre => None,
        };
        Some(Control {
            framework,
            id: control.id.into(),
            number: number.map(Cow::Borrowed),
            title: control.title.into(),
            link: control.reference.into(),
        })
    }

    /// A technique; of one that is newer than our table only its id is known.
    fn technique(id: &str) -> Control {
        let known = mitre::technique(id);
        Control {
            framework: Framework::Mitre,
            id: known.map_or_else(|| id.to_owned().into(), |technique| technique.id.into()),
            number: None,
            title: known.map_or("", |technique| technique.name).into(),
            link: known.map(mitre::Technique::url).unwrap_or_default().into(),
        }
    }

    /// `CIS 5.2.2`, `T1611`, `pss.baseline.privileged`: the shortest that names it to a reader.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.framework, &self.number) {
            (Framework::Cis, Some(number)) => format!("CIS {number}"),
            (Framework::Nsa, Some(number)) => format!("NSA {number}"),
            (_, _) => self.id.clone().into_owned(),
        }
    }
}

/// Every control of the frameworks that has to be in a report, and whether a policy can decide it. Techniques are not
/// among them: nobody has to answer all of ATT&CK.
pub(super) fn all() -> impl Iterator<Item = (Control, bool)> {
    controls::controls()
        .iter()
        .filter_map(|control| Some((Control::of(control)?, control.scope != Scope::Cluster)))
}

/// What a report knows of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// With its package.
    pub name: String,
    /// What it says, in a sentence; empty: its author wrote none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// How bad a hit is.
    pub severity: Option<Severity>,
    /// The controls that it stands for.
    pub controls: Vec<Control>,
}

impl Rule {
    /// From what its author wrote.
    #[must_use]
    pub fn new(name: impl Into<String>, meta: &Meta) -> Rule {
        let controls = controls::of(meta).into_iter().filter_map(Control::of);
        let techniques = meta.mitre.iter().map(|id| Control::technique(id));
        Rule {
            name: name.into(),
            title: sentence(&meta.doc),
            severity: meta.severity,
            controls: controls.chain(techniques).collect(),
        }
    }

    /// The rules of a module that judge objects; those about events are of no interest here.
    pub fn all(module: &Module) -> impl Iterator<Item = Rule> + '_ {
        let judges = |rule: &&kpol_vm::ir::Rule| {
            rule.targets.iter().any(|target| matches!(target, Target::Kind { .. }))
        };
        module.rules.iter().filter(judges).map(|rule| Rule::new(rule.name.clone(), &rule.meta))
    }

    /// `acme.pods` and `no_privileged`; a rule without a package is its own policy.
    #[must_use]
    pub fn split_name(&self) -> (&str, &str) {
        self.name.rsplit_once('.').unwrap_or((&self.name, &self.name))
    }
}

/// The first sentence of a text, on one line.
fn sentence(doc: &str) -> String {
    let lines = doc.lines().map(str::trim).take_while(|line| !line.is_empty());
    let paragraph = lines.collect::<Vec<_>>().join(" ");
    match paragraph.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => paragraph,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_of_the_table_has_its_place() {
        assert_eq!(all().count(), controls::controls().len());
        let numbered = all().filter(|(control, _)| control.number.is_some()).count();
        assert!(numbered > 40, "{numbered}");
    }

    #[test]
    fn a_rule_brings_its_controls_and_techniques() {
        let meta = Meta {
            doc: "A sentence that\ngoes on (from 1.22 on). More.\n\nAnd more.".into(),
            cis: vec!["5.2.2".into()],
            tags: vec!["pss.baseline.privileged".into(), "own".into()],
            mitre: vec!["T1611".into(), "T9999".into()],
            ..Meta::default()
        };
        let rule = Rule::new("acme.pods.privileged", &meta);
        let labels: Vec<String> = rule.controls.iter().map(Control::label).collect();
        assert_eq!(labels, ["pss.baseline.privileged", "CIS 5.2.2", "T1611", "T9999"]);
        assert_eq!(rule.title, "A sentence that goes on (from 1.22 on).");
        assert_eq!(rule.split_name(), ("acme.pods", "privileged"));
        assert_eq!(rule.controls[2].title, "Escape to Host");
    }
}
