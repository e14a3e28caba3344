//! `kpolc eval`: which objects break which rule, where and why.

use kpol_compiler::Role;
use kpol_vm::ir::Rule;

use super::judging::{Context, Job};
use crate::{
    CliError, Exit, Io,
    args::{EvalArgs, Global, MutateOutput},
    judge::{Judged, Verdicts},
    render,
    report::{Report, count},
    why,
};

pub(crate) fn run(args: &EvalArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let (policies, inputs) = split(args)?;
    let job = Job {
        command: "eval",
        policies,
        inputs,
        args: &args.judge,
        compile: &args.compile,
        why: args.why,
        mutate: args.mutate.is_some(),
    };
    let mut loaded = job.load(io)?;
    let mut report = Report::of("eval", &loaded.compiled);
    if loaded.compiled.has_errors() {
        report.summary = "nothing was judged: the policies have errors".to_owned();
        return finish(&report, args, global, io);
    }
    // What `check` says about a policy is not repeated with every manifest.
    report.diagnostics.clear();
    let mutated = job.judge(&mut loaded, &mut report, global, io, |context, verdicts, report, io| {
        fill(context, verdicts, args.why, report);
        args.mutate.map(|what| print_mutated(context, verdicts, what, report, global, io))
    })?;
    match mutated {
        Some(exit) => Ok(exit.zero_if(args.output.exit_zero)),
        None => finish(&report, args, global, io),
    }
}

fn finish(report: &Report, args: &EvalArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    render::write(report, args.output.format, global, io)?;
    Ok(report.exit(args.compile.deny_warnings).zero_if(args.output.exit_zero))
}

/// Which of the arguments are policies and which are manifests.
fn split(args: &EvalArgs) -> Result<(Vec<String>, Vec<String>), CliError> {
    let mut inputs = args.inputs.clone();
    let policies = if args.judge.policies.is_empty() {
        let mut paths = args.paths.iter();
        let policy = paths.next().cloned();
        inputs.extend(paths.cloned());
        policy.into_iter().collect()
    } else {
        inputs.extend(args.paths.iter().cloned());
        args.judge.policies.clone()
    };
    if policies.is_empty() {
        return Err(CliError::usage(
            "no policy is given",
            "kpolc eval -p POLICY MANIFEST..., for example `kpolc eval -p std.pss.restricted pod.yaml`"
                .to_owned(),
        ));
    }
    if inputs.is_empty() {
        return Err(CliError::usage(
            "no manifest is given",
            "name files or directories behind the policy, or `-` for standard input".to_owned(),
        ));
    }
    Ok((policies, inputs))
}

fn fill(context: &Context<'_>, verdicts: &Verdicts, why: bool, report: &mut Report) {
    for judged in &verdicts.judged {
        let Some(object) = context.objects.get(judged.object) else { continue };
        report.objects.push((judged.title.clone(), context.file(object)));
        report.findings.extend(context.findings(object, judged, why));
        if why {
            report.traces.extend(traces(context, judged));
        }
    }
    report.summary = summary(context, verdicts, report);
}

/// Why the rules that did not hit did not.
fn traces(context: &Context<'_>, judged: &Judged) -> Vec<String> {
    let mut lines = Vec::new();
    for trace in &judged.outcome.traces {
        let rule: Option<&Rule> = context.evaluator.module().rules.get(trace.rule.index());
        if let Some(rule) = rule.filter(|_| !trace.traces.iter().any(|trace| trace.hit)) {
            lines.push(why::passed(&context.loaded.compiled, trace, rule, &judged.title));
        }
    }
    lines
}

fn summary(context: &Context<'_>, verdicts: &Verdicts, report: &Report) -> String {
    let counts = report.counts();
    let rules = context.evaluator.module().rules.len();
    let mut parts = vec![match counts.denied {
        0 => "nothing denied".to_owned(),
        denied => count(denied, "violation"),
    }];
    let omitted: usize = verdicts.judged.iter().map(|judged| judged.outcome.omitted).sum();
    if omitted > 0 {
        parts.push(format!("{omitted} not listed"));
    }
    for (number, word) in
        [(counts.warned, "warned"), (counts.recorded, "recorded"), (counts.excepted, "excepted")]
    {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    if counts.problems > 0 {
        parts.push(format!("{} in the inputs", count(counts.problems, "error")));
    }
    if verdicts.skipped > 0 {
        parts.push(format!("{} of unknown kinds passed over", count(verdicts.skipped, "object")));
    }
    let correlations = correlations(context);
    if correlations > 0 {
        parts.push(format!("{} not run: that needs the node sensor", count(correlations, "correlation")));
    }
    format!(
        "judged {} by {}: {}",
        count(verdicts.judged.len(), "object"),
        count(rules, "rule"),
        parts.join(", ")
    )
}

fn correlations(context: &Context<'_>) -> usize {
    let compiled = &context.loaded.compiled;
    if compiled.sources.iter().any(|source| source.role == Role::Entry) {
        compiled.correlations.len()
    } else {
        0
    }
}

/// `--mutate`: the objects, or the patches, and nothing else on standard output.
fn print_mutated(
    context: &Context<'_>,
    verdicts: &Verdicts,
    what: MutateOutput,
    report: &Report,
    global: &Global,
    io: &mut Io,
) -> Exit {
    let mut documents = Vec::new();
    for judged in &verdicts.judged {
        let Some(object) = context.objects.get(judged.object) else { continue };
        let json = match (what, &judged.mutated) {
            (MutateOutput::Objects, Some(mutated)) => serde_json::Value::from(&mutated.object),
            (MutateOutput::Objects, None) => serde_json::Value::from(object.json),
            (MutateOutput::Patch, mutated) => serde_json::json!({
                "object": judged.title,
                "mutations": mutated.as_ref().map_or(&[][..], |mutated| &mutated.applied),
                "patch": mutated.as_ref().map_or(&[][..], |mutated| &mutated.patch),
            }),
        };
        documents.push(serde_json::to_string_pretty(&json).unwrap_or_default());
    }
    if !documents.is_empty() {
        io.out(&format!("{}\n", documents.join("\n---\n")));
    }
    let changed = verdicts.judged.iter().filter(|judged| judged.mutated.is_some()).count();
    let beside =
        Report { problems: report.problems.clone(), notes: report.notes.clone(), ..Report::default() };
    io.err(&render::on_stderr(&beside, global, io));
    if !global.quiet {
        let judged = count(verdicts.judged.len(), "object");
        io.err(&format!("mutated {changed} of {judged}\n"));
    }
    if report.problems.is_empty() { Exit::Clean } else { Exit::Failed }
}
