use super::*;
use crate::{
    ir::{ClauseId, Op, Stmt},
    testing::{Coder, deny, field_or, record, root, rule},
    types::Type,
};

#[test]
fn a_module_in_print() {
    let mut c = Coder::default();
    let object = c.object();
    let cond = c.field(object, 0, Ty::BOOL);
    c.bool(Op::Not(cond));
    let body = vec![Stmt::Verdict { clause: ClauseId(0), cond: Some(cond) }];
    let pod = root(
        "Pod",
        vec![record("Pod", vec![field_or("hostPID", SlotTy::Scalar(Type::Bool), Const::Bool(false))])],
    );
    let module =
        Module { roots: vec![pod], rules: vec![rule(c, body, vec![deny("no \"x\"")])], ..Module::default() };
    assert_eq!(
        module_text(&module),
        r#"root r0 "Pod"
  record .0 "Pod"
    .0 "hostPID": bool = false
rule #0 "test.rule"
  target kind "" "v1" "Pod" "pods" (create, update) object r0 pod r0 []
  %0: r0.0? = root object r0
  %1: bool? = field %0 .0
  %2: bool? = not %1
  body
    verdict !0 when %1
  clause !0 deny ["no \"x\""]
"#
    );
}
