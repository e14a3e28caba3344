//! Any text as a policy: diagnostics, or a module that both engines run alike; and formatting keeps what it says.
#![no_main]

use kpol_compiler::Compiled;
use kpol_fuzz::{compile_text, run};
use kpol_grammar::{diagnostic::Severity, format, parse, print, span::FileId};
use kpol_vm::verify::verify;
use libfuzzer_sys::fuzz_target;

/// The compiler's admission of a bug.
const INTERNAL: &str = "E0403";

fuzz_target!(|text: &str| {
    let compiled = compile_text(text);
    for diagnostic in &compiled.diagnostics {
        assert_ne!(diagnostic.code, INTERNAL, "{diagnostic:?}");
        for label in &diagnostic.labels {
            let source = &compiled.sources[label.span.file.0 as usize];
            assert!(source.text.get(label.span.range()).is_some(), "{diagnostic:?}");
        }
    }
    let errors = compiled.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(compiled.module.is_none(), errors);
    printed(text, &compiled);
    let Some(module) = &compiled.module else { return };
    verify(module, compiled.catalog.builtins()).expect("what compiles is verified");
    run(module, compiled.catalog.builtins(), 4);
});

/// A formatted text is formatted, and says the same; so does a printed tree.
fn printed(text: &str, compiled: &Compiled) {
    let parsed = parse(FileId(0), text);
    let broken = parsed.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let Ok(formatted) = format(text) else {
        assert!(broken, "what parses is formatted");
        return;
    };
    assert_eq!(format(&formatted).as_ref(), Ok(&formatted));
    let tree = print(&parsed.file);
    let again = parse(FileId(0), &tree);
    assert!(
        again.diagnostics.iter().all(|d| d.severity != Severity::Error),
        "{tree}\n{:?}",
        again.diagnostics
    );
    assert_eq!(print(&again.file), tree);
    if compiled.module.is_some() {
        assert_eq!(compile_text(&formatted).module, compiled.module, "{formatted}");
        assert_eq!(compile_text(&tree).module, compiled.module, "{tree}");
    }
}
