//! The intermediate representation: what a checked policy means, without a trace of source text.
//!
//! ```text
//! Module ─┬─ roots:      Root ── records ── fields     the demand: every field that any rule reads
//!         ├─ watches     the kinds whose objects in the cluster are read
//!         ├─ params      values bound at load
//!         ├─ rules:      Rule  ── body: Stmt…           where, let, for, verdict
//!         ├─ mutations:  Mutation ── body: MutStmt…
//!         ├─ binds, exceptions
//!         └─ code:       Expr…  (one arena per rule, operands stand before their users)
//! ```
//!
//! Expressions are total: no expression can fail. An absent operand has a defined result for every [`Op`] (the laws
//! of `docs/language.md`, "Absence"). Every access to a fact names a slot of the demand, so that an engine reads at a
//! constant offset; nothing here looks up a field by name.
//!
//! The IR is what a bundle holds. It knows no span; [`Debug`] beside it does.

mod operands;
mod probe;

pub use probe::{Binder, IndexKey, Probe};

use serde::{Deserialize, Serialize};

use crate::{
    scalar::{duration::Duration, net::Cidr, quantity::Quantity, semver::Version, time::Time},
    types::Type,
};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

ids! {
    /// A demand root of the module.
    RootId,
    /// A record of one root.
    RecordId,
    /// An expression of one [`Code`].
    ExprId,
    /// A local of one [`Code`].
    LocalId,
    /// A param of the module.
    ParamId,
    /// A rule of the module.
    RuleId,
    /// A verdict clause of one rule.
    ClauseId,
    /// A builtin of the module's own list of builtin names.
    BuiltinId,
}

/// A compiled set of policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// The demand, by root.
    pub roots: Vec<Root>,
    /// The kinds whose objects in the cluster the code asks for ([`Op::Cluster`]).
    pub watches: Vec<Watch>,
    /// The builtins that the code calls, by name; an engine resolves them once.
    pub builtins: Vec<String>,
    /// Values bound at load.
    pub params: Vec<Param>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// The mutations, in the order in which they are applied.
    pub mutations: Vec<Mutation>,
    /// Where rules hold and how hard.
    pub binds: Vec<Bind>,
    /// Exceptions to rules.
    pub exceptions: Vec<Exception>,
}

/// One kind of fact: everything that any rule reads of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Root {
    /// `Pod`, `PodTemplateSpec`, `exec`: the record that the root is.
    pub name: String,
    /// The root's records; the first is the root itself. Records of one schema type are one record here, so that
    /// lists from different places of one object can be mixed.
    pub records: Vec<RecordDemand>,
}

/// A kind whose objects in the cluster the code asks for: what a host watches, and what [`Op::Cluster`] of that root
/// reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Watch {
    /// The root of each object.
    pub root: RootId,
    /// API group; empty: core.
    pub group: String,
    /// The API version that the root's schema is of.
    pub version: String,
    /// The kind: `Ingress`.
    pub kind: String,
    /// Its name in URLs: `ingresses`.
    pub plural: String,
}

/// The demanded fields of one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordDemand {
    /// The name in the catalog.
    pub name: String,
    /// The fields that are read.
    pub fields: Vec<FieldDemand>,
}

/// One demanded field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldDemand {
    /// The JSON key (or the virtual field's name).
    pub name: String,
    /// What the slot holds.
    pub slot: SlotTy,
    /// What reading gives when nothing is written; `None`: absent. Only scalar slots have one.
    pub default: Option<Const>,
    /// Where the value comes from.
    pub source: FieldSource,
}

/// Where a field's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldSource {
    /// The JSON entry of the field's name.
    Json,
    /// The elements of sibling lists: (JSON key, role), in this order.
    Concat(Vec<(String, String)>),
    /// The role of the list in which the record stands ([`FieldSource::Concat`]), or of its JSON key.
    Role,
    /// `namespace/name`, or `name`, of the root object's metadata.
    ObjectId,
}

/// What a slot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotTy {
    /// A scalar or `dyn`.
    Scalar(Type),
    /// A record of the same root.
    Record(RecordId),
    /// A list.
    List(Box<SlotTy>),
    /// A map with text keys.
    Map {
        /// What its values are.
        value: Box<SlotTy>,
        /// The keys that are read by name; each is a slot of its own.
        keys: Vec<String>,
        /// Whether the whole map is read too (unknown keys, iteration, count).
        whole: bool,
    },
}

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ty {
    /// A scalar or `dyn` (no `Record`, `List`, `Set` or `Map` of [`Type`]).
    Scalar(Type),
    /// A record of a fact.
    Record(RootId, RecordId),
    /// Values in order.
    List(Box<Ty>),
    /// Values without order or repetition.
    Set(Box<Ty>),
    /// Text keys to values.
    Map(Box<Ty>),
}

