//! The policies in use: bundles made ready, swapped as a whole.
//!
//! A request takes the [`Policies`] of the moment and keeps them to its end; a reload puts new ones in their place for the
//! requests after it. So no request sees half of a reload, and none waits for one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use kpol::{Bundle, Cluster, Day, Evaluator, Loader, Mode, Options};
use tokio::sync::Notify;

use crate::{
    metrics::{BundleInfo, Metrics},
    settings::PolicyArgs,
    watch::Live,
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
    /// What keeps that up to date; `None` if the rules ask for nothing of it.
    pub live: Option<Arc<Live>>,
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
    watches: bool,
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
            watches: !args.no_watch,
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
        // It is the same bundle, so it reads the same of the cluster.
        Ok(Ready { since: ready.since, cluster: ready.cluster.clone(), live: ready.live.clone(), ..again })
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
        let live = if self.watches { Live::new(&bundle, &evaluator) } else { None };
        let cluster = live.as_ref().map_or_else(Cluster::empty, |live| live.cluster.cluster());
        let name = name.to_owned();
        Ok(Ready { name, evaluator, bundle, cluster, live, since, day, can_deny })
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
    /// Why not everything that was asked for is in use.
    pub missing: Vec<String>,
    /// Tells these policies from all others of the process.
    pub number: usize,
}

static NUMBER: AtomicUsize = AtomicUsize::new(1);

impl Policies {
    /// Of these bundles.
    #[must_use]
    pub fn new(bundles: Vec<Arc<Ready>>, missing: Vec<String>) -> Policies {
        let can_deny = bundles.iter().any(|ready| ready.can_deny);
        Policies { bundles, can_deny, missing, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
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
    /// Told when a source gives something else.
    changed: Arc<Notify>,
    /// Whether nothing was missing once.
    was_complete: AtomicBool,
}

/// What a source gives.
#[derive(Default)]
struct Given {
    /// What it wants to be in use.
    ready: Vec<Arc<Ready>>,
    missing: Vec<String>,
    /// What is in use of it.
    used: Vec<Arc<Ready>>,
}

impl Given {
    /// Decides what is in use: a bundle that looks at the cluster not before it is known, and until then the one of its name that
    /// was. What is missing of that is the result.
    fn settle(&mut self) -> Vec<String> {
        let mut missing = self.missing.clone();
        let mut used = Vec::with_capacity(self.ready.len());
        for ready in &self.ready {
            match ready.live.as_ref().filter(|live| !live.is_filled()) {
                None => used.push(Arc::clone(ready)),
                Some(live) => {
                    missing.extend(live.missing().into_iter().map(|why| format!("{}: {why}", ready.name)));
                    used.extend(self.used.iter().find(|used| used.name == ready.name).cloned());
                }
            }
        }
        self.used = used;
        missing
    }
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
    /// Nothing is in use, and it is not ready.
    #[must_use]
    pub fn new() -> Store {
        let missing = vec!["no bundle has been looked at yet".to_owned()];
        let current = ArcSwap::from_pointee(Policies::new(Vec::new(), missing));
        Store {
            current,
            sources: Mutex::default(),
            changed: Arc::default(),
            was_complete: AtomicBool::new(false),
        }
    }

    /// The policies of the moment.
    #[must_use]
    pub fn get(&self) -> Arc<Policies> {
        self.current.load_full()
    }

    /// Whether all that was asked for at the start has come into use. What is missing later does not change that: a bad bundle
    /// reaches every replica at once, and if all of them turned away requests for it, nobody would be answered by the policies
    /// that are in use.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.was_complete.load(Ordering::Relaxed)
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
        let mut sources = self.sources();
        let given = sources.entry(source).or_default();
        (given.ready, given.missing) = (ready, missing);
        self.put_in_use(&mut sources, metrics);
        drop(sources);
        self.changed.notify_one();
    }

    /// Puts into use what has been waiting for the cluster to be known.
    pub fn settle(&self, metrics: &Metrics) {
        self.put_in_use(&mut self.sources(), metrics);
    }

    fn put_in_use(&self, sources: &mut BTreeMap<&'static str, Given>, metrics: &Metrics) {
        let missing: Vec<String> = sources.values_mut().flat_map(Given::settle).collect();
        self.was_complete.fetch_or(missing.is_empty(), Ordering::Relaxed);
        let used: Vec<_> = sources.values().flat_map(|given| given.used.iter().cloned()).collect();
        let current = self.current.load();
        let is_same = |(a, b): (&Arc<Ready>, &Arc<Ready>)| Arc::ptr_eq(a, b);
        if current.missing == missing
            && current.bundles.len() == used.len()
            && current.bundles.iter().zip(&used).all(is_same)
        {
            return;
        }
        let info = |ready: &Arc<Ready>| {
            let info = BundleInfo {
                bundle: ready.name.clone(),
                digest: ready.bundle.digest().to_string(),
                producer: ready.bundle.producer().to_owned(),
            };
            (info, ready.since)
        };
        metrics.in_use(used.iter().map(info));
        self.current.store(Arc::new(Policies::new(used, missing)));
    }

    /// What the sources give, whether what it asks of the cluster is known or not; and what they miss.
    #[must_use]
    pub fn given(&self) -> (Vec<Arc<Ready>>, Vec<String>) {
        let sources = self.sources();
        let ready = sources.values().flat_map(|given| given.ready.iter().cloned()).collect();
        (ready, sources.values().flat_map(|given| given.missing.iter().cloned()).collect())
    }

    /// What must be kept up to date: for the bundles in use, and for those that will be.
    #[must_use]
    pub fn lives(&self) -> Vec<Arc<Live>> {
        let sources = self.sources();
        let bundles = sources.values().flat_map(|given| given.ready.iter().chain(&given.used));
        let mut lives: Vec<Arc<Live>> = Vec::new();
        for live in bundles.filter_map(|ready| ready.live.as_ref()) {
            if !lives.iter().any(|known| Arc::ptr_eq(known, live)) {
                lives.push(Arc::clone(live));
            }
        }
        lives
    }

    /// Told when a source gives something else, and by whoever makes [`Store::settle`] necessary.
    #[must_use]
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    fn sources(&self) -> MutexGuard<'_, BTreeMap<&'static str, Given>> {
        // Nothing panics while it is held; if it did, the map would still be whole.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long until the next day begins (UTC), at most an hour, so that clocks which are set are noticed.
#[must_use]
pub fn until_tomorrow(now: SystemTime) -> Duration {
    const DAY: u64 = 86_400;
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Duration::from_secs(DAY - seconds % DAY).min(Duration::from_secs(3_600))
}
