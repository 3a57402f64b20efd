//! The process is killed at every journal write, rename and mark of a filing, then resumed.
//!
//! Each time the Agency has one communication and one mark was bought, what the run made is whole,
//! and nothing is left behind. One point is the exception that no client can mend: when the mark is
//! made and its answer is not on disk yet, a second one is bought, and the test knows which point.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ceralacca::signing::DigestAlgorithm;
use serde_json::{Value, json};

use crate::stage::impronta::{ARCHIVE, Filing, RHAI, run};
use crate::stage::kill::{Sample, killed_at, passed, sampled};
use crate::stage::{self, Finished, Served, Stage, codice_fiscale};

/// Where a mark is made and lost.
const LOST_MARK: &str = "before the timestamp authority's answer is on disk";
/// Where the answer is on disk and nothing was done with it.
const ON_DISK: &str = "after the timestamp authority's answer is on disk";
const REPLACE: &str = "replace_impronta";

#[test]
fn a_filing_killed_anywhere_lua() {
    went_through_all(&killed_everywhere("file_impronta", 50_000, |sample| sample));
}

#[test]
fn a_filing_killed_anywhere_rhai() {
    killed_everywhere(RHAI, 50_001, Sample::thinned);
}

#[test]
fn a_replacement_killed_anywhere() {
    killed_everywhere(REPLACE, 50_002, Sample::thinned);
}

/// What is left of an answer.
type Tear = fn(&[u8]) -> Vec<u8>;

/// A disk that lost power may hold part of an answer: a new mark is bought, the part is kept.
#[test]
fn a_torn_answer_is_never_taken_for_a_mark() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(50_003));
    let archive = two_lots();
    let archive = archive.path().display().to_string();
    let torn: [(&str, Tear); 4] = [
        ("nothing of it", |_| Vec::new()),
        ("its first half", |answer| answer[..answer.len() / 2].to_vec()),
        ("zeroes in place of its end", |answer| {
            let half = answer.len() / 2;
            [&answer[..half], &vec![0; answer.len() - half]].concat()
        }),
        ("all of it", <[u8]>::to_vec),
    ];
    let undisturbed = filing.arguments("file_impronta", 0, &archive);
    let names = passed(&mut filing.stage().command(&words(&undisturbed)));
    let point = (1..).zip(&names).find(|(_, name)| *name == ON_DISK).map(|(point, _)| point);
    for (period, (what, tear)) in (1..).zip(torn) {
        let stage = filing.stage();
        let (sent, marks) = (served.communications(), served.marks());
        let arguments = filing.arguments("file_impronta", period, &archive);
        killed_at(&mut stage.command(&words(&arguments)), point.unwrap()).unwrap();
        let part = stage.path("Documenti/impronte/1/indice.xml.p7m.tsr.part");
        let answer = fs::read(&part).unwrap();
        fs::write(&part, tear(&answer)).unwrap();
        stage.resume(1, &filing.account, &[]).expect_success();
        let is_whole = tear(&answer) == answer;
        assert_eq!(served.marks() - marks, if is_whole { 1 } else { 2 }, "{what}: marks");
        assert_eq!(served.communications() - sent, 1, "{what}: communications");
        let refused = part.with_extension("refused");
        assert_eq!(refused.exists(), !is_whole, "{what}: the part is kept");
        let _ = fs::remove_file(refused);
        whole(&stage, 1, what);
    }
    stage::say(&format!("{} torn answers: none taken for a mark", torn.len() - 1));
}

/// Kills the workflow at each point that is tried, and gives their names.
fn killed_everywhere(
    script: &str,
    account: u32,
    chosen: impl Fn(Sample) -> Sample,
) -> BTreeSet<String> {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(account));
    let archive = two_lots();
    let (stage, arguments) = begun(script, &filing, archive.path(), 0);
    let sample = chosen(sampled(&mut stage.command(&words(&arguments))));
    let mut seen = BTreeSet::new();
    let mut bought_twice = 0;
    for point in &sample.points {
        let name = killed_once(script, &filing, archive.path(), *point);
        bought_twice += u32::from(name == LOST_MARK);
        seen.insert(name);
    }
    stage::say(&format!(
        "{}: one communication, one mark ({bought_twice} time two), killed and resumed at {}",
        Path::new(script).file_name().unwrap().display(),
        sample.said()
    ));
    seen
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// A workspace and the arguments that begin the workflow there, for a period of its own.
fn begun(script: &str, filing: &Filing, archive: &Path, period: u32) -> (Stage, Vec<String>) {
    let stage = filing.stage();
    let archive = archive.display().to_string();
    let mut arguments = filing.arguments(script, period, &archive);
    if script == REPLACE {
        let first = filing.arguments("file_impronta", period, &archive);
        let filed = run(replaceable(filing.served, &stage), &first).json();
        arguments.push(format!("protocollo={}", filed["result"]["protocollo"].as_str().unwrap()));
    }
    (stage, arguments)
}

