//! Checks one expression: do its operands have types that the operation takes, and is its own type what it gives?

use super::{Checker, Problem, has_record};
use crate::{
    builtin::Sig,
    ir::{BuiltinId, Code, Expr, ExprId, FieldDemand, LocalId, Op, Quant, RecordId, RootId, SlotTy, Ty},
    types::Type,
    value::{const_fits, unify},
};

type Check = Result<(), Problem>;

pub(super) struct Ops<'m> {
    pub(super) checker: Checker<'m>,
    pub(super) code: &'m Code,
    pub(super) expr: &'m Expr,
}

/// Whether a value of one type may stand where another type is expected, as it is: any text as any text (but not as a
/// glob or regular expression, which are checked when they are made), ports as integers, lists as sets and back.
pub(super) fn flows(from: &Ty, to: &Ty) -> bool {
    match (from, to) {
        (Ty::Scalar(a), Ty::Scalar(b)) => {
            a == b
                || (a.is_text() && b.is_text() && !matches!(b, Type::Glob | Type::Regex))
                || matches!((a, b), (Type::Int, Type::Port) | (Type::Port, Type::Int))
        }
        (Ty::List(a) | Ty::Set(a), Ty::List(b) | Ty::Set(b)) | (Ty::Map(a), Ty::Map(b)) => flows(a, b),
        (Ty::Record(..), Ty::Record(..)) => from == to,
        (Ty::Scalar(_) | Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_), _) => false,
    }
}

/// The type of the value that a slot holds.
pub(super) fn slot_ty(root: RootId, slot: &SlotTy) -> Ty {
    match slot {
        SlotTy::Scalar(ty) => Ty::Scalar(ty.clone()),
        SlotTy::Record(id) => Ty::Record(root, *id),
        SlotTy::List(element) => Ty::List(Box::new(slot_ty(root, element))),
        SlotTy::Map { value, .. } => Ty::Map(Box::new(slot_ty(root, value))),
    }
}

/// Whether every map in a slot is demanded as a whole.
fn is_whole(slot: &SlotTy) -> bool {
    match slot {
        SlotTy::Scalar(_) | SlotTy::Record(_) => true,
        SlotTy::List(inner) => is_whole(inner),
        SlotTy::Map { value, whole, .. } => *whole && is_whole(value),
    }
}

