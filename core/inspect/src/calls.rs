//! The code behind the primitives of the namespace `inspect`.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Call, Document, DocumentId, Error, Folders, Progress};
use ceralacca_signing::{DigestAlgorithm, TrustStore};
use ceralacca_timestamp::{Mark, MarkFile, MessageImprint, TimestampError};

use crate::convert::{Container, ConvertOptions, Converted};
use crate::error::InspectError;
use crate::extract::{Extracted, bytes_of};
use crate::file_report::FileReport;
use crate::impronta::{digest_algorithm, digest_file};
use crate::kind::Kind;
use crate::marks::{Marked, marked};
use crate::names;
use crate::new_file::NewFile;
use crate::open::unarmour;
use crate::section::Section;
use crate::verify::{VerifyOptions, verify_file};

pub(crate) fn verify(
    call: &mut Call<'_>,
    path: String,
    options: Option<VerifyOptions>,
) -> Result<FileReport, Error> {
    let trust = call.service::<TrustStore>()?.trust()?;
    let VerifyOptions { document, mark } = options.unwrap_or_default();
    let located = |given: Option<PathBuf>| given.map(|path| located(call, &path)).transpose();
    let options = VerifyOptions { document: located(document)?, mark: located(mark)? };
    verify_file(&located(Some(path.into()))?.unwrap_or_default(), &options, &trust, call.now())
}

pub(crate) fn require_valid(_: &mut Call<'_>, report: FileReport) -> Result<FileReport, Error> {
    report.require_valid()?;
    Ok(report)
}

pub(crate) fn mark(
    call: &mut Call<'_>,
    path: String,
    document: Option<Document>,
) -> Result<MarkFile, Error> {
    let folders = call.service::<Folders>()?;
    let folder = folders
        .of_run(IMPRONTE, call.run())
        .map_err(InspectError::disk("creating", &folders.documents))?;
    mark_into(&folder, &located(call, &path)?, document.map(|document| document.0))
}

/// The mark in the file at `path`, written to `folder`; it must be over the document.
fn mark_into(folder: &Path, path: &Path, document: Option<DocumentId>) -> Result<MarkFile, Error> {
    let Marked { mark, kind, document: inside } = marked(path)?;
    let algorithm = mark.message_imprint().algorithm;
    if !algorithm.is_accepted() {
        return Err(TimestampError::OtherAlgorithm { algorithm: algorithm.to_string() }.into());
    }
    let document = match document {
        Some(document) => document,
        None => document_of(path, kind, inside, folder)?,
    };
    let sha256 = digest_file(&document.path, DigestAlgorithm::Sha256, |_, _| ())?;
    if hex::encode(&sha256) != document.sha256 {
        return Err(TimestampError::DocumentChanged {
            path: document.path.display().to_string(),
            expected: document.sha256,
            found: hex::encode(sha256),
        }
        .into());
    }
    let digest = match algorithm {
        DigestAlgorithm::Sha256 => sha256,
        other => digest_file(&document.path, other, |_, _| ())?,
    };
    mark.require_imprint(&document.name, &MessageImprint { algorithm, digest })?;
    let name = format!("{}.{}", document.name, mark.formato().extension());
    let bytes = bytes_of(&mark);
    let written = NewFile::of(&bytes, folder.join(name))?.persist()?;
    // The handle is of the file just written, whatever the mark was found in.
    Ok(MarkFile::new(&written, &Mark::from_bytes(&bytes)?, &document))
}

/// The document in the container, written beside the mark, or the one beside the mark's file.
fn document_of(
    path: &Path,
    kind: Kind,
    inside: Option<Section>,
    folder: &Path,
) -> Result<DocumentId, Error> {
    let (name, path) = match inside {
        Some(section) => {
            let (found, _, _) = unarmour(path, &section)?;
            let name = names::covered(path, kind, found == Kind::SignedData);
            let written = NewFile::copy_of(&section, folder.join(&name))?.persist()?;
            (name, written)
        }
        None => {
            let name = names::covered(path, kind, false);
            let beside = path.with_file_name(&name);
            if !beside.is_file() {
                let path = path.display().to_string();
                return Err(InspectError::NeedsDocument { path, to: "mark".to_owned() }.into());
            }
            (name, beside)
        }
    };
    let sha256 = hex::encode(digest_file(&path, DigestAlgorithm::Sha256, |_, _| ())?);
    Ok(DocumentId {
        name,
        tipo_documento: TIPO_DOCUMENTO.to_owned(),
        path,
        sha256,
        keys: Vec::new(),
    })
}

pub(crate) fn extract(
    call: &mut Call<'_>,
    path: String,
    folder: String,
) -> Result<Extracted, Error> {
    crate::extract(&located(call, &path)?, &located(call, &folder)?)
}

