//! Decoding within bounds: a serde deserializer around another one that counts values and depth.
//!
//! The types of the IR nest (a list of lists of lists), and their decoders recurse with them; a format like postcard
//! gives a level of nesting for one byte. So every value that is begun is counted, how many are open at a time, and how
//! much memory they take: one byte of the input can be a value of a hundred. Nothing is allocated by a length that the
//! input claims: hints are cut, and texts are borrowed from bytes that are there before they are copied.

use std::{cell::Cell, fmt};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Values inside each other, at most: loops in loops and constants in constants as deep as the verifier takes them
/// need about half.
pub(super) const MAX_DEPTH: usize = 128;
/// Elements that room is made for before they are read.
const MAX_HINT: usize = 256;

/// What decoding may still use.
pub(super) struct Budget {
    values: Cell<usize>,
    memory: Cell<usize>,
    depth: Cell<usize>,
    spent: Cell<Option<&'static str>>,
    too_deep: Cell<bool>,
}

impl Budget {
    pub(super) fn new(values: usize, memory: usize) -> Budget {
        Budget {
            values: Cell::new(values),
            memory: Cell::new(memory),
            depth: Cell::new(MAX_DEPTH),
            spent: Cell::new(None),
            too_deep: Cell::new(false),
        }
    }

    /// What there was too much of.
    pub(super) fn spent(&self) -> Option<&'static str> {
        self.spent.get()
    }

    /// Takes so many bytes of memory.
    fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let Some(memory) = self.memory.get().checked_sub(bytes) else {
            self.spent.set(Some("bytes of memory"));
            return Err(E::custom("too much memory"));
        };
        self.memory.set(memory);
        Ok(())
    }

    /// Whether values were nested too deeply.
    pub(super) fn was_too_deep(&self) -> bool {
        self.too_deep.get()
    }

    /// Runs `work` on one value.
    fn within<T, E: Error>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let Some(values) = self.values.get().checked_sub(1) else {
            self.spent.set(Some("values"));
            return Err(E::custom("too many values"));
        };
        self.take(size_of::<T>())?;
        let Some(depth) = self.depth.get().checked_sub(1) else {
            self.too_deep.set(true);
            return Err(E::custom("nested too deeply"));
        };
        self.values.set(values);
        self.depth.set(depth);
        let result = work();
        self.depth.set(depth + 1);
        result
    }
}

/// Any of serde's parts, with the budget that it hands on.
pub(super) struct Bounded<'b, T> {
    inner: T,
    budget: &'b Budget,
}

impl<'b, T> Bounded<'b, T> {
    pub(super) fn new(inner: T, budget: &'b Budget) -> Self {
        Bounded { inner, budget }
    }

    fn with<U>(&self, inner: U) -> Bounded<'b, U> {
        Bounded { inner, budget: self.budget }
    }
}

/// Each method counts one value.
macro_rules! values {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.with(visitor);
            self.budget.within(|| self.inner.$method($($arg,)* visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    values! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Each method hands its value on.
macro_rules! plain {
    ($($method:ident: $ty:ty;)*) => {$(
        fn $method<E: Error>(self, value: $ty) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    plain! {
        visit_bool: bool;
        visit_i8: i8;
        visit_i16: i16;
        visit_i32: i32;
        visit_i64: i64;
        visit_i128: i128;
        visit_u8: u8;
        visit_u16: u16;
        visit_u32: u32;
        visit_u64: u64;
        visit_u128: u128;
        visit_f32: f32;
        visit_f64: f64;
        visit_char: char;
        visit_string: String;
        visit_byte_buf: Vec<u8>;
    }

    // Texts and bytes of the input are copied by who asked for them, and pay before.
    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.budget.take(text.len())?;
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.budget.take(text.len())?;
        self.inner.visit_borrowed_str(text)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.budget.take(bytes.len())?;
        self.inner.visit_bytes(bytes)
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.budget.take(bytes.len())?;
        self.inner.visit_borrowed_bytes(bytes)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let value = self.with(value);
        self.inner.visit_some(value)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let value = self.with(value);
        self.inner.visit_newtype_struct(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.with(access);
        self.inner.visit_seq(access)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.with(access);
        self.inner.visit_map(access)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.with(access);
        self.inner.visit_enum(access)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.deserialize(deserializer)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.with(seed);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|hint| hint.min(MAX_HINT))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.with(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|hint| hint.min(MAX_HINT))
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'b, A> {
    type Error = A::Error;
    type Variant = Bounded<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let seed = self.with(seed);
        let (value, variant) = self.inner.variant_seed(seed)?;
        Ok((value, Bounded { inner: variant, budget: self.budget }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.struct_variant(fields, visitor)
    }
}
