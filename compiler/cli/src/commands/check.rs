//! `kpolc check`: everything that can be said about policies without running them.

use crate::{
    CliError, Exit, Io,
    args::{CheckArgs, Global},
    load::{LoadOptions, load},
    render,
    report::{Report, count},
};

pub(crate) fn run(args: &CheckArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let options = LoadOptions { kubernetes: args.kubernetes, ..LoadOptions::of(&args.compile) };
    let loaded = load(&args.paths, &options, io)?;
    let mut report = Report::of("check", &loaded.compiled);
    let counts = report.counts();
    let rules = loaded.rules();
    report.summary = format!(
        "checked {} in {}: {}, {}",
        count(rules, "rule"),
        count(loaded.entries(), "file"),
        count(counts.errors, "error"),
        count(counts.warnings, "warning"),
    );
    render::write(&report, args.output.format, global, io)?;
    Ok(report.exit(args.compile.deny_warnings).zero_if(args.output.exit_zero))
}
