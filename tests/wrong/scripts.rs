//! What a script gets wrong: its declaration, its language, what it calls and with what.

use std::fs;

use super::{Place, Snapshot, check, each, untouched};
use crate::stage::{Served, Stage, codice_fiscale};

/// Golden file, whole text of the script. None of them is started.
const DECLARATIONS: [(&str, &str); 10] = [
    (
        "script.syntax",
        "const WORKFLOW = #{ summary: \"x\", uses: [] };\nfn run(input) { let = 1; }\n",
    ),
    ("script.no_run", "const WORKFLOW = #{ summary: \"x\", uses: [] };\nfn corri(input) { 1 }\n"),
    ("workflow.declaration.none", "fn run(input) { 1 }\n"),
    (
        "workflow.declaration.field",
        "const WORKFLOW = #{ summary: \"x\", uses: [], colour: \"blue\" };\nfn run(input) { 1 }\n",
    ),
    (
        "workflow.declaration.missing",
        "const WORKFLOW = #{ summary: \"x\" };\nfn run(input) { 1 }\n",
    ),
    (
        "workflow.declaration.input",
        "const WORKFLOW = #{ summary: \"x\", uses: [], input: #{ a: #{ prompt: \"A\", defalt: \"1\" } } };\nfn run(input) { 1 }\n",
    ),
    (
        "workflow.unknown_namespace",
        "const WORKFLOW = #{ summary: \"x\", uses: [\"enviroment\"] };\nfn run(input) { 1 }\n",
    ),
    (
        "workflow.unknown_namespace.far",
        "const WORKFLOW = #{ summary: \"x\", uses: [\"firma\"] };\nfn run(input) { 1 }\n",
    ),
    (
        "workflow.unknown_input_type",
        "const WORKFLOW = #{ summary: \"x\", uses: [], input: #{ a: #{ type: \"date\", prompt: \"A\" } } };\nfn run(input) { 1 }\n",
    ),
    (
        "input.wrong",
        "const WORKFLOW = #{ summary: \"x\", uses: [], input: #{ a: #{ type: \"integer\", prompt: \"A\", preset: \"uno\" } } };\nfn run(input) { 1 }\n",
    ),
];

#[test]
fn workflows_that_cannot_be_started() {
    let stage = Stage::embedded();
    each(DECLARATIONS, |(case, text)| {
        fs::write(stage.path("mio.rhai"), text).unwrap();
        let before = Snapshot::of(stage.folder.path());
        let finished = stage.run(&["run", "./mio.rhai"]);
        check(case, 2, &finished, Place::new(&stage));
        if case != "script.no_run" {
            untouched(case, stage.folder.path(), &before);
        }
    });
}

/// Golden file, exit code, body of `run`. Each runs in a workspace of its own, with every namespace.
const BODIES: [(&str, i32, &str); 26] = [
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
    (
        "environment.no_pending_keys",
        1,
        r#"ambiente().certificate_request(identity::account("RSSMRA85M01H501Q", "000"), prompt::secret("pincode"), prompt::secret("pin_di_revoca"), agency::ca_certificates())"#,
    ),
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
    (
        "certificate.malformed",
        1,
        r#"chiavi().certificate_request(identity::account("RSSMRA85M01H501Q", "000"), prompt::secret("pincode"), prompt::secret("pin_di_revoca"), [blob(8, 0x30)])"#,
    ),
    (
        "request.ca_unusable",
        1,
        r#"chiavi().certificate_request(identity::account("RSSMRA85M01H501Q", "000"), prompt::secret("pincode"), prompt::secret("pin_di_revoca"), [])"#,
    ),
];

/// What the bodies can use.
const DEFINITIONS: &str = r#"
fn ancora(n) { ancora(n + 1) }
fn ambiente() { environment::create("ambiente", prompt::secret("password")) }
fn chiavi() { let env = ambiente(); env.generate_keys(); env }
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
            "const WORKFLOW = #{{ summary: \"x\", uses: [\"agency\", \"environment\", \"identity\", \
             \"prompt\"] }};\nfn run(input) {{ {body} }}\n{DEFINITIONS}"
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
