//! One generic binding of primitives: namespaces as read-only tables, methods and properties on
//! handles.

use std::rc::Rc;

use ceralacca_kernel::{Caller, Error, Form, Namespace, Primitive, ScriptError, Value};
use mlua::{Lua, LuaString, MetaMethod, MultiValue, Table, UserDataFields, UserDataMethods};

use crate::bridge::{Opaque, read, to_lua};
use crate::sandbox::{Meter, STEPS_OF_A_CALL};
use crate::thrown;

/// The road from a script's names to the caller.
pub(crate) struct Binding {
    /// Name of the script's file, for origins.
    pub(crate) file: String,
    /// What there is.
    pub(crate) namespaces: Vec<Namespace>,
    /// Where calls go.
    pub(crate) caller: Rc<dyn Caller>,
    /// What calls are charged to.
    pub(crate) meter: Rc<Meter>,
}

/// The names that a script finds beside the library: the namespaces and `stage`.
pub(crate) fn install(lua: &Lua, binding: &Rc<Binding>) -> mlua::Result<Table> {
    install_handles(lua, binding)?;
    let names = lua.create_table()?;
    for namespace in &binding.namespaces {
        names.raw_set(namespace.name, namespace_table(lua, binding, namespace)?)?;
    }
    let staging = Rc::clone(binding);
    let stage = lua.create_function(move |lua, title: LuaString| {
        let title = title.to_str()?.to_owned();
        staging.meter.charge(STEPS_OF_A_CALL)?;
        staging.guarded(lua, || staging.caller.stage(&title).map(|()| Value::Null))
    })?;
    names.raw_set("stage", stage)?;
    names.set_readonly(true);
    Ok(names)
}

fn namespace_table(lua: &Lua, binding: &Rc<Binding>, namespace: &Namespace) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let functions = || namespace.primitives.iter().filter(|p| p.form == Form::Function);
    for primitive in functions() {
        let binding = Rc::clone(binding);
        let function = lua.create_function(move |lua, arguments: MultiValue| {
            binding.call(lua, primitive, None, &arguments)
        })?;
        table.raw_set(primitive.name, function)?;
    }
    let (name, binding) = (namespace.name, Rc::clone(binding));
    let known: Vec<_> = functions().map(|primitive| primitive.name.to_owned()).collect();
    let missing = lua.create_function(move |lua, (_, key): (Table, mlua::Value)| {
        let what = format!("function of {name}");
        Err::<mlua::Value, _>(binding.unknown(lua, what, &key, known.clone()))
    })?;
    let hidden = lua.create_table()?;
    hidden.raw_set("__index", missing)?;
    hidden.raw_set("__metatable", false)?;
    table.set_metatable(Some(hidden))?;
    table.set_readonly(true);
    Ok(table)
}

/// One type for handles of every kind; what a handle has is looked up by its kind.
fn install_handles(lua: &Lua, binding: &Rc<Binding>) -> mlua::Result<()> {
    let methods = lua.create_table()?;
    for primitive in binding.members().filter(|primitive| primitive.form == Form::Method) {
        let binding = Rc::clone(binding);
        let method = lua.create_function(move |lua, (this, rest): (mlua::Value, MultiValue)| {
            let opaque = binding.this(lua, &this, primitive)?;
            binding.call(lua, primitive, Some(&opaque), &rest)
        })?;
        methods.raw_set(key_of(primitive.kind.unwrap_or_default(), primitive.name), method)?;
    }
    let binding = Rc::clone(binding);
    lua.register_userdata_type::<Opaque>(|registry| {
        registry.add_meta_field("__type", "handle");
        registry.add_meta_method(MetaMethod::ToString, |_, opaque, ()| {
            Ok(format!("[{}]", opaque.handle().kind))
        });
        registry.add_meta_function(MetaMethod::Eq, |_, (a, b): (mlua::Value, mlua::Value)| {
            let (Some(a), Some(b)) = (as_opaque(&a), as_opaque(&b)) else {
                return Ok(false);
            };
            Ok(a == b)
        });
        registry.add_meta_method(MetaMethod::Index, move |lua, opaque, key: mlua::Value| {
            binding.index(lua, opaque, &key, &methods)
        });
    })
}

fn key_of(kind: &str, name: &str) -> String {
    format!("{kind}.{name}")
}

