//! `ceralacca.d.rhai`: type definitions for editors, in the form of Rhai's own definition files.

use ceralacca_kernel::{Form, Param, Primitive, Registry};

use ceralacca_kernel::shape::{Field, Shape, Shapes, first_paragraph};

/// Every namespace, and every method and property of a handle.
pub(crate) fn write(registry: &Registry) -> String {
    let mut shapes = Shapes::new(registry);
    let mut members = String::new();
    let mut modules = String::new();
    for namespace in registry.namespaces() {
        modules.push('\n');
        modules.push_str(&comment("", &[first_paragraph(namespace.doc)]));
        modules.push_str(&format!("module {} {{\n", namespace.name));
        for primitive in namespace.primitives {
            match primitive.form {
                Form::Function => write_function(&mut modules, "\t", primitive, &mut shapes),
                Form::Method => write_function(&mut members, "", primitive, &mut shapes),
                Form::Property => write_property(&mut members, primitive, &mut shapes),
            }
        }
        modules.push_str("}\n");
    }
    format!("{HEAD}{members}{modules}")
}

const HEAD: &str = "\
module static;

// Made by `ceralacca api`. Do not edit: it is made again from the program's own primitives.

/// Begins a stage; the heading is the unit of progress on screen and in the journal.
fn stage(title: String);

// What `catch (error)` gives when a primitive is refused.
fn get code(error: Error) -> String;
fn get headline(error: Error) -> String;
fn get expected(error: Error) -> String | ();
fn get found(error: Error) -> String | ();
fn get state(error: Error) -> String;
fn get next(error: Error) -> String;
";

/// One declaration for each number of parameters that may be left out at the end.
fn write_function(out: &mut String, indent: &str, primitive: &Primitive, shapes: &mut Shapes) {
    let params: Vec<_> = primitive.params.iter().map(|param| (param, shapes.of(param))).collect();
    let result = shapes.of(&primitive.returns);
    let optional = |(_, shape): &&(&Param, Shape)| matches!(shape, Shape::Optional(_));
    let least = params.len() - params.iter().rev().take_while(optional).count();
    let mut doc = vec![first_paragraph(primitive.doc)];
    doc.extend(params.iter().filter_map(|(param, shape)| fields(param.name, shape, shapes)));
    doc.extend(fields("gives", &result, shapes));
    for count in least..=params.len() {
        out.push('\n');
        out.push_str(&comment(indent, &doc));
        let params = params[..count].iter();
        let params: Vec<_> =
            params.map(|(param, shape)| format!("{}: {}", param.name, rhai(shape))).collect();
        let result = match result {
            Shape::Nothing => String::new(),
            ref result => format!(" -> {}", rhai(result)),
        };
        out.push_str(&format!("{indent}fn {}({}){result};\n", primitive.name, params.join(", ")));
    }
}

fn write_property(out: &mut String, primitive: &Primitive, shapes: &mut Shapes) {
    let result = shapes.of(&primitive.returns);
    let mut doc = vec![first_paragraph(primitive.doc)];
    doc.extend(fields("gives", &result, shapes));
    let kind = ceralacca_kernel::shape::type_name(primitive.kind.unwrap_or_default());
    let param = primitive.params.first().map_or("handle", |param| param.name);
    out.push('\n');
    out.push_str(&comment("", &doc));
    out.push_str(&format!("fn get {}({param}: {kind}) -> {};\n", primitive.name, rhai(&result)));
}

/// A line on the entries of a map, since a definition file of Rhai has no type for them.
fn fields(name: &str, shape: &Shape, shapes: &Shapes) -> Option<String> {
    let record = match shape {
        Shape::Record(record) => record,
        Shape::Optional(inner) | Shape::List(inner) => return fields(name, inner, shapes),
        Shape::Words(words) => return Some(format!("`{name}`: one of {}", words.join(", "))),
        _ => return None,
    };
    let write = |field: &Field| match &field.shape {
        Shape::Optional(shape) => format!("{}: {} or nothing", field.name, rhai(shape)),
        shape => format!("{}: {}", field.name, rhai(shape)),
    };
    let entries: Vec<_> = shapes.records.get(record)?.iter().map(write).collect();
    Some(format!("`{name}`: #{{ {} }}", entries.join(", ")))
}

fn rhai(shape: &Shape) -> String {
    match shape {
        Shape::Any => "?".to_owned(),
        Shape::Nothing => "()".to_owned(),
        Shape::Flag => "bool".to_owned(),
        Shape::Integer => "int".to_owned(),
        Shape::Number => "float".to_owned(),
        Shape::Text | Shape::Words(_) => "String".to_owned(),
        Shape::Bytes => "Bytes".to_owned(),
        Shape::List(_) => "Array".to_owned(),
        Shape::Map(_) | Shape::Record(_) => "Map".to_owned(),
        Shape::Optional(shape) => format!("{} | ()", rhai(shape)),
        Shape::Either(shapes) => shapes.iter().map(rhai).collect::<Vec<_>>().join(" | "),
        Shape::Handle(kind) => ceralacca_kernel::shape::type_name(kind),
    }
}

fn comment(indent: &str, lines: &[String]) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    lines.map(|line| format!("{indent}/// {line}\n")).collect()
}
