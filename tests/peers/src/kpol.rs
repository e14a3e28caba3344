//! kpol as a contestant. All that the peers know of its evaluation API is in this file.

use std::sync::Arc;

use kpol_compiler::{Compiled, NoFiles, Options, Role, Source, compile, library};
use kpol_grammar::diagnostic::Severity;
use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    builtin::Builtin,
    bundle::{About, Bundle, Limits, Trust, write},
    evaluate::{self, DEFAULT_FUEL, Decision, Engine, Evaluator, Inventory, Scratch},
    fact::Fact,
    interp::{Env, NoCluster, Roots},
    ir::{Mode, Module, Op, Param, Slot},
    jit::{Frame, Jit, Sources},
    layout::Layout,
    value::Value,
    verify::verify,
};

use crate::contestant::Judge;

/// An evaluator with its buffers: bytes in, decision out.
pub(crate) struct Kpol {
    evaluator: Evaluator,
    scratch: Scratch,
    inventory: Inventory,
}

impl Kpol {
    pub(crate) fn new(module: Module, engine: Engine) -> Result<Kpol, String> {
        let options = evaluate::Options {
            params: Vec::new(),
            default_mode: Mode::Deny,
            max_mode: Mode::Deny,
            today: jiff::civil::date(2026, 11, 23),
            kubernetes: (1, 34),
            fuel: DEFAULT_FUEL,
            engine,
        };
        let evaluator = Evaluator::new(module, Catalog::new().builtins(), options)
            .map_err(|error| format!("kpol does not load: {error}"))?;
        Ok(Kpol { evaluator, scratch: Scratch::default(), inventory: Inventory::empty() })
    }
}

impl Judge for Kpol {
    fn decide(&mut self, body: &[u8]) -> Result<Decision, String> {
        let outcome = self.evaluator.review_bytes(body, &mut self.scratch, &self.inventory, &|_| None);
        outcome.map(|outcome| outcome.decision).map_err(|error| error.to_string())
    }
}

/// Evaluation alone: facts to hits, as the machine code finds them; the facts are built in `given`.
struct Alone {
    module: Module,
    builtins: Vec<&'static Builtin>,
    layouts: Vec<Arc<Layout>>,
    params: Vec<Value>,
    jit: Jit,
    roots: Roots,
    frame: Frame,
}

impl Alone {
    fn new(module: &Module) -> Result<Alone, String> {
        let catalog = Catalog::new();
        let builtins = verify(module, catalog.builtins()).map_err(|error| error.to_string())?;
        let layouts: Result<Vec<_>, _> =
            module.roots.iter().map(|root| Layout::new(root).map(Arc::new)).collect();
        let layouts = layouts.map_err(|error| error.to_string())?;
        let param = |param: &Param| {
            let default = param.default.as_ref().ok_or_else(|| format!("{} has no default", param.name))?;
            Ok(Value::from_const(default, &param.ty))
        };
        let params = module.params.iter().map(param).collect::<Result<Vec<_>, String>>()?;
        // Every rule is for Pods.
        let sources = Sources {
            module,
            builtins: &builtins,
            layouts: &layouts,
            params: &params,
            bind_params: &[],
            fixed: &Roots::default(),
            classes: &[(0..module.rules.len()).collect()],
        };
        let jit = Jit::new(sources).map_err(|error| error.to_string())?;
        let (roots, frame) = (Roots::default(), Frame::default());
        Ok(Alone { module: module.clone(), builtins, layouts, params, jit, roots, frame })
    }
}

impl Judge for Alone {
    fn given(&mut self, body: &[u8]) -> Result<(), String> {
        let review: serde_json::Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let object = review.pointer("/request/object").cloned().unwrap_or_default();
        let object = kpol_vm::json::Json::from(object);
        self.roots.clear();
        for expr in self.module.rules.iter().flat_map(|rule| &rule.code.exprs) {
            let Op::Root(slot @ (Slot::Object | Slot::Pod), root) = expr.op else { continue };
            let layout = self.layouts.get(root.index()).ok_or("a root without a layout")?;
            let fact = Fact::build(layout, &object, &[]).map_err(|errors| format!("{errors:?}"))?;
            self.roots.insert(slot, root, fact);
        }
        Ok(())
    }

    fn decide(&mut self, _body: &[u8]) -> Result<Decision, String> {
        let env = Env {
            module: &self.module,
            builtins: &self.builtins,
            params: &self.params,
            roots: &self.roots,
            pod_keys: &[],
            cluster: &NoCluster,
            subject: None,
            fuel: DEFAULT_FUEL,
        };
        let mut run = self.jit.run(&mut self.frame, env);
        run.ask_together(&[0]);
        // Every verdict of the policies is a denial.
        let mut decision = Decision::Allow;
        for rule in 0..self.module.rules.len() {
            if !run.finds_nothing(rule) {
                decision = Decision::Deny;
            }
        }
        Ok(decision)
    }
}

/// Evaluation alone as a contestant: facts to hits.
pub(crate) fn alone(module: &Module) -> Result<Box<dyn Judge>, String> {
    Ok(Box::new(Alone::new(module)?))
}

/// The same with all that a host does beside it: the route, the list of rules that applied, binds, modes.
struct Judged(Kpol);

impl Judge for Judged {
    fn given(&mut self, body: &[u8]) -> Result<(), String> {
        self.0.evaluator.read(body, &mut self.0.scratch).map_err(|error| error.to_string())
    }

    fn decide(&mut self, _body: &[u8]) -> Result<Decision, String> {
        let outcome = self.0.evaluator.judge(&mut self.0.scratch, &self.0.inventory, &|_| None);
        outcome.map(|outcome| outcome.decision).map_err(|error| error.to_string())
    }
}

/// Facts to decision as a contestant.
pub(crate) fn judged(module: &Module) -> Result<Box<dyn Judge>, String> {
    Ok(Box::new(Judged(Kpol::new(module.clone(), Engine::Jit)?)))
}

/// A package of the library as a module.
pub(crate) fn package(name: &str) -> Result<Module, String> {
    module(compile(library(name, Role::Entry), &NoFiles, &Options::default()))
}

/// A package of the library and a text as one module.
pub(crate) fn package_and_text(name: &str, text: String) -> Result<Module, String> {
    let mut sources = library(name, Role::Entry);
    sources.push(Source { name: "more.kpol".into(), text, role: Role::Entry });
    module(compile(sources, &NoFiles, &Options::default()))
}

fn module(compiled: Compiled) -> Result<Module, String> {
    let errors: Vec<_> =
        compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    compiled.module.ok_or_else(|| format!("{:#?}", errors.first()))
}

/// The bytes of a bundle.
pub(crate) fn bundle(module: &Module) -> Result<Vec<u8>, String> {
    let about = About { producer: "kpol-peers".into(), correlations: Vec::new() };
    write(module, &about).map_err(|error| error.to_string())
}

/// Opens a bundle as a host does.
pub(crate) fn open(bytes: &[u8]) -> Result<Module, String> {
    let catalog = Catalog::new();
    let bundle = Bundle::open(bytes, Trust::Unsigned, catalog.builtins(), &Limits::default());
    Ok(bundle.map_err(|error| error.to_string())?.into_module())
}
