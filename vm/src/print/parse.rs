//! Reads a module's text form back: for tests that write IR by hand, and to prove that print leaves nothing out.
//!
//! A line is tokens; its indentation says what it is part of. The reader checks form only; meaning is the verifier's.

mod code;
mod items;
mod lex;

use crate::{
    ir::{Const, FieldDemand, FieldSource, Module, RecordDemand, RecordId, Root, SlotTy, Ty},
    types::{SIMPLE, Type},
};
use lex::{Cursor, Line};

/// Constants and types inside each other, at most.
const MAX_DEPTH: usize = 64;

/// Why a text is no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TextError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

type Parse<T> = Result<T, TextError>;

/// Reads what [`super::module_text`] prints.
///
/// # Errors
/// The first line that is not of the form.
pub fn parse_module(text: &str) -> Parse<Module> {
    let lines = lex::lines(text)?;
    let mut reader = Reader { lines: &lines, at: 0 };
    let mut module = Module::default();
    while let Some(line) = reader.next(0) {
        items::item(&mut reader, &mut line.cursor(), &mut module)?;
    }
    match reader.lines.get(reader.at) {
        Some(line) => Err(line.error("this line is part of nothing")),
        None => Ok(module),
    }
}

/// The lines that are left.
struct Reader<'t> {
    lines: &'t [Line<'t>],
    at: usize,
}

impl<'t> Reader<'t> {
    /// The next line, if it is this deep.
    fn next(&mut self, depth: usize) -> Option<&'t Line<'t>> {
        let line = self.lines.get(self.at).filter(|line| line.depth == depth)?;
        self.at += 1;
        Some(line)
    }

    /// The next line's first word, if it is this deep.
    fn peek(&self, depth: usize) -> Option<&'t str> {
        self.lines.get(self.at).filter(|line| line.depth == depth).and_then(Line::first_word)
    }
}

fn root(reader: &mut Reader<'_>, line: &mut Cursor<'_>) -> Parse<Root> {
    line.number_after("r")?;
    let mut root = Root { name: line.text()?, records: Vec::new() };
    line.end()?;
    while let Some(line) = reader.next(1) {
        let mut line = line.cursor();
        line.word("record")?;
        line.sigil('.')?;
        let mut record = RecordDemand { name: line.text()?, fields: Vec::new() };
        line.end()?;
        while let Some(line) = reader.next(2) {
            record.fields.push(field(&mut line.cursor())?);
        }
        root.records.push(record);
    }
    Ok(root)
}

fn field(line: &mut Cursor<'_>) -> Parse<FieldDemand> {
    line.sigil('.')?;
    let name = line.text()?;
    line.punct(':')?;
    let slot = slot(line, 0)?;
    let default = if line.eat('=') { Some(constant(line, 0)?) } else { None };
    let source = if line.eat_word("from") { source(line)? } else { FieldSource::Json };
    line.end()?;
    Ok(FieldDemand { name, slot, default, source })
}

fn source(line: &mut Cursor<'_>) -> Parse<FieldSource> {
    if line.eat_word("role") {
        return Ok(FieldSource::Role);
    }
    if line.eat_word("id") {
        return Ok(FieldSource::ObjectId);
    }
    line.punct('[')?;
    let lists = line.items(']', |line| {
        let key = line.text()?;
        line.punct(':')?;
        Ok((key, line.text()?))
    })?;
    Ok(FieldSource::Concat(lists))
}

fn simple(line: &Cursor<'_>, word: &str) -> Parse<Type> {
    let found = SIMPLE.iter().find(|(name, _)| *name == word).map(|(_, ty)| ty.clone());
    found.ok_or_else(|| line.error("a type is expected"))
}

fn slot(line: &mut Cursor<'_>, depth: usize) -> Parse<SlotTy> {
    line.bounded(depth)?;
    if line.is('.') {
        return Ok(SlotTy::Record(RecordId(line.sigil('.')?)));
    }
    let word = line.any_word()?;
    if word != "list" && word != "map" {
        return Ok(SlotTy::Scalar(simple(line, word)?));
    }
    line.punct('<')?;
    let inner = Box::new(slot(line, depth + 1)?);
    line.punct('>')?;
    if word == "list" {
        return Ok(SlotTy::List(inner));
    }
    line.punct('[')?;
    let keys = line.items(']', Cursor::text)?;
    Ok(SlotTy::Map { value: inner, keys, whole: line.eat_word("whole") })
}

fn ty(line: &mut Cursor<'_>, depth: usize) -> Parse<Ty> {
    line.bounded(depth)?;
    let word = line.any_word()?;
    if let Some(root) = word.strip_prefix('r').and_then(|digits| digits.parse().ok()) {
        return Ok(Ty::Record(crate::ir::RootId(root), RecordId(line.sigil('.')?)));
    }
    let wrap = match word {
        "list" => Ty::List,
        "set" => Ty::Set,
        "map" => Ty::Map,
        _ => return simple(line, word).map(Ty::Scalar),
    };
    line.punct('<')?;
    let inner = Box::new(ty(line, depth + 1)?);
    line.punct('>')?;
    Ok(wrap(inner))
}

fn constant(line: &mut Cursor<'_>, depth: usize) -> Parse<Const> {
    line.bounded(depth)?;
    if line.is('"') {
        return line.text().map(Const::Text);
    }
    if line.is('[') {
        line.punct('[')?;
        return line.items(']', |line| constant(line, depth + 1)).map(Const::List);
    }
    if line.is('{') {
        line.punct('{')?;
        let entry = |line: &mut Cursor<'_>| {
            let key = line.text()?;
            line.punct(':')?;
            Ok((key, constant(line, depth + 1)?))
        };
        return line.items('}', entry).map(Const::Map);
    }
    if let Some(value) = line.eat_int()? {
        return Ok(Const::Int(value));
    }
    match line.any_word()? {
        "absent" => Ok(Const::Absent),
        "true" => Ok(Const::Bool(true)),
        "false" => Ok(Const::Bool(false)),
        "quantity" => line.scalar().map(Const::Quantity),
        "duration" => line.scalar().map(Const::Duration),
        "time" => line.scalar().map(Const::Time),
        "semver" => line.scalar().map(Const::Version),
        "ip" => line.scalar().map(Const::Ip),
        "cidr" => line.scalar().map(Const::Cidr),
        "dyn" => line.text().map(Const::Dyn),
        _ => Err(line.error("a constant is expected")),
    }
}
