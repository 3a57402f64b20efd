//! The summary row of a run: written with every entry, and made again from the entries when they are
//! verified.

use ceralacca_kernel::{
    Error, JournalEvent, Page, Report, RunFilter, RunId, RunStatus, RunSummary, Value, cbor, typed,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::chain::{Link, ROOT};
use crate::{JournalError, event};

/// What there is to know of a run without reading its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) run: i64,
    pub(crate) key: String,
    pub(crate) workflow: String,
    pub(crate) started: i64,
    pub(crate) last: i64,
    pub(crate) status: String,
    pub(crate) stage: Option<String>,
    pub(crate) error: Option<Vec<u8>>,
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
    pub(crate) head: Vec<u8>,
    pub(crate) earlier: i64,
    pub(crate) archive: Option<String>,
}

/// An entry as it is kept.
pub(crate) struct Kept<'a> {
    pub(crate) at: i64,
    pub(crate) event: &'a JournalEvent,
    pub(crate) body: &'a [u8],
}

impl Summary {
    /// Of a run without entries.
    pub(crate) fn new(run: i64) -> Summary {
        Summary {
            run,
            key: String::new(),
            workflow: String::new(),
            started: 0,
            last: 0,
            status: String::new(),
            stage: None,
            error: None,
            entries: 0,
            bytes: 0,
            head: ROOT.to_vec(),
            earlier: 0,
            archive: None,
        }
    }

    /// Takes the next entry.
    pub(crate) fn add(&mut self, entry: &Kept<'_>) {
        self.entries += 1;
        let link = Link { number: self.entries, run: self.run, at: entry.at, body: entry.body };
        self.head = link.hash(&self.head);
        self.bytes += entry.body.len() as i64;
        if self.entries == 1 {
            self.started = entry.at;
        }
        self.last = entry.at;
        self.status = status_name(RunStatus::after(entry.event));
        self.error = None;
        match entry.event {
            JournalEvent::Started { workflow, key, .. } => {
                self.workflow.clone_from(workflow);
                self.key.clone_from(key);
            }
            JournalEvent::Stage { title, .. } => self.stage = Some(title.clone()),
            JournalEvent::Stopped { error } => {
                let value = typed::to_value(error).unwrap_or(Value::Null);
                self.error = Some(cbor::encode(&value));
            }
            _ => {}
        }
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        ["finished", "abandoned"].contains(&self.status.as_str())
    }

    /// As others see it; `None` when the row makes no sense.
    pub(crate) fn public(&self, locked: impl Fn(RunId) -> bool) -> Option<RunSummary> {
        let status: RunStatus = typed::from_value(Value::Str(self.status.clone())).ok()?;
        let error: Option<Report> = match &self.error {
            Some(bytes) => Some(typed::from_value(cbor::decode_own(bytes)?).ok()?),
            None => None,
        };
        let run = RunId(self.run as u64);
        Some(RunSummary {
            run,
            key: self.key.clone(),
            workflow: self.workflow.clone(),
            started: Timestamp::from_microsecond(self.started).ok()?,
            last: Timestamp::from_microsecond(self.last).ok()?,
            status,
            stage: self.stage.clone(),
            locked: !status.is_over() && locked(run),
            error,
            archive: self.archive.clone(),
        })
    }

    pub(crate) fn matches(&self, wanted: &RunFilter) -> bool {
        (!wanted.open || !self.is_over())
            && wanted.status.is_none_or(|status| self.status == status_name(status))
            && wanted.workflow.as_ref().is_none_or(|workflow| *workflow == self.workflow)
            && wanted.run.is_none_or(|run| run.0 as i64 == self.run)
            && wanted.key.as_ref().is_none_or(|key| *key == self.key)
    }

    pub(crate) fn of(connection: &Connection, run: i64) -> rusqlite::Result<Option<Summary>> {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE run = ?"))?
            .query_row([run], Summary::from_row)
            .optional()
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Summary> {
        Ok(Summary {
            run: row.get(0)?,
            key: row.get(1)?,
            workflow: row.get(2)?,
            started: row.get(3)?,
            last: row.get(4)?,
            status: row.get(5)?,
            stage: row.get(6)?,
            error: row.get(7)?,
            entries: row.get(8)?,
            bytes: row.get(9)?,
            head: row.get(10)?,
            earlier: row.get(11)?,
            archive: row.get(12)?,
        })
    }

    /// Writes the row of a run that has none.
    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(&format!(
                "INSERT INTO runs ({COLUMNS}, syncs) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
            ))?
            .execute(params![
                self.run,
                self.key,
                self.workflow,
                self.started,
                self.last,
                self.status,
                self.stage,
                self.error,
                self.entries,
                self.bytes,
                self.head,
                self.earlier,
                self.archive,
            ])?;
        Ok(())
    }

