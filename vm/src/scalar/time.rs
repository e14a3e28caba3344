//! Points in time: RFC 3339 timestamps (<https://www.rfc-editor.org/rfc/rfc3339#section-5.6>), and plain dates, which
//! mean the start of that day in UTC.
//!
//! ```text
//! 2027-03-31     2027-03-31T12:00:00Z     2027-03-31T12:00:00.5+02:00
//! ```
//!
//! Kept as civil time in UTC, because that covers all of the years 0 to 9999 (people write `9999-12-31` for never).
//! More than nine digits of a second are cut off; a leap second counts as the second before it. Whatever leaves those
//! years is an **error** in a text and `None` in arithmetic.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::DateTime;

use super::ScalarError;
use super::cursor::Cursor;
use super::duration::Duration;

/// A point in time. Equality, order and hash see the point only: `2027-03-31` is `2027-03-31T02:00:00+02:00`.
#[derive(Clone, Debug)]
pub struct Time {
    utc: DateTime,
    text: Option<Arc<str>>,
}

/// The Unix epoch.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Time {
    /// Reads a timestamp or a date.
    ///
    /// # Errors
    /// When the text is neither, or names no day of the calendar.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let mut cursor = Cursor::new(text);
        let year = field(&mut cursor, 4, 0..=9999, "year")?;
        separator(&mut cursor, &['-'])?;
        let month = field(&mut cursor, 2, 1..=12, "month")?;
        separator(&mut cursor, &['-'])?;
        let day = field(&mut cursor, 2, 1..=31, "day")?;
        let midnight = civil(year, month, day, [0; 4])
            .ok_or_else(|| cursor.error_since(8, "this month has no such day"))?;
        if cursor.is_done() {
            return Ok(Time { utc: midnight, text: Some(text.into()) });
        }
        separator(&mut cursor, &['T', 't'])?;
        let hour = field(&mut cursor, 2, 0..=23, "hour")?;
        separator(&mut cursor, &[':'])?;
        let minute = field(&mut cursor, 2, 0..=59, "minute")?;
        separator(&mut cursor, &[':'])?;
        let second = field(&mut cursor, 2, 0..=60, "second")?.min(59);
        let nanos = fraction(&mut cursor)?;
        let offset = offset(&mut cursor)?;
        if !cursor.is_done() {
            let error = ScalarError::new(cursor.at()..text.len(), "a time ends after its offset");
            return Err(error.with_help(HELP));
        }
        let utc = civil(year, month, day, [hour, minute, second, nanos])
            .and_then(|local| in_years(local.checked_sub(SignedDuration::from_secs(offset)).ok()?))
            .ok_or_else(|| ScalarError::whole(text, "this time is outside the years 0 to 9999 in UTC"))?;
        Ok(Time { utc, text: Some(text.into()) })
    }

    /// The point `nanos` nanoseconds after the Unix epoch; every 64-bit number is one (1677 to 2262).
    #[must_use]
    pub fn from_unix_nanos(nanos: i64) -> Self {
        Time { utc: EPOCH.checked_add(SignedDuration::from_nanos(nanos)).unwrap_or(EPOCH), text: None }
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub fn unix_nanos(&self) -> i128 {
        self.utc.duration_since(EPOCH).as_nanos()
    }

    /// This point moved by `duration`; `None` outside the years 0 to 9999.
    #[must_use]
    pub fn checked_add(&self, duration: &Duration) -> Option<Self> {
        in_years(self.utc.checked_add(SignedDuration::from_nanos(duration.nanos())).ok()?)
            .map(|utc| Time { utc, text: None })
    }

    /// This point moved back by `duration`; `None` outside the years 0 to 9999.
    #[must_use]
    pub fn checked_sub(&self, duration: &Duration) -> Option<Self> {
        in_years(self.utc.checked_sub(SignedDuration::from_nanos(duration.nanos())).ok()?)
            .map(|utc| Time { utc, text: None })
    }

    /// The length from `earlier` to this point; `None` beyond about 292 years.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Duration> {
        i64::try_from(self.utc.duration_since(earlier.utc).as_nanos()).ok().map(Duration::from_nanos)
    }

    /// The point as an RFC 3339 timestamp in UTC.
    #[must_use]
    pub fn canonical(&self) -> String {
        format!("{}Z", self.utc)
    }
}

const HELP: &str = "write `2027-03-31` or `2027-03-31T12:00:00Z`";

/// Reads exactly `width` digits, and checks their value.
fn field(
    cursor: &mut Cursor<'_>,
    width: usize,
    range: std::ops::RangeInclusive<i32>,
    name: &str,
) -> Result<i32, ScalarError> {
    let start = cursor.at();
    let digits = cursor.digits();
    let value = if digits.len() == width { digits.parse::<i32>().ok() } else { None };
    match value {
        Some(value) if range.contains(&value) => Ok(value),
        Some(_) => Err(cursor
            .error_since(start, format!("a {name} is {} to {}", range.start(), range.end()))
            .with_help(HELP)),
        None => {
            let at = if digits.is_empty() { cursor.here() } else { start..cursor.at() };
            Err(ScalarError::new(at, format!("a {name} has {width} digits")).with_help(HELP))
        }
    }
}

