//! Laws of reports, and a small one in every form.

use kpol_vm::ir::{Mode, Severity};
use serde_json::Value;

use super::*;

fn rule(name: &str, severity: Option<Severity>, meta: Meta) -> Rule {
    Rule::new(name, &Meta { severity, ..meta })
}

fn rules() -> Vec<Rule> {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    vec![
        rule(
            "acme.pods.privileged",
            Some(Severity::Critical),
            Meta {
                doc: "A privileged container owns its node.".into(),
                tags: owned(&["cis.pod.privileged", "nsa.privileged", "pss.baseline.privileged"]),
                mitre: owned(&["T1611"]),
                ..Meta::default()
            },
        ),
        rule(
            "acme.pods.limits",
            Some(Severity::Low),
            Meta { doc: "Containers have limits.".into(), ..Meta::default() },
        ),
        rule(
            "acme.pods.host_pid",
            Some(Severity::High),
            Meta { tags: owned(&["cis.pod.host_pid"]), ..Meta::default() },
        ),
        rule("acme.ingress.tls", None, Meta { tags: owned(&["cis.pod.host_ipc"]), ..Meta::default() }),
    ]
}

fn about() -> About {
    About {
        subject: "cluster prod".into(),
        kubernetes: "1.34".into(),
        bundles: vec![BundleInfo { name: "acme.kpolb".into(), digest: Some("sha256:a1e9".into()) }],
        tool: "kpolc 0.1.0".into(),
        started: "2026-11-23T08:00:00Z".parse().unwrap(),
    }
}

fn pod(namespace: &str, name: &str) -> Resource {
    Resource {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: namespace.into(),
        name: name.into(),
        source: None,
    }
}

fn finding(rule: &str, effect: Effect, resource: Resource) -> Finding {
    Finding {
        rule: rule.into(),
        effect,
        mode: Mode::Deny,
        message: format!("{resource}: no"),
        fix: Some("do not".into()),
        exception: (effect == Effect::Excepted).then(|| "excepted by `acme.legacy`".into()),
        resource,
        blames: vec!["spec.containers[0].securityContext.privileged".into()],
    }
}

const PODS: [&str; 3] = ["acme.pods.privileged", "acme.pods.limits", "acme.pods.host_pid"];

fn add(report: &mut Report, namespace: &str, name: &str, hits: &[(&str, Effect)]) {
    let findings = hits.iter().map(|(rule, effect)| finding(rule, *effect, pod(namespace, name))).collect();
    report.add(Checked { namespace, applied: PODS.to_vec(), findings, ..Checked::default() });
}

fn small() -> Report {
    let mut report = Report::new(about(), rules(), Limits::default());
    add(
        &mut report,
        "shop",
        "web",
        &[(PODS[0], Effect::Deny), (PODS[1], Effect::Warn), (PODS[1], Effect::Warn)],
    );
    add(&mut report, "shop", "good", &[]);
    add(
        &mut report,
        "legacy",
        "<b>old & \"odd\"</b>",
        &[(PODS[0], Effect::Excepted), (PODS[1], Effect::Record)],
    );
    add(&mut report, "", "loose", &[]);
    report.fail(pod("shop", "huge"), "the rule acme.pods.limits ran out of steps".into());
    report.finish("2026-11-23T08:00:02.5Z".parse().unwrap());
    report
}

/// With many of everything.
fn large(limits: Limits) -> Report {
    let mut report = Report::new(about(), rules(), limits);
    for n in 0..3_000_usize {
        let namespace = format!("ns-{}", n % 70);
        let effect = Effect::ALL[n % 4];
        add(
            &mut report,
            &namespace,
            &format!("pod-{n}"),
            &[(PODS[n % 2], effect), ("nobody.declared", Effect::Warn)],
        );
    }
    report
}

fn sum<'a>(counts: impl Iterator<Item = &'a Counts>) -> Counts {
    let mut all = Counts::default();
    counts.for_each(|counts| all.merge(*counts));
    all
}

#[test]
fn totals_add_up_whichever_way_they_are_counted() {
    let tight = Limits { findings_per_rule: 3, bytes: 1_000, namespaces: 5 };
    for report in [small(), large(Limits::default()), large(tight)] {
        let counts = report.counts();
        assert_eq!(sum(report.rules().map(|row| &row.counts)), counts);
        assert_eq!(sum(report.namespaces().map(|(_, row)| &row.counts)), counts);
        let by_severity = |severities: Severities| SEVERITIES.map(|s| severities.with(s)).iter().sum::<u64>();
        assert_eq!(by_severity(report.severities()), counts.violations());
        for (_, row) in report.namespaces() {
            assert_eq!(by_severity(row.severities), row.counts.violations());
        }
        assert_eq!(report.namespaces().map(|(_, row)| row.objects).sum::<u64>(), report.objects());
        assert_eq!(report.namespaces().map(|(_, row)| row.clean).sum::<u64>(), report.clean());
        assert_eq!(report.namespaces().map(|(_, row)| row.errors).sum::<u64>(), report.errors());
        assert_eq!(report.left_out() + report.findings().count() as u64, counts.total());
    }
}

