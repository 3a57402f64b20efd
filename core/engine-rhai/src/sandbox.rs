//! What Rhai keeps in here, and how much of it a script may use.
//!
//! Rhai counts operations, but forgets those inside a native function that calls back (`list.map`),
//! and does not count how much one operation moves. So operations are counted here, and every look
//! at a variable is charged by the size of what is in it. No clock is involved: the same script
//! stops at the same place always, and once it has used up its share, no `catch` goes on.

use std::cell::Cell;
use std::rc::Rc;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicBlobPackage, BasicFnPackage, BasicIteratorPackage,
    BasicMapPackage, BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage,
    Package,
};
use rhai::{
    Array, Blob, Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext,
    OptimizationLevel, Position,
};

/// Bytes of source text.
pub(crate) const MAX_SOURCE: usize = 256 * 1024;
/// Operations of one run, the charge for large values included. A tenth in this crate's own tests,
/// which run many hostile scripts without optimisation.
pub(crate) const MAX_OPERATIONS: u64 = if cfg!(test) { 500_000 } else { 5_000_000 };
/// Operations that a call of a primitive costs, beside those for what it is given.
pub(crate) const OPERATIONS_OF_A_CALL: usize = 20;
/// Bytes of one text, and of all texts in one list or map.
const MAX_STRING: usize = 1024 * 1024;
/// Items of one list, lists inside it included. Rhai's own checks are quadratic in it.
const MAX_ARRAY: usize = 10_000;
/// Entries of one map, maps inside it included.
const MAX_MAP: usize = 10_000;
/// Functions that call functions; small enough for the stack of any thread, in any build.
pub(crate) const MAX_CALL_LEVELS: usize = 12;
/// Nesting of expressions at the top level and in functions.
const MAX_EXPRESSION_DEPTH: usize = 32;
/// Variables in scope at once.
const MAX_VARIABLES: usize = 100;
/// Functions of one script.
const MAX_FUNCTIONS: usize = 200;
/// Nesting of values.
const MAX_VALUE_DEPTH: usize = 64;
/// Parts of one value.
const MAX_VALUE_PARTS: usize = 50_000;

/// What a run has used up of [`MAX_OPERATIONS`].
#[derive(Default)]
pub(crate) struct Effort {
    used: Cell<u64>,
}

impl Effort {
    /// Adds to what was used.
    pub(crate) fn charge(&self, operations: usize) {
        self.used.set(self.used.get().saturating_add(operations as u64));
    }

    fn exhausted(&self) -> bool {
        self.used.get() > MAX_OPERATIONS
    }
}

/// An engine with the chosen parts of Rhai and every limit on, but no names of ours yet.
pub(crate) fn engine(
    effort: &Rc<Effort>,
    stopped: impl Fn() -> Option<Dynamic> + 'static,
) -> Engine {
    let mut engine = Engine::new_raw();
    // Left out on purpose: LanguageCore (sleep, exit, reflection), Time (the clock), BitField,
    // Debugging, and with `new_raw` the module resolver that reads files.
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicBlobPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    for symbol in ["eval", "import", "export", "print", "debug", "this"] {
        engine.disable_symbol(symbol);
    }
    limit(&mut engine);
    charge_for_padding(&mut engine, effort);
    watch(&mut engine, effort, stopped);
    engine
}

fn limit(engine: &mut Engine) {
    engine
        .set_strict_variables(true)
        .set_optimization_level(OptimizationLevel::None)
        .set_max_operations(MAX_OPERATIONS)
        .set_max_string_size(MAX_STRING)
        .set_max_array_size(MAX_ARRAY)
        .set_max_map_size(MAX_MAP)
        .set_max_call_levels(MAX_CALL_LEVELS)
        .set_max_expr_depths(MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_DEPTH)
        .set_max_variables(MAX_VARIABLES)
        .set_max_functions(MAX_FUNCTIONS)
        .set_max_modules(0);
}

