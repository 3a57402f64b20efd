//! What goes wrong while an impronta is filed: small workflows of one mistake each.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use serde_json::json;

use super::{Place, check, each};
use crate::stage::impronta::Filing;
use crate::stage::{Finished, Served, Stage, codice_fiscale};

/// Golden file, what is made ready, and the body of the workflow.
type Case = (&'static str, fn(&Served, &Stage), &'static str);

/// Words that the bodies use.
const WORDS: [(&str, &str); 5] = [
    ("SIGNED", "signing::cades(INDEX, SIGNER)"),
    ("INDEX", "archive::index(\"archivio\")"),
    ("SIGNER", "keystore::open_pkcs12(\"responsabile.p12\", prompt::secret(\"signer_password\"))"),
    ("ENV", "environment::open(\"ambiente\", prompt::secret(\"password_esistente\"))"),
    (
        "FIELDS",
        "dal: \"2025-01-01\", al: \"2025-12-31\", tipi_documento: [\"D01\"], \
         soggetto_interessato: #{ codice_fiscale: \"RSSMRA85M01H501Q\", denominazione: \"X\" }",
    ),
];

/// A workspace with a small archive and the workflow `prova.rhai`.
pub fn ready(filing: &Filing<'_>, body: &str) -> Stage {
    let stage = filing.stage();
    fs::create_dir_all(stage.path("archivio/lotto-01")).unwrap();
    fs::write(stage.path("archivio/lotto-01/fattura.xml"), "<fattura/>").unwrap();
    fs::create_dir(stage.path("altro")).unwrap();
    fs::write(stage.path("altro/fattura.xml"), "<altra/>").unwrap();
    fs::write(stage.path("testo.txt"), "Nel mezzo del cammin di nostra vita\n").unwrap();
    let mut body = body.to_owned();
    for (word, text) in WORDS {
        body = body.replace(word, text);
    }
    let workflow = format!(
        "const WORKFLOW = #{{ summary: \"Prova\", input: #{{}},\n    \
         uses: [\"agency\", \"archive\", \"environment\", \"impronta\", \"inspect\", \"keystore\", \
         \"prompt\", \"signing\", \"timestamp\"] }};\nfn run(input) {{\n    {body}\n}}\n"
    );
    fs::write(stage.path("prova.rhai"), workflow).unwrap();
    stage
}

/// Runs it as a person would type it.
pub fn prova(filing: &Filing<'_>, stage: &Stage, more: &[&str]) -> Finished {
    let secrets = filing.account.secrets_file.display().to_string();
    let mut arguments = vec!["run", "./prova.rhai", "--approve", "--secrets", &secrets];
    arguments.extend(more);
    stage.run(&arguments)
}

