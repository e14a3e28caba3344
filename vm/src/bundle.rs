//! Bundles: a module in one file, which a host checks completely before it uses anything of it.
//!
//! ```text
//!   header   magic 8 ┬ format u16 ┬ IR version u16 ┬ sections u16 ┬ 0 u16
//!   table    per section: id u32 ┬ 0 u32 ┬ length u64 ┬ SHA-256 of its bytes
//!   sections one behind the other, without gaps                               ◀─ the digest of the bundle ends here
//!   signature, if there is one: magic 8 ┬ key id 32 ┬ Ed25519 signature of the digest 64
//! ```
//!
//! Numbers are little-endian; what a section holds is in `bundle/payload.rs`. The same module gives the same bytes:
//! there is no time, no path and no machine in them.
//!
//! [`Bundle::open`] goes from the outside in, and every step trusts only what the ones before it have shown: size,
//! format, lengths, signature, digests, IR version, values (bounded in number and depth), limits, and last the verifier
//! of the IR. It does no I/O: bytes and keys are given. What it does not do is judge whether the policies are good ones;
//! for that there is the signature.
#![forbid(unsafe_code)]

mod bounded;
mod container;
mod error;
mod key;
mod payload;

use crate::{builtin::Builtin, ir::Module, layout::Layout, verify};

use container::Container;
pub use container::{Digest, Section};
pub use error::{BundleError, Damage};
pub use key::{KeyError, KeyId, PublicKey, SecretKey};
pub use payload::About;

/// The version of the container that this build writes and reads.
pub const FORMAT: u16 = 1;
/// The version of the IR that this build writes and reads. Any change of what a serialized [`Module`] looks like needs
/// a new one; a test holds that.
pub const IR: u16 = 1;

/// Whose bundles a host takes.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'k> {
    /// Those that one of these keys has signed, and no others.
    Keys(&'k [PublicKey]),
    /// Any; a signature that may be there is not looked at.
    Unsigned,
}

/// What a host takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Values in it: every number, text, list and record counts.
    pub values: usize,
    /// Bytes of memory that its values may take, counted as they are decoded: each with what it takes where it stands,
    /// texts with their length. Parts count in what they are part of too, so this is more than what is kept; while a list
    /// grows, up to three times the limit are held for a moment.
    pub memory: usize,
    /// The declared worst-case cost of one rule.
    pub cost: u64,
    /// Expressions times targets, over all rules: what verifying takes.
    pub work: u64,
    /// Bytes of the layouts of all roots together.
    pub layout: usize,
}

impl Default for Limits {
    /// Room for ten thousand rules.
    fn default() -> Self {
        Limits {
            bytes: 32 << 20,
            values: 8 << 20,
            memory: 256 << 20,
            cost: 100_000_000_000,
            work: 1 << 27,
            layout: 64 << 20,
        }
    }
}

/// A bundle that has passed every check.
#[derive(Clone, Debug)]
pub struct Bundle {
    module: Module,
    about: About,
    digest: Digest,
    sections: Vec<Section>,
    signer: Option<KeyId>,
}

impl Bundle {
    /// Opens a bundle for a host with these builtins.
    ///
    /// # Errors
    /// The first thing that is wrong. Nothing of a bundle that is refused can be used.
    pub fn open(
        bytes: &[u8],
        trust: Trust<'_>,
        builtins: &[&'static Builtin],
        limits: &Limits,
    ) -> Result<Bundle, BundleError> {
        if bytes.len() > limits.bytes {
            return Err(BundleError::TooLarge { bytes: bytes.len(), max: limits.bytes });
        }
        let container = Container::parse(bytes)?;
        let digest = container.digest();
        if let Trust::Keys(keys) = trust {
            key::check(container.signature, &digest, keys)?;
        }
        container.check_digests()?;
        if container.ir != IR {
            return Err(BundleError::Version { what: "IR version", found: container.ir, ours: IR });
        }
        let (module, about) = payload::read(&container, limits)?;
        check(&module, builtins, limits)?;
        let signer = container.signature.map(|signature| signature.key);
        let sections = container.sections.iter().map(|(section, _)| *section).collect();
        Ok(Bundle { module, about, digest, sections, signer })
    }

    /// The policies.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The policies, to keep.
    #[must_use]
    pub fn into_module(self) -> Module {
        self.module
    }

    /// What the bundle says of itself.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// What names the bundle: equal digests are equal bundles, whoever signed them.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its sections, in their order.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The key that the signature names. It has been checked only if the bundle was opened with [`Trust::Keys`].
    #[must_use]
    pub fn signer(&self) -> Option<KeyId> {
        self.signer
    }
}

/// Writes a module as a bundle without a signature.
///
/// # Errors
/// When the module cannot be written, which no module from the compiler is.
pub fn write(module: &Module, about: &About) -> Result<Vec<u8>, BundleError> {
    Ok(container::write(IR, &payload::write(module, about)?))
}

/// The same bundle signed with `key`; a signature that it has is replaced.
///
/// # Errors
/// When the bytes are no whole bundle of this format. What is in it is for [`Bundle::open`] to check.
pub fn sign(bytes: &[u8], key: &SecretKey) -> Result<Vec<u8>, BundleError> {
    let container = Container::parse(bytes)?;
    container.check_digests()?;
    let mut signed = container.body.to_vec();
    container::Signature::of(key, &container.digest()).write(&mut signed);
    Ok(signed)
}

/// The limits, and the verifier.
fn check(module: &Module, builtins: &[&'static Builtin], limits: &Limits) -> Result<(), BundleError> {
    if work(module) > limits.work {
        return Err(BundleError::TooComplex("expressions and targets"));
    }
    verify::verify(module, builtins).map_err(BundleError::from)?;
    if let Some(rule) = module.rules.iter().find(|rule| rule.cost.worst > limits.cost) {
        let rule = rule.name.clone();
        return Err(BundleError::Cost { rule, max: limits.cost });
    }
    let mut layout = 0;
    for root in &module.roots {
        layout += Layout::new(root).map_or(usize::MAX / 2, |layout| layout.prefix().len());
        if layout > limits.layout {
            return Err(BundleError::TooComplex("bytes of facts"));
        }
    }
    Ok(())
}

/// Expressions times targets.
fn work(module: &Module) -> u64 {
    let product = |exprs: usize, targets: usize| (exprs as u64 + 1).saturating_mul(targets as u64 + 1);
    let targets = |rule: &crate::ir::RuleId| module.rules.get(rule.index()).map_or(0, |r| r.targets.len());
    let rules = module.rules.iter().map(|rule| product(rule.code.exprs.len(), rule.targets.len()));
    let mutations = module.mutations.iter().map(|m| product(m.code.exprs.len(), m.targets.len()));
    let binds = module.binds.iter().map(|bind| (&bind.rules, &bind.conditions));
    let exceptions = module.exceptions.iter().map(|exception| (&exception.rules, &exception.conditions));
    let conditions = binds
        .chain(exceptions)
        .flat_map(|(rules, conditions)| rules.iter().zip(conditions))
        .map(|(rule, condition)| product(condition.code.exprs.len(), targets(rule)));
    rules.chain(mutations).chain(conditions).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
