//! Whom to believe: trust anchors and revocation lists, each with where it comes from.

use std::cell::OnceCell;
use std::rc::Rc;

use ceralacca_kernel::{Error, Service, Touch};
use ceralacca_keystore::Certificate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Trust anchors and certificate revocation lists. The default trusts nobody.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    anchors: Vec<Anchor>,
    crls: Vec<Crl>,
}

/// A certificate that is believed because somebody set it so.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The certificate.
    pub certificate: Certificate,
    /// Where it comes from: a file, a setting.
    pub source: String,
}

/// A certificate revocation list; believed only when its issuer's signature is on it.
#[derive(Clone, Debug)]
pub struct Crl {
    /// CertificateList in DER (RFC 5280 §5.1).
    pub der: Vec<u8>,
    /// Where it comes from.
    pub source: String,
}

/// What a signature is for; decides what its certificate must allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A person's signature of a document: digitalSignature or nonRepudiation, and the signed
    /// attribute that names the certificate.
    Signing,
    /// A time-stamp token: extended key usage timeStamping, critical and alone (RFC 3161 §2.3).
    TimeStamping,
    /// The Agency's own signatures and those of environment keys, plain CMS under the Agency's CA.
    /// UNVERIFIED: the Agency publishes no revocation list for them, so a missing one is a note.
    Authority,
}

impl Trust {
    /// Believes `certificate`; `source` is printed with every verdict that rests on it.
    pub fn add_anchor(&mut self, certificate: Certificate, source: &str) {
        if !self.anchors.iter().any(|anchor| anchor.certificate == certificate) {
            self.anchors.push(Anchor { certificate, source: source.to_owned() });
        }
    }

    /// Adds a revocation list in DER. An unreadable one shows in the answers that need it.
    pub fn add_crl(&mut self, der: &[u8], source: &str) {
        self.crls.push(Crl { der: der.to_vec(), source: source.to_owned() });
    }

    /// The trust anchors.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The revocation lists.
    pub fn crls(&self) -> &[Crl] {
        &self.crls
    }
}

/// The trust that the settings name, read when it is first needed.
pub struct TrustStore {
    load: Box<dyn Fn() -> Result<Trust, Error>>,
    loaded: OnceCell<Rc<Trust>>,
}

impl TrustStore {
    /// `load` is called once, at the first use; again only if it failed.
    pub fn new(load: impl Fn() -> Result<Trust, Error> + 'static) -> TrustStore {
        TrustStore { load: Box::new(load), loaded: OnceCell::new() }
    }

    /// The trust.
    ///
    /// # Errors
    /// Those of loading it: a file of an anchor that is not there or not a certificate.
    pub fn trust(&self) -> Result<Rc<Trust>, Error> {
        if let Some(trust) = self.loaded.get() {
            return Ok(Rc::clone(trust));
        }
        let trust = Rc::new((self.load)()?);
        Ok(Rc::clone(self.loaded.get_or_init(|| trust)))
    }
}

impl Service for TrustStore {
    const TOUCH: Option<Touch> = None;
}
