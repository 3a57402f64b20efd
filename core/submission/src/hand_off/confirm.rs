//! What a person says of a hand-over: done, not done, refused; checked before it is kept.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, Folders, atomic_file, document_archive};
use jiff::Timestamp;
use jiff::civil::Date;

use super::answer::{answer_to, certifies, plain_name, protocollo_in, receipt_name};
use super::arrivals::{Arrival, ArrivalKind, LARGEST_READ, arrivals, look_at};
use super::error::HandOffError;
use super::record::{GivenReceipt, HandOver, HandedFile, Records, State, moment, rome_date};
use super::{settled, sheet};
use crate::outbox::{holds, read_at_most};
use crate::{Protocollo, ReadByPerson, Rejection, printable, read_by_person};

/// What a person says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The number, if it was written down.
    pub protocollo: Option<Protocollo>,
    /// The day it was done; otherwise today. With `in_force`, the day since which it is.
    pub sent_on: Option<Date>,
    /// The file that is its receipt, where the file does not say so itself.
    pub receipt: Option<PathBuf>,
    /// It was done and the Agency refused it, for this reason.
    pub rejected: Option<String>,
    /// It was done, and the receipt says so: for one whose form is not known here.
    pub accepted: bool,
    /// A revocation is in force: the portal shows it.
    pub in_force: bool,
    /// It was not done.
    pub not_sent: bool,
    /// Now.
    pub at: Timestamp,
}

/// Keeps what a person says of what `run` handed over. Saying the same again changes nothing.
///
/// A revocation is confirmed twice: that it was asked for, and, with `in_force`, that it is.
///
/// # Errors
/// `hand_off.nothing_waits`, `hand_off.already_confirmed`, `hand_off.sent_on`,
/// `hand_off.protocollo_taken`, `hand_off.receipt_unusable`, `hand_off.receipt_of_another`,
/// `hand_off.record_unreadable`, `hand_off.not_stored`.
pub fn confirm(folders: &Folders, run: &str, said: &Confirmation) -> Result<HandOver, Error> {
    let records = Records::new(folders);
    let all = records.all()?;
    let arrived = arrivals(folders);
    let one = settled(&records, meant(&all, run)?, &arrived)?;
    let given = said.receipt.as_deref().map(|path| checked_receipt(path, &one)).transpose()?;
    let numbered = said.protocollo.clone().or_else(|| given.as_ref().and_then(protocollo_in));
    if let Some(number) = &numbered {
        require_free(number, &one, &all)?;
    }
    let receipt = match (&given, one.file()) {
        (Some(given), Some(file)) => Some(keep_receipt(folders, &one, file, given)?),
        _ => None,
    };
    let one = records.update(&one.key.clone(), move |now| {
        let mut one = now.unwrap_or(one);
        one.state = after(&one, said, numbered)?;
        one.receipt = receipt.or(one.receipt);
        Ok(one)
    })?;
    tell_of_outcome(folders, &one, said.accepted)?;
    // The file that was given lies in `ricezione` by now.
    let answered = one.is_answered(&arrived) || one.receipt.is_some();
    sheet::keep(folders, &one, answered)?;
    Ok(one)
}

/// A receipt of unknown format that the run has put aside already means what this word says.
fn tell_of_outcome(folders: &Folders, one: &HandOver, accepted: bool) -> Result<(), Error> {
    let motivo_di_scarto = match &one.state {
        State::Rejected { motivo, .. } => Some(motivo.clone()),
        State::Confirmed { .. } if accepted => None,
        _ => return Ok(()),
    };
    for number in one.numbers() {
        let motivo_di_scarto = motivo_di_scarto.clone();
        let said = ReadByPerson { motivo_di_scarto, numero: one.protocollo().cloned() };
        read_by_person(folders, &number, said)?;
    }
    Ok(())
}

/// The hand-over of a run that is spoken of: the one that waits, or else its last.
fn meant(all: &[HandOver], run: &str) -> Result<HandOver, HandOffError> {
    let of_run = || all.iter().filter(|one| one.run == run.trim());
    let found = of_run().find(|one| one.is_waiting()).or_else(|| of_run().next_back());
    found.cloned().ok_or_else(|| {
        let mut waiting: Vec<String> =
            all.iter().filter(|one| one.is_waiting()).map(|one| one.run.clone()).collect();
        waiting.dedup();
        HandOffError::NothingWaits { run: printable(run.trim(), 40), waiting }
    })
}

