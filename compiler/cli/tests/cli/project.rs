//! `kpol.toml`.

use crate::{
    input::WIDGET,
    run::{CLEAN, OPEN, World},
};

fn with(toml: &str, policy: &str) -> World {
    World::with(&[("kpol.toml", toml), ("policies/a.kpol", policy)])
}

#[test]
fn it_is_found_upward() {
    let world = with("[lints]\nW0203 = \"error\"\n", OPEN);
    assert_eq!(world.run("check policies/a.kpol").code, 1);
    assert_eq!(world.run("check policies/a.kpol -A W0203").code, 0, "flags come last");
}

#[test]
fn a_lint_can_be_allowed_and_warned_of_again() {
    let world = with("[lints]\nW0203 = \"allow\"\n", OPEN);
    assert_eq!(world.run("check --deny-warnings").code, 0);
    assert_eq!(world.run("check --deny-warnings -W W0203").code, 1);
}

#[test]
fn metadata_can_be_required() {
    let world = with("required_metadata = [\"severity\", \"owner\"]\n", CLEAN);
    let ran = world.run("check");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn crds_are_known_to_every_policy() {
    let policy = "rule r on Widget { deny when object.spec.size > 3 message \"{object.spec.size}\" }\n";
    let world = with("crds = [\"crds/*.yaml\"]\n", policy);
    world.write("crds/widget.yaml", WIDGET.as_bytes());
    let ran = world.run("check policies --format short");
    assert!(!ran.out.contains("Widget"), "{ran:?}");
    let world = with("crds = [\"crds/*.yaml\"]\n", policy);
    assert!(world.run("check").err.contains("no file matches `crds/*.yaml`"));
}

#[test]
fn what_is_wrong_has_a_place() {
    let cases = [
        ("edition = \"2019\"\n", "kpol.toml:1:11: there is no edition `2019`"),
        ("\nkubernetes = \"1.36..1.31\"\n", "kpol.toml:2:14: the range `1.36..1.31` is empty"),
        ("colour = 1\n", "kpol.toml:1:1: unknown field `colour`"),
        ("[bounds]\nmax_itms = 3\n", "kpol.toml:2:1: unknown field `max_itms`"),
        ("[bounds]\nmax_items = 0\n", "kpol.toml:2:13: max_items must be at least 1"),
        ("[lints]\nW9999 = \"allow\"\n", "kpol.toml:2:1: there is no code `W9999`"),
        ("[lints]\nW0203 = \"off\"\n", "kpol.toml:2:9: unknown variant `off`"),
        ("[lints]\nE0201 = \"allow\"\n", "kpol.toml:2:1: `E0201` is an error, which cannot be switched off"),
        ("required_metadata = [\"colour\"]\n", "kpol.toml:1:22: unknown variant `colour`"),
        ("crds = [\n", "kpol.toml:1:9: unclosed array"),
    ];
    for (toml, expected) in cases {
        let ran = with(toml, CLEAN).run("check");
        assert_eq!(ran.code, 2, "{toml}: {ran:?}");
        assert!(ran.err.starts_with(&format!("error: {expected}")), "{toml}: {ran:?}");
    }
}

#[test]
fn bounds_change_the_cost() {
    let world = with("[bounds]\nmax_items = 7\n", CLEAN);
    let ran = world.run("explain no_privileged policies");
    assert!(ran.out.contains("at most 31 steps"), "{ran:?}");
}

#[test]
fn the_mode_is_that_of_rules_without_a_bind() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec:\n  containers:\n  - name: a\n    image: a\n    \
               securityContext: { privileged: true }\n";
    let world = with("mode = \"warn\"\n", CLEAN);
    world.write("pod.yaml", pod.as_bytes());
    assert_eq!(world.run("eval -p policies pod.yaml").code, 0);
    assert_eq!(world.run("eval -p policies pod.yaml --mode deny").code, 1);
}
