//! Questions about calls: every primitive, with arguments that are right and that are wrong.

use std::thread;
use std::time::Duration;

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Effect, Primitive, Value, cbor, regular_file};
use ceralacca_plugin_abi as abi;

use super::arguments::{Numbers, malformed, values};
use super::{Asking, broken_in_short, in_short};
use crate::call::{invoke, reconcile};
use crate::connection::{Answer, Broken, Connection, Operation, Request};
use crate::describe::NothingToGive;
use crate::error::Outside;
use crate::fits::{Signature, foreign_handle, own_kinds};
use crate::host_table::TableSize;
use crate::reply::{self, Asked, Reply};

/// How long a thread of the plugin has to do something behind the back of its last call.
const TIME_TO_BE_LATE: Duration = Duration::from_millis(300);
/// Calls before the first look at the memory, and between the looks.
const WARM_UP: usize = 200;
const MANY: usize = 1_000;
/// What may be left of that many calls: 4 KiB each would be a leak.
const MOST_GROWTH: u64 = 4 << 20;

/// A connection that is made anew when it breaks.
struct Line<'a, 'b> {
    asking: &'a Asking<'b>,
    manifest: &'a Manifest,
    connection: Option<Box<dyn Connection>>,
}

pub(super) fn ask(asking: &mut Asking<'_>, manifest: &Manifest) {
    let namespaces = manifest.namespaces.iter();
    let primitives: Vec<&'static Primitive> =
        namespaces.flat_map(|written| written.leaked(invoke, reconcile).primitives).collect();
    for primitive in &primitives {
        ask_primitive(asking, manifest, primitive);
    }
    ask_unknown(asking, manifest);
    ask_late(asking, manifest, &primitives);
    ask_memory(asking, manifest, &primitives);
}

/// Whether a primitive may be called with arguments that are right: nothing comes of it.
fn is_harmless(primitive: &Primitive) -> bool {
    matches!(primitive.effect, Effect::Pure | Effect::Recorded) && primitive.touches.is_empty()
}

fn ask_primitive(asking: &mut Asking<'_>, manifest: &Manifest, primitive: &'static Primitive) {
    let name = primitive.full_name();
    let signature = Signature::of(primitive);
    let harmless = is_harmless(primitive);
    let fitted =
        |arguments: &Vec<Value>| signature.fit_arguments(primitive, arguments.clone()).ok();
    let question = format!("{name} replies whatever its arguments are");
    asking.ask(&question, |asking| {
        let mut numbers = Numbers::new();
        let mut line = Line { asking, manifest, connection: None };
        let (mut right, mut wrong) = (0, 0);
        let all = values(primitive, &mut numbers);
        for arguments in &all {
            match fitted(arguments) {
                Some(arguments) if harmless => {
                    line.fits(primitive, &signature, &arguments)?;
                    right += 1;
                }
                Some(_) => {}
                None => {
                    line.replies(primitive, &cbor::encode(&Value::List(arguments.clone())))?;
                    wrong += 1;
                }
            }
        }
        for bytes in malformed(&all[1], &mut numbers) {
            line.replies(primitive, &bytes)?;
            wrong += 1;
        }
        let only = if harmless { "" } else { "; never with right ones, since it has effects" };
        Ok(format!("{right} times with arguments that fit, {wrong} with others{only}"))
    });
}

impl Line<'_, '_> {
    fn name(&self) -> &str {
        &self.manifest.name
    }

    fn raw(&mut self, request: &Request<'_>) -> Result<Answer, Broken> {
        let problem = |problem: String| Broken::Died { how: problem };
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.asking.connected(TableSize::Normal).map_err(problem)?),
        };
        connection.invoke(request, &mut NothingToGive)
    }

    /// One call that must have a reply; giving up with `FAILED` is one.
    fn call(
        &mut self,
        operation: Operation,
        name: &str,
        effect: Option<Effect>,
        arguments: &[u8],
    ) -> Result<Option<Reply>, String> {
        let context = cbor::encode(&context(effect));
        let request = Request { operation, name, arguments, context: &context };
        match self.raw(&request) {
            Ok(answer) => {
                let outside = Outside::Nothing;
                let asked =
                    Asked { manifest: self.manifest, operation, call: name, effect, outside };
                let reply = reply::read(&asked, &answer, &[]);
                reply.map(Some).map_err(|error| with_arguments(&in_short(&error), arguments))
            }
            Err(Broken::NeverReplied { code: abi::FAILED }) => Ok(None),
            Err(why) => Err(with_arguments(&broken_in_short(self.name(), name, why), arguments)),
        }
    }

    /// Wrong arguments: any reply will do.
    fn replies(&mut self, primitive: &Primitive, arguments: &[u8]) -> Result<(), String> {
        let (name, effect) = (primitive.full_name(), Some(primitive.effect));
        self.call(Operation::Call, &name, effect, arguments).map(|_| ())
    }

    /// Right arguments: a result has to be what the manifest says, and of what is `pure` always the
    /// same.
    fn fits(
        &mut self,
        primitive: &Primitive,
        signature: &Signature,
        arguments: &[Value],
    ) -> Result<(), String> {
        let (name, effect) = (primitive.full_name(), Some(primitive.effect));
        let bytes = cbor::encode(&Value::List(arguments.to_vec()));
        let mut result = || match self.call(Operation::Call, &name, effect, &bytes)? {
            Some(Reply::Done(value)) => Ok(Some(value)),
            _ => Ok::<_, String>(None),
        };
        let (first, again) = (result()?, result()?);
        let Some(value) = first else { return Ok(()) };
        let same = again.as_ref().is_some_and(|again| cbor::encode(again) == cbor::encode(&value));
        if primitive.effect == Effect::Pure && !same {
            return Err(with_arguments("it is `pure` and gave two results", &bytes));
        }
        let kinds = own_kinds(self.manifest);
        if let Some(kind) = foreign_handle(&value, self.manifest, &kinds, arguments) {
            return Err(with_arguments(&format!("it gave a handle of `{kind}`"), &bytes));
        }
        let fits = signature.fit_result(value).map(|_| ());
        fits.map_err(|problem| with_arguments(&format!("its result: {problem}"), &bytes))
    }
}

