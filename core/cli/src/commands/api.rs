//! `ceralacca api`: the primitives that scripts can call, from the one registry.

use std::path::Path;

use ceralacca_kernel::shape::{Shape, Shapes};
use ceralacca_kernel::{Error, Form, Namespace, Param, Primitive, atomic_file, did_you_mean};
use serde_json::{Map, Value, json};

use super::Context;
use crate::arguments::Api;
use crate::error::CliError;
use crate::output;

pub(super) fn carry_out(context: &Context, api: &Api) -> Result<(), Error> {
    if let Some(folder) = &api.write {
        return write(context, folder);
    }
    let namespaces = context.program.registry.namespaces();
    if context.json {
        output::json(&schema(namespaces));
        return Ok(());
    }
    match &api.name {
        None => output::text(&overview(namespaces)),
        Some(name) => output::text(&find(namespaces, name)?),
    }
    Ok(())
}

/// Every file that editors and people read, with its text.
fn write(context: &Context, folder: &Path) -> Result<(), Error> {
    let registry = &context.program.registry;
    let mut files: Vec<(String, String)> = context
        .program
        .engines
        .iter()
        .map(|engine| engine.definitions(registry))
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    files.push(("primitives.md".to_owned(), reference(registry.namespaces())));
    let schema = serde_json::to_string_pretty(&schema(registry.namespaces()));
    files.push(("primitives.schema.json".to_owned(), schema.expect("plain data") + "\n"));
    std::fs::create_dir_all(folder).map_err(|error| CliError::io(folder, &error))?;
    for (name, text) in files {
        let path = folder.join(name);
        atomic_file::write(&path, text.as_bytes()).map_err(|e| CliError::io(&path, &e))?;
        output::text(&path.display().to_string());
    }
    Ok(())
}

fn overview(namespaces: &[Namespace]) -> String {
    let mut text = String::new();
    for namespace in namespaces {
        text.push_str(&format!("{}: {}\n", namespace.name, first_sentence(namespace.doc)));
        for primitive in namespace.primitives {
            let (signature, effect) = (signature(primitive), effect(primitive));
            let sentence = first_sentence(primitive.doc);
            text.push_str(&format!("  {signature}\n      {sentence} ({effect})\n"));
        }
        text.push('\n');
    }
    text.push_str("stage(\"…\") begins a stage. `ceralacca api NAME` shows more, with an example.");
    text
}

fn find(namespaces: &[Namespace], name: &str) -> Result<String, Error> {
    let mut known: Vec<String> = Vec::new();
    for namespace in namespaces {
        if namespace.name == name {
            return Ok(section(namespace));
        }
        known.push(namespace.name.to_owned());
        for primitive in namespace.primitives {
            if primitive.full_name() == name.replace('.', "::") || primitive.name == name {
                return Ok(entry(primitive));
            }
            known.push(primitive.full_name());
        }
    }
    let near = did_you_mean(name, known.iter().map(String::as_str)).map(str::to_owned);
    Err(CliError::UnknownApi { name: name.to_owned(), near }.into())
}

/// The reference as Markdown.
fn reference(namespaces: &[Namespace]) -> String {
    let sections: Vec<String> = namespaces.iter().map(section).collect();
    format!("{REFERENCE_HEADING}{}", sections.join("\n"))
}

const REFERENCE_HEADING: &str = "\
# Primitives

Made by `ceralacca api --write scripts/api` from the registry; a test keeps it true. Names are the same
in Rhai (`namespace::name`, `handle.name()`) and Lua (`namespace.name`, `handle:name()`).

";

fn section(namespace: &Namespace) -> String {
    let entries: Vec<String> = namespace.primitives.iter().map(entry).collect();
    format!("## {}\n\n{}\n\n{}", namespace.name, tidy(namespace.doc), entries.join("\n"))
}

fn entry(primitive: &Primitive) -> String {
    let touches = match primitive.touches {
        [] => "nothing".to_owned(),
        touches => {
            let names: Vec<String> =
                touches.iter().map(|touch| format!("{touch:?}").to_lowercase()).collect();
            names.join(", ")
        }
    };
    format!(
        "### `{}`\n\n{}\n\n{}; touches {touches}; since {}.\n",
        signature(primitive),
        tidy(primitive.doc),
        effect(primitive),
        primitive.since,
    )
}

fn signature(primitive: &Primitive) -> String {
    let params = |from: usize| {
        let params = primitive.params.iter().skip(from);
        let params: Vec<String> =
            params.map(|param| format!("{}: {}", param.name, in_scripts(param))).collect();
        params.join(", ")
    };
    let returns = in_scripts(&primitive.returns);
    let kind = primitive.kind.unwrap_or_default();
    match primitive.form {
        Form::Function => format!("{}({}) -> {returns}", primitive.full_name(), params(0)),
        Form::Method => format!("{kind}.{}({}) -> {returns}", primitive.name, params(1)),
        Form::Property => format!("{kind}.{}: {returns}", primitive.name),
    }
}

/// What a parameter or result is, as somebody who writes scripts calls it.
fn in_scripts(param: &Param) -> String {
    word(&Shapes::default().of(param))
}

fn word(shape: &Shape) -> String {
    match shape {
        Shape::Any => "anything".to_owned(),
        Shape::Nothing => "nothing".to_owned(),
        Shape::Flag => "flag".to_owned(),
        Shape::Integer => "integer".to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Bytes => "bytes".to_owned(),
        Shape::Words(words) => words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join("|"),
        Shape::List(item) => format!("[{}]", word(item)),
        Shape::Map(value) => format!("{{text: {}}}", word(value)),
        Shape::Optional(inner) => format!("{}?", word(inner)),
        Shape::Either(shapes) => shapes.iter().map(word).collect::<Vec<_>>().join("|"),
        Shape::Record(name) => name.clone(),
        Shape::Handle(kind) => kind.clone(),
    }
}

fn effect(primitive: &Primitive) -> String {
    format!("{:?}", primitive.effect).to_lowercase()
}

fn first_sentence(doc: &str) -> String {
    let paragraph: Vec<&str> =
        doc.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    match paragraph.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => paragraph,
    }
}

/// Doc comments without the space that `///` leaves.
fn tidy(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim().to_owned()
}

/// Parameters and results of every primitive as JSON schema.
fn schema(namespaces: &[Namespace]) -> Value {
    let mut primitives = Map::new();
    for primitive in namespaces.iter().flat_map(|namespace| namespace.primitives) {
        let mut params = Map::new();
        for param in primitive.params {
            params.insert(param.name.to_owned(), bare(param.schema()));
        }
        let described = json!({
            "form": primitive.form, "handle": primitive.kind, "effect": primitive.effect,
            "touches": primitive.touches, "since": primitive.since, "doc": tidy(primitive.doc),
            "params": params, "returns": bare(primitive.returns.schema()),
        });
        primitives.insert(primitive.full_name(), described);
    }
    json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "primitives": primitives })
}

fn bare(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.remove("$schema");
    }
    value
}
