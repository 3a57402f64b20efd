//! One call of a plugin: read, carried out behind a barrier, answered.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ceralacca_kernel::{
    Call, Effect, Error, Exit, Namespace, Primitive, Reconciled, RunId, Services, Serving, Step,
    Value, cbor, typed,
};
use ceralacca_plugin_abi::{
    CALL, DESCRIBE, DONE, FAILED, NOT_DONE, NOT_YET, OK, RECONCILE, REFUSED, TOO_LARGE, UNKNOWN,
};
use jiff::Timestamp;

use crate::error::SdkError;
use crate::host_side::HostSide;
use crate::operator::Operator;
use crate::plugin::full_manifest;
use crate::{Plugin, seams};

/// A plugin that was created.
pub(crate) struct Instance<P> {
    side: HostSide,
    name: String,
    namespaces: Vec<Namespace>,
    services: Services,
    plugin: Result<P, Error>,
}

/// One call of the program.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) operation: u32,
    pub(crate) id: u64,
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a [u8],
    pub(crate) context: &'a [u8],
}

/// A status of the contract and its value.
struct Answer {
    status: i32,
    value: Value,
}

/// What is asked for: a primitive, or an operation of a seam.
#[derive(Clone, Copy)]
enum Asked {
    Primitive(&'static Primitive),
    Seam(&'static Primitive),
}

/// What surrounds a call.
struct Context {
    key: String,
    run: RunId,
    run_key: String,
    now: Timestamp,
    since: Timestamp,
}

impl<P: Plugin> Instance<P> {
    /// Makes the plugin ready. When it refuses, it can still be described, and every call gives the
    /// reason.
    pub(crate) fn new(side: HostSide) -> Instance<P> {
        let name = P::manifest().name;
        let settings = match side.settings() {
            [] => Some(Value::Map(Default::default())),
            bytes => cbor::decode(bytes),
        };
        let created = settings.ok_or_else(|| unreadable(&name, "create", "a map of settings"));
        let created = created.and_then(|settings| {
            caught(|| {
                let plugin = P::create(settings)?;
                let services = plugin.services();
                Ok((plugin, services))
            })
            .unwrap_or_else(|| Err(panicked(&name, "create", false)))
        });
        let (plugin, services) = match created {
            Ok((plugin, services)) => (Ok(plugin), services),
            Err(error) => (Err(error), Services::default()),
        };
        Instance { side, name, namespaces: P::namespaces(), services, plugin }
    }

    /// Answers a call; what `invoke` returns.
    pub(crate) fn serve(&self, request: &Request<'_>) -> i32 {
        let answer = match request.operation {
            DESCRIBE => self.describe(request),
            CALL | RECONCILE => self.call(request),
            _ => return FAILED,
        };
        let value = cbor::encode(&answer.value);
        if self.side.reply(request.id, answer.status, &value) == TOO_LARGE {
            let error = SdkError::TooLarge {
                plugin: self.name.clone(),
                name: request.name.to_owned(),
                bytes: value.len(),
                in_doubt: self.find(request.name).is_ok_and(Asked::is_once),
            };
            let answer = Answer::error(&error.into());
            self.side.reply(request.id, answer.status, &cbor::encode(&answer.value));
        }
        OK
    }

    fn describe(&self, request: &Request<'_>) -> Answer {
        match caught(|| full_manifest::<P>().to_text()) {
            Some(text) => Answer { status: DONE, value: Value::Str(text) },
            None => Answer::error(&panicked(&self.name, request.name, false)),
        }
    }

    fn call(&self, request: &Request<'_>) -> Answer {
        let asked = match self.find(request.name) {
            Ok(asked) => asked,
            Err(error) => return Answer::error(&error),
        };
        // An interrupted call is in doubt until its reconcile says otherwise.
        let in_doubt = asked.is_once() || request.operation == RECONCILE;
        caught(|| self.carry_out(asked, request).unwrap_or_else(|error| Answer::error(&error)))
            .unwrap_or_else(|| Answer::error(&panicked(&self.name, request.name, in_doubt)))
    }

    fn carry_out(&self, asked: Asked, request: &Request<'_>) -> Result<Answer, Error> {
        let plugin = self.plugin.as_ref().map_err(Clone::clone)?;
        let unreadable = |what| unreadable(&self.name, request.name, what);
        let Some(Value::List(arguments)) = cbor::decode_own(request.arguments) else {
            return Err(unreadable("an array of arguments"));
        };
        let context = cbor::decode(request.context).as_ref().and_then(Context::read);
        let context = context.ok_or_else(|| unreadable("a map with key, run and run_key"))?;
        let operator =
            Operator { side: &self.side, plugin: &self.name, call: request.id, now: context.now };
        let mut call = Call::serving(Serving {
            primitive: asked.primitive(),
            host: &operator,
            services: &self.services,
            secrets: &operator,
            run: &context.run,
            run_key: &context.run_key,
            key: &context.key,
            since: context.since,
        });
        match (asked, request.operation) {
            (Asked::Primitive(primitive), CALL) => {
                Ok(Answer::step((primitive.invoke)(&mut call, arguments)?))
            }
            (Asked::Primitive(Primitive { reconcile: Some(reconcile), .. }), RECONCILE) => {
                Ok(self.reconciled(request, reconcile(&mut call, arguments)?))
            }
            (Asked::Seam(_), CALL) => {
                let value = plugin.seam(&mut call, request.name, arguments)?;
                Ok(Answer { status: DONE, value })
            }
            _ => Err(self.no_such_call(request.name)),
        }
    }

    fn reconciled(&self, request: &Request<'_>, reconciled: Reconciled<Value>) -> Answer {
        match reconciled {
            Reconciled::Done(value) => Answer { status: DONE, value },
            Reconciled::NotDone => Answer { status: NOT_DONE, value: Value::Null },
            Reconciled::Unknown(why) => {
                let (plugin, name) = (self.name.clone(), request.name.to_owned());
                Answer::error(&SdkError::Unknown { plugin, name, why }.into())
            }
            Reconciled::Stopped(error) => Answer::error(&error),
        }
    }

    fn find(&self, name: &str) -> Result<Asked, Error> {
        let primitive = name.split_once("::").and_then(|(namespace, name)| {
            let namespace = self.namespaces.iter().find(|known| known.name == namespace)?;
            namespace.primitives.iter().find(|known| known.name == name)
        });
        primitive
            .map(Asked::Primitive)
            .or_else(|| seams::operation(name).map(Asked::Seam))
            .ok_or_else(|| self.no_such_call(name))
    }

    fn no_such_call(&self, name: &str) -> Error {
        SdkError::NoSuchCall { plugin: self.name.clone(), name: name.to_owned() }.into()
    }
}

impl Asked {
    fn primitive(self) -> &'static Primitive {
        match self {
            Asked::Primitive(primitive) | Asked::Seam(primitive) => primitive,
        }
    }

    fn is_once(self) -> bool {
        self.primitive().effect == Effect::Once
    }
}

impl Answer {
    fn step(step: Step) -> Answer {
        match step {
            Step::Done(value) => Answer { status: DONE, value },
            Step::NotYet(what) => Answer { status: NOT_YET, value: Value::Str(what) },
        }
    }

