//! Typed Rust values to and from [`Value`], through serde.
//!
//! A newtype struct renamed `handle:KIND` becomes a [`Handle`] of that kind; a byte string type is
//! [`Bytes`]. Unknown fields and missing ones come back as errors that name what was meant.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, DeserializeOwned, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::suggest::did_you_mean;
use crate::{Handle, Value};

mod to_value;
pub use to_value::to_value;

const HANDLE: &str = "handle:";

/// The name under which a [`Handle`] inside a [`Value`] is serialised, as `(kind, id)`.
pub(crate) const ANY_HANDLE: &str = "handle";

/// Bytes as an argument or result: `Value::Bytes`, not a list of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// A typed handle: a newtype struct that serde renames to `handle:KIND`.
pub trait HandleKind {
    /// The kind, as methods are looked up by it.
    const KIND: &'static str;
}

/// Why a value does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Path from the argument to the place, innermost last.
    pub path: Vec<String>,
    /// What is wrong there.
    pub message: String,
}

/// Reads a typed value.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Mismatch> {
    T::deserialize(Reader(value))
}

struct Reader(Value);

impl Reader {
    fn wrong(&self, expected: &dyn de::Expected) -> Mismatch {
        de::Error::custom(format_args!("expected {expected}, found {}", self.0.kind()))
    }
}

impl<'de> de::Deserializer<'de> for Reader {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => visitor.visit_i64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Str(value) => visitor.visit_string(value),
            Value::Bytes(value) => visitor.visit_byte_buf(value),
            Value::List(items) => visitor.visit_seq(Items(items.into_iter())),
            Value::Map(map) => visitor.visit_map(Entries::new(map)),
            Value::Handle(handle) => {
                let wrong =
                    format!("expected {}, found {}", &visitor as &dyn de::Expected, handle.kind);
                let pair = Value::List(vec![Value::Str(handle.kind), *handle.id]);
                visitor.visit_newtype_struct(Reader(pair)).map_err(|_| de::Error::custom(wrong))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            // An empty table of Lua does not say whether it is a list.
            Value::Map(map) if map.is_empty() => visitor.visit_seq(Items(Vec::new().into_iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Int(value) => visitor.visit_f64(value as f64),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let Some(kind) = name.strip_prefix(HANDLE) else {
            return visitor.visit_newtype_struct(self);
        };
        match self.0 {
            Value::Handle(handle) if handle.kind == kind => {
                visitor.visit_newtype_struct(Reader(*handle.id))
            }
            other => {
                Err(de::Error::custom(format_args!("expected a {kind}, found {}", other.kind())))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Str(variant) => visitor.visit_enum(variant.into_deserializer()),
            Value::Map(map) if map.len() == 1 => {
                visitor.visit_enum(de::value::MapAccessDeserializer::new(Entries::new(map)))
            }
            _ => Err(self.wrong(&"one of a few words")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Mismatch> for Reader {
    type Deserializer = Reader;

    fn into_deserializer(self) -> Reader {
        self
    }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Mismatch;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        self.0.next().map(|value| seed.deserialize(Reader(value))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries {
    entries: std::collections::btree_map::IntoIter<String, Value>,
    value: Option<(String, Value)>,
}

impl Entries {
    fn new(map: BTreeMap<String, Value>) -> Entries {
        Entries { entries: map.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Mismatch;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((key.clone(), value));
        seed.deserialize(Reader(Value::Str(key))).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Mismatch> {
        let (key, value) =
            self.value.take().ok_or_else(|| de::Error::custom("value before key"))?;
        seed.deserialize(Reader(value)).map_err(|mut mismatch: Mismatch| {
            mismatch.path.insert(0, key);
            mismatch
        })
    }
}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Mismatch {
        Mismatch { path: Vec::new(), message: message.to_string() }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Mismatch {
        let hint = did_you_mean(field, expected.iter().copied())
            .map(|near| format!(" (did you mean `{near}`?)"))
            .unwrap_or_default();
        de::Error::custom(format_args!(
            "unknown field `{field}`{hint}; the fields are {}",
            expected.join(", ")
        ))
    }

    fn missing_field(field: &'static str) -> Mismatch {
        de::Error::custom(format_args!("the field `{field}` is missing"))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "in `{}`: ", self.path.join("."))?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}

/// Builds a [`Value`] from any self-describing format.
pub(crate) struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Int).map_err(|_| E::custom("a number beyond 64 bits"))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Str(value.to_owned()))
    }

    fn visit_byte_buf<E: de::Error>(self, value: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_newtype_struct<D: de::Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        let (kind, id) = <(String, Value)>::deserialize(inner)?;
        Ok(Value::Handle(Handle { kind, id: Box::new(id) }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        struct BytesVisitor;
        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_byte_buf<E: de::Error>(self, value: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(value))
            }
        }
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
}

/// What a newtype struct of this name becomes: a handle when its name says so, else what it holds.
pub(crate) fn newtype(name: &str, inner: Value) -> Value {
    match (name.strip_prefix(HANDLE), inner) {
        (Some(kind), id) => Value::Handle(Handle { kind: kind.to_owned(), id: Box::new(id) }),
        (None, Value::List(pair)) if name == ANY_HANDLE => match <[Value; 2]>::try_from(pair) {
            Ok([Value::Str(kind), id]) => Value::Handle(Handle { kind, id: Box::new(id) }),
            Ok(other) => Value::List(other.into()),
            Err(other) => Value::List(other),
        },
        (None, inner) => inner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        signing: String,
        encryption: Option<i64>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename = "handle:thing")]
    struct Thing(Options);

    #[test]
    fn handles_and_structs_round_trip() {
        let thing = Thing(Options { signing: "rsa-4096".into(), encryption: None });
        let value = to_value(&thing).unwrap();
        assert_eq!(value.kind(), "thing");
        assert_eq!(from_value::<Thing>(value).unwrap(), thing);
        let bytes = to_value(&Bytes(vec![1, 2])).unwrap();
        assert_eq!(bytes, Value::Bytes(vec![1, 2]));
        assert_eq!(from_value::<Bytes>(bytes).unwrap(), Bytes(vec![1, 2]));
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |value: Value| from_value::<Options>(value).unwrap_err().to_string();
        let unknown = Value::from([("signign", Value::from("x"))]);
        assert_eq!(
            wrong(unknown),
            "unknown field `signign` (did you mean `signing`?); the fields are signing, encryption"
        );
        assert_eq!(
            wrong(Value::from([("encryption", Value::Null); 1])),
            "the field `signing` is missing"
        );
        let message = wrong(Value::from([("signing", Value::Int(4))]));
        assert!(message.starts_with("in `signing`: "), "{message}");
        assert_eq!(
            from_value::<Thing>(Value::Int(1)).unwrap_err().to_string(),
            "expected a thing, found a whole number"
        );
    }

    #[test]
    fn values_inside_typed_values_keep_bytes_and_handles() {
        let id = Box::new(Value::Bytes(vec![7]));
        let value = Value::from([("x", Value::Handle(Handle { kind: "thing".into(), id }))]);
        assert_eq!(from_value::<Value>(to_value(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn an_empty_map_is_an_empty_list() {
        assert_eq!(from_value::<Vec<i64>>(Value::Map(BTreeMap::new())).unwrap(), Vec::<i64>::new());
    }
}
