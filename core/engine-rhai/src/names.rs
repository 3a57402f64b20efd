//! Every name a script can use, for looking up and for saying what was meant.

use std::collections::BTreeMap;

use ceralacca_kernel::{Error, Form, Namespace, Primitive, ScriptError};

/// The names of the given namespaces.
#[derive(Default)]
pub(crate) struct Names {
    namespaces: Vec<Namespace>,
    /// Methods and properties by name; several kinds of handle may have the same.
    members: BTreeMap<&'static str, Vec<&'static Primitive>>,
}

impl Names {
    pub(crate) fn new(namespaces: &[Namespace]) -> Names {
        let mut members: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for primitive in namespaces.iter().flat_map(|namespace| namespace.primitives) {
            if primitive.form != Form::Function {
                members.entry(primitive.name).or_default().push(primitive);
            }
        }
        Names { namespaces: namespaces.to_vec(), members }
    }

    /// The namespaces.
    pub(crate) fn namespaces(&self) -> &[Namespace] {
        &self.namespaces
    }

    /// Names of methods, each with the most parameters any of that name has, the handle included.
    pub(crate) fn methods(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.members.iter().filter_map(|(name, primitives)| {
            let methods = primitives.iter().filter(|primitive| primitive.form == Form::Method);
            methods.map(|method| method.params.len()).max().map(|most| (*name, most))
        })
    }

    /// The method or property of a kind of handle.
    pub(crate) fn member(
        &self,
        form: Form,
        kind: &str,
        name: &str,
    ) -> Result<&'static Primitive, Error> {
        let of_kind = |primitive: &&&'static Primitive| {
            primitive.form == form && primitive.kind == Some(kind)
        };
        self.members.get(name).and_then(|named| named.iter().find(of_kind)).copied().ok_or_else(
            || {
                let known = self.members.values().flatten().filter(of_kind);
                let known = known.map(|primitive| primitive.name.to_owned()).collect();
                let form = if form == Form::Method { "method" } else { "property" };
                ScriptError::unknown(format!("{form} of {kind}"), name, known, "", 0).into()
            },
        )
    }

    /// A namespace that is not there.
    pub(crate) fn unknown_namespace(&self, name: &str, file: &str, line: usize) -> ScriptError {
        ScriptError::unknown("namespace", name, self.namespace_names(), file, line)
    }

    /// A variable that is not there; perhaps a namespace was meant.
    pub(crate) fn unknown_variable(&self, name: &str, file: &str, line: usize) -> ScriptError {
        let known = self.namespace_names().iter().map(|name| format!("{name}::")).collect();
        match ScriptError::unknown("variable", name, known, file, line) {
            ScriptError::UnknownName { near: None, file, line, what, name, .. } => {
                ScriptError::UnknownName { near: None, known: Vec::new(), file, line, what, name }
            }
            near => near,
        }
    }

    /// A function that is not there, or not with these arguments. Rhai names the call as
    /// `agency::submit (i64, map)`.
    pub(crate) fn unknown_function(&self, call: &str, file: &str, line: usize) -> ScriptError {
        let path = call.split(" (").next().unwrap_or(call);
        let (namespace, name) = path.rsplit_once("::").unwrap_or(("", path));
        if let Some(primitive) = self.callable(namespace, name) {
            return ScriptError::Arguments {
                file: file.to_owned(),
                line,
                takes: signature(primitive),
                call: call.to_owned(),
            };
        }
        if !namespace.is_empty() {
            let what = format!("function {namespace}::");
            return ScriptError::unknown(what, name, self.functions_of(namespace), file, line);
        }
        let methods = self.methods().map(|(name, _)| name.to_owned());
        let functions = self.namespaces.iter().flat_map(|namespace| {
            self.functions_of(namespace.name)
                .into_iter()
                .map(|name| format!("{}::{name}", namespace.name))
        });
        let known: Vec<_> = methods.chain(functions).chain(["stage".to_owned()]).collect();
        match ScriptError::unknown("function or method", name, known, file, line) {
            ScriptError::UnknownName { file, line, what, near, .. } => {
                let name = call.to_owned();
                ScriptError::UnknownName { file, line, what, name, near, known: Vec::new() }
            }
            other => other,
        }
    }

    fn callable(&self, namespace: &str, name: &str) -> Option<&'static Primitive> {
        if namespace.is_empty() {
            let named = self.members.get(name)?;
            return named.iter().find(|primitive| primitive.form == Form::Method).copied();
        }
        let namespace = self.namespaces.iter().find(|known| known.name == namespace)?;
        namespace
            .primitives
            .iter()
            .find(|primitive| primitive.form == Form::Function && primitive.name == name)
    }

    fn functions_of(&self, namespace: &str) -> Vec<String> {
        let namespace = self.namespaces.iter().find(|known| known.name == namespace);
        let functions = namespace.map_or(&[][..], |namespace| namespace.primitives).iter();
        functions
            .filter(|primitive| primitive.form == Form::Function)
            .map(|primitive| primitive.name.to_owned())
            .collect()
    }

    fn namespace_names(&self) -> Vec<String> {
        self.namespaces.iter().map(|namespace| namespace.name.to_owned()).collect()
    }
}

/// `environment::create(folder, password)`, `environment.send()`.
fn signature(primitive: &Primitive) -> String {
    let skip = usize::from(primitive.kind.is_some());
    let params: Vec<_> = primitive.params.iter().skip(skip).map(|param| param.name).collect();
    let start = match primitive.kind {
        Some(kind) => format!("{kind}."),
        None => format!("{}::", primitive.namespace),
    };
    format!("{start}{}({})", primitive.name, params.join(", "))
}