fn ask_unknown(asking: &mut Asking<'_>, manifest: &Manifest) {
    asking.ask("refuses names that it does not have", |asking| {
        let mut line = Line { asking, manifest, connection: None };
        let own = manifest.namespaces.first().map_or("none", |namespace| &namespace.name);
        let names = [
            format!("{own}::no_such_primitive"),
            "no_such_namespace::none".to_owned(),
            "no_such_seam/none".to_owned(),
            "no name at all \u{202e}".to_owned(),
            String::new(),
        ];
        for name in &names {
            for operation in [Operation::Call, Operation::Reconcile] {
                let effect = Some(Effect::Once);
                match line.call(operation, name, effect, &[0x80])? {
                    Some(Reply::Refused(_)) | None => {}
                    Some(other) => return Err(format!("{name:?}: it replied {}", said(&other))),
                }
            }
        }
        Ok(String::new())
    });
}

fn ask_late(asking: &mut Asking<'_>, manifest: &Manifest, primitives: &[&'static Primitive]) {
    asking.ask("does nothing behind the back of its calls", |asking| {
        let mut line = Line { asking, manifest, connection: None };
        rounds(&mut line, primitives, primitives.len().max(1) * 2)?;
        thread::sleep(TIME_TO_BE_LATE);
        rounds(&mut line, primitives, 1)?;
        let connection = line.connection.take().ok_or("there is no connection")?;
        let ended = connection.close();
        ended.map(|()| String::new()).map_err(|why| broken_in_short(line.name(), "destroy", why))
    });
}

fn ask_memory(asking: &mut Asking<'_>, manifest: &Manifest, primitives: &[&'static Primitive]) {
    const QUESTION: &str = "its memory does not grow from call to call";
    if !cfg!(target_os = "linux") {
        asking.skip(QUESTION, "this system does not say how much a process uses");
        return;
    }
    asking.ask(QUESTION, |asking| {
        let mut line = Line { asking, manifest, connection: None };
        rounds(&mut line, primitives, WARM_UP)?;
        let before = line.resident()?;
        rounds(&mut line, primitives, MANY)?;
        let growth = line.resident()?.saturating_sub(before);
        let detail = format!("{} KiB more after {MANY} calls", growth >> 10);
        if growth > MOST_GROWTH { Err(detail) } else { Ok(detail) }
    });
}

impl Line<'_, '_> {
    /// Bytes of memory that the worker uses now.
    fn resident(&self) -> Result<u64, String> {
        let process = self.connection.as_ref().and_then(|connection| connection.process());
        let process = process.ok_or("there is no process")?;
        let path = format!("/proc/{process}/status");
        let text =
            regular_file::read_text(path.as_ref(), 1 << 20).map_err(|error| error.to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib << 10).ok_or_else(|| "the system does not say".to_owned())
    }
}

/// That many calls: DESCRIBE, and every primitive without arguments, where that is harmless or wrong.
fn rounds(
    line: &mut Line<'_, '_>,
    primitives: &[&'static Primitive],
    count: usize,
) -> Result<(), String> {
    let allowed = |primitive: &&&'static Primitive| {
        let fits = Signature::of(primitive).fit_arguments(primitive, Vec::new()).is_ok();
        is_harmless(primitive) || !fits
    };
    let names: Vec<_> = primitives
        .iter()
        .filter(allowed)
        .map(|primitive| (primitive.full_name(), primitive.effect))
        .collect();
    for round in 0..count {
        match names.get(round % (names.len() + 1)) {
            Some((name, effect)) => line.call(Operation::Call, name, Some(*effect), &[0x80])?,
            None => line.call(Operation::Describe, "", None, &[0x80])?,
        };
    }
    Ok(())
}

/// A context in which nothing can be meant seriously.
fn context(effect: Option<Effect>) -> Value {
    let always = [
        ("key", Value::from("conformance-0")),
        ("run", Value::Int(0)),
        ("run_key", Value::from("conformance")),
    ];
    let moment = || Value::from("2026-01-01T00:00:00Z");
    let times = [("now", moment()), ("since", moment())];
    let times = (effect != Some(Effect::Pure)).then_some(times);
    let all = always.into_iter().chain(times.into_iter().flatten());
    Value::Map(all.map(|(name, value)| (name.to_owned(), value)).collect())
}

fn said(reply: &Reply) -> &'static str {
    match reply {
        Reply::Done(_) => "DONE",
        Reply::NotYet(_) => "NOT_YET",
        Reply::NotDone => "NOT_DONE",
        Reply::Refused(_) => "REFUSED",
        Reply::Unknown(_) => "UNKNOWN",
    }
}

/// The problem and what brought it about, for whoever has to find it.
fn with_arguments(problem: &str, arguments: &[u8]) -> String {
    let shown = hex::encode(&arguments[..arguments.len().min(48)]);
    let more = if arguments.len() > 48 { "…" } else { "" };
    format!("{problem} (arguments, in CBOR: {shown}{more}, {} bytes)", arguments.len())
}