impl Ty {
    /// `bool`.
    pub const BOOL: Ty = Ty::Scalar(Type::Bool);
    /// `int`.
    pub const INT: Ty = Ty::Scalar(Type::Int);
    /// `string`.
    pub const STR: Ty = Ty::Scalar(Type::Str);
    /// `dyn`.
    pub const DYN: Ty = Ty::Scalar(Type::Dyn);

    /// The type of the elements of a list or set.
    #[must_use]
    pub fn element(&self) -> Option<&Ty> {
        if let Ty::List(element) | Ty::Set(element) = self { Some(element) } else { None }
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Const {
    /// No value.
    Absent,
    /// `true`, `false`.
    Bool(bool),
    /// An integer or port.
    Int(i64),
    /// Every type that stays text at run time ([`Type::is_text`]); globs and regexes are checked when the constant
    /// is made.
    Text(String),
    /// A quantity.
    Quantity(Quantity),
    /// A duration.
    Duration(Duration),
    /// A point in time.
    Time(Time),
    /// A version.
    Version(Version),
    /// An address.
    Ip(std::net::IpAddr),
    /// A block of addresses.
    Cidr(Cidr),
    /// A list or set.
    List(Vec<Const>),
    /// A map, sorted by key.
    Map(Vec<(String, Const)>),
    /// A value of type `dyn`, as JSON text.
    Dyn(String),
}

/// A value bound at load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// With its package: `acme.lib.trusted_images`.
    pub name: String,
    /// What authors wrote above it.
    pub doc: String,
    /// Its type.
    pub ty: Ty,
    /// The value unless somebody gives another one; `None`: it must be given.
    pub default: Option<Const>,
}

/// The expressions of one rule, mutation, bind or exception.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Operands stand before their users.
    pub exprs: Vec<Expr>,
    /// The type of each local, and its name for explanations.
    pub locals: Vec<Local>,
    /// What loops over the objects of a cluster look up. Worked out at load, in no bundle and of no meaning: an engine may
    /// leave it alone.
    #[serde(skip)]
    pub probes: Vec<Probe>,
}

impl Code {
    /// The expression `id`, if there is one.
    #[must_use]
    pub fn expr(&self, id: ExprId) -> Option<&Expr> {
        self.exprs.get(id.index())
    }
}

/// A local variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Local {
    /// As the author calls it.
    pub name: String,
    /// Its type.
    pub ty: Ty,
    /// Whether it may be absent.
    pub optional: bool,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// What it computes.
    pub op: Op,
    /// The type of the result.
    pub ty: Ty,
    /// Whether the type checker thinks that the result may be absent. No engine relies on it: a manifest may leave
    /// out even what the API requires.
    pub optional: bool,
}

/// The root values that a host gives to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Slot {
    /// The object under review (on delete: the object that goes).
    Object,
    /// The object before an update.
    Old,
    /// The pod template of the object.
    Pod,
    /// The Namespace object that the object is in.
    Namespace,
    /// Who asks.
    User,
    /// The request itself.
    Request,
    /// The cluster: its version.
    Cluster,
    /// The runtime event.
    Event,
}

