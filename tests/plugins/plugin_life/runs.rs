//! Runs that use a plugin: recorded, replayed, waiting, sending, and going on with another version.

use std::fs;

use serde_json::Value;

use super::install::version;
use crate::hostile::scene::Scene;

/// Calls of which the recorded ones are counted by the plugin itself.
const WAITS: &str = r#"let before = outside::recorded(); let came = outside::ready();
    #{ before: before, came: came, after: outside::recorded() }"#;

fn scene(variant: &str) -> Scene {
    Scene::with_folder(&version(variant, "1.0.0"), "")
}

#[test]
fn a_recorded_call_is_not_made_again() {
    let scene = scene("runs-recorded");
    scene.started(WAITS, &["--patience", "0s"]).expect(4, "run.waiting");
    scene.resume(1, &["--patience", "0s"]).expect(4, "run.waiting");
    assert_eq!(size(&scene, "recorded"), 1);
    fs::write(scene.stage.path("outside/ready"), "").unwrap();
    let ended = scene.resume(1, &[]).expect(0, "");
    let expected = serde_json::json!({ "before": 1, "came": "it came", "after": 2 });
    assert_eq!(*ended.result(), expected);
    assert_eq!(size(&scene, "recorded"), 2);
    scene.verify();
    let journal = scene.stage.journal();
    let waiting = journal.iter().find(|entry| !entry["event"]["waiting"].is_null()).unwrap();
    assert_eq!(waiting["event"]["waiting"]["what"], "the file");
}

#[test]
fn a_wait_ends_within_the_patience_of_the_operator() {
    let scene = scene("runs-patient");
    let mut program = crate::hostile::scene::spawned(&mut scene.script_command(WAITS, &[]));
    crate::hostile::scene::until("it waits", || {
        let journal = scene.stage.run(&["journal", "export"]);
        journal.code == Some(0) && journal.stdout.contains("\"waiting\"")
    });
    fs::write(scene.stage.path("outside/ready"), "").unwrap();
    assert_eq!(program.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_pure_is_computed_each_time_and_never_journaled() {
    let scene = scene("runs-pure");
    let body = r#"let n = outside::computed() + outside::computed(); outside::ready(); n"#;
    scene.started(body, &["--patience", "0s"]).expect(4, "run.waiting");
    assert_eq!(size(&scene, "computed"), 2);
    fs::write(scene.stage.path("outside/ready"), "").unwrap();
    let ended = scene.resume(1, &[]).expect(0, "");
    assert_eq!(*ended.result(), 7);
    let journal = scene.stage.run(&["journal", "export"]).expect_success().stdout;
    assert!(!journal.contains("outside::computed\""), "{journal}");
}

#[test]
fn what_sends_is_approved_first() {
    let scene = scene("runs-sends");
    let body = r#"outside::send("x", "x")"#;
    let ended = scene.script(body);
    assert_ne!(ended.code, Some(0), "{}", ended.text());
    assert_eq!(ended.error(), "run.approval_needed", "{}", ended.text());
    assert_eq!(scene.lines("attempts"), 0);
    let ended = scene.started(body, &["--approve"]).expect(0, "");
    assert_eq!(ended.result(), "it happened");
    assert_eq!(scene.lines("effects"), 1);
    scene.verify();
}

#[test]
fn a_run_goes_on_with_another_version_only_when_it_is_told_to() {
    let scene = scene("runs-version");
    let newer = version("runs-newer", "1.1.0");
    scene.started(WAITS, &["--patience", "0s"]).expect(4, "run.waiting");
    scene.install(&newer).expect_success();
    let refused = scene.resume(1, &[]).expect(1, "run.other_plugin");
    let text = refused.text();
    assert!(text.contains("1.0.0") && text.contains("1.1.0"), "{text}");
    assert!(text.contains("ceralacca resume 1 --accept-plugins"), "{text}");
    assert_eq!(size(&scene, "recorded"), 1);
    // Once is enough: the journal has it.
    scene.resume(1, &["--accept-plugins", "--patience", "0s"]).expect(4, "run.waiting");
    fs::write(scene.stage.path("outside/ready"), "").unwrap();
    scene.resume(1, &[]).expect(0, "");
    let shown = scene.stage.run(&["runs", "1"]).expect_success().stdout;
    assert!(shown.contains("outside 1.0.0") && shown.contains("outside 1.1.0"), "{shown}");
    assert_eq!(size(&scene, "recorded"), 2);
    scene.verify();
}

#[test]
fn a_run_whose_plugin_is_gone() {
    let scene = scene("runs-gone");
    scene.started(WAITS, &["--patience", "0s"]).expect(4, "run.waiting");
    scene.stage.run(&["plugin", "remove", "outside"]).expect_success();
    scene.resume(1, &[]).expect(1, "run.other_plugin");
    let ended = scene.resume(1, &["--accept-plugins"]);
    assert!(matches!(ended.code, Some(1 | 2)), "{}", ended.text());
    scene.install(&version("runs-gone", "1.0.0")).expect_success();
    fs::write(scene.stage.path("outside/ready"), "").unwrap();
    scene.resume(1, &[]).expect(0, "");
}

/// A script that does not use the plugin notices nothing of one that is broken.
#[test]
fn a_broken_plugin_is_the_trouble_of_those_who_use_it() {
    let scene = scene("runs-others");
    fs::write(scene.stage.path("plugins/outside/liboutside.so"), "x").unwrap();
    let text =
        "const WORKFLOW = #{ summary: \"A test\", uses: [\"identity\"] };\nfn run(input) { 7 }\n";
    fs::write(scene.stage.path("altro.rhai"), text).unwrap();
    let ended = scene.stage.run(&["run", "./altro.rhai", "--json"]).json();
    assert_eq!(ended["result"], 7);
    // Not even where communications would be checked by it, nor without a lock that can be read.
    let settings = scene.stage.path("ceralacca.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[impronta]\nchecks = [\"outside\"]\n")).unwrap();
    let runs = || scene.stage.run(&["run", "./altro.rhai", "--json"]).json()["result"].clone();
    assert_eq!(runs(), 7);
    let lock = scene.stage.path("plugins.lock");
    let locked = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, "no lock").unwrap();
    assert_eq!(runs(), 7);
    fs::write(&lock, locked).unwrap();
    // Monitoring notices it before a run does.
    let status = scene.stage.run(&["status"]);
    assert_eq!(status.code, Some(1), "{}", status.stdout);
    assert!(status.stdout.contains("plugin outside: "), "{}", status.stdout);
}

