//! Files of bundles and of keys.

use std::{
    io::{Read, Write},
    path::Path,
};

use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    builtin::Builtin,
    bundle::{Bundle, BundleError, KeyError, Limits, PublicKey, SecretKey, Trust},
};

use crate::{CliError, Io};

/// The most bytes of a file with a key.
const MAX_KEY_BYTES: usize = 64 << 10;

/// Whether a path is that of a bundle.
pub(crate) fn is_bundle(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "kpolb")
}

/// The builtins that this build has.
pub(crate) fn builtins() -> Vec<&'static Builtin> {
    Catalog::new().builtins().to_vec()
}

/// The bytes of a bundle, whatever they are.
pub(crate) fn read(path: &Path, io: &Io) -> Result<Vec<u8>, CliError> {
    bounded(path, Limits::default().bytes, io)
}

/// Opens a bundle that need not be signed.
pub(crate) fn open(path: &Path, bytes: &[u8]) -> Result<Bundle, CliError> {
    Bundle::open(bytes, Trust::Unsigned, &builtins(), &Limits::default())
        .map_err(|error| refused(path, &error))
}

/// A bundle that cannot be used.
pub(crate) fn refused(path: &Path, error: &BundleError) -> CliError {
    CliError::usage(format!("{}: {error}", path.display()), None)
}

/// The public key in a PEM file.
pub(crate) fn public_key(path: &Path, io: &Io) -> Result<PublicKey, CliError> {
    PublicKey::from_pem(&key_text(path, io)?).map_err(|error| wrong_key(path, error))
}

/// The private key in a PEM file.
pub(crate) fn secret_key(path: &Path, io: &Io) -> Result<SecretKey, CliError> {
    SecretKey::from_pem(&key_text(path, io)?).map_err(|error| wrong_key(path, error))
}

fn key_text(path: &Path, io: &Io) -> Result<String, CliError> {
    String::from_utf8(bounded(path, MAX_KEY_BYTES, io)?).map_err(|_| wrong_key(path, KeyError::Form))
}

/// The text of a small file that comes along with bundles, such as a certificate.
pub(crate) fn read_text(path: &Path, io: &Io) -> Result<String, CliError> {
    String::from_utf8(bounded(path, MAX_KEY_BYTES, io)?)
        .map_err(|_| CliError::usage(format!("{}: this is no text", path.display()), None))
}

fn wrong_key(path: &Path, error: KeyError) -> CliError {
    CliError::usage(format!("{}: {error}", path.display()), None)
}

/// At most one byte more than the limit: what is too large is still seen to be.
fn bounded(path: &Path, limit: usize, io: &Io) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    std::fs::File::open(io.at(path))
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| CliError::Read { path: path.display().to_string(), error })?;
    Ok(bytes)
}

/// Writes a file in one step: whoever reads it sees the old one or the new one, and no half of it.
pub(crate) fn write(path: &Path, bytes: &[u8], io: &Io) -> Result<(), CliError> {
    let failed = |error| CliError::Write { path: path.to_owned(), error };
    let target = io.at(path);
    let target = target.canonicalize().unwrap_or(target);
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Said here, because the error of what follows would name a file that nobody knows.
    std::fs::metadata(dir).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(dir).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    if let Ok(metadata) = std::fs::metadata(&target) {
        file.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
    }
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}
