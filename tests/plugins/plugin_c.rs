//! The plugin in C: built by its own Makefile with the committed header, checked, installed, and called
//! alike from both script languages.

#![cfg(unix)]

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::stage;
use crate::stage::Stage;

const RHAI: &str = r#"
const WORKFLOW = #{ summary: "In C", uses: ["example_c"], input: #{ name: "who", long: "too long" } };

fn run(input) {
    stage("Saluti");
    example_c::stamp("fine");
    let refused = "";
    try { example_c::greet(input.long); } catch (error) { refused = error.code; }
    #{ greeting: example_c::greet(input.name), refused: refused }
}
"#;

const LUA: &str = r#"
local workflow = { summary = "In C", uses = { "example_c" }, input = { name = "who", long = "too long" } }

function workflow.run(input)
  stage "Saluti"
  example_c.stamp "fine"
  local _, refused = pcall(example_c.greet, input.long)
  return { greeting = example_c.greet(input.name), refused = refused.code }
end
return workflow
"#;

#[test]
fn the_plugin_in_c_is_called_alike_from_both_languages() {
    if !stage::judge::called("the plugin in C: cc, make") {
        return;
    }
    let stage = Stage::embedded();
    let library = built(&stage);
    let library = library.to_str().unwrap();
    assert_eq!(stage.run(&["plugin", "check", library, "--json"]).json()["passed"], true);
    stage.run(&["plugin", "install", library]).expect_success();
    fs::write(stage.path("saluti.rhai"), RHAI).unwrap();
    fs::write(stage.path("saluti.lua"), LUA).unwrap();
    let long = format!("long={}", "a".repeat(100_000));
    let results = ["./saluti.rhai", "./saluti.lua"].map(|script| {
        stage.run(&["run", script, "name=Ada", &long, "--json"]).json()["result"].clone()
    });
    let expected = json!({ "greeting": "Buongiorno, Ada!", "refused": "example_c.name_too_long" });
    assert_eq!(results, [expected.clone(), expected]);

    // What is pure leaves no trace in the journal; what is recorded leaves the same in both.
    let calls = |run: u64| {
        let exported = stage.run(&["journal", "export", "--run", &run.to_string()]);
        let entries = exported.expect_success().stdout;
        let ended = entries.lines().filter_map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let ended = entry["event"]["ended"].clone();
            (!ended.is_null()).then(|| [ended["primitive"].clone(), ended["arguments"].clone()])
        });
        ended.collect::<Vec<_>>()
    };
    assert_eq!(calls(1), [[json!("example_c::stamp"), json!(["fine"])]]);
    assert_eq!(calls(2), calls(1));
}

/// The library with its manifest beside it.
fn built(stage: &Stage) -> PathBuf {
    let folder = stage.path("example-c");
    fs::create_dir(&folder).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/example-c");
    for file in ["Makefile", "example_c.c"] {
        fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/sdk/include");
    let make = Command::new("make")
        .arg(format!("INCLUDE={}", include.display()))
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(make.status.success(), "{}", String::from_utf8_lossy(&make.stderr));
    let library = folder.join(format!("{DLL_PREFIX}example_c{DLL_SUFFIX}"));
    let manifest = stage.run(&["plugin", "manifest", library.to_str().unwrap()]).expect_success();
    fs::write(folder.join("example-c.json"), manifest.stdout).unwrap();
    library
}
