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

use std::io::{self, Write};

use ceralacca_ber::tag::{
    BOOLEAN, CONTEXT_0, IA5_STRING, INTEGER, OCTET_STRING, OCTET_STRING_IN_PIECES, OID, SEQUENCE,
    UTF8_STRING,
};
use ceralacca_ber::{Element, Reason, Stream, StreamError, encode, encode_header};

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

type Reading<T> = Result<T, StreamError>;

/// Reads a TSD of any size; its document streams to `content`.
pub(crate) fn read(file: &Section, content: &mut dyn Write) -> Reading<TimeStampedData> {
    let mut ber = Stream::bounded(file.from_start(), file.length());
    ber.enter(SEQUENCE, "ContentInfo")?;
    let content_type = ber.read(OID, MAX_METADATA, "content type", |one| one.oid())?;
    if content_type != ID_TIMESTAMPED_DATA {
        return Err(ber.malformed("another content type"));
    }
    ber.enter(CONTEXT_0, "content")?;
    ber.enter(SEQUENCE, "TimeStampedData")?;
    let read = timestamped_data(&mut ber, content)?;
    ber.leave("TimeStampedData")?;
    ber.leave("content")?;
    ber.leave("ContentInfo")?;
    match ber.is_finished()? {
        true => Ok(read),
        false => Err(ber.malformed("bytes after the end")),
    }
}

/// Writes a TSD in DER: the document, its name and the token that covers it.
pub(crate) fn write(
    document: &Section,
    token: &[u8],
    name: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let version = encode(INTEGER, &[1]);
    let unprotected = encode(BOOLEAN, &[0]);
    let metadata = [unprotected, encode(UTF8_STRING, name.as_bytes())].concat();
    let before = [version, encode(SEQUENCE, &metadata)].concat();
    let evidence = encode(CONTEXT_0, &encode(SEQUENCE, token));
    let content = encode_header(OCTET_STRING, document.length());
    let length = (before.len() + content.len() + evidence.len()) as u64 + document.length();
    let data = encode_header(SEQUENCE, length);
    let explicit = encode_header(CONTEXT_0, data.len() as u64 + length);
    let oid = encode(OID, ID_TIMESTAMPED_DATA.as_bytes());
    let info = (oid.len() + explicit.len() + data.len()) as u64 + length;
    for bytes in [encode_header(SEQUENCE, info), oid, explicit, data, before, content] {
        out.write_all(&bytes)?;
    }
    let copied = io::copy(&mut document.from_start(), out)?;
    if copied != document.length() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the document became shorter"));
    }
    out.write_all(&evidence)
}

fn timestamped_data(
    ber: &mut Stream<Section>,
    content: &mut dyn Write,
) -> Reading<TimeStampedData> {
    let version = ber.read(INTEGER, MAX_METADATA, "version", |one| one.small_integer())?;
    if version != 1 {
        return Err(ber.malformed("a version that is not 1"));
    }
    if ber.peek_tag()? == Some(IA5_STRING) {
        ber.skip(MAX_METADATA, "dataUri")?;
    }
    let mut metadata = None;
    if ber.peek_tag()? == Some(SEQUENCE) {
        metadata = Some(ber.read(SEQUENCE, MAX_METADATA, "metadata", MetaData::of)?);
    }
    let mut content_length = None;
    if matches!(ber.peek_tag()?, Some(OCTET_STRING | OCTET_STRING_IN_PIECES)) {
        let write = |piece: &[u8]| content.write_all(piece).map_err(StreamError::Io);
        content_length = Some(ber.octets(write)?);
    }
    match ber.peek_tag()? {
        Some(CONTEXT_0) => ber.enter(CONTEXT_0, "evidence")?,
        Some(_) => return Err(ber.malformed("evidence that is not a timestamp")),
        None => return Err(ber.malformed("no temporal evidence")),
    }
    let (mut token, mut tokens) = (None, 0);
    while let Some(tag) = ber.peek_tag()? {
        if tag != SEQUENCE || tokens == MAX_TOKENS {
            return Err(ber.malformed("evidence that is not TimeStampAndCRL"));
        }
        ber.enter(SEQUENCE, "TimeStampAndCRL")?;
        if ber.peek_tag()? != Some(SEQUENCE) {
            return Err(ber.malformed("no token in the evidence"));
        }
        token.get_or_insert(ber.element(MAX_TOKEN, "token")?);
        while ber.peek_tag()?.is_some() {
            ber.skip(MAX_CRL, "crl")?;
        }
        ber.leave("TimeStampAndCRL")?;
        tokens += 1;
    }
    ber.leave("evidence")?;
    let token = token.ok_or_else(|| ber.malformed("no token in the evidence"))?;
    Ok(TimeStampedData { metadata, content_length, token, tokens })
}

impl MetaData {
    fn of(element: Element<'_>) -> Result<MetaData, Reason> {
        let protected = element.inside().expect(BOOLEAN, "no hashProtected")?;
        match protected.content {
            [value] => Ok(MetaData { der: element.raw.to_vec(), hash_protected: *value != 0 }),
            _ => Err("a BOOLEAN that is not one byte"),
        }
    }
}

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
        let oid = ::hex::encode(encode(OID, ID_TIMESTAMPED_DATA.as_bytes()));
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