fn separator(cursor: &mut Cursor<'_>, wanted: &[char]) -> Result<(), ScalarError> {
    match cursor.eat(wanted) {
        Some(_) => Ok(()),
        None => {
            let wanted = wanted.first().copied().unwrap_or_default();
            Err(cursor.error(format!("`{wanted}` is missing")).with_help(HELP))
        }
    }
}

/// Nanoseconds of a fraction of a second, if there is one.
fn fraction(cursor: &mut Cursor<'_>) -> Result<i32, ScalarError> {
    if cursor.eat(&['.']).is_none() {
        return Ok(0);
    }
    let digits = cursor.digits();
    if digits.is_empty() {
        return Err(cursor.error("a fraction of a second has digits").with_help(HELP));
    }
    let nine: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    Ok(nine.parse().unwrap_or(0))
}

/// Seconds east of UTC.
fn offset(cursor: &mut Cursor<'_>) -> Result<i64, ScalarError> {
    match cursor.eat(&['Z', 'z', '+', '-']) {
        None => {
            Err(cursor.error("a time needs its offset from UTC").with_help("add `Z` for UTC, or `+02:00`"))
        }
        Some('Z' | 'z') => Ok(0),
        Some(sign) => {
            let hours = field(cursor, 2, 0..=23, "offset's hour")?;
            separator(cursor, &[':'])?;
            let minutes = field(cursor, 2, 0..=59, "offset's minute")?;
            let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            Ok(if sign == '-' { -seconds } else { seconds })
        }
    }
}

fn civil(year: i32, month: i32, day: i32, [hour, minute, second, nanos]: [i32; 4]) -> Option<DateTime> {
    DateTime::new(
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
        hour.try_into().ok()?,
        minute.try_into().ok()?,
        second.try_into().ok()?,
        nanos,
    )
    .ok()
}

/// RFC 3339 writes four digits of a year and no sign.
fn in_years(utc: DateTime) -> Option<DateTime> {
    (utc.year() >= 0).then_some(utc)
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.utc == other.utc
    }
}

impl Eq for Time {}

impl Hash for Time {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.utc.hash(state);
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        self.utc.cmp(&other.utc)
    }
}

impl fmt::Display for Time {
    /// As written, or else [`Time::canonical`].
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

    fn t(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn one_point_has_many_spellings() {
        assert_eq!(t("2027-03-31"), t("2027-03-31T00:00:00Z"));
        assert_eq!(t("2027-03-31"), t("2027-03-31t02:00:00.000000000000+02:00"));
        assert_eq!(t("2016-12-31T23:59:60Z"), t("2016-12-31T23:59:59Z"));
        assert!(t("9999-12-31T23:59:59Z") > t("9999-12-31"));
    }

    #[test]
    fn arithmetic_is_calendar_free_and_checked() {
        let day = Duration::parse("1d").unwrap();
        assert_eq!(t("2028-02-28").checked_add(&day), Some(t("2028-02-29")));
        assert_eq!(t("2028-03-01").since(&t("2028-02-28")).unwrap().canonical(), "48h");
        assert_eq!(t("9999-12-31").checked_add(&day), None);
        assert_eq!(t("0000-01-01").checked_sub(&day), None);
        assert_eq!(t("9999-12-31").since(&t("0000-01-01")), None);
        assert_eq!(Time::from_unix_nanos(0).to_string(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn errors_point_at_the_wrong_field() {
        for (text, at) in [
            ("", 0..0),
            ("2027-13-01", 5..7),
            ("2027-02-30", 8..10),
            ("27-01-01", 0..2),
            ("2027-01-01 10:00", 10..11),
            ("2027-01-01T10:00:00", 19..19),
            ("2027-01-01T10:00:00Zx", 20..21),
            ("0000-01-01T00:00:00+01:00", 0..25),
        ] {
            assert_eq!(Time::parse(text).unwrap_err().at, at, "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_is_read_back(nanos in any::<i64>()) {
            let x = Time::from_unix_nanos(nanos);
            prop_assert_eq!(x.unix_nanos(), i128::from(nanos));
            prop_assert_eq!(t(&x.to_string()), x);
        }

        #[test]
        fn moving_by_the_difference_arrives(a in any::<i64>(), b in any::<i64>()) {
            let (a, b) = (Time::from_unix_nanos(a), Time::from_unix_nanos(b));
            if let Some(d) = a.since(&b) {
                prop_assert_eq!(a.cmp(&b), d.nanos().cmp(&0));
                prop_assert_eq!(b.checked_add(&d), Some(a));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Time::parse(&text);
        }
    }
}
