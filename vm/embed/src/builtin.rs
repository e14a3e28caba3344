//! Builtins of the host: functions that its policies can call beside those of the language.
//!
//! A builtin is known by its name: to the `Compiler` that compiles a call, and to the
//! [`Loader`](crate::Loader) that takes the bundle. A loader that has no builtin of that name refuses the bundle and says
//! which one is missing; one whose builtin has another signature refuses it too.
//!
//! What the function must be:
//!
//! * **pure**: the same answer for the same arguments, whenever and in whichever order it is called. What it looks up must not
//!   change while an evaluator lives;
//! * **total**: an answer for every argument list of the right length, without panics. An absent argument arrives as
//!   [`Value::Absent`], but only if the builtin is [`lenient`](Builtin::lenient); strict ones are absent of absent;
//! * **of its type**: the result has the type that the signature says, and is absent only if it is
//!   [`partial`](Builtin::partial).
//!
//! ```
//! use kpol::builtin::{Builtin, Builtins, Sig, Type, Value};
//!
//! static SCANNED: Builtin =
//!     Builtin::new("scanned", &[("image", Sig::Is(Type::Image))], Sig::Is(Type::Bool), scanned)
//!         .with_doc("Whether the image has passed the scanner.");
//!
//! fn scanned(args: &[Value]) -> Value {
//!     Value::Bool(args.first().and_then(Value::as_text).is_some_and(|image| image.starts_with("ghcr.io/acme/")))
//! }
//!
//! let builtins = Builtins::new().with(&SCANNED)?;
//! # #[cfg(feature = "compiler")] {
//! let text = "package acme\nrule scanned_images on Pod {\n  for c in object.spec.containers {\n    \
//!             deny unless scanned(c.image) message \"{c.name} runs an image that nobody has scanned\"\n  }\n}\n";
//! let compiled = kpol::Compiler::new().with_builtins(builtins.clone()).with_source("a.kpol", text).compile()?;
//!
//! let refused = kpol::Loader::new().load(compiled.bytes()).unwrap_err();
//! assert_eq!(refused.missing_builtin(), Some("scanned"));
//! let bundle = kpol::Loader::new().with_builtins(builtins).load(compiled.bytes())?;
//! # assert_eq!(bundle.rules().count(), 1);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use kpol_stdlib::catalog::Catalog;

pub use kpol_stdlib::catalog::BuiltinError;
pub use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
    value::Value,
};

/// The builtins of the language and those of the host.
#[derive(Clone, Debug)]
pub struct Builtins {
    /// Those of the language first.
    all: Vec<&'static Builtin>,
    /// Where those of the host begin.
    ours: usize,
}

impl Default for Builtins {
    fn default() -> Self {
        Builtins::new()
    }
}

impl Builtins {
    /// Those of the language.
    #[must_use]
    pub fn new() -> Builtins {
        let all = Catalog::new().builtins().to_vec();
        Builtins { ours: all.len(), all }
    }

    /// One more.
    ///
    /// # Errors
    /// When its name is taken or nobody could write it, or its signature makes no sense.
    pub fn with(mut self, builtin: &'static Builtin) -> Result<Builtins, BuiltinError> {
        self.catalog()?.add_builtin(builtin)?;
        self.all.push(builtin);
        Ok(self)
    }

    /// The names of the host's own, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.host().map(|builtin| builtin.name)
    }

    /// The host's own.
    fn host(&self) -> impl Iterator<Item = &'static Builtin> {
        self.all.iter().skip(self.ours).copied()
    }

    /// A catalog with them.
    pub(crate) fn catalog(&self) -> Result<Catalog, BuiltinError> {
        let mut catalog = Catalog::new();
        self.host().try_for_each(|builtin| catalog.add_builtin(builtin))?;
        Ok(catalog)
    }

    pub(crate) fn all(&self) -> &[&'static Builtin] {
        &self.all
    }
}
