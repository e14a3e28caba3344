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

    /// The text of a call with texts; `absent` for an argument is no value.
    fn call(name: &str, args: &[&str]) -> Option<String> {
        let builtin = ALL.iter().find(|builtin| builtin.name == name).unwrap();
        let args: Vec<_> = args
            .iter()
            .map(|&arg| if arg == "absent" { Value::Absent } else { support::to_text(arg) })
            .collect();
        let value = (builtin.eval)(&args);
        if let Value::List(elements) = &value {
            let texts: Vec<_> = elements.iter().map(|value| support::scalar_text(value).unwrap()).collect();
            return Some(texts.join("|"));
        }
        support::scalar_text(&value).map(|text| text.to_string())
    }

    #[test]
    fn what_the_functions_on_texts_give() {
        for (name, args, expected) in [
            ("lower", &["NetAdmin"][..], Some("netadmin")),
            ("split", &["a,b,,c", ","], Some("a|b||c")),
            ("split", &["äb", ""], Some("ä|b")),
            ("replace", &["abc", "", "-"], Some("-a-b-c-")),
            ("replace", &["abc", "b", "_"], Some("a_c")),
            ("int", &["-7"], Some("-7")),
            ("int", &["+7"], None),
            ("int", &["9223372036854775808"], None),
            ("bool", &["true"], Some("true")),
            ("len", &["häuser"], Some("6")),
            ("len", &["absent"], Some("0")),
            ("empty", &["absent"], Some("true")),
            ("quantity", &["1024Mi"], Some("1024Mi")),
            ("ip", &["10.1.2"], None),
            ("cidr", &["10.0.0.0/8"], Some("10.0.0.0/8")),
            ("semver", &["1.34"], Some("1.34")),
            ("capability", &["CAP_net_raw"], Some("CAP_net_raw")),
            ("capability", &["FLY"], None),
            ("path", &["etc"], None),
            ("image", &["Not An Image"], None),
            ("image.registry", &["nginx"], Some("docker.io")),
            ("image.repository", &["nginx:1"], Some("docker.io/library/nginx")),
            ("image.tag", &["ghcr.io/acme/web:1.27"], Some("1.27")),
            ("image.tag", &["nginx"], None),
            ("image.name", &["ghcr.io/acme/web:1"], Some("web")),
            ("path.name", &["/etc/ssh/sshd_config"], Some("sshd_config")),
            ("path.dir", &["/etc"], Some("/")),
            ("path.extension", &["/tmp/a.tar.gz"], Some("gz")),
            ("path.extension", &["/root/.bashrc"], None),
            ("base64_decode", &["a3BvbA=="], Some("kpol")),
            ("base64_decode", &["/w=="], None),
        ] {
            let result = call(name, args);
            assert_eq!(result.as_deref(), expected, "{name} {args:?}");
        }
    }

    #[test]
    fn texts_are_bounded() {
        let long = "x".repeat(MAX_TEXT);
        assert_eq!(call("replace", &[&long, "x", "x"]).map(|text| text.len()), Some(MAX_TEXT));
        assert_eq!(call("replace", &[&long, "x", "xx"]), None);
        let join = ALL.iter().find(|builtin| builtin.name == "join").unwrap();
        let parts = support::list([support::to_text(long), support::to_text("")]);
        assert!(matches!((join.eval)(&[parts, support::to_text(",")]), Value::Absent));
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
