//! What the sections hold: the fields of a [`Module`] in postcard, a rule's metadata and messages apart from its code.
//!
//! ```text
//!   about      who built it; what is named but not run      rules      name, targets, code, statements, cost
//!   demand     roots, records, fields                       mutations  name, targets, code, statements
//!   watches    kinds of the cluster                         metadata   of rules, then of mutations
//!   builtins   names                                        messages   the verdicts of each rule
//!   params     names, types, defaults                       binds, exceptions
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    BundleError, Damage, Limits,
    bounded::{Bounded, Budget},
    container::Container,
};
use crate::ir::{
    Bind, Clause, Code, Cost, Exception, Meta, Module, MutStmt, Mutation, Param, Root, Rule, Stmt, Target,
    Watch,
};

/// The sections in their order; the first has the id 1.
pub(super) const SECTIONS: [&str; 11] = [
    "about",
    "demand",
    "watches",
    "builtins",
    "params",
    "rules",
    "mutations",
    "metadata",
    "messages",
    "binds",
    "exceptions",
];

/// What a bundle says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The program that built it: `kpolc 0.1.0`.
    pub producer: String,
    /// Correlations that its sources have: checked, but nothing runs them yet.
    pub correlations: Vec<String>,
}

/// A rule without its words.
#[derive(Serialize, Deserialize)]
struct RuleCode<'m> {
    name: Cow<'m, str>,
    targets: Cow<'m, [Target]>,
    code: Cow<'m, Code>,
    body: Cow<'m, [Stmt]>,
    exceptions_need: Cow<'m, [String]>,
    cost: Cow<'m, Cost>,
}

/// A mutation without its words.
#[derive(Serialize, Deserialize)]
struct MutationCode<'m> {
    name: Cow<'m, str>,
    targets: Cow<'m, [Target]>,
    code: Cow<'m, Code>,
    body: Cow<'m, [MutStmt]>,
}

/// The words of rules and mutations.
#[derive(Serialize, Deserialize)]
struct Metadata<'m> {
    rules: Vec<Cow<'m, Meta>>,
    mutations: Vec<Cow<'m, Meta>>,
}

/// The bytes of each section.
pub(super) fn write(module: &Module, about: &About) -> Result<Vec<Vec<u8>>, BundleError> {
    // Without `..`, so that a new field has to be given a place here and a new IR version.
    let Module { roots, watches, builtins, params, rules, mutations, binds, exceptions } = module;
    let messages: Vec<&Vec<Clause>> = rules.iter().map(|rule| &rule.clauses).collect();
    let metadata = Metadata {
        rules: rules.iter().map(|rule| Cow::Borrowed(&rule.meta)).collect(),
        mutations: mutations.iter().map(|mutation| Cow::Borrowed(&mutation.meta)).collect(),
    };
    let rules: Vec<RuleCode<'_>> = rules.iter().map(rule_code).collect();
    let mutations: Vec<MutationCode<'_>> = mutations.iter().map(mutation_code).collect();
    let [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10] = SECTIONS;
    Ok(vec![
        encode(s0, about)?,
        encode(s1, roots)?,
        encode(s2, watches)?,
        encode(s3, builtins)?,
        encode(s4, params)?,
        encode(s5, &rules)?,
        encode(s6, &mutations)?,
        encode(s7, &metadata)?,
        encode(s8, &messages)?,
        encode(s9, binds)?,
        encode(s10, exceptions)?,
    ])
}

fn rule_code(rule: &Rule) -> RuleCode<'_> {
    let Rule { name, meta: _, targets, code, body, clauses: _, exceptions_need, cost } = rule;
    RuleCode {
        name: name.into(),
        targets: targets.into(),
        code: Cow::Borrowed(code),
        body: body.into(),
        exceptions_need: exceptions_need.into(),
        cost: Cow::Borrowed(cost),
    }
}

fn mutation_code(mutation: &Mutation) -> MutationCode<'_> {
    let Mutation { name, meta: _, targets, code, body } = mutation;
    MutationCode { name: name.into(), targets: targets.into(), code: Cow::Borrowed(code), body: body.into() }
}

fn encode<T: Serialize + ?Sized>(section: &'static str, value: &T) -> Result<Vec<u8>, BundleError> {
    postcard::to_allocvec(value).map_err(|_| BundleError::Encode(section))
}

/// The module in the sections of a container, within limits.
pub(super) fn read(container: &Container<'_>, limits: &Limits) -> Result<(Module, About), BundleError> {
    let budget = Budget::new(limits.values, limits.memory);
    let mut sections = Sections { rest: container.sections.iter(), budget: &budget };
    let about = sections.next()?;
    let roots: Vec<Root> = sections.next()?;
    let watches: Vec<Watch> = sections.next()?;
    let builtins: Vec<String> = sections.next()?;
    let params: Vec<Param> = sections.next()?;
    let rules: Vec<RuleCode<'static>> = sections.next()?;
    let mutations: Vec<MutationCode<'static>> = sections.next()?;
    let metadata: Metadata<'static> = sections.next()?;
    let messages: Vec<Vec<Clause>> = sections.next()?;
    let binds: Vec<Bind> = sections.next()?;
    let exceptions: Vec<Exception> = sections.next()?;
    if metadata.rules.len() != rules.len() || metadata.mutations.len() != mutations.len() {
        return Err(Damage::Lengths("metadata").into());
    }
    if messages.len() != rules.len() {
        return Err(Damage::Lengths("messages").into());
    }
    let rules = rules.into_iter().zip(metadata.rules).zip(messages).map(|((rule, meta), clauses)| Rule {
        name: rule.name.into_owned(),
        meta: meta.into_owned(),
        targets: rule.targets.into_owned(),
        code: rule.code.into_owned(),
        body: rule.body.into_owned(),
        clauses,
        exceptions_need: rule.exceptions_need.into_owned(),
        cost: rule.cost.into_owned(),
    });
    let mutations = mutations.into_iter().zip(metadata.mutations).map(|(mutation, meta)| Mutation {
        name: mutation.name.into_owned(),
        meta: meta.into_owned(),
        targets: mutation.targets.into_owned(),
        code: mutation.code.into_owned(),
        body: mutation.body.into_owned(),
    });
    let (rules, mutations) = (rules.collect(), mutations.collect());
    Ok((Module { roots, watches, builtins, params, rules, mutations, binds, exceptions }, about))
}

/// The sections that are still to be read.
struct Sections<'c, 'b> {
    rest: std::slice::Iter<'c, (super::Section, &'b [u8])>,
    budget: &'c Budget,
}

impl Sections<'_, '_> {
    /// The next one, to its last byte.
    fn next<T: DeserializeOwned>(&mut self) -> Result<T, BundleError> {
        // A container has all sections; one that is not there would be an empty one.
        let (name, bytes) = self.rest.next().map_or(("", &[][..]), |(section, bytes)| (section.name, *bytes));
        let mut decoder = postcard::Deserializer::from_bytes(bytes);
        let value = T::deserialize(Bounded::new(&mut decoder, self.budget));
        if let Some(what) = self.budget.spent() {
            return Err(BundleError::TooComplex(what));
        }
        if self.budget.was_too_deep() {
            return Err(Damage::TooDeep(name).into());
        }
        match (value, decoder.finalize()) {
            (Ok(value), Ok([])) => Ok(value),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(Damage::Values(name).into()),
        }
    }
}
