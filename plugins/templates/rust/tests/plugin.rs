//! The plugin under the real program: `CERALACCA` or the `PATH` says where that is.

use ceralacca_plugin_sdk::harness::{Harness, HarnessError, library};

const SCRIPT: &str = r#"
const WORKFLOW = #{
    summary: "Greet somebody",
    uses:    ["{{name_with_underscores}}"],
    input:   #{ name: #{ type: "text", prompt: "Name" } },
};

fn run(input) {
    {{name_with_underscores}}::greet(input.name)
}
"#;

#[test]
fn a_script_greets() -> Result<(), HarnessError> {
    let harness = Harness::new(library("{{name}}")?)?;
    let finished = harness.run("greet.rhai", SCRIPT, &["name=Ada"])?;
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(finished.json()?["result"], "Buongiorno, Ada!");

    let finished = harness.run("greet.rhai", SCRIPT, &["name= "])?;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert_eq!(finished.json()?["error"]["code"], "{{name_with_underscores}}.nobody");
    Ok(())
}

#[test]
fn the_conformance_kit_passes() -> Result<(), HarnessError> {
    let checked = Harness::new(library("{{name}}")?)?.check()?;
    assert_eq!(checked.code, 0, "{checked:?}");
    Ok(())
}
