//! Bad input to `kpolc eval`: each a clear error with its place and the right exit code, and nothing left out in
//! silence. 2: the input or the command line is at fault; 1: the policy is.

use std::{io::ErrorKind, time::Instant};

use crate::world::{Broken, World};

const POLICY: &str = r#"package acme

rule no_priv on Workload {
  severity high
  for c in pod.spec.all_containers {
    deny when c.securityContext.privileged message "{c.name} is privileged"
  }
}
"#;

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: a
    image: nginx
    securityContext: {privileged: true}
";

const FOUND: &str = "pod.yaml:8:23: denied[acme.no_priv]: Pod shop/web: a is privileged";

fn world() -> World {
    World::with(&[("p.kpol", POLICY), ("pod.yaml", POD)])
}

/// The only line of a run on a manifest of this content.
fn manifest(code: u8, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let world = world();
    world.write(name, bytes);
    let lines = world.lines(code, &format!("eval -p p.kpol {name}"));
    assert!(lines.len() <= 1, "{lines:#?}");
    lines.concat()
}

fn policy(code: u8, bytes: impl AsRef<[u8]>) -> Vec<String> {
    let world = world();
    world.write("bad.kpol", bytes);
    world.lines(code, "eval -p bad.kpol pod.yaml")
}

#[test]
fn a_manifest_that_is_no_utf_8() {
    let line = manifest(2, "m.yaml", b"kind: Pod\nname: \xff\n");
    assert_eq!(line, "m.yaml:2:7: error: byte 16 (0xff, line 2, column 7) is not UTF-8");
}

#[test]
fn a_policy_that_is_no_utf_8() {
    assert_eq!(policy(2, b"package a\n\xff")[0], "error: bad.kpol:2:1: byte 10 is not UTF-8");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_trouble() {
    for text in [format!("\u{feff}{POD}"), POD.replace('\n', "\r\n")] {
        assert_eq!(manifest(1, "pod.yaml", text), FOUND);
    }
    for text in [format!("\u{feff}{POLICY}"), POLICY.replace('\n', "\r\n")] {
        assert_eq!(policy(1, text), [FOUND]);
    }
}

#[test]
fn nul_bytes() {
    assert_eq!(
        manifest(2, "m.yaml", "a: \"b\0\"\n"),
        "m.yaml:1:6: error: the character U+0000 is not allowed in YAML"
    );
    assert!(manifest(2, "m.json", "{\"a\": \"b\0\"}").starts_with("m.json:1:9: error: "));
    assert!(policy(1, "package a\0")[0].starts_with("bad.kpol:1:10: error[E0106]: "));
}

#[test]
fn files_with_nothing_in_them_are_said() {
    for text in ["", "# nothing\n", "---\n---\n", "null\n"] {
        assert_eq!(manifest(0, "m.yaml", text), "m.yaml: warning: there is no object in this file");
    }
    assert_eq!(manifest(0, "m.json", ""), "m.json: warning: there is no object in this file");
    assert_eq!(policy(2, "")[0], "error: the policies hold no rules");
    assert_eq!(policy(2, "// nothing\n")[0], "error: the policies hold no rules");
}

#[test]
fn depth_is_bounded_in_every_syntax() {
    let deep = 10_000;
    let block: String = (0..300).map(|indent| format!("{:indent$}a:\n", "")).collect();
    for (name, text) in [
        ("m.yaml", format!("a: {}{}\n", "[".repeat(deep), "]".repeat(deep))),
        ("m.yaml", format!("{}{}\n", "{a: ".repeat(deep), "}".repeat(deep))),
        ("m.yaml", format!("{}x\n", "- ".repeat(deep))),
        ("m.yaml", block),
        ("m.json", format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep))),
        ("m.json", "[".repeat(deep)),
    ] {
        let line = manifest(2, name, text);
        assert!(line.ends_with(": error: lists and objects are more than 128 deep here"), "{line}");
    }
    let nested = format!(
        "package a\nrule r on Pod {{ deny when {}true{} message \"m\" }}",
        "(".repeat(deep),
        ")".repeat(deep)
    );
    assert!(policy(1, nested)[0].starts_with("bad.kpol:2:"));
}

#[test]
fn anchors_do_not_multiply_without_end() {
    let lists: String =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect();
    let merges: String =
        (1..60).map(|n| format!("a{n}: &a{n} {{<<: *a{0}, x{n}: *a{0}, y: *a{0}}}\n", n - 1)).collect();
    for text in [format!("a0: &a0 [x, x]\n{lists}"), format!("a0: &a0 {{k: v}}\n{merges}")] {
        let start = Instant::now();
        let line = manifest(2, "m.yaml", text);
        assert!(line.contains("makes the file's aliases stand for more than 2000000 values"), "{line}");
        assert!(start.elapsed().as_secs() < 30);
    }
}

