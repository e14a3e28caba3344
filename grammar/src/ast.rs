//! The syntax tree: what an author wrote, with a span on everything that a message may point at.
//!
//! It follows the grammar in `docs/language.md` rule by rule and resolves nothing: a name is a name, a literal keeps
//! its text. Parentheses stay in the tree (`ExprKind::Paren`), so that the formatter keeps what was written for the
//! reader's sake.

use crate::span::Span;

/// One `.kpol` file.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct File {
    /// The `//!` lines, without the slashes.
    pub docs: Vec<Doc>,
    /// `package acme.pods`.
    pub package: Option<Path>,
    /// `use` and `kind` declarations, in order.
    pub uses: Vec<Use>,
    /// Everything else, in order.
    pub items: Vec<Item>,
}

/// One doc line: the text behind `///` or `//!`, with one leading blank removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Doc {
    /// The text.
    pub text: String,
    /// The whole line with its slashes.
    pub span: Span,
}

/// A name as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The text.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// Names joined by dots.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// At least one.
    pub names: Vec<Name>,
    /// The whole.
    pub span: Span,
}

/// A string literal.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StrLit {
    /// The value, escapes resolved.
    pub text: String,
    /// Whether it was written with three quotes; then a backslash is only a backslash.
    pub triple: bool,
    /// Where the source differs in length from the text; empty for a text that no source wrote.
    pub escapes: Vec<Escape>,
    /// With the quotes.
    pub span: Span,
}

/// A character that was written as an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escape {
    /// Its first byte in the text.
    pub at: u32,
    /// Its length in the text.
    pub length: u32,
    /// The length of the escape in the source.
    pub source: u32,
}

/// What a file brings in.
#[derive(Clone, Debug, PartialEq)]
pub enum Use {
    /// `use acme.lib` or `use acme.lib as lib`.
    Module { path: Path, alias: Option<Name>, span: Span },
    /// `use acme.lib.{trusted, shells}`.
    Names { path: Path, names: Vec<Name>, span: Span },
    /// `kind Certificate from "crds/cert-manager.yaml"`.
    Kind { name: Name, from: StrLit, span: Span },
}

/// A top-level declaration with its doc lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The `///` lines above it.
    pub docs: Vec<Doc>,
    /// What it is.
    pub kind: ItemKind,
    /// From its keyword to its end.
    pub span: Span,
}

/// A top-level declaration.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// `param max_memory: quantity = 4Gi`.
    Param { name: Name, ty: TypeExpr, default: Option<Expr> },
    /// `let shells = [..]`.
    Let { name: Name, ty: Option<TypeExpr>, value: Expr },
    /// `define trusted(i: image) = ..`; `define shell_started on exec = ..`.
    Define { name: Name, params: Option<Vec<DefineParam>>, on: Option<On>, body: Expr },
    /// `rule NAME on TARGET { .. }`.
    Rule(Rule),
    /// `mutate NAME on TARGET { .. }`.
    Mutate(Mutate),
    /// `correlate NAME { .. }`.
    Correlate(Correlate),
    /// `bind RULE, RULE { .. }`.
    Bind(Bind),
    /// `exception NAME to RULE { .. }`.
    Exception(Exception),
    /// `test RULE "name" { .. }`.
    Test(Test),
    /// Something that did not parse; the diagnostics say what.
    Error,
}

/// `i: image`.
#[derive(Clone, Debug, PartialEq)]
pub struct DefineParam {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
}

/// A type as written: `set<image_prefix>`, `quantity?`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeExpr {
    /// `set`, `Pod`, `acme.Thing`.
    pub name: Path,
    /// Between `<` and `>`.
    pub args: Vec<TypeExpr>,
    /// A `?` at the end.
    pub optional: bool,
    /// The whole.
    pub span: Span,
}

/// `on Workload, Pod/exec (connect)`.
#[derive(Clone, Debug, PartialEq)]
pub struct On {
    /// At least one.
    pub targets: Vec<Target>,
    /// The whole.
    pub span: Span,
}

/// `Pod/exec (create, update)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// A kind, an event, or a group of kinds.
    pub path: Path,
    /// Behind the slash.
    pub subresource: Option<Name>,
    /// In the parentheses.
    pub operations: Vec<Name>,
    /// The whole.
    pub span: Span,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: Name,
    /// Where it applies.
    pub on: On,
    /// Its clauses, in order.
    pub clauses: Vec<RuleClause>,
}

/// A clause directly inside a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleClause {
    /// `severity high` and its like.
    Meta(Meta),
    /// `exceptions need proc.exe, file.path`.
    ExceptionsNeed { paths: Vec<Path>, span: Span },
    /// `verify_at_runtime`.
    VerifyAtRuntime { span: Span },
    /// What may also stand in a `for` block.
    Block(BlockClause),
}

/// A clause of a rule or of a `for` block in it.
#[derive(Clone, Debug, PartialEq)]
pub enum BlockClause {
    /// `where EXPR`: the rest of the block counts only if it holds.
    Where { cond: Expr, span: Span },
    /// `let x = EXPR`.
    Let(LetIn),
    /// `for x in xs { .. }`.
    For(For<BlockClause>),
    /// `deny when EXPR message ".."`.
    Verdict(Verdict),
}

