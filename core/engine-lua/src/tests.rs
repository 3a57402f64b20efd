//! Scripts against a pretend caller: names, errors, stopping, and hostile scripts against limits.

use std::rc::Rc;

use ceralacca_kernel::{Engine, Error, Registry, Source, Value};

use crate::Lua;
use crate::pretend::{Pretend, namespace};

mod hostile;
mod same_every_time;

fn source(text: &str) -> Source {
    Source { name: "test.lua".into(), text: text.into() }
}

fn run_text(text: &str, input: Value) -> (Result<Value, Error>, Vec<String>) {
    let caller = Rc::new(Pretend::default());
    let outcome = Lua.run(&source(text), input, &[namespace()], caller.clone());
    (outcome, caller.calls.take())
}

/// Runs the body of `run`.
fn run(body: &str) -> (Result<Value, Error>, Vec<String>) {
    let text =
        format!("local workflow = {{}} function workflow.run(input)\n{body}\nend return workflow");
    run_text(&text, Value::from([("x", Value::Int(1))]))
}

fn value(body: &str) -> Value {
    run(body).0.unwrap_or_else(|error| panic!("{body}\n{error}"))
}

fn error(body: &str) -> Error {
    run(body).0.map(|value| panic!("{body}\n{value:?}")).unwrap_err()
}

