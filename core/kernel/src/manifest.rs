//! What a plugin says of itself, in the file beside its library: read before the library is loaded.
//!
//! The same [`Primitive`] comes from a typed declaration in Rust and from a manifest, so that scripts,
//! documentation and editors see no difference. A plugin in Rust makes its manifest from its
//! declarations ([`WrittenNamespace::of`]); the program makes declarations from the manifest
//! ([`WrittenNamespace::leaked`]).

use serde::{Deserialize, Serialize};

use crate::{
    Effect, Error, Explain, Form, Invoke, Namespace, Param, ParamSchema, Primitive, Reconcile,
    Report, Secret, SecretRule, Touch, is_obeyed,
};

/// The version of the manifest's own form.
pub const FORM: u32 = 1;

/// The longest manifest that is read, in bytes.
pub const LONGEST: usize = 1 << 20;

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORM`].
    pub ceralacca_plugin: u32,
    /// Its name: lower case letters, digits and hyphens, as `codice-fiscale`.
    pub name: String,
    /// Its version: `1.4.2`.
    pub version: String,
    /// One line on what it does.
    pub summary: String,
    /// The primitives that scripts can call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<WrittenNamespace>,
    /// The places in the program where it can stand in.
    #[serde(default, skip_serializing_if = "Seams::is_empty")]
    pub seams: Seams,
    /// The secrets that it may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<WrittenSecret>,
    /// What it needs beyond computing.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// The places in the program where a plugin can stand in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seams {
    /// Keys that sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<SignerSeam>,
    /// A channel to an agency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<AgencySeam>,
    /// A check of communications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckSeam>,
}

impl Seams {
    fn is_empty(&self) -> bool {
        *self == Seams::default()
    }
}

/// A plugin that signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerSeam {
    /// How its keys are named: `pkcs11` serves `pkcs11:…`.
    pub scheme: String,
    /// The secret that opens its keys, one of the manifest's or of the program's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A plugin that is a channel to an agency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgencySeam {}

/// A plugin that checks communications of the impronta.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckSeam {}

/// What a plugin needs beyond computing. A capability is asked for here and granted by the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Connections over the network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network: bool,
    /// Sockets of this machine, such as the one of the smart card service.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local_sockets: bool,
    /// Files and folders; which ones, the settings say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files: bool,
    /// Environment variables that it is given, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
}

/// A namespace as a manifest has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenNamespace {
    /// `codice_fiscale`.
    pub name: String,
    /// What it is for.
    pub doc: String,
    /// What it holds.
    pub primitives: Vec<WrittenPrimitive>,
}

/// A primitive as a manifest has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenPrimitive {
    /// `check`.
    pub name: String,
    /// Documentation with an example.
    pub doc: String,
    /// How scripts write it; without it a function.
    #[serde(default = "function")]
    pub form: Form,
    /// Its parameters; those whose schema allows null may be left out at the end.
    #[serde(default)]
    pub params: Vec<WrittenParam>,
    /// JSON schema of its result; without it there is none.
    #[serde(default)]
    pub returns: serde_json::Value,
    /// The release that brought it.
    pub since: String,
    /// How it relates to the journal.
    pub effect: Effect,
    /// What it touches.
    #[serde(default)]
    pub touches: Vec<Touch>,
    /// Whether the plugin can say what became of an interrupted call, for `once` only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconcile: bool,
}

/// A parameter as a manifest has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenParam {
    /// Its name.
    pub name: String,
    /// Its JSON schema.
    pub schema: serde_json::Value,
}

/// A kind of secret as a manifest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenSecret {
    /// Name in scripts and in `--secrets` files.
    pub name: String,
    /// What the operator reads.
    pub label: String,
    /// The rule, in a few words.
    pub rule: String,
}

fn function() -> Form {
    Form::Function
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// `plugin.manifest`, with the place of the mistake.
    pub fn read(source: &str, text: &str) -> Result<Manifest, Error> {
        let refused = |problem: String| -> Error {
            ManifestError { source: source.to_owned(), problem }.into()
        };
        if text.len() > LONGEST {
            return Err(refused(format!("it is longer than {LONGEST} bytes")));
        }
        let manifest: Manifest =
            serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
        manifest.problem().map_or(Ok(manifest), |problem| Err(refused(problem)))
    }

    /// The manifest as it is written to its file.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("plain data");
        text.push('\n');
        text
    }

    /// The secrets as kinds of secret that live as long as the program.
    pub fn secret_rules(&self) -> Vec<SecretRule> {
        self.secrets.iter().map(WrittenSecret::leaked).collect()
    }

    fn problem(&self) -> Option<String> {
        if self.ceralacca_plugin != FORM {
            let form = self.ceralacca_plugin;
            return Some(format!("ceralacca_plugin is {form}; this program reads {FORM}"));
        }
        if !is_name(&self.name, '-') {
            return Some(format!("{NAME_RULE} and hyphens make a name; name is {:?}", self.name));
        }
        if self.version.is_empty() || self.version.len() > 64 {
            return Some("version is empty or longer than 64 characters".to_owned());
        }
        let secret = self.secrets.iter().find(|secret| !is_name(&secret.name, '_'));
        if let Some(secret) = secret {
            return Some(format!("{NAME_RULE} and _ make a name; secret {:?}", secret.name));
        }
        let obeyed = serde_json::to_value(self).ok().and_then(|json| obeyed_text(&json));
        if let Some(text) = obeyed {
            return Some(format!("characters that a terminal obeys instead of showing: {text:?}"));
        }
        let variable = self.capabilities.environment.iter().find(|name| !is_variable(name));
        if let Some(name) = variable {
            let rule = "environment names variables, and none that steers the loader of libraries";
            return Some(format!("{rule}; {name:?}"));
        }
        self.namespaces.iter().find_map(WrittenNamespace::problem)
    }
}

/// A text with characters that terminals or pages obey; lines may end.
fn obeyed_text(json: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    let obeyed = |text: &str| text.chars().any(|c| is_obeyed(c) && c != '\n');
    let shown = |text: &str| text.chars().take(60).collect::<String>();
    match json {
        Value::String(text) => obeyed(text).then(|| shown(text)),
        Value::Array(items) => items.iter().find_map(obeyed_text),
        Value::Object(map) => map
            .iter()
            .find_map(|(key, item)| obeyed(key).then(|| shown(key)).or_else(|| obeyed_text(item))),
        _ => None,
    }
}

/// Whether a variable of this name may be given to a worker: those of the loader would change what is
/// loaded into it.
fn is_variable(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let loader = ["LD_", "DYLD_", "GLIBC_TUNABLES", "MALLOC_"];
    !name.is_empty()
        && name.len() <= 64
        && name.chars().all(letters)
        && !loader.iter().any(|start| name.to_ascii_uppercase().starts_with(start))
}

const NAME_RULE: &str = "lower case letters, then digits";

/// Whether `text` begins with a letter and has only lower case letters, digits and `mark`.
fn is_name(text: &str, mark: char) -> bool {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|letter| letter.is_ascii_lowercase());
    first
        && text.len() <= 64
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == mark)
}

impl WrittenNamespace {
    /// What a namespace declares, in writing.
    pub fn of(namespace: &Namespace) -> WrittenNamespace {
        WrittenNamespace {
            name: namespace.name.to_owned(),
            doc: namespace.doc.to_owned(),
            primitives: namespace.primitives.iter().map(WrittenPrimitive::of).collect(),
        }
    }

    /// The namespace, for as long as the program lives. `invoke` and `reconcile` serve every
    /// primitive in it.
    pub fn leaked(&self, invoke: Invoke, reconcile: Reconcile) -> Namespace {
        let primitives = self.primitives.iter();
        let primitives = primitives.map(|one| one.declared(&self.name, invoke, reconcile));
        Namespace {
            name: leak(&self.name),
            doc: leak(&self.doc),
            primitives: Vec::leak(primitives.collect()),
        }
    }

    fn problem(&self) -> Option<String> {
        if !is_name(&self.name, '_') {
            return Some(format!("{NAME_RULE} and _ make a name; namespace {:?}", self.name));
        }
        let mut seen = Vec::new();
        self.primitives.iter().find_map(|primitive| {
            let full = format!("{}::{}", self.name, primitive.name);
            if seen.contains(&&primitive.name) {
                return Some(format!("{full} is there twice"));
            }
            seen.push(&primitive.name);
            primitive.problem().map(|problem| format!("{full}: {problem}"))
        })
    }
}

impl WrittenPrimitive {
    fn of(primitive: &Primitive) -> WrittenPrimitive {
        let param = |param: &Param| WrittenParam {
            name: param.name.to_owned(),
            schema: bare(param.schema()),
        };
        WrittenPrimitive {
            name: primitive.name.to_owned(),
            doc: primitive.doc.to_owned(),
            form: primitive.form,
            params: primitive.params.iter().map(param).collect(),
            returns: match primitive.returns.rust_type {
                "()" => serde_json::Value::Null,
                _ => bare(primitive.returns.schema()),
            },
            since: primitive.since.to_owned(),
            effect: primitive.effect,
            touches: primitive.touches.to_vec(),
            reconcile: primitive.reconcile.is_some(),
        }
    }

    fn declared(&self, namespace: &str, invoke: Invoke, reconcile: Reconcile) -> Primitive {
        let param = |param: &WrittenParam| Param {
            name: leak(&param.name),
            rust_type: "",
            schema: ParamSchema::Written(Box::leak(Box::new(param.schema.clone()))),
        };
        let returns = Param {
            name: "returns",
            rust_type: if self.returns.is_null() { "()" } else { "" },
            schema: ParamSchema::Written(Box::leak(Box::new(self.returns.clone()))),
        };
        Primitive {
            namespace: leak(namespace),
            name: leak(&self.name),
            doc: leak(&self.doc),
            form: self.form,
            kind: self.kind().map(leak),
            params: Vec::leak(self.params.iter().map(param).collect()),
            returns,
            since: leak(&self.since),
            effect: self.effect,
            touches: Vec::leak(self.touches.clone()),
            invoke,
            reconcile: self.reconcile.then_some(reconcile),
        }
    }

    /// The kind of handle that a method or property belongs to.
    fn kind(&self) -> Option<&str> {
        if self.form == Form::Function {
            return None;
        }
        let title = self.params.first()?.schema.get("title")?;
        title.as_str()?.strip_prefix("handle:")
    }

    fn problem(&self) -> Option<String> {
        if !is_name(&self.name, '_') {
            return Some(format!("{NAME_RULE} and _ make a name"));
        }
        if self.form != Form::Function && self.kind().is_none() {
            return Some("the first parameter of a method is a handle, titled handle:…".to_owned());
        }
        if self.form == Form::Property && self.params.len() != 1 {
            return Some("a property has one parameter, the handle".to_owned());
        }
        if self.reconcile && self.effect != Effect::Once {
            return Some("only `once` primitives are reconciled".to_owned());
        }
        if self.touches.contains(&Touch::Sends) && self.effect != Effect::Once {
            return Some("what sends is `once`: it must not be repeated".to_owned());
        }
        if self.effect == Effect::Pure && !self.touches.is_empty() {
            return Some("what is `pure` touches nothing".to_owned());
        }
        let odd = self.params.iter().find(|param| !is_name(&param.name, '_'));
        odd.map(|param| format!("{NAME_RULE} and _ make a name; parameter {:?}", param.name))
    }
}

impl WrittenSecret {
    fn leaked(&self) -> SecretRule {
        SecretRule {
            name: leak(&self.name),
            label: leak(&self.label),
            rule: leak(&self.rule),
            chosen: false,
            read: |secret: Secret| Ok(secret),
        }
    }
}

fn leak(text: &str) -> &'static str {
    String::leak(text.to_owned())
}

fn bare(mut schema: serde_json::Value) -> serde_json::Value {
    if let Some(map) = schema.as_object_mut() {
        map.remove("$schema");
    }
    schema
}

#[derive(Debug, Serialize)]
struct ManifestError {
    source: String,
    problem: String,
}

impl Explain for ManifestError {
    fn explain(&self) -> Report {
        let headline = format!("{} is not a manifest that this program understands", self.source);
        Report::refused("plugin.manifest", headline)
            .expected("the text that `ceralacca plugin manifest LIBRARY` prints")
            .found(&self.problem)
            .state("the library was not loaded")
            .next("ask the vendor for the manifest that belongs to this library")
    }
}
