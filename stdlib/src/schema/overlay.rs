//! What the API's schema does not say: refined types and documented defaults, each a line of a reviewed table.

use std::sync::OnceLock;

use kpol_vm::json::Json;
use kpol_vm::types::{Presence, Record};

use super::base::type_named;

const DEFAULTS: &str = include_str!("../../schema/defaults.tsv");
const TYPES: &str = include_str!("../../schema/types.tsv");

/// A line of a table: the record, the field, and what the table says of it.
pub(super) struct Line {
    pub(super) record: &'static str,
    pub(super) field: &'static str,
    pub(super) says: &'static str,
    /// The page that says so; empty in the table of types.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for reviewers, and for the test that every default cites")
    )]
    pub(super) page: &'static str,
}

/// Refines the types of `record` and fills in its documented defaults.
pub(super) fn apply(record: &mut Record) {
    for line in of(types(), &record.name) {
        if let Some(field) = record.fields.iter_mut().find(|field| field.name == line.field) {
            field.ty = type_named(line.says);
        }
    }
    for line in of(defaults(), &record.name) {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line.says) else { continue };
        if let Some(field) = record.fields.iter_mut().find(|field| field.name == line.field) {
            field.presence = Presence::Default(Json::from(value));
        }
    }
}

/// The table of defaults.
pub(super) fn defaults() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| lines(DEFAULTS))
}

/// The table of refined types.
pub(super) fn types() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| lines(TYPES))
}

fn of<'a>(table: &'a [Line], record: &'a str) -> impl Iterator<Item = &'a Line> {
    table.iter().filter(move |line| line.record == record)
}

fn lines(table: &'static str) -> Vec<Line> {
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    rows.map(|row| {
        let mut cells = row.split('\t');
        let mut next = || cells.next().unwrap_or_default();
        Line { record: next(), field: next(), says: next(), page: next() }
    })
    .collect()
}
