//! `kpolc schema`: of the results, of the kinds, of CRDs.

use std::path::{Path, PathBuf};

use kpol_manifest::Json;
use kpol_stdlib::catalog::Catalog;

use crate::{
    CliError, Exit, Io,
    args::{Global, SchemaArgs, SchemaCommand},
    load,
    render::{self, Paint, Role},
};

pub(crate) fn run(args: &SchemaArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    match &args.command {
        SchemaCommand::Diagnostics => io.out(render::SCHEMA),
        SchemaCommand::Kinds => io.out(&kinds(&Catalog::new())),
        SchemaCommand::Add { files } => return add(files, global, io),
        SchemaCommand::Update => io.out(UPDATE),
    }
    Ok(Exit::Clean)
}

const UPDATE: &str = "\
The Kubernetes kinds are part of kpolc, so that a check needs no network and gives the same answer everywhere.
A newer kpolc brings newer kinds. In kpol's repository they come from the k8s-openapi crate:

    cargo run -p xtask -- schema

Kinds of your own need no update: `kpolc schema add crd.yaml`.
";

/// A line per kind: name, apiVersion, resource, scope, versions of Kubernetes.
pub(crate) fn kinds(catalog: &Catalog) -> String {
    let schema = catalog.schema();
    let (oldest, newest) = schema.minors();
    let mut rows: Vec<[String; 4]> = schema
        .kinds()
        .map(|kind| {
            let group = if kind.group.is_empty() { String::new() } else { format!("{}/", kind.group) };
            let (since, until) = (kind.since.unwrap_or(oldest), kind.until.unwrap_or(newest));
            [
                kind.record.clone(),
                format!("{group}{}", kind.version),
                if kind.namespaced { "namespaced".to_owned() } else { "cluster".to_owned() },
                if (since, until) == (oldest, newest) {
                    String::new()
                } else {
                    format!("1.{since}..1.{until}")
                },
            ]
        })
        .collect();
    rows.sort();
    crate::render::table(&rows)
}

/// Checks each file, and prints the lines that a policy needs.
fn add(files: &[PathBuf], global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let mut catalog = Catalog::new();
    let mut wrong = Vec::new();
    for file in files {
        let path = io.at(file);
        let documents = load::documents(&path).map_err(|why| CliError::usage(why, None))?;
        let before = wrong.len();
        let mut found = 0;
        for crd in documents.iter().filter(|crd| is_crd(crd)) {
            found += 1;
            match crd.at(&["spec", "names", "kind"]).and_then(Json::as_str) {
                None => wrong.push(format!("{}: spec.names.kind is missing", file.display())),
                Some(kind) => match catalog.schema_mut().add_crd(kind, crd) {
                    Ok(()) => io.out(&format!("kind {kind} from {}\n", quoted(file))),
                    Err(errors) => {
                        wrong.extend(errors.iter().map(|error| format!("{}: {error}", file.display())))
                    }
                },
            }
        }
        if found == 0 && wrong.len() == before {
            wrong.push(format!("{}: there is no CustomResourceDefinition in this file", file.display()));
        }
    }
    let paint = Paint::new(io.colored_stderr(global.color));
    for message in &wrong {
        io.err(&format!("{}: {message}\n", paint.on(Role::Error, "error")));
    }
    Ok(if wrong.is_empty() { Exit::Clean } else { Exit::Failed })
}

fn is_crd(document: &Json) -> bool {
    document.get("kind").and_then(Json::as_str) == Some("CustomResourceDefinition")
}

fn quoted(file: &Path) -> String {
    format!("\"{}\"", file.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}
