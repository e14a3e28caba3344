//! What to do about the certificate, given what the Secret holds and the time. No I/O, no clock.
//!
//! ```text
//!   Secret ──▶ State ──decide──▶ Keep
//!                                Leaf      a new leaf of the same CA
//!                                Announce  a new CA beside the old one; the leaf stays          ca.crt = new, old
//!                                Wait      until the API server knows the new CA
//!                                (Leaf)    of the new CA                                        ca.crt = new, old
//!                                Fresh     a new CA and leaf at once: there is nothing to preserve
//! ```
//!
//! Two laws hold. A leaf is always trusted by who trusts the bundle beside it. And who trusts the bundle of one step trusts the
//! leaf of the next, unless the leaf between had already ended: a new CA is announced a step before it signs a leaf.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use rustls::{
    RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::issue;
use crate::certs::{BadPair, Pair, certificates, pair, provider, validity};

/// The most CAs of a bundle: the one that signs, and those that leaves in use may still be of.
pub(crate) const MAX_CAS: usize = 4;
/// The most names of a leaf.
const MAX_NAMES: usize = 32;

/// The longest time that is told apart, so that no sum of times overflows: a hundred years.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
/// The shortest validity of a leaf.
const SHORTEST: Duration = Duration::from_secs(4);

/// How long things are valid, and when they are renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a CA is valid; at least three times as long as a leaf.
    pub ca: Duration,
    /// How long a leaf is valid.
    pub leaf: Duration,
    /// How long before its end it is renewed; at most half of its validity.
    pub renew_before: Duration,
    /// How long the configurations have had a new CA before it signs a leaf: API servers take a moment to learn of it.
    pub settle: Duration,
    /// How often the Secret and the configurations are looked at.
    pub poll: Duration,
}

impl Terms {
    /// With these validities; without `renew_before`, a leaf is renewed when a quarter of its validity is left. What makes no
    /// sense together is made to fit.
    #[must_use]
    pub fn new(leaf: Duration, ca: Duration, renew_before: Option<Duration>) -> Terms {
        let leaf = leaf.clamp(SHORTEST, LONGEST / 3);
        let renew_before = renew_before.unwrap_or(leaf / 4).min(leaf / 2);
        Terms {
            ca: ca.clamp(leaf * 3, LONGEST),
            leaf,
            renew_before,
            settle: Duration::from_secs(60).min(renew_before / 4),
            poll: Duration::from_secs(30).min(renew_before / 8).max(Duration::from_millis(250)),
        }
    }

    /// Less is left of the leaf than that: it is replaced, whether or not the API server is known to trust the next one.
    fn last_resort(&self) -> Duration {
        self.renew_before / 4
    }
}

/// What the Secret holds, as PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Material {
    /// The CAs that are trusted; the one that signs is the first.
    pub bundle: String,
    /// The private key of the first.
    pub ca_key: String,
    /// The leaf.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("bundle", &self.bundle)
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

impl Material {
    /// The leaf, to be served; also when it is valid only later, as then the clock here is behind.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn pair(&self, now: SystemTime) -> Result<Pair, BadPair> {
        let chain = certificates(self.chain.as_bytes()).unwrap_or_default();
        let begin = chain.first().and_then(|leaf| validity(leaf)).map_or(now, |(begin, _)| begin);
        pair(self.chain.as_bytes(), self.key.as_bytes(), now.max(begin))
    }
}

/// The leaf of a Secret that can be served: trusted by its bundle, valid, with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaf {
    end: SystemTime,
    names: Vec<String>,
    of_issuer: bool,
}

/// The CA of a Secret that can sign: valid, with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Issuer {
    certificate: CertificateDer<'static>,
    end: SystemTime,
}

/// What is good of what the Secret holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    cas: Vec<CertificateDer<'static>>,
    issuer: Option<Issuer>,
    leaf: Option<Leaf>,
}