/// Kills one run at `point` and resumes it. Gives the point's name.
fn killed_once(script: &str, filing: &Filing, archive: &Path, point: u32) -> String {
    let (stage, arguments) = begun(script, filing, archive, point);
    let number = if script == REPLACE { 2 } else { 1 };
    let (sent, marks) = (filing.served.communications(), filing.served.marks());
    let name = killed_at(&mut stage.command(&words(&arguments)), point);
    let name = name.expect("each run passes as many points");

    let place = format!("{script} killed at point {point}, {name}");
    // A run that was killed before its first entry does not exist: it is begun again.
    let finished = match is_in_journal(&stage, number) {
        true => stage.resume(number, &filing.account, &[]),
        false => run(&stage, &arguments),
    };
    if name == "after journal finished" {
        assert_eq!(finished.error_code(), "run.finished", "{place}");
    } else {
        assert_eq!(finished.code, Some(0), "{place}: {}{}", finished.stdout, finished.stderr);
    }
    assert_eq!(filing.served.communications() - sent, 1, "{place}: communications received");
    let bought = if name == LOST_MARK { 2 } else { 1 };
    assert_eq!(filing.served.marks() - marks, bought, "{place}: marks bought");
    whole(&stage, number, &place);
    name
}

/// Puts the deadline of transmission where no calendar reaches it, on both sides.
fn replaceable<'a>(served: &Served, stage: &'a Stage) -> &'a Stage {
    let far = json!({ "impronta_deadline": "2190-01-01" });
    served.admin("PUT", "/sandbox/v1/settings", Some(&far));
    let rule = "giorni_sostituzione = 30\n[regola]\nanni = 10\nmese = 12\nfonte = \"the test\"\n";
    fs::write(stage.path("lontane.toml"), rule).unwrap();
    let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
    let more = format!("{settings}\n[impronta]\nscadenze = \"lontane.toml\"\n");
    fs::write(stage.path("ceralacca.toml"), more).unwrap();
    stage
}

/// A folder with two lots of the example archive, each with what is in it.
fn two_lots() -> tempfile::TempDir {
    let archive = tempfile::tempdir().unwrap();
    for lot in ["2025-01-1", "2025-01-2"] {
        fs::create_dir(archive.path().join(lot)).unwrap();
        for entry in fs::read_dir(Path::new(ARCHIVE).join(lot)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, archive.path().join(lot).join(path.file_name().unwrap())).unwrap();
        }
    }
    archive
}

fn is_in_journal(stage: &Stage, run: u64) -> bool {
    stage.path(".ceralacca/journal.sqlite").exists()
        && stage.journal().iter().any(|entry| entry["run"] == run)
}

