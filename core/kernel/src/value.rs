//! The one kind of value that crosses a boundary: script, primitive, plugin, journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Explain, Report};

/// A value. Maps are ordered by key, so that iteration never depends on hashing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing; as a map entry it is the same as an absent key.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number. Whole floats within ±2⁵³ become `Int` in [`Value::number`].
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A map with text keys.
    Map(BTreeMap<String, Value>),
    /// Something scripts pass around but cannot look into.
    Handle(Handle),
}

/// Refers to a thing outside the script: an environment, a receipt, a secret.
///
/// Handles live across restarts: `id` is what the primitive that made it needs to find the thing
/// again. It is journaled, so it never contains a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Handle {
    /// What it refers to: `environment`. Also the namespace of its methods.
    pub kind: String,
    /// How to find it.
    pub id: Box<Value>,
}

/// How large a value from a script or a plugin may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Levels of nesting.
    pub depth: usize,
    /// Values in total, the outermost included.
    pub nodes: usize,
    /// Bytes of text, keys and byte strings in total.
    pub bytes: usize,
}

impl Limits {
    /// What the bridge accepts from scripts and plugins.
    pub const DEFAULT: Limits = Limits { depth: 32, nodes: 100_000, bytes: 64 << 20 };
}

impl Value {
    /// A number as scripts mean it: whole within ±2⁵³ is an `Int` in every language.
    pub fn number(number: f64) -> Value {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.fract() == 0.0 && number.abs() <= EXACT {
            Value::Int(number as i64)
        } else {
            Value::Float(number)
        }
    }

    /// What kind of value this is, for errors.
    pub fn kind(&self) -> &str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Str(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Handle(handle) => &handle.kind,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The entry of a map, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// Refuses what is nested too deeply or is too large.
    ///
    /// # Errors
    /// `value.too_large`, naming the limit.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        let mut budget = Budget { nodes: limits.nodes, bytes: limits.bytes };
        budget.take(self, limits.depth).map_err(|limit| TooLarge::new(limit, limits).into())
    }
}

struct Budget {
    nodes: usize,
    bytes: usize,
}

impl Budget {
    fn take(&mut self, value: &Value, depth: usize) -> Result<(), &'static str> {
        self.nodes = self.nodes.checked_sub(1).ok_or("nodes")?;
        let deeper = || depth.checked_sub(1).ok_or("depth");
        match value {
            Value::Str(text) => self.spend(text.len()),
            Value::Bytes(bytes) => self.spend(bytes.len()),
            Value::List(items) => {
                let depth = deeper()?;
                items.iter().try_for_each(|item| self.take(item, depth))
            }
            Value::Map(map) => {
                let depth = deeper()?;
                map.iter().try_for_each(|(key, item)| {
                    self.spend(key.len())?;
                    self.take(item, depth)
                })
            }
            Value::Handle(handle) => self.take(&handle.id, deeper()?),
            _ => Ok(()),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), &'static str> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or("bytes")?;
        Ok(())
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct TooLarge {
    pub(crate) limit: &'static str,
    pub(crate) allowed: usize,
}

impl TooLarge {
    fn new(limit: &'static str, limits: &Limits) -> TooLarge {
        let allowed = match limit {
            "depth" => limits.depth,
            "nodes" => limits.nodes,
            _ => limits.bytes,
        };
        TooLarge { limit, allowed }
    }
}

impl Explain for TooLarge {
    fn explain(&self) -> Report {
        let unit = match self.limit {
            "depth" => "levels of nesting",
            "nodes" => "values in total",
            _ => "bytes of text and data",
        };
        Report::refused("value.too_large", "a value from a script or plugin is too large")
            .expected(format!("at most {} {unit}", self.allowed))
            .found("more than that")
            .state("nothing was done with it")
            .next("pass large data as a file instead of a value")
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Str(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Str(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Bytes(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(value: Vec<Value>) -> Value {
        Value::List(value)
    }
}

impl<K: Into<String>, const N: usize> From<[(K, Value); N]> for Value {
    fn from(entries: [(K, Value); N]) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Str(value) => serializer.serialize_str(value),
            Value::Bytes(value) if serializer.is_human_readable() => {
                serializer.serialize_str(&format!("hex:{}", hex::encode(value)))
            }
            Value::Bytes(value) => serializer.serialize_bytes(value),
            Value::List(items) => items.serialize(serializer),
            Value::Map(map) => map.serialize(serializer),
            Value::Handle(handle) if !serializer.is_human_readable() => serializer
                .serialize_newtype_struct(crate::typed::ANY_HANDLE, &(&handle.kind, &handle.id)),
            Value::Handle(handle) => {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("handle", &handle.kind)?;
                map.serialize_entry("id", &handle.id)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(crate::typed::ValueVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stop_depth_nodes_and_bytes() {
        let deep = (0..40).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let wide = Value::List(vec![Value::Null; 200_000]);
        let heavy = Value::Bytes(vec![0; (64 << 20) + 1]);
        for (value, limit) in [(deep, "32 levels"), (wide, "100000 values"), (heavy, "67108864")] {
            let error = value.check(&Limits::DEFAULT).unwrap_err();
            assert_eq!(error.code(), "value.too_large");
            assert!(error.to_string().contains(limit), "{error}");
        }
    }

    #[test]
    fn whole_floats_are_integers() {
        assert_eq!(Value::number(5.0), Value::Int(5));
        assert_eq!(Value::number(5.5), Value::Float(5.5));
    }
}
