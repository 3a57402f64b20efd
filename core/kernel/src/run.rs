//! A run: one dispatch for every call from anywhere, with capability check, replay and journal.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use crate::abandon::nothing_sent;
use crate::call_record::{describe_call, describe_sent, record};
use crate::host::Event as HostEvent;
use crate::keeping;
use crate::primitive_error::PrimitiveError;
use crate::replay::{CallState, Diverged, Recorded, Replay};
use crate::resumed::{History, only_fetches};
use crate::run_error::RunError;
use crate::secret::Secrets;
use crate::store::{CallRecord, Durable, Room};
use crate::{
    Call, Caller, Effect, Engine, Error, Exit, HeldRun, Host, JournalEvent, Limits, Origin,
    Outcome, PluginPin, Primitive, Reconciled, Registry, RunId, Services, Step, Store, Touch,
    Value, Workflow,
};
use jiff::Timestamp;

/// What a run works with.
pub struct RunOptions {
    /// What scripts can use.
    pub registry: Rc<Registry>,
    /// The journal.
    pub store: Rc<dyn Store>,
    /// The operator and the clock.
    pub host: Rc<dyn Host>,
    /// What primitives can use.
    pub services: Services,
    /// Random text that makes the run's idempotency keys unique; at least 128 bits.
    pub key: String,
    /// Version of the program.
    pub version: String,
    /// The folder that the run works in, as its journal shall have it.
    pub workspace: Option<String>,
    /// The plugins that the run may use.
    pub plugins: Vec<PluginPin>,
    /// Whether a run goes on although its plugins are others than those it began with.
    pub accept_other_plugins: bool,
}

/// A run in this process.
pub struct Run {
    options: RunOptions,
    held: Box<dyn HeldRun>,
    id: RunId,
    key: String,
    uses: Vec<String>,
    replay: Replay,
    secrets: Secrets,
    next_step: Cell<u64>,
    sent: RefCell<Vec<String>>,
    stopped: RefCell<Option<Error>>,
}

impl Run {
    /// Begins a run: journals its start, then carries the workflow out.
    pub fn start(
        options: RunOptions,
        engine: &dyn Engine,
        workflow: &Workflow,
        input: Value,
    ) -> (Option<RunId>, Result<Value, Error>) {
        let place = options.services.place();
        let started = JournalEvent::Started {
            workflow: workflow.name.clone(),
            file: workflow.source.name.clone(),
            path: match &workflow.origin {
                Origin::File(path) => Some(path.display().to_string()),
                _ => None,
            },
            source: workflow.source.text.clone(),
            source_sha256: workflow.source_sha256(),
            input: place.journaled_input(input.clone()),
            key: options.key.clone(),
            version: options.version.clone(),
            workspace: options.workspace.clone(),
            folder: place.recorded_folder(),
            plugins: options.plugins.clone(),
        };
        let now = options.host.now();
        match options.store.begin(now, &started) {
            Ok(held) => {
                let key = options.key.clone();
                let run = Run::new(options, held, key, workflow, Replay::default());
                (Some(run.id), Rc::new(run).carry_out(engine, workflow, input))
            }
            Err(error) => (None, Err(error)),
        }
    }

    /// Goes on with a run. `workflow` is called with the journal's `Started` event and says which text
    /// to use.
    ///
    /// # Errors
    /// `run.finished`, `run.locked`, `run.diverged`, and whatever the workflow stops with.
    pub fn resume(
        mut options: RunOptions,
        engine: &dyn Engine,
        workflow: &Workflow,
        id: RunId,
    ) -> Result<Value, Error> {
        let now = options.host.now();
        let held = options.store.lock(id, now)?;
        let history = History::read(&*options.store, id)?;
        let (input, key) = history.input_and_key()?;
        let place = options.services.place().of_run(history.started().ok());
        let input = place.seen_input(input);
        options.services.add(place);
        history.still_open(id)?;
        let plugins = match history.require_same_plugins(&options.plugins) {
            Ok(()) => Vec::new(),
            Err(_) if options.accept_other_plugins => options.plugins.clone(),
            Err(other) => return Err(other),
        };
        // One that has no room for going on stays as it is.
        held.require_room(Room { entries: 2, bytes: 0 })?;
        let resumed = JournalEvent::Resumed { version: options.version.clone(), plugins };
        held.append(now, &resumed, keeping::of_event(&resumed))?;
        let mut replay = history.replay;
        let fetches = |name: &str| only_fetches(&options.registry, name);
        replay.leave_out_what_is_to_blame(&*held, fetches)?;
        Rc::new(Run::new(options, held, key, workflow, replay)).carry_out(engine, workflow, input)
    }

