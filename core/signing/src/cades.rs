//! CAdES signatures written as the content streams by (EN 319 122-1 level B-B, then B-T).
//!
//! SHA-256 and RSA PKCS#1 v1.5; signed attributes content-type, message-digest, signing-time,
//! signing-certificate-v2 (RFC 5035) and CMSAlgorithmProtection (RFC 6211).

use std::io::{self, Read, Write};
use std::mem;
use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use ceralacca_ber::tag::{
    CONTEXT_0, CONTEXT_1, INTEGER, OCTET_STRING, OCTET_STRING_IN_PIECES, OID, SEQUENCE, SET,
};
use ceralacca_ber::{encode, encode_header};
use ceralacca_keystore::{Certificate, Utilizzo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA,
    ID_SIGNING_TIME,
};
use const_oid::db::rfc5912::{ID_SHA_256, SHA_256_WITH_RSA_ENCRYPTION};
use der::Encode;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::algorithm::identifier;
use crate::digest::{DigestAlgorithm, Hasher};
use crate::error::SigningError;
use crate::signer::Signer;
use crate::signing_certificate;

pub use crate::batch::{Job, sign_many};
pub use crate::cades_timestamp::{Stamped, with_timestamp};

/// How to sign.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Leaves the content out of the file.
    pub detached: bool,
    /// The time that the signer claims; fractions of a second are dropped.
    pub signing_time: Timestamp,
    /// What the content is: id-data for a document, id-ct-TSTInfo for a time-stamp token.
    pub content_type: ObjectIdentifier,
}

impl Options {
    /// A document with its signature in one file.
    pub fn attached(signing_time: Timestamp) -> Options {
        Options { detached: false, signing_time, content_type: ID_DATA }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// SHA-256 of the content.
    pub content_digest: Vec<u8>,
    /// SHA-256 of the signed file: the imprint, where the signed file is what is marked.
    pub sha256_of_output: Vec<u8>,
    /// Bytes of the signed file.
    pub length: u64,
}

/// Signs `content` and writes the signed file to `out`, in one pass and constant memory.
///
/// With `length` the file is DER throughout; without, an attached content is written in pieces of
/// indefinite length (BER). Certificates of the chain go into the file, but for self-signed ones.
///
/// # Errors
/// `signing.signer_usage`, `signing.content_length`, `signing.disk` and the signer's own.
pub fn sign(
    mut content: impl Read,
    length: Option<u64>,
    out: impl Write + Send,
    signer: &dyn Signer,
    options: &Options,
) -> Result<Written, SigningError> {
    let frame = Frame::new(signer, options)?;
    let mut out = Output { out, hasher: Hasher::new(DigestAlgorithm::Sha256), length: 0 };
    let (digest, mut out) = if options.detached {
        let (digest, found) = each_piece(&mut content, |_| Ok(true))?;
        check_length(length, found)?;
        out.write(&frame.head(None, true))?;
        (digest, out)
    } else {
        out.write(&frame.head(length, false))?;
        let (digest, found, out) = match length {
            Some(length) if length <= SMALL => {
                let (digest, found) =
                    each_piece(&mut content, |piece| out.write(piece).map(|()| true))?;
                (digest, found, out)
            }
            _ => on_threads(&mut content, length, out)?,
        };
        check_length(length, found)?;
        (digest, out)
    };
    let attributes = frame.signed_attributes(&digest);
    let signature = signer.sign_sha256(&encode(SET, &attributes)).map_err(SigningError::Signer)?;
    out.write(&frame.tail(&attributes, &signature, length.is_none() && !options.detached))?;
    out.out.flush().map_err(|error| SigningError::writing(&error))?;
    Ok(Written {
        content_digest: digest,
        sha256_of_output: out.hasher.finish(),
        length: out.length,
    })
}

/// Everything of the file that does not depend on the content.
struct Frame {
    content_type: ObjectIdentifier,
    /// certificates [0].
    certificates: Vec<u8>,
    issuer_and_serial: Vec<u8>,
    signing_certificate: Vec<u8>,
    signing_time: Vec<u8>,
    signature_length: usize,
}

impl Frame {
    fn new(signer: &dyn Signer, options: &Options) -> Result<Frame, SigningError> {
        let certificate = signer.certificate();
        if !certificate.allows(Utilizzo::Firma) {
            return Err(SigningError::SignerUsage {
                subject: certificate.subject(),
                key_usage: certificate.key_usage(),
            });
        }
        let failed = |_| SigningError::Encoding { what: "the signer's certificate".to_owned() };
        let tbs = &certificate.parsed().tbs_certificate;
        let issuer = tbs.issuer.to_der().map_err(failed)?;
        let serial = encode(INTEGER, tbs.serial_number.as_bytes());
        Ok(Frame {
            content_type: options.content_type,
            certificates: certificates(signer),
            issuer_and_serial: encode(SEQUENCE, &[issuer, serial].concat()),
            signing_certificate: signing_certificate::encode_v2(certificate).map_err(failed)?,
            signing_time: time(options.signing_time),
            signature_length: certificate.public().bits().div_ceil(8),
        })
    }

