//! Bundles of real policies: what is built is what is loaded, byte for byte and verdict for verdict.

use kpol_compiler::{NoFiles, Options, Role, Source, compile, library, library_names};
use kpol_grammar::diagnostic::Severity;
use kpol_stdlib::catalog::Catalog;
use kpol_tests::{compile_text, evaluator, judge, yaml};
use kpol_vm::{
    bundle::{About, Bundle, BundleError, Limits, Trust, write},
    ir::Module,
    print::module_text,
};

fn open(bytes: &[u8]) -> Result<Bundle, BundleError> {
    Bundle::open(bytes, Trust::Unsigned, Catalog::new().builtins(), &Limits::default())
}

fn bytes_of(module: &Module) -> Vec<u8> {
    write(module, &About { producer: "test".into(), correlations: Vec::new() }).unwrap()
}

/// All of the library as one module.
fn whole_library() -> Module {
    let mut sources: Vec<Source> = Vec::new();
    for source in library_names().iter().flat_map(|name| library(name, Role::Entry)) {
        if sources.iter().all(|known| known.name != source.name) {
            sources.push(source);
        }
    }
    let compiled = compile(sources, &NoFiles, &Options::default());
    let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let errors: Vec<_> = errors.collect();
    assert!(errors.is_empty(), "{errors:#?}");
    compiled.module.unwrap()
}

#[test]
fn the_whole_library_comes_back_as_it_was() {
    let module = whole_library();
    assert!(module.rules.len() > 50);
    let bytes = bytes_of(&module);
    let loaded = open(&bytes).unwrap().into_module();
    assert_eq!(loaded, module);
    assert_eq!(module_text(&loaded), module_text(&module));
    assert_eq!(bytes_of(&loaded), bytes, "and is written again as it was");
    // What the default limits leave room for: ten thousand rules like these.
    let share = Limits::default();
    let rules = module.rules.len();
    let part = |limit: usize| limit / 10_000 * rules;
    let fits =
        Limits { bytes: part(share.bytes), values: part(share.values), memory: part(share.memory), ..share };
    let opened = Bundle::open(&bytes, Trust::Unsigned, Catalog::new().builtins(), &fits);
    assert!(opened.is_ok(), "{rules} rules in {} bytes: {:?}", bytes.len(), opened.err());
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let once = bytes_of(&whole_library());
    assert_eq!(bytes_of(&whole_library()), once);
}

const FIRST: &str = "package acme.a\nrule a on Pod {\n  deny when object.spec.hostPID message \"a\"\n}\n";
const SECOND: &str = "package acme.b\nrule b on Pod {\n  deny when object.spec.hostIPC message \"b\"\n}\n";

fn built(files: &[(&str, &str)]) -> Vec<u8> {
    let source = |(name, text): &(&str, &str)| Source {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
        role: Role::Entry,
    };
    let compiled = compile(files.iter().map(source).collect(), &NoFiles, &Options::default());
    bytes_of(&compiled.module.unwrap())
}

#[test]
fn names_of_files_are_not_in_a_bundle_and_their_order_is() {
    let here = built(&[("a.kpol", FIRST), ("b.kpol", SECOND)]);
    assert_eq!(built(&[("/elsewhere/x.kpol", FIRST), ("y.kpol", SECOND)]), here);
    let comment = FIRST.replace("rule a", "// Only for readers.\n\nrule a");
    assert_eq!(built(&[("a.kpol", &comment), ("b.kpol", SECOND)]), here, "nor are comments");
    // The order of the files is that of the rules and mutations, as in `kpolc eval`.
    assert_ne!(built(&[("b.kpol", SECOND), ("a.kpol", FIRST)]), here);
    assert!(!String::from_utf8_lossy(&here).contains(".kpol"));
}

#[test]
fn a_loaded_bundle_judges_as_its_sources_do() {
    let mut compiled = compile(library("std.pss", Role::Entry), &NoFiles, &Options::default());
    let before = evaluator(&compiled, (1, 34), Vec::new()).unwrap();
    let bytes = bytes_of(compiled.module.as_ref().unwrap());
    compiled.module = Some(open(&bytes).unwrap().into_module());
    let after = evaluator(&compiled, (1, 34), Vec::new()).unwrap();
    for spec in
        ["hostPID: true", "containers: [{name: a, image: nginx, securityContext: {privileged: true}}]", "{}"]
    {
        let pod = yaml(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {{{}}}\n",
            spec.trim_matches(['{', '}'])
        ));
        let pod = pod.unwrap();
        let (before, after) = (judge(&before, &pod).unwrap(), judge(&after, &pod).unwrap());
        assert_eq!(format!("{before:?}"), format!("{after:?}"));
    }
}

#[test]
fn a_host_without_a_builtin_says_which() {
    let compiled = compile_text(
        "package acme\nrule r on Pod {\n  for c in object.spec.containers {\n    deny when c.image.registry == \"x\" message \"m\"\n  }\n}\n",
    );
    let bytes = bytes_of(&compiled.module.unwrap());
    let error = Bundle::open(&bytes, Trust::Unsigned, &[], &Limits::default()).unwrap_err();
    assert_eq!(error, BundleError::NoBuiltin("image.registry".into()));
}
