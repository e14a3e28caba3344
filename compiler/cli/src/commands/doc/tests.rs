//! The catalogue as a whole: what is in it, that its links lead somewhere, and that no text of a policy gets out.

use std::collections::{BTreeMap, BTreeSet};

use kpol_compiler::{Compiled, NoFiles, Options, Role, Source, compile, library, library_names};

use super::{build::catalogue, html, is_catalogue, markdown, write};

/// Everything that a catalogue has a place for.
const SAMPLE: &str = include_str!("tests/sample.kpol");

fn compiled(name: &str, text: &str) -> Compiled {
    let source = Source { name: name.to_owned(), text: text.to_owned(), role: Role::Entry };
    let compiled = compile(vec![source], &NoFiles, &Options::default());
    assert!(!compiled.has_errors(), "{:#?}", compiled.diagnostics);
    compiled
}

/// The sample, and the whole library.
fn samples() -> Vec<Compiled> {
    let all: Vec<Source> = library_names().iter().flat_map(|name| library(name, Role::Entry)).collect();
    let mut seen = BTreeSet::new();
    let all = all.into_iter().filter(|source| seen.insert(source.name.clone())).collect();
    let library = compile(all, &NoFiles, &Options::default());
    assert!(!library.has_errors(), "{:#?}", library.diagnostics);
    vec![compiled("sample.kpol", SAMPLE), library]
}

fn page(compiled: &Compiled) -> String {
    html::html(&catalogue(compiled)).remove(0).1
}

fn text(compiled: &Compiled) -> String {
    markdown::markdown(&catalogue(compiled)).remove(0).1
}

/// What stands between `before` and `after`, wherever both do.
fn all_between<'t>(text: &'t str, before: &str, after: &str) -> Vec<&'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(found, _)| found).collect()
}

/// The page without its own style and script.
fn content(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, rest) = rest.rsplit_once("<script>").unwrap();
    let (_, behind) = rest.split_once("</script>").unwrap();
    [before, body, behind].concat()
}

#[test]
fn a_small_catalogue_as_markdown() {
    let whole = text(&compiled("sample.kpol", SAMPLE));
    let (rules, rest) = whole.split_once("## <a id=\"coverage\"></a>").unwrap();
    // The matrices have a row for every control; here the covered ones are enough.
    let covered =
        rest.lines().filter(|line| !line.contains("Not covered") && !line.contains("cluster setup"));
    let covered = covered.collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(format!("{rules}## <a id=\"coverage\"></a>{covered}"));
}

#[test]
fn every_rule_stands_in_it_once() {
    for compiled in samples() {
        let (page, text) = (page(&compiled), text(&compiled));
        let module = compiled.module.as_ref().unwrap();
        let names = module.rules.iter().map(|rule| &rule.name).chain(&compiled.correlations);
        let mut count = 0;
        for name in names {
            count += 1;
            assert_eq!(
                page.matches(&format!("<article class=\"rule\" id=\"rule-{name}\"")).count(),
                1,
                "{name}"
            );
            assert_eq!(page.matches(&format!("data-entry=\"rule-{name}\"")).count(), 1, "{name}");
            assert_eq!(text.matches(&format!("### <a id=\"rule-{name}\"></a>")).count(), 1, "{name}");
        }
        assert_eq!(catalogue(&compiled).rules().count(), count);
        for mutation in &module.mutations {
            let name = &mutation.name;
            assert_eq!(page.matches(&format!("id=\"mutation-{name}\"")).count(), 1, "{name}");
            assert_eq!(text.matches(&format!("<a id=\"mutation-{name}\"></a>")).count(), 1, "{name}");
        }
    }
}

#[test]
fn every_test_of_a_rule_is_a_law_of_it() {
    for compiled in samples() {
        let catalogue = catalogue(&compiled);
        assert_eq!(catalogue.laws(), compiled.tests.len());
    }
}

