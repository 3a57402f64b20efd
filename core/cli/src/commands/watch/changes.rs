//! What wakes a watch: changes in the folders, a run that is let go, a moment that has come.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ceralacca_hand_off as hand_off;
use ceralacca_journal::{lock_folder, wait_until_free};
use ceralacca_kernel::{Error, RunId, document_archive};
use jiff::Timestamp;
use notify::event::EventKind;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::CliError;
use crate::network_folder;
use crate::workspace::Workspace;

/// The folders that are watched, and what was heard of them.
pub(super) struct Changes {
    documents: PathBuf,
    state: PathBuf,
    sender: Sender<Change>,
    received: Receiver<Change>,
    /// Where the operating system tells of changes; dropped, it tells no more.
    watcher: Option<RecommendedWatcher>,
    /// Each folder with what it is told by from one that has its name later.
    watched: Vec<(Folder, Identity)>,
    /// Runs that another process works on; a thread sleeps for each until they are let go.
    held: BTreeSet<RunId>,
    /// Those that were let go.
    let_go: BTreeSet<RunId>,
    /// How often to look where the operating system does not tell.
    look_every: Option<Duration>,
}

enum Change {
    /// Something in a folder, or the watching itself.
    Folder,
    /// A run was let go by the process that worked on it.
    Free(RunId),
}

#[derive(Clone, PartialEq, Eq)]
struct Folder {
    path: PathBuf,
    mode: RecursiveMode,
}

/// Device and number of a folder, where the system tells.
type Identity = Option<(u64, u64)>;

impl Changes {
    /// Makes the folders that are missing and begins to watch.
    pub(super) fn begin(workspace: &Workspace) -> Result<Changes, Error> {
        let (sender, received) = mpsc::channel();
        let mut changes = Changes {
            documents: workspace.documents(),
            state: workspace.state(),
            sender,
            received,
            watcher: None,
            watched: Vec::new(),
            held: BTreeSet::new(),
            let_go: BTreeSet::new(),
            look_every: None,
        };
        changes.watch_anew()?;
        if changes.network().is_some() {
            changes.look_every = Some(ON_A_NETWORK);
        }
        Ok(changes)
    }

    /// Where answers arrive.
    pub(super) fn ricezione(&self) -> &Path {
        &self.watched[0].0.path
    }

    /// The kind of filesystem where the operating system does not tell what others change.
    pub(super) fn network(&self) -> Option<String> {
        network_folder::kind(self.ricezione())
    }

    /// Watches the folders of these names, if those that were watched are other ones by now. Gives
    /// what there is to say about it.
    ///
    /// # Errors
    /// `watch.folder_gone` when the archivio documenti itself is gone; `file.unusable`.
    pub(super) fn follow(&mut self) -> Result<Vec<String>, Error> {
        // Whatever it has lain on is not made anew: there would be an empty archive in its place.
        for folder in [&self.documents, &self.state] {
            if !folder.is_dir() {
                return Err(CliError::WatchedGone { folder: folder.clone() }.into());
            }
        }
        let gone = |(folder, known): &&(Folder, Identity)| {
            !folder.path.is_dir() || identity(&folder.path) != *known
        };
        let said: Vec<String> = self
            .watched
            .iter()
            .filter(gone)
            .map(|(folder, _)| {
                let path = folder.path.display();
                format!(
                    "{path} was removed or renamed; the folder of this name is watched from now on"
                )
            })
            .collect();
        let there: BTreeSet<PathBuf> = self.ricezioni()?.into_iter().collect();
        let known = |path: &PathBuf| self.watched.iter().any(|(folder, _)| folder.path == *path);
        if !said.is_empty() || !there.iter().all(known) {
            self.watch_anew()?;
        }
        Ok(said)
    }

    /// Hears of it when another process lets go of a run.
    pub(super) fn wait_for(&mut self, run: RunId) {
        if !self.held.insert(run) {
            return;
        }
        let (state, sender) = (self.state.clone(), self.sender.clone());
        thread::spawn(move || {
            wait_until_free(&state, run);
            let _ = sender.send(Change::Free(run));
        });
    }

    /// Whether another process has let go of a run since this was last asked.
    pub(super) fn was_let_go(&mut self, run: RunId) -> bool {
        self.let_go.remove(&run)
    }

