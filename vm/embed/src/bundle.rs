//! Bundles: loaded, checked, and what they say of themselves.

use std::collections::BTreeSet;

use kpol_vm::{
    builtin::Builtin as Function,
    bundle::{self, Digest, KeyId, Limits, PublicKey, SecretKey, Trust},
    ir::{self, Meta, Module, Operation, Severity},
};

use crate::{LoadError, builtin::Builtins};

/// Loads bundles: whose, how large and with which builtins.
///
/// ```
/// use kpol::{Loader, PublicKey, SecretKey};
///
/// # let secret = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
/// # let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
/// let compiled = kpol::compile("package acme\nrule r on Pod { deny when object.spec.hostPID message \"m\" }\n")?;
/// let loader = Loader::new().with_key(PublicKey::from_pem(public)?);
///
/// assert!(loader.load(compiled.bytes()).unwrap_err().is_untrusted());
/// let signed = kpol::sign(compiled.bytes(), &SecretKey::from_pem(secret)?)?;
/// let bundle = loader.load(&signed)?;
/// assert_eq!(bundle.rules().map(|rule| rule.name()).collect::<Vec<_>>(), ["acme.r"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Loader {
    builtins: Builtins,
    keys: Option<Vec<PublicKey>>,
    limits: Limits,
}

impl Loader {
    /// Takes any sound bundle, signed or not, within limits that have room for ten thousand rules.
    #[must_use]
    pub fn new() -> Loader {
        Loader::default()
    }

    /// Takes only bundles that this key, or another one given so, has signed. Unsigned, altered and otherwise signed ones are
    /// refused.
    #[must_use]
    pub fn with_key(mut self, key: PublicKey) -> Loader {
        self.keys.get_or_insert_default().push(key);
        self
    }

    /// The same for several keys. With none at all, every bundle is refused: a list of keys that came out empty must not
    /// open the door.
    #[must_use]
    pub fn with_keys(mut self, keys: impl IntoIterator<Item = PublicKey>) -> Loader {
        self.keys.get_or_insert_default().extend(keys);
        self
    }

    /// With builtins of the host.
    #[must_use]
    pub fn with_builtins(mut self, builtins: Builtins) -> Loader {
        self.builtins = builtins;
        self
    }

    /// The most bytes of a bundle; 32 MiB if not given.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Loader {
        self.limits.bytes = bytes;
        self
    }

    /// The worst-case cost, in comparisons, that one rule may declare; 10¹¹ if not given, as `kpolc check` has it.
    #[must_use]
    pub fn with_max_cost(mut self, cost: u64) -> Loader {
        self.limits.cost = cost;
        self
    }

    /// The most memory, in bytes, that decoding a bundle may take; see `docs/bundles.md` for what counts.
    #[must_use]
    pub fn with_max_memory(mut self, bytes: usize) -> Loader {
        self.limits.memory = bytes;
        self
    }

    /// Checks a bundle completely.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn load(&self, bytes: &[u8]) -> Result<Bundle, LoadError> {
        let trust = self.keys.as_deref().map_or(Trust::Unsigned, Trust::Keys);
        let inner =
            bundle::Bundle::open(bytes, trust, self.builtins.all(), &self.limits).map_err(LoadError)?;
        Ok(Bundle { inner, builtins: self.builtins.all().to_vec(), is_trusted: self.keys.is_some() })
    }
}

/// The bundle signed with `key`; a signature that it has is replaced.
///
/// # Errors
/// When the bytes are no whole bundle.
pub fn sign(bytes: &[u8], key: &SecretKey) -> Result<Vec<u8>, LoadError> {
    bundle::sign(bytes, key).map_err(LoadError)
}

/// A bundle that has passed every check: policies, ready to be made into an [`Evaluator`](crate::Evaluator).
#[derive(Clone, Debug)]
pub struct Bundle {
    inner: bundle::Bundle,
    builtins: Vec<&'static Function>,
    is_trusted: bool,
}