#[test]
fn links_within_have_targets_and_ids_are_unique() {
    for compiled in samples() {
        let page = page(&compiled);
        let ids = all_between(&page, " id=\"", "\"");
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len());
        for target in all_between(&page, "href=\"#", "\"") {
            assert!(unique.contains(target), "{target}");
        }
        let text = text(&compiled);
        let anchors = all_between(&text, "<a id=\"", "\"");
        let unique: BTreeSet<&str> = anchors.iter().copied().collect();
        assert_eq!(unique.len(), anchors.len());
        for target in all_between(&text, "](#", ")") {
            assert!(unique.contains(target), "{target}");
        }
    }
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    for compiled in samples() {
        let page = page(&compiled);
        balanced(&page);
        for loads in ["<link", " src=", "@import", "url(", "<iframe", "<img"] {
            assert!(!page.contains(loads), "{loads}");
        }
        let away = all_between(&page, "href=\"", "\"");
        assert!(away.iter().all(|link| link.starts_with('#') || link.starts_with("http")), "{away:?}");
        assert!(is_catalogue(&page) && is_catalogue(&text(&compiled)));
    }
}

#[test]
fn controls_without_a_rule_are_shown() {
    let sample = compiled("sample.kpol", SAMPLE);
    let (page, text) = (page(&sample), text(&sample));
    for control in kpol_stdlib::controls::controls() {
        assert!(page.contains(&format!("id=\"control-{}\"", control.id)), "{}", control.id);
        assert!(text.contains(&format!("<a id=\"control-{}\"></a>", control.id)), "{}", control.id);
    }
    assert!(page.contains("Not covered") && text.contains("**Not covered**"));
}

/// A policy in which every text is `evil`.
fn hostile(evil: &str) -> Compiled {
    let escaped = evil.replace('\\', "\\\\").replace('"', "\\\"");
    let plain = format!("\"{escaped}\"");
    // In a message braces are doubled.
    let quoted = plain.replace('{', "{{").replace('}', "}}");
    let policy = format!(
        "//! {evil}\n//!\n//!     {evil}\npackage a.b\n\n/// {evil}\n/// - {evil}\nparam p: string = {plain}\n\n\
         /// {evil}\n///\n/// `{evil}`\nrule r on Pod {{\n  tags {plain}\n  refs {plain}, \"https://x/{escaped}\"\n  owner {plain}\n\
         \x20 where object.metadata.name != p\n  deny when object.metadata.name == {plain} message {quoted} fix {quoted}\n}}\n\n\
         /// {evil}\nmutate m on Pod {{\n  overwrite object.metadata.labels[{plain}] = {plain}\n}}\n\n\
         exception e to r {{\n  where object.metadata.name == {plain}\n  reason {plain}\n  owner {plain}\n}}\n\n\
         bind r {{\n  where object.metadata.name != {plain}\n  with p = {plain}\n}}\n\n\
         test r {plain} {{\n  given Pod {{ metadata.name: \"x\" }}\n  expect pass\n}}\n",
    );
    compiled(&format!("{evil}.kpol"), &policy)
}

const EVIL: &[&str] = &[
    "<script>alert(1)</script>",
    "</style></script><script>alert(1)</script><style>",
    "\" onmouseover=\"alert(1)\" x=\"",
    "' onclick='alert(1)",
    "--><img src=x onerror=alert(1)><!--",
    "</details></article><b>",
    "javascript:alert(1)",
    "]]><x>&lt;&amp;",
    "a](javascript:alert(1)) [b",
    "| a | b |",
    "x ```` <i> `",
    "{c.name} }} {{",
];

#[test]
fn no_text_of_a_policy_becomes_markup_of_the_page() {
    let harmless = content(&page(&hostile("harmless")));
    let tags = tag_counts(&harmless);
    for evil in EVIL {
        let page = page(&hostile(evil));
        balanced(&page);
        let found = tag_counts(&content(&page));
        // Backticks make code and names break in more places: everything else is as it was.
        for tag in found.keys().filter(|tag| !["code", "wbr", "a"].contains(&tag.trim_start_matches('/'))) {
            assert_eq!(found.get(tag), tags.get(tag), "{tag} by {evil}");
        }
        assert!(!page.contains("href=\"javascript"), "{evil}");
        for attribute in ["onmouseover", "onclick", "onerror"] {
            let in_tags = all_tags(&content(&page));
            assert!(
                !in_tags.iter().any(|(_, attributes)| attributes.contains(&attribute.to_owned())),
                "{evil}"
            );
        }
    }
}

