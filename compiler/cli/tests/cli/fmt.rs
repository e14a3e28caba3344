//! `kpolc fmt`.

use crate::run::{CLEAN, World};

const UGLY: &str = "package acme\nrule a on Pod { deny when object.spec.hostNetwork   message \"no\"\n}\n";
const PRETTY: &str =
    "package acme\n\nrule a on Pod {\n  deny when object.spec.hostNetwork message \"no\"\n}\n";

#[test]
fn a_file_is_formatted_in_place_and_stays_so() {
    let world = World::with(&[("a.kpol", UGLY)]);
    let ran = world.run("fmt");
    assert_eq!(ran.shown(), "--- stderr\n1 of 1 file formatted\n--- exit 0\n");
    assert_eq!(world.read("a.kpol"), PRETTY);
    assert_eq!(world.run("fmt").err, "0 of 1 file formatted\n");
}

#[test]
fn check_names_what_would_change_and_changes_nothing() {
    let world = World::with(&[("a.kpol", UGLY), ("b.kpol", PRETTY)]);
    let ran = world.run("fmt --check");
    assert_eq!(ran.shown(), "a.kpol\n--- stderr\n1 of 2 files would be formatted\n--- exit 1\n");
    assert_eq!(world.read("a.kpol"), UGLY);
}

#[test]
fn diff_shows_what_would_change() {
    let world = World::with(&[("a.kpol", UGLY)]);
    insta::assert_snapshot!(world.run("fmt --diff").shown(), @r#"
    --- a.kpol
    +++ a.kpol
    @@ -1,3 +1,5 @@
     package acme
    -rule a on Pod { deny when object.spec.hostNetwork   message "no"
    +
    +rule a on Pod {
    +  deny when object.spec.hostNetwork message "no"
     }
    --- stderr
    1 of 1 file would be formatted
    --- exit 1
    "#);
    assert_eq!(world.read("a.kpol"), UGLY);
}

#[test]
fn stdin_goes_to_stdout() {
    assert_eq!(
        World::with(&[]).stdin(UGLY).run("fmt -").shown(),
        format!("{PRETTY}--- stderr\n--- exit 0\n")
    );
}

#[test]
fn a_file_with_mistakes_stays_and_the_others_are_formatted() {
    let wrong = "package acme\nrule a on { }\n";
    let world = World::with(&[("a.kpol", wrong), ("b.kpol", UGLY)]);
    let ran = world.run("fmt");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert!(ran.err.contains("a.kpol:2:"), "{ran:?}");
    assert!(ran.err.ends_with("1 of 2 files formatted, 1 with syntax errors left as they are\n"), "{ran:?}");
    assert_eq!((world.read("a.kpol").as_str(), world.read("b.kpol").as_str()), (wrong, PRETTY));
}

#[test]
fn what_is_formatted_means_the_same() {
    let world = World::with(&[("a.kpol", CLEAN)]);
    assert_eq!(world.run("fmt --check").code, 0, "{}", world.run("fmt --diff").out);
}

#[test]
fn the_library_is_not_formatted() {
    assert_eq!(World::with(&[]).run("fmt std.pss").code, 2);
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::with(&[("real/a.kpol", UGLY)]);
    let file = world.dir().join("real/a.kpol");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real/a.kpol", world.dir().join("link.kpol")).unwrap();
    assert_eq!(world.run("fmt link.kpol").code, 0);
    assert_eq!(world.read("real/a.kpol"), PRETTY);
    assert!(world.dir().join("link.kpol").is_symlink());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
}
