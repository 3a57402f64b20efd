//! What goes wrong where a person carries the files: what is confirmed, what arrives, what is missing.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use ceralacca::environment::EnvironmentFolder;
use ceralacca::keystore::enveloped_data;
use jiff::Zoned;

use super::filing::{prova, ready};
use super::{Place, Snapshot, check, each, untouched};
use crate::stage::impronta::Filing;
use crate::stage::{Finished, Served, Stage, codice_fiscale};

/// A document handed over; it needs no key.
const SUBMIT: &str = "agency::portal().submit(inspect::document(\"testo.txt\"))";

/// A workspace by hand with the workflow `prova.rhai` in it.
fn by_hand(stage: Stage, body: &str) -> Stage {
    fs::write(stage.path("testo.txt"), "Nel mezzo del cammin di nostra vita\n").unwrap();
    fs::write(stage.path("altro.txt"), "mi ritrovai per una selva oscura\n").unwrap();
    let workflow = format!(
        "const WORKFLOW = #{{ summary: \"Prova\", input: #{{}}, uses: [\"agency\", \"inspect\"] }};\n\
         fn run(input) {{\n    {body};\n}}\n"
    );
    fs::write(stage.path("prova.rhai"), workflow).unwrap();
    stage
}

fn run(stage: &Stage) -> Finished {
    without_today(stage.run(&["run", "./prova.rhai", "--approve"]))
}

fn resume(stage: &Stage) -> Finished {
    without_today(stage.run(&["resume", "1", "--approve"]))
}

/// The day of the test as a name.
fn without_today(finished: Finished) -> Finished {
    let today = Zoned::now().in_tz("Europe/Rome").unwrap().date().to_string();
    let named = finished.stderr.replace(&today, "TODAY");
    // Moments have names of their own.
    Finished { stderr: named.replace("TODAYT", &format!("{today}T")), ..finished }
}

/// Golden file, exit code, what is said; one after the other, of run 1 and then of run 2.
const SAID: [(&str, i32, &str); 12] = [
    ("hand_off.nothing_waits", 2, "confirm 7"),
    ("hand_off.sent_on", 2, "confirm 1 --date 2020-01-01"),
    ("input.day", 2, "confirm 1 --date domani"),
    ("input.days_reversed", 2, "receipts --dal 01/02/2026 --al 2026-01-31"),
    ("input.protocollo.confirm", 2, "confirm 1 --protocollo 123"),
    ("hand_off.not_a_revocation", 2, "confirm 1 --in-force"),
    ("hand_off.receipt_unusable", 1, "confirm 1 --receipt manca.pdf"),
    ("hand_off.receipt_of_another", 1, "confirm 1 --receipt testo.txt"),
    ("run.not_to_be_abandoned", 1, "abandon 1 --reason errore"),
    ("", 0, "confirm 1 --protocollo 26112200000000001"),
    ("hand_off.already_confirmed", 1, "confirm 1 --not-sent"),
    ("hand_off.protocollo_taken", 1, "confirm 2 --protocollo 26112200000000001"),
];

#[test]
fn what_a_person_says_is_checked_before_it_is_kept() {
    let served = Served::start();
    let stage = by_hand(Stage::by_hand(&served), SUBMIT);
    let place = Place::new(&stage);
    let nothing = stage.run(&["confirm", "1"]);
    check("hand_off.nothing_waits.none", 2, &nothing, place);
    check("hand_off.to_be_sent", 4, &run(&stage), place);
    by_hand_over(&stage, &SUBMIT.replace("testo", "altro"));
    assert_eq!(run(&stage).code, Some(4));
    for (case, exit, said) in SAID {
        let before = Snapshot::of(stage.folder.path());
        let finished = stage.run(&said.split(' ').collect::<Vec<_>>());
        if case.is_empty() {
            finished.expect_success();
            continue;
        }
        check(case, exit, &without_today(finished), place);
        untouched(case, stage.folder.path(), &before);
    }
    // The same word again changes nothing, and is no mistake.
    let before = Snapshot::of(&stage.path(".ceralacca/hand-off"));
    stage.run(&["confirm", "1", "--protocollo", "26112200000000001"]).expect_success();
    untouched("said again", &stage.path(".ceralacca/hand-off"), &before);

    let record = before.first(".json");
    fs::write(&record, b"{ \"key\": ").unwrap();
    let name = record.file_name().unwrap().to_string_lossy().into_owned();
    let refused = stage.run(&["confirm", "2"]);
    let stderr = refused.stderr.replace(&name, "KEY.json");
    check("hand_off.record_unreadable", 1, &Finished { stderr, ..refused }, place);
}

/// Another body for the workflow in a workspace.
fn by_hand_over(stage: &Stage, body: &str) {
    let path = stage.path("prova.rhai");
    let text = fs::read_to_string(&path).unwrap().replace(SUBMIT, body);
    fs::write(path, text).unwrap();
}

