//! The policies in use: bundles made ready, swapped as a whole.
//!
//! A request takes the [`Policies`] of the moment and keeps them to its end; a reload puts new ones in their place for the
//! requests after it. So no request sees half of a reload, and none waits for one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use kpol::{Bundle, Cluster, Day, Evaluator, Loader, Mode, Options};

use crate::{
    metrics::{BundleInfo, Metrics},
    settings::PolicyArgs,
};

/// One bundle, ready to be asked.
#[derive(Debug)]
pub struct Ready {
    /// The file or PolicyBundle that it is from.
    pub name: String,
    /// What answers.
    pub evaluator: Evaluator,
    /// The bundle itself.
    pub bundle: Bundle,
    /// What is known of the cluster.
    pub cluster: Cluster,
    /// Since when it is in use.
    pub since: SystemTime,
    /// The day for which exceptions were looked at.
    pub day: Day,
    /// Whether a rule may refuse a request, with the modes of its binds and of this host.
    pub can_deny: bool,
}

/// Why a bundle is not used.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is no sound bundle, or nobody who may has signed it.
    #[error("{0}")]
    Load(#[from] kpol::LoadError),
    /// A param has no value or a wrong one.
    #[error("{0}")]
    Prepare(#[from] kpol::PrepareError),
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// Its source says nothing that could be a bundle.
    #[error("{0}")]
    Source(String),
}

/// What every bundle is made ready with.
#[derive(Clone, Debug)]
pub struct Maker {
    loader: Loader,
    params: Vec<(String, serde_json::Value)>,
    default_mode: Mode,
    max_mode: Mode,
    max_steps: u64,
    kubernetes: Option<(u32, u32)>,
}

impl Maker {
    /// As the command line says.
    #[must_use]
    pub fn new(args: &PolicyArgs, loader: Loader, max_steps: u64) -> Maker {
        Maker {
            loader,
            params: args.params.clone(),
            default_mode: args.default_mode.into(),
            max_mode: args.max_mode.into(),
            max_steps,
            kubernetes: None,
        }
    }

    /// For rules that ask which version the cluster has.
    #[must_use]
    pub fn with_kubernetes(mut self, version: (u32, u32)) -> Maker {
        self.kubernetes = Some(version);
        self
    }

    /// Checks and compiles a bundle.
    ///
    /// # Errors
    /// When it is not used.
    pub fn make(&self, name: &str, bytes: &[u8]) -> Result<Ready, Refused> {
        self.ready(name, self.loader.load(bytes)?)
    }

    /// Makes the bundle ready anew: the day has changed, and exceptions may have expired.
    ///
    /// # Errors
    /// As it was made before, none is to be expected.
    pub fn again(&self, ready: &Ready) -> Result<Ready, Refused> {
        let again = self.ready(&ready.name, ready.bundle.clone())?;
        Ok(Ready { since: ready.since, cluster: ready.cluster.clone(), ..again })
    }

    fn ready(&self, name: &str, bundle: Bundle) -> Result<Ready, Refused> {
        let since = SystemTime::now();
        let day = Day::utc(since);
        let mut options = Options::new()
            .with_default_mode(self.default_mode)
            .with_max_mode(self.max_mode)
            .with_fuel(self.max_steps)
            .with_day(day);
        if let Some((major, minor)) = self.kubernetes {
            options = options.with_kubernetes(major, minor);
        }
        for (param, value) in &self.params {
            // A param may belong to another bundle.
            let is_own = |own: kpol::Param<'_>| {
                own.name() == param || own.name().rsplit_once('.').is_some_and(|(_, last)| last == param)
            };
            if bundle.params().any(is_own) {
                options = options.with_param(param.clone(), value.clone());
            }
        }
        let evaluator = Evaluator::new(&bundle, options)?;
        let can_deny = self.max_mode == Mode::Deny && self.denies(&bundle);
        let name = name.to_owned();
        Ok(Ready { name, evaluator, bundle, cluster: Cluster::empty(), since, day, can_deny })
    }

    /// Whether any rule holds so hard that it refuses requests.
    fn denies(&self, bundle: &Bundle) -> bool {
        let module = bundle.module();
        let bound: BTreeSet<_> = module.binds.iter().flat_map(|bind| &bind.rules).collect();
        let unbound = bound.len() < module.rules.len() && self.default_mode == Mode::Deny;
        unbound || module.binds.iter().any(|bind| bind.mode.unwrap_or(self.default_mode) == Mode::Deny)
    }

    /// The params of the command line that none of these bundles has.
    #[must_use]
    pub fn unknown_params(&self, policies: &Policies) -> Vec<&str> {
        let has = |param: &str| {
            policies.bundles.iter().flat_map(|ready| ready.bundle.params()).any(|own| {
                own.name() == param || own.name().rsplit_once('.').is_some_and(|(_, last)| last == param)
            })
        };
        self.params.iter().map(|(name, _)| name.as_str()).filter(|name| !has(name)).collect()
    }
}

