//! A run does each thing once, replays what it did, and says when it cannot know.
//!
//! The engine here is a Rust closure and the store keeps entries in memory, so that each test can stop
//! at any point and look. The real ones are tried by the workspace's own tests.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ceralacca_kernel::{
    Call, Caller, Declaration, Engine, Error, Event, Exit, Host, MemoryStore, Namespace, Origin,
    Question, Reconciled, Registry, Report, Run, RunId, RunOptions, Secret, SecretRef, SecretRule,
    Service, Services, Sheet, Source, Touch, Value, Waiting, Workflow, primitives,
};
use jiff::Timestamp;

/// What the outside saw, and how it behaves.
#[derive(Default)]
struct Outside {
    sent: RefCell<Vec<String>>,
    asked: Cell<u32>,
    /// 0: fine; 1: refuses; 2: takes it and breaks the line; 3: breaks the line before.
    fault: Cell<u8>,
    knows: Cell<bool>,
    polls: Cell<u32>,
}

struct Channel(Rc<Outside>);

impl Service for Channel {
    const TOUCH: Option<Touch> = Some(Touch::Sends);
}

primitives! {
    /// For the tests.
    namespace world;

    /// Sends.
    function send(text: String) -> String
        [since "0.1.0", once(reconcile), touches(Sends)] = send;

    /// A number that is different each time.
    function count() -> i64 [since "0.1.0", recorded, touches()] = count;

    /// A number from outside, another one each time.
    function fetch() -> i64 [since "0.1.0", recorded, touches(Fetches)] = count;

    /// Looks at the number and gives it back.
    function look(number: i64) -> i64 [since "0.1.0", recorded, touches(Reads)] = look;

    /// Does not like the number while the outside refuses.
    function import(number: i64) -> i64 [since "0.1.0", recorded, touches()] = import;

    /// Waits.
    function wait() -> String [since "0.1.0", wait, touches(Sends)] = wait;

    /// Asks for a secret.
    function secret(name: String) -> SecretRef
        [since "0.1.0", recorded, touches(Asks)] = ask;

    /// Uses a secret.
    function length(secret: SecretRef, pad: i64) -> i64
        [since "0.1.0", recorded, touches()] = length;

    /// Panics.
    function panic() -> i64 [since "0.1.0", recorded, touches()] = panic;

    /// Forgot to declare what it touches.
    function sneak() -> i64 [since "0.1.0", recorded, touches()] = sneak;
}

fn send(call: &mut Call<'_>, text: String) -> Result<String, Error> {
    let outside = &call.service::<Channel>()?.0;
    let lost = || Report::unknown("test.cut", "the line broke").state("?").next("resume");
    match outside.fault.get() {
        1 => return Err(Report::refused("test.refused", "refused").into()),
        3 => return Err(lost().into()),
        _ => outside.sent.borrow_mut().push(format!("{text} {}", call.idempotency_key())),
    }
    if outside.fault.get() == 2 { Err(lost().into()) } else { Ok(format!("ack {text}")) }
}

fn reconcile(call: &mut Call<'_>, text: String) -> Result<Reconciled<String>, Error> {
    let outside = &call.service::<Channel>()?.0;
    if !outside.knows.get() {
        return Ok(Reconciled::Unknown("nobody answers".into()));
    }
    let key = format!("{text} {}", call.idempotency_key());
    let arrived = outside.sent.borrow().contains(&key);
    Ok(if arrived { Reconciled::Done(format!("ack {text}")) } else { Reconciled::NotDone })
}

fn count(_: &mut Call<'_>) -> Result<i64, Error> {
    Ok(world_count())
}

fn world_count() -> i64 {
    thread_local!(static NEXT: Cell<i64> = const { Cell::new(0) });
    NEXT.replace(NEXT.get() + 1)
}

fn look(_: &mut Call<'_>, number: i64) -> Result<i64, Error> {
    Ok(number)
}

fn import(_: &mut Call<'_>, number: i64) -> Result<i64, Error> {
    if number == REFUSED.get() {
        return Err(Report::refused("test.bad", "bad").fetch_again().into());
    }
    Ok(number)
}

