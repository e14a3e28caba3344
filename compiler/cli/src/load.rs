//! From the paths of a command line to compiled policies.
//!
//! ```text
//! paths ──find──▶ .kpol files ─┐
//! kpol.toml ──▶ Project ───────┼──▶ sources ──▶ kpol_compiler::compile ──▶ lint levels, project rules ──▶ Loaded
//! std.* ──▶ the library ───────┘        ▲
//!                    packages that they `use`, from the project's other files
//! ```

mod bundle;
mod files;
mod find;
mod levels;
mod project;
mod vocabulary;

use std::path::PathBuf;

use jiff::civil::Date;
use kpol_compiler::{Compiled, Options, Role, Source, compile};
use kpol_grammar::ast::{Item, ItemKind};

pub(crate) use files::{documents, read_stdin, read_text, write_atomic};
pub(crate) use find::{Entry, find};
pub(crate) use project::Project;

use crate::{CliError, Io, args::CompileArgs, version::MinorRange};

/// What a command says about the compilation.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadOptions {
    /// In place of the project's.
    pub(crate) kubernetes: Option<MinorRange>,
    /// In place of the clock's.
    pub(crate) today: Option<Date>,
    /// W0203 is an error.
    pub(crate) strict: bool,
    /// Codes to warn of.
    pub(crate) warn: Vec<String>,
    /// Codes to pass over.
    pub(crate) allow: Vec<String>,
    /// Further files with CustomResourceDefinitions.
    pub(crate) crds: Vec<PathBuf>,
    /// Whether the command takes a bundle in the place of policies.
    pub(crate) bundles: bool,
}

impl LoadOptions {
    /// What the flags say.
    pub(crate) fn of(args: &CompileArgs) -> LoadOptions {
        LoadOptions {
            today: args.today,
            strict: args.strict,
            warn: args.warn.clone(),
            allow: args.allow.clone(),
            ..LoadOptions::default()
        }
    }
}

/// Compiled policies and the project that they belong to.
pub(crate) struct Loaded {
    /// With lint levels applied and the project's own demands checked.
    pub(crate) compiled: Compiled,
    /// kpol.toml, or its defaults.
    pub(crate) project: Project,
    /// What names the bundle, if the policies are one.
    pub(crate) digest: Option<String>,
}

impl Loaded {
    /// How many rules, mutations and correlations the entry files have.
    pub(crate) fn rules(&self) -> usize {
        let is_rule = |item: &&Item| {
            matches!(item.kind, ItemKind::Rule(_) | ItemKind::Mutate(_) | ItemKind::Correlate(_))
        };
        let files = self.compiled.sources.iter().zip(&self.compiled.files);
        let entries = files.filter(|(source, _)| source.role == Role::Entry);
        entries.map(|(_, file)| file.items.iter().filter(is_rule).count()).sum()
    }

    /// Whether a source is a file that was asked for.
    pub(crate) fn is_own_file(&self, source: &Source) -> bool {
        source.role == Role::Entry && !source.name.starts_with('<') && !source.name.starts_with("std/")
    }

    /// How many of the sources were asked for.
    pub(crate) fn entries(&self) -> usize {
        self.compiled.sources.iter().filter(|source| source.role == Role::Entry).count()
    }
}

/// Loads and compiles what `paths` name; the current directory if they are none.
///
/// # Errors
/// When something cannot be read or is not there. Mistakes in policies are diagnostics in the answer.
pub(crate) fn load(paths: &[String], options: &LoadOptions, io: &mut Io) -> Result<Loaded, CliError> {
    let bundle = bundle::find(paths, options.bundles, io)?;
    let entries = if bundle.is_some() { Vec::new() } else { find(paths, io)? };
    let project = Project::find(&entries, io)?;
    levels::check_codes(options)?;
    let mut sources = sources(&entries, Role::Entry, io)?;
    sources.extend(vocabulary::sources(&sources, &entries, &project, io)?);
    sources.extend(files::Crds::of(&project, options, io)?.source());
    let loader = files::Files::new(io.dir.clone());
    let kubernetes = options.kubernetes.or(project.kubernetes);
    let defaults = Options::default();
    let compiler_options = Options {
        kubernetes: kubernetes.map(|range| (range.0.0, range.1.0)),
        max_items: project.max_items.unwrap_or(defaults.max_items),
        today: Some(options.today.unwrap_or(io.today).to_string()),
        ..defaults
    };
    let mut compiled = compile(sources, &loader, &compiler_options);
    project.check(&mut compiled);
    levels::apply(&mut compiled, &project, options);
    let digest = bundle.as_ref().map(|bundle| bundle.digest().to_string());
    if let Some(bundle) = bundle.filter(|_| !compiled.has_errors()) {
        compiled.correlations = bundle.about().correlations.clone();
        compiled.module = Some(bundle.into_module());
    }
    Ok(Loaded { compiled, project, digest })
}

/// The texts of `entries`.
fn sources(entries: &[Entry], role: Role, io: &mut Io) -> Result<Vec<Source>, CliError> {
    let mut sources = Vec::new();
    for entry in entries {
        match entry {
            Entry::Library(name) => sources.extend(kpol_compiler::library(name, role)),
            Entry::Stdin => {
                sources.push(Source { name: "<stdin>".to_owned(), text: files::read_stdin(io)?, role })
            }
            Entry::File { name, path } => {
                sources.push(Source { name: name.clone(), text: read_text(name, path)?, role });
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    sources.retain(|source| seen.insert(source.name.clone()));
    Ok(sources)
}