/// The bundles in use.
#[derive(Debug, Default)]
pub struct Policies {
    /// In the order of their sources and names.
    pub bundles: Vec<Arc<Ready>>,
    /// Those of which some rule may refuse a request.
    pub can_deny: bool,
    /// Why not everything that was asked for is in use; empty: ready.
    pub missing: Vec<String>,
}

impl Policies {
    /// Of these bundles.
    #[must_use]
    pub fn new(bundles: Vec<Arc<Ready>>, missing: Vec<String>) -> Policies {
        let can_deny = bundles.iter().any(|ready| ready.can_deny);
        Policies { bundles, can_deny, missing }
    }

    /// The kind as a label: bounded by what the bundles are about.
    #[must_use]
    pub fn label(&self, group: &str, kind: &str) -> String {
        match (self.bundles.iter().any(|ready| ready.evaluator.covers(group, kind)), group) {
            (false, _) => "other".into(),
            (true, "") => kind.into(),
            (true, group) => format!("{group}/{kind}"),
        }
    }
}

/// Where the policies in use are found.
pub struct Store {
    current: ArcSwap<Policies>,
    /// What each source gives: files, the cluster.
    sources: Mutex<BTreeMap<&'static str, Given>>,
}

/// What a source gives.
#[derive(Default)]
struct Given {
    ready: Vec<Arc<Ready>>,
    missing: Vec<String>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("bundles", &self.current.load().bundles.len()).finish()
    }
}

impl Default for Store {
    fn default() -> Store {
        Store::new()
    }
}

impl Store {
    /// Nothing is in use, and nothing ready.
    #[must_use]
    pub fn new() -> Store {
        let missing = vec!["no bundle has been looked at yet".to_owned()];
        let current = ArcSwap::from_pointee(Policies::new(Vec::new(), missing));
        Store { current, sources: Mutex::default() }
    }

    /// The policies of the moment.
    #[must_use]
    pub fn get(&self) -> Arc<Policies> {
        self.current.load_full()
    }

    /// A source that will give bundles: nothing is ready before it has.
    pub fn expect(&self, source: &'static str, metrics: &Metrics) {
        self.update(source, Vec::new(), vec![format!("{source}: not looked at yet")], metrics);
    }

    /// What a source gives, in place of what it gave before.
    pub fn update(
        &self,
        source: &'static str,
        ready: Vec<Arc<Ready>>,
        missing: Vec<String>,
        metrics: &Metrics,
    ) {
        // Nothing in here panics; if it did, the map would still be whole.
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.insert(source, Given { ready, missing });
        let ready: Vec<_> = sources.values().flat_map(|given| given.ready.iter().cloned()).collect();
        let missing = sources.values().flat_map(|given| given.missing.iter().cloned()).collect();
        let info = |ready: &Arc<Ready>| {
            let info = BundleInfo {
                bundle: ready.name.clone(),
                digest: ready.bundle.digest().to_string(),
                producer: ready.bundle.producer().to_owned(),
            };
            (info, ready.since)
        };
        metrics.in_use(ready.iter().map(info));
        self.current.store(Arc::new(Policies::new(ready, missing)));
    }
}

/// How long until the next day begins (UTC), at most an hour, so that clocks which are set are noticed.
#[must_use]
pub fn until_tomorrow(now: SystemTime) -> Duration {
    const DAY: u64 = 86_400;
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Duration::from_secs(DAY - seconds % DAY).min(Duration::from_secs(3_600))
}
