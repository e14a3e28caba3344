//! How much each code counts: kpol.toml's `[lints]`, then the flags.

use kpol_compiler::{Compiled, codes};
use kpol_grammar::diagnostic::{Diagnostic, Severity};

use super::{LoadOptions, Project};
use crate::CliError;

/// How much a lint counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Allow,
    Warn,
    Error,
}

/// The code that `--strict` makes an error.
const ABSENT_PASSES: &str = "W0203";

/// Whether the codes of the flags exist and may be set.
pub(crate) fn check_codes(options: &LoadOptions) -> Result<(), CliError> {
    options
        .warn
        .iter()
        .chain(&options.allow)
        .try_for_each(|code| check_code(code).map_err(|(message, help)| CliError::usage(message, help)))
}

/// Why a code's level cannot be set: a sentence and a help.
pub(crate) fn check_code(code: &str) -> Result<(), (String, Option<String>)> {
    if codes::code(code).is_none() && crate::codes::code(code).is_none() {
        let known = crate::codes::all().map(|info| info.code);
        let help = kpol_compiler::nearest(code, known).map(|near| format!("did you mean `{near}`?"));
        return Err((
            format!("there is no code `{code}`"),
            help.or(Some("`kpolc explain` lists them".to_owned())),
        ));
    }
    if code.starts_with('E') {
        return Err((format!("`{code}` is an error, which cannot be switched off"), None));
    }
    Ok(())
}

/// Drops what is allowed and raises what is denied.
pub(crate) fn apply(compiled: &mut Compiled, project: &Project, options: &LoadOptions) {
    let before = compiled.has_errors();
    compiled.diagnostics.retain_mut(|diagnostic| match level(diagnostic, project, options) {
        Some(Level::Allow) => false,
        Some(Level::Warn) => {
            diagnostic.severity = Severity::Warning;
            true
        }
        Some(Level::Error) => {
            diagnostic.severity = Severity::Error;
            true
        }
        None => true,
    });
    if !before && compiled.has_errors() {
        compiled.module = None;
    }
}

fn level(diagnostic: &Diagnostic, project: &Project, options: &LoadOptions) -> Option<Level> {
    if diagnostic.severity == Severity::Error {
        return None;
    }
    let code = diagnostic.code;
    let named = |codes: &[String]| codes.iter().any(|named| named == code);
    if named(&options.allow) {
        Some(Level::Allow)
    } else if options.strict && code == ABSENT_PASSES {
        Some(Level::Error)
    } else if named(&options.warn) {
        Some(Level::Warn)
    } else {
        project.lints.get(code).copied()
    }
}
