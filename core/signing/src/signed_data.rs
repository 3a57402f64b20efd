//! CMS SignedData read as it streams by (RFC 5652 §5): BER or DER, content of any size.
//!
//! ```text
//! SignedData ::= SEQUENCE { version CMSVersion, digestAlgorithms SET OF AlgorithmIdentifier,
//!     encapContentInfo EncapsulatedContentInfo, certificates [0] IMPLICIT CertificateSet OPTIONAL,
//!     crls [1] IMPLICIT RevocationInfoChoices OPTIONAL, signerInfos SET OF SignerInfo }
//! EncapsulatedContentInfo ::= SEQUENCE { eContentType OBJECT IDENTIFIER,
//!     eContent [0] EXPLICIT OCTET STRING OPTIONAL }
//! ```

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::ops::Range;

use ceralacca_ber::tag::{CONTEXT_0, CONTEXT_1, INTEGER, OID, SEQUENCE, SET};
use ceralacca_ber::{Element, Reason, Stream, StreamError};
use ceralacca_keystore::Certificate;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};

use crate::algorithm::Algorithm;
use crate::digest::{DigestAlgorithm, Hasher};
use crate::error::SigningError;
use crate::signer_info::SignerInfo;

/// What to do with the content while it streams by.
pub enum Content<'a> {
    /// Only hash it.
    Discard,
    /// Hash it and write it here.
    Into(&'a mut dyn Write),
    /// It is not inside: hash this instead.
    Detached(&'a mut dyn Read),
}

/// A SignedData that was read. Nothing in it is trusted before [`crate::verify`].
#[derive(Clone, Debug)]
pub struct SignedData {
    /// Its version as it is written.
    pub version: u8,
    /// What kind of content was signed: id-data, id-ct-TSTInfo.
    pub content_type: ObjectIdentifier,
    /// Bytes of the content; 0 when there was none.
    pub content_length: u64,
    /// Digests of the content by the algorithms that are announced, and always one at least;
    /// empty when there was no content, neither inside nor given.
    pub digests: BTreeMap<DigestAlgorithm, Vec<u8>>,
    /// The algorithms that are announced, as written.
    pub digest_algorithms: Vec<ObjectIdentifier>,
    /// Whether the content is inside.
    pub attached: bool,
    /// Bytes of the whole file.
    pub length: u64,
    /// Certificates inside that this program reads: X.509 with an RSA key.
    pub certificates: Vec<Certificate>,
    /// Other certificates inside, as their bytes came.
    pub other_certificates: Vec<Vec<u8>>,
    /// Certificate revocation lists inside, as their bytes came.
    pub crls: Vec<Vec<u8>>,
    /// The signatures, in the order of the file.
    pub signers: Vec<SignerInfo>,
    /// Deviations from RFC 5652 that no signature would show.
    pub(crate) oddities: Vec<String>,
    pub(crate) layout: Layout,
}

/// Where the parts of the file are, for writing it again with more in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Version, digest algorithms and content.
    pub(crate) head: Range<u64>,
    /// Certificates and CRLs as they came.
    pub(crate) sets: Vec<u8>,
    /// Each SignerInfo as it came.
    pub(crate) signers: Vec<Vec<u8>>,
}

/// Reads a ContentInfo with a SignedData, to the end of `source`.
///
/// # Errors
/// `signing.malformed`, `signing.truncated`, `signing.trailing_bytes`, `signing.too_large`,
/// `signing.not_signed_data`, `signing.content_inside`, `signing.disk`.
pub fn read(source: &mut dyn Read, content: Content<'_>) -> Result<SignedData, SigningError> {
    read_hashing(source, content, true)
}

