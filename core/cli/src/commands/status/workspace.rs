//! Whether the workspace is whole: what an earlier run has left must still be there.

use std::fs;
use std::path::Path;

use super::todo::{Todo, Urgency};
use crate::workspace::Workspace;

/// Says which of the workspace's own places are gone; `init` has made them all.
pub(super) fn todo(
    workspace: &Workspace,
    submissions: usize,
    has_journal: bool,
    next: &mut Vec<Todo>,
) {
    let mut missing = |code: &str, path: &Path, what: &str| {
        let path = path.display().to_string();
        let what = format!("{what} {path} is missing");
        let restore = "restore it from a copy; until then what was sent and received is not known";
        next.push(Todo::new(Urgency::NeedsDoing, code, path, what, restore));
    };
    let (state, documents) = (workspace.state(), workspace.documents());
    if !documents.is_dir() {
        missing("workspace.no_documents", &documents, "the document archive");
    }
    if !state.is_dir() {
        missing("workspace.no_state", &state, "the folder of the journal and of what was sent,");
    } else if !has_journal && has_worked(&state, &documents, submissions) {
        missing("journal.missing", &state.join("journal.sqlite"), "the journal");
    }
}

/// Whether runs have left something; an environment alone may be another program's.
fn has_worked(state: &Path, documents: &Path, submissions: usize) -> bool {
    let places = ["outbox", "hand-off", "revocations", "environments", "locks"];
    let of_runs = ["inviati", "esiti", "riepiloghi", "firmati"];
    submissions > 0
        || places.iter().any(|name| holds_something(&state.join(name)))
        || of_runs.iter().any(|name| holds_something(&documents.join(name)))
}

fn holds_something(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
