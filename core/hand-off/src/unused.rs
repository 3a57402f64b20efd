//! What lies in `ricezione` and is used for nothing: nothing there is passed over in silence.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Folders, document_archive};
use ceralacca_submission::esito::{LARGEST, RICEVUTA, RICEZIONE};
use ceralacca_submission::hand_over::HandOver;
use ceralacca_submission::outbox::read_at_most;
use ceralacca_submission::{ReceiptRecord, printable};
use jiff::Timestamp;
use serde::Serialize;

use super::answers::Answers;
use super::arrivals::{Arrival, ArrivalKind};

/// Something in `ricezione` that is used for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unused {
    /// Where it is. Written with U+FFFD for what of its name is no text.
    #[serde(serialize_with = "shown")]
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Bytes in it.
    pub length: u64,
    /// SHA-256 of it, hexadecimal; empty for what was not read.
    pub sha256: String,
    /// When it was last written, where the disk knows.
    pub modified: Option<Timestamp>,
    /// When it will have been quiet for a while; `None` when it has.
    pub quiet_at: Option<Timestamp>,
    /// What it is, and why it is not used.
    pub why: String,
    /// What to do.
    pub next: String,
}

fn shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl Unused {
    /// One line: the file, what it is, what to do.
    pub fn describe(&self) -> String {
        let path = printable(&self.path.display().to_string(), 300);
        format!("{path}: {}; {}", self.why, self.next)
    }
}

/// What lies in `ricezione` and is used for nothing, and why; first what was meant to be of use.
/// `hand_overs` are all there are.
pub fn unused(folders: &Folders, hand_overs: &[HandOver], arrivals: &[Arrival]) -> Vec<Unused> {
    let known = Known::of(folders, hand_overs, arrivals);
    let mut sorted: Vec<(usize, &Arrival)> = arrivals.iter().enumerate().collect();
    sorted.sort_by_key(|(_, arrival)| match &arrival.kind {
        ArrivalKind::Incomplete { .. }
        | ArrivalKind::OnItsWay { .. }
        | ArrivalKind::TooLarge
        | ArrivalKind::Unreadable { .. } => 0,
        ArrivalKind::CertifIn { .. }
        | ArrivalKind::Text { .. }
        | ArrivalKind::Sealed
        | ArrivalKind::Opaque { .. } => 1,
        ArrivalKind::Loading
        | ArrivalKind::Link
        | ArrivalKind::TooDeep
        | ArrivalKind::TooMany { .. } => 2,
    });
    let found = sorted.into_iter().filter_map(|(at, arrival)| {
        let (why, next) = reason(&known, at, arrival)?;
        Some(Unused {
            path: arrival.path.clone(),
            name: arrival.name.clone(),
            length: arrival.length,
            sha256: arrival.sha256.clone(),
            modified: arrival.modified,
            quiet_at: arrival.quiet_at,
            why,
            next,
        })
    });
    found.collect()
}

/// What is looked up for each file.
struct Known<'h, 'a> {
    folders: &'h Folders,
    answers: Answers<'h, 'a>,
    /// Of each file the hand-overs that it answers by itself.
    answered: Vec<Vec<&'h HandOver>>,
    /// The first hand-over of a file, by its SHA-256.
    sent: HashMap<&'h str, &'h HandOver>,
    /// How a person can say whose receipt a file is.
    by_name: String,
}

impl<'h, 'a> Known<'h, 'a> {
    fn of(folders: &'h Folders, all: &'h [HandOver], arrivals: &'a [Arrival]) -> Known<'h, 'a> {
        let answers = Answers::new(all, arrivals);
        let by_name = by_name(all, &answers);
        let mut sent = HashMap::new();
        for one in all {
            if let Some(file) = one.file() {
                sent.entry(file.sha256.as_str()).or_insert(one);
            }
        }
        Known { folders, answered: answers.answered_by(), answers, sent, by_name }
    }
}

