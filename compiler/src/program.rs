//! Names: packages, what a file may call by which name, and which declaration a name means.

use std::collections::BTreeMap;

use kpol_grammar::{
    ast::{self, ItemKind},
    diagnostic::Diagnostic,
    span::{FileId, Span},
};

use crate::diagnostics as d;

/// The package of files that name none.
pub(crate) const MAIN: &str = "main";
/// The package of the defines that every file sees.
pub(crate) const PRELUDE: &str = "std.prelude";

/// A declaration among all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DefId {
    pub(crate) file: FileId,
    pub(crate) item: usize,
}

/// Every parsed file and every name in it.
pub(crate) struct Program<'a> {
    pub(crate) files: &'a [ast::File],
    /// Package of each file.
    pub(crate) package_of: Vec<String>,
    /// Declarations by package and name. Tests have no name here.
    pub(crate) packages: BTreeMap<String, BTreeMap<String, DefId>>,
    scopes: Vec<FileScope>,
}

#[derive(Default)]
struct FileScope {
    names: BTreeMap<String, DefId>,
    modules: BTreeMap<String, String>,
    /// Brought-in names with their places, for the unused-name warning.
    imports: Vec<(String, Span)>,
    /// Names that a `use` should have brought, which is reported where it stands.
    missing: Vec<String>,
}

/// What a bare name means in a file.
pub(crate) enum Found<'a> {
    Def(DefId),
    Module(&'a str),
}

impl<'a> Program<'a> {
    pub(crate) fn new(files: &'a [ast::File], diagnostics: &mut Vec<Diagnostic>) -> Program<'a> {
        let mut program = Program {
            files,
            package_of: files
                .iter()
                .map(|f| f.package.as_ref().map_or_else(|| MAIN.into(), path_text))
                .collect(),
            packages: BTreeMap::new(),
            scopes: Vec::new(),
        };
        program.collect(diagnostics);
        program.scopes = (0..files.len()).map(|file| program.scope(file, diagnostics)).collect();
        program.report_cycles(diagnostics);
        program
    }

    pub(crate) fn item(&self, def: DefId) -> Option<&'a ast::Item> {
        self.files.get(def.file.0 as usize)?.items.get(def.item)
    }

    pub(crate) fn package(&self, file: FileId) -> &str {
        self.package_of.get(file.0 as usize).map_or(MAIN, String::as_str)
    }

    /// The qualified name of a declaration.
    pub(crate) fn qualified(&self, def: DefId) -> String {
        let name = self.item(def).and_then(item_name).map_or("?", |name| name.text.as_str());
        match self.package(def.file) {
            MAIN => name.to_owned(),
            package => format!("{package}.{name}"),
        }
    }

