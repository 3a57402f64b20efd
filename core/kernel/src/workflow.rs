//! Workflows: a script with a declaration that is read without running a primitive.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Explain, Registry, Report, Source, Value, did_you_mean, typed};

/// Where a workflow was found; the first of these that has it wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `scripts/` of the workspace.
    Workspace(PathBuf),
    /// The user's own folder.
    User(PathBuf),
    /// Shipped inside the program.
    BuiltIn,
    /// A file named on the command line.
    File(PathBuf),
    /// The copy that a run keeps in the journal.
    Journal,
}

/// A workflow that was found and understood.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// File name without extension.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// Its text.
    pub source: Source,
    /// What it declares.
    pub declaration: Declaration,
}

impl Workflow {
    /// SHA-256 of the source, hexadecimal.
    pub fn source_sha256(&self) -> String {
        sha256_hex(self.source.text.as_bytes())
    }
}

/// What a workflow says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// One line on what it does.
    pub summary: String,
    /// The namespaces it uses; the others are not there for it.
    pub uses: Vec<String>,
    /// Its inputs, by name.
    pub inputs: Vec<Input>,
}

/// One input of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Name in the script and on the command line.
    pub name: String,
    /// Name of its [`InputType`].
    pub kind: String,
    /// What the operator reads.
    pub prompt: String,
    /// Used when nothing is given.
    pub preset: Option<Value>,
    /// A key of the settings that gives the default.
    pub setting: Option<String>,
    /// Whether it may be left out.
    pub optional: bool,
}

/// A kind of input: how its text is checked and what becomes of it.
#[derive(Clone, Copy)]
pub struct InputType {
    /// `codice_fiscale`.
    pub name: &'static str,
    /// The rule, in a few words for help and prompts.
    pub rule: &'static str,
    /// Turns what was typed into the value that the script sees.
    pub check: fn(&str) -> Result<Value, Error>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    uses: Vec<String>,
    #[serde(default)]
    input: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    #[serde(rename = "type", default = "text")]
    kind: String,
    prompt: String,
    #[serde(default)]
    preset: Option<Value>,
    #[serde(default)]
    setting: Option<String>,
    #[serde(default)]
    optional: bool,
}

fn text() -> String {
    "text".to_owned()
}

impl Declaration {
    /// Reads what an engine found in the script's declaration. An input is a text (its prompt) or a map.
    ///
    /// # Errors
    /// `workflow.declaration`, naming the field.
    pub fn from_value(source: &Source, value: Value) -> Result<Declaration, Error> {
        let wrong = |place: &str, mismatch: typed::Mismatch| WorkflowError::Declaration {
            file: source.name.clone(),
            problem: format!("{place}{mismatch}"),
        };
        let raw: Raw = typed::from_value(value).map_err(|mismatch| wrong("", mismatch))?;
        let mut inputs = Vec::new();
        for (name, value) in raw.input {
            let input = match value {
                Value::Str(prompt) => {
                    RawInput { kind: text(), prompt, preset: None, setting: None, optional: false }
                }
                other => typed::from_value(other)
                    .map_err(|mismatch| wrong(&format!("input `{name}`: "), mismatch))?,
            };
            inputs.push(Input {
                name,
                kind: input.kind,
                prompt: input.prompt,
                preset: input.preset,
                setting: input.setting,
                optional: input.optional,
            });
        }
        Ok(Declaration { summary: raw.summary, uses: raw.uses, inputs })
    }

    /// Checks the declaration against what the program offers.
    ///
    /// # Errors
    /// `workflow.unknown_namespace`, `workflow.unknown_input_type`.
    pub fn check(&self, file: &str, registry: &Registry) -> Result<(), Error> {
        for name in &self.uses {
            if registry.namespace(name).is_none() {
                let known = registry.namespaces().iter().map(|namespace| namespace.name);
                return Err(WorkflowError::UnknownNamespace {
                    file: file.to_owned(),
                    namespace: name.clone(),
                    near: did_you_mean(name, known.clone()).map(str::to_owned),
                    known: known.map(str::to_owned).collect(),
                }
                .into());
            }
        }
        for input in &self.inputs {
            if registry.input_type(&input.kind).is_none() {
                let known = registry.input_types().iter().map(|kind| kind.name);
                return Err(WorkflowError::UnknownInputType {
                    file: file.to_owned(),
                    input: input.name.clone(),
                    kind: input.kind.clone(),
                    known: known.map(str::to_owned).collect(),
                }
                .into());
            }
        }
        Ok(())
    }

