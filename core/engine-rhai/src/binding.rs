//! One generic binding: namespaces as static modules, methods and properties on handles.

use std::rc::Rc;

use ceralacca_kernel::{Caller, Error, Form, ScriptError, Value};
use rhai::{
    Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, Module, NativeCallContext,
};

use crate::bridge::{Bytes, Caught, Opaque, read, to_dynamic};
use crate::names::Names;
use crate::sandbox::{self, Effort};

type Outcome = Result<Dynamic, Box<EvalAltResult>>;

/// The road from a script's names to the caller.
pub(crate) struct Binding {
    /// Name of the script's file, for origins.
    pub(crate) file: String,
    /// What there is.
    pub(crate) names: Names,
    /// Where calls go.
    pub(crate) caller: Rc<dyn Caller>,
    /// What calls are charged to.
    pub(crate) effort: Rc<Effort>,
}

/// Gives an engine the namespaces, the handles and `stage`.
pub(crate) fn install(engine: &mut Engine, binding: &Rc<Binding>) {
    install_types(engine);
    for namespace in binding.names.namespaces() {
        let mut module = Module::new();
        module.set_id(namespace.name);
        for primitive in namespace.primitives.iter().filter(|p| p.form == Form::Function) {
            let binding = Rc::clone(binding);
            let run = move |context: &NativeCallContext<'_>, arguments: Vec<Dynamic>| {
                binding.call(context, primitive.namespace, primitive.name, None, &arguments)
            };
            add_function(&mut module, primitive.name, primitive.params.len(), run);
        }
        engine.register_static_module(namespace.name, module.into());
    }
    let mut module = Module::new();
    for (name, most) in binding.names.methods() {
        let binding = Rc::clone(binding);
        let run =
            move |context: &NativeCallContext<'_>, opaque: Opaque, arguments: Vec<Dynamic>| {
                binding.member(context, Form::Method, name, &opaque, &arguments)
            };
        add(&mut module, name, most, run);
    }
    engine.register_global_module(module.into());
    let binding_of_properties = Rc::clone(binding);
    engine.register_indexer_get(
        move |context: NativeCallContext<'_>, opaque: &mut Opaque, name: ImmutableString| {
            binding_of_properties.member(&context, Form::Property, &name, opaque, &[])
        },
    );
    let binding = Rc::clone(binding);
    engine.register_fn("stage", move |context: NativeCallContext<'_>, title: ImmutableString| {
        binding.guarded(&context, || binding.caller.stage(&title).map(|()| Value::Null))
    });
}

impl Binding {
    fn call(
        &self,
        context: &NativeCallContext<'_>,
        namespace: &str,
        name: &str,
        handle: Option<&Opaque>,
        arguments: &[Dynamic],
    ) -> Outcome {
        self.guarded(context, || {
            let mut values = Vec::with_capacity(arguments.len() + 1);
            values.extend(handle.map(|opaque| Value::Handle(opaque.handle().clone())));
            for argument in arguments {
                let (value, operations) = read(argument);
                self.effort.charge(operations);
                values.push(value?);
            }
            self.caller.call(namespace, name, values)
        })
    }

    fn member(
        &self,
        context: &NativeCallContext<'_>,
        form: Form,
        name: &str,
        opaque: &Opaque,
        arguments: &[Dynamic],
    ) -> Outcome {
        match self.names.member(form, &opaque.handle().kind, name) {
            Ok(found) => self.call(context, found.namespace, found.name, Some(opaque), arguments),
            Err(error) => self.guarded(context, || Err(error)),
        }
    }

