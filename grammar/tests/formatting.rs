//! The formatter: one style, nothing lost, and stable.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "tests read fixtures and fail by panicking"
)]

mod common;
mod generate;

use kpol_grammar::ast::File;
use kpol_grammar::span::FileId;
use kpol_grammar::{format, lexer, parse, print};
use proptest::prelude::*;

fn fixtures() -> Vec<(String, String)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// A tree without its places: two trees are the same when these are.
fn shape(file: &File) -> String {
    let debug = format!("{file:?}");
    let mut out = String::with_capacity(debug.len());
    let mut rest = debug.as_str();
    for marker in ["Span { file: FileId("] {
        while let Some((before, behind)) = rest.split_once(marker) {
            out.push_str(before);
            rest = behind.split_once('}').map_or("", |(_, behind)| behind);
        }
    }
    out.push_str(rest);
    let mut plain = String::with_capacity(out.len());
    let mut rest = out.as_str();
    while let Some((before, behind)) = rest.split_once("escapes: [") {
        plain.push_str(before);
        rest = behind.split_once(']').map_or("", |(_, behind)| behind);
    }
    plain.push_str(rest);
    plain
}

fn parsed(text: &str) -> File {
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.file
}

fn comments(text: &str) -> Vec<String> {
    let mut list: Vec<String> =
        parse(FileId(0), text).comments.into_iter().map(|comment| comment.text).collect();
    list.sort();
    list
}

#[test]
fn the_worked_examples_in_the_one_style() {
    let mut all = String::new();
    for (name, text) in fixtures() {
        let formatted = format(&text).unwrap();
        assert_eq!(shape(&parsed(&formatted)), shape(&parsed(&text)), "{name}");
        assert_eq!(format(&formatted).unwrap(), formatted, "{name}");
        all.push_str(&format!("// ---- {name}\n{formatted}\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_worked_examples_print_from_their_tree_alone() {
    let mut all = String::new();
    for (name, text) in fixtures() {
        let file = parsed(&text);
        let printed = print(&file);
        assert_eq!(shape(&parsed(&printed)), shape(&file), "{name}");
        all.push_str(&format!("// ---- {name}\n{printed}\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn an_ugly_file_becomes_a_good_one() {
    let ugly = include_str!("ugly.kpol.txt");
    let formatted = format(ugly).unwrap();
    assert_eq!(comments(&formatted), comments(ugly));
    assert_eq!(format(&formatted).unwrap(), formatted);
    assert!(formatted.lines().all(|line| line.trim_end() == line));
    insta::assert_snapshot!(formatted);
}

#[test]
fn an_empty_file_stays_empty_and_a_remark_alone_stays() {
    assert_eq!(format("").unwrap(), "");
    assert_eq!(format(" \n\n").unwrap(), "");
    assert_eq!(format("\n\n// a\n\n\n//b").unwrap(), "// a\n\n//b\n");
}

#[test]
fn a_file_with_mistakes_is_not_touched() {
    assert_eq!(format("let x = ").unwrap_err().first().unwrap().code, "E0101");
}

/// Puts remarks into the gaps between tokens.
fn sprinkle(text: &str, gaps: &[(usize, bool)]) -> String {
    let tokens = lexer::tokens(text);
    let mut at: Vec<(usize, bool)> = gaps.iter().map(|(gap, own)| (gap % (tokens.len() + 1), *own)).collect();
    at.sort_unstable();
    at.dedup_by_key(|(gap, _)| *gap);
    let mut out = String::new();
    for (index, lexeme) in tokens.iter().enumerate() {
        for (number, (_, own)) in at.iter().enumerate().filter(|(_, (gap, _))| *gap == index) {
            out.push_str(if *own { "\n" } else { " " });
            out.push_str(&format!("// remark {number}\n"));
        }
        out.push_str(&text[lexeme.start as usize..lexeme.end as usize]);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(tree in generate::file()) {
        let printed = print(&tree.0);
        let again = parsed(&printed);
        prop_assert_eq!(shape(&again), shape(&tree.0), "{}", printed);
        prop_assert_eq!(print(&again), printed);
    }

    #[test]
    fn formatting_twice_is_formatting_once(tree in generate::file()) {
        let formatted = format(&print(&tree.0)).unwrap();
        prop_assert_eq!(format(&formatted).unwrap(), formatted.clone());
        prop_assert_eq!(shape(&parsed(&formatted)), shape(&tree.0));
    }

    #[test]
    fn remarks_survive_wherever_they_stand(
        which in 0..21_usize,
        gaps in prop::collection::vec((any::<usize>(), any::<bool>()), 1..12),
    ) {
        let list = fixtures();
        let (_, text) = &list[which % list.len()];
        let text = sprinkle(text, &gaps);
        let formatted = format(&text).unwrap();
        prop_assert_eq!(comments(&formatted), comments(&text), "{}\n=====\n{}", text, formatted);
        prop_assert_eq!(shape(&parsed(&formatted)), shape(&parsed(&text)));
        let again = format(&formatted).unwrap();
        prop_assert_eq!(again, formatted, "{}", text);
    }
}

#[test]
fn parentheses_that_a_tree_lacks_are_added() {
    use kpol_grammar::ast::{BinaryOp, Expr, ExprKind};
    let var = |text: &str| kpol_grammar::parse_expr(FileId(0), text).unwrap();
    let binary = |op, lhs, rhs| {
        let (span, op_span) = Default::default();
        Expr { kind: ExprKind::Binary { op, op_span, lhs: Box::new(lhs), rhs: Box::new(rhs) }, span }
    };
    let either = binary(BinaryOp::Or, var("a"), var("b"));
    assert_eq!(kpol_grammar::print_expr(&binary(BinaryOp::And, either.clone(), var("c"))), "(a or b) and c");
    assert_eq!(kpol_grammar::print_expr(&binary(BinaryOp::Or, var("c"), either)), "c or (a or b)");
}

#[test]
fn every_character_of_a_text_is_written_as_the_language_reads_it() {
    let all: String =
        (0..0x300).filter_map(char::from_u32).filter(|c| !matches!(c, '"' | '\\' | '\n' | '\r')).collect();
    for text in [all.as_str(), "\u{feff}", "e\u{301}", "\u{301}", "\u{10ffff}"] {
        let source = format!("let a = \"{text}\"\n");
        let formatted = format(&source).unwrap();
        assert_eq!(literal(&formatted), text, "{formatted}");
        assert_eq!(format(&formatted).unwrap(), formatted);
    }
}

/// The text that the file's only `let` names.
fn literal(source: &str) -> String {
    use kpol_grammar::ast::{ExprKind, ItemKind, Literal};
    let item = parsed(source).items.remove(0);
    let ItemKind::Let { value, .. } = item.kind else { panic!("{source}") };
    let ExprKind::Literal(Literal::Str(text)) = value.kind else { panic!("{source}") };
    text.text
}
