//! Reading XML safely: one pass that checks well-formedness, limits and, with a schema, validity.
//!
//! No document type declaration, hence no entities but the five of XML; no encoding but UTF-8;
//! depth, nodes, names and bytes have limits; nothing recurses over the input. The rules of
//! well-formedness are those of the `xsd-schema` crate, so that what is checked and what is read
//! cannot differ.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use xsd_schema::SchemaSet;
use xsd_schema::validation::{
    AttributeView, DoctypeView, DriveWithError, ElementStartView, EndElementInfo,
    EndOfAttributesView, SchemaValidator, TextKind, ValidationError, ValidationEventHandler,
    ValidationFlags, ValidationRoot, ValidationSink, ValidationWarning, drive_quick_xml_with,
};
use xsd_schema::xml::{ParseLimits, XmlDeclaration};

use crate::Problem;
use crate::finding::Placed;

/// How much of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: u64,
    /// Elements in each other.
    pub depth: usize,
    /// Elements, attributes and texts.
    pub nodes: usize,
    /// Findings that are listed.
    pub findings: usize,
}

impl Default for Limits {
    /// 5 MiB, 32 levels, 200,000 nodes, 200 findings.
    fn default() -> Limits {
        Limits { bytes: 5 << 20, depth: 32, nodes: 200_000, findings: 200 }
    }
}

impl Limits {
    fn parse_limits(&self) -> ParseLimits {
        ParseLimits::none()
            .with_max_depth(self.depth)
            .with_max_nodes(self.nodes)
            .with_max_name_bytes(256)
            .with_max_namespace_uri_bytes(1024)
            .with_max_attributes(64)
            .with_max_namespace_declarations(32)
            .with_max_namespaces_in_scope(64)
    }
}

/// An element with what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Local name.
    pub(crate) name: String,
    pub(crate) namespace: Rc<str>,
    /// Where its `<` is.
    pub(crate) offset: usize,
    /// Namespace, local name, value; without the declarations of namespaces.
    pub(crate) attributes: Vec<(Rc<str>, String, String)>,
    /// All of its own text, without that of the elements in it.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

/// What a pass over a file gave.
pub(crate) struct Pass {
    /// The root element, when the file is well-formed and elements were asked for.
    pub(crate) root: Option<Element>,
    /// What was found, in the order of the file.
    pub(crate) problems: Vec<Placed>,
}

/// Whether a pass keeps the elements or only checks them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Elements,
    Nothing,
}

/// Reads a file; without a schema only well-formedness and limits are checked.
pub(crate) fn read(bytes: &[u8], schema: Option<&SchemaSet>, keep: Keep, limits: &Limits) -> Pass {
    let mut problems = Vec::new();
    if let Some(refused) = refuse_at_sight(bytes, limits) {
        problems.push(refused);
        return Pass { root: None, problems };
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        problems.push(Placed::at(Problem::ByteOrderMark, 0));
    }
    let nothing = SchemaSet::new();
    let set = schema.unwrap_or(&nothing);
    let flags = ValidationFlags::default()
        & !ValidationFlags::BUILD_PSVI_TYPED_VALUES
        & !ValidationFlags::REPORT_WARNINGS;
    let validator = SchemaValidator::new(set, flags);
    let shared = Rc::new(RefCell::new(Shared { found: problems, ..Shared::default() }));
    let sink = Sink { shared: Rc::clone(&shared), most: limits.findings, on: schema.is_some() };
    let mut runtime = validator.start_run(sink);
    runtime.set_parse_limits(limits.parse_limits());
    if schema.is_none() {
        runtime.set_validation_root(ValidationRoot::Lax);
    }
    let mut builder = Builder { shared: Rc::clone(&shared), keep, ..Builder::default() };
    let driven = drive_quick_xml_with(bytes, &mut runtime, set, &mut builder);
    let end = match driven {
        Ok(_) => runtime.end_validation().err().map(|error| schema_problem(&error, None)),
        Err(error) => Some(refusal(error)),
    };
    drop(runtime);
    let root = builder.root.take().filter(|_| end.is_none());
    drop(builder);
    let shared = Rc::into_inner(shared).expect("runtime and builder are gone").into_inner();
    let mut problems = shared.found;
    problems.extend(end);
    if shared.dropped > 0 {
        problems.push(Placed::nowhere(Problem::More { limit: limits.findings as u64 }));
    }
    Pass { root, problems }
}

