//! `kpolc new`: what it makes passes its own checks.

use crate::run::World;

#[test]
fn a_new_project_is_in_order() {
    let world = World::with(&[]);
    assert_eq!(world.run("new shop").code, 0);
    for args in [
        "check --strict --deny-warnings shop",
        "fmt --check shop",
        "test shop",
        "eval -p shop/policies shop/manifests",
    ] {
        let ran = world.run(args);
        assert_eq!(ran.code, 0, "{args}: {ran:?}");
    }
    assert!(world.read("shop/policies/containers.kpol").contains("package shop.containers\n"));
}

#[test]
fn odd_directory_names_make_sound_packages() {
    for (dir, package) in
        [("my-Policies", "my_policies"), ("42", "policies"), ("rule", "policies"), ("std", "policies")]
    {
        let world = World::with(&[]);
        world.run(&format!("new {dir}"));
        let text = world.read(&format!("{dir}/policies/containers.kpol"));
        assert!(text.contains(&format!("package {package}.containers\n")), "{dir}: {text}");
        assert_eq!(world.run(&format!("check {dir}")).code, 0, "{dir}");
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let world = World::with(&[("README.md", "mine\n")]);
    let ran = world.run("new");
    assert_eq!(ran.code, 2);
    assert_eq!(ran.err, "error: . is not empty\n  help: `--force` writes into it all the same\n");
    assert_eq!(world.read("README.md"), "mine\n");
    assert_eq!(world.run("new --force").code, 0);
}

#[test]
fn a_fresh_repository_counts_as_empty() {
    assert_eq!(World::with(&[(".git/HEAD", "")]).run("new").code, 0);
}
