//! A report as tables, for a terminal.

use std::cmp::Reverse;

use kpol_admission::report::{
    Change, ControlRow, Effect, Framework, Report, SEVERITIES, Status, severity_word,
};
use unicode_width::UnicodeWidthStr;

use crate::render::{self, Paint, Role};

/// The most namespaces that are listed, the worst ones.
const MAX_NAMESPACES: usize = 20;
/// The most columns of a control's title.
const MAX_TITLE: usize = 60;

pub(super) fn tables(report: &Report, paint: Paint) -> String {
    let controls = report.controls();
    // Techniques are not met or missed; the line of their framework says enough.
    let is_shown = |row: &&ControlRow<'_>| {
        matches!(row.status, Status::Fail | Status::Excepted) && row.control.framework != Framework::Mitre
    };
    let failing: Vec<&ControlRow<'_>> = controls.iter().filter(is_shown).collect();
    let parts = [
        head(report, paint),
        frameworks(&controls, paint),
        self::controls(report, &failing, paint),
        namespaces(report, paint),
        rules(report, paint),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn head(report: &Report, paint: Paint) -> String {
    let counts = report.counts();
    let effects = Effect::ALL.iter().filter(|effect| counts.with(**effect) > 0);
    let effects: Vec<String> =
        effects.map(|effect| format!("{} {}", counts.with(*effect), effect.word())).collect();
    let effects = if effects.is_empty() { String::new() } else { format!(" ({})", effects.join(", ")) };
    let since = report.previous.as_ref().map(|previous| {
        let now = SEVERITIES.into_iter();
        let changes = now.filter_map(|severity| {
            let (now, before) = (report.severities().with(severity), previous.severities.with(severity));
            let change = Change::since(Some(before), now).filter(|_| now != before)?;
            Some(format!("{} {change}", severity_word(severity)))
        });
        let changes: Vec<String> = changes.collect();
        let changes = if changes.is_empty() { "nothing has changed".to_owned() } else { changes.join(", ") };
        let day = previous.ended.strftime("%Y-%m-%d %H:%M UTC");
        format!("Since {day}: {changes}\n")
    });
    let title = safe(&report.about.subject);
    format!(
        "{}\n{}{effects}{}; {} of {} objects have none\n{}",
        paint.on(Role::Strong, title),
        violations(counts.violations()),
        report.change().map(|change| format!(", {}", change.words())).unwrap_or_default(),
        report.clean(),
        report.objects(),
        since.unwrap_or_default(),
    )
}

fn frameworks(controls: &[ControlRow<'_>], paint: Paint) -> String {
    let header = ["CONTROLS"].into_iter().chain(Status::ALL.map(Status::word));
    let mut grid = Grid::new(header, 1);
    for framework in Framework::ALL {
        let of = || controls.iter().filter(|row| row.control.framework == framework);
        if of().next().is_some() {
            let numbers = Status::ALL.map(|status| of().filter(|row| row.status == status).count() as u64);
            grid.row([framework.title()], numbers.map(number));
        }
    }
    grid.text(paint)
}

fn controls(report: &Report, failing: &[&ControlRow<'_>], paint: Paint) -> String {
    let mut grid = Grid::new(["NOT MET", "", "violations", "trend", "excepted"], 2);
    for row in failing {
        let before = report.previous.as_ref().and_then(|previous| previous.control(&row.control.id));
        let violations = row.counts.violations();
        grid.row(
            [row.control.label(), shortened(&row.control.title)],
            [
                number(violations),
                trend(before, violations),
                part(report, Effect::Excepted, row.counts.excepted),
            ],
        );
    }
    grid.text(paint)
}

fn namespaces(report: &Report, paint: Paint) -> String {
    let severities = SEVERITIES.map(severity_word);
    let header = ["NAMESPACE", "objects"].into_iter().chain(severities).chain(["violations", "trend"]);
    let mut grid = Grid::new(header, 1);
    let mut rows: Vec<_> = report.namespaces().collect();
    rows.sort_by_key(|(_, row)| Reverse(SEVERITIES.map(|severity| row.severities.with(severity))));
    let more = rows.len().saturating_sub(MAX_NAMESPACES);
    for (name, row) in rows.into_iter().take(MAX_NAMESPACES) {
        let violations = row.counts.violations();
        let before = report.previous.as_ref().and_then(|previous| previous.namespace(name));
        let name = if name.is_empty() { "(no namespace)".to_owned() } else { safe(name) };
        let numbers = SEVERITIES.map(|severity| number(row.severities.with(severity)));
        let rest = [number(violations), trend(before, violations)];
        grid.row([name], [number(row.objects)].into_iter().chain(numbers).chain(rest));
    }
    let mut text = grid.text(paint);
    if more > 0 {
        text += &format!("{more} more with fewer violations\n");
    }
    text
}

fn rules(report: &Report, paint: Paint) -> String {
    let header = ["RULE", "severity", "objects", "violating"].into_iter();
    let mut grid = Grid::new(header.chain(Effect::ALL.map(Effect::word)).chain(["trend"]), 2);
    let mut rows: Vec<_> = report.rules().filter(|row| row.counts.total() > 0).collect();
    rows.sort_by_key(|row| (Reverse(row.rule.severity), Reverse(row.counts.violations())));
    for row in rows {
        let violations = row.counts.violations();
        let before = report.previous.as_ref().and_then(|previous| previous.rule(&row.rule.name));
        let effects = Effect::ALL.map(|effect| part(report, effect, row.counts.with(effect)));
        let numbers = [number(row.objects), number(row.broken)].into_iter().chain(effects);
        let severity = severity_word(row.rule.severity).to_owned();
        grid.row([row.rule.name.clone(), severity], numbers.chain([trend(before, violations)]));
    }
    grid.text(paint)
}

fn violations(n: u64) -> String {
    if n == 1 { "1 violation".to_owned() } else { format!("{n} violations") }
}

fn number(n: u64) -> String {
    n.to_string()
}

/// A number of findings with an effect; nothing, and so no column, if no finding has it.
fn part(report: &Report, effect: Effect, n: u64) -> String {
    if report.counts().with(effect) > 0 { number(n) } else { String::new() }
}

fn trend(before: Option<u64>, now: u64) -> String {
    Change::since(before, now).map(|change| change.to_string()).unwrap_or_default()
}

/// On one line, and nothing that a terminal obeys.
fn safe(text: &str) -> String {
    render::safe_lines(text).replace(['\n', '\t'], " ")
}

fn shortened(title: &str) -> String {
    match title.char_indices().nth(MAX_TITLE) {
        Some((end, _)) => format!("{}…", title.get(..end).unwrap_or_default().trim_end()),
        None => title.to_owned(),
    }
}

/// Columns of text, then columns of numbers, under a header. Columns without anything are left out.
struct Grid {
    rows: Vec<Vec<String>>,
    /// How many columns are text.
    texts: usize,
}

impl Grid {
    fn new<'h>(header: impl IntoIterator<Item = &'h str>, texts: usize) -> Grid {
        Grid { rows: vec![header.into_iter().map(str::to_owned).collect()], texts }
    }

    fn row(&mut self, texts: impl IntoIterator<Item = String>, numbers: impl IntoIterator<Item = String>) {
        self.rows.push(texts.into_iter().chain(numbers).collect());
    }

    fn text(&self, paint: Paint) -> String {
        let Some((header, rows)) = self.rows.split_first().filter(|(_, rows)| !rows.is_empty()) else {
            return String::new();
        };
        let columns: Vec<(usize, usize)> = (0..header.len())
            .filter(|at| {
                *at < self.texts || rows.iter().any(|row| row.get(*at).is_some_and(|cell| !cell.is_empty()))
            })
            .map(|at| {
                (
                    at,
                    self.rows
                        .iter()
                        .filter_map(|row| row.get(at))
                        .map(|cell| cell.width())
                        .max()
                        .unwrap_or(0),
                )
            })
            .collect();
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (at, width) in &columns {
                let cell = row.get(*at).map(String::as_str).unwrap_or_default();
                let pad = " ".repeat(width.saturating_sub(cell.width()));
                line += &if *at < self.texts { format!("{cell}{pad}  ") } else { format!("{pad}{cell}  ") };
            }
            line.trim_end().to_owned()
        };
        let head = paint.on(Role::Strong, line(header));
        let body: String = rows.iter().map(|row| line(row) + "\n").collect();
        format!("{head}\n{body}")
    }
}
