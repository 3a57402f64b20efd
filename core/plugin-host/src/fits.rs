//! Whether arguments and results are what the manifest says, so that plugins need not ask.

use std::collections::BTreeMap;

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::shape::{Field, Shape, Shapes};
use ceralacca_kernel::{Arguments, Error, Form, Handle, Param, Primitive, Value, did_you_mean};

use crate::error::PluginError;

/// What a primitive takes and gives, read from its schemas once.
#[derive(Debug)]
pub(crate) struct Signature {
    params: Vec<Fitting>,
    returns: Fitting,
}

#[derive(Debug)]
struct Fitting {
    shape: Shape,
    records: BTreeMap<String, Vec<Field>>,
}

impl Signature {
    pub(crate) fn of(primitive: &Primitive) -> Signature {
        Signature {
            params: primitive.params.iter().map(Fitting::of).collect(),
            returns: Fitting::of(&primitive.returns),
        }
    }

    /// The arguments as the plugin gets them.
    ///
    /// # Errors
    /// `plugin.argument`, `primitive.too_many_arguments`.
    pub(crate) fn fit_arguments(
        &self,
        primitive: &'static Primitive,
        mut values: Vec<Value>,
    ) -> Result<Vec<Value>, Error> {
        while values.len() > self.params.len() && values.last() == Some(&Value::Null) {
            values.pop();
        }
        if values.len() > self.params.len() {
            // Words it as for every other primitive.
            return Arguments::new(primitive, values).map(|_| Vec::new());
        }
        for (at, fitting) in self.params.iter().enumerate() {
            let mut missing = Value::Null;
            let value = values.get_mut(at).unwrap_or(&mut missing);
            fitting.fit(value).map_err(|mismatch| PluginError::Argument {
                primitive: primitive.full_name(),
                position: at + 1,
                param: primitive.params[at].name.to_owned(),
                mismatch,
            })?;
        }
        Ok(values)
    }

    /// The result as scripts get it; the error says what is wrong with it.
    pub(crate) fn fit_result(&self, mut value: Value) -> Result<Value, String> {
        self.returns.fit(&mut value)?;
        Ok(with_whole_numbers(value))
    }
}

/// Whole numbers are whole for scripts, whatever the plugin wrote them as.
fn with_whole_numbers(value: Value) -> Value {
    match value {
        Value::Float(number) => Value::number(number),
        Value::List(items) => items.into_iter().map(with_whole_numbers).collect::<Vec<_>>().into(),
        Value::Map(map) => {
            Value::Map(map.into_iter().map(|(key, item)| (key, with_whole_numbers(item))).collect())
        }
        other => other,
    }
}

impl Fitting {
    fn of(param: &Param) -> Fitting {
        // One reading for each schema: two may have different records of one name.
        let mut shapes = Shapes::default();
        let shape = shapes.of(param);
        Fitting { shape, records: shapes.records }
    }

    fn fit(&self, value: &mut Value) -> Result<(), String> {
        let mut path = Vec::new();
        self.fit_at(value, &self.shape, &mut path).map_err(|problem| match path.is_empty() {
            true => problem,
            false => format!("in `{}`: {problem}", path.join(".")),
        })
    }

    /// Also turns what scripts cannot tell apart into what is declared: an empty table of Lua into a
    /// list, a whole number into a number.
    fn fit_at(
        &self,
        value: &mut Value,
        shape: &Shape,
        path: &mut Vec<String>,
    ) -> Result<(), String> {
        match (shape, &mut *value) {
            (Shape::Optional(_), Value::Null) => return Ok(()),
            (Shape::Optional(shape), _) => return self.fit_at(value, shape, path),
            (Shape::Either(shapes), _) => return self.fit_one_of(value, shapes),
            (Shape::List(_), Value::Map(map)) if map.is_empty() => {
                *value = Value::List(Vec::new());
                return Ok(());
            }
            (Shape::List(item), Value::List(items)) => {
                return items.iter_mut().enumerate().try_for_each(|(at, value)| {
                    inside(path, &at.to_string(), |path| self.fit_at(value, item, path))
                });
            }
            (Shape::Map(item), Value::Map(map)) => {
                return map.iter_mut().try_for_each(|(key, value)| {
                    inside(path, key, |path| self.fit_at(value, item, path))
                });
            }
            (Shape::Record(name), Value::Map(map)) => return self.fit_record(map, name, path),
            (Shape::Number, Value::Int(number)) => {
                *value = Value::Float(*number as f64);
                return Ok(());
            }
            (Shape::Words(words), Value::Str(word)) if !words.contains(word) => {
                let near = did_you_mean(word, words.iter().map(String::as_str));
                let hint = near.map(|near| format!(" (did you mean `{near}`?)"));
                let (hint, word) = (hint.unwrap_or_default(), crate::reply::cleaned(word, &[]));
                return Err(format!("expected {}, found {word:?}{hint}", in_words(shape)));
            }
            _ => {}
        }
        match is_plainly(value, shape) {
            true => Ok(()),
            false => Err(format!("expected {}, found {}", in_words(shape), value.kind())),
        }
    }