/// `let x = EXPR` inside a block.
#[derive(Clone, Debug, PartialEq)]
pub struct LetIn {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
    /// The whole.
    pub span: Span,
}

/// `for x in xs { .. }`.
#[derive(Clone, Debug, PartialEq)]
pub struct For<C> {
    /// The name of each element.
    pub var: Name,
    /// The list.
    pub range: Expr,
    /// What is done for each.
    pub body: Vec<C>,
    /// The whole.
    pub span: Span,
}

/// `severity high`, `mitre "T1611"`, ...
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// Which one.
    pub kind: MetaKind,
    /// The whole.
    pub span: Span,
}

/// Metadata clauses.
#[derive(Clone, Debug, PartialEq)]
pub enum MetaKind {
    /// One of low, medium, high, critical (checked later).
    Severity(Name),
    /// MITRE ATT&CK technique ids.
    Mitre(Vec<StrLit>),
    /// CIS benchmark numbers.
    Cis(Vec<StrLit>),
    /// Free words.
    Tags(Vec<StrLit>),
    /// Links.
    Refs(Vec<StrLit>),
    /// Who answers for it.
    Owner(StrLit),
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// `deny when EXPR message ".." fix ".."`.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What to do.
    pub verb: Verb,
    /// Where the verb stands.
    pub verb_span: Span,
    /// When; nothing: always.
    pub cond: Option<Condition>,
    /// What to say, with `{path}` holes.
    pub message: StrLit,
    /// How to mend it.
    pub fix: Option<StrLit>,
    /// The whole.
    pub span: Span,
}

/// `when EXPR` or `unless EXPR`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `unless` instead of `when`.
    pub unless: bool,
    /// The expression.
    pub expr: Expr,
    /// With the keyword.
    pub span: Span,
}

/// A mutation.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutate {
    /// Its name.
    pub name: Name,
    /// Where it applies.
    pub on: On,
    /// Its clauses, in order.
    pub clauses: Vec<MutateClause>,
}

/// A clause of a mutation or of a `for` block in it (`Meta` only outside of blocks).
#[derive(Clone, Debug, PartialEq)]
pub enum MutateClause {
    /// `severity high` and its like.
    Meta(Meta),
    /// `where EXPR`.
    Where { cond: Expr, span: Span },
    /// `let x = EXPR`.
    Let(LetIn),
    /// `for x in xs { .. }`.
    For(For<MutateClause>),
    /// One change.
    Change(Change),
}

/// One change of a mutation.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What is done.
    pub kind: ChangeKind,
    /// The whole.
    pub span: Span,
}

/// The four verbs of a mutation.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeKind {
    /// `default PATH = EXPR`: only where nothing is written.
    Default { place: Expr, value: Expr },
    /// `overwrite PATH = EXPR`.
    Overwrite { place: Expr, value: Expr },
    /// `add EXPR to PATH`: an element, if the list has none equal to it.
    Add { value: Expr, place: Expr },
    /// `remove PATH`.
    Remove { place: Expr },
}

/// A correlation of events.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlate {
    /// Its name.
    pub name: Name,
    /// Its clauses, in order.
    pub clauses: Vec<CorrelateClause>,
}

/// A clause of a correlation.
#[derive(Clone, Debug, PartialEq)]
pub enum CorrelateClause {
    /// `severity high` and its like.
    Meta(Meta),
    /// `within 1m by container.id`.
    Within { duration: UnitNum, by: Vec<Path>, span: Span },
    /// `step shell on exec when EXPR at_least 5 distinct file.path`.
    Step(Step),
    /// `reset on container_stop when EXPR`.
    Reset { on: On, when: Option<Expr>, span: Span },
    /// `alert message ".."`; `cond` is always empty.
    Verdict(Verdict),
}

/// One step of a correlation.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: Name,
    /// The events.
    pub on: On,
    /// Which of them count.
    pub when: Option<Expr>,
    /// How many.
    pub count: Option<Count>,
    /// The whole.
    pub span: Span,
}

/// `at_least 5 distinct file.path`.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// How many.
    pub at_least: i64,
    /// Counted by different values of this.
    pub distinct: Option<Path>,
    /// The whole.
    pub span: Span,
}

/// Where rules hold and how hard.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// The rules.
    pub rules: Vec<Path>,
    /// Its clauses, in order.
    pub clauses: Vec<BindClause>,
}

/// A clause of a bind.
#[derive(Clone, Debug, PartialEq)]
pub enum BindClause {
    /// `mode deny`.
    Mode { mode: Name, span: Span },
    /// `where EXPR`.
    Where { cond: Expr, span: Span },
    /// `with allowed = [..]`.
    With(With),
}

/// `with NAME = EXPR`.
#[derive(Clone, Debug, PartialEq)]
pub struct With {
    /// The param.
    pub name: Name,
    /// Its value here.
    pub value: Expr,
    /// The whole.
    pub span: Span,
}

