//! What compiled code calls: one table, read by the compiler (names and signatures) and by the linker (addresses).
//!
//! ```text
//! machine code ──hostcall──▶ Context ──▶ Host { facts, hits, values }
//! ```
//!
//! Everything here is `extern "C"` over words. No panic leaves a hostcall: it stops the code ([`Context::stopped`]),
//! and the rule is then judged by `interp`.
//!
//! Why the `unsafe` here is sound: contexts, frames and texts come from code that [`super::codegen`] made for a module
//! that [`crate::verify`] took. It passes on only the context that [`super::Run`] gave it, addresses of its
//! own stack slots, and texts whose offset and length a fact's builder (or [`Host`] itself) wrote: within one buffer
//! that lives, unchanged, until the call returns.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use super::{
    Jit, Which,
    plan::{Elements, Kind, Plan},
    text::{Minus, PairTest, TextTest},
};
use crate::{
    fact::Fact,
    interp::{Env, Hit, Interp, size},
    ir::{ClauseId, Code},
    layout::SlotLayout,
    scalar::canonical_text,
    types::Type,
    value::{RecordRef, Value},
};
/// Values that a host holds during one call, at most; beyond, the rule is left to `interp`.
const MAX_VALUES: usize = 1 << 16;

/// What machine code reads and writes by offset.
#[repr(C)]
pub(super) struct Context<'h> {
    /// What is left; below zero the rule is left to `interp`.
    pub(super) fuel: i64,
    /// `W` of [`super::plan::Cost`].
    pub(super) width: i64,
    /// The facts, in the order of the [`super::Jit`]'s needs.
    pub(super) roots: *const RootAt,
    /// Whether a hostcall could not answer.
    pub(super) stopped: i64,
    /// What only hostcalls look at.
    pub(super) host: Host<'h>,
}

/// Where a fact's bytes and its root record are.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RootAt {
    /// Address of the bytes.
    pub(super) base: usize,
    /// Address of the root record.
    pub(super) at: usize,
    /// Whether the host gave one; if not, the addresses are those of the root's blank.
    pub(super) given: u64,
}

/// The side of a call that is Rust.
pub(super) struct Host<'h> {
    pub(super) env: Env<'h>,
    pub(super) jit: &'h Jit,
    /// What runs. Its plan and code are looked up when a hostcall needs them: most runs need neither.
    pub(super) which: Which,
    pub(super) hits: &'h mut Vec<Hit>,
    pub(super) values: &'h mut Vec<Value>,
}

/// One value on its way between machine code and host.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) present: u64,
    pub(super) a: u64,
    pub(super) b: u64,
    pub(super) c: u64,
}

/// A hostcall: its name, how many words it takes, whether it gives one, and where it is.
pub(super) struct Hostcall {
    pub(super) name: &'static str,
    pub(super) params: usize,
    pub(super) gives: bool,
    pub(super) address: fn() -> *const u8,
}

