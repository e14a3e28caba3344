//! Lengths of time: `2160h`, `1h30m`, `-1.5s`, and `90d`.
//!
//! The grammar is Go's `time.ParseDuration` (<https://pkg.go.dev/time#ParseDuration>), which `metav1.Duration`
//! uses, plus `d` for 24 hours, which kpol's authors write and Kubernetes does not accept:
//!
//! ```text
//! sign? ( "0" | (digits | digits "." digits? | "." digits) (ns us µs ms s m h d) )+
//! ```
//!
//! Parts finer than a nanosecond are cut off, as in Go. What does not fit 64 bits of nanoseconds (about 292 years) is
//! an **error**; arithmetic is **checked**.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::ScalarError;
use super::cursor::Cursor;

/// The units with their nanoseconds.
const UNITS: &[(&str, i64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
    ("d", 24 * HOUR),
];

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A length of time. Equality, order and hash see the length only: `1h` is `60m`.
#[derive(Clone, Debug)]
pub struct Duration {
    nanos: i64,
    text: Option<Arc<str>>,
}

impl Duration {
    /// Reads a duration.
    ///
    /// # Errors
    /// When the text does not follow the grammar, or the length does not fit.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let mut cursor = Cursor::new(text);
        let negative = cursor.eat(&['+', '-']) == Some('-');
        let mut nanos: i128 = 0;
        if cursor.rest() == "0" {
            return Ok(Duration { nanos: 0, text: Some(text.into()) });
        }
        loop {
            nanos = nanos.saturating_add(part(&mut cursor)?);
            if cursor.is_done() {
                break;
            }
        }
        let nanos = i64::try_from(if negative { -nanos } else { nanos }).map_err(|_| {
            ScalarError::whole(text, "this duration is too long")
                .with_help("the longest is about 292 years, `106751d`")
        })?;
        Ok(Duration { nanos, text: Some(text.into()) })
    }

    /// A length in nanoseconds.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Self {
        Duration { nanos, text: None }
    }

    /// The length in nanoseconds.
    #[must_use]
    pub fn nanos(&self) -> i64 {
        self.nanos
    }

    /// The sum; `None` when it does not fit.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        self.nanos.checked_add(other.nanos).map(Self::from_nanos)
    }

    /// The difference; `None` when it does not fit.
    #[must_use]
    pub fn checked_sub(&self, other: &Self) -> Option<Self> {
        self.nanos.checked_sub(other.nanos).map(Self::from_nanos)
    }

    /// The negative; `None` when it does not fit.
    #[must_use]
    pub fn checked_neg(&self) -> Option<Self> {
        self.nanos.checked_neg().map(Self::from_nanos)
    }

    /// The length in units that Kubernetes also reads (so without `d`), zero parts left out: `1h30m`, `1.5s`, `100ms`.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut rest = self.nanos.unsigned_abs();
        if rest == 0 {
            return "0s".to_owned();
        }
        let mut out = if self.nanos < 0 { "-".to_owned() } else { String::new() };
        for (unit, length) in [("h", HOUR.unsigned_abs()), ("m", MINUTE.unsigned_abs())] {
            if rest >= length {
                let _ = write!(out, "{}{unit}", rest / length);
                rest %= length;
            }
        }
        let second = SECOND.unsigned_abs();
        if rest >= second {
            let fraction = format!(".{:09}", rest % second);
            let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
            let _ = write!(out, "{}{fraction}s", rest / second);
        } else if rest > 0 {
            let (unit, length) = match rest {
                r if r % 1_000_000 == 0 => ("ms", 1_000_000),
                r if r % 1_000 == 0 => ("us", 1_000),
                _ => ("ns", 1),
            };
            let _ = write!(out, "{}{unit}", rest / length);
        }
        out
    }
}

