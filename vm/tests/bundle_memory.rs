//! How much memory a hostile bundle makes a host take: measured, because the types and `Vec`'s growth decide it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use kpol_vm::{
    bundle::{About, Bundle, BundleError, Limits, Trust, write},
    ir::{Const, Module, Param, Ty},
};

/// The system's allocator, with a count of what is held and the most that was.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is asked and answers with raw memory")]
// SAFETY: every call goes on to the system's allocator as it came; the counts touch no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: memory that `alloc` gave for this layout.
        unsafe { System.dealloc(at, layout) }
    }
}

/// The most that is held at a time while a bundle is opened, beyond what is held before.
fn peak(bytes: &[u8], limits: &Limits) -> (usize, Result<(), BundleError>) {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let opened = Bundle::open(bytes, Trust::Unsigned, &[], limits).map(drop);
    (PEAK.load(Relaxed) - before, opened)
}

fn module(ty: Ty, default: Const) -> Vec<u8> {
    let param = Param { name: "p".into(), doc: String::new(), ty, default: Some(default) };
    write(&Module { params: vec![param], ..Module::default() }, &About::default()).unwrap()
}

/// A list of the dearest thing that one byte can say.
fn bomb(length: usize) -> Vec<u8> {
    module(Ty::List(Box::new(Ty::BOOL)), Const::List(vec![Const::Absent; length]))
}

#[test]
fn memory_is_bounded_by_the_limit_and_not_by_what_the_bytes_say() {
    let limits = Limits { memory: 8 << 20, ..Limits::default() };
    let hostile: [Vec<u8>; 4] = [
        bomb(4 << 20),
        module(Ty::STR, Const::Text("x".repeat(20 << 20))),
        module(Ty::List(Box::new(Ty::STR)), Const::List(vec![Const::Text(String::new()); 4 << 20])),
        write(&Module { builtins: vec![String::new(); 4 << 20], ..Module::default() }, &About::default())
            .unwrap(),
    ];
    for bytes in hostile {
        let (peak, opened) = peak(&bytes, &limits);
        assert_eq!(opened, Err(BundleError::TooComplex("bytes of memory")), "{} bytes", bytes.len());
        // A list grows by doubling and is moved then.
        assert!(peak < 4 * limits.memory, "{peak} bytes for {} bytes", bytes.len());
    }
    let (peak, opened) = peak(&bomb(9 << 20), &Limits::default());
    assert!(opened.is_err());
    assert!(peak < 4 * Limits::default().memory, "{peak} bytes");
}
