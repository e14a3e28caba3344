//! Ed25519 keys in PEM (PKCS#8 and SPKI, as `openssl genpkey -algorithm ed25519` makes them), signing and checking.

use std::fmt;

use ed25519_dalek::{
    Signer, SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey},
};

use super::{BundleError, Digest, container::Signature};

/// What stands before a digest when it is signed, so that a signature of something else is never one of a bundle.
const CONTEXT: &[u8] = b"kpol bundle signature 1\0";

/// What names a public key: the SHA-256 digest of its DER form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub Digest);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A private key where a public one is asked for.
    #[error("this is a private key, and a public one is needed: `openssl pkey -in KEY -pubout` prints it")]
    Private,
    /// A public key where a private one is asked for.
    #[error("this is a public key, and only a private one can sign")]
    Public,
    /// A private key that needs a password.
    #[error("this key needs a password: `openssl pkey -in KEY` prints it without")]
    Encrypted,
    /// Something else, or a key of another algorithm.
    #[error("this is no Ed25519 key in PEM: `openssl genpkey -algorithm ed25519` makes one")]
    Form,
    /// A public key for which anybody can make signatures.
    #[error("this public key is a weak one, whose signatures anybody can make")]
    Weak,
}

/// A key that checks signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// From `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// When the text is none.
    pub fn from_pem(text: &str) -> Result<PublicKey, KeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        let key = VerifyingKey::from_public_key_pem(text.trim_start()).map_err(|_| KeyError::Form)?;
        if key.is_weak() { Err(KeyError::Weak) } else { PublicKey::of(key) }
    }

    fn of(key: VerifyingKey) -> Result<PublicKey, KeyError> {
        let der = key.to_public_key_der().map_err(|_| KeyError::Form)?;
        Ok(PublicKey { key, id: KeyId(Digest::of(der.as_bytes())) })
    }

    /// What names it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }
}

/// A key that signs. It is wiped from memory when it goes.
pub struct SecretKey {
    key: SigningKey,
    public: PublicKey,
}

impl SecretKey {
    /// From `-----BEGIN PRIVATE KEY-----`.
    ///
    /// # Errors
    /// When the text is none.
    pub fn from_pem(text: &str) -> Result<SecretKey, KeyError> {
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(KeyError::Encrypted);
        }
        if text.contains("-----BEGIN PUBLIC KEY-----") {
            return Err(KeyError::Public);
        }
        let key = SigningKey::from_pkcs8_pem(text.trim_start()).map_err(|_| KeyError::Form)?;
        let public = PublicKey::of(key.verifying_key())?;
        Ok(SecretKey { key, public })
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, digest: &Digest) -> [u8; 64] {
        self.key.sign(&message(digest)).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public.id)
    }
}

fn message(digest: &Digest) -> Vec<u8> {
    [CONTEXT, &digest.0].concat()
}

/// Whether one of `keys` has signed this digest.
pub(super) fn check(
    signature: Option<Signature>,
    digest: &Digest,
    keys: &[PublicKey],
) -> Result<(), BundleError> {
    let signature = signature.ok_or(BundleError::NotSigned)?;
    let key = keys.iter().find(|key| key.id == signature.key);
    let key = key.ok_or(BundleError::UnknownKey(signature.key))?;
    let bytes = ed25519_dalek::Signature::from_bytes(&signature.bytes);
    key.key.verify_strict(&message(digest), &bytes).map_err(|_| BundleError::BadSignature(key.id))
}
