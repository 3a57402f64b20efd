//! The seam to a timestamp authority, and the service through which primitives reach it.

use std::rc::Rc;

use ceralacca_kernel::{Error, Service, Touch};

/// Somebody who marks digests with the time. It sees a digest, never the document.
pub trait TimestampAuthority {
    /// Sends a TimeStampReq in DER and returns the TimeStampResp as it came, unchecked, at most
    /// [`LARGEST_MARK`](crate::LARGEST_MARK) bytes.
    ///
    /// # Errors
    /// With exit *unknown* when the authority may have counted a mark that did not arrive.
    fn ask(&self, request_der: &[u8]) -> Result<Vec<u8>, Error>;

    /// Who it is, for people: its address.
    fn describe(&self) -> String;
}

/// The timestamp authority of the settings. Only primitives that declare `Fetches` get it.
pub struct TsaChannel(Rc<dyn TimestampAuthority>);

impl TsaChannel {
    /// Asks `authority`.
    pub fn new(authority: Rc<dyn TimestampAuthority>) -> TsaChannel {
        TsaChannel(authority)
    }

    /// Who is asked.
    pub fn authority(&self) -> &dyn TimestampAuthority {
        &*self.0
    }
}

impl Service for TsaChannel {
    const TOUCH: Option<Touch> = Some(Touch::Fetches);
}