    /// Writes what another entry has changed since `before`.
    pub(crate) fn update(&self, connection: &Connection, before: &Summary) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "UPDATE runs SET last = ?, stage = ?, error = ?, entries = ?, bytes = ?, head = ? \
                 WHERE run = ?",
            )?
            .execute(params![
                self.last,
                self.stage,
                self.error,
                self.entries,
                self.bytes,
                self.head,
                self.run,
            ])?;
        // The columns of an index, which is written for nothing otherwise.
        let indexed = |one: &Summary| (one.key.clone(), one.workflow.clone(), one.status.clone());
        if indexed(self) != indexed(before) {
            connection
                .prepare_cached("UPDATE runs SET key = ?, workflow = ?, status = ? WHERE run = ?")?
                .execute(params![self.key, self.workflow, self.status, self.run])?;
        }
        Ok(())
    }
}

const COLUMNS: &str = "run, key, workflow, started, last, status, stage, error, entries, bytes, \
                       head, earlier, archive";

/// The newest run with a key, and where it stands.
pub(crate) fn behind_key(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<(RunId, RunStatus)>> {
    let found: Option<(i64, String)> = connection
        .prepare_cached("SELECT run, status FROM runs WHERE key = ? ORDER BY run DESC LIMIT 1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.and_then(|(run, status)| {
        Some((RunId(run as u64), typed::from_value(Value::Str(status)).ok()?))
    }))
}

/// The summaries that are asked for, oldest first, and how many there are on all pages.
pub(crate) fn page(
    connection: &Connection,
    wanted: &RunFilter,
    page: Page,
) -> rusqlite::Result<(Vec<Summary>, u64)> {
    let (mut conditions, mut values) = (vec!["1"], Vec::<rusqlite::types::Value>::new());
    if wanted.open {
        conditions.push("status NOT IN ('finished', 'abandoned')");
    }
    let given = [
        ("status = ?", wanted.status.map(|status| status_name(status).into())),
        ("workflow = ?", wanted.workflow.clone().map(Into::into)),
        ("run = ?", wanted.run.map(|run| (run.0 as i64).into())),
        ("key = ?", wanted.key.clone().map(Into::into)),
    ];
    for (condition, value) in given {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    }
    let conditions = conditions.join(" AND ");
    let total: i64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM runs WHERE {conditions}"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    let (limit, skipped) = window(page);
    values.extend([limit.into(), skipped.into()]);
    let mut found: Vec<Summary> = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM runs WHERE {conditions} ORDER BY run DESC LIMIT ? OFFSET ?"
        ))?
        .query_map(params_from_iter(&values), Summary::from_row)?
        .collect::<rusqlite::Result<_>>()?;
    found.reverse();
    Ok((found, total as u64))
}

/// How many runs a page has, and how many newer ones come before it.
pub(crate) fn window(page: Page) -> (i64, i64) {
    let cut = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    (cut(page.limit), cut(page.limit.saturating_mul(page.number.saturating_sub(1))))
}

/// As it is in JSON.
fn status_name(status: RunStatus) -> String {
    match typed::to_value(&status) {
        Ok(Value::Str(name)) => name,
        _ => unreachable!("a status is a word"),
    }
}

/// The event of an entry, and when it was written.
pub(crate) fn decoded(
    path: &std::path::Path,
    run: i64,
    number: i64,
    at: i64,
    body: &[u8],
) -> Result<(Timestamp, JournalEvent), Error> {
    let unreadable = || JournalError::Unreadable {
        path: path.to_owned(),
        run: run as u64,
        sequence: number as u64,
    };
    let at = Timestamp::from_microsecond(at).map_err(|_| unreadable())?;
    let event = event::decode(body).ok_or_else(unreadable)?;
    Ok((at, event))
}
