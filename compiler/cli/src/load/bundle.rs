//! A bundle in the place of policies: nothing is left to compile but the kinds that the command line brings.

use std::path::Path;

use kpol_vm::bundle::Bundle;

use crate::{CliError, Io, bundles};

/// The bundle that `paths` are, if they are one; an error if a bundle stands where it cannot.
pub(super) fn find(paths: &[String], taken: bool, io: &Io) -> Result<Option<Bundle>, CliError> {
    let Some(path) = paths.iter().find(|path| bundles::is_bundle(path)) else { return Ok(None) };
    if !taken {
        let help = "`kpolc inspect` shows what it holds; this command needs the sources".to_owned();
        return Err(CliError::usage(format!("{path} is a bundle"), help));
    }
    if paths.len() > 1 {
        let help = "give it as the only policy, or build one bundle of all policies".to_owned();
        return Err(CliError::usage(
            format!("{path} is a bundle, which is not mixed with other policies"),
            help,
        ));
    }
    let path = Path::new(path);
    bundles::open(path, &bundles::read(path, io)?).map(Some)
}
