//! Between a `Value` of the kernel and a value of Luau.

use std::collections::BTreeMap;
use std::rc::Rc;

use ceralacca_kernel::{Error, Handle, Limits, ScriptError, Value};
use mlua::{Lua, Table};

/// A handle as scripts hold it.
#[derive(Clone, PartialEq)]
pub(crate) struct Opaque(Rc<Handle>);

impl Opaque {
    /// The handle behind it.
    pub(crate) fn handle(&self) -> &Handle {
        &self.0
    }
}

/// What a script sees of a value.
///
/// # Errors
/// `script.value` for whole numbers that Luau cannot hold and for lists with nothing in them.
pub(crate) fn to_lua(lua: &Lua, value: Value) -> mlua::Result<mlua::Value> {
    Ok(match value {
        Value::Null => mlua::Value::Nil,
        Value::Bool(value) => mlua::Value::Boolean(value),
        Value::Int(value) if value.unsigned_abs() > MOST_EXACT => {
            return Err(refused(format!("{value}, beyond what Luau holds without losing digits")));
        }
        Value::Int(value) => mlua::Value::Number(value as f64),
        Value::Float(value) => mlua::Value::Number(value),
        Value::Str(value) => mlua::Value::String(lua.create_string(value)?),
        Value::Bytes(value) => mlua::Value::Buffer(lua.create_buffer(value)?),
        Value::List(items) => {
            let list = lua.create_table_with_capacity(items.len(), 0)?;
            for item in items {
                if item == Value::Null {
                    return Err(refused("a list with nothing in one of its places".to_owned()));
                }
                list.raw_push(to_lua(lua, item)?)?;
            }
            mlua::Value::Table(list)
        }
        Value::Map(map) => {
            let table = lua.create_table_with_capacity(0, map.len())?;
            for (key, value) in map {
                table.raw_set(key, to_lua(lua, value)?)?;
            }
            mlua::Value::Table(table)
        }
        Value::Handle(handle) => {
            mlua::Value::UserData(lua.create_any_userdata(Opaque(Rc::new(handle)))?)
        }
    })
}

/// Whole numbers up to here have their own floating-point number.
const MOST_EXACT: u64 = 1 << 53;

fn refused(found: String) -> mlua::Error {
    mlua::Error::external(unfit(found))
}

fn unfit(found: impl Into<String>) -> Error {
    ScriptError::Value { found: found.into() }.into()
}

/// What leaves a script.
///
/// # Errors
/// `script.value` for functions, texts that are not UTF-8 and tables that are neither list nor map;
/// `value.too_large` beyond [`Limits::DEFAULT`], which also ends a table that contains itself.
pub(crate) fn from_lua(value: &mlua::Value) -> Result<Value, Error> {
    read(value).0
}

/// The same, and the steps it took.
pub(crate) fn read(value: &mlua::Value) -> (Result<Value, Error>, u64) {
    let limits = Limits::DEFAULT;
    let mut reader = Reader { nodes: limits.nodes, bytes: limits.bytes };
    let value = reader.read(value, limits.depth);
    let steps = 8 * (limits.nodes - reader.nodes) + (limits.bytes - reader.bytes) / 64;
    (value, steps as u64)
}

/// What may still be read.
struct Reader {
    nodes: usize,
    bytes: usize,
}

impl Reader {
    fn read(&mut self, value: &mlua::Value, depth: usize) -> Result<Value, Error> {
        self.nodes = self.nodes.checked_sub(1).ok_or_else(|| ScriptError::too_large("nodes"))?;
        match value {
            mlua::Value::Nil => Ok(Value::Null),
            mlua::Value::Boolean(value) => Ok(Value::Bool(*value)),
            mlua::Value::Integer(value) => Ok(Value::Int(*value)),
            mlua::Value::Number(value) => Ok(Value::number(*value)),
            mlua::Value::String(text) => self.read_text(text).map(Value::Str),
            mlua::Value::Buffer(bytes) => {
                self.spend(bytes.len())?;
                Ok(Value::Bytes(bytes.to_vec()))
            }
            mlua::Value::Table(table) => {
                let depth = depth.checked_sub(1).ok_or_else(|| ScriptError::too_large("depth"))?;
                self.read_table(table, depth)
            }
            mlua::Value::UserData(data) => match data.borrow::<Opaque>() {
                Ok(opaque) => Ok(Value::Handle(opaque.0.as_ref().clone())),
                Err(_) => Err(unfit("userdata")),
            },
            other => Err(unfit(format!("a {}", other.type_name()))),
        }
    }

