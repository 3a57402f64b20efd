//! Round trips through a plugin, in this process and in a worker, against a primitive of the program.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use ceralacca::kernel::typed::Bytes;
use ceralacca::kernel::{
    Call, Caller, Declaration, Engine, Error, Namespace, Origin, Registry, Run, Services, Source,
    Value, Workflow, primitives,
};
use ceralacca::plugin_host::{self, PluginSettings, Plugins, Site};

use crate::calls::options_with;
use crate::{PROGRAM, line, timed};

primitives! {
    /// For the benchmark.
    namespace bench_direct;

    /// Gives back what it got.
    function echo(data: Bytes) -> Bytes [since "0.4.0", pure, touches()] = echo;
}

fn echo(_: &mut Call<'_>, data: Bytes) -> Result<Bytes, Error> {
    Ok(data)
}

/// Prints a round trip of 100 bytes and of 1 MiB, each in the three ways, and what a worker costs to
/// start.
pub(crate) fn round_trips() {
    plugin_host::testing::worker_program(PathBuf::from(PROGRAM));
    let folder = tempfile::tempdir().unwrap();
    let library = compiled(folder.path());
    for (length, rounds, name) in [(100, 20_000, "100 B"), (1 << 20, 200, "1 MiB")] {
        let direct = measured("bench_direct", &library, false, length, rounds).0;
        let in_process = measured("bench_echo", &library, true, length, rounds).0;
        let (worker, start) = measured("bench_echo", &library, false, length, rounds);
        let small = length == 100;
        let what = format!("plugin in a worker, {name} there and back");
        let (budget, within) = if small { ("≤ 10 µs", worker <= 10.0) } else { ("-", true) };
        line(&what, format!("{worker:.2} µs"), budget, within);
        println!(
            "  (direct {direct:.2} µs; plugin in process {in_process:.2} µs, {:.1} ×; in a worker {:.1} ×)",
            in_process / direct,
            worker / direct,
        );
        if small {
            println!("  (a worker's start up to its first reply: {start:.1} ms)");
        }
    }
}

/// Microseconds for one call, the best of five series; milliseconds up to the first reply.
fn measured(
    namespace: &'static str,
    library: &Path,
    in_process: bool,
    length: usize,
    rounds: u32,
) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = BTreeMap::new();
    let of_plugin = PluginSettings { in_process, ..PluginSettings::default() };
    settings.insert("bench-echo".to_owned(), of_plugin);
    let core = Registry::new();
    let environment = |_: &str| None;
    let root = folder.path();
    let site = Site { root, user_folder: None, settings: &settings, core: &core, environment };
    plugin_host::install(library, &site).unwrap();
    let plugins = Plugins::open(&site).unwrap();
    let mut registry = Registry::new();
    registry.add_namespace(self::namespace());
    plugins.namespaces().into_iter().for_each(|one| registry.add_namespace(one));
    let mut services = Services::default();
    services.add(plugins);
    let (best, first) = (Cell::new(Duration::MAX), Cell::new(Duration::ZERO));
    let series = Series { namespace, length, rounds, best: Rc::new(best), first: Rc::new(first) };
    let source = Source { name: "bench".to_owned(), text: String::new() };
    let declaration = series.declaration(&source).unwrap();
    let workflow =
        Workflow { name: "bench".to_owned(), origin: Origin::BuiltIn, source, declaration };
    let (_, outcome) =
        Run::start(options_with(registry, services), &series, &workflow, Value::Null);
    outcome.unwrap();
    let micros = series.best.get().as_secs_f64() * 1e6 / f64::from(rounds);
    (micros, series.first.get().as_secs_f64() * 1e3)
}

/// A "language" that makes the same call again and again.
struct Series {
    namespace: &'static str,
    length: usize,
    rounds: u32,
    best: Rc<Cell<Duration>>,
    first: Rc<Cell<Duration>>,
}

impl Engine for Series {
    fn language(&self) -> &'static str {
        "Rust"
    }
    fn extension(&self) -> &'static str {
        "rs"
    }
    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        let (summary, uses) = ("calls".to_owned(), vec![self.namespace.to_owned()]);
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
        let data = Value::Bytes(vec![7; self.length]);
        let once = || {
            let back = caller.call(self.namespace, "echo", vec![data.clone()]);
            assert_eq!(back.as_ref().unwrap(), &data);
        };
        self.first.set(timed(once));
        for _ in 0..5 {
            let series = timed(|| (0..self.rounds).for_each(|_| once()));
            self.best.set(self.best.get().min(series));
        }
        Ok(Value::Null)
    }
}

/// The plugin in C, with its manifest beside it.
fn compiled(folder: &Path) -> PathBuf {
    let library = folder.join("libbench_echo.so");
    let compiler = Command::new("cc")
        .args(["-std=c99", "-O2", "-fPIC", "-shared", "-Iplugins/sdk/include", "-o"])
        .arg(&library)
        .arg("tests/bench/echo.c")
        .status();
    assert!(compiler.is_ok_and(|status| status.success()), "a C compiler is needed");
    let described = Command::new(PROGRAM).args(["plugin", "manifest"]).arg(&library).output();
    std::fs::write(folder.join("bench-echo.json"), described.unwrap().stdout).unwrap();
    library
}
