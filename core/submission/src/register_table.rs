//! The register's table: what was read from tens of thousands of small files, in one.
//!
//! `<state>/register.table` holds what [`Register::read`] gave, and a digest of the [facts](FolderFacts)
//! about the folders that it was read from. While these are the same, the table is the register; otherwise
//! the files are read. Whatever acts makes it again afterwards. Nothing that decides whether something may
//! be sent looks at it.
//!
//! ```text
//! ceralacca register 1 <SHA-256 of the next line>
//! {"facts": …}                 facts, counts and digests, everything that is not a row
//! {"protocollo": …}            the rows of which something is left to do or to know
//! {"protocollo": …}            the others
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use ceralacca_kernel::atomic_file::TEMPORARY_PREFIX;
use ceralacca_kernel::{Folders, regular_file};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::folder_facts::FolderFacts;
use crate::hand_over::HandOver;
use crate::outbox::sha256_hex;
use crate::register::{InDoubt, Problem, ReceiptState, Register, Row};
use crate::{RevocationMark, Stato};

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Those of which something is left to do: not accepted, not read, or in the place of one that was
    /// rejected; and the requests for certificates.
    Open,
    /// All.
    All,
}

/// The register, from its table where that is in step with the disk, and otherwise from the files.
#[derive(Clone, Debug)]
pub struct Known {
    /// What is known; of the rows at least those that were asked for.
    pub register: Register,
    /// How many rows there are in all.
    pub rows: usize,
    /// The table, where it is damaged: it was not used, and is made again by what acts next.
    pub damaged: Option<Problem>,
}

/// The second line.
#[derive(Serialize, Deserialize)]
struct Head {
    facts: String,
    /// Where the files were: paths in the rows are whole.
    folders: [PathBuf; 2],
    open: Part,
    closed: Part,
    in_doubt: Vec<InDoubt>,
    hand_overs: Vec<HandOver>,
    revocations: Vec<RevocationMark>,
    problems: Vec<Problem>,
}

/// Rows that lie one behind the other.
#[derive(Default, Serialize, Deserialize)]
struct Part {
    rows: usize,
    bytes: u64,
    sha256: String,
}

impl Register {
    /// What is known, without writing anything.
    pub fn known(folders: &Folders, wanted: Rows) -> Known {
        let facts = FolderFacts::of(folders).ok();
        let read = Table::of(folders).read(folders, facts.as_ref(), wanted);
        Known::of(read, || Register::read(folders))
    }

    /// As [`Register::known`] with all rows; a table that is not in step is made again.
    pub fn known_and_kept(folders: &Folders) -> Known {
        let (table, facts) = (Table::of(folders), FolderFacts::of(folders).ok());
        let read = table.read(folders, facts.as_ref(), Rows::All);
        Known::of(read, || table.make(folders, facts.as_ref()))
    }
}

impl Known {
    fn of(
        read: Result<Option<(Register, usize)>, Problem>,
        from_files: impl FnOnce() -> Register,
    ) -> Known {
        match read {
            Ok(Some((register, rows))) => Known { register, rows, damaged: None },
            other => {
                let register = from_files();
                let rows = register.rows.len();
                Known { register, rows, damaged: other.err() }
            }
        }
    }
}

/// Brings the table into step with the disk. Where it cannot be written, the files are read each time.
pub fn keep(folders: &Folders) {
    let (table, facts) = (Table::of(folders), FolderFacts::of(folders).ok());
    if let Some(facts) = facts.filter(|facts| table.is_wanted(facts))
        && !table.is_in_step(folders, &facts)
    {
        table.make(folders, Some(&facts));
    }
}

/// Makes the table again, whatever it holds. One that is damaged, or that seemed to be in step and is not
/// what the files say, is a problem: a file was changed and kept its name.
pub fn make_again(folders: &Folders) -> Option<Problem> {
    let table = Table::of(folders);
    let facts = FolderFacts::of(folders).ok().filter(|facts| table.is_wanted(facts))?;
    let before = table.read(folders, Some(&facts), Rows::All);
    let now = table.make(folders, Some(&facts));
    let next =
        "nothing: it is made again, and status and receipts say what the files say".to_owned();
    match before {
        Err(damaged) => Some(Problem { next, ..damaged }),
        Ok(Some((before, _))) if before != now => {
            let reason = "the register's table was not what the files say: one of them was changed \
                          since, and kept its name";
            Some(Problem { path: table.path, reason: reason.to_owned(), next })
        }
        Ok(_) => None,
    }
}

