//! Tokens, groups, lists, and rows whose columns line up.

use super::WIDTH;
use super::doc::{Blank, Doc, flat_width};
use super::source::Source;
use crate::ast::{Name, Path, StrLit};
use crate::text;

pub(super) struct Builder<'a> {
    pub(super) source: Option<&'a Source>,
    count: usize,
    /// How far the current block is indented.
    pub(super) indent: usize,
}

/// What lines up with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing does.
    Alone,
    /// `severity high`: the values, whatever their width.
    Keyed,
    /// `step a on b when ..`, `at 1s exec {..}`: the columns, whatever the width of the last one.
    Timed(u8),
    /// `let a = ..`: the columns, if every row fits on its line.
    Value(u8),
    /// `deny when a message ".."`: the messages, if every row fits on its line.
    Verdict,
}

/// One clause or declaration.
pub(super) struct Row {
    pub(super) shape: Shape,
    /// Narrow columns, padded to the width of their neighbours.
    pub(super) cells: Vec<Doc>,
    /// The last column.
    pub(super) tail: Doc,
    /// Its first token.
    pub(super) first: usize,
    /// Lines above it.
    pub(super) docs: Doc,
    /// Whether a blank line may be missing before it.
    pub(super) blank: Blank,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: Option<&'a Source>) -> Builder<'a> {
        Builder { source, count: 0, indent: 0 }
    }

    pub(super) fn token_count(&self) -> usize {
        self.count
    }

    pub(super) fn tok(&mut self, text: impl Into<String>) -> Doc {
        let index = self.count;
        self.count += 1;
        Doc::Tok(index, text.into())
    }

    /// A word and a blank.
    pub(super) fn word(&mut self, text: &str) -> Doc {
        Doc::All(vec![self.tok(text), Doc::Pad(1)])
    }

    pub(super) fn name(&mut self, name: &Name) -> Doc {
        self.tok(name.text.as_str())
    }

    pub(super) fn path(&mut self, path: &Path) -> Doc {
        let mut list = Vec::new();
        for (index, name) in path.names.iter().enumerate() {
            if index > 0 {
                list.push(self.tok("."));
            }
            list.push(self.name(name));
        }
        Doc::All(list)
    }

    pub(super) fn string(&mut self, text: &StrLit) -> Doc {
        let literal = if text.triple && !text.text.contains("\"\"\"") && !text.text.ends_with('"') {
            format!("\"\"\"{}\"\"\"", text.text)
        } else {
            text::escape(&text.text)
        };
        self.tok(literal)
    }

    /// A group of what `build` makes.
    pub(super) fn group(&mut self, build: impl FnOnce(&mut Self) -> Doc) -> Doc {
        let start = self.count;
        let doc = Box::new(build(self));
        Doc::Group { doc, start, end: self.count }
    }