impl State {
    /// Looks at what the Secret holds. What is not good is as if it were not there; but what is only valid later is good, since
    /// then it is the clock of this replica that is behind, and the others' certificates are not to be replaced.
    #[must_use]
    pub fn of(material: &Material, now: SystemTime) -> State {
        let is_valid = |ca: &CertificateDer<'static>| {
            validity(ca).is_some_and(|(_, end)| now < end) && root(ca).is_some()
        };
        let mut cas = certificates(material.bundle.as_bytes()).unwrap_or_default();
        cas.retain(is_valid);
        cas.truncate(MAX_CAS);
        let is_issuer = |ca: &&CertificateDer<'static>| issue::is_key_of(&material.ca_key, ca);
        let issuer = cas
            .iter()
            .find(is_issuer)
            .and_then(|ca| Some(Issuer { certificate: ca.clone(), end: validity(ca)?.1 }));
        let leaf = State::leaf(material, &cas, issuer.as_ref(), now);
        State { cas, issuer, leaf }
    }

    fn leaf(
        material: &Material,
        cas: &[CertificateDer<'static>],
        issuer: Option<&Issuer>,
        now: SystemTime,
    ) -> Option<Leaf> {
        let pair = material.pair(now).ok()?;
        let leaf = pair.key.cert.first()?;
        let now = now.max(validity(leaf)?.0);
        if !trusts(cas, leaf, None, now) {
            return None;
        }
        let of_issuer =
            issuer.is_some_and(|issuer| trusts(std::slice::from_ref(&issuer.certificate), leaf, None, now));
        Some(Leaf { end: pair.end, names: names(leaf), of_issuer })
    }

    /// Whether there is a leaf that can be served.
    #[must_use]
    pub fn can_serve(&self) -> bool {
        self.leaf.is_some()
    }

    /// The CA that signs, and has to be known to the API server before it does: its DER.
    #[must_use]
    pub fn issuer(&self) -> Option<&[u8]> {
        self.issuer.as_ref().map(|issuer| issuer.certificate.as_ref())
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// Nothing yet: the API server does not know the CA long enough.
    Wait,
    /// A new leaf of the CA that there is.
    Leaf,
    /// A new CA, beside the old one. The leaf stays.
    Announce,
    /// A new CA and a new leaf.
    Fresh,
}

/// What is to be done now. `names` are those that the leaf has to have; `known` is for how long every configuration has had
/// the CA that signs, `None` when that is not known.
#[must_use]
pub fn decide(
    state: &State,
    terms: &Terms,
    names: &[String],
    known: Option<Duration>,
    now: SystemTime,
) -> Step {
    let lasts = |issuer: &Issuer| issuer.end.duration_since(now).is_ok_and(|left| left >= terms.leaf);
    let can_sign = state.issuer.as_ref().is_some_and(lasts);
    let Some(leaf) = &state.leaf else {
        return if can_sign { Step::Leaf } else { Step::Fresh };
    };
    let left = leaf.end.duration_since(now).unwrap_or_default();
    let is_named = names.iter().all(|name| leaf.names.contains(name));
    if left > terms.renew_before && is_named {
        return Step::Keep;
    }
    let is_known = known.is_some_and(|known| known >= terms.settle) || left <= terms.last_resort();
    match (can_sign, leaf.of_issuer || is_known) {
        (false, _) => Step::Announce,
        (true, true) => Step::Leaf,
        (true, false) => Step::Wait,
    }
}

/// What the Secret holds after the step; `None` when that is what it holds.
///
/// # Errors
/// When the certificates cannot be made.
pub fn take(
    step: Step,
    (material, state): (&Material, &State),
    terms: &Terms,
    names: &[String],
    now: SystemTime,
) -> Result<Option<Material>, issue::IssueError> {
    match step {
        Step::Keep | Step::Wait => Ok(None),
        Step::Announce => {
            let ca = issue::ca(terms.ca, now)?;
            let bundle = bundle(ca.der.as_ref(), state);
            Ok(Some(Material { bundle, ca_key: ca.key, ..material.clone() }))
        }
        Step::Fresh => {
            let ca = issue::ca(terms.ca, now)?;
            let leaf = issue::leaf(&ca.der, &ca.key, names, terms.leaf, now)?;
            let bundle = bundle(ca.der.as_ref(), &State::default());
            Ok(Some(Material { bundle, ca_key: ca.key, chain: leaf.pem, key: leaf.key }))
        }
        Step::Leaf => {
            let issuer = state.issuer.as_ref().ok_or(issue::IssueError::NoIssuer)?;
            let mut names = names.to_vec();
            // Replicas of two versions that want other names both get theirs, or they would replace each other's leaf.
            let others = state
                .leaf
                .iter()
                .filter(|leaf| leaf.end.duration_since(now).is_ok_and(|left| left > terms.renew_before));
            for name in others.flat_map(|leaf| &leaf.names) {
                if names.len() < MAX_NAMES && !names.contains(name) {
                    names.push(name.clone());
                }
            }
            let leaf = issue::leaf(&issuer.certificate, &material.ca_key, &names, terms.leaf, now)?;
            let bundle = bundle(issuer.certificate.as_ref(), state);
            Ok(Some(Material { bundle, ca_key: material.ca_key.clone(), chain: leaf.pem, key: leaf.key }))
        }
    }
}

/// The CA that signs, and after it those that leaves in use may be of: what is still valid of the ones before.
fn bundle(issuer: &[u8], state: &State) -> String {
    let before = state.cas.iter().map(AsRef::as_ref).filter(|ca: &&[u8]| *ca != issuer);
    std::iter::once(issuer).chain(before).take(MAX_CAS).map(issue::pem).collect()
}

fn root(ca: &CertificateDer<'static>) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).ok()?;
    Some(roots)
}

/// Whether who knows these CAs trusts a leaf at a time, for a name if there is one: by the checks of a TLS client.
#[must_use]
pub fn trusts(
    cas: &[CertificateDer<'static>],
    leaf: &CertificateDer<'_>,
    name: Option<&str>,
    now: SystemTime,
) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(cas.iter().cloned());
    let Ok(parsed) = ParsedCertificate::try_from(leaf) else { return false };
    let time = UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    let algorithms = provider().signature_verification_algorithms.all;
    let is_named =
        |name: &str| ServerName::try_from(name).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok());
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], time, algorithms).is_ok()
        && name.is_none_or(is_named)
}

/// The names that a leaf is for.
fn names(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let Ok(Some(extension)) = parsed.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => issue::address(bytes).map(|address| address.to_string()),
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::URI(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    };
    extension.value.general_names.iter().filter_map(name).take(MAX_NAMES).collect()
}

#[cfg(test)]
mod tests;
