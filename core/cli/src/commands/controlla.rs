//! `ceralacca controlla`: the control of a communication, and its diagnostic.

use std::process::ExitCode;
use std::rc::Rc;

use ceralacca_kernel::Error;
use ceralacca_xml::{ControlContext, ControlSettings, Limits, control_file_with};
use jiff::Timestamp;

use super::Context;
use crate::agency::operator;
use crate::arguments::{Controlla, Unattended};
use crate::host::Terminal;
use crate::{output, trust};

pub(super) fn carry_out(context: &Context, controlla: &Controlla) -> Result<ExitCode, Error> {
    let workspace = context.program.workspace_if_any()?;
    let trust = trust::load(workspace.as_ref(), &[])?;
    let sources = workspace.as_ref().map(|workspace| workspace.control_sources());
    let settings = ControlSettings::new(sources.unwrap_or_default()).load()?;
    let folder = match (&controlla.into, &workspace) {
        (Some(folder), _) => folder.clone(),
        (None, Some(workspace)) => workspace.documents().join("controllati"),
        (None, None) => context.program.workspace()?.documents(),
    };
    let checking = ControlContext {
        schema: &settings.schema,
        tipi: &settings.tipi,
        scadenze: &settings.scadenze,
        at: Timestamp::now(),
        trust: &trust,
        sender: None,
        limits: Limits::default(),
    };
    let checks = match &workspace {
        Some(workspace) => context.program.checks(workspace)?,
        None => Vec::new(),
    };
    let terminal = Rc::new(Terminal::new(&Unattended::default())?);
    let operator = operator(&terminal, &context.program.registry);
    let controlled =
        control_file_with(&controlla.file, &folder, &checking, &mut |file: &str, bytes: &[u8]| {
            let found =
                checks.iter().map(|check| check.control_alone(checking.at, file, bytes, &operator));
            Ok(found.collect::<Result<Vec<_>, Error>>()?.concat())
        })?;
    let clean = controlled.dcm.is_some();
    if context.json {
        output::json(&serde_json::json!({
            "clean": clean,
            "findings": controlled.diagnostic.findings,
            "dgn": controlled.dgn.display().to_string(),
            "dcm": controlled.dcm.map(|path| path.display().to_string()),
        }));
    } else {
        let mut text = controlled.diagnostic.to_text();
        text.push_str(&format!("\nDiagnostic in {}", controlled.dgn.display()));
        if let Some(dcm) = controlled.dcm {
            text.push_str(&format!("\nChecked file in {}", dcm.display()));
        }
        output::text(&text);
    }
    Ok(super::judged(clean))
}
