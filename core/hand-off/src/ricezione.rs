//! The folder `ricezione`, as this process has seen it: what lies there, each file read once.
//!
//! Looked at are the folder itself, in any case, and the folders in it, one level deep; links are not
//! followed. In a folder that is named by a protocollo, what its `ricevuta.json` names is our own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirEntry, Metadata};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use ceralacca_kernel::Folders;
use ceralacca_submission::esito::RICEVUTA;
use ceralacca_submission::outbox::read_at_most;
use ceralacca_submission::{Protocollo, ReceiptRecord};
use jiff::{SignedDuration, Timestamp};

use super::arrivals::{Arrival, ArrivalKind, read};

/// What lies in `ricezione`. Clones share what is known of it.
#[derive(Clone)]
pub struct Ricezione {
    folders: Folders,
    clock: fn() -> Timestamp,
    seen: Rc<RefCell<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Whether it was looked at before: what is new then has come meanwhile.
    before: bool,
    /// Nobody looks again: nothing is remembered.
    once: bool,
    files: BTreeMap<PathBuf, Known>,
    /// For each row of *Ricerca ricevute* that is kept: the names of its files.
    rows: BTreeMap<PathBuf, (Stamp, Vec<String>)>,
}

/// A file that was read.
struct Known {
    stamp: Stamp,
    /// Since when it is as it is.
    since: Timestamp,
    read_at: Timestamp,
    arrival: Arrival,
    /// Whether its content says where it ends.
    ends: bool,
}

/// What changes when a file is written to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// The file itself and when the disk last changed anything about it, where the system tells.
    inode: Option<(u64, u64, i64, i64)>,
}

impl fmt::Debug for Ricezione {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ricezione").field("folders", &self.folders).finish_non_exhaustive()
    }
}

/// Everything that has arrived, by path, as somebody sees it who looks only once. A file that cannot
/// be read is in the list and says so.
pub fn arrivals(folders: &Folders, now: Timestamp) -> Vec<Arrival> {
    look(folders, now, &mut Seen { once: true, ..Seen::default() })
}

/// When nothing in a file says where it ends, it counts as whole after so long without a change.
pub const QUIET: SignedDuration = SignedDuration::from_secs(5);

impl Ricezione {
    /// Nothing of it is known yet; `clock` says what time it is.
    pub fn new(folders: Folders, clock: fn() -> Timestamp) -> Ricezione {
        Ricezione { folders, clock, seen: Rc::default() }
    }

    /// Everything that has arrived, by path. What has not changed since it was last looked at is not
    /// read again.
    pub fn look(&self) -> Vec<Arrival> {
        look(&self.folders, (self.clock)(), &mut self.seen.borrow_mut())
    }

    /// The folders of the workspace.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }
}

/// The folders of that name, in any case; none is made.
pub fn places(documents: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(documents) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().eq_ignore_ascii_case("ricezione"))
        .map(|entry| entry.path())
        .collect()
}

fn look(folders: &Folders, now: Timestamp, seen: &mut Seen) -> Vec<Arrival> {
    let mut look =
        Look { now, seen, files: BTreeMap::new(), rows: BTreeMap::new(), found: Vec::new() };
    for place in places(&folders.documents) {
        look.look_into(&place, Where::Itself);
    }
    let Look { files, rows, mut found, .. } = look;
    *seen = Seen { before: true, once: seen.once, files, rows };
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Which folder is looked into.
enum Where {
    /// `ricezione`.
    Itself,
    /// A folder in it that a person has made.
    Folder,
    /// The folder of a receipt that is kept, with the names of what is ours.
    Kept(Vec<String>),
}

struct Look<'a> {
    now: Timestamp,
    seen: &'a mut Seen,
    files: BTreeMap<PathBuf, Known>,
    rows: BTreeMap<PathBuf, (Stamp, Vec<String>)>,
    found: Vec<Arrival>,
}

