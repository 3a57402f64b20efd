//! A plugin that uses everything of the SDK, and goes wrong in every way that the SDK has words for.

use std::cell::Cell;
use std::rc::Rc;

use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use ceralacca_plugin_sdk::{
    Bytes, Call, Error, Explain, Manifest, Namespace, Plugin, Reconciled, Report, SecretRef,
    Service, Services, Sheet, Touch, Value, Waiting, about, export_plugin, read_settings,
};

/// The plugin: what its settings say.
pub struct Attempts {
    state: State,
}

/// What primitives find with `call.service::<State>()`.
#[derive(Clone)]
pub struct State {
    colour: String,
    calls: Rc<Cell<i64>>,
}

impl Service for State {
    const TOUCH: Option<Touch> = None;
}

#[derive(Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", default, deny_unknown_fields)]
struct Settings {
    colour: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { colour: "red".to_owned() }
    }
}

impl Plugin for Attempts {
    fn manifest() -> Manifest {
        about!("attempts", "Goes wrong in every way")
            .secret("attempts_pin", "PIN of the attempts", "any text")
            .build()
    }

    fn namespaces() -> Vec<Namespace> {
        vec![primitives::namespace()]
    }

    fn create(settings: Value) -> Result<Attempts, Error> {
        let settings: Settings = read_settings::<Attempts, _>(settings)?;
        Ok(Attempts { state: State { colour: settings.colour, calls: Rc::default() } })
    }

    fn services(&self) -> Services {
        let mut services = Services::default();
        services.add(self.state.clone());
        services
    }
}

export_plugin!(Attempts);

mod primitives {
    ceralacca_plugin_sdk::primitives! {
        /// Attempts.
        namespace attempts;

        /// Panics.
        function panic() -> ()
            [since "0.1.0", pure, touches()] = super::panic;

        /// The colour of the settings.
        function colour() -> String
            [since "0.1.0", pure, touches()] = super::colour;

        /// How often it was called in this process.
        function count() -> i64
            [since "0.1.0", recorded, touches()] = super::count;

        /// The time of the call and its key.
        function moment() -> Vec<String>
            [since "0.1.0", recorded, touches()] = super::moment;

        /// How long the PIN is.
        function pin_length() -> i64
            [since "0.1.0", recorded, touches()] = super::pin_length;

        /// Asks for a secret that the manifest does not name.
        function foreign_secret() -> i64
            [since "0.1.0", recorded, touches()] = super::foreign_secret;

        /// Shows a page.
        function page() -> ()
            [since "0.1.0", recorded, touches(Asks)] = super::page;

        /// Waits for ever.
        function waits() -> String
            [since "0.1.0", wait, touches(Fetches)] = super::waits;

        /// So many bytes.
        function bytes(count: u32) -> Bytes
            [since "0.1.0", pure, touches()] = super::bytes;

        /// Deposits something: `how` says how that goes, and what becomes of it.
        function deposit(how: String) -> String
            [since "0.1.0", once(super::reconcile), touches(Sends)] = super::deposit;
    }

    use super::Bytes;
}

#[derive(Debug, Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
enum AttemptError {
    Refused { how: String },
    InDoubt,
}

impl Explain for AttemptError {
    fn explain(&self) -> Report {
        match self {
            AttemptError::Refused { how } => {
                Report::refused("attempts.refused", "the deposit was refused")
                    .found(how)
                    .state("nothing was deposited")
                    .next("deposit something else")
            }
            AttemptError::InDoubt => {
                Report::unknown("attempts.in_doubt", "no answer came to the deposit")
                    .state("it may have been deposited")
                    .next("ceralacca resume RUN")
            }
        }
    }
}

fn panic(_call: &mut Call<'_>) -> Result<(), Error> {
    panic!("on purpose")
}

fn colour(call: &mut Call<'_>) -> Result<String, Error> {
    Ok(call.service::<State>()?.colour.clone())
}

fn count(call: &mut Call<'_>) -> Result<i64, Error> {
    let calls = &call.service::<State>()?.calls;
    calls.set(calls.get() + 1);
    Ok(calls.get())
}

fn moment(call: &mut Call<'_>) -> Result<Vec<String>, Error> {
    call.progress("looking at the clock");
    Ok(vec![call.now().to_string(), call.idempotency_key().to_owned()])
}

fn pin_length(call: &mut Call<'_>) -> Result<i64, Error> {
    let pin = call.secret(&SecretRef("attempts_pin".to_owned()))?;
    Ok(pin.expose().len() as i64)
}

fn foreign_secret(call: &mut Call<'_>) -> Result<i64, Error> {
    let foreign = call.secret(&SecretRef("pin_di_revoca".to_owned()))?;
    Ok(foreign.expose().len() as i64)
}

fn page(call: &mut Call<'_>) -> Result<(), Error> {
    let lines = vec![("Colore".to_owned(), "rosso".to_owned())];
    call.show(&Sheet { title: "Riepilogo".to_owned(), lines })
}

fn waits(_call: &mut Call<'_>) -> Result<Waiting<String>, Error> {
    Ok(Waiting::NotYet("the end of days".to_owned()))
}

fn bytes(_call: &mut Call<'_>, count: u32) -> Result<Bytes, Error> {
    Ok(Bytes(vec![0; count as usize]))
}

fn deposit(_call: &mut Call<'_>, how: String) -> Result<String, Error> {
    match how.as_str() {
        "refused" => Err(AttemptError::Refused { how }.into()),
        "in doubt" => Err(AttemptError::InDoubt.into()),
        "done" => Ok("deposited".to_owned()),
        _ => panic!("on purpose"),
    }
}

fn reconcile(_call: &mut Call<'_>, how: String) -> Result<Reconciled<String>, Error> {
    match how.as_str() {
        "in doubt" => Ok(Reconciled::Done("found deposited".to_owned())),
        "panic, then nobody knows" => Ok(Reconciled::Unknown("the register is shut".to_owned())),
        "panic, then not done" => Ok(Reconciled::NotDone),
        _ => panic!("on purpose"),
    }
}
