//! The documentation does not lie: its policies compile, its links lead somewhere, and its generated page is fresh.
//!
//! A block that begins with ```` ```kpol ```` must compile without an error or a warning, `kpol fragment` must parse (as a file, or as
//! clauses of a rule), and `kpol bad CODE` must report that code. `KPOL_UPDATE=1` writes the generated page anew.

use std::{
    collections::BTreeSet,
    fmt::Write,
    path::{Path, PathBuf},
};

use kpol_compiler::{Compiled, Loader, Options, Role, Source, compile, library, library_names};
use kpol_grammar::{
    ast::{ItemKind, Meta, MetaKind, MutateClause, On, RuleClause},
    diagnostic::Severity,
    parse,
    span::FileId,
};
use kpol_manifest::{Limits, Syntax};
use kpol_tests::root;
use kpol_vm::json::Json;

/// README.md and the pages of docs/, not those of its folders.
fn pages() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|ext| ext == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// A fenced block: its info string, the line where it begins, and its text.
struct Block {
    info: String,
    line: usize,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(info), None) => {
                open = Some(Block { info: info.trim().to_owned(), line: index + 1, text: String::new() });
            }
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    blocks
}

/// Files that policies of the documentation name lie where the examples of the language have them.
struct Examples;

impl Loader for Examples {
    fn documents(&self, _from: &Source, path: &str) -> Result<Vec<Json>, String> {
        let file = root().join("examples/language").join(path);
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let documents =
            kpol_manifest::parse(&text, Syntax::Auto, &Limits::default()).map_err(|e| e.to_string())?;
        Ok(documents.into_iter().map(|document| document.value).collect())
    }
}

fn compiled(text: &str) -> Compiled {
    let source = Source { name: "block.kpol".into(), text: text.into(), role: Role::Entry };
    compile(vec![source], &Examples, &Options::default())
}

/// What is wrong with a block; `None`: nothing, or it is no policy.
fn mistake(block: &Block) -> Option<String> {
    match block.info.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["kpol"] => {
            let found = compiled(&block.text).diagnostics;
            let serious: Vec<_> = found.iter().filter(|d| d.severity != Severity::Note).collect();
            (!serious.is_empty()).then(|| {
                serious.iter().map(|d| format!("{} {}", d.code, d.message)).collect::<Vec<_>>().join("; ")
            })
        }
        ["kpol", "fragment"] => {
            let as_file = parse(FileId(0), &block.text).diagnostics;
            let as_clauses =
                parse(FileId(0), &format!("rule fragment on Pod {{\n{}\n}}", block.text)).diagnostics;
            (!as_file.is_empty() && !as_clauses.is_empty()).then(|| as_file[0].message.clone())
        }
        ["kpol", "bad", code] => {
            let codes: Vec<&str> = compiled(&block.text).diagnostics.iter().map(|d| d.code).collect();
            (!codes.contains(code)).then(|| format!("{code} is promised, reported are {codes:?}"))
        }
        ["kpol", ..] => Some(format!("unknown mark `{}`", block.info)),
        _ => None,
    }
}

#[test]
fn policies_in_the_documentation_compile() {
    let (mut mistakes, mut count) = (Vec::new(), 0);
    for page in pages() {
        for block in blocks(&std::fs::read_to_string(&page).unwrap()) {
            count += usize::from(block.info.starts_with("kpol"));
            if let Some(why) = mistake(&block) {
                mistakes.push(format!("{}:{}: {why}", page.display(), block.line));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(count > 20, "only {count} blocks were found");
}

/// The targets of the links in a page, code left out.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_block = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            // Every second piece between backticks is code.
            let prose: Vec<&str> = line.split('`').step_by(2).collect();
            let prose = prose.join("");
            let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            links.extend(targets.map(str::to_owned));
        }
    }
    links
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}

