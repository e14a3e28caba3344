//! Whatever the text: no panic, every byte has one token, every span lies in the text, and one mistake hides no other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "tests read fixtures and fail by panicking"
)]

use std::sync::LazyLock;

use kpol_grammar::ast::{ExprKind, ItemKind};
use kpol_grammar::span::{FileId, Span};
use kpol_grammar::token::Token;
use kpol_grammar::{TemplatePart, format, lexer, parse, parse_expr, template};
use proptest::prelude::*;

static SAMPLES: LazyLock<Vec<String>> = LazyLock::new(|| {
    ["fixtures", "slips"]
        .iter()
        .flat_map(|dir| std::fs::read_dir(format!("{}/tests/{dir}", env!("CARGO_MANIFEST_DIR"))).unwrap())
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
});

/// What must hold for every text.
fn survives(text: &str) {
    let mut at = 0;
    for lexeme in lexer::tokens(text) {
        assert_eq!(lexeme.start, at);
        assert!(lexeme.end > at);
        at = lexeme.end;
    }
    assert_eq!(at as usize, text.len());

    let parsed = parse(FileId(7), text);
    let inside =
        |span: Span| span.file == FileId(7) && span.start <= span.end && text.get(span.range()).is_some();
    for diagnostic in &parsed.diagnostics {
        assert!(!diagnostic.labels.is_empty(), "{diagnostic:?}");
        assert!(diagnostic.labels.iter().all(|label| inside(label.span)), "{diagnostic:?}");
        assert!(diagnostic.fix.as_ref().is_none_or(|fix| inside(fix.span)), "{diagnostic:?}");
    }
    for item in &parsed.file.items {
        assert!(inside(item.span), "{:?}", item.span);
        if parsed.diagnostics.is_empty() {
            assert!(!matches!(item.kind, ItemKind::Error));
        }
    }
    if let Ok(formatted) = format(text) {
        assert_eq!(format(&formatted).unwrap(), formatted, "{text}");
    }
    let _ = parse_expr(FileId(7), text);
}

fn soup() -> impl Strategy<Value = String> {
    let words: Vec<&'static str> =
        Token::KEYWORDS.iter().chain(Token::MARKS).filter_map(|token| token.fixed_text()).collect();
    let token = prop_oneof![
        6 => prop::sample::select(words).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "a", "b.c", "\"x\"", "1", "4Gi", "10s", "2027-01-01", "re\"x\"", "// c\n", "/// d\n", "//! e\n", "\n", "&&", "!",
            ";", "'q'", "“", "\"", "\"\"\"", "null", "4GiB", "1.5", "#", "/*", "~", "\u{a0}", "\\", "elif", "rule a on Pod {",
            "message \"m\"", "deny when a", "}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec((token, prop::sample::select(vec![" ", "", "\n", "  "])), 0..60)
        .prop_map(|list| list.into_iter().flat_map(|(token, gap)| [token, gap.to_owned()]).collect())
}

/// Where a character of `text` begins, near `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_unicode_survives(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn token_soup_survives(text in soup()) {
        survives(&text);
    }

    #[test]
    fn truncated_samples_survive(which in any::<usize>(), at in any::<usize>()) {
        let sample = &SAMPLES[which % SAMPLES.len()];
        survives(&sample[..boundary(sample, at)]);
        survives(&sample[boundary(sample, at)..]);
    }

    #[test]
    fn mutated_samples_survive(
        which in any::<usize>(),
        edits in prop::collection::vec((any::<usize>(), any::<usize>(), soup()), 1..4),
    ) {
        let mut text = SAMPLES[which % SAMPLES.len()].clone();
        for (at, length, insert) in edits {
            let start = boundary(&text, at);
            let end = boundary(&text, (start + length % 20).min(text.len())).max(start);
            text.replace_range(start..end, &insert[..boundary(&insert, 12)]);
        }
        survives(&text);
    }

    #[test]
    fn a_broken_rule_hides_no_other(which in 0..21_usize, cut in any::<usize>()) {
        let fixtures: Vec<&String> = SAMPLES.iter().filter(|text| !text.contains("sevrity")).take(21).collect();
        let text = fixtures[which % fixtures.len()];
        let broken = format!("rule zzz on Pod {{\n  deny when {}\n  deny when x\n}}\n", ["a == message \"m\"", "(b message \"m\"", "c c message \"m\"", "d message"][cut % 4]);
        let before = parse(FileId(0), text);
        prop_assume!(before.diagnostics.is_empty());
        let after = parse(FileId(0), &format!("{text}\n{broken}\n{broken}"));
        prop_assert_eq!(after.file.items.len(), before.file.items.len() + 2);
        for (index, item) in before.file.items.iter().enumerate() {
            prop_assert_eq!(item, &after.file.items[index]);
        }
        // Two mistakes in each of the two rules.
        prop_assert_eq!(after.diagnostics.len(), 4, "{:?}", after.diagnostics);
    }
}