/// One number with its unit, in nanoseconds; far too much saturates.
fn part(cursor: &mut Cursor<'_>) -> Result<i128, ScalarError> {
    const HELP: &str = "write numbers with units: `90d`, `1h30m`, `1.5s`, `100ms`";
    let whole = cursor.digits();
    let fraction = if cursor.eat(&['.']).is_some() { cursor.digits() } else { "" };
    if whole.is_empty() && fraction.is_empty() {
        return Err(cursor.error("a number is missing").with_help(HELP));
    }
    let start = cursor.at();
    let name = cursor.take_while(|c| c != '.' && !c.is_ascii_digit());
    if name.is_empty() {
        return Err(cursor.error("a unit is missing").with_help(HELP));
    }
    let Some((_, unit)) = UNITS.iter().find(|(n, _)| *n == name) else {
        let help = "units are d, h, m, s, ms, us and ns; weeks, months and years are written in days";
        return Err(cursor
            .error_since(start, format!("`{name}` is not a unit of durations"))
            .with_help(help));
    };
    let unit = i128::from(*unit);
    let whole = number(whole).unwrap_or(i128::MAX).saturating_mul(unit);
    // Twenty digits of a fraction of a day are far finer than a nanosecond.
    let fraction = fraction.get(..20).unwrap_or(fraction);
    let scale =
        u32::try_from(fraction.len()).ok().and_then(|len| 10_i128.checked_pow(len)).unwrap_or(i128::MAX);
    Ok(whole.saturating_add(number(fraction).unwrap_or(0).saturating_mul(unit) / scale))
}

/// The number that digits are; `None` when it does not fit. No digits are 0.
fn number(digits: &str) -> Option<i128> {
    digits.bytes().try_fold(0_i128, |n, b| n.checked_mul(10)?.checked_add(i128::from(b.saturating_sub(b'0'))))
}

impl PartialEq for Duration {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Duration {}

impl Hash for Duration {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

impl PartialOrd for Duration {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Duration {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl fmt::Display for Duration {
    /// As written, or else [`Duration::canonical`].
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

    fn d(text: &str) -> Duration {
        Duration::parse(text).unwrap()
    }

    #[test]
    fn one_length_has_many_spellings() {
        for (a, b) in [("90d", "2160h"), ("1h30m", "1.5h"), ("-1.5s", "-1500ms"), ("1us", "1µs"), ("0", "0s")]
        {
            assert_eq!(d(a), d(b), "{a} {b}");
        }
        assert_eq!(d("1.s"), d("+1s"));
        assert_eq!(d("-9223372036854775808ns").nanos(), i64::MIN);
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        for (text, at) in [
            ("", 0..0),
            ("1h3", 3..3),
            ("5w", 1..2),
            ("h", 0..1),
            ("1h-3m", 1..3),
            ("1s ", 1..3),
            ("300000d", 0..7),
        ] {
            assert_eq!(Duration::parse(text).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn display_is_as_written_or_go_readable() {
        assert_eq!(d("90d").to_string(), "90d");
        assert_eq!(d("90d").canonical(), "2160h");
        assert_eq!(d("1h0.5s").canonical(), "1h500ms");
        for text in ["1h30m", "-1.5s", "100ms", "0s", "7us", "1ns"] {
            assert_eq!(d(text).canonical(), text);
        }
    }

    proptest! {
        #[test]
        fn printed_is_read_back(nanos in any::<i64>()) {
            let x = Duration::from_nanos(nanos);
            prop_assert_eq!(d(&x.to_string()), x);
        }

        #[test]
        fn order_agrees_with_arithmetic(a in any::<i64>(), b in any::<i64>()) {
            let (a, b) = (Duration::from_nanos(a), Duration::from_nanos(b));
            if let Some(diff) = a.checked_sub(&b) {
                prop_assert_eq!(a.cmp(&b), diff.nanos().cmp(&0));
                prop_assert_eq!(diff.checked_add(&b), Some(a));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Duration::parse(&text);
        }
    }
}
