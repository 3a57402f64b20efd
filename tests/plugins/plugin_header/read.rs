//! Reads a header of the contract: constants, structures and the export, and nothing else.

use std::collections::BTreeMap;

/// What a header declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Header {
    /// Name and value, as written.
    pub(crate) constants: BTreeMap<String, String>,
    /// In their order.
    pub(crate) structures: Vec<Struct>,
    /// What a plugin exports, as written.
    pub(crate) exports: Vec<String>,
}

/// A structure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

/// A field: `int32_t (*)(…)` is the kind of one that holds a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: String,
}

impl Header {
    /// Reads the form that `written.rs` gives to headers; anything else is refused.
    pub(crate) fn read(text: &str) -> Result<Header, String> {
        let mut header = Header::default();
        let code = header.directives(&without_comments(text)?)?;
        let mut rest = squeezed(&code);
        while !rest.is_empty() {
            let (statement, after) = statement(&rest)?;
            header.declaration(&statement)?;
            rest = after;
        }
        Ok(header)
    }

    /// Takes in the lines of the preprocessor and gives the others back.
    fn directives(&mut self, text: &str) -> Result<String, String> {
        let mut code = String::new();
        let mut cplusplus = false;
        for line in text.lines() {
            let Some(directive) = line.trim().strip_prefix('#') else {
                if !cplusplus {
                    code.push_str(line);
                    code.push('\n');
                }
                continue;
            };
            let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
            match word {
                "ifdef" => cplusplus = rest == "__cplusplus",
                "endif" => cplusplus = false,
                "if" | "elif" | "else" | "ifndef" | "include" => {}
                "define" => self.define(rest),
                _ => return Err(format!("not of this form: {line}")),
            }
        }
        Ok(code)
    }

    /// A name that is defined differently for different compilers has all its values.
    fn define(&mut self, rest: &str) {
        let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
        if !name.ends_with("_H") {
            let known = self.constants.entry(name.to_owned()).or_default();
            known.push_str(value.trim());
        }
    }

    fn declaration(&mut self, statement: &str) -> Result<(), String> {
        let refused = || format!("not of this form: {statement}");
        if statement.starts_with("extern ") {
            self.exports.push(statement.to_owned());
            return Ok(());
        }
        if statement.starts_with("typedef char ceralacca_layout_") {
            return Ok(());
        }
        let body = statement.strip_prefix("typedef struct ").ok_or_else(refused)?;
        let (name, body) = body.split_once(" { ").ok_or_else(refused)?;
        let (fields, again) = body.split_once(" } ").ok_or_else(refused)?;
        if again != name || self.structures.iter().any(|known| known.name == name) {
            return Err(refused());
        }
        let fields = fields.split_terminator(';').map(|field| read_field(field.trim()));
        let fields = fields.collect::<Result<_, _>>()?;
        self.structures.push(Struct { name: name.to_owned(), fields });
        Ok(())
    }

    /// A structure by name.
    pub(crate) fn structure(&self, name: &str) -> Option<&Struct> {
        self.structures.iter().find(|structure| structure.name == name)
    }

    /// Offsets of the fields and size of the whole, where pointers have 64 bits.
    pub(crate) fn layout(&self, structure: &Struct) -> (Vec<usize>, usize) {
        let (mut offsets, mut end, mut widest) = (Vec::new(), 0_usize, 1);
        for field in &structure.fields {
            let (size, alignment) = self.size(&field.kind);
            end = end.next_multiple_of(alignment);
            offsets.push(end);
            end += size;
            widest = widest.max(alignment);
        }
        (offsets, end.next_multiple_of(widest))
    }

    fn size(&self, kind: &str) -> (usize, usize) {
        match kind {
            "uint16_t" => (2, 2),
            "uint32_t" | "int32_t" => (4, 4),
            "uint64_t" | "size_t" => (8, 8),
            pointer if pointer.ends_with('*') || pointer.contains("(*)") => (8, 8),
            embedded => {
                let name = embedded.trim_start_matches("struct ");
                let inner = self.structure(name).unwrap_or_else(|| panic!("{kind} has no size"));
                (self.layout(inner).1, 8)
            }
        }
    }
}

fn without_comments(text: &str) -> Result<String, String> {
    let mut code = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        code.push_str(before);
        rest = after.split_once("*/").ok_or("a comment has no end")?.1;
    }
    code.push_str(rest);
    Ok(code)
}

/// One space between words, none after parentheses.
fn squeezed(code: &str) -> String {
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Up to the semicolon that ends it, outside of braces.
fn statement(code: &str) -> Result<(String, String), String> {
    let mut depth = 0_usize;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).ok_or("braces do not match")?,
            ';' if depth == 0 => {
                return Ok((code[..at].trim().to_owned(), code[at + 1..].trim().to_owned()));
            }
            _ => {}
        }
    }
    Err(format!("not of this form: {code}"))
}

fn read_field(text: &str) -> Result<Field, String> {
    let refused = || format!("no field: {text}");
    if let Some((before, after)) = text.split_once("(*") {
        let (name, arguments) = after.split_once(')').ok_or_else(refused)?;
        let kind = format!("{before}(*){arguments}");
        return Ok(Field { name: name.to_owned(), kind });
    }
    let name_at = text.rfind([' ', '*']).ok_or_else(refused)? + 1;
    let (kind, name) = text.split_at(name_at);
    Ok(Field { name: name.to_owned(), kind: kind.trim().to_owned() })
}
