//! Receipts at once: listed, kept, opened with the key that each one needs.

use std::fs;

use ceralacca_kernel::typed;
use ceralacca_kernel::{Caller, Error, Exit, Value};
use ceralacca_submission::{
    AttachmentRecord, Collected, Counts, Protocollo, ReadByPerson, Receipt, ReceiptRecord,
    Register, Rejection, Stato, read_by_person, register::ReceiptState,
};
use jiff::Timestamp;

use crate::authority::{Holder, authority};
use crate::opening::{by_the_agency, text};
use crate::sealing::environment;
use crate::world::{EARLIER_PASSWORD, PASSWORD, REQUEST_SHA256, World, portal, receipt, sha256};

fn number(last: u8) -> Protocollo {
    Protocollo::parse(&format!("261121000000000{last:02}")).unwrap()
}

/// A row of Ricerca ricevute with this sealed file.
pub(crate) fn row(last: u8, stato: Stato, rcc: &[u8]) -> (ReceiptRecord, Vec<u8>) {
    let sealed = AttachmentRecord {
        name: format!("{}.rcc", number(last)),
        sha256: sha256(rcc),
        length: rcc.len() as u64,
    };
    let record = ReceiptRecord {
        protocollo: number(last),
        tipo_documento: "PKS10".into(),
        stato,
        motivo_di_scarto: None,
        annullato_da: None,
        file_name: "req.ccc".into(),
        sha256: REQUEST_SHA256.into(),
        sent_at: Timestamp::from_second(1_000_000 + i64::from(last)).unwrap(),
        processed_at: None,
        documenti: Counts { totale: 1, acquisiti: 1, scartati: 0 },
        attachments: vec![sealed],
        notice: None,
    };
    (record, rcc.to_vec())
}

/// A row whose receipt is sealed for this key.
pub(crate) fn sealed_row(last: u8, cifra: &Holder) -> (ReceiptRecord, Vec<u8>) {
    let mut text = text(Stato::Elaborato);
    text.protocollo = number(last);
    let p7m = by_the_agency(&text);
    let rcc = ceralacca_keystore::enveloped_data::seal(&p7m, &cifra.certificate).unwrap();
    row(last, Stato::Elaborato, &rcc)
}

fn unread(caller: &dyn Caller) -> Result<Value, Error> {
    let portal = portal(caller, "RSSMRA85M01H501Q")?;
    caller.call("agency", "receipts", vec![portal, Value::from([("unread", true.into())])])
}

/// What `collect_receipts` does.
fn collect(folder: &str) -> impl Fn(&dyn Caller, Value) -> Result<Value, Error> + use<> {
    let folder = folder.to_owned();
    move |caller, _| {
        let env = environment(caller, &folder)?;
        caller.call("agency", "open_receipts", vec![unread(caller)?, env])
    }
}

/// The same with an option.
fn collect_with(
    folder: &str,
    option: &'static str,
) -> impl Fn(&dyn Caller, Value) -> Result<Value, Error> + use<> {
    let folder = folder.to_owned();
    move |caller, _| {
        let env = environment(caller, &folder)?;
        let options = Value::from([(option, true.into())]);
        caller.call("agency", "open_receipts", vec![unread(caller)?, env, options])
    }
}

fn world(rows: Vec<(ReceiptRecord, Vec<u8>)>) -> (World, String) {
    let world = World::new();
    *world.agency.rows.borrow_mut() = rows;
    *world.agency.authorities.borrow_mut() = vec![authority().ca.certificate.as_der().to_vec()];
    let folder = authority().folder(world.root.path(), &authority().cifra);
    (world, folder.display().to_string())
}

fn collected(world: &World, folder: &str) -> Collected {
    world.forget_everything();
    typed::from_value(world.start_with(collect(folder), Value::Null).unwrap()).unwrap()
}

