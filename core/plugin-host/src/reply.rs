//! What a plugin's answer means: a status and CBOR, both hostile until they are read here.

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Effect, Error, Exit, Limits, Report, Secret, Value, cbor, typed};
use ceralacca_plugin_abi as abi;
use ceralacca_submission::printable;
use serde::Deserialize;

use crate::connection::{Answer, Operation};
use crate::error::{Outside, PluginError};

/// The longest text of a plugin that is kept, in characters.
pub(crate) const LONGEST_TEXT: usize = 2_000;

/// Secrets shorter than this are not looked for in texts: they would be found everywhere.
const SHORTEST_SECRET: usize = 3;

const MOST_ORIGINS: usize = 8;
const LONGEST_CODE: usize = 100;
const LARGEST_FIELDS: Limits = Limits { depth: 8, nodes: 1_000, bytes: 64 << 10 };

/// A reply that the contract allows.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Done, with this result.
    Done(Value),
    /// Not there yet; the text says what is waited for.
    NotYet(String),
    /// What was to be reconciled certainly did not happen.
    NotDone,
    /// Refused; nothing happened outside.
    Refused(Error),
    /// Failed, and something may have happened outside.
    Unknown(Error),
}

/// What was asked, as far as the reply has to fit it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) operation: Operation,
    /// `namespace::name` or `seam/operation`.
    pub(crate) call: &'a str,
    /// Of a primitive; a seam's operation has none.
    pub(crate) effect: Option<Effect>,
    /// What it may have done outside when there is no proper reply.
    pub(crate) outside: Outside,
}

/// Reads an answer. `given` are the secrets that the plugin was given in the call: its texts must not
/// repeat them.
pub(crate) fn read(asked: &Asked<'_>, answer: &Answer, given: &[Secret]) -> Result<Reply, Error> {
    let value = || asked.value(&answer.value);
    match answer.status {
        abi::DONE => value().map(Reply::Done),
        abi::NOT_YET if asked.may_wait() => match value()? {
            Value::Str(what) => Ok(Reply::NotYet(cleaned(&what, given))),
            _ => Err(asked.malformed()),
        },
        abi::REFUSED => {
            let error = asked.told(value()?, Exit::Refused, given)?;
            // A plugin that doubts in its error is believed rather than its status.
            let doubts = error.exit() == Exit::Unknown;
            Ok(if doubts { Reply::Unknown(error) } else { Reply::Refused(error) })
        }
        abi::UNKNOWN => asked.told(value()?, Exit::Unknown, given).map(Reply::Unknown),
        abi::NOT_DONE if asked.operation == Operation::Reconcile => match value()? {
            Value::Null => Ok(Reply::NotDone),
            _ => Err(asked.malformed()),
        },
        status => {
            let (plugin, call) = asked.names();
            Err(PluginError::WrongStatus { plugin, call, outside: asked.outside, status }.into())
        }
    }
}

/// A text of a plugin as people may read it.
pub(crate) fn cleaned(text: &str, given: &[Secret]) -> String {
    let long = given.iter().map(Secret::expose).filter(|text| text.len() >= SHORTEST_SECRET);
    let mut shown = text.to_owned();
    for secret in long {
        if shown.contains(secret) {
            shown = shown.replace(secret, "[secret]");
        }
    }
    printable(&shown, LONGEST_TEXT)
}

/// An error as plugins send it: a [`Report`] of which only two members are needed.
#[derive(Deserialize)]
#[serde(expecting = "a map")]
struct Told {
    code: String,
    headline: String,
    #[serde(default)]
    expected: Option<String>,
    #[serde(default)]
    found: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    exit: Option<Exit>,
    #[serde(default)]
    fetch_again: bool,
    #[serde(default)]
    origin: Vec<String>,
    #[serde(default)]
    fields: Value,
}