/// What is refused before anything is parsed: size, and encodings that the first bytes give away.
fn refuse_at_sight(bytes: &[u8], limits: &Limits) -> Option<Placed> {
    let found = bytes.len() as u64;
    if found > limits.bytes {
        return Some(Placed::nowhere(Problem::TooLarge { limit: limits.bytes, found }));
    }
    let encoding = match bytes {
        [0x00, 0x00, 0xfe, 0xff, ..] | [0xff, 0xfe, 0x00, 0x00, ..] | [0, 0, 0, b'<', ..] => {
            "UTF-32"
        }
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, b'<', ..] | [b'<', 0, ..] => "UTF-16",
        [0x4c, 0x6f, 0xa7, 0x94, ..] => "EBCDIC",
        _ => return None,
    };
    Some(Placed::at(Problem::Encoding { found: encoding.to_owned() }, 0))
}

/// Why the reader stopped.
fn refusal(error: DriveWithError<Placed>) -> Placed {
    match error {
        DriveWithError::Hook(placed) => placed,
        DriveWithError::NotWellFormed(error) => {
            let rule = error.rule().citation().to_owned();
            let what = error.message().to_owned();
            Placed::at(Problem::NotWellFormed { rule, what }, offset(error.position()))
        }
        DriveWithError::LimitExceeded(error) => {
            let (what, limit) = (error.limit().description().to_owned(), error.max() as u64);
            Placed::at(Problem::BeyondLimit { what, limit }, offset(error.position()))
        }
        other => {
            let what = other.to_string();
            Placed::nowhere(Problem::NotWellFormed { rule: "input".to_owned(), what })
        }
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn schema_problem(error: &ValidationError, offset: Option<usize>) -> Placed {
    let path = error.instance_path().map(|path| {
        path.steps().fold(String::new(), |path, step| {
            let name = step.name().local_name();
            match step.position() {
                None => format!("{path}/@{name}"),
                Some(1) => format!("{path}/{name}"),
                Some(position) => format!("{path}/{name}[{position}]"),
            }
        })
    });
    let constraint = error.constraint.to_owned();
    // A message quotes the value, which can be the whole of a mark.
    let what = error.message.chars().take(400).collect();
    Placed { problem: Problem::Schema { constraint, what }, offset, path }
}

/// What builder and sink both need.
#[derive(Default)]
struct Shared {
    /// Where the `<` of each open element is.
    open: Vec<usize>,
    /// The text of the element, or the value of the attribute, that is being read.
    value: String,
    found: Vec<Placed>,
    dropped: u64,
}

/// Takes what the schema says.
struct Sink {
    shared: Rc<RefCell<Shared>>,
    most: usize,
    on: bool,
}

impl ValidationSink for Sink {
    fn on_error(&mut self, error: ValidationError) {
        if !self.on {
            return;
        }
        let mut shared = self.shared.borrow_mut();
        if is_folded_base64(&error, &shared.value) {
            return;
        }
        if shared.found.len() >= self.most {
            shared.dropped += 1;
            return;
        }
        let offset = shared.open.last().copied();
        shared.found.push(schema_problem(&error, offset));
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

/// Whether the validator refused base64 only because there is white space in it, as in the lines of
/// 76 columns that many programs write: `xs:base64Binary` allows it (XML Schema part 2, §3.2.16),
/// xsd-schema 0.3.0 does not. Facets of such a value are then not checked.
fn is_folded_base64(error: &ValidationError, value: &str) -> bool {
    if !error.message.starts_with("Invalid base64Binary value") {
        return false;
    }
    let plain: Vec<u8> = value.bytes().filter(|byte| !b" \t\r\n".contains(byte)).collect();
    !plain.is_empty() && STANDARD.decode(plain).is_ok()
}

/// Builds the elements and refuses what is never accepted.
struct Builder {
    shared: Rc<RefCell<Shared>>,
    keep: Keep,
    namespaces: Vec<Rc<str>>,
    open: Vec<Element>,
    root: Option<Element>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            shared: Rc::default(),
            keep: Keep::Nothing,
            namespaces: Vec::new(),
            open: Vec::new(),
            root: None,
        }
    }
}

impl Builder {
    /// The same namespace is one text.
    fn namespace(&mut self, uri: &str) -> Rc<str> {
        if let Some(known) = self.namespaces.iter().find(|known| known.as_ref() == uri) {
            return Rc::clone(known);
        }
        let new: Rc<str> = uri.into();
        if self.namespaces.len() < 16 {
            self.namespaces.push(Rc::clone(&new));
        }
        new
    }
}

impl ValidationEventHandler for Builder {
    type Error = Placed;

    fn on_xml_declaration(&mut self, declaration: &XmlDeclaration) -> Result<(), Placed> {
        if declaration.version != "1.0" {
            let found = declaration.version.clone();
            return Err(Placed::at(Problem::XmlVersion { found }, 0));
        }
        match &declaration.encoding {
            Some(encoding) if !encoding.eq_ignore_ascii_case("UTF-8") => {
                Err(Placed::at(Problem::Encoding { found: encoding.clone() }, 0))
            }
            _ => Ok(()),
        }
    }

    fn on_doctype(&mut self, doctype: DoctypeView<'_>) -> Result<(), Placed> {
        Err(Placed::at(Problem::Doctype, doctype.byte_pos))
    }

    fn on_element_start_offset(&mut self, byte_pos: usize) -> Result<(), Placed> {
        let mut shared = self.shared.borrow_mut();
        shared.open.push(byte_pos);
        shared.value.clear();
        Ok(())
    }

    fn before_element(&mut self, view: ElementStartView<'_>) -> Result<(), Placed> {
        if self.keep == Keep::Elements {
            let offset = self.shared.borrow().open.last().copied().unwrap_or_default();
            let namespace = self.namespace(view.namespace_uri);
            let name = view.local_name.to_owned();
            self.open.push(Element { name, namespace, offset, ..Element::default() });
        }
        Ok(())
    }

    fn before_attribute(&mut self, view: AttributeView<'_>) -> Result<(), Placed> {
        let namespace = self.namespace(view.namespace_uri);
        view.value.clone_into(&mut self.shared.borrow_mut().value);
        if let Some(element) = self.open.last_mut() {
            let (name, value) = (view.local_name.to_owned(), view.value.to_owned());
            element.attributes.push((namespace, name, value));
        }
        Ok(())
    }

    fn after_end_of_attributes(&mut self, _: EndOfAttributesView<'_>) -> Result<(), Placed> {
        self.shared.borrow_mut().value.clear();
        Ok(())
    }

    fn on_text(&mut self, kind: TextKind, text: &str) -> Result<(), Placed> {
        if !matches!(kind, TextKind::Whitespace) {
            self.shared.borrow_mut().value.push_str(text);
        }
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
        Ok(())
    }

    fn after_end_element(&mut self, _: &EndElementInfo, _: usize) -> Result<(), Placed> {
        let Some(element) = self.open.pop() else { return Ok(()) };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn on_element_end_offset(&mut self, _: usize) -> Result<(), Placed> {
        self.shared.borrow_mut().open.pop();
        Ok(())
    }
}
