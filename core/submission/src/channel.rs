//! The channel to the Agency as services of a run, one for each thing a primitive must declare.

use std::collections::BTreeSet;
use std::rc::Rc;

use ceralacca_kernel::{Service, Touch};

use crate::{
    Access, Acknowledgement, Agency, Failure, Outgoing, Protocollo, ReceiptFilter, ReceiptRecord,
    Revocation, RevocationRequested, Search,
};

/// Changes something on the other side. Only primitives that declare `Sends` get it.
pub struct SendChannel(Rc<dyn Agency>);

/// Reads from the other side. Only primitives that declare `Fetches` get it.
pub struct FetchChannel(Rc<dyn Agency>);

impl Service for SendChannel {
    const TOUCH: Option<Touch> = Some(Touch::Sends);
}

impl Service for FetchChannel {
    const TOUCH: Option<Touch> = Some(Touch::Fetches);
}

impl SendChannel {
    /// Sends through `agency`.
    pub fn new(agency: Rc<dyn Agency>) -> SendChannel {
        SendChannel(agency)
    }

    /// See [`Agency::submit`].
    pub fn submit(
        &self,
        access: &Access,
        outgoing: &Outgoing<'_>,
    ) -> Result<Acknowledgement, Failure> {
        self.0.submit(access, outgoing)
    }

    /// See [`Agency::find_submissions`].
    pub fn find_submissions(
        &self,
        access: &Access,
        search: &Search<'_>,
    ) -> Result<Vec<Acknowledgement>, Failure> {
        self.0.find_submissions(access, search)
    }

    /// See [`Agency::wants_keys`].
    pub fn wants_keys(&self) -> bool {
        self.0.wants_keys()
    }

    /// See [`Agency::find_revocation`].
    pub fn find_revocation(
        &self,
        access: &Access,
        idempotency_key: &str,
    ) -> Result<Option<RevocationRequested>, Failure> {
        self.0.find_revocation(access, idempotency_key)
    }

    /// See [`Agency::revoke`].
    pub fn revoke(
        &self,
        access: &Access,
        revocation: &Revocation,
    ) -> Result<RevocationRequested, Failure> {
        self.0.revoke(access, revocation)
    }
}

impl FetchChannel {
    /// Reads through `agency`.
    pub fn new(agency: Rc<dyn Agency>) -> FetchChannel {
        FetchChannel(agency)
    }

    /// See [`Agency::wants_keys`].
    pub fn wants_keys(&self) -> bool {
        self.0.wants_keys()
    }

    /// See [`Agency::find_revocation`].
    pub fn find_revocation(
        &self,
        access: &Access,
        idempotency_key: &str,
    ) -> Result<Option<RevocationRequested>, Failure> {
        self.0.find_revocation(access, idempotency_key)
    }

    /// See [`Agency::receipts`]. All of them: while an answer brings something new, what was
    /// received before its last is asked for, too.
    pub fn receipts(
        &self,
        access: &Access,
        filter: &ReceiptFilter,
    ) -> Result<Vec<ReceiptRecord>, Failure> {
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        let mut filter = filter.clone();
        loop {
            let mut page = self.0.receipts(access, &filter)?;
            page.retain(|record| seen.insert(record.protocollo.clone()));
            filter.before = page.last().map(|record| record.protocollo.clone());
            all.extend(page);
            if filter.before.is_none() || filter.protocollo.is_some() {
                return Ok(all);
            }
        }
    }

    /// See [`Agency::receipt`].
    pub fn receipt(
        &self,
        access: &Access,
        protocollo: &Protocollo,
    ) -> Result<Option<ReceiptRecord>, Failure> {
        self.0.receipt(access, protocollo)
    }

    /// See [`Agency::attachment`].
    pub fn attachment(
        &self,
        access: &Access,
        protocollo: &Protocollo,
        name: &str,
    ) -> Result<Vec<u8>, Failure> {
        self.0.attachment(access, protocollo, name)
    }

    /// See [`Agency::ca_certificates`].
    pub fn ca_certificates(&self) -> Result<Vec<Vec<u8>>, Failure> {
        self.0.ca_certificates()
    }

    /// See [`Agency::crl`].
    pub fn crl(&self) -> Result<Vec<u8>, Failure> {
        self.0.crl()
    }
}
