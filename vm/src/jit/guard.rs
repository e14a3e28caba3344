//! Which rules can find anything in an input: asked of all rules at once, before any of them runs.
//!
//! ```text
//! load     Plan ──▶ atoms, one of which holds wherever the rule hits:  containers[].name is "a", image under "ghcr.io/x"
//! review   each place once: its texts ──▶ hash table, automaton ──▶ the rules that one of their atoms holds for
//! ```
//!
//! A rule none of whose atoms holds has no hit and is not run: so a thousand rules about one field cost a look-up, not a
//! thousand calls. Atoms are *necessary* conditions; the rules that are left over are run as ever. A rule that has none,
//! for instance because it denies what is *not* so, is always run.
//!
//! Here are no addresses and no unsafe code: places are offsets into a fact's bytes, and what lies outside reads as nothing.

use aho_corasick::{AhoCorasick, MatchKind};
use rustc_hash::FxHashMap;

use super::{
    plan::{Cond, Kind, Node, Plan, Step},
    text::TextTest,
};
use crate::{
    fact::Fact,
    ir::{LocalId, Quant, TextOp},
    layout::{SlotLayout, halves, take_u64},
    scalar::{
        canonical_text,
        image::{Image, Prefix},
        path,
    },
    types::Type,
};

/// Atoms of a rule, at most; a rule with more is always run.
const MAX_ATOMS: usize = 256;
/// Steps that a rule may cost at most to be left out: less than that is always there, so that it could not have stopped.
pub(super) const FUEL: u64 = crate::evaluate::DEFAULT_FUEL;

/// A necessary condition of a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    place: Place,
    ask: Ask,
}

/// Where texts stand in a fact, from its root record on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    /// The fact, in the order of the plan's needs; later of the [`super::Needs`].
    need: usize,
    hops: Vec<Hop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Hop {
    /// So many bytes on.
    On(u32),
    /// To where the slot here points.
    Follow,
    /// Each element of the list here.
    Each { head: u32, stride: u32 },
}

/// What a text is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    /// Is it this, in the type's canonical form?
    Is(Type, Box<str>),
    /// Does it lie under this image or path?
    Under(Type, Box<str>),
    /// Does it contain, begin or end with this?
    Text(TextOp, Box<str>),
}

/// What a local is: a record, list or text at a place.
type Locals = Vec<(LocalId, Place)>;

/// The atoms of a plan; `None` if it is always run.
pub(super) fn atoms(plan: &Plan) -> Option<Vec<Atom>> {
    let atoms = block(plan, &plan.steps, &mut Vec::new())?;
    (atoms.len() <= MAX_ATOMS).then_some(atoms)
}

/// The largest input, in bytes of facts, in which a plan costs no more than [`FUEL`].
pub(super) fn safe_bytes(plan: &Plan) -> usize {
    // What `interp` evaluates on the way is not in the bound.
    if !plan.sites.is_empty() || !plan.calls.is_empty() {
        return 0;
    }
    let fits = |bytes: usize| plan.bound.at(bytes) <= FUEL as f64;
    let mut safe = 1 << 24;
    while safe > 0 && !fits(safe) {
        safe /= 2;
    }
    safe
}

fn block(plan: &Plan, steps: &[Step], locals: &mut Locals) -> Option<Vec<Atom>> {
    let mark = locals.len();
    let mut all = Vec::new();
    let mut done = Some(());
    for step in steps {
        let of_step = match step {
            Step::Where(cond) => {
                // It covers the rest of the block, if it says anything.
                match holds(plan, cond, locals) {
                    Some(atoms) => {
                        all.extend(atoms);
                        break;
                    }
                    None => continue,
                }
            }
            Step::If(cond, body) => match block(plan, body, locals) {
                Some(atoms) => Some(atoms),
                None => holds(plan, cond, locals),
            },
            Step::Let(local, value) => {
                locals.extend(place(value, locals).map(|place| (*local, place)));
                continue;
            }
            Step::Unrolled { blocks, .. } => {
                let mut atoms = Vec::new();
                blocks
                    .iter()
                    .try_for_each(|steps| {
                        atoms.extend(block(plan, steps, locals)?);
                        Some(())
                    })
                    .map(|()| atoms)
            }
            Step::For { each, body, .. } => {
                let outer = locals.len();
                locals.extend(element(&each.list, locals).map(|place| (each.local, place)));
                let atoms = block(plan, body, locals);
                locals.truncate(outer);
                atoms
            }
            Step::Hit { cond, .. } => holds(plan, cond, locals),
        };
        match of_step {
            Some(atoms) if all.len() <= MAX_ATOMS => all.extend(atoms),
            _ => {
                done = None;
                break;
            }
        }
    }
    locals.truncate(mark);
    done.map(|()| all)
}

