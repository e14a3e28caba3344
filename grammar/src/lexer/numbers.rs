//! Numbers that are none.

use super::Lexeme;
use crate::diagnostic::Diagnostic;
use crate::diagnostics::{BadDate, BareFraction, WrongUnit};
use crate::make::Ctx;
use crate::token::Token;

/// What people write, and what kpol calls it.
const UNITS: &[(&str, &str)] = &[
    ("gib", "Gi"),
    ("mib", "Mi"),
    ("kib", "Ki"),
    ("tib", "Ti"),
    ("pib", "Pi"),
    ("gi", "Gi"),
    ("mi", "Mi"),
    ("ki", "Ki"),
    ("ti", "Ti"),
    ("pi", "Pi"),
    ("gb", "G"),
    ("mb", "M"),
    ("kb", "k"),
    ("tb", "T"),
    ("pb", "P"),
    ("g", "G"),
    ("k", "k"),
    ("t", "T"),
    ("p", "P"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
    ("hrs", "h"),
    ("day", "d"),
    ("days", "d"),
    ("millis", "ms"),
    ("msec", "ms"),
];

/// Reports a number that is none; what stands in its place then.
pub(super) fn bad(ctx: &Ctx<'_>, lexeme: Lexeme, diagnostics: &mut Vec<Diagnostic>) -> Token {
    let span = ctx.span(lexeme.start, lexeme.end);
    let text = ctx.slice(lexeme.start, lexeme.end);
    if text.bytes().filter(|b| *b == b'-').count() == 2 {
        diagnostics.push(BadDate { span, replacement: None }.into());
        return Token::Date;
    }
    let unit_at = text.find(|c: char| c != '.' && !c.is_ascii_digit());
    let Some((number, unit)) = unit_at.and_then(|at| text.split_at_checked(at)) else {
        diagnostics.push(BareFraction { span }.into());
        return Token::UnitNum;
    };
    if number == "0" && unit.starts_with(['x', 'b', 'o']) {
        let message = "numbers are decimal".to_owned();
        diagnostics.push(WrongUnit { span, message, replacement: None }.into());
        return Token::UnitNum;
    }
    let lower = unit.to_ascii_lowercase();
    let replacement = match (lower.as_str(), number.parse::<u64>()) {
        ("w" | "week" | "weeks", Ok(weeks)) => weeks.checked_mul(7).map(|days| format!("{days}d")),
        _ => UNITS.iter().find(|(wrong, _)| *wrong == lower).map(|(_, right)| format!("{number}{right}")),
    };
    diagnostics.push(WrongUnit { span, message: format!("there is no unit `{unit}`"), replacement }.into());
    Token::UnitNum
}
