//! TSD files: TimeStampedData, a document with its mark (RFC 5544).
//!
//! ```text
//! TimeStampedData ::= SEQUENCE {
//!     version           INTEGER { v1(1) },
//!     dataUri           IA5String OPTIONAL,
//!     metaData          MetaData OPTIONAL,
//!     content           OCTET STRING OPTIONAL,
//!     temporalEvidence  Evidence }
//! MetaData ::= SEQUENCE {
//!     hashProtected     BOOLEAN,
//!     fileName          UTF8String OPTIONAL,
//!     mediaType         IA5String OPTIONAL,
//!     otherMetaData     Attributes OPTIONAL }
//! Evidence ::= CHOICE {
//!     tstEvidence       [0] SEQUENCE SIZE(1..MAX) OF TimeStampAndCRL,
//!     ersEvidence       [1] EvidenceRecord,
//!     otherEvidence     [2] OtherEvidence }
//! TimeStampAndCRL ::= SEQUENCE {
//!     timeStamp         TimeStampToken,
//!     crl               CertificateList OPTIONAL }
//! ```
//! IMPLICIT tags; wrapped in a ContentInfo.

use std::io::{self, BufReader, Write};

use const_oid::ObjectIdentifier;

use crate::elements::{
    BOOLEAN, CONTEXT_0, ElementError, Elements, Frame, IA5_STRING, INTEGER, OCTET_STRING,
    OCTET_STRINGS, OID, SEQUENCE, UTF8_STRING, der_element, der_header,
};
use crate::kind::ID_TIMESTAMPED_DATA;
use crate::section::Section;

/// What a TSD says, without its content.
#[derive(Clone, Debug)]
pub(crate) struct TimeStampedData {
    /// What it says of the document.
    pub(crate) metadata: Option<MetaData>,
    /// Bytes of the document; `None` when it is elsewhere.
    pub(crate) content_length: Option<u64>,
    /// The token that covers the document, in BER.
    pub(crate) token: Vec<u8>,
    /// How many tokens there are; each further one covers the one before.
    pub(crate) tokens: usize,
}

/// What a TSD says of its document.
#[derive(Clone, Debug)]
pub(crate) struct MetaData {
    /// The whole element, as it is hashed before the content when `hash_protected`.
    pub(crate) der: Vec<u8>,
    /// Whether the mark covers these words too, and so not the document alone.
    pub(crate) hash_protected: bool,
}

type Reading<T> = Result<T, ElementError>;

/// Reads a TSD of any size; its document streams to `content`.
pub(crate) fn read(file: &Section, content: &mut dyn Write) -> Reading<TimeStampedData> {
    let mut elements = Elements::new(BufReader::with_capacity(PIECE, file.from_start()));
    let all = Frame::outermost(file.length());
    let info = elements.expect(all, SEQUENCE, "no ContentInfo")?;
    let info = elements.enter(&info, all);
    let oid = elements.expect(info, OID, "no content type")?;
    let oid = elements.content(&oid, 64)?;
    if ObjectIdentifier::from_bytes(&oid).ok() != Some(ID_TIMESTAMPED_DATA) {
        return Err(ElementError::Malformed("another content type"));
    }
    let explicit = elements.expect(info, CONTEXT_0, "no content")?;
    let explicit = elements.enter(&explicit, info);
    let data = elements.expect(explicit, SEQUENCE, "no TimeStampedData")?;
    let data = elements.enter(&data, explicit);
    let read = timestamped_data(&mut elements, data, content)?;
    elements.finish(data, "more than a TimeStampedData")?;
    elements.finish(explicit, "more than one content")?;
    elements.finish(info, "more than a ContentInfo")?;
    elements.finish(all, "bytes after the end")?;
    Ok(read)
}

/// Writes a TSD in DER: the document, its name and the token that covers it.
pub(crate) fn write(
    document: &Section,
    token: &[u8],
    name: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let version = der_element(INTEGER, &[1]);
    let unprotected = der_element(BOOLEAN, &[0]);
    let metadata = [unprotected, der_element(UTF8_STRING, name.as_bytes())].concat();
    let before = [version, der_element(SEQUENCE, &metadata)].concat();
    let evidence = der_element(CONTEXT_0, &der_element(SEQUENCE, token));
    let content = der_header(OCTET_STRING, document.length());
    let length = (before.len() + content.len() + evidence.len()) as u64 + document.length();
    let data = der_header(SEQUENCE, length);
    let explicit = der_header(CONTEXT_0, data.len() as u64 + length);
    let oid = der_element(OID, ID_TIMESTAMPED_DATA.as_bytes());
    let info = (oid.len() + explicit.len() + data.len()) as u64 + length;
    for bytes in [der_header(SEQUENCE, info), oid, explicit, data, before, content] {
        out.write_all(&bytes)?;
    }
    let copied = io::copy(&mut document.from_start(), out)?;
    if copied != document.length() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the document became shorter"));
    }
    out.write_all(&evidence)
}

