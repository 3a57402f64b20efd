//! What has come about since a run was suspended: said by a person, or lying in `ricezione`.

use std::fs::Metadata;
use std::path::Path;

use ceralacca_hand_off::{self as hand_off, Answers, HandOver};
use ceralacca_kernel::Folders;
use jiff::Timestamp;

/// Why a run may go on, as a text that changes whenever there is more; `None` while it only waits.
///
/// `of_run` are its hand-overs in the order of its calls. A run does one thing after the other: while
/// nobody has done the last, it stands there, whatever became of those before.
pub(super) fn news(of_run: &[&HandOver], answers: &Answers<'_, '_>) -> Option<String> {
    let answer = |one: &HandOver| answers.to(one).map(|arrival| arrival.sha256.clone());
    let last = of_run.last()?;
    if last.is_waiting() && answer(last).is_none() {
        return None;
    }
    let each = of_run.iter().map(|one| format!("{one:?} {:?}", answer(one)));
    Some(each.collect::<Vec<_>>().join("\n"))
}

/// When the newest of it came about: to tell a run that has failed for it from one that has not seen
/// it yet.
pub(super) fn newest(
    folders: &Folders,
    of_run: &[&HandOver],
    answers: &Answers<'_, '_>,
) -> Option<Timestamp> {
    let there = of_run.iter().filter_map(|one| answers.to(one));
    let arrived = there.filter_map(|answer| appeared(&answer.path));
    let said = of_run.iter().filter_map(|one| hand_off::noted_at(folders, one));
    arrived.chain(said).max()
}

/// When a file got there, or was last written to: one that is moved keeps its own time.
fn appeared(path: &Path) -> Option<Timestamp> {
    let found = std::fs::symlink_metadata(path).ok()?;
    let written = found.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    written.max(got_there(&found))
}

#[cfg(unix)]
fn got_there(found: &Metadata) -> Option<Timestamp> {
    use std::os::unix::fs::MetadataExt;
    Timestamp::new(found.ctime(), i32::try_from(found.ctime_nsec()).ok()?).ok()
}

#[cfg(not(unix))]
fn got_there(found: &Metadata) -> Option<Timestamp> {
    found.created().ok().and_then(|time| Timestamp::try_from(time).ok())
}
