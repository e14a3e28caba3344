//! YAML: saphyr's events into the builder, with anchors, tags and merges as kubectl understands them.
//!
//! The scanner counts characters and marks tokens in its own way; `place` turns that into the bytes that a person
//! would underline. Its events arrive late in flow style, where it keeps all tokens of a collection that may still
//! turn out to be a key: [`Counted`] ends the text when there are too many of them.

mod input;
mod place;

use crate::build::{Builder, Built};
use crate::scalar::{Scalar, Tag, resolve};
use crate::{Document, Json, Limits, ManifestError, ManifestErrorKind as Kind, text};
use input::Counted;
use place::Places;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

pub(crate) fn read(text: &str, limits: &Limits) -> Result<Vec<Document>, ManifestError> {
    text::refuse_unreadable(text)?;
    let pending = Cell::new(0);
    let (body, bom) = text::without_bom(text);
    let mut parser = Parser::new(Counted::new(StrInput::new(body), &pending, limits.flow_entries));
    let mut reader = Reader {
        text,
        places: Places::new(text, bom),
        build: Builder::new(limits),
        anchors: HashMap::new(),
        open: Vec::new(),
    };
    while let Some(event) = parser.next_event() {
        let overflow = pending.get() > limits.flow_entries;
        pending.set(0);
        match event {
            Err(_) if overflow => return Err(reader.too_many_pending(limits)),
            Err(error) => return Err(reader.explain(&error, limits)),
            Ok((event, span)) => reader.event(event, span)?,
        }
    }
    Ok(reader.build.finish())
}

/// What an anchor stands for. Its value is missing as long as it is open.
struct Anchor {
    built: Option<Built>,
}

struct Reader<'t, 'l> {
    text: &'t str,
    places: Places<'t>,
    build: Builder<'l>,
    anchors: HashMap<usize, Anchor>,
    open: Vec<Open>,
}

/// A list or object that is open.
struct Open {
    /// Its anchor, or 0.
    anchor: usize,
    /// Whether it is, or is in, flow style.
    flow: bool,
}

type FoundTag<'t> = Option<Cow<'t, saphyr_parser::Tag>>;

