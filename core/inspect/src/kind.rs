//! What a file is, told from its first bytes; names and extensions are never asked.

use std::fmt;

use ceralacca_ber::Stream;
use ceralacca_ber::tag::{BIT_STRING, CONTEXT_0, INTEGER, OID, SEQUENCE, SET, UTF8_STRING};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_ENVELOPED_DATA, ID_SIGNED_DATA};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `.p7m`: CMS SignedData with its content inside (RFC 5652 §5).
    SignedData,
    /// `.p7s`: CMS SignedData whose content is elsewhere.
    DetachedSignature,
    /// `.tsr`: TimeStampResp (RFC 3161 §2.4.2).
    TimeStampResp,
    /// `.tst`: TimeStampToken, a SignedData around a TSTInfo (RFC 3161 §2.4.2).
    TimeStampToken,
    /// `.tsd`: TimeStampedData (RFC 5544).
    TimeStampedData,
    /// `.m7m`: a p7m and its mark in one MIME message.
    M7m,
    /// `.p7m.enc`, `.ccf`, `.rcc`: CMS EnvelopedData (RFC 5652 §6).
    EnvelopedData,
    /// `CERTIF.IN`, `.p7b`: a SignedData with certificates and no signer.
    CertsOnly,
    /// `.p12`: PKCS#12 (RFC 7292).
    Pkcs12,
    /// `.cer`: an X.509 certificate (RFC 5280).
    Certificate,
    /// An XML document.
    Xml,
    /// A PDF document.
    Pdf,
    /// None of these.
    Unknown,
}

impl Kind {
    /// Recognises a file by its beginning: [`HEAD`] bytes, or all when it is shorter.
    ///
    /// Base64 and PEM are not looked through here; see [`open`](crate::open()).
    pub fn recognise(head: &[u8]) -> Kind {
        if head.first() == Some(&SEQUENCE) {
            return of_elements(head).unwrap_or(Kind::Unknown);
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let start = head.get(..MIME_VERSION.len());
        if start.is_some_and(|start| start.eq_ignore_ascii_case(MIME_VERSION)) {
            return Kind::M7m;
        }
        let is_pdf = |at: &[u8]| at == b"%PDF-";
        if head[..head.len().min(1024)].windows(5).any(is_pdf) {
            return Kind::Pdf;
        }
        let blank = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match &text[blank..] {
            [b'<', b'?' | b'!' | b':' | b'_' | b'a'..=b'z' | b'A'..=b'Z', ..] => Kind::Xml,
            _ if is_utf16_xml(head) => Kind::Xml,
            _ => Kind::Unknown,
        }
    }

    /// What it is called on screen.
    pub fn name(self) -> &'static str {
        match self {
            Kind::SignedData => "signed file (p7m)",
            Kind::DetachedSignature => "detached signature (p7s)",
            Kind::TimeStampResp => "timestamp response (tsr)",
            Kind::TimeStampToken => "timestamp token (tst)",
            Kind::TimeStampedData => "timestamped data (tsd)",
            Kind::M7m => "signed file with its mark (m7m)",
            Kind::EnvelopedData => "sealed file (EnvelopedData)",
            Kind::CertsOnly => "certificates (CERTIF.IN, p7b)",
            Kind::Pkcs12 => "key container (PKCS#12)",
            Kind::Certificate => "certificate",
            Kind::Xml => "XML document",
            Kind::Pdf => "PDF document",
            Kind::Unknown => "data",
        }
    }

