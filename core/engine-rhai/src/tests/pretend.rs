//! What the tests of both engines share: a pretend caller with a namespace of its own, and values that
//! must survive the way into a script and back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{Call, Caller, Error, Handle, Report, SecretRef, Value, primitives};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:environment")]
struct Environment(String);

impl HandleKind for Environment {
    const KIND: &'static str = "environment";
}

/// How the keys are made.
#[derive(Serialize, Deserialize, JsonSchema)]
struct KeyOptions {
    /// Algorithm of the signature key.
    signing: String,
    /// Size of it.
    bits: Option<u32>,
}

fn create(_: &mut Call<'_>, folder: String, _: Option<SecretRef>) -> Result<Environment, Error> {
    Ok(Environment(folder))
}

fn echo(_: &mut Call<'_>, _: i64) -> Result<i64, Error> {
    Ok(0)
}

fn nothing(_: &mut Call<'_>) -> Result<(), Error> {
    Ok(())
}

fn generate_keys(_: &mut Call<'_>, _: Environment, _: KeyOptions) -> Result<(), Error> {
    Ok(())
}

fn folder(_: &mut Call<'_>, env: Environment) -> Result<String, Error> {
    Ok(env.0)
}

primitives! {
    /// The security environment.
    namespace environment;

    /// Makes an environment.
    ///
    /// More about it.
    function create(folder: String, password: Option<SecretRef>) -> Environment
        [since "0.1.0", recorded, touches(Writes)] = create;

    /// Gives back what it was given.
    function echo(value: i64) -> i64 [since "0.1.0", pure, touches()] = echo;

    /// Is refused.
    function fail() -> () [since "0.1.0", pure, touches()] = nothing;

    /// Stops the run.
    function stop() -> () [since "0.1.0", pure, touches()] = nothing;

    /// Makes both key pairs.
    method generate_keys(env: Environment, options: KeyOptions) -> ()
        [since "0.1.0", recorded, touches(Writes)] = generate_keys;

    /// Where it lives.
    property folder(env: Environment) -> String [since "0.1.0", pure, touches()] = folder;
}

/// Notes what it is asked for.
#[derive(Default)]
pub(crate) struct Pretend {
    pub(crate) calls: RefCell<Vec<String>>,
    pub(crate) stopped: RefCell<Option<Error>>,
}

impl Caller for Pretend {
    fn call(&self, namespace: &str, name: &str, arguments: Vec<Value>) -> Result<Value, Error> {
        self.calls.borrow_mut().push(format!("{namespace}::{name} {}", arguments.len()));
        let refused = || {
            Error::from(
                Report::refused("test.refused", "it was refused")
                    .expected("one thing")
                    .state("nothing was sent")
                    .next("try again"),
            )
        };
        match name {
            "create" => {
                Ok(Value::Handle(Handle { kind: "environment".into(), id: Box::new(1.into()) }))
            }
            "echo" => Ok(arguments.into_iter().next().unwrap_or_default()),
            "folder" => Ok("a/b".into()),
            "fail" => Err(refused()),
            "stop" => {
                *self.stopped.borrow_mut() = Some(refused());
                Err(refused())
            }
            _ => Ok(Value::Null),
        }
    }

    fn stage(&self, title: &str) -> Result<(), Error> {
        self.calls.borrow_mut().push(format!("stage {title}"));
        Ok(())
    }

    fn stopped(&self) -> Option<Error> {
        self.stopped.borrow().clone()
    }
}

/// A value, and what it comes back as.
pub(crate) fn round_trips() -> Vec<(Value, Value)> {
    let same = |value: Value| (value.clone(), value);
    let handle = Handle { kind: "environment".into(), id: Box::new(Value::from("a/b")) };
    vec![
        same(Value::Null),
        same(Value::Bool(true)),
        same(Value::Int(0)),
        same(Value::Int(-7)),
        same(Value::Int(9_007_199_254_740_992)),
        same(Value::Float(5.5)),
        (Value::Float(5.0), Value::Int(5)),
        same(Value::Float(1e300)),
        same(Value::from("")),
        same(Value::from("città – \u{1F58B}")),
        same(Value::Bytes(vec![0, 255, 10])),
        same(Value::Bytes(vec![7; 20_000])),
        same(Value::List(vec![1.into(), "x".into(), Value::List(vec![true.into()])])),
        same(Value::Map(BTreeMap::new())),
        same(Value::from([("b", Value::Int(2)), ("a", Value::List(vec![Value::Int(1)]))])),
        (Value::from([("gone", Value::Null)]), Value::Map(BTreeMap::new())),
        same(Value::Handle(handle)),
    ]
}