#[test]
fn its_primitives_are_documented_like_the_programs_own() {
    let scene = scene("runs-api");
    let listed = scene.stage.run(&["api"]).expect_success().stdout;
    assert!(listed.contains("outside: What the tests ask for."), "{listed}");
    for name in ["outside::once", "outside::ready"] {
        let shown = scene.stage.run(&["api", name]).expect_success().stdout;
        assert!(shown.contains("since 1.0.0") || shown.contains("1.0.0"), "{shown}");
    }
    let schema: Value = scene.stage.run(&["api", "--json"]).json();
    assert!(schema.to_string().contains("holds_secret"), "{schema}");
    scene.stage.run(&["api", "--write", "editor"]).expect_success();
    for file in ["ceralacca.d.rhai", "ceralacca.d.luau", "primitives.md", "primitives.schema.json"]
    {
        let text = fs::read_to_string(scene.stage.path("editor").join(file)).unwrap();
        assert!(text.contains("holds_secret") && text.contains("outside"), "{file}");
    }
}

/// The same in both languages.
#[test]
fn both_languages_call_it() {
    let scene = scene("runs-languages");
    let lua = r#"local workflow = { summary = "A test", uses = { "outside" } }
function workflow.run(input) return outside.good("from Lua") end
return workflow
"#;
    fs::write(scene.stage.path("prova.lua"), lua).unwrap();
    let ended = scene.stage.run(&["run", "./prova.lua", "--json"]).json();
    assert_eq!(ended["result"], "from Lua");
    let ended = scene.script(r#"outside::good("from Rhai")"#).expect(0, "");
    assert_eq!(ended.result(), "from Rhai");
    for (wrong, code) in [
        ("outside::good(1)", "plugin.argument"),
        ("outside::good()", "plugin.argument"),
        (r#"outside::good("a", "b")"#, "script.arguments"),
        (r#"outside::goods("a")"#, "script.unknown_name"),
    ] {
        scene.script(wrong).expect(2, code);
    }
}

fn size(scene: &Scene, file: &str) -> u64 {
    fs::metadata(scene.stage.path("outside").join(file)).map_or(0, |about| about.len())
}
