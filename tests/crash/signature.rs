//! The process is killed at every point of `examples/sign_and_mark.lua`, then resumed; and somebody
//! else's signature is never written over.

use std::fs;

use crate::stage::impronta::Filing;
use crate::stage::kill::{killed_at, sampled};
use crate::stage::{self, Served, Stage, codice_fiscale};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sign_and_mark.lua");
/// Where a mark is made and lost: RFC 3161 has no second delivery.
const LOST_MARK: &str = "before the timestamp authority's answer is on disk";

fn arguments(filing: &Filing<'_>, document: &str) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["run", SCRIPT, "--approve", "--json", "--secrets"].map(str::to_owned).into();
    arguments.push(filing.account.secrets_file.display().to_string());
    arguments.extend([format!("document={document}"), "signer=responsabile.p12".to_owned()]);
    arguments
}

fn ready(filing: &Filing<'_>, document: &str) -> Stage {
    let stage = filing.stage();
    fs::write(stage.path(document), "un contratto").unwrap();
    stage
}

#[test]
fn a_marked_signature_killed_anywhere() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(52_000));
    let arguments = arguments(&filing, "contratto.txt");
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sample = sampled(&mut ready(&filing, "contratto.txt").command(&words));
    for point in &sample.points {
        let (stage, marks) = (ready(&filing, "contratto.txt"), served.marks());
        let name = killed_at(&mut stage.command(&words), *point);
        let name = name.expect("each run passes as many points");
        let place = format!("killed at point {point}, {name}");
        let begun = stage.path(".ceralacca/journal.sqlite").exists() && !stage.journal().is_empty();
        let finished =
            if begun { stage.resume(1, &filing.account, &[]) } else { stage.run(&words) };
        if name != "after journal finished" {
            assert_eq!(finished.code, Some(0), "{place}: {}{}", finished.stdout, finished.stderr);
        }
        let bought = if name == LOST_MARK { 2 } else { 1 };
        assert_eq!(served.marks() - marks, bought, "{place}: marks");
        let folder = stage.path("Documenti/firmati/1");
        let mut names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        let expected = [".marcata.p7m", ".p7m", ".p7m.firma.tsr", ".p7m.firma.tst"];
        assert_eq!(names, expected.map(|end| format!("contratto.txt{end}")), "{place}");
        for name in &names[..2] {
            let file = folder.join(name).display().to_string();
            stage.run(&["verify", &file]).expect_success();
        }
    }
    assert!(sample.points.len() > 10, "the search went through the run: {}", sample.said());
    stage::say(&format!("sign_and_mark: killed and resumed at {}", sample.said()));
}

#[test]
fn somebody_elses_signature_is_never_written_over() {
    let served = Served::start();
    let filing = Filing::new(&served, &codice_fiscale(52_001));
    for (there, code) in [
        ("Documenti/contratto.txt.p7m", "signing.disk"),
        ("Documenti/contratto.txt.marcata.p7m", "timestamp.in_the_way"),
    ] {
        let stage = ready(&filing, "Documenti/contratto.txt");
        fs::write(stage.path(there), "of somebody else").unwrap();
        let arguments = arguments(&filing, "Documenti/contratto.txt");
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(stage.run(&words).error_code(), code);
        assert_eq!(fs::read(stage.path(there)).unwrap(), b"of somebody else", "{there}");
    }
    assert_eq!(served.marks(), 0);
}