#[test]
fn numbers_do_not_depend_on_limits() {
    let tight = large(Limits { findings_per_rule: 0, bytes: 0, namespaces: 0 });
    let wide = large(Limits::default());
    assert_eq!((tight.counts(), tight.severities()), (wide.counts(), wide.severities()));
    assert_eq!(tight.findings().count(), 0);
    assert_eq!(tight.namespaces().map(|(name, _)| name).collect::<Vec<_>>(), [OTHER]);
}

#[test]
fn what_is_kept_is_bounded() {
    let limits = Limits { findings_per_rule: 40, bytes: 1 << 20, namespaces: 7 };
    let report = large(limits);
    for row in report.rules() {
        let excepted = row.findings.iter().filter(|finding| finding.effect == Effect::Excepted).count();
        assert!(row.findings.len() <= 40 && excepted <= 10, "{}", row.rule.name);
    }
    assert_eq!(report.namespaces().count(), 8);
    let few_bytes = large(Limits { bytes: 5_000, ..limits });
    assert!(few_bytes.findings().map(|(_, finding)| finding.bytes()).sum::<usize>() <= 5_000);
    assert!(few_bytes.findings().count() > 3);

    let mut report = Report::new(about(), rules(), Limits::default());
    let long = "x".repeat(1 << 20);
    let big = Finding {
        message: long.clone(),
        blames: vec![long.clone(); 100],
        ..finding(PODS[0], Effect::Deny, pod("n", &long))
    };
    report.add(Checked { namespace: &long, findings: vec![big], ..Checked::default() });
    assert!(report.findings().all(|(_, finding)| finding.bytes() < 32 << 10));
    assert_eq!(report.namespaces().map(|(name, _)| name).collect::<Vec<_>>(), [OTHER]);
    (0..1_000).for_each(|_| report.fail(pod("n", &long), long.clone()));
    assert_eq!((report.failures().len(), report.errors()), (MAX_FAILURES, 1_000));
}

#[test]
fn a_control_passes_only_if_its_rules_looked_at_something() {
    let report = small();
    let controls = report.controls();
    let status = |id: &str| controls.iter().find(|row| row.control.id == id).unwrap().status;
    assert_eq!(status("cis.pod.privileged"), Status::Fail);
    assert_eq!(status("cis.pod.host_pid"), Status::Pass);
    assert_eq!(status("cis.pod.host_ipc"), Status::NotChecked);
    assert_eq!(status("cis.pod.host_network"), Status::NotCovered);
    assert_eq!(status("T1611"), Status::Fail);
    let mut excused = Report::new(about(), rules(), Limits::default());
    add(&mut excused, "shop", "web", &[(PODS[0], Effect::Excepted)]);
    assert_eq!(
        excused.controls().iter().find(|row| row.control.id == "T1611").unwrap().status,
        Status::Excepted
    );
    assert_eq!((excused.clean(), excused.counts().violations()), (1, 0));
}

#[test]
fn every_control_is_in_a_report_once() {
    let report = small();
    let controls = report.controls();
    let ids: std::collections::BTreeSet<_> = controls.iter().map(|row| row.control.id.to_string()).collect();
    assert_eq!(ids.len(), controls.len());
    assert_eq!(controls.len(), kpol_stdlib::controls::controls().len() + 1);
    assert!(controls.is_sorted_by_key(|row| row.control.framework));
}

#[test]
fn an_object_breaks_a_rule_once_however_many_findings_there_are() {
    let report = small();
    let limits = report.rules().find(|row| row.rule.name == PODS[1]).unwrap();
    assert_eq!((limits.objects, limits.broken, limits.counts.warn), (4, 2, 2));
    let shop = report.namespaces().find(|(name, _)| *name == "shop").unwrap().1;
    assert_eq!((shop.objects, shop.clean, shop.passes, shop.errors), (2, 1, 4, 1));
}

#[test]
fn a_summary_comes_back_as_it_was_and_says_what_has_changed() {
    let before = Summary::of(&small());
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(Summary::from_json(&text), Ok(before.clone()));
    assert!(Summary::from_json("{}").is_err());
    assert!(
        Summary::from_json(&text.replacen("\"version\":1", "\"version\":2", 1))
            .unwrap_err()
            .contains("version 2")
    );

    let mut now = small();
    add(&mut now, "new", "web", &[(PODS[0], Effect::Deny)]);
    now.previous = Some(before.clone());
    assert_eq!(now.change().unwrap().to_string(), "▲ 1");
    assert_eq!(before.namespace("new"), Some(0));
    assert_eq!(before.control("cis.pod.privileged"), Some(1));
    assert_eq!(before.control("cis.pod.host_network"), None);
    assert!(
        now.controls()
            .iter()
            .all(|row| row.status == Status::NotCovered || before.control(&row.control.id).is_some())
    );
}

