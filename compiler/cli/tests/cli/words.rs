//! `explain`, `schema`, `completions`, `man`.

use crate::{
    input::WIDGET,
    run::{CLEAN, World},
};

fn answer(args: &str) -> String {
    let ran = World::with(&[("a.kpol", CLEAN)]).run(args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args}: {ran:?}");
    ran.out
}

#[test]
fn a_rule_in_words() {
    insta::assert_snapshot!(answer("explain no_privileged"));
}

#[test]
fn a_rule_of_the_library() {
    assert!(answer("explain std.pss.baseline.privileged").contains("T1611"));
    let ran = World::with(&[("broken.kpol", "rule")]).run("explain std.pss.baseline.privileged");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_code() {
    insta::assert_snapshot!(answer("explain E0601"));
    assert_eq!(answer("explain e0201"), answer("explain E0201"));
}

#[test]
fn every_code_has_a_page() {
    for line in answer("explain").lines().take_while(|line| !line.is_empty()) {
        let code = line.split_whitespace().next().unwrap();
        assert!(answer(&format!("explain {code}")).contains(code), "{code}");
    }
}

#[test]
fn names_of_the_catalog() {
    for (subject, word) in [
        ("Pod", "spec: PodSpec"),
        ("Container", "securityContext"),
        ("exec", "killable" /* never shown */),
        ("cidr_contains", "-> bool"),
        ("image.tag", "-> string?"),
        ("cis.pod.privileged", "5.2.2"),
        ("5.2.2", "cis.pod.privileged"),
        ("c-0057", "nsa.privileged"),
        ("t1611", "Escape to Host"),
        ("builtins", "cidr_contains("),
        ("kinds", "Deployment"),
        ("events", "exec"),
        ("controls", "pss.baseline.privileged"),
    ] {
        let out = answer(&format!("explain {subject}"));
        assert!(word == "killable" || out.contains(word), "{subject}: {out}");
    }
}

#[test]
fn nothing_of_that_name() {
    let ran = World::with(&[("a.kpol", CLEAN)]).run("explain no_priviledged");
    assert_eq!(ran.code, 2);
    assert_eq!(ran.err, "error: nothing is called `no_priviledged`\n  help: did you mean `no_privileged`?\n");
}

#[test]
fn crds_are_checked_and_their_lines_printed() {
    let world = World::with(&[("crds/widget.yaml", WIDGET), ("pod.yaml", "kind: Pod\n")]);
    assert_eq!(world.run("schema add crds/widget.yaml").out, "kind Widget from \"crds/widget.yaml\"\n");
    let ran = world.run("schema add pod.yaml");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("there is no CustomResourceDefinition"), "{ran:?}");
    assert_eq!(world.run("schema add nowhere.yaml").code, 2);
}

#[test]
fn completions_and_man_pages_come_from_the_command_line() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(answer(&format!("completions {shell}")).contains("deny-warnings"), "{shell}");
    }
    assert!(answer("man").contains(".TH kpolc 1"));
    let world = World::with(&[]);
    assert_eq!(world.run("man -o man").code, 0);
    assert!(world.read("man/kpolc-check.1").contains("deny"));
}

#[test]
fn the_help_of_every_command() {
    let all: String = [
        "",
        "new",
        "check",
        "fmt",
        "test",
        "eval",
        "audit",
        "build",
        "inspect",
        "sign",
        "verify",
        "explain",
        "doc",
        "schema",
        "completions",
        "man",
    ]
    .map(|command| format!("=== {command}\n{}\n", answer(&format!("{command} -h"))))
    .concat();
    insta::assert_snapshot!(all);
}
