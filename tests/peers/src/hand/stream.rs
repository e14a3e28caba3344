//! One pass over the bytes with serde: fields that no policy asks for are skipped (`IgnoredAny`), texts are compared where they
//! stand, and each container is folded into flags as it goes by. Nothing is allocated unless a text has an escape.

use std::{borrow::Cow, fmt, marker::PhantomData};

use kpol_vm::evaluate::Decision;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::{Amounts, Containers, concerns, is_all, is_more};

/// By `serde_json`.
pub(crate) fn serde_json(body: &[u8]) -> Result<Decision, String> {
    decision(&serde_json::from_slice(body).map_err(|error| error.to_string())?)
}

/// By `sonic-rs`: the same code over a SIMD parser.
pub(crate) fn sonic(body: &[u8]) -> Result<Decision, String> {
    decision(&sonic_rs::from_slice(body).map_err(|error| error.to_string())?)
}

#[inline]
fn decision(review: &Review<'_>) -> Result<Decision, String> {
    let Request { uid, kind, operation, object } = &review.request;
    if !concerns(uid, operation, &kind.group, &kind.kind)? {
        return Ok(Decision::Allow);
    }
    let spec = object.as_ref().and_then(|object| object.spec.as_ref()).ok_or("a Pod without spec")?;
    Ok(spec.pod().decision())
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Request<'a>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    kind: Kind<'a>,
    #[serde(borrow)]
    operation: Cow<'a, str>,
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    group: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Object {
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(rename = "hostNetwork")]
    host_network: Option<bool>,
    #[serde(rename = "hostPID")]
    host_pid: Option<bool>,
    #[serde(rename = "hostIPC")]
    host_ipc: Option<bool>,
    os: Option<Os>,
    resources: Option<Resources>,
    #[serde(rename = "initContainers", default)]
    init: Folded,
    #[serde(rename = "containers", default)]
    main: Folded,
    #[serde(rename = "ephemeralContainers", default)]
    ephemeral: Folded,
}

impl Spec {
    #[inline]
    fn pod(&self) -> super::Pod {
        let resources = self.resources.as_ref();
        super::Pod {
            host_network: self.host_network == Some(true),
            host_pid: self.host_pid == Some(true),
            host_ipc: self.host_ipc == Some(true),
            windows: self.os.as_ref().is_some_and(|os| os.name.0),
            limits: resources.map_or_else(Amounts::default, |resources| named(resources.limits.as_ref())),
            requests: resources.map_or_else(Amounts::default, |resources| named(resources.requests.as_ref())),
            init: self.init.0,
            main: self.main.0,
            ephemeral: self.ephemeral.0,
        }
    }
}

#[derive(Deserialize)]
struct Os {
    #[serde(default)]
    name: Passes<Windows>,
}

#[derive(Deserialize)]
struct Container {
    resources: Option<Resources>,
    #[serde(rename = "securityContext")]
    context: Option<Context>,
}

#[derive(Deserialize)]
struct Resources {
    limits: Option<Named>,
    requests: Option<Named>,
}

/// Quantities are texts or numbers; whether they are there is all that is asked.
#[derive(Deserialize)]
struct Named {
    cpu: Option<IgnoredAny>,
    memory: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    privileged: Option<bool>,
    allow_privilege_escalation: Option<bool>,
    read_only_root_filesystem: Option<bool>,
    capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
struct Capabilities {
    #[serde(default)]
    add: AnyOf<More>,
    #[serde(default)]
    drop: AnyOf<All>,
}

#[inline]
fn named(named: Option<&Named>) -> Amounts {
    named.map_or_else(Amounts::default, |named| Amounts {
        cpu: named.cpu.is_some(),
        memory: named.memory.is_some(),
    })
}

impl Container {
    #[inline]
    fn flags(&self) -> super::Container {
        let resources = self.resources.as_ref();
        let context = self.context.as_ref();
        let capabilities = context.and_then(|context| context.capabilities.as_ref());
        super::Container {
            privileged: context.and_then(|context| context.privileged) == Some(true),
            escalates: context.and_then(|context| context.allow_privilege_escalation) != Some(false),
            writable: context.and_then(|context| context.read_only_root_filesystem) != Some(true),
            drops_all: capabilities.is_some_and(|capabilities| capabilities.drop.0),
            adds_more: capabilities.is_some_and(|capabilities| capabilities.add.0),
            limits: resources.map_or_else(Amounts::default, |resources| named(resources.limits.as_ref())),
            requests: resources.map_or_else(Amounts::default, |resources| named(resources.requests.as_ref())),
        }
    }
}

/// A list of containers, of which only the flags are kept; `null` is none.
#[derive(Default)]
struct Folded(Containers);

impl<'de> Deserialize<'de> for Folded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fold;
        impl<'de> Visitor<'de> for Fold {
            type Value = Folded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of containers")
            }

            fn visit_none<E>(self) -> Result<Folded, E> {
                Ok(Folded::default())
            }

            fn visit_unit<E>(self) -> Result<Folded, E> {
                Ok(Folded::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Folded, D::Error> {
                deserializer.deserialize_seq(self)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Folded, A::Error> {
                let mut all = Containers::default();
                while let Some(container) = list.next_element::<Container>()? {
                    all.add(&container.flags());
                }
                Ok(Folded(all))
            }
        }
        deserializer.deserialize_option(Fold)
    }
}

/// A question about a text.
trait Test {
    fn test(text: &str) -> bool;
}

struct All;
impl Test for All {
    #[inline]
    fn test(text: &str) -> bool {
        is_all(text)
    }
}

struct More;
impl Test for More {
    #[inline]
    fn test(text: &str) -> bool {
        is_more(text)
    }
}

struct Windows;
impl Test for Windows {
    #[inline]
    fn test(text: &str) -> bool {
        text == "windows"
    }
}

/// Whether a text passes, which is not kept.
struct Passes<T>(bool, PhantomData<T>);

impl<T> Default for Passes<T> {
    fn default() -> Self {
        Passes(false, PhantomData)
    }
}

impl<'de, T: Test> Deserialize<'de> for Passes<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ask<T>(PhantomData<T>);
        impl<T: Test> Visitor<'_> for Ask<T> {
            type Value = Passes<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Passes<T>, E> {
                Ok(Passes(T::test(text), PhantomData))
            }
        }
        deserializer.deserialize_str(Ask(PhantomData))
    }
}

/// Whether any text of a list passes; `null` is no list.
struct AnyOf<T>(bool, PhantomData<T>);

impl<T> Default for AnyOf<T> {
    fn default() -> Self {
        AnyOf(false, PhantomData)
    }
}

impl<'de, T: Test> Deserialize<'de> for AnyOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ask<T>(PhantomData<T>);
        impl<'de, T: Test> Visitor<'de> for Ask<T> {
            type Value = AnyOf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_none<E>(self) -> Result<AnyOf<T>, E> {
                Ok(AnyOf::default())
            }

            fn visit_unit<E>(self) -> Result<AnyOf<T>, E> {
                Ok(AnyOf::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<AnyOf<T>, D::Error> {
                deserializer.deserialize_seq(self)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AnyOf<T>, A::Error> {
                let mut any = false;
                while let Some(Passes(passes, _)) = list.next_element::<Passes<T>>()? {
                    any |= passes;
                }
                Ok(AnyOf(any, PhantomData))
            }
        }
        deserializer.deserialize_option(Ask(PhantomData))
    }
}
