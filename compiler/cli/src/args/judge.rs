//! The commands that judge manifests: `eval` and `audit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{CompileArgs, Minor, OutputArgs};

/// By what manifests are judged.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct JudgeArgs {
    /// Policies: files, directories or names of library packages
    #[arg(short, long = "policy", value_name = "POLICY", value_hint = ValueHint::AnyPath)]
    pub(crate) policies: Vec<String>,
    /// Manifests that are in the cluster already: read by rules, not judged
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) cluster: Vec<String>,
    /// A CustomResourceDefinition whose kind the manifests may have
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) crd: Vec<PathBuf>,
    /// Pass over objects of kinds that are not known
    #[arg(long)]
    pub(crate) skip_unknown_kinds: bool,
    /// The version of Kubernetes: 1.29; the newest that is known if not given
    #[arg(long, value_name = "VERSION")]
    pub(crate) kubernetes: Option<Minor>,
    /// The value of a param
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<String>,
    /// The mode of rules without a bind: kpol.toml's, or deny
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) mode: Option<Mode>,
    /// The most bytes of one manifest file
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub(crate) max_bytes: usize,
}

/// Evaluate policies on manifests: which rule is broken, where and why
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  kpolc eval -p std.pss.restricted deploy/\n  helm template . | kpolc eval -p policies -p std.pss -\n  kpolc eval policies -i review.json --why"
)]
pub(crate) struct EvalArgs {
    /// With -p: manifests (files, directories or `-`); without: one policy, with the manifests given by -i
    #[arg(value_name = "MANIFEST", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
    /// A manifest, a directory of them, an AdmissionReview, or `-`
    #[arg(short, long = "input", value_name = "MANIFEST", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<String>,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    /// Print why: the conditions with their values
    #[arg(long)]
    pub(crate) why: bool,
    /// Print what the mutations make of the objects instead of judging them
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "objects")]
    pub(crate) mutate: Option<MutateOutput>,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The mode of rules without a bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    Dryrun,
    Warn,
    Deny,
}

impl From<Mode> for kpol_vm::ir::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Dryrun => kpol_vm::ir::Mode::Dryrun,
            Mode::Warn => kpol_vm::ir::Mode::Warn,
            Mode::Deny => kpol_vm::ir::Mode::Deny,
        }
    }
}

/// What `eval --mutate` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MutateOutput {
    /// The objects after the mutations
    Objects,
    /// JSON Patch
    Patch,
}

/// Write a compliance report of manifests: by control, namespace and rule
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Without -p, objects are judged by the library's CIS, NSA/CISA and PSS packages.\n\nExamples:\n  kpolc audit deploy/\n  kpolc audit -p policies deploy/ --format html -o report.html\n  kpolc audit deploy/ --previous last.json --summary last.json\n  kubectl get pods,roles -A -o json | kpolc audit - --format html -o prod.html"
)]
pub(crate) struct AuditArgs {
    /// Manifests: files, directories or `-`
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    /// The form of the report
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub(crate) format: AuditFormat,
    /// The file that is written, in place of standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// What the report calls what was audited; the paths if not given
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub(crate) title: Option<String>,
    /// The summary of the last run, for the trend; a file that is not there yet is passed over
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) previous: Option<PathBuf>,
    /// Write the summary of this run, for the next one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) summary: Option<PathBuf>,
    /// The most findings of one rule that are listed; all are counted
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, help_heading = "Output")]
    pub(crate) max_findings: usize,
    /// Exit with 0 where the answer is no: for jobs that only report
    #[arg(long, help_heading = "Output")]
    pub(crate) exit_zero: bool,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
}

/// The form of an audit's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// Tables, for people
    Text,
    /// One page that needs nothing else, for auditors
    Html,
    /// One object with everything
    Json,
    /// One finding on each line, and the totals on the last
    Jsonl,
    /// A List of PolicyReports (wgpolicyk8s.io/v1alpha2)
    PolicyReport,
    /// A List of Reports (openreports.io/v1alpha1)
    OpenReports,
}
