//! What a loaded plugin says of itself, held against its manifest.

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Error, Secret, Sheet, Value, cbor};
use serde_json::Value as Json;

use crate::connection::{Answers, Connection, Operation, Request};
use crate::error::{Outside, PluginError};
use crate::reply::{self, Asked, Reply};

/// The manifest that the plugin itself gives.
///
/// # Errors
/// What [`crate::connection::Broken`] says; `plugin.manifest` and what is wrong with the reply.
pub(crate) fn describe(connection: &mut dyn Connection, name: &str) -> Result<Manifest, Error> {
    let (plugin, call) = (name.to_owned(), "DESCRIBE".to_owned());
    let outside = Outside::Nothing;
    let (arguments, context) = ([0x80], cbor::encode(&Value::Map(Default::default())));
    let operation = Operation::Describe;
    let request = Request { operation, name: "", arguments: &arguments, context: &context };
    let answer = connection.invoke(&request, &mut NothingToGive).map_err(|why| {
        let (plugin, call) = (plugin.clone(), call.clone());
        PluginError::Broken { plugin, call, outside, why }
    })?;
    let nobody = nobody(name);
    let asked = Asked { manifest: &nobody, operation, call: &call, effect: None, outside };
    match reply::read(&asked, &answer, &[])? {
        Reply::Done(Value::Str(text)) => Manifest::read("what the library says of itself", &text),
        Reply::Refused(error) | Reply::Unknown(error) => Err(error),
        _ => Err(PluginError::MalformedReply { plugin, call, outside }.into()),
    }
}

/// Refuses a plugin that says otherwise of itself than its manifest.
///
/// # Errors
/// `plugin.manifest_differs`, with the first place.
pub(crate) fn require_same(manifest: &Manifest, described: &Manifest) -> Result<(), Error> {
    if manifest == described {
        return Ok(());
    }
    let json = |manifest: &Manifest| serde_json::to_value(manifest).unwrap_or_default();
    let (place, manifest_says, library_says) =
        difference(&json(manifest), &json(described), String::new());
    let plugin = manifest.name.clone();
    let short = |text: String| ceralacca_submission::printable(&text, 300);
    Err(PluginError::ManifestDiffers {
        plugin,
        place,
        manifest: short(manifest_says),
        described: short(library_says),
    }
    .into())
}

/// The first place where two manifests differ, and what is there.
fn difference(a: &Json, b: &Json, place: String) -> (String, String, String) {
    let inside = |key: &str| match place.is_empty() {
        true => key.to_owned(),
        false => format!("{place}.{key}"),
    };
    let nothing = Json::Null;
    match (a, b) {
        (Json::Object(first), Json::Object(second)) => {
            let keys = first.keys().chain(second.keys());
            let found = keys.map(|key| (key, first.get(key), second.get(key)));
            let differing = found.into_iter().find(|(_, a, b)| a != b);
            differing.map(|(key, a, b)| {
                difference(a.unwrap_or(&nothing), b.unwrap_or(&nothing), inside(key))
            })
        }
        (Json::Array(first), Json::Array(second)) if first.len() == second.len() => {
            let differing = first.iter().zip(second).enumerate().find(|(_, (a, b))| a != b);
            differing.map(|(at, (a, b))| difference(a, b, inside(&at.to_string())))
        }
        _ => None,
    }
    .unwrap_or_else(|| (place, said(a), said(b)))
}

/// A part of a manifest in words.
fn said(part: &Json) -> String {
    if part.is_null() { "nothing".to_owned() } else { part.to_string() }
}

/// A manifest that has only a name, for errors of what is not described yet.
pub(crate) fn nobody(name: &str) -> Manifest {
    Manifest {
        ceralacca_plugin: ceralacca_kernel::manifest::FORM,
        name: name.to_owned(),
        version: String::new(),
        summary: String::new(),
        namespaces: Vec::new(),
        seams: Default::default(),
        secrets: Vec::new(),
        capabilities: Default::default(),
    }
}

/// Who describes itself needs nothing of the operator.
pub(crate) struct NothingToGive;

impl Answers for NothingToGive {
    fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        Err(PluginError::SecretNotGranted { secret: name.to_owned() }.into())
    }

    fn tell(&mut self, _: &str) {}

    fn show(&mut self, _: &Sheet) {}
}
