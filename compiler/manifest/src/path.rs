//! The place of a value in a document, as people write it: `spec.containers[0].image`.

use std::fmt;
use std::str::FromStr;

/// One step from a value to a value inside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// The entry of an object.
    Key(String),
    /// The element of a list, from 0.
    Index(usize),
}

/// The steps from a document's root to a value; no steps is the root.
///
/// ```
/// # use kpol_manifest::JsonPath;
/// let path: JsonPath = r#"metadata.annotations["a.b/c"]"#.parse().unwrap();
/// assert_eq!(path.to_pointer(), "/metadata/annotations/a.b~1c");
/// assert_eq!(path.to_string(), r#"metadata.annotations["a.b/c"]"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JsonPath(pub Vec<Segment>);

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// Byte of the text at which it stops being a path.
    pub at: usize,
    /// What was expected there.
    pub message: &'static str,
}

impl JsonPath {
    /// This path, one key further.
    #[must_use]
    pub fn child(&self, key: &str) -> JsonPath {
        let mut path = self.clone();
        path.0.push(Segment::Key(key.to_owned()));
        path
    }

    /// This path with `rest` behind it.
    #[must_use]
    pub fn join(&self, rest: &JsonPath) -> JsonPath {
        JsonPath(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// The path as an RFC 6901 JSON Pointer: `/spec/containers/0/image`.
    #[must_use]
    pub fn to_pointer(&self) -> String {
        self.0.iter().fold(String::new(), |mut out, segment| {
            out.push('/');
            match segment {
                Segment::Key(key) => out.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Segment::Index(index) => out.push_str(&index.to_string()),
            }
            out
        })
    }
}

fn is_word(key: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(word)
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if !is_word(key) => {
                    let escaped = key.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
                    write!(f, "[\"{escaped}\"]")?;
                }
                Segment::Key(key) if i == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.message, self.at)
    }
}

impl std::error::Error for PathError {}

impl FromStr for JsonPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let fail = |message| PathError { at, message };
            let (segment, after) = if let Some(quoted) = rest.strip_prefix("[\"") {
                quoted_key(quoted).ok_or_else(|| fail("expected a key that ends with `\"]`"))?
            } else if let Some(index) = rest.strip_prefix('[') {
                let (digits, after) = index.split_once(']').ok_or_else(|| fail("expected `]`"))?;
                let number = Some(digits).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
                let index = number
                    .and_then(|d| d.parse().ok())
                    .ok_or_else(|| fail("expected an index or a quoted key"))?;
                (Segment::Index(index), after)
            } else {
                let word = if segments.is_empty() { Some(rest) } else { rest.strip_prefix('.') };
                let word = word.ok_or_else(|| fail("expected `.` or `[`"))?;
                let (key, after) = word.split_at(word.find(['.', '[']).unwrap_or(word.len()));
                if !is_word(key) {
                    return Err(fail("expected a key; write keys with other characters as `[\"…\"]`"));
                }
                (Segment::Key(key.to_owned()), after)
            };
            segments.push(segment);
            rest = after;
        }
        Ok(JsonPath(segments))
    }
}

/// The key up to `"]`, and the text behind it.
fn quoted_key(text: &str) -> Option<(Segment, &str)> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Segment::Key(key), text.get(at + 1..)?.strip_prefix(']')?)),
            '\\' => key.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => key.push(other),
        }
    }
    None
}