pub(crate) fn convert(
    call: &mut Call<'_>,
    path: String,
    to: String,
    document: Option<Document>,
) -> Result<Converted, Error> {
    let document: Option<PathBuf> = document.map(|document| document.0.path);
    let options = ConvertOptions { document, output: None };
    crate::convert(&located(call, &path)?, Container::parse(&to)?, &options)
}

pub(crate) fn impronta(
    call: &mut Call<'_>,
    path: String,
    digest: Option<String>,
) -> Result<String, Error> {
    let algorithm = digest.map_or(Ok(DigestAlgorithm::Sha256), |name| digest_algorithm(&name))?;
    digest_told(call, &located(call, &path)?, algorithm)
}

pub(crate) fn document(
    call: &mut Call<'_>,
    path: String,
    tipo_documento: Option<String>,
) -> Result<Document, Error> {
    let path = located(call, &path)?;
    let sha256 = digest_told(call, &path, DigestAlgorithm::Sha256)?;
    let name = names::file_name(&path);
    let tipo_documento = tipo_documento.unwrap_or_else(|| "DOCUMENTO".to_owned());
    Ok(Document(DocumentId { name, tipo_documento, path, sha256, keys: Vec::new() }))
}

/// The file or folder that a script means.
fn located(call: &Call<'_>, path: impl AsRef<Path>) -> Result<PathBuf, InspectError> {
    let path = path.as_ref();
    call.located(path).map_err(InspectError::disk("reading", path))
}

/// The digest of a file, hexadecimal; the operator sees how far it is.
fn digest_told(call: &Call<'_>, path: &Path, algorithm: DigestAlgorithm) -> Result<String, Error> {
    let (name, mut told) = (names::file_name(path), 0);
    let digest = digest_file(path, algorithm, |done, total| {
        if done - told >= TELL_EVERY {
            told = done;
            let text = format!("{algorithm} of {name}: {} of {} MiB", done >> 20, total >> 20);
            call.advance(Progress { done, total: Some(total), text: &text });
        }
    })?;
    Ok(hex::encode(digest))
}

const IMPRONTE: &str = "impronte";
/// An index of an archive, as `archive` calls it.
const TIPO_DOCUMENTO: &str = "INDICE";
const TELL_EVERY: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::*;
    use crate::m7m;

    #[test]
    fn a_mark_is_taken_with_its_document() {
        let (folder, run) = (Folder::new(), Folder::new());
        let p7m = signed(b"indice", &signer(), false);
        let mut message = Vec::new();
        m7m::write(&Section::of_bytes(&p7m).unwrap(), &tsr(&p7m), "x", &mut message).unwrap();
        let path = folder.file("indice.txt.m7m", &message);
        let taken = mark_into(run.path(), &path, None).unwrap();
        assert_eq!(taken, mark_into(run.path(), &path, None).unwrap(), "the same again");
        assert_eq!(taken.0.covers, "indice.txt.p7m");
        assert!(taken.0.path.ends_with("indice.txt.p7m.tsr"));
        assert_eq!(taken.open().unwrap().tsr(), tsr_of(&taken));
        assert_eq!(std::fs::read(run.path().join("indice.txt.p7m")).unwrap(), p7m);
        let alone = folder.file("a.p7m.tsr", &taken.open().unwrap().tsr());
        let given = |bytes: &[u8], sha256: &str| DocumentId {
            name: "a.p7m".to_owned(),
            tipo_documento: "INDICE".to_owned(),
            path: folder.file("altro.p7m", bytes),
            sha256: sha256.to_owned(),
            keys: Vec::new(),
        };
        let code = |document| {
            let taken = mark_into(run.path(), &alone, document);
            taken.map_err(|error| error.code().to_owned()).map(|mark| mark.0.covers)
        };
        let sha256 = |bytes: &[u8]| hex::encode(DigestAlgorithm::Sha256.digest(bytes));
        assert_eq!(code(Some(given(&p7m, &sha256(&p7m)))), Ok("a.p7m".to_owned()));
        let changed = code(Some(given(b"other", &sha256(&p7m))));
        assert_eq!(changed, Err("timestamp.document_changed".to_owned()));
        let other = code(Some(given(b"other", &sha256(b"other"))));
        assert_eq!(other, Err("timestamp.other_imprint".to_owned()));
        assert_eq!(code(None), Err("inspect.needs_document".to_owned()));
        folder.file("a.p7m", &p7m);
        assert_eq!(code(None), Ok("a.p7m".to_owned()));
    }

    fn tsr_of(mark: &MarkFile) -> Vec<u8> {
        std::fs::read(&mark.0.path).unwrap()
    }
}
