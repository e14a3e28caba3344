//! `kpolc build`, `inspect`, `sign` and `verify`: from sources to a file that a host trusts.

use crate::run::{CLEAN, World};

/// Of RFC 8410, section 10.3: known to everybody.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";
const PUB: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
/// Of another key.
const OTHER: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA0+LpPmkriLE51kSD3V6bJzzgKHhehNe57gN7o3FNFmU=
-----END PUBLIC KEY-----
";

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - {name: c, image: nginx, securityContext: {privileged: true}}
";

/// Something of every sort.
const FULL: &str = r#"package acme

/// What a pod may be called.
param allowed: set<string> = ["web"]

/// Only known names.
rule name on Pod {
  severity high
  mitre    "T1611"

  deny when object.metadata.name not in allowed
    message "{object.metadata.name} is not known"
}

bind name {
  mode warn
}

exception old to name {
  where  object.metadata.namespace == "old"
  reason "until it moves"
  owner  "team-a"
  until  2027-03-31
}
"#;

fn world() -> World {
    let files =
        [("a.kpol", CLEAN), ("pod.yaml", POD), ("key.pem", KEY), ("pub.pem", PUB), ("other.pem", OTHER)];
    let world = World::with(&files);
    let ran = world.run("build a.kpol -o a.kpolb");
    assert_eq!(ran.code, 0, "{ran:?}");
    world
}

