//! The day on which exceptions hold or have expired.

use std::{fmt, str::FromStr, time::SystemTime};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A day of the calendar.
///
/// ```
/// use kpol::Day;
///
/// let day: Day = "2026-11-25".parse()?;
/// assert_eq!(Some(day), Day::new(2026, 11, 25));
/// let now = Day::utc(std::time::SystemTime::now());
/// assert!(now > day || now <= day);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub(crate) Date);

impl Day {
    /// Year, month from 1, day from 1; `None` if the calendar has no such day.
    #[must_use]
    pub fn new(year: i16, month: i8, day: i8) -> Option<Day> {
        Date::new(year, month, day).ok().map(Day)
    }

    /// The day in UTC at a time that the host's clock shows. A time that no calendar has is the last day of all, on which
    /// every exception with an end has expired.
    #[must_use]
    pub fn utc(time: SystemTime) -> Day {
        Day(Timestamp::try_from(time).map_or(Date::MAX, |time| time.to_zoned(TimeZone::UTC).date()))
    }
}

/// The text is no day: `2026-11-25` is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no day: `2026-11-25` is one")]
#[non_exhaustive]
pub struct DayError;

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        text.parse().map(Day).map_err(|_| DayError)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
