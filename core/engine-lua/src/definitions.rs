//! `ceralacca.d.luau`: type definitions for editors, in the syntax of a Luau definition file.

use ceralacca_kernel::{Form, Param, Primitive, Registry};

use ceralacca_kernel::shape::{Field, Shape, Shapes, first_paragraph};

/// Every namespace, handle and record of the registry.
pub(crate) fn write(registry: &Registry) -> String {
    let mut shapes = Shapes::new(registry);
    let namespaces = write_namespaces(registry, &mut shapes);
    let handles = write_handles(registry, &mut shapes);
    let mut out = String::from(HEAD);
    for (name, fields) in &shapes.records {
        out.push_str(&write_record(name, fields));
    }
    out + &handles + &namespaces
}

const HEAD: &str = "\
-- Made by `ceralacca api`. Do not edit: it is made again from the program's own primitives.

--- What `pcall` gives when a primitive is refused.
export type Error = {
\tcode: string,
\theadline: string,
\texpected: string?,
\tfound: string?,
\tstate: string,
\tnext: string,
}

--- What a workflow file returns.
export type Workflow = {
\tsummary: string,
\tuses: { string },
\tinput: { [string]: any }?,
\trun: (input: any) -> any,
}

--- Begins a stage; the heading is the unit of progress on screen and in the journal.
declare function stage(title: string): ()
";

fn write_record(name: &str, fields: &[Field]) -> String {
    let mut out = format!("\nexport type {name} = {{\n");
    for field in fields {
        out.push_str(&comment("\t", &field.doc));
        out.push_str(&format!("\t{}: {},\n", key(&field.name), luau(&field.shape)));
    }
    out + "}\n"
}

fn write_handles(registry: &Registry, shapes: &mut Shapes) -> String {
    let mut bodies = std::collections::BTreeMap::<&str, String>::new();
    for primitive in registry.namespaces().iter().flat_map(|namespace| namespace.primitives) {
        let Some(kind) = primitive.kind else { continue };
        let body = bodies.entry(kind).or_default();
        body.push_str(&comment("\t", &first_paragraph(primitive.doc)));
        let result = shapes.of(&primitive.returns);
        if primitive.form == Form::Property {
            body.push_str(&format!("\t{}: {}\n", primitive.name, luau(&result)));
            continue;
        }
        let params = params(primitive.params.get(1..).unwrap_or_default(), shapes);
        let params = [vec!["self".to_owned()], params].concat().join(", ");
        body.push_str(&format!("\tfunction {}({params}): {}\n", primitive.name, luau(&result)));
    }
    let mut out = String::new();
    for (kind, name) in &shapes.handles {
        let body = bodies.get(kind.as_str()).map_or("", String::as_str);
        out.push_str(&format!("\ndeclare extern type {name} with\n{body}end\n"));
    }
    out
}

fn write_namespaces(registry: &Registry, shapes: &mut Shapes) -> String {
    let mut out = String::new();
    for namespace in registry.namespaces() {
        out.push('\n');
        out.push_str(&comment("", &first_paragraph(namespace.doc)));
        out.push_str(&format!("declare {}: {{\n", namespace.name));
        for primitive in namespace.primitives.iter().filter(|p| p.form == Form::Function) {
            out.push_str(&write_function(primitive, shapes));
        }
        out.push_str("}\n");
    }
    out
}

fn write_function(primitive: &Primitive, shapes: &mut Shapes) -> String {
    let doc = comment("\t", &first_paragraph(primitive.doc));
    let params = params(primitive.params, shapes).join(", ");
    let result = luau(&shapes.of(&primitive.returns));
    format!("{doc}\t{}: ({params}) -> {result},\n", key(primitive.name))
}

fn params(params: &[Param], shapes: &mut Shapes) -> Vec<String> {
    let write = |param: &Param| format!("{}: {}", name(param.name), luau(&shapes.of(param)));
    params.iter().map(write).collect()
}

fn luau(shape: &Shape) -> String {
    match shape {
        Shape::Any => "any".to_owned(),
        Shape::Nothing => "()".to_owned(),
        Shape::Flag => "boolean".to_owned(),
        Shape::Integer | Shape::Number => "number".to_owned(),
        Shape::Text => "string".to_owned(),
        Shape::Bytes => "buffer".to_owned(),
        Shape::Words(words) => {
            words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" | ")
        }
        Shape::List(item) => format!("{{ {} }}", luau(item)),
        Shape::Map(value) => format!("{{ [string]: {} }}", luau(value)),
        Shape::Optional(shape) => match **shape {
            Shape::Words(_) | Shape::Either(_) => format!("({})?", luau(shape)),
            _ => format!("{}?", luau(shape)),
        },
        Shape::Either(shapes) => shapes.iter().map(luau).collect::<Vec<_>>().join(" | "),
        Shape::Record(name) => name.clone(),
        Shape::Handle(kind) => ceralacca_kernel::shape::type_name(kind),
    }
}

/// A field: as a name, or quoted when it is a word of the language.
fn key(field: &str) -> String {
    if is_name(field) { field.to_owned() } else { format!("[{field:?}]") }
}

/// A parameter: its name is for reading only.
fn name(param: &str) -> String {
    if is_name(param) { param.to_owned() } else { format!("{param}_") }
}

fn is_name(text: &str) -> bool {
    const WORDS: [&str; 21] = [
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in",
        "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
    ];
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !WORDS.contains(&text)
        && text.chars().all(letters)
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn comment(indent: &str, doc: &str) -> String {
    if doc.is_empty() { String::new() } else { format!("{indent}--- {doc}\n") }
}
