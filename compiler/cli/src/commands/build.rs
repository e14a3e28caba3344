//! `kpolc build`: policies to a bundle, or to the text of their IR.

use std::path::Path;

use kpol_admission::webhook_config::{
    Address, FailurePolicy, Settings, mutating, policy_bundle as policy_bundle_resource, validating,
};
use kpol_vm::{
    bundle::{self, About},
    ir::Module,
    print::module_text,
};

use crate::{
    CliError, Exit, Io,
    args::{BuildArgs, Emit, FailurePolicyArg, Global, WebhookArgs},
    bundles,
    load::{LoadOptions, load},
    render::{self, Paint, Role},
    report::{Report, count},
};

/// The largest bundle that goes into a resource: etcd takes 1.5 MiB, and base64 adds a third.
const MAX_RESOURCE: usize = 1 << 20;

pub(crate) fn run(args: &BuildArgs, global: &Global, io: &mut Io) -> Result<Exit, CliError> {
    let out = match (&args.out, args.emit) {
        (None, Emit::Bundle) => {
            let help = "name it: `kpolc build policies -o policies.kpolb`".to_owned();
            return Err(CliError::usage("where the bundle is written is not given", help));
        }
        (out, Emit::Bundle | Emit::Ir | Emit::WebhookConfig | Emit::PolicyBundle) => out.as_deref(),
    };
    let options = LoadOptions { kubernetes: args.kubernetes, ..LoadOptions::of(&args.compile) };
    let loaded = load(&args.paths, &options, io)?;
    let report = Report::of("build", &loaded.compiled);
    io.err(&render::on_stderr(&report, global, io));
    let exit = report.exit(args.compile.deny_warnings);
    let Some(module) = loaded.compiled.module.as_ref().filter(|_| exit == Exit::Clean) else {
        summary("nothing was built", Role::Error, global, io);
        return Ok(exit);
    };
    if module.rules.is_empty() && module.mutations.is_empty() {
        let help = "a package of shared names judges nothing by itself; give the files with rules".to_owned();
        return Err(CliError::usage("the policies hold no rules", help));
    }
    let bytes = match args.emit {
        Emit::Ir => module_text(module).into_bytes(),
        Emit::WebhookConfig => webhook_config(module, &args.webhook, io)?,
        Emit::PolicyBundle => {
            let bytes = bundle_of(module, loaded.compiled.correlations.clone())?;
            policy_bundle(&args.policy_bundle_name, &bytes)?
        }
        Emit::Bundle => bundle_of(module, loaded.compiled.correlations.clone())?,
    };
    match out {
        None => io.out(&String::from_utf8_lossy(&bytes)),
        Some(path) => {
            bundles::write(path, &bytes, io)?;
            let rules = count(module.rules.len() + module.mutations.len(), "rule");
            let text = format!("built {}: {rules}, {}", path.display(), count(bytes.len(), "byte"));
            summary(&text, Role::Good, global, io);
        }
    }
    Ok(exit)
}

/// A bundle as the resource that webhooks watch, as YAML.
fn policy_bundle(name: &str, bytes: &[u8]) -> Result<Vec<u8>, CliError> {
    if bytes.len() > MAX_RESOURCE {
        let help = "an object in the cluster has room for 1 MiB; give the webhook a file instead".to_owned();
        return Err(CliError::usage(format!("the bundle has {}", count(bytes.len(), "byte")), help));
    }
    yaml(&policy_bundle_resource(name, bytes)).map(String::into_bytes)
}

fn yaml(value: &serde_json::Value) -> Result<String, CliError> {
    serde_saphyr::to_string(value)
        .map_err(|error| CliError::usage(format!("no YAML can be made: {error}"), None))
}

/// The webhook configurations of a module, as YAML.
fn webhook_config(module: &Module, args: &WebhookArgs, io: &mut Io) -> Result<Vec<u8>, CliError> {
    let address = match (&args.webhook_url, args.service.split_once('/')) {
        (Some(url), _) if url.starts_with("https://") => Address::Url(url.clone()),
        (Some(url), _) => {
            let help =
                "the API server calls webhooks by https only: --webhook-url https://HOST:PORT".to_owned();
            return Err(CliError::usage(format!("`{url}` does not begin with https://"), help));
        }
        (None, Some((namespace, name))) => {
            Address::Service { namespace: namespace.into(), name: name.into(), port: args.service_port }
        }
        (None, None) => {
            let help = "name it with its namespace: --service kpol-system/kpol-webhook".to_owned();
            return Err(CliError::usage(format!("`{}` is no Service", args.service), help));
        }
    };
    let ca = args.ca.as_deref().map(|path| bundles::read_text(path, io)).transpose()?.unwrap_or_default();
    let settings = Settings {
        name: args.name.clone(),
        address,
        ca,
        exempt_namespaces: args.exempt_namespace.clone(),
        failure_policy: match args.failure_policy {
            FailurePolicyArg::Fail => FailurePolicy::Fail,
            FailurePolicyArg::Ignore => FailurePolicy::Ignore,
        },
        timeout_seconds: args.webhook_timeout,
        ..Settings::default()
    };
    let mut text = String::new();
    let configurations = [validating([module], &settings), mutating([module], &settings)];
    for configuration in configurations.into_iter().flatten() {
        text.push_str("---\n");
        text.push_str(&yaml(&configuration)?);
    }
    if text.is_empty() {
        let help = "rules on events run in the sensor; a webhook needs rules on kinds".to_owned();
        return Err(CliError::usage("no rule is about requests to the API server", help));
    }
    Ok(text.into_bytes())
}

/// The bytes of a bundle that this build's own loader takes.
fn bundle_of(module: &Module, correlations: Vec<String>) -> Result<Vec<u8>, CliError> {
    let about = About { producer: format!("kpolc {}", env!("CARGO_PKG_VERSION")), correlations };
    let here = Path::new("the bundle");
    let bytes = bundle::write(module, &about).map_err(|error| bundles::refused(here, &error))?;
    bundles::open(here, &bytes)?;
    Ok(bytes)
}

fn summary(text: &str, role: Role, global: &Global, io: &mut Io) {
    if !global.quiet {
        let paint = Paint::new(io.colored_stderr(global.color));
        io.err(&format!("{}\n", paint.on(role, text)));
    }
}