macro_rules! hostcalls {
    ($($(#[$doc:meta])* $id:ident = $name:literal, $params:literal, $gives:literal, $function:ident;)+) => {
        /// The hostcalls, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Call { $($(#[$doc])* $id,)+ }

        /// All of them, in the order of [`Call`].
        pub(super) const HOSTCALLS: &[Hostcall] = &[$(
            Hostcall { name: $name, params: $params, gives: $gives, address: || $function as *const u8 },
        )+];
    };
}

hostcalls! {
    /// (context, clause, depth, indices): a verdict holds.
    Hit = "kpol_hit", 4, false, hit;
    /// (context, site, frame, out) → 0 if it could not: `interp` evaluates an expression.
    Eval = "kpol_eval", 4, true, eval;
    /// (context, list, index, kind, out) → 0 if it could not: an element of a list that the host holds.
    Item = "kpol_item", 5, true, item;
    /// (context, test, text, length) → whether it passes.
    Test = "kpol_test", 4, true, test;
    /// (context, test, text, length, text, length) → whether they pass.
    Pair = "kpol_pair", 6, true, pair;
    /// (bytes of the fact, offset and count, stride, key, length) → address of the value's slot or 0.
    Entry = "kpol_entry", 5, true, entry;
    /// (context, call, frame, out) → 0 if it could not: a builtin.
    Invoke = "kpol_invoke", 4, true, invoke;
    /// (context, minus, fact, first, count, stride, out) → 0 if it could not: texts of a list without constant ones.
    Minus = "kpol_minus", 7, true, minus;
    /// (text, text, length) → whether they are equal.
    Equal = "kpol_equal", 3, true, equal;
}

/// Kinds as a number: what [`Call::Item`] is to make of an element.
pub(super) fn kind_code(kind: &Kind) -> i64 {
    match kind {
        Kind::Bool => 0,
        Kind::Int => 1,
        Kind::Text => 2,
        Kind::Record(..) => 3,
        Kind::HostList => 4,
        Kind::List(_) | Kind::Map(..) | Kind::Opaque => 5,
    }
}

/// Runs a hostcall's work; a panic or `None` stops the code.
fn guarded(context: &mut Context<'_>, work: impl FnOnce(&mut Context<'_>) -> Option<u64>) -> u64 {
    let done = catch_unwind(AssertUnwindSafe(|| work(context)));
    match done {
        Ok(Some(answer)) => answer,
        Ok(None) | Err(_) => {
            context.stopped = 1;
            0
        }
    }
}

#[expect(unsafe_code, reason = "the context is the one of the running call")]
extern "C" fn hit(context: *mut Context<'_>, clause: u64, depth: u64, indices: *const u32) {
    // SAFETY: machine code passes on the context it was called with, which nobody else uses meanwhile, and its own
    // stack slot of `MAX_LOOPS` indices, of which `depth` are written; the verifier bounds loops in loops.
    let (context, indices) =
        unsafe { (&mut *context, std::slice::from_raw_parts(indices, usize::try_from(depth).unwrap_or(0))) };
    guarded(context, |context| {
        let clause = ClauseId(u32::try_from(clause).ok()?);
        context.host.hits.push(Hit { clause, bindings: indices.to_vec() });
        Some(1)
    });
}

#[expect(unsafe_code, reason = "the context, frame and place of the answer are those of the running call")]
extern "C" fn eval(context: *mut Context<'_>, site: u64, frame: *const Words, out: *mut Words) -> u64 {
    // SAFETY: machine code passes on the context it was called with, which nobody else uses meanwhile, and one of its
    // stack slots as the place of the answer.
    let (context, out) = unsafe { (&mut *context, &mut *out) };
    guarded(context, |context| {
        let site = context.host.plan()?.sites.get(usize::try_from(site).ok()?)?;
        let mut env = context.host.env;
        env.fuel = u64::try_from(context.fuel).ok()?;
        let mut interp = Interp::new(env, context.host.code()?);
        for (local, value) in &site.consts {
            interp.bind(*local, value.clone());
        }
        for (index, (local, kind, ty)) in site.locals.iter().enumerate() {
            // SAFETY: the frame has one entry for each local of the site.
            let words = unsafe { *frame.add(index) };
            interp.bind(*local, context.host.value(words, kind, ty)?);
        }
        let value = interp.eval(site.expr).ok()?;
        context.fuel = i64::try_from(interp.fuel_left()).ok()?;
        *out = context.host.words(value, kind_code(&site.kind), context.width)?;
        Some(1)
    })
}

#[expect(unsafe_code, reason = "the context and place of the answer are those of the running call")]
extern "C" fn item(context: *mut Context<'_>, list: u64, index: u64, kind: i64, out: *mut Words) -> u64 {
    // SAFETY: machine code passes on the context it was called with, which nobody else uses meanwhile, and one of its
    // stack slots as the place of the answer.
    let (context, out) = unsafe { (&mut *context, &mut *out) };
    guarded(context, |context| {
        let Value::List(items) = context.host.values.get(usize::try_from(list).ok()?)? else { return None };
        let value = items.get(usize::try_from(index).ok()?)?.clone();
        *out = context.host.words(value, kind, context.width)?;
        Some(1)
    })
}

#[expect(unsafe_code, reason = "the context, frame and place of the answer are those of the running call")]
extern "C" fn invoke(context: *mut Context<'_>, call: u64, frame: *const Words, out: *mut Words) -> u64 {
    // SAFETY: as in `eval`.
    let (context, out) = unsafe { (&mut *context, &mut *out) };
    guarded(context, |context| {
        let call = context.host.plan()?.calls.get(usize::try_from(call).ok()?)?;
        let mut values = Vec::with_capacity(call.args.len());
        let mut cost = usize::try_from(call.builtin.cost).unwrap_or(usize::MAX);
        let mut index = 0;
        for arg in &call.args {
            let value = match arg {
                Ok(value) => value.clone(),
                Err((kind, ty)) => {
                    // SAFETY: the frame has one entry for each argument that is no constant.
                    let words = unsafe { *frame.add(index) };
                    index += 1;
                    context.host.value(words, kind, ty)?
                }
            };
            cost = cost.saturating_add(size(&value));
            values.push(value);
        }
        spend(context, cost)?;
        let value = (call.builtin.eval)(&values);
        spend(context, size(&value))?;
        *out = context.host.words(value, kind_code(&call.kind), context.width)?;
        Some(1)
    })
}

fn spend(context: &mut Context<'_>, steps: usize) -> Option<()> {
    context.fuel = context.fuel.checked_sub(i64::try_from(steps).ok()?).filter(|left| *left >= 0)?;
    Some(())
}

#[expect(unsafe_code, reason = "elements are at addresses in a fact")]
extern "C" fn minus(
    context: *mut Context<'_>,
    minus: *const Minus,
    base: *const u8,
    first: *const u8,
    count: u64,
    stride: u64,
    out: *mut Words,
) -> u64 {
    // SAFETY: as in `eval`; the minus is one of the function's own plan, which lives as long as the function.
    let (context, minus, out) = unsafe { (&mut *context, &*minus, &mut *out) };
    guarded(context, |context| {
        let mut left = Vec::new();
        for index in 0..count {
            // SAFETY: the fact's builder wrote `count` elements, each a text, see `element_text`.
            let text = unsafe { element_text(base, first, index * stride) };
            if !minus.taken.contains(canonical_text(&minus.text, text).as_ref()) {
                left.push(Value::Text(text.into()));
            }
        }
        let value = if left.is_empty() { empty() } else { Value::collection(left, &minus.ty) };
        *out = context.host.words(value, 4, context.width)?;
        Some(1)
    })
}

/// The empty list, which is one for all.
fn empty() -> Value {
    static EMPTY: LazyLock<Arc<[Value]>> = LazyLock::new(|| Arc::new([]));
    Value::List(Arc::clone(&EMPTY))
}

/// The text whose slot is `ahead` bytes behind `first`.
#[expect(unsafe_code, reason = "elements are at addresses in a fact")]
unsafe fn element_text<'t>(base: *const u8, first: *const u8, ahead: u64) -> &'t str {
    // SAFETY: the caller says that there is an element there: the offset and length of a text in the same fact.
    unsafe {
        let word = word_at(first, ahead);
        text_at(base.add(usize::try_from(word & 0xffff_ffff).unwrap_or(0)), word >> 32)
    }
}

#[expect(unsafe_code, reason = "elements are at addresses in a fact")]
unsafe fn word_at(first: *const u8, ahead: u64) -> u64 {
    // SAFETY: the caller says that there is a word there.
    unsafe { u64::from_le(first.add(usize::try_from(ahead).unwrap_or(0)).cast::<u64>().read_unaligned()) }
}

#[expect(unsafe_code, reason = "texts are addresses and lengths in machine code")]
extern "C" fn test(context: *mut Context<'_>, test: *const TextTest, text: *const u8, len: u64) -> u64 {
    // SAFETY: the context is that of the running call; the test is one of the function's own plan, which lives as long
    // as the function; the text lies in one buffer, see the header.
    let (context, test, text) = unsafe { (&mut *context, &*test, text_at(text, len)) };
    guarded(context, |_| Some(u64::from(test.run(text))))
}

#[expect(unsafe_code, reason = "texts are addresses and lengths in machine code")]
extern "C" fn pair(
    context: *mut Context<'_>,
    test: *const PairTest,
    a: *const u8,
    a_len: u64,
    b: *const u8,
    b_len: u64,
) -> u64 {
    // SAFETY: as in `test`.
    let (context, test, a, b) = unsafe { (&mut *context, &*test, text_at(a, a_len), text_at(b, b_len)) };
    guarded(context, |_| Some(u64::from(test.run(a, b))))
}

#[expect(unsafe_code, reason = "entries are at addresses in a fact")]
extern "C" fn entry(base: *const u8, place: u64, stride: u64, key: *const u8, len: u64) -> u64 {
    let (first, count) = (place & 0xffff_ffff, place >> 32);
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        // SAFETY: the fact's builder wrote `count` entries of `stride` bytes each at offset `first` of its bytes, and
        // each begins with the offset and length of its key in the same bytes.
        let (at, found) = unsafe {
            let at = base.add(usize::try_from(first + middle * stride).unwrap_or(0));
            let word = u64::from_le(at.cast::<u64>().read_unaligned());
            (at, bytes_at(base.add(usize::try_from(word & 0xffff_ffff).unwrap_or(0)), word >> 32))
        };
        // SAFETY: the key is a text, see the header.
        match found.cmp(unsafe { bytes_at(key, len) }) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return at as u64 + 8,
        }
    }
    0
}

