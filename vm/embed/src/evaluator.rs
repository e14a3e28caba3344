//! A bundle made ready, and what a thread keeps between reviews.

use std::cell::OnceCell;

use kpol_vm::{
    evaluate::{self, Outcome, Review, Scratch},
    ir::Operation,
    json::Json,
    project::{MAX_BYTES, ProjectErrorKind},
};

use crate::{
    Answer, Bundle, Cluster, Engine, LiveCluster, Misfit, Options, Patch, PrepareError, ReviewError,
    error::Unready, json, request,
};

/// A bundle made ready: verified, laid out, compiled, params bound. It never changes, and all threads share one.
///
/// ```
/// use kpol::{Cluster, Evaluator, Options, Session};
///
/// let compiled = kpol::compile(
///     "package acme\nparam name: string\nrule r on Pod {\n  \
///      deny when object.metadata.name == name message \"not this one\"\n}\n",
/// )?;
/// let missing = Evaluator::new(compiled.bundle(), Options::new()).unwrap_err();
/// assert_eq!(missing.param(), Some("acme.name"));
///
/// let evaluator = Evaluator::new(compiled.bundle(), Options::new().with_param("name", "web"))?;
/// let pod = kpol::json(br#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}"#)?;
/// let mut session = Session::new();
/// let answer = evaluator.object(&pod, &Cluster::empty(), &mut session)?;
/// assert_eq!(answer.hits().count(), 1);
/// assert!(answer.is_allowed(), "the default mode is dryrun");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Evaluator {
    inner: evaluate::Evaluator,
    engine: Engine,
}

/// What a thread keeps between reviews: buffers, and the last answer. With one session per thread, reviews of requests
/// that pass allocate nothing after the first ones. A session works with every evaluator, so it outlives a hot reload.
#[derive(Debug, Default)]
pub struct Session {
    scratch: Scratch,
    outcome: Outcome,
}

impl Session {
    /// Without buffers yet.
    #[must_use]
    pub fn new() -> Session {
        Session::default()
    }

    /// Reads what an AdmissionReview says of its request, and judges nothing: for a host without bundles.
    ///
    /// # Errors
    /// When the bytes are no AdmissionReview.
    pub fn read(&mut self, body: &[u8]) -> Result<(), ReviewError> {
        self.scratch.read(body).map_err(ReviewError)
    }

    /// What the last AdmissionReview that [`Evaluator::review`] was given says of its request, also when there was no answer to it.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        Request(&self.scratch)
    }
}

/// The request of the last AdmissionReview. Whatever its bytes did not say, or stood behind what could not be read, is
/// empty.
#[derive(Clone, Copy, Debug)]
pub struct Request<'s>(&'s Scratch);