#[test]
fn receipts_are_listed_newest_first_and_kept() {
    let (world, _) = world(vec![
        row(1, Stato::Elaborato, b"one"),
        row(3, Stato::InElaborazione, b"three"),
        row(2, Stato::Scartato, b"two"),
    ]);
    let all = |caller: &dyn Caller, _: Value| {
        let portal = portal(caller, "RSSMRA85M01H501Q")?;
        caller.call("agency", "receipts", vec![portal])
    };
    let listed: Vec<Receipt> = typed::from_value(world.start(all).unwrap()).unwrap();
    let numbers: Vec<_> = listed.iter().map(|one| one.0.record.protocollo.clone()).collect();
    assert_eq!(numbers, [number(3), number(2), number(1)]);
    let kept = world.documents().join("ricezione").join(number(2).as_str()).join("ricevuta.json");
    let record: ReceiptRecord = serde_json::from_slice(&fs::read(&kept).unwrap()).unwrap();
    assert_eq!(record, listed[1].0.record);
    let esiti = world.documents().join("esiti");
    assert!(esiti.join(format!("{}.json", number(2))).is_file(), "a rejection is kept");
    assert!(!esiti.join(format!("{}.json", number(3))).exists());
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    world.forget_everything();
    world.start(all).unwrap();
    assert_eq!(fs::metadata(&kept).unwrap().modified().unwrap(), before, "written once");
    let misspelt = |caller: &dyn Caller, _: Value| {
        let portal = portal(caller, "RSSMRA85M01H501Q")?;
        caller.call("agency", "receipts", vec![portal, Value::from([("unreed", true.into())])])
    };
    world.forget_everything();
    assert_eq!(world.start(misspelt).unwrap_err().code(), "primitive.wrong_argument");
}

#[test]
fn one_that_does_not_open_stops_none_of_the_others() {
    let authority = authority();
    let (world, folder) = world(vec![
        sealed_row(1, &authority.cifra),
        sealed_row(2, &authority.other_cifra),
        row(3, Stato::Elaborato, b"%PDF-1.7"),
        sealed_row(4, &authority.cifra),
    ]);
    let first = collected(&world, &folder);
    let opened: Vec<_> = first.opened.iter().map(|one| one.protocollo.clone()).collect();
    assert_eq!(opened, [number(4), number(1)]);
    let codes: Vec<_> = first.not_opened.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["receipt.opaque", "receipt.undecryptable"]);
    let reason = &first.not_opened[1].reason;
    assert!(reason.contains(&authority.other_cifra.certificate.serial()), "{reason}");

    // Nothing has changed: the second time they are only listed.
    let second = collected(&world, &folder);
    assert_eq!(
        (second.opened.len(), second.not_opened.len(), second.not_openable.len()),
        (0, 0, 2)
    );
    assert!(second.not_openable[1].next.contains("beside"), "{:?}", second.not_openable);
    world.forget_everything();
    let again = world.start_with(collect_with(&folder, "again"), Value::Null).unwrap();
    let again: Collected = typed::from_value(again).unwrap();
    assert_eq!((again.not_opened.len(), again.not_openable.len()), (2, 0));
    let require = move |caller: &dyn Caller, _: Value| {
        let collected = typed::to_value(&again).unwrap();
        caller.call("agency", "require_all_opened", vec![collected])
    };
    world.forget_everything();
    let error = world.start_with(require, Value::Null).unwrap_err();
    assert_eq!(error.code(), "agency.not_all_opened");
    assert!(error.to_string().contains(number(2).as_str()), "{error}");

    let register = Register::read(&world.folders());
    assert_eq!(register.problems, []);
    assert_eq!((register.unread().count(), register.not_openable().count()), (0, 2));
    let states: Vec<_> = register.rows.iter().map(|row| row.receipt).collect();
    let (read, not) = (ReceiptState::Letta, ReceiptState::NonApribile);
    assert_eq!(states, [read, not, not, read]);
    assert_eq!(fs::read(register.rows[1].paths.opaque.as_ref().unwrap()).unwrap(), b"%PDF-1.7");
    assert!(register.rows[0].paths.p7m.is_some() && register.rows[0].paths.rel.is_some());
}