fn timestamped_data(
    elements: &mut Elements<BufReader<Section>>,
    data: Frame,
    content: &mut dyn Write,
) -> Reading<TimeStampedData> {
    let version = elements.expect(data, INTEGER, "no version")?;
    if elements.content(&version, 8)? != [1] {
        return Err(ElementError::Malformed("a version that is not 1"));
    }
    let mut next = elements.next(data)?;
    if let Some(uri) = next.as_ref().filter(|header| header.tag == IA5_STRING) {
        elements.skip(uri, MAX_METADATA)?;
        next = elements.next(data)?;
    }
    let mut metadata = None;
    if let Some(header) = next.as_ref().filter(|header| header.tag == SEQUENCE) {
        metadata = Some(MetaData::read(&elements.whole(header, MAX_METADATA)?)?);
        next = elements.next(data)?;
    }
    let mut content_length = None;
    let is_octets = |tag: u8| tag == OCTET_STRING || tag == OCTET_STRINGS;
    if let Some(header) = next.as_ref().filter(|header| is_octets(header.tag)) {
        content_length = Some(elements.octets(header, data, content)?);
        next = elements.next(data)?;
    }
    let evidence = match next {
        Some(header) if header.tag == CONTEXT_0 => elements.enter(&header, data),
        Some(_) => return Err(ElementError::Malformed("evidence that is not a timestamp")),
        None => return Err(ElementError::Malformed("no temporal evidence")),
    };
    let (mut token, mut tokens) = (None, 0);
    while let Some(one) = elements.next(evidence)? {
        if one.tag != SEQUENCE || tokens == MAX_TOKENS {
            return Err(ElementError::Malformed("evidence that is not TimeStampAndCRL"));
        }
        let both = elements.enter(&one, evidence);
        let header = elements.expect(both, SEQUENCE, "no token in the evidence")?;
        let bytes = elements.whole(&header, MAX_TOKEN)?;
        token.get_or_insert(bytes);
        while let Some(crl) = elements.next(both)? {
            elements.skip(&crl, MAX_CRL)?;
        }
        tokens += 1;
    }
    let token = token.ok_or(ElementError::Malformed("no token in the evidence"))?;
    Ok(TimeStampedData { metadata, content_length, token, tokens })
}

impl MetaData {
    fn read(der: &[u8]) -> Reading<MetaData> {
        let mut elements = Elements::new(der);
        let all = Frame::outermost(der.len() as u64);
        let header = elements.expect(all, SEQUENCE, "no metadata")?;
        let inside = elements.enter(&header, all);
        let protected = elements.expect(inside, BOOLEAN, "metadata without hashProtected")?;
        let hash_protected = elements.content(&protected, 1)? != [0];
        Ok(MetaData { der: der.to_vec(), hash_protected })
    }
}

const PIECE: usize = 256 << 10;
const MAX_METADATA: u64 = 64 << 10;
const MAX_TOKEN: u64 = 1 << 20;
const MAX_CRL: u64 = 16 << 20;
const MAX_TOKENS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x07];

    fn written(document: &[u8]) -> Vec<u8> {
        let (document, mut out) = (Section::of_bytes(document).unwrap(), Vec::new());
        write(&document, &TOKEN, "indice.xml.p7m", &mut out).unwrap();
        out
    }

    fn read_bytes(bytes: &[u8]) -> Reading<(TimeStampedData, Vec<u8>)> {
        let mut content = Vec::new();
        let data = read(&Section::of_bytes(bytes).unwrap(), &mut content)?;
        Ok((data, content))
    }

    #[test]
    fn round_trip() {
        for document in [b"".to_vec(), b"documento".to_vec(), vec![7; 100_000]] {
            let (data, content) = read_bytes(&written(&document)).unwrap();
            assert_eq!(content, document);
            assert_eq!(data.content_length, Some(document.len() as u64));
            assert_eq!((data.token, data.tokens), (TOKEN.to_vec(), 1));
            let metadata = data.metadata.unwrap();
            assert!(metadata.der.ends_with(b"indice.xml.p7m") && !metadata.hash_protected);
        }
    }

    #[test]
    fn indefinite_lengths_and_pieces() {
        let oid = ::hex::encode(der_element(OID, ID_TIMESTAMPED_DATA.as_bytes()));
        let pieces = "2480 0403616263 0402 6465 0000";
        let evidence = "a080 3080 3080 020107 0000 0000 30 05 3003 020108 0000";
        let ber =
            format!("3080 {oid} a080 3080 020101 3003 0101ff {pieces} {evidence} 0000 0000 0000");
        let (data, content) = read_bytes(&::hex::decode(ber.replace(' ', "")).unwrap()).unwrap();
        assert_eq!(content, b"abcde");
        assert_eq!(::hex::encode(&data.token), "30800201070000");
        assert!(data.tokens == 2 && data.metadata.unwrap().hash_protected);
    }

    #[test]
    fn damage_gives_errors() {
        let whole = written(b"documento");
        for cut in 0..whole.len() {
            assert!(read_bytes(&whole[..cut]).is_err(), "{cut}");
        }
        assert!(read_bytes(&[&whole[..], b"\n"].concat()).is_err());
        for at in 0..whole.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= flip;
                let _ = read_bytes(&damaged);
            }
        }
    }
}
