//! `ceralacca init`: begins a workspace.

use ceralacca_kernel::Error;

use super::Context;
use crate::arguments::Init;
use crate::output;
use crate::workspace::Workspace;

pub(super) fn carry_out(context: &Context, init: &Init) -> Result<(), Error> {
    let workspace = Workspace::init(init)?;
    let environment = workspace.root.join(&workspace.settings.environment);
    let environment = environment.display().to_string();
    if context.json {
        output::json(&serde_json::json!({
            "workspace": workspace.root.display().to_string(),
            "documents": workspace.documents().display().to_string(),
            "environment": environment,
        }));
        return Ok(());
    }
    let rows = [
        ("archivio documenti", workspace.documents().display().to_string()),
        ("percorso dell'ambiente di sicurezza", environment),
        ("agency", workspace.channel()),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(n, text)| vec![format!("  {n}"), text]).collect();
    let heading = format!("Workspace at {}", workspace.root.display());
    output::text(&format!("{heading}\n{}\nNext: ceralacca workflows", output::rows(&rows)));
    Ok(())
}