fn holes(message: &str) -> Result<Vec<String>, String> {
    let text = format!("rule r on Pod {{ deny message {message} }}");
    let parsed = parse(FileId(0), &text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    let ItemKind::Rule(rule) = &parsed.file.items[0].kind else { panic!("no rule") };
    let kpol_grammar::ast::RuleClause::Block(kpol_grammar::ast::BlockClause::Verdict(verdict)) =
        &rule.clauses[0]
    else {
        panic!("no verdict")
    };
    match template(&verdict.message) {
        Ok(parts) => Ok(parts
            .into_iter()
            .map(|part| match part {
                TemplatePart::Text(text) => text,
                TemplatePart::Hole(expr) => {
                    if let ExprKind::Field { name, .. } = &expr.kind {
                        assert_eq!(&text[name.span.range()], name.text);
                    }
                    format!("<{}>", &text[expr.span.range()])
                }
            })
            .collect()),
        Err(diagnostic) => Err(text[diagnostic.labels[0].span.range()].to_owned()),
    }
}

#[test]
fn the_holes_of_a_message_know_their_place() {
    let list = |parts: &[&str]| Ok(parts.iter().map(|part| (*part).to_owned()).collect());
    assert_eq!(holes(r#""""#), list(&[]));
    assert_eq!(holes(r#""{a.b.c} is {d}""#), list(&["<a.b.c>", " is ", "<d>"]));
    assert_eq!(holes(r#""\u{1f6a7}\n\"{a.count}\t{b}""#), list(&["🚧\n\"", "<a.count>", "\t", "<b>"]));
    assert_eq!(holes(r#""é{a}{b}""#), list(&["é", "<a>", "<b>"]));
    assert_eq!(holes(r#""""\n{a}""""#), list(&["\\n", "<a>"]));
    assert_eq!(holes(r#""{{a}} {{{b}}}""#), list(&["{a} {", "<b>", "}"]));
}

#[test]
fn a_hole_holds_a_path_and_nothing_else() {
    assert_eq!(holes(r#""\t{}""#), Err("{}".to_owned()));
    assert_eq!(holes(r#""{a[0]} x""#), Err("{a[0]}".to_owned()));
    assert_eq!(holes(r#""{count}""#), Err("{count}".to_owned()));
    assert_eq!(holes(r#""{a.}""#), Err("{a.}".to_owned()));
    assert_eq!(holes(r#""\"{a""#), Err("{".to_owned()));
    assert_eq!(holes(r#""a} b""#), Err("}".to_owned()));
}

#[test]
fn an_allow_covers_its_line_or_what_follows() {
    let text = "\
let a = 1 // allow: W0001 because one
// allow: W0002 because two
/// Docs.
rule r on Pod {
  // allow: W0003 because three
  deny when x
    message \"m\"
  // allow: W0004
}
// allow: W0005because five
";
    let parsed = parse(FileId(0), text);
    let shown: Vec<(String, Option<String>, &str)> = parsed
        .allows
        .iter()
        .map(|allow| (allow.code.clone(), allow.reason.clone(), &text[allow.applies_to.range()]))
        .collect();
    let reason = |text: &str| Some(text.to_owned());
    assert_eq!(shown[0], ("W0001".to_owned(), reason("one"), "let a = 1 // allow: W0001 because one"));
    assert_eq!(shown[1].0, "W0002");
    assert!(shown[1].2.starts_with("/// Docs.") && shown[1].2.ends_with("\n}"));
    assert_eq!(shown[2], ("W0003".to_owned(), reason("three"), "  deny when x"));
    assert_eq!(shown[3], ("W0004".to_owned(), None, "}"));
    assert!(!parsed.allows[3].covers("W0004", parsed.allows[3].applies_to));
    assert!(parsed.allows[2].covers("W0003", parsed.allows[2].applies_to));
    assert_eq!(shown[4].1, None);
}

#[test]
fn an_expression_can_be_parsed_alone() {
    assert!(parse_expr(FileId(0), "[\"a\", \"b\"]").is_ok());
    assert_eq!(parse_expr(FileId(0), "1 +").unwrap_err()[0].code, "E0101");
    assert_eq!(parse_expr(FileId(0), "").unwrap_err().len(), 1);
}
