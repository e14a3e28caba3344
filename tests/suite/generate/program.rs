//! Programs that mostly have a type, over kinds of the catalog, a made-up CRD, or events.
//!
//! A few fields of each record are chosen per program, so that conditions meet in the same fields. What has no type all
//! the same is taken out again, clause by clause ([`Program::settle`]).

use std::{collections::BTreeMap, rc::Rc};

use kpol_compiler::{Compiled, Loader, Options, Role, Source, compile};
use kpol_grammar::diagnostic::Severity;
use kpol_stdlib::catalog::Catalog;
use kpol_vm::{json::Json, types::Type};

use super::{
    Dice,
    crd::crd,
    inputs::samples,
    tree::{Edit, Node, Piece, Sort},
};
use crate::engines::json_text;

/// A program: a file, and the CRD that it may name.
#[derive(Clone)]
pub struct Program {
    pub(crate) file: Node,
    crd: Option<Json>,
}

/// Gives the CRD whatever its file is called.
struct Given<'p>(Option<&'p Json>);

impl Loader for Given<'_> {
    fn documents(&self, _from: &Source, _path: &str) -> Result<Vec<Json>, String> {
        self.0.map(|json| vec![json.clone()]).ok_or_else(|| "there is no CRD".to_owned())
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())?;
        self.crd.iter().try_for_each(|crd| write!(f, "\n// crd.yaml: {}", json_text(crd)))
    }
}

impl Program {
    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        self.file.print().0
    }

    /// Compiles it.
    #[must_use]
    pub fn compile(&self) -> Compiled {
        let source = Source { name: "made.kpol".to_owned(), text: self.text(), role: Role::Entry };
        // What costs too much runs out of fuel, in both engines.
        let options = Options { max_cost: u64::MAX, ..Options::default() };
        compile(vec![source], &Given(self.crd.as_ref()), &options)
    }

    /// Takes out what does not compile; `None` if nothing is left of it.
    #[must_use]
    pub fn settle(mut self) -> Option<(Program, Compiled)> {
        for _ in 0..12 {
            let compiled = self.compile();
            if let Some(module) = &compiled.module {
                return (!module.rules.is_empty()).then_some((self, compiled));
            }
            let (_, places) = self.file.print();
            let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            let places = errors
                .filter_map(|error| error.labels.first())
                .filter_map(|label| self.file.removable(&places, label.span.range().start));
            let mut numbers: Vec<usize> = places.collect();
            numbers.sort_unstable();
            numbers.dedup();
            if numbers.is_empty() {
                return None;
            }
            // From the back, so that the numbers in front stay what they are.
            for number in numbers.into_iter().rev() {
                self.file.apply(Edit::Remove(number));
            }
        }
        None
    }

    /// Some program.
    pub fn make(dice: &mut Dice<'_>) -> Program {
        let mut catalog = Catalog::new();
        let crd = dice.percent(25).then(|| crd(dice));
        if let Some(crd) = &crd {
            // One that cannot be read makes a program without it.
            let _ = catalog.schema_mut().add_crd("Thing", crd);
        }
        let mut maker = Maker {
            dice,
            catalog,
            fields: BTreeMap::new(),
            paths: BTreeMap::new(),
            scope: Vec::new(),
            globals: Vec::new(),
            defines: Vec::new(),
            fresh: 0,
            runtime: false,
        };
        let file = maker.file(crd.is_some());
        Program { file, crd }
    }
}

type Paths = Rc<Vec<(String, Type)>>;

struct Maker<'d, 'r> {
    dice: &'d mut Dice<'r>,
    catalog: Catalog,
    /// The fields of each record that this program knows.
    fields: BTreeMap<String, Rc<Vec<(String, Type)>>>,
    paths: BTreeMap<(Type, usize), Paths>,
    /// What has a name here: a name or path, and its type.
    scope: Vec<(String, Type)>,
    globals: Vec<(String, Type)>,
    defines: Vec<(String, Vec<Type>, Type)>,
    fresh: usize,
    runtime: bool,
}

/// Fields that are worth reading.
const PREFERRED: &[&str] = &[
    "metadata",
    "spec",
    "template",
    "containers",
    "all_containers",
    "initContainers",
    "labels",
    "annotations",
    "name",
    "namespace",
    "image",
    "securityContext",
    "ports",
    "env",
    "resources",
    "limits",
    "privileged",
    "runAsUser",
    "volumes",
    "hostPath",
    "id",
    "groups",
    "extra",
    "proc",
    "container",
    "k8s",
    "file",
    "net",
    "path",
    "exe",
    "ancestors",
    "pod",
    "targetPort",
    "rules",
    "version",
    "operation",
    "role",
    "remote",
    "ip",
    "capabilities",
    "add",
    "drop",
    "mounts",
];

const SCALARS: &[Type] = &[
    Type::Str,
    Type::Str,
    Type::Str,
    Type::Int,
    Type::Int,
    Type::Bool,
    Type::Quantity,
    Type::Duration,
    Type::Time,
    Type::Semver,
    Type::Ip,
    Type::Cidr,
    Type::Path,
    Type::Image,
    Type::Capability,
    Type::Dyn,
];

