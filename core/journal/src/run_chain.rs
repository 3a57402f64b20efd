//! The entries of one run, read in order and held against its chain, its heads and its summary.

use std::path::Path;

use ceralacca_kernel::Error;
use rusqlite::{Connection, Row};

use crate::chain::{Link, ROOT};
use crate::error::Misfit;
use crate::heads::{self, Head};
use crate::summary::Summary;
use crate::{JournalError, layout_1};

/// An entry as it lies in the file.
pub(crate) struct Raw {
    pub(crate) number: i64,
    pub(crate) at: i64,
    pub(crate) body: Vec<u8>,
}

/// Gives the entries of a run to `each`; those of layout 1 come first.
pub(crate) fn read(
    connection: &Connection,
    path: &Path,
    summary: &Summary,
    each: &mut dyn FnMut(&Raw) -> Result<(), Error>,
) -> Result<(), Error> {
    let unusable = |error: rusqlite::Error| Error::from(JournalError::unusable(path, &error));
    let heads = heads::of_run(connection, summary.run).map_err(unusable)?;
    let mut chain = Chain { path, summary, heads, passed: 0, count: 0, previous: ROOT.to_vec() };
    if summary.earlier > 0 {
        layout_1::of_run(connection, path, summary.run, &mut |raw| {
            chain.next(raw, None)?;
            each(raw)
        })?;
        if chain.count != summary.earlier {
            return Err(chain.misfit(Misfit::Ends {
                run: summary.run as u64,
                entries: summary.earlier as u64,
                found: chain.count as u64,
            }));
        }
    }
    let mut statement = connection
        .prepare_cached(
            "SELECT number, at, body, hash FROM run_entries WHERE run = ? ORDER BY number",
        )
        .map_err(unusable)?;
    let mut rows = statement.query([summary.run]).map_err(unusable)?;
    while let Some(row) = rows.next().map_err(unusable)? {
        let (raw, hash) = stored(row).map_err(unusable)?;
        chain.next(&raw, Some(&hash))?;
        each(&raw)?;
    }
    chain.end()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<(Raw, Vec<u8>)> {
    Ok((Raw { number: row.get(0)?, at: row.get(1)?, body: row.get(2)? }, row.get(3)?))
}

/// How far a run's chain was followed.
struct Chain<'a> {
    path: &'a Path,
    summary: &'a Summary,
    heads: Vec<Head>,
    /// How many heads were come to.
    passed: usize,
    count: i64,
    previous: Vec<u8>,
}

impl Chain<'_> {
    fn misfit(&self, misfit: Misfit) -> Error {
        JournalError::BrokenChain { path: self.path.to_owned(), misfit }.into()
    }

    fn next(&mut self, raw: &Raw, stored: Option<&[u8]>) -> Result<(), Error> {
        self.count += 1;
        let run = self.summary.run;
        let link = Link { number: self.count, run, at: raw.at, body: &raw.body };
        let hash = link.hash(&self.previous);
        let fits = raw.number == self.count && stored.is_none_or(|stored| stored == hash);
        if !fits {
            return Err(self.misfit(Misfit::of_entry(run, self.count)));
        }
        self.previous = hash;
        while let Some(head) = self.heads.get(self.passed) {
            if head.entries > self.count {
                break;
            }
            if head.entries < self.count || head.head != self.previous {
                return Err(self.misfit(Misfit::of_entry(run, self.count)));
            }
            self.passed += 1;
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Error> {
        let (summary, run) = (self.summary, self.summary.run as u64);
        let noted = self.heads.get(self.passed).map_or(summary.entries, |head| head.entries);
        if noted > self.count || summary.entries > self.count {
            let entries = noted.max(summary.entries) as u64;
            return Err(self.misfit(Misfit::Ends { run, entries, found: self.count as u64 }));
        }
        if summary.entries != self.count || summary.head != self.previous || self.heads.is_empty() {
            return Err(self.misfit(Misfit::Summary { run }));
        }
        Ok(())
    }
}
