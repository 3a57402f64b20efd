//! One plugin: what it says of itself, where it runs, and calls of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Effect, Error, PluginPin, Primitive, Secret, Sheet, Value, cbor};

use crate::connection::{Answers, Broken, Connection, Launch, Operation, Request};
use crate::describe;
use crate::error::{Outside, PluginError};
use crate::fits::{Signature, own_kinds};
use crate::image::Image;
use crate::loading::{image, not_loaded};
use crate::process::connect;
use crate::reply::{self, Asked, Reply, cleaned};

/// Breaks in a row, without one answer in between, after which it is not started again.
const MOST_BREAKS: u32 = 5;

/// Operations of seams that change something outside.
const CHANGING: [&str; 2] = ["agency/submit", "agency/revoke"];

/// A plugin that may be used. Calls come one after the other, from whatever thread.
pub struct Plugin {
    manifest: Manifest,
    pin: PluginPin,
    library: PathBuf,
    launch: Launch,
    kinds: Vec<String>,
    primitives: BTreeMap<String, Known>,
    running: Mutex<Running>,
}

/// What is known of a primitive.
struct Known {
    effect: Effect,
    signature: OnceLock<Signature>,
}

/// The plugin as it runs, and how often it broke off.
#[derive(Default)]
struct Running {
    image: Option<Image>,
    connection: Option<Box<dyn Connection>>,
    described: bool,
    breaks: u32,
    last: String,
}

impl Plugin {
    /// A plugin that is started at its first call.
    pub(crate) fn new(
        manifest: Manifest,
        pin: PluginPin,
        library: PathBuf,
        launch: Launch,
    ) -> Plugin {
        let primitives = manifest.namespaces.iter().flat_map(|namespace| {
            namespace.primitives.iter().map(|primitive| {
                let known = Known { effect: primitive.effect, signature: OnceLock::new() };
                (format!("{}::{}", namespace.name, primitive.name), known)
            })
        });
        Plugin {
            kinds: own_kinds(&manifest),
            primitives: primitives.collect(),
            running: Mutex::default(),
            manifest,
            pin,
            library,
            launch,
        }
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Which one it is exactly.
    pub fn pin(&self) -> &PluginPin {
        &self.pin
    }

    /// Kinds of handles that its methods belong to.
    pub(crate) fn kinds(&self) -> &[String] {
        &self.kinds
    }

    /// What a primitive takes and gives.
    pub(crate) fn signature(&self, primitive: &Primitive, full_name: &str) -> Option<&Signature> {
        let known = self.primitives.get(full_name)?;
        Some(known.signature.get_or_init(|| Signature::of(primitive)))
    }

    /// Calls it; `name` is `namespace::name` of a primitive or `seam/operation`.
    ///
    /// A call that breaks off is an error and is never repeated; the next one starts the plugin again,
    /// after a pause that grows from break to break.
    ///
    /// # Errors
    /// `plugin.changed`, `plugin.not_loaded`, `plugin.manifest_differs`, `plugin.gave_up` before the
    /// call; what [`Broken`] says and what is wrong with the reply after it.
    pub(crate) fn call(
        &self,
        operation: Operation,
        name: &str,
        arguments: &[Value],
        context: Value,
        answers: &mut dyn Answers,
    ) -> Result<Reply, Error> {
        let effect = self.primitives.get(name).map(|known| known.effect);
        let outside = outside(operation, name, effect);
        let asked = Asked { manifest: &self.manifest, operation, call: name, effect, outside };
        let (arguments, context) = (array(arguments), cbor::encode(&context));
        let request = Request { operation, name, arguments: &arguments, context: &context };
        let mut answers = Remembering { answers, given: Vec::new(), refused: None };
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = self.connection(&mut running)?;
        match connection.invoke(&request, &mut answers) {
            Ok(answer) => {
                running.breaks = 0;
                drop(running);
                let reply = reply::read(&asked, &answer, &answers.given)?;
                // Why a secret was not given says more than what the plugin makes of it.
                Ok(match (reply, answers.refused) {
                    (Reply::Refused(_), Some(why)) => Reply::Refused(why),
                    (reply, _) => reply,
                })
            }
            Err(why) => {
                // A plugin that leaves a call without a reply is still there.
                let goes_on = matches!(why, Broken::NeverReplied { .. });
                let why = readable(why, &answers.given);
                let (plugin, call) = (self.name().to_owned(), name.to_owned());
                let error = Error::from(PluginError::Broken { plugin, call, outside, why });
                if !goes_on {
                    running.broke(&error);
                }
                Err(error)
            }
        }
    }

    /// The connection, which is made when there is none.
    fn connection<'r>(
        &self,
        running: &'r mut Running,
    ) -> Result<&'r mut Box<dyn Connection>, Error> {
        if running.connection.is_none() {
            if running.breaks >= MOST_BREAKS {
                let (plugin, last) = (self.name().to_owned(), running.last.clone());
                return Err(PluginError::GaveUp { plugin, breaks: running.breaks, last }.into());
            }
            thread::sleep(pause(running.breaks));
            running.connection = Some(self.start(running)?);
        }
        Ok(running.connection.as_mut().expect("it was just made"))
    }

    fn start(&self, running: &mut Running) -> Result<Box<dyn Connection>, Error> {
        let image = match &mut running.image {
            Some(image) => image,
            none => {
                none.insert(image(&self.manifest.name, &self.library, &self.pin.library_sha256)?)
            }
        };
        let connected = connect(image, &self.launch).map_err(|why| not_loaded(self.name(), why));
        let mut connection = connected.inspect_err(|error| running.broke(error))?;
        if !running.described {
            let described = describe::describe(&mut *connection, self.name());
            let described = described.inspect_err(|error| running.broke(error))?;
            describe::require_same(&self.manifest, &described)?;
            running.described = true;
        }
        Ok(connection)
    }
}

