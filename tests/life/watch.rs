//! `ceralacca watch`: a run that waits for a person uses no processor, and goes on within a second of
//! the arrival of its answer; half a file, a noisy folder, a folder that is gone, a run that another
//! process holds and one that has failed do not lead it astray.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::stage::person::Person;
use crate::stage::{self, Served, Stage, codice_fiscale};
use crate::watching::{Watch, confirm, hand_over, hand_over_by, prepared, ricezione, wait_until};

const NUMBER: &str = "26112200000000777";
const OTHER: &str = "26112200000000778";
const REFUSED: &str = r#"
    const WORKFLOW = #{ summary: "Prova", uses: ["agency", "inspect"],
        input: #{ file: #{ type: "file", prompt: "File" } } };
    fn run(input) {
        let sent = agency::portal().submit(inspect::document(input.file, "IVA26"));
        sent.wait("30d").require_accepted();
    }
"#;
/// How long a file that does not say where it ends must not change before it is taken.
const QUIET: Duration = Duration::from_secs(5);
const PDF: &[u8] = b"%PDF-1.7 una ricevuta %%EOF\n";

#[test]
fn waits_without_work_and_goes_on_at_once() {
    let served = Served::start();
    let (stage, account) = (Stage::by_hand(&served), served.account(&codice_fiscale(81_000)));
    let person = Person::new(&served, &account);
    assert_eq!(stage.setup(&account, &[]).code, Some(4));
    let protocollo = person.upload(&stage.path("Documenti/da inviare/1/req.ccc"), "PKS10");
    let answer = person.fetch(&protocollo, "CERTIF.IN");
    confirm(&stage, 1, &protocollo);

    let mut watch = Watch::until_done(&stage, &account);
    // It goes on once, as far as the receipt that is not there.
    wait_until(|| stage.resumed(1).len() == 1 && !stage.standing(1).1);
    let refused = stage.run(&["watch", "--json"]);
    assert_eq!(refused.error_code(), "watch.running");

    sleep(Duration::from_secs(1));
    let (before, woken_before) = (watch.processor_ticks(), watch.switches());
    sleep(Duration::from_secs(30));
    let (ticks, woken) = (watch.processor_ticks() - before, watch.switches() - woken_before);
    assert_eq!(ticks, 0, "processor time while it waits, in hundredths of a second");
    assert!(woken <= 3, "it is not woken while nothing arrives: {woken} times");
    assert_eq!(stage.resumed(1).len(), 1, "nothing is tried meanwhile");

    let half = ricezione(&stage).join("CERTIF.IN");
    fs::write(&half, &answer[..answer.len() / 2]).unwrap();
    sleep(Duration::from_secs(1));
    assert_eq!(stage.resumed(1).len(), 1, "half a file is not taken for the answer");
    assert!(!watch.said().contains("not whole"), "it may still be on its way");
    wait_until(|| watch.said().contains("not whole"));
    let arrived = Timestamp::now();
    fs::write(&half, &answer).unwrap();
    wait_until(|| stage.resumed(1).len() == 2);
    // Nothing but the arrival has woken it: there was no other wake-up in thirty seconds.
    let took = stage.resumed(1)[1].duration_since(arrived);
    let (code, said) = watch.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(stage.path("ambiente/UTENTE.KS").exists(), "{said}");
    let text = format!("30 s of watching: {ticks} ticks, {woken} wake-ups; resumed in {took:?}");
    stage::say(&text);
    assert_eq!(served.requests(), 1);
}

