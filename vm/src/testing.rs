//! Small words for building modules in this crate's tests.

use crate::ir::{
    Clause, ClauseId, Code, Const, Cost, Expr, ExprId, FieldDemand, FieldSource, Local, LocalId, Meta,
    Module, Op, Operation, RecordDemand, RecordId, Root, RootId, Rule, Slot, SlotTy, Stmt, Target, Template,
    TemplatePart, Ty, Verb,
};

pub(crate) fn field(name: &str, slot: SlotTy) -> FieldDemand {
    FieldDemand { name: name.into(), slot, default: None, source: FieldSource::Json }
}

pub(crate) fn field_or(name: &str, slot: SlotTy, default: Const) -> FieldDemand {
    FieldDemand { name: name.into(), slot, default: Some(default), source: FieldSource::Json }
}

pub(crate) fn field_from(name: &str, slot: SlotTy, source: FieldSource) -> FieldDemand {
    FieldDemand { name: name.into(), slot, default: None, source }
}

pub(crate) fn record(name: &str, fields: Vec<FieldDemand>) -> RecordDemand {
    RecordDemand { name: name.into(), fields }
}

pub(crate) fn root(name: &str, records: Vec<RecordDemand>) -> Root {
    Root { name: name.into(), records }
}

pub(crate) fn list(element: SlotTy) -> SlotTy {
    SlotTy::List(Box::new(element))
}

/// Builds a [`Code`], one expression after the other.
#[derive(Default)]
pub(crate) struct Coder {
    pub(crate) code: Code,
}

impl Coder {
    pub(crate) fn push(&mut self, op: Op, ty: Ty) -> ExprId {
        self.code.exprs.push(Expr { op, ty, optional: true });
        ExprId(u32::try_from(self.code.exprs.len()).unwrap() - 1)
    }

    pub(crate) fn local(&mut self, name: &str, ty: Ty) -> LocalId {
        self.code.locals.push(Local { name: name.into(), ty, optional: true });
        LocalId(u32::try_from(self.code.locals.len()).unwrap() - 1)
    }

    pub(crate) fn konst(&mut self, value: Const, ty: Ty) -> ExprId {
        self.push(Op::Const(value), ty)
    }

    pub(crate) fn text(&mut self, value: &str) -> ExprId {
        self.konst(Const::Text(value.into()), Ty::STR)
    }

    pub(crate) fn int(&mut self, value: i64) -> ExprId {
        self.konst(Const::Int(value), Ty::INT)
    }

    pub(crate) fn bool(&mut self, op: Op) -> ExprId {
        self.push(op, Ty::BOOL)
    }

    pub(crate) fn object(&mut self) -> ExprId {
        self.push(Op::Root(Slot::Object, RootId(0)), Ty::Record(RootId(0), RecordId(0)))
    }

    pub(crate) fn field(&mut self, base: ExprId, field: u32, ty: Ty) -> ExprId {
        self.push(Op::Field { base, field }, ty)
    }
}

pub(crate) fn message(text: &str) -> Template {
    Template { parts: vec![TemplatePart::Text(text.into())] }
}

/// A rule on kind `Pod` (root 0) that is all its own pod template.
pub(crate) fn rule(coder: Coder, body: Vec<Stmt>, clauses: Vec<Clause>) -> Rule {
    Rule {
        name: "test.rule".into(),
        meta: Meta::default(),
        targets: vec![pod_target()],
        code: coder.code,
        body,
        clauses,
        exceptions_need: Vec::new(),
        cost: Cost::default(),
    }
}

pub(crate) fn pod_target() -> Target {
    Target::Kind {
        group: String::new(),
        version: "v1".into(),
        kind: "Pod".into(),
        plural: "pods".into(),
        subresource: None,
        operations: vec![Operation::Create, Operation::Update],
        object: RootId(0),
        pod: Some((RootId(0), Vec::new())),
    }
}

pub(crate) fn deny(text: &str) -> Clause {
    Clause { verb: Verb::Deny, message: message(text), fix: None }
}

/// A module of one root and one rule `deny when cond`.
pub(crate) fn module_of(root: Root, coder: Coder, cond: ExprId) -> Module {
    let body = vec![Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) }];
    Module { roots: vec![root], rules: vec![rule(coder, body, vec![deny("no")])], ..Module::default() }
}

pub(crate) fn json(text: &str) -> crate::json::Json {
    crate::json::Json::from(serde_json::from_str::<serde_json::Value>(text).unwrap())
}