#[test]
fn a_file_above_the_limit() {
    let world = world();
    let lines = world.lines(2, "eval -p p.kpol pod.yaml --max-bytes 20");
    assert_eq!(lines, ["pod.yaml:2:6: error: the file has more than 20 bytes"]);
    assert_eq!(world.lines(1, &format!("eval -p p.kpol pod.yaml --max-bytes {}", u64::MAX)), [FOUND]);
}

#[test]
fn a_place_in_a_large_file_costs_what_is_shown_of_it() {
    let world = world();
    world.write("long.yaml", format!("a: \"{}\"\n", "x".repeat(20_000_000)));
    let start = Instant::now();
    let ran = world.run("eval -p p.kpol long.yaml --max-bytes 10000000");
    assert_eq!(ran.code, 2);
    assert!(ran.out.len() < 2000 && ran.out.contains("long.yaml:1:10000001"), "{}", ran.out.len());
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn duplicate_keys() {
    let line = manifest(2, "m.yaml", "kind: Pod\nspec: {a: 1}\nspec: {b: 2}\n");
    assert_eq!(line, "m.yaml:3:1: error: the key `spec` stands twice in this object");
    let line = manifest(2, "m.json", r#"{"a": 1, "a": 2}"#);
    assert_eq!(line, "m.json:1:10: error: the key `a` stands twice in this object");
}

#[test]
fn values_of_wrong_types() {
    let world = world();
    world.write(
        "m.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: w, labels: {a: 1}}\nspec:\n  hostNetwork: \"true\"\n  nodeSelector: [a]\n  \
         containers:\n  - {name: a, resources: {limits: {memory: abc}}, foo: 1}\n  - text\n",
    );
    assert_eq!(
        world.lines(2, "eval -p p.kpol m.yaml"),
        [
            "m.yaml:3:30: error: Pod w: `metadata.labels.a`: expected a string, found an integer",
            "m.yaml:5:3: error: Pod w: `spec.hostNetwork`: expected a boolean, found a string",
            "m.yaml:6:3: error: Pod w: `spec.nodeSelector`: expected an object, found a list",
            "m.yaml:8:36: error: Pod w: `spec.containers[0].resources.limits.memory`: `abc` is not a valid quantity: a number is missing",
            "m.yaml:9:5: error: Pod w: `spec.containers[1]`: expected an object (Container), found a string",
            "m.yaml:8:51: warning: Pod w: Container has no field `foo`",
        ]
    );
}

#[test]
fn an_error_behind_many_warnings_is_an_error() {
    let fields: String = (0..300).map(|n| format!("  odd{n}: 1\n")).collect();
    let world = world();
    world.write("m.yaml", format!("apiVersion: v1\nkind: Pod\nspec:\n{fields}  hostNetwork: 3\n"));
    let lines = world.lines(2, "eval -p p.kpol m.yaml");
    assert_eq!(
        lines[0],
        "m.yaml:304:3: error: Pod (no name): `spec.hostNetwork`: expected a boolean, found an integer"
    );
    assert_eq!(
        lines.last().unwrap(),
        "m.yaml:1:1: warning: Pod (no name): 200 more problems of this object are not listed"
    );
}

#[test]
fn what_is_no_object() {
    let header = "this is no Kubernetes object: ";
    for (text, why) in [
        ("a: 1", "1:1: error: %it has no `kind`"),
        ("kind: Pod", "1:1: error: Pod (no name): %it has no `apiVersion`"),
        ("apiVersion: v1", "1:1: error: %it has no `kind`"),
        ("apiVersion: \"\"\nkind: Pod", "1:1: error: Pod (no name): %its `apiVersion` is empty"),
        (
            "apiVersion: 1\nkind: Pod",
            "1:1: error: Pod (no name): %its `apiVersion` is an integer where text is expected",
        ),
        ("apiVersion: v1\nkind: [Pod]", "2:1: error: %its `kind` is a list where text is expected"),
        ("- a", "1:1: error: %it is a list"),
        ("text", "1:1: error: %it is a string"),
        ("apiVersion: v1\nkind: List", "1:1: error: List (no name): this List has no list of `items`"),
        (
            "apiVersion: v1\nkind: List\nitems: {a: 1}",
            "3:1: error: List (no name): this List has no list of `items`",
        ),
        ("apiVersion: v1\nkind: List\nitems: [null]", "3:9: error: %it is null"),
    ] {
        assert_eq!(manifest(2, "m.yaml", text), format!("m.yaml:{}", why.replace('%', header)));
    }
}

#[test]
fn lists_in_lists_are_opened() {
    let item = "{apiVersion: v1, kind: Pod, metadata: {name: in}, spec: {containers: [{name: z, securityContext: {privileged: true}}]}}";
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: List, items: [{item}]}}\n- {{apiVersion: v1, kind: PodList, items: null}}\n"
    );
    assert!(manifest(1, "m.yaml", list).ends_with(": denied[acme.no_priv]: Pod in: z is privileged"));
}

