//! What a YAML scalar means, exactly as go-yaml v2 resolves it and Go's JSON writer passes it on.
//!
//! go-yaml looks at the first character to choose a grammar; numbers go through Go's `ParseInt` with base 0 and, when
//! that fails, through a float grammar. The order matters: `0899` is no octal, so it becomes the float 899.

use crate::{Json, base64};

/// The tags that mean something to kubectl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// `!`: text, whatever it looks like.
    Local,
}

impl Tag {
    /// The tag with this full name, if it may stand on a scalar.
    pub(crate) fn named(full: &str) -> Option<Tag> {
        Some(match full.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Tag::Str,
            Some("bool") => Tag::Bool,
            Some("int") => Tag::Int,
            Some("float") => Tag::Float,
            Some("null") => Tag::Null,
            Some("timestamp") => Tag::Timestamp,
            Some("binary") => Tag::Binary,
            Some("merge") => Tag::Merge,
            None if full == "!" => Tag::Local,
            Some(_) | None => return None,
        })
    }
}

/// A resolved scalar, before it becomes JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above `i64`: a value as a float, no key.
    Unsigned(u64),
    Float(f64),
    Str(String),
}

/// The meaning of a scalar, or why its text does not fit its tag.
pub(crate) fn resolve(tag: Option<Tag>, plain: bool, text: &str) -> Result<Scalar, String> {
    let string = || Ok(Scalar::Str(text.to_owned()));
    match tag {
        None if plain => Ok(untagged(text)),
        None | Some(Tag::Str | Tag::Local | Tag::Merge) => string(),
        Some(Tag::Binary) => {
            let bytes = base64::decode(text).ok_or("this is tagged `!!binary` and is no base64")?;
            Ok(Scalar::Str(base64::to_text(&bytes)))
        }
        Some(Tag::Timestamp) if is_timestamp(text) => string(),
        Some(Tag::Timestamp) => Err(format!("`{}` is no `!!timestamp`", shorten(text))),
        Some(tag @ (Tag::Bool | Tag::Int | Tag::Float | Tag::Null)) => match (tag, untagged(text)) {
            (Tag::Float, Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
            (Tag::Bool, value @ Scalar::Bool(_))
            | (Tag::Int, value @ (Scalar::Int(_) | Scalar::Unsigned(_)))
            | (Tag::Float, value @ Scalar::Float(_))
            | (Tag::Null, value @ Scalar::Null) => Ok(value),
            (tag, _) => Err(format!("`{}` is no `!!{}`", shorten(text), format!("{tag:?}").to_lowercase())),
        },
    }
}

fn shorten(text: &str) -> &str {
    text.get(..text.floor_char_boundary(40)).unwrap_or(text)
}

impl Scalar {
    /// The value as JSON has it, or nothing for a float that JSON cannot write.
    pub(crate) fn into_json(self) -> Option<Json> {
        Some(match self {
            Scalar::Null => Json::Null,
            Scalar::Bool(value) => Json::Bool(value),
            Scalar::Int(value) => Json::Int(value),
            Scalar::Unsigned(value) => Json::Float(value as f64),
            Scalar::Float(value) if value.is_finite() => number(value),
            Scalar::Float(_) => return None,
            Scalar::Str(text) => Json::Str(text),
        })
    }

    /// The key as `sigs.k8s.io/yaml` writes it, or nothing for what it refuses.
    pub(crate) fn into_key(self) -> Option<String> {
        match self {
            Scalar::Null | Scalar::Unsigned(_) => None,
            Scalar::Bool(value) => Some(value.to_string()),
            Scalar::Int(value) => Some(value.to_string()),
            Scalar::Float(value) => Some(float_key(value)),
            Scalar::Str(text) => Some(text),
        }
    }
}

/// A finite float after a trip through JSON text: what is written without a fraction comes back as an integer.
pub(crate) fn number(value: f64) -> Json {
    value.to_string().parse().map_or(Json::Float(value), Json::Int)
}

fn untagged(text: &str) -> Scalar {
    let word = match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ if text.starts_with('.') && separates_digits(text) => float(&text.replace('_', "")),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') => {
            let digits = text.replace('_', "");
            integer(&digits).unwrap_or_else(|| float(&digits))
        }
        _ => Scalar::Str(String::new()),
    };
    if let Scalar::Str(_) = word { Scalar::Str(text.to_owned()) } else { word }
}

