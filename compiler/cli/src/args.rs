//! The command line, for clap. What a flag means is said here once: help, completions and man pages come from it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use jiff::civil::Date;

pub(crate) use crate::version::{Minor, MinorRange};

/// Check, test and evaluate kpol policies.
#[derive(Clone, Debug, Parser)]
#[command(name = "kpolc", version, propagate_version = false, term_width = 100)]
#[command(after_help = "Exit codes: 0 clean or allowed, 1 the answer is no, 2 kpolc could not do its job.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// When to use colors; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN")]
    pub(crate) color: Color,
    /// Say nothing but the results: no summary, no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// With the text and marks below it
    #[default]
    Human,
    /// One line each: `file:line:col: error[E0101]: message`
    Short,
    /// One object; `kpolc schema diagnostics` prints its schema
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations and a job summary for GitHub Actions
    Github,
    /// JUnit XML
    Junit,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    New(NewArgs),
    Check(CheckArgs),
    Fmt(FmtArgs),
    Test(TestArgs),
    Eval(EvalArgs),
    Build(BuildArgs),
    Inspect(InspectArgs),
    Sign(SignArgs),
    Verify(VerifyArgs),
    Explain(ExplainArgs),
    Doc(DocArgs),
    Schema(SchemaArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// How a report leaves.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The format of the results; `human`, or `github` in GitHub Actions
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Exit with 0 where the answer is no: for jobs that only report
    #[arg(long)]
    pub(crate) exit_zero: bool,
}

/// How policies are compiled.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Checks")]
pub(crate) struct CompileArgs {
    /// The day for exceptions that end, in place of today's date: 2026-11-23
    #[arg(long, value_name = "DAY")]
    pub(crate) today: Option<Date>,
    /// Make W0203, a missing value that lets an object pass, an error
    #[arg(long)]
    pub(crate) strict: bool,
    /// Fail if there are warnings
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    /// Warn of a code that kpol.toml allows
    #[arg(short = 'W', long, value_name = "CODE")]
    pub(crate) warn: Vec<String>,
    /// Say nothing of a code that is not an error
    #[arg(short = 'A', long, value_name = "CODE")]
    pub(crate) allow: Vec<String>,
}

/// Make a project: kpol.toml, one rule with its test, a CI file
#[derive(Clone, Debug, Args)]
pub(crate) struct NewArgs {
    /// The directory
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Write into a directory that is not empty; files that exist are replaced
    #[arg(long)]
    pub(crate) force: bool,
}

/// Check policies: syntax, types, lints, absence, cost, exceptions
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files, directories, names of library packages (`std.pss`) or `-`; the current directory if there is none
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
    /// The versions of Kubernetes that the policies are for: 1.31..1.36, or one
    #[arg(long, value_name = "RANGE")]
    pub(crate) kubernetes: Option<MinorRange>,
    /// Apply the changes that are safe to make by machine
    #[arg(long)]
    pub(crate) fix: bool,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Format policies, in the one style
#[derive(Clone, Debug, Args)]
pub(crate) struct FmtArgs {
    /// Files, directories or `-` (from stdin to stdout); the current directory if there is none
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
    /// Change nothing; exit with 1 if a file would change
    #[arg(long)]
    pub(crate) check: bool,
    /// Change nothing; print what would change
    #[arg(long)]
    pub(crate) diff: bool,
}

/// Run the tests that policies hold
#[derive(Clone, Debug, Args)]
pub(crate) struct TestArgs {
    /// Files, directories or names of library packages; the current directory if there is none
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
    /// Only tests whose rule or name contains this
    #[arg(short = 'k', long = "filter", value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Report which clauses and absent fields the tests reach
    #[arg(long, value_enum, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub(crate) coverage: Option<Coverage>,
    /// The least coverage in percent; less fails
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) threshold: Option<u8>,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The form of a coverage report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Coverage {
    Text,
    Html,
    Lcov,
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
    /// Policies: files, directories or names of library packages
    #[arg(short, long = "policy", value_name = "POLICY", value_hint = ValueHint::AnyPath)]
    pub(crate) policies: Vec<String>,
    /// A manifest, a directory of them, an AdmissionReview, or `-`
    #[arg(short, long = "input", value_name = "MANIFEST", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<String>,
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
    /// Print why: the conditions with their values
    #[arg(long)]
    pub(crate) why: bool,
    /// Print what the mutations make of the objects instead of judging them
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "objects")]
    pub(crate) mutate: Option<MutateOutput>,
    /// The most bytes of one manifest file
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    pub(crate) max_bytes: usize,
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

/// Build a bundle: checked policies in one file, for hosts to load
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  kpolc build policies -o policies.kpolb\n  kpolc build std.pss.restricted -o pss.kpolb\n  kpolc build policies --emit ir\n  kpolc build policies --emit webhook-config | kubectl apply -f -"
)]
pub(crate) struct BuildArgs {
    /// Files, directories or names of library packages; the current directory if there is none
    #[arg(value_name = "POLICY", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
    /// The file that is written; all but bundles go to stdout if it is not given
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// What is written
    #[arg(long, value_enum, value_name = "WHAT", default_value = "bundle")]
    pub(crate) emit: Emit,
    /// The versions of Kubernetes that the policies are for: 1.31..1.36, or one
    #[arg(long, value_name = "RANGE")]
    pub(crate) kubernetes: Option<MinorRange>,
    /// The name of the PolicyBundle of `--emit policy-bundle`
    #[arg(long, value_name = "NAME", default_value = "kpol")]
    pub(crate) policy_bundle_name: String,
    #[command(flatten)]
    pub(crate) webhook: WebhookArgs,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
}

