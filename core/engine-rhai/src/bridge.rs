//! Between a `Value` of the kernel and a `Dynamic` of Rhai.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use ceralacca_kernel::{Error, Handle, Limits, ScriptError, Value};
use rhai::{Array, Blob, Dynamic, FnPtr, ImmutableString, Map};

/// A handle as scripts hold it: no fields of its own, and it prints as its kind.
#[derive(Clone)]
pub(crate) struct Opaque(Rc<Handle>);

impl Opaque {
    /// The handle behind it.
    pub(crate) fn handle(&self) -> &Handle {
        &self.0
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Opaque) -> bool {
        self.0 == other.0
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0.kind)
    }
}

/// Bytes as scripts hold them. Not a Rhai blob: its length would count against the limit on lists.
#[derive(Clone, PartialEq)]
pub(crate) struct Bytes(Rc<[u8]>);

impl Bytes {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// An error of the kernel as a script catches it; thrown again, it is still the same error.
#[derive(Clone)]
pub(crate) struct Caught(Rc<Error>);

impl Caught {
    pub(crate) fn new(error: Error) -> Caught {
        Caught(Rc::new(error))
    }

    /// The error.
    pub(crate) fn error(&self) -> &Error {
        &self.0
    }

    /// What a script reads from it.
    pub(crate) const FIELDS: [&'static str; 6] =
        ["code", "headline", "expected", "found", "state", "next"];

    /// One of [`Caught::FIELDS`]; the outer `None` is another name.
    pub(crate) fn field(&self, name: &str) -> Option<Option<&str>> {
        let report = self.0.report();
        Some(match name {
            "code" => Some(report.code.as_str()),
            "headline" => Some(report.headline.as_str()),
            "expected" => report.expected.as_deref(),
            "found" => report.found.as_deref(),
            "state" => Some(report.state.as_str()),
            "next" => Some(report.next.as_str()),
            _ => return None,
        })
    }

    fn to_value(&self) -> Value {
        let entry =
            |name: &&str| Some(((*name).to_owned(), Value::from(self.field(name).flatten()?)));
        Value::Map(Self::FIELDS.iter().filter_map(entry).collect())
    }
}

/// What a script sees of a value.
pub(crate) fn to_dynamic(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::Float(value) => value.into(),
        Value::Str(value) => value.into(),
        Value::Bytes(value) => Dynamic::from(Bytes(value.into())),
        Value::List(items) => Dynamic::from_array(items.into_iter().map(to_dynamic).collect()),
        Value::Map(map) => Dynamic::from_map(
            map.into_iter().map(|(key, value)| (key.into(), to_dynamic(value))).collect(),
        ),
        Value::Handle(handle) => Dynamic::from(Opaque(Rc::new(handle))),
    }
}

/// What leaves a script.
///
/// # Errors
/// `script.value` for functions and ranges, `value.too_large` beyond [`Limits::DEFAULT`].
pub(crate) fn from_dynamic(value: &Dynamic) -> Result<Value, Error> {
    read(value).0
}

/// The same, and the operations it took.
pub(crate) fn read(value: &Dynamic) -> (Result<Value, Error>, usize) {
    let limits = Limits::DEFAULT;
    let mut reader = Reader { nodes: limits.nodes, bytes: limits.bytes };
    let value = reader.read(value, limits.depth);
    (value, (limits.nodes - reader.nodes) + (limits.bytes - reader.bytes) / 64)
}

/// What may still be read.
struct Reader {
    nodes: usize,
    bytes: usize,
}

impl Reader {
    fn read(&mut self, value: &Dynamic, depth: usize) -> Result<Value, Error> {
        self.nodes = self.nodes.checked_sub(1).ok_or_else(|| ScriptError::too_large("nodes"))?;
        if value.is_unit() {
            return Ok(Value::Null);
        } else if let Ok(value) = value.as_bool() {
            return Ok(Value::Bool(value));
        } else if let Ok(value) = value.as_int() {
            return Ok(Value::Int(value));
        } else if let Ok(value) = value.as_float() {
            return Ok(Value::number(value));
        } else if let Ok(value) = value.as_char() {
            return Ok(Value::Str(value.to_string()));
        }
        if let Some(text) = value.read_lock::<ImmutableString>() {
            self.spend(text.len())?;
            Ok(Value::Str(text.to_string()))
        } else if let Some(items) = value.read_lock::<Array>() {
            let depth = deeper(depth)?;
            items
                .iter()
                .map(|item| self.read(item, depth))
                .collect::<Result<_, _>>()
                .map(Value::List)
        } else if let Some(map) = value.read_lock::<Map>() {
            self.read_map(&map, deeper(depth)?)
        } else if let Some(bytes) = value.read_lock::<Bytes>() {
            self.spend(bytes.0.len())?;
            Ok(Value::Bytes(bytes.0.to_vec()))
        } else if let Some(bytes) = value.read_lock::<Blob>() {
            self.spend(bytes.len())?;
            Ok(Value::Bytes(bytes.clone()))
        } else if let Some(opaque) = value.read_lock::<Opaque>() {
            Ok(Value::Handle(opaque.0.as_ref().clone()))
        } else if let Some(caught) = value.read_lock::<Caught>() {
            deeper(depth)?;
            Ok(caught.to_value())
        } else {
            Err(ScriptError::Value { found: name_of(value) }.into())
        }
    }

    /// An entry that is `()` is the same as no entry.
    fn read_map(&mut self, map: &Map, depth: usize) -> Result<Value, Error> {
        let mut entries = BTreeMap::new();
        for (key, value) in map {
            self.spend(key.len())?;
            match self.read(value, depth)? {
                Value::Null => {}
                value => {
                    entries.insert(key.to_string(), value);
                }
            }
        }
        Ok(Value::Map(entries))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes =
            self.bytes.checked_sub(bytes).ok_or_else(|| ScriptError::too_large("bytes"))?;
        Ok(())
    }
}

fn deeper(depth: usize) -> Result<usize, Error> {
    depth.checked_sub(1).ok_or_else(|| ScriptError::too_large("depth"))
}

fn name_of(value: &Dynamic) -> String {
    if value.is::<FnPtr>() { "a function".to_owned() } else { value.type_name().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretend::round_trips;

    #[test]
    fn values_survive_the_way_there_and_back() {
        for (given, expected) in round_trips() {
            assert_eq!(from_dynamic(&to_dynamic(given)).unwrap(), expected);
        }
    }

    #[test]
    fn too_deep_and_too_large_values_are_refused_while_reading() {
        let mut deep = Dynamic::UNIT;
        for _ in 0..40 {
            deep = Dynamic::from_array(vec![deep]);
        }
        let wide = Dynamic::from_array(vec![Dynamic::UNIT; 200_000]);
        let heavy = Dynamic::from_array(vec!["x".repeat(1 << 20).into(); 65]);
        for (value, limit) in [(deep, "depth"), (wide, "nodes"), (heavy, "bytes")] {
            let error = from_dynamic(&value).unwrap_err();
            assert_eq!(error.code(), "value.too_large");
            assert_eq!(error.report().fields.get("limit"), Some(&Value::from(limit)));
        }
    }
}
