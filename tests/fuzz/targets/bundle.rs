//! Any bytes as a bundle: refused, or a module that is written and read again as it is, and that both engines run alike.
#![no_main]

use std::sync::LazyLock;

use kpol_fuzz::{repaired, run};
use kpol_stdlib::catalog::Catalog;
use kpol_vm::{
    bundle::{Bundle, Limits, Trust, write},
    print::{module_text, parse_module},
};
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::new);

fuzz_target!(|bytes: &[u8]| {
    let builtins = CATALOG.builtins();
    let limits = Limits {
        bytes: 1 << 20,
        values: 1 << 18,
        memory: 32 << 20,
        cost: 100_000_000,
        work: 1 << 20,
        layout: 1 << 20,
    };
    let open = |bytes: &[u8]| Bundle::open(bytes, Trust::Unsigned, builtins, &limits);
    let _ = open(bytes);
    let Ok(bundle) = open(&repaired(bytes)) else { return };
    let again = write(bundle.module(), bundle.about()).expect("what is read can be written");
    let again = open(&again).expect("what is written can be read");
    assert_eq!(again.module(), bundle.module());
    let text = module_text(bundle.module());
    assert_eq!(parse_module(&text).map(|module| module_text(&module)), Ok(text));
    run(bundle.module(), builtins, 4);
});