struct Table {
    path: PathBuf,
}

impl Table {
    fn of(folders: &Folders) -> Table {
        Table { path: folders.state.join(NAME) }
    }

    /// Whether there is to be one: not where the disk's times say too little, and not for a few files.
    fn is_wanted(&self, facts: &FolderFacts) -> bool {
        facts.exact && (facts.count >= FEWEST || self.path.exists())
    }

    /// Reads the files, and keeps what they say where that is wanted.
    fn make(&self, folders: &Folders, facts: Option<&FolderFacts>) -> Register {
        let register = Register::read(folders);
        if let Some(facts) = facts.filter(|facts| self.is_wanted(facts))
            // Otherwise somebody is at work there, and makes it in the end.
            && FolderFacts::of(folders).is_ok_and(|now| now == *facts)
        {
            // Only time is lost without it.
            let _ = self.write(folders, facts, &register);
        }
        register
    }

    /// What it holds, when it is in step; what is wrong with it, when it is damaged.
    fn read(
        &self,
        folders: &Folders,
        facts: Option<&FolderFacts>,
        wanted: Rows,
    ) -> Result<Option<(Register, usize)>, Problem> {
        let Some(facts) = facts.filter(|facts| facts.exact) else { return Ok(None) };
        self.opened(folders, facts, |mut file, head| {
            let mut rows: Vec<Row> = Vec::with_capacity(head.open.rows.min(MOST_AT_ONCE));
            head.open.read(&mut file, &mut |row| rows.push(row))?;
            if wanted == Rows::All {
                head.closed.read(&mut file, &mut |row| rows.push(row))?;
                rows.sort_by(|a, b| {
                    (b.data_invio, &b.protocollo).cmp(&(a.data_invio, &a.protocollo))
                });
            }
            let all = head.open.rows + head.closed.rows;
            let Head { in_doubt, hand_overs, revocations, problems, .. } = head;
            Ok((Register { rows, in_doubt, hand_overs, revocations, problems }, all))
        })
    }

    /// Whether it is in step, and whole.
    fn is_in_step(&self, folders: &Folders, facts: &FolderFacts) -> bool {
        let whole = self.opened(folders, facts, |mut file, head| {
            head.open.check(&mut file)?;
            head.closed.check(&mut file)
        });
        whole.is_ok_and(|in_step| in_step.is_some())
    }

    fn opened<T>(
        &self,
        folders: &Folders,
        facts: &FolderFacts,
        work: impl FnOnce(BufReader<File>, Head) -> Result<T, String>,
    ) -> Result<Option<T>, Problem> {
        let damaged = |reason: String| Problem {
            path: self.path.clone(),
            reason: format!("the register's table is damaged and was not used: {reason}"),
            next: "ceralacca receipts makes it again".to_owned(),
        };
        let file = match regular_file::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| damaged(error.to_string()))?,
        };
        let mut file = BufReader::with_capacity(1 << 16, file);
        let Some(head) = Head::read(&mut file).map_err(damaged)? else { return Ok(None) };
        if head.facts != facts.sha256 || head.folders != places(folders) {
            return Ok(None);
        }
        work(file, head).map(Some).map_err(damaged)
    }

    /// Nothing of it is synced: a table that a crash has damaged is seen to be, and made again.
    fn write(&self, folders: &Folders, facts: &FolderFacts, register: &Register) -> io::Result<()> {
        let rejected: BTreeSet<_> =
            register.rows.iter().filter(|row| row.stato == Stato::Scartato).map(what).collect();
        let (open, closed): (Vec<&Row>, Vec<&Row>) =
            register.rows.iter().partition(|row| is_open(row) || rejected.contains(&what(row)));
        let (open, open_text) = Part::of(&open)?;
        let (closed, closed_text) = Part::of(&closed)?;
        let head = Head {
            facts: facts.sha256.clone(),
            folders: places(folders),
            open,
            closed,
            in_doubt: register.in_doubt.clone(),
            hand_overs: register.hand_overs.clone(),
            revocations: register.revocations.clone(),
            problems: register.problems.clone(),
        };
        let head = serde_json::to_vec(&head)?;
        let staged = folders.state.join(format!("{TEMPORARY_PREFIX}{NAME}-{}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = BufWriter::new(regular_file::open_with(&staged, &mut options)?);
        let written = writeln!(file, "{FORM}{}", sha256_hex(&head))
            .and_then(|()| file.write_all(&head))
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.write_all(&open_text))
            .and_then(|()| file.write_all(&closed_text))
            .and_then(|()| file.flush());
        drop(file);
        written.and_then(|()| fs::rename(&staged, &self.path)).inspect_err(|_| {
            let _ = fs::remove_file(&staged);
        })
    }
}

