//! Runs that are over, in a file of their own: a journal of the same layout.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Durable, Error, atomic_file, crash_point};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, params};
use serde::Serialize;

use crate::run_chain::Raw;
use crate::summary::{Kept, Summary, decoded};
use crate::{File, JournalError, VERSION, held, layout, require_file, run_chain, verify};

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// How many runs.
    pub runs: u64,
    /// How many entries.
    pub entries: u64,
    /// How many runs stay although they are over: an earlier release wrote them.
    pub earlier: u64,
}

pub(crate) fn archive(file: &File, to: &Path, before: Option<Timestamp>) -> Result<Moved, Error> {
    let before = before.map_or(i64::MAX, Timestamp::as_microsecond);
    let (runs, earlier) = file.sql(|connection| chosen(connection, before))?;
    let mut moved = Moved { earlier, ..Moved::default() };
    if runs.is_empty() {
        return Ok(moved);
    }
    let name = name(file, to);
    let archive = opened(to)?;
    of_this_journal(file, &archive)?;
    copy(file, &archive, &runs)?;
    drop(archive);
    // Read back by another connection.
    let archive = connected(to, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    for summary in &runs {
        holds(&archive, summary)?;
        verify::one_run(&archive, &Summary { archive: None, ..summary.clone() })?;
    }
    drop(archive);
    crash_point::reached("before journal archive");
    let transaction = file.transaction(Durable::Synced)?;
    for summary in &runs {
        // Another process may have been quicker.
        let marked = file.sql(|connection| {
            connection
                .prepare_cached("UPDATE runs SET archive = ? WHERE run = ? AND archive IS NULL")?
                .execute(params![name, summary.run])
        })?;
        if marked == 1 {
            file.sql(|connection| {
                connection
                    .prepare_cached("DELETE FROM run_entries WHERE run = ?")?
                    .execute([summary.run])
            })?;
            moved.runs += 1;
            moved.entries += summary.entries as u64;
        }
    }
    crash_point::reached("during journal archive");
    file.sql(|_| transaction.commit())?;
    crash_point::reached("after journal archive");
    // Only the room on disk: what cannot be given back now is used for what comes.
    let _ = give_back(&file.connection);
    Ok(moved)
}

/// Makes the file smaller by the pages that nothing needs any more; an older file keeps them.
fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// The runs that are over and can be moved, and how many cannot.
fn chosen(connection: &Connection, before: i64) -> rusqlite::Result<(Vec<Summary>, u64)> {
    let over = "status IN ('finished', 'abandoned') AND last < ? AND archive IS NULL";
    let runs: Vec<i64> = connection
        .prepare(&format!("SELECT run FROM runs WHERE {over} AND earlier = 0 ORDER BY run"))?
        .query_map([before], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let of = |run: i64| Ok(Summary::of(connection, run)?.expect("it was just there"));
    let runs = runs.into_iter().map(of).collect::<rusqlite::Result<_>>()?;
    let earlier: i64 = connection.query_row(
        &format!("SELECT count(*) FROM runs WHERE {over} AND earlier > 0"),
        [before],
        |row| row.get(0),
    )?;
    Ok((runs, earlier as u64))
}

/// Refuses an archive of another journal before anything is written to it.
fn of_this_journal(file: &File, archive: &File) -> Result<(), Error> {
    let runs: Vec<i64> = archive.sql(|connection| {
        let mut statement = connection.prepare("SELECT run FROM runs ORDER BY run")?;
        statement.query_map([], |row| row.get(0))?.collect()
    })?;
    runs.into_iter().try_for_each(|run| match file.sql(|here| Summary::of(here, run))? {
        Some(summary) => holds(archive, &summary),
        None => holds(archive, &Summary::new(run)),
    })
}

/// Copies runs, checked as they are read, in one transaction. What a call that was interrupted has copied
/// is there already.
fn copy(file: &File, archive: &File, runs: &[Summary]) -> Result<(), Error> {
    crash_point::reached("before journal copy");
    let transaction = archive.transaction(Durable::Synced)?;
    let _snapshot = file.snapshot()?;
    for summary in runs {
        let run = summary.run;
        if archive.sql(|connection| Summary::of(connection, run))?.is_some() {
            continue;
        }
        let mut copied = Summary::new(run);
        archive.sql(|connection| copied.insert(connection))?;
        run_chain::read(&file.connection, &file.path, summary, &mut |raw| {
            let (_, event) = decoded(&file.path, run, raw.number, raw.at, &raw.body)?;
            let kept = Kept { at: raw.at, event: &event, body: &raw.body };
            archive.sql(|connection| held::add(connection, &mut copied, &kept))
        })?;
    }
    crash_point::reached("during journal copy");
    archive.sql(|_| transaction.commit())?;
    if let Some(folder) = archive.path.parent() {
        atomic_file::sync_folder(folder).map_err(|error| JournalError::Unusable {
            path: archive.path.clone(),
            problem: error.to_string(),
        })?;
    }
    crash_point::reached("after journal copy");
    Ok(())
}

/// Opens an archive to write to it; one that is not there is made.
fn opened(path: &Path) -> Result<File, Error> {
    let file = connected(path, OpenFlags::default())?;
    let is_new = file.sql(|connection| {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(tables == 0 && layout::version(connection)? == 0)
    })?;
    if is_new {
        file.sql(|connection| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "application_id", ARCHIVE)?;
            layout::create(connection)
        })?;
    }
    checked(file)
}

