//! Texts with marks below them. The only module that knows ariadne.

use std::{ops::Range, sync::Arc};

use ariadne::{Cache, Color, Config, IndexType, Label, ReportKind, Source};

use super::{Paint, Role, excerpt::Excerpt, plain};
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

/// Draws snippets.
#[derive(Clone, Copy)]
pub(super) struct Snippets {
    paint: Paint,
}

/// The texts that a drawing is of, by their number: name, excerpt, lines before the excerpt.
struct Sources(Vec<(String, Source<String>, usize)>);

/// A place as ariadne wants it: the number of a text, and bytes of its excerpt.
type Span = (usize, Range<usize>);

impl Cache<usize> for &Sources {
    type Storage = String;

    fn fetch(&mut self, id: &usize) -> Result<&Source<String>, impl std::fmt::Debug> {
        self.0.get(*id).map(|(_, source, _)| source).ok_or(*id)
    }

    fn display<'a>(&self, id: &'a usize) -> Option<impl std::fmt::Display + 'a> {
        self.0.get(*id).map(|(name, _, _)| name.clone())
    }
}

/// One label: its text, where it is there, and where it is in the excerpt.
struct Mark<'s> {
    source: usize,
    place: &'s Place,
    words: &'s str,
    range: Range<usize>,
}

impl Snippets {
    pub(super) fn new(paint: Paint) -> Snippets {
        Snippets { paint }
    }

    /// The snippet, with a line break at its end.
    pub(super) fn draw(self, snippet: &Snippet<'_>) -> String {
        let (sources, marks) = sources(&snippet.labels);
        let Some(first) = marks.first() else { return self.bare(snippet) };
        let color = color(snippet.role);
        let config = Config::new()
            .with_color(self.paint.is_colored())
            .with_index_type(IndexType::Byte)
            .with_compact(false)
            .with_cross_gap(false);
        let span = |mark: &Mark<'_>| -> Span { (mark.source, mark.range.clone()) };
        let mut report = ariadne::Report::build(ReportKind::Error, span(first)).with_config(config);
        // In the order of the text, or ariadne begins the text anew; on one line the first label is the innermost.
        let mut order: Vec<usize> = (0..marks.len()).collect();
        order.sort_by_key(|index| {
            marks.get(*index).map(|mark| (mark.source, mark.place.last_line(), std::cmp::Reverse(*index)))
        });
        for (order, index) in order.into_iter().enumerate() {
            let Some(mark) = marks.get(index) else { continue };
            let color = if index == 0 { color } else { Color::Cyan };
            let mut label = Label::new(span(mark)).with_color(color).with_order(order as i32);
            if !mark.words.is_empty() {
                label = label.with_message(plain::lines(mark.words));
            }
            report.add_label(label);
        }
        let mut drawn = Vec::new();
        if report.finish().write(&sources, &mut drawn).is_err() {
            return self.bare(snippet);
        }
        let drawn = placed(&String::from_utf8_lossy(&drawn), &sources, &marks);
        self.with_remarks(snippet, &drawn)
    }

