//! What a script gets wrong: its declaration, its language, what it calls and with what.

use std::fs;

use super::{Place, Snapshot, check, each, untouched};
use crate::stage::{Served, Stage, codice_fiscale};

/// Golden file, what the declaration holds, and the rest of the script. None of them is started.
const DECLARATIONS: [(&str, &str, &str); 10] = [
    ("script.syntax", r#"summary: "x", uses: []"#, "fn run(input) { let = 1; }"),
    ("script.no_run", r#"summary: "x", uses: []"#, "fn corri(input) { 1 }"),
    ("workflow.declaration.none", "", RUN),
    ("workflow.declaration.field", r#"summary: "x", uses: [], colour: "blue""#, RUN),
    ("workflow.declaration.missing", r#"summary: "x""#, RUN),
    (
        "workflow.declaration.input",
        r#"summary: "x", uses: [], input: #{ a: #{ prompt: "A", defalt: "1" } }"#,
        RUN,
    ),
    ("workflow.unknown_namespace", r#"summary: "x", uses: ["enviroment"]"#, RUN),
    ("workflow.unknown_namespace.far", r#"summary: "x", uses: ["firma"]"#, RUN),
    (
        "workflow.unknown_input_type",
        r#"summary: "x", uses: [], input: #{ a: #{ type: "importo", prompt: "A" } }"#,
        RUN,
    ),
    (
        "input.wrong",
        r#"summary: "x", uses: [], input: #{ a: #{ type: "integer", prompt: "A", preset: "1a" } }"#,
        RUN,
    ),
];

const RUN: &str = "fn run(input) { 1 }";

#[test]
fn workflows_that_cannot_be_started() {
    let stage = Stage::embedded();
    each(DECLARATIONS, |(case, declaration, rest)| {
        let text = match declaration {
            "" => format!("{rest}\n"),
            declaration => format!("const WORKFLOW = #{{ {declaration} }};\n{rest}\n"),
        };
        fs::write(stage.path("mio.rhai"), text).unwrap();
        let before = Snapshot::of(stage.folder.path());
        let finished = stage.run(&["run", "./mio.rhai"]);
        check(case, 2, &finished, Place::new(&stage));
        if case != "script.no_run" {
            untouched(case, stage.folder.path(), &before);
        }
    });
}

/// Golden file, exit code, body of `run`. Each has a workspace of its own, and every namespace.
const BODIES: [(&str, i32, &str); 27] = [
    ("certif_in.malformed", 1, r#"ambiente().import_certificates(blob(2, 0))"#),
    ("script.failed", 1, r#"throw "il file non va bene""#),
    ("script.failed.language", 1, "let a = [1]; a[7]"),
    ("script.limit.loop", 1, "loop { }"),
    ("script.limit.text", 1, r#"let t = "x"; loop { t += t; }"#),
    ("script.limit.recursion", 1, "ancora(1)"),
    ("script.unknown_name.namespace", 2, r#"firma::cades("x")"#),
    ("script.unknown_name.primitive", 2, r#"environment::creat("a", prompt::secret("password"))"#),
    ("script.unknown_name.method", 2, r#"ambiente().generate_key()"#),
    ("script.unknown_name.property", 2, r#"ambiente().expire"#),
    ("script.arguments.type", 2, r#"identity::account(1, 2, 3, 4)"#),
    ("script.value", 2, r#"prompt::show("x", Fn("ancora"))"#),
    ("value.too_large", 1, r#"let t = [1]; for n in 0..40 { t = [t]; } prompt::show("x", t)"#),
    (
        "primitive.wrong_argument.field",
        2,
        r#"ambiente().generate_keys(#{ signing: "rsa-4096", encription: "rsa-4096" })"#,
    ),
    ("primitive.wrong_argument.choice", 2, r#"ambiente().generate_keys(#{ signing: "rsa-2048" })"#),
    ("primitive.wrong_argument.handle", 2, r#"environment::create("a", ambiente())"#),
    (
        "identity.codice_fiscale_check_letter.script",
        2,
        r#"identity::account("RSSMRA85M01H501Z", "000")"#,
    ),
    ("secret.unknown_kind", 2, r#"prompt::secret("pinocode")"#),
    ("secret.too_short.codice_pin", 2, r#"prompt::secret("codice_pin")"#),
    ("secret.too_long.password_esistente", 2, r#"prompt::secret("password_esistente")"#),
    (
        "agency.utente",
        2,
        r#"agency::access("", prompt::secret("portal_password"), prompt::secret("pincode"))"#,
    ),
    (
        "environment.disk_missing.open",
        1,
        r#"environment::open("nowhere", prompt::secret("password"))"#,
    ),
    ("environment.no_pending_keys", 1, r#"chiedi(ambiente(), agency::ca_certificates())"#),
    (
        "environment.disk_missing",
        1,
        r#"environment::create("nowhere/ambiente", prompt::secret("password"))"#,
    ),
    (
        "environment.disk_failure",
        1,
        r#"let n = "a"; n.pad(300, "a"); environment::create(n, prompt::secret("password"))"#,
    ),
    ("certificate.malformed", 1, r#"chiedi(chiavi(), [blob(8, 0x30)])"#),
    ("request.ca_unusable", 1, r#"chiedi(chiavi(), [])"#),
];

/// What the bodies can use.
const DEFINITIONS: &str = r#"
fn ancora(n) { ancora(n + 1) }
fn ambiente() { environment::create("ambiente", prompt::secret("password")) }
fn chiavi() { let env = ambiente(); env.generate_keys(); env }
fn chiedi(env, ca) {
    let account = identity::account("RSSMRA85M01H501Q", "000");
    env.certificate_request(account, prompt::secret("pincode"), prompt::secret("pin_di_revoca"), ca)
}
"#;

#[test]
fn scripts_that_go_wrong_while_they_run() {
    let served = Served::start();
    let mut account = served.account(&codice_fiscale(61_000));
    account.set("codice_pin", Some(""));
    account.set("password_esistente", Some("abcdefghijklmnopqrstuvw"));
    each(BODIES, |(case, exit, body)| {
        let stage = Stage::new(&served);
        let text = format!(
            "const WORKFLOW = #{{ summary: `x`, uses: [`agency`, `environment`, `identity`, \
             `prompt`] }};\nfn run(input) {{ {body} }}\n{DEFINITIONS}"
        );
        fs::write(stage.path("mio.rhai"), text).unwrap();
        let documents = Snapshot::of(&stage.path("Documenti"));
        let secrets = account.secrets_file.display().to_string();
        let finished = stage.run(&["run", "./mio.rhai", "--secrets", &secrets]);
        check(case, exit, &finished, Place::with(&stage, &served, &account));
        untouched(case, &stage.path("Documenti"), &documents);
    });
    assert_eq!(served.requests(), 0);
}

/// As `BODIES`, in Lua: the same codes, with the words of that language.
const LUA: [(&str, i32, &str); 12] = [
    ("script.syntax.lua", 2, "local = 1"),
    ("script.failed.lua", 1, "error('il file non va bene')"),
    ("script.failed.lua_language", 1, "local a = nil; return a.b"),
    ("script.limit.lua_loop", 1, "while true do end"),
    ("script.limit.lua_text", 1, "local t = 'x'; while true do t = t .. t end"),
    ("script.order", 1, "for k in pairs({ [{}] = 1, [{}] = 2 }) do end"),
    ("script.unknown_name.lua_namespace", 2, "firma.cades('x')"),
    ("script.unknown_name.lua_primitive", 2, "environment.creat('a', prompt.secret 'password')"),
    ("script.unknown_name.lua_method", 2, "ambiente():generate_key()"),
    ("script.value.lua", 2, "prompt.show('x', function() end)"),
    (
        "primitive.wrong_argument.lua_field",
        2,
        "ambiente():generate_keys { encription = 'rsa-4096' }",
    ),
    ("primitive.wrong_argument.lua_handle", 2, "environment.create('a', ambiente())"),
];

#[test]
fn lua_scripts_that_go_wrong() {
    let served = Served::start();
    let account = served.account(&codice_fiscale(61_100));
    each(LUA, |(case, exit, body)| {
        let stage = Stage::new(&served);
        let text = format!(
            "local workflow = {{ summary = \"x\", uses = {{ \"agency\", \"environment\", \
             \"identity\", \"prompt\" }} }}\nlocal function ambiente() return \
             environment.create(\"ambiente\", prompt.secret \"password\") end\n\
             function workflow.run(input)\n  {body}\nend\nreturn workflow\n"
        );
        fs::write(stage.path("mio.lua"), text).unwrap();
        let documents = Snapshot::of(&stage.path("Documenti"));
        let secrets = account.secrets_file.display().to_string();
        let finished = stage.run(&["run", "./mio.lua", "--secrets", &secrets]);
        check(case, exit, &finished, Place::with(&stage, &served, &account));
        untouched(case, &stage.path("Documenti"), &documents);
    });
    assert_eq!(served.requests(), 0);
}