/// As the API server writes them, and `kubectl get --raw`.
#[test]
fn items_of_typed_lists_are_what_their_list_says() {
    let item = "{metadata: {name: in}, spec: {containers: [{name: z, securityContext: {privileged: true}}]}}";
    let list = |head: &str| format!("{head}\nitems:\n- metadata: {{name: other}}\n  spec: {{}}\n- {item}\n");
    assert_eq!(
        manifest(1, "m.yaml", list("apiVersion: v1\nkind: PodList")),
        "m.yaml:6:74: denied[acme.no_priv]: Pod in: z is privileged"
    );
    let line = manifest(2, "m.yaml", list("apiVersion: v1\nkind: PodList").replace("z, ", "z, image: 1, "));
    assert_eq!(
        line,
        "m.yaml:6:56: error: Pod in: `spec.containers[0].image`: expected a string, found an integer"
    );
    let world = world();
    world.write("m.yaml", list("apiVersion: v1\nkind: List"));
    let lines = world.lines(2, "eval -p p.kpol m.yaml");
    assert_eq!(lines[0], "m.yaml:4:3: error: this is no Kubernetes object: it has no `kind`");
}

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.acme.io}
spec:
  group: acme.io
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer}}}
";

const WIDGET: &str = "apiVersion: acme.io/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n";

#[test]
fn unknown_kinds() {
    let world = world();
    world.write("typo.yaml", "apiVersion: apps/v1\nkind: Deploymnt\n");
    world.write("old.yaml", "apiVersion: extensions/v1beta1\nkind: Deployment\n");
    world.write("widget.yaml", WIDGET);
    for (file, at, help) in [
        ("typo.yaml", "Deploymnt` of `apps/v1", "did you mean `Deployment`?"),
        ("widget.yaml", "Widget` of `acme.io/v1", "--skip-unknown-kinds"),
        ("old.yaml", "Deployment` of `extensions/v1beta1", "--skip-unknown-kinds"),
    ] {
        let report = world.json(2, &format!("eval -p p.kpol {file}"));
        let problem = &report["problems"][0];
        assert!(
            problem["message"].as_str().unwrap().contains(&format!("the kind `{at}` is not known")),
            "{problem}"
        );
        assert!(problem["help"].as_str().unwrap().contains(help), "{problem}");
        assert_eq!(problem["place"]["line"], 2);
    }
    let ran = world.run("eval -p p.kpol widget.yaml pod.yaml --skip-unknown-kinds");
    assert_eq!(ran.code, 1);
    assert_eq!(ran.err, "judged 1 object by 1 rule: 1 violation, 1 object of unknown kinds passed over\n");
}

/// A CronJob of Kubernetes 1.24 runs pods, too: a rule on Workload must not let it by.
#[test]
fn workloads_of_old_versions_are_workloads() {
    let cron = format!(
        "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {{name: c}}\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec: {}\n",
        "{containers: [{name: a, image: i, securityContext: {privileged: true}}]}"
    );
    assert_eq!(manifest(1, "m.yaml", cron), "m.yaml:8:67: denied[acme.no_priv]: CronJob c: a is privileged");
}

#[test]
fn kinds_of_crds_are_known_and_checked() {
    let world = world();
    world.write("crd.yaml", CRD);
    world.write("widget.yaml", WIDGET);
    world.write("wrong.yaml", WIDGET.replace('3', "big"));
    world.lines(0, "eval -p p.kpol widget.yaml --crd crd.yaml");
    world.lines(0, "eval -p p.kpol widget.yaml crd.yaml");
    for args in ["wrong.yaml --crd crd.yaml", "wrong.yaml crd.yaml"] {
        let lines = world.lines(2, &format!("eval -p p.kpol {args}"));
        assert_eq!(
            lines,
            ["wrong.yaml:4:8: error: Widget w: `spec.size`: expected an integer, found a string"]
        );
    }
    let lines = world.lines(2, "eval -p p.kpol widget.yaml --crd pod.yaml");
    assert!(lines[0].ends_with("pod.yaml: there is no CustomResourceDefinition in this file"), "{lines:?}");
    assert!(
        world.lines(2, "eval -p p.kpol widget.yaml --crd nope.yaml")[0].contains("nope.yaml: No such file")
    );
}

#[test]
fn fields_that_a_crd_keeps_are_no_surprise() {
    let world = world();
    let keeps = "spec: {x-kubernetes-preserve-unknown-fields: true, type: object";
    world.write("crd.yaml", CRD.replace("spec: {type: object", keeps));
    world.write("widget.yaml", WIDGET.replace("size: 3", "size: 3, other: {a: 1}"));
    assert_eq!(world.lines(0, "eval -p p.kpol widget.yaml --crd crd.yaml"), [""; 0]);
    world.write("crd.yaml", CRD);
    let lines = world.lines(0, "eval -p p.kpol widget.yaml --crd crd.yaml");
    assert!(lines[0].starts_with("widget.yaml:4:17: warning: Widget w: ") && lines.len() == 1, "{lines:?}");
}

