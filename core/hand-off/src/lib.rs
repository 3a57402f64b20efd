//! The channel by way of a person, who uploads at the portal and saves what it gives.
//!
//! The portal has no interface for programs and turns them away, so that this channel is the one
//! that works with the real Agency. What is to be done is handed over: a record, the file, a sheet
//! of instructions. Then the run waits, for days if need be, until a person says what became of it
//! ([`confirm`]) or its answer lies in `ricezione` ([`arrivals`]). No network, no clock.

mod answer;
mod answers;
mod arrivals;
mod authorities;
mod confirm;
mod error;
mod evidence;
#[cfg(test)]
mod fixtures;
mod instructions;
mod noted;
mod recognise;
mod ricezione;
mod said;
mod sheet;
mod unused;

use std::path::PathBuf;

use ceralacca_kernel::{Error, Folders};
use ceralacca_submission::hand_over::{Records, rome_date};
use ceralacca_submission::outbox::{read_at_most, sha256_hex};
use ceralacca_submission::{
    Access, Acknowledgement, Agency, Delivery, Failure, Outgoing, Protocollo, ReceiptFilter,
    ReceiptRecord, Revocation, RevocationRequested, Search, Stato, signed_by_agency,
};
use jiff::Timestamp;

pub use answer::answer_to;
pub use answers::{Answers, settling};
pub use arrivals::{Arrival, ArrivalKind, Unwrapped};
pub use ceralacca_submission::hand_over::{
    Correction, FOLDER, GivenReceipt, HandOver, HandedFile, HandedRevocation, Kind, State, list,
};
pub use confirm::{Confirmation, altered_copy, confirm};
pub use error::HandOffError;
pub use ricezione::{QUIET, Ricezione, arrivals, is_of_interest, places};
pub use unused::{Unused, unused};

/// Whether it is certain that what this call handed over was not done: a person said so, and nothing
/// that has arrived says otherwise.
pub fn was_not_sent(folders: &Folders, key: &str, now: Timestamp) -> bool {
    let all = list(folders).unwrap_or_default();
    let not_sent = all.iter().find(|one| one.key == key && one.is_not_sent());
    not_sent.is_some_and(|one| answer_to(one, &all, &arrivals(folders, now)).is_none())
}

/// Takes the files of a run that was given up out of `da inviare`, so that nobody uploads them; the
/// outbox keeps what they hold. One that cannot be removed is only in the way.
pub fn put_away(folders: &Folders, run: &str) {
    let all = list(folders).unwrap_or_default();
    for one in all.iter().filter(|one| one.run == run && one.is_not_sent()) {
        let _ = sheet::put_away(folders, one);
    }
}

/// When something was last noted of a hand-over, by the clock of the disk.
pub fn noted_at(folders: &Folders, one: &HandOver) -> Option<jiff::Timestamp> {
    Records::new(folders).written_at(&one.key)
}

/// An [`Agency`] that is reached by a person.
#[derive(Clone, Debug)]
pub struct HandOff {
    folders: Folders,
    ricezione: Ricezione,
    ca: Vec<PathBuf>,
    crls: Vec<PathBuf>,
}

impl HandOff {
    /// The channel of a workspace; `ca` are files with the CA's certificates, DER or PEM.
    pub fn new(ricezione: Ricezione, ca: Vec<PathBuf>) -> HandOff {
        let folders = ricezione.folders().clone();
        HandOff { folders, ricezione, ca, crls: Vec::new() }
    }

    /// With files that hold the CA's list of revoked certificates, DER or PEM.
    #[must_use]
    pub fn with_crls(self, crls: Vec<PathBuf>) -> HandOff {
        HandOff { crls, ..self }
    }

    fn records(&self) -> Records {
        Records::new(&self.folders)
    }