/// The index and the archive it is of.
const ARCHIVES: [Case; 16] = [
    (
        "archive.differs",
        |_, stage| {
            let sum = "0".repeat(64);
            fs::write(stage.path("somme.txt"), format!("{sum}  fattura.xml\n{sum}  manca.xml\n"))
                .unwrap();
        },
        "archive::require_intact(archive::verify_file(\"somme.txt\", \"altro\"));",
    ),
    (
        "archive.empty",
        |_, stage| fs::create_dir(stage.path("vuoto")).unwrap(),
        "archive::index(\"vuoto\");",
    ),
    ("archive.file_name", nothing, "archive::index(\"archivio\", #{ name: \"a/b\" });"),
    (
        "archive.index_changed",
        nothing,
        "let index = INDEX; archive::index(\"altro\"); archive::verify(index, \"archivio\");",
    ),
    (
        "archive.index_damaged",
        |_, stage| {
            let made = stage.run(&["run", "./indice.rhai"]);
            made.expect_success();
            let index = fs::read_to_string(stage.path("Documenti/impronte/1/indice.xml")).unwrap();
            let damaged = index.replacen("documenti=\"1\"", "documenti=\"2\"", 1);
            assert_ne!(index, damaged, "{index}");
            fs::write(stage.path("indice.xml"), damaged).unwrap();
        },
        "archive::verify_file(\"indice.xml\", \"archivio\");",
    ),
    ("archive.index_inside", nothing, "archive::index(\"Documenti\");"),
    ("archive.index_unreadable", nothing, "archive::verify_file(\"manca.xml\", \"archivio\");"),
    (
        "archive.link",
        |_, stage| symlink("../../testo.txt", stage.path("archivio/lotto-01/a.txt")).unwrap(),
        "INDEX;",
    ),
    (
        "archive.list",
        |_, stage| fs::write(stage.path("elenco.txt"), "testo.txt\n../altrove.txt\n").unwrap(),
        "archive::index(\"elenco.txt\");",
    ),
    (
        "archive.loose_documents",
        |_, stage| fs::write(stage.path("archivio/sciolto.xml"), "<a/>").unwrap(),
        "archive::index(\"archivio\", #{ lots: \"folders\" });",
    ),
    (
        "archive.name",
        |_, stage| {
            use std::os::unix::ffi::OsStringExt;
            let name = std::ffi::OsString::from_vec(b"fattur\xe0.xml".to_vec());
            fs::write(stage.path("archivio").join(name), "<a/>").unwrap();
        },
        "INDEX;",
    ),
    ("archive.not_an_index", nothing, "archive::verify_file(\"testo.txt\", \"archivio\");"),
    ("archive.not_opened", nothing, "archive::index(\"archivi\");"),
    ("archive.sincro_metadata", nothing, "archive::index(\"archivio\", #{ format: \"sincro\" });"),
    (
        "archive.special_file",
        |_, stage| drop(UnixListener::bind(stage.path("archivio/presa")).unwrap()),
        "INDEX;",
    ),
    (
        "archive.unreadable",
        |_, stage| fs::write(stage.path("elenco.txt"), "testo.txt\nmanca.txt\n").unwrap(),
        "archive::index(\"elenco.txt\");",
    ),
];

/// Something lies where a file of the run is to be.
const FOLDERS: [Case; 4] = [
    (
        "archive.not_written",
        |_, stage| fs::create_dir_all(stage.path("Documenti/impronte/1/indice.xml")).unwrap(),
        "INDEX;",
    ),
    (
        "archive.workspace",
        |_, stage| {
            fs::write(stage.path("Documenti/impronte"), "").unwrap();
        },
        "INDEX;",
    ),
    (
        "signing.disk",
        |_, stage| fs::create_dir_all(stage.path("Documenti/impronte/1/indice.xml.p7m")).unwrap(),
        "SIGNED;",
    ),
    (
        "timestamp.in_the_way",
        |_, stage| {
            let folder = stage.path("Documenti/impronte/1");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("indice.xml.p7m.tsr"), "no mark").unwrap();
        },
        "timestamp::request(SIGNED);",
    ),
];

/// Keys and signatures.
const SIGNATURES: [Case; 7] = [
    (
        "signer.not_chosen",
        nothing,
        "keystore::open_pkcs12(\"responsabile.p12\", prompt::secret(\"signer_password\"), \"x\");",
    ),
    (
        "signing.document_changed",
        nothing,
        "let index = INDEX; archive::index(\"altro\"); signing::cades(index, SIGNER);",
    ),
    (
        "signing.same_name",
        nothing,
        "let index = INDEX; signing::cades_all([index, index], SIGNER);",
    ),
    (
        "signing.signer_usage",
        nothing,
        "let key = keystore::open_pkcs12(\"ambiente/UTEC.P12\", \
         prompt::secret(\"password_esistente\"), \"cipher_keypair0\");\n    \
         signing::cades(INDEX, key);",
    ),
    (
        "seal.too_large",
        |_, stage| fs::write(stage.path("grande.xml"), vec![b' '; 3_000_001]).unwrap(),
        "ENV.seal(inspect::document(\"grande.xml\"), agency::ca_certificates());",
    ),
    ("inspect.not_valid", nothing, "inspect::require_valid(inspect::verify(\"testo.txt\"));"),
    (
        "impronta.fields",
        nothing,
        "let signed = SIGNED;\n    impronta::communication(#{ FIELDS, tipo: \"sostitutiva\", \
         signed: signed, mark: timestamp::request(signed) });",
    ),
];

