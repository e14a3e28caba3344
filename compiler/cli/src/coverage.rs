//! What the tests of a policy reach: every verdict hit and missed, every optional field seen when it is not set.
//!
//! A rule whose verdicts were never missed was never tried on a good object; one whose optional fields were never
//! absent was never tried on what most manifests look like.

use std::collections::{BTreeMap, BTreeSet};

use kpol_compiler::{Compiled, Role};
use kpol_vm::{
    evaluate::Outcome,
    interp::WhyNode,
    ir::{ClauseId, ExprId, Op, RuleId},
};
use maud::{DOCTYPE, html};

use crate::args;

/// One thing that a test can reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    /// The verdict holds.
    Hit(ClauseId),
    /// The verdict does not hold.
    Missed(ClauseId),
    /// The field that is called so in the source is not set.
    NotSet(String),
}

/// The points of all rules of the entry files.
pub(crate) struct Coverage {
    points: BTreeMap<(RuleId, Point), bool>,
    /// The optional reads of each rule, with what they are called.
    reads: BTreeMap<RuleId, BTreeMap<ExprId, String>>,
}

impl Coverage {
    /// Nothing reached yet.
    pub(crate) fn new(compiled: &Compiled) -> Coverage {
        let mut coverage = Coverage { points: BTreeMap::new(), reads: BTreeMap::new() };
        let rules = compiled.module.iter().flat_map(|module| &module.rules).enumerate();
        for (index, rule) in rules {
            let id = RuleId(index as u32);
            let Some(debug) = compiled.debug.rules.get(index) else { continue };
            let source = compiled.sources.get(debug.name.file.0 as usize);
            if source.is_none_or(|source| source.role != Role::Entry) {
                continue;
            }
            for clause in 0..rule.clauses.len() as u32 {
                coverage.points.insert((id, Point::Hit(ClauseId(clause))), false);
                coverage.points.insert((id, Point::Missed(ClauseId(clause))), false);
            }
            let mut reads = BTreeMap::new();
            for (expr, node) in rule.code.exprs.iter().enumerate() {
                let optional = matches!(node.op, Op::Field { .. } | Op::MapKey { .. }) && node.optional;
                let scalar = matches!(node.ty, kpol_vm::ir::Ty::Scalar(_));
                let text = debug.exprs.get(expr).and_then(|span| source?.text.get(span.range()));
                if let (true, true, Some(text)) = (optional, scalar, text) {
                    reads.insert(ExprId(expr as u32), text.to_owned());
                    coverage.points.insert((id, Point::NotSet(text.to_owned())), false);
                }
            }
            coverage.reads.insert(id, reads);
        }
        coverage
    }

    /// Adds what one evaluation of `rule` reached.
    pub(crate) fn add(&mut self, rule: RuleId, outcome: &Outcome) {
        for trace in outcome.traces.iter().filter(|trace| trace.rule == rule) {
            for one in &trace.traces {
                if let Some(clause) = one.clause {
                    self.reach(rule, if one.hit { Point::Hit(clause) } else { Point::Missed(clause) });
                }
                for node in &one.conditions {
                    self.absences(rule, node);
                }
            }
        }
        for finding in outcome.findings.iter().filter(|finding| finding.rule == rule) {
            self.reach(rule, Point::Hit(finding.clause));
        }
    }

    fn absences(&mut self, rule: RuleId, node: &WhyNode) {
        if node.value == "(not set)"
            && let Some(name) = self.reads.get(&rule).and_then(|reads| reads.get(&node.expr))
        {
            let name = name.clone();
            self.reach(rule, Point::NotSet(name));
        }
        for child in &node.children {
            self.absences(rule, child);
        }
    }

    fn reach(&mut self, rule: RuleId, point: Point) {
        if let Some(reached) = self.points.get_mut(&(rule, point)) {
            *reached = true;
        }
    }

    /// How many of the points are reached, in percent; 100 if there are none.
    pub(crate) fn percent(&self) -> f64 {
        let reached = self.points.values().filter(|reached| **reached).count();
        if self.points.is_empty() { 100.0 } else { 100.0 * reached as f64 / self.points.len() as f64 }
    }