#[expect(unsafe_code, reason = "texts are addresses and lengths in machine code")]
extern "C" fn equal(a: *const u8, b: *const u8, len: u64) -> u64 {
    // SAFETY: both are texts of this length, see the header.
    u64::from(unsafe { bytes_at(a, len) == bytes_at(b, len) })
}

#[expect(unsafe_code, reason = "texts are addresses and lengths in machine code")]
unsafe fn bytes_at<'t>(at: *const u8, len: u64) -> &'t [u8] {
    // SAFETY: the caller says that these bytes are within one living buffer.
    unsafe { std::slice::from_raw_parts(at, usize::try_from(len).unwrap_or(0)) }
}

#[expect(unsafe_code, reason = "texts are addresses and lengths in machine code")]
unsafe fn text_at<'t>(at: *const u8, len: u64) -> &'t str {
    // SAFETY: as the caller says. That it is UTF-8 is checked, as the readers of facts do it.
    str::from_utf8(unsafe { bytes_at(at, len) }).unwrap_or_default()
}

impl<'h> Host<'h> {
    /// The plan of what runs.
    fn plan(&self) -> Option<&'h Plan> {
        self.jit.function(self.which).map(|function| &function.plan)
    }

    /// The code of what runs.
    fn code(&self) -> Option<&'h Code> {
        let module = self.env.module;
        match self.which {
            Which::Rule { rule, .. } => module.rules.get(rule).map(|rule| &rule.code),
            Which::Condition { bind, position } => {
                module.binds.get(bind)?.conditions.get(position).map(|condition| &condition.code)
            }
            Which::Shared(_) => None,
        }
    }

    /// A value that machine code hands over.
    #[expect(unsafe_code, reason = "texts are addresses and lengths in machine code")]
    fn value(&self, words: Words, kind: &Kind, ty: &Type) -> Option<Value> {
        if words.present == 0 {
            return Some(Value::Absent);
        }
        Some(match kind {
            Kind::Bool => Value::Bool(words.a != 0),
            Kind::Int => Value::Int(words.a.cast_signed()),
            Kind::Text => {
                // SAFETY: a text, see the header.
                let text = unsafe { text_at(words.a as *const u8, words.b) };
                Value::from_text(ty, text).unwrap_or(Value::Absent)
            }
            Kind::List(elements) => self.list(words, elements, ty)?,
            Kind::Record(_, record) => {
                let mut facts = self.env.roots.iter().map(|(_, fact)| fact);
                let fact = facts.find(|fact| fact.bytes().as_ptr() as u64 == words.b)?;
                let at = u32::try_from(words.a.checked_sub(words.b)?).ok()?;
                Value::Record(RecordRef { fact: Arc::clone(fact), record: *record, at })
            }
            Kind::HostList if words.b == 0 => empty(),
            Kind::HostList | Kind::Opaque => self.values.get(usize::try_from(words.a).ok()?)?.clone(),
            Kind::Map(..) => return None,
        })
    }

    /// A list in a fact: of scalars or of records.
    #[expect(unsafe_code, reason = "elements are at addresses in a fact")]
    fn list(&self, words: Words, elements: &Elements, ty: &Type) -> Option<Value> {
        let (first, base) = (words.a as *const u8, words.c as *const u8);
        let mut items = Vec::with_capacity(usize::try_from(words.b).ok()?);
        for index in 0..words.b {
            let ahead = index * u64::from(elements.stride) + u64::from(elements.head);
            let item = match &elements.slot {
                // SAFETY: the fact's builder wrote so many elements of this stride, each a word here.
                SlotLayout::Scalar(Type::Bool) => Value::Bool(unsafe { word_at(first, ahead) } != 0),
                SlotLayout::Scalar(Type::Int | Type::Port) => {
                    // SAFETY: as above.
                    Value::Int(unsafe { word_at(first, ahead) }.cast_signed())
                }
                SlotLayout::Scalar(Type::Dyn) => return None,
                SlotLayout::Scalar(_) => {
                    // SAFETY: as above, and the word is a text's offset and length.
                    let text = unsafe { element_text(base, first, ahead) };
                    Value::from_text(ty, text).unwrap_or(Value::Absent)
                }
                SlotLayout::Inline(record) => {
                    let words = Words { present: 1, a: words.a.checked_add(ahead)?, b: words.c, c: 0 };
                    self.value(words, &Kind::Record(elements.root, *record), ty)?
                }
                SlotLayout::Boxed(_) | SlotLayout::List { .. } | SlotLayout::Map { .. } => return None,
            };
            items.push(item);
        }
        Some(Value::List(items.into()))
    }

    /// A value for machine code. `None` if it is larger than what costs are reckoned with.
    fn words(&mut self, value: Value, kind: i64, width: i64) -> Option<Words> {
        let width = usize::try_from(width).ok()?;
        if self.values.len() >= MAX_VALUES {
            return None;
        }
        let (a, b) = match (kind, &value) {
            (_, Value::Absent) if kind != 4 => return Some(Words { present: 0, a: 0, b: 0, c: 0 }),
            (0, Value::Bool(value)) => return Some(Words { present: 1, a: u64::from(*value), b: 0, c: 0 }),
            (1, Value::Int(value)) => {
                return Some(Words { present: 1, a: value.cast_unsigned(), b: 0, c: 0 });
            }
            (2, Value::Text(text)) => {
                if text.len() / 32 > width {
                    return None;
                }
                (text.as_ptr() as u64, text.len() as u64)
            }
            (3, Value::Record(record)) => {
                let given = |fact: &&Arc<Fact>| Arc::ptr_eq(fact, &record.fact);
                let mut facts = self.env.roots.iter().map(|(_, fact)| fact);
                let base = facts.find(given)?.bytes().as_ptr() as u64;
                return Some(Words { present: 1, a: base.checked_add(u64::from(record.at))?, b: base, c: 0 });
            }
            (4, value) => {
                let present = u64::from(!value.is_absent());
                let items = value.elements();
                if items.len() / 4 > width {
                    return None;
                }
                let count = items.len() as u64;
                if count == 0 {
                    return Some(Words { present, a: 0, b: 0, c: 0 });
                }
                self.values.push(Value::List(items));
                return Some(Words { present, a: self.values.len() as u64 - 1, b: count, c: 0 });
            }
            (5, _) => (self.values.len() as u64, 0),
            _ => return None,
        };
        // Texts live as long as the value that is kept here.
        self.values.push(value);
        Some(Words { present: 1, a, b, c: 0 })
    }
}
