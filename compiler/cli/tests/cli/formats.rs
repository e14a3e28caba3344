//! Every format, with findings and without.

use crate::run::{CLEAN, OPEN, WRONG, World};

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
  containers:
  - name: app
    image: nginx
    securityContext:
      privileged: true
";

const TESTED: &str = r#"
test no_privileged "this holds" {
  given Pod { spec.containers: [{ name: "app", securityContext.privileged: true }] }
  expect deny
}

test no_privileged "this does not" {
  given Pod { spec.containers: [{ name: "app" }] }
  expect deny
}
"#;

fn check(format: &str) -> String {
    World::with(&[("clean.kpol", CLEAN), ("open.kpol", OPEN), ("wrong.kpol", WRONG)])
        .run(&format!("check --format {format}"))
        .shown()
}

fn eval(format: &str) -> String {
    World::with(&[("clean.kpol", CLEAN), ("pod.yaml", POD)])
        .run(&format!("eval -p clean.kpol pod.yaml --format {format}"))
        .shown()
}

/// Times differ from run to run.
fn test(format: &str) -> String {
    let shown = World::with(&[("tests.kpol", &format!("{CLEAN}{TESTED}"))])
        .run(&format!("test --format {format}"))
        .shown();
    let mut out = String::new();
    for line in shown.lines() {
        let line = match (line.find("time=\""), line.find("\"seconds\": ")) {
            (Some(at), _) => {
                let rest = line[at + 6..].find('"').unwrap();
                format!("{}time=\"T{}", &line[..at], &line[at + 6 + rest..])
            }
            (None, Some(at)) => format!("{}\"seconds\": 0.0", &line[..at]),
            (None, None) => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[test]
fn check_human() {
    insta::assert_snapshot!(check("human"));
}

#[test]
fn check_short() {
    insta::assert_snapshot!(check("short"));
}

#[test]
fn check_json() {
    insta::assert_snapshot!(check("json"));
}

#[test]
fn check_sarif() {
    // The pages of the codes have snapshots of their own.
    let shown: String = check("sarif")
        .lines()
        .filter(|line| !line.contains("\"markdown\": ") && !line.trim_start().starts_with("\"text\": \"# "))
        .map(|line| format!("{line}\n"))
        .collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn check_github() {
    insta::assert_snapshot!(check("github"));
}

#[test]
fn check_junit() {
    insta::assert_snapshot!(check("junit"));
}

#[test]
fn eval_human() {
    insta::assert_snapshot!(eval("human"));
}

#[test]
fn eval_short() {
    insta::assert_snapshot!(eval("short"));
}

#[test]
fn eval_json() {
    insta::assert_snapshot!(eval("json"));
}

#[test]
fn eval_sarif() {
    insta::assert_snapshot!(eval("sarif"));
}

#[test]
fn eval_github() {
    insta::assert_snapshot!(eval("github"));
}

#[test]
fn eval_junit() {
    insta::assert_snapshot!(eval("junit"));
}

#[test]
fn tests_human() {
    insta::assert_snapshot!(test("human"));
}

#[test]
fn tests_json() {
    insta::assert_snapshot!(test("json"));
}

#[test]
fn tests_junit() {
    insta::assert_snapshot!(test("junit"));
}

#[test]
fn clean_in_every_format() {
    let world = World::with(&[("clean.kpol", CLEAN)]);
    let all: String = ["human", "short", "json", "sarif", "github", "junit"]
        .map(|format| format!("=== {format}\n{}", world.run(&format!("check --format {format}")).shown()))
        .concat();
    insta::assert_snapshot!(all);
}

#[test]
fn github_is_chosen_where_it_reads_along_and_says_so() {
    let world = World::with(&[("a.kpol", WRONG)]).env("GITHUB_ACTIONS", "true");
    let ran = world.run("check");
    assert!(ran.out.starts_with("::error file=a.kpol,line=4,"), "{ran:?}");
    assert!(ran.err.starts_with("note: writing annotations for GitHub Actions"), "{ran:?}");
    assert!(world.run("check --format short").out.starts_with("a.kpol:4:25"));
    assert!(world.terminal().run("check").out.contains("╭"));
}

#[test]
fn the_job_summary_is_appended() {
    let world = World::with(&[("a.kpol", WRONG), ("summary.md", "before\n")]);
    let path = world.dir().join("summary.md").display().to_string();
    let world = world.env("GITHUB_STEP_SUMMARY", path);
    world.run("check --format github");
    let summary = world.read("summary.md");
    assert!(summary.starts_with("before\n### kpolc check\n"), "{summary}");
    assert!(summary.contains("| error | E0201 | Pod"), "{summary}");
}

#[test]
fn colors_are_for_terminals() {
    let files = [("a.kpol", WRONG)];
    let colored = |world: World, args: &str| world.run(args).out.contains('\u{1b}');
    assert!(!colored(World::with(&files), "check"));
    assert!(colored(World::with(&files).terminal(), "check"));
    assert!(!colored(World::with(&files).terminal().env("NO_COLOR", "1"), "check"));
    assert!(!colored(World::with(&files).terminal(), "check --color never"));
    assert!(colored(World::with(&files).env("NO_COLOR", "1"), "check --color always"));
    assert!(!colored(World::with(&files).terminal(), "check --format json"));
}

/// Every member that a report has is in the schema, and every required member is in the report.
#[test]
fn json_is_as_its_schema_says() {
    let schema: serde_json::Value =
        serde_json::from_str(&World::with(&[]).run("schema diagnostics").out).unwrap();
    for shown in [check("json"), eval("json"), test("json")] {
        let text = shown.split("\n--- stderr").next().unwrap();
        let report: serde_json::Value = serde_json::from_str(text).unwrap();
        fits(&report, &schema, &schema, "report");
    }
}

/// The part of JSON Schema that the schema uses.
fn fits(value: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(value, root.pointer(&reference[1..]).unwrap(), root, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choice = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return fits(value, choice.unwrap(), root, at);
    }
    if let Some(one) = schema.get("const") {
        assert_eq!(value, one, "{at}");
    }
    if let Some(choices) = schema["enum"].as_array() {
        assert!(choices.contains(value), "{at}: {value}");
    }
    if let Some(properties) = schema["properties"].as_object() {
        let object = value.as_object().unwrap_or_else(|| panic!("{at} is no object: {value}"));
        for required in schema["required"].as_array().unwrap() {
            assert!(object.contains_key(required.as_str().unwrap()), "{at} lacks {required}");
        }
        for (key, inner) in object {
            let schema = properties.get(key).unwrap_or_else(|| panic!("{at} has {key}"));
            fits(inner, schema, root, &format!("{at}.{key}"));
        }
    }
    let types = match &schema["type"] {
        serde_json::Value::Array(types) => types.clone(),
        serde_json::Value::Null => return,
        one => vec![one.clone()],
    };
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    assert!(types.iter().any(|name| is(name.as_str().unwrap())), "{at}: {value} is none of {types:?}");
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().for_each(|value| fits(value, items, root, &format!("{at}[]")));
    }
}
