//! Kubernetes quantities: `500m`, `4Gi`, `1e3`.
//!
//! The grammar is that of `resource.Quantity`
//! (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>):
//!
//! ```text
//! sign? (digits | digits "." digits? | "." digits)  ( n u m k M G T P E | Ki Mi Gi Ti Pi Ei | [eE] sign? digits )?
//! ```
//!
//! An amount is a whole number of nanos, as in Kubernetes; finer amounts round away from zero, as there. Up to 38
//! significant digits are read exactly. Parsing **saturates** where Kubernetes caps: a manifest that asks for `1e99`
//! must compare as very much, not as nothing. Arithmetic is **checked**.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::ScalarError;
use super::cursor::Cursor;

/// Decimal suffixes with their power of ten.
const DECIMAL: &[(&str, i64)] = &[
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// Binary suffixes with their power of two.
const BINARY: &[(&str, u32)] = &[("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// An amount of a resource. Equality, order and hash see the amount only: `1` is `1000m`.
#[derive(Clone, Debug)]
pub struct Quantity {
    nanos: i128,
    text: Option<Arc<str>>,
}

impl Quantity {
    /// Reads a quantity. Amounts beyond about 1.7e29 count as the largest one (of their sign).
    ///
    /// # Errors
    /// When the text does not follow the grammar.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        Ok(Quantity { nanos: Self::nanos_of(text)?, text: Some(text.into()) })
    }

    /// Whether a text is a quantity; keeps nothing of it.
    #[must_use]
    pub fn is_quantity(text: &str) -> bool {
        Self::nanos_of(text).is_ok()
    }

    fn nanos_of(text: &str) -> Result<i128, ScalarError> {
        let mut cursor = Cursor::new(text);
        let negative = cursor.eat(&['+', '-']) == Some('-');
        let whole = cursor.digits();
        let fraction = if cursor.eat(&['.']).is_some() { cursor.digits() } else { "" };
        if whole.is_empty() && fraction.is_empty() {
            let error = if text.is_empty() {
                cursor.error("a quantity is missing")
            } else {
                cursor.error("a number is missing")
            };
            return Err(error.with_help("write a number and a unit: `500m`, `4Gi`, `2`"));
        }
        let start = cursor.at();
        let suffix = cursor.rest();
        let unit = Unit::parse(suffix).ok_or_else(|| {
            let error =
                ScalarError::new(start..text.len(), format!("`{suffix}` is not a unit of quantities"));
            match near_unit(suffix) {
                Some(unit) => error.with_help(format!("did you mean `{unit}`?")),
                None => {
                    error.with_help("units are n u m k M G T P E, Ki Mi Gi Ti Pi Ei, and exponents: `e3`")
                }
            }
        })?;
        let magnitude = unit.nanos(whole, fraction);
        Ok(if negative { -magnitude } else { magnitude })
    }

    /// A whole amount.
    #[must_use]
    pub fn from_int(value: i64) -> Self {
        Quantity { nanos: i128::from(value) * 1_000_000_000, text: None }
    }

    /// An amount in nanos; the one amount without a negative, `i128::MIN`, counts as the next.
    #[must_use]
    pub fn from_nanos(nanos: i128) -> Self {
        Quantity { nanos: nanos.max(-i128::MAX), text: None }
    }

    /// The amount in nanos.
    #[must_use]
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The amount, if it is a whole one that fits 64 bits.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        let (whole, rest) = (self.nanos / 1_000_000_000, self.nanos % 1_000_000_000);
        if rest == 0 { i64::try_from(whole).ok() } else { None }
    }

    /// The sum; `None` when it does not fit.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        self.nanos.checked_add(other.nanos).and_then(Self::fitting)
    }

    /// The difference; `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.nanos.checked_sub(other.nanos).and_then(Self::fitting)
    }

    /// The negative; `None` when it does not fit (it always does).
    #[must_use]
    pub fn checked_neg(&self) -> Option<Self> {
        self.nanos.checked_neg().and_then(Self::fitting)
    }

    fn fitting(nanos: i128) -> Option<Self> {
        (nanos != i128::MIN).then_some(Quantity { nanos, text: None })
    }

    /// The amount in the fewest characters, without a fraction: decimal units, or binary ones where shorter.
    #[must_use]
    pub fn canonical(&self) -> String {
        let decimal = DECIMAL
            .iter()
            .rev()
            .filter_map(|(suffix, power)| {
                let unit = 10_i128.checked_pow(u32::try_from(power + 9).ok()?)?;
                (self.nanos % unit == 0).then(|| format!("{}{suffix}", self.nanos / unit))
            })
            .next()
            .unwrap_or_else(|| format!("{}n", self.nanos));
        let binary = BINARY.iter().rev().find_map(|(suffix, power)| {
            let unit = (1_i128 << power).checked_mul(1_000_000_000)?;
            (self.nanos % unit == 0).then(|| format!("{}{suffix}", self.nanos / unit))
        });
        match binary {
            _ if self.nanos == 0 => "0".to_owned(),
            Some(binary) if binary.len() < decimal.len() => binary,
            Some(_) | None => decimal,
        }
    }
}

