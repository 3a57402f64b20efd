//! `once` calls of plugins that break off: never repeated blindly, and asked about on resume.

use serde_json::Value;

use crate::hostile::scene::{Ended, Scene, is_alive, kill, spawned, until, workers};
use crate::hostile::{Fixture, build, manifests};
use crate::stage::say;

fn fixture(variant: &str) -> Fixture {
    build(variant, &manifests::outside(), &[])
}

fn scene(variant: &str) -> Scene {
    Scene::with_folder(&fixture(variant), "timeout = \"2s\"")
}

/// How the call breaks off, and the code that says so.
const BREAKS: [(&str, &str); 8] = [
    ("crash", "plugin.died"),
    ("exit", "plugin.died"),
    ("abort", "plugin.died"),
    ("hang", "plugin.timed_out"),
    ("socket", "plugin.not_granted"),
    ("garbage", "plugin.malformed_reply"),
    ("never", "plugin.never_replied"),
    ("unknown", "outside.doubt"),
];

/// The effect happened: the plugin's own record says so, and it is not repeated.
#[test]
fn what_happened_is_not_repeated() {
    let scene = scene("once-after");
    let mut happened = 0;
    for (how, code) in BREAKS {
        let body = format!(r#"outside::once("after", "{how}")"#);
        let run = broken(&scene, &body, code);
        happened += 1;
        assert_eq!(scene.lines("effects"), happened, "{how}");
        let resumed = scene.resume(run, &[]).expect(0, "");
        assert_eq!(resumed.result(), "it had happened", "{how}");
        assert_eq!(scene.lines("effects"), happened, "{how}");
        assert_eq!(scene.lines("attempts"), happened, "{how}");
        scene.verify();
        say(&format!(
            "once, after the effect: {how:<8} → {code:<24} → 3 → DONE on resume, effects 1"
        ));
    }
}

/// It did not: it is done now, and once.
#[test]
fn what_did_not_happen_is_done_once() {
    let scene = scene("once-before");
    let mut done = 0;
    for (how, code) in BREAKS.into_iter().take(5) {
        let body = format!(r#"outside::once("before", "{how}")"#);
        let run = broken(&scene, &body, code);
        assert_eq!(scene.lines("effects"), done, "{how}");
        let resumed = scene.resume(run, &[]).expect(0, "");
        done += 1;
        assert_eq!(resumed.result(), "it happened", "{how}");
        assert_eq!(scene.lines("effects"), done, "{how}");
        assert_eq!(scene.lines("attempts"), 2 * done, "{how}");
        let again = scene.resume(run, &[]);
        assert_eq!(again.error(), "run.finished");
        scene.verify();
        say(&format!(
            "once, before the effect: {how:<7} → {code:<24} → 3 → NOT_DONE, then done once"
        ));
    }
}

/// The plugin cannot say, or breaks off again when it is asked: unknown it stays.
#[test]
fn what_nobody_can_say_stays_unknown() {
    let scene = scene("once-unknown");
    for (at, answer) in
        ["unknown", "refused", "garbage", "crash", "exit", "hang"].iter().enumerate()
    {
        let body = format!(r#"outside::once("after", "crash", "{answer}")"#);
        let run = broken(&scene, &body, "plugin.died");
        for _ in 0..2 {
            scene.resume(run, &[]).expect(3, "run.outcome_unknown");
        }
        assert_eq!((scene.lines("attempts"), scene.lines("effects")), (at + 1, at + 1), "{answer}");
        scene.verify();
        say(&format!(
            "once, reconcile answers {answer:<8} → run.outcome_unknown → 3 → never repeated"
        ));
    }
}

#[test]
fn without_reconcile_it_stays_unknown_for_ever() {
    let scene = scene("once-without");
    let run = broken(&scene, r#"outside::once_without_reconcile("before", "exit")"#, "plugin.died");
    for _ in 0..3 {
        scene.resume(run, &[]).expect(3, "run.outcome_unknown");
    }
    assert_eq!((scene.lines("attempts"), scene.lines("effects")), (1, 0));
    scene.verify();
    say("once, no reconcile: exit → plugin.died → 3 → run.outcome_unknown for ever, attempts 1");
}

/// The worker is killed from outside in the middle of a call.
#[test]
fn a_worker_that_is_killed() {
    let scene = Scene::with_folder(&fixture("once-killed"), "");
    let program = spawned(&mut scene.script_command(r#"outside::once("after", "hang")"#, &[]));
    until("the effect", || scene.lines("effects") == 1);
    let workers = workers(program.id());
    assert_eq!(workers.len(), 1);
    kill(workers[0]);
    Ended::of_child(program).expect(3, "plugin.died");
    let resumed = scene.resume(1, &[]).expect(0, "");
    assert_eq!(resumed.result(), "it had happened");
    assert_eq!(scene.lines("effects"), 1);
    scene.verify();
    say("worker killed (SIGKILL) mid-call → plugin.died → 3 → DONE on resume");
}

/// The program is killed in the middle of a call: its worker ends, even one that never would.
#[test]
fn a_program_that_is_killed() {
    for (when, result) in [("after", "it had happened"), ("before", "it happened")] {
        let scene = Scene::with_folder(&fixture(&format!("once-program-{when}")), "");
        let body = format!(r#"outside::once("{when}", "hang")"#);
        let mut program = spawned(&mut scene.script_command(&body, &[]));
        until("the attempt", || scene.lines("attempts") == 1);
        if when == "after" {
            until("the effect", || scene.lines("effects") == 1);
        }
        let workers = workers(program.id());
        assert_eq!(workers.len(), 1);
        program.kill().unwrap();
        program.wait().unwrap();
        until("the worker ends", || !is_alive(workers[0]));
        let resumed = scene.resume(1, &[]).expect(0, "");
        assert_eq!(resumed.result(), result);
        assert_eq!(scene.lines("effects"), 1);
        scene.verify();
        say(&format!(
            "program killed (SIGKILL) {when} the effect → no worker left → resume: {result}"
        ));
    }
}

/// Runs the body, which breaks off with exit code 3 and leaves its intent open; gives the run.
fn broken(scene: &Scene, body: &str, code: &str) -> u64 {
    let ended: Ended = scene.script(body).expect(3, code);
    let journal = scene.stage.journal();
    let run = journal.last().unwrap()["run"].as_u64().unwrap();
    let of_run = journal.iter().filter(|entry| entry["run"] == run);
    let kinds: Vec<&String> = of_run
        .flat_map(|entry| entry["event"].as_object().into_iter().flat_map(|e| e.keys()))
        .collect();
    assert_eq!(kinds, ["started", "intent", "stopped"], "{}", ended.text());
    let next = &ended.printed["error"]["next"];
    assert!(
        matches!(next, Value::String(next) if next.contains(&format!("resume {run}"))),
        "{next}"
    );
    run
}
