//! Primitives: what a script can call, declared once with [`primitives!`](crate::primitives).

use std::any::type_name;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::primitive_error::PrimitiveError;
use crate::secret::SecretKeeper;
use crate::services::Services;
use crate::typed;
use crate::{Error, Host, Progress, RunId, Secret, SecretRef, Sheet, Value};

/// How a call relates to the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Computes only; never journaled.
    Pure,
    /// Its outcome is journaled and replayed. Safe to repeat when the process dies in between.
    Recorded,
    /// Must happen once: intent journaled and synced first, reconciled after a crash.
    Once,
    /// Waits for something outside; suspends the run durably.
    Wait,
}

/// What a primitive touches; the dispatch refuses a service that was not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Touch {
    /// Reads files.
    Reads,
    /// Writes files.
    Writes,
    /// Uses a private key.
    Signs,
    /// Asks or shows the operator something.
    Asks,
    /// Sends something to the outside; asks for approval first.
    Sends,
    /// Reads from the outside without changing it.
    Fetches,
}

/// How scripts write a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `environment::create(…)`.
    Function,
    /// `env.generate_keys(…)`; the first parameter is the handle.
    Method,
    /// `env.folder`; the only parameter is the handle.
    Property,
}

/// One parameter, or the result, of a primitive.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Name in documentation and errors.
    pub name: &'static str,
    /// The Rust type as written, from which the editor files derive theirs.
    pub rust_type: &'static str,
    /// Its JSON schema.
    pub schema: ParamSchema,
}

/// Where the JSON schema of a parameter comes from.
#[derive(Clone, Copy, Debug)]
pub enum ParamSchema {
    /// From its Rust type.
    Typed(fn() -> schemars::Schema),
    /// Written in the manifest of a plugin.
    Written(&'static serde_json::Value),
}

impl Param {
    /// Its JSON schema.
    pub fn schema(&self) -> serde_json::Value {
        match self.schema {
            ParamSchema::Typed(make) => make().to_value(),
            ParamSchema::Written(schema) => schema.clone(),
        }
    }
}

/// What a call gave.
#[derive(Debug)]
pub enum Step {
    /// A result.
    Done(Value),
    /// Not there yet; the text says what is waited for.
    NotYet(String),
}

/// What a `wait` primitive returns.
#[derive(Debug)]
pub enum Waiting<T> {
    /// It is there.
    Ready(T),
    /// Not there yet; the text says what is waited for.
    NotYet(String),
}

/// What became of a `once` call that was interrupted.
#[derive(Debug)]
pub enum Reconciled<T> {
    /// It happened, with this result.
    Done(T),
    /// It certainly did not happen: it may be done now.
    NotDone,
    /// Nobody can say; the text says why. A person decides.
    Unknown(String),
    /// It is known where it is, and something here stands in the way of going on with it.
    Stopped(Error),
}

/// The code behind a primitive.
pub type Invoke = fn(&mut Call<'_>, Vec<Value>) -> Result<Step, Error>;

/// Asks the outside what became of an interrupted call.
pub type Reconcile = fn(&mut Call<'_>, Vec<Value>) -> Result<Reconciled<Value>, Error>;

/// The one descriptor of a primitive.
#[derive(Debug)]
pub struct Primitive {
    /// `environment`.
    pub namespace: &'static str,
    /// `create`.
    pub name: &'static str,
    /// Doc comment with a runnable example.
    pub doc: &'static str,
    /// How scripts write it.
    pub form: Form,
    /// For methods and properties: the kind of handle they belong to.
    pub kind: Option<&'static str>,
    /// Its parameters; `Option` types may be left out at the end.
    pub params: &'static [Param],
    /// Its result.
    pub returns: Param,
    /// The release that brought it.
    pub since: &'static str,
    /// How it relates to the journal.
    pub effect: Effect,
    /// What it touches.
    pub touches: &'static [Touch],
    /// The code.
    pub invoke: Invoke,
    /// For `once` only.
    pub reconcile: Option<Reconcile>,
}

impl Primitive {
    /// `environment::create`.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.namespace, self.name)
    }
}

/// A named group of primitives.
#[derive(Clone, Copy, Debug)]
pub struct Namespace {
    /// `environment`.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What it holds.
    pub primitives: &'static [Primitive],
}

/// What code behind a primitive is given: the run it serves, and nothing else of the world.
pub struct Call<'a> {
    pub(crate) primitive: &'static Primitive,
    pub(crate) host: &'a dyn Host,
    pub(crate) services: &'a Services,
    pub(crate) secrets: &'a dyn SecretKeeper,
    pub(crate) run: &'a RunId,
    pub(crate) run_key: &'a str,
    pub(crate) key: String,
    pub(crate) since: Timestamp,
}

impl Call<'_> {
    /// The primitive being called.
    pub fn primitive(&self) -> &'static Primitive {
        self.primitive
    }

    /// The run this call belongs to.
    pub fn run(&self) -> &RunId {
        self.run
    }

    /// The time now. Only `recorded`, `once` and `wait` primitives may let it into their result.
    pub fn now(&self) -> Timestamp {
        self.host.now()
    }

    /// When this call was first made; differs from [`Call::now`] for a `wait` that goes on.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// A text no other run of any workspace has: the same again when this run goes on.
    pub fn run_key(&self) -> &str {
        self.run_key
    }

    /// A text no other call of any run has: the same again when this call is repeated.
    pub fn idempotency_key(&self) -> &str {
        &self.key
    }

    /// The text of a secret; asks for it again when the process has restarted since.
    pub fn secret(&self, secret: &SecretRef) -> Result<Secret, Error> {
        self.secrets.get(secret, self.host)
    }

    /// Asks for a secret now and keeps it for the run; `confirm` asks twice.
    pub fn ask_secret(&self, name: &str, confirm: bool) -> Result<SecretRef, Error> {
        self.require(Touch::Asks)?;
        self.secrets.ask(name, confirm, self.host)
    }

    /// The file or folder that a script means: its relative paths start where the run began, whatever the
    /// process's folder is now.
    ///
    /// # Errors
    /// When the path is empty, or the process's folder is needed and gone.
    pub fn located(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        self.services.place().located(path.as_ref())
    }

    /// Shows the operator a sheet of text.
    pub fn show(&self, sheet: &Sheet) -> Result<(), Error> {
        self.require(Touch::Asks)?;
        self.host.show(sheet);
        Ok(())
    }

    /// Tells the operator how far a long call has come.
    pub fn progress(&self, text: &str) {
        self.host.progress(text);
    }

    /// Moves the bar of a long call, as often as the caller likes.
    pub fn advance(&self, progress: Progress<'_>) {
        self.host.advance(progress);
    }

    /// A service that the program offers, such as the channel to the Agency.
    ///
    /// # Errors
    /// `primitive.undeclared_touch` when the primitive did not declare what the service touches.
    pub fn service<S: Service>(&self) -> Result<Rc<S>, Error> {
        if let Some(touch) = S::TOUCH {
            self.require(touch)?;
        }
        self.services.get().ok_or_else(|| {
            PrimitiveError::NoService {
                primitive: self.primitive.full_name(),
                service: type_name::<S>().rsplit("::").next().unwrap_or_default().to_owned(),
            }
            .into()
        })
    }

    fn require(&self, touch: Touch) -> Result<(), Error> {
        if self.primitive.touches.contains(&touch) {
            return Ok(());
        }
        Err(PrimitiveError::UndeclaredTouch { primitive: self.primitive.full_name(), touch }.into())
    }
}

