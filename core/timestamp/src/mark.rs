//! A mark: a TimeStampResp or TimeStampToken, recognised by content, with what it says.

use ceralacca_ber::{self as ber, BerError};
use ceralacca_keystore::Certificate;
use ceralacca_signing::signed_data::{self, Content, SignedData};
use ceralacca_signing::{Purpose, SignerIdentifier, Trust, armour};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::Encode;
use der::asn1::Int;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report;
use crate::{MessageImprint, TimestampError, TimestampResponse, TstInfo};

/// The two formats that the Agency takes, and the only ones it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Formato {
    /// TimeStampResp: the authority's answer as it came.
    Tsr,
    /// TimeStampToken: the answer without its status.
    Tst,
}

impl Formato {
    /// `TSR` or `TST`.
    pub fn label(self) -> &'static str {
        match self {
            Formato::Tsr => "TSR",
            Formato::Tst => "TST",
        }
    }

    /// `tsr` or `tst`, the file name's end.
    pub fn extension(self) -> &'static str {
        match self {
            Formato::Tsr => "tsr",
            Formato::Tst => "tst",
        }
    }
}

/// A mark that was read; nothing of it is believed before [`Mark::verify`].
#[derive(Debug)]
pub struct Mark {
    formato: Formato,
    bytes: Vec<u8>,
    response: Option<(Vec<u8>, TimestampResponse)>,
    token: Vec<u8>,
    info: TstInfo,
    signed: SignedData,
}

impl Mark {
    /// Reads a TSR or a TST in DER, BER, base64 or PEM, at most 1 MiB; the content decides which.
    ///
    /// # Errors
    /// `timestamp.too_large`, `timestamp.malformed`, `timestamp.rejected` for an answer without a
    /// mark, `timestamp.other_algorithm`, `timestamp.imprint_length`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Mark, TimestampError> {
        if bytes.len() > LARGEST_MARK {
            return Err(TimestampError::TooLarge { limit: LARGEST_MARK, found: bytes.len() });
        }
        let (_, plain) = armour::decode(bytes);
        let der = whole(&plain)?;
        let (formato, response, token) = match kind(&der) {
            Some(Formato::Tst) => (Formato::Tst, None, der),
            Some(Formato::Tsr) => {
                let response = TimestampResponse::from_der(&der)?;
                let token = response.granted_token()?.to_vec();
                (Formato::Tsr, Some((der, response)), token)
            }
            None => return Err(malformed("mark", "neither a TSR nor a TST")),
        };
        let mut content = Vec::new();
        let signed = signed_data::read(&mut token.as_slice(), Content::Into(&mut content))
            .map_err(|error| malformed("token", &in_words(error)))?;
        if signed.content_type != TST_INFO {
            let found = signed.content_type;
            return Err(malformed("token", &format!("its content type is {found}")));
        }
        if !signed.attached {
            return Err(malformed("token", "its content is not in it"));
        }
        let info = TstInfo::from_der(&content)?;
        Ok(Mark { formato, bytes: bytes.to_vec(), response, token, info, signed })
    }

    /// TSR or TST.
    pub fn formato(&self) -> Formato {
        self.formato
    }

    /// As it was read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The TimeStampToken in DER.
    pub fn token_der(&self) -> &[u8] {
        &self.token
    }

    /// The TimeStampResp in DER; for a token, one with status *granted* is put around it.
    pub fn tsr(&self) -> Vec<u8> {
        match &self.response {
            Some((der, _)) => der.clone(),
            None => TimestampResponse::granted(&self.token).expect("the token was read as DER"),
        }
    }

    /// What is around the token in a TSR: the status, which nobody signed.
    pub fn response(&self) -> Option<&TimestampResponse> {
        self.response.as_ref().map(|(_, response)| response)
    }

    /// All that was signed.
    pub fn info(&self) -> &TstInfo {
        &self.info
    }

    /// The signature around it.
    pub fn signed_data(&self) -> &SignedData {
        &self.signed
    }

    /// Of what it is.
    pub fn message_imprint(&self) -> &MessageImprint {
        &self.info.message_imprint
    }

    /// When it was made.
    pub fn gen_time(&self) -> Timestamp {
        self.info.gen_time.at()
    }

    /// Under which policy.
    pub fn policy(&self) -> ObjectIdentifier {
        self.info.policy
    }

    /// Its number in upper-case hexadecimal, bytes separated by colons.
    pub fn serial(&self) -> String {
        self.info.serial()
    }

    /// The request's nonce.
    pub fn nonce(&self) -> Option<&Int> {
        self.info.nonce.as_ref()
    }

    /// The authority's certificate, when there is exactly one signature and it is in the mark.
    pub fn signer_certificate(&self) -> Option<&Certificate> {
        let [signer] = self.signed.signers.as_slice() else { return None };
        self.signed.certificates.iter().find(|certificate| match &signer.identifier {
            SignerIdentifier::IssuerAndSerial { issuer, serial } => {
                let tbs = &certificate.parsed().tbs_certificate;
                tbs.issuer.to_der().is_ok_and(|der| der == *issuer)
                    && tbs.serial_number.as_bytes() == serial
            }
            SignerIdentifier::KeyIdentifier(identifier) => {
                certificate.public().key_identifier().0.as_bytes() == identifier
            }
        })
    }

    /// Who made it, for people: the common name in the certificate, or the whole subject.
    pub fn authority(&self) -> String {
        match self.signer_certificate() {
            Some(certificate) if !certificate.common_name().is_empty() => certificate.common_name(),
            Some(certificate) => certificate.subject(),
            None => "unknown: no certificate in the mark".to_owned(),
        }
    }

    /// Every check of the mark at `at`, as questions; its chain is checked for the time in it.
    pub fn verify(&self, trust: &Trust, at: Timestamp) -> ceralacca_signing::Report {
        report::of(self, trust, at, Purpose::TimeStamping)
    }

    /// Refuses a mark over something else. `document` is its name.
    ///
    /// # Errors
    /// `timestamp.other_imprint`, which names both digests.
    pub fn require_imprint(
        &self,
        document: &str,
        imprint: &MessageImprint,
    ) -> Result<(), TimestampError> {
        if self.message_imprint() == imprint {
            return Ok(());
        }
        Err(TimestampError::OtherImprint {
            document: document.to_owned(),
            expected: imprint.in_words(),
            found: self.message_imprint().in_words(),
        })
    }
}

