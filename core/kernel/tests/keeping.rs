//! What is on disk before the outside sees anything: a run whose journal is cut back to its last sync
//! goes on without anything that the outside knows of being lost, or done otherwise.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ceralacca_kernel::{
    Call, Caller, Declaration, Durable, Engine, Entry, Error, Event, HeldRun, Host, JournalEvent,
    MemoryStore, Namespace, Origin, Page, Question, Reconciled, Registry, Report, Room, Run,
    RunFilter, RunId, RunOptions, RunPage, Secret, Service, Services, Sheet, Source, Store, Touch,
    Value, Workflow, primitives,
};
use jiff::Timestamp;

/// What the outside has seen, and how much of the journal was on disk then.
#[derive(Clone, Default)]
struct Outside(Rc<Seen>);

#[derive(Default)]
struct Seen {
    acts: RefCell<Vec<(String, usize)>>,
    drawn: Cell<i64>,
    disk: Disk,
}

impl Service for Outside {
    const TOUCH: Option<Touch> = None;
}

/// A journal that knows how many of its entries a power cut would leave.
#[derive(Clone, Default)]
struct Disk {
    store: MemoryStore,
    synced: Rc<Cell<usize>>,
    room: Rc<Cell<Option<u64>>>,
}

struct Held(Disk, Box<dyn HeldRun>);

impl Store for Disk {
    fn begin(&self, at: Timestamp, started: &JournalEvent) -> Result<Box<dyn HeldRun>, Error> {
        let held = self.store.begin(at, started)?;
        self.synced.set(1);
        Ok(Box::new(Held(self.clone(), held)))
    }
    fn lock(&self, run: RunId, at: Timestamp) -> Result<Box<dyn HeldRun>, Error> {
        Ok(Box::new(Held(self.clone(), self.store.lock(run, at)?)))
    }
    fn read(
        &self,
        run: RunId,
        each: &mut dyn FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.store.read(run, each)
    }
    fn runs(&self, wanted: &RunFilter, page: Page) -> Result<RunPage, Error> {
        self.store.runs(wanted, page)
    }
}

impl HeldRun for Held {
    fn id(&self) -> RunId {
        self.1.id()
    }
    fn append(&self, at: Timestamp, event: &JournalEvent, durable: Durable) -> Result<(), Error> {
        self.1.append(at, event, durable)?;
        if durable == Durable::Synced { self.sync() } else { Ok(()) }
    }
    fn sync(&self) -> Result<(), Error> {
        self.0.synced.set(self.0.store.entries().len());
        Ok(())
    }
    fn require_room(&self, room: Room) -> Result<(), Error> {
        match self.0.room.get() {
            Some(left) if room.bytes > left => Err(Report::refused("test.full", "full").into()),
            _ => Ok(()),
        }
    }
    fn entry(&self, sequence: u64) -> Result<Entry, Error> {
        self.1.entry(sequence)
    }
}

primitives! {
    /// For the tests.
    namespace world;

    /// A number that is different each time.
    function draw() -> i64 [since "0.1.0", recorded, touches()] = draw;

    /// A number from outside, another one each time.
    function fetch() -> i64 [since "0.1.0", recorded, touches(Fetches)] = draw;

    /// Writes a file.
    function write(text: String) -> String [since "0.1.0", recorded, touches(Writes)] = act;

    /// Uses a key.
    function sign(text: String) -> String [since "0.1.0", recorded, touches(Signs)] = act;

    /// Shows something to a person, who decides.
    function ask(text: String) -> String [since "0.1.0", recorded, touches(Asks)] = act;

    /// Buys something.
    function buy(text: String) -> String [since "0.1.0", once(reconcile), touches()] = act;
}

fn draw(call: &mut Call<'_>) -> Result<i64, Error> {
    let drawn = &call.service::<Outside>()?.0.drawn;
    Ok(drawn.replace(drawn.get() + 1))
}

fn act(call: &mut Call<'_>, text: String) -> Result<String, Error> {
    let seen = &call.service::<Outside>()?.0;
    seen.acts.borrow_mut().push((text.clone(), seen.disk.synced.get()));
    Ok(text)
}

fn reconcile(call: &mut Call<'_>, text: String) -> Result<Reconciled<String>, Error> {
    let seen = &call.service::<Outside>()?.0;
    let done = seen.acts.borrow().iter().any(|(act, _)| *act == text);
    Ok(if done { Reconciled::Done(text) } else { Reconciled::NotDone })
}

struct Nobody;

impl Host for Nobody {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn sleep(&self, _: Duration) {}
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
    fn ask_secret(&self, _: Question<'_>) -> Result<Secret, Error> {
        Ok(Secret::new("four"))
    }
    fn approve(&self, _: &str) -> Result<bool, Error> {
        Ok(true)
    }
    fn show(&self, _: &Sheet) {}
    fn progress(&self, _: &str) {}
    fn event(&self, _: Event<'_>) {}
}

type Script = fn(&dyn Caller) -> Result<Value, Error>;

struct Closure(Script);

impl Engine for Closure {
    fn language(&self) -> &'static str {
        "Rust"
    }
    fn extension(&self) -> &'static str {
        "rs"
    }
    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        Ok(Declaration { summary: "test".into(), uses: vec!["world".into()], inputs: vec![] })
    }
    fn definitions(&self, _: &Registry) -> (&'static str, String) {
        ("none", String::new())
    }
    fn run(
        &self,
        _: &Source,
        _: Value,
        _: &[Namespace],
        caller: Rc<dyn Caller>,
    ) -> Result<Value, Error> {
        (self.0)(&*caller)
    }
}