    /// Brings record and sheets up to what has arrived; a repeated call mends what a kill left.
    fn bring_up(&self, one: HandOver, arrived: &[Arrival]) -> Result<HandOver, Error> {
        let one = settled(&self.records(), one, arrived)?;
        let answered = answer_to(&one, &self.records().all()?, arrived).is_some();
        let kept = sheet::keep(&self.folders, &one, answered);
        // Without a sheet nobody knows what to do; afterwards it is only in the way.
        if one.is_waiting() {
            kept?;
        }
        Ok(one)
    }

    /// The error of something that waits for a person.
    fn waiting(&self, one: &HandOver) -> Failure {
        let (run, sheet) = (one.run.clone(), sheet::path(&self.folders, one).display().to_string());
        let error = match &one.kind {
            Kind::Submission(file) => HandOffError::ToBeSent {
                run,
                name: file.name.clone(),
                copy: file.copy.display().to_string(),
                sheet,
            },
            Kind::Revocation(busta) => {
                HandOffError::ToBeRevoked { run, numero_busta: busta.numero_busta.clone(), sheet }
            }
        };
        Failure { error: error.into(), delivery: Delivery::Unknown, passing: false }
    }

    /// Hands over, or goes on from where that was interrupted.
    fn hand_over(&self, fresh: HandOver) -> Result<HandOver, Error> {
        let one = self.records().update(&fresh.key.clone(), |before| {
            let again = |one: &HandOver| match &one.state {
                State::NotSent { .. } => true,
                State::Rejected { .. } => one.file().is_none(),
                _ => false,
            };
            Ok(match before {
                Some(one) if !again(&one) => one,
                // What it went by, and what was said of it, stay with it.
                Some(HandOver { corrections, went_by, .. }) => {
                    HandOver { corrections, went_by, ..fresh }
                }
                None => fresh,
            })
        })?;
        self.bring_up(one, &self.ricezione.look())
    }

    fn record_of(&self, one: &HandOver) -> Result<Found, Error> {
        let arrived = self.ricezione.look();
        let one = self.bring_up(one.clone(), &arrived)?;
        let answer = answer_to(&one, &self.records().all()?, &arrived);
        let mut record = answer::receipt_record(&one, answer);
        if let (Some(record), Some(answer)) = (&mut record, answer) {
            self.require_signature(record, answer)?;
        }
        // What a person has said of a receipt counts from when it is looked at.
        if record.is_some() {
            noted::bring_into_line(&self.folders, &one, answer)?;
        }
        Ok(Found { record, path: answer.map(|answer| answer.path.clone()) })
    }

    /// A text inside a signature counts when the signature does, where a CA is there to compare.
    ///
    /// UNVERIFIED: with which key the Agency signs its receipts is not public.
    fn require_signature(&self, record: &mut ReceiptRecord, answer: &Arrival) -> Result<(), Error> {
        if !matches!(answer.kind, ArrivalKind::Text { signed: true, .. }) {
            return Ok(());
        }
        let authorities = authorities::certificates(&self.ca)?;
        if authorities.is_empty() {
            let unverified = "firma non verificata: nessun certificato della CA";
            let said = record.notice.take().map(|notice| format!("{notice}; {unverified}"));
            record.notice = Some(said.unwrap_or_else(|| unverified.to_owned()));
            return Ok(());
        }
        let path = answer.path.display().to_string();
        let not_signed =
            |problem: String| HandOffError::AnswerNotSigned { path: path.clone(), problem };
        let bytes = read_at_most(&answer.path, arrivals::LARGEST_READ)
            .map_err(|error| not_signed(error.to_string()))?;
        signed_by_agency(&bytes, &authorities).map_err(not_signed)?;
        Ok(())
    }

    /// The hand-over that goes by a number, or else one that did.
    fn find(&self, protocollo: &Protocollo) -> Result<Option<HandOver>, Error> {
        let all = list(&self.folders)?;
        let current = all.iter().find(|one| one.numbers().next().as_ref() == Some(protocollo));
        Ok(current.or_else(|| all.iter().find(|one| one.goes_by(protocollo))).cloned())
    }
}

