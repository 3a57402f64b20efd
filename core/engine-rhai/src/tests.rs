//! Scripts against a pretend caller: names, errors, stopping, and hostile scripts against limits.

use std::rc::Rc;

use ceralacca_kernel::{Engine, Error, Registry, Source, Value};

use crate::Rhai;
use crate::pretend::{Pretend, namespace};

mod hostile;

fn source(text: &str) -> Source {
    Source { name: "test.rhai".into(), text: text.into() }
}

fn run_text(text: &str, input: Value) -> (Result<Value, Error>, Vec<String>) {
    let caller = Rc::new(Pretend::default());
    let outcome = Rhai.run(&source(text), input, &[namespace()], caller.clone());
    (outcome, caller.calls.take())
}

/// Runs the body of `run`.
fn run(body: &str) -> (Result<Value, Error>, Vec<String>) {
    run_text(&format!("fn run(input) {{\n{body}\n}}"), Value::from([("x", Value::Int(1))]))
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
        stage("Genera ambiente");
        let env = environment::create("folder");
        env.generate_keys(#{ signing: "rsa-4096" });
        #{ folder: env.folder, echo: environment::echo(input.x), text: `${env}`, env: env }
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
    let (_, calls) = run("environment::create(); environment::create(1, 2);");
    assert_eq!(calls, ["environment::create 0", "environment::create 2"]);
}

#[test]
fn a_declaration_is_read_without_running() {
    let text = r#"
        //! What it does.
        const WORKFLOW = #{
            summary: "Does it", uses: ["environment", "elsewhere"],
            input: #{ folder: "where", size: #{ type: "integer", prompt: "how large", preset: 5 } },
        };
        throw "the top level is not run";
        fn run(input) { elsewhere::anything(unknown) }
    "#;
    let declaration = Rhai.declaration(&source(text)).unwrap();
    assert_eq!(declaration.summary, "Does it");
    assert_eq!(declaration.uses, ["environment", "elsewhere"]);
    assert_eq!(declaration.inputs.len(), 2);
    assert_eq!(declaration.inputs[1].preset, Some(Value::Int(5)));
}

#[test]
fn bad_declarations_are_refused() {
    for (text, code) in [
        ("", "workflow.declaration"),
        ("fn run(input) {}", "workflow.declaration"),
        ("const WORKFLOW = #{ summary: 1 + 1 }; fn run(input) {}", "workflow.declaration"),
        ("const WORKFLOW = 5; fn run(input) {}", "workflow.declaration"),
        ("const WORKFLOW = #{ summry: \"\" }; fn run(input) {}", "workflow.declaration"),
        ("const WORKFLOW = #{ summary: \"\", uses: [] };", "script.no_run"),
        ("const WORKFLOW = #{ summary: \"\", uses: [] }; fn run() {}", "script.no_run"),
        ("const WORKFLOW = #{ summary: }", "script.syntax"),
        ("let x = \"\u{0}", "script.syntax"),
    ] {
        let error = Rhai.declaration(&source(text)).unwrap_err();
        assert_eq!(error.code(), code, "{text}\n{error}");
    }
    let error = Rhai.declaration(&source("\n  fn run(input) { let }")).unwrap_err();
    assert!(error.report().next.contains("test.rhai:2:"), "{error}");
}

#[test]
fn unknown_names_say_what_was_meant() {
    for (body, code, text) in [
        ("enviroment::create()", "script.unknown_name", "did you mean `environment`?"),
        ("elsewhere::create()", "script.unknown_name", "add it to `uses`"),
        ("environment::crate(\"x\")", "script.unknown_name", "did you mean `create`?"),
        ("environment.create(\"x\")", "script.unknown_name", "did you mean `environment::`?"),
        ("create(\"x\")", "script.unknown_name", "test.rhai:2"),
        ("stag(\"x\")", "script.unknown_name", "did you mean `stage`?"),
        ("environment::create().generate_kys(#{})", "script.unknown_name", "generate_keys"),
        ("environment::create().foldr", "script.unknown_name", "did you mean `folder`?"),
        ("environment::create(1, 2, 3)", "script.arguments", "create(folder, password)"),
        ("environment::create().generate_keys(1, 2)", "script.arguments", "generate_keys(options)"),
        ("inptu.x", "script.unknown_name", "inptu"),
        ("this.x", "script.syntax", ""),
        ("print(1)", "script.syntax", ""),
        ("eval(\"1\")", "script.syntax", ""),
        ("import \"x\" as y;", "script.syntax", ""),
        ("sleep(1)", "script.unknown_name", ""),
        ("timestamp()", "script.unknown_name", ""),
        ("rand()", "script.unknown_name", ""),
        ("exit()", "script.unknown_name", ""),
        ("environment::echo(|x| x)", "script.value", "a function"),
        ("|x| x", "script.value", "a function"),
        ("let env = environment::create(); env.folder = 1", "script.failed", ""),
        ("for x in environment::create() {}", "script.failed", ""),
    ] {
        let error = error(body);
        assert_eq!(error.code(), code, "{body}\n{error}");
        assert!(error.to_string().contains(text), "{body}\n{error}");
    }
}