    /// Remarks go on in the margin that the drawing has, in place of its last line.
    fn with_remarks(self, snippet: &Snippet<'_>, drawn: &str) -> String {
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
            for (index, line) in plain::lines(text).lines().enumerate() {
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

    fn head(self, snippet: &Snippet<'_>) -> String {
        format!(
            "{}: {}\n",
            self.paint.on(snippet.role, &snippet.kind),
            self.paint.on(Role::Strong, plain::line(snippet.message))
        )
    }

    /// Without a place.
    fn bare(self, snippet: &Snippet<'_>) -> String {
        let mut out = self.head(snippet);
        for (word, text) in &snippet.remarks {
            out.push_str(&format!(
                "  {}: {}\n",
                self.paint.on(remark(word), word),
                plain::lines(text).replace('\n', "\n        ")
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

/// The texts of the labels, each once, and the labels in them.
fn sources<'s>(labels: &'s [(Place, &'s str)]) -> (Sources, Vec<Mark<'s>>) {
    let mut texts: Vec<&Arc<Text>> = Vec::new();
    for (place, _) in labels {
        if !texts.iter().any(|text| Arc::ptr_eq(text, &place.text)) {
            texts.push(&place.text);
        }
    }
    let mut sources = Vec::new();
    let mut marks: Vec<(usize, Mark<'_>)> = Vec::new();
    for (source, text) in texts.into_iter().enumerate() {
        let own: Vec<_> =
            labels.iter().enumerate().filter(|(_, (place, _))| Arc::ptr_eq(&place.text, text)).collect();
        let ranges: Vec<Range<usize>> = own.iter().map(|(_, (place, _))| place.range.clone()).collect();
        let excerpt = Excerpt::of(text, &ranges);
        marks.extend(
            own.into_iter()
                .zip(excerpt.marks)
                .map(|((index, (place, words)), range)| (index, Mark { source, place, words, range })),
        );
        sources.push((plain::line(&text.name).into_owned(), Source::from(excerpt.text), excerpt.skipped));
    }
    marks.sort_by_key(|(index, _)| *index);
    (Sources(sources), marks.into_iter().map(|(_, mark)| mark).collect())
}

/// ariadne counts the lines and columns of the excerpts; they become those of the texts.
fn placed(drawn: &str, sources: &Sources, marks: &[Mark<'_>]) -> String {
    let mut lines = drawn.lines();
    let mut out = lines.next().unwrap_or_default().to_owned();
    let rest: Vec<&str> = lines.collect();
    let drawn_width =
        rest.first().map_or(0, |line| line.chars().take_while(|c| *c == ' ').count().saturating_sub(2));
    let width = marks.iter().map(|mark| mark.place.last_line()).max().unwrap_or(1).to_string().len();
    let more = width.saturating_sub(drawn_width);
    let mut next = 0;
    for line in rest {
        out.push('\n');
        let name = sources.0.get(next).map(|(name, _, _)| format!(" {name}:"));
        let mark = marks.iter().find(|mark| mark.source == next);
        let skipped =
            next.checked_sub(1).and_then(|index| sources.0.get(index)).map_or(0, |(_, _, skipped)| *skipped);
        if let (true, Some(name), Some(mark)) = (is_header(line), name, mark)
            && let Some((before, behind)) = line.split_once(&name)
        {
            let behind = behind.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
            let (line, column) = mark.place.start();
            out.push_str(&format!("{:more$}{before}{name}{line}:{column}{behind}", ""));
            next += 1;
        } else if let Some((before, number, behind)) = numbered(line) {
            out.push_str(&format!("{before}{:>width$}{behind}", number + skipped));
        } else {
            let edge = if line.starts_with(' ') { " " } else { "─" };
            out.push_str(&edge.repeat(more));
            out.push_str(line);
        }
    }
    out.push('\n');
    out
}

/// A line of a text with its number: what stands before the number, the number, what stands behind it.
fn numbered(line: &str) -> Option<(&str, usize, &str)> {
    let at = line.find(|c: char| c != ' ')?;
    // A color may stand between.
    let at = match line.get(at..)?.strip_prefix('\u{1b}') {
        Some(code) => line.len() - code.split_once('m')?.1.len(),
        None => 1,
    };
    let (before, rest) = line.split_at_checked(at)?;
    let digits = rest.trim_start_matches(' ');
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    let (number, behind) = digits.split_at_checked(end)?;
    Some((before, number.parse().ok().filter(|_| behind.starts_with(" │"))?, behind))
}

/// Whether a line names a text: `╭─[` or `├─[`, between colors.
fn is_header(line: &str) -> bool {
    let line = line.trim_start();
    let line = match line.strip_prefix('\u{1b}') {
        Some(code) => code.split_once('m').map_or("", |(_, rest)| rest),
        None => line,
    };
    line.starts_with('╭') || line.starts_with('├')
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
