//! `kpolc sign`: a signature on a bundle.

use kpol_vm::bundle;

use crate::{
    CliError, Exit, Io,
    args::{Global, SignArgs},
    bundles,
};

pub(crate) fn run(args: &SignArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let key = bundles::secret_key(&args.key, io)?;
    let bytes = bundles::read(&args.bundle, io)?;
    // Nobody should sign what no host would load.
    bundles::open(&args.bundle, &bytes)?;
    let signed = bundle::sign(&bytes, &key).map_err(|error| bundles::refused(&args.bundle, &error))?;
    let out = args.out.as_ref().unwrap_or(&args.bundle);
    bundles::write(out, &signed, io)?;
    if !global.quiet {
        io.err(&format!("signed {} with the key {}\n", out.display(), key.public().id()));
    }
    Ok(Exit::Clean)
}