/// What `collect_receipts` asks for: the others are open when it fails, and so says the repetition.
#[test]
fn required_they_fail_once_and_open_when_their_environment_is_found() {
    let authority = authority();
    let (world, folder) =
        world(vec![sealed_row(1, &authority.cifra), sealed_row(2, &authority.other_cifra)]);
    let require = || collect_with(&folder, "require_all");
    let error = world.start_with(require(), Value::Null).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("agency.not_all_opened", Exit::Refused));
    let shown = error.to_string();
    assert!(shown.contains(number(2).as_str()) && shown.contains("beside"), "{shown}");
    let register = Register::read(&world.folders());
    assert_eq!(register.rows[1].receipt, ReceiptState::Letta, "the others are open");
    // The run goes on: what nothing here opens is known by now.
    let resumed: Collected = typed::from_value(world.resume(require()).unwrap()).unwrap();
    assert_eq!((resumed.opened.len(), resumed.not_openable.len()), (1, 1));

    // Its environment is found: it opens, and is not in the list any more.
    let aside = world.root.path().join("Ambiente_sicurezza_1547083116289");
    authority.write(&aside, &authority.other_cifra, PASSWORD);
    world.forget_everything();
    let found: Collected =
        typed::from_value(world.start_with(require(), Value::Null).unwrap()).unwrap();
    assert_eq!((found.opened.len(), found.not_openable.len()), (1, 0));
    let register = Register::read(&world.folders());
    assert!(register.rows.iter().all(|row| row.receipt == ReceiptState::Letta));
    assert!(register.rows.iter().all(|row| row.not_openable.is_none()));
}

/// A file that somebody changed is kept aside, and the Agency's own takes its place.
#[test]
fn changed_files_are_kept_aside_and_written_again() {
    let (world, folder) = world(vec![sealed_row(1, &authority().cifra)]);
    let first = collected(&world, &folder);
    let (rel, p7m) = (&first.opened[0].rel, &first.opened[0].p7m);
    let genuine = fs::read(rel).unwrap();
    let mut forged = genuine.clone();
    forged[0] ^= 1;
    fs::write(rel, &forged).unwrap();
    fs::remove_file(p7m).unwrap();
    let second = collected(&world, &folder);
    assert_eq!((second.opened.len(), second.not_opened.len()), (1, 0));
    assert_eq!(fs::read(rel).unwrap(), genuine);
    assert!(p7m.is_file());
    let mut names: Vec<_> = fs::read_dir(rel.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("alterato"))
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(fs::read(names.remove(0)).unwrap(), forged);
    assert!(world.host.said.borrow().iter().any(|text| text.contains("was changed after")));
    let esito = world.documents().join("esiti").join(format!("{}.json", number(1)));
    let esito = fs::read_to_string(esito).unwrap();
    let root = world.root.path().to_string_lossy().into_owned();
    for line in esito.lines().filter(|line| line.contains(&root)) {
        assert!(line.contains("ambiente"), "paths are those of the archive: {line}");
    }
}

#[test]
fn a_receipt_for_an_environment_that_was_set_aside_opens() {
    for (password, asks) in [(PASSWORD, false), (EARLIER_PASSWORD, true)] {
        let authority = authority();
        let rows =
            vec![sealed_row(1, &authority.other_cifra), sealed_row(2, &authority.other_cifra)];
        let (world, folder) = world(rows);
        let aside = world.root.path().join("AMBIENTE_SICUREZZA_1547083116289");
        authority.write(&aside, &authority.other_cifra, password);
        let collected = collected(&world, &folder);
        assert_eq!(collected.not_opened, []);
        assert!(collected.opened.iter().all(|one| one.ambiente == aside));
        let asked = world.host.asked.borrow();
        let times = asked.iter().filter(|name| **name == "password_precedente").count();
        assert_eq!(times, usize::from(asks));
        assert!(world.host.said.borrow().iter().any(|text| text.contains("1547083116289")));
    }
}