    /// Whether [`open`](crate::open()) looks into it.
    pub fn is_container(self) -> bool {
        !matches!(self, Kind::Xml | Kind::Pdf | Kind::Unknown | Kind::Certificate)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes of a file's beginning from which its kind is told.
pub const HEAD: usize = 64 << 10;

/// `None` when the elements make no sense or the head ends too early.
fn of_elements(head: &[u8]) -> Option<Kind> {
    let mut ber = Stream::new(head);
    ber.enter(SEQUENCE, PART).ok()?;
    match ber.peek_tag().ok()?? {
        OID => of_content_info(&mut ber),
        INTEGER => is_pfx(&mut ber).then_some(Kind::Pkcs12),
        SEQUENCE => of_sequences(&mut ber),
        _ => None,
    }
}

/// `ContentInfo ::= SEQUENCE { contentType OID, content [0] EXPLICIT ANY }` (RFC 5652 §3).
fn of_content_info(ber: &mut Stream<&[u8]>) -> Option<Kind> {
    let oid = read_oid(ber)?;
    ber.enter(CONTEXT_0, PART).ok()?;
    ber.enter(SEQUENCE, PART).ok()?;
    match oid {
        ID_SIGNED_DATA => of_signed_data(ber),
        ID_ENVELOPED_DATA => Some(Kind::EnvelopedData),
        ID_TIMESTAMPED_DATA => Some(Kind::TimeStampedData),
        _ => None,
    }
}

/// RFC 5652 §5.1, as far as the encapsulated content.
fn of_signed_data(ber: &mut Stream<&[u8]>) -> Option<Kind> {
    for tag in [INTEGER, SET] {
        (ber.peek_tag().ok()? == Some(tag)).then_some(())?;
        ber.skip(MAX_PART, PART).ok()?;
    }
    ber.enter(SEQUENCE, PART).ok()?;
    let oid = read_oid(ber)?;
    match ber.peek_tag().ok()? {
        Some(_) if oid == ID_TST_INFO => return Some(Kind::TimeStampToken),
        Some(_) => return Some(Kind::SignedData),
        None => ber.leave(PART).ok()?,
    }
    // Certificates and CRLs are skipped; the last element is the SET of signers. A head that ends
    // before it is a long detached signature or a long list of certificates: RFC 5652 §5.1 lets
    // only the latter be without signers, and both read well as a detached signature.
    loop {
        match ber.peek_tag() {
            Ok(Some(SET)) => {
                let none = ber.enter(SET, PART).is_ok() && matches!(ber.peek_tag(), Ok(None));
                return Some(if none { Kind::CertsOnly } else { Kind::DetachedSignature });
            }
            Ok(Some(_)) if ber.skip(MAX_PART, PART).is_ok() => {}
            _ => return Some(Kind::DetachedSignature),
        }
    }
}

/// `PFX ::= SEQUENCE { version INTEGER {v3(3)}, authSafe ContentInfo, … }` (RFC 7292 §4).
fn is_pfx(ber: &mut Stream<&[u8]>) -> bool {
    let version = ber.read(INTEGER, MAX_SHORT, PART, |one| one.small_integer());
    version.is_ok_and(|version| version == 3)
        && ber.enter(SEQUENCE, PART).is_ok()
        && read_oid(ber).is_some_and(|oid| [ID_DATA, ID_SIGNED_DATA].contains(&oid))
}

/// A TimeStampResp begins with a PKIStatusInfo, a certificate with what was signed.
fn of_sequences(ber: &mut Stream<&[u8]>) -> Option<Kind> {
    ber.enter(SEQUENCE, PART).ok()?;
    if ber.peek_tag().ok()?? == CONTEXT_0 {
        ber.skip(MAX_SHORT, PART).ok()?;
        return (ber.peek_tag().ok()?? == INTEGER).then_some(Kind::Certificate);
    }
    ber.read(INTEGER, MAX_SHORT, PART, |one| one.small_integer()).ok()?;
    // PKIStatusInfo ::= SEQUENCE { status INTEGER, statusString SEQUENCE OF UTF8String OPTIONAL,
    // failInfo BIT STRING OPTIONAL } (RFC 3161 §2.4.2).
    match ber.peek_tag().ok()? {
        None | Some(BIT_STRING) => {}
        Some(SEQUENCE) => {
            ber.enter(SEQUENCE, PART).ok()?;
            let text = ber.peek_tag().ok()?;
            if text.is_some_and(|tag| tag != UTF8_STRING) {
                return None;
            }
        }
        Some(_) => return None,
    }
    Some(Kind::TimeStampResp)
}

fn read_oid(ber: &mut Stream<&[u8]>) -> Option<ObjectIdentifier> {
    ber.read(OID, MAX_PART, PART, |one| one.oid()).ok()
}

fn is_utf16_xml(head: &[u8]) -> bool {
    head.starts_with(b"\xff\xfe<\0") || head.starts_with(b"\xfe\xff\0<")
}

const MIME_VERSION: &[u8] = b"mime-version:";
/// id-ct-TSTInfo (RFC 3161 §2.4.2).
pub(crate) const ID_TST_INFO: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// id-ct-timestampedData (RFC 5544 §2.1).
pub(crate) const ID_TIMESTAMPED_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.31");
const MAX_PART: u64 = HEAD as u64;
/// Bytes of a version or a status.
const MAX_SHORT: u64 = 18;
/// What errors call a part; nobody reads them.
const PART: &str = "part";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(hex: &str) -> Kind {
        Kind::recognise(&::hex::decode(hex.replace(' ', "")).unwrap())
    }

    #[test]
    fn elements_are_told_apart() {
        let signed = "06092a864886f70d010702";
        let data = "06092a864886f70d010701";
        let cases = [
            (
                format!("30 80 {signed} a0 80 30 80 020101 3100 30 80 {data} a0 80"),
                Kind::SignedData,
            ),
            (format!("30 80 {signed} a0 80 30 80 020101 3100 300b {data} 3100"), Kind::CertsOnly),
            (
                format!("30 80 {signed} a0 80 30 80 020101 3100 300b {data} a000 3100 0000"),
                Kind::CertsOnly,
            ),
            (
                format!("30 80 {signed} a0 80 30 80 020101 3100 300b {data} 31 03 300102"),
                Kind::DetachedSignature,
            ),
            (
                format!(
                    "30 80 {signed} a0 80 30 80 020103 3100 30 80 060b2a864886f70d0109100104 a080"
                ),
                Kind::TimeStampToken,
            ),
            (
                "30 80 060b2a864886f70d010910011f a0 80 30 80 020101".to_owned(),
                Kind::TimeStampedData,
            ),
            ("30 80 06092a864886f70d010703 a0 80 30 80".to_owned(), Kind::EnvelopedData),
            (format!("30 82 1000 020103 30 82 0f00 {data}"), Kind::Pkcs12),
            ("30 05 3003 020100".to_owned(), Kind::TimeStampResp),
            ("30 0c 300a 020102 3003 0c0161 0300".to_owned(), Kind::TimeStampResp),
            ("30 82 0300 30 82 0200 a003020102 020105".to_owned(), Kind::Certificate),
            // A version 1 CRL or certificate, a private key, a request.
            ("30 82 0300 30 82 0200 020101 300d 0609".to_owned(), Kind::Unknown),
            ("30 82 0300 020100 300d 0609".to_owned(), Kind::Unknown),
            ("30".to_owned(), Kind::Unknown),
            ("".to_owned(), Kind::Unknown),
        ];
        for (hex, expected) in cases {
            assert_eq!(kind(&hex), expected, "{hex}");
        }
    }

    #[test]
    fn texts_are_told_apart() {
        let is = |bytes: &[u8]| Kind::recognise(bytes);
        assert_eq!(is(b"Mime-Version: 1.0\r\n"), Kind::M7m);
        assert_eq!(is(b"MIME-VERSION:1.0\n"), Kind::M7m);
        assert_eq!(is(b" Mime-Version: 1.0\r\n"), Kind::Unknown);
        assert_eq!(is(b"%PDF-1.7"), Kind::Pdf);
        assert_eq!(is(b"\xef\xbb\xbf \n<?xml version='1.0'?>"), Kind::Xml);
        assert_eq!(is(b"<indice/>"), Kind::Xml);
        assert_eq!(is(b"\xff\xfe<\0?\0"), Kind::Xml);
        assert_eq!(is(b"< 5"), Kind::Unknown);
        assert_eq!(is(b"0 documenti"), Kind::Unknown);
    }

    proptest! {
        #[test]
        fn any_head_has_a_kind(mut head in proptest::collection::vec(any::<u8>(), 0..400)) {
            Kind::recognise(&head);
            head.insert(0, SEQUENCE);
            Kind::recognise(&head);
        }
    }
}