    /// Sleeps until something changes or `until` has come, then until nothing has changed for a moment,
    /// but not for long: a file that is being copied arrives in many pieces.
    pub(super) fn settle(&mut self, until: Option<Timestamp>) -> Result<(), Error> {
        const QUIET: Duration = Duration::from_millis(150);
        const LONGEST: Duration = Duration::from_millis(400);
        let timer = until.map(|until| {
            let left = Duration::try_from(until.duration_since(Timestamp::now()));
            left.unwrap_or_default() + Duration::from_millis(20)
        });
        let change = match [timer, self.look_every].into_iter().flatten().min() {
            Some(longest) => self.received.recv_timeout(longest),
            None => self.received.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if !self.heard(change)? {
            return Ok(());
        }
        let begun = Instant::now();
        while let Some(left) = LONGEST.checked_sub(begun.elapsed()) {
            let change = self.received.recv_timeout(QUIET.min(left));
            if !self.heard(change)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether there was a change.
    fn heard(&mut self, change: Result<Change, RecvTimeoutError>) -> Result<bool, Error> {
        match change {
            Ok(Change::Folder) => {}
            Ok(Change::Free(run)) => {
                self.held.remove(&run);
                self.let_go.insert(run);
            }
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => {
                let ended = std::io::Error::other("it is not watched any more");
                return Err(CliError::io(self.ricezione(), &ended).into());
            }
        }
        Ok(true)
    }

    fn watch_anew(&mut self) -> Result<(), Error> {
        // A folder may be renamed once more just now.
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.try_to_watch() {
                Err(_) if attempts < 20 && self.documents.is_dir() => {
                    thread::sleep(Duration::from_millis(50));
                }
                outcome => return outcome,
            }
        }
    }

    fn try_to_watch(&mut self) -> Result<(), Error> {
        let mut folders: Vec<Folder> = self
            .ricezioni()?
            .into_iter()
            .map(|path| Folder { path, mode: RecursiveMode::Recursive })
            .collect();
        let records = self.state.join(hand_off::FOLDER);
        let locks = lock_folder(&self.state);
        for path in [&records, &locks] {
            document_archive::create(path).map_err(|error| CliError::io(path, &error))?;
        }
        let alone =
            |path: &PathBuf| Folder { path: path.clone(), mode: RecursiveMode::NonRecursive };
        folders.extend([&records, &locks, &self.documents].map(alone));

        let sender = self.sender.clone();
        let (documents, locks) = (self.documents.clone(), locks);
        let hear = move |event: notify::Result<Event>| {
            if event.map_or(true, |event| matters(&event, &documents, &locks)) {
                let _ = sender.send(Change::Folder);
            }
        };
        let unwatchable = |folder: &Folder, error: &notify::Error| CliError::File {
            path: folder.path.clone(),
            problem: error.to_string(),
        };
        self.watched = Vec::new();
        let mut watcher =
            notify::recommended_watcher(hear).map_err(|e| unwatchable(&folders[0], &e))?;
        for folder in folders {
            let known = identity(&folder.path);
            watcher.watch(&folder.path, folder.mode).map_err(|e| unwatchable(&folder, &e))?;
            self.watched.push((folder, known));
        }
        self.watcher = Some(watcher);
        Ok(())
    }

    /// The folders that are called `ricezione` in any case; one is made when there is none.
    fn ricezioni(&self) -> Result<Vec<PathBuf>, Error> {
        let made = document_archive::folder(&self.documents, "ricezione")
            .map_err(|error| CliError::io(&self.documents.join("ricezione"), &error))?;
        let others = hand_off::places(&self.documents).into_iter().filter(|path| *path != made);
        Ok([made.clone()].into_iter().chain(others).collect())
    }
}

/// Whether a change can be one that a run waits for. What was only read or closed is no change: our
/// own looking must not wake us, nor what others read or are still loading.
fn matters(event: &Event, documents: &Path, locks: &Path) -> bool {
    let kind = event.kind;
    if kind.is_access() {
        return false;
    }
    event.paths.is_empty()
        || event.paths.iter().any(|path| match path.parent() {
            // A process that begins or ends its work on a run makes or removes its name there.
            Some(parent) if parent == locks => {
                path.extension().is_some_and(|ending| ending == "holder")
                    && matches!(kind, EventKind::Create(_) | EventKind::Remove(_))
            }
            Some(parent) if parent == documents => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.eq_ignore_ascii_case("ricezione")
            }
            _ => hand_off::is_of_interest(path) || path == documents,
        })
}

#[cfg(unix)]
fn identity(folder: &Path) -> Identity {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(folder).ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(folder: &Path) -> Identity {
    fs::metadata(folder).ok().map(|_| (0, 0))
}

const ON_A_NETWORK: Duration = Duration::from_secs(30);
