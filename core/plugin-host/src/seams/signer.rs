//! Keys that a plugin finds on devices: `signer/open` and `signer/sign`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{Call, Effect, Error, Secret, Sheet, Value, typed};
use ceralacca_keystore::{Certificate, DeviceKey, DeviceProvider};
use serde::Deserialize;

use crate::call::{CallAnswers, context};
use crate::connection::{Answers, Operation};
use crate::error::PluginError;
use crate::plugin::Plugin;
use crate::plugins::Plugins;
use crate::reply::Reply;

const OPEN: &str = "signer/open";
const SIGN: &str = "signer/sign";
const ALGORITHM: &str = "rsa-pkcs1-sha256";

/// The keys of every plugin that signs.
pub struct PluginDevices {
    plugins: Plugins,
    /// What was asked when keys were opened, by plugin: a worker that was started again has to open
    /// them again, on a thread that can ask nobody.
    given: Mutex<BTreeMap<String, GivenSecrets>>,
}

/// Secrets by name; those of a plugin's keys are shared between them.
type GivenSecrets = Arc<Mutex<Vec<(String, Secret)>>>;

/// What a plugin says of a key that it opened.
#[derive(Deserialize)]
struct Opened {
    /// The plugin's own name of it.
    id: Value,
    /// DER.
    certificate: Bytes,
    /// DER, the issuer first.
    #[serde(default)]
    chain: Vec<Bytes>,
}

impl PluginDevices {
    /// The keys of these plugins.
    pub fn new(plugins: Plugins) -> PluginDevices {
        PluginDevices { plugins, given: Mutex::default() }
    }

    fn given(&self, plugin: &Plugin) -> GivenSecrets {
        let mut all = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(plugin.name().to_owned()).or_default().clone()
    }
}

impl DeviceProvider for PluginDevices {
    fn schemes(&self) -> Vec<String> {
        self.plugins.signer_schemes()
    }

    fn open(&self, call: &Call<'_>, uri: &str) -> Result<Box<dyn DeviceKey>, Error> {
        let scheme = uri.split(':').next().unwrap_or_default();
        let plugin = self.plugins.signer(scheme)?;
        let arguments = [Value::from(uri.trim())];
        let asked = CallAnswers::new(call, &plugin, &arguments);
        let given = self.given(&plugin);
        let mut answers = Keeping { answers: asked, given: &given };
        let surroundings = context(call, Effect::Recorded);
        let opened =
            plugin.call(Operation::Call, OPEN, &arguments, surroundings.clone(), &mut answers)?;
        let opened = done(&plugin, OPEN, opened)?;
        let refused = |problem: String| PluginError::result(&plugin, OPEN, problem);
        let opened: Opened = typed::from_value(opened).map_err(|m| refused(m.to_string()))?;
        let own = Certificate::from_der(&opened.certificate.0)?;
        let issuers = opened.chain.iter().map(|der| Certificate::from_der(&der.0));
        let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
        let chain = [vec![own], issuers].concat();
        Ok(Box::new(Key { plugin, id: opened.id, chain, context: surroundings, given }))
    }
}

/// A key that a plugin has opened.
struct Key {
    plugin: Arc<Plugin>,
    id: Value,
    chain: Vec<Certificate>,
    context: Value,
    given: GivenSecrets,
}

impl DeviceKey for Key {
    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let arguments = [self.id.clone(), Value::Bytes(message.to_vec()), Value::from(ALGORITHM)];
        let mut answers = Given(&self.given);
        let context = self.context.clone();
        let reply = self.plugin.call(Operation::Call, SIGN, &arguments, context, &mut answers)?;
        let wrong = |problem: &str| PluginError::result(&self.plugin, SIGN, problem.to_owned());
        let Value::Bytes(signature) = done(&self.plugin, SIGN, reply)? else {
            return Err(wrong("it is not bytes").into());
        };
        // A signature that does not verify must never leave the program.
        let public = self.chain[0].public();
        if !public.verifies_sha256(message, &signature) {
            return Err(wrong("the signature is not by the key of the certificate").into());
        }
        Ok(signature)
    }
}

/// The result, or the error that the plugin gave in its place.
pub(super) fn done(plugin: &Plugin, operation: &str, reply: Reply) -> Result<Value, Error> {
    match reply {
        Reply::Done(value) => Ok(value),
        Reply::Refused(error) | Reply::Unknown(error) => Err(error),
        Reply::NotYet(_) | Reply::NotDone => {
            let problem = "it may be done or refused, and nothing else".to_owned();
            Err(PluginError::result(plugin, operation, problem).into())
        }
    }
}

/// Passes on what is asked while a key is opened, and keeps the secrets for as long as the key is open.
struct Keeping<'a> {
    answers: CallAnswers<'a>,
    given: &'a GivenSecrets,
}

impl Answers for Keeping<'_> {
    fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        let secret = self.answers.secret(name)?;
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.retain(|(known, _)| known != name);
        given.push((name.to_owned(), secret.clone()));
        Ok(secret)
    }

    fn tell(&mut self, text: &str) {
        self.answers.tell(text);
    }

    fn show(&mut self, page: &Sheet) {
        self.answers.show(page);
    }
}

/// Signing asks nobody, on whatever thread: there is what was given when the key was opened.
struct Given<'a>(&'a GivenSecrets);

impl Answers for Given<'_> {
    fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        let given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = given.iter().find(|(given, _)| given == name);
        given
            .map(|(_, secret)| secret.clone())
            .ok_or_else(|| PluginError::SecretNotGranted { secret: name.to_owned() }.into())
    }

    fn tell(&mut self, _: &str) {}

    fn show(&mut self, _: &Sheet) {}
}