thread_local!(static REFUSED: Cell<i64> = const { Cell::new(-1) });

fn wait(call: &mut Call<'_>) -> Result<Waiting<String>, Error> {
    let outside = &call.service::<Channel>()?.0;
    outside.polls.set(outside.polls.get() + 1);
    Ok(if outside.knows.get() {
        Waiting::Ready("there".into())
    } else {
        Waiting::NotYet("it".into())
    })
}

fn ask(call: &mut Call<'_>, name: String) -> Result<SecretRef, Error> {
    call.ask_secret(&name, true)
}

fn length(call: &mut Call<'_>, secret: SecretRef, pad: i64) -> Result<i64, Error> {
    Ok(call.secret(&secret)?.expose().len() as i64 + pad)
}

fn panic(_: &mut Call<'_>) -> Result<i64, Error> {
    panic!("a bug in a primitive")
}

fn sneak(call: &mut Call<'_>) -> Result<i64, Error> {
    call.service::<Channel>().map(|_| 0)
}

struct Operator {
    outside: Rc<Outside>,
    approves: bool,
}

impl Host for Operator {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    fn sleep(&self, _: Duration) {}
    fn patience(&self) -> Duration {
        Duration::from_millis(200)
    }
    fn ask_secret(&self, _: Question<'_>) -> Result<Secret, Error> {
        self.outside.asked.set(self.outside.asked.get() + 1);
        Ok(Secret::new("four"))
    }
    fn approve(&self, _: &str) -> Result<bool, Error> {
        Ok(self.approves)
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

/// A workspace whose process can be stopped and started at will.
struct Bench {
    outside: Rc<Outside>,
    store: Rc<MemoryStore>,
    approves: bool,
}

impl Bench {
    fn new() -> Bench {
        Bench { outside: Rc::default(), store: Rc::default(), approves: true }
    }

    fn options(&self) -> RunOptions {
        let mut registry = Registry::new();
        registry.add_namespace(namespace());
        registry.add_secret_rule(SecretRule {
            name: "pin",
            label: "PIN",
            rule: "any",
            chosen: true,
            read: Ok,
        });
        let mut services = Services::default();
        services.add(Channel(self.outside.clone()));
        let host = Operator { outside: self.outside.clone(), approves: self.approves };
        RunOptions {
            registry: Rc::new(registry),
            store: self.store.clone(),
            host: Rc::new(host),
            services,
            key: "key".into(),
            version: "0".into(),
            workspace: None,
            plugins: Vec::new(),
            accept_other_plugins: false,
        }
    }

    fn workflow(&self, script: Script) -> (Closure, Workflow) {
        let engine = Closure(script);
        let source = Source { name: "test.rs".into(), text: String::new() };
        let declaration = engine.declaration(&source).unwrap();
        let origin = Origin::BuiltIn;
        (engine, Workflow { name: "test".into(), origin, source, declaration })
    }

    fn start(&self, script: Script) -> Result<Value, Error> {
        let (engine, workflow) = self.workflow(script);
        Run::start(self.options(), &engine, &workflow, Value::Null).1
    }

    fn resume(&self, script: Script) -> Result<Value, Error> {
        let (engine, workflow) = self.workflow(script);
        Run::resume(self.options(), &engine, &workflow, RunId(1))
    }

    /// Forgets everything after the first `keep` entries, as if the process had died there.
    fn die_after(&self, keep: usize) {
        self.store.truncate(keep);
    }

    fn sent(&self) -> usize {
        self.outside.sent.borrow().len()
    }
}

fn send_once(world: &dyn Caller) -> Result<Value, Error> {
    world.stage("Invia")?;
    let number = world.call("world", "count", vec![])?;
    let ack = world.call("world", "send", vec!["a".into()])?;
    Ok(Value::List(vec![number, ack]))
}

#[test]
fn a_run_killed_at_any_entry_sends_once_and_gives_the_same_result() {
    let whole = Bench::new();
    whole.start(send_once).unwrap();
    let entries = whole.store.entries().len();
    assert_eq!(entries, 6, "started, stage, count, intent, send, finished");
    for keep in 1..entries {
        let bench = Bench::new();
        bench.outside.knows.set(true);
        let first = bench.start(send_once).unwrap();
        bench.die_after(keep);
        let again = bench.resume(send_once).unwrap();
        // What was journaled is kept; the number is drawn anew only if it was never written down.
        if keep >= 3 {
            assert_eq!(again, first, "killed after {keep} entries");
        }
        let expected = if keep >= 4 { 1 } else { 2 };
        assert_eq!(bench.sent(), expected, "killed after {keep} entries");
    }
}

#[test]
fn a_send_that_may_have_happened_is_never_repeated_blindly() {
    for fault in [2, 3] {
        let bench = Bench::new();
        bench.outside.fault.set(fault);
        assert_eq!(bench.start(send_once).unwrap_err().exit(), Exit::Unknown);
        let arrived = bench.sent();
        bench.outside.fault.set(0);
        // Nobody can be asked: still unknown, nothing sent.
        let error = bench.resume(send_once).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("run.outcome_unknown", Exit::Unknown));
        assert_eq!(bench.sent(), arrived);
        // Somebody can: sent exactly once in the end.
        bench.outside.knows.set(true);
        bench.resume(send_once).unwrap();
        assert_eq!(bench.sent(), 1, "fault {fault}");
    }
}

#[test]
fn what_is_certain_not_to_have_happened_can_be_given_up() {
    let bench = Bench::new();
    bench.outside.fault.set(3);
    bench.start(send_once).unwrap_err();
    let abandon = |certain: &dyn Fn(&str) -> bool| {
        let (store, now) = (&*bench.store, Timestamp::UNIX_EPOCH);
        Run::abandon(store, RunId(1), now, "wrong".into(), certain)
    };
    let error = abandon(&|_| false).unwrap_err();
    assert_eq!(error.code(), "run.not_to_be_abandoned");
    assert_eq!(abandon(&|key| key == "key-1").unwrap_err().code(), "run.not_to_be_abandoned");
    abandon(&|key| key == "key-2").unwrap();
    assert_eq!(bench.resume(send_once).unwrap_err().code(), "run.abandoned");
    // What only waits has an open call too, of which nobody can say that.
    let bench = Bench::new();
    bench.start(|world| world.call("world", "wait", vec![])).unwrap_err();
    let now = Timestamp::UNIX_EPOCH;
    let waits = Run::abandon(&*bench.store, RunId(1), now, String::new(), &|_| false);
    assert_eq!(waits.unwrap_err().code(), "run.not_to_be_abandoned");
}

#[test]
fn a_refused_send_is_tried_again_on_resume() {
    let bench = Bench::new();
    bench.outside.fault.set(1);
    let error = bench.start(send_once).unwrap_err();
    assert_eq!(error.code(), "test.refused");
    assert!(error.report().state.contains("has sent nothing"), "{error}");
    bench.outside.fault.set(0);
    bench.resume(send_once).unwrap();
    assert_eq!(bench.sent(), 1);
    assert_eq!(bench.resume(send_once).unwrap_err().code(), "run.finished");
}

#[test]
fn nothing_is_sent_without_approval() {
    let bench = Bench { approves: false, ..Bench::new() };
    assert_eq!(bench.start(send_once).unwrap_err().code(), "run.not_approved");
    assert_eq!(bench.sent(), 0);
    Bench { approves: true, ..bench }.resume(send_once).unwrap();
}

#[test]
fn a_script_cannot_catch_what_stops_the_run() {
    let bench = Bench::new();
    bench.outside.fault.set(2);
    let stubborn: Script = |world| {
        let _ = world.call("world", "send", vec!["a".into()]);
        let _ = world.call("world", "send", vec!["b".into()]);
        Ok(Value::Null)
    };
    assert_eq!(bench.start(stubborn).unwrap_err().code(), "test.cut");
    assert_eq!(bench.sent(), 1);
}

#[test]
fn an_error_that_the_script_caught_is_replayed() {
    let caught: Script = |world| {
        let failed = world.call("world", "panic", vec![]).is_err();
        world.call("world", "send", vec!["a".into()])?;
        Ok(failed.into())
    };
    let bench = Bench::new();
    bench.outside.fault.set(1);
    bench.start(caught).unwrap_err();
    bench.outside.fault.set(0);
    assert_eq!(bench.resume(caught).unwrap(), Value::Bool(true));
}

#[test]
fn what_was_fetched_is_fetched_again_when_it_is_to_blame() {
    let script: Script = |world| {
        world.call("world", "send", vec!["a".into()])?;
        let number = world.call("world", "fetch", vec![])?;
        // What was only looked at is looked at again, too.
        let number = world.call("world", "look", vec![number])?;
        world.stage("Importa")?;
        world.call("world", "import", vec![number])
    };
    let bench = Bench::new();
    let first = world_count();
    REFUSED.set(first + 1);
    assert_eq!(bench.start(script).unwrap_err().code(), "test.bad");
    assert_eq!(bench.resume(script).unwrap(), Value::Int(first + 2));
    assert_eq!(bench.sent(), 1, "what was sent stays sent");
}

#[test]
fn another_call_than_the_recorded_one_is_refused_and_both_are_shown() {
    let bench = Bench::new();
    bench.start(send_once).unwrap();
    bench.die_after(5);
    let other: Script = |world| {
        world.stage("Invia")?;
        world.call("world", "count", vec![])?;
        world.call("world", "send", vec!["b".into()])
    };
    let error = bench.resume(other).unwrap_err();
    assert_eq!(error.code(), "run.diverged");
    assert_eq!(error.report().expected.as_deref(), Some("world::send(\"a\")"));
    assert_eq!(error.report().found.as_deref(), Some("world::send(\"b\")"));
    assert_eq!(bench.sent(), 1);
}

#[test]
fn a_wait_suspends_the_run_and_goes_on() {
    let waiting: Script = |world| world.call("world", "wait", vec![]);
    let bench = Bench::new();
    let error = bench.start(waiting).unwrap_err();
    assert_eq!((error.code(), error.exit().code()), ("run.waiting", 4));
    assert!(bench.outside.polls.get() > 1, "it was patient first");
    bench.outside.knows.set(true);
    assert_eq!(bench.resume(waiting).unwrap(), Value::from("there"));
}

#[test]
fn secrets_are_asked_once_and_again_only_when_needed() {
    let script: Script = |world| {
        let pin = world.call("world", "secret", vec!["pin".into()])?;
        world.call("world", "length", vec![pin.clone(), Value::Int(0)])?;
        world.call("world", "length", vec![pin, Value::Int(1)])
    };
    let bench = Bench::new();
    assert_eq!(bench.start(script).unwrap(), Value::Int(5));
    assert_eq!(bench.outside.asked.get(), 1);
    bench.die_after(3);
    bench.resume(script).unwrap();
    assert_eq!(bench.outside.asked.get(), 2, "the unfinished call needed it again");
    bench.die_after(4);
    bench.resume(script).unwrap();
    assert_eq!(bench.outside.asked.get(), 3);
    let journal = format!("{:?}", bench.store.entries());
    assert!(!journal.contains("four"), "{journal}");
}

#[test]
fn wrong_calls_are_refused_in_words() {
    let code = |script: Script| Bench::new().start(script).unwrap_err().code().to_owned();
    assert_eq!(code(|w| w.call("world", "sned", vec![])), "primitive.unknown");
    assert_eq!(code(|w| w.call("agency", "send", vec![])), "workflow.undeclared_namespace");
    assert_eq!(code(|w| w.call("world", "send", vec![Value::Int(1)])), "primitive.wrong_argument");
    assert_eq!(
        code(|w| w.call("world", "count", vec![Value::Int(1)])),
        "primitive.too_many_arguments"
    );
    assert_eq!(code(|w| w.call("world", "panic", vec![])), "primitive.panicked");
    assert_eq!(code(|_| panic!("a bug in an engine")), "script.engine_panicked");
    assert_eq!(code(|w| w.call("world", "sneak", vec![])), "primitive.undeclared_touch");
}