    fn error(error: &Error) -> Answer {
        let status = if error.exit() == Exit::Unknown { UNKNOWN } else { REFUSED };
        // A report holds text and values, which always can be written.
        let value = typed::to_value(error.report()).unwrap_or_default();
        Answer { status, value }
    }
}

impl Context {
    fn read(value: &Value) -> Option<Context> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let moment = |name: &str| match text(name) {
            Some(text) => text.parse::<Timestamp>().ok(),
            // A pure primitive has no clock.
            None => Some(Timestamp::UNIX_EPOCH),
        };
        let Some(Value::Int(run)) = value.get("run") else { return None };
        Some(Context {
            key: text("key")?.to_owned(),
            run: RunId(u64::try_from(*run).ok()?),
            run_key: text("run_key")?.to_owned(),
            now: moment("now")?,
            since: moment("since")?,
        })
    }
}

/// The result, or nothing when the code panicked.
fn caught<R>(code: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(code)).map_err(std::mem::forget).ok()
}

fn panicked(plugin: &str, name: &str, in_doubt: bool) -> Error {
    SdkError::Panicked { plugin: plugin.to_owned(), name: name.to_owned(), in_doubt }.into()
}

fn unreadable(plugin: &str, name: &str, what: &'static str) -> Error {
    SdkError::Unreadable { plugin: plugin.to_owned(), name: name.to_owned(), what }.into()
}