/// What an expression computes. "Absent" below is the absent value; laws refer to `docs/language.md`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants name their fields and say what they mean")]
pub enum Op {
    /// A constant.
    Const(Const),
    /// A param's value.
    Param(ParamId),
    /// A local's value.
    Local(LocalId),
    /// A root value; absent if the host gave none (a blank record: its fields are absent or their defaults).
    Root(Slot, RootId),
    /// A field of the record `base` (field index in the demanded record). Of an absent record: default or absent.
    Field { base: ExprId, field: u32 },
    /// Whether the author wrote that field (law: `has`); `null` is not written.
    Written { base: ExprId, field: u32 },
    /// The value under a constant key of the map-typed field `base.field` (key index in its slot).
    MapKey { base: ExprId, field: u32, key: u32 },
    /// The value under a computed key; absent if there is none.
    MapGet { map: ExprId, key: ExprId },
    /// The element at a position from 0; absent out of range.
    ListGet { list: ExprId, index: ExprId },
    /// The member of a `dyn` object, or absent.
    DynField { base: ExprId, name: String },
    /// A `dyn` value indexed by a `dyn`, `string` or `int`: member, element or absent.
    DynIndex { base: ExprId, index: ExprId },
    /// A typed value as `dyn` (records: their JSON is not available; only scalars, lists, sets, maps of them).
    ToDyn(ExprId),
    /// Whether the value is not absent.
    Present(ExprId),
    /// Negation; an absent condition does not hold, so its negation does.
    Not(ExprId),
    /// Both; the right side is evaluated only if the left holds.
    And(ExprId, ExprId),
    /// One of them; the right side is evaluated only if the left does not hold.
    Or(ExprId, ExprId),
    /// One of two values by a condition.
    If { cond: ExprId, then: ExprId, otherwise: ExprId },
    /// The first if it is present, else the second.
    Coalesce(ExprId, ExprId),
    /// Structural equality under the operands' common type (text types by their canonical text); absent equals
    /// only absent. Lists in order, sets without; a list equals a set as a set. Records are never compared.
    Eq(ExprId, ExprId),
    /// Order; false if an operand is absent. Between `dyn` operands: numbers by value, text by bytes, else false.
    Compare(CompareOp, ExprId, ExprId),
    /// Membership: element `value` in list, set or map's keys `set`; `ip` in set of `cidr`: any block holds it;
    /// `host`/`string` in set of `host_pattern`: any pattern covers it. False if an operand is absent.
    In { value: ExprId, set: ExprId },
    /// Part-wise prefix: path under path, image under image_prefix, ip or cidr under cidr; `prefix` is one or a
    /// list or set of them. False if an operand is absent.
    Under { value: ExprId, prefix: ExprId },
    /// Glob match; `pattern` is one glob or a list or set of them. Paths, hosts and capabilities are matched in
    /// their canonical spelling, other texts as they are. False if an operand is absent.
    Like { value: ExprId, pattern: ExprId },
    /// Regex search; the pattern is of type regex, or a list or set of them. False if an operand is absent.
    Matches { value: ExprId, pattern: ExprId },
    /// Text operations by bytes; false if an operand is absent.
    Text(TextOp, ExprId, ExprId),
    /// Arithmetic on `int`, `quantity`, `duration`, `time`; saturates at the ends of the range.
    Add(ExprId, ExprId),
    /// See [`Op::Add`].
    Sub(ExprId, ExprId),
    /// See [`Op::Add`].
    Neg(ExprId),
    /// One list behind the other, or the union of sets; absent is empty.
    Concat(ExprId, ExprId),
    /// What is in the first and not in the second; a set; absent is empty.
    Difference(ExprId, ExprId),
    /// A list or set of values; absent elements are left out.
    MakeList(Vec<ExprId>),
    /// `any`, `all`, `none`, `count` of elements for which `body` holds; absent list: as the empty list.
    Quantified { quant: Quant, local: LocalId, list: ExprId, body: ExprId },
    /// `[head for local in list where filter]`; absent heads are left out; absent list: empty.
    Comprehension { local: LocalId, list: ExprId, filter: Option<ExprId>, head: ExprId },
    /// `value` under a name while `body` is evaluated.
    Let { local: LocalId, value: ExprId, body: ExprId },
    /// A builtin; total.
    Call { builtin: BuiltinId, args: Vec<ExprId> },
    /// Objects of a kind in the cluster; `others`: without the object under review.
    Cluster { root: RootId, others: bool },
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CompareOp {
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// An operation on two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TextOp {
    /// `starts_with`
    StartsWith,
    /// `ends_with`
    EndsWith,
    /// `contains`
    Contains,
}

/// A quantifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Quant {
    /// At least one.
    Any,
    /// Every one.
    All,
    /// Not one.
    None,
    /// How many.
    Count,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// With its package: `acme.pods.no_privileged`.
    pub name: String,
    /// Documentation and metadata.
    pub meta: Meta,
    /// Where it applies.
    pub targets: Vec<Target>,
    /// Its expressions.
    pub code: Code,
    /// What it does, in order.
    pub body: Vec<Stmt>,
    /// Its verdicts.
    pub clauses: Vec<Clause>,
    /// What an exception must name: dotted paths as written; empty: anything.
    pub exceptions_need: Vec<String>,
    /// Worst-case cost; see [`Cost`].
    pub cost: Cost,
}

/// Documentation and metadata of a rule, mutation or correlation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The `///` lines.
    pub doc: String,
    /// How bad a hit is.
    pub severity: Option<Severity>,
    /// MITRE ATT&CK technique ids.
    pub mitre: Vec<String>,
    /// CIS benchmark numbers as the author wrote them.
    pub cis: Vec<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Links.
    pub refs: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// How bad a hit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth mending.
    Medium,
    /// Mend soon.
    High,
    /// Mend now.
    Critical,
}