    fn fit_one_of(&self, value: &mut Value, shapes: &[Shape]) -> Result<(), String> {
        let fits = shapes.iter().find_map(|shape| {
            let mut attempt = value.clone();
            self.fit_at(&mut attempt, shape, &mut Vec::new()).ok().map(|()| attempt)
        });
        match fits {
            Some(fitted) => {
                *value = fitted;
                Ok(())
            }
            None => {
                let all: Vec<_> = shapes.iter().map(in_words).collect();
                Err(format!("expected {}, found {}", all.join(" or "), value.kind()))
            }
        }
    }

    fn fit_record(
        &self,
        map: &mut BTreeMap<String, Value>,
        name: &str,
        path: &mut Vec<String>,
    ) -> Result<(), String> {
        let fields = self.records.get(name).map_or(&[][..], Vec::as_slice);
        let names = || fields.iter().map(|field| field.name.as_str());
        let unknown = map.iter().find(|(key, value)| {
            **value != Value::Null && !names().any(|name| name == key.as_str())
        });
        if let Some((key, _)) = unknown {
            let hint = did_you_mean(key, names()).map(|near| format!(" (did you mean `{near}`?)"));
            let key = crate::reply::cleaned(key, &[]);
            let known = names().collect::<Vec<_>>().join(", ");
            let hint = hint.unwrap_or_default();
            return Err(format!("unknown field `{key}`{hint}; the fields are {known}"));
        }
        for field in fields {
            match (map.get_mut(&field.name), &field.shape) {
                (Some(value), shape) => {
                    inside(path, &field.name, |path| self.fit_at(value, shape, path))?;
                }
                (None, Shape::Optional(_) | Shape::Any | Shape::Nothing) => {}
                (None, _) => return Err(format!("the field `{}` is missing", field.name)),
            }
        }
        Ok(())
    }
}

/// Keeps the path to the place where something does not fit.
fn inside(
    path: &mut Vec<String>,
    part: &str,
    fit: impl FnOnce(&mut Vec<String>) -> Result<(), String>,
) -> Result<(), String> {
    path.push(part.to_owned());
    fit(path)?;
    path.pop();
    Ok(())
}

fn is_plainly(value: &Value, shape: &Shape) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Nothing => *value == Value::Null,
        Shape::Flag => matches!(value, Value::Bool(_)),
        Shape::Integer => matches!(value, Value::Int(_)),
        Shape::Number => matches!(value, Value::Float(_)),
        Shape::Text | Shape::Words(_) => matches!(value, Value::Str(_)),
        Shape::Bytes => matches!(value, Value::Bytes(_)),
        Shape::Handle(kind) => matches!(value, Value::Handle(handle) if handle.kind == *kind),
        _ => false,
    }
}

fn in_words(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Nothing => "nothing".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Integer => "a whole number".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Bytes => "bytes".to_owned(),
        Shape::Words(words) => format!("one of {}", words.join(", ")),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(_) | Shape::Record(_) => "a map".to_owned(),
        Shape::Optional(shape) => in_words(shape),
        Shape::Either(shapes) => shapes.iter().map(in_words).collect::<Vec<_>>().join(" or "),
        Shape::Handle(kind) => format!("a {kind}"),
    }
}

/// The kinds of handles that the methods of a plugin belong to.
pub(crate) fn own_kinds(manifest: &Manifest) -> Vec<String> {
    let primitives = manifest.namespaces.iter().flat_map(|namespace| &namespace.primitives);
    let mut kinds: Vec<String> = primitives
        .filter(|primitive| primitive.form != Form::Function)
        .filter_map(|primitive| primitive.params.first()?.schema.get("title")?.as_str())
        .filter_map(|title| title.strip_prefix("handle:").map(str::to_owned))
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// The kind of the first handle in `value` that the plugin has no right to give: it is not of its
/// own kinds, no document, no signer of its own, and was not among the arguments.
pub(crate) fn foreign_handle<'a>(
    value: &'a Value,
    manifest: &Manifest,
    kinds: &[String],
    arguments: &[Value],
) -> Option<&'a str> {
    let again = |value: &'a Value| foreign_handle(value, manifest, kinds, arguments);
    match value {
        Value::List(items) => items.iter().find_map(again),
        Value::Map(map) => map.values().find_map(again),
        Value::Handle(handle) => {
            let own = match handle.kind.as_str() {
                "document" => true,
                "signer" => {
                    let by = handle.id.get("plugin").and_then(Value::as_str);
                    manifest.seams.signer.is_some() && by == Some(manifest.name.as_str())
                }
                kind => kinds.iter().any(|own| own == kind),
            };
            if own {
                return again(&handle.id);
            }
            let given = arguments.iter().any(|argument| contains(argument, handle));
            (!given).then_some(handle.kind.as_str())
        }
        _ => None,
    }
}

fn contains(value: &Value, handle: &Handle) -> bool {
    match value {
        Value::List(items) => items.iter().any(|item| contains(item, handle)),
        Value::Map(map) => map.values().any(|item| contains(item, handle)),
        Value::Handle(given) => given == handle || contains(&given.id, handle),
        _ => false,
    }
}

#[cfg(test)]
#[path = "fits_tests.rs"]
mod tests;