#[test]
fn a_wrong_password_of_a_set_aside_environment_names_it_once() {
    let authority = authority();
    let (world, folder) = world(vec![
        sealed_row(1, &authority.other_cifra),
        sealed_row(2, &authority.cifra),
        sealed_row(3, &authority.other_cifra),
    ]);
    let aside = world.root.path().join("Ambiente_sicurezza_1");
    authority.write(&aside, &authority.other_cifra, "NobodyKnows1");
    let collected = collected(&world, &folder);
    assert_eq!(collected.opened.len(), 1);
    let codes: Vec<_> = collected.not_opened.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["keystore.wrong_password"; 2]);
    assert!(collected.not_opened[0].reason.contains("Ambiente_sicurezza_1"));
    let asked = world.host.asked.borrow();
    assert_eq!(asked.iter().filter(|name| **name == "password_precedente").count(), 1);
}

#[test]
fn a_line_that_fails_stops_all_and_a_repeated_call_goes_on() {
    let rows = vec![sealed_row(1, &authority().cifra), sealed_row(2, &authority().cifra)];
    let (world, folder) = world(rows);
    let open = |world: &World, bad: bool| {
        let agency = world.agency.clone();
        let folder = folder.clone();
        let script = move |caller: &dyn Caller, _: Value| {
            let env = environment(caller, &folder)?;
            let portal = portal(caller, "RSSMRA85M01H501Q")?;
            let receipts = caller.call("agency", "receipts", vec![portal])?;
            agency.bad_line.set(bad);
            caller.call("agency", "open_receipts", vec![receipts, env])
        };
        world.forget_everything();
        world.start_with(script, Value::Null)
    };
    assert_eq!(open(&world, true).unwrap_err().code(), "net.test");
    world.agency.bad_line.set(false);
    let collected: Collected = typed::from_value(open(&world, false).unwrap()).unwrap();
    assert_eq!(collected.opened.len(), 2);
    // What is open is not fetched again: it would fail now.
    let again: Collected = typed::from_value(open(&world, true).unwrap()).unwrap();
    assert_eq!(again, collected);
    // What was changed since is opened again from the receipt as it came, and fetched without it.
    fs::write(&again.opened[0].p7m, b"forged").unwrap();
    world.agency.bad_line.set(false);
    let mended: Collected = typed::from_value(open(&world, true).unwrap()).unwrap();
    assert_eq!(mended.opened.len(), 2);
    let name = format!("{}.rcc", again.opened[0].protocollo);
    let ricezione = world.documents().join("ricezione").join(again.opened[0].protocollo.as_str());
    fs::remove_file(ricezione.join(name)).unwrap();
    world.agency.bad_line.set(false);
    assert_eq!(open(&world, true).unwrap_err().code(), "net.test");
}

/// As over hand-off: the row does not say what became of it.
fn to_be_opened(rcc: &[u8]) -> (World, String) {
    let (mut record, file) = row(1, Stato::DaAprire, rcc);
    record.attachments[0].name = "scaricata.bin".into();
    let (world, folder) = world(Vec::new());
    *world.agency.sealed.borrow_mut() = Some((record, file));
    (world, folder)
}

fn wait_open_require(
    folder: &str,
    open: bool,
) -> impl Fn(&dyn Caller, Value) -> Result<Value, Error> + use<> {
    let folder = folder.to_owned();
    move |caller, document| {
        let receipt = receipt(caller, document, "2h")?;
        if open {
            let env = environment(caller, &folder)?;
            caller.call("agency", "open", vec![receipt.clone(), env])?;
        }
        let accepted = caller.call("agency", "require_accepted", vec![receipt])?;
        caller.call("agency", "stato", vec![accepted])
    }
}