#[test]
fn a_revocation_by_hand_waits_for_the_person() {
    let served = Served::start();
    let revoke = "agency::portal().revoke(#{ numero: \"12345678\" }).wait_in_force(\"30d\")";
    let stage = by_hand(Stage::by_hand(&served), revoke);
    check("hand_off.to_be_revoked", 4, &run(&stage), Place::new(&stage));
    stage.run(&["confirm", "1"]).expect_success();
    let queued = stage.run(&["resume", "1", "--patience", "0s"]);
    assert_eq!(queued.code, Some(4), "asked for, not in force");
    stage.run(&["confirm", "1", "--in-force"]).expect_success();
    resume(&stage).expect_success();
}

#[test]
fn what_is_given_up_is_not_resumed() {
    let served = Served::start();
    let stage = by_hand(Stage::by_hand(&served), "inspect::document(\"manca.txt\")");
    assert_eq!(run(&stage).code, Some(1));
    stage.run(&["abandon", "1", "--reason", "sbagliato"]).expect_success();
    check("run.abandoned", 2, &resume(&stage), Place::new(&stage));
}

/// Golden file, exit code, and what is set; the workflow asks for the CA's certificates.
const CA: [(&str, i32, &str); 2] =
    [("hand_off.no_ca", 1, ""), ("hand_off.ca_unusable", 1, "ca = [\"testo.txt\"]")];

#[test]
fn without_the_certificate_of_the_ca_nothing_can_be_sealed() {
    each(CA, |(case, exit, setting)| {
        let stage = Stage { folder: tempfile::tempdir().unwrap() };
        stage.run(&["init", "--hand-off"]).expect_success();
        let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
        let settings =
            settings.replacen("hand_off = true\n", &format!("hand_off = true\n{setting}\n"), 1);
        fs::write(stage.path("ceralacca.toml"), settings).unwrap();
        let stage = by_hand(stage, "agency::ca_certificates()");
        check(case, exit, &run(&stage), Place::new(&stage));
    });
}

#[test]
fn a_sheet_that_cannot_be_written_hands_nothing_over() {
    let served = Served::start();
    let stage = by_hand(Stage::by_hand(&served), SUBMIT);
    let in_the_way = stage.path("Documenti/da inviare/1/ISTRUZIONI.txt");
    fs::create_dir_all(&in_the_way).unwrap();
    check("hand_off.not_stored", 1, &run(&stage), Place::new(&stage));
    fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(resume(&stage).code, Some(4));
    assert!(in_the_way.is_file());
}

/// What `prova` does with the answer.
const SEALED: &str =
    "agency::portal().submit(inspect::document(\"testo.txt\")).wait(\"30d\").require_accepted()";
const OPAQUE: &str =
    "agency::portal().submit(inspect::document(\"testo.txt\")).wait(\"30d\").open(ENV)";
const GONE: &str = "let receipt = agency::portal().submit(inspect::document(\"testo.txt\")).wait(\"30d\");\n    \
     inspect::document(\"pausa.txt\"); receipt.attachment(\"ricevuta-1-testo.txt.pdf\")";

#[test]
fn answers_of_unknown_form_are_kept_and_shown() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(75_000));
    let pdf = b"%PDF-1.7\n% ricevuta\n%%EOF\n";
    each([("receipt.opaque.required", SEALED), ("receipt.opaque", OPAQUE)], |(case, body)| {
        let stage = ready(&filing, body);
        stage.hand_off(&served);
        assert_eq!(prova(&filing, &stage, &[]).code, Some(4));
        fs::write(stage.path("salvata.pdf"), pdf).unwrap();
        let given = ["confirm", "1", "--receipt", "salvata.pdf"];
        stage.run(&given).expect_success();
        let kept = stage.path("Documenti/ricezione/ricevuta-1-testo.txt.pdf");
        assert_eq!(fs::read(&kept).unwrap(), pdf);
        let place = Place::with(&stage, &served, &filing.account);
        let refused = super::resume(&stage, &filing.account);
        check(case, 1, &without_number(refused, &stage), place);
        assert_eq!(fs::read(&kept).unwrap(), pdf, "{case}");
        // What it says is said: both kinds of script go on.
        stage.run(&["confirm", "1", "--accepted"]).expect_success();
        super::resume(&stage, &filing.account).expect_success();
    });
    let stage = ready(&filing, GONE);
    stage.hand_off(&served);
    assert_eq!(prova(&filing, &stage, &[]).code, Some(4));
    fs::write(stage.path("salvata.pdf"), pdf).unwrap();
    stage.run(&["confirm", "1", "--receipt", "salvata.pdf"]).expect_success();
    let stopped = super::resume(&stage, &filing.account);
    assert!(stopped.stderr.contains("inspect.disk"), "{}", stopped.stderr);
    fs::write(stage.path("pausa.txt"), "").unwrap();
    let kept = stage.path("Documenti/ricezione/ricevuta-1-testo.txt.pdf");
    fs::remove_file(&kept).unwrap();
    let place = Place::with(&stage, &served, &filing.account);
    let refused = super::resume(&stage, &filing.account);
    check("hand_off.answer_gone", 1, &without_number(refused, &stage), place);
    fs::write(&kept, pdf).unwrap();
    super::resume(&stage, &filing.account).expect_success();
}