impl Bundle {
    /// What names the bundle: equal digests are equal bundles, whoever signed them.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.inner.digest()
    }

    /// The key whose signature has been checked; `None` if the loader has no keys.
    #[must_use]
    pub fn signer(&self) -> Option<KeyId> {
        self.inner.signer().filter(|_| self.is_trusted)
    }

    /// The program that built it: `kpolc 0.1.0`.
    #[must_use]
    pub fn producer(&self) -> &str {
        &self.inner.about().producer
    }

    /// Its rules, in their order.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        self.module().rules.iter().map(Rule::new)
    }

    /// The names of its mutations, in the order in which they are applied.
    pub fn mutations(&self) -> impl Iterator<Item = &str> {
        self.module().mutations.iter().map(|mutation| mutation.name.as_str())
    }

    /// What [`Options::with_param`](crate::Options::with_param) can give values to.
    pub fn params(&self) -> impl Iterator<Item = Param<'_>> {
        self.module().params.iter().map(Param)
    }

    /// The requests that rules are about: what a webhook asks the API server for.
    pub fn judges(&self) -> impl Iterator<Item = Target<'_>> {
        let module = self.module();
        unique(module.rules.iter().flat_map(|rule| &rule.targets))
    }

    /// The requests that mutations are about.
    pub fn mutates(&self) -> impl Iterator<Item = Target<'_>> {
        let module = self.module();
        unique(module.mutations.iter().flat_map(|mutation| &mutation.targets))
    }

    /// The runtime events that rules are about, each once.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        let mut seen = BTreeSet::new();
        let targets = self.module().rules.iter().flat_map(|rule| &rule.targets);
        targets.filter_map(event_name).filter(move |name| seen.insert(*name))
    }

    /// Group, version and kind of the objects in the cluster that rules look at: what
    /// [`Evaluator::cluster`](crate::Evaluator::cluster) wants.
    pub fn watches(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let watches = self.module().watches.iter();
        watches.map(|watch| (watch.group.as_str(), watch.version.as_str(), watch.kind.as_str()))
    }

    /// The IR: for hosts and tools that look at what is read or generate code from it. Its form changes with kpol's versions.
    #[must_use]
    pub fn module(&self) -> &Module {
        self.inner.module()
    }

    /// The builtins that it was loaded with.
    pub(crate) fn builtins(&self) -> &[&'static Function] {
        &self.builtins
    }
}

fn event_name(target: &ir::Target) -> Option<&str> {
    match target {
        ir::Target::Event { name, .. } => Some(name),
        ir::Target::Kind { .. } => None,
    }
}

fn unique<'m>(targets: impl Iterator<Item = &'m ir::Target>) -> impl Iterator<Item = Target<'m>> {
    let mut seen = BTreeSet::new();
    targets.filter_map(Target::of).filter(move |target| seen.insert(*target))
}

/// What a rule says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'m> {
    name: &'m str,
    meta: &'m Meta,
}

impl<'m> Rule<'m> {
    pub(crate) fn new(rule: &'m ir::Rule) -> Rule<'m> {
        Rule { name: &rule.name, meta: &rule.meta }
    }

    /// The name with its package: `acme.pods.no_privileged`.
    #[must_use]
    pub fn name(&self) -> &'m str {
        self.name
    }

    /// The documentation above it.
    #[must_use]
    pub fn doc(&self) -> &'m str {
        &self.meta.doc
    }

    /// How bad a hit is.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.meta.severity
    }

    /// MITRE ATT&CK techniques.
    #[must_use]
    pub fn mitre(&self) -> &'m [String] {
        &self.meta.mitre
    }

    /// Numbers of the CIS benchmark.
    #[must_use]
    pub fn cis(&self) -> &'m [String] {
        &self.meta.cis
    }

    /// Free words.
    #[must_use]
    pub fn tags(&self) -> &'m [String] {
        &self.meta.tags
    }

    /// Links.
    #[must_use]
    pub fn refs(&self) -> &'m [String] {
        &self.meta.refs
    }

    /// Who answers for it.
    #[must_use]
    pub fn owner(&self) -> Option<&'m str> {
        self.meta.owner.as_deref()
    }
}

/// A value that the host gives when it makes a bundle ready.
#[derive(Clone, Copy, Debug)]
pub struct Param<'m>(&'m ir::Param);

impl<'m> Param<'m> {
    /// The name with its package.
    #[must_use]
    pub fn name(&self) -> &'m str {
        &self.0.name
    }

    /// The documentation above it.
    #[must_use]
    pub fn doc(&self) -> &'m str {
        &self.0.doc
    }

    /// Whether it has no default.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.0.default.is_none()
    }
}

/// Requests that rules or mutations are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target<'m> {
    group: &'m str,
    version: &'m str,
    kind: &'m str,
    resource: &'m str,
    subresource: Option<&'m str>,
    operations: &'m [Operation],
}

impl<'m> Target<'m> {
    fn of(target: &'m ir::Target) -> Option<Target<'m>> {
        match target {
            ir::Target::Kind { group, version, kind, plural, subresource, operations, .. } => Some(Target {
                group,
                version,
                kind,
                resource: plural,
                subresource: subresource.as_deref(),
                operations,
            }),
            ir::Target::Event { .. } => None,
        }
    }

    /// The API group; empty: core.
    #[must_use]
    pub fn group(&self) -> &'m str {
        self.group
    }

    /// The API version.
    #[must_use]
    pub fn version(&self) -> &'m str {
        self.version
    }

    /// The kind: `Pod`.
    #[must_use]
    pub fn kind(&self) -> &'m str {
        self.kind
    }

    /// The resource in URLs: `pods`.
    #[must_use]
    pub fn resource(&self) -> &'m str {
        self.resource
    }

    /// `exec`, `ephemeralcontainers`, or nothing.
    #[must_use]
    pub fn subresource(&self) -> Option<&'m str> {
        self.subresource
    }

    /// The operations; empty: create and update, or connect where the subresource is one of that sort.
    #[must_use]
    pub fn operations(&self) -> &'m [Operation] {
        self.operations
    }
}
