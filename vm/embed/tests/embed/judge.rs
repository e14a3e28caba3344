//! Reviews, objects and events.

use kpol::{Cluster, Day, Decision, Effect, Engine, Mode, Options, Session, Severity, Verb};

use crate::{evaluator, evaluator_with, review};

const POLICY: &str = r#"package acme

/// Names that are allowed.
param names: set<string> = ["web"]

/// Host namespaces are for nobody.
rule host on Pod {
  severity critical
  mitre    "T1611"
  tags     "host"
  owner    "security"

  deny when object.spec.hostPID
    message "hostPID is not allowed"
    fix     "remove hostPID"
  warn when object.metadata.name not in names
    message "{object.metadata.name} is not among {names}"
}

exception old to host {
  where  object.metadata.namespace == "old"
  reason "until it moves"
  owner  "team-a"
  until  2027-03-31
}
"#;

fn pod(namespace: &str, name: &str) -> kpol::Json {
    let text = format!(
        r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}", "namespace": "{namespace}"}}, "spec": {{"hostPID": true}}}}"#
    );
    kpol::json(text.as_bytes()).unwrap()
}

#[test]
fn a_review_is_answered_with_everything_that_there_is_to_say() {
    let evaluator = evaluator(POLICY);
    let body = review("CREATE", r#""object": {"metadata": {"name": "db"}, "spec": {"hostPID": true}}"#);
    let mut session = Session::new();
    let answer = evaluator.review(&body, &Cluster::empty(), &mut session).unwrap();
    assert_eq!(answer.decision(), Decision::Deny);
    assert!(!answer.is_allowed());
    assert_eq!(answer.denials().collect::<Vec<_>>(), ["hostPID is not allowed"]);
    assert_eq!(answer.warnings().collect::<Vec<_>>(), ["db is not among [web]"]);
    assert_eq!(answer.applied().map(|rule| rule.name()).collect::<Vec<_>>(), ["acme.host"]);
    assert_eq!((answer.other_versions().count(), answer.omitted()), (0, 0));
    let hit = answer.hits().next().unwrap();
    assert_eq!((hit.rule(), hit.severity()), ("acme.host", Some(Severity::Critical)));
    assert_eq!((hit.verb(), hit.mode(), hit.effect()), (Verb::Deny, Mode::Deny, Effect::Deny));
    assert_eq!((hit.message(), hit.fix()), ("hostPID is not allowed", Some("remove hostPID")));
    assert_eq!((hit.blames(), hit.exception()), (&["spec.hostPID".to_owned()][..], None));
    let about = hit.about().unwrap();
    assert_eq!((about.doc(), about.owner()), ("Host namespaces are for nobody.", Some("security")));
    assert_eq!((about.mitre(), about.tags()), (&["T1611".to_owned()][..], &["host".to_owned()][..]));
    assert_eq!(hit.to_string(), "denied[critical] acme.host: hostPID is not allowed (spec.hostPID)");
    assert_eq!((session.request().uid(), session.request().namespace()), ("u-1", "shop"));
}

#[test]
fn an_exception_excuses_until_its_last_day() {
    let decide = |options: Options, namespace: &str| {
        let evaluator = evaluator_with(POLICY, options.with_default_mode(Mode::Deny));
        let mut session = Session::new();
        let pod = pod(namespace, "web");
        let answer = evaluator.object(&pod, &Cluster::empty(), &mut session).unwrap();
        let hit = answer.hits().next().unwrap();
        (answer.decision(), hit.exception().is_some(), hit.expired_exception().is_some())
    };
    let on = |day: &str| Options::new().with_day(day.parse::<Day>().unwrap());
    assert_eq!(decide(on("2027-03-31"), "old"), (Decision::Allow, true, false));
    assert_eq!(decide(on("2027-04-01"), "old"), (Decision::Deny, false, true));
    assert_eq!(decide(on("2027-03-31"), "new"), (Decision::Deny, false, false));
    assert_eq!(decide(Options::new(), "old"), (Decision::Deny, false, true), "no day: no excuse");
}

#[test]
fn nothing_blocks_before_somebody_says_so_and_the_host_only_weakens() {
    let decide = |options: Options| {
        let evaluator = evaluator_with(POLICY, options);
        let mut session = Session::new();
        let pod = pod("shop", "web");
        let answer = evaluator.object(&pod, &Cluster::empty(), &mut session).unwrap();
        (answer.decision(), answer.hits().next().map(|hit| hit.effect()))
    };
    assert_eq!(decide(Options::new()), (Decision::Allow, Some(Effect::Record)));
    assert_eq!(decide(Options::new().with_default_mode(Mode::Warn)), (Decision::Allow, Some(Effect::Warn)));
    let deny = Options::new().with_default_mode(Mode::Deny);
    assert_eq!(decide(deny.clone()), (Decision::Deny, Some(Effect::Deny)));
    assert_eq!(decide(deny.with_max_mode(Mode::Warn)), (Decision::Allow, Some(Effect::Warn)));
}

#[test]
fn both_engines_answer_the_same() {
    let body = review("CREATE", r#""object": {"metadata": {"name": "db"}, "spec": {"hostPID": true}}"#);
    let shown: Vec<String> = [Engine::Jit, Engine::Interp]
        .into_iter()
        .map(|engine| {
            let options = Options::new().with_default_mode(Mode::Deny).with_engine(engine);
            let evaluator = evaluator_with(POLICY, options);
            assert_eq!(evaluator.engine(), engine);
            let mut session = Session::new();
            let answer = evaluator.review(&body, &Cluster::empty(), &mut session).unwrap();
            answer.hits().map(|hit| format!("{hit}\n")).collect()
        })
        .collect();
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0].lines().count(), 2);
}

