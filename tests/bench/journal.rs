//! The journal at size: what a recorded call costs, and what listing runs costs however many there are.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use ceralacca::journal::Journal;
use ceralacca::kernel::{
    Call, Caller, Declaration, Durable, Engine, Error, HeldRun, JournalEvent, Namespace, Origin,
    Registry, Run, RunOptions, Services, Source, Store, Value, Workflow, primitives,
};
use jiff::Timestamp;

use crate::{Best, PROGRAM, calls, in_memory, line, run, scratch, timed};

primitives! {
    /// For the benchmark.
    namespace notes;

    /// Gives back what it got.
    function note(number: i64, text: String) -> i64 [since "0.1.0", recorded, touches()] = note;
}

fn note(_: &mut Call<'_>, number: i64, _: String) -> Result<i64, Error> {
    Ok(number)
}

/// Recorded calls in one run.
const CALLS: i64 = 100_000;
/// Entries in all runs together, however many those are.
const ENTRIES: usize = 250_000;

/// Prints what a recorded call costs, then what lists of runs cost.
pub(crate) fn measure() {
    recorded_calls();
    for runs in [500, 5_000, 50_000] {
        lists(runs);
    }
}

fn recorded_calls() {
    let folder = scratch();
    let journal = Journal::open(folder.path()).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let held = journal.begin(at, &started("synced")).unwrap();
    const SYNCED: u32 = 200;
    let synced = timed(|| (0..SYNCED).for_each(|_| append(&*held, Durable::Synced)));
    drop((held, journal));
    let before = size(folder.path());
    let took = timed(|| hundred_thousand(folder.path()));
    let bytes = (size(folder.path()) - before) as f64 / CALLS as f64;
    let each = took.as_secs_f64() * 1e6 / CALLS as f64;
    let what = "a recorded call, 100,000 in one run";
    line(what, format!("{each:.0} µs"), "≤ 500 µs", each <= 500.0);
    let synced = synced.as_secs_f64() * 1e6 / f64::from(SYNCED);
    println!("  ({bytes:.0} bytes each; an entry that is synced {synced:.0} µs)");
}

fn hundred_thousand(folder: &Path) {
    let mut registry = Registry::new();
    registry.add_namespace(namespace());
    let options = RunOptions {
        store: Rc::new(Journal::open(folder).unwrap()),
        ..calls::options_with(registry, Services::default())
    };
    let source = Source { name: "bench.rs".to_owned(), text: String::new() };
    let declaration = Calling.declaration(&source).unwrap();
    let (name, origin) = ("bench".to_owned(), Origin::BuiltIn);
    let workflow = Workflow { name, origin, source, declaration };
    Run::start(options, &Calling, &workflow, Value::Null).1.unwrap();
}

/// A "language" that makes the calls.
struct Calling;

impl Engine for Calling {
    fn language(&self) -> &'static str {
        "Rust"
    }
    fn extension(&self) -> &'static str {
        "rs"
    }
    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        let (summary, uses) = ("calls".to_owned(), vec!["notes".to_owned()]);
        Ok(Declaration { summary, uses, inputs: Vec::new() })
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
        for number in 0..CALLS {
            let text = format!("Documenti/da inviare/{number:06}.xml");
            caller.call("notes", "note", vec![Value::Int(number), text.into()])?;
        }
        Ok(Value::Null)
    }
}

/// `runs` and `status` of a workspace with so many runs: time from the start of the process to its end,
/// and the most memory.
fn lists(runs: usize) {
    let folder = in_memory().unwrap_or_else(scratch);
    run(&folder, &["init"]);
    fill(&folder.path().join(".ceralacca"), runs);
    for arguments in [&["runs"][..], &["status"]] {
        let (mut best, mut peak) = (Best::default(), 0.0_f64);
        for _ in 0..7 {
            best.of(timed(|| peak = listed(folder.path(), arguments)));
        }
        let what = format!("ceralacca {}, {runs} runs, {ENTRIES} entries", arguments[0]);
        let measured = format!("{:.0} ms", best.seconds() * 1000.0);
        line(&what, measured, "≤ 50 ms", best.0 <= Duration::from_millis(50));
        line("  its peak memory", format!("{peak:.1} MiB"), "≤ 32 MiB", peak <= 32.0);
    }
}

/// Lists, and gives the most memory that it took, in mebibytes.
fn listed(folder: &Path, arguments: &[&str]) -> f64 {
    let peak = folder.join("peak");
    // `status` says by its exit code what there is to do.
    Command::new("/usr/bin/time")
        .args(["-q", "-f", "%M", "-o"])
        .arg(&peak)
        .arg(PROGRAM)
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let kib: f64 = fs::read_to_string(&peak).unwrap().trim().parse().unwrap();
    kib / 1024.0
}

/// Runs that are finished but for the last.
fn fill(state: &Path, runs: usize) {
    let journal = Journal::open(state).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    for number in 0..runs {
        let held = journal.begin(at, &started(&format!("{number:032x}"))).unwrap();
        (2..ENTRIES / runs).for_each(|_| append(&*held, Durable::Committed));
        if number + 1 < runs {
            let finished = JournalEvent::Finished { result: Value::Null };
            held.append(at, &finished, Durable::Committed).unwrap();
        }
    }
}

fn append(held: &dyn HeldRun, durable: Durable) {
    let stage = JournalEvent::Stage { step: 0, title: "Genera richiesta".to_owned() };
    held.append(Timestamp::UNIX_EPOCH, &stage, durable).unwrap();
}

fn started(key: &str) -> JournalEvent {
    JournalEvent::Started {
        workflow: "send_file".to_owned(),
        file: "send_file.rhai".to_owned(),
        path: None,
        source: String::new(),
        source_sha256: String::new(),
        input: Value::Null,
        key: key.to_owned(),
        version: String::new(),
        workspace: None,
        folder: None,
        plugins: Vec::new(),
    }
}

fn size(folder: &Path) -> u64 {
    fs::metadata(folder.join("journal.sqlite")).unwrap().len()
}
