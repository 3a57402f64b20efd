//! What the bytes of a file are, and whether they are all there.
//!
//! UNVERIFIED: the Agency's formats are not public. Recognised are those that this program writes
//! itself; everything else is opaque.

use ceralacca_kernel::Explain;
use ceralacca_keystore::ber::{self, BerError};
use ceralacca_keystore::certif_in::CertifIn;
use ceralacca_signing::{Content, signed_data};

use super::arrivals::ArrivalKind;
use crate::ReceiptText;

/// Tells what a whole file is. Half of one is never taken for whole.
pub(super) fn recognise(bytes: &[u8]) -> ArrivalKind {
    match bytes {
        [] => incomplete("it is empty"),
        [0x30, ..] => of_element(bytes),
        _ if bytes.iter().all(|byte| *byte == 0) => incomplete("nothing but zeros"),
        _ => of_text(bytes),
    }
}

fn of_element(bytes: &[u8]) -> ArrivalKind {
    if let Some(announced) = announced_length(bytes) {
        let found = bytes.len() as u64;
        if found < announced {
            return incomplete(&format!("{found} of {announced} bytes"));
        }
        if found > announced {
            return opaque("DER and more");
        }
    } else if matches!(ber::to_der(bytes), Err(BerError::Truncated)) {
        return incomplete("it ends inside an element");
    }
    match content_type(bytes) {
        Some(ENVELOPED_DATA) => ArrivalKind::Sealed,
        Some(SIGNED_DATA) => of_signed_data(bytes),
        _ => opaque("DER"),
    }
}

fn of_signed_data(bytes: &[u8]) -> ArrivalKind {
    let mut content = Vec::new();
    let signed = match signed_data::read(&mut &*bytes, Content::Into(&mut content)) {
        Ok(signed) => signed,
        Err(error) if error.explain().code == "signing.truncated" => {
            return incomplete("it ends inside an element");
        }
        Err(_) => return opaque("signed file (p7m)"),
    };
    // A signed file has certificates too, those of whoever signed it.
    if signed.signers.is_empty() && !signed.attached {
        return of_certificates(bytes).unwrap_or(opaque("certificates (p7b)"));
    }
    match ReceiptText::parse(&content) {
        Ok(text) => ArrivalKind::Text { text: Box::new(text), signed: true },
        Err(_) => opaque("signed file (p7m)"),
    }
}

fn of_certificates(bytes: &[u8]) -> Option<ArrivalKind> {
    let answer = CertifIn::from_der(bytes).ok()?;
    let keys: Vec<String> =
        answer.user_certificates().map(|one| one.public().fingerprint()).collect();
    (!keys.is_empty()).then_some(ArrivalKind::CertifIn { keys })
}

fn of_text(bytes: &[u8]) -> ArrivalKind {
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let ends_with = |mark: &[u8]| tail.windows(mark.len()).any(|window| window == mark);
    if bytes.starts_with(b"%PDF-") {
        return if ends_with(b"%%EOF") { opaque("PDF") } else { incomplete("a PDF without end") };
    }
    if bytes.starts_with(b"PK\x03\x04") {
        let whole = ends_with(b"PK\x05\x06");
        return if whole { opaque("ZIP") } else { incomplete("a ZIP without its directory") };
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    if text.starts_with(TITLE) {
        return match ReceiptText::parse(bytes) {
            // Every line of it ends; the last one may be longer than what is here.
            Ok(text) if bytes.ends_with(b"\n") => {
                ArrivalKind::Text { text: Box::new(text), signed: false }
            }
            Ok(_) => incomplete("its last line has no end"),
            Err(why) => incomplete(&why),
        };
    }
    if text.starts_with(b"<") {
        return if text.ends_with(b">") {
            opaque("XML")
        } else {
            incomplete("XML without its end")
        };
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control() || c.is_whitespace()) => opaque("text"),
        _ => opaque("data"),
    }
}

/// The length of the whole element as the header of a SEQUENCE announces it (X.690 §8.1.3).
fn announced_length(bytes: &[u8]) -> Option<u64> {
    let (header, length) = header(bytes)?;
    Some(header as u64 + length?)
}

/// Bytes of the header, and the length of the content where it is definite.
fn header(bytes: &[u8]) -> Option<(usize, Option<u64>)> {
    let length = *bytes.get(1)?;
    match length {
        0x80 => Some((2, None)),
        0..=0x7f => Some((2, Some(u64::from(length)))),
        0x81..=0x87 => {
            let count = usize::from(length & 0x7f);
            let octets = bytes.get(2..2 + count)?;
            let length = octets.iter().fold(0, |sum: u64, octet| sum << 8 | u64::from(*octet));
            Some((2 + count, Some(length)))
        }
        _ => None,
    }
}

/// The last octet of the content type, where it is one of PKCS#7 (1.2.840.113549.1.7).
fn content_type(bytes: &[u8]) -> Option<u8> {
    let (header, _) = header(bytes)?;
    match bytes.get(header..header + PKCS7.len() + 1)?.split_last()? {
        (last, PKCS7) => Some(*last),
        _ => None,
    }
}

fn opaque(looks_like: &'static str) -> ArrivalKind {
    ArrivalKind::Opaque { looks_like }
}

fn incomplete(why: &str) -> ArrivalKind {
    ArrivalKind::Incomplete { why: why.to_owned() }
}

const PKCS7: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
const SIGNED_DATA: u8 = 2;
const ENVELOPED_DATA: u8 = 3;
const TITLE: &[u8] = b"RICEVUTA DI UN FILE TELEMATICO";
/// The end of central directory of a ZIP is followed by at most this much.
const TAIL: usize = (64 << 10) + 22;
