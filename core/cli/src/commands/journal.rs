//! `ceralacca journal`: check the chain, export the entries.

use ceralacca_journal::Journal as Store;
use ceralacca_kernel::{Entry, Error, RunId};
use serde_json::{Value, json};

use super::Context;
use crate::arguments::Journal;
use crate::output;

pub(super) fn carry_out(context: &Context, journal: &Journal) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    let store = Store::open(&workspace.state())?;
    match journal {
        Journal::Verify => {
            let verified = store.verify()?;
            if context.json {
                output::json(&verified);
            } else {
                output::text(&format!(
                    "The journal holds: {} entries, each carries the hash of the one before\n  last hash  {}",
                    verified.entries, verified.head
                ));
            }
        }
        Journal::Export { run } => {
            for entry in store.all_entries(run.map(RunId))? {
                output::text(&line(&entry).to_string());
            }
        }
    }
    Ok(())
}

/// An entry as one line of JSON.
pub(super) fn line(entry: &Entry) -> Value {
    json!({
        "sequence": entry.sequence,
        "run": entry.run,
        "at": entry.at,
        "event": entry.event,
    })
}