/// Without what differs when the compiler lowers a little differently: digests and sizes.
fn scrubbed(text: &str) -> String {
    const KEY_ID: &str = "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f";
    let word = |word: &str| match word {
        KEY_ID => "KEY".to_owned(),
        hex if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => "DIGEST".to_owned(),
        other => other.to_owned(),
    };
    let line = |line: &str| {
        let line = line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        let (rest, last) = line.rsplit_once(' ').unwrap_or(("", &line));
        let (before, number) = rest.rsplit_once(' ').unwrap_or(("", rest));
        match (number.parse::<u32>(), last.parse::<u32>()) {
            (Ok(_), _) if last == "bytes" => format!("{before} N bytes"),
            (_, Ok(_)) if line.starts_with("  ") => format!("{} N", rest.trim_end()),
            _ => line,
        }
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

fn bytes(world: &World, name: &str) -> Vec<u8> {
    std::fs::read(world.dir().join(name)).unwrap()
}

#[test]
fn a_bundle_is_built_signed_verified_and_evaluated() {
    let world = world();
    let shown = [
        world.run("build a.kpol -o a.kpolb"),
        world.run("verify a.kpolb --key pub.pem"),
        world.run("sign a.kpolb --key key.pem -o signed.kpolb"),
        world.run("verify signed.kpolb --key pub.pem"),
        world.run("verify signed.kpolb --key other.pem --key pub.pem"),
        world.run("verify signed.kpolb --key other.pem"),
        world.run("eval -p signed.kpolb pod.yaml --format short"),
    ]
    .map(|ran| ran.shown());
    insta::assert_snapshot!(scrubbed(&shown.join("\n")));
}

#[test]
fn building_again_changes_nothing() {
    let world = world();
    let first = bytes(&world, "a.kpolb");
    world.write("elsewhere/b.kpol", CLEAN.as_bytes());
    assert_eq!(world.run("build elsewhere -o b.kpolb").code, 0);
    assert_eq!(bytes(&world, "b.kpolb"), first);
    world.run("sign a.kpolb --key key.pem");
    let signed = bytes(&world, "a.kpolb");
    world.run("sign a.kpolb --key key.pem");
    assert_eq!(bytes(&world, "a.kpolb"), signed);
    assert!(signed.starts_with(&first));
}

#[test]
fn the_way_to_the_files_leaves_no_trace() {
    let world = world();
    // Written in an order that is not that of their names.
    let files = ["c", "a", "b"].map(|name| {
        let text = CLEAN.replace("package acme", &format!("package acme.{name}"));
        world.write(&format!("policies/sub/{name}.kpol"), text.as_bytes());
        format!("policies/sub/{name}.kpol")
    });
    let built = |paths: &str| {
        let ran = world.run(&format!("build {paths} -o x.kpolb"));
        assert_eq!(ran.code, 0, "{ran:?}");
        bytes(&world, "x.kpolb")
    };
    let once = built("policies");
    let absolute = world.dir().join("policies/sub");
    for paths in ["policies/sub", "./policies/../policies", &absolute.display().to_string()] {
        assert_eq!(built(paths), once, "{paths}");
    }
    let [c, a, b] = &files;
    assert_eq!(built(&format!("{a} {b} {c}")), once);
    // The order of the arguments is that of the rules, and the digest says so.
    assert_ne!(built(&format!("{c} {b} {a}")), once);
}

#[test]
fn other_versions_are_refused_by_every_command() {
    let world = world();
    for (place, version, advice) in [
        (8, 0, "build it again with this version's `kpolc build`"),
        (8, 2, "update the program that loads it"),
        (10, 0, "build it again with this version's `kpolc build`"),
        (10, 2, "update the program that loads it"),
    ] {
        let mut other = bytes(&world, "a.kpolb");
        other[place] = version;
        world.write("other.kpolb", &other);
        for (command, code) in [
            ("inspect other.kpolb", 2),
            ("eval -p other.kpolb pod.yaml", 2),
            ("sign other.kpolb --key key.pem", 2),
        ] {
            let ran = world.run(command);
            assert_eq!(ran.code, code, "{ran:?}");
            assert!(ran.shown().contains(advice), "{ran:?}");
        }
        assert_eq!(bytes(&world, "other.kpolb"), other, "and nothing was written");
    }
}

#[test]
fn a_changed_bundle_is_refused() {
    let world = world();
    world.run("sign a.kpolb --key key.pem");
    let mut changed = bytes(&world, "a.kpolb");
    let at = changed.len() / 2;
    changed[at] ^= 1;
    world.write("a.kpolb", &changed);
    let ran = world.run("verify a.kpolb --key pub.pem");
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("a.kpolb: refused: the signature is wrong"), "{ran:?}");
    assert_eq!(world.run("inspect a.kpolb").code, 2);
    assert_eq!(world.run("sign a.kpolb --key key.pem").code, 2);
    assert_eq!(world.run("eval -p a.kpolb pod.yaml").code, 2);
}

#[test]
fn inspect_shows_everything() {
    let world = world();
    world.write("full.kpol", FULL.as_bytes());
    let ran = world.run("build full.kpol -o full.kpolb");
    assert_eq!(ran.code, 0, "{ran:?}");
    world.run("sign full.kpolb --key key.pem");
    insta::assert_snapshot!("inspect_text", scrubbed(&world.run("inspect full.kpolb").shown()));
    let json: serde_json::Value =
        serde_json::from_str(&world.run("inspect full.kpolb --format json").out).unwrap();
    assert_eq!(json["rules"][0]["name"], "acme.name");
    assert_eq!(json["rules"][0]["severity"], "high");
    assert_eq!(json["params"][0]["default"][0], "web");
    assert_eq!(json["binds"][0]["mode"], "warn");
    assert_eq!(json["exceptions"][0]["until"], "2027-03-31");
    assert_eq!(json["signature"]["checked"], false);
    assert_eq!(json["sections"].as_array().unwrap().len(), 11);
}

#[test]
fn the_ir_of_the_sources_is_that_of_the_bundle() {
    let world = world();
    let built = world.run("build a.kpol --emit ir");
    assert_eq!(built.code, 0);
    assert!(built.out.starts_with("root r0 "), "{built:?}");
    assert_eq!(world.run("inspect a.kpolb --ir").out, built.out);
    assert_eq!(world.run("build a.kpol --emit ir -o a.ir").out, "");
    assert_eq!(world.read("a.ir"), built.out);
}

#[test]
fn policies_with_errors_are_not_built() {
    let world = World::with(&[("a.kpol", crate::run::WRONG), ("b.kpol", crate::run::OPEN)]);
    assert_eq!(world.run("build a.kpol -o a.kpolb").code, 1);
    assert!(!world.dir().join("a.kpolb").exists());
    assert_eq!(world.run("build b.kpol -o b.kpolb --deny-warnings").code, 1);
    assert!(!world.dir().join("b.kpolb").exists());
    assert_eq!(world.run("build b.kpol -o b.kpolb").code, 0);
}

#[test]
fn misuse_is_named() {
    let world = world();
    world.write("x.kpolb", b"no bundle");
    world.write("vocabulary.kpol", b"package acme\n\nlet x = 1\n");
    let mut newer = bytes(&world, "a.kpolb");
    newer[8] += 1;
    world.write("newer.kpolb", &newer);
    let mut encrypted = KEY.replace("PRIVATE", "ENCRYPTED PRIVATE");
    encrypted.push('\n');
    world.write("password.pem", encrypted.as_bytes());
    let shown: Vec<String> = [
        "build a.kpol",
        "build vocabulary.kpol -o v.kpolb",
        "build a.kpol -o nowhere/a.kpolb",
        "build a.kpolb -o b.kpolb",
        "check a.kpolb",
        "eval -p a.kpolb -p a.kpol pod.yaml",
        "inspect x.kpolb",
        "inspect missing.kpolb",
        "inspect newer.kpolb",
        "verify newer.kpolb --key pub.pem",
        "verify x.kpolb --key pub.pem",
        "verify missing.kpolb --key pub.pem",
        "verify a.kpolb --key key.pem",
        "verify a.kpolb --key a.kpol",
        "verify a.kpolb --key missing.pem",
        "sign a.kpolb --key pub.pem",
        "sign a.kpolb --key password.pem",
        "sign x.kpolb --key key.pem",
    ]
    .into_iter()
    .map(|args| format!("$ kpolc {args}\n{}", world.run(args).shown()))
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