impl<'m> Ops<'m> {
    fn ty(&self, id: ExprId) -> &'m Ty {
        self.code.expr(id).map_or(&Ty::DYN, |expr| &expr.ty)
    }

    fn gives(&self, ty: &Ty) -> Check {
        if self.expr.ty == *ty { Ok(()) } else { Err(Problem::Result(self.checker.show(&self.expr.ty))) }
    }

    fn no_result(&self) -> Problem {
        Problem::Result(self.checker.show(&self.expr.ty))
    }

    fn wrong(&self, what: &'static str, ty: &Ty) -> Problem {
        Problem::Type { what, found: self.checker.show(ty) }
    }

    /// The operand is of this type.
    fn is(&self, what: &'static str, id: ExprId, ty: &Ty) -> Check {
        if flows(self.ty(id), ty) { Ok(()) } else { Err(self.wrong(what, self.ty(id))) }
    }

    /// The operand fits a test.
    fn fits(&self, what: &'static str, id: ExprId, fits: impl FnOnce(&Ty) -> bool) -> Check {
        if fits(self.ty(id)) { Ok(()) } else { Err(self.wrong(what, self.ty(id))) }
    }

    fn bools(&self, ids: &[ExprId]) -> Check {
        ids.iter().try_for_each(|id| self.is("a condition", *id, &Ty::BOOL))?;
        self.gives(&Ty::BOOL)
    }

    pub(super) fn check(&self) -> Check {
        let ty = &self.expr.ty;
        match &self.expr.op {
            Op::Const(value) if const_fits(value, ty) => Ok(()),
            Op::Const(_) => Err(Problem::Const(self.checker.show(ty))),
            Op::Param(id) => {
                let param = self.checker.module.params.get(id.index());
                self.gives(&param.ok_or(Problem::NoSuch { what: "param", id: id.0 })?.ty)
            }
            Op::Local(id) => self.gives(self.local(*id)?),
            Op::Root(_, root) => self.gives(&Ty::Record(*root, RecordId(0))),
            Op::Field { base, field } => {
                let (root, demand) = self.field(*base, *field)?;
                if !is_whole(&demand.slot) {
                    return Err(Problem::NotWhole(demand.name.clone()));
                }
                self.gives(&slot_ty(root, &demand.slot))
            }
            Op::Written { base, field } => {
                self.field(*base, *field)?;
                self.gives(&Ty::BOOL)
            }
            Op::MapKey { base, field, key } => self.map_key(*base, *field, *key),
            Op::MapGet { map, key } => {
                self.fits("the key", *key, is_text)?;
                let Ty::Map(value) = self.ty(*map) else { return Err(self.wrong("the map", self.ty(*map))) };
                self.gives(value)
            }
            Op::ListGet { list, index } => {
                self.is("the index", *index, &Ty::INT)?;
                let element =
                    self.ty(*list).element().ok_or_else(|| self.wrong("the list", self.ty(*list)))?;
                self.gives(element)
            }
            Op::DynField { base, .. } => {
                self.is("the value", *base, &Ty::DYN)?;
                self.gives(&Ty::DYN)
            }
            Op::DynIndex { base, index } => {
                self.is("the value", *base, &Ty::DYN)?;
                self.fits("the index", *index, |ty| *ty == Ty::DYN || is_text(ty) || flows(ty, &Ty::INT))?;
                self.gives(&Ty::DYN)
            }
            Op::ToDyn(operand) => {
                self.fits("the value", *operand, |ty| !has_record(ty, 0))?;
                self.gives(&Ty::DYN)
            }
            Op::Present(_) => self.gives(&Ty::BOOL),
            Op::Not(a) => self.bools(&[*a]),
            Op::And(a, b) | Op::Or(a, b) => self.bools(&[*a, *b]),
            Op::If { cond, then, otherwise } => {
                self.is("the condition", *cond, &Ty::BOOL)?;
                self.is("the first value", *then, ty)?;
                self.is("the second value", *otherwise, ty)
            }
            Op::Coalesce(a, b) => {
                self.is("the first value", *a, ty)?;
                self.is("the second value", *b, ty)
            }
            Op::Eq(a, b) => {
                unify(self.ty(*a), self.ty(*b))
                    .ok_or_else(|| self.wrong("the second operand", self.ty(*b)))?;
                self.gives(&Ty::BOOL)
            }
            Op::Compare(_, a, b) => {
                let common = unify(self.ty(*a), self.ty(*b));
                common.filter(is_ordered).ok_or_else(|| self.wrong("the second operand", self.ty(*b)))?;
                self.gives(&Ty::BOOL)
            }
            Op::In { value, set } => self.membership(*value, *set),
            Op::Under { value, prefix } => self.under(*value, *prefix),
            Op::Like { value, pattern } => {
                self.fits("the text", *value, is_text)?;
                self.fits("the pattern", *pattern, |ty| is_text(one_of(ty)))?;
                self.gives(&Ty::BOOL)
            }
            Op::Matches { value, pattern } => {
                self.fits("the text", *value, is_text)?;
                self.fits("the pattern", *pattern, |ty| *one_of(ty) == Ty::Scalar(Type::Regex))?;
                self.gives(&Ty::BOOL)
            }
            Op::Text(_, a, b) => {
                self.fits("the text", *a, is_text)?;
                self.fits("the text", *b, is_text)?;
                self.gives(&Ty::BOOL)
            }
            Op::Add(a, b) => self.arithmetic(*a, *b, false),
            Op::Sub(a, b) => self.arithmetic(*a, *b, true),
            Op::Neg(a) => {
                let signed = |ty: &Ty| matches!(ty, Ty::Scalar(Type::Int | Type::Quantity | Type::Duration));
                self.fits("the operand", *a, signed)?;
                self.gives(self.ty(*a))
            }
            Op::Concat(a, b) => {
                let element = ty.element().ok_or_else(|| self.no_result())?;
                self.collection(*a, element)?;
                self.collection(*b, element)
            }
            Op::Difference(a, b) => self.difference(*a, *b),
            Op::MakeList(items) => {
                let element = ty.element().ok_or_else(|| self.no_result())?;
                items.iter().try_for_each(|item| self.is("an element", *item, element))
            }
            Op::Quantified { quant, local, list, body } => {
                self.elements(*local, *list)?;
                self.is("the condition", *body, &Ty::BOOL)?;
                self.gives(if *quant == Quant::Count { &Ty::INT } else { &Ty::BOOL })
            }
            Op::Comprehension { local, list, filter, head } => {
                self.elements(*local, *list)?;
                filter.map_or(Ok(()), |filter| self.is("the condition", filter, &Ty::BOOL))?;
                self.is("an element", *head, ty.element().ok_or_else(|| self.no_result())?)
            }
            Op::Let { local, value, body } => {
                self.is("the value", *value, self.local(*local)?)?;
                self.gives(self.ty(*body))
            }
            Op::Call { builtin, args } => self.call(*builtin, args),
            Op::Cluster { root, .. } => {
                if !self.checker.module.watches.iter().any(|watch| watch.root == *root) {
                    return Err(Problem::NotWatched(*root));
                }
                self.gives(&Ty::List(Box::new(Ty::Record(*root, RecordId(0)))))
            }
        }
    }

    fn local(&self, id: LocalId) -> Result<&'m Ty, Problem> {
        let local = self.code.locals.get(id.index());
        local.map(|local| &local.ty).ok_or(Problem::NoSuch { what: "local", id: id.0 })
    }

    fn field(&self, base: ExprId, field: u32) -> Result<(RootId, &'m FieldDemand), Problem> {
        let Ty::Record(root, record) = self.ty(base) else {
            return Err(self.wrong("the record", self.ty(base)));
        };
        let demand = self.checker.module.roots.get(root.index());
        let demand = demand.and_then(|root| root.records.get(record.index()));
        let demand = demand.and_then(|record| record.fields.get(field as usize));
        Ok((*root, demand.ok_or(Problem::NoSuch { what: "field", id: field })?))
    }

    fn map_key(&self, base: ExprId, field: u32, key: u32) -> Check {
        let (root, demand) = self.field(base, field)?;
        let SlotTy::Map { value, keys, .. } = &demand.slot else {
            return Err(Problem::NoSuch { what: "map field", id: field });
        };
        if key as usize >= keys.len() {
            return Err(Problem::NoSuch { what: "key", id: key });
        }
        if !is_whole(value) {
            return Err(Problem::NotWhole(demand.name.clone()));
        }
        self.gives(&slot_ty(root, value))
    }

    fn membership(&self, value: ExprId, set: ExprId) -> Check {
        let (value, set) = (self.ty(value), self.ty(set));
        let fits = match set {
            Ty::List(element) | Ty::Set(element) => {
                unify(value, element).is_some()
                    || matches!(
                        (value, element.as_ref()),
                        (Ty::Scalar(Type::Ip), Ty::Scalar(Type::Cidr))
                            | (Ty::Scalar(Type::Host | Type::Str), Ty::Scalar(Type::HostPattern))
                    )
            }
            Ty::Map(_) => is_text(value),
            Ty::Scalar(Type::Dyn) => *value == Ty::DYN,
            Ty::Scalar(_) | Ty::Record(..) => false,
        };
        if fits { self.gives(&Ty::BOOL) } else { Err(self.wrong("the set", set)) }
    }

    fn under(&self, value: ExprId, prefix: ExprId) -> Check {
        let prefix_ty = one_of(self.ty(prefix));
        let fits = match (self.ty(value), prefix_ty) {
            (Ty::Scalar(Type::Path), Ty::Scalar(Type::Path | Type::Str))
            | (Ty::Scalar(Type::Image), Ty::Scalar(Type::ImagePrefix | Type::Str))
            | (Ty::Scalar(Type::Ip | Type::Cidr), Ty::Scalar(Type::Cidr)) => true,
            (Ty::Scalar(_) | Ty::Record(..) | Ty::List(_) | Ty::Set(_) | Ty::Map(_), _) => false,
        };
        if fits { self.gives(&Ty::BOOL) } else { Err(self.wrong("the prefix", prefix_ty)) }
    }

    fn arithmetic(&self, a: ExprId, b: ExprId, minus: bool) -> Check {
        let wrong = || self.wrong("the second operand", self.ty(b));
        let (Ty::Scalar(a), Ty::Scalar(b)) = (self.ty(a), self.ty(b)) else { return Err(wrong()) };
        let result = match (a, b) {
            (Type::Int | Type::Port, Type::Int | Type::Port) => Type::Int,
            (Type::Quantity, Type::Quantity) => Type::Quantity,
            (Type::Duration, Type::Duration) => Type::Duration,
            (Type::Time, Type::Duration) => Type::Time,
            (Type::Duration, Type::Time) if !minus => Type::Time,
            (Type::Time, Type::Time) if minus => Type::Duration,
            _ => return Err(wrong()),
        };
        self.gives(&Ty::Scalar(result))
    }

    fn collection(&self, id: ExprId, element: &Ty) -> Check {
        self.fits("the list", id, |ty| ty.element().is_some_and(|found| flows(found, element)))
    }

    fn difference(&self, a: ExprId, b: ExprId) -> Check {
        let Ty::Set(element) = &self.expr.ty else { return Err(self.no_result()) };
        self.collection(a, element)?;
        let common = self.ty(a).element().zip(self.ty(b).element()).and_then(|(a, b)| unify(a, b));
        if common.is_some() { Ok(()) } else { Err(self.wrong("the second set", self.ty(b))) }
    }

    /// The local takes the elements of the list.
    fn elements(&self, local: LocalId, list: ExprId) -> Check {
        let local = self.local(local)?;
        self.fits("the list", list, |ty| {
            ty.element().is_some_and(|element| flows(element, local)) || (*ty == Ty::DYN && *local == Ty::DYN)
        })
    }

    fn call(&self, id: BuiltinId, args: &[ExprId]) -> Check {
        let builtin = self.checker.builtins.get(id.index());
        let builtin = builtin.ok_or(Problem::NoSuch { what: "builtin", id: id.0 })?;
        if args.len() != builtin.params.len() {
            return Err(Problem::TooMany { what: "or too few arguments", max: builtin.params.len() });
        }
        let held = args.first().and_then(|first| held(self.ty(*first)));
        for (arg, (_, sig)) in args.iter().zip(builtin.params) {
            self.fits("an argument", *arg, |ty| takes(sig, ty, held))?;
        }
        let ty = &self.expr.ty;
        let gives = match &builtin.ret {
            Sig::Is(ret) => *ty == Ty::Scalar(ret.clone()),
            Sig::ListOf(ret) => *ty == Ty::List(Box::new(Ty::Scalar(ret.clone()))),
            Sig::Element => held == Some(ty),
            Sig::ListOfElement => matches!(ty, Ty::List(element) if held == Some(element)),
            Sig::AnyList | Sig::AnyMap | Sig::Any | Sig::OneOf(_) => *ty == Ty::DYN,
        };
        if gives { Ok(()) } else { Err(self.no_result()) }
    }
}

