//! CAdES B-T: a signed file written again with a mark on its signature (EN 319 122-1 §5.3).

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use ceralacca_ber as ber;
use ceralacca_ber::tag::{CONTEXT_0, CONTEXT_1, INTEGER, OCTET_STRING, OID, SEQUENCE, SET};
use ceralacca_ber::{Element, Reason, encode, encode_header};
use ceralacca_kernel::regular_file;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNED_DATA;

use crate::algorithm::Algorithm;
use crate::cades::attribute;
use crate::digest::{DigestAlgorithm, Hasher};
use crate::error::SigningError;
use crate::signed_data::{self, Content};
use crate::signer_info::SIGNATURE_TIME_STAMP;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// SHA-256 of the file with the mark in it.
    pub sha256_of_output: Vec<u8>,
    /// Its bytes.
    pub length: u64,
}

/// Copies the signed file at `p7m` (DER or BER) and adds `token_der` to the signature it covers.
///
/// The token is only matched with the signature; whether it is to be believed is asked elsewhere.
///
/// # Errors
/// `signing.mark_of_other_signature`, `signing.disk`, and those of [`signed_data::read`] for the
/// file and for the token.
pub fn with_timestamp(
    p7m: &Path,
    token_der: &[u8],
    mut out: impl Write,
) -> Result<Stamped, SigningError> {
    let disk = |doing, error| SigningError::disk(doing, p7m, &error);
    let mut file = regular_file::open(p7m).map_err(|error| disk("reading", error))?;
    let signed = signed_data::read_hashing(&mut file, Content::Discard, false)
        .map_err(|error| error.about(p7m))?;
    let (algorithm, imprint) = imprint(token_der)?;
    let digests: Vec<Vec<u8>> =
        signed.signers.iter().map(|signer| algorithm.digest(signer.signature())).collect();
    let Some(stamped) = digests.iter().position(|digest| *digest == imprint) else {
        return Err(SigningError::MarkOfOtherSignature {
            file: p7m.display().to_string(),
            imprint: hex::encode(imprint),
            signatures: digests.iter().map(hex::encode).collect(),
        });
    };
    let mut signers = signed.layout.signers.clone();
    let malformed = |reason: Reason| SigningError::malformed(signed.length, reason).about(p7m);
    signers[stamped] = with_attribute(&signers[stamped], token_der).map_err(malformed)?;
    signers.sort();
    let tail = [signed.layout.sets.clone(), encode(SET, &signers.concat())].concat();
    let head = &signed.layout.head;
    let inner = (head.end - head.start) + tail.len() as u64;
    let sequence = encode_header(SEQUENCE, inner);
    let explicit = encode_header(CONTEXT_0, sequence.len() as u64 + inner);
    let oid = encode(OID, ID_SIGNED_DATA.as_bytes());
    let outer = (oid.len() + explicit.len() + sequence.len()) as u64 + inner;

    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut length = 0;
    let mut write = |bytes: &[u8]| {
        hasher.update(bytes);
        length += bytes.len() as u64;
        out.write_all(bytes).map_err(|error| SigningError::writing(&error))
    };
    write(&[encode_header(SEQUENCE, outer), oid, explicit, sequence].concat())?;
    file.seek(SeekFrom::Start(head.start)).map_err(|error| disk("reading", error))?;
    let mut left = head.end - head.start;
    let mut buffer = vec![0; 256 << 10];
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let piece = &mut buffer[..wanted];
        file.read_exact(piece).map_err(|error| disk("reading", error))?;
        write(piece)?;
        left -= wanted as u64;
    }
    write(&tail)?;
    out.flush().map_err(|error| SigningError::writing(&error))?;
    Ok(Stamped { sha256_of_output: hasher.finish(), length })
}

/// The messageImprint of a token (RFC 3161 §2.4.2).
fn imprint(token_der: &[u8]) -> Result<(DigestAlgorithm, Vec<u8>), SigningError> {
    let mut info = Vec::new();
    let token = Path::new("the mark");
    let signed = signed_data::read(&mut &token_der[..], Content::Into(&mut info))
        .map_err(|error| error.about(token))?;
    let read = || -> Result<_, Reason> {
        if signed.content_type != TST_INFO {
            return Err("no TSTInfo in it");
        }
        let info = Element::whole(&info)?;
        let mut inside = info.inside();
        inside.expect(INTEGER, "a TSTInfo without version")?;
        inside.expect(OID, "a TSTInfo without policy")?;
        let imprint = inside.expect(SEQUENCE, "a TSTInfo without messageImprint")?;
        let mut inside = imprint.inside();
        let algorithm = inside.expect(SEQUENCE, "a messageImprint without algorithm")?;
        let algorithm = DigestAlgorithm::from_oid(Algorithm::from_element(&algorithm)?.oid);
        let digest = inside.expect(OCTET_STRING, "a messageImprint without digest")?;
        Ok((algorithm.ok_or("a digest algorithm that is not known")?, digest.content.to_vec()))
    };
    read().map_err(|reason| SigningError::malformed(0, reason).about(token))
}

/// A SignerInfo in DER with one more unsigned attribute.
fn with_attribute(signer: &[u8], token: &[u8]) -> Result<Vec<u8>, Reason> {
    let element = Element::whole(signer)?;
    let mut inside = element.inside();
    let (mut kept, mut unsigned) = (Vec::new(), Vec::new());
    while let Some(part) = inside.next()? {
        if part.tag == CONTEXT_1 {
            unsigned = part.inside().all()?.iter().map(|one| one.raw.to_vec()).collect();
        } else {
            kept.extend_from_slice(part.raw);
        }
    }
    let (token, _) = ber::to_der(token).map_err(|_| "a token that is not BER")?;
    unsigned.push(attribute(SIGNATURE_TIME_STAMP, &token));
    unsigned.sort();
    kept.extend(encode(CONTEXT_1, &unsigned.concat()));
    Ok(encode(SEQUENCE, &kept))
}

/// id-ct-TSTInfo (RFC 3161 §2.4.2).
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
