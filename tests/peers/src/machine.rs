//! On what it was measured: processor, compiler, versions, day.

use std::process::Command;

/// The crates whose versions the tables name.
const CRATES: [&str; 6] = ["cel", "cranelift-jit", "regorus", "serde_json", "simd-json", "sonic-rs"];

/// One paragraph.
pub(crate) fn description() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1)).map(str::trim);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc =
        rustc.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let versions: Vec<String> =
        CRATES.iter().filter_map(|name| Some(format!("{name} {}", version(name)?))).collect();
    format!(
        "Measured on {} on one core of {cores} of an {}, by {}, with {}.",
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
        cpu.unwrap_or("unknown processor"),
        rustc.trim(),
        versions.join(", "),
    )
}

/// The version in the lock file.
fn version(name: &str) -> Option<&'static str> {
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| line.strip_prefix("name = ") == Some(&format!("\"{name}\"")))?;
    Some(lines.next()?.strip_prefix("version = ")?.trim_matches('"'))
}