/// As [`read`]; without `hashing`, the content only passes.
pub(crate) fn read_hashing(
    source: &mut dyn Read,
    content: Content<'_>,
    hashing: bool,
) -> Result<SignedData, SigningError> {
    let mut ber = Stream::new(source);
    ber.enter(SEQUENCE, "ContentInfo")?;
    let content_type = ber.read(OID, MAX_HEAD, "content type", |one| one.oid())?;
    if content_type != ID_SIGNED_DATA {
        let file = crate::error::UNNAMED.to_owned();
        return Err(SigningError::NotSignedData { file, content_type: content_type.to_string() });
    }
    ber.enter(CONTEXT_0, "content of ContentInfo")?;
    ber.enter(SEQUENCE, "SignedData")?;
    let start = ber.position();
    let version = ber.read(INTEGER, MAX_HEAD, "version", |one| one.small_integer())?;
    let algorithms = ber.read(SET, MAX_HEAD, "digestAlgorithms", digest_algorithms)?;
    let mut digesting = Digesting::new(if hashing { &algorithms } else { &[] });
    let (content_type, attached) = encapsulated(&mut ber, content, &mut digesting)?;
    let end = ber.position();
    let mut signed = SignedData {
        version,
        content_type,
        content_length: digesting.length,
        digests: digesting.finish(),
        digest_algorithms: algorithms.iter().map(|algorithm| algorithm.oid).collect(),
        attached,
        length: 0,
        certificates: Vec::new(),
        other_certificates: Vec::new(),
        crls: Vec::new(),
        signers: Vec::new(),
        oddities: Vec::new(),
        layout: Layout { head: start..end, ..Layout::default() },
    };
    trailer(&mut ber, &mut signed)?;
    ber.leave("SignedData")?;
    ber.leave("content of ContentInfo")?;
    ber.leave("ContentInfo")?;
    signed.length = ber.position();
    if !ber.is_finished()? {
        let file = crate::error::UNNAMED.to_owned();
        return Err(SigningError::TrailingBytes { file, at: signed.length });
    }
    signed.oddities = oddities(&signed, &algorithms);
    Ok(signed)
}

fn encapsulated(
    ber: &mut Source<'_>,
    content: Content<'_>,
    digesting: &mut Digesting,
) -> Result<(ObjectIdentifier, bool), SigningError> {
    ber.enter(SEQUENCE, "encapContentInfo")?;
    let content_type = ber.read(OID, MAX_HEAD, "eContentType", |one| one.oid())?;
    let attached = ber.peek_tag()?.is_some();
    if attached {
        ber.enter(CONTEXT_0, "eContent")?;
        match content {
            Content::Discard => ber.octets(|piece| {
                digesting.update(piece);
                Ok::<_, SigningError>(())
            })?,
            Content::Into(out) => ber.octets(|piece| {
                digesting.update(piece);
                out.write_all(piece).map_err(|error| SigningError::writing(&error))
            })?,
            Content::Detached(_) => {
                let file = crate::error::UNNAMED.to_owned();
                return Err(SigningError::ContentInside { file });
            }
        };
        digesting.present = true;
        ber.leave("eContent")?;
    } else if let Content::Detached(source) = content {
        digesting.read(source)?;
    }
    ber.leave("encapContentInfo")?;
    Ok((content_type, attached))
}

fn trailer(ber: &mut Source<'_>, signed: &mut SignedData) -> Result<(), SigningError> {
    let mut budget = MAX_TRAILER;
    if ber.peek_tag()? == Some(CONTEXT_0) {
        let raw = kept(ber, &mut budget, "certificates")?;
        let certificates = inside(ber, &raw, MAX_CERTIFICATES, "certificates")?;
        for certificate in certificates {
            match Certificate::from_der(certificate) {
                Ok(certificate) => signed.certificates.push(certificate),
                Err(_) => signed.other_certificates.push(certificate.to_vec()),
            }
        }
        signed.layout.sets.extend_from_slice(&raw);
    }
    if ber.peek_tag()? == Some(CONTEXT_1) {
        let raw = kept(ber, &mut budget, "crls")?;
        let crls = inside(ber, &raw, MAX_CRLS, "crls")?;
        signed.crls = crls.into_iter().map(<[u8]>::to_vec).collect();
        signed.layout.sets.extend_from_slice(&raw);
    }
    if ber.peek_tag()? != Some(SET) {
        return Err(ber.malformed("no signerInfos").into());
    }
    let raw = kept(ber, &mut budget, "signerInfos")?;
    for signer in inside(ber, &raw, MAX_SIGNERS, "signerInfos")? {
        let read = SignerInfo::from_ber(signer).map_err(|error| ber.malformed(error))?;
        signed.signers.push(read);
        signed.layout.signers.push(signer.to_vec());
    }
    Ok(())
}

