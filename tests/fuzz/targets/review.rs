//! Any bytes as an `AdmissionReview`: what the projector makes of them is what parsing and building makes of them, and
//! they are judged alike.
#![no_main]

use std::{cell::RefCell, sync::Arc};

use kpol_fuzz::{compile_library, compile_text};
use kpol_manifest::{Limits, Syntax, parse_bytes};
use kpol_tests::{
    engines::{self, Engines},
    facts::shown,
    generate::Request,
};
use kpol_vm::{
    evaluate::{EvalError, Evaluator, Inventory, Outcome, ReviewError, Scratch},
    fact::Fact,
    ir::Target,
    json::Json,
    layout::Layout,
    project::{Projected, Projector, Trie},
};
use libfuzzer_sys::fuzz_target;

/// What the library reads too little of: the old object, the request, maps and lists as a whole, `dyn`.
const OWN: &str = r#"
rule every on Pod (create, update, delete, connect), Deployment (create, update, delete) {
  let labels = keys(object.metadata.labels) + values(object.metadata.annotations)
  warn message "{object.id} {labels} {user.name} {user.groups} {request.name} {request.dryRun} {request.uid}"
  for c in pod.spec.all_containers {
    let requests = values(c.resources.requests)
    warn when has c.command or has c.ports message "{c.role} {c.name} {requests} {c.command} {c.livenessProbe.httpGet.port}"
  }
}
rule changed on Pod (update), Deployment (update) {
  let labels = keys(old.metadata.labels)
  warn when labels != keys(object.metadata.labels) message "{labels} {old.metadata.name}"
}
"#;

/// The roots of a pass, and where they are.
type Roots = Vec<(Arc<Layout>, Vec<String>)>;

/// Modules on both engines, and passes over whole reviews.
struct Subjects {
    engines: Vec<Engines>,
    passes: Vec<(Roots, Trie)>,
    /// Buffers that outlive an input, as in a host.
    scratches: Vec<Scratch>,
    projector: Projector,
}

thread_local! {
    static SUBJECTS: RefCell<Subjects> = RefCell::new(subjects());
}

fn subjects() -> Subjects {
    let compiled = [compile_text(OWN), compile_library("std.workload"), compile_library("std.pss")];
    let mut subjects =
        Subjects { engines: vec![], passes: vec![], scratches: vec![], projector: Projector::default() };
    for compiled in compiled {
        let module = compiled.module.as_ref().unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
        let layouts: Vec<_> = module.roots.iter().map(|root| Arc::new(Layout::new(root).unwrap())).collect();
        let mut passes: Vec<Vec<(usize, Vec<String>)>> = Vec::new();
        for target in module.rules.iter().flat_map(|rule| &rule.targets) {
            let Target::Kind { object, pod, .. } = target else { continue };
            let at = |keys: &[String]| [&["request".into(), "object".into()], keys].concat();
            let object = (object.index(), at(&[]));
            let pod = pod.as_ref().map(|(root, keys)| (root.index(), at(keys)));
            let both = std::iter::once(object.clone()).chain(pod.clone()).collect();
            for pass in [vec![object], pod.into_iter().collect(), both] {
                if !pass.is_empty() && !passes.contains(&pass) {
                    passes.push(pass);
                }
            }
        }
        for pass in passes {
            let roots: Roots = pass.into_iter().map(|(root, at)| (Arc::clone(&layouts[root]), at)).collect();
            let trie = Trie::new(&roots, &[]);
            subjects.passes.push((roots, trie));
        }
        let options = engines::options((1, 34), &[]);
        subjects.engines.push(Engines::new(module, compiled.catalog.builtins(), &options).unwrap());
        subjects.scratches.extend([Scratch::default(), Scratch::default()]);
    }
    subjects
}

fuzz_target!(|bytes: &[u8]| {
    SUBJECTS.with_borrow_mut(|subjects| {
        let parsed = parse_bytes(bytes, Syntax::Json, &Limits::default());
        // Several values behind each other are several manifests, and no review.
        let one = parsed.ok().filter(|documents| documents.len() == 1);
        let json = one.and_then(|documents| documents.into_iter().next()).map(|document| document.value);
        project(subjects, bytes, json.as_ref());
        judge(subjects, bytes, json.as_ref());
    });
});

/// Facts. What is not read may be wrong, so only what parses is compared.
fn project(subjects: &mut Subjects, bytes: &[u8], json: Option<&Json>) {
    for (roots, trie) in &subjects.passes {
        for projector in [&mut subjects.projector, &mut Projector::default()] {
            let mut results = Vec::new();
            let projected = projector.project(trie, bytes, &mut results);
            let Some(json) = json else { continue };
            assert_eq!(projected, Ok(()));
            for ((layout, path), result) in roots.iter().zip(&results) {
                let keys: Vec<&str> = path.iter().map(String::as_str).collect();
                let at = json.at(&keys).filter(|json| !json.is_null());
                match (at.map(|json| Fact::build(layout, json, path)), result) {
                    (None, Projected::Absent) => {}
                    (Some(Ok(built)), Projected::Fact(projected)) => {
                        assert_eq!(shown(&built), shown(projected));
                    }
                    (Some(Err(built)), Projected::Errors(projected)) => assert_eq!(&built, projected),
                    (expected, result) => panic!("{expected:?} and {result:?}"),
                }
            }
        }
    }
}

/// Outcomes.
fn judge(subjects: &mut Subjects, bytes: &[u8], json: Option<&Json>) {
    let Subjects { engines, scratches, .. } = subjects;
    for (engines, scratches) in engines.iter().zip(scratches.chunks_mut(2)) {
        let interp = by_bytes(&engines.interp, bytes, &mut scratches[0]);
        let jit = by_bytes(&engines.jit, bytes, &mut scratches[1]);
        assert_eq!(interp, jit);
        assert_eq!(interp, by_bytes(&engines.interp, bytes, &mut Scratch::default()));
        let outcome = match interp {
            Ok(outcome) => Ok(outcome),
            Err(ReviewError::Eval(error)) => Err(error),
            // No review, or one whose request has another form.
            Err(ReviewError::Bytes(_)) => continue,
        };
        let request = json.and_then(|json| Request::parsed(engines.interp.module(), json));
        let Some(request) = request else { continue };
        let expected: Result<Outcome, EvalError> =
            engines.interp.review(&request.review(), &Inventory::empty());
        assert_eq!(outcome, expected);
    }
}

fn by_bytes(evaluator: &Evaluator, bytes: &[u8], scratch: &mut Scratch) -> Result<Outcome, ReviewError> {
    evaluator.review_bytes(bytes, scratch, &Inventory::empty(), &|_| None).cloned()
}
