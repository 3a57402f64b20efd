//! *Ricerca ricevute*: the list of receipts, each kept as the Agency gives it.

use ceralacca_kernel::{Call, Error, Folders, Progress};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::esito::{is_unread, note};
use crate::{FetchChannel, Portal, Protocollo, Receipt, ReceiptFilter};

/// Which receipts are listed; what is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptOptions {
    /// Its number.
    #[serde(default)]
    pub protocollo: Option<Protocollo>,
    /// First day of sending, `2026-11-22`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub dal: Option<Date>,
    /// Last day of sending.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub al: Option<Date>,
    /// Type of document.
    #[serde(default)]
    pub tipo_documento: Option<String>,
    /// Only those that are sealed and were not opened here yet; with `false`, only the others.
    #[serde(default)]
    pub unread: Option<bool>,
}

pub(crate) fn receipts(
    call: &mut Call<'_>,
    portal: Portal,
    filter: Option<ReceiptOptions>,
) -> Result<Vec<Receipt>, Error> {
    let ReceiptOptions { protocollo, dal, al, tipo_documento, unread } = filter.unwrap_or_default();
    let channel = call.service::<FetchChannel>()?;
    let folders = call.service::<Folders>()?;
    let access = portal.0.access(call, channel.wants_keys())?;
    let filter = ReceiptFilter { protocollo, tipo_documento, dal, al, before: None };
    let mut records = channel.receipts(&access, &filter).map_err(|failure| failure.error)?;
    // Newest first; the number decides where the time does not.
    records.sort_by(|a, b| (b.sent_at, &b.protocollo).cmp(&(a.sent_at, &a.protocollo)));
    let total = Some(records.len() as u64);
    for (done, record) in (1..).zip(&records) {
        note(&folders, record)?;
        call.advance(Progress { done, total, text: record.protocollo.as_str() });
    }
    if let Some(unread) = unread {
        records.retain(|record| is_unread(&folders, record) == unread);
    }
    Ok(records.into_iter().map(|record| Receipt::new(portal.0.clone(), record)).collect())
}
