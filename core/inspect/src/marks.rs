//! Marks that already exist: taken from TSR, TST, TSD and M7M files, recognised by content.

use std::io;
use std::path::Path;

use ceralacca_kernel::Error;
use ceralacca_signing::signed_data::{self, Content};
use ceralacca_timestamp::Mark;

use crate::error::InspectError;
use crate::kind::Kind;
use crate::open::{read_mark, unarmour};
use crate::section::Section;
use crate::{m7m, tsd};

/// A mark with the container it was found in.
#[derive(Debug)]
pub struct Marked {
    /// The mark.
    pub mark: Mark,
    /// What it was found in.
    pub kind: Kind,
    /// The bytes that the mark should cover, when the container holds them.
    pub document: Option<Section>,
}

/// The mark in the file at `path`.
///
/// # Errors
/// `inspect.no_mark`; `inspect.mark_covers_signature` for a CAdES-T signature, whose mark can never
/// satisfy the Agency's check; those of reading the container; `timestamp.*` for a bad mark.
pub fn mark_of(path: &Path) -> Result<Mark, Error> {
    find(path, false).map(|marked| marked.mark)
}

/// As [`mark_of`], with the document when the container holds it.
pub fn marked(path: &Path) -> Result<Marked, Error> {
    find(path, true)
}

fn find(path: &Path, keep: bool) -> Result<Marked, Error> {
    let section = Section::open(path).map_err(InspectError::disk("reading", path))?;
    let (kind, _, plain) = unarmour(path, &section)?;
    match kind {
        Kind::TimeStampResp | Kind::TimeStampToken => {
            Ok(Marked { mark: read_mark(path, &plain)?, kind, document: None })
        }
        Kind::M7m => {
            let parts = m7m::read(&plain).map_err(|error| InspectError::m7m(path, error))?;
            let mark = Mark::from_bytes(&parts.mark)?;
            Ok(Marked { mark, kind, document: Some(parts.p7m) })
        }
        Kind::TimeStampedData => in_timestamped_data(path, &plain, keep),
        Kind::SignedData | Kind::DetachedSignature => Err(in_signature(path, &plain, kind)?.into()),
        _ => Err(InspectError::NoMark { path: path.display().to_string(), kind }.into()),
    }
}

fn in_timestamped_data(path: &Path, plain: &Section, keep: bool) -> Result<Marked, Error> {
    let kind = Kind::TimeStampedData;
    let malformed = |error| InspectError::element(path, kind, error);
    if !keep {
        let data = tsd::read(plain, &mut io::sink()).map_err(malformed)?;
        return Ok(Marked { mark: Mark::from_bytes(&data.token)?, kind, document: None });
    }
    let disk = InspectError::disk("unwrapping", path);
    let mut file = tempfile::tempfile().map_err(&disk)?;
    let data = tsd::read(plain, &mut file).map_err(malformed)?;
    let document = match data.content_length {
        Some(_) => Some(Section::whole(file).map_err(&disk)?),
        None => None,
    };
    Ok(Marked { mark: Mark::from_bytes(&data.token)?, kind, document })
}

/// Why a signed file has no mark that can be taken.
fn in_signature(path: &Path, plain: &Section, kind: Kind) -> Result<InspectError, Error> {
    let signed = signed_data::read(&mut plain.from_start(), Content::Discard)
        .map_err(|error| error.about(path))?;
    let path = path.display().to_string();
    let marked = signed.signers.iter().any(|signer| !signer.signature_timestamps().is_empty());
    Ok(match marked {
        true => InspectError::MarkCoversSignature { path },
        false => InspectError::NoMark { path, kind },
    })
}
