//! TimeStampResp: the answer of a timestamp authority (RFC 3161 §2.4.2).

use ceralacca_ber as ber;
use der::asn1::{BitString, Utf8StringRef};
use der::{Any, Decode, Encode, Sequence};

use crate::TimestampError;

/// An answer: a status, and a token when it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampResponse {
    /// 0 granted, 1 granted with modifications, 2 to 5 not granted.
    pub status: u32,
    /// What the authority says to a person; printable, at most 400 characters.
    pub text: String,
    /// Why not, by the names of RFC 3161.
    pub failures: Vec<String>,
    /// The token in DER, a ContentInfo.
    pub token: Option<Vec<u8>>,
}

impl TimestampResponse {
    /// Reads an answer in DER, at most 1 MiB.
    ///
    /// # Errors
    /// `timestamp.malformed`.
    pub fn from_der(der: &[u8]) -> Result<TimestampResponse, TimestampError> {
        let malformed =
            |reason: String| TimestampError::Malformed { what: "response".to_owned(), reason };
        if der.len() > crate::LARGEST_MARK || !ber::is_der(der) {
            return Err(malformed("the bytes are not one DER element".to_owned()));
        }
        let wire = Wire::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let token = match &wire.time_stamp_token {
            Some(token) => Some(token.to_der().map_err(|error| malformed(error.to_string()))?),
            None => None,
        };
        Ok(TimestampResponse {
            status: wire.status.status,
            text: wire.status.text(),
            failures: wire.status.failures(),
            token,
        })
    }

    /// As it travels, `application/timestamp-reply`: a token that was granted.
    ///
    /// # Errors
    /// `timestamp.encoding`, when the token is not DER.
    pub fn granted(token_der: &[u8]) -> Result<Vec<u8>, TimestampError> {
        let failed = |_| TimestampError::Encoding { what: "TimeStampResp".to_owned() };
        let status = StatusInfo { status: 0, status_string: None, fail_info: None };
        let time_stamp_token = Some(Any::from_der(token_der).map_err(failed)?);
        Wire { status, time_stamp_token }.to_der().map_err(failed)
    }

    /// As it travels: a refusal with status *rejection*, one reason by its name and a text.
    ///
    /// # Errors
    /// `timestamp.encoding`, for a reason that RFC 3161 does not name.
    pub fn rejected(failure: &str, text: &str) -> Result<Vec<u8>, TimestampError> {
        let failed = || TimestampError::Encoding { what: "TimeStampResp".to_owned() };
        let (bit, _) = FAILURES.iter().find(|(_, name)| *name == failure).ok_or_else(failed)?;
        let mut bits = vec![0; usize::from(*bit / 8) + 1];
        bits[usize::from(*bit / 8)] = 0x80 >> (bit % 8);
        let encode = || -> der::Result<Vec<u8>> {
            let status = StatusInfo {
                status: 2,
                status_string: Some(vec![Any::from(Utf8StringRef::new(text)?)]),
                fail_info: Some(BitString::new(7 - bit % 8, bits)?),
            };
            Wire { status, time_stamp_token: None }.to_der()
        };
        encode().map_err(|_| failed())
    }

    /// Whether the status says that the token was granted.
    pub fn is_granted(&self) -> bool {
        self.status <= 1
    }

    /// `rejection`.
    pub fn status_name(&self) -> String {
        match self.status {
            0 => "granted".to_owned(),
            1 => "grantedWithMods".to_owned(),
            2 => "rejection".to_owned(),
            3 => "waiting".to_owned(),
            4 => "revocationWarning".to_owned(),
            5 => "revocationNotification".to_owned(),
            other => format!("status {other}"),
        }
    }

    /// The token of an answer that was granted.
    ///
    /// # Errors
    /// `timestamp.rejected`, `timestamp.malformed` when there is none in spite of the status.
    pub fn granted_token(&self) -> Result<&[u8], TimestampError> {
        if !self.is_granted() {
            return Err(TimestampError::Rejected {
                status: self.status_name(),
                failures: self.failures.clone(),
                text: self.text.clone(),
            });
        }
        self.token.as_deref().ok_or_else(|| TimestampError::Malformed {
            what: "response".to_owned(),
            reason: format!("its status is {}, and there is no token", self.status_name()),
        })
    }
}

/// Text from outside as one line of at most `most` printable characters.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain
        .filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .take(most)
        .collect()
}

/// ```text
/// TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }
/// ```
/// RFC 3161 §2.4.2.
#[derive(Sequence)]
struct Wire {
    status: StatusInfo,
    #[asn1(optional = "true")]
    time_stamp_token: Option<Any>,
}

/// ```text
/// PKIStatusInfo ::= SEQUENCE { status INTEGER, statusString PKIFreeText OPTIONAL,
///     failInfo PKIFailureInfo OPTIONAL }
/// ```
/// RFC 3161 §2.4.2; PKIFreeText is a SEQUENCE OF UTF8String (RFC 4210).
#[derive(Sequence)]
struct StatusInfo {
    status: u32,
    #[asn1(optional = "true")]
    status_string: Option<Vec<Any>>,
    #[asn1(optional = "true")]
    fail_info: Option<BitString>,
}

impl StatusInfo {
    fn text(&self) -> String {
        let texts = self.status_string.iter().flatten().take(8);
        let texts: Vec<_> = texts.map(|text| String::from_utf8_lossy(text.value())).collect();
        printable(&texts.join("; "), 400)
    }

    fn failures(&self) -> Vec<String> {
        let Some(bits) = &self.fail_info else { return Vec::new() };
        let set = bits.bits().take(64).enumerate().filter(|(_, set)| *set);
        set.map(|(at, _)| {
            let named = FAILURES.iter().find(|(bit, _)| usize::from(*bit) == at);
            named.map_or_else(|| format!("bit {at}"), |(_, name)| (*name).to_owned())
        })
        .collect()
    }
}

/// PKIFailureInfo (RFC 3161 §2.4.2).
const FAILURES: [(u8, &str); 8] = [
    (0, "badAlg"),
    (2, "badRequest"),
    (5, "badDataFormat"),
    (14, "timeNotAvailable"),
    (15, "unacceptedPolicy"),
    (16, "unacceptedExtension"),
    (17, "addInfoNotAvailable"),
    (25, "systemFailure"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refusals_are_read_back() {
        for (_, name) in FAILURES {
            let der = TimestampResponse::rejected(name, "nein\u{7}").unwrap();
            let read = TimestampResponse::from_der(&der).unwrap();
            assert_eq!(
                (read.failures.as_slice(), read.text.as_str()),
                (&[name.to_owned()][..], "nein ")
            );
            let refused = read.granted_token().unwrap_err();
            assert!(
                matches!(refused, TimestampError::Rejected { status, .. } if status == "rejection")
            );
        }
        assert!(TimestampResponse::rejected("badLuck", "").is_err());
    }

    #[test]
    fn a_grant_without_a_token_is_malformed() {
        let read = TimestampResponse::from_der(&[0x30, 5, 0x30, 3, 2, 1, 0]).unwrap();
        assert!(read.is_granted());
        assert!(matches!(read.granted_token(), Err(TimestampError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = TimestampResponse::from_der(&bytes);
        }
    }
}