impl Asked<'_> {
    fn names(&self) -> (String, String) {
        (self.manifest.name.clone(), self.call.to_owned())
    }

    fn may_wait(&self) -> bool {
        self.operation == Operation::Call && self.effect == Some(Effect::Wait)
    }

    fn malformed(&self) -> Error {
        let (plugin, call) = self.names();
        PluginError::MalformedReply { plugin, call, outside: self.outside }.into()
    }

    /// What is beyond the limits is refused here, where it is known what the call may have done.
    fn value(&self, bytes: &[u8]) -> Result<Value, Error> {
        let value = cbor::decode(bytes).filter(|value| value.check(&Limits::DEFAULT).is_ok());
        value.ok_or_else(|| self.malformed())
    }

    fn told(&self, value: Value, status: Exit, given: &[Secret]) -> Result<Error, Error> {
        let wrong = |problem: String| -> Error {
            let (plugin, call) = self.names();
            PluginError::ErrorForm { plugin, call, outside: self.outside, problem }.into()
        };
        let told: Told = typed::from_value(value)
            .map_err(|mismatch| wrong(cleaned(&mismatch.to_string(), given)))?;
        let code = cleaned(&told.code, given);
        if code.trim().is_empty() {
            return Err(wrong("its code is empty".to_owned()));
        }
        let code = self.own_code(&code);
        let unknown = status == Exit::Unknown;
        let wrong_argument = OF_EVERY_PRIMITIVE.contains(&code.as_str());
        let exit = match told.exit {
            _ if unknown => Exit::Unknown,
            None if wrong_argument => Exit::Usage,
            given => given.unwrap_or(Exit::Refused),
        };
        let text = |text: &String| cleaned(text, given);
        let or = |given: &Option<String>, default: &str| {
            given.as_ref().map_or_else(|| default.to_owned(), text)
        };
        let (name, version) = (&self.manifest.name, printable(&self.manifest.version, 64));
        let (state, next) = match exit {
            Exit::Unknown => (UNKNOWN_STATE, "ceralacca resume RUN".to_owned()),
            _ => ("nothing happened outside", format!("ask the vendor of {name}")),
        };
        let report = Report {
            code,
            headline: cleaned(&told.headline, given),
            expected: told.expected.as_ref().map(text),
            found: told.found.as_ref().map(text),
            state: or(&told.state, state),
            next: or(&told.next, &next),
            exit,
            fetch_again: told.fetch_again,
            origin: told.origin.iter().take(MOST_ORIGINS).map(text).collect(),
            fields: fields(told.fields, given),
        };
        Ok(Error::from(report).at(format!("plugin {name} {version}")))
    }

    /// A code of one of the plugin's namespaces; others are put under its name, so that no plugin
    /// speaks for the program or for another plugin.
    fn own_code(&self, code: &str) -> String {
        let allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
        let code: String = code.chars().take(LONGEST_CODE).collect();
        let code = code.replace(|c| !allowed(c), "_");
        let own = self.manifest.name.replace('-', "_");
        let namespaces = self.manifest.namespaces.iter().map(|namespace| namespace.name.as_str());
        let area = code.split_once('.').filter(|(_, condition)| !condition.is_empty());
        let is_own = area
            .is_some_and(|(area, _)| area == own || namespaces.into_iter().any(|one| one == area));
        match is_own || OF_EVERY_PRIMITIVE.contains(&code.as_str()) {
            true => code,
            false => format!("{own}.{code}"),
        }
    }
}

const UNKNOWN_STATE: &str = "whether it took effect outside is not known";

/// What the program says of its own primitives, plugins may say of theirs.
const OF_EVERY_PRIMITIVE: [&str; 2] = ["primitive.wrong_argument", "primitive.too_many_arguments"];

/// The fields of an error, when they are small: no handles, since a script that catches the error
/// could use them, and no secrets.
fn fields(value: Value, given: &[Secret]) -> Value {
    match value.check(&LARGEST_FIELDS) {
        Ok(()) => plain(value, given),
        Err(_) => Value::Null,
    }
}

fn plain(value: Value, given: &[Secret]) -> Value {
    match value {
        Value::Str(text) => Value::Str(cleaned(&text, given)),
        Value::List(items) => {
            Value::List(items.into_iter().map(|item| plain(item, given)).collect())
        }
        Value::Map(map) => Value::Map(
            map.into_iter().map(|(key, item)| (cleaned(&key, given), plain(item, given))).collect(),
        ),
        Value::Bytes(_) | Value::Handle(_) => Value::Null,
        other => other,
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