    /// From the start of the file up to the first byte of the content.
    fn head(&self, length: Option<u64>, detached: bool) -> Vec<u8> {
        let content_type = encode(OID, self.content_type.as_bytes());
        let version = if self.content_type == ID_DATA { 1 } else { 3 };
        let start =
            [encode(INTEGER, &[version]), encode(SET, &identifier(ID_SHA_256, false))].concat();
        let signed_data = encode(OID, ID_SIGNED_DATA.as_bytes());
        let Some(length) = length.or(detached.then_some(0)) else {
            let open = |tag: u8| vec![tag, 0x80];
            return [
                open(SEQUENCE),
                signed_data,
                open(CONTEXT_0),
                open(SEQUENCE),
                start,
                open(SEQUENCE),
                content_type,
                open(CONTEXT_0),
                open(OCTET_STRING_IN_PIECES),
            ]
            .concat();
        };
        let mut inside = content_type;
        let mut total = inside.len() as u64;
        if !detached {
            let octets = encode_header(OCTET_STRING, length);
            let explicit = encode_header(CONTEXT_0, octets.len() as u64 + length);
            inside.extend([explicit, octets].concat());
            total = inside.len() as u64 + length;
        }
        let encapsulated = [encode_header(SEQUENCE, total), inside].concat();
        let start = [start, encapsulated].concat();
        let content = if detached { 0 } else { length };
        let inner = start.len() as u64 + content + self.tail_length();
        let sequence = encode_header(SEQUENCE, inner);
        let explicit = encode_header(CONTEXT_0, sequence.len() as u64 + inner);
        let outer = signed_data.len() as u64 + (explicit.len() + sequence.len()) as u64 + inner;
        [encode_header(SEQUENCE, outer), signed_data, explicit, sequence, start].concat()
    }

    /// From after the content to the end of the file.
    fn tail(&self, attributes: &[u8], signature: &[u8], indefinite: bool) -> Vec<u8> {
        let signer = [
            encode(INTEGER, &[1]),
            self.issuer_and_serial.clone(),
            identifier(ID_SHA_256, false),
            encode(CONTEXT_0, attributes),
            identifier(SHA_256_WITH_RSA_ENCRYPTION, true),
            encode(OCTET_STRING, signature),
        ]
        .concat();
        let mut tail = Vec::new();
        if indefinite {
            tail.extend_from_slice(&[0; 6]);
        }
        tail.extend_from_slice(&self.certificates);
        tail.extend(encode(SET, &encode(SEQUENCE, &signer)));
        if indefinite {
            tail.extend_from_slice(&[0; 6]);
        }
        tail
    }

    fn tail_length(&self) -> u64 {
        let attributes = self.signed_attributes(&[0; 32]);
        self.tail(&attributes, &vec![0; self.signature_length], false).len() as u64
    }