    /// The error of a run whose first entry is not its start.
    pub fn no_start() -> Error {
        RunError::NoStart.into()
    }

    fn new(
        options: RunOptions,
        held: Box<dyn HeldRun>,
        key: String,
        workflow: &Workflow,
        replay: Replay,
    ) -> Run {
        Run {
            secrets: Secrets::new(options.registry.clone()),
            options,
            id: held.id(),
            held,
            key,
            uses: workflow.declaration.uses.clone(),
            replay,
            next_step: Cell::new(0),
            sent: RefCell::default(),
            stopped: RefCell::default(),
        }
    }

    fn carry_out(
        self: Rc<Run>,
        engine: &dyn Engine,
        workflow: &Workflow,
        input: Value,
    ) -> Result<Value, Error> {
        let namespaces: Vec<_> = self
            .uses
            .iter()
            .filter_map(|name| self.options.registry.namespace(name))
            .copied()
            .collect();
        // The engines are other people's code: a panic in one must not take the report with it.
        let work = || engine.run(&workflow.source, input, &namespaces, self.clone());
        let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            Err(RunError::EnginePanicked { language: engine.language() }.into())
        });
        // What stopped the run wins over what the script made of it.
        let outcome = match self.stopped() {
            Some(stopped) => Err(stopped),
            None => outcome,
        };
        match outcome {
            Ok(result) => {
                self.append(&JournalEvent::Finished { result: result.clone() })?;
                Ok(self.options.services.place().opened_handles(result))
            }
            Err(error) => {
                let error = match self.outside(error.exit()) {
                    Some(sent) => error.with_outside_state(&sent),
                    None => error,
                };
                // A journal that cannot be written must not hide why the run stopped.
                let _ = self.append(&JournalEvent::Stopped { error: error.report().clone() });
                Err(error)
            }
        }
    }

    /// What this run is known to have sent, in words; nothing is said of what is in doubt.
    fn outside(&self, exit: Exit) -> Option<String> {
        let sent = self.sent.borrow();
        match (sent.is_empty(), exit) {
            (true, Exit::Unknown) => None,
            (true, _) => Some(nothing_sent(self.id)),
            (false, _) => Some(format!("run {} has sent {}", self.id, sent.join(", "))),
        }
    }

    fn append(&self, event: &JournalEvent) -> Result<(), Error> {
        self.keep(event, keeping::of_event(event))
    }

    fn keep(&self, event: &JournalEvent, durable: Durable) -> Result<(), Error> {
        self.held.append(self.options.host.now(), event, durable)
    }

    fn take_step(&self) -> u64 {
        self.next_step.replace(self.next_step.get() + 1)
    }

    /// Remembers an error that no script may catch.
    fn stop(&self, error: Error) -> Error {
        *self.stopped.borrow_mut() = Some(error.clone());
        error
    }

    fn primitive(&self, namespace: &str, name: &str) -> Result<&'static Primitive, Error> {
        if !self.uses.iter().any(|used| used == namespace) {
            return Err(RunError::NotDeclared { namespace: namespace.to_owned() }.into());
        }
        self.options.registry.primitive(namespace, name)
    }

    fn context<'a>(
        &'a self,
        primitive: &'static Primitive,
        step: u64,
        since: Timestamp,
    ) -> Call<'a> {
        Call {
            primitive,
            host: &*self.options.host,
            services: &self.options.services,
            secrets: &self.secrets,
            run: &self.id,
            run_key: &self.key,
            key: format!("{}-{step}", self.key),
            since,
        }
    }

    /// A journaled call: replayed when the journal has its outcome, carried out otherwise.
    fn journaled(
        &self,
        primitive: &'static Primitive,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let step = self.take_step();
        let call = record(step, primitive, &arguments);
        let recorded = self.replay.step(step, &*self.held).map_err(|error| self.stop(error))?;
        let Some(recorded) = recorded else {
            return self.carry_out_call(primitive, call, arguments, None);
        };
        let (state, first) = match recorded {
            Recorded::Call { call: earlier, first, state } if earlier == call => (state, first),
            other => {
                let diverged = Diverged::new(step, &other, &call);
                return Err(self.stop(diverged.into()));
            }
        };
        match state {
            CallState::Waiting => self.carry_out_call(primitive, call, arguments, Some(first)),
            CallState::Intended => self.reconcile(primitive, call, arguments),
            CallState::Ended(outcome) => match *outcome {
                Outcome::Ok(value) => {
                    self.remember_sent(primitive, &call, &first.to_string());
                    Ok(value)
                }
                // The last thing that happened is what `resume` is asked to try again.
                Outcome::Error(_) if self.replay.is_last(step) => {
                    self.carry_out_call(primitive, call, arguments, None)
                }
                Outcome::Error(report) => Err(report.into()),
            },
        }
    }

    fn carry_out_call(
        &self,
        primitive: &'static Primitive,
        call: CallRecord,
        arguments: Vec<Value>,
        since: Option<Timestamp>,
    ) -> Result<Value, Error> {
        // Whatever stops here leaves no outcome, so the script must not go on past it.
        self.prepare(primitive, &call).map_err(|error| self.stop(error))?;
        let since = since.unwrap_or_else(|| self.options.host.now());
        let outcome = if primitive.effect == Effect::Wait {
            self.wait(primitive, &call, &arguments, since)
        } else {
            self.invoke(primitive, call.step, since, arguments)
        };
        self.end(primitive, call, outcome)
    }

    /// Room first, then what came before on disk, then approval, then the intent on disk.
    fn prepare(&self, primitive: &Primitive, call: &CallRecord) -> Result<(), Error> {
        self.held.require_room(keeping::room(primitive, call))?;
        if keeping::is_synced_before(primitive) {
            self.held.sync()?;
        }
        if primitive.touches.contains(&Touch::Sends) {
            let what = describe_call(call);
            if !self.options.host.approve(&what)? {
                return Err(RunError::NotApproved { what }.into());
            }
        }
        if primitive.effect == Effect::Once {
            self.append(&JournalEvent::Intent(call.clone()))?;
        }
        Ok(())
    }

    fn end(
        &self,
        primitive: &'static Primitive,
        call: CallRecord,
        outcome: Result<Value, Error>,
    ) -> Result<Value, Error> {
        let outcome = match outcome {
            // Neither is an outcome: the call stays open and resume goes on with it.
            Err(error) if matches!(error.exit(), Exit::Unknown | Exit::Waiting) => {
                return Err(self.stop(error));
            }
            Ok(value) => Outcome::Ok(value),
            Err(error) => Outcome::Error(error.report().clone()),
        };
        let ended = JournalEvent::Ended { call: call.clone(), outcome: outcome.clone() };
        self.keep(&ended, keeping::of_outcome(primitive)).map_err(|error| self.stop(error))?;
        match outcome {
            Outcome::Ok(value) => {
                self.remember_sent(primitive, &call, &self.options.host.now().to_string());
                Ok(value)
            }
            Outcome::Error(report) => Err(report.into()),
        }
    }

    fn remember_sent(&self, primitive: &Primitive, call: &CallRecord, at: &str) {
        if primitive.touches.contains(&Touch::Sends) {
            self.sent.borrow_mut().push(format!("{} at {at}", describe_sent(call)));
        }
    }

    /// An interrupted `once` call: asks the outside, and never repeats it blindly.
    fn reconcile(
        &self,
        primitive: &'static Primitive,
        call: CallRecord,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let Some(reconcile) = primitive.reconcile else {
            let why = "this primitive cannot ask".to_owned();
            return Err(self.stop(unknown_outcome(&call, why)));
        };
        // What an earlier process has left to the system may not be on disk yet.
        self.held.sync().map_err(|error| self.stop(error))?;
        let now = self.options.host.now();
        let place = self.options.services.place();
        let mut context = self.context(primitive, call.step, now);
        let opened = place.opened_arguments(arguments.clone());
        let reconciled = catch_unwind(AssertUnwindSafe(|| reconcile(&mut context, opened)))
            .unwrap_or_else(|_| Err(panicked(primitive)));
        match reconciled {
            Ok(Reconciled::Done(value)) => {
                self.end(primitive, call, Ok(place.journaled_handles(value)))
            }
            Ok(Reconciled::NotDone) => self.carry_out_call(primitive, call, arguments, None),
            // It is known where it is: with a person, or on its way.
            Err(error) if error.exit() == Exit::Waiting => Err(self.stop(error)),
            Ok(Reconciled::Stopped(error)) => Err(self.stop(error)),
            Ok(Reconciled::Unknown(why)) => Err(self.stop(unknown_outcome(&call, why))),
            Err(error) => Err(self.stop(unknown_outcome(&call, error.to_string()))),
        }
    }

    fn invoke(
        &self,
        primitive: &'static Primitive,
        step: u64,
        since: Timestamp,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        match self.invoke_step(primitive, step, since, arguments)? {
            Step::Done(value) => Ok(value),
            Step::NotYet(_) => unreachable!("only `wait` primitives are not yet done"),
        }
    }

    fn invoke_step(
        &self,
        primitive: &'static Primitive,
        step: u64,
        since: Timestamp,
        arguments: Vec<Value>,
    ) -> Result<Step, Error> {
        let place = self.options.services.place();
        let mut context = self.context(primitive, step, since);
        let opened = place.opened_arguments(arguments);
        let outcome = catch_unwind(AssertUnwindSafe(|| (primitive.invoke)(&mut context, opened)));
        let value = match outcome.unwrap_or_else(|_| Err(panicked(primitive)))? {
            Step::Done(value) => place.journaled_handles(value),
            waiting => return Ok(waiting),
        };
        value.check(&Limits::DEFAULT)?;
        Ok(Step::Done(value))
    }

    /// Polls with growing pauses while the operator is patient, then suspends the run.
    fn wait(
        &self,
        primitive: &'static Primitive,
        call: &CallRecord,
        arguments: &[Value],
        since: Timestamp,
    ) -> Result<Value, Error> {
        let host = &*self.options.host;
        let (mut pause, mut waited, mut journaled) = (FIRST_PAUSE, Duration::ZERO, false);
        loop {
            let what = match self.invoke_step(primitive, call.step, since, arguments.to_vec())? {
                Step::Done(value) => return Ok(value),
                Step::NotYet(what) => what,
            };
            if !journaled {
                self.append(&JournalEvent::Waiting { call: call.clone(), what: what.clone() })?;
                host.event(HostEvent::Waiting { what: &what });
                journaled = true;
            }
            if waited >= host.patience() {
                return Err(RunError::Suspended { run: self.id.0, what }.into());
            }
            host.sleep(pause);
            waited += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Caller for Run {
    fn call(&self, namespace: &str, name: &str, arguments: Vec<Value>) -> Result<Value, Error> {
        if let Some(stopped) = self.stopped() {
            return Err(stopped);
        }
        let primitive = self.primitive(namespace, name)?;
        arguments.iter().try_for_each(|argument| argument.check(&Limits::DEFAULT))?;
        match primitive.effect {
            Effect::Pure => self.invoke(primitive, 0, Timestamp::UNIX_EPOCH, arguments),
            _ => self.journaled(primitive, arguments),
        }
    }

    fn stage(&self, title: &str) -> Result<(), Error> {
        if let Some(stopped) = self.stopped() {
            return Err(stopped);
        }
        let step = self.take_step();
        let recorded = self.replay.step(step, &*self.held).map_err(|error| self.stop(error))?;
        let replayed = match recorded {
            None => {
                let stage = JournalEvent::Stage { step, title: title.to_owned() };
                let room = Room { entries: 1, bytes: title.len() as u64 };
                let kept = self.held.require_room(room).and_then(|()| self.append(&stage));
                kept.map_err(|error| self.stop(error))?;
                false
            }
            Some(Recorded::Stage { title: earlier }) if earlier == title => true,
            Some(other) => {
                let now = format!("stage \"{title}\"");
                let diverged = Diverged { step, recorded: other.describe(), now };
                return Err(self.stop(diverged.into()));
            }
        };
        self.options.host.event(HostEvent::Stage { title, replayed });
        Ok(())
    }

    fn stopped(&self) -> Option<Error> {
        self.stopped.borrow().clone()
    }
}

fn panicked(primitive: &Primitive) -> Error {
    PrimitiveError::Panicked { primitive: primitive.full_name(), effect: primitive.effect }.into()
}

fn unknown_outcome(call: &CallRecord, why: String) -> Error {
    RunError::OutcomeUnknown { call: describe_call(call), why }.into()
}
