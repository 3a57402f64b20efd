//! The channel by way of a person: files in `da inviare`, a sheet of instructions, `ceralacca confirm`,
//! what arrives in `ricezione`. A person of the test carries the files between the workspace and the
//! sandbox, as one would between the workspace and the portal.

use std::fs;

use crate::stage::impronta::{ARCHIVE, Filing};
use crate::stage::person::Person;
use crate::stage::transcript::Transcript;
use crate::stage::{self, Account, PIN_DI_REVOCA, Served, Stage, codice_fiscale};

#[test]
fn an_environment_is_set_up_by_hand() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), without_portal_keys(&served, 80_000));
    let person = Person::new(&served, &account);
    let mut told = Transcript::new(&stage, &account);
    told.runs(&format!("run setup_environment codice_fiscale={}", account.codice_fiscale), 4);
    told.shows("Documenti/da inviare/1/ISTRUZIONI.txt");
    told.note("a sheet to print and to keep with the letter of the enabling");
    told.shows(&format!(
        "Documenti/riepiloghi/scheda-di-recupero-{}-000.txt",
        account.codice_fiscale
    ));
    told.note("nothing is done yet: resuming changes nothing");
    told.runs("resume 1", 4);
    told.types("status", 4);
    told.note("the person uploads req.ccc and sees the confirmation page");
    let sent = fs::read(stage.path("Documenti/da inviare/1/req.ccc")).unwrap();
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    told.types(&format!("confirm 1 --protocollo {protocollo}"), 0);
    told.runs("resume 1", 4);
    told.note("the person fetches CERTIF.IN from Ricerca ricevute and saves it in ricezione");
    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    told.runs("resume 1", 0);
    told.types("receipts", 0);
    told.asks("certificates", 0);
    told.check("hand_off");
    assert_eq!(served.requests(), 1);
    let kept = stage.path(&format!("Documenti/inviati/{protocollo}-req.ccc"));
    assert_eq!(fs::read(kept).unwrap(), sent, "what was sent is kept");
}

#[test]
fn what_was_not_sent_is_handed_over_again() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), without_portal_keys(&served, 80_001));
    let person = Person::new(&served, &account);
    let mut told = Transcript::new(&stage, &account);
    told.runs(&format!("run setup_environment codice_fiscale={}", account.codice_fiscale), 4);
    let request = stage.path("Documenti/da inviare/1/req.ccc");
    let first = fs::read(&request).unwrap();
    told.note("the portal showed no confirmation page");
    told.types("confirm 1 --not-sent", 0);
    told.runs("resume 1", 4);
    assert_eq!(fs::read(&request).unwrap(), first, "the same request, the same keys");
    told.note("another run must not generate anew meanwhile");
    told.runs(&format!("run setup_environment codice_fiscale={}", account.codice_fiscale), 1);
    told.note("the person uploads, fetches CERTIF.IN, and forgets to confirm: the answer is proof");
    let protocollo = person.upload(&request, "PKS10");
    stage.deliver("certif (1).in", &person.fetch(&protocollo, "CERTIF.IN"));
    told.runs("resume 1", 0);
    told.note("the number can be written down afterwards");
    told.types(&format!("confirm 1 --protocollo {protocollo}"), 0);
    told.check("hand_off_not_sent");
    assert_eq!(served.requests(), 1);
}

#[test]
fn a_rejection_told_by_hand_leaves_the_way_free() {
    let served = Served::start();
    let (stage, mut account) = (Stage::by_hand(&served), without_portal_keys(&served, 80_002));
    let person = Person::new(&served, &account);
    let right = account.secrets["pincode"].clone();
    account.set("pincode", Some("00000000000000000000"));
    let mut told = Transcript::new(&stage, &account);
    let setup = format!("run setup_environment codice_fiscale={}", account.codice_fiscale);
    told.runs(&setup, 4);
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    let row = person.row(&protocollo);
    assert_eq!(row["stato"], "SCARTATO");
    let confirm = ["confirm", "1", "--protocollo", &protocollo, "--rejected"];
    let motivo = row["motivo_di_scarto"]["text"].as_str().unwrap();
    told.note("Ricerca ricevute shows SCARTATO; the person copies the motivo");
    stage.run(&[&confirm[..], &[motivo]].concat()).expect_success();
    told.runs("resume 1", 1);
    told.types("receipts", 0);
    account.set("pincode", Some(&right));
    told.note("with the right pincode a new request is made; the rejected one is kept beside it");
    told.runs(&setup, 4);
    told.types("environments", 0);
    told.check("hand_off_rejected");
    let aside: Vec<_> = fs::read_dir(stage.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("rifiuto.txt").exists())
        .collect();
    assert_eq!(aside.len(), 1, "request and reason stay together");
}