    /// The content of the SET of signed attributes, in the order of DER.
    fn signed_attributes(&self, digest: &[u8]) -> Vec<u8> {
        let protection = [
            identifier(ID_SHA_256, false),
            // [1] IMPLICIT AlgorithmIdentifier
            [&[CONTEXT_1], &identifier(SHA_256_WITH_RSA_ENCRYPTION, true)[1..]].concat(),
        ];
        let mut attributes = [
            (ID_CONTENT_TYPE, encode(OID, self.content_type.as_bytes())),
            (ID_SIGNING_TIME, self.signing_time.clone()),
            (ID_MESSAGE_DIGEST, encode(OCTET_STRING, digest)),
            (ID_AA_SIGNING_CERTIFICATE_V_2, self.signing_certificate.clone()),
            (ALGORITHM_PROTECTION, encode(SEQUENCE, &protection.concat())),
        ]
        .map(|(oid, value)| attribute(oid, &value));
        attributes.sort();
        attributes.concat()
    }
}

/// One attribute with one value, in DER.
pub(crate) fn attribute(oid: ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    encode(SEQUENCE, &[encode(OID, oid.as_bytes()), encode(SET, value)].concat())
}

/// certificates [0] IMPLICIT SET OF: the signer's chain without its root, in the order of DER.
fn certificates(signer: &dyn Signer) -> Vec<u8> {
    let own = signer.certificate();
    let issuers = signer.chain().iter().filter(|one| !one.names_issuer(one));
    let mut all: Vec<&Certificate> = vec![own];
    all.extend(issuers.filter(|one| *one != own));
    all.sort_by(|one, other| one.as_der().cmp(other.as_der()));
    all.dedup();
    let der: Vec<&[u8]> = all.into_iter().map(Certificate::as_der).collect();
    encode(CONTEXT_0, &der.concat())
}

/// Time as CMS writes it: UTCTime until 2049, GeneralizedTime after (RFC 5652 §11.3).
fn time(at: Timestamp) -> Vec<u8> {
    let utc = at.to_zoned(TimeZone::UTC);
    if (1950..2050).contains(&utc.year()) {
        encode(UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        encode(GENERALIZED_TIME, utc.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

/// The signed file as it is written, and hashed.
struct Output<W> {
    out: W,
    hasher: Hasher,
    length: u64,
}

impl<W: Write> Output<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SigningError> {
        self.out.write_all(bytes).map_err(|error| SigningError::writing(&error))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// Reads and hashes the content here; on two more threads the signed file is written and hashed.
fn on_threads<W: Write + Send>(
    content: &mut dyn Read,
    length: Option<u64>,
    out: Output<W>,
) -> Result<(Vec<u8>, u64, Output<W>), SigningError> {
    let Output { mut out, mut hasher, length: before } = out;
    let mut after = before;
    thread::scope(|scope| {
        let (to_writer, written): (SyncSender<Arc<Piece>>, _) = mpsc::sync_channel(QUEUED);
        let (to_hasher, hashed): (SyncSender<Arc<Piece>>, _) = mpsc::sync_channel(QUEUED);
        let writer = scope.spawn(move || {
            while let Ok(piece) = written.recv() {
                out.write_all(&piece.header)?;
                out.write_all(&piece.bytes)?;
            }
            Ok(out)
        });
        let hashing = scope.spawn(move || {
            while let Ok(piece) = hashed.recv() {
                hasher.update(&piece.header);
                hasher.update(&piece.bytes);
            }
            hasher
        });
        let mut ring = vec![Arc::<Piece>::default(); QUEUED + 3];
        let mut next = 0;
        let read = each_piece(content, |bytes| {
            let slot = &mut ring[next];
            next = (next + 1) % (QUEUED + 3);
            let mut piece = Arc::try_unwrap(mem::take(slot)).unwrap_or_default();
            mem::swap(&mut piece.bytes, bytes);
            piece.header.clear();
            if length.is_none() {
                piece.header = encode_header(OCTET_STRING, piece.bytes.len() as u64);
            }
            after += (piece.header.len() + piece.bytes.len()) as u64;
            *slot = Arc::new(piece);
            // A writer that has ended says itself why.
            let there = to_writer.send(Arc::clone(slot)).is_ok();
            Ok(there && to_hasher.send(Arc::clone(slot)).is_ok())
        });
        drop((to_writer, to_hasher));
        let out = writer.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        let hasher = hashing.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        let out = out.map_err(|error| SigningError::writing(&error))?;
        let (digest, found) = read?;
        Ok((digest, found, Output { out, hasher, length: after }))
    })
}

/// A piece of the signed file, shared by those who write and hash it.
#[derive(Default)]
struct Piece {
    header: Vec<u8>,
    bytes: Vec<u8>,
}

/// Reads `content` in whole pieces, hashes each and hands it on until that says false.
///
/// The piece may be swapped for another buffer, which is filled next.
fn each_piece(
    content: &mut dyn Read,
    mut hand_on: impl FnMut(&mut Vec<u8>) -> Result<bool, SigningError>,
) -> Result<(Vec<u8>, u64), SigningError> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let (mut buffer, mut total) = (Vec::new(), 0);
    loop {
        buffer.resize(PIECE, 0);
        let length = fill(content, &mut buffer).map_err(|error| SigningError::reading(&error))?;
        buffer.truncate(length);
        hasher.update(&buffer);
        total += length as u64;
        if length == 0 || !hand_on(&mut buffer)? {
            return Ok((hasher.finish(), total));
        }
    }
}

fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn check_length(expected: Option<u64>, found: u64) -> Result<(), SigningError> {
    match expected {
        Some(expected) if expected != found => Err(SigningError::ContentLength { expected, found }),
        _ => Ok(()),
    }
}

/// id-aa-CMSAlgorithmProtection (RFC 6211 §2).
pub(crate) const ALGORITHM_PROTECTION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.52");
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const PIECE: usize = 256 << 10;
/// Pieces that wait for one thread.
const QUEUED: usize = 4;
/// Up to here more threads cost more than they save.
const SMALL: u64 = 1 << 20;
