//! Opening any number of sealed receipts: one that does not open stops none of the others.

use ceralacca_environment::Environment;
use ceralacca_kernel::{Call, Error, Progress, Report};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::esito::sealed;
use crate::not_openable::{NotOpenable, reason};
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
    /// Those that did not open before, and with which nothing has changed since.
    #[serde(default)]
    pub not_openable: Vec<NotOpened>,
}

/// How receipts are opened at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenOptions {
    /// Those that did not open before are tried again, even where nothing has changed.
    #[serde(default)]
    pub again: bool,
    /// When one does not open it is an error, after all others are open and kept.
    #[serde(default)]
    pub require_all: bool,
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
    /// What can be done.
    #[serde(default)]
    pub next: String,
}

impl NotOpened {
    fn of(protocollo: &Protocollo, closed: NotOpenable) -> NotOpened {
        let NotOpenable { code, reason, next, .. } = closed;
        NotOpened { protocollo: protocollo.clone(), code, reason, next }
    }
}

pub(crate) fn open_receipts(
    call: &mut Call<'_>,
    receipts: Vec<Receipt>,
    env: Environment,
    options: Option<OpenOptions>,
) -> Result<Collected, Error> {
    let options = options.unwrap_or_default();
    let mut opener = Opener::new(&env);
    let mut collected = Collected::default();
    // Without a sealed file there is nothing to open.
    let sealed: Vec<&Receipt> =
        receipts.iter().filter(|receipt| sealed(&receipt.0.record).is_some()).collect();
    let total = Some(sealed.len() as u64);
    for (done, receipt) in (1..).zip(sealed) {
        open_one(call, &mut opener, receipt, options.again, &mut collected)?;
        let record = &receipt.0.record;
        call.advance(Progress { done, total, text: record.protocollo.as_str() });
    }
    for one in collected.not_opened.iter().filter(|_| !options.require_all) {
        call.progress(&format!("{} is not open: {}", one.protocollo, one.reason));
    }
    if let Some(many) = Some(collected.not_openable.len()).filter(|many| *many > 0) {
        call.progress(&format!(
            "{many} that nothing here opens: ceralacca receipts --not-openable"
        ));
    }
    if options.require_all { all_opened(collected) } else { Ok(collected) }
}

fn open_one(
    call: &mut Call<'_>,
    opener: &mut Opener,
    receipt: &Receipt,
    again: bool,
    collected: &mut Collected,
) -> Result<(), Error> {
    let record = &receipt.0.record;
    // A call that was interrupted goes on from where it was.
    if let Some(opened) = opener.opened_before(call, record) {
        collected.opened.push(opened);
        return Ok(());
    }
    let before = opener.closed_before(call, record).filter(|_| !again);
    if let Some(closed) = before.as_ref().filter(|closed| closed.is_the_receipt()) {
        collected.not_openable.push(NotOpened::of(&record.protocollo, closed.clone()));
        return Ok(());
    }
    match opener.open(call, &receipt.0) {
        Ok(opened) => collected.opened.push(opened),
        Err(Stop::All(error)) => return Err(error),
        Err(Stop::ThisOne(error)) => {
            let one = not_opened(&record.protocollo, error.report());
            match before {
                // Nothing has come of trying once more.
                Some(closed) if closed.code == one.code => collected.not_openable.push(one),
                _ => collected.not_opened.push(one),
            }
        }
    }
    Ok(())
}

fn not_opened(protocollo: &Protocollo, report: &Report) -> NotOpened {
    NotOpened {
        protocollo: protocollo.clone(),
        code: report.code.clone(),
        reason: reason(report),
        next: report.next.clone(),
    }
}

pub(crate) fn require_all_opened(
    _: &mut Call<'_>,
    collected: Collected,
) -> Result<Collected, Error> {
    all_opened(collected)
}

fn all_opened(collected: Collected) -> Result<Collected, Error> {
    if collected.not_opened.is_empty() {
        return Ok(collected);
    }
    let (opened, not_opened) = (collected.opened.len(), collected.not_opened);
    Err(SubmissionError::NotAllOpened { opened, not_opened }.into())
}
