//! The clock: contestants take turns, so that what disturbs the machine disturbs all of them. It counts the processor time of
//! this thread: on an idle machine that is the time that passes, on a busy one it leaves out who else had the core.
//!
//! ```text
//!   round 1   a a a a │ b b │ c        a sample is as many calls as take 200 µs at least
//!   round 2   a a a a │ b b │ c        median over the rounds
//!   …
//! ```

use std::{hint::black_box, time::Duration};

use rustix::time::{ClockId, clock_gettime};

use crate::contestant::Contestant;

/// How long a sample is at least.
const SAMPLE: Duration = Duration::from_micros(200);
/// How long a contestant runs before it counts.
const WARM_UP: Duration = Duration::from_millis(30);

/// Microseconds per call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) p90: f64,
}

impl Times {
    pub(crate) fn of(mut samples: Vec<f64>) -> Times {
        samples.sort_by(f64::total_cmp);
        let at = |numerator: usize, denominator: usize| {
            samples
                .get((samples.len().saturating_sub(1)) * numerator / denominator)
                .copied()
                .unwrap_or(f64::NAN)
        };
        Times { min: at(0, 1), median: at(1, 2), p90: at(9, 10) }
    }
}

/// Times every contestant on `body`, in turns. All of them have to decide it; which way, [`Contestant::check`] has shown.
pub(crate) fn measure(
    contestants: &mut [Contestant],
    body: &[u8],
    rounds: usize,
) -> Result<Vec<Times>, String> {
    let mut calls = Vec::with_capacity(contestants.len());
    for contestant in contestants.iter_mut() {
        contestant.judge.given(body)?;
        calls.push(calibrate(contestant, body)?);
    }
    let mut samples = vec![Vec::with_capacity(rounds); contestants.len()];
    for _ in 0..rounds {
        for ((contestant, calls), samples) in contestants.iter_mut().zip(&calls).zip(&mut samples) {
            samples.push(micros(run(contestant, body, *calls)?) / f64::from(*calls));
        }
    }
    Ok(samples.into_iter().map(Times::of).collect())
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The processor time of this thread.
pub(crate) fn now() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// Calls per sample.
fn calibrate(contestant: &mut Contestant, body: &[u8]) -> Result<u32, String> {
    let begin = now();
    let mut calls = 1;
    loop {
        let time = run(contestant, body, calls)?;
        if time < SAMPLE {
            calls *= 2;
        } else if now().saturating_sub(begin) >= WARM_UP {
            return Ok(calls);
        }
    }
}

fn run(contestant: &mut Contestant, body: &[u8], calls: u32) -> Result<Duration, String> {
    let begin = now();
    for _ in 0..calls {
        let decision = contestant.judge.decide(black_box(body));
        black_box(decision.map_err(|error| format!("{}: {error}", contestant.id.name()))?);
    }
    Ok(now().saturating_sub(begin))
}