/// `pad` makes something large out of a small value and a number: it is charged by the number.
fn charge_for_padding(engine: &mut Engine, effort: &Rc<Effort>) {
    fn refuse(len: i64, most: usize, what: &str) -> Result<usize, Box<EvalAltResult>> {
        match usize::try_from(len) {
            Ok(len) if len <= most => Ok(len),
            Ok(_) => Err(EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE).into()),
            Err(_) => Ok(0),
        }
    }
    let charged = Rc::clone(effort);
    engine.register_fn("pad", move |list: &mut Array, len: i64, item: Dynamic| {
        let len = refuse(len, MAX_ARRAY, "Size of array/BLOB")?;
        charged.charge(len);
        if len > list.len() {
            list.resize(len, item);
        }
        Ok::<_, Box<EvalAltResult>>(())
    });
    let pad_text = |text: &mut ImmutableString, len: usize, with: &str| {
        let missing = len.saturating_sub(text.chars().count());
        let count = missing.div_ceil(with.chars().count().max(1));
        if !with.is_empty() && count > 0 {
            *text += with.repeat(count).chars().take(missing).collect::<String>();
        }
    };
    let charged = Rc::clone(effort);
    engine.register_fn("pad", move |text: &mut ImmutableString, len: i64, with: char| {
        let len = refuse(len, MAX_STRING / 4, "Length of string")?;
        charged.charge(len / 16);
        pad_text(text, len, with.encode_utf8(&mut [0; 4]));
        Ok::<_, Box<EvalAltResult>>(())
    });
    let charged = Rc::clone(effort);
    engine.register_fn(
        "pad",
        move |text: &mut ImmutableString, len: i64, with: ImmutableString| {
            let len = refuse(len, MAX_STRING / 4, "Length of string")?;
            charged.charge(len / 16);
            pad_text(text, len, &with);
            Ok::<_, Box<EvalAltResult>>(())
        },
    );
}

#[allow(deprecated, reason = "Rhai marks `on_var` as volatile, not as going away")]
fn watch(
    engine: &mut Engine,
    effort: &Rc<Effort>,
    stopped: impl Fn() -> Option<Dynamic> + 'static,
) {
    let used = Rc::clone(effort);
    engine.on_progress(move |_| {
        used.charge(1);
        if used.exhausted() { Some(OPERATIONS.into()) } else { stopped() }
    });
    let used = Rc::clone(effort);
    engine.on_var(move |name, _, context| {
        let Some(value) = context.scope().get(name) else {
            return Ok(None);
        };
        let mut weight = Weight::default();
        if weight.add(value, 0).is_none() {
            return Err(EvalAltResult::ErrorTerminated(NESTING.into(), Position::NONE).into());
        }
        used.charge(weight.operations());
        Ok(None)
    });
}

/// What [`EvalAltResult::ErrorTerminated`] carries when it is a limit of ours.
pub(crate) const OPERATIONS: &str = "operations";
/// The same, for values nested too deeply to be walked safely.
pub(crate) const NESTING: &str = "nesting";

/// How much work a native function could do with a value.
#[derive(Default)]
struct Weight {
    parts: usize,
    /// Parts that cost several times an item of a list: entries of maps, functions.
    heavy: usize,
    bytes: usize,
}

impl Weight {
    fn operations(&self) -> usize {
        self.parts / 32 + self.heavy / 4 + self.bytes / 16
    }

    /// `None` when the value is nested too deeply or has too many parts.
    fn add(&mut self, value: &Dynamic, depth: usize) -> Option<()> {
        self.parts += 1;
        if depth > MAX_VALUE_DEPTH || self.parts > MAX_VALUE_PARTS {
            return None;
        }
        if value.is_int() || value.is_bool() || value.is_unit() {
            return Some(());
        }
        if let Some(text) = value.read_lock::<ImmutableString>() {
            self.bytes += text.len();
        } else if let Some(items) = value.read_lock::<Array>() {
            items.iter().try_for_each(|item| self.add(item, depth + 1))?;
        } else if let Some(map) = value.read_lock::<Map>() {
            self.heavy += map.len();
            self.bytes += map.keys().map(|key| key.len()).sum::<usize>();
            map.values().try_for_each(|item| self.add(item, depth + 1))?;
        } else if let Some(bytes) = value.read_lock::<Blob>() {
            self.bytes += bytes.len();
        } else if let Some(function) = value.read_lock::<FnPtr>() {
            self.heavy += 1;
            function.curry().iter().try_for_each(|item| self.add(item, depth + 1))?;
        }
        Some(())
    }
}

/// Where a native call stands in the script.
pub(crate) fn line(context: &NativeCallContext<'_>) -> usize {
    context.call_position().line().unwrap_or(0)
}
