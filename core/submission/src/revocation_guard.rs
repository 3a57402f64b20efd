//! What stands between an environment and its revocation: receipts that only its cipher key opens.

use ceralacca_kernel::{Call, Error, Exit, Folders};

use crate::esito::is_unread;
use crate::{Access, FetchChannel, Protocollo, ReceiptFilter, Stato, SubmissionError};

/// Refuses while sealed receipts are not opened here; with a lost key it only says which they are.
pub(crate) fn guard(call: &Call<'_>, access: &Access, key_is_lost: bool) -> Result<(), Error> {
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
    let unread: Vec<Protocollo> = records
        .into_iter()
        .filter(|record| is_unread(&folders, record))
        .map(|record| record.protocollo)
        .collect();
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

/// The first of many numbers, for people.
pub(crate) fn listed(protocolli: &[Protocollo]) -> String {
    const SHOWN: usize = 20;
    let mut shown: Vec<String> = protocolli.iter().take(SHOWN).map(Protocollo::to_string).collect();
    if let Some(more) = protocolli.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shown.push(format!("and {more} more"));
    }
    shown.join(", ")
}
