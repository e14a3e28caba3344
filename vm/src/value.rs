//! Run-time values of the reference engine.
//!
//! ```text
//! Const ──from_const──▶ Value ──canonical(type)──▶ Const     equality, sets and keys: equal values, equal constants
//! text  ──from_text───▶       ──Display──────────▶ message
//! Json  ──from_json───▶       ──to_json──────────▶ Json      what a mutation writes
//! ```

mod canonical;
mod convert;
mod print;

pub use canonical::{canonical, compare_dyn, unify};
pub use convert::const_fits;

use std::{net::IpAddr, sync::Arc};

use crate::{
    fact::Fact,
    ir::RecordId,
    json::Json,
    scalar::{duration::Duration, net::Cidr, quantity::Quantity, semver::Version, time::Time},
};

/// A value. Text types (paths, images, capabilities, ...) are [`Value::Text`]: their meaning is in the operation's
/// type, and messages print what the author of the manifest wrote.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value.
    Absent,
    /// `true`, `false`.
    Bool(bool),
    /// An integer or port.
    Int(i64),
    /// Any type that stays text.
    Text(Arc<str>),
    /// A quantity.
    Quantity(Quantity),
    /// A duration.
    Duration(Duration),
    /// A point in time.
    Time(Time),
    /// A version.
    Version(Version),
    /// An address.
    Ip(IpAddr),
    /// A block of addresses.
    Cidr(Cidr),
    /// A list, or a set (then without equal elements).
    List(Arc<[Value]>),
    /// A map, sorted by key.
    Map(Arc<[(Arc<str>, Value)]>),
    /// A record in a fact.
    Record(RecordRef),
    /// A JSON value with total operations.
    Dyn(Arc<Json>),
}

impl Value {
    /// Whether there is no value.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Value::Absent)
    }

    /// Whether this is `true`; an absent condition does not hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Value::Bool(true))
    }

    /// The elements of a list, set or `dyn` array; of anything else none.
    #[must_use]
    pub fn elements(&self) -> Arc<[Value]> {
        match self {
            Value::List(items) => Arc::clone(items),
            Value::Dyn(json) => {
                json.elements().iter().map(Value::from_json).filter(|item| !item.is_absent()).collect()
            }
            Value::Absent
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Text(_)
            | Value::Quantity(_)
            | Value::Duration(_)
            | Value::Time(_)
            | Value::Version(_)
            | Value::Ip(_)
            | Value::Cidr(_)
            | Value::Map(_)
            | Value::Record(_) => Arc::new([]),
        }
    }

    /// The integer, if this is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(value) = self { Some(*value) } else { None }
    }

    /// The record, if this is one.
    #[must_use]
    pub fn as_record(&self) -> Option<&RecordRef> {
        if let Value::Record(record) = self { Some(record) } else { None }
    }

    /// The JSON value, if this is `dyn`.
    #[must_use]
    pub fn as_dyn(&self) -> Option<&Json> {
        if let Value::Dyn(json) = self { Some(json) } else { None }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }
}

/// A record in a fact.
#[derive(Clone, Debug)]
pub struct RecordRef {
    /// The fact.
    pub fact: Arc<Fact>,
    /// Which record of the fact's root.
    pub record: RecordId,
    /// Where it begins in the fact's bytes.
    pub at: u32,
}