/// The archive for reading; `None` when it is not there.
fn found(path: &Path) -> Result<Option<File>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    require_file(path)?;
    connected(path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(checked).map(Some)
}

fn connected(path: &Path, flags: OpenFlags) -> Result<File, Error> {
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| JournalError::unusable(path, &error))?;
    Ok(File { connection, path: path.to_owned() })
}

/// Another journal, or anything else, is no archive.
fn checked(file: File) -> Result<File, Error> {
    let (version, kind): (i64, i64) = file.sql(|connection| {
        let kind = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        Ok((layout::version(connection)?, kind))
    })?;
    let path = file.path.clone();
    match kind {
        ARCHIVE if version > VERSION => {
            Err(JournalError::NewerVersion { path, found: version, known: VERSION }.into())
        }
        ARCHIVE if version == VERSION => Ok(file),
        _ => Err(JournalError::NotAnArchive { path }.into()),
    }
}

/// `application_id` of the file of an archive.
const ARCHIVE: i64 = 0x6365_7261;

/// Gives the entries of a run that was moved.
pub(crate) fn read(
    file: &File,
    name: &str,
    summary: &Summary,
    each: &mut dyn FnMut(&Raw) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = place(file, name);
    let Some(archive) = found(&path)? else {
        return Err(JournalError::ArchiveMissing { run: summary.run as u64, path }.into());
    };
    holds(&archive, summary)?;
    run_chain::read(&archive.connection, &archive.path, summary, each)
}

/// Checks an archive, and that it holds `runs`; `false` when it is not there.
pub(crate) fn verify(file: &File, name: &str, runs: &[Summary]) -> Result<bool, Error> {
    let Some(archive) = found(&place(file, name))? else { return Ok(false) };
    verify::archive(&archive)?;
    runs.iter().try_for_each(|summary| holds(&archive, summary)).map(|()| true)
}

/// Refuses an archive that does not hold a run as it was moved there.
fn holds(archive: &File, summary: &Summary) -> Result<(), Error> {
    let as_moved = Summary { archive: None, ..summary.clone() };
    if archive.sql(|connection| Summary::of(connection, summary.run))?.as_ref() == Some(&as_moved) {
        return Ok(());
    }
    let (path, run) = (archive.path.clone(), summary.run as u64);
    Err(JournalError::ArchiveDiffers { path, run }.into())
}

/// How the journal calls an archive: relative to the workspace where it lies inside it.
fn name(file: &File, to: &Path) -> String {
    let root = root(file);
    let inside = to.strip_prefix(&root).unwrap_or(to);
    inside.to_string_lossy().into_owned()
}

fn place(file: &File, name: &str) -> PathBuf {
    root(file).join(name)
}

/// The workspace: above the folder of the journal.
fn root(file: &File) -> PathBuf {
    let folder = file.path.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    folder.to_owned()
}
