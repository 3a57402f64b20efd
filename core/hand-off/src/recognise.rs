//! What the bytes of a file are, whether they are all there, and whether they say so themselves.
//!
//! UNVERIFIED: the Agency's formats are not public. Recognised are those that this program writes
//! itself; everything else is opaque.

use std::borrow::Cow;

use ceralacca_ber::{self as ber, BerError};
use ceralacca_kernel::Explain;
use ceralacca_keystore::certif_in::CertifIn;
use ceralacca_signing::{Content, armour, signed_data};
use ceralacca_submission::ReceiptText;

use super::arrivals::ArrivalKind;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) kind: ArrivalKind,
    /// Whether its content says where it ends, and ends there. Of anything else, half of it looks
    /// like the whole.
    pub(super) ends: bool,
}

/// Tells what a file is. Half of what announces its end is never taken for whole.
pub(super) fn recognise(bytes: &[u8]) -> Recognised {
    let inner = unwrapped(bytes);
    match &*inner {
        [] => incomplete("it is empty"),
        [0x30, ..] => of_element(&inner),
        _ if bytes.iter().all(|byte| *byte == 0) => incomplete("nothing but zeros"),
        _ => of_text(bytes),
    }
}

/// The signed or sealed file that is wrapped in PEM or base64, or followed by white space; anything
/// else is given back as it is.
pub(super) fn unwrapped(bytes: &[u8]) -> Cow<'_, [u8]> {
    let (_, inner) = armour::decode(bytes);
    if !inner.starts_with(&[0x30]) || content_type(&inner).is_none() {
        return Cow::Borrowed(bytes);
    }
    let end = announced_length(&inner).and_then(|length| usize::try_from(length).ok());
    match end.filter(|end| inner.get(*end..).is_some_and(|rest| rest.trim_ascii().is_empty())) {
        Some(end) => match inner {
            Cow::Borrowed(inner) => Cow::Borrowed(&inner[..end]),
            Cow::Owned(mut inner) => {
                inner.truncate(end);
                Cow::Owned(inner)
            }
        },
        None => inner,
    }
}

fn of_element(bytes: &[u8]) -> Recognised {
    let ends = match announced_length(bytes) {
        Some(announced) => {
            let found = bytes.len() as u64;
            if found < announced {
                return incomplete(&format!("{found} of {announced} bytes"));
            }
            if found > announced {
                return Recognised { kind: opaque("DER and more"), ends: false };
            }
            // Who copies may ask for the room first and fill it afterwards.
            !bytes.ends_with(&[0; 32])
        }
        None => match ber::to_der(bytes) {
            Err(BerError::Truncated) => return incomplete("it ends inside an element"),
            Ok((_, taken)) => taken == bytes.len(),
            Err(BerError::Malformed(_)) => false,
        },
    };
    let kind = match content_type(bytes) {
        Some(ENVELOPED_DATA) => ArrivalKind::Sealed,
        Some(SIGNED_DATA) => of_signed_data(bytes),
        _ => opaque("DER"),
    };
    Recognised { kind, ends }
}

