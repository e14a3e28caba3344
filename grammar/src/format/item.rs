//! Files and declarations.

use super::build::{Builder, Row, Shape};
use super::doc::{Blank, Doc};
use crate::ast::{DefineParam, Doc as DocLine, Expr, File, Item, ItemKind, Name, Path, TypeExpr, Use};

impl Builder<'_> {
    pub(super) fn file(&mut self, file: &File) -> Doc {
        let mut rows = Vec::new();
        for doc in &file.docs {
            let mut row = self.row(Shape::Alone);
            row.tail = self.doc_line("//!", doc);
            rows.push(row);
        }
        if let Some(package) = &file.package {
            let mut row = self.row(Shape::Alone);
            row.tail = Doc::All(vec![self.word("package"), self.path(package)]);
            rows.push(row);
        }
        for (index, import) in file.uses.iter().enumerate() {
            let mut row = self.row(Shape::Alone);
            row.tail = self.import(import);
            row.blank = if index == 0 && !rows.is_empty() { Blank::Force } else { Blank::Keep };
            rows.push(row);
        }
        let mut last: Option<&Item> = None;
        for item in &file.items {
            if matches!(item.kind, ItemKind::Error) {
                continue;
            }
            let mut row = self.item(item);
            let close = last.is_some_and(|last| close_together(last, item));
            row.blank = match (close, self.source) {
                (false, _) => Blank::Force,
                (true, _) => Blank::Keep,
            };
            rows.push(row);
            last = Some(item);
        }
        self.rows(rows, Blank::First)
    }

    fn doc_line(&mut self, slashes: &str, doc: &DocLine) -> Doc {
        let blank = if doc.text.is_empty() { "" } else { " " };
        self.tok(format!("{slashes}{blank}{}", doc.text))
    }

    fn import(&mut self, import: &Use) -> Doc {
        match import {
            Use::Module { path, alias, .. } => {
                let mut docs = vec![self.word("use"), self.path(path)];
                if let Some(alias) = alias {
                    docs.extend([Doc::Pad(1), self.word("as"), self.name(alias)]);
                }
                Doc::All(docs)
            }
            Use::Names { path, names, .. } => {
                let head = vec![self.word("use"), self.path(path), self.tok(".")];
                Doc::All(vec![
                    Doc::All(head),
                    self.bracketed(("{", "}"), &Doc::SoftLine, true, names, Self::name),
                ])
            }
            Use::Kind { name, from, .. } => {
                let head = vec![self.word("kind"), self.name(name), Doc::Pad(1), self.word("from")];
                Doc::All(vec![Doc::All(head), self.string(from)])
            }
        }
    }

    fn item(&mut self, item: &Item) -> Row {
        let first = self.token_count();
        let docs: Vec<Doc> = item
            .docs
            .iter()
            .flat_map(|doc| {
                let line = self.doc_line("///", doc);
                [line, Doc::Hard]
            })
            .collect();
        let mut row = self.item_row(&item.kind);
        row.first = first;
        row.docs = Doc::All(docs);
        row
    }

    fn item_row(&mut self, kind: &ItemKind) -> Row {
        match kind {
            ItemKind::Param { name, ty, default } => self.named("param", name, Some(ty), default.as_ref()),
            ItemKind::Let { name, ty, value } => self.named("let", name, ty.as_ref(), Some(value)),
            ItemKind::Define { name, params, on, body } => {
                let mut row = self.row(Shape::Value(4));
                let mut head = vec![self.word("define"), self.name(name)];
                if let Some(params) = params {
                    head.push(self.define_params(params));
                }
                if let Some(on) = on {
                    head.extend([Doc::Pad(1), self.on(on)]);
                }
                row.cells.push(Doc::All(head));
                row.tail = self.assigned(&row, body);
                row
            }
            ItemKind::Rule(rule) => {
                let mut row = self.row(Shape::Alone);
                let head = vec![
                    self.word("rule"),
                    self.name(&rule.name),
                    Doc::Pad(1),
                    self.on(&rule.on),
                    Doc::Pad(1),
                ];
                row.tail = Doc::All(vec![Doc::All(head), self.block(&rule.clauses, Self::rule_clause)]);
                row
            }
            ItemKind::Mutate(mutate) => {
                let mut row = self.row(Shape::Alone);
                let head = vec![
                    self.word("mutate"),
                    self.name(&mutate.name),
                    Doc::Pad(1),
                    self.on(&mutate.on),
                    Doc::Pad(1),
                ];
                row.tail = Doc::All(vec![Doc::All(head), self.block(&mutate.clauses, Self::mutate_clause)]);
                row
            }
            ItemKind::Correlate(correlate) => {
                let mut row = self.row(Shape::Alone);
                let head = vec![self.word("correlate"), self.name(&correlate.name), Doc::Pad(1)];
                row.tail =
                    Doc::All(vec![Doc::All(head), self.block(&correlate.clauses, Self::correlate_clause)]);
                row
            }
            ItemKind::Bind(bind) => {
                let mut row = self.row(Shape::Alone);
                let head = vec![self.word("bind"), self.rules(&bind.rules), Doc::Pad(1)];
                row.tail = Doc::All(vec![Doc::All(head), self.block(&bind.clauses, Self::bind_clause)]);
                row
            }
            ItemKind::Exception(exception) => {
                let mut row = self.row(Shape::Alone);
                let head = vec![
                    self.word("exception"),
                    self.name(&exception.name),
                    Doc::Pad(1),
                    self.word("to"),
                    self.rules(&exception.rules),
                    Doc::Pad(1),
                ];
                row.tail =
                    Doc::All(vec![Doc::All(head), self.block(&exception.clauses, Self::exception_clause)]);
                row
            }
            ItemKind::Test(test) => {
                let mut row = self.row(Shape::Alone);
                let head = vec![
                    self.word("test"),
                    self.path(&test.rule),
                    Doc::Pad(1),
                    self.string(&test.name),
                    Doc::Pad(1),
                ];
                row.tail = Doc::All(vec![Doc::All(head), self.block(&test.clauses, Self::test_clause)]);
                row
            }
            ItemKind::Error => self.row(Shape::Alone),
        }
    }

    fn define_params(&mut self, params: &[DefineParam]) -> Doc {
        self.group(|this| {
            let open = this.tok("(");
            let list = this.comma(params, |this, param| {
                let name = this.name(&param.name);
                Doc::All(vec![name, this.tok(":"), Doc::Pad(1), this.type_expr(&param.ty)])
            });
            let inside = Doc::Nest(2, Box::new(Doc::All(vec![Doc::SoftLine, list])));
            let close = this.tok(")");
            Doc::All(vec![
                open,
                inside,
                if params.is_empty() { Doc::Pad(0) } else { Doc::End { soft: true } },
                close,
            ])
        })
    }

    fn rules(&mut self, rules: &[Path]) -> Doc {
        self.comma_aligned(rules, Self::path)
    }

    fn named(&mut self, word: &str, name: &Name, ty: Option<&TypeExpr>, value: Option<&Expr>) -> Row {
        let typed = u8::from(ty.is_some());
        let mut row = self.row(Shape::Value(2 * typed + u8::from(word == "let")));
        let mut head = vec![self.word(word), self.name(name)];
        if let Some(ty) = ty {
            head.push(self.tok(":"));
            row.cells.push(Doc::All(head));
            row.cells.push(self.type_expr(ty));
        } else {
            row.cells.push(Doc::All(head));
        }
        if let Some(value) = value {
            row.tail = self.assigned(&row, value);
        }
        row
    }
}

/// Whether no blank line is needed between two declarations.
fn close_together(last: &Item, item: &Item) -> bool {
    let short = |kind: &ItemKind| {
        matches!(kind, ItemKind::Param { .. } | ItemKind::Let { .. } | ItemKind::Define { .. })
    };
    let same = std::mem::discriminant(&last.kind) == std::mem::discriminant(&item.kind);
    short(&item.kind) && same && item.docs.is_empty()
}
