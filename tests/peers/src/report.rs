//! The tables as Markdown, and their place in docs/performance.md.

use std::fmt::Write as _;

use kpol_tests::reviews::Size;

use crate::{
    contestant::Id,
    growth::{Growth, LOADED},
    load::Load,
    machine,
    targets::{self, Target},
    timing::Times,
};

const BEGIN: &str = "<!-- written by tests/peers: begin -->";
const END: &str = "<!-- written by tests/peers: end -->";

/// Who took part, and their times by [`Size::ALL`].
pub(crate) struct Workload {
    pub(crate) ids: Vec<Id>,
    /// Bytes of the reviews.
    pub(crate) bytes: Vec<usize>,
    pub(crate) times: Vec<Vec<Times>>,
}

impl Workload {
    /// The median of a contestant at a size.
    pub(crate) fn median(&self, id: Id, size: usize) -> Option<f64> {
        let at = self.ids.iter().position(|other| *other == id)?;
        Some(self.times.get(size)?.get(at)?.median)
    }
}

/// All that one run measured.
pub(crate) struct Run {
    pub(crate) nine: Workload,
    pub(crate) restricted: Workload,
    pub(crate) growth: Growth,
    pub(crate) loads: Vec<Load>,
}

impl Run {
    /// The generated part of the page.
    pub(crate) fn markdown(&self) -> String {
        let mut page = format!("{}\n\n### Targets\n\n", machine::description());
        page.push_str(&of_targets(&targets::all(self)));
        page.push_str("\n### The nine policies: bytes in, decision out\n\n");
        page.push_str(&of_workload(&self.nine));
        page.push_str("\n### The restricted Pod Security Standard: bytes in, decision out\n\n");
        page.push_str(&of_workload(&self.restricted));
        page.push_str("\n### More rules: the 8.8 KB review\n\n");
        page.push_str(&of_growth(&self.growth));
        page.push_str("\n### Loading\n\n");
        page.push_str(&of_loads(&self.loads));
        page
    }
}

/// Puts the tables between the page's marks.
pub(crate) fn replace(page: &str, tables: &str) -> Result<String, String> {
    let (head, rest) = page.split_once(BEGIN).ok_or_else(|| format!("no {BEGIN}"))?;
    let (_, tail) = rest.split_once(END).ok_or_else(|| format!("no {END}"))?;
    Ok(format!("{head}{BEGIN}\n\n{tables}\n{END}{tail}"))
}

fn of_workload(workload: &Workload) -> String {
    let mut table = String::from("| µs per review: median (min–p90), and × kpol |");
    for (size, bytes) in Size::ALL.iter().zip(&workload.bytes) {
        let _ = write!(table, " {} ({} bytes) | |", size.name(), grouped(*bytes));
    }
    table.push_str("\n| --- |");
    table.push_str(&" ---: | ---: |".repeat(workload.bytes.len()));
    table.push('\n');
    for (row, id) in workload.ids.iter().enumerate() {
        let _ = write!(table, "| {} |", id.name());
        for (size, times) in workload.times.iter().enumerate() {
            let Some(time) = times.get(row) else { continue };
            let base = workload.median(Id::KpolJit, size).unwrap_or(f64::NAN);
            let _ = write!(table, " {} | {} |", cell(time), number(time.median / base));
        }
        table.push('\n');
    }
    table
}

fn of_growth(growth: &Growth) -> String {
    let mut table = String::from(
        "| rules loaded | on other kinds: µs | on Pods: µs | each added: ns | on Pods, always run: µs | each added: ns |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut before: Option<(usize, f64, f64)> = None;
    let curves = LOADED.iter().zip(&growth.other_kinds).zip(&growth.pods).zip(&growth.pods_always);
    for (((loaded, other), pods), always) in curves {
        let slope = |was: fn((usize, f64, f64)) -> f64, now: f64| {
            let slope = |before: (usize, f64, f64)| targets::slope((before.0, was(before)), (*loaded, now));
            before.map_or(String::new(), |before| number(slope(before)))
        };
        let (of_pods, of_always) = (slope(|b| b.1, pods.median), slope(|b| b.2, always.median));
        before = Some((*loaded, pods.median, always.median));
        let _ = writeln!(
            table,
            "| {} | {} | {} | {of_pods} | {} | {of_always} |",
            grouped(*loaded),
            cell(other),
            cell(pods),
            cell(always)
        );
    }
    table
}

fn of_loads(loads: &[Load]) -> String {
    let mut table = String::from(
        "| bundle | rules | bytes | open and verify: ms | with machine code: ms | memory grows by: MB | peak of the process: MB |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for load in loads {
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {} |",
            load.what,
            load.rules,
            grouped(load.bytes),
            number(load.open.median / 1e3),
            number(load.whole.median / 1e3),
            number(load.grown.median / 1024.0),
            number(load.peak.median / 1024.0),
        );
    }
    table
}

fn of_targets(targets: &[Target]) -> String {
    let mut table = String::from("| target | measured | holds |\n| --- | ---: | --- |\n");
    for Target { what, measured, holds } in targets {
        let holds = match holds {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let _ = writeln!(table, "| {what} | {measured} | {holds} |");
    }
    table
}

fn cell(times: &Times) -> String {
    format!("{} ({}–{})", number(times.median), number(times.min), number(times.p90))
}

/// Three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size.is_nan() => "-".into(),
        size if size < 0.0995 => format!("{value:.3}"),
        size if size < 9.95 => format!("{value:.2}"),
        size if size < 99.5 => format!("{value:.1}"),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "microseconds and ratios are small"
        )]
        _ => grouped(value.round() as usize),
    }
}

fn grouped(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count() {
        assert_eq!([0.072, 1.534, 12.34, 1_094.4].map(number), ["0.072", "1.53", "12.3", "1,094"]);
    }

    #[test]
    fn only_what_stands_between_the_marks_is_written() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nz\n");
        assert_eq!(replace(&page, "new\n"), Ok(format!("a\n{BEGIN}\n\nnew\n\n{END}\nz\n")));
        assert!(replace("a", "new").is_err());
    }
}
