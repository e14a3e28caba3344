//! Run-time values of the reference engine.

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
