//! The crate cel: an expression per policy, compiled once, evaluated over the request of the review.
//!
//! ```text
//!   bytes ──serde_json::Value──▶ cel::to_value ──▶ variable `request`      what its API offers at first sight
//!   bytes ──serde, borrowed────▶ its values ─────▶ variable `request`      the fastest that its API allows
//! ```
//!
//! The expressions are written as in a ValidatingAdmissionPolicy: `has` before every optional field, true is allowed.

mod borrowed;

use std::sync::Arc;

use cel::{Context, Env, Program, Value, common::types::CelBool};
use kpol_vm::evaluate::Decision;

use crate::contestant::Judge;

const WINDOWS: &str = r#"(has(request.object.spec.os) && request.object.spec.os.name == "windows")"#;

/// The nine policies.
fn expressions() -> [String; 9] {
    let every = |lists: &[&str], condition: &str| {
        let of = |list: &&str| {
            let list = format!("request.object.spec.{list}");
            format!("(!has({list}) || {list}.all(c, {condition}))")
        };
        lists.iter().map(of).collect::<Vec<_>>().join(" && ")
    };
    let all = |condition: &str| every(&["containers", "initContainers", "ephemeralContainers"], condition);
    let linux = |condition: &str| format!("{WINDOWS} || ({})", all(condition));
    let sized = |condition: &str| every(&["containers", "initContainers"], condition);
    let never = |field: &str| format!("!has(request.object.spec.{field}) || !request.object.spec.{field}");
    let named = |of: &str, field: &str, name: &str| {
        format!("(has({of}.resources) && has({of}.resources.{field}) && has({of}.resources.{field}.{name}))")
    };
    let limited = |name| {
        format!("({} || {})", named("c", "limits", name), named("request.object.spec", "limits", name))
    };
    let requested = |name| {
        let own = named("c", "requests", name);
        format!("({own} || {} || {})", named("request.object.spec", "requests", name), limited(name))
    };
    [
        all("!has(c.securityContext) || !has(c.securityContext.privileged) || !c.securityContext.privileged"),
        never("hostNetwork"),
        never("hostPID"),
        never("hostIPC"),
        sized(&format!("{} && {}", limited("cpu"), limited("memory"))),
        sized(&format!("{} && {}", requested("cpu"), requested("memory"))),
        linux(
            "has(c.securityContext) && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation",
        ),
        linux(
            "has(c.securityContext) && has(c.securityContext.readOnlyRootFilesystem) && c.securityContext.readOnlyRootFilesystem",
        ),
        linux(
            r#"has(c.securityContext) && has(c.securityContext.capabilities) && has(c.securityContext.capabilities.drop) && "ALL" in c.securityContext.capabilities.drop && (!has(c.securityContext.capabilities.add) || c.securityContext.capabilities.add.all(a, a in ["NET_BIND_SERVICE"]))"#,
        ),
    ]
}

/// The compiled policies.
pub(crate) struct Policies {
    env: Arc<Env>,
    programs: Vec<Program>,
}

impl Policies {
    pub(crate) fn new() -> Result<Policies, String> {
        let env = Arc::new(Env::stdlib());
        let compile = |text: &String| env.compile(text).map_err(|error| format!("cel: {error}\n{text}"));
        let programs = expressions().iter().map(compile).collect::<Result<_, String>>()?;
        Ok(Policies { env, programs })
    }

    fn decide(&self, context: &Context<'_, '_>) -> Result<Decision, String> {
        for program in &self.programs {
            let allowed =
                Value::resolve_val(program.expression(), context).map_err(|error| error.to_string())?;
            if !allowed.downcast_ref::<CelBool>().ok_or("cel: not a truth")?.inner() {
                return Ok(Decision::Deny);
            }
        }
        Ok(Decision::Allow)
    }
}

/// Over `serde_json::Value` and `cel::to_value`.
pub(crate) struct ByValue(pub(crate) Policies);

impl Judge for ByValue {
    fn decide(&mut self, body: &[u8]) -> Result<Decision, String> {
        let mut review: serde_json::Value =
            serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let request = review.get_mut("request").ok_or("no request")?.take();
        let mut context = Context::with_env(Arc::clone(&self.0.env));
        context
            .add_variable_from_value("request", cel::to_value(request).map_err(|error| error.to_string())?);
        self.0.decide(&context)
    }
}

/// Over its values, made as the bytes are read.
pub(crate) struct Borrowed(pub(crate) Policies);

impl Judge for Borrowed {
    fn decide(&mut self, body: &[u8]) -> Result<Decision, String> {
        let request = borrowed::request(body)?;
        let mut context = Context::with_env(Arc::clone(&self.0.env));
        context.add_variable_as_val("request", request);
        self.0.decide(&context)
    }
}
