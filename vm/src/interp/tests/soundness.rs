//! Generated well-typed code over generated objects: the verifier takes it, evaluation never traps but for fuel, and
//! every value is of its expression's type.

use proptest::prelude::*;

use super::{laws::thing, *};
use crate::{
    ir::{CompareOp, Const, Quant, RecordId, TextOp, Ty},
    testing::module_of,
    types::Type,
    verify::verify,
};

/// Builds code from a list of numbers.
pub(crate) struct Generator<'c> {
    pub(crate) coder: Coder,
    pub(crate) choices: std::slice::Iter<'c, u32>,
    /// The expressions that may be used here.
    pub(crate) pool: Vec<ExprId>,
    pub(crate) depth: usize,
}

impl Generator<'_> {
    pub(crate) fn pick(&mut self, n: usize) -> usize {
        self.choices.next().map_or(0, |choice| *choice as usize % n.max(1))
    }

    pub(crate) fn ty(&self, id: ExprId) -> Ty {
        self.coder.code.expr(id).unwrap().ty.clone()
    }

    pub(crate) fn push(&mut self, op: Op, ty: Ty) -> ExprId {
        let id = self.coder.push(op, ty);
        self.pool.push(id);
        id
    }

    /// Some expression of a type that passes the test, or a constant of `ty`.
    pub(crate) fn some(&mut self, ty: &Ty) -> ExprId {
        let fitting: Vec<ExprId> = self.pool.iter().copied().filter(|id| self.ty(*id) == *ty).collect();
        if fitting.is_empty() {
            let value = match self.pick(2) {
                0 => Const::Absent,
                _ => sample(ty),
            };
            return self.push(Op::Const(value), ty.clone());
        }
        let at = self.pick(fitting.len());
        fitting[at]
    }

    fn scalar_ty(&mut self) -> Ty {
        let all = [Type::Str, Type::Int, Type::Bool, Type::Quantity, Type::Path, Type::Capability, Type::Dyn];
        Ty::Scalar(all[self.pick(all.len())].clone())
    }

    pub(crate) fn list_ty(&mut self) -> Ty {
        let element = Box::new(self.scalar_ty());
        if self.pick(2) == 0 { Ty::List(element) } else { Ty::Set(element) }
    }

    fn thing(&mut self) -> ExprId {
        self.some(&Ty::Record(RootId(0), RecordId(0)))
    }

    /// One more expression.
    pub(crate) fn step(&mut self) -> ExprId {
        match self.pick(24) {
            0 => self.push(Op::Root(Slot::Object, RootId(0)), Ty::Record(RootId(0), RecordId(0))),
            1..4 => {
                let (base, field) = (self.thing(), self.pick(9) as u32);
                self.push(Op::Field { base, field }, super::laws::field_ty(field))
            }
            4 => {
                let (base, field) = (self.thing(), self.pick(9) as u32);
                self.push(Op::Written { base, field }, Ty::BOOL)
            }
            5 => {
                let base = self.thing();
                self.push(Op::MapKey { base, field: 5, key: 0 }, Ty::STR)
            }
            6 => {
                let (map, key) = (self.some(&Ty::Map(Box::new(Ty::STR))), self.some(&Ty::STR));
                self.push(Op::MapGet { map, key }, Ty::STR)
            }
            7 => {
                let ty = self.list_ty();
                let (list, index) = (self.some(&ty), self.some(&Ty::INT));
                self.push(Op::ListGet { list, index }, ty.element().unwrap().clone())
            }
            8 => {
                let (base, index) = (self.some(&Ty::DYN), self.some(&Ty::STR));
                self.push(Op::DynIndex { base, index }, Ty::DYN)
            }
            9 => {
                let ty = if self.pick(2) == 0 { self.list_ty() } else { self.scalar_ty() };
                let operand = self.some(&ty);
                self.push(Op::ToDyn(operand), Ty::DYN)
            }
            10 => {
                let (a, b) = (self.some(&Ty::BOOL), self.some(&Ty::BOOL));
                let op = match self.pick(3) {
                    0 => Op::And(a, b),
                    1 => Op::Or(a, b),
                    _ => Op::Not(a),
                };
                self.push(op, Ty::BOOL)
            }
            11 => {
                let ty = self.scalar_ty();
                let (a, b) = (self.some(&ty), self.some(&ty));
                let cond = self.some(&Ty::BOOL);
                let op = if self.pick(2) == 0 {
                    Op::Coalesce(a, b)
                } else {
                    Op::If { cond, then: a, otherwise: b }
                };
                self.push(op, ty)
            }
            12 => {
                let ty = if self.pick(2) == 0 { self.list_ty() } else { self.scalar_ty() };
                let (a, b) = (self.some(&ty), self.some(&ty));
                self.push(Op::Eq(a, b), Ty::BOOL)
            }
            13 => {
                let all = [Type::Int, Type::Quantity, Type::Str, Type::Dyn];
                let ty = Ty::Scalar(all[self.pick(all.len())].clone());
                let (a, b) = (self.some(&ty), self.some(&ty));
                let all = [CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge];
                let op = all[self.pick(4)];
                self.push(Op::Compare(op, a, b), Ty::BOOL)
            }
            14 => {
                let ty = self.list_ty();
                let (value, set) = (self.some(ty.element().unwrap()), self.some(&ty));
                self.push(Op::In { value, set }, Ty::BOOL)
            }
            15 => {
                let path = Ty::Scalar(Type::Path);
                let (value, prefix) = (self.some(&path), self.some(&Ty::Set(Box::new(path.clone()))));
                self.push(Op::Under { value, prefix }, Ty::BOOL)
            }
            16 => {
                let value = self.some(&Ty::STR);
                let pattern = self.some(&Ty::Scalar(Type::Glob));
                self.push(Op::Like { value, pattern }, Ty::BOOL)
            }
            17 => {
                let value = self.some(&Ty::STR);
                let pattern = self.some(&Ty::Scalar(Type::Regex));
                self.push(Op::Matches { value, pattern }, Ty::BOOL)
            }
            18 => {
                let (a, b) = (self.some(&Ty::STR), self.some(&Ty::STR));
                self.push(Op::Text(TextOp::Contains, a, b), Ty::BOOL)
            }
            19 => {
                let ty = if self.pick(2) == 0 { Ty::INT } else { Ty::Scalar(Type::Quantity) };
                let (a, b) = (self.some(&ty), self.some(&ty));
                let op = match self.pick(3) {
                    0 => Op::Add(a, b),
                    1 => Op::Sub(a, b),
                    _ => Op::Neg(a),
                };
                self.push(op, ty)
            }
            20 => {
                let ty = self.list_ty();
                let (a, b) = (self.some(&ty), self.some(&ty));
                if self.pick(2) == 0 {
                    return self.push(Op::Concat(a, b), ty);
                }
                let set = Ty::Set(Box::new(ty.element().unwrap().clone()));
                self.push(Op::Difference(a, b), set)
            }
            21 => {
                let ty = self.list_ty();
                let element = ty.element().unwrap().clone();
                let items = vec![self.some(&element), self.some(&element)];
                self.push(Op::MakeList(items), ty)
            }
            _ => self.binder(),
        }
    }

    /// A quantifier, comprehension or `let`, with a body of its own.
    fn binder(&mut self) -> ExprId {
        if self.depth >= 3 {
            return self.some(&Ty::BOOL);
        }
        self.depth += 1;
        let list_ty = self.list_ty();
        let list = self.some(&list_ty);
        let kind = self.pick(6);
        let local_ty = if kind == 5 { list_ty.clone() } else { list_ty.element().unwrap().clone() };
        let local = self.coder.local("x", local_ty.clone());
        let mark = self.pool.len();
        self.push(Op::Local(local), local_ty);
        for _ in 0..self.pick(5) {
            self.step();
        }
        let (body, head_ty) = (self.some(&Ty::BOOL), self.scalar_ty());
        let head = self.some(&head_ty);
        self.pool.truncate(mark);
        self.depth -= 1;
        let quant = |quant| Op::Quantified { quant, local, list, body };
        match kind {
            0 => self.push(quant(Quant::Any), Ty::BOOL),
            1 => self.push(quant(Quant::All), Ty::BOOL),
            2 => self.push(quant(Quant::None), Ty::BOOL),
            3 => self.push(quant(Quant::Count), Ty::INT),
            4 => {
                let op = Op::Comprehension { local, list, filter: Some(body), head };
                self.push(op, Ty::Set(Box::new(head_ty)))
            }
            _ => self.push(Op::Let { local, value: list, body: head }, head_ty),
        }
    }
}

