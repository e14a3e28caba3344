//! Tests on texts with everything about them that is constant made ready: sets hashed, patterns compiled.

use std::collections::HashSet;

use crate::{
    interp::{equal_as, is_member, order, under},
    ir::{CompareOp, TextOp, Ty},
    scalar::{canonical_text, glob::Glob, regex::Pattern, text_eq},
    types::Type,
    value::Value,
};

/// A test on one text.
#[derive(Debug)]
pub(super) enum TextTest {
    /// Its canonical form is one of these.
    OneOf(Type, HashSet<Box<str>>),
    /// It is in the list, under the rules of `in`.
    Member { ty: Type, element: Ty, items: Vec<Value> },
    /// It is under one of these.
    Under(Type, Vec<Value>),
    /// One of the globs matches it.
    Like(Type, Vec<Glob>),
    /// One of the expressions finds something in it.
    Matches(Vec<Pattern>),
    /// It contains, begins or ends with the text.
    Text(TextOp, Box<str>),
    /// It is in this order to the value.
    Order(Type, CompareOp, Value),
    /// It is equal to the value.
    Equal(Type, Value),
}

/// A test on two texts.
#[derive(Debug)]
pub(super) enum PairTest {
    /// They are equal under the type.
    Equal(Type),
    /// They are in this order.
    Order(Type, CompareOp),
    /// The first contains, begins or ends with the second.
    Text(TextOp),
}

/// A constant set of texts that is taken from lists.
#[derive(Debug)]
pub(super) struct Minus {
    /// The type under which texts are compared.
    pub(super) text: Type,
    /// The canonical forms of what is taken.
    pub(super) taken: HashSet<Box<str>>,
    /// The type of what is left.
    pub(super) ty: Ty,
}

impl TextTest {
    pub(super) fn run(&self, text: &str) -> bool {
        match self {
            TextTest::OneOf(ty, set) => set.contains(canonical_text(ty, text).as_ref()),
            TextTest::Member { ty, element, items } => {
                let value = Value::from_text(ty, text).unwrap_or(Value::Absent);
                is_member(&Ty::Scalar(ty.clone()), &value, element, items)
            }
            TextTest::Under(ty, prefixes) => {
                let value = Value::from_text(ty, text).unwrap_or(Value::Absent);
                let ty = Ty::Scalar(ty.clone());
                prefixes.iter().any(|prefix| under(&ty, &value, prefix))
            }
            TextTest::Like(ty, globs) => {
                let canonical;
                let text = if matches!(ty, Type::Path | Type::Host | Type::Capability) {
                    canonical = canonical_text(ty, text);
                    canonical.as_ref()
                } else {
                    text
                };
                globs.iter().any(|glob| glob.is_match(text))
            }
            TextTest::Matches(patterns) => patterns.iter().any(|pattern| pattern.is_match(text)),
            TextTest::Text(op, part) => text_op(*op, text, part),
            TextTest::Order(ty, op, other) => {
                Value::from_text(ty, text).is_some_and(|value| ordered(*op, &value, other))
            }
            TextTest::Equal(ty, other) => Value::from_text(ty, text)
                .is_some_and(|value| equal_as(&Ty::Scalar(ty.clone()), &value, other)),
        }
    }
}

impl PairTest {
    pub(super) fn run(&self, a: &str, b: &str) -> bool {
        match self {
            PairTest::Equal(ty) => {
                if ty.is_text() {
                    return text_eq(ty, a, b);
                }
                let value = |text| Value::from_text(ty, text).unwrap_or(Value::Absent);
                equal_as(&Ty::Scalar(ty.clone()), &value(a), &value(b))
            }
            PairTest::Order(Type::Str, op) => ordered(*op, &Value::Text(a.into()), &Value::Text(b.into())),
            PairTest::Order(ty, op) => match (Value::from_text(ty, a), Value::from_text(ty, b)) {
                (Some(a), Some(b)) => ordered(*op, &a, &b),
                _ => false,
            },
            PairTest::Text(op) => text_op(*op, a, b),
        }
    }
}

fn text_op(op: TextOp, text: &str, part: &str) -> bool {
    match op {
        TextOp::StartsWith => text.starts_with(part),
        TextOp::EndsWith => text.ends_with(part),
        TextOp::Contains => text.contains(part),
    }
}

fn ordered(op: CompareOp, a: &Value, b: &Value) -> bool {
    order(a, b).is_some_and(|order| match op {
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
    })
}
