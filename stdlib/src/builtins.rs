//! The builtins: functions that authors can call, one file each, and the properties of images and paths.
//!
//! All are pure and total. Whatever could become much longer than its arguments is absent once it would pass
//! [`MAX_TEXT`]; everything else is at most a few times as long as its longest argument.

mod support;

macro_rules! builtins {
    ($($module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// Every builtin, by file.
        pub(crate) static ALL: &[&kpol_vm::builtin::Builtin] = &[$(&$module::BUILTIN),+];
    };
}

builtins! {
    abs, base64_decode, bool, capability, cidr, cidr_contains, duration, empty, image, image_digest, image_name,
    image_registry, image_repository, image_tag, int, ip, is_bool, is_int, is_list, is_object, is_string, items,
    join, json, keys, len, lower, max, min, path, path_dir, path_extension, path_name, quantity, replace, semver,
    split, string, sum, time, trim, unique, upper, values,
}

/// The longest text, in bytes, that `join`, `json` and `replace` make; a longer one is absent.
pub const MAX_TEXT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kpol_vm::{builtin::Sig, value::Value};

    use super::*;

    #[test]
    fn every_builtin_is_documented_and_has_examples() {
        for builtin in ALL {
            assert!(builtin.doc.ends_with('.'), "{}", builtin.name);
            assert!(!builtin.examples.is_empty(), "{}", builtin.name);
            assert!(builtin.cost > 0, "{}", builtin.name);
        }
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = ALL.iter().map(|builtin| builtin.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn properties_are_named_after_their_receiver() {
        for builtin in ALL {
            if builtin.property {
                let [(receiver, Sig::Is(ty))] = builtin.params else { panic!("{}", builtin.name) };
                assert_eq!(*receiver, ty.to_string());
                assert!(builtin.name.starts_with(&format!("{ty}.")), "{}", builtin.name);
            } else {
                assert!(!builtin.name.contains('.'), "{}", builtin.name);
            }
        }
    }

    #[test]
    fn foreign_names_are_unique() {
        let rego: Vec<_> = ALL.iter().filter_map(|builtin| builtin.rego).collect();
        let falco: Vec<_> = ALL.iter().filter_map(|builtin| builtin.falco).collect();
        for names in [rego, falco] {
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        }
    }

    #[test]
    fn results_refer_to_what_the_first_parameter_holds() {
        for builtin in ALL {
            assert!(
                !matches!(builtin.ret, Sig::OneOf(_) | Sig::AnyList | Sig::AnyMap | Sig::Any),
                "{}",
                builtin.name
            );
            if matches!(builtin.ret, Sig::Element | Sig::ListOfElement) {
                let first = &builtin.params[0].1;
                let sigs = if let Sig::OneOf(sigs) = first { sigs } else { std::slice::from_ref(first) };
                for sig in sigs {
                    let holds = matches!(sig, Sig::AnyList | Sig::ListOf(_) | Sig::AnyMap);
                    assert!(holds || *sig == Sig::Is(kpol_vm::types::Type::Dyn), "{}: {sig:?}", builtin.name);
                }
            }
        }
    }

    /// Every function takes every value, and any number of them, without panic.
    #[test]
    fn every_builtin_is_total() {
        let values = support::tests::one_of_each();
        for builtin in ALL {
            let _ = (builtin.eval)(&[]);
            for a in &values {
                let _ = (builtin.eval)(std::slice::from_ref(a));
                for b in &values {
                    let _ = (builtin.eval)(&[a.clone(), b.clone()]);
                    let _ = (builtin.eval)(&[a.clone(), b.clone(), Value::Absent]);
                }
            }
        }
    }
}
