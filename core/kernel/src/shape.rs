//! What a parameter or result is, read from its JSON schema, for the editor's definitions.

use std::collections::BTreeMap;

use crate::{Param, Registry};
use serde_json::Value as Json;

/// What a value is, as far as an editor wants to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Anything.
    Any,
    /// Nothing.
    Nothing,
    /// True or false.
    Flag,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// One of a few words.
    Words(Vec<String>),
    /// A list of one shape.
    List(Box<Shape>),
    /// Text keys, values of one shape.
    Map(Box<Shape>),
    /// That, or nothing.
    Optional(Box<Shape>),
    /// One of several.
    Either(Vec<Shape>),
    /// A record of [`Shapes::records`].
    Record(String),
    /// A handle of that kind.
    Handle(String),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds; `Optional` when it may be left out.
    pub shape: Shape,
    /// The first paragraph of its doc comment, on one line.
    pub doc: String,
}

/// Every record and handle met while reading.
#[derive(Default)]
pub struct Shapes {
    /// Records by name.
    pub records: BTreeMap<String, Vec<Field>>,
    /// Kinds of handles, with the type's name.
    pub handles: BTreeMap<String, String>,
}

impl Shapes {
    /// The handles of everything in the registry.
    pub fn new(registry: &Registry) -> Shapes {
        let mut shapes = Shapes::default();
        for primitive in registry.namespaces().iter().flat_map(|namespace| namespace.primitives) {
            if let Some(kind) = primitive.kind {
                shapes.handle(kind);
            }
        }
        shapes
    }

    /// What a parameter or result is.
    pub fn of(&mut self, param: &Param) -> Shape {
        let schema = param.schema();
        if param.rust_type == "()" {
            return Shape::Nothing;
        }
        self.read(&schema, &schema, 0)
    }

    fn read(&mut self, schema: &Json, root: &Json, depth: usize) -> Shape {
        if depth > 16 {
            return Shape::Any;
        }
        let title = schema.get("title").and_then(Json::as_str);
        if let Some(kind) = title.and_then(|title| title.strip_prefix("handle:")) {
            return self.handle(kind);
        }
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            return self.read_reference(reference, root, depth);
        }
        if let Some(choices) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)) {
            return self.read_choices(choices, root, depth);
        }
        if let Some(words) = words(schema) {
            return Shape::Words(words);
        }
        match schema.get("type") {
            Some(Json::Array(types)) => {
                let names = types.iter().filter_map(Json::as_str).filter(|name| *name != "null");
                let shapes: Vec<_> =
                    names.map(|name| self.read_type(name, schema, root, depth)).collect();
                let nullable = types.iter().any(|name| name == "null");
                either(shapes, nullable)
            }
            Some(Json::String(name)) => self.read_type(name, schema, root, depth),
            _ => Shape::Any,
        }
    }

    fn read_reference(&mut self, reference: &str, root: &Json, depth: usize) -> Shape {
        let Some(name) = reference.strip_prefix("#/$defs/") else {
            return Shape::Any;
        };
        let name = name.replace("%3A", ":");
        if let Some(kind) = name.strip_prefix("handle:") {
            return self.handle(kind);
        }
        if self.records.contains_key(&name) {
            return Shape::Record(name);
        }
        let Some(schema) = root.get("$defs").and_then(|definitions| definitions.get(&name)) else {
            return Shape::Any;
        };
        let mut named = schema.clone();
        if let Some(object) = named.as_object_mut() {
            object.insert("title".to_owned(), Json::String(name));
        }
        self.read(&named, root, depth + 1)
    }

    fn read_choices(&mut self, choices: &Json, root: &Json, depth: usize) -> Shape {
        let choices = choices.as_array().map_or(&[][..], Vec::as_slice);
        let known: Vec<_> = choices.iter().map(words).collect();
        if let Some(known) = known.into_iter().collect::<Option<Vec<_>>>() {
            return Shape::Words(known.concat());
        }
        let mut nullable = false;
        let mut shapes = Vec::new();
        for choice in choices {
            match self.read(choice, root, depth + 1) {
                Shape::Nothing => nullable = true,
                shape => shapes.push(shape),
            }
        }
        either(shapes, nullable)
    }

    fn read_type(&mut self, name: &str, schema: &Json, root: &Json, depth: usize) -> Shape {
        match name {
            "null" => Shape::Nothing,
            "boolean" => Shape::Flag,
            "integer" => Shape::Integer,
            "number" => Shape::Number,
            "string" if schema.get("contentEncoding").is_some() => Shape::Bytes,
            "string" => Shape::Text,
            "array" => {
                // A tuple lists its items; those of ours are of one shape.
                let first = schema.get("prefixItems").and_then(|items| items.get(0));
                let item = match schema.get("items").filter(|items| items.is_object()).or(first) {
                    Some(item) => self.read(item, root, depth + 1),
                    None => Shape::Any,
                };
                Shape::List(Box::new(item))
            }
            "object" => self.read_object(schema, root, depth),
            _ => Shape::Any,
        }
    }

    fn read_object(&mut self, schema: &Json, root: &Json, depth: usize) -> Shape {
        let (Some(title), Some(properties)) = (
            schema.get("title").and_then(Json::as_str),
            schema.get("properties").and_then(Json::as_object),
        ) else {
            let values = schema.get("additionalProperties").filter(|values| values.is_object());
            let values = values.map_or(Shape::Any, |values| self.read(values, root, depth + 1));
            return Shape::Map(Box::new(values));
        };
        if !self.records.contains_key(title) {
            // Known before its fields are read, for a record that contains itself.
            self.records.insert(title.to_owned(), Vec::new());
            let required = schema.get("required").and_then(Json::as_array);
            let is_required =
                |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
            let mut fields = Vec::new();
            for (name, property) in properties {
                let shape = match self.read(property, root, depth + 1) {
                    Shape::Optional(shape) => Shape::Optional(shape),
                    shape if is_required(name) => shape,
                    shape => Shape::Optional(Box::new(shape)),
                };
                let doc = property.get("description").and_then(Json::as_str).unwrap_or_default();
                fields.push(Field { name: name.clone(), shape, doc: first_paragraph(doc) });
            }
            self.records.insert(title.to_owned(), fields);
        }
        Shape::Record(title.to_owned())
    }

    fn handle(&mut self, kind: &str) -> Shape {
        self.handles.entry(kind.to_owned()).or_insert_with(|| type_name(kind));
        Shape::Handle(kind.to_owned())
    }
}

/// The first paragraph of a doc comment, on one line.
pub fn first_paragraph(doc: &str) -> String {
    let lines = doc.lines().map(str::trim).skip_while(|line| line.is_empty());
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `certificate_request` is the type `CertificateRequest`.
pub fn type_name(kind: &str) -> String {
    let words = kind.split(|c: char| !c.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    words.map(capital).collect()
}

fn either(mut shapes: Vec<Shape>, nullable: bool) -> Shape {
    let shape = match shapes.len() {
        0 => return Shape::Nothing,
        1 => shapes.remove(0),
        _ => Shape::Either(shapes),
    };
    if nullable { Shape::Optional(Box::new(shape)) } else { shape }
}

fn words(schema: &Json) -> Option<Vec<String>> {
    if let Some(word) = schema.get("const") {
        return Some(vec![word.as_str()?.to_owned()]);
    }
    let words = schema.get("enum")?.as_array()?;
    words.iter().map(|word| word.as_str().map(str::to_owned)).collect()
}
