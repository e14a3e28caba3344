//! The fields of contestants: who takes part in which workload.

use kpol_vm::evaluate::{Decision, Engine};

use crate::{
    cel,
    contestant::{Contestant, Id, Judge, Scope, nine, restricted},
    hand::{self, tree, typed},
    kpol::{self, Kpol},
    rego,
};

/// Reviews are judged by the nine policies of `std.workload`.
pub(crate) fn of_the_nine() -> Result<Vec<Contestant>, String> {
    let module = kpol::package("std.workload")?;
    let whole = |id, judge: Box<dyn Judge>| Contestant { id, scope: Scope::Whole, judge };
    let mut field = vec![
        whole(Id::KpolJit, Box::new(Kpol::new(module.clone(), Engine::Jit)?)),
        whole(Id::KpolInterp, Box::new(Kpol::new(module.clone(), Engine::Interp)?)),
    ];
    field.push(whole(Id::KpolJitAlone, kpol::alone(&module)?));
    field.push(whole(Id::KpolJitJudged, kpol::judged(&module)?));
    #[cfg(target_arch = "x86_64")]
    if hand::scan::available() {
        field.push(whole(Id::HandScan, Box::new(hand::scan::decide)));
    }
    let mut tape = tree::Simd::default();
    field.extend([
        whole(Id::HandSonicStream, Box::new(hand::stream::sonic)),
        whole(Id::HandStream, Box::new(hand::stream::serde_json)),
        whole(Id::HandSonic, Box::new(tree::sonic)),
        whole(Id::HandSimd, Box::new(move |body: &[u8]| tape.decide(body))),
        whole(Id::HandValue, Box::new(tree::serde_json)),
        whole(Id::HandTypedAlone, Box::<Typed>::default()),
        whole(Id::RegoMinimal, Box::new(rego::Minimal::new()?)),
    ]);
    templates(&mut field, Id::RegoTemplates, rego::NINE)?;
    templates(&mut field, Id::RegoQuantities, rego::NINE_BY_QUANTITY)?;
    field.extend([
        whole(Id::CelBorrowed, Box::new(cel::Borrowed(cel::Policies::new()?))),
        whole(Id::CelValue, Box::new(cel::ByValue(cel::Policies::new()?))),
    ]);
    let cases = nine();
    field.iter_mut().try_for_each(|contestant| contestant.check(&cases))?;
    Ok(field)
}

/// Reviews are judged by the restricted Pod Security Standard.
pub(crate) fn of_the_restricted() -> Result<Vec<Contestant>, String> {
    let module = kpol::package("std.pss.restricted")?;
    let mut field = vec![
        Contestant::new(Id::KpolJit, Scope::Whole, Kpol::new(module.clone(), Engine::Jit)?),
        Contestant::new(Id::KpolInterp, Scope::Whole, Kpol::new(module, Engine::Interp)?),
    ];
    templates(&mut field, Id::RegoRestricted, rego::RESTRICTED)?;
    let cases = restricted();
    field.iter_mut().try_for_each(|contestant| contestant.check(&cases))?;
    Ok(field)
}

/// Adds Gatekeeper's templates, if they are there.
fn templates(field: &mut Vec<Contestant>, id: Id, constraints: &[rego::Constraint]) -> Result<(), String> {
    if let Some(library) = kpol_tests::shared("corpora/gatekeeper-library") {
        field.push(Contestant::new(id, Scope::Nine, rego::Templates::new(&library, constraints)?));
    }
    Ok(())
}

/// Typed structs, which are there before the clock starts.
#[derive(Default)]
struct Typed(Option<typed::Review>);

impl Judge for Typed {
    fn given(&mut self, body: &[u8]) -> Result<(), String> {
        self.0 = Some(typed::Review::read(body)?);
        Ok(())
    }

    fn decide(&mut self, _body: &[u8]) -> Result<Decision, String> {
        self.0.as_ref().ok_or("no review")?.decision()
    }
}
