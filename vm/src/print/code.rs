//! Expressions in print: the operation's word and its operands.

use super::{Constant, Numbered, Out, joined, quoted};
use crate::ir::{Code, CompareOp, ExprId, LocalId, Op, Quant, Slot, TextOp};

pub(super) fn code(out: &mut Out, code: &Code) {
    for (i, local) in code.locals.iter().enumerate() {
        let optional = if local.optional { "?" } else { "" };
        out.line(format_args!("local ${i} {}: {}{optional}", quoted(&local.name), Numbered(&local.ty)));
    }
    for (i, expr) in code.exprs.iter().enumerate() {
        let optional = if expr.optional { "?" } else { "" };
        out.line(format_args!("%{i}: {}{optional} = {}", Numbered(&expr.ty), op_text(&expr.op)));
    }
}

pub(super) fn id(id: ExprId) -> String {
    format!("%{}", id.0)
}

pub(super) fn local_id(id: LocalId) -> String {
    format!("${}", id.0)
}

fn words(word: &str, operands: &[ExprId]) -> String {
    operands.iter().fold(word.to_owned(), |text, operand| format!("{text} %{}", operand.0))
}

fn op_text(op: &Op) -> String {
    match op {
        Op::Const(value) => format!("const {}", Constant(value)),
        Op::Param(param) => format!("param @{}", param.0),
        Op::Local(local) => format!("local {}", local_id(*local)),
        Op::Root(slot, root) => format!("root {} r{}", slot_word(*slot), root.0),
        Op::Field { base, field } => format!("field {} .{field}", id(*base)),
        Op::Written { base, field } => format!("written {} .{field}", id(*base)),
        Op::MapKey { base, field, key } => format!("map_key {} .{field} .{key}", id(*base)),
        Op::MapGet { map, key } => words("map_get", &[*map, *key]),
        Op::ListGet { list, index } => words("list_get", &[*list, *index]),
        Op::DynField { base, name } => format!("dyn_field {} {}", id(*base), quoted(name)),
        Op::DynIndex { base, index } => words("dyn_index", &[*base, *index]),
        Op::ToDyn(a) => words("to_dyn", &[*a]),
        Op::Present(a) => words("present", &[*a]),
        Op::Not(a) => words("not", &[*a]),
        Op::And(a, b) => words("and", &[*a, *b]),
        Op::Or(a, b) => words("or", &[*a, *b]),
        Op::If { cond, then, otherwise } => words("if", &[*cond, *then, *otherwise]),
        Op::Coalesce(a, b) => words("coalesce", &[*a, *b]),
        Op::Eq(a, b) => words("eq", &[*a, *b]),
        Op::Compare(op, a, b) => words(compare_word(*op), &[*a, *b]),
        Op::In { value, set } => words("in", &[*value, *set]),
        Op::Under { value, prefix } => words("under", &[*value, *prefix]),
        Op::Like { value, pattern } => words("like", &[*value, *pattern]),
        Op::Matches { value, pattern } => words("matches", &[*value, *pattern]),
        Op::Text(op, a, b) => words(text_word(*op), &[*a, *b]),
        Op::Add(a, b) => words("add", &[*a, *b]),
        Op::Sub(a, b) => words("sub", &[*a, *b]),
        Op::Neg(a) => words("neg", &[*a]),
        Op::Concat(a, b) => words("concat", &[*a, *b]),
        Op::Difference(a, b) => words("difference", &[*a, *b]),
        Op::MakeList(items) => format!("list [{}]", joined(items, |item| id(*item))),
        Op::Quantified { quant, local, list, body } => {
            format!("{} {} in {} {}", quant_word(*quant), local_id(*local), id(*list), id(*body))
        }
        Op::Comprehension { local, list, filter, head } => {
            let filter = filter.map_or_else(String::new, |filter| format!(" where {}", id(filter)));
            format!("each {} in {}{filter} {}", local_id(*local), id(*list), id(*head))
        }
        Op::Let { local, value, body } => format!("let {} {} {}", local_id(*local), id(*value), id(*body)),
        Op::Call { builtin, args } => format!("call ^{} [{}]", builtin.0, joined(args, |arg| id(*arg))),
        Op::Cluster { root, others } => {
            format!("cluster {} r{}", if *others { "others" } else { "all" }, root.0)
        }
    }
}

pub(super) fn slot_word(slot: Slot) -> &'static str {
    match slot {
        Slot::Object => "object",
        Slot::Old => "old",
        Slot::Pod => "pod",
        Slot::Namespace => "namespace",
        Slot::User => "user",
        Slot::Request => "request",
        Slot::Cluster => "cluster",
        Slot::Event => "event",
    }
}

fn compare_word(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Lt => "lt",
        CompareOp::Le => "le",
        CompareOp::Gt => "gt",
        CompareOp::Ge => "ge",
    }
}

fn text_word(op: TextOp) -> &'static str {
    match op {
        TextOp::StartsWith => "starts_with",
        TextOp::EndsWith => "ends_with",
        TextOp::Contains => "contains",
    }
}

fn quant_word(quant: Quant) -> &'static str {
    match quant {
        Quant::Any => "any",
        Quant::All => "all",
        Quant::None => "none",
        Quant::Count => "count",
    }
}