/// What a suffix multiplies by.
enum Unit {
    /// A power of ten.
    Ten(i64),
    /// A power of two.
    Two(u32),
}

impl Unit {
    fn parse(suffix: &str) -> Option<Unit> {
        if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
            return Some(Unit::Ten(*power));
        }
        if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
            return Some(Unit::Two(*power));
        }
        let exponent = suffix.strip_prefix(['e', 'E'])?;
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // Far beyond every amount, so the bound changes no value.
        let power = digits.parse().unwrap_or(i64::MAX).min(1 << 40);
        Some(Unit::Ten(if exponent.starts_with('-') { -power } else { power }))
    }

    /// `whole.fraction` of this unit in nanos, rounded up, at most `i128::MAX`.
    fn nanos(&self, whole: &str, fraction: &str) -> i128 {
        let mut mantissa: u128 = 0;
        let mut dropped: i64 = 0;
        let mut inexact = false;
        for digit in whole.bytes().chain(fraction.bytes()).map(|b| u128::from(b.saturating_sub(b'0'))) {
            let longer =
                if dropped == 0 { mantissa.checked_mul(10).and_then(|m| m.checked_add(digit)) } else { None };
            if let Some(longer) = longer {
                mantissa = longer;
            } else {
                dropped += 1;
                inexact |= digit != 0;
            }
        }
        if mantissa == 0 {
            return 0;
        }
        let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        let (tens, twos) = match self {
            Unit::Ten(power) => (9 - places + dropped + power, 0),
            Unit::Two(power) => (9 - places + dropped, *power),
        };
        let amount = if tens >= 0 {
            multiplied(mantissa, tens, twos)
        } else {
            divided(mantissa, -tens, twos, inexact)
        };
        amount.and_then(|a| i128::try_from(a).ok()).unwrap_or(i128::MAX)
    }
}

/// `mantissa * 10^tens * 2^twos`.
fn multiplied(mantissa: u128, tens: i64, twos: u32) -> Option<u128> {
    let ten = 10_u128.checked_pow(u32::try_from(tens).ok()?)?;
    mantissa.checked_mul(ten)?.checked_mul(1_u128.checked_shl(twos)?)
}

/// `mantissa / 10^tens * 2^twos`, rounded up: long division, because the product may need more than 128 bits.
fn divided(mantissa: u128, tens: i64, twos: u32, inexact: bool) -> Option<u128> {
    let Some(divisor) = u32::try_from(tens).ok().and_then(|t| 10_u128.checked_pow(t)) else {
        // The divisor does not fit: divide twice, which rounds to the same. Past 10^80 every amount here rounds to 1.
        let part = divided(mantissa, 38, twos, inexact)?;
        return divided(part, tens.min(80) - 38, 0, false);
    };
    let (mut quotient, mut rest) = (mantissa / divisor, mantissa % divisor);
    for _ in 0..twos {
        let carry = rest >= divisor - rest;
        rest = if carry { rest - (divisor - rest) } else { rest * 2 };
        quotient = quotient.checked_mul(2)?.checked_add(u128::from(carry))?;
    }
    quotient.checked_add(u128::from(rest != 0 || inexact))
}