#[test]
fn slips_of_yaml_are_explained() {
    let help = |text: &str| {
        let world = world();
        world.write("m.yaml", text);
        world.json(2, "eval -p p.kpol m.yaml")["problems"][0]["help"].as_str().unwrap_or_default().to_owned()
    };
    assert!(help("apiVersion: v1\nkind: Pod\nmetadata: {name: n}\n").contains("put it in quotes"));
    assert_eq!(help("apiVersion: v1\nkind: Pod\nspec: {hostNetwork: 1}\n"), "");
    assert!(help("{{- if .Values.x }}\nkind: Pod\n").contains("helm template"));
    assert!(
        help("kind: Pod\nmetadata:\n  {{- include \"labels\" . | nindent 4 }}\n").contains("helm template")
    );
    assert_eq!(help("kind: Pod\n\tmetadata: x\n"), "");
}

#[test]
fn files_that_are_not_there() {
    let world = world();
    let lines = world.lines(2, "eval -p p.kpol nope.yaml pod.yaml");
    assert_eq!(
        lines,
        ["nope.yaml: error: this cannot be read: No such file or directory (os error 2)", FOUND]
    );
    assert!(world.lines(2, "eval -p nope.kpol pod.yaml")[0].starts_with("error: nope.kpol: No such file"));
    let lines = world.lines(2, "eval -p p.kpol pod.yaml --cluster nope.yaml");
    assert!(lines[0].starts_with("nope.yaml: error: this cannot be read"));
    world.write(
        "kind.kpol",
        "package a\nkind Widget from \"nope.yaml\"\nrule r on Widget { deny message \"m\" }\n",
    );
    assert!(world.lines(1, "eval -p kind.kpol pod.yaml")[0].starts_with("kind.kpol:2:18: error[E0307]: "));
}

#[test]
fn what_a_test_is_given_must_be_sound() {
    let world = world();
    world.write("bad.yaml", b"kind: \xff");
    world.write("odd.yaml", "apiVersion: v1\nkind: Pod\nspec: {hostNetwork: 3}\n");
    world.write("none.yaml", "a: 1\n");
    world.write("empty.yaml", "");
    let test = |name: &str| {
        format!("test no_priv \"{name}\" {{\n  given manifest \"{name}.yaml\"\n  expect pass\n}}\n")
    };
    let tests: String = ["nope", "bad", "odd", "none", "empty"].map(test).concat();
    world.write("t.kpol", format!("{POLICY}{tests}"));
    let lines = world.lines(1, "test t.kpol");
    for (line, (at, why)) in lines.iter().zip([
        ("10:18", "nope.yaml: No such file or directory"),
        ("14:18", "bad.yaml:1:7: byte 6"),
        ("18:18", "`spec.hostNetwork`: expected a boolean, found an integer"),
        ("22:18", "there is something without `apiVersion` and `kind`"),
        ("26:18", "there is no object in this"),
    ]) {
        assert!(line.starts_with(&format!("t.kpol:{at}: failed: ")) && line.contains(why), "{line}");
    }
    assert_eq!(lines.len(), 5);
}

#[test]
fn cycles_in_policies() {
    let world = world();
    world.write("a.kpol", "package acme.a\nuse acme.b.{y}\ndefine x(n: int) = y(n)\nrule r on Pod { deny when x(1) == 1 message \"m\" }\n");
    world.write("b.kpol", "package acme.b\nuse acme.a.{x}\ndefine y(n: int) = x(n)\n");
    let lines = world.lines(1, "eval -p a.kpol pod.yaml");
    assert!(lines.iter().any(|line| line.starts_with("b.kpol:2:5: error[E0306]")), "{lines:#?}");
    let lines =
        policy(1, "package a\nlet x = y\nlet y = x\nrule r on Pod { deny when x == 1 message \"m\" }\n");
    assert!(lines[0].contains("error[E0305]: `x` needs itself: `x` -> `y` -> `x`"), "{lines:#?}");
}