fn options(outside: &Outside) -> RunOptions {
    let mut registry = Registry::new();
    registry.add_namespace(namespace());
    let mut services = Services::default();
    services.add(outside.clone());
    RunOptions {
        registry: Rc::new(registry),
        store: Rc::new(outside.0.disk.clone()),
        host: Rc::new(Nobody),
        services,
        key: "key".into(),
        version: "0".into(),
        workspace: None,
        plugins: Vec::new(),
        accept_other_plugins: false,
    }
}

fn workflow(script: Script) -> (Closure, Workflow) {
    let engine = Closure(script);
    let source = Source { name: "test.rs".into(), text: String::new() };
    let declaration = engine.declaration(&source).unwrap();
    (engine, Workflow { name: "test".into(), origin: Origin::BuiltIn, source, declaration })
}

fn start(outside: &Outside, script: Script) -> Result<Value, Error> {
    let (engine, workflow) = workflow(script);
    Run::start(options(outside), &engine, &workflow, Value::Null).1
}

fn resume(outside: &Outside, script: Script) -> Result<Value, Error> {
    let (engine, workflow) = workflow(script);
    Run::resume(options(outside), &engine, &workflow, RunId(1))
}

/// Draws, and does something with what it drew, in every way there is.
fn draws_and_acts(world: &dyn Caller) -> Result<Value, Error> {
    for act in ["write", "sign", "ask", "buy"] {
        let drawn = world.call("world", "draw", vec![])?;
        let fetched = world.call("world", "fetch", vec![])?;
        world.stage("Agisce")?;
        let text = format!("{act} {drawn:?} {fetched:?}");
        world.call("world", act, vec![text.into()])?;
    }
    Ok(Value::Null)
}

#[test]
fn what_came_before_is_on_disk_when_the_outside_sees_something() {
    let outside = Outside::default();
    start(&outside, draws_and_acts).unwrap();
    let entries = outside.0.disk.store.entries();
    let acts = outside.0.acts.borrow();
    assert_eq!(acts.len(), 4);
    for (text, synced) in &*acts {
        // All that was written before the call that did it ended.
        let ended = |entry: &Entry| {
            matches!(&entry.event, JournalEvent::Ended { call, .. }
                if call.arguments == Value::List(vec![text.as_str().into()]))
        };
        let place = entries.iter().position(ended).unwrap();
        assert_eq!(*synced, place, "{text}");
    }
    assert_eq!(outside.0.disk.synced.get(), entries.len(), "and all of it in the end");
    drop(acts);

    // A person's decision, and what was done once, are on disk before anything else happens.
    for act in ["ask", "buy"] {
        let outside = Outside::default();
        let script: Script = match act {
            "ask" => |world| world.call("world", "ask", vec!["a".into()]),
            _ => |world| world.call("world", "buy", vec!["a".into()]),
        };
        start(&outside, script).unwrap();
        let disk = &outside.0.disk;
        let before_the_end = disk.store.entries().len() - 1;
        disk.store.truncate(before_the_end);
        resume(&outside, script).unwrap();
        assert_eq!(outside.0.acts.borrow().len(), 1, "{act} is not repeated");
    }
}

/// The machine loses its power after every entry; what was not synced is gone.
#[test]
fn after_a_power_cut_nothing_that_was_seen_is_done_otherwise() {
    let whole = Outside::default();
    start(&whole, draws_and_acts).unwrap();
    let length = whole.0.disk.store.entries().len();
    for cut in 1..length {
        let outside = Outside::default();
        start(&outside, draws_and_acts).unwrap();
        let disk = &outside.0.disk;
        // As far as it was synced when the entry `cut` was the last.
        let acts: Vec<(String, usize)> = outside.0.acts.borrow().clone();
        let synced = acts.iter().map(|(_, synced)| *synced).filter(|synced| *synced <= cut).max();
        disk.store.truncate(synced.unwrap_or(1));
        let seen: Vec<String> =
            acts.iter().filter(|(_, at)| *at < cut).map(|(text, _)| text.clone()).collect();
        outside.0.acts.borrow_mut().retain(|(text, _)| seen.contains(text));
        resume(&outside, draws_and_acts).unwrap();
        let again: Vec<String> =
            outside.0.acts.borrow().iter().map(|(text, _)| text.clone()).collect();
        // What was seen is either kept or repeated with the very same words.
        for act in ["write", "sign", "ask", "buy"] {
            let mut of_act: Vec<&String> =
                again.iter().filter(|text| text.starts_with(act)).collect();
            let times = of_act.len();
            of_act.dedup();
            assert_eq!(of_act.len(), 1, "cut after {cut}: {again:?}");
            assert!(act != "buy" || times == 1, "cut after {cut}: {again:?}");
        }
    }
}

#[test]
fn a_call_whose_result_might_not_fit_is_not_made() {
    for (act, made) in [("draw", 1), ("write", 0), ("buy", 0)] {
        let outside = Outside::default();
        outside.0.disk.room.set(Some(1 << 20));
        let script: Script = match act {
            "draw" => |world| world.call("world", "draw", vec![]),
            "write" => |world| world.call("world", "write", vec!["a".into()]),
            _ => |world| world.call("world", "buy", vec!["a".into()]),
        };
        let done = start(&outside, script);
        let acts = outside.0.acts.borrow().len() as i64 + outside.0.drawn.get();
        assert_eq!(acts, made, "{act}: {done:?}");
        assert_eq!(done.err().map(|error| error.code().to_owned()).is_none(), made == 1);
        let entries = outside.0.disk.store.entries();
        assert!(entries.iter().all(|entry| !matches!(entry.event, JournalEvent::Intent(_))));
    }
}