fn is_scalar(ty: &Type) -> bool {
    !matches!(ty, Type::Record(_) | Type::List(_) | Type::Set(_) | Type::Map(_))
}

fn is_ordered(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Int | Type::Port | Type::Quantity | Type::Duration | Type::Time | Type::Semver | Type::Dyn
    )
}

/// Whether a value of type `ty` may stand where `want` is wanted.
fn fits(ty: &Type, want: &Type) -> bool {
    ty == want
        || match (ty, want) {
            (Type::Port, Type::Int) => true,
            (Type::Path | Type::Image | Type::Host | Type::Capability, Type::Str) => true,
            (Type::Set(a), Type::List(b)) => a == b,
            _ => false,
        }
}

fn expr(ty: &Type, template: &str, nodes: Vec<Node>) -> Node {
    Node::with(Sort::Expr(ty.clone()), template, nodes)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Maker<'_, '_> {
    fn name(&mut self, of: &str) -> String {
        self.fresh += 1;
        format!("{of}{}q", self.fresh)
    }

    // Fields and paths.

    fn fields(&mut self, record: &str) -> Rc<Vec<(String, Type)>> {
        if let Some(known) = self.fields.get(record) {
            return Rc::clone(known);
        }
        let all = self.catalog.record(record).map_or_else(Vec::new, |record| record.fields.clone());
        let mut chosen: Vec<(String, Type)> = Vec::new();
        let preferred = all.iter().filter(|field| PREFERRED.contains(&field.name.as_str()));
        for field in preferred {
            if chosen.len() < 6 && self.dice.percent(80) {
                chosen.push((field.name.clone(), field.ty.clone()));
            }
        }
        for _ in 0..4 {
            if all.is_empty() {
                break;
            }
            let field = &all[self.dice.below(all.len())];
            if chosen.len() < 8 && chosen.iter().all(|(name, _)| *name != field.name) {
                chosen.push((field.name.clone(), field.ty.clone()));
            }
        }
        let chosen = Rc::new(chosen);
        self.fields.insert(record.to_owned(), Rc::clone(&chosen));
        chosen
    }

    /// What can stand behind a value of this type, with the type of the whole.
    fn paths(&mut self, ty: &Type, depth: usize) -> Paths {
        let key = (ty.clone(), depth);
        if let Some(known) = self.paths.get(&key) {
            return Rc::clone(known);
        }
        let mut paths = vec![(String::new(), ty.clone())];
        if depth > 0 {
            let steps: Vec<(String, Type)> = match ty {
                Type::Record(name) => {
                    let fields = self.fields(name);
                    fields.iter().map(|(name, ty)| (format!(".{name}"), ty.clone())).collect()
                }
                Type::Map(value) => {
                    ["team", "memory"].iter().map(|key| (format!("[\"{key}\"]"), (**value).clone())).collect()
                }
                Type::List(element) => vec![("[0]".to_owned(), (**element).clone())],
                Type::Dyn => {
                    [".a", "[\"b\"]", "[0]"].iter().map(|step| ((*step).to_owned(), Type::Dyn)).collect()
                }
                _ => Vec::new(),
            };
            for (step, ty) in steps {
                let less = if matches!(ty, Type::Dyn) { 1 } else { depth } - 1;
                for (rest, ty) in self.paths(&ty, less).iter() {
                    paths.push((format!("{step}{rest}"), ty.clone()));
                }
            }
        }
        paths.truncate(800);
        let paths = Rc::new(paths);
        self.paths.insert(key, Rc::clone(&paths));
        paths
    }

    /// Some path in scope of a type that passes the test; the innermost names more often.
    fn path_of(&mut self, test: &dyn Fn(&Type) -> bool) -> Option<(String, Type)> {
        let mut names: Vec<(String, Type)> = self.scope.iter().rev().chain(&self.globals).cloned().collect();
        while !names.is_empty() {
            let at = if self.dice.percent(45) { 0 } else { self.dice.below(names.len()) };
            let (name, ty) = names.remove(at);
            let paths = self.paths(&ty, 5);
            let fitting: Vec<&(String, Type)> = paths.iter().filter(|(_, ty)| test(ty)).collect();
            if !fitting.is_empty() {
                let (rest, ty) = *self.dice.pick(&fitting);
                return Some((format!("{name}{rest}"), ty.clone()));
            }
        }
        None
    }

    fn path(&mut self, want: &Type) -> Option<Node> {
        let (path, _) = self.path_of(&|ty| fits(ty, want))?;
        Some(Node::text(want, path))
    }

    // Expressions.

    fn literal(&mut self, want: &Type) -> Option<Node> {
        let text = match want {
            Type::Bool => (*self.dice.pick(&["true", "false"])).to_owned(),
            Type::Int => (*self.dice.pick(&["0", "1", "2", "3", "-1", "80", "8080", "1000"])).to_owned(),
            Type::Port => (*self.dice.pick(&["80", "443", "8080"])).to_owned(),
            Type::Quantity => {
                (*self.dice.pick(&["1Gi", "1024Mi", "2", "4Ki", "1k", "0", "\"500m\""])).to_owned()
            }
            Type::Duration => (*self.dice.pick(&["1h", "60m", "90d", "10s", "5m"])).to_owned(),
            Type::Time => (*self.dice.pick(&["2026-11-23", "2024-02-29", "2027-03-31"])).to_owned(),
            Type::Regex => format!("re\"{}\"", self.dice.pick(samples(want))),
            Type::Dyn => {
                let ty = self.dice.pick(&[Type::Str, Type::Int, Type::Bool]).clone();
                return self.literal(&ty);
            }
            Type::List(element) | Type::Set(element) => {
                let count = self.dice.below(4);
                let items = (0..count).map(|_| self.literal(element)).collect::<Option<Vec<_>>>()?;
                let pieces = vec![Piece::Text("[".into()), Piece::Many(items, ", "), Piece::Text("]".into())];
                return Some(Node::new(Sort::Expr(want.clone()), pieces));
            }
            Type::Record(_) | Type::Map(_) => return None,
            text => {
                let known = samples(text);
                quoted(known.get(self.dice.below(known.len()))?)
            }
        };
        Some(Node::text(want, text))
    }

    fn leaf(&mut self, want: &Type) -> Option<Node> {
        if self.dice.percent(70)
            && let Some(path) = self.path(want)
        {
            return Some(path);
        }
        self.literal(want).or_else(|| self.path(want))
    }

    fn expr(&mut self, want: &Type, depth: usize) -> Option<Node> {
        if depth == 0 || self.dice.percent(25) {
            return self.leaf(want);
        }
        for _ in 0..3 {
            if let Some(made) = self.made(want, depth - 1) {
                return Some(made);
            }
        }
        self.leaf(want)
    }

    fn many(&mut self, wants: &[&Type], depth: usize) -> Option<Vec<Node>> {
        wants.iter().map(|want| self.expr(want, depth)).collect()
    }

    /// An expression of `want` made of parts of `wants`.
    fn of(&mut self, want: &Type, template: &str, wants: &[&Type], depth: usize) -> Option<Node> {
        Some(expr(want, template, self.many(wants, depth)?))
    }

    fn made(&mut self, want: &Type, depth: usize) -> Option<Node> {
        // What every type has.
        if *want != Type::Bool && self.dice.percent(25) {
            return match self.dice.below(4) {
                0 => self.of(want, "(if # then # else #)", &[&Type::Bool, want, want], depth),
                1 => self.call(want, depth),
                2 if !matches!(want, Type::Record(_) | Type::List(_)) => {
                    self.of(want, "#[#]", &[&Type::list(want.clone()), &Type::Int], depth.min(1))
                }
                _ => self.of(want, "(# ?? #)", &[want, want], depth),
            };
        }
        match want {
            Type::Bool => self.boolean(depth),
            Type::Int => self.int(depth),
            Type::Str => self.text(depth),
            Type::List(element) => self.list(element, depth),
            Type::Dyn => match self.dice.below(4) {
                0 => self.of(want, "#.a", &[want], 0),
                1 => self.of(want, "#[#]", &[want, &Type::Int], 0),
                2 => self.of(want, "#[#]", &[want, &Type::Str], 0),
                _ => self.path(want),
            },
            Type::Quantity => match self.dice.below(4) {
                0 => self.of(want, "((# ?? 1Gi) + (# ?? 1Mi))", &[want, want], depth),
                1 => self.of(want, "((# ?? 1Gi) - (# ?? 1Mi))", &[want, want], depth),
                2 => self.of(want, "max(#)", &[&Type::list(want.clone())], depth),
                _ => self.of(want, "quantity(#)", &[&Type::Str], depth),
            },
            Type::Duration => match self.dice.below(4) {
                0 => self.of(want, "((# ?? 1h) + (# ?? 1m))", &[want, want], depth),
                1 => self.of(want, "((# ?? 2026-11-23) - 2024-02-29)", &[&Type::Time], depth),
                2 => self.of(want, "min(#)", &[&Type::list(want.clone())], depth),
                _ => self.of(want, "duration(#)", &[&Type::Str], depth),
            },
            Type::Time => match self.dice.below(2) {
                0 => self.of(want, "((# ?? 2026-11-23) + (# ?? 1h))", &[want, &Type::Duration], depth),
                _ => self.of(want, "time(#)", &[&Type::Str], depth),
            },
            Type::Path if self.dice.percent(30) => self.of(want, "#.dir", &[want], depth.min(1)),
            Type::Semver | Type::Ip | Type::Cidr | Type::Path | Type::Image | Type::Capability => {
                self.of(want, &format!("{want}(#)"), &[&Type::Str], depth)
            }
            _ => None,
        }
    }

    /// A call of a define.
    fn call(&mut self, want: &Type, depth: usize) -> Option<Node> {
        let fitting: Vec<(String, Vec<Type>, Type)> =
            self.defines.iter().filter(|(_, _, ty)| ty == want).cloned().collect();
        if fitting.is_empty() {
            return None;
        }
        let (name, params, _) = self.dice.pick(&fitting).clone();
        let args = params.iter().map(|ty| self.expr(ty, depth.min(1))).collect::<Option<Vec<_>>>()?;
        let holes = vec!["#"; args.len()].join(", ");
        Some(expr(want, &format!("{name}({holes})"), args))
    }

    fn boolean(&mut self, depth: usize) -> Option<Node> {
        let bool = &Type::Bool;
        match self.dice.below(32) {
            0 | 1 => self.of(bool, "(# and #)", &[bool, bool], depth),
            2 | 3 => self.of(bool, "(# or #)", &[bool, bool], depth),
            4 | 5 => self.of(bool, "(not #)", &[bool], depth),
            6..=11 => self.comparison(depth),
            12 | 13 => {
                let (path, _) = self.path_of(&|ty| !matches!(ty, Type::Dyn))?;
                Some(Node::text(bool, format!("has {path}")))
            }
            14 | 15 => {
                let (_, ty) = self.path_of(&|ty| is_scalar(ty) && *ty != Type::Bool)?;
                let op = *self.dice.pick(&["in", "not in"]);
                self.of(bool, &format!("(# {op} #)"), &[&ty, &Type::list(ty.clone())], depth.min(1))
            }
            16 | 17 => {
                let (ty, of) = self
                    .dice
                    .pick(&[
                        (Type::Path, Type::Path),
                        (Type::Image, Type::ImagePrefix),
                        (Type::Ip, Type::Cidr),
                        (Type::Cidr, Type::Cidr),
                    ])
                    .clone();
                let of = if self.dice.percent(50) { Type::list(of) } else { of };
                let op = *self.dice.pick(&["under", "not under"]);
                self.of(bool, &format!("(# {op} #)"), &[&ty, &of], depth.min(1))
            }
            18 | 19 => {
                let of = if self.dice.percent(50) { Type::list(Type::Glob) } else { Type::Glob };
                let op = *self.dice.pick(&["like", "not like"]);
                self.of(bool, &format!("(# {op} #)"), &[&Type::Str, &of], depth.min(1))
            }
            20 => {
                let op = *self.dice.pick(&["matches", "not matches"]);
                self.of(bool, &format!("(# {op} #)"), &[&Type::Str, &Type::Regex], depth.min(1))
            }
            21 | 22 => {
                let op = *self.dice.pick(&["starts_with", "ends_with", "contains"]);
                self.of(bool, &format!("(# {op} #)"), &[&Type::Str, &Type::Str], depth)
            }
            23 => {
                let (_, ty) = self.path_of(&|ty| matches!(ty, Type::List(e) if is_scalar(e)))?;
                let element = ty.element()?.clone();
                self.of(bool, "(# contains #)", &[&ty, &element], depth.min(1))
            }
            24..=26 => {
                let (list, element) = self.any_list(depth)?;
                let quant = *self.dice.pick(&["any", "all", "none"]);
                let name = self.name("x");
                let body = self.inside(&name, &element, |maker| maker.expr(bool, depth))?;
                Some(expr(bool, &format!("({quant} {name} in # {{ # }})"), vec![list, body]))
            }
            27 => self.of(bool, "(# in #)", &[&Type::Str, &Type::map(Type::Str)], depth.min(1)),
            28 => {
                let of = self.dice.pick(&["is_string", "is_int", "is_bool", "is_list", "is_object"]);
                self.of(bool, &format!("{of}(#)"), &[&Type::Dyn], depth)
            }
            29 => match self.dice.below(3) {
                0 => self.of(bool, "cidr_contains(#, #)", &[&Type::Cidr, &Type::Ip], depth),
                1 => {
                    let ty = Type::list(self.dice.pick(SCALARS).clone());
                    self.of(bool, "empty(#)", &[&ty], depth)
                }
                _ => {
                    let ty = Type::list(self.dice.pick(&[Type::Str, Type::Int]).clone());
                    let op = *self.dice.pick(&["==", "!="]);
                    self.of(bool, &format!("(# {op} #)"), &[&ty, &ty], depth)
                }
            },
            30 => self.call(bool, depth),
            _ => match self.dice.below(3) {
                0 => self.of(bool, "bool(#)", &[&Type::Dyn], depth),
                1 => self.of(bool, "(# ?? #)", &[bool, bool], depth),
                _ => self.of(bool, "(if # then # else #)", &[bool, bool, bool], depth),
            },
        }
    }

    /// A path against something of its type.
    fn comparison(&mut self, depth: usize) -> Option<Node> {
        let ty = match self.path_of(&is_scalar) {
            Some((_, ty)) if self.dice.percent(70) => ty,
            _ => self.dice.pick(SCALARS).clone(),
        };
        let ops: &[&str] = if is_ordered(&ty) { &["==", "!=", "<", "<=", ">", ">="] } else { &["==", "!="] };
        let op = *self.dice.pick(ops);
        let left = if self.dice.percent(60) { self.path(&ty)? } else { self.expr(&ty, depth)? };
        let right = if self.dice.percent(60) { self.literal(&ty)? } else { self.expr(&ty, depth)? };
        Some(expr(&Type::Bool, &format!("(# {op} #)"), vec![left, right]))
    }

    fn int(&mut self, depth: usize) -> Option<Node> {
        let int = &Type::Int;
        match self.dice.below(9) {
            0 => self.of(int, "((# ?? 0) + (# ?? 1))", &[int, int], depth),
            1 => self.of(int, "((# ?? 7) - (# ?? 1))", &[int, int], depth),
            2 => self.of(int, "(-(# ?? 2))", &[int], depth),
            3 => {
                let (list, _) = self.any_list(depth)?;
                Some(expr(int, "len(#)", vec![list]))
            }
            4 => {
                let (list, element) = self.any_list(depth)?;
                let name = self.name("x");
                let body = self.inside(&name, &element, |maker| maker.expr(&Type::Bool, depth))?;
                Some(expr(int, &format!("(count {name} in # {{ # }})"), vec![list, body]))
            }
            5 => {
                let of = self.dice.pick(&["sum", "min", "max"]);
                self.of(int, &format!("{of}(#)"), &[&Type::list(Type::Int)], depth)
            }
            6 => {
                let ty = self.dice.pick(&[Type::Str, Type::Dyn]).clone();
                self.of(int, "int(#)", &[&ty], depth)
            }
            7 => self.of(int, "abs(#)", &[int], depth),
            _ => {
                let ty = self.dice.pick(&[Type::Str, Type::Dyn, Type::map(Type::Str)]).clone();
                self.of(int, "len(#)", &[&ty], depth)
            }
        }
    }

    fn text(&mut self, depth: usize) -> Option<Node> {
        let text = &Type::Str;
        match self.dice.below(11) {
            0 => {
                let of = self.dice.pick(&["lower", "upper", "trim", "base64_decode"]);
                self.of(text, &format!("{of}(#)"), &[text], depth)
            }
            1 => self.of(text, "replace(#, #, #)", &[text, text, text], depth),
            2 | 3 => self.of(text, "join(#, #)", &[&Type::list(Type::Str), text], depth),
            4 => {
                let (path, _) = self.path_of(&|ty| is_scalar(ty) && *ty != Type::Str)?;
                Some(Node::text(text, format!("string({path})")))
            }
            5 => self.of(text, "#[#]", &[&Type::map(Type::Str), text], depth.min(1)),
            6 => {
                let of = self.dice.pick(&["registry", "repository", "name", "tag", "digest"]);
                self.of(text, &format!("#.{of}"), &[&Type::Image], 0)
            }
            7 => {
                let of = self.dice.pick(&["name", "extension"]);
                self.of(text, &format!("path(#).{of}"), &[text], depth)
            }
            8 => self.of(text, "json(#)", &[&Type::Dyn], depth),
            9 => self.of(text, "string(#)", &[&Type::Dyn], depth),
            _ => self.path(text),
        }
    }

    fn list(&mut self, element: &Type, depth: usize) -> Option<Node> {
        let want = &Type::list(element.clone());
        if matches!(element, Type::Record(_)) {
            return None;
        }
        match self.dice.below(10) {
            0 => self.of(want, "(# + #)", &[want, want], depth),
            1 | 2 => self.of(want, "(# - #)", &[want, want], depth),
            3..=5 => {
                let (list, of) = self.any_list(depth)?;
                let name = self.name("x");
                let depth = depth.min(2);
                let filtered = self.dice.percent(60);
                let (head, filter) = self.inside(&name, &of, |maker| {
                    let head = maker.expr(element, depth)?;
                    Some((head, if filtered { Some(maker.expr(&Type::Bool, depth)?) } else { None }))
                })?;
                Some(match filter {
                    Some(filter) => {
                        expr(want, &format!("[# for {name} in # where #]"), vec![head, list, filter])
                    }
                    None => expr(want, &format!("[# for {name} in #]"), vec![head, list]),
                })
            }
            6 => self.of(want, "unique(#)", &[want], depth),
            7 => self.of(want, "values(#)", &[&Type::map(element.clone())], 0),
            8 => match element {
                Type::Str => match self.dice.below(2) {
                    0 => self.of(want, "split(#, #)", &[&Type::Str, &Type::Str], depth),
                    _ => {
                        let (path, _) = self.path_of(&|ty| matches!(ty, Type::Map(_) | Type::Dyn))?;
                        Some(Node::text(want, format!("keys({path})")))
                    }
                },
                Type::Dyn => self.of(want, "items(#)", &[&Type::Dyn], depth),
                _ => None,
            },
            _ => {
                let items = (0..1 + self.dice.below(3)).map(|_| self.expr(element, depth));
                let items = items.collect::<Option<Vec<_>>>()?;
                let pieces = vec![Piece::Text("[".into()), Piece::Many(items, ", "), Piece::Text("]".into())];
                Some(Node::new(Sort::Expr(want.clone()), pieces))
            }
        }
    }

    /// A list of anything, with the type of its elements.
    fn any_list(&mut self, depth: usize) -> Option<(Node, Type)> {
        if !self.runtime && self.dice.percent(8) {
            let kind = self.dice.pick(&["Pod", "Ingress", "Service", "Namespace"]);
            let of = self.dice.pick(&["others", "all"]);
            let ty = Type::Record((*kind).to_owned());
            return Some((Node::text(&Type::list(ty.clone()), format!("cluster.{of}({kind})")), ty));
        }
        if self.dice.percent(75)
            && let Some((path, ty)) = self.path_of(&|ty| ty.element().is_some())
        {
            let element = ty.element()?.clone();
            return Some((Node::text(&ty, path), element));
        }
        let element = self.dice.pick(SCALARS).clone();
        Some((self.expr(&Type::list(element.clone()), depth.min(1))?, element))
    }

    /// With one more name.
    fn inside<T>(&mut self, name: &str, ty: &Type, make: impl FnOnce(&mut Self) -> T) -> T {
        self.scope.push((name.to_owned(), ty.clone()));
        let made = make(self);
        self.scope.pop();
        made
    }

    // Clauses.

    fn block(&mut self, depth: usize) -> Vec<Node> {
        let mark = self.scope.len();
        let mut stmts: Vec<Node> = Vec::new();
        for _ in 0..1 + self.dice.below(3) {
            let made = match self.dice.below(10) {
                0 => self.of_stmt("where #"),
                1 | 2 => self.let_stmt(),
                3..=5 if depth < 3 => self.for_stmt(depth),
                _ => self.verdict(),
            };
            stmts.extend(made);
        }
        stmts.extend(self.verdict());
        // What nothing uses is an error.
        let text: String = stmts.iter().map(|stmt| stmt.print().0 + "\n").collect();
        let unused: Vec<String> = self.scope[mark..]
            .iter()
            .map(|(name, _)| name.clone())
            .filter(|name| text.matches(name.as_str()).count() < 2)
            .collect();
        for name in unused {
            let verb = self.verb();
            let message = if self.dice.percent(50) { format!("{{{name}}}") } else { "m".to_owned() };
            let text = format!("{verb} when has {name} message \"{message}\"");
            stmts.push(Node::new(Sort::Stmt, vec![Piece::Text(text)]));
        }
        self.scope.truncate(mark);
        stmts
    }

    fn of_stmt(&mut self, template: &str) -> Option<Node> {
        let cond = self.expr(&Type::Bool, 3)?;
        Some(Node::with(Sort::Stmt, template, vec![cond]))
    }

    fn let_stmt(&mut self) -> Option<Node> {
        let (value, ty) = match self.dice.below(4) {
            0 => {
                let (path, ty) = self.path_of(&|_| true)?;
                (Node::text(&ty, path), ty)
            }
            1 => {
                let ty = Type::list(self.dice.pick(SCALARS).clone());
                (self.expr(&ty, 3)?, ty)
            }
            _ => {
                let ty = self.dice.pick(SCALARS).clone();
                (self.expr(&ty, 3)?, ty)
            }
        };
        let name = self.name("v");
        self.scope.push((name.clone(), ty));
        Some(Node::with(Sort::Stmt, &format!("let {name} = #"), vec![value]))
    }

    fn for_stmt(&mut self, depth: usize) -> Option<Node> {
        let (list, element) = self.any_list(2)?;
        let name = self.name("e");
        let body = self.inside(&name, &element, |maker| maker.block(depth + 1));
        let mut node = Node::with(Sort::Stmt, &format!("for {name} in # {{\n"), vec![list]);
        node.pieces.extend([Piece::Many(body, "\n"), Piece::Text("\n}".to_owned())]);
        Some(node)
    }

    fn verb(&mut self) -> &'static str {
        let verb: &&str = self.dice.pick(&["deny", "deny", "warn", "audit"]);
        if self.runtime { "alert" } else { verb }
    }

    fn verdict(&mut self) -> Option<Node> {
        let mut message = "m".to_owned();
        for _ in 0..self.dice.below(3) {
            let hole = |ty: &Type| match ty {
                Type::Record(_) => false,
                Type::List(element) | Type::Set(element) | Type::Map(element) => is_scalar(element),
                _ => true,
            };
            if let Some((path, _)) = self.path_of(&hole).filter(|(path, _)| !path.contains('[')) {
                message.push_str(&format!(" {{{path}}}"));
            }
        }
        let fix = if self.dice.percent(15) { " fix \"f {{}}\"" } else { "" };
        let verb = self.verb();
        let when = match self.dice.below(10) {
            0 => {
                return Some(Node::new(
                    Sort::Stmt,
                    vec![Piece::Text(format!("{verb} message \"{message}\"{fix}"))],
                ));
            }
            1 | 2 => "unless",
            _ => "when",
        };
        self.of_stmt(&format!("{verb} {when} # message \"{message}\"{fix}"))
    }

    // Declarations.

    fn file(&mut self, crd: bool) -> Node {
        let mut items = Vec::new();
        let mut head = String::from("package made\n");
        if crd {
            head.push_str("kind Thing from \"crd.yaml\"\n");
        }
        for _ in 0..self.dice.below(4) {
            items.extend(self.param());
        }
        for _ in 0..self.dice.below(3) {
            items.extend(self.define());
        }
        let (on, names) = self.target(crd);
        self.scope = names;
        let mut rules = Vec::new();
        let most = if self.dice.percent(12) { 12 } else { 4 };
        for _ in 0..1 + self.dice.below(most) {
            let name = self.name("r");
            let body = self.block(0);
            let operations = ["(create)", "(update)", "(delete)", "(create, update, delete)"];
            let open = !self.runtime && !on.contains(['(', '/', ',']);
            let operations = if open && self.dice.percent(30) { *self.dice.pick(&operations) } else { "" };
            let text = format!("rule {name} on {on}{operations} {{\n");
            let pieces = vec![Piece::Text(text), Piece::Many(body, "\n"), Piece::Text("\n}".into())];
            items.push(Node::new(Sort::Item, pieces));
            rules.push(name);
        }
        for _ in 0..if self.dice.percent(40) { 1 + self.dice.below(2) } else { 0 } {
            items.extend(self.bind(&rules));
        }
        if self.dice.percent(30) {
            items.extend(self.exception(&rules));
        }
        if !self.runtime && self.dice.percent(15) {
            items.extend(self.mutate(&on));
        }
        let pieces = vec![Piece::Text(head), Piece::Many(items, "\n"), Piece::Text("\n".into())];
        Node::new(Sort::Other, pieces)
    }

    fn param(&mut self) -> Option<Node> {
        let name = self.name("p");
        let text = match self.dice.below(10) {
            0 => {
                let ty = self.dice.pick(&[Type::Str, Type::Int]).clone();
                let text = format!("param {name}: {ty}?");
                self.globals.push((name, ty));
                text
            }
            1..=4 => {
                let element = self
                    .dice
                    .pick(&[
                        Type::Str,
                        Type::Int,
                        Type::ImagePrefix,
                        Type::Cidr,
                        Type::Glob,
                        Type::Path,
                        Type::Capability,
                    ])
                    .clone();
                let ty = if self.dice.percent(60) { Type::set(element) } else { Type::list(element) };
                let value = self.literal(&ty)?.print().0;
                let text = format!("param {name}: {ty} = {value}");
                self.globals.push((name, ty));
                text
            }
            5 => {
                let value = self.literal(&Type::list(Type::Str))?.print().0;
                self.globals.push((name.clone(), Type::list(Type::Str)));
                format!("let {name} = {value}")
            }
            _ => {
                let ty = self.dice.pick(SCALARS).clone();
                let value = self.literal(&ty)?.print().0;
                self.globals.push((name.clone(), ty.clone()));
                format!("param {name}: {ty} = {value}")
            }
        };
        Some(Node::new(Sort::Item, vec![Piece::Text(text)]))
    }

    fn define(&mut self) -> Option<Node> {
        let name = self.name("d");
        let of = |maker: &mut Self| match maker.dice.below(6) {
            0 => Type::list(maker.dice.pick(SCALARS).clone()),
            _ => maker.dice.pick(SCALARS).clone(),
        };
        let params: Vec<(String, Type)> =
            (0..1 + self.dice.below(3)).map(|_| (self.name("a"), of(self))).collect();
        let ty = self.dice.pick(&[Type::Bool, Type::Bool, Type::Str, Type::Int]).clone();
        self.scope.clone_from(&params);
        let body = self.expr(&ty, 3);
        self.scope.clear();
        let written: Vec<String> = params.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        let node = Node::with(Sort::Item, &format!("define {name}({}) = #", written.join(", ")), vec![body?]);
        self.defines.push((name, params.into_iter().map(|(_, ty)| ty).collect(), ty));
        Some(node)
    }

    /// What the rules are about, and the names that they have for it.
    fn target(&mut self, crd: bool) -> (String, Vec<(String, Type)>) {
        let record = |name: &str| Type::Record(name.to_owned());
        let name = |name: &str, ty: Type| (name.to_owned(), ty);
        if !crd && self.dice.percent(25) {
            self.runtime = true;
            let events: Vec<(String, Vec<(String, Type)>)> = self
                .catalog
                .events()
                .filter(|event| !event.name.starts_with("syscall.") || event.name == "syscall.openat2")
                .map(|event| {
                    let fields = event.record.fields.iter();
                    (event.name.to_owned(), fields.map(|f| (f.name.clone(), f.ty.clone())).collect())
                })
                .collect();
            return self.dice.pick(&events).clone();
        }
        let mut names = vec![
            name("namespace", record("Namespace")),
            name("request", record("request")),
            name("user", record("user")),
            name("cluster", record("cluster")),
        ];
        let operations = *self.dice.pick(&["", "", "", "(update)", "(create, update, delete)", "(delete)"]);
        if operations == "(update)" && self.dice.percent(80) {
            names.push(name("old.metadata", record("ObjectMeta")));
        }
        let on = match self.dice.below(10) {
            _ if crd => {
                names.push(name("object", record("Thing")));
                format!("Thing {operations}")
            }
            0..=3 => {
                names.push(name("object", record("Pod")));
                format!("Pod {operations}")
            }
            4 | 5 => "Workload".to_owned(),
            6 => "Deployment, StatefulSet".to_owned(),
            7 => {
                let all = self.catalog.schema().kinds().flat_map(|kind| {
                    let named =
                        |(name, body): &(String, String)| (format!("{}/{name}", kind.record), body.clone());
                    kind.subresources.iter().map(named)
                });
                let all: Vec<(String, String)> = all.collect();
                let (on, body) = self.dice.pick(&all).clone();
                names.push(name("object", record(&body)));
                return (on, names);
            }
            _ => {
                let kinds: Vec<String> =
                    self.catalog.schema().kinds().map(|kind| kind.record.clone()).collect();
                let kind = self.dice.pick(&kinds).clone();
                names.push(name("object", record(&kind)));
                return (format!("{kind} {operations}"), names);
            }
        };
        names.push(name("object.metadata", record("ObjectMeta")));
        if !crd {
            names.extend([name("pod", record("PodTemplateSpec")), name("pod.spec", record("PodSpec"))]);
        }
        (on, names)
    }

    fn some_rules(&mut self, rules: &[String]) -> String {
        let first = self.dice.below(rules.len());
        let count = 1 + self.dice.below(rules.len() - first);
        rules[first..first + count].join(", ")
    }

    fn bind(&mut self, rules: &[String]) -> Option<Node> {
        let rules = self.some_rules(rules);
        let mut clauses = Vec::new();
        if self.dice.percent(70) {
            let modes: &[&str] =
                if self.runtime { &["dryrun", "alert", "enforce"] } else { &["dryrun", "warn", "deny"] };
            let text = format!("mode {}", self.dice.pick(modes));
            clauses.push(Node::new(Sort::Stmt, vec![Piece::Text(text)]));
        }
        if self.dice.percent(60) {
            clauses.extend(self.of_stmt("where #"));
        }
        let params: Vec<(String, Type)> =
            self.globals.iter().filter(|(name, _)| name.starts_with('p')).cloned().collect();
        for (name, ty) in params {
            if self.dice.percent(60) {
                let value = self.literal(&ty)?;
                clauses.push(Node::with(Sort::Stmt, &format!("with {name} = #"), vec![value]));
            }
        }
        let pieces = vec![
            Piece::Text(format!("bind {rules} {{\n")),
            Piece::Many(clauses, "\n"),
            Piece::Text("\n}".into()),
        ];
        Some(Node::new(Sort::Item, pieces))
    }

    fn exception(&mut self, rules: &[String]) -> Option<Node> {
        let (name, rules) = (self.name("x"), self.some_rules(rules));
        let cond = self.expr(&Type::Bool, 2)?;
        let until = self.dice.pick(&["", "until 2020-01-01", "until 2099-12-31"]);
        let text = format!("exception {name} to {rules} {{\nwhere #\nreason \"r\"\nowner \"o\"\n{until}\n}}");
        Some(Node::with(Sort::Item, &text, vec![cond]))
    }

    fn mutate(&mut self, on: &str) -> Option<Node> {
        let name = self.name("m");
        let mark = self.scope.len();
        let mut clauses = Vec::new();
        if self.dice.percent(40) {
            clauses.extend(self.of_stmt("where #"));
        }
        for _ in 0..1 + self.dice.below(2) {
            clauses.extend(self.change());
        }
        if let Some((path, ty)) =
            self.path_of(&|ty| matches!(ty, Type::List(e) if matches!(**e, Type::Record(_))))
        {
            let name = self.name("e");
            let element = ty.element()?.clone();
            let change = self.inside(&name, &element, |maker| {
                // Places begin with the name of the loop, and nothing else is in scope for them.
                let outer = std::mem::replace(&mut maker.scope, vec![(name.clone(), element.clone())]);
                let change = maker.change();
                maker.scope = outer;
                change
            });
            let mut node = Node::new(Sort::Stmt, vec![Piece::Text(format!("for {name} in {path} {{\n"))]);
            node.pieces
                .extend([Piece::Many(change.into_iter().collect(), "\n"), Piece::Text("\n}".to_owned())]);
            clauses.push(node);
        }
        self.scope.truncate(mark);
        let pieces = vec![
            Piece::Text(format!("mutate {name} on {on} {{\n")),
            Piece::Many(clauses, "\n"),
            Piece::Text("\n}".into()),
        ];
        Some(Node::new(Sort::Item, pieces))
    }

    fn change(&mut self) -> Option<Node> {
        let globals = std::mem::take(&mut self.globals);
        let place = match self.dice.below(6) {
            0 => self.path_of(&|ty| matches!(ty, Type::List(e) if is_scalar(e))),
            _ => self.path_of(&is_scalar),
        };
        self.globals = globals;
        let (place, ty) = place?;
        if let Some(element) = ty.element().cloned() {
            let value = self.literal(&element)?;
            return Some(Node::with(Sort::Stmt, &format!("add # to {place}"), vec![value]));
        }
        let value = if self.dice.percent(60) { self.literal(&ty)? } else { self.expr(&ty, 1)? };
        Some(match self.dice.below(5) {
            0 => Node::new(Sort::Stmt, vec![Piece::Text(format!("remove {place}"))]),
            1 | 2 => Node::with(Sort::Stmt, &format!("overwrite {place} = #"), vec![value]),
            _ => Node::with(Sort::Stmt, &format!("default {place} = #"), vec![value]),
        })
    }
}
