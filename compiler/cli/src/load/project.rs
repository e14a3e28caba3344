//! `kpol.toml`: what a project says once for all its policies.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use kpol_compiler::{Compiled, Role};
use kpol_grammar::{
    ast::{Item, ItemKind, MetaKind, Rule, RuleClause},
    diagnostic::Diagnostic,
};
use kpol_manifest::line_col;
use serde::Deserialize;
use toml::Spanned;

use super::{Entry, find::display_name, levels, levels::Level};
use crate::{CliError, Io, args::Mode, version::MinorRange};

/// The file's name.
pub(crate) const FILE: &str = "kpol.toml";

/// A project's settings; the defaults where there is no file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Project {
    /// Where the file is, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// Its directory: where paths in it start.
    pub(crate) dir: PathBuf,
    pub(crate) kubernetes: Option<MinorRange>,
    /// Globs of files with CustomResourceDefinitions.
    pub(crate) crds: Vec<String>,
    pub(crate) max_items: Option<u64>,
    pub(crate) lints: BTreeMap<String, Level>,
    pub(crate) required_metadata: Vec<Metadata>,
    /// The mode of rules without a bind, when manifests are judged.
    pub(crate) mode: Option<Mode>,
}

/// A clause that every rule must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Metadata {
    Doc,
    Severity,
    Mitre,
    Cis,
    Tags,
    Refs,
    Owner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    edition: Option<Spanned<String>>,
    kubernetes: Option<Spanned<String>>,
    #[serde(default)]
    crds: Vec<String>,
    #[serde(default)]
    required_metadata: Vec<Metadata>,
    mode: Option<WrittenMode>,
    #[serde(default)]
    bounds: Bounds,
    #[serde(default)]
    lints: BTreeMap<Spanned<String>, Level>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenMode {
    Dryrun,
    Warn,
    Deny,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    max_items: Option<Spanned<u64>>,
}

/// The editions of the language.
const EDITIONS: &[&str] = &["2026"];

impl Project {
    /// The project of the first file, or of the current directory: the nearest `kpol.toml` upward.
    pub(crate) fn find(entries: &[Entry], io: &Io) -> Result<Project, CliError> {
        let first = entries.iter().find_map(|entry| match entry {
            Entry::File { path, .. } => path.parent(),
            Entry::Stdin | Entry::Library(_) => None,
        });
        let start = first.unwrap_or(&io.dir);
        let start = if start.as_os_str().is_empty() { Path::new(".") } else { start };
        let Ok(start) = start.canonicalize() else { return Ok(Project::default()) };
        match start.ancestors().map(|dir| dir.join(FILE)).find(|file| file.is_file()) {
            Some(file) => Project::read(&file, io),
            None => Ok(Project::default()),
        }
    }

    fn read(file: &Path, io: &Io) -> Result<Project, CliError> {
        let here = io.at(Path::new(".")).canonicalize().unwrap_or_default();
        let name = display_name(file.strip_prefix(&here).unwrap_or(file));
        let text = super::read_text(&name, file)?;
        let mut project = Project::parse(&text, &name)?;
        project.dir = file.parent().unwrap_or(Path::new("")).to_owned();
        project.file = Some(file.to_owned());
        Ok(project)
    }

