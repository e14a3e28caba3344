//! `kpolc check`: exit codes, levels, fixes.

use crate::run::{CLEAN, OPEN, WRONG, World};

#[test]
fn nothing_to_say_is_exit_code_0() {
    let ran = World::with(&[("a.kpol", CLEAN)]).run("check");
    assert_eq!(ran.shown(), "--- stderr\nchecked 1 rule in 1 file: no errors, no warnings\n--- exit 0\n");
}

#[test]
fn errors_are_exit_code_1_or_0_for_a_job_that_only_reports() {
    let world = World::with(&[("a.kpol", WRONG)]);
    assert_eq!(world.run("check").code, 1);
    assert_eq!(world.run("check --exit-zero").code, 0);
}

#[test]
fn a_job_that_cannot_be_done_stays_2() {
    let world = World::with(&[]);
    assert_eq!(world.run("check --exit-zero nowhere.kpol").code, 2);
}

#[test]
fn warnings_fail_only_when_asked_to() {
    let world = World::with(&[("a.kpol", OPEN)]);
    let ran = world.run("check");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("W0203"), "{ran:?}");
    assert_eq!(world.run("check --deny-warnings").code, 1);
    assert_eq!(world.run("check --deny-warnings -A W0203").code, 0);
}

#[test]
fn strict_makes_absence_that_passes_an_error() {
    let ran = World::with(&[("a.kpol", OPEN)]).run("check --strict --format short");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("error[W0203]"), "{ran:?}");
}

#[test]
fn a_level_of_a_code_that_does_not_exist_is_misuse() {
    let world = World::with(&[("a.kpol", CLEAN)]);
    let ran = world.run("check -A W0230");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.starts_with("error: there is no code `W0230`"), "{ran:?}");
    assert_eq!(world.run("check -A E0201").err, "error: `E0201` is an error, which cannot be switched off\n");
}

#[test]
fn quiet_has_no_summary() {
    assert_eq!(World::with(&[("a.kpol", CLEAN)]).run("check -q").shown(), "--- stderr\n--- exit 0\n");
}

#[test]
fn a_fix_is_applied_and_said() {
    let world = World::with(&[("a.kpol", WRONG)]);
    let ran = world.run("check --fix --format short");
    assert!(world.read("a.kpol").contains("object.spec.hostNetwork message"), "{ran:?}");
    assert!(ran.err.starts_with("a.kpol:4:25: fixed[E0201]: "), "{ran:?}");
    assert_eq!(ran.code, 1, "the other mistake has no fix");
}

#[test]
fn fix_changes_no_stdin() {
    let ran = World::with(&[]).stdin(WRONG).run("check --fix -");
    assert_eq!((ran.code, ran.err.as_str()), (2, "error: `--fix` changes files, and `-` is none\n"));
}

#[test]
fn stdin_is_a_policy() {
    let ran = World::with(&[]).stdin(WRONG).run("check --format short -");
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("<stdin>:4:25: error[E0201]: "), "{ran:?}");
}

#[test]
fn the_library_is_clean() {
    let ran = World::with(&[]).run("check std");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn a_field_outside_of_the_range_of_versions_is_an_error() {
    let policy = r#"rule r on Pod { deny when has object.spec.resources message "no" }"#;
    let world = World::with(&[("a.kpol", policy)]);
    assert_eq!(world.run("check --kubernetes 1.36").code, 0, "{:?}", world.run("check --kubernetes 1.36"));
    let ran = world.run("check --kubernetes 1.29..1.36 --format short");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("1.3"), "{ran:?}");
}

#[test]
fn an_exception_ends_on_the_day_that_is_given() {
    let policy = format!(
        "{CLEAN}\nexception node_exporter to no_privileged {{\n  where  object.metadata.name == \"x\"\n  \
         reason \"SEC-1\"\n  owner  \"team-a\"\n  until  2026-12-31\n}}\n"
    );
    let world = World::with(&[("a.kpol", &policy)]);
    assert_eq!(world.run("check --deny-warnings").code, 0, "{:?}", world.run("check"));
    assert_ne!(world.run("check --deny-warnings --today 2027-01-01").code, 0);
}

#[test]
fn a_range_that_is_none_is_misuse() {
    let world = World::with(&[("a.kpol", CLEAN)]);
    for range in ["1.36..1.31", "2.0", "1", "x", "1.31-1.36"] {
        let ran = world.run(&format!("check --kubernetes {range}"));
        assert_eq!(ran.code, 2, "{range}: {ran:?}");
    }
    assert_eq!(world.run("check --kubernetes v1.34.2").code, 0);
}
