//! Checking a whole journal: every chain, every head, every summary, and what was moved to archives.

use std::collections::BTreeMap;

use ceralacca_kernel::Error;
use serde::Serialize;

use crate::error::Misfit;
use crate::summary::{Kept, Summary, decoded};
use crate::{File, JournalError, archive, heads, layout, layout_1, run_chain};

/// A journal that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many runs it has.
    pub runs: u64,
    /// How many entries they have, those in archives that are there included.
    pub entries: u64,
    /// Hash of the last head, hexadecimal: noted elsewhere, it proves that nothing up to there was cut
    /// off. In a journal of layout 1, of the last entry.
    pub head: String,
    /// The archives that runs were moved to.
    pub archives: Vec<InArchive>,
}

/// What was moved to one archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InArchive {
    /// The file.
    pub archive: String,
    /// How many runs were moved there.
    pub runs: u64,
    /// The file is not there, so that they were not checked.
    pub missing: bool,
}

pub(crate) fn verify(file: &File) -> Result<Verified, Error> {
    if file.sql(layout::version)? == 1 {
        let (runs, head) = layout_1::summaries(&file.connection, &file.path)?;
        let entries = runs.values().map(|run| run.entries as u64).sum();
        let (runs, head) = (runs.len() as u64, hex::encode(head));
        return Ok(Verified { runs, entries, head, archives: Vec::new() });
    }
    let broken =
        |misfit| Error::from(JournalError::BrokenChain { path: file.path.clone(), misfit });
    let head = file.sql(heads::walk)?.map_err(|number| broken(Misfit::Head { number }))?;
    earlier(file)?;
    let mut verified = Verified { head: hex::encode(head), ..Verified::default() };
    let mut moved = BTreeMap::<String, Vec<Summary>>::new();
    let last = file.sql(last_run_noted)?;
    for run in 1..=last {
        let of_run = file.sql(|connection| Summary::of(connection, run))?;
        let summary = of_run.ok_or_else(|| broken(Misfit::Summary { run: run as u64 }))?;
        verified.runs += 1;
        if let Some(name) = summary.archive.clone() {
            moved.entry(name).or_default().push(summary);
            continue;
        }
        one_run(file, &summary)?;
        verified.entries += summary.entries as u64;
    }
    for (name, runs) in moved {
        let missing = !archive::verify(file, &name, &runs)?;
        if !missing {
            verified.entries += runs.iter().map(|run| run.entries as u64).sum::<u64>();
        }
        verified.archives.push(InArchive { archive: name, runs: runs.len() as u64, missing });
    }
    Ok(verified)
}

/// Makes the summary of a run again from its entries, which are checked meanwhile.
pub(crate) fn one_run(file: &File, summary: &Summary) -> Result<(), Error> {
    let (path, run) = (&file.path, summary.run);
    let mut made = Summary::new(run);
    run_chain::read(&file.connection, path, summary, &mut |raw| {
        let (_, event) = decoded(path, run, raw.number, raw.at, &raw.body)?;
        made.add(&Kept { at: raw.at, event: &event, body: &raw.body });
        Ok(())
    })?;
    made.earlier = summary.earlier;
    made.archive.clone_from(&summary.archive);
    if made == *summary {
        return Ok(());
    }
    let misfit = Misfit::Summary { run: run as u64 };
    Err(JournalError::BrokenChain { path: path.clone(), misfit }.into())
}

/// What layout 1 left is still what the first head stands for.
fn earlier(file: &File) -> Result<(), Error> {
    let (noted, head, of_runs, has_table) = file.sql(|connection| {
        let (noted, head): (i64, Vec<u8>) = connection.query_row(
            "SELECT entries, head FROM heads WHERE number = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let of_runs: i64 =
            connection
                .query_row("SELECT coalesce(sum(earlier), 0) FROM runs", [], |row| row.get(0))?;
        Ok((noted, head, of_runs, connection.table_exists(None, "entries")?))
    })?;
    let mut count = 0;
    let end = match has_table {
        true => layout_1::walk(&file.connection, &file.path, &mut |_, _| {
            count += 1;
            Ok(())
        })?,
        false => crate::chain::ROOT.to_vec(),
    };
    if count == noted && of_runs == noted && end == head {
        return Ok(());
    }
    let misfit = Misfit::Earlier { sequence: count as u64 + 1 };
    Err(JournalError::BrokenChain { path: file.path.clone(), misfit }.into())
}

/// The highest number that a run has anywhere.
fn last_run_noted(connection: &rusqlite::Connection) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT coalesce(max(run), 0) FROM (SELECT max(run) AS run FROM runs UNION ALL \
         SELECT max(run) FROM run_entries UNION ALL SELECT max(run) FROM heads)",
        [],
        |row| row.get(0),
    )
}

/// Checks the file of an archive. Its runs need not follow each other.
pub(crate) fn archive(file: &File) -> Result<(), Error> {
    let broken =
        |misfit| Error::from(JournalError::BrokenChain { path: file.path.clone(), misfit });
    file.sql(heads::walk)?.map_err(|number| broken(Misfit::Head { number }))?;
    let noted: Vec<i64> = file.sql(|connection| {
        let mut statement = connection.prepare(
            "SELECT run FROM runs UNION SELECT run FROM run_entries UNION \
             SELECT run FROM heads WHERE run > 0",
        )?;
        statement.query_map([], |row| row.get(0))?.collect()
    })?;
    for run in noted {
        let of_run = file.sql(|connection| Summary::of(connection, run))?;
        let summary = of_run.ok_or_else(|| broken(Misfit::Summary { run: run as u64 }))?;
        one_run(file, &summary)?;
    }
    Ok(())
}