    /// What `name` means in `file`, after locals and roots.
    pub(crate) fn lookup(&self, file: FileId, name: &str) -> Option<Found<'_>> {
        if let Some(def) = self.in_package(self.package(file), name) {
            return Some(Found::Def(def));
        }
        let scope = self.scopes.get(file.0 as usize)?;
        if let Some(def) = scope.names.get(name) {
            return Some(Found::Def(*def));
        }
        if let Some(package) = scope.modules.get(name) {
            return Some(Found::Module(package));
        }
        self.in_package(PRELUDE, name).map(Found::Def)
    }

    pub(crate) fn in_package(&self, package: &str, name: &str) -> Option<DefId> {
        self.packages.get(package)?.get(name).copied()
    }

    /// Every name that `file` could call, for did-you-mean.
    pub(crate) fn visible(&self, file: FileId) -> Vec<&str> {
        let own = self.packages.get(self.package(file)).into_iter().flatten().map(|(name, _)| name.as_str());
        let scope = self.scopes.get(file.0 as usize);
        let used = scope.into_iter().flat_map(|s| s.names.keys().chain(s.modules.keys())).map(String::as_str);
        own.chain(used).collect()
    }

    /// The declarations that a dotted path means: one rule, or every rule of a package.
    pub(crate) fn resolve_path(&self, file: FileId, path: &ast::Path) -> Vec<DefId> {
        let text = path_text(path);
        if let [name] = path.names.as_slice() {
            return match self.lookup(file, &name.text) {
                Some(Found::Def(def)) => vec![def],
                Some(Found::Module(package)) => self.rules_of(package),
                None => self.rules_of(&text),
            };
        }
        if self.packages.contains_key(&text) {
            return self.rules_of(&text);
        }
        let Some((package, name)) = text.rsplit_once('.') else { return Vec::new() };
        let package = match self.lookup(file, package) {
            Some(Found::Module(real)) => real,
            Some(Found::Def(_)) | None => package,
        };
        self.in_package(package, name).into_iter().collect()
    }

    fn rules_of(&self, package: &str) -> Vec<DefId> {
        self.packages
            .get(package)
            .into_iter()
            .flat_map(BTreeMap::values)
            .copied()
            .filter(|def| matches!(self.item(*def).map(|i| &i.kind), Some(ItemKind::Rule(_))))
            .collect()
    }

    pub(crate) fn imports(&self, file: FileId) -> &[(String, Span)] {
        self.scopes.get(file.0 as usize).map_or(&[], |scope| &scope.imports)
    }

    /// The package behind a module alias of a file.
    pub(crate) fn module_alias(&self, file: FileId, alias: &str) -> Option<&str> {
        self.scopes.get(file.0 as usize)?.modules.get(alias).map(String::as_str)
    }

    /// Whether `name` has no meaning in `file` for a reason that is reported elsewhere: its `use` is wrong, or a
    /// declaration of the package could not be read and may have been the one.
    pub(crate) fn is_excused(&self, file: FileId, name: &str) -> bool {
        let missing =
            self.scopes.get(file.0 as usize).is_some_and(|scope| scope.missing.iter().any(|m| m == name));
        missing || self.has_holes(self.package(file))
    }

    /// Whether a declaration of the package could not be read.
    pub(crate) fn has_holes(&self, package: &str) -> bool {
        self.files.iter().zip(&self.package_of).any(|(file, of)| {
            of == package && file.items.iter().any(|item| matches!(item.kind, ItemKind::Error))
        })
    }

    /// Whether a file says `kind NAME from ..`.
    pub(crate) fn declares_kind(&self, name: &str) -> bool {
        let mut uses = self.files.iter().flat_map(|file| &file.uses);
        uses.any(|used| matches!(used, ast::Use::Kind { name: kind, .. } if kind.text == name))
    }

    fn collect(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        for (index, file) in self.files.iter().enumerate() {
            let package = self.package_of.get(index).cloned().unwrap_or_else(|| MAIN.into());
            let names = self.packages.entry(package).or_default();
            for (item_index, item) in file.items.iter().enumerate() {
                let Some(name) = item_name(item) else { continue };
                let def = DefId { file: FileId(index as u32), item: item_index };
                match names.get(&name.text) {
                    None => {
                        names.insert(name.text.clone(), def);
                    }
                    Some(first) => {
                        let first =
                            self.files.get(first.file.0 as usize).and_then(|f| f.items.get(first.item));
                        let first = first.and_then(item_name).map_or(name.span, |n| n.span);
                        diagnostics.push(d::defined_twice(name, first));
                    }
                }
            }
        }
    }

    fn scope(&self, file: usize, diagnostics: &mut Vec<Diagnostic>) -> FileScope {
        let mut scope = FileScope::default();
        for used in self.files.get(file).into_iter().flat_map(|f| &f.uses) {
            match used {
                ast::Use::Kind { .. } => {}
                ast::Use::Module { path, alias, .. } => {
                    let package = path_text(path);
                    let Some(last) = alias.as_ref().or(path.names.last()) else { continue };
                    if !self.packages.contains_key(&package) {
                        diagnostics.push(d::unknown_package(path.span, &package, self.packages.keys()));
                        scope.missing.push(last.text.clone());
                        continue;
                    }
                    scope.modules.insert(last.text.clone(), package);
                    scope.imports.push((last.text.clone(), last.span));
                }
                ast::Use::Names { path, names, .. } => {
                    let package = path_text(path);
                    let Some(known) = self.packages.get(&package) else {
                        diagnostics.push(d::unknown_package(path.span, &package, self.packages.keys()));
                        scope.missing.extend(names.iter().map(|name| name.text.clone()));
                        continue;
                    };
                    for name in names {
                        let Some(def) = known.get(&name.text) else {
                            if !self.has_holes(&package) {
                                diagnostics.push(d::unknown_name_in_package(name, &package, known.keys()));
                            }
                            scope.missing.push(name.text.clone());
                            continue;
                        };
                        scope.names.insert(name.text.clone(), *def);
                        scope.imports.push((name.text.clone(), name.span));
                    }
                }
            }
        }
        scope
    }

    /// A package that uses itself through others has no order in which it can be read.
    fn report_cycles(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut edges: BTreeMap<&str, Vec<(String, Span)>> = BTreeMap::new();
        for (index, file) in self.files.iter().enumerate() {
            let from = self.package_of.get(index).map_or(MAIN, String::as_str);
            for used in &file.uses {
                let (ast::Use::Module { path, .. } | ast::Use::Names { path, .. }) = used else { continue };
                edges.entry(from).or_default().push((path_text(path), path.span));
            }
        }
        let mut reported: Vec<Vec<String>> = Vec::new();
        for start in edges.keys() {
            let Some((trail, span)) = cycle_through(&edges, start) else { continue };
            let mut members = trail.clone();
            members.sort();
            if !reported.contains(&members) {
                reported.push(members);
                diagnostics.push(d::cyclic_use(span, &trail));
            }
        }
    }
}

/// A shortest way from `start` back to itself (breadth first), and the place of its last step.
fn cycle_through(edges: &BTreeMap<&str, Vec<(String, Span)>>, start: &str) -> Option<(Vec<String>, Span)> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(here) = queue.pop_front() {
        for (next, span) in edges.get(here).into_iter().flatten() {
            if next == start {
                let mut trail = vec![here.to_owned()];
                let mut at = here;
                while at != start {
                    at = before.get(at).copied().unwrap_or(start);
                    trail.push(at.to_owned());
                }
                trail.reverse();
                return Some((trail, *span));
            }
            if !before.contains_key(next.as_str()) {
                before.insert(next, here);
                queue.push_back(next);
            }
        }
    }
    None
}

/// `acme.lib` as text.
pub(crate) fn path_text(path: &ast::Path) -> String {
    path.names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".")
}

/// The name that a declaration gives to others.
pub(crate) fn item_name(item: &ast::Item) -> Option<&ast::Name> {
    match &item.kind {
        ItemKind::Param { name, .. } | ItemKind::Let { name, .. } | ItemKind::Define { name, .. } => {
            Some(name)
        }
        ItemKind::Rule(rule) => Some(&rule.name),
        ItemKind::Mutate(mutate) => Some(&mutate.name),
        ItemKind::Correlate(correlate) => Some(&correlate.name),
        ItemKind::Exception(exception) => Some(&exception.name),
        ItemKind::Bind(_) | ItemKind::Test(_) | ItemKind::Error => None,
    }
}

/// The doc lines of a declaration as one text.
pub(crate) fn doc_text(docs: &[ast::Doc]) -> String {
    docs.iter().map(|doc| doc.text.as_str()).collect::<Vec<_>>().join("\n")
}