/// Something the program offers to primitives, found by its type.
pub trait Service: 'static {
    /// What a primitive must have declared to use it.
    const TOUCH: Option<Touch>;
}

/// The arguments of one call, taken in the order of the parameters. Used by the macro.
#[doc(hidden)]
pub struct Arguments {
    primitive: &'static Primitive,
    values: std::vec::IntoIter<Value>,
    position: usize,
}

impl Arguments {
    pub fn new(primitive: &'static Primitive, mut values: Vec<Value>) -> Result<Arguments, Error> {
        while values.len() > primitive.params.len() && values.last() == Some(&Value::Null) {
            values.pop();
        }
        if values.len() > primitive.params.len() {
            return Err(PrimitiveError::TooManyArguments {
                primitive: primitive.full_name(),
                allowed: primitive.params.len(),
                given: values.len(),
            }
            .into());
        }
        Ok(Arguments { primitive, values: values.into_iter(), position: 0 })
    }

    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let param = &self.primitive.params[self.position];
        self.position += 1;
        let value = self.values.next().unwrap_or_default();
        typed::from_value(value).map_err(|mismatch| {
            PrimitiveError::WrongArgument {
                primitive: self.primitive.full_name(),
                position: self.position,
                param: param.name.to_owned(),
                mismatch: mismatch.to_string(),
            }
            .into()
        })
    }
}

/// Turns a typed result into a value. Used by the macro.
#[doc(hidden)]
pub fn result<T: Serialize>(call: &Call<'_>, value: &T) -> Result<Value, Error> {
    typed::to_value(value).map_err(|mismatch| {
        PrimitiveError::Result {
            primitive: call.primitive.full_name(),
            mismatch: mismatch.to_string(),
        }
        .into()
    })
}

