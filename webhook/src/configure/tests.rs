//! Rounds, with an API server in memory.

use axum::http::Method;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use serde_json::{Value, json};

use super::{
    fake::{CONFIGURATIONS, Fake, SECRET},
    *,
};
use crate::certs::managed::plan;
use crate::{
    policies::Maker,
    settings::{Command, Task},
};

const DAY: Duration = Duration::from_secs(86_400);

fn serve(flags: &[&str]) -> Box<Serve> {
    let words = ["kpol-webhook", "serve", "--service-namespace", "kpol-system", "--secret", "certificate"];
    let task = Command::try_parse_from(words.iter().chain(flags)).expect("a command line").task;
    let Task::Serve(serve) = task else { panic!("serve") };
    serve
}

fn keeper(fake: &Fake, flags: &[&str]) -> Keeper {
    let serve = serve(flags);
    assert!(Keeper::is_needed(&serve));
    let store = Arc::new(Store::new());
    Keeper::new(&serve, fake.client(), Certificates::new(), store, Arc::new(Metrics::new()))
}

/// Puts a bundle into use: with rules on pods, with mutations, or with neither.
fn use_bundle(keeper: &Keeper, rules: bool, mutations: bool) {
    let rule = "rule r on Pod { deny when object.spec.hostPID message \"m\" }\n";
    let mut compiler = kpol::Compiler::new()
        .with_source("a.kpol", format!("package acme\nlet a = 1\n{}", if rules { rule } else { "" }));
    if mutations {
        compiler = compiler.with_library("std.mutate.defaults").expect("a package");
    }
    let compiled = compiler.compile().expect("a policy");
    let serve = serve(&["--configure"]);
    let maker = Maker::new(&serve.policies, kpol::Loader::new(), 1000);
    let ready = maker.make("a", compiled.bytes()).expect("a bundle");
    keeper.store.update("files", vec![Arc::new(ready)], Vec::new(), &keeper.metrics);
}

fn helm(ca: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "kpol", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "webhooks": [{"name": "validate.kpol.dev", "clientConfig": {"caBundle": STANDARD.encode(ca), "url": "u"}}],
    })
}

