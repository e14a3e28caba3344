//! Text with places where a line may break, and how it is set ("prettier printer", after Wadler).

use super::WIDTH;
use super::source::Source;

/// Text with places where a line may break.
#[derive(Clone, Debug)]
pub(super) enum Doc {
    /// The n-th token.
    Tok(usize, String),
    /// Blanks; none at the end of a line.
    Pad(usize),
    /// A blank, or a line end in a group that breaks.
    Line,
    /// Nothing, or a line end in a group that breaks.
    SoftLine,
    /// A line end.
    Hard,
    /// A `Line` (or a `SoftLine`) before a closing bracket: comments before it belong inside.
    End {
        soft: bool,
    },
    /// A line end between clauses or declarations.
    Clause(Blank),
    /// Text in a group that breaks; no token.
    IfBreak(&'static str),
    All(Vec<Doc>),
    Nest(usize, Box<Doc>),
    /// Lines begin at the column where it begins, some columns further left.
    Align(usize, Box<Doc>),
    /// On one line if it fits; its tokens.
    Group {
        doc: Box<Doc>,
        start: usize,
        end: usize,
    },
}

/// Where a blank line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blank {
    /// Where the author put one.
    Keep,
    /// Always.
    Force,
    /// Never before the first line of a block.
    First,
    /// Never behind the last one.
    Last,
}

/// The width on one line; nothing when it cannot stand on one.
pub(super) fn flat_width(doc: &Doc) -> Option<usize> {
    match doc {
        Doc::Tok(_, text) => (!text.contains('\n')).then(|| text.chars().count()),
        Doc::Pad(width) => Some(*width),
        Doc::Line => Some(1),
        Doc::End { soft } => Some(usize::from(!soft)),
        Doc::SoftLine | Doc::IfBreak(_) => Some(0),
        Doc::Hard | Doc::Clause(_) => None,
        Doc::All(list) => list.iter().map(flat_width).sum(),
        Doc::Nest(_, doc) | Doc::Align(_, doc) | Doc::Group { doc, .. } => flat_width(doc),
    }
}

#[derive(Clone, Copy)]
struct Command<'a> {
    indent: usize,
    flat: bool,
    doc: &'a Doc,
}

pub(super) fn render(doc: &Doc, source: Option<&Source>) -> String {
    let mut writer = Writer::new(source);
    let mut stack = vec![Command { indent: 0, flat: false, doc }];
    while let Some(command) = stack.pop() {
        let Command { indent, flat, doc } = command;
        match doc {
            Doc::Tok(index, text) => writer.token(*index, text, indent),
            Doc::Pad(width) => writer.blank(*width),
            Doc::Line if flat => writer.blank(1),
            Doc::SoftLine if flat => {}
            Doc::End { soft } if flat => writer.blank(usize::from(!soft)),
            Doc::End { .. } => writer.newline(indent, None, 2),
            Doc::Line | Doc::SoftLine | Doc::Hard => writer.newline(indent, None, 0),
            Doc::Clause(blank) => {
                let inside = if *blank == Blank::Last { 2 } else { 0 };
                writer.newline(indent, Some(*blank), inside);
            }
            Doc::IfBreak(text) => {
                if !flat {
                    writer.write(text);
                }
            }
            Doc::All(list) => stack.extend(list.iter().rev().map(|doc| Command { doc, ..command })),
            Doc::Nest(by, doc) => stack.push(Command { indent: indent + by, flat, doc }),
            Doc::Align(left, doc) => {
                let column = writer.column + writer.blanks;
                stack.push(Command { indent: column.saturating_sub(*left), flat, doc });
            }
            Doc::Group { doc, start, end } => {
                let broken = source.is_some_and(|source| source.has_comment(*start, *end));
                let flat = flat || (!broken && fits(&writer, doc, &stack));
                stack.push(Command { indent, flat, doc });
            }
        }
    }
    writer.finish()
}

/// Whether a group fits on the rest of the line, with what follows it up to the next line end.
fn fits<'a>(writer: &Writer<'_>, group: &'a Doc, rest: &[Command<'a>]) -> bool {
    let mut used = writer.column + writer.blanks;
    let mut stack: Vec<(bool, &Doc)> = vec![(true, group)];
    let mut rest = rest.iter().rev();
    while used <= WIDTH {
        let (flat, doc) = match stack.pop() {
            Some(next) => next,
            None => match rest.next() {
                Some(command) => (command.flat, command.doc),
                None => return true,
            },
        };
        match doc {
            Doc::Tok(index, text) => {
                if let Some(line) = text.split('\n').next().filter(|line| line.len() < text.len()) {
                    return used + line.chars().count() <= WIDTH;
                }
                used += text.chars().count();
                if writer.source.is_some_and(|source| !source.gap(index + 1).is_empty()) {
                    return used <= WIDTH;
                }
            }
            Doc::Pad(width) => used += width,
            Doc::Line if flat => used += 1,
            Doc::SoftLine if flat => {}
            Doc::End { soft } if flat => used += usize::from(!soft),
            Doc::Line | Doc::SoftLine | Doc::End { .. } | Doc::Hard | Doc::Clause(_) => return true,
            Doc::IfBreak(text) => used += if flat { 0 } else { text.len() },
            Doc::All(list) => stack.extend(list.iter().rev().map(|doc| (flat, doc))),
            Doc::Nest(_, doc) | Doc::Align(_, doc) => stack.push((flat, doc)),
            // Behind the group a later one may still break by itself.
            Doc::Group { doc, .. } => stack.push((flat, doc)),
        }
    }
    false
}