impl Running {
    /// Remembers a break; the next call starts the plugin again.
    fn broke(&mut self, error: &Error) {
        self.connection = None;
        self.breaks += 1;
        let report = error.report();
        self.last = match &report.found {
            Some(found) => format!("{}: {found}", report.headline),
            None => report.headline.clone(),
        };
    }
}

/// What a call may have done outside when it has no proper end.
fn outside(operation: Operation, name: &str, effect: Option<Effect>) -> Outside {
    let changes = effect == Some(Effect::Once) || changes_outside(name);
    match operation {
        Operation::Reconcile => Outside::Unknown,
        Operation::Call if changes => Outside::Unknown,
        Operation::Call | Operation::Describe => Outside::Nothing,
    }
}

/// Whether an operation of a seam changes something outside.
pub(crate) fn changes_outside(operation: &str) -> bool {
    CHANGING.contains(&operation)
}

/// Before a start after so many breaks.
fn pause(breaks: u32) -> Duration {
    match breaks {
        0 | 1 => Duration::ZERO,
        more => Duration::from_millis(100 << (2 * (more - 2)).min(8)).min(Duration::from_secs(2)),
    }
}

/// The arguments as one array, without copying large ones first.
fn array(arguments: &[Value]) -> Vec<u8> {
    let Ok(count @ 0..24) = u8::try_from(arguments.len()) else {
        return cbor::encode(&Value::List(arguments.to_vec()));
    };
    let encoded = arguments.iter().map(cbor::encode);
    let mut array = vec![0x80 | count];
    encoded.for_each(|bytes| array.extend_from_slice(&bytes));
    array
}

/// Passes on what a plugin asks for, makes its texts readable, and remembers the secrets that it got,
/// so that they are not shown.
struct Remembering<'a> {
    answers: &'a mut dyn Answers,
    given: Vec<Secret>,
    /// Why a secret was not given.
    refused: Option<Error>,
}

impl Answers for Remembering<'_> {
    fn secret(&mut self, name: &str) -> Result<Secret, Error> {
        let secret = self.answers.secret(name).inspect_err(|error| {
            self.refused.get_or_insert_with(|| error.clone());
        })?;
        if !self.given.contains(&secret) {
            self.given.push(secret.clone());
        }
        Ok(secret)
    }

    fn tell(&mut self, text: &str) {
        self.answers.tell(&cleaned(text, &self.given));
    }

    fn show(&mut self, page: &Sheet) {
        let text = |text: &String| cleaned(text, &self.given);
        let lines = page.lines.iter().map(|(label, line)| (text(label), text(line))).collect();
        self.answers.show(&Sheet { title: text(&page.title), lines });
    }
}

/// What is said of a break, in texts that people may read.
fn readable(broken: Broken, given: &[Secret]) -> Broken {
    match broken {
        Broken::Died { how } => Broken::Died { how: cleaned(&how, given) },
        Broken::NotGranted { what } => Broken::NotGranted { what: cleaned(&what, given) },
        Broken::Garbled { problem } => Broken::Garbled { problem: cleaned(&problem, given) },
        other => other,
    }
}
