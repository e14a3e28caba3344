//! SARIF 2.1.0, as code scanning takes it: rules with their pages, results with fixes, MITRE and control taxonomies.

use std::collections::BTreeMap;

use kpol_grammar::diagnostic::{Diagnostic, Severity as Level};
use kpol_stdlib::{controls, mitre};
use kpol_vm::ir::Severity;
use serde_json::{Value, json};

use super::{problems_and_notes, severity_word};
use crate::{
    CliError, codes,
    report::{Finding, Outcome, Place, Problem, Report, TestFailure, TestOutcome, TestResult},
};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const ATTACK: &str = "MITRE ATT&CK";
const CIS: &str = "CIS Kubernetes Benchmark";
const CONTROLS: &str = "kpol controls";
/// The rule of tests that fail.
const TEST: &str = "test";

pub(crate) fn report(report: &Report) -> Result<String, CliError> {
    let mut rules = Rules::default();
    let mut results: Vec<Value> = Vec::new();
    results.extend(report.diagnostics.iter().map(|diagnostic| of_diagnostic(diagnostic, report, &mut rules)));
    results.extend(report.findings.iter().map(|finding| of_finding(finding, &mut rules)));
    for test in &report.tests {
        if let TestOutcome::Failed(failures) = &test.outcome {
            results.extend(failures.iter().map(|failure| of_failure(test, failure, &mut rules)));
        }
    }
    let notifications: Vec<Value> =
        problems_and_notes(report).map(|(problem, level)| of_problem(problem, level)).collect();
    let run = json!({
        "tool": { "driver": {
            "name": "kpolc",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.list,
            "supportedTaxonomies": rules.taxonomies.keys().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        } },
        "columnKind": "unicodeCodePoints",
        "invocations": [{
            "executionSuccessful": report.problems.is_empty(),
            "toolExecutionNotifications": notifications,
        }],
        "taxonomies": rules.taxonomies(),
        "results": results,
    });
    super::to_json(&json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] }))
}

/// The rules that results name, each once, and what they refer to.
#[derive(Default)]
struct Rules {
    list: Vec<Value>,
    index: BTreeMap<String, usize>,
    /// Taxa by taxonomy and id.
    taxonomies: BTreeMap<&'static str, BTreeMap<String, Value>>,
}

impl Rules {
    /// The index of the rule `id`; `make` describes it when it is new.
    fn index(&mut self, id: &str, make: impl FnOnce(&mut Rules) -> Value) -> usize {
        if let Some(index) = self.index.get(id) {
            return *index;
        }
        let rule = make(self);
        self.list.push(rule);
        let index = self.list.len() - 1;
        self.index.insert(id.to_owned(), index);
        index
    }

    /// A reference to a taxon, which is taken up.
    fn relation(&mut self, taxonomy: &'static str, id: &str, taxon: Value) -> Value {
        self.taxonomies.entry(taxonomy).or_default().insert(id.to_owned(), taxon);
        json!({ "target": { "id": id, "toolComponent": { "name": taxonomy } }, "kinds": ["relevant"] })
    }

    fn taxonomies(&self) -> Vec<Value> {
        let component = |(name, taxa): (&&str, &BTreeMap<String, Value>)| {
            let mut component = json!({
                "name": name,
                "isComprehensive": false,
                "taxa": taxa.values().collect::<Vec<_>>(),
            });
            let about = match *name {
                ATTACK => vec![
                    ("organization", "MITRE".to_owned()),
                    ("version", mitre::version().to_owned()),
                    ("informationUri", "https://attack.mitre.org/".to_owned()),
                ],
                CIS => vec![
                    ("organization", "Center for Internet Security".to_owned()),
                    ("informationUri", "https://www.cisecurity.org/benchmark/kubernetes".to_owned()),
                ],
                _ => vec![("organization", "kpol".to_owned())],
            };
            for (key, value) in about {
                set(&mut component, key, value.into());
            }
            component
        };
        self.taxonomies.iter().map(component).collect()
    }
}