#[test]
fn a_workflow_runs() {
    let (outcome, calls) = run(r#"
        stage "Genera ambiente"
        local env = environment.create("folder")
        env:generate_keys { signing = "rsa-4096" }
        return { folder = env.folder, echo = environment.echo(input.x), text = `{env}`, env = env }
    "#);
    let Ok(Value::Map(map)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(map["folder"], "a/b".into());
    assert_eq!(map["echo"], 1.into());
    assert_eq!(map["text"], "[environment]".into());
    assert_eq!(map["env"].kind(), "environment");
    assert_eq!(
        calls,
        [
            "stage Genera ambiente",
            "environment::create 1",
            "environment::generate_keys 2",
            "environment::folder 1",
            "environment::echo 1",
        ]
    );
}

#[test]
fn missing_arguments_reach_the_kernel() {
    let (_, calls) = run("environment.create() environment.create(1, 2, 3)");
    assert_eq!(calls, ["environment::create 0", "environment::create 3"]);
}

#[test]
fn a_declaration_is_read_without_a_namespace() {
    let text = r#"
        -- What it does.
        local workflow = {
            summary = "Does it", uses = { "environment", "elsewhere" },
            input = {
                folder = "where",
                size = { type = "integer", prompt = "how large", preset = 5 },
            },
        }
        function workflow.run(input) elsewhere.anything(unknown) end
        return workflow
    "#;
    let declaration = Lua.declaration(&source(text)).unwrap();
    assert_eq!(declaration.summary, "Does it");
    assert_eq!(declaration.uses, ["environment", "elsewhere"]);
    assert_eq!(declaration.inputs.len(), 2);
    assert_eq!(declaration.inputs[1].preset, Some(Value::Int(5)));
    let none = "return { summary = \"x\", uses = {}, input = {}, run = function() end }";
    assert_eq!(Lua.declaration(&source(none)).unwrap().uses, Vec::<String>::new());
}

#[test]
fn bad_declarations_are_refused() {
    for (text, code) in [
        ("", "workflow.declaration"),
        ("return 5", "workflow.declaration"),
        ("return { summary = 5, run = function() end }", "workflow.declaration"),
        ("return { summry = \"\", run = function() end }", "workflow.declaration"),
        ("return { summary = \"\", uses = {} }", "script.no_run"),
        ("return { summary = \"\", uses = {}, run = 5 }", "script.no_run"),
        ("return { summary = print, run = function() end }", "script.unknown_name"),
        ("return { summary = pcall, run = function() end }", "workflow.declaration"),
        ("environment.create() return {}", "script.unknown_name"),
        ("stage \"x\" return {}", "script.unknown_name"),
        ("while true do end", "script.limit"),
        ("while true do pcall(error) end", "script.limit"),
        ("return {", "script.syntax"),
        ("local x = \"", "script.syntax"),
        ("\u{1b}Lua", "script.syntax"),
        ("error \"no\"", "script.failed"),
    ] {
        let error = Lua.declaration(&source(text)).unwrap_err();
        assert_eq!(error.code(), code, "{text}\n{error}");
    }
    let error = Lua.declaration(&source("\n  local = 5")).unwrap_err();
    assert!(error.report().next.contains("test.lua:2"), "{error}");
}

#[test]
fn unknown_names_say_what_was_meant() {
    for (body, code, text) in [
        ("enviroment.create()", "script.unknown_name", "did you mean `environment`?"),
        ("elsewhere.create()", "script.unknown_name", "add it to `uses`"),
        ("environment.crate(\"x\")", "script.unknown_name", "did you mean `create`?"),
        ("create(\"x\")", "script.unknown_name", "test.lua:2"),
        ("stag \"x\"", "script.unknown_name", "did you mean `stage`?"),
        (
            "environment.create():generate_kys {}",
            "script.unknown_name",
            "did you mean `generate_keys`?",
        ),
        ("local x = environment.create().foldr", "script.unknown_name", "did you mean `folder`?"),
        ("environment.create().generate_keys {}", "script.failed", "with a colon"),
        ("local x = inptu.x", "script.unknown_name", "inptu"),
        ("print(1)", "script.unknown_name", ""),
        ("loadstring \"x\"", "script.unknown_name", ""),
        ("require \"x\"", "script.unknown_name", ""),
        ("return os.time()", "script.unknown_name", ""),
        ("return debug.info(1, \"l\")", "script.unknown_name", ""),
        ("return coroutine.create(function() end)", "script.unknown_name", ""),
        ("return math.random()", "script.failed", "nil value"),
        ("return getfenv()", "script.unknown_name", ""),
        ("return collectgarbage()", "script.unknown_name", ""),
        ("return newproxy()", "script.unknown_name", ""),
        ("return _ceralacca_each({})", "script.syntax", ""),
        ("environment.echo(function() end)", "script.value", "a function"),
        ("return pcall", "script.value", "a function"),
        ("environment.create().folder = 1", "script.failed", ""),
        ("environment.x = 1", "script.failed", "readonly"),
        ("string.x = 1", "script.failed", "readonly"),
        ("getmetatable(\"\").__index = 1", "script.failed", ""),
        ("setmetatable(environment, {})", "script.failed", ""),
        ("setmetatable(environment.create(), {})", "script.failed", ""),
        ("rawset(environment, \"x\", 1)", "script.failed", ""),
        ("for x in environment.create() do end", "script.failed", ""),
    ] {
        let error = error(body);
        assert_eq!(error.code(), code, "{body}\n{error}");
        assert!(error.to_string().contains(text), "{body}\n{error}");
    }
}

#[test]
fn errors_of_the_kernel_stay_what_they_are() {
    let plain = error("environment.fail()");
    assert_eq!(plain.code(), "test.refused");
    assert_eq!(plain.report().origin, ["test.lua:2"]);
    assert_eq!(plain.report().state, "nothing was sent");
    let again = error("local _, e = pcall(environment.fail) \n error(e)");
    assert_eq!(again.report(), plain.report());
    let caught = |what| value(&format!("local ok, e = pcall(environment.fail) return {what}"));
    assert_eq!(
        caught("`{e.code}: {e.headline}; {e.next}`"),
        "test.refused: it was refused; try again".into()
    );
    assert_eq!(caught("e.found"), Value::Null);
    assert_eq!(caught("ok"), false.into());
    assert_eq!(caught("getmetatable(e)"), false.into());
    assert!(caught("tostring(e)").as_str().unwrap().starts_with("error[test.refused]"));
    let Value::Map(map) = caught("e") else { panic!() };
    assert_eq!(map["expected"], "one thing".into());
    let nested = error("local f = function() environment.fail() end \n table.sort({1, 2}, f)");
    assert_eq!(nested.code(), "test.refused");
    assert_eq!(nested.report().origin, ["test.lua:2"]);
    let unknown = value("local _, e = pcall(function() return nowhere.x end) return e.code");
    assert_eq!(unknown, "script.unknown_name".into());
}

#[test]
fn errors_of_the_script_name_their_line() {
    for (body, text) in [
        ("\nerror \"no good\"", "no good"),
        ("\nerror { message = \"no good\" }", "no good"),
        ("\nerror(setmetatable({}, { __tostring = function() error \"x\" end }))", "a table"),
        ("\nerror(nil)", "nil"),
        ("\nlocal a = {} a.b.c = 1", "nil"),
        ("\nreturn 1 + {}", "arithmetic"),
        ("\nassert(false, \"no good\")", "no good"),
        ("\nstring.rep()", "string"),
    ] {
        let error = error(body);
        assert_eq!(error.code(), "script.failed", "{error}");
        assert_eq!(error.report().origin, ["test.lua:3"], "{body}\n{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn once_stopped_no_script_goes_on() {
    for body in [
        "environment.stop() environment.echo(1)",
        "pcall(environment.stop) environment.echo(1)",
        "while true do pcall(environment.stop) pcall(environment.echo, 1) end",
        "local function f(n) if n > 0 then pcall(f, n - 1) end environment.stop() end \
         pcall(f, 9) environment.echo(1)",
        "local t = setmetatable({}, { __index = function() environment.stop() end }) \
         pcall(function() return t.x end) environment.echo(1)",
        "table.sort({ 3, 2, 1 }, function() pcall(environment.stop) environment.echo(1) end)",
        "string.gsub(\"aaa\", \"a\", function() pcall(environment.stop) environment.echo(1) end)",
        "local meta = { __tostring = function() pcall(environment.stop) return \"\" end } \
         local t = setmetatable({}, meta) tostring(t) environment.echo(1)",
        "for i = 1, 5 do pcall(function() environment.stop() end) stage \"x\" end",
    ] {
        let (outcome, calls) = run(body);
        assert_eq!(outcome.unwrap_err().code(), "test.refused", "{body}");
        assert_eq!(calls, ["environment::stop 0"], "{body}");
    }
}

#[test]
fn handles_are_opaque_and_comparable() {
    assert_eq!(value("return environment.create() == environment.create()"), true.into());
    assert_eq!(value("return environment.create() ~= environment.create()"), false.into());
    assert_eq!(value("return environment.create() == 1"), false.into());
    assert_eq!(value("return getmetatable(environment.create())"), false.into());
    assert_eq!(value("return typeof(environment.create())"), "handle".into());
    assert_eq!(value("return type(environment.create())"), "userdata".into());
}

#[test]
fn definitions_name_everything_once() {
    let mut registry = Registry::new();
    registry.add_namespace(namespace());
    let (file, text) = Lua.definitions(&registry);
    assert_eq!(file, "ceralacca.d.luau");
    for line in [
        "declare function stage(title: string): ()",
        "export type KeyOptions = {",
        "\t--- Algorithm of the signature key.",
        "\tbits: number?,",
        "declare extern type Environment with",
        "\t--- Makes both key pairs.",
        "\tfunction generate_keys(self, options: KeyOptions): ()",
        "\tfolder: string",
        "declare extern type Secret with",
        "declare environment: {",
        "\tcreate: (folder: string, password: Secret?) -> Environment,",
    ] {
        assert_eq!(text.lines().filter(|known| *known == line).count(), 1, "{line}\n{text}");
    }
    assert_eq!(text, Lua.definitions(&registry).1);
}
