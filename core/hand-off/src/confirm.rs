//! What a person says of a hand-over: done, not done, refused; checked before it is kept.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, Folders, atomic_file, document_archive};
use ceralacca_submission::hand_over::{
    GivenReceipt, HandOver, HandedFile, Records, State, rome_date,
};
use ceralacca_submission::outbox::{holds, read_at_most, sha256_hex};
use ceralacca_submission::{Protocollo, printable};
use jiff::Timestamp;
use jiff::civil::Date;

use super::answer::{answer_to, certifies, plain_name, protocollo_in, receipt_name};
use super::arrivals::{Arrival, ArrivalKind, LARGEST_READ, look_at};
use super::error::HandOffError;
use super::evidence::{answers, require_none_against};
use super::noted::bring_into_line;
use super::ricezione::arrivals;
use super::said::after;
use super::{settled, sheet};

/// What a person says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// It takes the place of what was said before.
    pub correct: bool,
    /// Now.
    pub at: Timestamp,
}

/// Keeps what a person says of what `run` handed over. Saying the same again changes nothing; saying
/// otherwise is refused, unless it is called a correction and nothing speaks against it.
///
/// A revocation is confirmed twice: that it was asked for, and, with `in_force`, that it is.
///
/// # Errors
/// `hand_off.nothing_waits`, `hand_off.already_confirmed`, `hand_off.against_evidence`,
/// `hand_off.not_a_revocation`, `hand_off.sent_on`, `hand_off.protocollo_taken`,
/// `hand_off.receipt_unusable`, `hand_off.receipt_of_another`, `hand_off.record_unreadable`,
/// `hand_off.not_stored`.
pub fn confirm(folders: &Folders, run: &str, said: &Confirmation) -> Result<HandOver, Error> {
    let records = Records::new(folders);
    let all = records.all()?;
    let arrived = arrivals(folders, said.at);
    let one = settled(&records, meant(&all, run)?, &arrived)?;
    let given = said.receipt.as_deref().map(|path| checked_receipt(path, &one)).transpose()?;
    let one = records.update(&one.key.clone(), |now| {
        let one = now.unwrap_or(one);
        let all = records.all()?;
        let mut after = after(&one, &all, said, number_said(said, given.as_ref(), &one))?;
        if said.protocollo.is_some() || after.protocollo() != one.protocollo() {
            let number = after.protocollo().cloned();
            number.iter().try_for_each(|number| require_free(number, &after, &all))?;
        }
        let answers = answers(&one, &all, &arrived, given.as_ref());
        if after != one || said.accepted {
            require_none_against(folders, &one, &after, &answers, said)?;
        }
        // All is checked: from here on it is written.
        if let (Some(given), Some(file)) = (&given, one.file()) {
            let receipt = keep_receipt(folders, &one, file, given, &arrived)?;
            if one.receipt.as_ref().is_some_and(|former| former.sha256 != receipt.sha256)
                && after.corrections.len() == one.corrections.len()
            {
                after.keep_former(&one, said.at);
            }
            after.receipt = Some(receipt);
        }
        Ok(after)
    })?;
    // With the file that was given.
    let (all, arrived) = (records.all()?, with_given(arrived, given, &one));
    let answer = answer_to(&one, &all, &arrived);
    bring_into_line(folders, &one, answer)?;
    sheet::keep(folders, &one, answer.is_some())?;
    Ok(one)
}

/// The number that was said, or else the one that the receipt has; what only its file name says counts
/// where nothing else is known.
fn number_said(said: &Confirmation, given: Option<&Arrival>, one: &HandOver) -> Option<Protocollo> {
    let of_receipt = || {
        let given = given?;
        let says_it = matches!(given.kind, ArrivalKind::Text { .. });
        protocollo_in(given).filter(|_| says_it || one.protocollo().is_none())
    };
    said.protocollo.clone().or_else(of_receipt)
}

/// What has arrived, with the copy of the file that was given.
fn with_given(arrived: Vec<Arrival>, given: Option<Arrival>, one: &HandOver) -> Vec<Arrival> {
    let Some((given, kept)) = given.zip(one.receipt.as_ref()) else { return arrived };
    if arrived.iter().any(|arrival| arrival.sha256 == given.sha256) {
        return arrived;
    }
    let name = kept.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let copy = Arrival { path: kept.path.clone(), name, ..given };
    arrived.into_iter().chain([copy]).collect()
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
    arrived: &[Arrival],
) -> Result<GivenReceipt, Error> {
    let sha256 = given.sha256.clone();
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
        let path_given = given.path.display().to_string();
        let unusable =
            |problem: String| HandOffError::ReceiptUnusable { path: path_given.clone(), problem };
        let bytes =
            read_at_most(&given.path, LARGEST_READ).map_err(|error| unusable(error.to_string()))?;
        if sha256_hex(&bytes) != sha256 {
            return Err(unusable("it is still being written".to_owned()).into());
        }
        atomic_file::write_alone(&path, &bytes).map_err(not_stored)?;
    }
    Ok(GivenReceipt { path, sha256 })
}

/// What an answer adds to what is known: that it was sent at all, its number, its day.
pub(super) fn by_answer(one: &HandOver, arrived: &[Arrival], all: &[HandOver]) -> Option<HandOver> {
    let answer = answer_to(one, all, arrived)?;
    let held = |number: &Protocollo| {
        all.iter().any(|other| other.key != one.key && other.protocollo() == Some(number))
    };
    let protocollo = protocollo_in(answer).filter(|number| !held(number));
    match &one.state {
        State::Waiting | State::NotSent { .. } => {
            let at = one.handed_over_at;
            let earliest = rome_date(at);
            let received = match &answer.kind {
                ArrivalKind::Text { text, .. } => Some(rome_date(text.received_at)),
                _ => None,
            };
            let received = received.filter(|day| *day >= earliest);
            // Otherwise the day is not known. This one does not change with when somebody looks.
            let sent_on = received.unwrap_or(earliest);
            let state = State::Confirmed { at, sent_on, protocollo };
            let day_guessed = received.is_none();
            Some(HandOver { day_guessed, ..one.clone() }.entered(state, all))
        }
        State::Confirmed { at, sent_on, protocollo: None } if protocollo.is_some() => {
            let state = State::Confirmed { at: *at, sent_on: *sent_on, protocollo };
            Some(one.clone().entered(state, all))
        }
        _ => None,
    }
}

/// What a person may not have seen: the copy to upload is not the file that was handed over.
pub fn altered_copy(one: &HandOver) -> Option<String> {
    let file = one.file()?;
    if !file.copy.is_file() || holds(&file.copy, &file.sha256) {
        return None;
    }
    let found = look_at(&file.copy).sha256;
    Some(format!(
        "{} was changed since it was handed over: SHA-256 {found}; what is confirmed is the file with \
         SHA-256 {}. If the changed one was uploaded: ceralacca confirm {} --correct --not-sent",
        file.copy.display(),
        file.sha256,
        one.run
    ))
}

#[cfg(test)]
#[path = "confirm_tests.rs"]
mod tests;
