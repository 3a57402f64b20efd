//! Opening any number of sealed receipts: one that does not open stops none of the others.

use ceralacca_kernel::{Call, Error, Progress};
use ceralacca_keystore::Environment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::esito::sealed;
use crate::receipt::Stop;
use crate::sealed_receipt::Opener;
use crate::{OpenedReceipt, Protocollo, Receipt, SubmissionError};

/// What became of each receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Collected {
    /// Those that are open.
    pub opened: Vec<OpenedReceipt>,
    /// Those that are not.
    pub not_opened: Vec<NotOpened>,
}

/// A receipt that could not be opened, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotOpened {
    /// Its number.
    pub protocollo: Protocollo,
    /// Code of the error.
    pub code: String,
    /// What it says.
    pub reason: String,
}

pub(crate) fn open_receipts(
    call: &mut Call<'_>,
    receipts: Vec<Receipt>,
    env: Environment,
) -> Result<Collected, Error> {
    let mut opener = Opener::new(&env);
    let mut collected = Collected::default();
    // Without a sealed file there is nothing to open.
    let sealed: Vec<&Receipt> =
        receipts.iter().filter(|receipt| sealed(&receipt.0.record).is_some()).collect();
    let total = Some(sealed.len() as u64);
    for (done, receipt) in (1..).zip(sealed) {
        let record = &receipt.0.record;
        // A call that was interrupted goes on from where it was.
        let opened = match opener.opened_before(call, record) {
            Some(opened) => Ok(opened),
            None => opener.open(call, &receipt.0),
        };
        match opened {
            Ok(opened) => collected.opened.push(opened),
            Err(Stop::All(error)) => return Err(error),
            Err(Stop::ThisOne(error)) => {
                let report = error.report();
                let found = report.found.as_deref().unwrap_or_default();
                collected.not_opened.push(NotOpened {
                    protocollo: record.protocollo.clone(),
                    code: report.code.clone(),
                    reason: format!("{}: {found}", report.headline),
                });
            }
        }
        call.advance(Progress { done, total, text: record.protocollo.as_str() });
    }
    Ok(collected)
}

pub(crate) fn require_all_opened(
    _: &mut Call<'_>,
    collected: Collected,
) -> Result<Collected, Error> {
    if collected.not_opened.is_empty() {
        return Ok(collected);
    }
    let (opened, not_opened) = (collected.opened.len(), collected.not_opened);
    Err(SubmissionError::NotAllOpened { opened, not_opened }.into())
}
