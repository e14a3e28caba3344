//! Builtins as the engines see them: a name, a signature, a total function, and examples that are its tests.
//!
//! The vm holds no builtin; `kpol-stdlib` has the table and gives it to whoever compiles or runs.

use std::fmt;

use crate::{types::Type, value::Value};

/// The signature's word for a parameter or result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sig {
    /// A scalar type.
    Is(Type),
    /// A list or set of a scalar type.
    ListOf(Type),
    /// Any list or set; results and later parameters may refer to its element.
    AnyList,
    /// What the first argument holds: the element of a list or set, the value of a map, `dyn` of a `dyn`.
    Element,
    /// A list of that element.
    ListOfElement,
    /// A map with any values.
    AnyMap,
    /// Whatever it is given.
    Any,
    /// A parameter that takes any of these; a literal takes the first of them that fits. Never nested, never a
    /// result.
    OneOf(&'static [Sig]),
}

/// A question that engines know how to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrinsic {
    /// Whether a list, set, map or text has nothing in it; absent counts as empty.
    IsEmpty,
    /// How many elements a list or set has; absent has none.
    Length,
    /// The text of a scalar as it was written. Of types that stay text it is the value itself.
    Text,
}

/// A function that authors can call. An absent argument reaches `eval` as [`Value::Absent`].
pub struct Builtin {
    /// The name that authors write and the IR keeps. A property is named after its receiver: `image.tag`.
    pub name: &'static str,
    /// Names and types of the parameters.
    pub params: &'static [(&'static str, Sig)],
    /// The type of the result.
    pub ret: Sig,
    /// Whether the result may be absent although all arguments are present.
    pub partial: bool,
    /// Whether an absent argument makes the result absent; others give an absent argument a meaning of its own.
    pub strict: bool,
    /// Written behind a value instead of called: `c.image.tag`. The only parameter is the value before the dot.
    pub property: bool,
    /// What it does, in one or two sentences; says what an absent argument gives.
    pub doc: &'static str,
    /// The Rego builtin that means the same.
    pub rego: Option<&'static str>,
    /// The Falco transformer or operator that means the same.
    pub falco: Option<&'static str>,
    /// Expressions and what they give; run on every engine.
    pub examples: &'static [(&'static str, &'static str)],
    /// A cost in the unit of one comparison, for the static bound.
    pub cost: u64,
    /// What it asks, if engines can answer without calling it.
    pub intrinsic: Option<Intrinsic>,
    /// The function. Total: it has an answer for every argument list of the right length.
    pub eval: fn(&[Value]) -> Value,
}

impl Builtin {
    /// A function that a host adds: strict, never absent, no property, as dear as a few comparisons. The methods below
    /// say otherwise.
    #[must_use]
    pub const fn new(
        name: &'static str,
        params: &'static [(&'static str, Sig)],
        ret: Sig,
        eval: fn(&[Value]) -> Value,
    ) -> Builtin {
        Builtin {
            name,
            params,
            ret,
            partial: false,
            strict: true,
            property: false,
            doc: "",
            rego: None,
            falco: None,
            examples: &[],
            cost: 8,
            intrinsic: None,
            eval,
        }
    }

    /// Its result may be absent although all arguments are present.
    #[must_use]
    pub const fn partial(mut self) -> Builtin {
        self.partial = true;
        self
    }

    /// It gives an absent argument a meaning of its own, instead of being absent itself.
    #[must_use]
    pub const fn lenient(mut self) -> Builtin {
        self.strict = false;
        self
    }

    /// It is written behind its only argument: `c.image.signed` for the name `image.signed`.
    #[must_use]
    pub const fn as_property(mut self) -> Builtin {
        self.property = true;
        self
    }

    /// What it does, in one or two sentences.
    #[must_use]
    pub const fn with_doc(mut self, doc: &'static str) -> Builtin {
        self.doc = doc;
        self
    }

    /// What a call costs, in the unit of one comparison.
    #[must_use]
    pub const fn with_cost(mut self, cost: u64) -> Builtin {
        self.cost = cost;
        self
    }
}

impl fmt::Debug for Builtin {
    /// Its name: the rest is the same for all of that name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builtin({})", self.name)
    }
}
