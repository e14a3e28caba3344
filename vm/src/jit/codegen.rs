//! Machine code of a [`Plan`]: one function, `(context) → ()`.
//!
//! Conditions become branches; values stand in up to three words and a flag that says whether they are there. A slot
//! that nobody wrote holds what its record's blank holds, so that reading through an absent record is reading its
//! blank: every load is in bounds, whether the flag is set or not. What stands at addresses that a slot gives (texts,
//! elements) is read behind a branch on the length or count.
#![allow(clippy::wildcard_enum_match_arm, reason = "a plan names few of the forms that a value can have")]

use std::{collections::HashMap, mem::offset_of, sync::Arc};

use cranelift_codegen::ir::{
    Block, BlockArg, FuncRef, InstBuilder, MemFlagsData, StackSlot, StackSlotData, StackSlotKind,
    Value as Word,
    condcodes::IntCC,
    types::{I8, I16, I32, I64},
};
use cranelift_frontend::FunctionBuilder;

use super::{
    hostcall::{Call, Context, RootAt, kind_code},
    plan::{Cond, Cost, Kind, Loop, Node, Plan, Step},
};
use crate::{
    ir::{CompareOp, LocalId, Quant},
    value::Value,
    verify::MAX_LOOPS,
};

/// Texts up to this length are compared in place.
const MAX_INLINE_TEXT: usize = 32;
/// Maps of at most so many entries are looked through in place.
const FEW_ENTRIES: i64 = 8;
/// The bytes of [`super::hostcall::Words`].
const WORDS: i32 = 32;

/// Whether a value is there.
#[derive(Clone, Copy)]
enum Flag {
    Known(bool),
    /// A word of 8 bits, 0 or 1.
    Word(Word),
}

/// A value in words: what each is, [`Kind`] says.
#[derive(Clone, Copy)]
struct Regs {
    flag: Flag,
    words: [Option<Word>; 3],
}

pub(super) struct Codegen<'c, 'f> {
    b: &'c mut FunctionBuilder<'f>,
    plan: &'c Plan,
    needs: &'c [usize],
    calls: &'c [FuncRef],
    context: Word,
    locals: HashMap<LocalId, Regs>,
    indices: StackSlot,
    frame: StackSlot,
    out: StackSlot,
    /// Where the code goes when it stops early.
    end: Block,
    /// Where fused rules go that find something.
    found: Block,
}

