//! Checks a module completely before anything runs it: ids, types, scopes, places, sizes.
//!
//! A module may come from anywhere, so nothing is taken for granted but the form of the data. What passes is evaluated
//! without any trap but fuel, and lays out within bounds. [`Expr::optional`](crate::ir::Expr) is not checked: it is
//! what the type checker knew, and no engine relies on it, because a manifest may leave out even what the API requires.

mod code;
mod demand;
mod items;
mod ops;

use crate::{
    builtin::Builtin,
    ir::{ExprId, LocalId, Module, RootId, Ty},
    value::const_fits,
};

/// Items of one sort in a module, at most.
pub const MAX_ITEMS: usize = 1 << 16;
/// Roots of a module, records of a root, fields of a record and keys of a map, at most.
pub const MAX_DEMAND: usize = 1 << 12;
/// Expressions of one code, at most.
pub const MAX_EXPRS: usize = 1 << 16;
/// Locals of one code, at most.
pub const MAX_LOCALS: usize = 1 << 10;
/// Loops in loops, at most.
pub const MAX_LOOPS: usize = 16;
/// Types in types, at most.
pub const MAX_TYPES: usize = 8;

/// What is wrong with a module, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}: {problem}", expr.map_or_else(String::new, |id| format!(", %{}", id.0)))]
pub struct VerifyError {
    /// Which item: `rule acme.pods.no_privileged`.
    pub place: String,
    /// Which of its expressions.
    pub expr: Option<ExprId>,
    /// What.
    pub problem: Problem,
}

/// What can be wrong with a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There are more of them than any engine takes.
    #[error("there are more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// An id names nothing.
    #[error("there is no {what} {id}")]
    NoSuch {
        /// What it should name.
        what: &'static str,
        /// The id.
        id: u32,
    },
    /// A builtin that this build does not have.
    #[error("there is no builtin `{0}`")]
    NoBuiltin(String),
    /// An operand does not stand before its user.
    #[error("its operand %{} does not stand before it", .0.0)]
    Order(ExprId),
    /// An operand, local, list or value is not of a type that fits.
    #[error("{what} is a `{found}`, which does not fit")]
    Type {
        /// What is of the wrong type.
        what: &'static str,
        /// Its type.
        found: String,
    },
    /// The declared type of the result is not the one that the operation gives.
    #[error("its result is declared as `{0}`, which it does not give")]
    Result(String),
    /// A type that values cannot have: a set of records, a record of another root, types nested too deeply.
    #[error("`{0}` is no type of a value")]
    BadType(String),
    /// A constant that is none of its type.
    #[error("a constant is no `{0}`")]
    Const(String),
    /// A map that is read as a whole but demanded by key only.
    #[error("the map `{0}` is read as a whole but not demanded so")]
    NotWhole(String),
    /// A field that cannot come from where it says.
    #[error("the field `{0}` cannot have this source, slot and default together")]
    Source(String),
    /// A local is used where nothing binds it.
    #[error("local {} is used outside its scope", .0.0)]
    Scope(LocalId),
    /// A local is bound in two places.
    #[error("local {} is bound twice", .0.0)]
    BoundTwice(LocalId),
    /// Expressions or loops are nested too deeply.
    #[error("it is nested too deeply")]
    TooDeep,
    /// Two lists that belong together have different lengths.
    #[error("it has {rules} rules and {conditions} conditions")]
    Conditions {
        /// How many rules.
        rules: usize,
        /// How many conditions.
        conditions: usize,
    },
    /// A root value that the targets do not give, or give as another root.
    #[error("its targets do not give it `{0}` as this root")]
    Slot(&'static str),
    /// A target that no request or event can match, or that does not fit the others.
    #[error("its targets are malformed: {0}")]
    Target(&'static str),
    /// A change that says too little or too much.
    #[error("a change is malformed: {0}")]
    Change(&'static str),
    /// A root that code asks the cluster for is not watched.
    #[error("root {} is asked of the cluster but not watched", .0.0)]
    NotWatched(RootId),
}

/// Checks a module, and resolves its builtins in the order of its list.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(module: &Module, builtins: &[&'static Builtin]) -> Result<Vec<&'static Builtin>, VerifyError> {
    let at = |place: &str, problem| VerifyError { place: place.to_owned(), expr: None, problem };
    for (what, len) in [
        ("builtins", module.builtins.len()),
        ("params", module.params.len()),
        ("rules", module.rules.len()),
        ("mutations", module.mutations.len()),
        ("binds", module.binds.len()),
        ("exceptions", module.exceptions.len()),
        ("watches", module.watches.len()),
    ] {
        at_most(what, len, MAX_ITEMS).map_err(|problem| at("module", problem))?;
    }
    demand::check(module)?;
    let mut resolved = Vec::with_capacity(module.builtins.len());
    for name in &module.builtins {
        let found = builtins.iter().find(|builtin| builtin.name == name);
        resolved.push(*found.ok_or_else(|| at("module", Problem::NoBuiltin(name.clone())))?);
    }
    for param in &module.params {
        let place = format!("param {}", param.name);
        check_ty(module, &param.ty, 0).map_err(|problem| at(&place, problem))?;
        if param.default.as_ref().is_some_and(|value| !const_fits(value, &param.ty)) {
            return Err(at(&place, Problem::Const(crate::print::ty_text(module, &param.ty))));
        }
    }
    items::check(&Checker { module, builtins: &resolved })?;
    Ok(resolved)
}

/// What all checks of code look at.
#[derive(Clone, Copy)]
struct Checker<'m> {
    module: &'m Module,
    builtins: &'m [&'static Builtin],
}

impl Checker<'_> {
    fn show(&self, ty: &Ty) -> String {
        crate::print::ty_text(self.module, ty)
    }
}

fn at_most(what: &'static str, len: usize, max: usize) -> Result<(), Problem> {
    if len > max { Err(Problem::TooMany { what, max }) } else { Ok(()) }
}

/// Whether a value can be of this type.
fn check_ty(module: &Module, ty: &Ty, depth: usize) -> Result<(), Problem> {
    use crate::types::Type;
    let bad = || Problem::BadType(crate::print::ty_text(module, ty));
    if depth > MAX_TYPES {
        return Err(Problem::TooDeep);
    }
    match ty {
        Ty::Scalar(Type::Record(_) | Type::List(_) | Type::Set(_) | Type::Map(_)) => Err(bad()),
        Ty::Scalar(_) => Ok(()),
        Ty::Record(root, record) => {
            let known =
                module.roots.get(root.index()).is_some_and(|root| record.index() < root.records.len());
            if known { Ok(()) } else { Err(bad()) }
        }
        Ty::Set(element) if has_record(element, depth) => Err(bad()),
        Ty::List(inner) | Ty::Set(inner) | Ty::Map(inner) => check_ty(module, inner, depth + 1),
    }
}

/// Whether a record is part of the type. Too deep a type counts as one.
fn has_record(ty: &Ty, depth: usize) -> bool {
    match ty {
        Ty::Scalar(_) => false,
        Ty::Record(..) => true,
        Ty::List(inner) | Ty::Set(inner) | Ty::Map(inner) => {
            depth > MAX_TYPES || has_record(inner, depth + 1)
        }
    }
}

#[cfg(test)]
mod tests;