#[test]
fn directories_in_place_of_files() {
    let world = world();
    std::fs::create_dir(world.dir().join("none")).unwrap();
    let lines = world.lines(2, "eval -p p.kpol none");
    assert_eq!(lines, ["none: error: this directory holds no .yaml, .yml, .json or .ndjson files"]);
    assert_eq!(
        world.lines(2, "eval -p none pod.yaml")[0],
        "error: none: there is no .kpol file in this directory"
    );
    assert_eq!(world.lines(1, "eval -p . ."), [FOUND]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_never_round() {
    use std::os::unix::fs::symlink;
    let world = world();
    world.write("dir/in.yaml", POD);
    world.write("far/away.yaml", POD);
    let at = |path: &str| world.dir().join(path);
    symlink(".", at("dir/self")).unwrap();
    symlink(at("far"), at("dir/far")).unwrap();
    symlink("in.yaml", at("dir/again.yaml")).unwrap();
    symlink("two", at("dir/one")).unwrap();
    symlink("one", at("dir/two")).unwrap();
    let lines = world.lines(1, "eval -p p.kpol dir");
    let files: Vec<&str> = lines.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(files, ["dir/again.yaml", "dir/far/away.yaml"]);
    // A manifest that somebody expects to be read.
    symlink("nowhere", at("dir/gone.yaml")).unwrap();
    assert!(world.lines(2, "eval -p p.kpol dir")[0].starts_with("dir/gone.yaml: error: this cannot be read"));
    symlink("two", at("one")).unwrap();
    symlink("one", at("two")).unwrap();
    assert!(
        world.lines(2, "eval -p p.kpol one")[0]
            .starts_with("one: error: this cannot be read: Too many levels")
    );
    assert!(world.lines(2, "eval -p one pod.yaml")[0].starts_with("error: one: Too many levels"));
    assert_eq!(world.lines(1, "eval -p . pod.yaml"), [FOUND]);
}

#[test]
fn a_file_that_is_named_twice_is_judged_once() {
    let world = world();
    assert_eq!(world.lines(1, "eval -p p.kpol -p . -p ./p.kpol pod.yaml ./pod.yaml ."), [FOUND]);
}

#[test]
fn the_same_rule_in_two_policies() {
    let world = world();
    world.write("q.kpol", POLICY);
    let lines = world.lines(1, "eval -p p.kpol -p q.kpol pod.yaml");
    assert!(lines[0].starts_with("q.kpol:3:6: error[E0302]: `no_priv` is declared twice"), "{lines:?}");
}

#[test]
fn standard_input_can_be_read_once() {
    let world = world().stdin(POD);
    for args in ["-p - -", "-p - -i -", "-p p.kpol - -", "-p p.kpol - --cluster -"] {
        assert_eq!(world.lines(2, &format!("eval {args}"))[0], "error: standard input is asked for twice");
    }
    assert_eq!(world.lines(1, "eval -p p.kpol -"), [FOUND.replace("pod.yaml", "<stdin>")]);
    let world = self::world().stdin(POLICY);
    assert_eq!(world.lines(1, "eval -p - pod.yaml"), [FOUND]);
}

#[test]
fn misuse() {
    let world = world();
    for (args, word) in [
        ("eval", "no policy is given"),
        ("eval p.kpol", "no manifest is given"),
        ("eval pod.yaml p.kpol", "pod.yaml is a manifest, and is given as a policy"),
        ("eval -p std.nope pod.yaml", "the library has no package `std.nope`"),
        ("eval -p p.kpol pod.yaml --mode enforce", "[possible values: dryrun, warn, deny]"),
        ("eval -p p.kpol pod.yaml --today 2026-02-30", "invalid value '2026-02-30'"),
        ("eval -p p.kpol pod.yaml --kubernetes 9.9", "`9.9` is no version of Kubernetes such as 1.34"),
        ("eval -p p.kpol pod.yaml --kubernetes 1.30..1.31", "is no version of Kubernetes"),
        ("eval -p p.kpol pod.yaml --kubernetes garbage", "is no version of Kubernetes"),
        ("eval -p p.kpol pod.yaml --param x", "expected NAME=VALUE"),
        ("eval -p p.kpol pod.yaml --param x=1", "there is no param `x`"),
        ("eval -p p.kpol pod.yaml --format xml", "invalid value 'xml'"),
    ] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args}");
        assert!(ran.err.contains(word), "{args}: {}", ran.err);
    }
    let ran = world.run_with(&["eval", "-p", "p.kpol", ""]);
    assert_eq!((ran.code, ran.err.as_str()), (2, "error: `` is no path\n"));
}

#[test]
fn versions_of_kubernetes() {
    let world = world();
    for version in ["1.0", "1.24", "1.37", "v1.30.2"] {
        let lines = world.lines(1, &format!("eval -p std.pss.baseline pod.yaml --kubernetes {version}"));
        assert_eq!(lines.len(), 1, "{version}: {lines:?}");
    }
    let lines = world.lines(1, "eval -p p.kpol pod.yaml --kubernetes 1.99");
    assert_eq!(
        lines,
        ["kpolc: warning: Kubernetes 1.99 is newer than 1.37, the newest that this kpolc knows", FOUND]
    );
}

const PARAMS: &str = r#"package acme
param max: int = 3
param names: list<string> = []
param ports: set<port> = [80]
param on_it: bool = true
param who: string = "x"
param needed: list<image_prefix>
rule r on Pod { audit when on_it message "{max} {names} {ports} {who} {needed}" }
"#;