impl<'s> Request<'s> {
    /// The id, which an AdmissionResponse must repeat.
    #[must_use]
    pub fn uid(&self) -> &'s str {
        self.0.uid()
    }

    /// What is done.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation()
    }

    /// The API group of the object; empty: core.
    #[must_use]
    pub fn group(&self) -> &'s str {
        self.0.kind().0
    }

    /// The API version of the object.
    #[must_use]
    pub fn version(&self) -> &'s str {
        self.0.kind().1
    }

    /// The kind of what was sent: for `pods/exec` it is `PodExecOptions`.
    #[must_use]
    pub fn kind(&self) -> &'s str {
        self.0.kind().2
    }

    /// The resource in URLs: `pods`.
    #[must_use]
    pub fn resource(&self) -> &'s str {
        &self.0.request().resource
    }

    /// The subresource.
    #[must_use]
    pub fn subresource(&self) -> Option<&'s str> {
        Some(self.0.subresource()).filter(|text| !text.is_empty())
    }

    /// The namespace; empty: none.
    #[must_use]
    pub fn namespace(&self) -> &'s str {
        self.0.namespace()
    }

    /// The name; empty where the API server will make it up.
    #[must_use]
    pub fn name(&self) -> &'s str {
        self.0.object_name().unwrap_or(&self.0.request().name)
    }

    /// The name of who asks.
    #[must_use]
    pub fn user(&self) -> &'s str {
        &self.0.user().name
    }

    /// Whether nothing will be stored.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.0.request().dry_run
    }
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rules = self.inner.module().rules.len();
        f.debug_struct("Evaluator")
            .field("rules", &rules)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl Evaluator {
    /// Makes a bundle ready.
    ///
    /// # Errors
    /// When a param has no value or a wrong one.
    pub fn new(bundle: &Bundle, options: Options) -> Result<Evaluator, PrepareError> {
        let prepare = |engine: Engine| -> Result<Evaluator, Unready> {
            let options = options.resolve(&bundle.module().params, engine)?;
            let inner = evaluate::Evaluator::new(bundle.module().clone(), bundle.builtins(), options);
            Ok(Evaluator { inner: inner.map_err(Unready::Load)?, engine })
        };
        match prepare(options.engine()) {
            // No machine code for this machine.
            Err(Unready::Load(evaluate::LoadError::Jit(_))) => prepare(Engine::Interp).map_err(PrepareError),
            prepared => prepared.map_err(PrepareError),
        }
    }

    /// What finds the hits.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Whether any rule is about this kind, in any version.
    #[must_use]
    pub fn covers(&self, group: &str, kind: &str) -> bool {
        self.inner.covers(group, kind)
    }

    /// What is known of the cluster: of `objects`, those of kinds that rules refer to, and the Namespaces.
    #[must_use]
    pub fn cluster(&self, objects: Vec<Json>) -> Cluster {
        let (inventory, misfits) = self.inner.inventory(&objects);
        let misfit = |(position, errors): (usize, Vec<kpol_vm::fact::FactError>)| {
            Some(Misfit::new(objects.get(position)?, &errors).to_string())
        };
        let misfits = misfits.into_iter().filter_map(misfit).collect();
        Cluster::new(inventory, objects, misfits)
    }

    /// The same, for a host that watches: nothing is known yet, and everything may change.
    #[must_use]
    pub fn live_cluster(&self) -> LiveCluster {
        LiveCluster::new(&self.inner)
    }

    /// Judges the request of an `AdmissionReview`, as it comes over the wire.
    ///
    /// # Errors
    /// When the bytes are no AdmissionReview, the object does not have the form of its kind, or a rule takes too many steps.
    pub fn review<'a>(
        &'a self,
        body: &[u8],
        cluster: &Cluster,
        session: &'a mut Session,
    ) -> Result<Answer<'a>, ReviewError> {
        let Session { scratch, outcome } = session;
        let (seen, namespace) = (cluster.seen(), OnceCell::new());
        // All rules see one state of the request's namespace.
        let namespaces = |name: &str| namespace.get_or_init(|| cluster.namespace(name)).clone();
        let found = self.inner.review_bytes(body, scratch, seen.view(), &namespaces);
        Ok(self.answer(found.map_err(ReviewError)?, outcome))
    }

    /// Judges an object as if somebody created it: a manifest, or an object of the cluster that is audited.
    ///
    /// # Errors
    /// When it has no `apiVersion` and `kind` or not the form of its kind, or a rule takes too many steps.
    pub fn object<'a>(
        &'a self,
        object: &Json,
        cluster: &Cluster,
        session: &'a mut Session,
    ) -> Result<Answer<'a>, ReviewError> {
        let review = Review::create(object);
        let mut review =
            review.ok_or_else(|| ReviewError::no_review("this object has no `apiVersion` and `kind`"))?;
        let namespace = cluster.namespace(&review.request.namespace);
        review.namespace = namespace.as_deref();
        let found = self.inner.review(&review, cluster.seen().view())?;
        Ok(self.answer(found, &mut session.outcome))
    }

    /// Judges a runtime event: `{"event": {"name": "exec", ..}, "proc": {..}, ..}`.
    ///
    /// # Errors
    /// When it has no name or not the form of an event of that name, or a rule takes too many steps.
    pub fn event<'a>(&'a self, event: &Json, session: &'a mut Session) -> Result<Answer<'a>, ReviewError> {
        let name = event.at(&["event", "name"]).and_then(Json::as_str);
        let name = name.ok_or_else(|| ReviewError::no_review("this event has no name in `event.name`"))?;
        let found = self.inner.event(name, event)?;
        Ok(self.answer(found, &mut session.outcome))
    }

    /// Applies the mutations to the object of an `AdmissionReview` until nothing changes any more. On an API server the
    /// mutated object comes back to be judged, so this judges nothing. Afterwards the session says what the request was.
    ///
    /// # Errors
    /// As [`Evaluator::review`]; also when mutations undo each other, or one would write below a value that is no object.
    pub fn mutate(
        &self,
        body: &[u8],
        cluster: &Cluster,
        session: &mut Session,
    ) -> Result<Patch, ReviewError> {
        self.inner.read(body, &mut session.scratch).map_err(ReviewError)?;
        if body.len() > MAX_BYTES {
            let message = format!("more than {MAX_BYTES} bytes");
            return Err(ReviewError::bytes(MAX_BYTES, ProjectErrorKind::TooLarge, message));
        }
        let json = json(body).map_err(|error| {
            let at = error.place().map_or(0, |place| byte(body, place));
            ReviewError::bytes(at, ProjectErrorKind::Syntax, error.to_string())
        })?;
        self.mutated(request::review(&json, self.inner.module())?, cluster)
    }

    /// Applies the mutations to an object as if somebody created it.
    ///
    /// # Errors
    /// As [`Evaluator::mutate`].
    pub fn mutate_object(&self, object: &Json, cluster: &Cluster) -> Result<Patch, ReviewError> {
        let review = Review::create(object);
        let review =
            review.ok_or_else(|| ReviewError::no_review("this object has no `apiVersion` and `kind`"))?;
        self.mutated(review, cluster)
    }

    fn mutated(&self, review: Review<'_>, cluster: &Cluster) -> Result<Patch, ReviewError> {
        let namespace = cluster.namespace(&review.request.namespace);
        let review = Review { namespace: namespace.as_deref(), ..review };
        Ok(Patch::new(self.inner.mutate(&review, cluster.seen().view())?))
    }

    fn answer<'a>(&'a self, found: impl Keep<'a>, place: &'a mut Outcome) -> Answer<'a> {
        Answer::new(found.keep(place), self.inner.module())
    }
}

/// An outcome that is kept in a session: one that has just been made, or one that is in its buffers already.
trait Keep<'a> {
    fn keep(self, place: &'a mut Outcome) -> &'a Outcome;
}

impl<'a> Keep<'a> for Outcome {
    fn keep(self, place: &'a mut Outcome) -> &'a Outcome {
        *place = self;
        place
    }
}

impl<'a> Keep<'a> for &'a Outcome {
    fn keep(self, _place: &'a mut Outcome) -> &'a Outcome {
        self
    }
}

/// The byte at a line and column (in bytes), both from 1.
fn byte(text: &[u8], (line, column): (usize, usize)) -> usize {
    let before: usize =
        text.split(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(|l| l.len() + 1).sum();
    before + column.saturating_sub(1)
}