/// Nothing in such a file says where it ends.
#[test]
fn half_of_what_has_no_end_is_not_taken() {
    let served = Served::start();
    let stage = prepared(&served);
    confirm(&stage, 1, NUMBER);
    let mut watch = Watch::start(&stage, &["--until-done", "--approve"]);
    wait_until(|| stage.resumed(1).len() == 1 && !stage.standing(1).1);
    let receipt = ricezione(&stage).join(format!("{NUMBER}.bin"));
    let begun = Instant::now();
    fs::write(&receipt, [1; 250]).unwrap();
    sleep(QUIET / 2);
    if begun.elapsed() >= QUIET {
        return stage::say("not judged: this machine is too busy to write the other half in time");
    }
    let mut file = OpenOptions::new().append(true).open(&receipt).unwrap();
    file.write_all(&[2; 250]).unwrap();
    let written = Instant::now();
    drop(file);
    let (code, said) = watch.wait();
    assert_eq!(code, Some(0), "{said}");
    let waited = written.elapsed();
    assert!(waited >= QUIET, "it was quiet for less than five seconds: {waited:?}");
    let row = stage.path(&format!("Documenti/ricezione/{NUMBER}/ricevuta.json"));
    let row: serde_json::Value = serde_json::from_slice(&fs::read(row).unwrap()).unwrap();
    assert_eq!(row["attachments"][0]["length"], 500, "{row}");

    // What was noted once and changes afterwards is said.
    let mut file = OpenOptions::new().append(true).open(&receipt).unwrap();
    file.write_all(b"and more").unwrap();
    drop(file);
    hand_over(&stage, "altra.ccf");
    let watch = Watch::start(&stage, &["--approve"]);
    wait_until(|| watch.said().contains("not the file that run 1 took for its receipt"));
}

#[test]
fn resuming_waits_for_what_is_still_on_its_way() {
    let served = Served::start();
    let stage = prepared(&served);
    confirm(&stage, 1, NUMBER);
    let (half, whole) = (vec![1; 250], vec![1; 500]);
    stage.deliver(&format!("{NUMBER}.bin"), &half);
    let resumed = std::thread::scope(|scope| {
        let resumed = scope.spawn(|| stage.run(&["resume", "1", "--approve"]));
        sleep(Duration::from_secs(2));
        stage.deliver(&format!("{NUMBER}.bin"), &whole);
        resumed.join().unwrap()
    });
    assert!(resumed.stderr.contains("may still be on its way"), "{}", resumed.stderr);
    assert_eq!(resumed.code, Some(4), "{}", resumed.stderr);
    let finished = stage.run(&["resume", "1", "--approve"]).expect_success();
    assert!(finished.stderr.contains("may still be on its way"), "{}", finished.stderr);
    let row = stage.path(&format!("Documenti/ricezione/{NUMBER}/ricevuta.json"));
    let row: serde_json::Value = serde_json::from_slice(&fs::read(row).unwrap()).unwrap();
    assert_eq!(row["attachments"][0]["length"], 500, "{row}");
}

/// Somebody writes there all the time, and somebody reads.
#[test]
fn a_noisy_folder_stops_nothing() {
    let served = Served::start();
    let stage = prepared(&served);
    confirm(&stage, 1, NUMBER);
    let mut watch = Watch::start(&stage, &["--until-done", "--approve"]);
    wait_until(|| stage.resumed(1).len() == 1 && !stage.standing(1).1);
    let place = ricezione(&stage);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let open = |name| OpenOptions::new().create(true).append(true).open(place.join(name));
            let (mut part, mut growing) = (open("altro.pdf.part").unwrap(), open("b.bin").unwrap());
            while !over.load(Ordering::SeqCst) {
                part.write_all(b"more").unwrap();
                growing.write_all(b"more").unwrap();
                let _ = fs::read(place.join("ISTRUZIONI-1.txt"));
                sleep(Duration::from_millis(50));
            }
        });
        sleep(Duration::from_secs(1));
        fs::write(place.join(format!("{NUMBER}.pdf")), PDF).unwrap();
        let (code, said) = watch.wait();
        // Only now: it did not wait for the end of the noise.
        over.store(true, Ordering::SeqCst);
        assert_eq!(code, Some(0), "{said}");
    });
}

