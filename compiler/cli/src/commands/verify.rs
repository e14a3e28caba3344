//! `kpolc verify`: whether a host with these keys would load a bundle.

use kpol_vm::bundle::{Bundle, Limits, PublicKey, Trust};

use crate::{
    CliError, Exit, Io,
    args::{Global, VerifyArgs},
    bundles,
    render::{Paint, Role},
};

pub(crate) fn run(args: &VerifyArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let keys: Vec<PublicKey> =
        args.keys.iter().map(|path| bundles::public_key(path, io)).collect::<Result<_, _>>()?;
    let bytes = bundles::read(&args.bundle, io)?;
    let opened = Bundle::open(&bytes, Trust::Keys(&keys), &bundles::builtins(), &Limits::default());
    let paint = Paint::new(io.colored_stdout(global.color));
    let (word, text, exit) = match opened {
        Ok(bundle) => {
            let key = bundle.signer().map_or_else(String::new, |key| key.to_string());
            let text = format!("bundle {}\n  signed with the key {key}", bundle.digest());
            (paint.on(Role::Good, "good"), text, Exit::Clean)
        }
        Err(error) => (paint.on(Role::Error, "refused"), error.to_string(), Exit::No),
    };
    io.out(&format!("{}: {word}: {text}\n", args.bundle.display()));
    Ok(exit)
}
