//! `kpolc doc`: the catalogue of rules, for those who must live with them and those who ask what is covered.
//!
//! ```text
//! Compiled ──build──▶ Catalogue ─┬─ html      index.html, one page that needs nothing else
//!           coverage, words      └─ markdown  index.md, the same content for wikis and pull requests
//! ```
//!
//! A catalogue is a function of the policies alone: no date, no path of this machine, so that it can be committed and
//! compared.

pub(super) mod build;
mod coverage;
mod html;
mod markdown;
pub(super) mod model;
#[cfg(test)]
mod tests;
pub(super) mod text;
pub(super) mod words;

use std::path::Path;

use crate::{
    CliError, Exit, Io,
    args::{DocArgs, DocFormat, Global},
    load::{LoadOptions, load},
    render,
    report::{Report, count},
};

pub(crate) fn run(args: &DocArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let loaded = load(&args.paths, &LoadOptions::default(), io)?;
    if loaded.compiled.has_errors() {
        let mut report = Report::of("doc", &loaded.compiled);
        report.summary = "nothing is written: the policies have errors".to_owned();
        render::write(&report, None, global, io)?;
        return Ok(Exit::No);
    }
    let mut catalogue = build::catalogue(&loaded.compiled);
    if let Some(range) = loaded.project.kubernetes {
        catalogue.kubernetes = (range.0.0, range.1.0);
    }
    let files = match args.format {
        DocFormat::Html => html::html(&catalogue),
        DocFormat::Md => markdown::markdown(&catalogue),
    };
    let dir = io.at(&args.out);
    for (name, text) in files {
        write(&dir, name, &text)?;
        io.out(&format!("{}\n", args.out.join(name).display()));
    }
    if !global.quiet {
        let (rules, packages) = (catalogue.rules().count(), catalogue.packages.len());
        io.err(&format!("wrote {} of {}\n", count(rules, "rule"), count(packages, "package")));
    }
    Ok(Exit::Clean)
}

/// Writes a file of the catalogue. A file of that name that no `kpolc doc` wrote is somebody's work and stays.
fn write(dir: &Path, name: &str, text: &str) -> Result<(), CliError> {
    let path = dir.join(name);
    let failed = |error| CliError::Write { path: path.clone(), error };
    std::fs::create_dir_all(dir).map_err(failed)?;
    match std::fs::read(&path) {
        Ok(old) if !is_catalogue(&String::from_utf8_lossy(&old)) => {
            let message = format!("{}: exists and is no catalogue", path.display());
            return Err(CliError::usage(message, "name another directory with `-o`".to_owned()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    std::fs::write(&path, text).map_err(failed)
}

/// Whether `kpolc doc` wrote this.
fn is_catalogue(text: &str) -> bool {
    text.trim().is_empty() || text.contains(html::MARK) || text.contains(markdown::MARK)
}