/// What there is of a receipt.
struct Found {
    record: Option<ReceiptRecord>,
    path: Option<PathBuf>,
}

/// The hand-over as it is known once what has arrived was looked at.
fn settled(records: &Records, one: HandOver, arrived: &[Arrival]) -> Result<HandOver, Error> {
    if confirm::by_answer(&one, arrived, &records.all()?).is_none() {
        return Ok(one);
    }
    records.update(&one.key.clone(), |now| {
        let now = now.unwrap_or(one);
        Ok(confirm::by_answer(&now, arrived, &records.all()?).unwrap_or(now))
    })
}

fn not_delivered(error: impl Into<Error>) -> Failure {
    Failure { error: error.into(), delivery: Delivery::NotDelivered, passing: false }
}

impl Agency for HandOff {
    fn wants_keys(&self) -> bool {
        false
    }

    fn submit(&self, access: &Access, outgoing: &Outgoing<'_>) -> Result<Acknowledgement, Failure> {
        let others = list(&self.folders).map_err(not_delivered)?;
        let arrived = self.ricezione.look();
        let answers = Answers::new(&others, &arrived);
        let is_rejected = |one: &HandOver| {
            let row = answer::receipt_record(one, answers.to(one));
            row.is_some_and(|row| row.stato == Stato::Scartato)
        };
        let same = |one: &&HandOver| {
            let content = one.file().is_some_and(|file| file.sha256 == outgoing.sha256);
            content && one.key != outgoing.idempotency_key && !is_rejected(one)
        };
        let mut also_in: Vec<String> =
            others.iter().filter(same).map(|one| one.run.clone()).collect();
        also_in.dedup();
        let file = HandedFile {
            name: outgoing.name.to_owned(),
            tipo_documento: outgoing.tipo_documento.to_owned(),
            sha256: outgoing.sha256.to_owned(),
            length: outgoing.bytes.len() as u64,
            keys: outgoing.keys.to_vec(),
            copy: outgoing.copy.to_owned(),
            subject: access.on_behalf_of.clone(),
            also_in,
        };
        let kind = Kind::Submission(file);
        let fresh = HandOver::new(outgoing.idempotency_key, outgoing.run, kind, outgoing.at);
        let one = self.hand_over(fresh).map_err(not_delivered)?;
        one.acknowledgement().ok_or_else(|| self.waiting(&one))
    }

    fn find_submissions(
        &self,
        _: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        // Of two calls with the same file each was handed over by itself: what became of the other
        // says nothing of this one.
        let Search::Key(key) = search else { return Ok(Vec::new()) };
        let found = self.records().read(key).map_err(not_delivered)?;
        let Some(one) = found.filter(|one| one.file().is_some()) else { return Ok(Vec::new()) };
        let one = self.bring_up(one, &self.ricezione.look()).map_err(not_delivered)?;
        if one.is_waiting() {
            return Err(self.waiting(&one));
        }
        Ok(one.acknowledgement().into_iter().collect())
    }

    fn receipts(&self, _: &Access, filter: &ReceiptFilter) -> Result<Vec<ReceiptRecord>, Failure> {
        let arrived = self.ricezione.look();
        let mut records = Vec::new();
        let all = list(&self.folders).map_err(not_delivered)?;
        let answers = Answers::new(&all, &arrived);
        for one in &all {
            let Some(record) = answer::receipt_record(one, answers.to(one)) else { continue };
            let day = rome_date(record.sent_at);
            let wanted = filter.protocollo.as_ref().is_none_or(|number| one.goes_by(number))
                && filter.tipo_documento.as_ref().is_none_or(|tipo| *tipo == record.tipo_documento)
                && filter.dal.is_none_or(|dal| day >= dal)
                && filter.al.is_none_or(|al| day <= al);
            if wanted {
                records.push(record);
            }
        }
        Ok(records)
    }

