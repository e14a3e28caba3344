//! Inputs that are not what they should be: each an error with its place, never a wrong answer.

use crate::run::{CLEAN, World};

fn error(world: &World, args: &str) -> String {
    let ran = world.run(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    ran.err
}

#[test]
fn a_file_that_is_not_there() {
    let err = error(&World::with(&[]), "check nowhere.kpol");
    assert_eq!(err, "error: nowhere.kpol: No such file or directory (os error 2)\n");
}

#[test]
fn a_directory_without_policies() {
    let err = error(&World::with(&[("docs/a.md", "")]), "check docs");
    insta::assert_snapshot!(err, @r"
    error: docs: there is no .kpol file in this directory
      help: name a file, or a directory that holds .kpol files; `kpolc new` makes a project
    ");
}

#[test]
fn bytes_that_are_no_text() {
    let world = World::with(&[]);
    world.write("a.kpol", b"package a\n// caf\xe9\n");
    insta::assert_snapshot!(error(&world, "check a.kpol"), @r"
    error: a.kpol:2:7: byte 16 is not UTF-8
      help: save the file as UTF-8
    ");
}

#[test]
fn stdin_that_is_no_text() {
    let world = World::with(&[]).stdin(vec![0xff, 0xfe, b'a']);
    assert!(error(&world, "check -").starts_with("error: <stdin>:1:1: byte 0 is not UTF-8"));
}

#[test]
fn a_file_that_is_too_large() {
    let world = World::with(&[("a.kpol", &"// x\n".repeat(900_000))]);
    assert_eq!(error(&world, "check a.kpol"), "error: a.kpol: a policy has at most 4194304 bytes\n");
}

#[test]
fn a_library_that_is_not_there() {
    let err = error(&World::with(&[]), "check std.pss.restrictd");
    let mut lines = err.lines();
    assert_eq!(lines.next(), Some("error: the library has no package `std.pss.restrictd`"));
    assert_eq!(lines.next(), Some("  help: did you mean `std.pss.restricted`?"));
    assert!(lines.next().unwrap().contains("std.pss.baseline"), "{err}");
}

#[test]
fn packages_that_use_each_other() {
    let world = World::with(&[
        ("a.kpol", "package a\nuse b.{y}\nlet x = y\n"),
        ("b.kpol", "package b\nuse a.{x}\nlet y = x\n"),
    ]);
    let ran = world.run("check --format short");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains(".kpol:3:"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn links_that_go_round_in_a_circle() {
    let world = World::with(&[("policies/a.kpol", CLEAN)]);
    std::os::unix::fs::symlink("..", world.dir().join("policies/up")).unwrap();
    std::os::unix::fs::symlink("gone", world.dir().join("policies/dangling.kpol")).unwrap();
    let ran = world.run("check policies");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("in 1 file"), "{ran:?}");
}

#[test]
fn hidden_and_ignored_directories_are_left_out() {
    let wrong = "rule";
    let world = World::with(&[
        ("a.kpol", CLEAN),
        (".hidden/b.kpol", wrong),
        ("target/c.kpol", wrong),
        ("vendor/d.kpol", wrong),
        (".gitignore", "vendor/\n"),
    ]);
    assert_eq!(world.run("check").code, 0);
    assert_eq!(world.run("check vendor/d.kpol").code, 1, "what is named is read");
}

#[test]
fn a_file_that_is_named_twice_is_one_file() {
    let world = World::with(&[("p/a.kpol", CLEAN)]);
    assert!(world.run("check p/a.kpol p ./p/a.kpol").err.contains("1 rule in 1 file"));
}

#[test]
fn a_package_is_found_beside_the_file_that_uses_it() {
    let world = World::with(&[
        (
            "a.kpol",
            "package a\nuse b.{names}\nrule r on Pod { deny unless object.metadata.name in names message \"no\" }\n",
        ),
        ("b.kpol", "package b\nlet names = [\"x\"]\nlet unused = 1\n"),
    ]);
    let ran = world.run("check a.kpol");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("1 file: no errors, no warnings"), "{ran:?}");
}

#[test]
fn kinds_come_from_files_beside_the_policy() {
    let world = World::with(&[
        (
            "p/a.kpol",
            "kind Widget from \"crds/widget.yaml\"\nrule r on Widget { deny when object.spec.size > 3 message \"big\" }\n",
        ),
        ("p/crds/widget.yaml", WIDGET),
    ]);
    let ran = world.run("check p");
    assert_eq!(ran.code, 0, "{ran:?}");
    world.write("p/crds/widget.yaml", b"a: [\n");
    let ran = world.run("check --format short p");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("crds/widget.yaml:2:"), "{ran:?}");
}

pub(crate) const WIDGET: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.acme.io
spec:
  group: acme.io
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: { type: integer }
";

#[test]
fn misuse_is_exit_code_2() {
    let world = World::with(&[("a.kpol", CLEAN)]);
    for args in ["", "chek", "check --nothing", "check --format xml", "eval", "check --today tomorrow"] {
        let ran = world.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args}: {ran:?}");
        assert!(!ran.err.is_empty());
    }
}

#[test]
fn help_and_version_are_answers() {
    for args in ["--help", "--version", "check --help", "help eval", "-h"] {
        let ran = World::with(&[]).run(args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args}");
        assert!(ran.out.contains("kpolc") || ran.out.contains("Kubernetes"), "{args}: {ran:?}");
    }
}

/// A stream that takes nothing.
struct Closed(std::io::ErrorKind);

impl std::io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(self.0.into())
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is_one() {
    let world = World::with(&[("a.kpol", CLEAN), ("b.kpol", "rule")]);
    let run = |kind, file: &str| {
        let mut io = kpolc::Io::new(Closed(kind), std::io::sink(), std::io::empty());
        io.dir = world.dir().to_owned();
        kpolc::run(["kpolc", "check", file, "--format", "json"].map(Into::into).into_iter(), &mut io)
    };
    assert_eq!(run(std::io::ErrorKind::BrokenPipe, "a.kpol"), 0);
    assert_eq!(run(std::io::ErrorKind::BrokenPipe, "b.kpol"), 1, "the answer stays what it is");
    assert_eq!(run(std::io::ErrorKind::StorageFull, "a.kpol"), 2);
}
