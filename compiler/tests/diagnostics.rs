//! Every code has a page whose examples are true, and every diagnostic is shown in full in a snapshot.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests read fixtures and fail by panicking"
)]

mod common;

use std::collections::BTreeSet;

use common::{codes, compile_text, render, root, show};
use kpol_compiler::codes::CODES;
use kpol_grammar::diagnostic::Severity;

/// A bug of the compiler is nothing that an example could show.
const WITHOUT_EXAMPLE: &[&str] = &["E0403"];

#[test]
fn every_bad_example_gives_its_code_alone() {
    let mut wrong = String::new();
    for info in CODES {
        assert!(info.examples("bad").count() > 0 || WITHOUT_EXAMPLE.contains(&info.code), "{}", info.code);
        for example in info.examples("bad") {
            let compiled = compile_text(example);
            let mut found = codes(&compiled);
            found.dedup();
            if found != [info.code] {
                wrong.push_str(&format!("{}: {found:?}\n{example}{}\n", info.code, render(&compiled)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_good_example_gives_nothing() {
    let mut wrong = String::new();
    for info in CODES {
        assert!(info.examples("good").count() > 0, "{}", info.code);
        for example in info.examples("good") {
            let compiled = compile_text(example);
            if !codes(&compiled).is_empty() || compiled.module.is_none() {
                wrong.push_str(&format!("{}:\n{example}{}\n", info.code, render(&compiled)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn codes_are_in_order_and_titled_as_their_pages() {
    let rank = |code: &str| ("EWN".find(&code[..1]), code.to_owned());
    assert!(CODES.is_sorted_by_key(|info| rank(info.code)));
    let all: BTreeSet<_> =
        CODES.iter().chain(kpol_grammar::diagnostics::CODES).map(|info| info.code).collect();
    assert_eq!(all.len(), CODES.len() + kpol_grammar::diagnostics::CODES.len(), "a code is used twice");
    for info in CODES {
        assert!(info.page.starts_with(&format!("# {}: {}\n", info.code, info.title)), "{}", info.code);
    }
}

/// A code in the sources is in the table, and a code of the table is in the sources and has a page.
#[test]
fn the_table_is_complete() {
    let mut used = BTreeSet::new();
    let mut pending = vec![root().join("compiler/src")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if !path.ends_with("codes.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').filter(|part| part.len() == 5 && "EWN".contains(&part[..1]));
            used.extend(quoted.filter(|part| part[1..].parse::<u32>().is_ok()).map(str::to_owned));
        }
    }
    let listed: BTreeSet<String> = CODES.iter().map(|info| info.code.to_owned()).collect();
    assert_eq!(used, listed);
    let pages = std::fs::read_dir(root().join("docs/codes")).unwrap();
    let pages: BTreeSet<String> =
        pages.map(|page| page.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(pages, listed);
}

#[test]
fn pages_as_a_terminal_shows_them() {
    let mut all = String::new();
    for info in CODES {
        for example in info.examples("bad") {
            all.push_str(&show(example));
            all.push_str("\n========\n\n");
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn ui() {
    let mut paths: Vec<_> = std::fs::read_dir(root().join("compiler/tests/ui"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        for path in paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "kpol")) {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            insta::assert_snapshot!(format!("ui_{name}"), show(&std::fs::read_to_string(&path).unwrap()));
        }
    });
}

/// A fix that a machine may apply leaves nothing of what it is for.
#[test]
fn fixes_mend_what_they_are_for() {
    for info in CODES {
        for example in info.examples("bad") {
            let before = compile_text(example).diagnostics;
            if before.is_empty() || before.iter().any(|diagnostic| diagnostic.fix.is_none()) {
                continue;
            }
            let mut text = example.to_owned();
            for diagnostic in before.iter().rev() {
                let fix = diagnostic.fix.as_ref().unwrap();
                text.replace_range(fix.span.range(), &fix.replacement);
            }
            let after = codes(&compile_text(&text));
            assert!(
                after.iter().all(|code| !code.starts_with('E') && *code != info.code),
                "{after:?}: {text}"
            );
        }
    }
}

#[test]
fn what_is_reported_has_a_place_and_says_more_than_its_message() {
    for info in CODES {
        for example in info.examples("bad") {
            for diagnostic in compile_text(example).diagnostics {
                assert!(diagnostic.primary().is_some_and(|span| !span.range().is_empty()), "{}", info.code);
                assert!(!diagnostic.message.ends_with('.'), "{}", diagnostic.message);
                let expected = match &diagnostic.code[..1] {
                    "E" => Severity::Error,
                    "W" => Severity::Warning,
                    _ => Severity::Note,
                };
                assert_eq!(diagnostic.severity, expected);
            }
        }
    }
}
