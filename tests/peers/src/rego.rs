//! The crate regorus: Rego compiled to a program of its register machine (RVM) once, then run per review.
//!
//! ```text
//!   bytes ──Value::from_json_str──▶ review ──input──▶ RVM per program ──▶ `deny` true, or a `violation`
//! ```

mod templates;

use std::sync::Arc;

use kpol_vm::evaluate::Decision;
use regorus::{
    Engine, Value,
    languages::rego::compiler::Compiler,
    rvm::{program::Program, vm::RegoVM},
};

use crate::contestant::Judge;
pub(crate) use templates::{Constraint, NINE, NINE_BY_QUANTITY, RESTRICTED, Templates};

/// Policies of one package, compiled to its rule `rule`.
fn compile(sources: &[(String, String)], v0: bool, rule: &str) -> Result<Arc<Program>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("regorus, {rule}: {error}");
    let mut engine = Engine::new();
    engine.set_rego_v0(v0);
    for (path, text) in sources {
        engine.add_policy(path.clone(), text.clone()).map_err(|error| failed(&error))?;
    }
    let policy = engine.compile_with_entrypoint(&rule.into()).map_err(|error| failed(&error))?;
    Compiler::compile_from_policy(&policy, &[rule]).map_err(|error| failed(&error))
}

fn machine(program: Arc<Program>) -> RegoVM {
    let mut machine = RegoVM::new();
    machine.load_program(program);
    // Large pods take more than its default.
    machine.set_max_instructions(usize::MAX);
    machine
}

fn parse(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    Value::from_json_str(text).map_err(|error| error.to_string())
}

/// The nine policies in as little Rego as they need.
pub(crate) struct Minimal(RegoVM);

impl Minimal {
    pub(crate) fn new() -> Result<Minimal, String> {
        let source = ("minimal.rego".to_owned(), include_str!("rego/minimal.rego").to_owned());
        Ok(Minimal(machine(compile(&[source], false, "data.peers.deny")?)))
    }
}

impl Judge for Minimal {
    fn decide(&mut self, body: &[u8]) -> Result<Decision, String> {
        self.0.set_input(parse(body)?);
        let denied = self.0.execute().map_err(|error| error.to_string())?;
        match denied.as_bool() {
            Ok(true) => Ok(Decision::Deny),
            Ok(false) => Ok(Decision::Allow),
            Err(error) => Err(error.to_string()),
        }
    }
}
