//! From text to a bundle.

use kpol_compiler::{Loader as Files, Options, Role, Source, compile_with, library};
use kpol_grammar::diagnostic::Severity;
use kpol_vm::{
    bundle::{self, About, SecretKey},
    json::Json,
};

use crate::{Bundle, Day, Diagnostic, Level, LoadError, Loader, builtin::Builtins};

/// Compiles one policy.
///
/// ```
/// let wrong = kpol::compile("package acme\nrule r on Pod { deny when object.spec.hostPIDs message \"m\" }\n").unwrap_err();
/// let diagnostic = wrong.diagnostics().first().ok_or("no diagnostic")?;
/// assert_eq!((diagnostic.code(), diagnostic.line(), diagnostic.column()), ("E0201", Some(2), Some(39)));
/// assert_eq!(diagnostic.label(), "did you mean `hostPID`?");
/// # Ok::<(), &str>(())
/// ```
///
/// # Errors
/// The diagnostics.
pub fn compile(text: &str) -> Result<Compiled, CompileError> {
    Compiler::new().with_source("policy.kpol", text).compile()
}

/// Compiles policies to a bundle.
///
/// The same sources in the same order give the same bytes. Packages of the library that a policy names are taken in by
/// themselves.
///
/// ```
/// let compiled = kpol::Compiler::new()
///     .with_source("names.kpol", "package acme.names\nlet known = [\"web\", \"db\"]\n")
///     .with_source(
///         "pods.kpol",
///         "package acme\nuse acme.names.{known}\nrule r on Pod {\n  \
///          deny unless object.metadata.name in known message \"unknown\"\n}\n",
///     )
///     .with_library("std.pss.baseline")?
///     .compile()?;
/// assert!(compiled.bundle().rules().any(|rule| rule.name() == "acme.r"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compiler {
    builtins: Builtins,
    sources: Vec<Source>,
    kinds: Vec<(String, Vec<Json>)>,
    options: Options,
    producer: String,
}

impl Default for Compiler {
    fn default() -> Self {
        Compiler::new()
    }
}

impl Compiler {
    /// Without sources yet.
    #[must_use]
    pub fn new() -> Compiler {
        Compiler {
            builtins: Builtins::new(),
            sources: Vec::new(),
            kinds: Vec::new(),
            options: Options::default(),
            producer: format!("kpol {}", env!("CARGO_PKG_VERSION")),
        }
    }

    /// With builtins of the host. Loaders of the bundle need the same ones.
    #[must_use]
    pub fn with_builtins(mut self, builtins: Builtins) -> Compiler {
        self.builtins = builtins;
        self
    }

    /// One more `.kpol` text. Its name stands in diagnostics and nowhere in the bundle.
    #[must_use]
    pub fn with_source(mut self, name: impl Into<String>, text: impl Into<String>) -> Compiler {
        self.sources.push(Source { name: name.into(), text: text.into(), role: Role::Entry });
        self
    }

    /// The rules of a package of the library, and of those below it: `std.pss.restricted`, `std.workload`.
    ///
    /// # Errors
    /// When the library has none of that name.
    pub fn with_library(mut self, package: &str) -> Result<Compiler, UnknownPackage> {
        let sources = library(package, Role::Entry);
        if sources.is_empty() {
            return Err(UnknownPackage(package.to_owned()));
        }
        let new = sources.into_iter().filter(|source| !self.sources.contains(source));
        let new: Vec<Source> = new.collect();
        self.sources.extend(new);
        Ok(self)
    }

    /// The documents of the file that a policy names in `kind X from "crds/x.yaml"`: CustomResourceDefinitions, read by the
    /// caller.
    #[must_use]
    pub fn with_kinds(mut self, path: impl Into<String>, documents: Vec<Json>) -> Compiler {
        self.kinds.push((path.into(), documents));
        self
    }

    /// The minors of Kubernetes that the policies are for: fields that one of them does not have are errors.
    #[must_use]
    pub fn with_kubernetes(mut self, oldest: u32, newest: u32) -> Compiler {
        self.options.kubernetes = Some((oldest, newest));
        self
    }

    /// The day on which exceptions that have expired are reported.
    #[must_use]
    pub fn with_day(mut self, day: Day) -> Compiler {
        self.options.today = Some(day.to_string());
        self
    }

    /// The worst-case cost that a rule may have.
    #[must_use]
    pub fn with_max_cost(mut self, cost: u64) -> Compiler {
        self.options.max_cost = cost;
        self
    }

    /// What the bundle says of who built it; `kpol` with its version if not given.
    #[must_use]
    pub fn with_producer(mut self, producer: impl Into<String>) -> Compiler {
        self.producer = producer.into();
        self
    }

    /// Compiles, and loads what came out as a host would.
    ///
    /// # Errors
    /// When a policy has errors.
    pub fn compile(self) -> Result<Compiled, CompileError> {
        let Compiler { builtins, sources, kinds, options, producer } = self;
        let catalog = builtins.catalog().map_err(|error| CompileError(Failure::Builtin(error)))?;
        let compiled = compile_with(catalog, sources, &Given(kinds), &options);
        let told = compiled.diagnostics.iter();
        let diagnostics: Vec<Diagnostic> =
            told.map(|diagnostic| Diagnostic::new(diagnostic, &compiled.sources)).collect();
        let Some(module) = compiled
            .module
            .filter(|_| compiled.diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error))
        else {
            return Err(CompileError(Failure::Policy(diagnostics)));
        };
        let about = About { producer, correlations: compiled.correlations };
        let refused = |error| CompileError(Failure::Bundle(error));
        let bytes = bundle::write(&module, &about).map_err(|error| refused(LoadError(error)))?;
        let loader = Loader::new().with_builtins(builtins).with_max_cost(options.max_cost);
        let bundle = loader.load(&bytes).map_err(refused)?;
        Ok(Compiled { bytes, bundle, diagnostics })
    }
}

/// The files that the caller has read.
struct Given(Vec<(String, Vec<Json>)>);

impl Files for Given {
    fn documents(&self, _from: &Source, path: &str) -> Result<Vec<Json>, String> {
        let found = self.0.iter().find(|(name, _)| name == path);
        found.map(|(_, documents)| documents.clone()).ok_or_else(|| "this file was not given".to_owned())
    }
}

/// A bundle that has just been compiled.
#[derive(Clone, Debug)]
pub struct Compiled {
    bytes: Vec<u8>,
    bundle: Bundle,
    diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// The bundle as a file holds it, without a signature.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bundle as a file holds it, signed.
    ///
    /// # Errors
    /// None that is known; as [`sign`](crate::sign).
    pub fn signed(&self, key: &SecretKey) -> Result<Vec<u8>, LoadError> {
        crate::sign(&self.bytes, key)
    }

    /// The bundle, to be made ready here.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The warnings and notes, in the order of the text.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

/// Why there is no bundle. As text it is one line per error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CompileError(Failure);

#[derive(Clone, Debug, thiserror::Error)]
enum Failure {
    #[error("{}", lines(_0))]
    Policy(Vec<Diagnostic>),
    #[error("{0}")]
    Bundle(LoadError),
    #[error("{0}")]
    Builtin(crate::builtin::BuiltinError),
}

impl CompileError {
    /// Everything that the compiler said, warnings too, in the order of the text. Empty if the policies are sound and the
    /// bundle would be too large to load.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match &self.0 {
            Failure::Policy(diagnostics) => diagnostics,
            Failure::Bundle(_) | Failure::Builtin(_) => &[],
        }
    }
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.level() == Level::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The library has no package of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the library has no package `{0}`")]
pub struct UnknownPackage(String);