impl Head {
    /// The first two lines; `None` when they are of another form: of another release.
    fn read(file: &mut impl BufRead) -> Result<Option<Head>, String> {
        let form = line(file, 200)?;
        let Some(expected) = form.strip_prefix(FORM) else {
            let another = form.starts_with(ANY_FORM);
            return if another { Ok(None) } else { Err("it is something else".to_owned()) };
        };
        let text = line(file, LARGEST_HEAD)?;
        if sha256_hex(text.as_bytes()) != expected {
            return Err("its digests do not fit".to_owned());
        }
        serde_json::from_str(&text).map(Some).map_err(|error| error.to_string())
    }
}

impl Part {
    fn of(rows: &[&Row]) -> io::Result<(Part, Vec<u8>)> {
        let mut text = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut text, row)?;
            text.push(b'\n');
        }
        let part = Part { rows: rows.len(), bytes: text.len() as u64, sha256: sha256_hex(&text) };
        Ok((part, text))
    }

    /// Only whether it is whole.
    fn check(&self, file: &mut impl BufRead) -> Result<(), String> {
        let (mut hasher, mut left) = (Sha256::new(), self.bytes);
        while left > 0 {
            let piece = file.fill_buf().map_err(|error| error.to_string())?;
            let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if length == 0 {
                return Err("it ends too early".to_owned());
            }
            hasher.update(&piece[..length]);
            file.consume(length);
            left -= length as u64;
        }
        self.fits(hasher)
    }

    /// Gives each row to `take`.
    fn read(&self, file: &mut impl BufRead, take: &mut dyn FnMut(Row)) -> Result<(), String> {
        let (mut hasher, mut left) = (Sha256::new(), self.bytes);
        let mut text = Vec::new();
        while left > 0 {
            text.clear();
            let limit = left.min(LARGEST_ROW);
            let read = file.by_ref().take(limit).read_until(b'\n', &mut text);
            let length = read.map_err(|error| error.to_string())? as u64;
            if text.last() != Some(&b'\n') {
                return Err("it ends too early".to_owned());
            }
            left -= length;
            hasher.update(&text);
            take(serde_json::from_slice(&text).map_err(|error| error.to_string())?);
        }
        self.fits(hasher)
    }

    fn fits(&self, hasher: Sha256) -> Result<(), String> {
        match hex::encode(hasher.finalize()) == self.sha256 {
            true => Ok(()),
            false => Err("its digests do not fit".to_owned()),
        }
    }
}

/// A line without its end.
fn line(file: &mut impl BufRead, limit: u64) -> Result<String, String> {
    let mut text = Vec::new();
    file.by_ref().take(limit).read_until(b'\n', &mut text).map_err(|error| error.to_string())?;
    match text.pop() {
        Some(b'\n') => String::from_utf8(text).map_err(|error| error.to_string()),
        _ => Err("it ends too early".to_owned()),
    }
}

fn places(folders: &Folders) -> [PathBuf; 2] {
    [folders.documents.clone(), folders.state.clone()]
}

/// Whether something is left to do or to know of a row; see [`Rows::Open`].
fn is_open(row: &Row) -> bool {
    let is_read = matches!(row.receipt, ReceiptState::Letta | ReceiptState::InChiaro);
    row.stato != Stato::Elaborato || !is_read || row.tipo_documento == REQUEST
}

/// By what one is known to stand in the place of another.
fn what(row: &Row) -> (&str, String) {
    (&row.tipo_documento, row.file_name.to_ascii_lowercase())
}

const NAME: &str = "register.table";
const FORM: &str = "ceralacca register 1 ";
const ANY_FORM: &str = "ceralacca register ";
/// The Agency's type of a request for certificates.
const REQUEST: &str = "PKS10";
/// Files and folders of which it is quicker to look at each than to keep a table.
const FEWEST: usize = 400;
const LARGEST_HEAD: u64 = 1 << 30;
const LARGEST_ROW: u64 = 1 << 20;
/// Rows for which room is made before any was read.
const MOST_AT_ONCE: usize = 100_000;

#[cfg(test)]
#[path = "register_table_tests.rs"]
mod tests;
