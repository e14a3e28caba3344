//! What a catalogue says, before it has a form: HTML and Markdown are written from this and from nothing else.

use kpol_stdlib::{
    controls::{Control, Scope},
    mitre::Technique,
};
use kpol_vm::ir::{Mode, Severity, Verb};

use super::text::{Block, Inline, Piece};

/// A catalogue of rules.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// What it is of.
    pub(crate) title: String,
    /// The Kubernetes minors that its rules are typed against.
    pub(crate) kubernetes: (u32, u32),
    /// In the order of the sources.
    pub(crate) packages: Vec<Package>,
    /// Every param that a rule or mutation reads.
    pub(crate) params: Vec<Param>,
    /// In the order in which they are applied.
    pub(crate) mutations: Vec<Mutation>,
    /// CIS, PSS, NSA/CISA.
    pub(crate) frameworks: Vec<Framework>,
    /// The tactics of ATT&CK that a rule answers, in ATT&CK's order.
    pub(crate) tactics: Vec<Tactic>,
    /// The titles of the other tactics.
    pub(crate) open_tactics: Vec<&'static str>,
    /// Whether any bind says where or how hard rules hold; if none does, nothing is said of binds.
    pub(crate) binds: bool,
}

impl Catalogue {
    /// Every rule.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.packages.iter().flat_map(|package| &package.rules)
    }

    /// How many rules have this severity.
    pub(crate) fn count(&self, severity: Option<Severity>) -> usize {
        self.rules().filter(|rule| rule.severity == severity).count()
    }

    /// How many tests state laws.
    pub(crate) fn laws(&self) -> usize {
        self.rules().map(|rule| rule.laws.len()).chain(self.mutations.iter().map(|one| one.laws.len())).sum()
    }
}

/// The rules of one package.
#[derive(Debug, Default)]
pub(crate) struct Package {
    /// `acme.pods`; empty: none.
    pub(crate) name: String,
    /// The `//!` lines of its files.
    pub(crate) docs: Vec<Block>,
    /// In the order of the text.
    pub(crate) rules: Vec<Rule>,
}

/// What judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    /// Requests to the API server.
    Admission,
    /// Events of running processes.
    Runtime,
}

/// A rule or correlation.
#[derive(Debug)]
pub(crate) struct Rule {
    /// With its package.
    pub(crate) name: String,
    /// What judges.
    pub(crate) world: World,
    /// How bad a hit is.
    pub(crate) severity: Option<Severity>,
    /// What it says in a sentence.
    pub(crate) lead: Vec<Inline>,
    /// The rest of its docs.
    pub(crate) docs: Vec<Block>,
    /// Where it applies, in words.
    pub(crate) targets: Vec<Inline>,
    /// For a correlation: what must happen, in words.
    pub(crate) steps: Vec<Vec<Inline>>,
    /// What it decides.
    pub(crate) verdicts: Vec<Verdict>,
    /// The params that it reads: indices into [`Catalogue::params`].
    pub(crate) params: Vec<usize>,
    /// The techniques that it answers.
    pub(crate) techniques: Vec<&'static Technique>,
    /// The controls that it implements.
    pub(crate) controls: Vec<&'static Control>,
    /// CIS numbers as its author wrote them.
    pub(crate) cis: Vec<String>,
    /// Tags that name no control.
    pub(crate) tags: Vec<String>,
    /// Links.
    pub(crate) refs: Vec<String>,
    /// Who answers for it.
    pub(crate) owner: Option<String>,
    /// What an exception must name.
    pub(crate) exceptions_need: Vec<String>,
    /// Exceptions to it.
    pub(crate) exceptions: Vec<Exception>,
    /// Where it holds and how hard.
    pub(crate) binds: Vec<Bind>,
    /// The formula of its worst-case cost, and its value.
    pub(crate) cost: Option<(String, u64)>,
    /// The names of its tests.
    pub(crate) laws: Vec<String>,
    /// Its text.
    pub(crate) source: String,
    /// The file that it stands in, with its line.
    pub(crate) place: String,
}

impl Rule {
    /// `acme.pods.` and `no_privileged`.
    pub(crate) fn split_name(&self) -> (&str, &str) {
        split_name(&self.name)
    }

    /// The fragment of its link.
    pub(crate) fn anchor(&self) -> String {
        format!("rule-{}", self.name)
    }
}

/// The package with its dot, and the name in it.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('.').map_or(0, |dot| dot + 1))
}