#[test]
fn params_are_called_by_any_name_that_is_one() {
    let warned = |options: Options| {
        let evaluator = evaluator_with(POLICY, options);
        let mut session = Session::new();
        let pod = pod("shop", "web");
        evaluator.object(&pod, &Cluster::empty(), &mut session).unwrap().hits().count()
    };
    assert_eq!(warned(Options::new()), 1);
    assert_eq!(warned(Options::new().with_param("names", vec!["db"])), 2);
    assert_eq!(warned(Options::new().with_param("acme.names", vec!["db", "web"])), 1);
    let refused = |options: Options| {
        let error = kpol::Evaluator::new(kpol::compile(POLICY).unwrap().bundle(), options).unwrap_err();
        (error.param().map(str::to_owned), error.to_string())
    };
    assert_eq!(
        refused(Options::new().with_param("name", "x")),
        (Some("name".to_owned()), "there is no param `name`".to_owned())
    );
    assert_eq!(
        refused(Options::new().with_param("names", 7)).1,
        "param `acme.names` cannot be 7: it is a set, and is given as a list"
    );
    assert_eq!(
        refused(Options::new().with_param("names", vec!["a"]).with_param("acme.names", vec!["b"])).1,
        "param `acme.names` is given twice"
    );
}

#[test]
fn params_have_the_form_that_manifests_have() {
    const TYPED: &str = "package acme\nparam memory: quantity = 1Gi\nparam port: port = 80\n\
        param image: image_prefix = \"ghcr.io/acme\"\nparam flag: bool = false\nparam age: duration = 1h\n\
        param block: cidr = \"10.0.0.0/8\"\n\
        rule r on Pod {\n  deny message \"{memory} {port} {image} {flag} {age} {block}\"\n}\n";
    let message = |options: Options| {
        let bundle = kpol::compile(TYPED).unwrap_or_else(|error| panic!("{error}"));
        let evaluator = kpol::Evaluator::new(bundle.bundle(), options).map_err(|error| error.to_string())?;
        let mut session = Session::new();
        let pod = pod("shop", "web");
        let answer = evaluator.object(&pod, &Cluster::empty(), &mut session).unwrap();
        Ok::<String, String>(answer.hits().next().unwrap().message().to_owned())
    };
    let given = Options::new()
        .with_param("memory", "4Gi")
        .with_param("port", 443)
        .with_param("image", "docker.io/acme")
        .with_param("flag", true)
        .with_param("age", "90d")
        .with_param("block", "192.168.0.0/16");
    assert_eq!(message(given), Ok("4Gi 443 docker.io/acme true 90d 192.168.0.0/16".to_owned()));
    for (name, wrong) in [
        ("memory", serde_json::json!("4Gb")),
        ("port", serde_json::json!(70_000)),
        ("image", serde_json::json!("Not An Image")),
        ("flag", serde_json::json!("true")),
        ("age", serde_json::json!(7)),
        ("block", serde_json::json!("10.0.0.0/33")),
        ("memory", serde_json::Value::Null),
    ] {
        let error = message(Options::new().with_param(name, wrong)).unwrap_err();
        assert!(error.starts_with(&format!("param `acme.{name}` cannot be ")), "{error}");
    }
}

