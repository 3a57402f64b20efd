//! TSTInfo: what a timestamp authority signs (RFC 3161 §2.4.2).

use ceralacca_ber as ber;
use const_oid::ObjectIdentifier;
use der::asn1::Int;
use der::{Decode, Encode, Sequence};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::name::GeneralName;

use crate::TimestampError;
use crate::gen_time::GenTime;
use crate::message_imprint::{MessageImprint, WireImprint};

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TstInfo {
    /// Under which policy it was made.
    pub policy: ObjectIdentifier,
    /// What was marked.
    pub message_imprint: MessageImprint,
    /// Its number, unique for each authority.
    pub serial_number: Int,
    /// When it was made.
    pub gen_time: GenTime,
    /// How far off the time may be; nothing is said without it.
    pub accuracy: Option<Accuracy>,
    /// Whether two marks of the authority can be ordered by their times alone.
    pub ordering: bool,
    /// As in the request.
    pub nonce: Option<Int>,
    /// Who made it.
    pub tsa: Option<GeneralName>,
    /// Further properties.
    pub extensions: Option<Extensions>,
}

impl TstInfo {
    /// Reads the content of a token; DER, at most 64 KiB, version 1.
    ///
    /// # Errors
    /// `timestamp.malformed`, `timestamp.other_algorithm`, `timestamp.imprint_length`.
    pub fn from_der(der: &[u8]) -> Result<TstInfo, TimestampError> {
        let malformed =
            |reason: String| TimestampError::Malformed { what: "TSTInfo".to_owned(), reason };
        if der.len() > MOST || !ber::is_der(der) {
            return Err(malformed("the bytes are not one short DER element".to_owned()));
        }
        let wire = Wire::from_der(der).map_err(|error| malformed(error.to_string()))?;
        if wire.version != 1 {
            return Err(malformed(format!("version {}", wire.version)));
        }
        Ok(TstInfo {
            policy: wire.policy,
            message_imprint: MessageImprint::try_from(&wire.message_imprint)?,
            serial_number: wire.serial_number,
            gen_time: wire.gen_time,
            accuracy: wire.accuracy,
            ordering: wire.ordering,
            nonce: wire.nonce,
            tsa: wire.tsa,
            extensions: wire.extensions,
        })
    }

    /// As it is signed.
    ///
    /// # Errors
    /// `timestamp.encoding`, for what cannot be written as DER.
    pub fn to_der(&self) -> Result<Vec<u8>, TimestampError> {
        let wire = Wire {
            version: 1,
            policy: self.policy,
            message_imprint: self.message_imprint.to_wire(),
            serial_number: self.serial_number.clone(),
            gen_time: self.gen_time.clone(),
            accuracy: self.accuracy,
            ordering: self.ordering,
            nonce: self.nonce.clone(),
            tsa: self.tsa.clone(),
            extensions: self.extensions.clone(),
        };
        wire.to_der().map_err(|_| TimestampError::Encoding { what: "TSTInfo".to_owned() })
    }

    /// The serial number in upper-case hexadecimal, bytes separated by colons: `4A:91:0C`.
    pub fn serial(&self) -> String {
        let bytes = self.serial_number.as_bytes();
        let unsigned = if bytes.len() > 1 && bytes[0] == 0 { &bytes[1..] } else { bytes };
        let bytes: Vec<String> = unsigned.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }
}

/// ```text
/// Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL,
///     millis [0] INTEGER (1..999) OPTIONAL, micros [1] INTEGER (1..999) OPTIONAL }
/// ```
/// RFC 3161 §2.4.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Sequence)]
pub struct Accuracy {
    /// Seconds.
    #[asn1(optional = "true")]
    pub seconds: Option<u32>,
    /// Thousandths.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub millis: Option<u16>,
    /// Millionths.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub micros: Option<u16>,
}

/// ```text
/// TSTInfo ::= SEQUENCE { version INTEGER { v1(1) }, policy TSAPolicyId,
///     messageImprint MessageImprint, serialNumber INTEGER, genTime GeneralizedTime,
///     accuracy Accuracy OPTIONAL, ordering BOOLEAN DEFAULT FALSE, nonce INTEGER OPTIONAL,
///     tsa [0] GeneralName OPTIONAL, extensions [1] IMPLICIT Extensions OPTIONAL }
/// ```
/// RFC 3161 §2.4.2. `[0]` holds a CHOICE and is therefore explicit.
#[derive(Sequence)]
struct Wire {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: WireImprint,
    serial_number: Int,
    gen_time: GenTime,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    tsa: Option<GeneralName>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

const MOST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use ceralacca_signing::DigestAlgorithm;

    use super::*;

    fn info() -> TstInfo {
        TstInfo {
            policy: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1"),
            message_imprint: MessageImprint::of(DigestAlgorithm::Sha384, b"indice"),
            serial_number: Int::new(&[0, 0x91, 0x0c]).unwrap(),
            gen_time: GenTime::parse("20261121230554.25Z").unwrap(),
            accuracy: Some(Accuracy { seconds: Some(1), millis: Some(500), micros: None }),
            ordering: true,
            nonce: Some(Int::new(&[0x40, 1]).unwrap()),
            tsa: None,
            extensions: None,
        }
    }

    #[test]
    fn round_trip() {
        let der = info().to_der().unwrap();
        assert_eq!(TstInfo::from_der(&der).unwrap(), info());
        assert_eq!(info().serial(), "91:0C");
        let bare = TstInfo { accuracy: None, ordering: false, nonce: None, ..info() };
        assert_eq!(TstInfo::from_der(&bare.to_der().unwrap()).unwrap(), bare);
    }

    #[test]
    fn damage_gives_errors() {
        let der = info().to_der().unwrap();
        for cut in 0..der.len() {
            assert!(TstInfo::from_der(&der[..cut]).is_err());
        }
        for at in 0..der.len() {
            for flip in [0x01, 0x41, 0x80, 0xff] {
                let mut damaged = der.clone();
                damaged[at] ^= flip;
                let _ = TstInfo::from_der(&damaged);
            }
        }
    }
}
