//! Certificates, made: CAs and leaves with keys of ECDSA P-256. No I/O but randomness, no clock.

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Certificates are valid from so long before they are made, for clocks that are behind.
pub const SKEW: Duration = Duration::from_secs(300);
/// The year 9000: later times are not made, as a certificate can say none after 9999.
const LAST: Duration = Duration::from_secs(221_845_392_000);

/// Why a certificate cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A name, a key or randomness is not as it should be.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// There is no CA with its key.
    #[error("cannot make a certificate: there is no CA to sign it")]
    NoIssuer,
}

/// A certificate and its private key.
pub(crate) struct Issued {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) pem: String,
    /// In PEM.
    pub(crate) key: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("pem", &self.pem).finish_non_exhaustive()
    }
}

/// A new CA. Its name has a part of its key's digest: two CAs of one bundle have two names.
pub(crate) fn ca(valid: Duration, now: SystemTime) -> Result<Issued, IssueError> {
    let key = KeyPair::generate()?;
    let mut params = params(Vec::new(), valid, now)?;
    let id: String = params.key_identifier(&key).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name.push(DnType::CommonName, format!("kpol-webhook CA {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    Ok(Issued { pem: certificate.pem(), der: certificate.into(), key: key.serialize_pem() })
}

/// A new leaf for these names (DNS names or addresses), signed by a CA.
pub(crate) fn leaf(
    ca: &CertificateDer<'static>,
    ca_key: &str,
    names: &[String],
    valid: Duration,
    now: SystemTime,
) -> Result<Issued, IssueError> {
    let issuer = Issuer::from_ca_cert_der(ca, KeyPair::from_pem(ca_key)?)?;
    let key = KeyPair::generate()?;
    let mut params = params(names.to_vec(), valid, now)?;
    params.distinguished_name.push(DnType::CommonName, "kpol-webhook");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Issued { pem: certificate.pem(), der: certificate.into(), key: key.serialize_pem() })
}

fn params(names: Vec<String>, valid: Duration, now: SystemTime) -> Result<CertificateParams, IssueError> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    let mut params = CertificateParams::new(names)?;
    params.not_before = epoch + now.saturating_sub(SKEW);
    params.not_after = epoch + now.saturating_add(valid).min(LAST + Duration::from_secs(1));
    params.distinguished_name = rcgen::DistinguishedName::new();
    Ok(params)
}

/// Whether a private key (PEM) is that of a certificate.
pub(crate) fn is_key_of(key: &str, certificate: &CertificateDer<'_>) -> bool {
    let (Ok(key), Ok((_, certificate))) = (KeyPair::from_pem(key), X509Certificate::from_der(certificate))
    else {
        return false;
    };
    certificate.public_key().raw == key.subject_public_key_info()
}

/// A certificate as PEM.
pub(crate) fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

/// An address as a certificate says it: 4 or 16 bytes.
pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
