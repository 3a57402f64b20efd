//! The line is cut around the rename: nothing is delivered twice, and what is not known says so.

use ceralacca_plugin_sdk::Exit;
use serde_json::json;

use super::scene::{Document, NODE, Scene, esito};
use super::sshd::{Cut, Line};

fn cut(scene: &mut Scene, cut: Cut, stays_down: bool) -> Line {
    let mark = scene.path("state/supports/k-1/attempted");
    let line = Line::to(scene.server.port, mark, cut, stays_down);
    scene.other.insert("port".to_owned(), json!(line.port));
    scene.other.insert("silence_timeout_seconds".to_owned(), json!(1));
    scene.other.insert("connect_timeout_seconds".to_owned(), json!(5));
    line
}

fn only_one(scene: &Scene) {
    assert_eq!(scene.names("in"), [format!("FI.{NODE}.2026326.0536.001.zip")]);
}

#[test]
fn a_rename_that_never_arrived_is_known_not_to_have_happened() {
    let Some(mut scene) = Scene::new("a line cut before the rename") else { return };
    let _line = cut(&mut scene, Cut::Before, false);
    let error = scene.submit(&Document::new("k-1")).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("sftp.cut", Exit::Refused), "{error}");
    assert!(scene.names("in").is_empty(), "{:?}", scene.names("in"));
    assert_eq!(scene.find("k-1").unwrap(), json!([]));
    scene.submit(&Document::new("k-1")).unwrap();
    only_one(&scene);
}

#[test]
fn a_rename_whose_answer_was_lost_is_seen() {
    let Some(mut scene) = Scene::new("a line cut after the rename") else { return };
    let _line = cut(&mut scene, Cut::After, false);
    scene.submit(&Document::new("k-1")).unwrap();
    only_one(&scene);
}

#[test]
fn what_cannot_be_seen_is_in_doubt_until_it_can() {
    let Some(mut scene) = Scene::new("a line that stays down after the rename") else { return };
    let line = cut(&mut scene, Cut::After, true);
    let document = Document::new("k-1");
    for _ in 0..2 {
        let error = scene.submit(&document).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("sftp.in_doubt", Exit::Unknown), "{error}");
        assert_eq!(scene.find("k-1").unwrap_err().code(), "sftp.in_doubt");
    }
    line.mend();
    assert_eq!(scene.find("k-1").unwrap().as_array().unwrap().len(), 1);
    scene.submit(&document).unwrap();
    only_one(&scene);
}

#[test]
fn what_was_collected_meanwhile_is_in_doubt_until_its_outcome_tells() {
    let Some(mut scene) = Scene::new("a support collected while the line was down") else { return };
    let line = cut(&mut scene, Cut::After, true);
    let document = Document::new("k-1");
    assert_eq!(scene.submit(&document).unwrap_err().code(), "sftp.in_doubt");
    let support = format!("FI.{NODE}.2026326.0536.001.zip");
    std::fs::remove_file(scene.path("in").join(&support)).unwrap();
    line.mend();
    assert_eq!(scene.find("k-1").unwrap_err().code(), "sftp.in_doubt");
    assert_eq!(scene.submit(&document).unwrap_err().exit(), Exit::Unknown);
    assert!(scene.names("in").is_empty(), "nothing is sent while it is in doubt");
    let text = esito(&support, &document).to_string();
    scene.answer(&support, "agency", &[("esito.json", text.as_bytes())]);
    assert_eq!(scene.find("k-1").unwrap().as_array().unwrap().len(), 1);
    assert!(scene.names("in").is_empty());
}

#[test]
fn a_mark_that_a_person_deletes_lets_it_be_sent_under_the_same_name() {
    let Some(mut scene) = Scene::new("a doubt that a person resolves") else { return };
    let _line = cut(&mut scene, Cut::Before, true);
    let document = Document::new("k-1");
    let error = scene.submit(&document).unwrap_err();
    assert_eq!(error.code(), "sftp.in_doubt");
    let mark = scene.path("state/supports/k-1/attempted");
    assert!(error.report().next.contains(&mark.display().to_string()), "{error}");
    std::fs::remove_file(mark).unwrap();
    scene.other.remove("port");
    scene.submit(&document).unwrap();
    only_one(&scene);
}
