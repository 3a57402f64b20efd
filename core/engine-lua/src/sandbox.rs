//! What Luau keeps in here, and how much of it a script may use.
//!
//! The library is cut down and wrapped by `prelude.luau`, then closed with Luau's sandbox. Every
//! loop and call is counted; a step costs more the larger the script's memory is, and library
//! functions are charged by the size of what they are given, so that the count bounds the time
//! without a clock. Memory is collected at sizes, not at times, so that nothing depends on either.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::OnceLock;

use ceralacca_kernel::{Error, ScriptError};
use mlua::chunk::{ChunkMode, Compiler};
use mlua::{Function, Lua, LuaOptions, StdLib, Table, VmState};

use crate::iteration;
use crate::thrown;

/// Bytes of source text.
pub(crate) const MAX_SOURCE: usize = 256 * 1024;
/// Steps of one run, the charge for large values included. A tenth in this crate's own tests, which
/// run many hostile scripts without optimisation.
const MAX_STEPS: u64 = if cfg!(test) { 500_000 } else { 5_000_000 };
/// Steps of the top level, which only declares.
const MAX_STEPS_OF_DECLARATION: u64 = 50_000;
/// Bytes of memory.
const MAX_MEMORY: usize = 64 << 20;
/// A step costs one more for each of these bytes in use.
const MEMORY_OF_A_STEP: usize = 256 << 10;
/// Bytes in use at the first collection.
const FIRST_COLLECTION: usize = 4 << 20;
/// Bytes of one text made by repetition.
const MAX_TEXT: usize = 1 << 20;

/// Steps that a call of a primitive costs, beside those for what it is given.
pub(crate) const STEPS_OF_A_CALL: u64 = 20;
/// Bytes of a pattern, or of what is looked for in a text.
const MAX_PATTERN: u64 = 1_000;

/// What a script has used, and whether it may go on.
pub(crate) struct Meter {
    used: Cell<u64>,
    allowed: Cell<u64>,
    collect_at: Cell<usize>,
    limit: OnceCell<&'static str>,
    thrown_at: Cell<Option<usize>>,
    stopped: Box<dyn Fn() -> Option<Error>>,
}

impl Meter {
    pub(crate) fn new(stopped: impl Fn() -> Option<Error> + 'static) -> Rc<Meter> {
        Rc::new(Meter {
            used: Cell::new(0),
            allowed: Cell::new(MAX_STEPS_OF_DECLARATION),
            collect_at: Cell::new(FIRST_COLLECTION),
            limit: OnceCell::new(),
            thrown_at: Cell::new(None),
            stopped: Box::new(stopped),
        })
    }

    /// From here on, the steps of `run`.
    pub(crate) fn begin_run(&self) {
        self.used.set(0);
        self.allowed.set(MAX_STEPS);
    }

    /// The limit that was reached, if one was.
    pub(crate) fn limit(&self) -> Option<&'static str> {
        self.limit.get().copied()
    }

    /// The line at which the script was when something was thrown out of it.
    pub(crate) fn thrown_at(&self) -> Option<usize> {
        self.thrown_at.get()
    }

    /// Remembers a limit: from here on every step fails, so that no `pcall` goes on.
    pub(crate) fn reach(&self, limit: &'static str) -> mlua::Error {
        let limit = self.limit.get_or_init(|| limit);
        mlua::Error::external(thrown::Ended(limit))
    }

    /// Adds to what was used.
    pub(crate) fn charge(&self, steps: u64) -> mlua::Result<()> {
        self.used.set(self.used.get().saturating_add(steps));
        match self.used.get() > self.allowed.get() {
            true if self.allowed.get() == MAX_STEPS => Err(self.reach(STEPS)),
            true => Err(self.reach(STEPS_OF_DECLARATION)),
            false => Ok(()),
        }
    }

    fn step(&self, lua: &Lua) -> mlua::Result<VmState> {
        if let Some(limit) = self.limit.get() {
            return Err(mlua::Error::external(thrown::Ended(limit)));
        }
        if let Some(error) = (self.stopped)() {
            return Err(mlua::Error::external(error));
        }
        let memory = lua.used_memory();
        if memory > self.collect_at.get() {
            lua.gc_collect()?;
            lua.gc_stop();
            self.collect_at.set((lua.used_memory() * 2).max(FIRST_COLLECTION));
        }
        self.charge(1 + (memory / MEMORY_OF_A_STEP) as u64)?;
        Ok(VmState::Continue)
    }
}

/// What is said when a script took too many steps.
pub(crate) const STEPS: &str = "5000000 steps, where large values count by their size";
/// What is said when its top level did.
const STEPS_OF_DECLARATION: &str = "50000 steps outside of `run`";
/// What is said when it took too much memory.
pub(crate) const MEMORY: &str = "64 MiB of memory";
/// What is said when its calls were nested too deeply.
pub(crate) const CALLS: &str = "20000 calls inside each other, 200 through the library";
/// What is said when it made too long a text.
const TEXT: &str = "texts of 1 MiB made by repetition";