/// The next element whole; all that are kept share the budget.
fn kept(ber: &mut Source<'_>, budget: &mut u64, what: &str) -> Result<Vec<u8>, SigningError> {
    let raw = ber.element(*budget, what).map_err(|error| match error {
        StreamError::TooLarge { what, .. } => StreamError::TooLarge { what, limit: MAX_TRAILER },
        other => other,
    })?;
    *budget -= raw.len() as u64;
    Ok(raw)
}

/// The elements of a set that came whole.
fn inside<'a>(
    ber: &Source<'_>,
    raw: &'a [u8],
    most: usize,
    what: &str,
) -> Result<Vec<&'a [u8]>, SigningError> {
    let set = Element::whole(raw).map_err(|error| ber.malformed(error))?;
    let mut elements = set.inside();
    let mut all = Vec::new();
    while let Some(element) = elements.next().map_err(|error| ber.malformed(error))? {
        if all.len() == most {
            return Err(SigningError::too_large(what, most as u64));
        }
        all.push(element.raw);
    }
    Ok(all)
}

fn digest_algorithms(set: Element<'_>) -> Result<Vec<Algorithm>, Reason> {
    let mut elements = set.inside();
    let mut algorithms = Vec::new();
    while let Some(element) = elements.next()? {
        if algorithms.len() == MAX_SIGNERS {
            return Err("too many digest algorithms");
        }
        algorithms.push(Algorithm::from_element(&element)?);
    }
    Ok(algorithms)
}

/// What RFC 5652 §5.1 asks for and no signature covers.
fn oddities(signed: &SignedData, algorithms: &[Algorithm]) -> Vec<String> {
    let mut odd = Vec::new();
    let by_key = signed.signers.iter().any(|signer| signer.version == 3);
    let other = signed.other_certificates.iter().map(|one| one.first().copied().unwrap_or(0));
    let expected = match other.max() {
        Some(0xa3) => 5,
        Some(0xa2) => 4,
        Some(0xa1) => 3,
        _ if by_key || signed.content_type != ID_DATA => 3,
        _ => 1,
    };
    if signed.version != expected {
        odd.push(format!("version {} instead of {expected}", signed.version));
    }
    for algorithm in algorithms {
        if DigestAlgorithm::from_oid(algorithm.oid).is_none() {
            odd.push(format!("digest algorithm {} is not known", algorithm.oid));
        } else if !algorithm.has_no_parameters() {
            odd.push(format!("parameters of digest algorithm {}", algorithm.oid));
        }
    }
    if algorithms.len() > signed.signers.len().max(1) {
        odd.push("more digest algorithms than signatures".to_owned());
    }
    let mut signers = signed.layout.signers.clone();
    signers.sort();
    signers.dedup();
    if signers.len() < signed.signers.len() {
        odd.push("a signature that is in it twice".to_owned());
    }
    odd
}

/// The digests of the content, being computed.
struct Digesting {
    hashers: Vec<(DigestAlgorithm, Hasher)>,
    length: u64,
    present: bool,
}

impl Digesting {
    fn new(algorithms: &[Algorithm]) -> Digesting {
        let mut known: Vec<DigestAlgorithm> =
            algorithms.iter().filter_map(|one| DigestAlgorithm::from_oid(one.oid)).collect();
        known.sort();
        known.dedup();
        if known.is_empty() && !algorithms.is_empty() {
            known.push(DigestAlgorithm::Sha256);
        }
        let hashers = known.into_iter().map(|one| (one, Hasher::new(one))).collect();
        Digesting { hashers, length: 0, present: false }
    }

    fn update(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        for (_, hasher) in &mut self.hashers {
            hasher.update(piece);
        }
    }

    fn read(&mut self, source: &mut dyn Read) -> Result<(), SigningError> {
        self.present = true;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => self.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(SigningError::reading(&error)),
            }
        }
    }

    fn finish(&mut self) -> BTreeMap<DigestAlgorithm, Vec<u8>> {
        let hashers = std::mem::take(&mut self.hashers);
        if !self.present {
            return BTreeMap::new();
        }
        hashers.into_iter().map(|(algorithm, hasher)| (algorithm, hasher.finish())).collect()
    }
}

type Source<'a> = Stream<&'a mut dyn Read>;

const MAX_HEAD: u64 = 64 << 10;
/// Bytes of everything after the content that are kept.
const MAX_TRAILER: u64 = 8 << 20;
const MAX_CERTIFICATES: usize = 256;
const MAX_CRLS: usize = 64;
const MAX_SIGNERS: usize = 64;