fn ca(object: &Value) -> String {
    let ca = object["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(ca).expect("base64")).expect("text")
}

fn bundle(fake: &Fake) -> String {
    let secret = fake.get(SECRET).expect("a Secret");
    let text = secret["data"]["ca.crt"].as_str().expect("a CA");
    String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text")
}

async fn round(keeper: &mut Keeper) -> Duration {
    keeper.step(SystemTime::now()).await
}

#[tokio::test]
async fn the_configurations_follow_the_policies() {
    let fake = Fake::default();
    let mut keeper = keeper(&fake, &["--self-signed", "--configure", "--exempt-namespace", "a"]);
    round(&mut keeper).await;
    assert_eq!(fake.writes(), ["POST secrets"], "before the policies are known, no rules are");
    assert!(keeper.certificates.end().is_some());
    use_bundle(&keeper, true, true);
    round(&mut keeper).await;
    let [validating, mutating] = CONFIGURATIONS.map(|path| fake.get(path).expect("a configuration"));
    assert_eq!((ca(&validating), ca(&mutating)), (bundle(&fake), bundle(&fake)));
    let service =
        json!({"namespace": "kpol-system", "name": "kpol-webhook", "port": 443, "path": "/validate"});
    assert_eq!(validating["webhooks"][0]["clientConfig"]["service"], service);
    let exempt = &validating["webhooks"][0]["namespaceSelector"]["matchExpressions"][0]["values"];
    assert_eq!(*exempt, json!(["a", "kpol-system"]));
    assert_eq!(fake.writes().len(), 2);
    round(&mut keeper).await;
    assert!(fake.writes().is_empty(), "nothing is written twice");
    use_bundle(&keeper, true, false);
    round(&mut keeper).await;
    assert_eq!(fake.get(CONFIGURATIONS[1]), None, "nothing mutates any more");
    assert_eq!(fake.get(CONFIGURATIONS[0]), Some(validating));
}

#[tokio::test]
async fn what_others_wrote_gets_only_the_ca() {
    let fake = Fake::default();
    fake.put(CONFIGURATIONS[0], helm(""));
    let mut keeper = keeper(&fake, &["--self-signed"]);
    use_bundle(&keeper, true, true);
    round(&mut keeper).await;
    assert_eq!(fake.writes(), ["POST secrets", "PATCH validatingwebhookconfigurations"]);
    let found = fake.get(CONFIGURATIONS[0]).expect("a configuration");
    assert_eq!(ca(&found), bundle(&fake));
    assert_eq!(
        (&found["webhooks"][0]["clientConfig"]["url"], fake.get(CONFIGURATIONS[1])),
        (&json!("u"), None)
    );
    round(&mut keeper).await;
    assert!(fake.writes().is_empty());
}

#[tokio::test]
async fn two_versions_of_the_policies_do_not_fight() {
    let fake = Fake::default();
    let (mut old, mut new) = (
        keeper(&fake, &["--self-signed", "--configure"]),
        keeper(&fake, &["--self-signed", "--configure", "--webhook-timeout", "9"]),
    );
    for keeper in [&mut old, &mut new] {
        use_bundle(keeper, true, false);
        round(keeper).await;
    }
    fake.writes();
    for _ in 0..5 {
        round(&mut old).await;
        round(&mut new).await;
    }
    assert!(fake.writes().is_empty());
    // A CA that is not ours is another matter.
    fake.put(CONFIGURATIONS[0], helm("other"));
    round(&mut old).await;
    assert_eq!(fake.writes(), ["PATCH validatingwebhookconfigurations"]);
    // And in the end who is left has its way.
    let since = Instant::now().checked_sub(DRIFT * 2).expect("a time");
    if let Some(written) = &mut new.written {
        written.1 = since;
    }
    round(&mut new).await;
    assert_eq!(fake.writes(), ["PATCH validatingwebhookconfigurations"]);
    assert_eq!(fake.get(CONFIGURATIONS[0]).expect("it")["webhooks"][0]["timeoutSeconds"], 9);
}

#[tokio::test]
async fn a_new_ca_is_in_the_configurations_before_its_leaf_is_served() {
    let fake = Fake::default();
    let mut keeper = keeper(
        &fake,
        &[
            "--self-signed",
            "--configure",
            "--cert-validity",
            "4s",
            "--ca-validity",
            "12s",
            "--renew-before",
            "1s",
        ],
    );
    use_bundle(&keeper, true, false);
    let (mut now, mut announced) = (SystemTime::now(), 0);
    let mut trusted = String::new();
    for _ in 0..120 {
        keeper.step(now).await;
        let leaf =
            fake.get(SECRET).expect("a Secret")["data"]["tls.crt"].as_str().unwrap_or_default().to_owned();
        let leaf = certificates(&STANDARD.decode(leaf).expect("base64")).expect("a chain").remove(0);
        let before = certificates(trusted.as_bytes()).unwrap_or_default();
        announced += u32::from(before.len() == 2);
        let is_trusted = plan::trusts(&before, &leaf, Some("kpol-webhook.kpol-system.svc"), now);
        assert!(
            trusted.is_empty() || is_trusted,
            "what the API server had before this round is enough for its leaf"
        );
        trusted = ca(&fake.get(CONFIGURATIONS[0]).expect("a configuration"));
        assert_eq!(trusted, bundle(&fake));
        now += Duration::from_millis(250);
        // The settle time is real.
        if before.len() == 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(announced > 2, "{announced}");
}

#[tokio::test]
async fn a_replica_that_is_late_takes_no_ca_away() {
    let fake = Fake::default();
    fake.put(CONFIGURATIONS[0], helm("old"));
    let mut one = keeper(&fake, &["--self-signed"]);
    let (seen, mut wrong) = (one.see(&mut Vec::new()).await, Vec::new());
    one.certificate(&seen, SystemTime::now(), &mut wrong).await;
    // Between its reading and its writing another replica writes.
    fake.put(CONFIGURATIONS[0], helm("newer"));
    assert!(one.configure(&seen, &mut wrong).await, "it is late");
    assert_eq!(ca(&fake.get(CONFIGURATIONS[0]).expect("a configuration")), "newer");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn a_replica_that_cannot_read_the_secret_takes_no_ca_away() {
    let fake = Fake::default();
    let mut one = keeper(&fake, &["--self-signed", "--configure"]);
    use_bundle(&one, true, false);
    round(&mut one).await;
    fake.forbid(Method::GET, SECRET);
    fake.put(CONFIGURATIONS[0], helm("newer"));
    use_bundle(&one, true, true);
    round(&mut one).await;
    assert_eq!(ca(&fake.get(CONFIGURATIONS[0]).expect("a configuration")), "newer");
    fake.allow();
    round(&mut one).await;
    assert_eq!(ca(&fake.get(CONFIGURATIONS[0]).expect("a configuration")), bundle(&fake));
}

#[tokio::test]
async fn what_is_not_allowed_is_counted_each_time_and_said_once() {
    let fake = Fake::default();
    let mut keeper = keeper(&fake, &["--self-signed", "--configure"]);
    use_bundle(&keeper, true, false);
    fake.forbid(Method::PATCH, CONFIGURATIONS[0]);
    for _ in 0..3 {
        round(&mut keeper).await;
    }
    assert!(keeper.certificates.end().is_some(), "it serves all the same");
    let reason = ReasonLabels { reason: "configuration-forbidden" };
    assert_eq!(keeper.metrics.configure_errors.get_or_create(&reason).get(), 3);
    assert_eq!(keeper.said.len(), 1);
    assert!(
        keeper.said[0].0.starts_with(
            "not allowed to apply the ValidatingWebhookConfiguration kpol; give the ClusterRole"
        )
    );
    fake.allow();
    round(&mut keeper).await;
    assert!(fake.get(CONFIGURATIONS[0]).is_some() && keeper.said.is_empty());
}

#[tokio::test]
async fn the_ca_of_files_is_written_when_it_is_given() {
    let fake = Fake::default();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ca.crt");
    let text = path.to_str().expect("a path").to_owned();
    let pem = crate::certs::tests::self_signed("a", 36_500).0;
    let mut keeper =
        keeper(&fake, &["--configure", "--ca-bundle", &text, "--webhook-url", "https://127.0.0.1:8443"]);
    use_bundle(&keeper, true, false);
    round(&mut keeper).await;
    assert!(fake.writes().is_empty(), "without its CA a webhook refuses everything");
    std::fs::write(&path, &pem).expect("a file");
    round(&mut keeper).await;
    let found = fake.get(CONFIGURATIONS[0]).expect("a configuration");
    assert_eq!(ca(&found), pem);
    assert_eq!(found["webhooks"][0]["clientConfig"]["url"], "https://127.0.0.1:8443/validate");
}

#[test]
fn the_certificate_is_for_the_names_that_the_api_server_uses() {
    assert_eq!(names("w", "n", None), ["w.n.svc", "w.n.svc.cluster.local"]);
    assert_eq!(names("w", "n", Some("https://[0:0::1]:8443")).last().map(String::as_str), Some("::1"));
    assert_eq!(
        names("w", "n", Some("https://kpol.example/a")).last().map(String::as_str),
        Some("kpol.example")
    );
}

#[test]
fn times_and_addresses_on_the_command_line() {
    let serve =
        serve(&["--self-signed", "--cert-validity", "12h", "--renew-before", "90", "--ca-validity", "3d"]);
    let certificate = &serve.certificate;
    assert_eq!((certificate.cert_validity, certificate.ca_validity), (DAY / 2, 3 * DAY));
    assert_eq!(certificate.renew_before, Some(Duration::from_secs(90)));
    for bad in [
        ["--cert-validity", "12x"],
        ["--cert-validity", "-1"],
        ["--webhook-url", "http://127.0.0.1"],
        ["--webhook-url", "https://a@b/"],
        ["--webhook-timeout", "31"],
    ] {
        assert!(Command::try_parse_from(["kpol-webhook", "serve", bad[0], bad[1]]).is_err(), "{bad:?}");
    }
}
