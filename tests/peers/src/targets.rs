//! What the benchmarks have to show, and whether they do.

use kpol_tests::reviews::Size;

use crate::{
    contestant::Id,
    growth::LOADED,
    report::{Run, Workload, number},
};

/// A line of the table; `None`: nothing was measured for it.
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) holds: Option<bool>,
}

/// The limit, and on which side of it is good.
#[derive(Clone, Copy)]
enum Limit {
    Most(f64),
    Least(f64),
}

/// All targets, in the order of the page.
pub(crate) fn all(run: &Run) -> Vec<Target> {
    let nine = &run.nine;
    let mut targets = Vec::new();
    let mut per_size = |what: &str, over, under, limit| {
        for (at, size) in Size::ALL.iter().enumerate() {
            targets.push(target(
                format!("{what}, {}", size.name()),
                ratio(nine, over, under, at),
                " ×",
                limit,
            ));
        }
    };
    let (kpol, stream) = (Id::KpolJit, Id::HandStream);
    per_size("at most 1 × the hand-written serde_json visitor", kpol, stream, Limit::Most(1.0));
    per_size(
        "aim: at most 2 × the AVX2 scanner that validates nothing",
        kpol,
        Id::HandScan,
        Limit::Most(2.0),
    );
    per_size(
        "evaluation alone: at most 3 × typed structs",
        Id::KpolJitAlone,
        Id::HandTypedAlone,
        Limit::Most(3.0),
    );
    per_size(
        "regorus on gatekeeper-library: at least 150 × kpol",
        Id::RegoQuantities,
        kpol,
        Limit::Least(150.0),
    );
    per_size("the same, where resources need only be there", Id::RegoTemplates, kpol, Limit::Least(150.0));
    per_size("cel, the faster way: at least 50 × kpol", Id::CelBorrowed, kpol, Limit::Least(50.0));
    per_size("cel, over `serde_json::Value`: at least 50 × kpol", Id::CelValue, kpol, Limit::Least(50.0));
    growth(run, &mut targets);
    loads(run, &mut targets);
    targets
}

fn target(what: String, measured: Option<f64>, unit: &str, limit: Limit) -> Target {
    let holds = measured.map(|measured| match limit {
        Limit::Most(most) => measured <= most,
        Limit::Least(least) => measured >= least,
    });
    let measured = measured.map_or_else(|| "-".to_owned(), |value| format!("{}{unit}", number(value)));
    Target { what, measured, holds }
}

fn ratio(workload: &Workload, over: Id, under: Id, size: usize) -> Option<f64> {
    Some(workload.median(over, size)? / workload.median(under, size)?)
}

fn growth(run: &Run, targets: &mut Vec<Target>) {
    let [ten, _, thousand, _] = *run.growth.other_kinds.as_slice() else { return };
    let share = (thousand.median / ten.median - 1.0) * 100.0;
    targets.push(target(
        "1,000 rules on other kinds add at most 10 %".into(),
        Some(share),
        " %",
        Limit::Most(10.0),
    ));
    for (curve, what) in
        [(&run.growth.pods, "on Pods"), (&run.growth.pods_always, "on Pods that is always run")]
    {
        let points: Vec<(usize, f64)> =
            LOADED.iter().copied().zip(curve.iter().map(|times| times.median)).collect();
        for pair in points.windows(2) {
            let [before, after] = *pair else { continue };
            targets.push(target(
                format!("each added rule {what}, {} to {}: at most 50 ns", before.0, after.0),
                Some(slope(before, after)),
                " ns",
                Limit::Most(50.0),
            ));
        }
        if let [.., before, after] = *points {
            targets.push(target(
                format!("ten times the rules, 1,000 to 10,000, each {what}: at most ten times the cost"),
                Some(after.1 / before.1),
                " ×",
                Limit::Most(10.0),
            ));
        }
    }
}

/// Nanoseconds per added rule.
#[expect(clippy::cast_precision_loss, reason = "ten thousand rules")]
pub(crate) fn slope(before: (usize, f64), after: (usize, f64)) -> f64 {
    (after.1 - before.1) * 1e3 / (after.0 - before.0) as f64
}

fn loads(run: &Run, targets: &mut Vec<Target>) {
    let [nine, five_hundred] = run.loads.as_slice() else { return };
    let ms = |micros: f64| Some(micros / 1e3);
    targets.push(target(
        "500 rules load, verify and compile in at most 1,000 ms".into(),
        ms(five_hundred.whole.median),
        " ms",
        Limit::Most(1_000.0),
    ));
    targets.push(target(
        "500 rules take at most 64 MB resident, the whole process at its peak".into(),
        Some(five_hundred.peak.median / 1024.0),
        " MB",
        Limit::Most(64.0),
    ));
    targets.push(target(
        "a bundle of the nine policies loads in at most 50 ms".into(),
        ms(nine.whole.median),
        " ms",
        Limit::Most(50.0),
    ));
}