/// An exception to rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Exception {
    /// Its name.
    pub name: Name,
    /// The rules.
    pub rules: Vec<Path>,
    /// Its clauses, in order.
    pub clauses: Vec<ExceptionClause>,
}

/// A clause of an exception.
#[derive(Clone, Debug, PartialEq)]
pub enum ExceptionClause {
    /// `where EXPR`.
    Where { cond: Expr, span: Span },
    /// `reason ".."`.
    Reason { text: StrLit, span: Span },
    /// `owner ".."`.
    Owner { text: StrLit, span: Span },
    /// `until 2027-03-31`: the last day on which it holds.
    Until { date: DateLit, span: Span },
}

/// A test of a rule, mutation or correlation.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What is tested.
    pub rule: Path,
    /// The law that it states.
    pub name: StrLit,
    /// Its clauses, in order.
    pub clauses: Vec<TestClause>,
}

/// A clause of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum TestClause {
    /// `given Pod { .. }`.
    Given { kind: Path, object: Object, span: Span },
    /// `given yaml """..."""`.
    GivenYaml { text: StrLit, span: Span },
    /// `given manifest "file.yaml"`.
    GivenManifest { file: StrLit, span: Span },
    /// `at 10s exec { .. }`.
    At { time: UnitNum, event: Path, object: Object, span: Span },
    /// `with max_memory = 1Gi`.
    With(With),
    /// `with objects [ Ingress { .. }, ]`.
    WithObjects { objects: Vec<(Path, Object)>, span: Span },
    /// `expect deny message ".." blames ".."`.
    Expect { verdict: Name, message: Option<StrLit>, blames: Option<StrLit>, span: Span },
}

/// `{ spec.containers: [..] }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// In order.
    pub pairs: Vec<Pair>,
    /// With the braces.
    pub span: Span,
}

/// `securityContext.privileged: true`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The dotted key, at least one part.
    pub keys: Vec<Key>,
    /// The value.
    pub value: ObjectValue,
    /// The whole.
    pub span: Span,
}

/// One part of a dotted key: a name or a string.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The text.
    pub text: String,
    /// Written as a string.
    pub quoted: bool,
    /// Where.
    pub span: Span,
}

/// A value in an object.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectValue {
    /// `{ .. }`.
    Object(Object),
    /// `[ .. ]`.
    List { items: Vec<ObjectValue>, span: Span },
    /// A literal, also with a minus sign before a number.
    Literal { literal: Literal, negative: bool, span: Span },
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The whole.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `if A then B else C`.
    If { cond: Box<Expr>, then: Box<Expr>, otherwise: Box<Expr> },
    /// Two operands and what stands between them.
    Binary { op: BinaryOp, op_span: Span, lhs: Box<Expr>, rhs: Box<Expr> },
    /// `not A`.
    Not(Box<Expr>),
    /// `has A`.
    Has(Box<Expr>),
    /// `-A`.
    Neg(Box<Expr>),
    /// `A.name`.
    Field { base: Box<Expr>, name: Name },
    /// `A[B]`.
    Index { base: Box<Expr>, index: Box<Expr> },
    /// `A(B, C)`.
    Call { callee: Box<Expr>, args: Vec<Expr> },
    /// A name.
    Var(Name),
    /// A literal.
    Literal(Literal),
    /// `(A)`.
    Paren(Box<Expr>),
    /// `[A, B]`, also empty.
    List(Vec<Expr>),
    /// `[HEAD for x in RANGE where FILTER]`.
    Comprehension { head: Box<Expr>, var: Name, range: Box<Expr>, filter: Option<Box<Expr>> },
    /// `any x in RANGE { BODY }`.
    Quantified { quant: Quant, var: Name, range: Box<Expr>, body: Box<Expr> },
    /// Something that did not parse.
    Error,
}

/// A literal as written; its type comes from where it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text.
    Str(StrLit),
    /// `re"..."`: the pattern as written between the quotes.
    Regex(StrLit),
    /// An integer.
    Int(i64),
    /// A number with a unit.
    Unit(UnitNum),
    /// `2027-03-31`.
    Date(DateLit),
    /// `true`, `false`.
    Bool(bool),
}

/// `4Gi`, `90d`, `1.5h`.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitNum {
    /// As written.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// `2027-03-31`, as written (not yet known to be a day of the calendar).
#[derive(Clone, Debug, PartialEq)]
pub struct DateLit {
    /// As written.
    pub text: String,
    /// Where.
    pub span: Span,
}

/// What stands between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `under`
    Under,
    /// `not under`
    NotUnder,
    /// `like`
    Like,
    /// `not like`
    NotLike,
    /// `matches`
    Matches,
    /// `not matches`
    NotMatches,
    /// `starts_with`
    StartsWith,
    /// `ends_with`
    EndsWith,
    /// `contains`
    Contains,
    /// `??`
    Default,
    /// `+`
    Add,
    /// `-`
    Sub,
}

/// The four quantifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quant {
    /// At least one element holds.
    Any,
    /// Every element holds.
    All,
    /// No element holds.
    None,
    /// How many elements hold.
    Count,
}