impl Reader<'_, '_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), ManifestError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                let at = self.places.byte(span.start);
                self.build.start_document(at)
            }
            Event::DocumentEnd => {
                self.build.end_document();
                Ok(())
            }
            Event::Alias(id) => self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag, span),
            Event::SequenceStart(anchor, tag) => self.open(false, anchor, tag, span),
            Event::MappingStart(anchor, tag) => self.open(true, anchor, tag, span),
            Event::SequenceEnd | Event::MappingEnd => {
                let end = self.places.collection_end(span);
                let anchor = self.open.pop().map_or(0, |open| open.anchor);
                match self.build.close(end)? {
                    Some(built) => self.finished(built, anchor),
                    None => Ok(()),
                }
            }
        }
    }

    fn open(
        &mut self,
        object: bool,
        anchor: usize,
        tag: FoundTag<'_>,
        span: Span,
    ) -> Result<(), ManifestError> {
        let start = self.places.collection_start(span);
        let (form, fits) = if object { ("object", "map") } else { ("list", "seq") };
        let at = start..start + 1;
        if self.build.expects_key() {
            return Err(ManifestError::new(Kind::Key, at, format!("a key cannot be a {form}")));
        }
        if let Some(name) = tag.map(|tag| full_name(&tag))
            && name != "!"
            && name.strip_prefix("tag:yaml.org,2002:") != Some(fits)
        {
            return Err(unknown_tag(&name, at));
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Anchor { built: None });
        }
        let flow = self.places.is_bracket(span) || self.open.last().is_some_and(|open| open.flow);
        self.open.push(Open { anchor, flow });
        self.build.open(object, start)
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: FoundTag<'_>,
        span: Span,
    ) -> Result<(), ManifestError> {
        let at = self.places.scalar(span, style, text.is_empty(), anchor > 0 || tag.is_some());
        let plain = style == ScalarStyle::Plain;
        let tagged = anchor > 0 || tag.is_some();
        self.refuse_old_flow(&at, style)?;
        let text = self.without_added_break(text, style, span, tagged);
        let name = tag.map(|tag| full_name(&tag));
        let tag = match &name {
            Some(name) => Some(Tag::named(name).ok_or_else(|| unknown_tag(name, at.clone()))?),
            None => None,
        };
        if self.build.expects_key()
            && text == "<<"
            && (matches!(tag, Some(Tag::Merge | Tag::Local)) || (tag.is_none() && plain))
        {
            self.build.merge_key(at);
            return Ok(());
        }
        let scalar = match (plain, tag) {
            (false, None) => Scalar::Str(text.into_owned()),
            (_, tag) => resolve(tag, plain, &text)
                .map_err(|message| ManifestError::new(Kind::Tag, at.clone(), message))?,
        };
        if self.build.expects_key() {
            if anchor > 0 {
                let built = Built {
                    node: crate::build::node(&at, 0),
                    ..self.build.scalar(json(scalar.clone(), &at)?, at.clone())?
                };
                self.keep(&built, anchor)?;
            }
            let key = scalar.into_key().ok_or_else(|| no_key(at.clone()))?;
            return self.build.key(key, at);
        }
        let value = json(scalar, &at)?;
        let built = self.build.scalar(value, at)?;
        self.finished(built, anchor)
    }

    /// A block scalar whose last line ends with the file and no line break has none; the scanner adds one.
    fn without_added_break<'s>(
        &self,
        text: Cow<'s, str>,
        style: ScalarStyle,
        span: Span,
        tagged: bool,
    ) -> Cow<'s, str> {
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        if !block || self.places.byte(span.end) < self.text.len() {
            return text;
        }
        if text.bytes().all(|b| b == b'\n') {
            let rest = self.text.get(self.places.byte(span.start)..).unwrap_or_default();
            let lines = rest.split('\n').count();
            return if lines > 2 { text } else { Cow::Borrowed("") };
        }
        let line = self.text.rsplit(['\n', '\r']).next().unwrap_or_default();
        let below_indent = tagged || line.len() < span.start.col().max(1);
        if line.trim().is_empty() && below_indent {
            return text;
        }
        Cow::Owned(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    /// Refuses the two plain scalars of flow style that YAML 1.1 reads in another way: `{a:}` (the key `a:` there)
    /// and `[?a]` (a key there).
    fn refuse_old_flow(&self, at: &Range<usize>, style: ScalarStyle) -> Result<(), ManifestError> {
        let flow = self.open.last().is_some_and(|open| open.flow);
        if !flow || style != ScalarStyle::Plain {
            return Ok(());
        }
        let blank = [' ', '\t', '\r', '\n'];
        let behind = self.text.get(at.end..).unwrap_or_default().trim_start_matches(blank);
        let glued = behind.strip_prefix(':').is_some_and(|rest| rest.starts_with([',', '[', ']', '{', '}']));
        let question = self.text.as_bytes().get(at.start) == Some(&b'?');
        if at.is_empty() || !(glued || question) {
            return Ok(());
        }
        let (message, help) = if glued {
            ("to kubectl the `:` is part of this text", "put a space behind the `:`")
        } else {
            ("to kubectl the `?` starts a key", "put the text in quotes")
        };
        Err(ManifestError::new(Kind::Syntax, at.clone(), message).help(help))
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), ManifestError> {
        let at = self.places.alias(span);
        let name = self.text.get(at.start + 1..at.end).unwrap_or_default();
        let fail = |message: String| Err(ManifestError::new(Kind::Alias, at.clone(), message));
        let Some(anchor) = self.anchors.get(&id) else {
            return fail(format!("the anchor `{name}` is in another document"));
        };
        let Some(built) = &anchor.built else {
            return fail(format!("the anchor `{name}` contains itself"));
        };
        let mut copy = self.build.copy(built, name, at.clone())?;
        copy.node = crate::build::node(&at, copy.node.first);
        if self.build.expects_key() {
            let key = match copy.value {
                Json::Str(text) => text,
                Json::Int(value) => value.to_string(),
                Json::Bool(value) => value.to_string(),
                Json::Null | Json::Float(_) | Json::Array(_) | Json::Object(_) => return Err(no_key(at)),
            };
            return self.build.key(key, at);
        }
        self.build.insert(copy)
    }

    fn finished(&mut self, built: Built, anchor: usize) -> Result<(), ManifestError> {
        if anchor > 0 {
            self.keep(&built, anchor)?;
        }
        self.build.insert(built)
    }

    fn keep(&mut self, built: &Built, anchor: usize) -> Result<(), ManifestError> {
        let at = built.node.start as usize..built.node.end as usize;
        let written = self.text.get(at.clone()).unwrap_or_default();
        let name =
            written.split('&').nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
        let copy = self.build.copy(built, name, at)?;
        self.anchors.insert(anchor, Anchor { built: Some(copy) });
        Ok(())
    }

    fn too_many_pending(&self, limits: &Limits) -> ManifestError {
        let at = self.places.last_end();
        let message = format!("a list or object in flow style has more than {} entries", limits.flow_entries);
        let help = "write it in block style or as a JSON file, or raise the limit on flow entries";
        ManifestError::new(Kind::TooManyNodes, at..at, message).help(help)
    }

    fn explain(&self, error: &ScanError, limits: &Limits) -> ManifestError {
        let start = self.places.byte(*error.marker());
        if error.info() == TOO_DEEP {
            return self.explain_depth(start, limits);
        }
        let end = self
            .text
            .get(start..)
            .and_then(|rest| rest.chars().next())
            .map_or(start, |c| start + c.len_utf8());
        let found =
            ManifestError::new(Kind::Syntax, start..end, format!("this is not valid YAML: {}", error.info()));
        match error.info() {
            UNKNOWN_ANCHOR => {
                ManifestError { kind: Kind::Alias, message: "this alias has no anchor".into(), ..found }
            }
            _ if self.is_template(start) => found.help(
                "this looks like a template: judge what comes out, as in `helm template . | kpolc eval .. -`",
            ),
            _ => found,
        }
    }

    /// Whether the line of a mistake, or the one above, is of a Helm chart.
    fn is_template(&self, at: usize) -> bool {
        let before = self.text.get(..at).unwrap_or_default();
        let start = before.rmatch_indices('\n').nth(1).map_or(0, |(at, _)| at);
        let end = self.text.get(at..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |n| at + n);
        self.text.get(start..end).is_some_and(|lines| lines.contains("{{"))
    }

    /// The scanner gave up on nesting before its events told where the limit is passed: the text up to there, read
    /// again, does tell, because its end flushes them.
    fn explain_depth(&self, start: usize, limits: &Limits) -> ManifestError {
        let before = self.text.get(..start).unwrap_or_default();
        match read(before, limits) {
            Err(error) if error.kind != Kind::Syntax => error,
            _ => ManifestError::new(Kind::TooDeep, start..start + 1, "flow style is more than 255 deep here"),
        }
    }
}

/// Two of the scanner's messages that mean more than a syntax error; a test holds them.
const TOO_DEEP: &str = "recursion limit exceeded";
const UNKNOWN_ANCHOR: &str = "while parsing node, found unknown anchor";

fn full_name(tag: &saphyr_parser::Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn unknown_tag(name: &str, at: Range<usize>) -> ManifestError {
    let shown = name.strip_prefix("tag:yaml.org,2002:").map_or(name.to_owned(), |short| format!("!!{short}"));
    ManifestError::new(Kind::Tag, at, format!("the tag `{shown}` means nothing in a manifest"))
        .help("kubectl ignores unknown tags; remove it")
}

fn no_key(at: Range<usize>) -> ManifestError {
    ManifestError::new(Kind::Key, at, "this cannot be a key of a JSON object").help("write the key in quotes")
}

fn json(scalar: Scalar, at: &Range<usize>) -> Result<Json, ManifestError> {
    let refuse = || ManifestError::new(Kind::Number, at.clone(), "JSON has no infinite numbers and no NaN");
    scalar.into_json().ok_or_else(refuse)
}