    fn receipt(
        &self,
        _: &Access,
        protocollo: &Protocollo,
    ) -> Result<Option<ReceiptRecord>, Failure> {
        let Some(one) = self.find(protocollo).map_err(not_delivered)? else { return Ok(None) };
        Ok(self.record_of(&one).map_err(not_delivered)?.record)
    }

    fn attachment(
        &self,
        _: &Access,
        protocollo: &Protocollo,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        let gone = || {
            not_delivered(HandOffError::AnswerGone {
                protocollo: protocollo.clone(),
                name: ceralacca_submission::printable(name, 100),
                folder: self.folders.documents.join("ricezione").display().to_string(),
            })
        };
        let one = self.find(protocollo).map_err(not_delivered)?.ok_or_else(gone)?;
        let found = self.record_of(&one).map_err(not_delivered)?;
        let (Some(record), Some(path)) = (found.record, found.path) else { return Err(gone()) };
        // The name may have the number in it by which it was known then.
        let former = one.numbers().any(|number| name == format!("{number}.rcc"));
        let sealed = |listed: &str| listed.to_lowercase().ends_with(".rcc");
        let asked = |listed: &str| listed == name || former && sealed(listed);
        let listed = record.attachments.into_iter().find(|listed| asked(&listed.name));
        let listed = listed.ok_or_else(gone)?;
        let bytes = read_at_most(&path, arrivals::LARGEST_READ).map_err(|_| gone())?;
        let content = recognise::unwrapped(&bytes);
        let fits = |bytes: &[u8]| sha256_hex(bytes) == listed.sha256;
        match fits(&content) {
            true => Ok(content.into_owned()),
            false if fits(&bytes) => Ok(bytes),
            false => Err(gone()),
        }
    }

    fn revoke(&self, access: &Access, asked: &Revocation) -> Result<RevocationRequested, Failure> {
        let kind = Kind::Revocation(HandedRevocation {
            account: asked.account.clone(),
            numero_busta: asked.numero_busta.clone(),
            tipo_busta: asked.tipo_busta.clone(),
            subject: access.on_behalf_of.clone(),
        });
        let fresh = HandOver::new(&asked.idempotency_key, &asked.run, kind, asked.at);
        let one = self.hand_over(fresh).map_err(not_delivered)?;
        requested(&one).ok_or_else(|| self.waiting(&one))
    }

    fn find_revocation(
        &self,
        _: &Access,
        idempotency_key: &str,
    ) -> Result<Option<RevocationRequested>, Failure> {
        let found = self.records().read(idempotency_key).map_err(not_delivered)?;
        let Some(one) = found.filter(|one| one.file().is_none()) else { return Ok(None) };
        let one = self.bring_up(one, &[]).map_err(not_delivered)?;
        match requested(&one) {
            None if one.is_waiting() => Err(self.waiting(&one)),
            requested => Ok(requested),
        }
    }

    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let certificates = authorities::certificates(&self.ca).map_err(not_delivered)?;
        if certificates.is_empty() {
            let what = "the certificate of the Agency's CA".to_owned();
            return Err(not_delivered(HandOffError::NoCaFile { what, setting: "ca".to_owned() }));
        }
        Ok(certificates.iter().map(|one| one.as_der().to_vec()).collect())
    }

    fn crl(&self) -> Result<Vec<u8>, Failure> {
        let crl = authorities::crl(&self.crls).map_err(not_delivered)?;
        crl.ok_or_else(|| {
            let what = "the CA's list of revoked certificates".to_owned();
            not_delivered(HandOffError::NoCaFile { what, setting: "crl".to_owned() })
        })
    }
}

fn requested(one: &HandOver) -> Option<RevocationRequested> {
    let (requested_at, effective_at) = match &one.state {
        State::Confirmed { at, .. } => (*at, None),
        State::InForce { requested_at, since } => (*requested_at, Some(*since)),
        _ => return None,
    };
    Some(RevocationRequested { requested_at, effective_at })
}

#[cfg(test)]
mod tests;