/// Marks, and the authority that makes them.
const MARKS: [Case; 17] = [
    ("timestamp.rejected", |served, _| tsa(served, "rejected"), REQUEST),
    ("timestamp.no_ess", |served, _| tsa(served, "no_ess"), REQUEST),
    ("timestamp.other_nonce", |served, _| tsa(served, "wrong_nonce"), REQUEST),
    ("timestamp.other_nonce.none", |served, _| tsa(served, "no_nonce"), REQUEST),
    ("timestamp.other_imprint.answer", |served, _| tsa(served, "wrong_imprint"), REQUEST),
    ("timestamp.future", |served, _| tsa(served, "future_time"), REQUEST),
    ("timestamp.signature", |served, _| tsa(served, "damaged"), REQUEST),
    ("timestamp.untrusted", |served, _| tsa(served, "other_certificate"), REQUEST),
    ("tsa.interrupted", |served, _| fault(served, &json!("cut_after_commit")), REQUEST),
    ("tsa.not_a_reply", |served, _| fault(served, &json!("wrong_content_type")), REQUEST),
    (
        "tsa.interrupted.status",
        |served, _| fault(served, &json!({ "status": { "code": 503 } })),
        REQUEST,
    ),
    (
        "timestamp.document_changed",
        nothing,
        "let index = INDEX; archive::index(\"altro\"); timestamp::request(index);",
    ),
    (
        "timestamp.malformed",
        nothing,
        "timestamp::existing(\"testo.txt\", inspect::document(\"testo.txt\"));",
    ),
    (
        "timestamp.mark_unreadable",
        nothing,
        "timestamp::existing(\"manca.tsr\", inspect::document(\"testo.txt\"));",
    ),
    ("timestamp.options", nothing, "timestamp::request(INDEX, #{ digest: \"md5\" });"),
    (
        "timestamp.other_imprint",
        nothing,
        "let index = INDEX; timestamp::request(index).require_covers(SIGNED);",
    ),
    (
        "timestamp.too_large",
        |_, stage| fs::write(stage.path("grande.tsr"), vec![0x30; 3 << 20]).unwrap(),
        "timestamp::existing(\"grande.tsr\", inspect::document(\"testo.txt\"));",
    ),
];

const REQUEST: &str = "timestamp::request(SIGNED);";

fn nothing(_: &Served, _: &Stage) {}

fn tsa(served: &Served, kind: &str) {
    served.faults(&json!([{ "route": "*", "kind": { "tsa": kind } }]));
}

fn fault(served: &Served, kind: &serde_json::Value) {
    served.faults(&json!([{ "route": "POST /tsa", "kind": kind }]));
}

#[test]
fn a_workflow_with_one_mistake_stops_at_it_and_sends_nothing() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(73_000));
    let all = ARCHIVES.into_iter().chain(FOLDERS).chain(SIGNATURES).chain(MARKS);
    each(all, |(case, prepare, body)| {
        let stage = ready(&filing, body);
        let index = "const WORKFLOW = #{ summary: \"Indice\", uses: [\"archive\"], input: #{} };\n\
                     fn run(input) { archive::index(\"archivio\"); }";
        fs::write(stage.path("indice.rhai"), index).unwrap();
        served.faults(&json!([]));
        prepare(&served, &stage);
        let finished = prova(&filing, &stage, &[]);
        let place = Place::with(&stage, &served, &filing.account);
        let exit = match case {
            "tsa.interrupted" | "tsa.interrupted.status" | "tsa.not_a_reply" => 3,
            "archive.file_name" | "archive.sincro_metadata" | "signer.not_chosen" => 2,
            "timestamp.options" | "impronta.fields" => 2,
            _ => 1,
        };
        check(case, exit, &finished, place);
    });
    assert_eq!(served.communications(), 0);
}

/// Golden file, the workflow with `PAUSE` in it, and what happens in the pause.
type Paused = (&'static str, &'static str, fn(&Stage));