#[test]
fn a_folder_that_is_removed_or_renamed_is_watched_anew() {
    let served = Served::start();
    let stage = prepared(&served);
    confirm(&stage, 1, NUMBER);
    hand_over(&stage, "altra.ccf");
    let mut watch = Watch::start(&stage, &["--until-done", "--approve"]);
    wait_until(|| stage.resumed(1).len() == 1 && !stage.standing(1).1);
    let place = ricezione(&stage);
    fs::remove_dir_all(&place).unwrap();
    wait_until(|| place.is_dir() && watch.said().contains("was removed or renamed"));
    fs::write(place.join(format!("{NUMBER}.pdf")), PDF).unwrap();
    wait_until(|| stage.is_finished(1));

    // Renamed, and made anew by a person under another case.
    fs::rename(&place, place.with_file_name("vecchia")).unwrap();
    wait_until(|| place.is_dir());
    let capital = place.with_file_name("RICEZIONE");
    fs::create_dir(&capital).unwrap();
    confirm(&stage, 2, OTHER);
    sleep(Duration::from_secs(1));
    fs::write(capital.join(format!("{OTHER}.pdf")), PDF).unwrap();
    wait_until(|| stage.is_finished(2));
    let (code, said) = watch.wait();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn it_ends_with_an_error_when_the_archive_is_gone() {
    let served = Served::start();
    let stage = prepared(&served);
    let mut watch = Watch::start(&stage, &["--approve"]);
    fs::rename(stage.path("Documenti"), stage.path("Documenti-2025")).unwrap();
    let (code, said) = watch.wait();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error[watch.folder_gone]"), "{said}");
    assert!(!stage.path("Documenti").exists(), "no empty archive takes its place");
}

/// Whatever comes first: the news of a run is that of all it has handed over.
#[test]
fn two_files_of_one_run_and_two_runs() {
    const TWO: &str = r#"
        const WORKFLOW = #{ summary: "Due file", input: #{}, uses: ["agency", "inspect"] };
        fn run(input) {
            let portal = agency::portal();
            let a = portal.submit(inspect::document("a.txt", "IVA26"));
            let b = portal.submit(inspect::document("b.txt", "IVA26"));
            a.wait("30d");
            b.wait("30d");
        }
    "#;
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    for (name, text) in [("a.txt", "primo\n"), ("b.txt", "secondo\n"), ("due.rhai", TWO)] {
        fs::write(stage.path(name), text).unwrap();
    }
    let run = || stage.run(&["run", "./due.rhai", "--approve"]).code;
    assert_eq!(run(), Some(4));
    confirm(&stage, 1, NUMBER);
    assert_eq!(stage.run(&["resume", "1", "--approve"]).code, Some(4));
    confirm(&stage, 1, OTHER);
    hand_over(&stage, "altra.ccf");
    let mut watch = Watch::start(&stage, &["--until-done", "--approve"]);
    wait_until(|| stage.resumed(1).len() == 2 && !stage.standing(1).1);
    stage.deliver(&format!("{OTHER}.pdf"), PDF);
    wait_until(|| stage.resumed(1).len() == 3 && !stage.standing(1).1);
    stage.deliver(&format!("{NUMBER}.pdf"), b"%PDF-1.7 un'altra %%EOF");
    wait_until(|| stage.is_finished(1));
    assert!(watch.is_running(), "run 2 still waits");
    confirm(&stage, 2, "26112200000000779");
    stage.deliver("26112200000000779.pdf", b"%PDF-1.7 la terza %%EOF");
    let (code, said) = watch.wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(stage.is_finished(2));
}

#[test]
fn a_run_that_another_process_works_on_is_waited_for() {
    let served = Served::start();
    let stage = prepared(&served);
    confirm(&stage, 1, NUMBER);
    stage.deliver(&format!("{NUMBER}.pdf"), PDF);
    // It stands still in the middle of its work, and holds the run.
    let mut other = stage.command(&["resume", "1", "--approve"]);
    let mut other = other.env("CERALACCA_CRASH_POINT", "3").spawn().unwrap();
    wait_until(|| stage.standing(1).1);
    let mut watch = Watch::start(&stage, &["--until-done", "--approve"]);
    sleep(Duration::from_secs(2));
    assert!(watch.is_running(), "what another process works on is not done");
    assert_eq!(stage.resumed(1).len(), 1);
    let ticks = watch.processor_ticks();
    sleep(Duration::from_secs(3));
    assert_eq!(watch.processor_ticks(), ticks, "it sleeps meanwhile");
    let let_go = Timestamp::now();
    other.kill().unwrap();
    other.wait().unwrap();
    let (code, said) = watch.wait();
    assert_eq!(code, Some(0), "{said}");
    let took = stage.resumed(1)[1].duration_since(let_go);
    assert!(took.as_millis() < 1500, "it went on {took:?} after the other had ended");
    assert!(stage.is_finished(1));
}

#[test]
fn a_run_that_has_failed_is_not_done_and_not_tried_again() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    fs::write(stage.path("rifiutata.rhai"), REFUSED).unwrap();
    hand_over_by(&stage, "./rifiutata.rhai", "dichiarazione.ccf");
    stage
        .run(&["confirm", "1", "--protocollo", NUMBER, "--rejected", "Delega mancante"])
        .expect_success();
    let failed = |arguments: &[&str]| {
        let arguments = [&["--until-done", "--approve"], arguments].concat();
        let (code, said) = Watch::start(&stage, &arguments).wait();
        assert_eq!(code, Some(1), "{said}");
        said
    };
    let said = failed(&[]);
    let last = said.lines().last().unwrap();
    assert!(last.contains("run 1 is not finished"), "{said}");
    assert!(last.contains("(agency.rejected)"), "{said}");
    let resumed = stage.resumed(1).len();
    assert_eq!(resumed, 1);
    failed(&[]);
    assert_eq!(stage.resumed(1).len(), resumed, "not again at every start");
    // Another run is waited for all the same.
    hand_over(&stage, "altra.ccf");
    confirm(&stage, 2, OTHER);
    stage.deliver(&format!("{OTHER}.pdf"), PDF);
    failed(&[]);
    assert!(stage.is_finished(2));
    assert_eq!(stage.resumed(1).len(), resumed);
}

