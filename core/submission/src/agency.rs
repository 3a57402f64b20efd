//! The seam to the Agency: what can be asked of it.
//!
//! UNVERIFIED: the Agency publishes no interface for programs. The operations follow its portal
//! (sending a file, *Ricerca ricevute*, revocation); an implementation is a gateway or a plugin.

use ceralacca_kernel::Error;
use serde::Serialize;

use crate::{
    Access, Acknowledgement, Outgoing, Protocollo, ReceiptFilter, ReceiptRecord, Revocation,
    RevocationRequested, Search,
};

/// Somebody who takes documents for the Agency and answers for it.
pub trait Agency {
    /// Whether the portal's keys are needed. Where a person goes to the portal they are not: nobody
    /// is asked for them then.
    fn wants_keys(&self) -> bool {
        true
    }

    /// Sends a document. The same idempotency key with the same content is the same submission.
    ///
    /// # Errors
    /// [`Failure::delivery`] decides what happens next: only [`Delivery::NotDelivered`] allows the
    /// document to be sent again without asking.
    fn submit(&self, access: &Access, outgoing: &Outgoing<'_>) -> Result<Acknowledgement, Failure>;

    /// What was received under a key, or with a content. An empty list says that nothing was.
    fn find_submissions(
        &self,
        access: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure>;

    /// *Ricerca ricevute*.
    fn receipts(
        &self,
        access: &Access,
        filter: &ReceiptFilter,
    ) -> Result<Vec<ReceiptRecord>, Failure>;

    /// One receipt; `None` while there is none.
    fn receipt(
        &self,
        access: &Access,
        protocollo: &Protocollo,
    ) -> Result<Option<ReceiptRecord>, Failure>;

    /// A file that belongs to a receipt, such as `CERTIF.IN`.
    fn attachment(
        &self,
        access: &Access,
        protocollo: &Protocollo,
        name: &str,
    ) -> Result<Vec<u8>, Failure>;

    /// Asks for an environment to be revoked. The same idempotency key is the same revocation.
    ///
    /// # Errors
    /// [`Failure::delivery`] as for [`Agency::submit`].
    fn revoke(
        &self,
        access: &Access,
        revocation: &Revocation,
    ) -> Result<RevocationRequested, Failure>;

    /// What became of the revocation that was asked for under a key; `None` when none was.
    fn find_revocation(
        &self,
        access: &Access,
        idempotency_key: &str,
    ) -> Result<Option<RevocationRequested>, Failure>;

    /// The CA's certificates, DER, the one that issues first. Needs no access.
    fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure>;

    /// The CA's list of revoked certificates, DER. Needs no access.
    fn crl(&self) -> Result<Vec<u8>, Failure>;
}

/// Whether a failed request may have had an effect on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It certainly had none: it never went out, or it was answered with a refusal.
    NotDelivered,
    /// It may have had one.
    Unknown,
}

/// Why the Agency could not be asked, or what it refused.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The error for the person.
    pub error: Error,
    /// What it means for what was sent.
    pub delivery: Delivery,
    /// Whether the same request may well succeed a little later: a cut, a timeout, an overload.
    pub passing: bool,
}