/// Atoms one of which holds wherever a condition does; none at all: it never holds. `None`: nothing is known.
fn holds(plan: &Plan, cond: &Cond, locals: &mut Locals) -> Option<Vec<Atom>> {
    let atom = |place, ask| Atom { place, ask };
    match cond {
        Cond::Const(false) => Some(Vec::new()),
        Cond::All(conds) => {
            // One of them will do; the one with the fewest atoms says most.
            conds.iter().filter_map(|cond| holds(plan, cond, locals)).min_by_key(Vec::len)
        }
        Cond::Any(conds) => {
            let mut all = Vec::new();
            for cond in conds {
                all.extend(holds(plan, cond, locals)?);
                if all.len() > MAX_ATOMS {
                    return None;
                }
            }
            Some(all)
        }
        Cond::If(cond, then, otherwise) => {
            let mut all = holds(plan, then, locals).or_else(|| holds(plan, cond, locals))?;
            all.extend(holds(plan, otherwise, locals)?);
            Some(all)
        }
        Cond::TextIs(text, texts) => {
            let place = place(text, locals)?;
            let is = |text: &str| atom(place.clone(), Ask::Is(Type::Str, text.into()));
            Some(texts.iter().map(|text| is(text)).collect())
        }
        Cond::Test(text, test) => {
            let place = place(text, locals)?;
            let asks = asks(plan.tests.get(*test)?)?;
            Some(asks.into_iter().map(|ask| atom(place.clone(), ask)).collect())
        }
        Cond::Quant { quant: Quant::Any, each, body } => {
            let outer = locals.len();
            locals.extend(element(&each.list, locals).map(|place| (each.local, place)));
            let atoms = holds(plan, body, locals);
            locals.truncate(outer);
            atoms
        }
        Cond::Let { local, value, body } => {
            let outer = locals.len();
            locals.extend(place(value, locals).map(|place| (*local, place)));
            let atoms = holds(plan, body, locals);
            locals.truncate(outer);
            atoms
        }
        Cond::Const(true)
        | Cond::Not(_)
        | Cond::Present(_)
        | Cond::Written { .. }
        | Cond::Empty(_)
        | Cond::Holds(_)
        | Cond::Same(..)
        | Cond::Order(..)
        | Cond::Pair { .. }
        | Cond::Quant { .. }
        | Cond::Site(_) => None,
    }
}

fn asks(test: &TextTest) -> Option<Vec<Ask>> {
    match test {
        TextTest::OneOf(ty, texts) => {
            Some(texts.iter().map(|text| Ask::Is(ty.clone(), text.clone())).collect())
        }
        TextTest::Under(ty @ (Type::Image | Type::Path), prefixes) => {
            let under = |prefix: &crate::value::Value| {
                let text = prefix.as_text()?;
                let canonical = if *ty == Type::Image {
                    Prefix::new(text).canonical().to_owned()
                } else if text.starts_with('/') {
                    path::normalize(text).into_owned()
                } else {
                    // Relative paths lead up and down; they are left to the test itself.
                    return None;
                };
                Some(Ask::Under(ty.clone(), canonical.into()))
            };
            prefixes.iter().map(under).collect()
        }
        // An empty part is in every text.
        TextTest::Text(op, part) if !part.is_empty() => Some(vec![Ask::Text(*op, part.clone())]),
        TextTest::Text(..)
        | TextTest::Under(..)
        | TextTest::Member { .. }
        | TextTest::Like(..)
        | TextTest::Matches(_)
        | TextTest::Order(..)
        | TextTest::Equal(..) => None,
    }
}