struct Writer<'a> {
    source: Option<&'a Source>,
    text: String,
    column: usize,
    /// Blanks that are due before the next text of the line.
    blanks: usize,
    /// The next token.
    next: usize,
    /// Whether the comments before the next token are still to be written.
    pending: bool,
    /// Whether a comment has ended the line, and nothing stands on the new one.
    fresh: bool,
    /// Whether the line ends with a comment.
    remarked: bool,
}

impl<'a> Writer<'a> {
    fn new(source: Option<&'a Source>) -> Writer<'a> {
        Writer {
            source,
            text: String::new(),
            column: 0,
            blanks: 0,
            next: 0,
            pending: source.is_some(),
            fresh: false,
            remarked: false,
        }
    }

    fn write(&mut self, text: &str) {
        self.text.extend(std::iter::repeat_n(' ', self.blanks));
        self.column += self.blanks;
        self.blanks = 0;
        self.fresh = false;
        self.text.push_str(text);
        self.column = match text.rsplit_once('\n') {
            Some((_, line)) => line.chars().count(),
            None => self.column + text.chars().count(),
        };
    }

    fn end_line(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.column = 0;
        self.blanks = 0;
        self.remarked = false;
    }

    fn has_remarks(&self) -> bool {
        self.pending && self.source.is_some_and(|source| !source.gap(self.next).is_empty())
    }

    fn token(&mut self, index: usize, text: &str, indent: usize) {
        if self.has_remarks() && text != "," {
            let closes = matches!(text, "}" | "]" | ")");
            self.remarks(if closes { indent + 2 } else { indent }, None);
            self.end_line();
            self.blanks = indent;
        }
        if text == "," && self.has_remarks() {
            // The comma goes before the comment, so the comment belongs to the gap behind it.
            self.write(text);
            self.carry(index, indent);
            return;
        }
        self.write(text);
        self.next = index + 1;
        self.pending = true;
    }

    /// Writes the comments of the gap before a comma and those of the gap behind it.
    fn carry(&mut self, comma: usize, indent: usize) {
        self.remarks(indent, None);
        self.next = comma + 1;
        self.pending = true;
        self.remarks(indent, None);
        self.end_line();
        self.blanks = indent;
        self.fresh = true;
    }

    /// A blank between two tokens, unless a comment has ended the line.
    fn blank(&mut self, width: usize) {
        if !self.fresh {
            self.blanks += width;
        }
    }

    /// Ends the line; comments before the next token stand `inside` columns further in.
    fn newline(&mut self, indent: usize, blank: Option<Blank>, inside: usize) {
        let fresh = self.column == 0 && !self.text.is_empty();
        let before = self.text.len();
        let mut extra = false;
        if let (Some(source), Some(blank)) = (self.source, blank) {
            let own_blank = source.parted(self.next);
            let has_own = source.gap(self.next).iter().any(|remark| remark.own_line);
            extra = match blank {
                Blank::Keep => source.blank(self.next),
                Blank::Force => source.blank(self.next) || (!own_blank && !has_own),
                Blank::First => source.blank(self.next) && has_own,
                Blank::Last => false,
            };
        } else if self.source.is_none() {
            extra = blank == Some(Blank::Force);
        }
        self.remarks(indent + inside, blank);
        if self.text.len() > before || !fresh {
            self.end_line();
        }
        if extra {
            self.end_line();
        }
        self.blanks = indent;
    }

    /// Writes the comments before the next token, each with its line, without the last line end.
    fn remarks(&mut self, indent: usize, blank: Option<Blank>) {
        let Some(source) = self.source.filter(|_| self.pending) else { return };
        self.pending = false;
        let force = blank == Some(Blank::Force) && !source.parted(self.next);
        let mut first_own = true;
        for remark in source.gap(self.next) {
            if remark.own_line || self.text.is_empty() || self.remarked {
                let keep = match blank {
                    None => false,
                    Some(Blank::First) => remark.blank_before && !first_own,
                    Some(Blank::Keep | Blank::Force | Blank::Last) => {
                        remark.blank_before || (force && first_own)
                    }
                };
                self.end_line();
                if keep {
                    self.end_line();
                }
                self.blanks = indent;
                first_own = false;
            } else {
                self.blanks = 1;
            }
            self.write(&remark.text);
            self.remarked = true;
        }
    }

    fn finish(mut self) -> String {
        self.remarks(0, Some(Blank::Keep));
        while self.text.ends_with('\n') {
            self.text.pop();
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text
    }
}
