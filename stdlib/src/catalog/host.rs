//! What a builtin of a host must be like: the rules that the tests of our own table hold, at run time.

use kpol_vm::{
    builtin::{Builtin, Sig},
    types::Type,
};

/// The most parameters of a builtin of a host.
const MAX_PARAMS: usize = 16;

/// Why a builtin is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuiltinError {
    /// Authors could not write its name.
    #[error(
        "`{0}` is no name of a builtin: lower-case letters, digits and `_`; a property is named after its receiver, \
         `image.tag`"
    )]
    Name(&'static str),
    /// There is a builtin of this name.
    #[error("there is a builtin `{0}` already")]
    Taken(&'static str),
    /// Its parameters, result or cost make no sense.
    #[error(
        "the signature of the builtin `{0}` makes no sense: its result is a type or what its first parameter holds, \
         `OneOf` is never nested, and its cost is not 0"
    )]
    Signature(&'static str),
}

/// Whether authors could call it and the engines could run it.
pub(super) fn check(builtin: &'static Builtin) -> Result<(), BuiltinError> {
    let named = if builtin.property { is_property(builtin) } else { is_word(builtin.name) };
    if !named {
        return Err(BuiltinError::Name(builtin.name));
    }
    // Only our own builtins are known so well that engines answer for them.
    let sound = builtin.cost > 0
        && builtin.intrinsic.is_none()
        && builtin.params.len() <= MAX_PARAMS
        && builtin.params.iter().all(|(_, sig)| !is_nested(sig))
        && returns(builtin);
    if sound { Ok(()) } else { Err(BuiltinError::Signature(builtin.name)) }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_property(builtin: &Builtin) -> bool {
    let [(_, Sig::Is(receiver))] = builtin.params else { return false };
    builtin.name.split_once('.').is_some_and(|(of, name)| of == receiver.to_string() && is_word(name))
}

fn is_nested(sig: &Sig) -> bool {
    let Sig::OneOf(choices) = sig else { return false };
    choices.is_empty() || choices.iter().any(|choice| matches!(choice, Sig::OneOf(_)))
}

/// Whether the result is a type, or refers to what the first parameter holds.
fn returns(builtin: &Builtin) -> bool {
    match builtin.ret {
        Sig::Is(_) | Sig::ListOf(_) => true,
        Sig::Element | Sig::ListOfElement => builtin.params.first().is_some_and(|(_, first)| {
            let choices = if let Sig::OneOf(choices) = first { choices } else { std::slice::from_ref(first) };
            choices.iter().all(holds)
        }),
        Sig::OneOf(_) | Sig::AnyList | Sig::AnyMap | Sig::Any => false,
    }
}

fn holds(sig: &Sig) -> bool {
    match sig {
        Sig::AnyList | Sig::ListOf(_) | Sig::AnyMap => true,
        Sig::Is(ty) => *ty == Type::Dyn,
        Sig::Element | Sig::ListOfElement | Sig::Any | Sig::OneOf(_) => false,
    }
}
