//! Evaluates one expression.

use std::collections::HashMap;

use super::{Env, MAX_DEPTH, Trap};
use crate::{
    fact::blank_field,
    ir::{BuiltinId, Code, ExprId, LocalId, Op, ParamId, Quant, RootId, Slot, Ty},
    json::Json,
    scalar::regex::Pattern,
    value::Value,
};

/// An evaluation of one [`Code`]: its locals and what is left of its fuel.
pub struct Interp<'e> {
    pub(super) env: Env<'e>,
    pub(super) code: &'e Code,
    locals: Vec<Value>,
    fuel: u64,
    depth: usize,
    consts: HashMap<ExprId, Value>,
    pub(super) patterns: HashMap<String, Option<Pattern>>,
}

impl<'e> Interp<'e> {
    /// Nothing bound, all fuel left.
    #[must_use]
    pub fn new(env: Env<'e>, code: &'e Code) -> Interp<'e> {
        Interp {
            env,
            code,
            locals: vec![Value::Absent; code.locals.len()],
            fuel: env.fuel,
            depth: 0,
            consts: HashMap::new(),
            patterns: HashMap::new(),
        }
    }

    /// The steps that are left.
    pub(crate) fn fuel_left(&self) -> u64 {
        self.fuel
    }

    /// Gives a local a value.
    pub fn bind(&mut self, local: LocalId, value: Value) {
        if let Some(slot) = self.locals.get_mut(local.index()) {
            *slot = value;
        }
    }

    /// A local's value.
    #[must_use]
    pub fn local(&self, local: LocalId) -> Value {
        self.locals.get(local.index()).cloned().unwrap_or(Value::Absent)
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    /// When the fuel is used up.
    pub fn holds(&mut self, id: ExprId) -> Result<bool, Trap> {
        Ok(self.eval(id)?.holds())
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Trap> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.fuel = self.fuel.checked_sub(steps).ok_or(Trap::OutOfFuel)?;
        Ok(())
    }

    /// The type of an expression.
    pub(super) fn ty(&self, id: ExprId) -> &'e Ty {
        self.code.expr(id).map_or(&Ty::DYN, |expr| &expr.ty)
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// When the fuel is used up.
    pub fn eval(&mut self, id: ExprId) -> Result<Value, Trap> {
        self.spend(1)?;
        if self.depth >= MAX_DEPTH {
            return Err(Trap::TooDeep);
        }
        self.depth += 1;
        let value = self.eval_op(id);
        self.depth -= 1;
        value
    }

    fn eval_op(&mut self, id: ExprId) -> Result<Value, Trap> {
        let Some(expr) = self.code.expr(id) else { return Ok(Value::Absent) };
        match &expr.op {
            Op::Const(_) => self.constant(id),
            Op::Param(param) => Ok(self.param(*param)),
            Op::Local(local) => Ok(self.local(*local)),
            Op::Root(slot, root) => Ok(self.root(*slot, *root)),
            Op::Field { base, field } => self.field(*base, *field),
            Op::Written { base, field } => {
                Ok(Value::Bool(matches!(self.eval(*base)?, Value::Record(record) if record.written(*field))))
            }
            Op::MapKey { base, field, key } => {
                Ok(self.eval(*base)?.as_record().map_or(Value::Absent, |record| record.map_key(*field, *key)))
            }
            Op::MapGet { map, key } => self.map_get(*map, *key),
            Op::ListGet { list, index } => self.list_get(*list, *index),
            Op::DynField { base, name } => {
                let base = self.eval(*base)?;
                Ok(base.as_dyn().and_then(|json| json.get(name)).map_or(Value::Absent, Value::from_json))
            }
            Op::DynIndex { base, index } => self.dyn_index(*base, *index),
            Op::ToDyn(operand) => {
                let value = self.eval(*operand)?;
                Ok(value.to_json().map_or(Value::Absent, |json| Value::from_json(&json)))
            }
            Op::Present(operand) => Ok(Value::Bool(!self.eval(*operand)?.is_absent())),
            Op::Not(operand) => Ok(Value::Bool(!self.holds(*operand)?)),
            Op::And(..) => self.chain(id, false),
            Op::Or(..) => self.chain(id, true),
            Op::If { cond, then, otherwise } => {
                if self.holds(*cond)? {
                    self.eval(*then)
                } else {
                    self.eval(*otherwise)
                }
            }
            Op::Coalesce(first, second) => {
                let value = self.eval(*first)?;
                if value.is_absent() { self.eval(*second) } else { Ok(value) }
            }
            Op::Eq(a, b) => self.equal(*a, *b),
            Op::Compare(op, a, b) => self.compare(*op, *a, *b),
            Op::In { value, set } => self.is_in(*value, *set),
            Op::Under { value, prefix } => self.is_under(*value, *prefix),
            Op::Like { value, pattern } => self.is_like(*value, *pattern),
            Op::Matches { value, pattern } => self.matches(*value, *pattern),
            Op::Text(op, a, b) => self.text_op(*op, *a, *b),
            Op::Add(a, b) => self.add(*a, *b),
            Op::Sub(a, b) => self.sub(*a, *b),
            Op::Neg(operand) => self.neg(*operand),
            Op::Concat(a, b) => self.concat(*a, *b, &expr.ty),
            Op::Difference(a, b) => self.difference(*a, *b, &expr.ty),
            Op::MakeList(items) => self.make_list(items, &expr.ty),
            Op::Quantified { quant, local, list, body } => self.quantified(id, *quant, *local, *list, *body),
            Op::Comprehension { local, list, filter, head } => {
                let kept = self.comprehension(id, *local, *list, *filter, *head)?;
                Ok(Value::collection(kept.into_iter().map(|kept| kept.head), &expr.ty))
            }
            Op::Let { local, value, body } => {
                let value = self.eval(*value)?;
                self.bind(*local, value);
                self.eval(*body)
            }
            Op::Call { builtin, args } => self.call(*builtin, args),
            Op::Cluster { root, others } => self.cluster(*root, *others),
        }
    }

    fn constant(&mut self, id: ExprId) -> Result<Value, Trap> {
        if let Some(value) = self.consts.get(&id) {
            return Ok(value.clone());
        }
        let Some(crate::ir::Expr { op: Op::Const(value), ty, .. }) = self.code.expr(id) else {
            return Ok(Value::Absent);
        };
        let value = Value::from_const(value, ty);
        self.consts.insert(id, value.clone());
        Ok(value)
    }

    fn param(&self, param: ParamId) -> Value {
        self.env.params.get(param.index()).cloned().unwrap_or(Value::Absent)
    }

    fn root(&self, slot: Slot, root: RootId) -> Value {
        self.env.roots.get(slot, root).map_or(Value::Absent, |fact| Value::Record(fact.root()))
    }

    fn field(&mut self, base: ExprId, field: u32) -> Result<Value, Trap> {
        let value = if let Value::Record(record) = self.eval(base)? {
            record.field(field)
        } else if let Ty::Record(root, record) = self.ty(base) {
            let root = self.env.module.roots.get(root.index());
            root.map_or(Value::Absent, |root| blank_field(root, *record, field))
        } else {
            Value::Absent
        };
        self.spend(size(&value))?;
        Ok(value)
    }

    fn map_get(&mut self, map: ExprId, key: ExprId) -> Result<Value, Trap> {
        let (map, key) = (self.eval(map)?, self.eval(key)?);
        let (Value::Map(entries), Value::Text(key)) = (map, key) else { return Ok(Value::Absent) };
        let found = entries.binary_search_by(|(k, _)| k.as_ref().cmp(&key)).ok();
        Ok(found.and_then(|i| entries.get(i)).map_or(Value::Absent, |(_, value)| value.clone()))
    }

    fn list_get(&mut self, list: ExprId, index: ExprId) -> Result<Value, Trap> {
        let (list, index) = (self.eval(list)?, self.eval(index)?);
        let (Value::List(items), Value::Int(index)) = (list, index) else { return Ok(Value::Absent) };
        Ok(usize::try_from(index).ok().and_then(|i| items.get(i)).cloned().unwrap_or(Value::Absent))
    }

    fn dyn_index(&mut self, base: ExprId, index: ExprId) -> Result<Value, Trap> {
        let (base, index) = (self.eval(base)?, self.eval(index)?);
        let Value::Dyn(base) = base else { return Ok(Value::Absent) };
        let found = match index.to_json() {
            Some(Json::Str(key)) => base.get(&key),
            Some(Json::Int(i)) => usize::try_from(i).ok().and_then(|i| base.elements().get(i)),
            Some(Json::Null | Json::Bool(_) | Json::Float(_) | Json::Array(_) | Json::Object(_)) | None => {
                None
            }
        };
        Ok(found.map_or(Value::Absent, Value::from_json))
    }

    /// See [`Code::links`].
    pub(super) fn links(&self, id: ExprId, or: bool) -> Vec<ExprId> {
        self.code.links(id, or)
    }

    /// `or` is over at the first link that holds, `and` at the first that does not.
    fn chain(&mut self, id: ExprId, or: bool) -> Result<Value, Trap> {
        for link in self.links(id, or) {
            if self.holds(link)? == or {
                return Ok(Value::Bool(or));
            }
        }
        Ok(Value::Bool(!or))
    }

    fn make_list(&mut self, items: &[ExprId], ty: &Ty) -> Result<Value, Trap> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.eval(*item)?);
        }
        Ok(Value::collection(values, ty))
    }

    fn quantified(
        &mut self,
        id: ExprId,
        quant: Quant,
        local: LocalId,
        list: ExprId,
        body: ExprId,
    ) -> Result<Value, Trap> {
        let items = self.elements_of(id, list)?;
        let mut count = 0i64;
        for item in items.iter() {
            self.bind(local, item.clone());
            let holds = self.holds(body)?;
            match quant {
                Quant::Any | Quant::None if holds => return Ok(Value::Bool(quant == Quant::Any)),
                Quant::All if !holds => return Ok(Value::Bool(false)),
                Quant::Any | Quant::None | Quant::All => {}
                Quant::Count => count += i64::from(holds),
            }
        }
        Ok(match quant {
            Quant::Any => Value::Bool(false),
            Quant::All | Quant::None => Value::Bool(true),
            Quant::Count => Value::Int(count),
        })
    }

    /// The elements of the comprehension `id` that pass the filter; those with absent heads are left out.
    pub(super) fn comprehension(
        &mut self,
        id: ExprId,
        local: LocalId,
        list: ExprId,
        filter: Option<ExprId>,
        head: ExprId,
    ) -> Result<Vec<Kept>, Trap> {
        let items = self.elements_of(id, list)?;
        let mut kept = Vec::new();
        for (i, item) in items.iter().enumerate() {
            self.bind(local, item.clone());
            if let Some(filter) = filter
                && !self.holds(filter)?
            {
                continue;
            }
            let head = self.eval(head)?;
            if !head.is_absent() {
                kept.push(Kept { index: i, item: item.clone(), head });
            }
        }
        Ok(kept)
    }

    fn call(&mut self, builtin: BuiltinId, args: &[ExprId]) -> Result<Value, Trap> {
        let Some(builtin) = self.env.builtins.get(builtin.index()).copied() else { return Ok(Value::Absent) };
        let mut values = Vec::with_capacity(args.len());
        let mut cost = usize::try_from(builtin.cost).unwrap_or(usize::MAX);
        for arg in args {
            let value = self.eval(*arg)?;
            cost = cost.saturating_add(size(&value));
            values.push(value);
        }
        self.spend(cost)?;
        if values.len() != builtin.params.len() {
            return Ok(Value::Absent);
        }
        let value = (builtin.eval)(&values);
        self.spend(size(&value))?;
        Ok(value)
    }

    fn cluster(&mut self, root: RootId, others: bool) -> Result<Value, Trap> {
        let except = if others { self.env.subject } else { None };
        let facts = self.env.cluster.facts(root, except);
        self.spend(facts.len())?;
        Ok(Value::List(facts.iter().map(|fact| Value::Record(fact.root())).collect()))
    }
}

/// An element that passes a comprehension's filter.
pub(super) struct Kept {
    /// Its position; of an object of the cluster among those that were looked at.
    pub(super) index: usize,
    /// The element.
    pub(super) item: Value,
    /// What the comprehension makes of it.
    pub(super) head: Value,
}

/// What handling a value costs beyond one step.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() / 32,
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Dyn(json) => json.elements().len() + json.entries().len(),
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Quantity(_)
        | Value::Duration(_)
        | Value::Time(_)
        | Value::Version(_)
        | Value::Ip(_)
        | Value::Cidr(_)
        | Value::Record(_) => 0,
    }
}
