//! Cases that both engines run, each found or feared once.

use super::{holds, things};
use crate::ir::{Const, Op, Quant, Ty};

#[test]
fn a_field_of_an_absent_record_is_its_default() {
    assert!(holds("{}", |c, base| {
        let spec = c.field(base, 4, things::record_ty());
        let spec = c.field(spec, 4, things::record_ty());
        c.field(spec, 8, Ty::BOOL)
    }));
}

#[test]
fn absent_equals_only_absent() {
    for (object, expected) in [("{}", true), (r#"{"count":0}"#, false), (r#"{"spec":{"count":0}}"#, false)] {
        let found = holds(object, |c, base| {
            let spec = c.field(base, 4, things::record_ty());
            let (a, b) = (c.field(base, 1, Ty::INT), c.field(spec, 1, Ty::INT));
            c.bool(Op::Eq(a, b))
        });
        assert_eq!(found, expected, "{object}");
    }
}

#[test]
fn texts_of_every_length_compare() {
    for len in 0..70 {
        let text = "abcdefghij".repeat(7)[..len].to_owned();
        let object = |name: &str| format!(r#"{{"name":"{name}"}}"#);
        let is = |name: &str| {
            holds(&object(name), |c, base| {
                let (name, text) = (c.field(base, 2, Ty::STR), c.text(&text));
                c.bool(Op::Eq(name, text))
            })
        };
        assert!(is(&text));
        assert!(!is(&format!("{text}x")));
        for at in 0..len {
            let mut other = text.clone().into_bytes();
            other[at] = b'x';
            assert!(!is(std::str::from_utf8(&other).unwrap()));
        }
    }
}

#[test]
fn a_map_is_searched_by_any_key() {
    let object = r#"{"labels":{"a":"1","a/b":"2","c":"3"},"name":"c"}"#;
    for (key, there) in [("a", true), ("a/b", true), ("c", true), ("b", false), ("", false)] {
        let found = holds(object, |c, base| {
            let map = c.field(base, 5, Ty::Map(Box::new(Ty::STR)));
            let key = c.text(key);
            let value = c.push(Op::MapGet { map, key }, Ty::STR);
            c.bool(Op::Present(value))
        });
        assert_eq!(found, there, "{key}");
    }
}

#[test]
fn a_loop_over_a_constant_list_is_rolled_out() {
    assert!(holds(r#"{"labels":{"b":"x"}}"#, |c, base| {
        let list = Const::List(vec![Const::Text("a".into()), Const::Text("b".into())]);
        let list = c.konst(list, Ty::Set(Box::new(Ty::STR)));
        let local = c.local("k", Ty::STR);
        let key = c.push(Op::Local(local), Ty::STR);
        let map = c.field(base, 5, Ty::Map(Box::new(Ty::STR)));
        let body = c.bool(Op::In { value: key, set: map });
        c.bool(Op::Quantified { quant: Quant::Any, local, list, body })
    }));
}