fn of_diagnostic(diagnostic: &Diagnostic, report: &Report, rules: &mut Rules) -> Value {
    let level = match diagnostic.severity {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let index = rules.index(diagnostic.code, |_| of_code(diagnostic.code, level));
    let (first, related) = match diagnostic.labels.split_first() {
        Some((first, related)) => (report.place(first.span), related),
        None => (None, [].as_slice()),
    };
    let related: Vec<Value> = related
        .iter()
        .filter_map(|label| Some((report.place(label.span)?, &label.text)))
        .map(|(place, text)| with_message(location(&place), text))
        .collect();
    let helps = diagnostic.helps.iter().map(|help| format!("\nhelp: {help}"));
    let notes = diagnostic.notes.iter().map(|note| format!("\nnote: {note}"));
    let text: String = std::iter::once(super::headline(diagnostic)).chain(helps).chain(notes).collect();
    let mut result = result(diagnostic.code, index, level, &text, first.as_ref());
    if !related.is_empty() {
        set(&mut result, "relatedLocations", related.into());
    }
    let fix = diagnostic.fix.as_ref().and_then(|fix| Some((report.place(fix.span)?, &fix.replacement)));
    if let Some((place, replacement)) = fix {
        set(
            &mut result,
            "fixes",
            json!([{ "artifactChanges": [{
            "artifactLocation": { "uri": uri(&place.text.name) },
            "replacements": [{ "deletedRegion": region(&place), "insertedContent": { "text": replacement } }],
        }] }]),
        );
    }
    result
}

fn of_code(code: &str, level: &str) -> Value {
    let info = codes::code(code);
    let title = info.map_or(code, |info| info.title);
    let page = info.map_or(code, |info| info.page);
    json!({
        "id": code,
        "shortDescription": { "text": title },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": level },
    })
}

fn of_finding(finding: &Finding, rules: &mut Rules) -> Value {
    let index = rules.index(&finding.rule, |rules| of_rule(finding, rules));
    let level = match finding.outcome {
        Outcome::Denied => "error",
        Outcome::Warned => "warning",
        Outcome::Recorded | Outcome::Excepted => "note",
    };
    let fix = finding.fix.as_ref().map_or(String::new(), |fix| format!("\nfix: {fix}"));
    let text = format!("{}: {}{fix}", finding.object, finding.message);
    let mut result = result(&finding.rule, index, level, &text, finding.place.as_ref());
    let paths: Vec<Value> = finding
        .blames
        .iter()
        .map(|(path, _)| json!({ "fullyQualifiedName": format!("{}: {path}", finding.object), "kind": "member" }))
        .collect();
    if finding.place.is_none() {
        set(
            &mut result,
            "locations",
            json!([{ "physicalLocation": { "artifactLocation": { "uri": uri(&finding.file) } } }]),
        );
    }
    if !paths.is_empty()
        && let Some(location) = result.pointer_mut("/locations/0")
    {
        set(location, "logicalLocations", paths.into());
    }
    if finding.outcome == Outcome::Excepted {
        let why = finding.exception.clone().unwrap_or_default();
        set(&mut result, "suppressions", json!([{ "kind": "external", "justification": why }]));
    }
    set(&mut result, "properties", json!({ "object": finding.object, "outcome": finding.outcome.word() }));
    result
}

/// The description of a rule of a policy, by one of its findings.
fn of_rule(finding: &Finding, rules: &mut Rules) -> Value {
    let mut relations = Vec::new();
    for id in &finding.mitre {
        if let Some(technique) = mitre::technique(id) {
            let taxon = json!({ "id": id, "name": technique.name, "helpUri": technique.url() });
            relations.push(rules.relation(ATTACK, id, taxon));
        }
    }
    for number in &finding.cis {
        relations.push(rules.relation(CIS, number, json!({ "id": number })));
    }
    for control in finding.tags.iter().filter_map(|tag| controls::control(tag)) {
        let taxon = json!({
            "id": control.id,
            "shortDescription": { "text": control.title },
            "helpUri": control.reference,
        });
        relations.push(rules.relation(CONTROLS, control.id, taxon));
    }
    let short = finding.doc.lines().next().filter(|line| !line.is_empty()).unwrap_or(&finding.rule);
    let doc = if finding.doc.is_empty() { &finding.rule } else { &finding.doc };
    let mut tags = vec!["security".to_owned()];
    tags.extend(finding.tags.iter().cloned());
    let mut rule = json!({
        "id": finding.rule,
        "shortDescription": { "text": short },
        "fullDescription": { "text": doc },
        "help": { "text": help(finding), "markdown": help(finding) },
    });
    let mut properties = json!({ "tags": tags });
    if let Some(first) = finding.refs.first() {
        set(&mut rule, "helpUri", first.as_str().into());
    }
    if let Some(severity) = finding.severity {
        set(&mut properties, "security-severity", score(severity).into());
        set(&mut properties, "severity", severity_word(severity).into());
    }
    set(&mut rule, "properties", properties);
    if !relations.is_empty() {
        set(&mut rule, "relationships", relations.into());
    }
    rule
}

fn help(finding: &Finding) -> String {
    let mut help = if finding.doc.is_empty() { finding.rule.clone() } else { finding.doc.clone() };
    if !finding.refs.is_empty() {
        help.push_str("\n\n");
        help.extend(finding.refs.iter().map(|link| format!("- {link}\n")));
    }
    help
}

/// In the bands that GitHub reads: above 9 critical, 7 to 8.9 high, 4 to 6.9 medium, below low.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

fn of_failure(test: &TestResult, failure: &TestFailure, rules: &mut Rules) -> Value {
    let index = rules
        .index(TEST, |_| json!({ "id": TEST, "shortDescription": { "text": "a test of a policy fails" } }));
    let notes: String = failure.notes.iter().map(|note| format!("\n{note}")).collect();
    let text = format!("{} \"{}\": {}{notes}", test.subject, test.name, failure.message);
    result(TEST, index, "error", &text, Some(&failure.place))
}

fn of_problem(problem: &Problem, level: &str) -> Value {
    let help = problem.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
    let mut notification =
        json!({ "level": level, "message": { "text": format!("{}{help}", problem.message) } });
    match (&problem.place, &problem.file) {
        (Some(place), _) => set(&mut notification, "locations", json!([location(place)])),
        (None, Some(file)) => {
            let artifact = json!({ "physicalLocation": { "artifactLocation": { "uri": uri(file) } } });
            set(&mut notification, "locations", json!([artifact]));
        }
        (None, None) => {}
    }
    notification
}

fn result(rule: &str, index: usize, level: &str, text: &str, place: Option<&Place>) -> Value {
    json!({
        "ruleId": rule,
        "ruleIndex": index,
        "level": level,
        "message": { "text": text },
        "locations": place.iter().map(|place| location(place)).collect::<Vec<_>>(),
    })
}

fn location(place: &Place) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&place.text.name) },
        "region": region(place),
    } })
}

fn with_message(mut location: Value, text: &str) -> Value {
    if !text.is_empty() {
        set(&mut location, "message", json!({ "text": text }));
    }
    location
}

fn region(place: &Place) -> Value {
    let ((line, column), (end_line, end_column)) = (place.start(), place.end());
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

/// Adds a member to an object.
fn set(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(key.to_owned(), value);
    }
}

/// A path as a URI reference: relative as it is, absolute with its scheme.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into())
            }
            b'\\' => out.push('/'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