/// Declares a namespace: its name, and each primitive with doc comment, typed parameters, release,
/// effect, what it touches, and the function behind it, whose first parameter is the [`Call`].
///
/// ```text
/// ceralacca_kernel::primitives! {
///     /// What the namespace is for.
///     namespace environment;
///
///     /// What it does, then an example that the tests run.
///     function create(folder: String, password: SecretRef) -> Environment
///         [since "0.1.0", recorded, touches(Writes)] = crate::environment::create;
///
///     /// …
///     method send(env: Environment) -> Receipt
///         [since "0.1.0", once(crate::sending::reconcile), touches(Sends)] = crate::sending::send;
/// }
/// ```
///
/// It yields `pub fn namespace() -> Namespace`.
#[macro_export]
macro_rules! primitives {
    (
        $(#[doc = $ns_doc:literal])* namespace $ns:ident;
        $(
            $(#[doc = $doc:literal])*
            $form:ident $name:ident ( $($param:ident : $ty:ty),* $(,)? ) -> $returns:ty
                [since $since:literal, $effect:ident $(($reconcile:path))?,
                 touches($($touch:ident),*)] = $function:path;
        )*
    ) => {
        /// The namespace with its primitives.
        pub fn namespace() -> $crate::Namespace {
            $crate::Namespace {
                name: stringify!($ns),
                doc: concat!($($ns_doc, "\n"),*),
                primitives: PRIMITIVES,
            }
        }

        static PRIMITIVES: &[$crate::Primitive] = &[$(
            $crate::Primitive {
                namespace: stringify!($ns),
                name: stringify!($name),
                doc: concat!($($doc, "\n"),*),
                form: $crate::primitives!(@form $form),
                kind: $crate::primitives!(@kind $form $($ty),*),
                params: &[$($crate::Param {
                    name: stringify!($param),
                    rust_type: stringify!($ty),
                    schema: $crate::ParamSchema::Typed(|| $crate::schemars::schema_for!($ty)),
                }),*],
                returns: $crate::Param {
                    name: "returns",
                    rust_type: stringify!($returns),
                    schema: $crate::ParamSchema::Typed(|| {
                        $crate::schemars::schema_for!($returns)
                    }),
                },
                since: $since,
                effect: $crate::primitives!(@effect $effect),
                touches: &[$($crate::Touch::$touch),*],
                invoke: |call, values| {
                    #[allow(unused_mut, unused_variables)]
                    let mut arguments = $crate::Arguments::new(call.primitive(), values)?;
                    $(let $param: $ty = arguments.take()?;)*
                    $crate::primitives!(@run $effect, $returns, call, $function(call, $($param),*))
                },
                reconcile: $crate::primitives!(
                    @reconcile $($reconcile)?, $returns, $($param : $ty),*
                ),
            },
        )*];
    };

    (@form function) => { $crate::Form::Function };
    (@form method) => { $crate::Form::Method };
    (@form property) => { $crate::Form::Property };

    (@kind function $($ty:ty),*) => { None };
    (@kind $form:ident $first:ty $(, $ty:ty)*) => {
        Some(<$first as $crate::typed::HandleKind>::KIND)
    };

    (@effect pure) => { $crate::Effect::Pure };
    (@effect recorded) => { $crate::Effect::Recorded };
    (@effect once) => { $crate::Effect::Once };
    (@effect wait) => { $crate::Effect::Wait };

    (@run wait, $returns:ty, $call:ident, $outcome:expr) => {{
        let outcome: $crate::Waiting<$returns> = $outcome?;
        Ok(match outcome {
            $crate::Waiting::Ready(value) => $crate::Step::Done($crate::result($call, &value)?),
            $crate::Waiting::NotYet(what) => $crate::Step::NotYet(what),
        })
    }};
    (@run $effect:ident, $returns:ty, $call:ident, $outcome:expr) => {{
        let outcome: $returns = $outcome?;
        Ok($crate::Step::Done($crate::result($call, &outcome)?))
    }};

    (@reconcile , $returns:ty, $($param:ident : $ty:ty),*) => { None };
    (@reconcile $reconcile:path, $returns:ty, $($param:ident : $ty:ty),*) => {
        Some(|call, values| {
            #[allow(unused_mut, unused_variables)]
            let mut arguments = $crate::Arguments::new(call.primitive(), values)?;
            $(let $param: $ty = arguments.take()?;)*
            let reconciled: $crate::Reconciled<$returns> = $reconcile(call, $($param),*)?;
            Ok(match reconciled {
                $crate::Reconciled::Done(value) => {
                    $crate::Reconciled::Done($crate::result(call, &value)?)
                }
                $crate::Reconciled::NotDone => $crate::Reconciled::NotDone,
                $crate::Reconciled::Unknown(why) => $crate::Reconciled::Unknown(why),
                $crate::Reconciled::Stopped(error) => $crate::Reconciled::Stopped(error),
            })
        })
    };
}
