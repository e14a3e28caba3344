//! Writes Markdown, and escapes what is not meant as such.

use super::super::text::{Block, Inline, Piece};

/// Lines with a blank one where Markdown needs it.
#[derive(Default)]
pub(super) struct Out {
    text: String,
    last: Last,
}

/// What was written last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Block,
    Item,
    Row,
}

impl Out {
    /// Everything.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// A block of one line.
    pub(super) fn line(&mut self, line: &str) {
        self.begin(Last::Block);
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Nothing if it is empty.
    pub(super) fn paragraph(&mut self, line: &str) {
        if !line.trim().is_empty() {
            self.line(line);
        }
    }

    /// A heading that links find.
    pub(super) fn heading(&mut self, level: usize, id: &str, title: &str) {
        self.line(&format!("{} {}{title}", "#".repeat(level), anchor(id)));
    }

    /// An item of a list, or of a list in it.
    pub(super) fn item(&mut self, depth: usize, line: &str) {
        self.begin(Last::Item);
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str("- ");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The head of a table.
    pub(super) fn table(&mut self, titles: &[String]) {
        self.last = Last::Block;
        self.row(titles);
        self.row(&titles.iter().map(|_| "---".to_owned()).collect::<Vec<_>>());
    }

    /// A row of a table.
    pub(super) fn row(&mut self, cells: &[String]) {
        self.begin(Last::Row);
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }

    /// Blocks of a doc comment.
    pub(super) fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(parts) => self.paragraph(&inlines(parts)),
                Block::List(items) => items.iter().for_each(|item| self.item(0, &inlines(item))),
                Block::Code(code) => self.fence(code),
            }
        }
    }

    /// Code that a reader opens.
    pub(super) fn details(&mut self, summary: &str, code: &str) {
        self.line(&format!("<details><summary>{}</summary>", html(summary)));
        self.fence(code);
        self.line("</details>");
    }

    fn fence(&mut self, code: &str) {
        let fence = "`".repeat(longest_run(code).max(2) + 1);
        self.line(&format!("{fence}kpol\n{}\n{fence}", code.trim_end()));
    }

    fn begin(&mut self, next: Last) {
        let goes_on = self.last == next && next != Last::Block;
        if !goes_on && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.last = next;
    }
}

/// What links find.
pub(super) fn anchor(id: &str) -> String {
    format!("<a id=\"{}\"></a>", html(id))
}

/// Plain words: nothing in them is markup, and they stay on one line.
pub(super) fn text(words: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    let mut rest = words.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            // Within a word an underscore is one.
            '_' if before.is_ascii_alphanumeric() && rest.peek().is_some_and(char::is_ascii_alphanumeric) => {
                out.push('_');
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => out.extend(['\\', c]),
            '\n' | '\r' | '\t' => out.push(' '),
            c => out.push(c),
        }
        before = c;
    }
    // Some hosts make links of web addresses by themselves.
    begin_harmless(out.replace("://", ":&#47;/").replace("www.", "www&#46;"))
}

/// A line that begins with a sign of a list, or a number with a dot, is a list.
fn begin_harmless(line: String) -> String {
    if line.starts_with(['-', '+', '=']) {
        return format!("\\{line}");
    }
    let digits = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
    match line.split_at(digits) {
        (number, rest) if digits > 0 && rest.starts_with(['.', ')']) => format!("{number}\\{rest}"),
        _ => line,
    }
}

/// Code in a line. Line breaks become blanks, since a cell or item has one line.
pub(super) fn code(code: &str) -> String {
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let fence = "`".repeat(longest_run(&code) + 1);
    let blank = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{code}{blank}{fence}")
}

/// Words and code.
pub(super) fn inlines(parts: &[Inline]) -> String {
    let shown = parts.iter().map(|part| match part {
        Inline::Text(words) => text(words),
        Inline::Code(it) => code(it),
    });
    shown.collect()
}

/// A message with its holes.
pub(super) fn message(pieces: &[Piece]) -> String {
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Text(words) => text(words),
        Piece::Hole(path) => format!("{{{}}}", text(path)),
    });
    shown.collect()
}

/// An address between angle brackets.
pub(super) fn url(address: &str) -> String {
    address.replace('<', "%3C").replace('>', "%3E").replace('\\', "%5C").replace('|', "%7C")
}

/// Words in HTML that stands in Markdown: neither may find markup in them.
fn html(words: &str) -> String {
    let mut out = String::new();
    for c in words.chars() {
        match c {
            '&' | '<' | '>' | '"' | '[' | ']' | '`' => out.push_str(&format!("&#{};", u32::from(c))),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_markup() {
        assert_eq!(text("<b>*x*</b> [a](b) | `c`"), "&lt;b&gt;\\*x\\*&lt;/b&gt; \\[a\\](b) \\| \\`c\\`");
        assert_eq!(text("@team, see https://x"), "&#64;team, see https:&#47;/x");
        assert_eq!(text("- a\nb"), "\\- a b");
        assert_eq!(text("1. a"), "1\\. a");
        assert_eq!(text("no_exec is _new_"), "no_exec is \\_new\\_");
    }

    #[test]
    fn code_is_closed_by_more_backticks_than_it_has() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a `b`\n  c"), "``a `b` c``");
        assert_eq!(code("`"), "`` ` ``");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_it() {
        let mut out = Out::default();
        out.blocks(&[Block::Code("````\n<x>".to_owned())]);
        assert_eq!(out.finish(), "`````kpol\n````\n<x>\n`````\n");
    }
}
