//! The writing half of the bridge: a serde serializer whose output is a [`Value`].

use std::collections::BTreeMap;

use serde::ser::{self, Serialize, SerializeMap, SerializeSeq};

use super::Mismatch;
use crate::Value;

/// Turns a typed value into a [`Value`]. Fields that are `None` are left out of maps.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Mismatch> {
    value.serialize(Writer)
}

impl ser::Error for Mismatch {
    fn custom<T: std::fmt::Display>(message: T) -> Mismatch {
        Mismatch { path: Vec::new(), message: message.to_string() }
    }
}

#[derive(Clone, Copy)]
struct Writer;

/// Collects a list, and wraps it as `{ variant: list }` when it is a tuple variant.
struct ListWriter {
    items: Vec<Value>,
    variant: Option<&'static str>,
}

/// Collects a map, and wraps it as `{ variant: map }` when it is a struct variant.
struct MapWriter {
    entries: BTreeMap<String, Value>,
    key: Option<String>,
    variant: Option<&'static str>,
}

impl MapWriter {
    fn put(&mut self, key: String, value: Value) {
        if value != Value::Null {
            self.entries.insert(key, value);
        }
    }
}

fn tagged(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::from([(variant, value)]),
        None => value,
    }
}

fn whole(number: impl TryInto<i64>) -> Result<Value, Mismatch> {
    number.try_into().map(Value::Int).map_err(|_| ser::Error::custom("a number beyond 64 bits"))
}

impl ser::Serializer for Writer {
    type Ok = Value;
    type Error = Mismatch;
    type SerializeSeq = ListWriter;
    type SerializeTuple = ListWriter;
    type SerializeTupleStruct = ListWriter;
    type SerializeTupleVariant = ListWriter;
    type SerializeMap = MapWriter;
    type SerializeStruct = MapWriter;
    type SerializeStructVariant = MapWriter;

    fn is_human_readable(&self) -> bool {
        false
    }
    fn serialize_bool(self, value: bool) -> Result<Value, Mismatch> {
        Ok(Value::Bool(value))
    }
    fn serialize_i8(self, value: i8) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_i16(self, value: i16) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_i32(self, value: i32) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_i64(self, value: i64) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_u8(self, value: u8) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_u16(self, value: u16) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_u32(self, value: u32) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_u64(self, value: u64) -> Result<Value, Mismatch> {
        whole(value)
    }
    fn serialize_f32(self, value: f32) -> Result<Value, Mismatch> {
        Ok(Value::number(f64::from(value)))
    }
    fn serialize_f64(self, value: f64) -> Result<Value, Mismatch> {
        Ok(Value::number(value))
    }
    fn serialize_char(self, value: char) -> Result<Value, Mismatch> {
        Ok(Value::Str(value.to_string()))
    }
    fn serialize_str(self, value: &str) -> Result<Value, Mismatch> {
        Ok(Value::Str(value.to_owned()))
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<Value, Mismatch> {
        Ok(Value::Bytes(value.to_vec()))
    }
    fn serialize_none(self) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Mismatch> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Mismatch> {
        Ok(Value::Str(variant.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, Mismatch> {
        Ok(super::newtype(name, value.serialize(self)?))
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Mismatch> {
        Ok(tagged(Some(variant), value.serialize(self)?))
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<ListWriter, Mismatch> {
        Ok(ListWriter { items: Vec::new(), variant: None })
    }
    fn serialize_tuple(self, length: usize) -> Result<ListWriter, Mismatch> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, n: usize) -> Result<ListWriter, Mismatch> {
        self.serialize_seq(Some(n))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ListWriter, Mismatch> {
        Ok(ListWriter { items: Vec::new(), variant: Some(variant) })
    }
    fn serialize_map(self, _: Option<usize>) -> Result<MapWriter, Mismatch> {
        Ok(MapWriter { entries: BTreeMap::new(), key: None, variant: None })
    }
    fn serialize_struct(self, _: &'static str, n: usize) -> Result<MapWriter, Mismatch> {
        self.serialize_map(Some(n))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<MapWriter, Mismatch> {
        Ok(MapWriter { entries: BTreeMap::new(), key: None, variant: Some(variant) })
    }
}

impl SerializeSeq for ListWriter {
    type Ok = Value;
    type Error = Mismatch;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Mismatch> {
        self.items.push(value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Mismatch> {
        Ok(tagged(self.variant, Value::List(self.items)))
    }
}

/// The other three list-like traits differ only in their method's name.
macro_rules! like_a_list {
    ($($trait:ident $method:ident),*) => {$(
        impl ser::$trait for ListWriter {
            type Ok = Value;
            type Error = Mismatch;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Mismatch> {
                SerializeSeq::serialize_element(self, value)
            }

            fn end(self) -> Result<Value, Mismatch> {
                SerializeSeq::end(self)
            }
        }
    )*};
}
like_a_list!(
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

impl SerializeMap for MapWriter {
    type Ok = Value;
    type Error = Mismatch;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Mismatch> {
        match key.serialize(Writer)? {
            Value::Str(key) => self.key = Some(key),
            other => {
                return Err(ser::Error::custom(format_args!("a key that is {}", other.kind())));
            }
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Mismatch> {
        let key = self.key.take().ok_or_else(|| -> Mismatch { ser::Error::custom("no key") })?;
        self.put(key, value.serialize(Writer)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Mismatch> {
        Ok(tagged(self.variant, Value::Map(self.entries)))
    }
}

/// Structs and struct variants are maps whose keys are known.
macro_rules! like_a_map {
    ($($trait:ident),*) => {$(
        impl ser::$trait for MapWriter {
            type Ok = Value;
            type Error = Mismatch;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Mismatch> {
                self.put(key.to_owned(), value.serialize(Writer)?);
                Ok(())
            }

            fn end(self) -> Result<Value, Mismatch> {
                SerializeMap::end(self)
            }
        }
    )*};
}
like_a_map!(SerializeStruct, SerializeStructVariant);