/// A verdict of a rule.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The loops and conditions around it, outermost first, as source text.
    pub(crate) scope: Vec<String>,
    /// What it does.
    pub(crate) verb: Verb,
    /// `when x`, `unless x`; nothing: always.
    pub(crate) condition: Option<String>,
    /// What it says.
    pub(crate) message: Vec<Piece>,
    /// How to mend it.
    pub(crate) fix: Option<Vec<Piece>>,
}

/// A value bound at deployment.
#[derive(Debug)]
pub(crate) struct Param {
    /// With its package.
    pub(crate) name: String,
    /// As an author writes it.
    pub(crate) ty: String,
    /// As an author writes it; `None`: it must be given.
    pub(crate) default: Option<String>,
    /// What it means.
    pub(crate) docs: Vec<Block>,
}

impl Param {
    /// The fragment of its link.
    pub(crate) fn anchor(&self) -> String {
        format!("param-{}", self.name)
    }
}

/// An exception to a rule.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    /// With its package.
    pub(crate) name: String,
    /// Its conditions as source text.
    pub(crate) conditions: Vec<String>,
    /// Why.
    pub(crate) reason: String,
    /// Who answers for it.
    pub(crate) owner: String,
    /// The last day.
    pub(crate) until: Option<String>,
}

/// A bind of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Bind {
    /// How hard.
    pub(crate) mode: Option<Mode>,
    /// Its conditions as source text.
    pub(crate) conditions: Vec<String>,
    /// Params and their values.
    pub(crate) with: Vec<(String, String)>,
}

/// A mutation.
#[derive(Debug)]
pub(crate) struct Mutation {
    /// With its package.
    pub(crate) name: String,
    /// What it does in a sentence.
    pub(crate) lead: Vec<Inline>,
    /// The rest of its docs.
    pub(crate) docs: Vec<Block>,
    /// Where it applies, in words.
    pub(crate) targets: Vec<Inline>,
    /// Its changes as source text, each with the loops and conditions around it.
    pub(crate) changes: Vec<(Vec<String>, String)>,
    /// The params that it reads.
    pub(crate) params: Vec<usize>,
    /// Who answers for it.
    pub(crate) owner: Option<String>,
    /// The names of its tests.
    pub(crate) laws: Vec<String>,
    /// Its text.
    pub(crate) source: String,
    /// The file that it stands in, with its line.
    pub(crate) place: String,
}

impl Mutation {
    /// The fragment of its link.
    pub(crate) fn anchor(&self) -> String {
        format!("mutation-{}", self.name)
    }
}

/// A list of controls and the rules that implement them.
#[derive(Debug)]
pub(crate) struct Framework {
    /// The fragment of its link: `cis`.
    pub(crate) id: &'static str,
    /// `CIS Kubernetes Benchmark`.
    pub(crate) title: &'static str,
    /// What a reader must know.
    pub(crate) note: &'static str,
    /// Its text.
    pub(crate) url: &'static str,
    /// The titles of the columns with numbers; versions that number alike share one.
    pub(crate) columns: Vec<String>,
    /// Its controls.
    pub(crate) rows: Vec<Row>,
}

impl Framework {
    /// How many controls a rule implements, and how many a policy could decide.
    pub(crate) fn coverage(&self) -> (usize, usize) {
        let decidable =
            self.rows.iter().filter(|row| row.control.scope != Scope::Cluster || !row.rules.is_empty());
        let covered = self.rows.iter().filter(|row| !row.rules.is_empty());
        (covered.count(), decidable.count())
    }

    /// How many columns of numbers stand before the controls: the newest version, if there are several.
    pub(crate) fn leading(&self) -> usize {
        usize::from(self.columns.len() > 1)
    }
}

/// A control in its framework.
#[derive(Debug)]
pub(crate) struct Row {
    /// The control.
    pub(crate) control: &'static Control,
    /// Its number in each column.
    pub(crate) numbers: Vec<Option<&'static str>>,
    /// The rules that implement it.
    pub(crate) rules: Vec<Link>,
}

/// A link to a rule.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// With its package.
    pub(crate) name: String,
    /// Of the rule.
    pub(crate) severity: Option<Severity>,
}

impl Link {
    /// To this rule.
    pub(crate) fn to(rule: &Rule) -> Link {
        Link { name: rule.name.clone(), severity: rule.severity }
    }

    /// The fragment.
    pub(crate) fn anchor(&self) -> String {
        format!("rule-{}", self.name)
    }
}

/// A tactic of ATT&CK.
#[derive(Debug)]
pub(crate) struct Tactic {
    /// `Privilege Escalation`.
    pub(crate) title: &'static str,
    /// Its page.
    pub(crate) url: String,
    /// Techniques with the rules that answer them, by id.
    pub(crate) techniques: Vec<(&'static Technique, Vec<Link>)>,
}
