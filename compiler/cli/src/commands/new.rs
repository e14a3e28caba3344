//! `kpolc new`: a project that passes its own checks.

use std::path::Path;

use crate::{
    CliError, Exit, Io,
    args::{Global, NewArgs},
    report::count,
};

/// Paths and texts of a new project; `{name}` is its name.
const FILES: &[(&str, &str)] = &[
    ("kpol.toml", include_str!("new/kpol.toml")),
    ("policies/containers.kpol", include_str!("new/containers.kpol")),
    ("manifests/web.yaml", include_str!("new/web.yaml")),
    (".github/workflows/kpol.yml", include_str!("new/workflow.yml")),
    ("README.md", include_str!("new/README.md")),
];

pub(crate) fn run(args: &NewArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let dir = io.at(&args.dir);
    if !args.force && !is_empty(&dir).map_err(|error| read(&args.dir, error))? {
        let message = format!("{} is not empty", args.dir.display());
        return Err(CliError::usage(message, Some("`--force` writes into it all the same".to_owned())));
    }
    let name = name(&dir);
    for (path, text) in FILES {
        write(&dir.join(path), &text.replace("{name}", &name))?;
    }
    if !global.quiet {
        let to =
            if args.dir == Path::new(".") { String::new() } else { format!("cd {} && ", args.dir.display()) };
        io.err(&format!("made {} in {}\n", count(FILES.len(), "file"), args.dir.display()));
        io.err(&format!("next: {to}kpolc check && kpolc test && kpolc eval -p policies manifests\n"));
    }
    Ok(Exit::Clean)
}

fn read(dir: &Path, error: std::io::Error) -> CliError {
    CliError::Read { path: dir.display().to_string(), error }
}

/// Whether nothing is there yet but what a new repository has.
fn is_empty(dir: &Path) -> std::io::Result<bool> {
    let entries = match std::fs::read_dir(if dir.as_os_str().is_empty() { Path::new(".") } else { dir }) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if entry?.file_name() != ".git" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The directory's name as a package: lower case letters, digits and underscores.
fn name(dir: &Path) -> String {
    let full =
        dir.canonicalize().unwrap_or_else(|_| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()));
    let last = full.file_name().map_or(String::new(), |name| name.to_string_lossy().to_lowercase());
    let clean: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let clean = clean.trim_matches('_');
    // A package may not begin with a digit, be a keyword, or be the library's.
    let usable = clean.starts_with(|c: char| c.is_ascii_alphabetic())
        && clean != "std"
        && kpol_grammar::parse_expr(kpol_grammar::span::FileId(0), clean).is_ok()
        && !["true", "false"].contains(&clean);
    if usable { clean.to_owned() } else { "policies".to_owned() }
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error| CliError::Write { path: path.to_owned(), error };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
