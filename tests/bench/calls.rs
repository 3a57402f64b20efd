//! The cost of one primitive call, from Rhai, Luau and Rust, through the whole dispatch.

use std::rc::Rc;
use std::time::Duration;

use ceralacca::engine_lua::Lua;
use ceralacca::engine_rhai::Rhai;
use ceralacca::kernel::{
    Call, Caller, Declaration, Engine, Error, Event, Host, MemoryStore, Namespace, Origin,
    Question, Registry, Run, RunOptions, Secret, Services, Sheet, Source, Value, Workflow,
    primitives,
};
use jiff::Timestamp;

use crate::{line, timed};

primitives! {
    /// For the benchmark.
    namespace bench;

    /// Gives back what it got.
    function echo(number: i64) -> i64 [since "0.1.0", pure, touches()] = echo;
}

fn echo(_: &mut Call<'_>, number: i64) -> Result<i64, Error> {
    Ok(number)
}

const CALLS: i64 = 50_000;

const RHAI: &str = r#"
const WORKFLOW = #{ summary: "calls", uses: ["bench"] };
fn run(input) { let sum = 0; for i in 0..input.calls { sum += bench::echo(i); } sum }
"#;
const RHAI_EMPTY: &str = r#"
const WORKFLOW = #{ summary: "no calls", uses: ["bench"] };
fn run(input) { let sum = 0; for i in 0..input.calls { sum += i; } sum }
"#;
const LUA: &str = r#"
local workflow = { summary = "calls", uses = { "bench" } }
function workflow.run(input)
  local sum = 0
  for i = 0, input.calls - 1 do sum = sum + bench.echo(i) end
  return sum
end
return workflow
"#;
const LUA_EMPTY: &str = r#"
local workflow = { summary = "no calls", uses = { "bench" } }
function workflow.run(input)
  local sum = 0
  for i = 0, input.calls - 1 do sum = sum + i end
  return sum
end
return workflow
"#;

/// Prints the cost of one call in each language, the loop itself taken off.
pub(crate) fn measure() {
    let direct = best(|| run(&Direct, "bench.rs", ""));
    let rust = per_call(direct, Duration::ZERO);
    println!("{:<52} {:>12}", "one call, Rust, through the dispatch", format!("{rust:.2} µs"));
    let rhai = per_call(
        best(|| run(&Rhai, "bench.rhai", RHAI)),
        best(|| run(&Rhai, "bench.rhai", RHAI_EMPTY)),
    );
    let what = "one call, Rhai";
    line(what, format!("{rhai:.2} µs"), "≤ 2 µs", rhai <= 2.0);
    println!("  ({:.1} × Rust)", rhai / rust);
    let lua =
        per_call(best(|| run(&Lua, "bench.lua", LUA)), best(|| run(&Lua, "bench.lua", LUA_EMPTY)));
    line("one call, Luau with limits", format!("{lua:.2} µs"), "≤ 6 µs", lua <= 6.0);
    println!("  ({:.1} × Rust)", lua / rust);
}

fn best(work: impl Fn()) -> Duration {
    (0..5).map(|_| timed(&work)).min().unwrap()
}

fn per_call(with: Duration, without: Duration) -> f64 {
    (with.as_secs_f64() - without.as_secs_f64()) * 1e6 / CALLS as f64
}

fn run(engine: &dyn Engine, name: &str, text: &str) {
    let source = Source { name: name.to_owned(), text: text.to_owned() };
    let declaration = engine.declaration(&source).unwrap();
    let origin = Origin::BuiltIn;
    let workflow = Workflow { name: "bench".to_owned(), origin, source, declaration };
    let input = Value::from([("calls", Value::Int(CALLS))]);
    let (_, outcome) = Run::start(options(), engine, &workflow, input);
    assert_eq!(outcome.unwrap(), Value::Int(CALLS * (CALLS - 1) / 2));
}

/// A "language" that is Rust itself.
struct Direct;

impl Engine for Direct {
    fn language(&self) -> &'static str {
        "Rust"
    }
    fn extension(&self) -> &'static str {
        "rs"
    }
    fn declaration(&self, _: &Source) -> Result<Declaration, Error> {
        let (summary, uses) = ("calls".to_owned(), vec!["bench".to_owned()]);
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
        let mut sum = 0;
        for number in 0..CALLS {
            match caller.call("bench", "echo", vec![Value::Int(number)])? {
                Value::Int(echoed) => sum += echoed,
                other => panic!("{other:?}"),
            }
        }
        Ok(Value::Int(sum))
    }
}

fn options() -> RunOptions {
    let mut registry = Registry::new();
    registry.add_namespace(namespace());
    options_with(registry, Services::default())
}

/// A run that journals in memory and asks nobody.
pub(crate) fn options_with(registry: Registry, services: Services) -> RunOptions {
    RunOptions {
        registry: Rc::new(registry),
        store: Rc::new(MemoryStore::default()),
        host: Rc::new(Nobody),
        services,
        key: String::new(),
        version: String::new(),
        workspace: None,
        plugins: Vec::new(),
        accept_other_plugins: false,
    }
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
        Ok(Secret::new(""))
    }
    fn approve(&self, _: &str) -> Result<bool, Error> {
        Ok(true)
    }
    fn show(&self, _: &Sheet) {}
    fn progress(&self, _: &str) {}
    fn event(&self, _: Event<'_>) {}
}