#[test]
fn errors_of_the_kernel_stay_what_they_are() {
    let plain = error("environment::fail()");
    assert_eq!(plain.code(), "test.refused");
    assert_eq!(plain.report().origin, ["test.rhai:2"]);
    assert_eq!(plain.report().state, "nothing was sent");
    let caught = |what| {
        value(&format!("let r; try {{ environment::fail() }} catch (e) {{ r = {what}; }} r"))
    };
    let again = error("try { environment::fail() } catch (e) { \n throw e; }");
    assert_eq!(again.report(), plain.report());
    assert_eq!(
        caught("`${e.code}: ${e.headline}; ${e.next}`"),
        "test.refused: it was refused; try again".into()
    );
    assert_eq!(caught("e.found"), Value::Null);
    let Value::Map(map) = caught("e") else { panic!() };
    assert_eq!(map["expected"], "one thing".into());
    let nested = error("let f = || environment::fail(); [1].map(|x| f.call())");
    assert_eq!(nested.code(), "test.refused");
}

#[test]
fn errors_of_the_script_name_their_line() {
    for (body, text) in [
        ("\nthrow \"no good\";", "no good"),
        ("\nthrow #{ message: \"no good\" };", "no good"),
        ("\nlet a = [1]; a[7]", "7"),
        ("\n1 / 0", "zero"),
        ("\ninput.x.y.z", ""),
    ] {
        let error = error(body);
        assert_eq!(error.code(), "script.failed", "{error}");
        assert_eq!(error.report().origin, ["test.rhai:3"], "{body}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn once_stopped_no_script_goes_on() {
    for body in [
        "environment::stop(); environment::echo(1)",
        "try { environment::stop() } catch { environment::echo(1) }",
        "loop { try { environment::stop() } catch { environment::echo(1) } }",
        "let f = || environment::stop(); try { [1].map(|x| f.call()) } catch { } \
         environment::echo(1)",
        "fn f() { try { environment::stop() } catch { } } \n f(); environment::echo(1)",
        "`${environment::stop()}`",
        "for i in 0..5 { try { if environment::stop() == () { } } catch (e) { stage(\"x\"); } }",
    ] {
        let text = match body.split_once(" \n ") {
            Some((function, rest)) => format!("{function}\nfn run(input) {{\n{rest}\n}}"),
            None => format!("fn run(input) {{\n{body}\n}}"),
        };
        let (outcome, calls) = run_text(&text, Value::Null);
        assert_eq!(outcome.unwrap_err().code(), "test.refused", "{body}");
        assert_eq!(calls, ["environment::stop 0"], "{body}");
    }
}

#[test]
fn handles_are_opaque_and_comparable() {
    assert_eq!(value("environment::create() == environment::create()"), true.into());
    assert_eq!(value("environment::create() != environment::create()"), false.into());
    assert_eq!(value("environment::create() == 1"), false.into());
    assert_eq!(value("[environment::create()].to_string()"), "[[environment]]".into());
    assert_eq!(value("type_of(environment::create())"), "handle".into());
    assert_eq!(
        value("#{ a: environment::create() }.to_string()"),
        "#{\"a\": [environment]}".into()
    );
    let json = value("#{ a: environment::create() }.to_json()");
    assert!(!json.as_str().unwrap().contains("0x"), "{json:?}");
}

#[test]
fn maps_are_ordered_and_numbers_agree() {
    assert_eq!(
        value("let t = \"\"; for k in #{ b: 1, a: 2, c: 3 }.keys() { t += k; } t"),
        "abc".into()
    );
    assert_eq!(value("environment::echo(10.0 / 2)"), Value::Int(5));
    assert_eq!(value("2.5 * 2.0"), Value::Int(5));
    assert_eq!(value("9007199254740993"), Value::Int(9_007_199_254_740_993));
    assert_eq!(value("#{ a: () }"), Value::Map(Default::default()));
    assert_eq!(value("blob(3, 7)"), Value::Bytes(vec![7; 3]));
    assert_eq!(value("'x'"), "x".into());
}

#[test]
fn definitions_name_everything_once() {
    let mut registry = Registry::new();
    registry.add_namespace(namespace());
    let (file, text) = Rhai.definitions(&registry);
    assert_eq!(file, "ceralacca.d.rhai");
    for line in [
        "module static;",
        "fn stage(title: String);",
        "/// Makes both key pairs.",
        "/// `options`: #{ signing: String, bits: int or nothing }",
        "fn generate_keys(env: Environment, options: Map);",
        "fn get folder(env: Environment) -> String;",
        "module environment {",
        "\tfn create(folder: String) -> Environment;",
        "\tfn create(folder: String, password: Secret | ()) -> Environment;",
        "\tfn echo(value: int) -> int;",
    ] {
        assert_eq!(text.lines().filter(|known| *known == line).count(), 1, "{line}\n{text}");
    }
    assert_eq!(text, Rhai.definitions(&registry).1);
}