/// What is changed between two steps, while the run is stopped.
const PAUSED: [Paused; 6] = [
    (
        "signer.changed",
        "let index = INDEX; let key = SIGNER;\n    PAUSE\n    signing::cades(index, key);",
        |stage| fs::rename(stage.path("altro.p12"), stage.path("responsabile.p12")).unwrap(),
    ),
    (
        "timestamp.document_unreadable",
        "let signed = SIGNED;\n    PAUSE\n    timestamp::request(signed);",
        |stage| fs::remove_file(stage.path("Documenti/impronte/1/indice.xml.p7m")).unwrap(),
    ),
    (
        "timestamp.mark_changed",
        "let signed = SIGNED; let mark = timestamp::request(signed);\n    PAUSE\n    \
         mark.require_covers(signed);",
        |stage| append(stage, "Documenti/impronte/1/indice.xml.p7m.tsr"),
    ),
    (
        "impronta.file_changed",
        "let signed = SIGNED; let mark = timestamp::request(signed);\n    PAUSE\n    \
         impronta::communication(#{ FIELDS, signed: signed, mark: mark });",
        |stage| append(stage, "Documenti/impronte/1/indice.xml.p7m"),
    ),
    (
        "impronta.file_unreadable.signed",
        "let signed = SIGNED; let mark = timestamp::request(signed);\n    PAUSE\n    \
         impronta::communication(#{ FIELDS, signed: signed, mark: mark });",
        |stage| fs::remove_file(stage.path("Documenti/impronte/1/indice.xml.p7m")).unwrap(),
    ),
    (
        "impronta.control_failed",
        "let signed = SIGNED; let mark = timestamp::request(signed);\n    let made = \
         impronta::communication(#{ FIELDS, signed: signed, mark: mark });\n    PAUSE\n    \
         impronta::control_file(\"Documenti/impronte/1/comunicazione.xml\").require_clean();",
        |stage| {
            let file = stage.path("Documenti/impronte/1/comunicazione.xml");
            let xml = fs::read_to_string(&file).unwrap();
            let sample = "33ag16b450c7fc2e4d6ef87ac122ffebccf47abf4de5a7faed47fcc8dae398ac";
            let impronta = format!("<Impronta algoritmo=\"SHA-256\">{sample}</Impronta>");
            fs::write(file, crate::crafted::element(&xml, "Impronta", &impronta)).unwrap();
        },
    ),
];

fn append(stage: &Stage, name: &str) {
    let mut bytes = fs::read(stage.path(name)).unwrap();
    bytes.push(b'\n');
    fs::write(stage.path(name), bytes).unwrap();
}

#[test]
fn what_changes_while_a_run_is_stopped_is_noticed() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(73_001));
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("altro.p12");
    filing.another_signer(&json!({ "common_name": "Giulia Verdi" }), &other);
    each(PAUSED, |(case, body, change)| {
        let body = body.replace("PAUSE", "inspect::document(\"pausa.txt\");");
        let stage = ready(&filing, &body);
        fs::copy(&other, stage.path("altro.p12")).unwrap();
        let stopped = prova(&filing, &stage, &[]);
        assert!(stopped.stderr.contains("inspect.disk"), "{case}: {}", stopped.stderr);
        fs::write(stage.path("pausa.txt"), "").unwrap();
        change(&stage);
        let place = Place::with(&stage, &served, &filing.account);
        check(case, 1, &super::resume(&stage, &filing.account), place);
    });
    assert_eq!(served.communications(), 0);
}

#[test]
fn keys_and_receipts_of_another_are_refused() {
    let (served, elsewhere) = (Served::start(), Served::start());
    let mut filing = Filing::new(&served, &codice_fiscale(73_002));
    let foreign = Filing::new(&elsewhere, &codice_fiscale(73_003));

    let seal = "ENV.seal(inspect::document(\"testo.txt\"), agency::ca_certificates());";
    let stage = ready(&foreign, seal);
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    let settings = settings.replace(&elsewhere.url, &served.url);
    fs::write(stage.path("ceralacca.toml"), settings).unwrap();
    let place = Place::with(&stage, &served, &foreign.account);
    check("seal.other_ca", 1, &prova(&foreign, &stage, &[]), place);

    let stage = ready(&filing, "SIGNER.require_valid_now();");
    let expired =
        json!({ "valid_from": "2020-01-01T00:00:00Z", "valid_to": "2021-01-01T00:00:00Z" });
    filing.another_signer(&expired, &stage.path("responsabile.p12"));
    let place = Place::with(&stage, &served, &filing.account);
    check("signer.not_valid", 1, &prova(&filing, &stage, &[]), place);
    assert_eq!(served.communications(), 0);

    // Filed with one environment, opened with another.
    let filed = Filing::new(&served, &codice_fiscale(73_004));
    let stage = filed.stage();
    let script = fs::read_to_string(crate::stage::impronta::RHAI).unwrap();
    let script = script.replace("receipt.open(env)", OTHER);
    fs::write(stage.path("file_impronta.rhai"), script).unwrap();
    copy(&foreign, &stage);
    let mut arguments = filed.arguments("./file_impronta.rhai", 0, crate::stage::impronta::ARCHIVE);
    arguments.retain(|argument| argument != "--json");
    let place = Place::with(&stage, &served, &filed.account);
    let opened = crate::stage::impronta::run(&stage, &arguments);
    check("receipt.undecryptable", 1, &opened, place);
}

