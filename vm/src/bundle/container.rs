//! The container: header, table, sections, signature. It knows lengths and digests, not what a section holds.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{BundleError, Damage, FORMAT, KeyId, SecretKey, payload::SECTIONS};

/// How a bundle begins. A file that was sent as text loses the high bit or changes the line end.
const MAGIC: [u8; 8] = *b"\x89KPOLB\r\n";
/// How a signature begins.
const SIGNATURE_MAGIC: [u8; 8] = *b"KPOLSIG\x01";
/// Bytes of the header.
const HEADER: usize = 16;
/// Bytes of one row of the table.
const ROW: usize = 48;
/// Bytes of a signature.
const SIGNATURE: usize = 8 + 32 + 64;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A section, by its row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub name: &'static str,
    /// How long it is.
    pub bytes: usize,
    /// What its bytes digest to.
    pub digest: Digest,
}

/// A signature as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    pub(super) key: KeyId,
    pub(super) bytes: [u8; 64],
}

impl Signature {
    pub(super) fn of(key: &SecretKey, digest: &Digest) -> Signature {
        Signature { key: key.public().id(), bytes: key.sign(digest) }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&SIGNATURE_MAGIC);
        out.extend_from_slice(&self.key.0.0);
        out.extend_from_slice(&self.bytes);
    }

    /// What stands behind the sections.
    fn parse(bytes: &[u8]) -> Result<Option<Signature>, BundleError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader { rest: bytes, whole: bytes.len() };
        if reader.take().ok() != Some(SIGNATURE_MAGIC) || bytes.len() != SIGNATURE {
            return Err(Damage::Trailing(bytes.len() as u64).into());
        }
        Ok(Some(Signature { key: KeyId(Digest(reader.take()?)), bytes: reader.take()? }))
    }
}

/// A bundle whose lengths are right, and nothing more.
pub(super) struct Container<'b> {
    pub(super) ir: u16,
    /// Each section with its bytes.
    pub(super) sections: Vec<(Section, &'b [u8])>,
    /// Everything that the digest of the bundle and so the signature covers.
    pub(super) body: &'b [u8],
    pub(super) signature: Option<Signature>,
}

impl<'b> Container<'b> {
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Container<'b>, BundleError> {
        let mut reader = Reader { rest: bytes, whole: bytes.len() };
        let start = MAGIC.get(..bytes.len().min(MAGIC.len())).unwrap_or_default();
        if bytes.is_empty() || !bytes.starts_with(start) {
            return Err(BundleError::NotABundle);
        }
        reader.take::<8>()?;
        let format = u16::from_le_bytes(reader.take()?);
        if format != FORMAT {
            return Err(BundleError::Version { what: "format", found: format, ours: FORMAT });
        }
        let ir = u16::from_le_bytes(reader.take()?);
        if usize::from(u16::from_le_bytes(reader.take()?)) != SECTIONS.len() {
            return Err(Damage::Header("the number of sections").into());
        }
        if reader.take()? != [0; 2] {
            return Err(Damage::Header("a reserved number").into());
        }
        let mut rows = Vec::with_capacity(SECTIONS.len());
        for (index, name) in SECTIONS.iter().enumerate() {
            rows.push(row(&mut reader, index, name)?);
        }
        let needed =
            rows.iter().fold((HEADER + ROW * SECTIONS.len()) as u64, |sum, row| sum.saturating_add(row.1));
        let mut sections = Vec::with_capacity(SECTIONS.len());
        for (name, length, digest) in rows {
            // A length that no file has ends here, before anything of its size is asked for.
            let bytes = usize::try_from(length).ok().and_then(|length| reader.split(length));
            let found = reader.whole as u64;
            let bytes = bytes.ok_or(Damage::Truncated { needed, found })?;
            sections.push((Section { name, bytes: bytes.len(), digest }, bytes));
        }
        let body = bytes.get(..bytes.len() - reader.rest.len()).unwrap_or_default();
        Ok(Container { ir, sections, body, signature: Signature::parse(reader.rest)? })
    }

    /// What names the bundle and what a signature signs.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.body)
    }

    /// Whether every section is as it was written.
    pub(super) fn check_digests(&self) -> Result<(), BundleError> {
        let changed = self.sections.iter().find(|(section, bytes)| Digest::of(bytes) != section.digest);
        changed.map_or(Ok(()), |(section, _)| Err(Damage::Digest(section.name).into()))
    }
}

/// A row of the table: the section at this place, its length and its digest.
fn row(
    reader: &mut Reader<'_>,
    index: usize,
    name: &'static str,
) -> Result<(&'static str, u64, Digest), BundleError> {
    let found = u32::from_le_bytes(reader.take()?);
    if found as usize != index + 1 {
        return Err(Damage::Section { index, found }.into());
    }
    if reader.take()? != [0; 4] {
        return Err(Damage::Header("a reserved number").into());
    }
    Ok((name, u64::from_le_bytes(reader.take()?), Digest(reader.take()?)))
}

/// Writes the sections of [`SECTIONS`].
pub(super) fn write(ir: u16, sections: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + sections.iter().map(|bytes| ROW + bytes.len()).sum::<usize>());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&ir.to_le_bytes());
    out.extend_from_slice(&(sections.len() as u16).to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    for (id, bytes) in (1u32..).zip(sections) {
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(&Digest::of(bytes).0);
    }
    sections.iter().for_each(|bytes| out.extend_from_slice(bytes));
    out
}

/// What is left to read.
struct Reader<'b> {
    rest: &'b [u8],
    whole: usize,
}

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let at = self.whole - self.rest.len();
        let short = Damage::Truncated { needed: (at + N) as u64, found: self.whole as u64 };
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(short)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn split(&mut self, length: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }
}