/// The unit that somebody who wrote `suffix` meant.
fn near_unit(suffix: &str) -> Option<&'static str> {
    const MEANT: &[(&str, &str)] = &[
        ("K", "k"),
        ("kB", "k"),
        ("KB", "k"),
        ("MB", "M"),
        ("GB", "G"),
        ("TB", "T"),
        ("g", "G"),
        ("t", "T"),
        ("ki", "Ki"),
        ("mi", "Mi"),
        ("gi", "Gi"),
        ("ti", "Ti"),
        ("KiB", "Ki"),
        ("MiB", "Mi"),
        ("GiB", "Gi"),
        ("TiB", "Ti"),
    ];
    MEANT.iter().find(|(wrong, _)| *wrong == suffix).map(|(_, right)| *right)
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Quantity {
    /// As written, or else in the fewest characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => f.write_str(&self.canonical()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn q(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn one_amount_has_many_spellings() {
        for (a, b) in [
            ("1", "1000m"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("1E3", "1000"),
            ("1E", "1000P"),
            ("+.5", "500m"),
            ("5.", "5"),
            ("-0", "0"),
            ("1u", "1000n"),
            ("12e-3", "12m"),
            ("1Ki", "1024"),
            ("100000000000000000000000000000000000000000e-41", "1"),
        ] {
            assert_eq!(q(a), q(b), "{a} {b}");
        }
    }

    #[test]
    fn finer_than_nano_rounds_away_from_zero() {
        assert_eq!(q("0.1n").nanos(), 1);
        assert_eq!(q("-0.1n").nanos(), -1);
        assert_eq!(q("1e-99").nanos(), 1);
        assert_eq!(q("0e-99").nanos(), 0);
        assert_eq!(q("1.0000000001").nanos(), 1_000_000_001);
        assert_eq!(q("0.0000000000000000000000000000000000000000000000000000001Ki").nanos(), 1);
    }

    #[test]
    fn too_much_is_the_most() {
        assert_eq!(q("1e99").nanos(), i128::MAX);
        assert_eq!(q("-1e99999999999999999999").nanos(), -i128::MAX);
        assert!(q("1e99") > q("9E"));
        assert_eq!(q("1e99").checked_add(&q("1n")), None);
    }

    #[test]
    fn display_is_as_written_or_shortest() {
        assert_eq!(q("0.5").to_string(), "0.5");
        assert_eq!(q("4Gi").checked_add(&q("2Gi")).unwrap().to_string(), "6Gi");
        assert_eq!(q("1").checked_sub(&q("500m")).unwrap().to_string(), "500m");
        assert_eq!(Quantity::from_int(4000).to_string(), "4k");
        assert_eq!(Quantity::from_int(0).to_string(), "0");
    }

    #[test]
    fn errors_point_at_the_unit() {
        let e = Quantity::parse("4GB").unwrap_err();
        assert_eq!((e.at, e.help.as_deref()), (1..3, Some("did you mean `G`?")));
        for bad in ["", "-", ".", "Gi", "1i", "1.1.M", "1e", "1e+", " 1", "1 ", "1ee3", "1mi", "0x1", "1e3.0"]
        {
            assert!(Quantity::parse(bad).is_err(), "{bad}");
        }
    }

    fn amounts() -> impl Strategy<Value = i128> {
        prop_oneof![any::<i128>(), any::<i64>().prop_map(i128::from), (-2000i128..2000).prop_map(|n| n << 40)]
    }

    proptest! {
        #[test]
        fn printed_is_read_back(nanos in amounts()) {
            let x = Quantity::from_nanos(nanos);
            prop_assert_eq!(q(&x.to_string()), x);
        }

        #[test]
        fn order_agrees_with_arithmetic(a in amounts(), b in amounts()) {
            let (a, b) = (Quantity::from_nanos(a), Quantity::from_nanos(b));
            if let Some(d) = a.checked_sub(&b) {
                prop_assert_eq!(a.cmp(&b), d.cmp(&Quantity::from_int(0)));
                prop_assert_eq!(d.checked_add(&b), Some(a.clone()));
            }
            prop_assert_eq!(a.cmp(&b), b.checked_neg().cmp(&a.checked_neg()));
        }

        #[test]
        fn fraction_agrees_with_division(whole in 0u32.., thousandths in 0u32..1000, unit in 0usize..6) {
            let (suffix, power) = BINARY[unit];
            let x = q(&format!("{whole}.{thousandths:03}{suffix}"));
            let exact = (u128::from(whole) * 1000 + u128::from(thousandths)) * (1 << power) * 1_000_000;
            prop_assert_eq!(u128::try_from(x.nanos()).unwrap(), exact);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Quantity::parse(&text);
        }
    }
}