/// Go's rule for `_` in `ParseFloat`: a digit before and behind each.
fn separates_digits(text: &str) -> bool {
    let pieces: Vec<&str> = text.split('_').collect();
    let digit = |c: char| c.is_ascii_digit();
    pieces.windows(2).all(|pair| matches!(pair, [a, b] if a.ends_with(digit) && b.starts_with(digit)))
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`, then go-yaml's own `0b` with a sign behind it.
fn integer(text: &str) -> Option<Scalar> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let magnitude = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => radix(digits, 2, 16),
        [b'0', b'o' | b'O', _, ..] => radix(digits, 2, 8),
        [b'0', b'b' | b'B', _, ..] => radix(digits, 2, 2),
        [b'0'] => Some(0),
        [b'0', ..] => radix(digits, 1, 8),
        _ => radix(digits, 0, 10),
    };
    let signed =
        magnitude.and_then(|m| if negative { 0i64.checked_sub_unsigned(m) } else { i64::try_from(m).ok() });
    let with_sign_inside = || i64::from_str_radix(text.strip_prefix("0b")?, 2).ok();
    let unsigned = magnitude.filter(|_| digits.len() == text.len());
    signed.map(Scalar::Int).or(unsigned.map(Scalar::Unsigned)).or_else(|| with_sign_inside().map(Scalar::Int))
}

fn radix(text: &str, skip: usize, radix: u32) -> Option<u64> {
    let digits = text.get(skip..).filter(|d| !d.starts_with('+'))?;
    u64::from_str_radix(digits, radix).ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` with a finite value, else `Str`.
fn float(text: &str) -> Scalar {
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    let written = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let well_formed = written && exponent.is_none_or(|e| !e.is_empty() && digits(e));
    match text.parse::<f64>() {
        Ok(value) if well_formed && value.is_finite() => Scalar::Float(value),
        Ok(_) | Err(_) => Scalar::Str(String::new()),
    }
}

/// Go's `FormatFloat(value, 'g', -1, 32)`, with YAML's words for the infinite.
fn float_key(value: f64) -> String {
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let shortest = format!("{value:e}");
    let places = shortest.find('e').unwrap_or_default().saturating_sub(if value < 0.0 { 3 } else { 2 });
    // Of two shortest texts that are equally near, Go takes the even one; so does Rust once the length is fixed.
    let even = format!("{value:.places$e}");
    let scientific = if even.parse() == Ok(value) { even } else { shortest };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or_default() {
        -4..=5 => value.to_string(),
        exponent => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

/// Whether this could be a timestamp: a year, then what dates and times are written with.
fn is_timestamp(text: &str) -> bool {
    let rest = text.split_at_checked(4).filter(|(year, _)| year.bytes().all(|b| b.is_ascii_digit()));
    let written = |c: char| c.is_ascii_digit() || "-:TtZ+. ".contains(c);
    rest.is_some_and(|(_, rest)| {
        rest.strip_prefix('-').is_some_and(|date| date.contains('-') && date.chars().all(written))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_boolean_is_one() {
        for (words, value) in [("y yes true on", true), ("n no false off", false)] {
            for word in words.split(' ') {
                let title = word[..1].to_uppercase() + &word[1..];
                for form in [word, &title, &word.to_uppercase()] {
                    assert_eq!(resolve(None, true, form), Ok(Scalar::Bool(value)), "{form}");
                    assert_eq!(resolve(None, false, form), Ok(Scalar::Str(form.to_owned())), "quoted {form}");
                }
            }
        }
        assert_eq!(untagged("yEs"), Scalar::Str("yEs".to_owned()));
    }

    #[test]
    fn a_leading_zero_means_octal_only_for_octal_digits() {
        assert_eq!(untagged("0644"), Scalar::Int(420));
        assert_eq!(untagged("0o644"), Scalar::Int(420));
        assert_eq!(untagged("0899").into_json(), Some(Json::Int(899)));
        assert_eq!(untagged("-0644"), Scalar::Int(-420));
    }
}