fn of_signed_data(bytes: &[u8]) -> ArrivalKind {
    let mut content = Vec::new();
    let signed = match signed_data::read(&mut &*bytes, Content::Into(&mut content)) {
        Ok(signed) => signed,
        Err(error) if error.explain().code == "signing.truncated" => {
            return incomplete("it ends inside an element").kind;
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

fn of_text(bytes: &[u8]) -> Recognised {
    if bytes.starts_with(b"%PDF-") {
        return of_pdf(bytes);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return of_zip(bytes);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
    if text.starts_with(TITLE) {
        return of_receipt(bytes);
    }
    let has_end = || text.ends_with(b"-----") && position(text, b"-----END ").is_some();
    if text.starts_with(b"-----BEGIN") && !has_end() {
        return incomplete("PEM without its end");
    }
    if text.starts_with(b"<") {
        return match text.ends_with(b">") {
            true => Recognised { kind: opaque("XML"), ends: closes_its_root(text) },
            false => incomplete("XML without its end"),
        };
    }
    let kind = match std::str::from_utf8(bytes) {
        _ if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") => {
            opaque("UTF-16 text (save it as UTF-8)")
        }
        Ok(text) if text.chars().all(|c| !c.is_control() || c.is_whitespace()) => opaque("text"),
        _ => opaque("data"),
    };
    Recognised { kind, ends: false }
}

fn of_receipt(bytes: &[u8]) -> Recognised {
    match ReceiptText::parse(bytes) {
        // Every line of it ends; the last one may be longer than what is here.
        Ok(text) if bytes.ends_with(b"\n") => {
            // The line after the counts is there for some types of document only.
            let ends =
                text.tipo_documento != "IMPRONTA" || text.detail(ReceiptText::IMPRONTA).is_some();
            let kind = ArrivalKind::Text { text: Box::new(text), signed: false };
            Recognised { kind, ends }
        }
        Ok(_) => incomplete("its last line has no end"),
        Err(why) => incomplete(&why),
    }
}

/// ISO 32000-1 §7.5.5: the last line is `%%EOF`; readers look for it in the last 1024 bytes. One that
/// is prepared for the web (Annex F) has such a line near its beginning, too, and its length.
fn of_pdf(bytes: &[u8]) -> Recognised {
    let found = bytes.len() as u64;
    let start = &bytes[..bytes.len().min(1024)];
    let length = position(start, b"/Linearized").and_then(|_| number_after(start, b"/L "));
    if let Some(announced) = length.filter(|announced| found < *announced) {
        return incomplete(&format!("{found} of {announced} bytes"));
    }
    let tail = &bytes[bytes.len().saturating_sub(1024)..];
    if position(tail, b"%%EOF").is_some() {
        return Recognised { kind: opaque("PDF"), ends: true };
    }
    incomplete("a PDF without end")
}

/// The end of central directory with its comment is the last thing in a ZIP (APPNOTE §4.3.16).
fn of_zip(bytes: &[u8]) -> Recognised {
    const HEADER: usize = 22;
    let tail = &bytes[bytes.len().saturating_sub((64 << 10) + HEADER)..];
    let ends = |end: &[u8]| match end {
        [b'P', b'K', 5, 6, rest @ ..] if end.len() >= HEADER => {
            let comment = u16::from_le_bytes([rest[16], rest[17]]);
            end.len() == HEADER + usize::from(comment)
        }
        _ => false,
    };
    if (0..tail.len()).any(|at| ends(&tail[at..])) {
        return Recognised { kind: opaque("ZIP"), ends: true };
    }
    match position(tail, b"PK\x05\x06") {
        Some(_) => Recognised { kind: opaque("ZIP"), ends: false },
        None => incomplete("a ZIP without its directory"),
    }
}

/// Whether the last tag of an XML or HTML text is that of its first element.
fn closes_its_root(text: &[u8]) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80;
    let opens = |pair: &[u8]| pair[0] == b'<' && is_name(&pair[1]);
    let Some(start) = text.windows(2).position(opens) else { return false };
    let root = &text[start + 1..];
    let is_over = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/');
    let name = &root[..root.iter().position(is_over).unwrap_or(root.len())];
    let last = text.strip_suffix(b">").unwrap_or(text).trim_ascii_end();
    let closed = last.len().checked_sub(name.len() + 2).map(|at| &last[at..]);
    let closes = |end: &[u8]| end.starts_with(b"</") && end[2..].eq_ignore_ascii_case(name);
    // `<a/>` is all there is.
    let alone = || last.ends_with(b"/") && !root[..root.len() - 1].contains(&b'>');
    closed.is_some_and(closes) || alone()
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn number_after(bytes: &[u8], mark: &[u8]) -> Option<u64> {
    let rest = bytes[position(bytes, mark)? + mark.len()..].trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// The length of the whole element as the header of a SEQUENCE announces it (X.690 §8.1.3).
fn announced_length(bytes: &[u8]) -> Option<u64> {
    let (header, length) = header(bytes)?;
    (header as u64).checked_add(length?)
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

fn incomplete(why: &str) -> Recognised {
    Recognised { kind: ArrivalKind::Incomplete { why: why.to_owned() }, ends: false }
}

const PKCS7: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
const SIGNED_DATA: u8 = 2;
const ENVELOPED_DATA: u8 = 3;
const TITLE: &[u8] = b"RICEVUTA DI UN FILE TELEMATICO";

#[cfg(test)]
#[path = "recognise_tests.rs"]
mod tests;