/// A receipt that nobody announced tells of a rejection: the run fails, once; then a person's word is
/// news again.
#[test]
fn what_is_new_after_a_failure_is_tried() {
    let served = Served::start();
    let stage = Stage::by_hand(&served);
    fs::write(stage.path("rifiutata.rhai"), REFUSED).unwrap();
    hand_over_by(&stage, "./rifiutata.rhai", "dichiarazione.ccf");
    confirm(&stage, 1, NUMBER);
    stage.deliver(&format!("{NUMBER}.pdf"), PDF);
    let (code, said) = Watch::start(&stage, &["--until-done", "--approve"]).wait();
    assert_eq!(code, Some(1), "nobody has read the receipt yet: {said}");
    assert_eq!(stage.resumed(1).len(), 1, "{said}");
    stage.run(&["confirm", "1", "--accepted"]).expect_success();
    let (code, said) = Watch::start(&stage, &["--until-done", "--approve"]).wait();
    assert_eq!(code, Some(0), "{said}");
    assert!(stage.is_finished(1));
}

/// What the command was not given it may be given the next time.
#[test]
fn a_run_that_lacked_an_approval_goes_on_with_it() {
    let served = Served::start();
    let stage = prepared(&served);
    stage.run(&["confirm", "1", "--not-sent"]).expect_success();
    let (code, said) = Watch::start(&stage, &["--until-done"]).wait();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("run.approval_needed"), "{said}");
    let mut watch = Watch::start(&stage, &["--until-done", "--approve"]);
    wait_until(|| stage.resumed(1).len() == 2 && !stage.standing(1).1);
    assert_eq!(stage.standing(1).0, "waiting");
    confirm(&stage, 1, NUMBER);
    stage.deliver(&format!("{NUMBER}.pdf"), PDF);
    let (code, said) = watch.wait();
    assert_eq!(code, Some(0), "{said}");
}

