//! `kpol-webhook`: not built yet. It says so and fails, so that nobody deploys it by mistake.

fn main() -> std::process::ExitCode {
    eprintln!("kpol-webhook is not built yet; see CHANGELOG.md for what works today");
    std::process::ExitCode::from(2)
}