    /// Elements with commas between them.
    pub(super) fn comma<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Self, &T) -> Doc) -> Doc {
        let mut docs = Vec::new();
        for (index, element) in list.iter().enumerate() {
            if index > 0 {
                docs.push(self.tok(","));
                docs.push(Doc::Line);
            }
            docs.push(each(self, element));
        }
        Doc::All(docs)
    }

    /// The same, aligned under the first one.
    pub(super) fn comma_aligned<T>(&mut self, list: &[T], each: impl FnMut(&mut Self, &T) -> Doc) -> Doc {
        self.group(|this| Doc::Align(0, Box::new(this.comma(list, each))))
    }

    /// As many per line as fit, the others aligned under the first one.
    pub(super) fn comma_filled<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Self, &T) -> Doc) -> Doc {
        let mut docs = Vec::new();
        for (index, element) in list.iter().enumerate() {
            if index == 0 {
                docs.push(each(self, element));
                continue;
            }
            docs.push(self.tok(","));
            docs.push(self.group(|this| Doc::All(vec![Doc::Line, each(this, element)])));
        }
        Doc::Align(0, Box::new(Doc::All(docs)))
    }

    /// Elements in brackets: on one line, or one per line, or (`fill`) as many per line as fit.
    pub(super) fn bracketed<T>(
        &mut self,
        (open, close): (&str, &str),
        inner: &Doc,
        fill: bool,
        list: &[T],
        mut each: impl FnMut(&mut Self, &T) -> Doc,
    ) -> Doc {
        self.group(|this| {
            let open = this.tok(open);
            if list.is_empty() {
                let close = this.tok(close);
                return Doc::All(vec![open, close]);
            }
            let mut docs = vec![inner.clone()];
            for (index, element) in list.iter().enumerate() {
                if index == 0 {
                    docs.push(each(this, element));
                    continue;
                }
                docs.push(this.tok(","));
                if fill {
                    docs.push(this.group(|this| Doc::All(vec![Doc::Line, each(this, element)])));
                } else {
                    docs.push(Doc::Line);
                    docs.push(each(this, element));
                }
            }
            docs.push(Doc::IfBreak(","));
            let close = this.tok(close);
            let end = Doc::End { soft: matches!(inner, Doc::SoftLine) };
            Doc::All(vec![open, Doc::Nest(2, Box::new(Doc::All(docs))), end, close])
        })
    }

    /// Begins a row.
    pub(super) fn row(&mut self, shape: Shape) -> Row {
        Row {
            shape,
            cells: Vec::new(),
            tail: Doc::All(Vec::new()),
            first: self.count,
            docs: Doc::All(Vec::new()),
            blank: Blank::Keep,
        }
    }

    /// Whether tokens from `start` on have a comment between them.
    pub(super) fn has_comment_since(&self, start: usize) -> bool {
        self.source.is_some_and(|source| source.has_comment(start, self.count))
    }

    /// The width on one line of what was built from token `start` on; nothing with a comment in it.
    pub(super) fn flat(&self, start: usize, doc: &Doc) -> Option<usize> {
        if self.has_comment_since(start) { None } else { flat_width(doc) }
    }

    /// Rows between braces, indented.
    pub(super) fn block<C>(&mut self, clauses: &[C], mut each: impl FnMut(&mut Self, &C) -> Row) -> Doc {
        let open = self.tok("{");
        self.indent += 2;
        let rows: Vec<Row> = clauses.iter().map(|clause| each(self, clause)).collect();
        let inside = self.rows(rows, Blank::First);
        self.indent -= 2;
        let close = self.tok("}");
        if clauses.is_empty() {
            return Doc::All(vec![open, close]);
        }
        let inside = Doc::Nest(2, Box::new(inside));
        Doc::All(vec![open, inside, Doc::Clause(Blank::Last), close])
    }

    /// Rows one below the other, with their columns aligned.
    pub(super) fn rows(&self, rows: Vec<Row>, first: Blank) -> Doc {
        let mut docs = Vec::new();
        let mut run: Vec<Row> = Vec::new();
        let mut blank = first;
        let mut last_shape = None;
        for mut row in rows {
            let behind_keys = last_shape == Some(Shape::Keyed) && row.shape != Shape::Keyed;
            if self.source.is_none() && behind_keys {
                row.blank = Blank::Force;
            }
            last_shape = Some(row.shape);
            let joins = run.last().is_some_and(|last| self.joins(last, &row));
            if !joins && !run.is_empty() {
                self.run(std::mem::take(&mut run), &mut blank, &mut docs);
            }
            run.push(row);
        }
        self.run(run, &mut blank, &mut docs);
        Doc::All(docs)
    }

    /// Whether two neighbours line up.
    fn joins(&self, last: &Row, row: &Row) -> bool {
        let parted = self.source.map_or(row.blank == Blank::Force, |source| source.parted(row.first));
        let documented = matches!(&row.docs, Doc::All(list) if !list.is_empty());
        last.shape == row.shape
            && row.shape != Shape::Alone
            && !parted
            && !documented
            && self.fits_on_line(last)
            && self.fits_on_line(row)
    }

    fn fits_on_line(&self, row: &Row) -> bool {
        match row.shape {
            Shape::Alone => false,
            Shape::Keyed | Shape::Timed(_) => true,
            Shape::Value(_) | Shape::Verdict => {
                self.row_width(row).is_some_and(|width| self.indent + width <= WIDTH)
            }
        }
    }

    fn row_width(&self, row: &Row) -> Option<usize> {
        let cells: Option<usize> = row.cells.iter().map(|cell| flat_width(cell).map(|width| width + 1)).sum();
        Some(cells? + flat_width(&row.tail)?)
    }

    fn run(&self, rows: Vec<Row>, blank: &mut Blank, docs: &mut Vec<Doc>) {
        let columns = rows.first().map_or(0, |row| row.cells.len());
        let width = |row: &Row, column: usize| row.cells.get(column).and_then(flat_width).unwrap_or(0);
        let mut widths: Vec<usize> =
            (0..columns).map(|column| rows.iter().map(|row| width(row, column)).max().unwrap_or(0)).collect();
        let aligned = rows.iter().all(|row| {
            let cells: usize = widths.iter().map(|width| width + 1).sum();
            matches!(row.shape, Shape::Keyed | Shape::Timed(_))
                || flat_width(&row.tail).is_some_and(|tail| self.indent + cells + tail <= WIDTH)
        });
        if !aligned {
            widths.clear();
        }
        for row in rows {
            docs.push(Doc::Clause(if *blank == Blank::First { Blank::First } else { row.blank }));
            *blank = Blank::Keep;
            docs.push(row.docs);
            for (column, cell) in row.cells.into_iter().enumerate() {
                let own = flat_width(&cell).unwrap_or(0);
                let pad = widths.get(column).map_or(0, |width| width.saturating_sub(own)) + 1;
                docs.push(cell);
                docs.push(Doc::Pad(pad));
            }
            docs.push(row.tail);
        }
    }
}