/// Killed at every journal write and every rename of the run it goes on with, and begun again.
#[test]
fn killed_anywhere_while_it_goes_on() {
    let served = Served::start();
    let stage = prepared(&served);
    confirm(&stage, 1, NUMBER);
    stage.deliver(&format!("{NUMBER}.pdf"), PDF);
    let arguments = ["watch", "--until-done", "--approve"];
    let settled = || {
        let settles = |entry: &&serde_json::Value| {
            ["stage", "ended", "finished"].iter().any(|kind| !entry["event"][kind].is_null())
        };
        stage.journal().iter().filter(settles).count()
    };
    // What a run does over again after a kill it does at points that it has passed before.
    let (mut points, mut seen, mut further) = (Vec::new(), BTreeSet::new(), 1);
    while let Some(name) = stage::kill::killed_at(&mut stage.command(&arguments), 2 + further) {
        further = if seen.insert((name.clone(), settled())) { 1 } else { further + 1 };
        points.push(name);
        assert!(points.len() < 300, "{points:?}");
    }
    assert!(points.len() > 3, "{points:?}");
    assert!(stage.is_finished(1));
    stage.run(&["journal", "verify"]).expect_success();
    assert_eq!(stage.leftovers(), [] as [std::path::PathBuf; 0]);
    let rows = stage.run(&["receipts", "--json"]).json();
    assert_eq!(rows["receipts"].as_array().unwrap().len(), 1, "{rows:#}");
    stage::say(&format!("watch: killed {} times while it went on", points.len()));
}

/// Nothing in the folder is passed over in silence.
#[test]
fn what_is_not_used_is_said_once() {
    let served = Served::start();
    let stage = prepared(&served);
    confirm(&stage, 1, NUMBER);
    let place = ricezione(&stage);
    fs::create_dir_all(place.join("a/b")).unwrap();
    std::os::unix::fs::symlink(stage.path("ca.cer"), place.join("collegamento.pdf")).unwrap();
    for (name, content) in [
        ("pagina.pdf", PDF),
        ("meta.pdf", b"%PDF-1.7"),
        ("Istruzioni dell'Agenzia.txt", b"una guida"),
        ("a.pdf.crdownload", b"half"),
    ] {
        stage.deliver(name, content);
    }
    let watch = Watch::start(&stage, &["--approve"]);
    let json = [("pagina.pdf", "ceralacca confirm 1 --receipt"), ("meta.pdf", "not whole")];
    let all =
        [("Istruzioni dell'Agenzia.txt", "text"), ("collegamento.pdf", "link"), ("a/b", "folder")];
    wait_until(|| {
        let said = watch.said();
        let is_said = |(name, why): &(&str, &str)| {
            said.lines().any(|line| line.contains(name) && line.contains(why))
        };
        json.iter().chain(&all).all(is_said)
    });
    stage.deliver("altra.pdf", b"%PDF-1.7 un'altra %%EOF");
    wait_until(|| watch.said().contains("altra.pdf"));
    assert_eq!(watch.said().matches("pagina.pdf").count(), 1, "{}", watch.said());
    assert!(!watch.said().contains("crdownload"), "{}", watch.said());
    drop(watch);
    let waiting = stage.run(&["resume", "1", "--approve"]);
    assert_eq!(waiting.code, Some(4));
    assert!(waiting.stderr.contains("not used: "), "{}", waiting.stderr);
    assert!(waiting.stderr.contains("meta.pdf"), "{}", waiting.stderr);
    let watch = Watch::start(&stage, &["--json"]);
    wait_until(|| watch.said().contains("meta.pdf"));
    assert!(watch.said().contains(r#""unused": {"#), "{}", watch.said());
}
