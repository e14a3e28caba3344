//! kpol as a contestant. All that the peers know of its evaluation API is in this file.

use kpol_compiler::{Compiled, NoFiles, Options, Role, Source, compile, library};
use kpol_grammar::diagnostic::Severity;
use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    bundle::{About, Bundle, Limits, Trust, write},
    evaluate::{self, DEFAULT_FUEL, Decision, Engine, Evaluator, Inventory, Scratch},
    ir::{Mode, Module},
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

/// Evaluation alone: the facts are read in `given`; from them to the decision is what `decide` does.
struct Alone(Kpol);

impl Judge for Alone {
    fn given(&mut self, body: &[u8]) -> Result<(), String> {
        self.0.evaluator.read(body, &mut self.0.scratch).map_err(|error| error.to_string())
    }

    fn decide(&mut self, _body: &[u8]) -> Result<Decision, String> {
        let outcome = self.0.evaluator.judge(&mut self.0.scratch, &self.0.inventory, &|_| None);
        outcome.map(|outcome| outcome.decision).map_err(|error| error.to_string())
    }
}

/// Evaluation alone as a contestant.
pub(crate) fn alone(module: &Module) -> Option<Box<dyn Judge>> {
    let kpol = Kpol::new(module.clone(), Engine::Jit).ok()?;
    Some(Box::new(Alone(kpol)))
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
