//! Writes the seeds of the targets: `seeds FOLDER`. They are the project's own examples, fixtures and library, so none is
//! kept in the repository twice.

use std::{error::Error, fs, path::Path};

use kpol_compiler::{NoFiles, Options, Role, Source, compile, library, library_names};
use kpol_grammar::token::Token;
use kpol_manifest::{Limits, Syntax, parse};
use kpol_tests::{
    engines::body,
    generate::{Dice, Input, Inputs},
    root,
};
use kpol_vm::{
    bundle::{About, write},
    evaluate::Review,
    ir::Module,
};
use proptest::test_runner::{RngAlgorithm, TestRng};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: seeds FOLDER")?;
    let folder = Path::new(&folder);
    let put = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(folder.join(target))?;
        fs::write(folder.join(target).join(name), bytes)
    };
    let mut texts = Vec::new();
    let places =
        ["examples", "grammar/tests", "compiler/tests/ui", "stdlib/library", "tests/fuzz/found/language"];
    for path in places.iter().flat_map(|place| files(&root().join(place))) {
        if path.ends_with(".kpol") {
            texts.push(fs::read_to_string(&path)?);
        }
    }
    for (index, text) in texts.iter().enumerate() {
        put("language", &format!("{index}.kpol"), text.as_bytes())?;
    }
    let mut modules: Vec<Module> = Vec::new();
    for name in library_names() {
        modules.extend(compile(library(&name, Role::Entry), &NoFiles, &Options::default()).module);
    }
    for text in texts {
        let source = Source { name: "seed.kpol".to_owned(), text, role: Role::Entry };
        modules.extend(compile(vec![source], &NoFiles, &Options::default()).module);
    }
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[1; 32]);
    let mut dice = Dice(&mut rng);
    for (index, module) in modules.iter().enumerate() {
        let about = About { producer: "seeds".to_owned(), correlations: Vec::new() };
        let bundle = write(module, &about)?;
        if bundle.len() < 16_000 {
            put("bundle", &format!("{index}.kpolb"), &bundle)?;
        }
        // Bundles of single rules are small, and so soon read by a fuzzer.
        for (rule, one) in module.rules.iter().enumerate() {
            let mut module = Module { rules: vec![one.clone()], ..module.clone() };
            (module.binds, module.exceptions, module.mutations) = Default::default();
            let bundle = write(&module, &about)?;
            if bundle.len() < 3_000 {
                put("bundle", &format!("{index}-{rule}.kpolb"), &bundle)?;
            }
        }
        let inputs = Inputs::new(module);
        for at in 0..4 {
            if let Some(Input::Review(request)) = inputs.one(&mut dice) {
                put("review", &format!("made-{index}-{at}.json"), body(&request.review()).as_bytes())?;
            }
        }
    }
    for (file, path) in files(&root().join("examples")).iter().enumerate() {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let documents = parse(&text, Syntax::Auto, &Limits::default()).unwrap_or_default();
        for (at, document) in documents.iter().enumerate() {
            if let Some(review) = Review::create(&document.value) {
                put("review", &format!("example-{file}-{at}.json"), body(&review).as_bytes())?;
            }
        }
    }
    for at in 0..200u32 {
        put("engines", &at.to_string(), &bytes(&mut dice, 64 + 24 * at as usize))?;
    }
    fs::write(folder.join("language.dict"), dictionary())?;
    Ok(())
}

fn bytes(dice: &mut Dice<'_>, len: usize) -> Vec<u8> {
    (0..len).map(|_| dice.below(256) as u8).collect()
}

/// The words and signs of the language.
fn dictionary() -> String {
    let words = Token::KEYWORDS.iter().chain(Token::MARKS).filter_map(|token| token.fixed_text());
    let names =
        ["pod", "object", "spec", "metadata", "labels", "Pod", "Workload", "exec", "proc", "containers"];
    words
        .chain(names)
        .map(|word| format!("\"{}\"\n", word.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect()
}

/// The files below a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return all };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path.display().to_string());
        }
    }
    all.sort();
    all
}