fn sample(ty: &Ty) -> Const {
    match ty {
        Ty::Scalar(Type::Str) => Const::Text("a".into()),
        Ty::Scalar(Type::Path) => Const::Text("/etc//passwd".into()),
        Ty::Scalar(Type::Capability) => Const::Text("CAP_chown".into()),
        Ty::Scalar(Type::Glob) => Const::Text("*a?".into()),
        Ty::Scalar(Type::Regex) => Const::Text("^a+".into()),
        Ty::Scalar(Type::Int) => Const::Int(i64::MAX),
        Ty::Scalar(Type::Bool) => Const::Bool(true),
        Ty::Scalar(Type::Quantity) => Const::Quantity("1Ei".parse().unwrap()),
        Ty::Scalar(Type::Dyn) => Const::Dyn(r#"{"a":[1,null,2.5]}"#.into()),
        Ty::List(element) | Ty::Set(element) => Const::List(vec![sample(element), sample(element)]),
        Ty::Map(value) => Const::Map(vec![("a".into(), sample(value))]),
        Ty::Scalar(_) | Ty::Record(..) => Const::Absent,
    }
}

fn conforms(value: &Value, ty: &Ty) -> bool {
    match (value, ty) {
        (Value::Absent, _) => true,
        (Value::Bool(_), Ty::Scalar(Type::Bool))
        | (Value::Int(_), Ty::Scalar(Type::Int | Type::Port))
        | (Value::Quantity(_), Ty::Scalar(Type::Quantity))
        | (Value::Dyn(_), Ty::Scalar(Type::Dyn)) => true,
        (Value::Text(_), Ty::Scalar(ty)) => ty.is_text(),
        (Value::List(items), Ty::List(element) | Ty::Set(element)) => {
            items.iter().all(|item| !item.is_absent() && conforms(item, element))
        }
        (Value::Map(entries), Ty::Map(element)) => entries.iter().all(|(_, item)| conforms(item, element)),
        (Value::Record(record), Ty::Record(_, id)) => record.record == *id,
        _ => false,
    }
}

pub(crate) fn objects() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{}".to_owned()),
        Just(
            r#"{"paused":true,"count":-1,"name":"a","items":["a","b"],"labels":{"a/b":"x","a":"y"}}"#
                .to_owned()
        ),
        Just(
            r#"{"spec":{"name":"n","spec":{"items":[]}},"memory":"1Gi","any":[1,{"a":2}],"allowed":false}"#
                .to_owned()
        ),
        Just(r#"{"spec":null,"items":[null,"z"],"any":{"a":{"a":1}},"memory":3}"#.to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn verified_code_never_traps_and_keeps_its_types(
        choices in prop::collection::vec(any::<u32>(), 10..160),
        object in objects(),
    ) {
        let mut generator =
            Generator { coder: Coder::default(), choices: choices.iter(), pool: vec![], depth: 0 };
        generator.step();
        while generator.choices.len() > 0 {
            generator.step();
        }
        let top = generator.pool.clone();
        let mut coder = generator.coder;
        let yes = coder.bool(Op::Const(Const::Bool(true)));
        let module = module_of(thing(), coder, yes);
        prop_assert!(verify(&module, &[]).is_ok(), "{}\n{:?}", crate::print::module_text(&module), verify(&module, &[]).err());
        let text = crate::print::module_text(&module);
        let read = crate::print::parse_module(&text);
        prop_assert_eq!(read.as_ref(), Ok(&module), "{}", text);
        with_env(&module, &object, |env| {
            let code = &module.rules[0].code;
            for id in top {
                match Interp::new(*env, code).eval(id) {
                    Ok(value) => prop_assert!(
                        conforms(&value, &code.expr(id).unwrap().ty),
                        "%{}: {value:?}\n{}", id.0, crate::print::code_text(code)
                    ),
                    Err(trap) => prop_assert_eq!(trap, Trap::OutOfFuel),
                }
                // Explanations are total too.
                let mut rule = module.rules[0].clone();
                rule.body = vec![crate::ir::Stmt::Verdict { clause: crate::ir::ClauseId(0), cond: Some(id) }];
                let hit = Hit { clause: crate::ir::ClauseId(0), bindings: vec![] };
                prop_assert!(!matches!(explain(&rule, env, &hit, true), Err(Trap::TooDeep)));
            }
            Ok(())
        })?;
    }

    #[test]
    fn not_equal_is_not_of_equal(choices in prop::collection::vec(any::<u32>(), 10..80), object in objects()) {
        let mut generator =
            Generator { coder: Coder::default(), choices: choices.iter(), pool: vec![], depth: 0 };
        for _ in 0..8 {
            generator.step();
        }
        let ty = generator.scalar_ty();
        let (a, b) = (generator.some(&ty), generator.some(&ty));
        let mut coder = generator.coder;
        let eq = coder.bool(Op::Eq(a, b));
        let ne = coder.bool(Op::Not(eq));
        let module = module_of(thing(), coder, ne);
        with_env(&module, &object, |env| {
            let mut interp = Interp::new(*env, &module.rules[0].code);
            if let (Ok(eq), Ok(ne), Ok(a), Ok(b)) = (interp.eval(eq), interp.eval(ne), interp.eval(a), interp.eval(b)) {
                prop_assert_eq!(eq.holds(), !ne.holds());
                prop_assert!(a.is_absent() == b.is_absent() || !eq.holds());
            }
            Ok(())
        })?;
    }
}