/// One DER element and nothing after it.
fn whole(plain: &[u8]) -> Result<Vec<u8>, TimestampError> {
    let (der, taken) = ber::to_der(plain).map_err(|error| match error {
        BerError::Truncated => malformed("mark", "it is cut short"),
        BerError::Malformed(reason) => malformed("mark", reason),
    })?;
    match plain.len() - taken {
        0 => Ok(der),
        more => Err(malformed("mark", &format!("{more} bytes follow its end"))),
    }
}

/// Which of the two `der` is, by the first element inside: a status, or a content type.
pub(crate) fn kind(der: &[u8]) -> Option<Formato> {
    if der.first() != Some(&SEQUENCE) {
        return None;
    }
    let header = match der.get(1)? {
        short @ 0..=0x7f if *short > 0 => 2,
        long => 2 + usize::from(long & 0x7f),
    };
    let inside = der.get(header..)?;
    let signed_data = ID_SIGNED_DATA.as_bytes();
    match *inside.first()? {
        SEQUENCE => Some(Formato::Tsr),
        OBJECT_IDENTIFIER if inside.get(2..)?.starts_with(signed_data) => Some(Formato::Tst),
        _ => None,
    }
}

fn malformed(what: &str, reason: &str) -> TimestampError {
    TimestampError::Malformed { what: what.to_owned(), reason: reason.to_owned() }
}

fn in_words(error: ceralacca_signing::SigningError) -> String {
    let report = ceralacca_kernel::Explain::explain(&error);
    match report.found {
        Some(found) => format!("{}: {found}", report.headline),
        None => report.headline,
    }
}

/// Bytes of the largest mark that is read.
pub const LARGEST_MARK: usize = 1 << 20;

/// id-ct-TSTInfo, the content type of what is signed (RFC 3161 §2.4.2).
pub const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

#[cfg(test)]
#[path = "mark_tests.rs"]
mod tests;