#[test]
fn bytes_that_are_no_review_are_an_error_with_a_place() {
    let evaluator = evaluator(POLICY);
    let mut session = Session::new();
    let mut fails = |body: &[u8]| {
        let error = evaluator.review(body, &Cluster::empty(), &mut session).unwrap_err();
        (error.is_bad_input(), error.byte(), error.to_string())
    };
    for body in [&b""[..], b"{", b"[]", b"{}", b"\xff", b"{\"kind\": \"Pod\"}"] {
        let (bad, byte, message) = fails(body);
        assert!(bad && byte.is_some(), "{message}");
    }
    let (bad, byte, message) = fails(&review("CREATE", r#""object": {"spec": {"hostPID": "yes"}}"#));
    assert!(bad && byte.is_none() && message.contains("spec.hostPID: expected a boolean"), "{message}");
}

#[test]
fn fuel_ends_what_takes_too_long() {
    let options = Options::new().with_default_mode(Mode::Deny).with_fuel(1);
    let evaluator = evaluator_with(POLICY, options);
    let mut session = Session::new();
    let pod = pod("shop", "web");
    let error = evaluator.object(&pod, &Cluster::empty(), &mut session).unwrap_err();
    assert!(error.is_out_of_fuel() && !error.is_bad_input());
    assert_eq!(error.rule(), Some("acme.host"));
}

#[test]
fn an_event_is_judged_by_its_name() {
    let evaluator = evaluator(
        "package acme\nrule shell on exec {\n  severity high\n  \
         alert when proc.name == \"sh\" message \"{proc.name} was started\"\n}\n",
    );
    let mut session = Session::new();
    let event = kpol::json(br#"{"event": {"name": "exec"}, "proc": {"name": "sh"}}"#).unwrap();
    let answer = evaluator.event(&event, &mut session).unwrap();
    assert!(answer.is_allowed());
    let hit = answer.hits_with(Effect::Alert).next().unwrap();
    assert_eq!(hit.to_string(), "alert[high] acme.shell: sh was started (proc.name)");
    let nameless = kpol::json(b"{}").unwrap();
    assert!(evaluator.event(&nameless, &mut session).unwrap_err().is_bad_input());
}

#[test]
fn referential_rules_and_namespaces_look_into_the_cluster() {
    let evaluator = evaluator(
        "package acme\nrule in_prod on Pod {\n  \
         deny when namespace.metadata.labels[\"env\"] == \"prod\" message \"not in prod\"\n}\n",
    );
    let body = review("CREATE", r#""object": {"metadata": {"name": "a", "namespace": "shop"}}"#);
    let namespace = kpol::json(
        br#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"env": "prod"}}}"#,
    )
    .unwrap();
    let mut session = Session::new();
    let none = evaluator.review(&body, &Cluster::empty(), &mut session).unwrap().decision();
    let cluster = evaluator.cluster(vec![namespace.clone()]);
    assert!(cluster.misfits().is_empty());
    let listed = evaluator.review(&body, &cluster, &mut session).unwrap().decision();
    let namespace = std::sync::Arc::new(namespace);
    let asked = Cluster::empty().with_namespaces(move |name| (name == "shop").then(|| namespace.clone()));
    let asked = evaluator.review(&body, &asked, &mut session).unwrap().decision();
    assert_eq!((none, listed, asked), (Decision::Allow, Decision::Deny, Decision::Deny));
}

#[test]
fn a_session_outlives_a_reload() {
    let (before, after) = (evaluator(POLICY), evaluator(&POLICY.replace("hostPID", "hostIPC")));
    let mut session = Session::new();
    let body = review("CREATE", r#""object": {"metadata": {"name": "web"}, "spec": {"hostPID": true}}"#);
    for _ in 0..3 {
        assert!(!before.review(&body, &Cluster::empty(), &mut session).unwrap().is_allowed());
        assert!(after.review(&body, &Cluster::empty(), &mut session).unwrap().is_allowed());
    }
}

/// What a rule hears of a request that comes in bytes.
fn heard(words: &str) -> String {
    let evaluator = evaluator(&format!("package acme\nrule r on Pod {{\n  deny message \"{words}\"\n}}\n"));
    let body =
        review("CREATE", r#""userInfo": {"username": "ann"}, "object": {"metadata": {"name": "web"}}"#);
    let mut session = Session::new();
    let answer = evaluator.review(&body, &Cluster::empty(), &mut session).unwrap();
    answer.denials().next().unwrap().to_owned()
}

#[test]
fn rules_hear_what_the_request_says() {
    let words = "{request.uid} {request.operation} {request.kind} {request.namespace} {user.name}";
    assert_eq!(heard(words), "u-1 create Pod shop ann");
}

#[test]
fn rules_hear_the_resource_of_the_request() {
    assert_eq!(heard("{request.resource}"), "pods");
}