    /// Reads the text of a `kpol.toml`.
    pub(crate) fn parse(text: &str, name: &str) -> Result<Project, CliError> {
        let wrong = |at: usize, message: String, help: Option<String>| {
            let (line, column) = line_col(text, at);
            CliError::Config { path: name.to_owned(), line, column, message, help }
        };
        let written: Written = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(at, error.message().trim_end().replace('\n', ", "), None)
        })?;
        if let Some(edition) = written.edition.as_ref().filter(|e| !EDITIONS.contains(&e.get_ref().as_str()))
        {
            let help = format!("editions: {}", EDITIONS.join(", "));
            let message = format!("there is no edition `{}`", edition.get_ref());
            return Err(wrong(edition.span().start, message, Some(help)));
        }
        let kubernetes = written
            .kubernetes
            .map(|range| range.get_ref().parse().map_err(|why| wrong(range.span().start, why, None)))
            .transpose()?;
        let mut lints = BTreeMap::new();
        for (code, level) in written.lints {
            levels::check_code(code.get_ref())
                .map_err(|(message, help)| wrong(code.span().start, message, help))?;
            lints.insert(code.into_inner(), level);
        }
        if let Some(zero) = written.bounds.max_items.as_ref().filter(|items| *items.get_ref() == 0) {
            return Err(wrong(zero.span().start, "max_items must be at least 1".to_owned(), None));
        }
        Ok(Project {
            file: None,
            dir: PathBuf::new(),
            kubernetes,
            crds: written.crds,
            max_items: written.bounds.max_items.map(Spanned::into_inner),
            lints,
            required_metadata: written.required_metadata,
            mode: written.mode.map(|mode| match mode {
                WrittenMode::Dryrun => Mode::Dryrun,
                WrittenMode::Warn => Mode::Warn,
                WrittenMode::Deny => Mode::Deny,
            }),
        })
    }

    /// Reports rules of the entry files that lack metadata which the project asks for.
    pub(crate) fn check(&self, compiled: &mut Compiled) {
        let mut missing = Vec::new();
        for (source, file) in compiled.sources.iter().zip(&compiled.files) {
            if source.role == Role::Entry && !source.name.starts_with("std/") {
                missing.extend(file.items.iter().filter_map(|item| self.missing(item)));
            }
        }
        if !missing.is_empty() {
            compiled.diagnostics.extend(missing);
            compiled.diagnostics.sort_by_key(|d| d.primary().map(|span| (span.file, span.start, span.end)));
            compiled.module = None;
        }
    }

    fn missing(&self, item: &Item) -> Option<Diagnostic> {
        let ItemKind::Rule(rule) = &item.kind else { return None };
        let missing: Vec<&str> = self
            .required_metadata
            .iter()
            .filter(|wanted| !wanted.is_in(item, rule))
            .map(|wanted| wanted.word())
            .collect();
        let first = missing.first()?;
        Some(
            Diagnostic::error("E0601", format!("rule `{}` has no {}", rule.name.text, missing.join(", no ")))
                .label(rule.name.span, format!("kpol.toml asks every rule for `{first}`")),
        )
    }
}

impl Metadata {
    fn word(self) -> &'static str {
        match self {
            Metadata::Doc => "doc",
            Metadata::Severity => "severity",
            Metadata::Mitre => "mitre",
            Metadata::Cis => "cis",
            Metadata::Tags => "tags",
            Metadata::Refs => "refs",
            Metadata::Owner => "owner",
        }
    }

    fn is_in(self, item: &Item, rule: &Rule) -> bool {
        let mut metas = rule.clauses.iter().filter_map(|clause| match clause {
            RuleClause::Meta(meta) => Some(&meta.kind),
            RuleClause::ExceptionsNeed { .. } | RuleClause::VerifyAtRuntime { .. } | RuleClause::Block(_) => {
                None
            }
        });
        match self {
            Metadata::Doc => !item.docs.is_empty(),
            Metadata::Severity => metas.any(|kind| matches!(kind, MetaKind::Severity(_))),
            Metadata::Mitre => metas.any(|kind| matches!(kind, MetaKind::Mitre(_))),
            Metadata::Cis => metas.any(|kind| matches!(kind, MetaKind::Cis(_))),
            Metadata::Tags => metas.any(|kind| matches!(kind, MetaKind::Tags(_))),
            Metadata::Refs => metas.any(|kind| matches!(kind, MetaKind::Refs(_))),
            Metadata::Owner => metas.any(|kind| matches!(kind, MetaKind::Owner(_))),
        }
    }
}
