//! A program with inputs, as proptest draws them and makes them smaller.
//!
//! What fails shrinks piece by piece: inputs, declarations, clauses, expressions, then the parts of the one input that is
//! left. Only programs that compile are tried.

use std::sync::Arc;

use kpol_vm::{ir::Module, json::Json};
use proptest::{
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::{Dice, Input, Inputs, program::Program, tree::Edit};

/// A program that compiles, and inputs for it.
#[derive(Clone)]
pub struct Case {
    /// The program.
    pub program: Program,
    /// What it compiles to.
    pub module: Arc<Module>,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The fuel of one rule.
    pub fuel: u64,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "fuel {}\n{:?}", self.fuel, self.program)?;
        self.inputs.iter().take(3).try_for_each(|input| writeln!(f, "\ninput {input:?}"))
    }
}

/// Draws cases with so many inputs each.
#[derive(Clone, Copy, Debug)]
pub struct Cases {
    /// How many inputs for each program.
    pub inputs: usize,
}

impl Cases {
    /// A case; `None` if the dice made nothing that compiles.
    #[must_use]
    pub fn draw(self, dice: &mut Dice<'_>) -> Option<Case> {
        let program = Program::make(dice);
        self.of(program, dice)
    }

    /// A case of what compiles of a program; `None` if nothing does.
    #[must_use]
    pub fn of(self, program: Program, dice: &mut Dice<'_>) -> Option<Case> {
        let (program, compiled) = program.settle()?;
        let module = Arc::new(compiled.module?);
        let made = Inputs::new(&module);
        let inputs: Vec<Input> = (0..self.inputs).filter_map(|_| made.one(dice)).collect();
        let fuel = if dice.percent(10) { dice.below(3000) as u64 } else { 5_000_000 };
        (!inputs.is_empty()).then_some(Case { program, module, inputs, fuel })
    }
}

impl Strategy for Cases {
    type Tree = CaseTree;
    type Value = Case;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        for _ in 0..50 {
            if let Some(case) = self.draw(&mut Dice(runner.rng())) {
                return Ok(CaseTree {
                    best: case.clone(),
                    current: case,
                    changes: None,
                    next: 0,
                    better: false,
                });
            }
        }
        Err("no program compiles".into())
    }
}

/// A case on its way to a small one.
pub struct CaseTree {
    best: Case,
    current: Case,
    /// What may be tried on `best`.
    changes: Option<Vec<Change>>,
    next: usize,
    /// Whether this round through the changes found a smaller case.
    better: bool,
}

/// One way to make a case smaller.
#[derive(Clone, Copy)]
enum Change {
    /// Only these inputs: so many from there.
    Keep(usize, usize),
    Program(Edit),
    /// Without the optional part of the first input with this number.
    Without(usize),
    /// Without a part of one of its objects.
    Part(usize, usize),
}

impl ValueTree for CaseTree {
    type Value = Case;

    fn current(&self) -> Case {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.changes.is_some() {
            self.better = true;
        }
        self.best = self.current.clone();
        // The changes that come after the one that helped are those of the smaller case.
        self.changes = Some(self.best.changes());
        self.step()
    }

    fn complicate(&mut self) -> bool {
        self.step()
    }
}

impl CaseTree {
    /// Goes to the next smaller case; false if there is none.
    fn step(&mut self) -> bool {
        loop {
            let Some(change) = self.changes.as_ref().and_then(|changes| changes.get(self.next)) else {
                if !std::mem::take(&mut self.better) {
                    self.current = self.best.clone();
                    return false;
                }
                self.next = 0;
                continue;
            };
            self.next += 1;
            if let Some(smaller) = self.best.changed(*change) {
                self.current = smaller;
                return true;
            }
        }
    }
}

impl Case {
    fn changes(&self) -> Vec<Change> {
        let count = self.inputs.len();
        if count > 1 {
            let half = count.div_ceil(2);
            return vec![Change::Keep(0, half), Change::Keep(half, count - half)];
        }
        let mut changes: Vec<Change> = (0..6).map(Change::Without).collect();
        changes.extend(self.program.file.edits().into_iter().map(Change::Program));
        if let Some(input) = self.inputs.first() {
            for (index, object) in objects(input).into_iter().enumerate() {
                changes.extend((0..parts(object)).map(|part| Change::Part(index, part)));
            }
        }
        changes
    }

    fn changed(&self, change: Change) -> Option<Case> {
        let mut case = self.clone();
        match change {
            Change::Keep(from, count) => {
                case.inputs = self.inputs.get(from..from + count)?.to_vec();
            }
            Change::Program(edit) => {
                case.program.file.apply(edit);
                let (program, compiled) = (&case.program, case.program.compile());
                if program.text() == self.program.text() {
                    return None;
                }
                case.module = Arc::new(compiled.module.filter(|module| !module.rules.is_empty())?);
            }
            Change::Without(part) => without(case.inputs.first_mut()?, part)?,
            Change::Part(object, part) => {
                let input = case.inputs.first_mut()?;
                let object = objects_mut(input).into_iter().nth(object)?;
                remove_part(object, &mut { part })?;
            }
        }
        Some(case)
    }
}

fn without(input: &mut Input, part: usize) -> Option<()> {
    let Input::Review(request) = input else { return None };
    match part {
        0 if !request.cluster.is_empty() => request.cluster.clear(),
        1 => drop(request.old.take()?),
        2 => drop(request.namespace.take()?),
        3 if request.user != Default::default() => request.user = Default::default(),
        4 => drop(request.object.take()?),
        5 if !request.request.name.is_empty() || !request.request.uid.is_empty() => {
            (request.request.name, request.request.uid) = Default::default();
        }
        _ => return None,
    }
    Some(())
}

fn objects(input: &Input) -> Vec<&Json> {
    match input {
        Input::Event { event, .. } => vec![event],
        Input::Review(request) => {
            let given = [&request.object, &request.old, &request.namespace];
            given.into_iter().flatten().chain(&request.cluster).collect()
        }
    }
}

fn objects_mut(input: &mut Input) -> Vec<&mut Json> {
    match input {
        Input::Event { event, .. } => vec![event],
        Input::Review(request) => {
            let request = &mut **request;
            let given = [&mut request.object, &mut request.old, &mut request.namespace];
            given.into_iter().flatten().chain(&mut request.cluster).collect()
        }
    }
}

/// How many entries and elements there are in a value, inner ones too.
fn parts(json: &Json) -> usize {
    match json {
        Json::Array(items) => items.iter().map(|item| 1 + parts(item)).sum(),
        Json::Object(entries) => entries.iter().map(|(_, value)| 1 + parts(value)).sum(),
        _ => 0,
    }
}

/// Removes the entry or element with a number, outer ones first.
fn remove_part(json: &mut Json, number: &mut usize) -> Option<()> {
    let mut at = |len: usize, inner: &mut dyn FnMut(usize, &mut usize) -> Option<()>| {
        for index in 0..len {
            if *number == 0 {
                return Some(Some(index));
            }
            *number -= 1;
            if inner(index, number).is_some() {
                return Some(None);
            }
        }
        None
    };
    match json {
        Json::Array(items) => {
            let found = at(items.len(), &mut |index, number| remove_part(&mut items[index], number))?;
            if let Some(index) = found {
                items.remove(index);
            }
        }
        Json::Object(entries) => {
            let found = at(entries.len(), &mut |index, number| remove_part(&mut entries[index].1, number))?;
            if let Some(index) = found {
                entries.remove(index);
            }
        }
        _ => return None,
    }
    Some(())
}