fn anchors(page: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(page).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        for link in links(&std::fs::read_to_string(&page).unwrap()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let missing = !target.exists() || (!heading.is_empty() && !anchors(&target).contains(heading));
            if missing {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing:\n{}", broken.join("\n"));
}

#[test]
fn the_page_of_the_library_is_fresh() {
    let page = root().join("docs/library.md");
    let wanted = library_page();
    if std::env::var("KPOL_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&page, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/library.md is stale: run `KPOL_UPDATE=1 cargo test -p kpol-tests --test suite docs::` and commit it"
    );
}

/// docs/library.md: a section per package, a line per rule.
fn library_page() -> String {
    let mut page = String::from(
        "<!-- Generated from stdlib/library by tests/suite/docs.rs: KPOL_UPDATE=1 cargo test -p kpol-tests --test suite docs:: -->\n\n\
         # The library\n\n\
         These packages come with `kpolc`; nothing has to be installed. Judge manifests by one with\n\
         `kpolc eval -p std.pss.restricted MANIFESTS`, or name its rules in a `bind` of your own policy. A shorter name means all packages\n\
         below it: `-p std.pss`. `kpolc explain std.workload.NAME` says more about a rule: its verdicts, what it reads, its params, its cost.\n",
    );
    let names = library_names();
    let all: Vec<Source> = names.iter().flat_map(|name| library(name, Role::Entry)).collect();
    let compiled = compile(all, &Examples, &Options::default());
    let files = compiled.sources.iter().zip(&compiled.files).filter(|(source, _)| source.role == Role::Entry);
    let mut sections: Vec<(String, String)> =
        files.map(|(source, file)| (source.name.clone(), section(source, file))).collect();
    sections.sort();
    for (_, section) in sections {
        page.push_str(&section);
    }
    page
}

fn section(source: &Source, file: &kpol_grammar::ast::File) -> String {
    let package = file.package.as_ref().map(|path| words(path.names.iter().map(|n| n.text.as_str()), "."));
    let mut out = format!("\n## {}\n\n", package.unwrap_or_default());
    let about: Vec<&str> = file.docs.iter().map(|doc| doc.text.as_str()).collect();
    let _ = writeln!(
        out,
        "{}\n",
        about.split(|line| line.trim().is_empty()).next().unwrap_or_default().join(" ")
    );
    let mut rows = Vec::new();
    let mut params = Vec::new();
    let mut brings = BTreeSet::new();
    for item in &file.items {
        let docs: Vec<&str> = item.docs.iter().map(|doc| doc.text.as_str()).collect();
        let says = first_sentence(&docs.join(" "));
        match &item.kind {
            ItemKind::Rule(rule) => {
                let metas: Vec<&Meta> = rule.clauses.iter().filter_map(rule_meta).collect();
                rows.push(row(&rule.name.text, &targets(source, &rule.on), &says, &metas));
            }
            ItemKind::Mutate(mutate) => {
                let metas: Vec<&Meta> = mutate.clauses.iter().filter_map(mutate_meta).collect();
                let target = format!("changes {}", targets(source, &mutate.on));
                rows.push(row(&mutate.name.text, &target, &says, &metas));
            }
            ItemKind::Correlate(correlate) => {
                rows.push(row(&correlate.name.text, "events; not run yet", &says, &[]));
            }
            ItemKind::Param { name, ty, .. } => {
                let ty = &source.text[ty.span.range()];
                params.push(format!("* `{}: {ty}`: {says}\n", name.text));
            }
            ItemKind::Bind(bind) => {
                let packages =
                    bind.rules.iter().filter_map(|path| path.names.split_last()).map(|(_, package)| package);
                let packages = packages.map(|names| words(names.iter().map(|name| name.text.as_str()), "."));
                brings.extend(packages.filter(|name| !name.is_empty()));
            }
            ItemKind::Let { .. }
            | ItemKind::Define { .. }
            | ItemKind::Exception(_)
            | ItemKind::Test(_)
            | ItemKind::Error => {}
        }
    }
    if !brings.is_empty() {
        let names = brings.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "It holds rules of {names} too, by its binds.\n");
    }
    if !rows.is_empty() {
        out.push_str("| rule | on | severity | says | controls |\n| --- | --- | --- | --- | --- |\n");
        rows.iter().for_each(|row| out.push_str(row));
    }
    if !params.is_empty() {
        let _ = writeln!(out, "{}Params:\n", if rows.is_empty() { "" } else { "\n" });
        params.iter().for_each(|param| out.push_str(param));
    }
    out
}

fn rule_meta(clause: &RuleClause) -> Option<&Meta> {
    if let RuleClause::Meta(meta) = clause { Some(meta) } else { None }
}

fn mutate_meta(clause: &MutateClause) -> Option<&Meta> {
    if let MutateClause::Meta(meta) = clause { Some(meta) } else { None }
}

/// A line of the table.
fn row(name: &str, on: &str, says: &str, metas: &[&Meta]) -> String {
    let mut severity = String::new();
    let mut controls: Vec<String> = Vec::new();
    for meta in metas {
        match &meta.kind {
            MetaKind::Severity(level) => severity.clone_from(&level.text),
            MetaKind::Cis(ids) => controls.extend(ids.iter().map(|id| format!("CIS {}", id.text))),
            MetaKind::Mitre(ids) => controls.extend(ids.iter().map(|id| id.text.clone())),
            MetaKind::Tags(_) | MetaKind::Refs(_) | MetaKind::Owner(_) => {}
        }
    }
    let says = says.replace('|', "\\|");
    format!("| `{name}` | {on} | {severity} | {says} | {} |\n", controls.join(", "))
}

/// What stands behind `on`, on one line.
fn targets(source: &Source, on: &On) -> String {
    let text = &source.text[on.span.range()];
    let text = text.strip_prefix("on").unwrap_or(text);
    words(text.split_whitespace(), " ")
}

fn words<'w>(words: impl Iterator<Item = &'w str>, between: &str) -> String {
    words.collect::<Vec<_>>().join(between)
}

fn first_sentence(text: &str) -> String {
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].trim().to_owned()
}
