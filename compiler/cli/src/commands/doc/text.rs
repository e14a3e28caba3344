//! The light Markdown of doc comments: paragraphs, lists with `-`, fenced or indented code, `code` in a line.
//!
//! Nothing else has a meaning, so that no text can become markup: what both output forms write is these parts, each
//! escaped in its own way.

use kpol_grammar::{TemplatePart, ast::StrLit, print_expr, template};

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inline {
    /// Words.
    Text(String),
    /// Between backticks.
    Code(String),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Lines that flow.
    Paragraph(Vec<Inline>),
    /// Lines that begin with `-` or `*`.
    List(Vec<Vec<Inline>>),
    /// Lines as they are.
    Code(String),
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words.
    Text(String),
    /// The path of a value that the engine fills in.
    Hole(String),
}

/// The blocks of a doc comment.
pub(crate) fn blocks(doc: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for line in doc.lines() {
        reader.line(line);
    }
    reader.flush();
    reader.blocks
}

/// The lead of a text and the rest: the lead is what the first paragraph says up to the end of a line that ends a
/// sentence.
pub(crate) fn lead(doc: &str) -> (Vec<Inline>, Vec<Block>) {
    let mut lead: Vec<&str> = Vec::new();
    let mut lines = doc.lines().skip_while(|line| line.trim().is_empty()).peekable();
    while let Some(line) = lines.next_if(|line| opens(line).is_none() && !line.trim().is_empty()) {
        lead.push(line.trim());
        if line.trim_end().ends_with(['.', '!', '?']) {
            break;
        }
    }
    let rest: Vec<&str> = lines.collect();
    (inlines(&lead.join(" ")), blocks(&rest.join("\n")))
}

/// The words and code of one line. A backtick that nothing closes is a backtick.
pub(crate) fn inlines(text: &str) -> Vec<Inline> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, behind)) = after.split_once('`').filter(|(code, _)| !code.trim().is_empty()) else {
            break;
        };
        push_text(&mut parts, before);
        parts.push(Inline::Code(code.trim().to_owned()));
        rest = behind;
    }
    push_text(&mut parts, rest);
    parts
}

/// The parts of a message. A message that does not parse is shown as it is.
pub(crate) fn message(text: &StrLit) -> Vec<Piece> {
    match template(text) {
        Ok(parts) => parts
            .into_iter()
            .map(|part| match part {
                TemplatePart::Text(text) => Piece::Text(text),
                TemplatePart::Hole(path) => Piece::Hole(print_expr(&path)),
            })
            .collect(),
        Err(_) => vec![Piece::Text(text.text.clone())],
    }
}

fn push_text(parts: &mut Vec<Inline>, text: &str) {
    if !text.is_empty() {
        parts.push(Inline::Text(text.to_owned()));
    }
}

/// What a line opens that is no paragraph.
enum Opens<'l> {
    Item(&'l str),
    Fence,
    Indented(&'l str),
}

fn opens(line: &str) -> Option<Opens<'_>> {
    if let Some(code) = line.strip_prefix("    ") {
        return (!code.trim().is_empty()).then_some(Opens::Indented(code));
    }
    let line = line.trim_start();
    if line.starts_with("```") {
        return Some(Opens::Fence);
    }
    line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).map(|item| Opens::Item(item.trim()))
}

#[derive(Default)]
struct Reader {
    blocks: Vec<Block>,
    paragraph: Vec<String>,
    items: Vec<String>,
    code: Vec<String>,
    fenced: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if self.fenced {
            match opens(line) {
                Some(Opens::Fence) => self.flush(),
                _ => self.code.push(line.to_owned()),
            }
            return;
        }
        if line.trim().is_empty() {
            self.flush();
            return;
        }
        match opens(line) {
            Some(Opens::Fence) => {
                self.flush();
                self.fenced = true;
            }
            Some(Opens::Item(item)) => {
                self.flush_unless_items();
                self.items.push(item.to_owned());
            }
            Some(Opens::Indented(code)) if self.paragraph.is_empty() && self.items.is_empty() => {
                self.code.push(code.to_owned());
            }
            Some(Opens::Indented(_)) | None => match self.items.last_mut() {
                Some(item) if line.starts_with(' ') => {
                    item.push(' ');
                    item.push_str(line.trim());
                }
                _ => {
                    if self.paragraph.is_empty() {
                        self.flush();
                    }
                    self.paragraph.push(line.trim().to_owned());
                }
            },
        }
    }

    fn flush_unless_items(&mut self) {
        if self.items.is_empty() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.paragraph.is_empty() {
            let text = std::mem::take(&mut self.paragraph).join(" ");
            self.blocks.push(Block::Paragraph(inlines(&text)));
        }
        if !self.items.is_empty() {
            let items = std::mem::take(&mut self.items);
            self.blocks.push(Block::List(items.iter().map(|item| inlines(item)).collect()));
        }
        if !self.code.is_empty() {
            self.blocks.push(Block::Code(std::mem::take(&mut self.code).join("\n")));
        }
        self.fenced = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Inline {
        Inline::Text(text.to_owned())
    }

    fn code(text: &str) -> Inline {
        Inline::Code(text.to_owned())
    }

    #[test]
    fn the_lead_ends_with_the_line_that_ends_a_sentence() {
        let (first, rest) =
            lead("Pods mount no files\nof their `node`.\nA volume reaches e.g. the\nkubelet.\n\nMore.");
        assert_eq!(first, [text("Pods mount no files of their "), code("node"), text(".")]);
        let paragraphs = ["A volume reaches e.g. the kubelet.", "More."];
        assert_eq!(rest, paragraphs.map(|words| Block::Paragraph(vec![text(words)])));
    }

    #[test]
    fn a_backtick_that_nothing_closes_is_a_backtick() {
        assert_eq!(inlines("a `b` and ` c"), [text("a "), code("b"), text(" and ` c")]);
        assert_eq!(inlines("``"), [text("``")]);
        assert_eq!(inlines(""), []);
    }

    #[test]
    fn lists_and_code_are_blocks() {
        let found =
            blocks("Two:\n- one\n  goes on\n- `two`\n\n    deny when x\n      more\n```kpol\n- a\n```\nEnd");
        assert_eq!(
            found,
            [
                Block::Paragraph(vec![text("Two:")]),
                Block::List(vec![vec![text("one goes on")], vec![code("two")]]),
                Block::Code("deny when x\n  more".to_owned()),
                Block::Code("- a".to_owned()),
                Block::Paragraph(vec![text("End")]),
            ]
        );
    }

    #[test]
    fn no_word_of_a_text_is_lost() {
        for doc in
            ["a\n- b\nc\n    d\n\n    e\n```\nf\n", "- a\n\n- b\nc", "    a\nb\n- c\n```\nd", "```\n```\na"]
        {
            let all: Vec<String> = blocks(doc).iter().map(|block| format!("{block:?}")).collect();
            for word in ["a", "b", "c", "d", "e", "f"].iter().filter(|word| doc.contains(**word)) {
                assert!(all.iter().any(|block| block.contains(word)), "{word} of {doc:?}: {all:?}");
            }
        }
    }
}