    fn read_text(&mut self, text: &mlua::LuaString) -> Result<String, Error> {
        self.spend(text.as_bytes().len())?;
        match text.to_str() {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(unfit("text that is not UTF-8; bytes go in a buffer")),
        }
    }

    /// A table is a map when all keys are text, a list when they are 1 to its length.
    fn read_table(&mut self, table: &Table, depth: usize) -> Result<Value, Error> {
        let mut map = BTreeMap::new();
        let mut list = BTreeMap::new();
        for pair in table.pairs::<mlua::Value, mlua::Value>() {
            let Ok((key, value)) = pair else {
                return Err(unfit("a table that cannot be read"));
            };
            let value = self.read(&value, depth)?;
            match key {
                mlua::Value::String(key) => {
                    map.insert(self.read_text(&key)?, value);
                }
                mlua::Value::Integer(place) if place >= 1 => {
                    list.insert(place, value);
                }
                mlua::Value::Number(place) if place >= 1.0 && place.fract() == 0.0 => {
                    list.insert(place as i64, value);
                }
                other => {
                    let found = format!("a table with a {} as key", other.type_name());
                    return Err(unfit(found));
                }
            }
        }
        match (map.is_empty(), list.last_key_value()) {
            (_, None) => Ok(Value::Map(map)),
            (true, Some((last, _))) if *last == list.len() as i64 => {
                Ok(Value::List(list.into_values().collect()))
            }
            (true, _) => Err(unfit("a list with gaps")),
            (false, _) => Err(unfit("a table that is half list and half map")),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes =
            self.bytes.checked_sub(bytes).ok_or_else(|| ScriptError::too_large("bytes"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretend::round_trips;

    #[test]
    fn values_survive_the_way_there_and_back() {
        let lua = Lua::new();
        for (given, expected) in round_trips() {
            assert_eq!(from_lua(&to_lua(&lua, given).unwrap()).unwrap(), expected);
        }
    }

    #[test]
    fn what_luau_cannot_hold_is_refused() {
        let lua = Lua::new();
        let large = Value::Int(9_007_199_254_740_993);
        for value in [large, Value::Int(i64::MIN), Value::List(vec![Value::Null])] {
            let error = to_lua(&lua, value).unwrap_err();
            assert_eq!(error.downcast_ref::<Error>().unwrap().code(), "script.value");
        }
    }

    #[test]
    fn tables_that_are_neither_list_nor_map_are_refused() {
        let lua = Lua::new();
        for (text, found) in [
            ("return { 1, a = 2 }", "half list"),
            ("return { [1] = 1, [3] = 3 }", "gaps"),
            ("return { [true] = 1 }", "boolean"),
            ("return { [0] = 1 }", "as key"),
            ("return { [1.5] = 1 }", "as key"),
            ("return { [{}] = 1 }", "table"),
            ("return print", "function"),
            ("return { \"\\255\" }", "UTF-8"),
            ("return { [\"\\255\"] = 1 }", "UTF-8"),
        ] {
            let value = lua.load(text).eval::<mlua::Value>().unwrap();
            let error = from_lua(&value).unwrap_err();
            assert_eq!(error.code(), "script.value");
            assert!(error.to_string().contains(found), "{error}");
        }
    }

    #[test]
    fn too_deep_and_too_large_values_are_refused_while_reading() {
        let lua = Lua::new();
        for (text, limit) in [
            ("local t = {} t.t = t return t", "depth"),
            ("local t = {} for i = 1, 40 do t = { t } end return t", "depth"),
            ("return table.create(200000, 1)", "nodes"),
            ("local t = {} for i = 1, 9 do t = { t, t, t, t, t } end return t", "nodes"),
            ("return table.create(65, string.rep(\"x\", 1048576))", "bytes"),
        ] {
            let value = lua.load(text).eval::<mlua::Value>().unwrap();
            let error = from_lua(&value).unwrap_err();
            assert_eq!(error.code(), "value.too_large");
            assert_eq!(error.report().fields.get("limit"), Some(&Value::from(limit)));
        }
    }
}