    /// Once the run is stopped no script goes on: what is raised then cannot be caught.
    fn guarded(
        &self,
        context: &NativeCallContext<'_>,
        work: impl FnOnce() -> Result<Value, Error>,
    ) -> Outcome {
        let position = context.call_position();
        let terminated = |error: Error| {
            let token = Dynamic::from(Caught::new(error));
            Err(EvalAltResult::ErrorTerminated(token, position).into())
        };
        self.effort.charge(sandbox::OPERATIONS_OF_A_CALL);
        let origin = || format!("{}:{}", self.file, sandbox::line(context));
        if let Some(stopped) = self.caller.stopped() {
            return terminated(stopped);
        }
        match (work(), self.caller.stopped()) {
            (Err(error), Some(_)) => terminated(error.at(origin())),
            (Ok(_), Some(stopped)) => terminated(stopped.at(origin())),
            (Ok(value), None) => Ok(to_dynamic(value)),
            (Err(error), None) => {
                let caught = Dynamic::from(Caught::new(error.at(origin())));
                Err(EvalAltResult::ErrorRuntime(caught, position).into())
            }
        }
    }
}

/// What scripts can do with handles, bytes and caught errors without a primitive.
fn install_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Opaque>("handle")
        .register_fn("==", |a: Opaque, b: Opaque| a == b)
        .register_fn("!=", |a: Opaque, b: Opaque| a != b)
        .register_fn("to_string", |opaque: &mut Opaque| opaque.to_string())
        .register_fn("to_debug", |opaque: &mut Opaque| opaque.to_string())
        .register_type_with_name::<Bytes>("bytes")
        .register_fn("==", |a: Bytes, b: Bytes| a == b)
        .register_fn("!=", |a: Bytes, b: Bytes| a != b)
        .register_fn("len", |bytes: &mut Bytes| bytes.len() as i64)
        .register_fn("to_string", |_: &mut Bytes| "[bytes]")
        .register_fn("to_debug", |_: &mut Bytes| "[bytes]")
        .register_type_with_name::<Caught>("error")
        .register_fn("to_string", |caught: &mut Caught| caught.error().to_string())
        .register_fn("to_debug", |caught: &mut Caught| caught.error().to_string())
        .register_indexer_get(|caught: &mut Caught, name: ImmutableString| {
            match caught.field(&name) {
                Some(text) => Ok(text.map_or(Dynamic::UNIT, |text| text.to_owned().into())),
                None => {
                    let known = Caught::FIELDS.map(str::to_owned).to_vec();
                    let error =
                        ScriptError::unknown("field of an error", &name, known, "", 0).into();
                    let caught = Dynamic::from(Caught::new(error));
                    Err(Box::new(EvalAltResult::ErrorRuntime(caught, rhai::Position::NONE)))
                }
            }
        });
}

/// More parameters than any primitive should have.
const MOST: usize = 10;

fn add_function(
    module: &mut Module,
    name: &str,
    most: usize,
    run: impl Fn(&NativeCallContext<'_>, Vec<Dynamic>) -> Outcome + 'static,
) {
    let run = Rc::new(run);
    let without = Rc::clone(&run);
    register(name).set_into_module(module, move |context: NativeCallContext<'_>| -> Outcome {
        without(&context, Vec::new())
    });
    add(module, name, most, move |context, first: Dynamic, mut rest| {
        rest.insert(0, first);
        run(context, rest)
    });
}

/// Rhai takes native functions of a fixed number of parameters: one is added for each number that
/// leaves out parameters at the end, so that the kernel says which one is missing.
fn add<First: Clone + 'static>(
    module: &mut Module,
    name: &str,
    most: usize,
    run: impl Fn(&NativeCallContext<'_>, First, Vec<Dynamic>) -> Outcome + 'static,
) {
    assert!(most <= MOST, "{name} has more parameters than a Rhai function can");
    let run = Rc::new(run);
    macro_rules! with_parameters {
        ($($count:literal => $($param:ident)*;)*) => {
            $(if $count <= most {
                let run = Rc::clone(&run);
                register(name).set_into_module(
                    module,
                    move |context: NativeCallContext<'_>, first: First, $($param: Dynamic),*|
                          -> Outcome { run(&context, first, vec![$($param),*]) },
                );
            })*
        };
    }
    with_parameters!(
        1 =>; 2 => a; 3 => a b; 4 => a b c; 5 => a b c d; 6 => a b c d e; 7 => a b c d e f;
        8 => a b c d e f g; 9 => a b c d e f g h; 10 => a b c d e f g h i;
    );
}

fn register(name: &str) -> FuncRegistration {
    FuncRegistration::new(name).with_volatility(true)
}
