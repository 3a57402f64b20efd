//! What goes wrong in the life of an environment: revocation, receipts, passwords, certificates by hand.

use std::fs;

use serde_json::json;

use super::filing::{copy, prova, ready};
use super::{Place, check};
use crate::stage::impronta::Filing;
use crate::stage::kill::killed_at;
use crate::stage::person::Person;
use crate::stage::{PIN_DI_REVOCA, Served, Stage, codice_fiscale};

/// Golden file, exit code, and what the workflow does. `U` is the portal's user, `N` the busta.
const REFUSED: [(&str, i32, &str); 8] = [
    ("agency.busta_form", 2, "agency::portal(\"U\").revoke(#{ numero: \"12 34\" })"),
    (
        "agency.pin_di_revoca_lost",
        1,
        "agency::portal(\"U\").revoke(#{ numero: \"N\" }, #{ pin_perso: true })",
    ),
    ("agency.unread_receipts", 1, "agency::portal(\"U\").revoke(#{ numero: \"N\" })"),
    (
        "agency.not_all_opened",
        1,
        "let env = environment::open(\"altro\", prompt::secret(\"password_esistente\"));\n    \
         let unread = agency::portal(\"U\").receipts(#{ unread: true });\n    \
         agency::require_all_opened(agency::open_receipts([unread[0]], env))",
    ),
    ("certif_in.unknown_format", 1, "environment::read_certif_in(\"testo.txt\")"),
    (
        "net.refused_by_gateway.wrong_pin",
        1,
        "agency::portal(\"U\").revoke(#{ numero: \"N\" }, #{ chiave_persa: true })",
    ),
    (
        "net.refused_by_gateway.unknown_busta",
        1,
        "agency::portal(\"U\").revoke(#{ numero: \"1\" }, #{ chiave_persa: true })",
    ),
    (
        "agency.revocation_late",
        4,
        "agency::portal(\"U\").revoke(#{ numero: \"N\" }, #{ chiave_persa: true })\
         .wait_in_force(\"0s\")",
    ),
];

#[test]
fn what_stands_between_an_environment_and_its_end() {
    let served = Served::start();
    let (mut filing, foreign) = (
        Filing::new(&served, &codice_fiscale(76_000)),
        Filing::new(&served, &codice_fiscale(76_001)),
    );
    let late = json!({ "revocation_delay_seconds": 3600 });
    served.admin("PUT", "/sandbox/v1/settings", Some(&late));
    // In another workspace its receipt is unread.
    filing.file(&filing.stage(), 0).expect_success();
    let (utente, busta) = (filing.account.utente.clone(), filing.account.numero_busta.clone());
    for (case, exit, body) in REFUSED {
        let pin = if case.ends_with("wrong_pin") { "UnAltroPin1234567" } else { PIN_DI_REVOCA };
        filing.account.set("pin_di_revoca_esistente", Some(pin));
        let body = body.replace("\"U\"", &format!("\"{utente}\""));
        let stage = ready(&filing, &body.replace("\"N\"", &format!("\"{busta}\"")));
        fs::remove_dir_all(stage.path("altro")).unwrap();
        copy(&foreign, &stage);
        let finished = prova(&filing, &stage, &[]);
        check(case, exit, &finished, Place::with(&stage, &served, &filing.account));
    }
    // Asked for once, whoever asks again.
    let again = ready(
        &filing,
        &format!(
            "agency::portal(\"{utente}\").revoke(#{{ numero: \"{busta}\" }}, #{{ chiave_persa: true }})"
        ),
    );
    let refused = prova(&filing, &again, &[]);
    let place = Place::with(&again, &served, &filing.account);
    check("net.refused_by_gateway.revocation_pending", 1, &refused, place);
    served.admin("PUT", "/sandbox/v1/clock", Some(&json!({ "offset_seconds": 3601 })));
    let refused = super::resume(&again, &filing.account);
    check("net.refused_by_gateway.no_environment", 1, &refused, place);
}

/// What is looked at before a revocation, and what no second medium is.
#[test]
fn what_is_not_the_environment_that_is_meant() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(76_300));
    let (utente, busta) = (filing.account.utente.clone(), filing.account.numero_busta.clone());
    let account = |of: &str| format!("#{{ codice_fiscale: \"{of}\", sede: \"000\" }}");
    let (ours, theirs) =
        (account(&filing.account.codice_fiscale), account(&codice_fiscale(76_301)));
    let revoke = |portal: &str| {
        format!(
            "agency::portal(\"{portal}\").revoke(#{{ numero: \"{busta}\" }}, #{{ environment: old }})"
        )
    };
    let other = format!("{}-000", codice_fiscale(76_301));
    let before = |account: &str| {
        format!("let old = environment::before_revocation(\"ambiente\", {account}, true);\n    ")
    };
    let cases = [
        ("environment.other_account", before(&theirs)),
        ("agency.other_subject", format!("{}{}", before(&ours), revoke(&other))),
        (
            "environment.changed",
            format!(
                "{}environment::create(\"ambiente\", prompt::secret(\"password\"));\n    {}",
                before(&ours),
                revoke(&utente)
            ),
        ),
        (
            "environment.no_second_medium",
            "environment::open(\"ambiente\", prompt::secret(\"password_esistente\"))\
             .copy_to(\"ambiente/copia\")"
                .to_owned(),
        ),
    ];
    for (case, body) in cases {
        let stage = ready(&filing, &body);
        let finished = prova(&filing, &stage, &[]);
        check(case, 1, &finished, Place::with(&stage, &served, &filing.account));
    }
    // What was seen on a medium, and would now be on our own disk.
    let open = "environment::open(\"ambiente\", prompt::secret(\"password_esistente\"));\n    ";
    let stage = ready(&filing, &format!("{open}{}", before(&ours)));
    prova(&filing, &stage, &[]).expect_success();
    let seen = stage.path(".ceralacca/environments");
    let seen = fs::read_dir(seen).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&seen).unwrap();
    fs::write(&seen, text.replace("\"other_device\": false", "\"other_device\": true")).unwrap();
    let script = fs::read_to_string(stage.path("prova.rhai")).unwrap();
    fs::write(stage.path("prova.rhai"), script.replace(open, "")).unwrap();
    let finished = prova(&filing, &stage, &[]);
    check(
        "environment.medium_missing",
        1,
        &finished,
        Place::with(&stage, &served, &filing.account),
    );
}