impl Look<'_> {
    fn look_into(&mut self, folder: &Path, place: Where) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.found.push(Arrival::unreadable(folder, &error)),
        };
        for entry in entries {
            if self.found.len() >= MOST_FILES {
                let kind = ArrivalKind::TooMany { most: MOST_FILES };
                // Once for all folders.
                if self.found.last().is_some_and(|last| last.kind != kind) {
                    self.found.push(Arrival::unread(folder, kind));
                }
                return;
            }
            match entry {
                Ok(entry) => self.look_at_entry(&entry, &place),
                Err(error) => self.found.push(Arrival::unreadable(folder, &error)),
            }
        }
    }

    fn look_at_entry(&mut self, entry: &DirEntry, place: &Where) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // The type of the entry itself: a link is neither a file nor a folder here.
        let Ok(kind) = entry.file_type() else { return };
        if is_nobodys(&name) {
            return;
        }
        if kind.is_symlink() {
            self.found.push(Arrival::unread(&path, ArrivalKind::Link));
        } else if kind.is_dir() {
            match place {
                Where::Itself => {
                    let inside = self.kept(&path, name).map_or(Where::Folder, Where::Kept);
                    self.look_into(&path, inside);
                }
                Where::Folder => self.found.push(Arrival::unread(&path, ArrivalKind::TooDeep)),
                Where::Kept(_) => {}
            }
        } else if kind.is_file() {
            let is_ours = match place {
                Where::Itself => is_sheet(&name),
                Where::Folder => false,
                Where::Kept(ours) => ours.iter().any(|known| known.eq_ignore_ascii_case(&name)),
            };
            if !is_ours {
                let arrival = self.file(&path, &name);
                self.found.push(arrival);
            }
        }
    }

    /// What is ours in the folder of a protocollo; `None` for any other folder.
    fn kept(&mut self, folder: &Path, name: String) -> Option<Vec<String>> {
        Protocollo::try_from(name).ok()?;
        let row = folder.join(RICEVUTA);
        let stamp = Stamp::of(&fs::symlink_metadata(&row).ok()?);
        let names = match self.seen.rows.remove(&row) {
            Some((before, names)) if before == stamp => names,
            _ => names_in(&row),
        };
        self.rows.insert(row, (stamp, names.clone()));
        Some(names)
    }

    fn file(&mut self, path: &Path, name: &str) -> Arrival {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return Arrival::unreadable(path, &error),
        };
        let stamp = Stamp::of(&metadata);
        if is_loading(name) {
            let modified = stamp.modified.and_then(|time| Timestamp::try_from(time).ok());
            let loading = Arrival::unread(path, ArrivalKind::Loading);
            let quiet_at = modified.and_then(|modified| quiet_at(modified, self.now));
            return Arrival { modified, length: stamp.length, quiet_at, ..loading };
        }
        let before = self.seen.files.remove(path);
        let mut known = match before {
            Some(known) if known.stamp == stamp && !known.is_too_fresh() => known,
            before => self.read(path, stamp, before.as_ref()),
        };
        // The clock went back.
        known.since = known.since.min(self.now);
        let arrival = known.at(self.now);
        if !self.seen.once {
            self.files.insert(path.to_owned(), known);
        }
        arrival
    }

    fn read(&self, path: &Path, stamp: Stamp, before: Option<&Known>) -> Known {
        let (arrival, ends) = read(path);
        let since = match before {
            Some(known) if known.stamp == stamp && known.arrival.sha256 == arrival.sha256 => {
                known.since
            }
            None if !self.seen.before => self.first_seen(arrival.modified),
            _ => self.now,
        };
        Known { stamp, since, read_at: self.now, arrival, ends }
    }

    /// Since when a file is as it is that was there before anybody looked: as the disk says, unless it
    /// speaks of the future.
    fn first_seen(&self, modified: Option<Timestamp>) -> Timestamp {
        match modified {
            Some(modified) if modified <= self.now => modified,
            // The disk's clock is a quite different one: it says nothing.
            Some(modified) if modified.duration_since(self.now) > A_DAY => Timestamp::MIN,
            _ => self.now,
        }
    }
}

impl Known {
    /// Clocks of disks have a step: what was written within one step of the reading may have been
    /// written after it, too.
    fn is_too_fresh(&self) -> bool {
        let Some(modified) = self.arrival.modified else { return false };
        let whole_seconds = modified.subsec_nanosecond() == 0;
        let step = SignedDuration::from_millis(if whole_seconds { 2000 } else { 50 });
        self.read_at.duration_since(modified).abs() < step
    }

    fn at(&self, now: Timestamp) -> Arrival {
        let quiet_at = quiet_at(self.since, now);
        let mut arrival = Arrival { quiet_at, ..self.arrival.clone() };
        if let Some(until) = quiet_at.filter(|_| !self.ends && arrival.is_whole()) {
            arrival.kind = ArrivalKind::OnItsWay { kind: Box::new(arrival.kind), until };
        }
        arrival
    }
}

/// When it will have been quiet for a while; `None` when it has.
fn quiet_at(since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let until = since.saturating_add(QUIET).unwrap_or(Timestamp::MAX);
    (until > now).then_some(until)
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let inode = None;
        Stamp { length: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

/// The names of the files of a row, its own, and that of the outcome, which is written beside it first.
fn names_in(row: &Path) -> Vec<String> {
    let bytes = read_at_most(row, LARGEST_ROW).unwrap_or_default();
    let record = serde_json::from_slice::<ReceiptRecord>(&bytes);
    let attachments = record.map(|record| record.attachments).unwrap_or_default();
    let folder = row.parent().and_then(Path::file_name).unwrap_or_default();
    let own = [RICEVUTA.to_owned(), format!("{}.json", folder.to_string_lossy())];
    attachments.into_iter().map(|file| file.name).chain(own).collect()
}

/// Files that no person saved: hidden or a desktop's.
fn is_nobodys(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.starts_with(['.', '~']) || ["thumbs.db", "desktop.ini"].contains(&lower.as_str())
}

/// What a browser calls a file that it is still loading.
fn is_loading(name: &str) -> bool {
    let lower = name.to_lowercase();
    let loading = [".crdownload", ".part", ".partial", ".download", ".opdownload", ".tmp"];
    loading.iter().any(|ending| lower.ends_with(ending))
}

/// Our own sheets, `ISTRUZIONI-7.txt` or `ISTRUZIONI-7-3.txt`.
fn is_sheet(name: &str) -> bool {
    let upper = name.to_uppercase();
    let label = upper.strip_prefix("ISTRUZIONI-").and_then(|rest| rest.strip_suffix(".TXT"));
    label.is_some_and(|label| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

/// Whether a change of this file can matter: neither what nobody saved nor what is still loading.
pub fn is_of_interest(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !is_nobodys(&name) && !is_loading(&name)
}

const A_DAY: SignedDuration = SignedDuration::from_hours(24);
const MOST_FILES: usize = 200_000;
const LARGEST_ROW: u64 = 256 << 10;

#[cfg(test)]
#[path = "ricezione_tests.rs"]
mod tests;