const OTHER: &str =
    "receipt.open(environment::open(\"altro\", prompt::secret(\"password_esistente\")))";

/// The environment of one account, as `altro` in the workspace of another.
pub fn copy(from: &Filing<'_>, to: &Stage) {
    let stage = from.stage();
    fs::create_dir(to.path("altro")).unwrap();
    for name in ["UTEF.P12", "UTEC.P12", "UTENTE.KS"] {
        fs::copy(stage.path("ambiente").join(name), to.path("altro").join(name)).unwrap();
    }
}

#[test]
fn a_communication_that_was_replaced_is_annulled() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(73_005));
    let (first, second) = (filing.stage(), ready(&filing, ""));
    let delay = |seconds: u32| {
        let settings =
            json!({ "receipt_delay_seconds": seconds, "impronta_deadline": "2099-12-31" });
        served.admin("PUT", "/sandbox/v1/settings", Some(&settings));
    };
    delay(5);
    let mut arguments = filing.arguments("file_impronta", 1, crate::stage::impronta::ARCHIVE);
    arguments.extend(["--patience", "0s"].map(str::to_owned));
    assert_eq!(crate::stage::impronta::run(&first, &arguments).code, Some(4));
    let sent = first.journal();
    let protocollo = sent.iter().map(ToString::to_string).find_map(|entry| number(&entry)).unwrap();
    delay(0);
    let mut arguments = filing.arguments("replace_impronta", 1, "archivio");
    arguments.push(format!("protocollo={protocollo}"));
    crate::stage::impronta::run(&second, &arguments).expect_success();
    let place = Place::with(&first, &served, &filing.account);
    check("agency.annulled", 1, &super::resume(&first, &filing.account), place);
}

/// The protocollo in an entry of the journal.
fn number(entry: &str) -> Option<String> {
    let rest = entry.split("\"protocollo\":\"").nth(1)?;
    rest.get(..17)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
}

#[test]
fn a_timestamp_authority_that_cannot_be_used() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(73_006));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let access = json!({ "tsa_access": { "user": "studio", "password": "Segreta1" } });
    served.admin("PUT", "/sandbox/v1/settings", Some(&access));
    let own = format!("url = \"{}/tsa\"", served.url);
    let cases = [
        ("tsa.access_denied", 1, own.clone()),
        ("tsa.refused", 1, format!("url = \"{}/altrove\"", served.url)),
        ("tsa.unreachable", 1, format!("url = \"http://{closed}/tsa\"")),
        ("tsa.settings", 2, "url = \"ftp://tsa.example.it/\"".to_owned()),
        ("tsa.plain_http", 2, "url = \"http://tsa.example.it/\"\nuser = \"studio\"".to_owned()),
    ];
    each(cases, |(case, exit, setting)| {
        let stage = ready(&filing, REQUEST);
        let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
        assert!(settings.contains(&own), "{settings}");
        fs::write(stage.path("ceralacca.toml"), settings.replace(&own, &setting)).unwrap();
        let place = Place::with(&stage, &served, &filing.account);
        check(case, exit, &prova(&filing, &stage, &[]), place);
    });
    let stage = ready(&filing, REQUEST);
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    fs::write(stage.path("ceralacca.toml"), settings.replace(&own, "")).unwrap();
    let place = Place::with(&stage, &served, &filing.account);
    check("timestamp.not_configured", 2, &prova(&filing, &stage, &[]), place);
    assert_eq!(served.marks(), 0);
}
