//! `ceralacca workflows`: what can be run, which file wins, what it asks for.

use ceralacca_kernel::{Error, Origin, Workflow};
use serde_json::{Value, json};

use super::Context;
use crate::output;

pub(super) fn list(context: &Context) -> Result<(), Error> {
    let workspace = context.program.workspace().ok();
    let catalogue = context.program.catalogue(workspace.as_ref().map(|w| w.root.as_path()));
    let mut rows = Vec::new();
    let mut listed = Vec::new();
    for (name, found) in catalogue.all()? {
        for (place, file) in found.into_iter().enumerate() {
            let origin = origin(&file.origin);
            let wins = place == 0;
            let summary = match catalogue.read(file) {
                Ok(workflow) => workflow.declaration.summary,
                Err(error) => format!("cannot be read: error[{}]", error.code()),
            };
            listed
                .push(json!({ "name": name, "origin": origin, "wins": wins, "summary": summary }));
            let shadowed = if wins { summary } else { "(hidden by the one above)".to_owned() };
            rows.push(vec![name.clone(), origin, shadowed]);
        }
    }
    if context.json {
        output::json(&listed);
    } else {
        output::text(&output::table(&["Workflow", "From", "Summary"], &rows));
    }
    Ok(())
}

/// One workflow with its inputs; also `ceralacca run NAME --help`.
pub(super) fn show(context: &Context, name: &str) -> Result<(), Error> {
    let workspace = context.program.workspace().ok();
    let catalogue = context.program.catalogue(workspace.as_ref().map(|w| w.root.as_path()));
    let workflow = catalogue.find(name)?;
    if context.json {
        output::json(&described(&workflow));
        return Ok(());
    }
    let registry = &context.program.registry;
    let rows: Vec<Vec<String>> = workflow
        .declaration
        .inputs
        .iter()
        .map(|input| {
            let rule = registry.input_type(&input.kind).map_or("", |kind| kind.rule);
            let filled = match (&input.preset, &input.setting) {
                (Some(preset), _) => format!("preset {}", preset.as_str().unwrap_or("given")),
                (None, Some(setting)) => format!("from the setting `{setting}`"),
                (None, None) if input.optional => "optional".to_owned(),
                (None, None) => "needed".to_owned(),
            };
            vec![format!("  {}", input.name), filled, format!("{} ({rule})", input.prompt)]
        })
        .collect();
    let secrets: Vec<Vec<String>> = registry
        .secret_rules()
        .iter()
        .filter(|rule| workflow.source.text.contains(&format!("\"{}\"", rule.name)))
        .map(|rule| vec![format!("  {}", rule.name), format!("{} ({})", rule.label, rule.rule)])
        .collect();
    output::text(&format!(
        "{}\n\n{}\n  from  {}\n  uses  {}\n\n{}\n\n{}\n\nceralacca run {} NAME=VALUE…",
        workflow.name,
        workflow.declaration.summary,
        origin(&workflow.origin),
        workflow.declaration.uses.join(", "),
        output::table(&["Inputs", "", ""], &rows),
        output::table(&["Secrets (asked for, or --secrets)", ""], &secrets),
        workflow.name,
    ));
    Ok(())
}

fn described(workflow: &Workflow) -> Value {
    let inputs: Vec<_> = workflow
        .declaration
        .inputs
        .iter()
        .map(|input| {
            json!({
                "name": input.name, "type": input.kind, "prompt": input.prompt,
                "preset": input.preset, "setting": input.setting, "optional": input.optional,
            })
        })
        .collect();
    json!({
        "name": workflow.name,
        "origin": origin(&workflow.origin),
        "sha256": workflow.source_sha256(),
        "summary": workflow.declaration.summary,
        "uses": workflow.declaration.uses,
        "inputs": inputs,
    })
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Workspace(path) | Origin::User(path) | Origin::File(path) => {
            path.display().to_string()
        }
        Origin::BuiltIn => "built in".to_owned(),
        Origin::Journal => "the journal".to_owned(),
    }
}