#[test]
fn no_text_of_a_policy_becomes_markup_of_the_markdown() {
    let known = ["a", "/a", "br", "details", "summary", "/summary", "/details"];
    let harmless = text(&hostile("harmless"));
    for evil in EVIL {
        let text = text(&hostile(evil));
        for line in outside_of_fences(&text) {
            let line = without_code(line);
            for tag in line.split('<').skip(1).map(|rest| rest.split(['>', ' ']).next().unwrap()) {
                assert!(known.contains(&tag) || tag.starts_with("https://x/"), "{tag} in {line:?} by {evil}");
            }
            assert!(!line.replace("\\]", "").contains("](javascript"), "{line} by {evil}");
        }
        assert_eq!(rows(&text), rows(&harmless), "{evil}");
    }
}

/// How many cells each row of each table has.
fn rows(text: &str) -> Vec<usize> {
    let rows = outside_of_fences(text).into_iter().filter(|line| line.starts_with("| "));
    rows.map(|line| line.replace("\\|", "").matches('|').count()).collect()
}

/// The lines that are no code. Every fence is closed.
fn outside_of_fences(text: &str) -> Vec<&str> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("kpol")),
            None => lines.push(line),
        }
    }
    assert_eq!(fence, None);
    lines
}

/// A line of Markdown without its code spans.
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        let run = rest[at..].chars().take_while(|c| *c == '`').count();
        if at > 0 && rest[..at].ends_with('\\') {
            out.push_str(&rest[..at + 1]);
            rest = &rest[at + 1..];
            continue;
        }
        out.push_str(&rest[..at]);
        let behind = &rest[at + run..];
        let close = (0..behind.len()).find(|i| {
            behind.is_char_boundary(*i)
                && behind[*i..].starts_with('`')
                && !behind[..*i].ends_with('`')
                && behind[*i..].chars().take_while(|c| *c == '`').count() == run
        });
        let close = close.unwrap_or_else(|| panic!("code without an end: {line}"));
        rest = &behind[close + run..];
    }
    out + rest
}

#[test]
fn a_file_that_is_no_catalogue_stays() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a/b");
    write(&out, "index.html", &page(&compiled("sample.kpol", SAMPLE))).unwrap();
    write(&out, "index.html", &page(&hostile("again"))).unwrap();
    assert!(std::fs::read_to_string(out.join("index.html")).unwrap().contains("again"));
    std::fs::write(out.join("index.md"), "# My notes\n").unwrap();
    let error = write(&out, "index.md", "x").unwrap_err();
    assert!(error.to_string().contains("no catalogue"), "{error}");
    assert_eq!(std::fs::read_to_string(out.join("index.md")).unwrap(), "# My notes\n");
}

/// Every tag with the names of its attributes; `/p` closes.
fn all_tags(page: &str) -> Vec<(String, Vec<String>)> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, behind)) = rest.split_once('<') {
        let mut quoted = false;
        let end = behind
            .char_indices()
            .find(|(_, c)| {
                quoted ^= *c == '"';
                *c == '>' && !quoted
            })
            .unwrap_or_else(|| panic!("a tag without an end: {}", &behind[..behind.len().min(80)]))
            .0;
        let inside = &behind[..end];
        rest = &behind[end + 1..];
        if inside.starts_with('!') {
            continue;
        }
        let name = inside.split_whitespace().next().unwrap().to_owned();
        // Attributes stand outside of quotes: every other part.
        let outside: String = inside.split('"').step_by(2).collect();
        let attributes =
            outside.split_whitespace().skip(1).map(|part| part.trim_end_matches('=').to_owned()).collect();
        if name == "script" || name == "style" {
            let close = format!("</{name}>");
            let at = rest.find(&close).unwrap();
            rest = &rest[at..];
        }
        tags.push((name, attributes));
    }
    tags
}

fn tag_counts(page: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (name, _) in all_tags(page) {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

/// Every tag that opens is closed in its place, and no attribute is written twice.
fn balanced(page: &str) {
    const VOID: [&str; 6] = ["meta", "input", "wbr", "br", "hr", "link"];
    let mut open: Vec<String> = Vec::new();
    for (name, attributes) in all_tags(page) {
        let unique: BTreeSet<&String> = attributes.iter().collect();
        assert_eq!(unique.len(), attributes.len(), "{name} {attributes:?}");
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name)),
            None if VOID.contains(&name.as_str()) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}