    /// Checks the given texts and makes the map that the script sees.
    ///
    /// # Errors
    /// `workflow.unknown_input`, `workflow.missing_input`, or what the input's type says.
    pub fn read_inputs(
        &self,
        workflow: &str,
        registry: &Registry,
        given: &BTreeMap<String, String>,
    ) -> Result<Value, Error> {
        let names = || self.inputs.iter().map(|input| input.name.as_str());
        if let Some(unknown) = given.keys().find(|name| names().all(|known| known != **name)) {
            return Err(WorkflowError::UnknownInput {
                workflow: workflow.to_owned(),
                input: unknown.clone(),
                near: did_you_mean(unknown, names()).map(str::to_owned),
                known: names().map(str::to_owned).collect(),
            }
            .into());
        }
        let mut values = BTreeMap::new();
        for input in &self.inputs {
            let value = match (given.get(&input.name), &input.preset) {
                (Some(text), _) => registry.check_input(input, text)?,
                (None, Some(Value::Str(text))) => registry.check_input(input, text)?,
                (None, Some(default)) => default.clone(),
                (None, None) if input.optional => continue,
                (None, None) => {
                    return Err(WorkflowError::MissingInput {
                        workflow: workflow.to_owned(),
                        input: input.name.clone(),
                        prompt: input.prompt.clone(),
                    }
                    .into());
                }
            };
            values.insert(input.name.clone(), value);
        }
        Ok(Value::Map(values))
    }
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[derive(Debug, Serialize)]
pub(crate) enum WorkflowError {
    Declaration { file: String, problem: String },
    UnknownNamespace { file: String, namespace: String, near: Option<String>, known: Vec<String> },
    UnknownInputType { file: String, input: String, kind: String, known: Vec<String> },
    UnknownInput { workflow: String, input: String, near: Option<String>, known: Vec<String> },
    MissingInput { workflow: String, input: String, prompt: String },
}

impl Explain for WorkflowError {
    fn explain(&self) -> Report {
        use WorkflowError::*;
        let nothing = "the workflow was not started";
        let meant = |near: &Option<String>, otherwise: &str| match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => otherwise.to_owned(),
        };
        match self {
            Declaration { file, problem } => Report::usage(
                "workflow.declaration",
                format!("the declaration of {file} cannot be read"),
            )
            .expected("summary, uses, input")
            .found(problem)
            .state(nothing)
            .next("correct the declaration; scripts/README.md shows its form"),
            UnknownNamespace { file, namespace, near, known } => Report::usage(
                "workflow.unknown_namespace",
                format!("{file} uses a namespace that does not exist"),
            )
            .expected(format!("one of {}", known.join(", ")))
            .found(namespace)
            .state(nothing)
            .next(meant(near, "correct `uses`; `ceralacca api` lists the namespaces")),
            UnknownInputType { file, input, kind, known } => Report::usage(
                "workflow.unknown_input_type",
                format!("input `{input}` of {file} has a type that does not exist"),
            )
            .expected(format!("one of {}", known.join(", ")))
            .found(kind)
            .state(nothing)
            .next("correct the declaration of the input"),
            UnknownInput { workflow, input, near, known } => Report::usage(
                "workflow.unknown_input",
                format!("{workflow} has no input `{input}`"),
            )
            .expected(format!("one of {}", known.join(", ")))
            .found(input)
            .state(nothing)
            .next(meant(near, &format!("ceralacca run {workflow} --help"))),
            MissingInput { workflow, input, prompt } => Report::usage(
                "workflow.missing_input",
                format!("{workflow} needs the input `{input}`"),
            )
            .expected(prompt)
            .found("nothing")
            .state(nothing)
            .next(format!("ceralacca run {workflow} {input}=…")),
        }
    }
}