/// Where a rule or mutation applies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// Requests for objects of a kind.
    Kind {
        /// API group; empty: core.
        group: String,
        /// API versions that carry this schema; never empty.
        version: String,
        /// The kind of the resource: `Pod`.
        kind: String,
        /// The resource's name in URLs: `pods`.
        plural: String,
        /// `exec`, or nothing.
        subresource: Option<String>,
        /// Operations; empty: create and update (connect for subresources of that sort).
        operations: Vec<Operation>,
        /// The root of `object` and `old`.
        object: RootId,
        /// The root of `pod` and the JSON keys that lead from the object to it.
        pod: Option<(RootId, Vec<String>)>,
    },
    /// A runtime event.
    Event {
        /// Its name.
        name: String,
        /// Its root.
        root: RootId,
    },
}

/// What a request does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Make an object.
    #[default]
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
    /// Open a connection (exec, attach, portforward, proxy).
    Connect,
}

/// A statement of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants name their fields and say what they mean")]
pub enum Stmt {
    /// The rest of this block counts only if it holds.
    Where(ExprId),
    /// Binds a local.
    Let(LocalId, ExprId),
    /// For each element.
    For { local: LocalId, list: ExprId, body: Vec<Stmt> },
    /// A hit of the clause if the condition holds (`unless` is lowered to `not`).
    Verdict { clause: ClauseId, cond: Option<ExprId> },
}

/// A verdict's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clause {
    /// What to do.
    pub verb: Verb,
    /// What to say.
    pub message: Template,
    /// How to mend it.
    pub fix: Option<Template>,
}

/// What a verdict does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Refuse the request.
    Deny,
    /// Let it pass with a warning.
    Warn,
    /// Only record it.
    Audit,
    /// Emit an alert.
    Alert,
    /// Kill the process and emit an alert.
    Kill,
}

/// A message: text and holes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// In order.
    pub parts: Vec<TemplatePart>,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TemplatePart {
    /// Text as it is.
    Text(String),
    /// The value of an expression; absent prints `(not set)`.
    Hole(ExprId),
}

/// A mutation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mutation {
    /// With its package.
    pub name: String,
    /// Documentation and metadata.
    pub meta: Meta,
    /// Where it applies.
    pub targets: Vec<Target>,
    /// Its expressions.
    pub code: Code,
    /// What it does, in order.
    pub body: Vec<MutStmt>,
}

/// A statement of a mutation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants name their fields and say what they mean")]
pub enum MutStmt {
    /// The rest of this block counts only if it holds.
    Where(ExprId),
    /// Binds a local.
    Let(LocalId, ExprId),
    /// For each element (records only, from a place in the object).
    For { local: LocalId, list: ExprId, body: Vec<MutStmt> },
    /// One change.
    Change { kind: ChangeKind, place: Place, value: Option<ExprId> },
}

/// The verbs of a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Write where nothing (or `null`) is written.
    Default,
    /// Write.
    Overwrite,
    /// Append to the list unless an equal element is there.
    Add,
    /// Remove the entry.
    Remove,
}

/// A place in the object that a mutation changes. Missing parents are created (not for `Remove`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Where the path begins.
    pub base: PlaceBase,
    /// JSON keys from there on.
    pub keys: Vec<String>,
}

/// Where a [`Place`] begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PlaceBase {
    /// The object.
    Object,
    /// Its pod template.
    Pod,
    /// The element that a `for` local stands for.
    Local(LocalId),
}

/// Where rules hold, how hard, with which params.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bind {
    /// The rules.
    pub rules: Vec<RuleId>,
    /// How hard.
    pub mode: Option<Mode>,
    /// One condition per rule of `rules` (each rule has its own roots).
    pub conditions: Vec<Condition>,
    /// Params given here.
    pub with: Vec<(ParamId, Const)>,
}

/// A condition with its own expressions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Its expressions.
    pub code: Code,
    /// What must hold; `None`: it always holds.
    pub cond: Option<ExprId>,
}

/// How hard a rule is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Counted and logged, nothing else.
    Dryrun,
    /// A warning (admission).
    Warn,
    /// Refused (admission).
    Deny,
    /// An alert (runtime).
    Alert,
    /// An alert, and kill or deny where the verb says so (runtime).
    Enforce,
}

/// An exception to rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// With its package.
    pub name: String,
    /// The rules.
    pub rules: Vec<RuleId>,
    /// One condition per rule of `rules`.
    pub conditions: Vec<Condition>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, `2027-03-31`; `None`: for ever.
    pub until: Option<String>,
}

/// A static worst-case cost of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// A polynomial in named list lengths: `12 + 7·|pod.spec.all_containers|`.
    pub formula: String,
    /// Its value for the configured bound on list lengths.
    pub worst: u64,
}
