//! Texts with marks below them. The only module that knows ariadne.

use std::{collections::HashMap, fmt::Display, ops::Range, sync::Arc};

use ariadne::{Cache, Color, Config, IndexType, Label, ReportKind, Source};

use super::{Paint, Role};
use crate::report::{Place, Text};

/// What is drawn: a header, places with words, lines below.
pub(super) struct Snippet<'s> {
    /// `error[E0101]`.
    pub(super) kind: String,
    pub(super) role: Role,
    pub(super) message: &'s str,
    /// The first is the place that the header names.
    pub(super) labels: Vec<(Place, &'s str)>,
    /// `help`, `note` and so on, and their text, which may have several lines.
    pub(super) remarks: Vec<(&'static str, String)>,
    /// A last line.
    pub(super) foot: Option<String>,
}

/// Draws snippets; texts are cut into lines once.
pub(super) struct Snippets {
    paint: Paint,
    lines: HashMap<*const Text, Source<Shared>>,
}

/// A text that ariadne may keep.
struct Shared(Arc<Text>);

impl AsRef<str> for Shared {
    fn as_ref(&self) -> &str {
        &self.0.text
    }
}

/// A place as ariadne wants it.
type Span = (Id, Range<usize>);

#[derive(Clone)]
struct Id(Arc<Text>);

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.name)
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Id) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Id {}

impl std::hash::Hash for Id {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl Cache<Id> for &mut Snippets {
    type Storage = Shared;

    fn fetch(&mut self, id: &Id) -> Result<&Source<Shared>, impl std::fmt::Debug> {
        let source =
            self.lines.entry(Arc::as_ptr(&id.0)).or_insert_with(|| Source::from(Shared(Arc::clone(&id.0))));
        Ok::<_, std::convert::Infallible>(source)
    }

    fn display<'a>(&self, id: &'a Id) -> Option<impl Display + 'a> {
        Some(&id.0.name)
    }
}

impl Snippets {
    pub(super) fn new(paint: Paint) -> Snippets {
        Snippets { paint, lines: HashMap::new() }
    }

    /// The snippet, with a line break at its end.
    pub(super) fn draw(&mut self, snippet: &Snippet<'_>) -> String {
        let Some((first, _)) = snippet.labels.first() else { return self.bare(snippet) };
        let color = color(snippet.role);
        let config = Config::new()
            .with_color(self.paint.is_colored())
            .with_index_type(IndexType::Byte)
            .with_compact(false)
            .with_cross_gap(false);
        let mut report = ariadne::Report::build(ReportKind::Error, span(first)).with_config(config);
        for (index, (place, words)) in snippet.labels.iter().enumerate() {
            let color = if index == 0 { color } else { Color::Cyan };
            let mut label = Label::new(span(place)).with_color(color).with_order(-(index as i32));
            if !words.is_empty() {
                label = label.with_message(words);
            }
            report.add_label(label);
        }
        let mut drawn = Vec::new();
        if report.finish().write(&mut *self, &mut drawn).is_err() {
            return self.bare(snippet);
        }
        let drawn = String::from_utf8_lossy(&drawn).into_owned();
        self.with_remarks(snippet, &drawn)
    }

    /// Remarks go on in the margin that the drawing has, in place of its last line.
    fn with_remarks(&self, snippet: &Snippet<'_>, drawn: &str) -> String {
        let (_, body) = drawn.trim_end_matches('\n').split_once('\n').unwrap_or_default();
        let (body, last) = body.rsplit_once('\n').unwrap_or((body, ""));
        let width = last.chars().filter(|c| *c == '─').count();
        let margin = format!("{:width$}{} ", "", self.paint.on(Role::Dim, "│"));
        let mut out = self.head(snippet);
        // The second line is an empty margin below the file's name; what follows stands better without it.
        out.extend(
            body.lines()
                .enumerate()
                .filter(|(index, _)| *index != 1)
                .map(|(_, line)| line)
                .map(|line| format!("{}\n", merged(line.trim_end()))),
        );
        for (word, text) in &snippet.remarks {
            let indent = " ".repeat(word.len() + 2);
            for (index, line) in text.lines().enumerate() {
                let head = if index == 0 {
                    format!("{}: ", self.paint.on(remark(word), word))
                } else {
                    indent.clone()
                };
                out.push_str(format!("{margin}{head}{line}").trim_end());
                out.push('\n');
            }
        }
        let foot = snippet.foot.as_deref().map_or(String::new(), |foot| format!("─ {foot}"));
        let end = self.paint.on(Role::Dim, format!("╰{foot}"));
        out.push_str(&format!("{:width$}{end}\n", ""));
        out
    }

    fn head(&self, snippet: &Snippet<'_>) -> String {
        format!(
            "{}: {}\n",
            self.paint.on(snippet.role, &snippet.kind),
            self.paint.on(Role::Strong, snippet.message)
        )
    }

    /// Without a place.
    fn bare(&self, snippet: &Snippet<'_>) -> String {
        let mut out = self.head(snippet);
        for (word, text) in &snippet.remarks {
            out.push_str(&format!(
                "  {}: {}\n",
                self.paint.on(remark(word), word),
                text.replace('\n', "\n        ")
            ));
        }
        if let Some(foot) = &snippet.foot {
            out.push_str(&format!("  {}\n", self.paint.on(Role::Dim, foot)));
        }
        out
    }
}

/// ariadne colors each character by itself; this keeps a color on until another one comes.
fn merged(line: &str) -> String {
    const RESET: &str = "\u{1b}[0m";
    let (mut out, mut current, mut pending, mut rest) = (String::with_capacity(line.len()), "", false, line);
    while let Some(at) = rest.find('\u{1b}') {
        let (text, code) = rest.split_at(at);
        let end = code.find('m').map_or(code.len(), |end| end + 1);
        let (code, behind) = code.split_at(end);
        if !text.is_empty() && pending {
            out.push_str(RESET);
            (current, pending) = ("", false);
        }
        out.push_str(text);
        if code == RESET {
            pending = !current.is_empty();
        } else if !(pending && code == current) {
            if pending {
                out.push_str(RESET);
            }
            out.push_str(code);
            (current, pending) = (code, false);
        } else {
            pending = false;
        }
        rest = behind;
    }
    if pending {
        out.push_str(RESET);
    }
    out + rest
}

/// Ranges that point behind the text, or into a character, would not be drawn at all.
fn span(place: &Place) -> Span {
    let text = &place.text.text;
    let start = text.floor_char_boundary(place.range.start.min(text.len()));
    let end = text.ceil_char_boundary(place.range.end.clamp(start, text.len()));
    (Id(Arc::clone(&place.text)), start..end)
}

fn color(role: Role) -> Color {
    match role {
        Role::Error => Color::Red,
        Role::Warning => Color::Yellow,
        Role::Note | Role::Strong | Role::Dim => Color::Cyan,
        Role::Good => Color::Green,
    }
}

fn remark(word: &str) -> Role {
    if word == "help" || word == "fix" { Role::Good } else { Role::Note }
}