/// Where a value stands.
fn place(node: &Node, locals: &Locals) -> Option<Place> {
    match node {
        Node::Root { need, .. } => Some(Place { need: *need, hops: Vec::new() }),
        Node::Local(local, _) => {
            locals.iter().rev().find(|(known, _)| known == local).map(|(_, place)| place.clone())
        }
        Node::Field { base, at, boxed, .. } => Some(place(base, locals)?.on(*at, *boxed)),
        Node::Key { base, at, key_at, boxed, .. } => {
            Some(place(base, locals)?.on(at.checked_add(*key_at)?, *boxed))
        }
        Node::Const(_)
        | Node::Entry { .. }
        | Node::Choice { .. }
        | Node::First { .. }
        | Node::Let { .. }
        | Node::Cond(_)
        | Node::Add(..)
        | Node::Sub(..)
        | Node::Count { .. }
        | Node::CountOf(_)
        | Node::Length(_)
        | Node::Site(..)
        | Node::Call { .. }
        | Node::Minus { .. } => None,
    }
}

/// Where the elements of a list stand.
fn element(list: &Node, locals: &Locals) -> Option<Place> {
    let Some(Kind::List(elements)) = list.kind() else { return None };
    let mut place = place(list, locals)?;
    place.hops.push(Hop::Each { head: elements.head, stride: elements.stride });
    if matches!(elements.slot, SlotLayout::Boxed(_)) {
        place.hops.push(Hop::Follow);
    }
    Some(place)
}

impl Place {
    fn on(mut self, bytes: u32, boxed: bool) -> Place {
        match self.hops.last_mut() {
            Some(Hop::On(before)) => *before = before.saturating_add(bytes),
            Some(Hop::Follow | Hop::Each { .. }) | None => self.hops.push(Hop::On(bytes)),
        }
        if boxed {
            self.hops.push(Hop::Follow);
        }
        self
    }

    /// Calls `visit` with each text at the place.
    fn texts(&self, fact: &Fact, visit: &mut impl FnMut(&str)) {
        walk(&self.hops, fact.bytes(), fact.layout().root_at(), visit);
    }
}

fn walk(hops: &[Hop], bytes: &[u8], mut at: u32, visit: &mut impl FnMut(&str)) {
    for (done, hop) in hops.iter().enumerate() {
        match hop {
            Hop::On(bytes) => at = at.saturating_add(*bytes),
            Hop::Follow => at = halves(take_u64(bytes, at)).0,
            Hop::Each { head, stride } => {
                let (first, count) = halves(take_u64(bytes, at));
                let rest = hops.get(done + 1..).unwrap_or_default();
                for index in 0..count {
                    let at = first.saturating_add(index.saturating_mul(*stride)).saturating_add(*head);
                    walk(rest, bytes, at, visit);
                }
                return;
            }
        }
    }
    let (start, len) = halves(take_u64(bytes, at));
    let text = bytes.get(start as usize..start.saturating_add(len) as usize).unwrap_or_default();
    visit(str::from_utf8(text).unwrap_or_default());
}

/// The atoms of all rules, by place.
#[derive(Default)]
pub(super) struct Guards {
    /// Of each rule: what is needed to leave it out.
    rules: Vec<Option<Guard>>,
    /// By need.
    places: Vec<Vec<Asked>>,
}

#[derive(Clone, Copy)]
struct Guard {
    /// The fact that its atoms are about, of the [`super::Needs`].
    need: usize,
    safe_bytes: usize,
}

/// Rules by a text.
type Table = FxHashMap<Box<str>, Vec<u32>>;