/// Fills a function whose only parameter is the context. `needs` numbers the plan's facts for the context.
pub(super) fn function(
    b: &mut FunctionBuilder<'_>,
    plan: &Plan,
    needs: &[usize],
    calls: &[FuncRef],
) -> Option<()> {
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let context = *b.block_params(entry).first()?;
    let (end, found) = (b.create_block(), b.create_block());
    let locals = plan.sites.iter().map(|site| site.locals.len());
    let frame = locals.chain(plan.calls.iter().map(|call| call.args.len())).max().unwrap_or(0);
    let mut slot = |size: usize| {
        let size = u32::try_from(size.max(8)).unwrap_or(u32::MAX);
        b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, size, 3))
    };
    let (indices, frame, out) = (slot((MAX_LOOPS + 2) * 4), slot(frame * 32), slot(32));
    let mut codegen =
        Codegen { b, plan, needs, calls, context, locals: HashMap::new(), indices, frame, out, end, found };
    let once = codegen.b.ins().iconst(I64, 1);
    codegen.spend(once, plan.cost)?;
    codegen.block(&plan.steps, end)?;
    codegen.b.ins().jump(end, &[]);
    codegen.b.switch_to_block(found);
    codegen.b.set_cold_block(found);
    let one = codegen.int(1);
    codegen.b.ins().store(plain(), one, context, offset(offset_of!(Context<'_>, stopped))?);
    codegen.b.ins().jump(end, &[]);
    codegen.b.switch_to_block(end);
    codegen.b.ins().return_(&[]);
    Some(())
}

/// Loads of what no hostcall changes.
fn fixed() -> MemFlagsData {
    MemFlagsData::new().with_notrap().with_readonly()
}

fn plain() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

fn offset(at: usize) -> Option<i32> {
    i32::try_from(at).ok()
}

impl Codegen<'_, '_> {
    fn int(&mut self, value: i64) -> Word {
        self.b.ins().iconst(I64, value)
    }

    fn bit(&mut self, flag: Flag) -> Word {
        match flag {
            Flag::Known(value) => self.b.ins().iconst(I8, i64::from(value)),
            Flag::Word(word) => word,
        }
    }

    fn both(&mut self, a: Flag, b: Flag) -> Flag {
        match (a, b) {
            (Flag::Known(false), _) | (_, Flag::Known(false)) => Flag::Known(false),
            (Flag::Known(true), other) | (other, Flag::Known(true)) => other,
            (Flag::Word(a), Flag::Word(b)) => Flag::Word(self.b.ins().band(a, b)),
        }
    }

    fn inverse(&mut self, a: Flag) -> Flag {
        match a {
            Flag::Known(value) => Flag::Known(!value),
            Flag::Word(a) => Flag::Word(self.b.ins().bxor_imm_s(a, 1)),
        }
    }

    fn jump_on(&mut self, flag: Flag, yes: Block, no: Block) {
        match flag {
            Flag::Known(true) => self.b.ins().jump(yes, &[]),
            Flag::Known(false) => self.b.ins().jump(no, &[]),
            Flag::Word(word) => self.b.ins().brif(word, yes, &[], no, &[]),
        };
    }

    fn call(&mut self, call: Call, args: &[Word]) -> Option<Option<Word>> {
        let function = *self.calls.get(call as usize)?;
        let inst = self.b.ins().call(function, args);
        Some(self.b.inst_results(inst).first().copied())
    }

    /// A call that answers with a word.
    fn ask(&mut self, call: Call, args: &[Word]) -> Option<Word> {
        self.call(call, args)?
    }

    /// Takes `times × cost` off the fuel, and ends if there is none left.
    fn spend(&mut self, times: Word, cost: Cost) -> Option<()> {
        let at = offset(offset_of!(Context<'_>, fuel))?;
        let steps = self.int(i64::try_from(cost.steps).ok()?);
        let sum = if cost.widths == 0 {
            steps
        } else {
            let width =
                self.b.ins().load(I64, plain(), self.context, offset(offset_of!(Context<'_>, width))?);
            let widths = self.b.ins().imul_imm_s(width, i64::try_from(cost.widths).ok()?);
            self.b.ins().iadd(widths, steps)
        };
        let all = self.b.ins().imul(sum, times);
        let fuel = self.b.ins().load(I64, plain(), self.context, at);
        let left = self.b.ins().isub(fuel, all);
        self.b.ins().store(plain(), left, self.context, at);
        let out = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, 0);
        let go_on = self.b.create_block();
        self.b.ins().brif(out, self.end, &[], go_on, &[]);
        self.b.switch_to_block(go_on);
        Some(())
    }

    // Statements.

    /// The steps of a block; `next` is where it goes when a `where` does not hold.
    fn block(&mut self, steps: &[Step], next: Block) -> Option<()> {
        for step in steps {
            match step {
                Step::Where(cond) => {
                    let go_on = self.b.create_block();
                    self.branch(cond, go_on, next)?;
                    self.b.switch_to_block(go_on);
                }
                Step::If(cond, body) => {
                    let (yes, after) = (self.b.create_block(), self.b.create_block());
                    self.branch(cond, yes, after)?;
                    self.b.switch_to_block(yes);
                    self.block(body, after)?;
                    self.b.ins().jump(after, &[]);
                    self.b.switch_to_block(after);
                }
                Step::Let(local, value) => {
                    let regs = self.value(value)?;
                    self.locals.insert(*local, regs);
                }
                Step::Hit { cond, .. } if self.plan.is_fused => {
                    let after = self.b.create_block();
                    self.branch(cond, self.found, after)?;
                    self.b.switch_to_block(after);
                }
                Step::Unrolled { depth, blocks } => {
                    for (index, steps) in blocks.iter().enumerate() {
                        let index = self.b.ins().iconst(I32, i64::try_from(index).ok()?);
                        self.set_index(*depth, index)?;
                        let after = self.b.create_block();
                        self.block(steps, after)?;
                        self.b.ins().jump(after, &[]);
                        self.b.switch_to_block(after);
                    }
                }
                Step::For { depth, each, body } => {
                    let list = self.value(&each.list)?;
                    let over = self.start(list, each)?;
                    let index = self.b.ins().ireduce(I32, over.index);
                    self.set_index(*depth, index)?;
                    self.item(each, &list, over.index)?;
                    self.block(body, over.next)?;
                    self.b.ins().jump(over.next, &[]);
                    self.turn(&over);
                    self.b.switch_to_block(over.done);
                }
                Step::Hit { clause, depth, cond } => {
                    let (yes, after) = (self.b.create_block(), self.b.create_block());
                    self.branch(cond, yes, after)?;
                    self.b.switch_to_block(yes);
                    let clause = self.int(i64::from(clause.0));
                    let depth = self.int(i64::from(*depth));
                    let indices = self.b.ins().stack_addr(I64, self.indices, 0);
                    self.call(Call::Hit, &[self.context, clause, depth, indices])?;
                    self.b.ins().jump(after, &[]);
                    self.b.switch_to_block(after);
                }
            }
        }
        Some(())
    }

    fn set_index(&mut self, depth: u32, index: Word) -> Option<()> {
        if self.plan.is_fused {
            return Some(());
        }
        let at = i32::try_from(depth).ok()?.checked_mul(4)?;
        self.b.ins().stack_store(I64, index, self.indices, at);
        Some(())
    }

    // Loops.

    /// Begins a loop: afterwards code goes into its body, which ends by a jump to `next` or `done`.
    fn start(&mut self, list: Regs, each: &Loop) -> Option<Over> {
        let [_, Some(count), _] = list.words else { return None };
        let zero = self.int(0);
        let count = match list.flag {
            Flag::Known(true) => count,
            Flag::Known(false) => zero,
            Flag::Word(flag) => self.b.ins().select(flag, count, zero),
        };
        self.spend(count, each.cost)?;
        let (head, body, next, done) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
        let index = self.b.append_block_param(head, I64);
        self.b.ins().jump(head, &[BlockArg::Value(zero)]);
        self.b.switch_to_block(head);
        let more = self.b.ins().icmp(IntCC::UnsignedLessThan, index, count);
        self.b.ins().brif(more, body, &[], done, &[]);
        self.b.switch_to_block(body);
        Some(Over { index, head, next, done })
    }

    /// Goes on with the next element.
    fn turn(&mut self, over: &Over) {
        self.b.switch_to_block(over.next);
        let next = self.b.ins().iadd_imm_s(over.index, 1);
        self.b.ins().jump(over.head, &[BlockArg::Value(next)]);
    }

    /// Binds the loop's local to the element at an index.
    fn item(&mut self, each: &Loop, list: &Regs, index: Word) -> Option<()> {
        let [Some(first), _, base] = list.words else { return None };
        let regs = match each.list.kind()? {
            Kind::List(elements) => {
                let ahead = self.b.ins().imul_imm_s(index, i64::from(elements.stride));
                let at = self.b.ins().iadd(first, ahead);
                let at = self.b.ins().iadd_imm_s(at, i64::from(elements.head));
                let boxed = matches!(elements.slot, crate::layout::SlotLayout::Boxed(_));
                self.read(&each.item, boxed, Flag::Known(true), at, base?)?
            }
            Kind::HostList => {
                let kind = self.int(kind_code(&each.item));
                let out = self.b.ins().stack_addr(I64, self.out, 0);
                let done = self.ask(Call::Item, &[self.context, first, index, kind, out])?;
                self.answer(done)?
            }
            Kind::Bool | Kind::Int | Kind::Text | Kind::Record(..) | Kind::Map(..) | Kind::Opaque => {
                return None;
            }
        };
        self.locals.insert(each.local, regs);
        Some(())
    }

    /// What a hostcall wrote; ends if it could not.
    fn answer(&mut self, done: Word) -> Option<Regs> {
        let go_on = self.b.create_block();
        self.b.ins().brif(done, go_on, &[], self.end, &[]);
        self.b.switch_to_block(go_on);
        let present = self.b.ins().stack_load(I64, I64, self.out, 0);
        let a = self.b.ins().stack_load(I64, I64, self.out, 8);
        let b = self.b.ins().stack_load(I64, I64, self.out, 16);
        let present = self.b.ins().icmp_imm_s(IntCC::NotEqual, present, 0);
        Some(Regs { flag: Flag::Word(present), words: [Some(a), Some(b), None] })
    }

    // Values.

    fn value(&mut self, node: &Node) -> Option<Regs> {
        match node {
            Node::Const(value) => self.constant(value),
            Node::Root { need, .. } => {
                let roots = offset(offset_of!(Context<'_>, roots))?;
                let roots = self.b.ins().load(I64, fixed(), self.context, roots);
                let at = offset(self.needs.get(*need)?.checked_mul(size_of::<RootAt>())?)?;
                let base = self.b.ins().load(I64, fixed(), roots, at);
                let root = self.b.ins().load(I64, fixed(), roots, at.checked_add(8)?);
                let given = self.b.ins().load(I64, fixed(), roots, at.checked_add(16)?);
                let given = self.b.ins().icmp_imm_s(IntCC::NotEqual, given, 0);
                Some(Regs { flag: Flag::Word(given), words: [Some(root), Some(base), None] })
            }
            Node::Local(local, _) => self.locals.get(local).copied(),
            Node::Field { base, bit, at, has_default, kind, boxed } => {
                let record = self.value(base)?;
                let [Some(address), Some(base), _] = record.words else { return None };
                let flag = if *has_default { Flag::Known(true) } else { self.written(address, 0, *bit)? };
                let slot = self.b.ins().iadd_imm_s(address, i64::from(*at));
                self.read(kind, *boxed, flag, slot, base)
            }
            Node::Key { base, bit, at, key_bit, key_at, kind, boxed } => {
                let record = self.value(base)?;
                let [Some(address), Some(base), _] = record.words else { return None };
                let field = self.written(address, 0, *bit)?;
                let key = self.written(address, *at, *key_bit)?;
                let flag = self.both(field, key);
                let slot = self.b.ins().iadd_imm_s(address, i64::from(at.checked_add(*key_at)?));
                self.read(kind, *boxed, flag, slot, base)
            }
            Node::Entry { map, key, whole_at, stride, kind, boxed } => {
                let (found, slot, base) = self.entry(map, key, *whole_at, *stride)?;
                self.entry_value(kind, *boxed, found, slot, base)
            }
            Node::Choice { cond, then, otherwise, kind } => {
                let (yes, no) = (self.b.create_block(), self.b.create_block());
                self.branch(cond, yes, no)?;
                self.b.switch_to_block(yes);
                let first = self.value(then)?;
                let done = self.meet(kind, first)?;
                self.b.switch_to_block(no);
                let second = self.value(otherwise)?;
                self.join(kind, second, done)
            }
            Node::First { first, second, kind } => {
                let first = self.value(first)?;
                let (yes, no) = (self.b.create_block(), self.b.create_block());
                self.jump_on(first.flag, yes, no);
                self.b.switch_to_block(yes);
                let done = self.meet(kind, first)?;
                self.b.switch_to_block(no);
                let second = self.value(second)?;
                self.join(kind, second, done)
            }
            Node::Let { local, value, body } => {
                let regs = self.value(value)?;
                self.locals.insert(*local, regs);
                self.value(body)
            }
            Node::Cond(cond) => {
                let flag = self.flag(cond)?;
                let bit = self.bit(flag);
                let word = self.b.ins().uextend(I64, bit);
                Some(Regs { flag: Flag::Known(true), words: [Some(word), None, None] })
            }
            Node::Add(a, b) => self.arithmetic(a, b, false),
            Node::Sub(a, b) => self.arithmetic(a, b, true),
            Node::Count { each, body } => {
                let count = self.int(0);
                self.count(each, body, count)
            }
            Node::CountOf(conds) => {
                let mut sum = self.int(0);
                for cond in conds {
                    let flag = self.flag(cond)?;
                    let bit = self.bit(flag);
                    let one = self.b.ins().uextend(I64, bit);
                    sum = self.b.ins().iadd(sum, one);
                }
                Some(Regs { flag: Flag::Known(true), words: [Some(sum), None, None] })
            }
            Node::Length(list) => {
                let regs = self.value(list)?;
                let [_, Some(count), _] = regs.words else { return None };
                let zero = self.int(0);
                let bit = self.bit(regs.flag);
                let count = self.b.ins().select(bit, count, zero);
                Some(Regs { flag: Flag::Known(true), words: [Some(count), None, None] })
            }
            Node::Site(site, _) => self.site(*site),
            Node::Call { call, args, .. } => self.invoke(*call, args),
            Node::Minus { list, minus, stride } => self.minus(list, *minus, *stride),
        }
    }

    fn constant(&mut self, value: &Value) -> Option<Regs> {
        let (flag, words) = match value {
            Value::Bool(value) => (true, [Some(self.int(i64::from(*value))), None, None]),
            Value::Int(value) => (true, [Some(self.int(*value)), None, None]),
            // The plan, which lives as long as the code, holds the text.
            Value::Text(text) => {
                let at = self.int((text.as_ptr() as u64).cast_signed());
                let len = self.int(i64::try_from(text.len()).ok()?);
                (true, [Some(at), Some(len), None])
            }
            Value::Absent => {
                let zero = self.int(0);
                (false, [Some(zero), Some(zero), Some(zero)])
            }
            Value::Quantity(_)
            | Value::Duration(_)
            | Value::Time(_)
            | Value::Version(_)
            | Value::Ip(_)
            | Value::Cidr(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Record(_)
            | Value::Dyn(_) => return None,
        };
        Some(Regs { flag: Flag::Known(flag), words })
    }

    /// A presence bit: of the words at `address + at`.
    fn written(&mut self, address: Word, at: u32, bit: u32) -> Option<Flag> {
        let byte = i32::try_from(at.checked_add(bit / 8)?).ok()?;
        let byte = self.b.ins().load(I8, fixed(), address, byte);
        let masked = self.b.ins().band_imm_u(byte, 1_i64 << (bit % 8));
        Some(Flag::Word(self.b.ins().icmp_imm_s(IntCC::NotEqual, masked, 0)))
    }

    /// The value of a slot.
    fn read(&mut self, kind: &Kind, boxed: bool, flag: Flag, slot: Word, base: Word) -> Option<Regs> {
        let words = match kind {
            Kind::Bool | Kind::Int => [Some(self.b.ins().load(I64, fixed(), slot, 0)), None, None],
            Kind::Text => {
                let (at, len) = self.place(slot, base);
                [Some(at), Some(len), None]
            }
            Kind::Record(..) if boxed => [Some(self.place(slot, base).0), Some(base), None],
            Kind::Record(..) => [Some(slot), Some(base), None],
            Kind::List(_) => {
                let (at, count) = self.place(slot, base);
                [Some(at), Some(count), Some(base)]
            }
            Kind::Map(..) => [Some(slot), Some(base), None],
            Kind::HostList | Kind::Opaque => return None,
        };
        Some(Regs { flag, words })
    }

    /// The address and length (or count) that a slot gives.
    fn place(&mut self, slot: Word, base: Word) -> (Word, Word) {
        let offset = self.b.ins().uload32(fixed(), slot, 0);
        let len = self.b.ins().uload32(fixed(), slot, 4);
        (self.b.ins().iadd(base, offset), len)
    }

    /// Whether a map has a key, the address of its value's slot (or 0), and the fact's.
    fn entry(&mut self, map: &Node, key: &Node, whole_at: u32, stride: u32) -> Option<(Flag, Word, Word)> {
        let map = self.value(map)?;
        let key_node = key;
        let key = self.value(key)?;
        let [Some(slot), Some(base), _] = map.words else { return None };
        let [Some(text), Some(len), _] = key.words else { return None };
        let (yes, done) = (self.b.create_block(), self.b.create_block());
        let found = self.b.append_block_param(done, I64);
        let both = self.both(map.flag, key.flag);
        let zero = self.int(0);
        match both {
            Flag::Known(true) => self.b.ins().jump(yes, &[]),
            Flag::Known(false) => self.b.ins().jump(done, &[BlockArg::Value(zero)]),
            Flag::Word(word) => self.b.ins().brif(word, yes, &[], done, &[BlockArg::Value(zero)]),
        };
        self.b.switch_to_block(yes);
        let place = self.b.ins().load(I64, fixed(), slot, i32::try_from(whole_at).ok()?);
        if let Some(key) = short_text(key_node) {
            self.few_entries(key.as_bytes(), base, place, stride, done)?;
        }
        let stride = self.int(i64::from(stride));
        let at = self.ask(Call::Entry, &[base, place, stride, text, len])?;
        self.b.ins().jump(done, &[BlockArg::Value(at)]);
        self.b.switch_to_block(done);
        let flag = self.b.ins().icmp_imm_s(IntCC::NotEqual, found, 0);
        Some((Flag::Word(flag), found, base))
    }

    /// Looks for a constant key among the entries of a small map, and goes to `done` with the address of its value's slot
    /// or 0. Afterwards code is where the map is not small.
    fn few_entries(&mut self, key: &[u8], base: Word, place: Word, stride: u32, done: Block) -> Option<()> {
        let count = self.b.ins().ushr_imm_u(place, 32);
        let many = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, count, FEW_ENTRIES);
        let (few, large) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(many, large, &[], few, &[]);
        self.b.switch_to_block(few);
        let first = self.b.ins().band_imm_u(place, 0xffff_ffff);
        let first = self.b.ins().iadd(base, first);
        let bytes = self.b.ins().imul_imm_s(count, i64::from(stride));
        let end = self.b.ins().iadd(first, bytes);
        let (head, look, compare, next) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
        let at = self.b.append_block_param(head, I64);
        let zero = self.int(0);
        self.b.ins().jump(head, &[BlockArg::Value(first)]);
        self.b.switch_to_block(head);
        let more = self.b.ins().icmp(IntCC::UnsignedLessThan, at, end);
        self.b.ins().brif(more, look, &[], done, &[BlockArg::Value(zero)]);
        self.b.switch_to_block(look);
        let (text, len) = self.place(at, base);
        let fits = self.b.ins().icmp_imm_s(IntCC::Equal, len, i64::try_from(key.len()).ok()?);
        self.b.ins().brif(fits, compare, &[], next, &[]);
        self.b.switch_to_block(compare);
        let slot = self.b.ins().iadd_imm_s(at, 8);
        if key.is_empty() {
            self.b.ins().jump(done, &[BlockArg::Value(slot)]);
        } else {
            let differs = self.difference(text, key)?;
            self.b.ins().brif(differs, next, &[], done, &[BlockArg::Value(slot)]);
        }
        self.b.switch_to_block(next);
        let after = self.b.ins().iadd_imm_s(at, i64::from(stride));
        self.b.ins().jump(head, &[BlockArg::Value(after)]);
        self.b.switch_to_block(large);
        Some(())
    }

    /// What an entry's slot holds; nothing is read if there is none.
    fn entry_value(&mut self, kind: &Kind, boxed: bool, found: Flag, slot: Word, base: Word) -> Option<Regs> {
        let (yes, no) = (self.b.create_block(), self.b.create_block());
        self.jump_on(found, yes, no);
        self.b.switch_to_block(yes);
        let value = self.read(kind, boxed, Flag::Known(true), slot, base)?;
        let done = self.meet(kind, value)?;
        self.b.switch_to_block(no);
        // Reading through an absent record needs an address: there is none here, so records do not come here.
        let zero = self.int(0);
        let nothing = Regs { flag: Flag::Known(false), words: [Some(zero), Some(zero), Some(zero)] };
        self.join(kind, nothing, done)
    }

    /// Goes to a new block with a value, which `join` gives another source.
    fn meet(&mut self, kind: &Kind, value: Regs) -> Option<Block> {
        let done = self.b.create_block();
        self.b.append_block_param(done, I8);
        for _ in 0..words_of(kind) {
            self.b.append_block_param(done, I64);
        }
        self.bring(kind, value, done)?;
        Some(done)
    }

    fn bring(&mut self, kind: &Kind, value: Regs, done: Block) -> Option<()> {
        let mut args = vec![BlockArg::Value(self.bit(value.flag))];
        for word in value.words.into_iter().take(words_of(kind)) {
            args.push(BlockArg::Value(word?));
        }
        self.b.ins().jump(done, &args);
        Some(())
    }

    fn join(&mut self, kind: &Kind, value: Regs, done: Block) -> Option<Regs> {
        self.bring(kind, value, done)?;
        self.b.switch_to_block(done);
        let params = self.b.block_params(done);
        let word = |index: usize| params.get(index).copied();
        Some(Regs { flag: Flag::Word(word(0)?), words: [word(1), word(2), word(3)] })
    }

    /// A sum or difference that stays within the range.
    fn arithmetic(&mut self, a: &Node, b: &Node, minus: bool) -> Option<Regs> {
        let (a, b) = (self.value(a)?, self.value(b)?);
        let flag = self.both(a.flag, b.flag);
        let ([Some(a), ..], [Some(b), ..]) = (a.words, b.words) else { return None };
        let sum = if minus { self.b.ins().isub(a, b) } else { self.b.ins().iadd(a, b) };
        let changed = self.b.ins().bxor(a, sum);
        let other = if minus { self.b.ins().bxor(a, b) } else { self.b.ins().bxor(b, sum) };
        let over = self.b.ins().band(changed, other);
        let over = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, over, 0);
        let sign = self.b.ins().sshr_imm_s(a, 63);
        let end = self.b.ins().bxor_imm_s(sign, i64::MAX);
        let sum = self.b.ins().select(over, end, sum);
        Some(Regs { flag, words: [Some(sum), None, None] })
    }

    fn count(&mut self, each: &Loop, body: &Cond, zero: Word) -> Option<Regs> {
        // The sum is kept on the stack: bodies may have any number of blocks.
        let slot = self.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3));
        self.b.ins().stack_store(I64, zero, slot, 0);
        let list = self.value(&each.list)?;
        let over = self.start(list, each)?;
        self.item(each, &list, over.index)?;
        let yes = self.b.create_block();
        self.branch(body, yes, over.next)?;
        self.b.switch_to_block(yes);
        let sum = self.b.ins().stack_load(I64, I64, slot, 0);
        let sum = self.b.ins().iadd_imm_s(sum, 1);
        self.b.ins().stack_store(I64, sum, slot, 0);
        self.b.ins().jump(over.next, &[]);
        self.turn(&over);
        self.b.switch_to_block(over.done);
        let sum = self.b.ins().stack_load(I64, I64, slot, 0);
        Some(Regs { flag: Flag::Known(true), words: [Some(sum), None, None] })
    }

    /// Has `interp` evaluate an expression.
    fn site(&mut self, index: usize) -> Option<Regs> {
        let site = self.plan.sites.get(index)?;
        let mut at = 0;
        for (local, kind, _) in &site.locals {
            let regs = *self.locals.get(local)?;
            at = self.hand_over(regs, kind, at)?;
        }
        self.ask_with_frame(Call::Eval, index)
    }

    /// Calls a builtin.
    fn invoke(&mut self, call: usize, args: &[Node]) -> Option<Regs> {
        let mut regs = Vec::with_capacity(args.len());
        for arg in args {
            regs.push((self.value(arg)?, arg.kind()?));
        }
        let mut at = 0;
        for (regs, kind) in regs {
            at = self.hand_over(regs, &kind, at)?;
        }
        self.ask_with_frame(Call::Invoke, call)
    }

    /// Puts a value into the frame; where the next one goes.
    fn hand_over(&mut self, regs: Regs, kind: &Kind, at: i32) -> Option<i32> {
        let bit = self.bit(regs.flag);
        let present = self.b.ins().uextend(I64, bit);
        self.b.ins().stack_store(I64, present, self.frame, at);
        for (word, at) in regs.words.into_iter().take(words_of(kind)).zip([at + 8, at + 16, at + 24]) {
            self.b.ins().stack_store(I64, word?, self.frame, at);
        }
        Some(at + WORDS)
    }

    fn ask_with_frame(&mut self, call: Call, index: usize) -> Option<Regs> {
        let number = self.int(i64::try_from(index).ok()?);
        let frame = self.b.ins().stack_addr(I64, self.frame, 0);
        let out = self.b.ins().stack_addr(I64, self.out, 0);
        let done = self.ask(call, &[self.context, number, frame, out])?;
        self.answer(done)
    }

    fn minus(&mut self, list: &Node, minus: usize, stride: u32) -> Option<Regs> {
        let list = self.value(list)?;
        let [Some(first), Some(count), Some(base)] = list.words else { return None };
        let bit = self.bit(list.flag);
        let zero = self.int(0);
        let count = self.b.ins().select(bit, count, zero);
        let minus = std::ptr::from_ref(self.plan.minuses.get(minus)?) as u64;
        let (minus, stride) = (self.int(minus.cast_signed()), self.int(i64::from(stride)));
        let out = self.b.ins().stack_addr(I64, self.out, 0);
        let done = self.ask(Call::Minus, &[self.context, minus, base, first, count, stride, out])?;
        self.answer(done)
    }

    // Conditions.

    /// Goes to `yes` if a condition holds, else to `no`.
    fn branch(&mut self, cond: &Cond, yes: Block, no: Block) -> Option<()> {
        match cond {
            Cond::Not(cond) => self.branch(cond, no, yes),
            Cond::All(conds) => {
                for cond in conds {
                    let go_on = self.b.create_block();
                    self.branch(cond, go_on, no)?;
                    self.b.switch_to_block(go_on);
                }
                self.b.ins().jump(yes, &[]);
                Some(())
            }
            Cond::Any(conds) => {
                for cond in conds {
                    let go_on = self.b.create_block();
                    self.branch(cond, yes, go_on)?;
                    self.b.switch_to_block(go_on);
                }
                self.b.ins().jump(no, &[]);
                Some(())
            }
            Cond::If(cond, then, otherwise) => {
                let (first, second) = (self.b.create_block(), self.b.create_block());
                self.branch(cond, first, second)?;
                self.b.switch_to_block(first);
                self.branch(then, yes, no)?;
                self.b.switch_to_block(second);
                self.branch(otherwise, yes, no)
            }
            Cond::TextIs(text, texts) => {
                let text = self.present_text(text, no)?;
                self.is_one_of(text, texts, yes, no)
            }
            Cond::Test(text, test) => {
                let (at, len) = self.present_text(text, no)?;
                let test = Arc::as_ptr(self.plan.tests.get(*test)?) as u64;
                let test = self.int(test.cast_signed());
                let passes = self.ask(Call::Test, &[self.context, test, at, len])?;
                self.b.ins().brif(passes, yes, &[], no, &[]);
                Some(())
            }
            Cond::Pair { a, b, test, or_both_absent } => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                let ([Some(x), Some(x_len), _], [Some(y), Some(y_len), _]) = (a.words, b.words) else {
                    return None;
                };
                let both = self.both(a.flag, b.flag);
                let (compare, missing) = (self.b.create_block(), self.b.create_block());
                self.jump_on(both, compare, missing);
                self.b.switch_to_block(missing);
                if *or_both_absent {
                    let (a, b) = (self.bit(a.flag), self.bit(b.flag));
                    let any = self.b.ins().bor(a, b);
                    self.b.ins().brif(any, no, &[], yes, &[]);
                } else {
                    self.b.ins().jump(no, &[]);
                }
                self.b.switch_to_block(compare);
                let test = Arc::as_ptr(self.plan.pairs.get(*test)?) as u64;
                let test = self.int(test.cast_signed());
                let passes = self.ask(Call::Pair, &[self.context, test, x, x_len, y, y_len])?;
                self.b.ins().brif(passes, yes, &[], no, &[]);
                Some(())
            }
            Cond::Quant { quant, each, body } => {
                let (found, not_found) = match quant {
                    Quant::Any => (yes, no),
                    Quant::None | Quant::All => (no, yes),
                    Quant::Count => return None,
                };
                let list = self.value(&each.list)?;
                let over = self.start(list, each)?;
                self.item(each, &list, over.index)?;
                if *quant == Quant::All {
                    self.branch(body, over.next, found)?;
                } else {
                    self.branch(body, found, over.next)?;
                }
                self.turn(&over);
                self.b.switch_to_block(over.done);
                self.b.ins().jump(not_found, &[]);
                Some(())
            }
            Cond::Let { local, value, body } => {
                let regs = self.value(value)?;
                self.locals.insert(*local, regs);
                self.branch(body, yes, no)
            }
            Cond::Const(_)
            | Cond::Present(_)
            | Cond::Written { .. }
            | Cond::Empty(_)
            | Cond::Holds(_)
            | Cond::Same(..)
            | Cond::Order(..)
            | Cond::Site(_) => {
                let flag = self.flag(cond)?;
                self.jump_on(flag, yes, no);
                Some(())
            }
        }
    }

    /// A condition as a word.
    fn flag(&mut self, cond: &Cond) -> Option<Flag> {
        match cond {
            Cond::Const(value) => Some(Flag::Known(*value)),
            Cond::Not(cond) => {
                let flag = self.flag(cond)?;
                Some(self.inverse(flag))
            }
            Cond::Present(node) => match &**node {
                Node::Entry { map, key, whole_at, stride, .. } => {
                    Some(self.entry(map, key, *whole_at, *stride)?.0)
                }
                node => Some(self.value(node)?.flag),
            },
            Cond::Written { base, bit } => {
                let base = self.value(base)?;
                let [Some(address), ..] = base.words else { return None };
                self.written(address, 0, *bit)
            }
            Cond::Empty(node) => {
                let regs = self.value(node)?;
                let [_, Some(count), _] = regs.words else { return None };
                let some = Flag::Word(self.b.ins().icmp_imm_s(IntCC::NotEqual, count, 0));
                let some = self.both(regs.flag, some);
                Some(self.inverse(some))
            }
            Cond::Holds(node) => {
                let regs = self.value(node)?;
                let [Some(word), ..] = regs.words else { return None };
                let is_true = self.b.ins().icmp_imm_s(IntCC::NotEqual, word, 0);
                Some(self.both(regs.flag, Flag::Word(is_true)))
            }
            Cond::Same(a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                let ([Some(x), ..], [Some(y), ..]) = (a.words, b.words) else { return None };
                let same = Flag::Word(self.b.ins().icmp(IntCC::Equal, x, y));
                let both = self.both(a.flag, b.flag);
                let equal = self.both(both, same);
                let (no_a, no_b) = (self.inverse(a.flag), self.inverse(b.flag));
                match self.both(no_a, no_b) {
                    Flag::Known(true) => Some(Flag::Known(true)),
                    Flag::Known(false) => Some(equal),
                    Flag::Word(neither) => {
                        let equal = self.bit(equal);
                        Some(Flag::Word(self.b.ins().bor(neither, equal)))
                    }
                }
            }
            Cond::Order(op, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                let ([Some(x), ..], [Some(y), ..]) = (a.words, b.words) else { return None };
                let code = match op {
                    CompareOp::Lt => IntCC::SignedLessThan,
                    CompareOp::Le => IntCC::SignedLessThanOrEqual,
                    CompareOp::Gt => IntCC::SignedGreaterThan,
                    CompareOp::Ge => IntCC::SignedGreaterThanOrEqual,
                };
                let holds = Flag::Word(self.b.ins().icmp(code, x, y));
                let both = self.both(a.flag, b.flag);
                Some(self.both(both, holds))
            }
            Cond::Site(site) => {
                let regs = self.site(*site)?;
                let [Some(word), ..] = regs.words else { return None };
                let is_true = self.b.ins().icmp_imm_s(IntCC::NotEqual, word, 0);
                Some(self.both(regs.flag, Flag::Word(is_true)))
            }
            Cond::All(_)
            | Cond::Any(_)
            | Cond::If(..)
            | Cond::TextIs(..)
            | Cond::Test(..)
            | Cond::Pair { .. }
            | Cond::Quant { .. }
            | Cond::Let { .. } => {
                let (yes, no, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
                let flag = self.b.append_block_param(done, I8);
                self.branch(cond, yes, no)?;
                for (block, value) in [(yes, 1), (no, 0)] {
                    self.b.switch_to_block(block);
                    let value = self.b.ins().iconst(I8, value);
                    self.b.ins().jump(done, &[BlockArg::Value(value)]);
                }
                self.b.switch_to_block(done);
                Some(Flag::Word(flag))
            }
        }
    }

    /// Address and length of a text; code goes to `no` if there is none.
    fn present_text(&mut self, node: &Node, no: Block) -> Option<(Word, Word)> {
        let regs = self.value(node)?;
        let [Some(at), Some(len), _] = regs.words else { return None };
        let go_on = self.b.create_block();
        self.jump_on(regs.flag, go_on, no);
        self.b.switch_to_block(go_on);
        Some((at, len))
    }

    /// Compares a text with constant ones.
    fn is_one_of(
        &mut self,
        (at, len): (Word, Word),
        texts: &[Box<str>],
        yes: Block,
        no: Block,
    ) -> Option<()> {
        for text in texts {
            let (compare, go_on) = (self.b.create_block(), self.b.create_block());
            let fits = self.b.ins().icmp_imm_s(IntCC::Equal, len, i64::try_from(text.len()).ok()?);
            self.b.ins().brif(fits, compare, &[], go_on, &[]);
            self.b.switch_to_block(compare);
            if text.is_empty() {
                self.b.ins().jump(yes, &[]);
            } else if text.len() <= MAX_INLINE_TEXT {
                let differs = self.difference(at, text.as_bytes())?;
                self.b.ins().brif(differs, go_on, &[], yes, &[]);
            } else {
                let constant = self.int((text.as_ptr() as u64).cast_signed());
                let same = self.ask(Call::Equal, &[at, constant, len])?;
                self.b.ins().brif(same, yes, &[], go_on, &[]);
            }
            self.b.switch_to_block(go_on);
        }
        self.b.ins().jump(no, &[]);
        Some(())
    }

    /// A word that is 0 exactly if the bytes there are these. They are at least one.
    fn difference(&mut self, at: Word, bytes: &[u8]) -> Option<Word> {
        let size = [8, 4, 2, 1].into_iter().find(|size| *size <= bytes.len())?;
        let mut all: Option<Word> = None;
        let mut start = 0;
        while start < bytes.len() {
            // The last piece overlaps the one before it.
            start = start.min(bytes.len() - size);
            let piece = bytes.get(start..start + size)?;
            let expected = piece.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            let ty = match size {
                8 => I64,
                4 => I32,
                2 => I16,
                _ => I8,
            };
            let found = self.b.ins().load(ty, plain(), at, offset(start)?);
            let found = if size == 8 { found } else { self.b.ins().uextend(I64, found) };
            let expected = self.int(expected.cast_signed());
            let differs = self.b.ins().bxor(found, expected);
            all = Some(match all {
                Some(all) => self.b.ins().bor(all, differs),
                None => differs,
            });
            start += size;
        }
        all
    }
}

/// A constant text that is compared in place.
fn short_text(node: &Node) -> Option<&str> {
    match node {
        Node::Const(Value::Text(text)) if text.len() <= MAX_INLINE_TEXT => Some(text),
        _ => None,
    }
}

/// The blocks and the index of a loop.
struct Over {
    index: Word,
    head: Block,
    next: Block,
    done: Block,
}

/// How many words a value of a kind stands in.
fn words_of(kind: &Kind) -> usize {
    match kind {
        Kind::Bool | Kind::Int | Kind::Opaque => 1,
        Kind::Text | Kind::Record(..) | Kind::Map(..) | Kind::HostList => 2,
        Kind::List(_) => 3,
    }
}