/// What a webhook configuration says besides its rules.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options for --emit webhook-config")]
pub(crate) struct WebhookArgs {
    /// The name of the configurations
    #[arg(long = "configuration-name", value_name = "NAME", default_value = "kpol")]
    pub(crate) name: String,
    /// The Service of the webhook
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "kpol-system/kpol-webhook")]
    pub(crate) service: String,
    /// The port of the Service
    #[arg(long, value_name = "PORT", default_value = "443")]
    pub(crate) service_port: u16,
    /// Where a webhook outside of the cluster is: https://HOST:PORT
    #[arg(long, value_name = "URL", conflicts_with = "service")]
    pub(crate) webhook_url: Option<String>,
    /// The CA of the webhook's certificate (PEM); without it, something else has to put it in
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
    /// A namespace whose objects are never asked about; may be repeated
    #[arg(long, value_name = "NAME", default_values = ["kpol-system", "kube-system"])]
    pub(crate) exempt_namespace: Vec<String>,
    /// What happens to requests while the webhook does not answer
    #[arg(long, value_enum, value_name = "POLICY", default_value = "fail")]
    pub(crate) failure_policy: FailurePolicyArg,
    /// How many seconds the API server waits for an answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = clap::value_parser!(u8).range(1..=30))]
    pub(crate) webhook_timeout: u8,
}

/// What happens to requests while the webhook does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailurePolicyArg {
    /// They are refused
    Fail,
    /// They pass
    Ignore,
}

/// What `build` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// A bundle
    Bundle,
    /// The intermediate representation as text, for people
    Ir,
    /// A PolicyBundle of the cluster with the bundle in it, as YAML
    PolicyBundle,
    /// Webhook configurations that name what the policies have to see, as YAML
    WebhookConfig,
}

/// Show what a bundle holds
#[derive(Clone, Debug, Args)]
pub(crate) struct InspectArgs {
    /// The bundle
    #[arg(value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: PathBuf,
    /// The form
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub(crate) format: InspectFormat,
    /// Print the intermediate representation instead
    #[arg(long)]
    pub(crate) ir: bool,
}

/// The form of what `inspect` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InspectFormat {
    Text,
    Json,
}

/// Sign a bundle
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Keys, by openssl:\n  openssl genpkey -algorithm ed25519 -out key.pem\n  openssl pkey -in key.pem -pubout -out pub.pem"
)]
pub(crate) struct SignArgs {
    /// The bundle; a signature that it has is replaced
    #[arg(value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: PathBuf,
    /// The private key: Ed25519, PKCS#8 in PEM, without a password
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    /// The file that is written; the bundle itself if not given
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
}

/// Say whether a host with these keys would load a bundle
#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle
    #[arg(value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: PathBuf,
    /// A public key that is trusted: Ed25519, SPKI in PEM; may be given several times
    #[arg(long = "key", required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) keys: Vec<PathBuf>,
}

/// Explain a code, rule, kind, builtin, event or control
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Subjects: a code (E0101), a rule or mutation, a kind or record (Pod, Container), a builtin, an event,\na control or technique id, or a list: codes, kinds, builtins, events, controls."
)]
pub(crate) struct ExplainArgs {
    /// What; the list of codes if not given
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Where rules are looked for; the current directory and the library if not given
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
}

/// Write a catalogue of the rules: severity, MITRE ATT&CK, CIS, PSS and NSA/CISA
#[derive(Clone, Debug, Args)]
pub(crate) struct DocArgs {
    /// Files, directories or names of library packages; the current directory if there is none
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<String>,
    /// Where to write
    #[arg(short, long, value_name = "DIR", default_value = "kpol-doc", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// The form
    #[arg(long, value_enum, value_name = "FORM", default_value = "html")]
    pub(crate) format: DocFormat,
}

/// The form of a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocFormat {
    Html,
    Md,
}

/// Print schemas: of the results, of the kinds, of CRDs
#[derive(Clone, Debug, Args)]
pub(crate) struct SchemaArgs {
    #[command(subcommand)]
    pub(crate) command: SchemaCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// The JSON schema of `--format json`
    Diagnostics,
    /// The kinds that policies can be about
    Kinds,
    /// Check that CustomResourceDefinitions can be read, and print the lines that use them
    Add {
        /// YAML or JSON files
        #[arg(required = true, value_name = "CRD", value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
    /// Say how the built-in kinds are brought up to date
    Update,
}

/// Print a completion script
#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Print the man page, or write one per command
#[derive(Clone, Debug, Args)]
pub(crate) struct ManArgs {
    /// A directory for one page per command
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
}