/// Sealed for the environment: unread, or with a cipher that is not read here.
#[test]
fn sealed_answers_that_are_not_open() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(75_001));
    let cases =
        [("agency.receipt_sealed", SEALED, false), ("receipt.unsupported_algorithm", OPAQUE, true)];
    each(cases, |(case, body, foreign)| {
        let stage = ready(&filing, body);
        stage.hand_off(&served);
        assert_eq!(prova(&filing, &stage, &[]).code, Some(4));
        let certificates = EnvironmentFolder::at(stage.path("ambiente")).certificates().unwrap();
        let mut rcc = enveloped_data::seal(b"ricevuta", &certificates[1]).unwrap();
        if foreign {
            // AES-256 in CBC is 2.16.840.1.101.3.4.1.42, in OFB 43.
            let cbc = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
            let at = rcc.windows(9).position(|window| window == cbc).unwrap();
            rcc[at + 8] = 0x2b;
        }
        fs::write(stage.path("salvata.rcc"), rcc).unwrap();
        stage.run(&["confirm", "1", "--receipt", "salvata.rcc"]).expect_success();
        let place = Place::with(&stage, &served, &filing.account);
        let refused = super::resume(&stage, &filing.account);
        check(case, 1, &without_number(refused, &stage), place);
    });
}

/// What stands for a number that nobody wrote down is of the day and of the content.
fn without_number(finished: Finished, stage: &Stage) -> Finished {
    let of_run = stage.run(&["receipts", "--json"]).json();
    let number = of_run["receipts"][0]["protocollo"].as_str().unwrap().to_owned();
    without_today(Finished { stderr: finished.stderr.replace(&number, "STAND-IN"), ..finished })
}

#[test]
fn an_answer_of_another_agency_is_not_believed() {
    let (served, elsewhere) = (Served::start(), Served::start());
    let filing = Filing::new(&served, &codice_fiscale(75_001));
    let first = filing.stage();
    filing.file(&first, 0).expect_success();
    let sent = Snapshot::of(&first.path("Documenti/inviati")).first(".ccf");
    let signed = Snapshot::of(&first.path("Documenti/ricevute")).first(".p7m");

    let body = "agency::portal().submit(inspect::document(\"sent.ccf\")).wait(\"30d\")";
    let stage = by_hand(Stage::by_hand(&elsewhere), body);
    fs::copy(sent, stage.path("sent.ccf")).unwrap();
    assert_eq!(run(&stage).code, Some(4));
    stage.deliver("ricevuta.p7m", &fs::read(&signed).unwrap());
    check("hand_off.answer_not_signed", 1, &resume(&stage), Place::new(&stage));
    let rejected = without_today(stage.run(&["confirm", "1", "--rejected", "sbaglio"]));
    check("hand_off.against_evidence", 1, &rejected, Place::new(&stage));
    // The same file, where it can be believed.
    fs::write(stage.path("ca.cer"), crate::stage::person::ca(&served)).unwrap();
    resume(&stage).expect_success();
}

#[test]
fn watching_is_for_one_process_and_for_what_arrives_by_hand() {
    let gateway = Stage::embedded();
    check("watch.nothing", 2, &gateway.run(&["watch"]), Place::new(&gateway));
    let served = Served::start();
    let stage = by_hand(Stage::by_hand(&served), SUBMIT);
    let mut watching = stage.command(&["watch"]).stderr(Stdio::piped()).spawn().unwrap();
    // It says so once it has the lock.
    let mut said = [0];
    watching.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    check("watch.running", 1, &stage.run(&["watch"]), Place::new(&stage));
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn a_watch_ends_when_the_archive_is_taken_away() {
    let served = Served::start();
    let stage = by_hand(Stage::by_hand(&served), SUBMIT);
    let mut watching = stage.command(&["watch"]);
    let mut watching = watching.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = [0];
    watching.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    fs::rename(stage.path("Documenti"), stage.path("Documenti-2025")).unwrap();
    let ended = watching.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(ended.stdout), text(ended.stderr));
    let finished = Finished { code: ended.status.code(), stdout, stderr };
    check("watch.folder_gone", 1, &finished, Place::new(&stage));
    assert!(!stage.path("Documenti").exists(), "no empty archive takes its place");
}

#[test]
fn rules_that_cannot_be_read_are_not_passed_over() {
    let stage = by_hand(Stage::embedded(), SUBMIT);
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    let settings = format!("norme = \"testo.txt\"\n{settings}");
    fs::write(stage.path("ceralacca.toml"), settings).unwrap();
    for command in ["status", "environments"] {
        check("policy.invalid", 2, &stage.run(&[command]), Place::new(&stage));
    }
}

#[test]
fn only_what_was_rejected_can_be_settled() {
    let stage = Stage::embedded();
    let refused = stage.run(&["settle", "26112200000000771"]);
    check("receipts.not_rejected", 2, &refused, Place::new(&stage));
}