/// What a first argument holds, for [`Sig::Element`].
fn held(ty: &Ty) -> Option<&Ty> {
    match ty {
        Ty::List(inner) | Ty::Set(inner) | Ty::Map(inner) => Some(inner),
        Ty::Scalar(Type::Dyn) => Some(&Ty::DYN),
        Ty::Scalar(_) | Ty::Record(..) => None,
    }
}

/// Whether a parameter takes a value of a type.
fn takes(sig: &Sig, ty: &Ty, held: Option<&Ty>) -> bool {
    match sig {
        Sig::Is(wanted) => flows(ty, &Ty::Scalar(wanted.clone())),
        Sig::ListOf(wanted) => {
            ty.element().is_some_and(|element| flows(element, &Ty::Scalar(wanted.clone())))
        }
        Sig::AnyList => ty.element().is_some(),
        Sig::AnyMap => matches!(ty, Ty::Map(_) | Ty::Scalar(Type::Dyn)),
        Sig::Element => held.is_some_and(|held| flows(ty, held)),
        Sig::ListOfElement => ty.element().zip(held).is_some_and(|(element, held)| flows(element, held)),
        Sig::Any => true,
        Sig::OneOf(sigs) => sigs.iter().any(|sig| !matches!(sig, Sig::OneOf(_)) && takes(sig, ty, held)),
    }
}

fn is_text(ty: &Ty) -> bool {
    matches!(ty, Ty::Scalar(ty) if ty.is_text())
}

/// The type itself, or that of its elements.
fn one_of(ty: &Ty) -> &Ty {
    ty.element().unwrap_or(ty)
}

fn is_ordered(ty: &Ty) -> bool {
    matches!(
        ty,
        Ty::Scalar(
            Type::Int
                | Type::Port
                | Type::Str
                | Type::Quantity
                | Type::Duration
                | Type::Time
                | Type::Semver
                | Type::Dyn
        )
    )
}