#[test]
fn a_summary_fits_into_a_config_map() {
    let mut report = Report::new(about(), rules(), Limits::default());
    for n in 0..10_000 {
        add(&mut report, &format!("{n:0>63}"), "web", &[(PODS[0], Effect::Deny)]);
    }
    let summary = Summary::of(&report);
    assert!(serde_json::to_string(&summary).unwrap().len() < 1 << 19);
    assert!(summary.is_cut && summary.namespace("elsewhere").is_none());
}

#[test]
fn a_small_report_as_html() {
    let mut report = small();
    report.previous = Some(Summary::of(&large(Limits::default())));
    let page = html(&report);
    // The style has no snapshot: it is looked at.
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!(format!("{head}{body}").replace("><", ">\n<"));
}

#[test]
fn no_text_of_an_object_is_markup() {
    let page = html(&small());
    assert!(!page.contains("<b>old"), "a name is markup");
    assert!(page.contains("&lt;b&gt;old &amp; &quot;odd&quot;&lt;"));
    let odd = "\"><script>alert(1)</script>";
    let mut report = Report::new(
        About {
            subject: odd.into(),
            kubernetes: odd.into(),
            tool: odd.into(),
            bundles: vec![BundleInfo { name: odd.into(), digest: Some(odd.into()) }],
            ..about()
        },
        [Rule::new(odd, &Meta { doc: odd.into(), mitre: vec![odd.into()], ..Meta::default() })],
        Limits::default(),
    );
    let bad = Finding {
        message: odd.into(),
        fix: Some(odd.into()),
        exception: Some(odd.into()),
        blames: vec![odd.into()],
        ..finding(odd, Effect::Deny, pod(odd, odd))
    };
    report.add(Checked { namespace: odd, applied: vec![odd], findings: vec![bad], ..Checked::default() });
    report.fail(pod(odd, odd), odd.into());
    let page = html(&report);
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains(odd));
}

#[test]
fn a_page_loads_nothing() {
    let page = html(&small());
    for word in ["<script", "src=", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
    assert_eq!(page.matches("<link").count(), 0);
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    for report in [small(), large(Limits::default()), Report::new(about(), rules(), Limits::default())] {
        let page = html(&report);
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert_eq!(page.matches(&format!("id=\"{name}\"")).count(), 1, "{name}");
        }
    }
}

#[test]
fn a_small_report_for_the_cluster() {
    for (name, api) in [("policy_report", ReportApi::PolicyReport), ("open_reports", ReportApi::OpenReports)]
    {
        let all = policy_reports(&small(), api);
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&all).unwrap());
    }
}

#[test]
fn a_report_for_the_cluster_fits_into_etcd_and_says_what_is_left_out() {
    let mut report =
        Report::new(about(), rules(), Limits { findings_per_rule: 100_000, ..Limits::default() });
    let long = "x".repeat(900);
    for n in 0..3_000 {
        let found =
            Finding { message: long.clone(), ..finding(PODS[n % 2], Effect::Deny, pod("shop", "web")) };
        report.add(Checked { namespace: "shop", findings: vec![found], ..Checked::default() });
    }
    let all = policy_reports(&report, ReportApi::PolicyReport);
    let shop = all.iter().find(|one| one["metadata"]["namespace"] == "shop").unwrap();
    assert!(shop.to_string().len() < 1 << 20);
    let results = shop["results"].as_array().unwrap();
    let left_out: usize =
        shop["metadata"]["annotations"]["kpol.dev/results-left-out"].as_str().unwrap().parse().unwrap();
    assert_eq!((results.len() + left_out, &shop["summary"]["fail"]), (3_000, &Value::from(3_000)));
    // The worst come first.
    assert!(results.iter().all(|result| result["severity"] == "critical"));
}

#[test]
fn a_small_report_as_lines() {
    let mut lines = Vec::new();
    json_lines(&small(), &mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(lines.lines().count(), 6);
    for line in lines.lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap().is_object());
    }
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(serde_json::from_value::<Summary>(last["summary"].clone()).unwrap(), Summary::of(&small()));
    insta::assert_snapshot!(lines);
}

#[test]
fn a_report_as_json_has_all_tables() {
    let mut report = small();
    report.previous = Some(Summary::of(&small()));
    let mut text = Vec::new();
    json(&report, &mut text).unwrap();
    let document: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(document["totals"]["counts"]["deny"], 1);
    assert_eq!(document["since"]["violations"], 0);
    assert_eq!(document["controls"].as_array().unwrap().len(), report.controls().len());
    assert_eq!(document["findings"][0]["rule"], PODS[1]);
    assert_eq!(document["rules"].as_array().unwrap().len(), rules().len());
}

#[test]
fn an_empty_report_is_a_report() {
    let report = Report::new(about(), [], Limits::default());
    assert!(html(&report).contains("No object was judged."));
    assert_eq!(policy_reports(&report, ReportApi::default()).len(), 1);
    assert!(report.controls().iter().all(|row| row.status == Status::NotCovered));
}