/// What is known afterwards.
fn after(
    one: &HandOver,
    said: &Confirmation,
    protocollo: Option<Protocollo>,
) -> Result<State, HandOffError> {
    if said.not_sent {
        return match &one.state {
            State::Waiting => Ok(State::NotSent { at: said.at }),
            State::NotSent { .. } => Ok(one.state.clone()),
            _ => Err(otherwise(one, "that it was not sent".to_owned())),
        };
    }
    // What was not said is as it is known, or else today. A revocation has two days.
    let (known_day, known_number) = match &one.state {
        State::Confirmed { sent_on, protocollo, .. }
        | State::Rejected { sent_on, protocollo, .. }
            if one.file().is_some() =>
        {
            (Some(*sent_on), protocollo.clone())
        }
        _ => (None, None),
    };
    let day = said.sent_on.or(known_day).unwrap_or_else(|| rome_date(said.at));
    require_day(day, one, said.at)?;
    if known_day.is_some_and(|known| known != day) {
        return Err(otherwise(one, format!("that it was sent on {day}")));
    }
    if let (Some(known), Some(number)) = (&known_number, &protocollo)
        && known != number
    {
        return Err(otherwise(one, format!("protocollo {number}")));
    }
    let motivo = said.rejected.as_ref().map(|text| Rejection {
        code: String::new(),
        text: printable(text.trim(), LONGEST_REASON),
    });
    if said.in_force {
        return in_force(one, said.at, day);
    }
    done(one, said.at, day, known_number.or(protocollo), motivo)
}

/// It was done on that day, and refused where there is a `motivo`.
fn done(
    one: &HandOver,
    at: Timestamp,
    sent_on: Date,
    protocollo: Option<Protocollo>,
    motivo: Option<Rejection>,
) -> Result<State, HandOffError> {
    let is_revocation = one.file().is_none();
    match (&one.state, motivo) {
        (State::InForce { .. }, Some(_)) => Err(otherwise(one, "that it was rejected".to_owned())),
        (State::InForce { .. }, None) => Ok(one.state.clone()),
        (State::Rejected { at, motivo: known, .. }, Some(motivo)) if *known == motivo => {
            Ok(State::Rejected { at: *at, sent_on, protocollo, motivo })
        }
        (State::Rejected { .. }, Some(motivo)) if !is_revocation => {
            Err(otherwise(one, format!("that it was rejected: {}", motivo.text)))
        }
        (State::Rejected { .. }, None) if !is_revocation => {
            Err(otherwise(one, "that it was sent".to_owned()))
        }
        (_, Some(motivo)) => Ok(State::Rejected { at, sent_on, protocollo, motivo }),
        // Said again, perhaps after a power cut: nothing new.
        (State::Confirmed { .. }, None) if is_revocation => Ok(one.state.clone()),
        (State::Confirmed { at, .. }, None) => {
            Ok(State::Confirmed { at: *at, sent_on, protocollo })
        }
        (_, None) => Ok(State::Confirmed { at, sent_on, protocollo }),
    }
}

/// A revocation is in force; whether it was confirmed before or not, it was asked for.
fn in_force(one: &HandOver, at: Timestamp, since: Date) -> Result<State, HandOffError> {
    let since = moment(since, at);
    match &one.state {
        _ if one.file().is_some() => Err(otherwise(one, "that it is in force".to_owned())),
        State::InForce { .. } => Ok(one.state.clone()),
        State::Confirmed { at: requested_at, .. } => {
            Ok(State::InForce { requested_at: *requested_at, since })
        }
        _ => Ok(State::InForce { requested_at: at, since }),
    }
}

fn otherwise(one: &HandOver, said: String) -> HandOffError {
    HandOffError::AlreadyConfirmed { run: one.run.clone(), known: one.describe(), said }
}

fn require_day(day: Date, one: &HandOver, at: Timestamp) -> Result<(), HandOffError> {
    let (earliest, latest) = (rome_date(one.handed_over_at), rome_date(at));
    if day < earliest || day > latest.max(earliest) {
        return Err(HandOffError::SentOn { found: day, earliest, latest });
    }
    Ok(())
}