#[test]
fn what_was_opened_says_whether_it_was_accepted() {
    for (stato, code) in [(Stato::Elaborato, None), (Stato::Scartato, Some("agency.rejected"))] {
        let p7m = by_the_agency(&text(stato));
        let rcc = crate::opening::sealed(&p7m);
        let (world, folder) = to_be_opened(&rcc);
        let error = world.start_with(wait_open_require(&folder, false), world.document());
        assert_eq!(error.unwrap_err().code(), "agency.receipt_sealed");
        world.forget_everything();
        let outcome = world.start_with(wait_open_require(&folder, true), world.document());
        match code {
            None => assert_eq!(outcome.unwrap(), "ELABORATO".into()),
            Some(code) => assert_eq!(outcome.unwrap_err().code(), code),
        }
    }
}

#[test]
fn a_signed_receipt_without_an_envelope_opens() {
    let p7m = by_the_agency(&text(Stato::Elaborato));
    let clear = |stato, name: &str, file: &[u8]| {
        let (world, folder) = world(Vec::new());
        let (mut record, file) = row(1, stato, file);
        record.attachments[0].name = name.into();
        *world.agency.sealed.borrow_mut() = Some((record, file));
        let outcome = world.start_with(wait_open_require(&folder, true), world.document());
        outcome.map_err(|error| error.code().to_owned())
    };
    assert_eq!(clear(Stato::Elaborato, "x.p7m", &p7m), Ok("ELABORATO".into()));
    let forged = [&p7m[..p7m.len() - 1], &[p7m[p7m.len() - 1] ^ 1]].concat();
    let missing = Err("agency.no_such_attachment".to_owned());
    assert_eq!(clear(Stato::Elaborato, "x.p7m", &forged), missing);
    assert_eq!(clear(Stato::Elaborato, "CERTIF.IN", &p7m), missing);
    assert_eq!(clear(Stato::Scartato, "x.p7m", b"words"), Err("agency.rejected".to_owned()));
    // Our own record of the row is not overwritten by a file of that name.
    let name = Err("agency.attachment_name".to_owned());
    assert_eq!(clear(Stato::Elaborato, "Ricevuta.JSON", &p7m), name);
}

#[test]
fn an_opaque_receipt_is_read_by_a_person() {
    // The row is enough: nobody has to open it first.
    let (world, folder) = to_be_opened(b"%PDF-1.7");
    world.start_with(wait_open_require(&folder, false), world.document()).unwrap_err();
    let rejected = Rejection { code: String::new(), text: "letto così".into() };
    let said = ReadByPerson { motivo_di_scarto: Some(rejected), numero: None };
    read_by_person(&world.folders(), &number(1), said).unwrap().unwrap();
    let error = world.resume(wait_open_require(&folder, false)).unwrap_err();
    assert_eq!(error.code(), "agency.rejected");
    assert!(error.to_string().contains("letto così"), "{error}");

    let (world, folder) = to_be_opened(b"%PDF-1.7");
    let error = world.start_with(wait_open_require(&folder, true), world.document()).unwrap_err();
    assert_eq!(error.code(), "receipt.opaque");
    let shown = error.to_string();
    assert!(shown.contains(&sha256(b"%PDF-1.7")) && shown.contains("scaricata.bin"), "{shown}");
    let said = ReadByPerson { motivo_di_scarto: None, numero: Some(number(9)) };
    let folders = world.folders();
    assert_eq!(read_by_person(&folders, &number(8), said.clone()).unwrap(), None);
    read_by_person(&folders, &number(1), said).unwrap().unwrap();
    let outcome = world.resume(wait_open_require(&folder, true)).unwrap();
    assert_eq!(outcome, "ELABORATO".into());
    let register = Register::read(&world.folders());
    let row = register.rows.iter().find(|row| row.protocollo == number(9)).unwrap();
    assert_eq!((row.receipt, row.sent), (ReceiptState::Letta, true));
}