#[test]
fn params() {
    let world = World::with(&[("p.kpol", PARAMS), ("pod.yaml", POD)]);
    assert_eq!(world.lines(2, "eval -p p.kpol pod.yaml")[0], "error: param `acme.needed` needs a value");
    let run = |code, param: &str| {
        let ran = world.run_with(&[
            "eval",
            "-q",
            "-p",
            "p.kpol",
            "pod.yaml",
            "--format",
            "short",
            "--param",
            "needed=ghcr.io/a",
            "--param",
            param,
        ]);
        assert_eq!(ran.code, code, "{param}: {ran:?}");
        if code == 2 { ran.err } else { ran.out }
    };
    for (param, shown) in [
        ("max=7", "7 [] [80] x [ghcr.io/a]"),
        ("acme.max=7", "7 [] [80] x [ghcr.io/a]"),
        ("names=a,b", "3 [a, b] [80] x [ghcr.io/a]"),
        ("names=[\"a,b\"]", "3 [a,b] [80] x [ghcr.io/a]"),
        ("ports=80,443", "3 [] [80, 443] x [ghcr.io/a]"),
        ("ports=443", "3 [] [443] x [ghcr.io/a]"),
        ("who=a=b", "3 [] [80] a=b [ghcr.io/a]"),
        ("who=\u{1b}[31m", "3 [] [80] ␛[31m [ghcr.io/a]"),
    ] {
        assert!(run(0, param).contains(shown), "{param}: {}", run(0, param));
    }
    for (param, why) in [
        ("max=abc", "not a value of type `int`"),
        ("max=", "not a value of type `int`"),
        ("max=99999999999999999999", "too large"),
        ("on_it=yes", "not a value of type `bool`"),
        ("ports=80,http", "not a value of type `set<port>`"),
        ("ports=99999", "not a valid `port`"),
        ("mx=1", "did you mean `max`?"),
        ("=1", "there is no param ``"),
        ("needed=b.io/c", "has a value already"),
        ("other.max=1", "there is no param `other.max`"),
    ] {
        assert!(run(2, param).contains(why), "{param}: {}", run(2, param));
    }
    world.write(
        "q.kpol",
        "package acme.two\nparam max: int = 1\nrule q on Pod { audit when max > 1 message \"m\" }\n",
    );
    let ran = world.run("eval -p p.kpol -p q.kpol pod.yaml --param needed=a.io/b --param max=2");
    assert!(ran.code == 2 && ran.err.contains("acme.max or acme.two.max"), "{ran:?}");
}

/// An AdmissionReview with these members of the request beside the usual ones.
fn review(members: serde_json::Value) -> String {
    let pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "containers": [{ "name": "a", "image": "i", "securityContext": { "privileged": true } }] },
    });
    let mut request = serde_json::json!({
        "uid": "1", "operation": "CREATE", "name": "web", "namespace": "shop",
        "kind": { "group": "", "version": "v1", "kind": "Pod" },
        "resource": { "group": "", "version": "v1", "resource": "pods" },
        "userInfo": { "username": "bob", "groups": ["dev"] },
        "object": pod, "oldObject": null,
    });
    for (key, value) in members.as_object().unwrap() {
        request[key] = if value == "POD" { pod.clone() } else { value.clone() };
    }
    let review = serde_json::json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
    serde_json::to_string_pretty(&review).unwrap()
}

