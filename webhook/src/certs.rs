//! The certificate of the webhook: the one in use, and where others come from.
//!
//! ```text
//!   files::Files      ──▶ pair ──▶ Certificates ──▶ tls::Acceptor ──▶ a connection
//!   managed::Managed  ──▶ pair ──▶   (swapped)        (swapped when the client CA changes)
//! ```
//!
//! A connection takes the certificate of the moment; those that are open stay as they are. What is no sound pair is not taken,
//! and the one before it stays in use. Private keys are in no `Debug` and no log.

pub mod files;
pub mod managed;
pub mod tls;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The most certificates that are read from one text: a chain, or the CAs of clients.
const MAX_CERTIFICATES: usize = 256;

/// Why a certificate is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadPair {
    /// A file is not there, cannot be read, or is too large.
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    /// The text is no PEM of certificates.
    #[error("the certificate is no PEM of X.509 certificates")]
    Certificate,
    /// The text is no PEM of a private key, or one of a kind that TLS does not know.
    #[error("the private key is no PEM of a private key for TLS")]
    Key,
    /// The key is that of another certificate.
    #[error("the private key does not match the certificate")]
    Mismatch,
    /// It has ended.
    #[error("the certificate has expired")]
    Expired,
    /// It is for later.
    #[error("the certificate is not valid yet")]
    Early,
}

impl BadPair {
    /// As metrics name it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            BadPair::Read(_) => "unreadable",
            BadPair::Certificate => "certificate",
            BadPair::Key => "key",
            BadPair::Mismatch => "mismatch",
            BadPair::Expired => "expired",
            BadPair::Early => "not-yet-valid",
        }
    }
}

/// A certificate that can be used: its key matches, and it is valid.
#[derive(Clone)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    /// When it ends.
    pub end: SystemTime,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("end", &self.end).finish_non_exhaustive()
    }
}

/// A chain and its private key, both in PEM.
///
/// # Errors
/// When they cannot be used now.
pub fn pair(chain: &[u8], key: &[u8], now: SystemTime) -> Result<Pair, BadPair> {
    let chain = certificates(chain).ok_or(BadPair::Certificate)?;
    let leaf = chain.first().ok_or(BadPair::Certificate)?;
    let (begin, end) = validity(leaf).ok_or(BadPair::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| BadPair::Key)?;
    let key = ring::sign::any_supported_type(&key).map_err(|_| BadPair::Key)?;
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match().map_err(|_| BadPair::Mismatch)?;
    if now >= end {
        return Err(BadPair::Expired);
    }
    if now < begin {
        return Err(BadPair::Early);
    }
    Ok(Pair { key: Arc::new(pair), end })
}

/// The certificate in use. Copies share it.
#[derive(Clone, Default)]
pub struct Certificates {
    current: Arc<ArcSwapOption<Pair>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&*self.current.load()).finish()
    }
}

impl Certificates {
    /// None yet: handshakes fail until one is [set](Certificates::set).
    #[must_use]
    pub fn new() -> Certificates {
        Certificates::default()
    }

    /// Connections from now on get this one.
    pub fn set(&self, pair: Pair) {
        self.current.store(Some(Arc::new(pair)));
    }

    /// When the one in use ends; `None` when there is none.
    #[must_use]
    pub fn end(&self) -> Option<SystemTime> {
        self.current.load().as_ref().map(|pair| pair.end)
    }

    /// Whether the one in use has this chain.
    #[must_use]
    pub(crate) fn serves(&self, pair: &Pair) -> bool {
        self.current.load().as_ref().is_some_and(|current| current.key.cert == pair.key.cert)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.load().as_ref().map(|pair| pair.key.clone())
    }
}

/// The certificates of a PEM; `None` if it is none, holds none, or more than anyone needs.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).take(MAX_CERTIFICATES + 1).collect();
    found.ok().filter(|found| (1..=MAX_CERTIFICATES).contains(&found.len()))
}

/// From when until when a certificate is valid.
fn validity(certificate: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let time = |seconds: i64| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    };
    let validity = parsed.validity();
    Some((time(validity.not_before.timestamp())?, time(validity.not_after.timestamp())?))
}

/// What does the cryptography: always this, whatever else in the process has set as its default.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A chain and a key that nothing else vouches for.
    pub(crate) fn self_signed(name: &str, days: i64) -> (String, String) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1) + Duration::from_secs(days as u64 * 86_400);
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    }

    fn in_2021() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_610_000_000)
    }

    #[test]
    fn only_what_can_be_used_now_is_taken() {
        let (chain, key) = self_signed("a", 3650);
        let (_, other) = self_signed("b", 3650);
        let reason = |chain: &str, key: &str, now| match pair(chain.as_bytes(), key.as_bytes(), now) {
            Ok(_) => "good",
            Err(bad) => bad.reason(),
        };
        assert_eq!(reason(&chain, &key, in_2021()), "good");
        assert_eq!(reason(&chain, &other, in_2021()), "mismatch");
        assert_eq!(reason(&chain, "", in_2021()), "key");
        assert_eq!(reason("", &key, in_2021()), "certificate");
        assert_eq!(reason(&key, &key, in_2021()), "certificate");
        assert_eq!(reason(&chain, &key, in_2021() - Duration::from_secs(500 * 86_400)), "not-yet-valid");
        assert_eq!(reason(&chain, &key, in_2021() + Duration::from_secs(4000 * 86_400)), "expired");
    }

    #[test]
    fn a_key_is_in_no_debug() {
        let (chain, key) = self_signed("a", 3650);
        let certificates = Certificates::new();
        certificates.set(pair(chain.as_bytes(), key.as_bytes(), in_2021()).expect("a good pair"));
        let text = format!("{certificates:?}");
        assert!(text.contains("end") && !text.contains("key"), "{text}");
    }
}
