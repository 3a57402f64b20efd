//! Calls of plugin primitives from a run: the code behind every primitive that a manifest declares.

use ceralacca_kernel::{
    Call, Effect, Error, Reconciled, Secret, SecretRef, Sheet, Step, Touch, Value,
};

use crate::connection::{Answers, Operation};
use crate::error::{Outside, PluginError};
use crate::fits::foreign_handle;
use crate::plugin::Plugin;
use crate::plugins::Plugins;
use crate::reply::Reply;

/// The code behind a plugin's primitive.
pub(crate) fn invoke(call: &mut Call<'_>, arguments: Vec<Value>) -> Result<Step, Error> {
    let primitive = call.primitive();
    let plugin = call.service::<Plugins>()?.of_namespace(primitive.namespace)?;
    let asked = Asked::new(call, &plugin, arguments)?;
    match asked.ask(call, Operation::Call)? {
        Reply::Done(value) => asked.result(value).map(Step::Done),
        Reply::NotYet(what) => Ok(Step::NotYet(what)),
        Reply::Refused(error) | Reply::Unknown(error) => Err(error),
        Reply::NotDone => unreachable!("only what is reconciled is not done"),
    }
}

/// Asks a plugin what became of an interrupted call.
pub(crate) fn reconcile(
    call: &mut Call<'_>,
    arguments: Vec<Value>,
) -> Result<Reconciled<Value>, Error> {
    let primitive = call.primitive();
    let plugin = call.service::<Plugins>()?.of_namespace(primitive.namespace)?;
    let asked = Asked::new(call, &plugin, arguments)?;
    match asked.ask(call, Operation::Reconcile)? {
        Reply::Done(value) => asked.result(value).map(Reconciled::Done),
        Reply::NotDone => Ok(Reconciled::NotDone),
        Reply::Refused(error) => Err(error),
        Reply::Unknown(error) => Ok(Reconciled::Unknown(error.to_string())),
        Reply::NotYet(_) => unreachable!("only calls wait"),
    }
}

/// A call of a primitive with arguments that fit.
struct Asked<'a> {
    plugin: &'a Plugin,
    full_name: String,
    effect: Effect,
    arguments: Vec<Value>,
    call: &'static ceralacca_kernel::Primitive,
}

impl<'a> Asked<'a> {
    fn new(call: &Call<'_>, plugin: &'a Plugin, arguments: Vec<Value>) -> Result<Asked<'a>, Error> {
        let primitive = call.primitive();
        let full_name = primitive.full_name();
        let arguments = match plugin.signature(primitive, &full_name) {
            Some(signature) => signature.fit_arguments(primitive, arguments)?,
            None => arguments,
        };
        Ok(Asked { plugin, full_name, effect: primitive.effect, arguments, call: primitive })
    }

    fn ask(&self, call: &Call<'_>, operation: Operation) -> Result<Reply, Error> {
        let context = context(call, self.effect);
        let mut answers = CallAnswers::new(call, self.plugin, &self.arguments);
        self.plugin.call(operation, &self.full_name, &self.arguments, context, &mut answers)
    }

    /// The result as scripts get it. What does not fit leaves a `once` call in doubt: it happened, and
    /// must not be repeated.
    fn result(&self, value: Value) -> Result<Value, Error> {
        let (plugin, call) = (self.plugin.name().to_owned(), self.full_name.clone());
        let outside = match self.effect {
            Effect::Once => Outside::Unknown,
            _ => Outside::Nothing,
        };
        let (manifest, kinds) = (self.plugin.manifest(), self.plugin.kinds());
        if let Some(kind) = foreign_handle(&value, manifest, kinds, &self.arguments) {
            let kind = crate::reply::cleaned(kind, &[]);
            return Err(PluginError::ForeignHandle { plugin, call, outside, kind }.into());
        }
        let Some(signature) = self.plugin.signature(self.call, &self.full_name) else {
            return Ok(value);
        };
        signature.fit_result(value).map_err(|mismatch| {
            let mismatch = crate::reply::cleaned(&mismatch, &[]);
            PluginError::Result { plugin, call, outside, mismatch }.into()
        })
    }
}

/// What surrounds a call. What is `pure` computes from its arguments alone and has no time.
pub(crate) fn context(call: &Call<'_>, effect: Effect) -> Value {
    let run = i64::try_from(call.run().0).unwrap_or(i64::MAX);
    let always = [
        ("key", Value::from(call.idempotency_key())),
        ("run", Value::Int(run)),
        ("run_key", Value::from(call.run_key())),
    ];
    let moment = |moment: jiff::Timestamp| Value::Str(moment.to_string());
    let times = match effect {
        Effect::Pure => None,
        _ => Some([("now", moment(call.now())), ("since", moment(call.since()))]),
    };
    let all = always.into_iter().chain(times.into_iter().flatten());
    Value::Map(all.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What a plugin may ask for during a call: the secrets of its manifest and those that it was passed,
/// the line of progress, and a page where the primitive touches `asks`.
pub(crate) struct CallAnswers<'a> {
    call: &'a Call<'a>,
    secrets: Vec<String>,
}

impl<'a> CallAnswers<'a> {
    /// The answers during a call with these arguments.
    pub(crate) fn new(call: &'a Call<'a>, plugin: &Plugin, arguments: &[Value]) -> CallAnswers<'a> {
        let manifest = plugin.manifest();
        let mut secrets: Vec<_> = manifest.secrets.iter().map(|one| one.name.clone()).collect();
        secrets.extend(manifest.seams.signer.iter().filter_map(|signer| signer.secret.clone()));
        arguments.iter().for_each(|argument| passed_secrets(argument, &mut secrets));
        CallAnswers { call, secrets }
    }
}

/// The secrets whose handles are anywhere in a value.
fn passed_secrets(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| passed_secrets(item, secrets)),
        Value::Map(map) => map.values().for_each(|item| passed_secrets(item, secrets)),
        Value::Handle(handle) if handle.kind == "secret" => {
            secrets.extend(handle.id.as_str().map(str::to_owned));
        }
        _ => {}
    }
}

impl Answers for CallAnswers<'_> {
    fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        if !self.secrets.iter().any(|known| known == name) {
            let secret = crate::reply::cleaned(name, &[]);
            return Err(PluginError::SecretNotGranted { secret }.into());
        }
        self.call.secret(&SecretRef(name.to_owned()))
    }

    fn tell(&mut self, text: &str) {
        self.call.progress(text);
    }

    fn show(&mut self, page: &Sheet) {
        if self.call.primitive().touches.contains(&Touch::Asks) {
            // It was just made sure of what it would refuse.
            let _ = self.call.show(page);
        }
    }
}