#[test]
fn requests_that_are_none() {
    use serde_json::json;
    for (members, why) in [
        (json!({ "operation": "PATCH" }), "`PATCH` is not an operation"),
        (json!({ "operation": null }), "this request has no `operation`"),
        (json!({ "operation": 3 }), "expected a string, found an integer"),
        (json!({ "kind": null }), "this request names no `kind`"),
        (json!({ "kind": "Pod" }), "expected an object, found a string"),
        (json!({ "object": null }), "a request to CREATE must have an `object`"),
        (json!({ "object": "x" }), "expected an object (Pod), found a string"),
        (json!({ "object": [1] }), "expected an object (Pod), found a list"),
        (json!({ "operation": "UPDATE" }), "a request to UPDATE must have an `oldObject`"),
        (json!({ "operation": "DELETE", "object": null }), "a request to DELETE must have an `oldObject`"),
        (json!({ "userInfo": "bob" }), "expected an object, found a string"),
        (json!({ "userInfo": { "groups": ["a", 1] } }), "expected a list of strings"),
        (json!({ "userInfo": { "extra": { "a": "b" } } }), "expected an object of lists of strings"),
        (json!({ "dryRun": "yes" }), "expected a boolean, found a string"),
        (json!({ "namespace": 1 }), "expected a string, found an integer"),
        (
            json!({ "kind": { "group": "x.io", "version": "v1", "kind": "Foo" } }),
            "the kind `Foo` of `x.io/v1` is not known",
        ),
        (
            json!({ "kind": { "group": "", "version": "v1", "kind": "Service" }, "object": { "apiVersion": "v1", "kind": "Pod" } }),
            "the request is about Service of v1; this object's `kind` is `Pod`",
        ),
    ] {
        let line = manifest(2, "r.json", review(members));
        assert!(line.contains(": error: AdmissionReview: ") && line.ends_with(why), "{line}\n{why}");
    }
    for (request, why) in [
        (r#""request": null"#, "this AdmissionReview has no `request`"),
        (r#""response": {}"#, "this AdmissionReview has no `request`"),
        (r#""request": "x""#, "expected a request, found a string"),
    ] {
        let text =
            format!(r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", {request}}}"#);
        assert!(manifest(2, "r.json", text).ends_with(why));
    }
}

#[test]
fn requests_for_every_operation() {
    use serde_json::json;
    let world = world();
    world.write(
        "r.kpol",
        r#"package acme.ops
rule exec on Pod/exec(connect) {
  audit when object.stdin ?? false message "{user.name} runs {object.command} in {request.namespace}/{request.name}"
}
rule ephemeral on Pod/ephemeralcontainers(update) { audit when old.metadata.name == "web" message "ephemeral" }
rule scale on Deployment/scale(update) { audit when (object.spec.replicas ?? 0) > (old.spec.replicas ?? 0) message "to {object.spec.replicas}" }
rule gone on Pod(delete) { audit when object.metadata.name == "web" message "gone, by {user.groups}" }
rule changed on Pod(update) { audit when object.spec.nodeName != old.spec.nodeName message "changed" }
"#,
    );
    let judge = |members: serde_json::Value| {
        world.write("r.json", review(members));
        let report = world.json(0, "eval -p r.kpol r.json");
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(report["problems"], json!([]));
        let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
        findings
            .iter()
            .map(|f| format!("{}: {}: {}", text(f, "rule"), text(f, "object"), text(f, "message")))
            .collect::<Vec<_>>()
    };
    assert_eq!(judge(json!({})), [""; 0]);
    assert_eq!(
        judge(json!({ "operation": "DELETE", "object": null, "oldObject": "POD" })),
        ["acme.ops.gone: Pod shop/web: gone, by [dev]"]
    );
    assert_eq!(judge(json!({ "operation": "UPDATE", "oldObject": "POD" })), [""; 0]);
    let other = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" }, "spec": { "nodeName": "n", "containers": [] } });
    assert_eq!(
        judge(json!({ "operation": "UPDATE", "oldObject": other })),
        ["acme.ops.changed: Pod shop/web: changed"]
    );
    assert_eq!(
        judge(json!({
            "operation": "CONNECT", "subResource": "exec",
            "kind": { "group": "", "version": "v1", "kind": "PodExecOptions" },
            "object": { "apiVersion": "v1", "kind": "PodExecOptions", "stdin": true, "command": ["sh"] },
        })),
        ["acme.ops.exec: Pod/exec shop/web: bob runs [sh] in shop/web"]
    );
    let ephemeral =
        judge(json!({ "operation": "UPDATE", "subResource": "ephemeralcontainers", "oldObject": "POD" }));
    assert!(
        ephemeral.contains(&"acme.ops.ephemeral: Pod/ephemeralcontainers shop/web: ephemeral".to_owned()),
        "{ephemeral:?}"
    );
    let scale = |replicas| json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "spec": { "replicas": replicas } });
    assert_eq!(
        judge(json!({
            "operation": "UPDATE", "subResource": "scale",
            "kind": { "group": "autoscaling", "version": "v1", "kind": "Scale" },
            "resource": { "group": "apps", "version": "v1", "resource": "deployments" },
            "object": scale(9), "oldObject": scale(1),
        })),
        ["acme.ops.scale: Deployment/scale shop/web: to 9"]
    );
}

#[test]
fn bodies_of_subresources_are_checked() {
    use serde_json::json;
    let line = manifest(
        2,
        "r.json",
        review(json!({
            "operation": "CONNECT", "subResource": "exec",
            "kind": { "group": "", "version": "v1", "kind": "PodExecOptions" },
            "object": { "apiVersion": "v1", "kind": "PodExecOptions", "stdin": "yes" },
        })),
    );
    assert!(line.ends_with("stdin`: expected a boolean, found a string"), "{line}");
}

#[test]
fn events() {
    let world = World::with(&[(
        "p.kpol",
        "package acme\nrule shell on exec { alert when proc.name == \"sh\" message \"{proc.name} by {user.name}\" }\n\
         rule shadow on file_read { kill when file.path == \"/etc/shadow\" message \"read\" }\n",
    )]);
    world.write(
        "e.ndjson",
        r#"{"event":{"name":"exec"},"proc":{"name":"sh"},"user":{"name":"root"}}
{"event":{"name":"exec"},"proc":{"name":"ls"}}
{"event":{"name":"exce"}}
{"event":{"name":"exec"},"proc":"x"}
{"event":{"name":3}}
{"event":{}}
{"event":{"name":"exec"},"proc":{"pid":"3"}}
{"event":{"name":"file_read"},"file":{"path":"/etc/shadow"},"bogus":1}
"#,
    );
    assert_eq!(
        world.lines(2, "eval -p p.kpol e.ndjson"),
        [
            "e.ndjson:3:11: error: there is no event `exce`",
            "e.ndjson:4:26: error: `proc`: expected an object (process), found a string",
            "e.ndjson:5:11: error: this event has no name",
            "e.ndjson:6:2: error: this event has no name",
            "e.ndjson:7:34: error: `proc.pid`: expected an integer, found a string",
            "e.ndjson:8:61: warning: file_read has no field `bogus`",
            "e.ndjson:1:34: warned[acme.shell]: event exec: sh by root",
            "e.ndjson:8:39: denied[acme.shadow]: event file_read: read",
        ]
    );
    world.write("cut.ndjson", "{\"event\":{\"name\":\"exec\"}}\n{\"event\":");
    assert!(
        world.lines(2, "eval -p p.kpol cut.ndjson")[0]
            .starts_with("cut.ndjson:2:10: error: this is not valid JSON")
    );
}

#[test]
fn thousands_of_findings_are_counted_in_every_format() {
    let containers: String = (0..10_000)
        .map(|n| format!("  - {{name: c{n}, image: i, securityContext: {{privileged: true}}}}\n"))
        .collect();
    let world = world();
    world.write(
        "m.yaml",
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: m}}\nspec:\n  containers:\n{containers}"),
    );
    let start = Instant::now();
    for format in ["human", "short", "json", "sarif", "github", "junit"] {
        let ran = world.run(&format!("eval -p p.kpol m.yaml --format {format}"));
        assert_eq!(ran.code, 1, "{format}");
        assert!(ran.out.contains("Pod m: 9872 more findings are not listed"), "{format}");
        assert!(ran.out.len() < 300_000, "{format}: {}", ran.out.len());
    }
    assert!(start.elapsed().as_secs() < 60);
}

