//! The laws of reading: meaning, positions, refusals and bounds.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops"
)]

use kpol_manifest::{
    Document, Json, JsonPath, Limits, ManifestError, ManifestErrorKind as Kind, Segment, Syntax, line_col,
    objects, parse, parse_bytes,
};
use proptest::prelude::*;

fn yaml(text: &str) -> Vec<Document> {
    parse(text, Syntax::Yaml, &Limits::default()).unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

fn one(text: &str) -> Document {
    let mut documents = yaml(text);
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

fn refused(text: &str) -> ManifestError {
    parse(text, Syntax::Auto, &Limits::default()).expect_err(text)
}

fn json(text: &str) -> Json {
    parse(text, Syntax::Json, &Limits::default()).unwrap().remove(0).value
}

#[track_caller]
fn means(text: &str, expected: &str) {
    assert_eq!(one(text).value, json(expected), "{text}");
}

#[track_caller]
fn underlined<'t>(text: &'t str, doc: &Document, path: &str) -> &'t str {
    let (span, exact) = doc.span_of(&path.parse().unwrap());
    assert!(exact, "{path} in {text}");
    &text[span]
}

// Meaning.

#[test]
fn privileged_yes_is_true() {
    means("privileged: yes", r#"{"privileged":true}"#);
    means("privileged: 'yes'", r#"{"privileged":"yes"}"#);
    means("on: n", r#"{"true":false}"#);
}

#[test]
fn a_default_mode_with_a_leading_zero_is_octal() {
    means("{defaultMode: 0644, a: 0o10, b: 0x1F, c: 1_000}", r#"{"defaultMode":420,"a":8,"b":31,"c":1000}"#);
}

#[test]
fn an_integral_float_is_an_integer_in_both_syntaxes() {
    means("a: 1.0", r#"{"a":1}"#);
    let found = parse(r#"{"a":1.0,"b":1e3,"c":1.5}"#, Syntax::Json, &Limits::default()).unwrap();
    assert_eq!(found[0].value, json(r#"{"a":1,"b":1000,"c":1.5}"#));
}

#[test]
fn what_is_later_wins_between_keys_and_merges() {
    let base = "x: &x {a: 2, c: 3}\nz: &z {a: 9}\n";
    for (written, means) in [
        ("{a: 1, <<: *x}", r#"{"a":2,"c":3}"#),
        ("{<<: *x, a: 1}", r#"{"a":1,"c":3}"#),
        ("{<<: [*x, *z]}", r#"{"a":2,"c":3}"#),
        ("{<<: *x, <<: *z}", r#"{"a":9,"c":3}"#),
        ("{<<: {b: 1}, a: *z}", r#"{"b":1,"a":{"a":9}}"#),
        ("{'<<': 1}", r#"{"<<":1}"#),
        ("{! '<<': *z}", r#"{"a":9}"#),
    ] {
        let text = format!("{base}m: {written}");
        assert_eq!(one(&text).value.get("m"), Some(&json(means)), "{written}");
    }
    assert_eq!(refused("a: {<<: 1}").kind, Kind::Merge);
    assert_eq!(refused("a: {<<: [{}, 1]}").kind, Kind::Merge);
}

#[test]
fn tags_decide_and_unknown_tags_are_refused() {
    means("a: !!str 12", r#"{"a":"12"}"#);
    means("a: !!int \"12\"", r#"{"a":12}"#);
    means("a: !!map {b: !!seq [!!binary aGk=]}", r#"{"a":{"b":["hi"]}}"#);
    for text in ["a: !foo 1", "a: !!set {b: 1}", "a: !!map []", "!x {}", "a: !!int 1.5"] {
        assert_eq!(refused(text).kind, Kind::Tag, "{text}");
    }
}

#[test]
fn keys_become_text_or_are_refused() {
    means("{1: a, 0x10: b, 1.5: c, true: d}", r#"{"1":"a","16":"b","1.5":"c","true":"d"}"#);
    for text in ["~: 1", "? [a]\n: 1", "? {a: b}\n: 1", "{18446744073709551615: 1}"] {
        assert_eq!(refused(text).kind, Kind::Key, "{text}");
    }
}

#[test]
fn numbers_without_a_json_form_are_refused() {
    for text in ["a: .inf", "a: -.Inf", "a: .nan", "{\"a\": 1e999}"] {
        assert_eq!(refused(text).kind, Kind::Number, "{text}");
    }
}

#[test]
fn empty_and_null_documents_are_skipped() {
    let text = "# a\n---\n---\na: 1\n---\n# b\n...\n---\nnull\n---\nb: 2\n---\n";
    let values: Vec<_> = yaml(text).into_iter().map(|d| d.value).collect();
    assert_eq!(values, [json(r#"{"a":1}"#), json(r#"{"b":2}"#)]);
    assert!(yaml("").is_empty() && yaml("\n\n").is_empty());
    assert!(parse(" \n", Syntax::Json, &Limits::default()).unwrap().is_empty());
}

#[test]
fn marks_and_line_ends_of_other_systems_change_nothing() {
    let text = "\u{feff}a: 1\r\nb:\r\n  - x\r\n";
    assert_eq!(one(text).value, json(r#"{"a":1,"b":["x"]}"#));
    assert_eq!(underlined(text, &one(text), "b[0]"), "x");
    let text = "\u{feff} {\"a\": [1]}";
    let doc = parse(text, Syntax::Auto, &Limits::default()).unwrap().remove(0);
    assert_eq!(underlined(text, &doc, "a[0]"), "1");
}

#[test]
fn json_values_may_follow_each_other() {
    for text in ["{\"a\":1}{\"a\":2}\n", "{\"a\":1}\n---\n{\"a\":2}", "{a: 1}\n---\na: 2"] {
        let values: Vec<_> = parse(text, Syntax::Auto, &Limits::default()).unwrap();
        assert_eq!(values.len(), 2, "{text}");
        assert_eq!(values[1].value, json(r#"{"a":2}"#), "{text}");
    }
}

#[test]
fn strict_json_is_strict() {
    for text in [
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "{a:1}",
        "['a']",
        "[01]",
        "[1.]",
        "[.5]",
        "[+1]",
        "[tru]",
        "[\"\t\"]",
        "[\"\\x\"]",
        "[\"\\ud800\"]",
        "[",
        "{\"a\"",
        "{\"a\":",
        "\"",
        "[1 2]",
        "]",
        "[nan]",
        "[1]x",
        "[\"\\u12\"]",
        "[-]",
        "[1e]",
        "\u{b}[]",
    ] {
        let found = parse(text, Syntax::Json, &Limits::default());
        assert!(matches!(&found, Err(error) if error.kind == Kind::Syntax), "{text}: {found:?}");
    }
    let found = parse(r#"["\ud83d\ude00\u00e9\n\/"]"#, Syntax::Json, &Limits::default()).unwrap();
    assert_eq!(found[0].value, Json::Array(vec![Json::Str("😀é\n/".into())]));
}

// Positions.

#[test]
fn positions_underline_what_was_written() {
    let text = "kind: Pod # é\nmetadata:\n  name: 'a é'   # x\n  annotations: {\"a.b/c\": \"q\\\"\"  , d: }\nspec:\n  \
                containers:\n  - image: é:1\n    args: [ -x, \"y\" ]\n  - |\n    text\n    more\n  -\nend:\n";
    let doc = one(text);
    for (path, expected) in [
        ("kind", "Pod"),
        ("metadata.name", "'a é'"),
        (r#"metadata.annotations["a.b/c"]"#, "\"q\\\"\""),
        ("metadata.annotations.d", ""),
        ("metadata.annotations", "{\"a.b/c\": \"q\\\"\"  , d: }"),
        ("spec.containers[0]", "image: é:1\n    args: [ -x, \"y\" ]"),
        ("spec.containers[0].image", "é:1"),
        ("spec.containers[0].args", "[ -x, \"y\" ]"),
        ("spec.containers[0].args[1]", "\"y\""),
        ("spec.containers[1]", "|\n    text\n    more"),
        ("spec.containers[2]", ""),
        ("end", ""),
    ] {
        assert_eq!(underlined(text, &doc, path), expected, "{path}");
    }
    let key = |path: &str| doc.key_span_of(&path.parse().unwrap()).map(|span| &text[span]);
    assert_eq!(key(r#"metadata.annotations["a.b/c"]"#), Some("\"a.b/c\""));
    assert_eq!(key("spec.containers"), Some("containers"));
    assert_eq!(key("spec.containers[0]"), None);
    assert_eq!(key("spec.absent"), None);
    assert_eq!(&text[doc.span()], text.trim_end());
}

#[test]
fn an_absent_path_has_the_span_of_its_deepest_ancestor() {
    let text = "a:\n  b: [1, 2]\n";
    let (span, exact) = one(text).span_of(&"a.b[7].c".parse().unwrap());
    assert_eq!((&text[span], exact), ("[1, 2]", false));
}

#[test]
fn behind_an_alias_positions_are_those_of_the_anchor() {
    let text = "x: &x\n  s: {p: yes}\ny: *x\nz:\n  <<: *x\n  o: 1\n";
    let doc = one(text);
    assert_eq!(underlined(text, &doc, "true"), "*x");
    assert_eq!(underlined(text, &doc, r#"["true"].s.p"#), "yes");
    assert_eq!(underlined(text, &doc, "z.s.p"), "yes");
    assert_eq!(doc.key_span_of(&"z.s".parse().unwrap()).map(|span| &text[span]), Some("s"));
    assert_eq!(underlined(text, &doc, "z"), "<<: *x\n  o: 1");
}

#[test]
fn lines_and_columns_count_from_one_and_in_characters() {
    let text = "aé\r\nb\rc\n";
    for (offset, expected) in
        [(0, (1, 1)), (1, (1, 2)), (3, (1, 3)), (5, (2, 1)), (7, (3, 1)), (9, (4, 1)), (99, (4, 1))]
    {
        assert_eq!(line_col(text, offset), expected, "{offset}");
    }
}

#[test]
fn paths_print_and_parse() {
    for (text, pointer) in [
        ("", ""),
        ("spec.containers[0].image", "/spec/containers/0/image"),
        (r#"metadata.annotations["a.b/c"]"#, "/metadata/annotations/a.b~1c"),
        (r#"["a~\"\\"][3][""]"#, "/a~0\"\\/3/"),
    ] {
        let path: JsonPath = text.parse().unwrap();
        assert_eq!((path.to_string(), path.to_pointer()), (text.to_owned(), pointer.to_owned()));
    }
    for (text, at) in
        [("a.", 1), (".a", 0), ("a[", 1), ("a[x]", 1), ("a[0]b", 4), ("a[\"b", 1), ("a b", 0), ("a[+1]", 1)]
    {
        assert_eq!(text.parse::<JsonPath>().map_err(|error| error.at), Err(at), "{text}");
    }
}

#[test]
fn a_list_yields_its_items_and_others_themselves() {
    let text = "kind: List\nitems:\n- kind: Pod\n- kind: PodList\n  items: [{a: 1}, {a: 2}]\n- kind: EmptyList\n  items:\n\
                - kind: WhiteList\n";
    let doc = one(text);
    let found: Vec<_> =
        objects(&doc).into_iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    let expected = [
        ("items[0]", r#"{"kind":"Pod"}"#),
        ("items[1].items[0]", r#"{"a":1}"#),
        ("items[1].items[1]", r#"{"a":2}"#),
        ("items[3]", r#"{"kind":"WhiteList"}"#),
    ];
    assert_eq!(found, expected.map(|(path, value)| (path.to_owned(), value.to_owned())));
    assert_eq!(objects(&one("kind: Pod"))[0].0, JsonPath::default());
}

// Refusals and bounds.

#[test]
fn a_key_that_stands_twice_is_refused_with_both_places() {
    let many = (0..20).map(|i| format!("k{i}: 0\n")).collect::<String>() + "k3: 1\n";
    for (text, first, second) in [
        ("a: 1\nb: 2\n'a': 3\n", 0, 10),
        ("{\"a\":1,\"a\":2}", 1, 7),
        ("{1: a, 0x1: b}", 1, 7),
        (&many, 18, 130),
    ] {
        let error = refused(text);
        assert_eq!(error.kind, Kind::DuplicateKey, "{text}");
        let before = error.secondary.map(|(at, _)| at.start);
        assert_eq!((before, error.at.start), (Some(first), second), "{text}");
    }
}

#[test]
fn aliases_need_a_finished_anchor_in_their_document() {
    for text in ["a: *x", "a: &x [*x]", "a: &x 1\n---\nb: *x\n"] {
        assert_eq!(refused(text).kind, Kind::Alias, "{text}");
    }
}

#[test]
fn billions_of_laughs_are_refused_by_name() {
    let mut text = String::from("a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n");
    for i in 1..12 {
        text += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(","));
    }
    let error = refused(&text);
    assert_eq!(error.kind, Kind::AnchorBomb);
    assert!(error.message.contains("`a"), "{}", error.message);
    assert!(text[error.at].contains("*a"));
}

#[test]
fn copies_of_long_text_count_by_their_length() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(","));
    assert_eq!(refused(&text).kind, Kind::AnchorBomb);
}

#[test]
fn ten_thousand_levels_are_refused_where_the_limit_is_passed() {
    let block = (0..10_000).fold(String::new(), |out, _| out + "- ");
    let maps = (0..400).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>();
    let chain =
        (1..10_000).fold("a0: &a0 []\n".to_owned(), |out, i| out + &format!("a{i}: &a{i} [*a{}]\n", i - 1));
    let yaml = |text: &str| parse(text, Syntax::Yaml, &Limits::default()).expect_err("too deep");
    for (text, error, at) in [
        ("flow", yaml(&"[".repeat(10_000)), 128),
        ("flow in YAML", yaml(&format!("a: {}", "[".repeat(10_000))), 130),
        ("JSON", refused(&"[".repeat(10_000)), 128),
        ("objects", refused(&"{\"a\":".repeat(10_000)), 128 * 5),
        ("closed", refused(&("[".repeat(10_000) + &"]".repeat(10_000))), 128),
        ("block", yaml(&block), 256),
        ("block maps", yaml(&maps), (0..128).map(|i| i + 3).sum::<usize>() + 128),
    ] {
        assert_eq!((error.kind, error.at.start), (Kind::TooDeep, at), "{text}");
    }
    assert_eq!(yaml(&chain).kind, Kind::TooDeep);
    let deep = Limits { depth: 10_000, ..Limits::default() };
    for syntax in [Syntax::Json, Syntax::Yaml] {
        assert_eq!(parse(&"[".repeat(10_000), syntax, &deep).map_err(|e| e.kind).unwrap_err(), Kind::TooDeep);
    }
}

#[test]
fn the_scanner_still_says_what_two_of_its_errors_are_known_by() {
    let deep = Limits { depth: 512, ..Limits::default() };
    let error = parse(&"[".repeat(300), Syntax::Yaml, &deep).unwrap_err();
    assert_eq!((error.kind, error.at.start), (Kind::TooDeep, 255));
    assert_eq!(refused("a: *x").message, "this alias has no anchor");
}

#[test]
fn each_limit_is_an_error_of_its_own() {
    let limits =
        Limits { bytes: 60, depth: 3, nodes: 6, alias_nodes: 4, documents: 3, key_bytes: 5, flow_entries: 4 };
    for (text, kind) in [
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Kind::TooLarge),
        ("a: [[[1]]]", Kind::TooDeep),
        ("- 1\n- 1\n- 1\n- 1\n- 1\n- 1\n", Kind::TooManyNodes),
        ("- [[1,2,3,4,5,6]: 1]", Kind::TooManyNodes),
        ("- &a [1]\n- *a\n- *a\n", Kind::AnchorBomb),
        ("1\n---\n2\n---\n3\n---\n4\n", Kind::TooManyDocuments),
        ("abcdef: 1", Kind::KeyTooLong),
    ] {
        assert_eq!(parse(text, Syntax::Auto, &limits).map_err(|e| e.kind).map(|_| ()), Err(kind), "{text}");
    }
    assert_eq!(
        parse_bytes(&[b'a'; 61], Syntax::Auto, &limits).map_err(|e| e.kind).map(|_| ()),
        Err(Kind::TooLarge)
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let error = parse_bytes(b"a: 1\nb: \xc3\xa9\xff\n", Syntax::Auto, &Limits::default()).unwrap_err();
    assert_eq!((error.kind, error.at), (Kind::Utf8, 10..11));
    assert_eq!(error.message, "byte 10 (0xff, line 2, column 5) is not UTF-8");
}

#[test]
fn what_kubectl_reads_as_another_text_is_refused() {
    for text in ["a: 1 # x\u{2028}b: 2\n", "a: 'x\u{85}y'", "a: \u{0}", "a: x\u{7}", "# \u{80}"] {
        assert_eq!(refused(text).kind, Kind::Syntax, "{text:?}");
    }
    means("a: \"\\u2028\\u0085é\u{a0}\"", "{\"a\":\"\\u2028\\u0085é\u{a0}\"}");
}

#[test]
fn flow_that_yaml_1_1_reads_otherwise_is_refused() {
    for text in ["{a:}", "{a :}", "[a:, b]", "- [?a]", "- &x {k: [a:]}"] {
        assert_eq!(refused(text).kind, Kind::Syntax, "{text}");
    }
    means("{a: , \"c\":, d: x:y}", r#"{"a":null,"c":null,"d":"x:y"}"#);
}

#[test]
fn a_block_scalar_has_no_line_break_that_the_file_has_not() {
    for (text, expected) in [
        ("a: |\n  x", r#"{"a":"x"}"#),
        ("a: |\n  x\n", r#"{"a":"x\n"}"#),
        ("a: |+\n  x\n\n", r#"{"a":"x\n\n"}"#),
        ("a: |\n  x\n ", r#"{"a":"x\n"}"#),
        ("a: >\n  x\n  y", r#"{"a":"x y"}"#),
        ("a: |-\n  x\nb: |\n  y\n", r#"{"a":"x","b":"y\n"}"#),
    ] {
        means(text, expected);
    }
}

#[test]
fn the_reader_that_came_further_explains() {
    assert!(refused("{\"a\": 1, \"b\": }}").message.contains("JSON"));
    assert!(refused("{a: 1}\n---\nb: [\n").message.contains("YAML"));
}

#[test]
fn hostile_shapes_are_read_once() {
    let n = 200_000;
    for text in [
        "- \n".repeat(n),
        "? a\n".to_owned() + &"\n".repeat(n),
        format!("- x{}{}", "\n".repeat(n), "-\n".repeat(n)),
        format!("[{}", "a: b, ".repeat(n / 2)),
        format!("- [{}]", "'a' , ".repeat(n / 2)),
        format!("é: {}", "é ".repeat(n)),
        "a: |\n  x\n".to_owned() + &"#\n".repeat(n),
        (0..n).map(|i| format!("k{i}: é\n")).collect(),
        "--- 1\n".repeat(n / 4),
    ] {
        // Quadratic work would take minutes here.
        let _ = parse(&text, Syntax::Yaml, &Limits::default());
    }
}

// Generated.

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        (-1e15..1e15f64).prop_filter("an integer otherwise", |f| f.fract() != 0.0).prop_map(Json::Float),
        text().prop_map(Json::Str),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::Array),
            prop::collection::btree_map(text(), inner, 0..12)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

/// Text that both syntaxes can write unescaped or as serde_json escapes it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~é😀\n\t\r]{0,12}",
        "yes|no|null|~|0644|1e3|<<|- a|a: b|#|&a|\\*a|!x|---|\\.\\.\\.|\\|",
        any::<String>().prop_map(|s| s
            .chars()
            .filter(|c| !matches!(
                c,
                '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            ))
            .collect::<String>()),
    ]
}

fn scalars(value: &Json, path: &mut Vec<Segment>, out: &mut Vec<(JsonPath, Json)>) {
    let mut inner = |segment, value| {
        path.push(segment);
        scalars(value, path, out);
        path.pop();
    };
    match value {
        Json::Array(items) => items.iter().enumerate().for_each(|(i, v)| inner(Segment::Index(i), v)),
        Json::Object(entries) => entries.iter().for_each(|(k, v)| inner(Segment::Key(k.clone()), v)),
        leaf @ (Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) | Json::Str(_)) => {
            out.push((JsonPath(path.clone()), leaf.clone()));
        }
    }
}

fn spans_read_back(text: &str, syntax: Syntax) -> Result<(), TestCaseError> {
    for doc in parse(text, syntax, &Limits::default()).unwrap_or_default() {
        let mut found = Vec::new();
        scalars(&doc.value, &mut Vec::new(), &mut found);
        for (path, value) in found {
            let (span, exact) = doc.span_of(&path);
            prop_assert!(exact && text.is_char_boundary(span.start), "{path} of {text:?}");
            let written = text.get(span.clone()).unwrap_or_default();
            let indirect = text.contains(['*', '|', '>', '\n', '\r']);
            if !indirect {
                let again = parse(
                    &if syntax == Syntax::Json { format!("[{written}]") } else { format!("- {written}") },
                    syntax,
                    &Limits::default(),
                );
                let again =
                    again.map_err(|e| TestCaseError::fail(format!("{written:?} in {text:?}: {e}")))?;
                prop_assert_eq!(&again[0].value, &Json::Array(vec![value]), "{:?} in {:?}", written, text);
            }
            let again: JsonPath =
                path.to_string().parse().map_err(|e| TestCaseError::fail(format!("{e}")))?;
            prop_assert_eq!(again, path);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_reads_back_equal_in_both_syntaxes(value in any_json()) {
        let compact = value.to_string();
        let pretty = serde_json::to_string_pretty(&serde_json::Value::from(&value)).unwrap();
        for text in [compact, pretty] {
            for syntax in [Syntax::Json, Syntax::Auto, Syntax::Yaml] {
                let found = parse(&text, syntax, &Limits::default()).map_err(|e| TestCaseError::fail(format!("{syntax:?} {text:?}: {e:?}")))?;
                let found = found.into_iter().next().map(|d| d.value).unwrap_or_default();
                prop_assert_eq!(&found, &value, "{:?} {:?}", syntax, text);
            }
            spans_read_back(&text, Syntax::Json)?;
        }
    }

    #[test]
    fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for syntax in [Syntax::Auto, Syntax::Yaml, Syntax::Json] {
            let _ = parse_bytes(&bytes, syntax, &Limits::default());
        }
    }

    #[test]
    fn reading_any_yaml_like_text_never_panics_and_spans_read_back(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "b", "é", "1", " ", "  ", "\n", "\n  ", "\n- ", ": ", ":", "- ", "? ", "[", "]", "{", "}", ", ", ",", "&x ", "*x", "<<",
            "!!str ", "!y ", "'", "\"", "|", ">", "|-\n", "---\n", "...\n", "#", " # c", "\t", "\r\n", "%TAG ", "~", "yes", "\\", "''", "\u{feff}", "@", "`",
        ]), 0..24)
    ) {
        let text = parts.concat();
        spans_read_back(&text, Syntax::Yaml)?;
        let found = parse(&text, Syntax::Auto, &Limits::default());
        if let Err(error) = found {
            prop_assert!(error.at.start <= error.at.end && error.at.end <= text.len() + 1, "{:?}: {:?}", text, error);
        }
    }

    #[test]
    fn paths_round_trip(keys in prop::collection::vec(prop_oneof![any::<String>().prop_map(Segment::Key), (0..9usize).prop_map(Segment::Index)], 0..6)) {
        let path = JsonPath(keys);
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }
}
