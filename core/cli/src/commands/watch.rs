//! `ceralacca watch`: waits for what arrives in `ricezione`, and goes on with the run it is for.
//!
//! The operating system says when a file arrives; between two arrivals this process sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ceralacca_journal::Journal;
use ceralacca_kernel::lock::{FileLock, LockError};
use ceralacca_kernel::{Error, Exit, RunId, Store, document_archive};
use ceralacca_submission::hand_off::{self, Arrival, HandOver};
use ceralacca_submission::printable;
use notify::{RecursiveMode, Watcher};

use super::{Context, run};
use crate::arguments::{Unattended, Watch};
use crate::error::CliError;
use crate::host::Terminal;
use crate::output;
use crate::workspace::Workspace;

pub(super) fn carry_out(context: &Context, watch: &Watch) -> Result<(), Error> {
    let workspace = context.program.workspace()?;
    if !workspace.settings.agency.hand_off {
        return Err(CliError::NothingToWatch.into());
    }
    let _lock = lock(&workspace)?;
    let unattended = Unattended {
        secrets: watch.secrets.clone(),
        approve: watch.approve,
        patience: Some("0s".to_owned()),
    };
    let terminal = Rc::new(Terminal::new(&unattended)?);
    let folders = watched(&workspace)?;
    let (sender, changes) = mpsc::channel();
    let mut watcher =
        notify::recommended_watcher(sender).map_err(|e| unwatchable(&folders[0], &e))?;
    for folder in &folders {
        watcher.watch(folder, RecursiveMode::Recursive).map_err(|e| unwatchable(folder, &e))?;
    }
    let mut watching = Watching {
        context,
        workspace: &workspace,
        terminal,
        tried: BTreeMap::new(),
        shown: BTreeSet::new(),
    };
    watching.say(&format!("Watching {}; Ctrl-C ends it", folders[0].display()));
    loop {
        let waiting = watching.look()?;
        if watch.until_done && waiting == 0 {
            return Ok(());
        }
        settle(&changes)?;
    }
}

/// Where answers arrive, and where confirmations are kept.
fn watched(workspace: &Workspace) -> Result<[PathBuf; 2], Error> {
    let ricezione = document_archive::folder(&workspace.documents(), "ricezione")
        .map_err(|error| CliError::io(&workspace.documents(), &error))?;
    let records = workspace.state().join(hand_off::FOLDER);
    document_archive::create(&records).map_err(|error| CliError::io(&records, &error))?;
    Ok([ricezione, records])
}

/// Sleeps until something changes, then until nothing has changed for a moment: a file that is being
/// copied arrives in many pieces.
fn settle(changes: &Receiver<notify::Result<notify::Event>>) -> Result<(), Error> {
    const QUIET: Duration = Duration::from_millis(150);
    let ended = |_| CliError::io(Path::new("ricezione"), &std::io::Error::other("not watched"));
    loop {
        // What was only read or closed is no change: our own looking must not wake us.
        let change = changes.recv().map_err(ended)?;
        if change.is_ok_and(|event| !event.kind.is_access()) {
            break;
        }
    }
    while changes.recv_timeout(QUIET).is_ok() {}
    Ok(())
}

struct Watching<'a> {
    context: &'a Context,
    workspace: &'a Workspace,
    terminal: Rc<Terminal>,
    /// What a run was last resumed for: nothing is tried twice for the same.
    tried: BTreeMap<RunId, String>,
    /// Files that belong to nothing, shown once.
    shown: BTreeSet<(PathBuf, String)>,
}

impl Watching<'_> {
    /// Goes on with every run whose answer is there. Gives how many runs still wait.
    fn look(&mut self) -> Result<usize, Error> {
        let folders = self.workspace.folders();
        let mut handed_over = hand_off::list(&folders)?;
        handed_over.sort_by_key(|one| one.handed_over_at);
        let arrivals = hand_off::arrivals(&folders);
        let runs = Journal::open(&self.workspace.state())?.runs()?;
        let mut waiting = 0;
        for summary in runs.iter().filter(|one| !one.status.is_over() && !one.locked) {
            // A run hands over one thing after the other: what counts is the last.
            let of_run = |one: &&HandOver| one.run == summary.run.to_string();
            let Some(last) = handed_over.iter().rfind(of_run) else { continue };
            waiting += 1;
            let Some(reason) = news(last, &arrivals) else { continue };
            if self.tried.insert(summary.run, reason.clone()).as_ref() == Some(&reason) {
                continue;
            }
            waiting -= usize::from(self.go_on(summary.run));
        }
        self.show_strangers(&handed_over, &arrivals);
        Ok(waiting)
    }

    /// Whether the run is finished now.
    fn go_on(&self, id: RunId) -> bool {
        let terminal = self.terminal.clone();
        self.say(&format!("run {id} goes on"));
        let outcome =
            run::go_on(self.context, self.workspace, id, run::Accept::default(), terminal);
        match outcome {
            Ok(result) => {
                run::finished(self.context, Some(id), &result);
                true
            }
            Err(error) => {
                let error = run::name_run(&error, id);
                match (error.exit(), self.context.json) {
                    (_, true) => output::error(&error, true),
                    (Exit::Waiting, false) => self.say(&error.report().headline),
                    (_, false) => self.say(&error.to_string()),
                }
                false
            }
        }
    }

    fn show_strangers(&mut self, handed_over: &[HandOver], arrivals: &[Arrival]) {
        for arrival in arrivals {
            let known = handed_over.iter().any(|one| one.is_answered_by(arrival));
            let once = (arrival.path.clone(), arrival.sha256.clone());
            if !known && arrival.is_whole() && self.shown.insert(once) {
                self.say(&format!(
                    "{}: {}; if it is the receipt of a run: ceralacca confirm RUN --receipt FILE",
                    printable(&arrival.path.display().to_string(), 300),
                    arrival.describe(),
                ));
            }
        }
    }

    fn say(&self, text: &str) {
        use ceralacca_kernel::Host;
        if !self.context.json {
            self.terminal.progress(text);
        }
    }
}

/// What has come about since the run was suspended, as a text; `None` while it only waits.
fn news(handed_over: &HandOver, arrivals: &[Arrival]) -> Option<String> {
    let answer = hand_off::answer_to(handed_over, arrivals).map(|arrival| arrival.sha256.clone());
    if handed_over.is_waiting() && answer.is_none() {
        return None;
    }
    Some(format!("{:?} {answer:?}", handed_over.state))
}

fn lock(workspace: &Workspace) -> Result<FileLock, Error> {
    let path = workspace.state().join("watch.lock");
    let holder = format!("process {}", std::process::id());
    FileLock::acquire(&path, &holder).map_err(|error| match error {
        LockError::Held(holder) => CliError::Watched { holder }.into(),
        LockError::Io(error) => CliError::io(&path, &error).into(),
    })
}

fn unwatchable(folder: &Path, error: &notify::Error) -> Error {
    CliError::File { path: folder.to_owned(), problem: error.to_string() }.into()
}