#[test]
fn an_environment_is_recovered_by_hand() {
    let served = Served::start();
    let (stage, mut account) = (Stage::new(&served), served.account(&codice_fiscale(80_004)));
    stage.setup(&account, &[]).expect_success();
    stage.hand_off(&served);
    let person = Person::new(&served, &account);
    // The person types the old PIN at the portal: the program never asks for it.
    for secret in ["pin_di_revoca_esistente", "portal_password", "codice_pin"] {
        account.set(secret, None);
    }
    account.set("pin_di_revoca", Some("NuovaRevoca67890abc"));
    let mut told = Transcript::new(&stage, &account);
    let recover = format!(
        "run recover_environment codice_fiscale={} numero_busta={} chiave_persa=no",
        account.codice_fiscale, account.numero_busta
    );
    told.runs(&recover, 4);
    told.shows("Documenti/da inviare/2/ISTRUZIONI-REVOCA.txt");
    told.note("the person asks for the revocation at the portal");
    assert_eq!(person.revoke(PIN_DI_REVOCA), 202);
    told.types("confirm 2", 0);
    told.note("said twice, it is still only asked for");
    told.types("confirm 2", 0);
    told.runs("resume 2", 4);
    told.note("some days later the portal shows no environment any more");
    told.types("confirm 2 --in-force", 0);
    told.runs("resume 2", 4);
    told.types("status", 4);
    let protocollo = person.upload(&stage.path("Documenti/da inviare/2/req.ccc"), "PKS10");
    told.types(&format!("confirm 2 --protocollo {protocollo}"), 0);
    stage.deliver("CERTIF.IN", &person.fetch(&protocollo, "CERTIF.IN"));
    told.runs("resume 2", 0);
    told.types("environments", 0);
    told.types("status", 0);
    told.check("hand_off_recovery");
    assert_eq!((served.requests(), served.revocations()), (2, 1));
}

/// What the Agency's own software prepared, and a receipt that this program cannot read.
#[test]
fn a_foreign_file_and_a_foreign_receipt() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), without_portal_keys(&served, 80_005));
    fs::write(stage.path("dichiarazione.ccf"), [0x42; 3000]).unwrap();
    let mut told = Transcript::new(&stage, &account);
    told.runs("run send_file file=dichiarazione.ccf tipo_documento=IVA26", 4);
    told.types("confirm 1 --protocollo 26112200000000777", 0);
    told.runs("resume 1", 4);
    told.note(
        "a page that was printed, and a receipt in a format of its own: only one names the send",
    );
    stage.deliver("pagina.pdf", b"%PDF-1.7 una pagina");
    stage.deliver("26112200000000777.bin", b"\x01\x02 a format of its own");
    told.runs("resume 1", 1);
    told.types("receipts", 0);
    told.types("status", 1);
    told.note("the person has read it");
    told.types("confirm 1 --accepted", 0);
    told.runs("resume 1", 0);
    told.types("receipts", 0);
    told.check("hand_off_foreign");
    let kept = fs::read(stage.path("Documenti/ricezione/26112200000000777.bin")).unwrap();
    assert_eq!(kept, b"\x01\x02 a format of its own", "kept as it came");
}

#[test]
fn an_impronta_is_filed_by_hand() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(80_003));
    let stage = filing.stage();
    stage.hand_off(&served);
    let person = Person::new(&served, &filing.account);
    let waiting = stage::impronta::run(&stage, &filing.arguments("file_impronta", 1, ARCHIVE));
    assert_eq!(waiting.code, Some(4), "{}{}", waiting.stdout, waiting.stderr);
    let handed_over = stage.path("Documenti/da inviare/1/comunicazione.ccf");
    let protocollo = person.upload(&handed_over, "IMPRONTA");
    stage.run(&["confirm", "1", "--protocollo", &protocollo]).expect_success();
    assert_eq!(stage.resume(1, &filing.account, &[]).code, Some(4), "it waits for the receipt");
    let rcc = format!("{protocollo}.rcc");
    // Half of it is not the receipt.
    let whole = person.fetch(&protocollo, &rcc);
    stage.deliver(&rcc, &whole[..whole.len() / 2]);
    assert_eq!(stage.resume(1, &filing.account, &[]).code, Some(4), "half a file is none");
    stage.deliver(&rcc, &whole);
    let finished = stage.resume(1, &filing.account, &[]).json();
    assert_eq!(finished["result"]["protocollo"].as_str(), Some(protocollo.as_str()));
    assert_eq!((served.communications(), served.marks()), (1, 1));
    let rows = stage.run(&["receipts", "--json"]).json();
    let row = rows["receipts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["protocollo"].as_str() == Some(protocollo.as_str()));
    assert_eq!(row.unwrap()["stato"], "ELABORATO", "{rows:#}");
}

/// Whoever logs in with SPID, CIE or CNS has no portal keys: they must never be asked for.
fn without_portal_keys(served: &Served, number: u32) -> Account {
    let account = served.account(&codice_fiscale(number));
    let mut known = account.clone();
    known.set("portal_password", None);
    known.set("codice_pin", None);
    Account { secrets: account.secrets, ..known }
}