/// One number, one file; the same file may have been handed over by two runs.
fn require_free(number: &Protocollo, one: &HandOver, all: &[HandOver]) -> Result<(), HandOffError> {
    let sha256 = |one: &HandOver| one.file().map(|file| file.sha256.clone());
    let other = all.iter().find(|other| {
        other.key != one.key && other.protocollo() == Some(number) && sha256(other) != sha256(one)
    });
    match other {
        None => Ok(()),
        Some(other) => Err(HandOffError::ProtocolloTaken {
            protocollo: number.clone(),
            run: other.run.clone(),
            name: other.file().map(|file| file.name.clone()).unwrap_or_default(),
        }),
    }
}

/// Looks at the file that was called the receipt; what says itself that it is not is refused.
fn checked_receipt(path: &Path, one: &HandOver) -> Result<Arrival, HandOffError> {
    let shown = || path.display().to_string();
    let unusable = |problem: String| HandOffError::ReceiptUnusable { path: shown(), problem };
    let Some(file) = one.file() else {
        return Err(unusable("a revocation has no receipt".to_owned()));
    };
    // A device or a pipe would never end.
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(unusable("it is not a file".to_owned())),
        Ok(_) => {}
        Err(error) => return Err(unusable(error.to_string())),
    }
    let arrival = look_at(path);
    let of_another = |expected: String| HandOffError::ReceiptOfAnother {
        path: shown(),
        expected,
        found: arrival.describe(),
    };
    if arrival.sha256 == file.sha256 {
        return Err(of_another("the receipt, not the file that was sent itself".to_owned()));
    }
    match &arrival.kind {
        ArrivalKind::Incomplete { why } => Err(unusable(format!("it is not whole: {why}"))),
        ArrivalKind::TooLarge => Err(unusable(format!("{} bytes", arrival.length))),
        ArrivalKind::Unreadable { system } => Err(unusable(system.clone())),
        ArrivalKind::CertifIn { keys } if !file.keys.is_empty() && !certifies(keys, file) => {
            Err(of_another(format!("certificates of the keys {}", file.keys.join(", "))))
        }
        ArrivalKind::Text { text, .. } if !text.sha256.eq_ignore_ascii_case(&file.sha256) => {
            Err(of_another(format!("the receipt of SHA-256 {}", file.sha256)))
        }
        _ => Ok(arrival),
    }
}

/// Copies the receipt into `ricezione`, unless it lies there already.
fn keep_receipt(
    folders: &Folders,
    one: &HandOver,
    file: &HandedFile,
    given: &Arrival,
) -> Result<GivenReceipt, Error> {
    let sha256 = given.sha256.clone();
    let arrived = arrivals(folders);
    if let Some(there) = arrived.iter().find(|arrival| arrival.sha256 == sha256) {
        return Ok(GivenReceipt { path: there.path.clone(), sha256 });
    }
    let name = receipt_name(&one.label(), &file.name);
    let ending = given.path.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
    let mut name = plain_name(&format!("{name}{}", ending.unwrap_or_default()));
    let meant = folders.documents.join("ricezione").join(&name);
    let not_stored = |error| HandOffError::not_stored(&meant, &error);
    let ricezione =
        document_archive::folder(&folders.documents, "ricezione").map_err(not_stored)?;
    if ricezione.join(&name).exists() {
        name = plain_name(&format!("{}-{name}", &sha256[..8]));
    }
    let path = ricezione.join(name);
    if !holds(&path, &sha256) {
        let bytes = read_at_most(&given.path, LARGEST_READ).map_err(|error| {
            let problem = error.to_string();
            HandOffError::ReceiptUnusable { path: given.path.display().to_string(), problem }
        })?;
        atomic_file::write_alone(&path, &bytes).map_err(not_stored)?;
    }
    Ok(GivenReceipt { path, sha256 })
}

/// What an answer adds to what is known: that it was sent at all, and its number.
pub(super) fn by_answer(one: &HandOver, arrived: &[Arrival], all: &[HandOver]) -> Option<State> {
    let protocollo = protocollo_in(answer_to(one, arrived)?);
    let protocollo = protocollo.filter(|number| require_free(number, one, all).is_ok());
    match &one.state {
        State::Waiting | State::NotSent { .. } => {
            let at = one.handed_over_at;
            // The day is not known. This one does not change with when somebody looks.
            Some(State::Confirmed { at, sent_on: rome_date(at), protocollo })
        }
        State::Confirmed { at, sent_on, protocollo: None } if protocollo.is_some() => {
            Some(State::Confirmed { at: *at, sent_on: *sent_on, protocollo })
        }
        _ => None,
    }
}

const LONGEST_REASON: usize = 1000;

#[cfg(test)]
#[path = "confirm_tests.rs"]
mod tests;
