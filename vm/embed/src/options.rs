//! What a host decides when it makes a bundle ready.

use jiff::civil::Date;
use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    evaluate::{self, DEFAULT_FUEL},
    ir::{Mode, Param},
};
use serde_json::Value;

use crate::{Day, error::Unready, params};

/// What finds the hits. Both find the same ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// Machine code, made when the bundle is made ready. Where none can be made, the reference engine stands in.
    #[default]
    Jit,
    /// The reference engine: nothing to prepare, slow. For a bundle that is asked once.
    Interp,
}

/// What a host decides when it makes a bundle ready: nothing blocks before somebody says so.
///
/// ```
/// use kpol::{Day, Mode, Options};
///
/// let options = Options::new()
///     .with_param("allowed_registries", vec!["ghcr.io/acme"])
///     .with_default_mode(Mode::Warn)
///     .with_max_mode(Mode::Deny)
///     .with_day(Day::utc(std::time::SystemTime::now()))
///     .with_kubernetes(1, 34);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    params: Vec<(String, Value)>,
    default_mode: Mode,
    max_mode: Mode,
    day: Option<Day>,
    kubernetes: Option<(u32, u32)>,
    fuel: u64,
    engine: Engine,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            params: Vec::new(),
            default_mode: Mode::Dryrun,
            max_mode: Mode::Deny,
            day: None,
            kubernetes: None,
            fuel: DEFAULT_FUEL,
            engine: Engine::Jit,
        }
    }
}

impl Options {
    /// No params, default mode `dryrun`, no limit to the modes of binds, machine code.
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// The value of a param, in place of its default. The param is called by its full name, or by its last part if that is
    /// unique; the value is JSON of the form that the param's type has in a manifest: a quantity is `"4Gi"`, a set is a list.
    #[must_use]
    pub fn with_param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Options {
        self.params.push((name.into(), value.into()));
        self
    }

    /// The mode of rules without a bind, and of binds without a mode; `dryrun` if not given.
    #[must_use]
    pub fn with_default_mode(mut self, mode: Mode) -> Options {
        self.default_mode = mode;
        self
    }

    /// The hardest mode that this host applies, whatever binds say; `deny` if not given. `alert` and `enforce` are as hard
    /// as `warn` and `deny`.
    #[must_use]
    pub fn with_max_mode(mut self, mode: Mode) -> Options {
        self.max_mode = mode;
        self
    }

    /// The day on which exceptions hold or not. Without one, exceptions that have a last day excuse nothing. A host that runs
    /// for longer makes the bundle ready anew on the next day.
    #[must_use]
    pub fn with_day(mut self, day: Day) -> Options {
        self.day = Some(day);
        self
    }

    /// The cluster's version, `cluster.version` to rules; the newest that this kpol knows if not given.
    #[must_use]
    pub fn with_kubernetes(mut self, major: u32, minor: u32) -> Options {
        self.kubernetes = Some((major, minor));
        self
    }

    /// The most steps that one rule may take for one review: enough by default for every rule and every object that the API
    /// server accepts.
    #[must_use]
    pub fn with_fuel(mut self, steps: u64) -> Options {
        self.fuel = steps;
        self
    }

    /// What finds the hits.
    #[must_use]
    pub fn with_engine(mut self, engine: Engine) -> Options {
        self.engine = engine;
        self
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine
    }

    /// For a module with these params.
    pub(crate) fn resolve(&self, declared: &[Param], engine: Engine) -> Result<evaluate::Options, Unready> {
        let newest = || (1, Catalog::new().schema().minors().1);
        Ok(evaluate::Options {
            params: params::resolve(&self.params, declared)?,
            default_mode: self.default_mode,
            max_mode: self.max_mode,
            today: self.day.map_or(Date::MAX, |day| day.0),
            kubernetes: self.kubernetes.unwrap_or_else(newest),
            fuel: self.fuel,
            engine: match engine {
                Engine::Jit => evaluate::Engine::Jit,
                Engine::Interp => evaluate::Engine::Interp,
            },
        })
    }
}
