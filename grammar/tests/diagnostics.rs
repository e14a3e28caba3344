//! Every code has a page whose examples are true, and every diagnostic is shown in full in a snapshot.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "tests read fixtures and fail by panicking"
)]

mod common;

use common::{codes, render};
use kpol_grammar::diagnostics::CODES;
use kpol_grammar::span::FileId;
use kpol_grammar::{MAX_DEPTH, MAX_FILE_SIZE, format, parse};

#[test]
fn every_bad_example_gives_its_code_alone() {
    for info in CODES {
        let generated = matches!(info.code, "E0120" | "E0121");
        assert!(generated || info.examples("bad").count() > 0, "{}", info.code);
        for example in info.examples("bad") {
            let mut found = codes(example);
            found.dedup();
            assert_eq!(found, [info.code], "{example}");
        }
    }
}

#[test]
fn every_good_example_gives_nothing() {
    for info in CODES {
        assert!(info.examples("good").count() > 0, "{}", info.code);
        for example in info.examples("good") {
            assert_eq!(codes(example), [] as [&str; 0], "{}: {example}", info.code);
        }
    }
}

#[test]
fn codes_are_in_order_and_titled_as_their_pages() {
    assert!(CODES.is_sorted_by_key(|info| info.code));
    for info in CODES {
        assert!(info.page.starts_with(&format!("# {}: {}\n", info.code, info.title)), "{}", info.code);
    }
}

#[test]
fn pages_as_a_terminal_shows_them() {
    let mut all = String::new();
    for info in CODES {
        for example in info.examples("bad") {
            all.push_str(&render(example));
            all.push_str("\n========\n\n");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn slips_are_understood() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slips");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "kpol")) {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            insta::assert_snapshot!(format!("slip_{name}"), render(&std::fs::read_to_string(&path).unwrap()));
        }
    });
}

#[test]
fn fixes_mend_what_they_are_for() {
    for info in CODES {
        for example in info.examples("bad") {
            let before = parse(FileId(0), example).diagnostics;
            let mut text = example.to_owned();
            for diagnostic in before.iter().rev() {
                if let Some(fix) = &diagnostic.fix {
                    text.replace_range(fix.span.range(), &fix.replacement);
                }
            }
            if !before.is_empty() && before.iter().all(|diagnostic| diagnostic.fix.is_some()) {
                assert_eq!(codes(&text), [] as [&str; 0], "{}: {text}", info.code);
            }
        }
    }
}

#[test]
fn depth_is_bounded_in_every_direction() {
    let many = MAX_DEPTH as usize * 60;
    let deep = [
        format!("let x = {}1", "(".repeat(many)),
        format!("let x = {}1{}", "(".repeat(many), ")".repeat(many)),
        format!("let x = {}1{}", "[".repeat(many), "]".repeat(many)),
        format!("let x = {}a", "not ".repeat(many)),
        format!("let x = {}a", "- ".repeat(many)),
        format!("let x = a{}", " or a".repeat(100_000)),
        format!("let x = a{}", " + a".repeat(many)),
        format!("let x = a{}", " ?? a".repeat(many)),
        format!("let x = a{}", ".b".repeat(many)),
        format!("let x = a{}", "[0]".repeat(many)),
        format!("let x = a{}", "()".repeat(many)),
        format!("let x = {}c", "if a then b else ".repeat(many)),
        format!("let x = {}c", "if a then ".repeat(many)),
        format!("let x = {}", "any x in a { ".repeat(many)),
        format!("param x: {}int{}", "set<".repeat(many), ">".repeat(many)),
        format!("test t \"x\" {{ given Pod {} }}", "{ a: ".repeat(many)),
        format!("test t \"x\" {{ given Pod {{ a: {} }} }}", "[".repeat(many)),
        format!("test t \"x\" {{ given Pod {{ a: {}{} }} }}", "[".repeat(many), "]".repeat(many)),
        format!("rule r on Pod {{ {} }}", "for a in b { ".repeat(many)),
        format!("rule r on Pod {{ {}{} }}", "for a in b { ".repeat(many), "}".repeat(many)),
    ];
    for text in deep {
        assert!(!codes(&text).is_empty(), "{}", &text[..40]);
        assert!(format(&text).is_err());
    }
}

#[test]
fn as_deep_as_allowed_is_fine_everywhere() {
    let levels = MAX_DEPTH as usize - 2;
    for text in [
        format!("let x = {}1{}\n", "(".repeat(levels), ")".repeat(levels)),
        format!("let x = a{}\n", " or a".repeat(levels)),
        format!("let x = {}a\n", "not ".repeat(levels)),
    ] {
        let formatted = format(&text).unwrap();
        assert_eq!(format(&formatted).unwrap(), formatted);
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    assert_eq!(codes(&" ".repeat(MAX_FILE_SIZE + 1)), ["E0121"]);
    assert_eq!(codes(&" ".repeat(MAX_FILE_SIZE)), [] as [&str; 0]);
}

#[test]
fn many_mistakes_are_counted_and_not_all_shown() {
    let parsed = parse(FileId(0), &";".repeat(1000));
    assert_eq!(parsed.diagnostics.len(), 100);
    assert_eq!(parsed.diagnostics.last().unwrap().notes, ["900 more mistakes in this file are not shown"]);
}

/// `rule` behind `package acme.test` begins a rule, although `test` begins a declaration elsewhere.
#[test]
fn a_word_that_is_a_name_names_nothing() {
    let at = |text: &str| parse(FileId(0), text).diagnostics[0].labels[0].span.start;
    for name in ["other", "test", "package", "rule"] {
        let text = format!("package a.{name}\n\nrule r on Pod {{\n  deny when ! message \"m\"\n}}\n");
        assert_eq!(at(&text) as usize, text.find('!').unwrap(), "{name}");
    }
    for name in ["other", "mode", "severity", "expect"] {
        let text = format!("rule r on Pod {{\n  let a = object.{name}\n  deny when a ! message \"m\"\n}}\n");
        assert_eq!(at(&text) as usize, text.find('!').unwrap(), "{name}");
    }
}
