//! The process is killed at every write and rename of the channel, and the call repeated: one support.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use super::scene::{Document, NODE, Scene, ask, outgoing};

const SETTINGS: &str = "CERALACCA_SFTP_TEST_SETTINGS";
const KEY: &str = "CERALACCA_SFTP_TEST_KEY";

/// What the process that is killed does. On its own it does nothing.
#[test]
fn sends_in_a_process_of_its_own() {
    let (Ok(settings), Ok(key)) = (std::env::var(SETTINGS), std::env::var(KEY)) else { return };
    let settings: Json = serde_json::from_str(&settings).unwrap();
    ask(&settings, "agency/submit", vec![outgoing(&Document::new(&key))]).unwrap();
}

#[test]
fn killed_anywhere_a_repeated_call_sends_one_support() {
    let Some(scene) = Scene::new("kills at every write of the channel") else { return };
    let mut kills = 0;
    loop {
        let key = format!("kill-{kills}");
        if !killed_at(&scene, &key, kills + 1) {
            break;
        }
        kills += 1;
        let sent = scene.submit(&Document::new(&key)).unwrap();
        let supports = scene.names("in");
        let finished: Vec<_> = supports.iter().filter(|name| name.ends_with(".zip")).collect();
        assert_eq!(finished.len(), kills, "kill {kills}: {supports:?}");
        let record =
            std::fs::read(scene.path(&format!("state/supports/{key}/record.json"))).unwrap();
        let record: Json = serde_json::from_slice(&record).unwrap();
        let support = record["support"].as_str().unwrap();
        assert!(supports.iter().any(|name| name == support));
        assert!(sent["protocollo"].as_str().unwrap().starts_with("senza-protocollo-2026326-0536-"));
        let files = scene.open(support);
        assert_eq!(files["comunicazione.ccf"], Document::new(&key).bytes);
    }
    assert!(kills >= 9, "{kills} points of the channel");
    println!("{kills} kills, one support of {NODE} each");
}

/// Runs a submission up to its `point`th crash point and kills it there; false when it has fewer.
fn killed_at(scene: &Scene, key: &str, point: usize) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crashes::sends_in_a_process_of_its_own", "--nocapture"])
        .env(SETTINGS, scene.settings().to_string())
        .env(KEY, key)
        .env("CERALACCA_CRASH_POINT", point.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reached = lines.map_while(Result::ok).any(|line| line.starts_with("crash point "));
    if reached {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert!(reached || status.success(), "the submission fails by itself");
    reached
}