#[test]
fn output_that_nobody_takes() {
    let world = world();
    let args = ["eval", "-p", "p.kpol", "pod.yaml"];
    assert_eq!(world.run_to(&args, Broken(ErrorKind::BrokenPipe)).0, 1);
    let (code, err) = world.run_to(&args, Broken(ErrorKind::StorageFull));
    assert!(code == 2 && err.contains("error: the output cannot be written"), "{code} {err}");
    let world = world.env("GITHUB_STEP_SUMMARY", "nowhere/summary.md");
    let ran = world.run("eval -p p.kpol pod.yaml --format github");
    assert!(ran.code == 2 && ran.err.contains("summary.md: cannot be written"), "{ran:?}");
}

#[test]
fn nothing_that_a_terminal_obeys_reaches_it() {
    let world = world().terminal();
    world.write(
        "m.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: \"we\\e[31mb\\a\", namespace: \"x\\ny\"}\nspec:\n  containers:\n  \
         - {name: \"\\e]0;t\\a\\r\\n\\x9b1m\u{202e}\", image: i, securityContext: {privileged: true}}\n",
    );
    world.write("raw.yaml", "# \u{1b}[31m\nkind: Pod\n");
    world.write("names.json", "{\"apiVersion\":\"v1\",\"kind\":\"\u{9b}31m\u{202e}\"}");
    for format in ["human", "short", "github"] {
        for args in
            ["m.yaml", "raw.yaml", "names.json", "m.yaml --why", "\u{1b}[31m.yaml", "pod.yaml -p \u{1b}[31m"]
        {
            let ran = world.run(&format!("eval -p p.kpol {args} --format {format} --color never"));
            for text in [ran.out, ran.err] {
                let bad =
                    text.chars().find(|c| *c != '\n' && *c != '\t' && (c.is_control() || *c == '\u{202e}'));
                assert_eq!(bad, None, "{format} {args}: {text}");
            }
        }
    }
    // With colors, the only sequences are ours.
    let ran = world.run("eval -p p.kpol m.yaml --color always");
    assert!(
        ran.out.contains("␛]0;t␇␍␊") && !ran.out.contains("\u{1b}]") && !ran.out.contains("\u{1b}[31mb"),
        "{}",
        ran.out
    );
}

#[test]
fn an_annotation_is_one_line() {
    let world = world();
    world.write("m.yaml", POD.replace("name: a", "name: \"a\\n::warning::b%0A\""));
    let ran = world.run("eval -p p.kpol m.yaml --format github");
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains("a%0A::warning::b%250A is privileged"), "{}", ran.out);
}

#[test]
fn long_lines_wide_characters_and_tabs_keep_their_marks() {
    let world = world();
    let long = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: w, annotations: {{a: \"{}\"}}}}, spec: {{containers: [{{name: 日本,\timage: i, securityContext: {{privileged: true}}}}]}}}}",
        "日".repeat(5000)
    );
    world.write("m.yaml", &long);
    let ran = world.run("eval -p p.kpol m.yaml");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[2].contains("m.yaml:1:5131"), "{}", ran.out);
    assert!(lines[3].contains("…日") && lines[3].chars().count() < 300, "{}", ran.out);
    assert!(ran.out.contains("┬"), "{}", ran.out);
}

#[test]
fn a_tree_says_unless_of_what_it_turns_round() {
    let world = world();
    world.write(
        "u.kpol",
        "package acme\nrule r on Pod {\n  deny unless object.metadata.name != \"web\" message \"m\"\n}\n",
    );
    let ran = world.run("eval -p u.kpol pod.yaml --why");
    assert!(
        ran.out.contains("✓ unless object.metadata.name != \"web\"\n")
            && ran.out.contains("✗ object.metadata.name != \"web\"\n")
            && ran.out.contains("· object.metadata.name = web   metadata.name\n"),
        "{}",
        ran.out
    );
}
