//! The table of enforcement, exceptions, and namespaces, as who uses kubectl sees them.

use serde_json::json;

use crate::{
    Law,
    world::{World, eventually, pod},
};

pub(crate) const LAWS: &[Law] = &[
    ("dryrun_never_blocks_and_is_counted", dryrun),
    ("warn_prints_a_warning_and_passes", warn),
    ("deny_blocks_with_all_messages_also_in_a_dry_run", deny),
    ("max_mode_weakens_what_binds_say", max_mode),
    ("an_exception_excuses_until_its_last_day", exceptions),
    ("conditions_on_the_namespace_follow_its_labels", namespace_labels),
    ("exempt_namespaces_are_not_asked_about", exempt),
];

const RULES: &str = r#"package acme
rule no_host_pid on Pod { deny when object.spec.hostPID message "hostPID is not allowed" }
rule no_host_ipc on Pod { deny when object.spec.hostIPC message "hostIPC is not allowed" }
"#;

fn dryrun() {
    let world = World::new();
    let webhook = world.webhook(RULES, "");
    let said = world.apply(&pod("a", json!({"hostPID": true}))).good();
    assert_eq!(said.err, "", "nobody is told");
    let parts = [r#"rule="acme.no_host_pid""#, r#"mode="dryrun""#, r#"effect="record""#];
    eventually("the hit is counted", || {
        (webhook.metric("kpol_webhook_hits_total", &parts) > 0.0).then_some(())
    });
    assert!(webhook.logged("hostPID is not allowed") > 0);
}

fn warn() {
    let world = World::new();
    let _webhook = world.webhook(RULES, "--default-mode warn");
    let said = eventually("a warning", || {
        let said = world.dry_run(&pod("a", json!({"hostPID": true, "hostIPC": true}))).good();
        (!said.err.is_empty()).then_some(said)
    });
    assert_eq!(
        said.err,
        "Warning: [acme.no_host_pid] hostPID is not allowed\nWarning: [acme.no_host_ipc] hostIPC is not allowed\n"
    );
    world.apply(&pod("a", json!({"hostPID": true}))).good();
}

fn deny() {
    let world = World::new();
    let webhook = world.webhook(RULES, "--default-mode deny");
    let bad = pod("a", json!({"hostPID": true, "hostIPC": true}));
    eventually("a denial", || (!world.dry_run(&bad).ok).then_some(()));
    let words = "denied the request: [acme.no_host_pid] hostPID is not allowed\n[acme.no_host_ipc] hostIPC is not allowed";
    world.dry_run(&bad).refused(words);
    world.apply(&bad).refused(words).err.contains("(Forbidden)").then_some(()).unwrap();
    world.kubectl("get pod a", "").refused("not found");
    world.apply(&pod("a", json!({}))).good();
    assert!(webhook.metric("kpol_webhook_requests_total", &[r#"decision="denied""#]) >= 2.0);
}

fn max_mode() {
    let world = World::new();
    let bound = format!("{RULES}bind no_host_pid, no_host_ipc {{ mode deny }}\n");
    let _webhook = world.webhook(&bound, "--max-mode warn");
    let bad = pod("a", json!({"hostPID": true}));
    let said = eventually("a warning", || {
        let said = world.dry_run(&bad).good();
        (!said.err.is_empty()).then_some(said)
    });
    assert_eq!(said.err, "Warning: [acme.no_host_pid] hostPID is not allowed\n");
}

fn exceptions() {
    let world = World::new();
    let policy = format!(
        r#"{RULES}
bind no_host_pid, no_host_ipc {{ mode deny }}
exception still to no_host_pid {{ where object.metadata.name == "agent" reason "r" owner "o" until 2999-12-31 }}
exception over to no_host_ipc {{ where object.metadata.name == "agent" reason "r" owner "o" until 2020-01-01 }}
"#
    );
    let webhook = world.webhook(&policy, "");
    eventually("a denial", || (!world.dry_run(&pod("b", json!({"hostPID": true}))).ok).then_some(()));
    world.dry_run(&pod("agent", json!({"hostPID": true}))).good();
    world.dry_run(&pod("agent", json!({"hostPID": true, "hostIPC": true}))).refused("hostIPC is not allowed");
    assert!(webhook.metric("kpol_webhook_hits_total", &[r#"effect="excepted""#]) > 0.0);
    assert!(webhook.logged("acme.over") > 0, "the log names the exception that has ended");
}

fn namespace_labels() {
    let world = World::new();
    let policy = r#"package acme
rule prod on Pod {
  where namespace.metadata.labels["env"] == "prod"
  deny when object.spec.hostPID message "not in production"
}
bind prod { mode deny }
"#;
    let webhook = world.webhook(policy, "");
    eventually("ready", || (webhook.get("/readyz").0 == 200).then_some(()));
    let bad = pod("a", json!({"hostPID": true}));
    world.dry_run(&bad).good();
    world.kubectl(&format!("label namespace {} env=prod", world.namespace), "").good();
    eventually("the label counts", || (!world.dry_run(&bad).ok).then_some(()));
    world.dry_run(&bad).refused("[acme.prod] not in production");
    world.kubectl(&format!("label namespace {} env-", world.namespace), "").good();
    eventually("the label is gone", || world.dry_run(&bad).ok.then_some(()));
}

fn exempt() {
    let (world, spared) = (World::new(), World::new());
    let webhook = world.webhook(RULES, "--default-mode deny");
    let bundle = kpol::compile(RULES).unwrap();
    let both = [world.namespace.as_str(), &spared.namespace];
    let bad = pod("a", json!({"hostPID": true}));
    // As long as none is exempt, both are asked about.
    let mut settings = world.settings(&webhook);
    world.configure_for(&both, bundle.bundle(), &settings);
    eventually("denials", || (!world.dry_run(&bad).ok && !spared.dry_run(&bad).ok).then_some(()));
    settings.exempt_namespaces.push(spared.namespace.clone());
    world.configure_for(&both, bundle.bundle(), &settings);
    eventually("it is spared", || spared.dry_run(&bad).ok.then_some(()));
    world.dry_run(&bad).refused("hostPID is not allowed");
}