    /// The report.
    pub(crate) fn render(&self, form: args::Coverage, compiled: &Compiled) -> String {
        match form {
            args::Coverage::Text => self.text(compiled),
            args::Coverage::Html => self.html(compiled),
            args::Coverage::Lcov => self.lcov(compiled),
        }
    }

    fn rules(&self) -> BTreeSet<RuleId> {
        self.points.keys().map(|(rule, _)| *rule).collect()
    }

    fn of_rule(&self, rule: RuleId) -> Vec<(&Point, bool)> {
        self.points
            .iter()
            .filter(|((id, _), _)| *id == rule)
            .map(|((_, point), reached)| (point, *reached))
            .collect()
    }

    fn text(&self, compiled: &Compiled) -> String {
        let mut out = String::from("coverage\n");
        for rule in self.rules() {
            let points = self.of_rule(rule);
            let reached = points.iter().filter(|(_, reached)| *reached).count();
            out.push_str(&format!("  {:>3}/{:<3} {}\n", reached, points.len(), rule_name(compiled, rule)));
            for (point, _) in points.iter().filter(|(_, reached)| !*reached) {
                out.push_str(&format!("          not reached: {}\n", words(compiled, rule, point)));
            }
        }
        out.push_str(&format!("  {:.1} % of {} points\n", self.percent(), self.points.len()));
        out
    }

    fn html(&self, compiled: &Compiled) -> String {
        let style = "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}\
                     td{padding:.2rem .6rem;vertical-align:top}.no{color:#b00020}.yes{color:#1b7f3b}";
        html! {
            (DOCTYPE)
            html lang="en" {
                head { meta charset="utf-8"; title { "kpol: what the tests reach" } style { (style) } }
                body {
                    h1 { "What the tests reach" }
                    p { (format!("{:.1} % of {} points", self.percent(), self.points.len())) }
                    @for rule in self.rules() {
                        h2 { (rule_name(compiled, rule)) }
                        table {
                            @for (point, reached) in self.of_rule(rule) {
                                tr {
                                    td class=(if reached { "yes" } else { "no" }) {
                                        (if reached { "reached" } else { "not reached" })
                                    }
                                    td { (words(compiled, rule, point)) }
                                }
                            }
                        }
                    }
                }
            }
        }
        .into_string()
    }

    /// LCOV: a line per verdict; reached lines count 1.
    fn lcov(&self, compiled: &Compiled) -> String {
        let mut lines: BTreeMap<&str, BTreeMap<usize, bool>> = BTreeMap::new();
        for ((rule, point), reached) in &self.points {
            let (Point::Hit(clause) | Point::Missed(clause)) = point else { continue };
            let debug = compiled.debug.rules.get(rule.index());
            let Some(span) = debug.and_then(|debug| debug.clauses.get(clause.index())) else { continue };
            let Some(source) = compiled.sources.get(span.file.0 as usize) else { continue };
            let (line, _) = kpol_manifest::line_col(&source.text, span.start as usize);
            let entry = lines.entry(source.name.as_str()).or_default().entry(line).or_insert(true);
            *entry &= *reached;
        }
        let mut out = String::new();
        for (file, lines) in lines {
            out.push_str(&format!("SF:{file}\n"));
            for (line, reached) in &lines {
                out.push_str(&format!("DA:{line},{}\n", u8::from(*reached)));
            }
            let hit = lines.values().filter(|reached| **reached).count();
            out.push_str(&format!("LF:{}\nLH:{hit}\nend_of_record\n", lines.len()));
        }
        out
    }
}

fn rule_name(compiled: &Compiled, rule: RuleId) -> &str {
    let module = compiled.module.as_ref();
    module.and_then(|module| module.rules.get(rule.index())).map_or("?", |rule| rule.name.as_str())
}

fn words(compiled: &Compiled, rule: RuleId, point: &Point) -> String {
    let line = |clause: &ClauseId| {
        let debug = compiled.debug.rules.get(rule.index())?;
        let span = debug.messages.get(clause.index())?;
        compiled.sources.get(span.file.0 as usize)?.text.get(span.range())
    };
    match point {
        Point::Hit(clause) => format!("an object with {}", line(clause).unwrap_or("this verdict")),
        Point::Missed(clause) => format!("an object without {}", line(clause).unwrap_or("this verdict")),
        Point::NotSet(field) => format!("an object in which {field} is not set"),
    }
}
