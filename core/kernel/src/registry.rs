//! The registry: every namespace, input type and kind of secret that the program offers.

use serde::Serialize;

use crate::{
    Error, Explain, Input, InputType, Namespace, Primitive, Report, SecretRule, Value, did_you_mean,
};

/// What scripts can use. Both script surfaces are made from it: a name exists in both or in neither.
#[derive(Clone, Default)]
pub struct Registry {
    namespaces: Vec<Namespace>,
    input_types: Vec<InputType>,
    secret_rules: Vec<SecretRule>,
}

impl Registry {
    /// A registry with the kernel's own input types: `text`, `integer`, `flag`, `folder`, `file`.
    pub fn new() -> Registry {
        Registry { input_types: BUILT_IN.to_vec(), ..Registry::default() }
    }

    /// Adds a namespace. A second one of the same name is a bug of the program.
    pub fn add_namespace(&mut self, namespace: Namespace) {
        assert!(self.namespace(namespace.name).is_none(), "namespace {} twice", namespace.name);
        self.namespaces.push(namespace);
    }

    /// Adds an input type.
    pub fn add_input_type(&mut self, input_type: InputType) {
        self.input_types.push(input_type);
    }

    /// Adds a kind of secret.
    pub fn add_secret_rule(&mut self, rule: SecretRule) {
        self.secret_rules.push(rule);
    }

    /// All namespaces in the order they were added.
    pub fn namespaces(&self) -> &[Namespace] {
        &self.namespaces
    }

    /// All input types.
    pub fn input_types(&self) -> &[InputType] {
        &self.input_types
    }

    /// All kinds of secret.
    pub fn secret_rules(&self) -> &[SecretRule] {
        &self.secret_rules
    }

    /// The namespace of that name.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }

    /// The input type of that name.
    pub fn input_type(&self, name: &str) -> Option<&InputType> {
        self.input_types.iter().find(|input_type| input_type.name == name)
    }

    /// The rule for a kind of secret.
    ///
    /// # Errors
    /// `secret.unknown_kind`.
    pub fn secret_rule(&self, name: &str) -> Result<&SecretRule, Error> {
        self.secret_rules.iter().find(|rule| rule.name == name).ok_or_else(|| {
            let known = self.secret_rules.iter().map(|rule| rule.name);
            RegistryError::UnknownSecret {
                secret: name.to_owned(),
                near: did_you_mean(name, known.clone()).map(str::to_owned),
                known: known.map(str::to_owned).collect(),
            }
            .into()
        })
    }

    /// The primitive of that name.
    ///
    /// # Errors
    /// `primitive.unknown`.
    pub fn primitive(&self, namespace: &str, name: &str) -> Result<&'static Primitive, Error> {
        let primitives =
            self.namespace(namespace).map_or(&[][..], |namespace| namespace.primitives);
        primitives.iter().find(|primitive| primitive.name == name).ok_or_else(|| {
            let known = primitives.iter().map(|primitive| primitive.name);
            RegistryError::UnknownPrimitive {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                near: did_you_mean(name, known.clone()).map(str::to_owned),
                known: known.map(str::to_owned).collect(),
            }
            .into()
        })
    }

    /// Checks the text given for an input.
    pub fn check_input(&self, input: &Input, text: &str) -> Result<Value, Error> {
        let input_type = self.input_type(&input.kind).expect("declarations are checked first");
        (input_type.check)(text).map_err(|error| error.at(format!("input `{}`", input.name)))
    }
}

const BUILT_IN: [InputType; 8] = [
    InputType { name: "text", rule: "any text", check: |text| Ok(text.into()) },
    InputType {
        name: "integer",
        rule: "a whole number",
        check: |text| {
            text.trim().parse().map(Value::Int).map_err(|_| wrong("a whole number", text))
        },
    },
    InputType {
        name: "flag",
        rule: "yes or no",
        check: |text| match text.trim().to_lowercase().as_str() {
            "yes" | "true" | "si" | "sì" => Ok(true.into()),
            "no" | "false" => Ok(false.into()),
            _ => Err(wrong("yes or no", text)),
        },
    },
    InputType {
        name: "date",
        rule: "a date: 2026-12-31",
        check: |text| {
            let date: Result<jiff::civil::Date, _> = text.trim().parse();
            date.map(|date| date.to_string().into())
                .map_err(|_| wrong("a date such as 2026-12-31", text))
        },
    },
    InputType {
        name: "list",
        rule: "texts, with commas between them",
        check: |text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            let parts: Vec<Value> = parts.map(Value::from).collect();
            if parts.is_empty() {
                Err(wrong("at least one text", text))
            } else {
                Ok(Value::List(parts))
            }
        },
    },
    InputType { name: "path", rule: "path of a folder or a file", check: path },
    InputType { name: "folder", rule: "path of a folder", check: path },
    InputType { name: "file", rule: "path of a file", check: path },
];

/// Scripts see absolute paths, so that a resumed run means the same files.
fn path(text: &str) -> Result<Value, Error> {
    if text.trim().is_empty() {
        return Err(wrong("a path", text));
    }
    let absolute = std::path::absolute(text).map_err(|_| wrong("a path", text))?;
    absolute
        .into_os_string()
        .into_string()
        .map(Value::Str)
        .map_err(|_| wrong("a path in UTF-8", text))
}

fn wrong(expected: &str, found: &str) -> Error {
    RegistryError::WrongInput { expected: expected.to_owned(), found: found.to_owned() }.into()
}

#[derive(Debug, Serialize)]
enum RegistryError {
    UnknownPrimitive { namespace: String, name: String, near: Option<String>, known: Vec<String> },
    UnknownSecret { secret: String, near: Option<String>, known: Vec<String> },
    WrongInput { expected: String, found: String },
}

impl Explain for RegistryError {
    fn explain(&self) -> Report {
        let meant = |near: &Option<String>| match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "correct the workflow; `ceralacca api` lists every primitive".to_owned(),
        };
        match self {
            RegistryError::UnknownPrimitive { namespace, name, near, known } => Report::usage(
                "primitive.unknown",
                format!("there is no primitive {namespace}::{name}"),
            )
            .expected(format!("one of {}", known.join(", ")))
            .found(name)
            .state("the call was not made")
            .next(meant(near)),
            RegistryError::UnknownSecret { secret, near, known } => Report::usage(
                "secret.unknown_kind",
                format!("there is no kind of secret `{secret}`"),
            )
            .expected(format!("one of {}", known.join(", ")))
            .found(secret)
            .state("nothing was asked")
            .next(meant(near)),
            RegistryError::WrongInput { expected, found } => {
                Report::usage("input.wrong", "an input does not fit its type")
                    .expected(expected)
                    .found(found)
                    .state("the workflow was not started")
                    .next("give the input again")
            }
        }
    }
}
