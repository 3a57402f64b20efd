//! What stands between an environment and its revocation: receipts that its cipher key opens, and
//! that are not open here yet.

use std::path::Path;

use ceralacca_environment::EnvironmentFolder;
use ceralacca_kernel::{Call, Error, Exit, Folders};
use ceralacca_keystore::{Certificate, enveloped_data};

use crate::esito::{Esito, is_unread, kept_rcc, sealed};
use crate::not_openable;
use crate::receipt::{Stop, fetch};
use crate::{
    Access, FetchChannel, PortalId, Protocollo, ReceiptFilter, ReceiptId, ReceiptRecord,
    RevocaOptions, Stato, SubmissionError,
};

/// Refuses while receipts that the environment opens are not open here; with a lost key it only says
/// which they are. What another key opens, or none, stands in nobody's way.
pub(crate) fn guard(
    call: &Call<'_>,
    portal: &PortalId,
    access: &Access,
    options: &RevocaOptions,
) -> Result<(), Error> {
    let key_is_lost = options.chiave_persa;
    let channel = call.service::<FetchChannel>()?;
    let folders = call.service::<Folders>()?;
    let records = match channel.receipts(access, &ReceiptFilter::default()) {
        Ok(records) => records,
        Err(failure) if key_is_lost && failure.error.exit() != Exit::Waiting => {
            let why = &failure.error.report().headline;
            call.progress(&format!("which receipts can never be opened could not be asked: {why}"));
            return Ok(());
        }
        Err(failure) => return Err(failure.error),
    };
    let pending = records.iter().filter(|one| one.stato == Stato::InElaborazione).count();
    if pending > 0 {
        call.progress(&format!(
            "{pending} documents are still being processed; keep the environment to read their \
             receipts"
        ));
    }
    let revoked = Revoked::of(call, options);
    let mut unread = Vec::new();
    for record in records.into_iter().filter(|record| is_unread(&folders, record)) {
        if key_is_lost && !known_closed(&folders, &record)
            || !key_is_lost && revoked.may_open(call, &folders, portal, &record)?
        {
            unread.push(record.protocollo);
        }
    }
    match (unread.is_empty(), key_is_lost) {
        (true, _) => Ok(()),
        (false, true) => {
            let list = listed(&unread);
            let count = unread.len();
            call.progress(&format!(
                "the key is lost: {count} receipts can never be opened from here on: {list}"
            ));
            Ok(())
        }
        (false, false) => Err(SubmissionError::UnreadReceipts { protocolli: unread }.into()),
    }
}

/// The environment that would be revoked, as far as it is known without its password.
struct Revoked {
    /// Signature and cipher; nothing where they cannot both be read.
    certificates: Vec<Certificate>,
    /// As [`not_openable::tried`] tells what is here; nothing where the folder is not named.
    tried: Option<String>,
}

impl Revoked {
    fn of(call: &Call<'_>, options: &RevocaOptions) -> Revoked {
        let looked_at = options.environment.as_ref().map(|found| found.folder.as_path());
        let Some(folder) = options.folder.as_deref().map(Path::new).or(looked_at) else {
            return Revoked { certificates: Vec::new(), tried: None };
        };
        let stored = EnvironmentFolder::at(folder).certificates().unwrap_or_default();
        let mut keys: Vec<String> = stored.iter().map(|one| one.public().fingerprint()).collect();
        keys.sort();
        keys.dedup();
        // Other programs put only the signature key into UTENTE.KS: it says nothing of the other.
        let certificates = if keys.len() >= 2 { stored } else { Vec::new() };
        Revoked { certificates, tried: Some(not_openable::tried(call, folder)) }
    }

    /// Whether its key may open this receipt; where nobody can say, it may.
    fn may_open(
        &self,
        call: &Call<'_>,
        folders: &Folders,
        portal: &PortalId,
        record: &ReceiptRecord,
    ) -> Result<bool, Error> {
        let Some(file) = sealed(record) else { return Ok(false) };
        let esito = Esito::read(folders, &record.protocollo);
        if let Some(closed) = esito.as_ref().and_then(|esito| esito.closed(file))
            && self.tried.as_ref().is_none_or(|tried| *tried == closed.tried)
        {
            return Ok(false);
        }
        let receipt = || ReceiptId { portal: portal.clone(), record: record.clone(), numero: None };
        let rcc = match kept_rcc(folders, record, file) {
            Some((rcc, _)) => rcc,
            None => match fetch(call, &receipt(), &file.name) {
                Ok((rcc, _)) => rcc,
                Err(Stop::ThisOne(_)) => return Ok(true),
                Err(Stop::All(error)) => return Err(error),
            },
        };
        let Some(recipients) = enveloped_data::recipients(&rcc) else { return Ok(false) };
        let known = !self.certificates.is_empty();
        Ok(!known || self.certificates.iter().any(|one| recipients.include(one)))
    }
}

/// Whether this receipt is known not to open here.
fn known_closed(folders: &Folders, record: &ReceiptRecord) -> bool {
    let esito = Esito::read(folders, &record.protocollo);
    sealed(record).is_some_and(|file| esito.is_some_and(|esito| esito.closed(file).is_some()))
}

/// The first of many numbers, for people.
pub(crate) fn listed(protocolli: &[Protocollo]) -> String {
    const SHOWN: usize = 20;
    let mut shown: Vec<String> = protocolli.iter().take(SHOWN).map(Protocollo::to_string).collect();
    if let Some(more) = protocolli.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}
