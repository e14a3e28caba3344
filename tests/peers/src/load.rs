//! What loading a bundle takes, each time in a process of its own: this program starts itself with [`CHILD`].
//!
//! ```text
//!   bundle on disk ──read──▶ bytes ──open, verify──▶ module ──Evaluator::new──▶ machine code
//!                      VmRSS ▲        └────────── the time ──────────────┘      ▲ VmRSS
//! ```

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use kpol_vm::{evaluate::Engine, ir::Module};

use crate::{
    growth::{self, On},
    kpol::{self, Kpol},
    timing::{Times, micros, now},
};

/// The argument that makes this program load a bundle, say what it took, and end.
pub(crate) const CHILD: &str = "--load";
/// How many processes load each bundle.
const TIMES: usize = 11;

/// What loading one bundle took.
pub(crate) struct Load {
    pub(crate) what: &'static str,
    pub(crate) rules: usize,
    pub(crate) bytes: usize,
    /// Microseconds: opening and verifying.
    pub(crate) open: Times,
    /// Microseconds: opening, verifying and compiling.
    pub(crate) whole: Times,
    /// KiB that the process had more afterwards.
    pub(crate) grown: Times,
    /// KiB that the process had at most.
    pub(crate) peak: Times,
}

impl Load {
    pub(crate) fn all() -> Result<Vec<Load>, String> {
        let five_hundred = growth::module(On::Pods, 500)?;
        Ok(vec![
            Load::of("the nine policies", &kpol::package("std.workload")?)?,
            Load::of("the nine and 491 on Pods", &five_hundred)?,
        ])
    }

    fn of(what: &'static str, module: &Module) -> Result<Load, String> {
        let bytes = kpol::bundle(module)?;
        let file = TempFile::new(&bytes)?;
        let [mut open, mut whole, mut grown, mut peak] = [const { Vec::new() }; 4];
        for _ in 0..TIMES {
            let numbers = start(&file.0)?;
            let [o, w, g, p] = *numbers.as_slice() else {
                return Err(format!("a child said {numbers:?}"));
            };
            open.push(o);
            whole.push(w);
            grown.push(g);
            peak.push(p);
        }
        let [open, whole, grown, peak] = [open, whole, grown, peak].map(Times::of);
        Ok(Load { what, rules: module.rules.len(), bytes: bytes.len(), open, whole, grown, peak })
    }
}

/// Starts a child on a bundle and reads its numbers.
fn start(bundle: &Path) -> Result<Vec<f64>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).arg(CHILD).arg(bundle).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("a child failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    text.split_whitespace().map(|word| word.parse().map_err(|_| format!("a child said {text}"))).collect()
}

/// The child: loads, and prints opening and whole in µs, growth and peak in KiB.
pub(crate) fn child(bundle: &Path) -> Result<(), String> {
    let before = memory("VmRSS")?;
    let bytes = std::fs::read(bundle).map_err(|error| error.to_string())?;
    let begin = now();
    let module = kpol::open(&bytes)?;
    let opened = now().saturating_sub(begin);
    let kpol = Kpol::new(module, Engine::Jit)?;
    let whole = now().saturating_sub(begin);
    drop(bytes);
    let after = memory("VmRSS")?;
    println!("{} {} {} {}", micros(opened), micros(whole), after - before, memory("VmHWM")?);
    drop(kpol);
    Ok(())
}

/// A line of /proc/self/status, in KiB.
fn memory(name: &str) -> Result<f64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.ok_or_else(|| format!("no {name}"))
}

/// A file that goes with its owner.
struct TempFile(PathBuf);

impl TempFile {
    fn new(bytes: &[u8]) -> Result<TempFile, String> {
        let path = std::env::temp_dir().join(format!("kpol-peers-{}.kpolb", std::process::id()));
        std::fs::write(&path, bytes).map_err(|error| error.to_string())?;
        Ok(TempFile(path))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