fn reason(known: &Known<'_, '_>, at: usize, arrival: &Arrival) -> Option<(String, String)> {
    let next = match &arrival.kind {
        ArrivalKind::CertifIn { .. }
        | ArrivalKind::Text { .. }
        | ArrivalKind::Sealed
        | ArrivalKind::Opaque { .. } => return of_whole(known, at, arrival),
        ArrivalKind::OnItsWay { .. } => "it counts as whole once nothing has changed for a moment",
        ArrivalKind::Loading => "wait for the browser, or save it once more",
        ArrivalKind::Incomplete { .. } => "save it from \"Ricerca ricevute\" once more",
        ArrivalKind::Link => "copy the file itself into ricezione",
        ArrivalKind::TooDeep => "move what is in it into ricezione",
        ArrivalKind::TooMany { .. } => "move out what is not needed there",
        ArrivalKind::TooLarge => "if it is a receipt all the same, save it once more",
        ArrivalKind::Unreadable { .. } => "make it readable",
    };
    Some((what(arrival), next.to_owned()))
}

fn of_whole(known: &Known<'_, '_>, at: usize, arrival: &Arrival) -> Option<(String, String)> {
    if let Some(one) = known.sent.get(arrival.sha256.as_str()) {
        let why = format!("the file of run {} itself, not its receipt", one.run);
        return Some((why, "save the receipt from \"Ricerca ricevute\"".to_owned()));
    }
    let answered = &known.answered[at];
    if !answered.is_empty() {
        return answered.iter().find_map(|one| other_than_noted(known, one, arrival));
    }
    let (why, next) = match &arrival.kind {
        ArrivalKind::CertifIn { .. } => (
            "its keys are of no request here",
            "if it is of another workspace, save it there".to_owned(),
        ),
        ArrivalKind::Text { .. } => (
            "no file that waits here has its SHA-256",
            "if it is of another workspace, save it there".to_owned(),
        ),
        _ => ("nothing in it says of which run it is", known.by_name.clone()),
    };
    Some((format!("{}, and {why}", what(arrival)), next))
}

/// How a person can say whose receipt it is; the run is named where only one can be meant.
fn by_name(all: &[HandOver], answers: &Answers<'_, '_>) -> String {
    let open = |one: &&HandOver| one.file().is_some() && answers.to(one).is_none();
    let runs: BTreeSet<&str> = all.iter().filter(open).map(|one| one.run.as_str()).collect();
    match (runs.first(), runs.len()) {
        (None, _) => "no run waits for a receipt".to_owned(),
        (Some(run), 1) => {
            format!("if it is the receipt of run {run}: ceralacca confirm {run} --receipt FILE")
        }
        _ => "if it is the receipt of a run: ceralacca confirm RUN --receipt FILE".to_owned(),
    }
}

/// By its name alone it is the receipt of a run whose receipt was noted with other bytes.
fn other_than_noted(
    known: &Known<'_, '_>,
    one: &HandOver,
    arrival: &Arrival,
) -> Option<(String, String)> {
    if !matches!(arrival.kind, ArrivalKind::Sealed | ArrivalKind::Opaque { .. })
        || known.answers.to(one)?.path != arrival.path
    {
        return None;
    }
    let content = arrival.content.as_ref().map_or(&arrival.sha256, |content| &content.sha256);
    let noted = noted(known.folders, one)?;
    if noted.is_empty() || noted.iter().any(|sha256| sha256 == content) {
        return None;
    }
    let run = &one.run;
    let why = format!(
        "{}, and not the file that run {run} took for its receipt (SHA-256 {}…): it has changed since, or \
         is another",
        what(arrival),
        printable(&noted[0], 16).trim_end_matches('…'),
    );
    Some((why, format!("if this one is right: ceralacca confirm {run} --receipt FILE")))
}

/// SHA-256 of the files that were noted with the receipt of a hand-over.
fn noted(folders: &Folders, one: &HandOver) -> Option<Vec<String>> {
    let ricezione = document_archive::existing(&folders.documents, RICEZIONE)?;
    one.numbers().find_map(|number| {
        let row = read_at_most(&ricezione.join(number.as_str()).join(RICEVUTA), LARGEST).ok()?;
        let record: ReceiptRecord = serde_json::from_slice(&row).ok()?;
        let sha256 = one.file().map(|file| file.sha256.as_str());
        (Some(record.sha256.as_str()) == sha256)
            .then(|| record.attachments.into_iter().map(|file| file.sha256).collect())
    })
}

fn what(arrival: &Arrival) -> String {
    let described = arrival.describe();
    let name = printable(&arrival.name, 100);
    let what = described.strip_prefix(&name).unwrap_or(&described).trim_start();
    what.strip_prefix(": ").unwrap_or(what).to_owned()
}

#[cfg(test)]
#[path = "unused_tests.rs"]
mod tests;