fn as_opaque(value: &mlua::Value) -> Option<Opaque> {
    let data = value.as_userdata()?;
    data.borrow::<Opaque>().ok().map(|opaque| opaque.clone())
}

impl Binding {
    fn members(&self) -> impl Iterator<Item = &'static Primitive> {
        let primitives = self.namespaces.iter().flat_map(|namespace| namespace.primitives);
        primitives.filter(|primitive| primitive.form != Form::Function)
    }

    fn index(
        &self,
        lua: &Lua,
        opaque: &Opaque,
        key: &mlua::Value,
        methods: &Table,
    ) -> mlua::Result<mlua::Value> {
        let kind = opaque.handle().kind.as_str();
        if let Some(name) = key.as_string().and_then(|name| name.to_str().ok()) {
            let method = methods.raw_get::<mlua::Value>(key_of(kind, &name))?;
            if !method.is_nil() {
                return Ok(method);
            }
            let property = |primitive: &&Primitive| {
                primitive.kind == Some(kind)
                    && primitive.form == Form::Property
                    && primitive.name == &*name
            };
            if let Some(primitive) = self.members().find(property) {
                return self.call(lua, primitive, Some(opaque), &MultiValue::new());
            }
        }
        let known = self.members().filter(|primitive| primitive.kind == Some(kind));
        let known = known.map(|primitive| primitive.name.to_owned()).collect();
        Err(self.unknown(lua, format!("method or property of {kind}"), key, known))
    }

    /// The handle before the colon.
    fn this(&self, lua: &Lua, this: &mlua::Value, primitive: &Primitive) -> mlua::Result<Opaque> {
        as_opaque(this)
            .filter(|opaque| Some(opaque.handle().kind.as_str()) == primitive.kind)
            .ok_or_else(|| {
                let kind = primitive.kind.unwrap_or_default();
                let name = primitive.name;
                let message = format!("`{name}` is called as {kind}:{name}(…), with a colon");
                let line = thrown::line(lua, &self.file).unwrap_or(0);
                let file = self.file.clone();
                let error = Error::from(ScriptError::Failed { file, line, message });
                mlua::Error::external(self.with_origin(lua, error))
            })
    }

    fn call(
        &self,
        lua: &Lua,
        primitive: &Primitive,
        opaque: Option<&Opaque>,
        arguments: &MultiValue,
    ) -> mlua::Result<mlua::Value> {
        let mut steps = STEPS_OF_A_CALL;
        let mut values = Vec::with_capacity(arguments.len() + 1);
        values.extend(opaque.map(|opaque| Ok(Value::Handle(opaque.handle().clone()))));
        for argument in arguments {
            let (value, more) = read(argument);
            steps += more;
            values.push(value);
        }
        self.meter.charge(steps)?;
        self.guarded(lua, || {
            let values = values.into_iter().collect::<Result<_, Error>>()?;
            self.caller.call(primitive.namespace, primitive.name, values)
        })
    }

    /// Once the run is stopped no script goes on: the meter then fails every step.
    fn guarded(
        &self,
        lua: &Lua,
        work: impl FnOnce() -> Result<Value, Error>,
    ) -> mlua::Result<mlua::Value> {
        if let Some(stopped) = self.caller.stopped() {
            return Err(mlua::Error::external(stopped));
        }
        match (work(), self.caller.stopped()) {
            (Err(error), _) | (Ok(_), Some(error)) => {
                Err(mlua::Error::external(self.with_origin(lua, error)))
            }
            (Ok(value), None) => to_lua(lua, value),
        }
    }

    fn unknown(
        &self,
        lua: &Lua,
        what: String,
        name: &mlua::Value,
        known: Vec<String>,
    ) -> mlua::Error {
        let line = thrown::line(lua, &self.file).unwrap_or(0);
        let name = thrown::name(name);
        let error = Error::from(ScriptError::unknown(what, &name, known, &self.file, line));
        mlua::Error::external(self.with_origin(lua, error))
    }

    fn with_origin(&self, lua: &Lua, error: Error) -> Error {
        match thrown::line(lua, &self.file) {
            Some(line) => error.at(format!("{}:{line}", self.file)),
            None => error.at(self.file.clone()),
        }
    }
}