/// What is said when it looked for something too long.
const PATTERN: &str = "patterns of 1000 bytes";

/// A state in which scripts can be loaded, and how to call into it.
pub(crate) struct Sandbox {
    /// The state.
    pub(crate) lua: Lua,
    /// `entry(f, …)` calls `f(…)`: `true` and its result, or `false` and what was thrown.
    pub(crate) entry: Function,
    /// Fills the names that scripts find beside the library.
    pub(crate) names: Rc<OnceCell<Table>>,
    /// What was used.
    pub(crate) meter: Rc<Meter>,
}

/// A closed state, without any name of ours yet.
pub(crate) fn open(file: &str, meter: Rc<Meter>) -> mlua::Result<Sandbox> {
    let libraries =
        StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::BIT | StdLib::UTF8 | StdLib::BUFFER;
    let lua = Lua::new_with(libraries, LuaOptions::default())?;
    lua.set_memory_limit(MAX_MEMORY)?;
    lua.gc_stop();
    lua.set_compiler(compiler());
    let names = Rc::new(OnceCell::new());
    let host = host(&lua, file, &meter, &names)?;
    let entry = lua
        .load(prelude()?)
        .set_name("=prelude")
        .set_mode(ChunkMode::Binary)
        .call::<Function>(host)?;
    lua.sandbox(true)?;
    let counting = Rc::clone(&meter);
    lua.set_interrupt(move |lua| counting.step(lua));
    Ok(Sandbox { lua, entry, names, meter })
}

/// No optimisation: it would call library functions by number, past what the prelude put there.
fn compiler() -> Compiler {
    Compiler::new().set_optimization_level(0).set_debug_level(1)
}

fn prelude() -> mlua::Result<&'static [u8]> {
    static COMPILED: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(compiled) = COMPILED.get() {
        return Ok(compiled);
    }
    let compiled = compiler().compile(include_str!("prelude.luau"))?;
    Ok(COMPILED.get_or_init(|| compiled))
}

/// What the prelude is given by the host.
fn host(
    lua: &Lua,
    file: &str,
    meter: &Rc<Meter>,
    names: &Rc<OnceCell<Table>>,
) -> mlua::Result<Table> {
    let host = lua.create_table()?;
    let used = Rc::clone(meter);
    host.set(
        "charge",
        lua.create_function(move |_, steps: f64| used.charge(steps.max(0.0) as u64))?,
    )?;
    let used = Rc::clone(meter);
    host.set(
        "require_text",
        lua.create_function(move |_, bytes: f64| {
            used.charge(bytes.max(0.0) as u64 / 64)?;
            if bytes > MAX_TEXT as f64 { Err(used.reach(TEXT)) } else { Ok(()) }
        })?,
    )?;
    let used = Rc::clone(meter);
    host.set(
        "require_search",
        lua.create_function(move |_, (text, wanted, balance): (u64, u64, bool)| {
            let share = if balance { text.max(wanted) } else { wanted };
            used.charge(text.saturating_mul(share) / 1024)?;
            if wanted > MAX_PATTERN { Err(used.reach(PATTERN)) } else { Ok(()) }
        })?,
    )?;
    let used = Rc::clone(meter);
    host.set("keys", lua.create_function(move |lua, t| iteration::keys(lua, &t, &used))?)?;
    let used = Rc::clone(meter);
    host.set("next", lua.create_function(move |_, (t, key)| iteration::next(&t, key, &used))?)?;
    let used = Rc::clone(meter);
    host.set("caught", lua.create_function(move |lua, error| thrown::caught(lua, error, &used))?)?;
    let (noted, place) = (Rc::clone(meter), file.to_owned());
    host.set(
        "thrown",
        lua.create_function(move |lua, thrown: mlua::Value| {
            noted.thrown_at.set(thrown::line(lua, &place));
            Ok(thrown)
        })?,
    )?;
    let (names, file) = (Rc::clone(names), file.to_owned());
    host.set(
        "global",
        lua.create_function(move |lua, name| global(lua, names.get(), &name, &file))?,
    )?;
    Ok(host)
}

/// A name that the library does not have.
fn global(
    lua: &Lua,
    names: Option<&Table>,
    name: &mlua::Value,
    file: &str,
) -> mlua::Result<mlua::Value> {
    if let Some(found) = names.map(|names| names.raw_get::<mlua::Value>(name)).transpose()?
        && !found.is_nil()
    {
        return Ok(found);
    }
    let line = thrown::line(lua, file).unwrap_or(0);
    let name = thrown::name(name);
    let mut known = Vec::new();
    for pair in names.into_iter().flat_map(|names| names.pairs::<String, mlua::Value>()) {
        known.push(pair?.0);
    }
    known.sort();
    let error = ScriptError::unknown("name", &name, known, file, line);
    Err(mlua::Error::external(Error::from(error)))
}