/// Of two runs for one busta, one asks.
#[test]
fn what_another_run_has_asked_for() {
    let served = Served::start();
    let late = json!({ "revocation_delay_seconds": 3600 });
    served.admin("PUT", "/sandbox/v1/settings", Some(&late));
    let mut filing = Filing::new(&served, &codice_fiscale(76_310));
    filing.account.set("pin_di_revoca_esistente", Some(PIN_DI_REVOCA));
    let (utente, busta) = (filing.account.utente.clone(), filing.account.numero_busta.clone());
    let stage = ready(
        &filing,
        &format!(
            "agency::portal(\"{utente}\").revoke(#{{ numero: \"{busta}\" }}, #{{ chiave_persa: true }})"
        ),
    );
    // The first is not approved; the second asks; then the first is resumed, and a third begun.
    let secrets = filing.account.secrets_file.display().to_string();
    let unapproved = stage.run(&["run", "./prova.rhai", "--secrets", &secrets]);
    assert_eq!(unapproved.code, Some(1), "{}", unapproved.stderr);
    prova(&filing, &stage, &[]).expect_success();
    let place = Place::with(&stage, &served, &filing.account);
    check("agency.revoked_since", 1, &super::resume(&stage, &filing.account), place);
    check("agency.revocation_open", 1, &prova(&filing, &stage, &[]), place);
    assert_eq!(served.revocations(), 1);
}

/// Killed in the middle, an environment has two passwords: no command takes it for whole.
#[test]
fn a_password_that_is_being_changed() {
    let served = Served::start();
    let mut filing = Filing::new(&served, &codice_fiscale(76_100));
    let (new, old) = ("Passero77Beta", filing.account.secrets["password_esistente"].clone());
    filing.account.set("password", Some(new));
    let secrets = filing.account.secrets_file.display().to_string();
    let arguments = ["run", "change_password", "--secrets", &secrets];
    let (stage, killed) = (1..)
        .map(|point| {
            let stage = filing.stage();
            let killed = killed_at(&mut stage.command(&arguments), point).unwrap();
            (stage, killed)
        })
        .find(|(_, killed)| killed == "after rename to UTEF.P12")
        .unwrap();
    let place = Place::with(&stage, &served, &filing.account);
    let show = ["certificates", "--secrets", &secrets];
    check("environment.password_change", 1, &stage.run(&show), place);
    // With other passwords nothing opens, and nothing is made worse.
    let files = ["UTEF.P12", "UTEC.P12", "UTENTE.KS"].map(|name| stage.path("ambiente").join(name));
    let read = || files.clone().map(|path| fs::read(path).unwrap());
    let before = read();
    for name in ["password_esistente", "password"] {
        filing.account.set(name, Some("Tortora55Gamma"));
    }
    let place = Place::with(&stage, &served, &filing.account);
    let other = super::resume(&stage, &filing.account);
    check("environment.password_change.others", 1, &other, place);
    assert!(read() == before, "{killed}");
    filing.account.set("password_esistente", Some(&old));
    filing.account.set("password", Some(new));
    super::resume(&stage, &filing.account).expect_success();
    filing.account.set("password_esistente", Some(new));
    stage.run(&show).expect_success();
}

/// A wrong file in place of CERTIF.IN stops the run, and the right one finishes it.
#[test]
fn a_wrong_certif_in_by_hand_is_read_again_by_resuming() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(76_200)));
    let person = Person::new(&served, &account);
    assert_eq!(super::setup(&stage, &account, &[]).code, Some(4));
    // The first download is wrong.
    served.faults(&json!([{ "route": "*", "kind": { "certif_in": "other_request" } }]));
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    let file = stage.path("CERTIF.IN");
    fs::write(&file, person.fetch(&protocollo, "CERTIF.IN")).unwrap();
    let secrets = account.secrets_file.display().to_string();
    let import = ["run", "import_certificates", "certif_in=CERTIF.IN", "--secrets", &secrets];
    let place = Place::with(&stage, &served, &account);
    check("certif_in.other_request.by_hand", 1, &stage.run(&import), place);
    super::waits("by hand", &stage.path("ambiente"));
    fs::write(&file, person.fetch(&protocollo, "CERTIF.IN")).unwrap();
    stage.run(&["resume", "2", "--secrets", &secrets]).expect_success();
    super::complete("by hand", &stage.path("ambiente"));
}