/// What the texts at one place are asked, and for which rules.
struct Asked {
    place: Place,
    is: Vec<(Type, Table)>,
    images: Table,
    paths: Table,
    parts: Option<Parts>,
    /// Rules that no table could be made for.
    always: Vec<u32>,
}

/// Parts of texts, found in one pass.
struct Parts {
    automaton: AhoCorasick,
    /// By pattern: where it counts, and for which rules.
    rules: Vec<Vec<(TextOp, u32)>>,
}

/// Rules whose atoms are gathered, before tables are made of them.
#[derive(Default)]
pub(super) struct Gathering {
    rules: Vec<Option<Guard>>,
    places: FxHashMap<Place, Vec<(Ask, u32)>>,
}

impl Gathering {
    /// The next rule. `functions` are the plans that it may be run by, each with the numbers of its needs; `None` for one
    /// that has no machine code.
    ///
    /// Says whether the rule has a guard.
    pub(super) fn rule<'p>(
        &mut self,
        functions: impl Iterator<Item = Option<(&'p Plan, &'p [usize])>>,
    ) -> bool {
        let guard = self.guard(functions);
        self.rules.push(guard);
        guard.is_some()
    }

    /// The next rule, which has no guard.
    pub(super) fn none(&mut self) {
        self.rules.push(None);
    }

    fn guard<'p>(
        &mut self,
        functions: impl Iterator<Item = Option<(&'p Plan, &'p [usize])>>,
    ) -> Option<Guard> {
        let mut guard: Option<Guard> = None;
        let mut all = Vec::new();
        for function in functions {
            let (plan, needs) = function?;
            let safe_bytes = safe_bytes(plan).min(guard.map_or(usize::MAX, |guard| guard.safe_bytes));
            let mut atoms = atoms(plan)?;
            for atom in &mut atoms {
                atom.place.need = *needs.get(atom.place.need)?;
                let need = guard.map_or(atom.place.need, |guard| guard.need);
                // One fact answers for a rule, or it is always run.
                if need != atom.place.need {
                    return None;
                }
                guard = Some(Guard { need, safe_bytes });
            }
            if let Some(guard) = &mut guard {
                guard.safe_bytes = safe_bytes;
            }
            all.extend(atoms);
        }
        // Rules that never hit have no atoms; they cost nothing anyway.
        let guard = guard.filter(|guard| guard.safe_bytes > 0)?;
        let rule = u32::try_from(self.rules.len()).ok()?;
        for Atom { place, ask } in all {
            self.places.entry(place).or_default().push((ask, rule));
        }
        Some(guard)
    }

    pub(super) fn finish(self) -> Guards {
        let mut places: Vec<Vec<Asked>> = Vec::new();
        for (place, asks) in self.places {
            let need = place.need;
            if places.len() <= need {
                places.resize_with(need + 1, Vec::new);
            }
            if let Some(of_need) = places.get_mut(need) {
                of_need.push(Asked::new(place, asks));
            }
        }
        Guards { places, rules: self.rules }
    }
}

