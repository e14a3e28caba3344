//! Reads expressions.

use super::{Parse, Reader, constant, lex::Cursor, ty};
use crate::{
    ir::{
        BuiltinId, Code, CompareOp, Expr, ExprId, Local, LocalId, Op, ParamId, Quant, RootId, Slot, TextOp,
    },
    print::code::slot_word,
};

/// Locals and expressions, as long as there are lines of them.
pub(super) fn code(reader: &mut Reader<'_>, depth: usize) -> Parse<Code> {
    let mut code = Code::default();
    loop {
        let is_code = reader.lines.get(reader.at).filter(|line| line.depth == depth);
        let Some(line) = is_code.filter(|line| line.first_word() == Some("local") || line.cursor().is('%'))
        else {
            return Ok(code);
        };
        reader.at += 1;
        let mut line = line.cursor();
        if line.eat_word("local") {
            line.sigil('$')?;
            let name = line.text()?;
            line.punct(':')?;
            let ty = ty(&mut line, 0)?;
            code.locals.push(Local { name, ty, optional: line.eat('?') });
        } else {
            id(&mut line)?;
            line.punct(':')?;
            let ty = ty(&mut line, 0)?;
            let optional = line.eat('?');
            line.punct('=')?;
            code.exprs.push(Expr { op: op(&mut line)?, ty, optional });
        }
        line.end()?;
    }
}

pub(super) fn id(line: &mut Cursor<'_>) -> Parse<ExprId> {
    line.sigil('%').map(ExprId)
}

pub(super) fn local(line: &mut Cursor<'_>) -> Parse<LocalId> {
    line.sigil('$').map(LocalId)
}

fn root(line: &mut Cursor<'_>) -> Parse<RootId> {
    line.number_after("r").map(RootId)
}

fn slot(line: &mut Cursor<'_>) -> Parse<Slot> {
    let all = [
        Slot::Object,
        Slot::Old,
        Slot::Pod,
        Slot::Namespace,
        Slot::User,
        Slot::Request,
        Slot::Cluster,
        Slot::Event,
    ];
    let word = line.any_word()?;
    all.into_iter()
        .find(|slot| slot_word(*slot) == word)
        .ok_or_else(|| line.error("there is no such root value"))
}

fn op(line: &mut Cursor<'_>) -> Parse<Op> {
    let word = line.any_word()?;
    Ok(match word {
        "const" => Op::Const(constant(line, 0)?),
        "param" => Op::Param(ParamId(line.sigil('@')?)),
        "local" => Op::Local(local(line)?),
        "root" => Op::Root(slot(line)?, root(line)?),
        "field" => Op::Field { base: id(line)?, field: line.sigil('.')? },
        "written" => Op::Written { base: id(line)?, field: line.sigil('.')? },
        "map_key" => Op::MapKey { base: id(line)?, field: line.sigil('.')?, key: line.sigil('.')? },
        "map_get" => Op::MapGet { map: id(line)?, key: id(line)? },
        "list_get" => Op::ListGet { list: id(line)?, index: id(line)? },
        "dyn_field" => Op::DynField { base: id(line)?, name: line.text()? },
        "dyn_index" => Op::DynIndex { base: id(line)?, index: id(line)? },
        "to_dyn" => Op::ToDyn(id(line)?),
        "present" => Op::Present(id(line)?),
        "not" => Op::Not(id(line)?),
        "and" => Op::And(id(line)?, id(line)?),
        "or" => Op::Or(id(line)?, id(line)?),
        "if" => Op::If { cond: id(line)?, then: id(line)?, otherwise: id(line)? },
        "coalesce" => Op::Coalesce(id(line)?, id(line)?),
        "eq" => Op::Eq(id(line)?, id(line)?),
        "lt" => Op::Compare(CompareOp::Lt, id(line)?, id(line)?),
        "le" => Op::Compare(CompareOp::Le, id(line)?, id(line)?),
        "gt" => Op::Compare(CompareOp::Gt, id(line)?, id(line)?),
        "ge" => Op::Compare(CompareOp::Ge, id(line)?, id(line)?),
        "in" => Op::In { value: id(line)?, set: id(line)? },
        "under" => Op::Under { value: id(line)?, prefix: id(line)? },
        "like" => Op::Like { value: id(line)?, pattern: id(line)? },
        "matches" => Op::Matches { value: id(line)?, pattern: id(line)? },
        "starts_with" => Op::Text(TextOp::StartsWith, id(line)?, id(line)?),
        "ends_with" => Op::Text(TextOp::EndsWith, id(line)?, id(line)?),
        "contains" => Op::Text(TextOp::Contains, id(line)?, id(line)?),
        "add" => Op::Add(id(line)?, id(line)?),
        "sub" => Op::Sub(id(line)?, id(line)?),
        "neg" => Op::Neg(id(line)?),
        "concat" => Op::Concat(id(line)?, id(line)?),
        "difference" => Op::Difference(id(line)?, id(line)?),
        "list" => Op::MakeList(ids(line)?),
        "any" => quantified(Quant::Any, line)?,
        "all" => quantified(Quant::All, line)?,
        "none" => quantified(Quant::None, line)?,
        "count" => quantified(Quant::Count, line)?,
        "each" => {
            let (local, list) = element(line)?;
            let filter = if line.eat_word("where") { Some(id(line)?) } else { None };
            Op::Comprehension { local, list, filter, head: id(line)? }
        }
        "let" => Op::Let { local: local(line)?, value: id(line)?, body: id(line)? },
        "call" => Op::Call { builtin: BuiltinId(line.sigil('^')?), args: ids(line)? },
        "cluster" => {
            let others = line.eat_word("others");
            if !others {
                line.word("all")?;
            }
            Op::Cluster { root: root(line)?, others }
        }
        _ => return Err(line.error(format!("there is no operation `{word}`"))),
    })
}

fn ids(line: &mut Cursor<'_>) -> Parse<Vec<ExprId>> {
    line.punct('[')?;
    line.items(']', id)
}

fn element(line: &mut Cursor<'_>) -> Parse<(LocalId, ExprId)> {
    let local = local(line)?;
    line.word("in")?;
    Ok((local, id(line)?))
}

fn quantified(quant: Quant, line: &mut Cursor<'_>) -> Parse<Op> {
    let (local, list) = element(line)?;
    Ok(Op::Quantified { quant, local, list, body: id(line)? })
}