/// The search went past the start, all files, the mark, the sending, the receipt, and the end.
fn went_through_all(seen: &BTreeSet<String>) {
    for expected in [
        "before journal started",
        "before journal intent",
        "before asking the timestamp authority",
        LOST_MARK,
        ON_DISK,
        "after journal finished",
    ] {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
    for file in [
        "indice.xml",
        "indice.xml.p7m",
        "indice.xml.p7m.tsq",
        "indice.xml.p7m.tsr",
        "indice.xml.p7m.tst",
        "comunicazione.xml",
        "comunicazione.dgn",
        "comunicazione.dcm",
        "comunicazione.ccf",
        "attempt.json",
        "acknowledgement.json",
    ] {
        for moment in ["before", "after"] {
            let point = format!("{moment} rename to {file}");
            assert!(seen.contains(&point), "{point} is not among {seen:?}");
        }
    }
    for ending in [".rcc", ".p7m", ".rel", ".json"] {
        let receipt = |point: &&String| point.starts_with("before rename to 2");
        assert!(seen.iter().filter(receipt).any(|point| point.ends_with(ending)), "{seen:?}");
    }
}

/// What the run made is there, as the journal and the Agency's receipt say, and nothing else is.
fn whole(stage: &Stage, run: u64, place: &str) {
    let journal: Vec<Value> =
        stage.journal().into_iter().filter(|entry| entry["run"] == run).collect();
    let finished = &journal.last().unwrap()["event"]["finished"]["result"];
    let result = |name: &str| finished[name].as_str().unwrap_or_else(|| panic!("{place}: {name}"));
    let documents = stage.path("Documenti");

    let mut made = BTreeSet::new();
    for entry in &journal {
        recorded(stage, &entry["event"]["ended"]["outcome"]["ok"], &mut made);
    }
    let names = ["indice.xml", "indice.xml.p7m", "indice.xml.p7m.tsr", "comunicazione.dcm"];
    for name in names.iter().chain(&["comunicazione.ccf"]) {
        assert!(made.iter().any(|(path, _)| path.ends_with(name)), "{place}: {name} in {made:?}");
    }
    for (path, expected) in &made {
        assert_eq!(&sha256(path), expected, "{place}: {}", path.display());
    }
    let signed = documents.join(format!("impronte/{run}/indice.xml.p7m"));
    assert_eq!(sha256(&signed), result("impronta"), "{place}: the imprint");
    let token = documents.join(format!("impronte/{run}/indice.xml.p7m.tst"));
    let marked = fs::read(token.with_extension("tsr")).unwrap();
    let token = fs::read(token).unwrap();
    assert!(marked.ends_with(&token), "{place}: the token is that of the answer");
    stage.run(&["verify", &signed.display().to_string()]).expect_success();

    let receipt = fs::read_to_string(result("ricevuta")).unwrap();
    let ccf = documents.join(format!("firmati/{run}/comunicazione.ccf"));
    for line in [
        format!("Protocollo: {}", result("protocollo")),
        "Stato: ELABORATO".to_owned(),
        format!("SHA-256 del file: {}", sha256(&ccf)),
        format!("Impronta nella marca: {}", result("impronta")),
    ] {
        assert!(receipt.lines().any(|found| found == line), "{place}: {line} in {receipt}");
    }
    let copy = documents.join(format!("inviati/{}-comunicazione.ccf", result("protocollo")));
    assert_eq!(sha256(&copy), sha256(&ccf), "{place}: the copy of what was sent");
    verified(stage).expect_success();
    nothing_left(stage, run, place);
}

fn verified(stage: &Stage) -> Finished {
    stage.run(&["journal", "verify"])
}

/// Every file that an outcome names with its SHA-256.
fn recorded(stage: &Stage, outcome: &Value, made: &mut BTreeSet<(PathBuf, String)>) {
    if let (Some(path), Some(sha256)) = (outcome["path"].as_str(), outcome["sha256"].as_str()) {
        made.insert((stage.path(path), sha256.to_owned()));
    }
    match outcome {
        Value::Object(fields) => fields.values().for_each(|field| recorded(stage, field, made)),
        Value::Array(items) => items.iter().for_each(|item| recorded(stage, item, made)),
        _ => {}
    }
}

fn sha256(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    hex::encode(DigestAlgorithm::Sha256.digest(&bytes))
}

/// No file of the run is unfinished, waits to be sent, or is there twice.
fn nothing_left(stage: &Stage, run: u64, place: &str) {
    let mut names = Vec::new();
    let mut folders = vec![stage.path("Documenti"), stage.path(".ceralacca")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => names.push(path),
            }
        }
    }
    let left = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let unfinished = [".part", ".tsq", ".refused"].iter().any(|ending| name.ends_with(ending));
        let waits = path.components().any(|part| part.as_os_str() == "da inviare");
        name.starts_with(".ceralacca-") || unfinished || waits
    };
    let left: Vec<&PathBuf> = names.iter().filter(left).collect();
    assert!(left.is_empty(), "{place}: left behind {left:?}");
    let sent = names.iter().filter(|path| path.parent().unwrap().ends_with("inviati")).count();
    assert_eq!(sent as u64, run, "{place}: copies of what was sent");
}