impl Asked {
    fn new(place: Place, asks: Vec<(Ask, u32)>) -> Asked {
        let mut asked = Asked {
            place,
            is: Vec::new(),
            images: FxHashMap::default(),
            paths: FxHashMap::default(),
            parts: None,
            always: Vec::new(),
        };
        let mut patterns: Vec<Box<str>> = Vec::new();
        let mut numbers: FxHashMap<Box<str>, usize> = FxHashMap::default();
        let mut of_patterns: Vec<Vec<(TextOp, u32)>> = Vec::new();
        for (ask, rule) in asks {
            match ask {
                Ask::Is(ty, text) => {
                    let known = asked.is.iter().position(|(known, _)| *known == ty);
                    let index = known.unwrap_or_else(|| {
                        asked.is.push((ty, FxHashMap::default()));
                        asked.is.len() - 1
                    });
                    if let Some((_, table)) = asked.is.get_mut(index) {
                        table.entry(text).or_default().push(rule);
                    }
                }
                Ask::Under(Type::Image, prefix) => asked.images.entry(prefix).or_default().push(rule),
                Ask::Under(_, prefix) => asked.paths.entry(prefix).or_default().push(rule),
                Ask::Text(op, part) => {
                    let number = *numbers.entry(part).or_insert_with_key(|part| {
                        patterns.push(part.clone());
                        of_patterns.push(Vec::new());
                        patterns.len() - 1
                    });
                    if let Some(rules) = of_patterns.get_mut(number) {
                        rules.push((op, rule));
                    }
                }
            }
        }
        if !patterns.is_empty() {
            let automaton = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .build(patterns.iter().map(|pattern| pattern.as_bytes()));
            match automaton {
                Ok(automaton) => asked.parts = Some(Parts { automaton, rules: of_patterns }),
                // Automata have a limit of size.
                Err(_) => asked.always = of_patterns.into_iter().flatten().map(|(_, rule)| rule).collect(),
            }
        }
        asked
    }

    /// Notes the rules that a text says something for.
    fn ask(&self, text: &str, active: &mut [u64]) {
        for (ty, table) in &self.is {
            // Most texts are canonical; a type without a form of its own has no other.
            let rules =
                if *ty == Type::Str { table.get(text) } else { table.get(canonical_text(ty, text).as_ref()) };
            note(rules, active);
        }
        if !self.images.is_empty() {
            let image = Image::new(text);
            each_prefix(image.repository().unwrap_or_default(), |prefix| {
                note(self.images.get(prefix), active)
            });
        }
        if !self.paths.is_empty() && text.starts_with('/') {
            let path = path::normalize(text);
            note(self.paths.get("/"), active);
            each_prefix(&path, |prefix| note(self.paths.get(prefix), active));
        }
        let Some(parts) = &self.parts else { return };
        for found in parts.automaton.find_overlapping_iter(text.as_bytes()) {
            for (op, rule) in parts.rules.get(found.pattern().as_usize()).into_iter().flatten() {
                let counts = match op {
                    TextOp::Contains => true,
                    TextOp::StartsWith => found.start() == 0,
                    TextOp::EndsWith => found.end() == text.len(),
                };
                if counts {
                    set(*rule, active);
                }
            }
        }
    }
}

/// The text up to each `/`, and all of it.
fn each_prefix(text: &str, mut visit: impl FnMut(&str)) {
    for (at, _) in text.match_indices('/') {
        visit(text.get(..at).unwrap_or_default());
    }
    visit(text);
}

fn note(rules: Option<&Vec<u32>>, active: &mut [u64]) {
    for rule in rules.into_iter().flatten() {
        set(*rule, active);
    }
}

fn set(rule: u32, active: &mut [u64]) {
    if let Some(word) = active.get_mut(rule as usize / 64) {
        *word |= 1 << (rule % 64);
    }
}

impl Guards {
    /// Asks for all rules about a fact. `active` has a bit for each rule.
    pub(super) fn ask(&self, need: usize, fact: &Fact, active: &mut [u64]) {
        for asked in self.places.get(need).into_iter().flatten() {
            note(Some(&asked.always), active);
            asked.place.texts(fact, &mut |text| asked.ask(text, active));
        }
    }

    /// Whether there is anything to ask.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The words of `active`.
    pub(super) fn words(&self) -> usize {
        self.rules.len().div_ceil(64)
    }

    /// Whether a rule finds nothing in an input of so many bytes, because none of its atoms holds. `asked` says whether
    /// the fact of a need was asked.
    pub(super) fn rules_out(
        &self,
        rule: usize,
        bytes: usize,
        active: &[u64],
        asked: impl Fn(usize) -> bool,
    ) -> bool {
        let Some(Some(guard)) = self.rules.get(rule) else { return false };
        let is_active = active.get(rule / 64).is_none_or(|word| word >> (rule % 64) & 1 == 1);
        !is_active && bytes <= guard.safe_bytes && asked(guard.need)
    }
}
