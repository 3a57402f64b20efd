//! What a file is, told from its first bytes; names and extensions are never asked.

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_ENVELOPED_DATA, ID_SIGNED_DATA};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::elements::{
    BIT_STRING, CONTEXT_0, Elements, Frame, Header, INTEGER, OID, SEQUENCE, SET, UTF8_STRING,
};

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
    let mut elements = Elements::new(head);
    let all = Frame::unbounded();
    let whole = elements.next(all).ok()??;
    let inside = elements.enter(&whole, all);
    let first = elements.next(inside).ok()??;
    match first.tag {
        OID => of_content_info(&mut elements, inside, &first),
        INTEGER => is_pfx(&mut elements, inside, &first).then_some(Kind::Pkcs12),
        SEQUENCE => of_sequences(&mut elements, inside, &first),
        _ => None,
    }
}

/// `ContentInfo ::= SEQUENCE { contentType OID, content [0] EXPLICIT ANY }` (RFC 5652 §3).
fn of_content_info(elements: &mut Elements<&[u8]>, info: Frame, oid: &Header) -> Option<Kind> {
    let oid = read_oid(elements, oid)?;
    let explicit = elements.expect(info, CONTEXT_0, "").ok()?;
    let explicit = elements.enter(&explicit, info);
    let content = elements.expect(explicit, SEQUENCE, "").ok()?;
    let content = elements.enter(&content, explicit);
    match oid {
        ID_SIGNED_DATA => of_signed_data(elements, content),
        ID_ENVELOPED_DATA => Some(Kind::EnvelopedData),
        ID_TIMESTAMPED_DATA => Some(Kind::TimeStampedData),
        _ => None,
    }
}

/// RFC 5652 §5.1, as far as the encapsulated content.
fn of_signed_data(elements: &mut Elements<&[u8]>, data: Frame) -> Option<Kind> {
    let version = elements.expect(data, INTEGER, "").ok()?;
    elements.skip(&version, MAX_PART).ok()?;
    let algorithms = elements.expect(data, SET, "").ok()?;
    elements.skip(&algorithms, MAX_PART).ok()?;
    let encapsulated = elements.expect(data, SEQUENCE, "").ok()?;
    let encapsulated = elements.enter(&encapsulated, data);
    let oid = elements.expect(encapsulated, OID, "").ok()?;
    let oid = read_oid(elements, &oid)?;
    match elements.next(encapsulated).ok()? {
        Some(_) if oid == ID_TST_INFO => return Some(Kind::TimeStampToken),
        Some(_) => return Some(Kind::SignedData),
        None => {}
    }
    // Certificates and CRLs are skipped; the last element is the SET of signers. A head that ends
    // before it is a long detached signature or a long list of certificates: RFC 5652 §5.1 lets
    // only the latter be without signers, and both read well as a detached signature.
    loop {
        let Ok(Some(part)) = elements.next(data) else { return Some(Kind::DetachedSignature) };
        if part.tag == SET {
            let signers = elements.enter(&part, data);
            let none = matches!(elements.next(signers), Ok(None));
            return Some(if none { Kind::CertsOnly } else { Kind::DetachedSignature });
        }
        if elements.skip(&part, MAX_PART).is_err() {
            return Some(Kind::DetachedSignature);
        }
    }
}

/// `PFX ::= SEQUENCE { version INTEGER {v3(3)}, authSafe ContentInfo, … }` (RFC 7292 §4).
fn is_pfx(elements: &mut Elements<&[u8]>, pfx: Frame, version: &Header) -> bool {
    let read = |elements: &mut Elements<&[u8]>| {
        let version = elements.content(version, 1).ok()?;
        let safe = elements.expect(pfx, SEQUENCE, "").ok()?;
        let safe = elements.enter(&safe, pfx);
        let oid = elements.expect(safe, OID, "").ok()?;
        let oid = read_oid(elements, &oid)?;
        Some(version == [3] && [ID_DATA, ID_SIGNED_DATA].contains(&oid))
    };
    read(elements) == Some(true)
}

/// A TimeStampResp begins with a PKIStatusInfo, a certificate with what was signed.
fn of_sequences(elements: &mut Elements<&[u8]>, whole: Frame, first: &Header) -> Option<Kind> {
    let inside = elements.enter(first, whole);
    let begin = elements.next(inside).ok()??;
    if begin.tag == CONTEXT_0 {
        elements.skip(&begin, 16).ok()?;
        let serial = elements.next(inside).ok()??;
        return (serial.tag == INTEGER).then_some(Kind::Certificate);
    }
    if begin.tag != INTEGER || elements.content(&begin, 1).is_err() {
        return None;
    }
    // PKIStatusInfo ::= SEQUENCE { status INTEGER, statusString SEQUENCE OF UTF8String OPTIONAL,
    // failInfo BIT STRING OPTIONAL } (RFC 3161 §2.4.2).
    match elements.next(inside).ok()? {
        None => {}
        Some(header) if header.tag == BIT_STRING => {}
        Some(header) if header.tag == SEQUENCE => {
            let texts = elements.enter(&header, inside);
            let text = elements.next(texts).ok()?;
            if text.is_some_and(|text| text.tag != UTF8_STRING) {
                return None;
            }
        }
        Some(_) => return None,
    }
    Some(Kind::TimeStampResp)
}

fn read_oid(elements: &mut Elements<&[u8]>, header: &Header) -> Option<ObjectIdentifier> {
    let bytes = elements.content(header, 64).ok()?;
    ObjectIdentifier::from_bytes(&bytes).ok()
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
