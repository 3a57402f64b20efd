//! Separates what a file holds: the document, the signed file, the mark.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, document_archive};
use ceralacca_timestamp::{Formato, Mark};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InspectError;
use crate::names;
use crate::new_file::NewFile;
use crate::open::{Contents, Layer, OpenOptions, open};

/// Where the parts of a file were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extracted {
    /// The innermost content: what was signed or marked in the end.
    #[serde(default)]
    pub document: Option<PathBuf>,
    /// The signed file (p7m), when it was inside another container.
    #[serde(default)]
    pub signed: Option<PathBuf>,
    /// The mark, TSR or TST.
    #[serde(default)]
    pub mark: Option<PathBuf>,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// Writes the parts of the file at `path` into `folder`, which is made when missing.
///
/// The mark of an M7M or TSD, the p7m in it, and the innermost document. No file is overwritten;
/// one that is there with the same content is kept. Nothing is verified: that is
/// [`verify_file`](crate::verify_file).
///
/// # Errors
/// `inspect.exists`, `inspect.nothing_to_extract`, and those of [`open`].
pub fn extract(path: &Path, folder: &Path) -> Result<Extracted, Error> {
    let layer = open(path, &OpenOptions { keep: true, ..OpenOptions::default() })?;
    let parts = Parts::of(path, &layer)?;
    document_archive::create(folder).map_err(InspectError::disk("creating", folder))?;
    let new = |name: &str| folder.join(name);
    let copy = |part: &Option<(String, &Layer)>| -> Result<Option<NewFile>, InspectError> {
        let Some((name, layer)) = part else { return Ok(None) };
        let section = layer.section.as_ref().ok_or_else(|| nothing(path, layer))?;
        NewFile::copy_of(section, new(name)).map(Some)
    };
    let document = copy(&parts.document)?;
    let signed = copy(&parts.signed)?;
    let mark = match &parts.mark {
        Some((name, mark)) => Some(NewFile::of(&bytes_of(mark), new(name))?),
        None => None,
    };
    // All names are looked at before the first file gets its own.
    for file in [&document, &signed, &mark].into_iter().flatten() {
        file.require_free()?;
    }
    let persist = |file: Option<NewFile>| file.map(NewFile::persist).transpose();
    Ok(Extracted {
        document: persist(document)?,
        signed: persist(signed)?,
        mark: persist(mark)?,
        notes: parts.notes,
    })
}

/// A mark's file: DER, whatever it was found in.
pub(crate) fn bytes_of(mark: &Mark) -> Vec<u8> {
    match mark.formato() {
        Formato::Tsr => mark.tsr(),
        Formato::Tst => mark.token_der().to_vec(),
    }
}

struct Parts<'a> {
    document: Option<(String, &'a Layer)>,
    signed: Option<(String, &'a Layer)>,
    mark: Option<(String, &'a Mark)>,
    notes: Vec<String>,
}

impl<'a> Parts<'a> {
    fn of(path: &Path, layer: &'a Layer) -> Result<Parts<'a>, InspectError> {
        let (mark, covered) = match &layer.contents {
            Contents::M7m(p7m, mark) => (Some(&**mark), Some(&**p7m)),
            Contents::TimeStamped(data) => (Some(&data.mark), data.document.as_ref()),
            Contents::Signed(..) => (None, Some(layer)),
            _ => (None, None),
        };
        let layers = covered.map(Layer::all).unwrap_or_default();
        let is_p7m = layers.first().is_some_and(|one| matches!(one.contents, Contents::Signed(..)));
        let name = match mark {
            Some(_) => names::covered(path, layer.kind, is_p7m),
            None => names::file_name(path),
        };
        let innermost = layers.last().copied();
        let is_signed = |layer: &Layer| matches!(layer.contents, Contents::Signed(..));
        let document = match innermost {
            Some(document) if layers.len() > 1 => Some((names::document(&name, &layers), document)),
            Some(document) if !is_signed(document) => Some((name.clone(), document)),
            _ => None,
        };
        if document.is_none() && mark.is_none() {
            return Err(nothing(path, layer));
        }
        let signed = covered.filter(|_| is_p7m && mark.is_some());
        let mark_name = |mark: &'a Mark| (format!("{name}.{}", mark.formato().extension()), mark);
        Ok(Parts {
            document,
            signed: signed.map(|layer| (name.clone(), layer)),
            mark: mark.map(mark_name),
            notes: notes(&layers),
        })
    }
}

fn notes(layers: &[&Layer]) -> Vec<String> {
    let mut notes = Vec::new();
    for layer in layers {
        if let Contents::Signed(signed, _) = &layer.contents
            && signed.signers.iter().any(|signer| !signer.signature_timestamps().is_empty())
        {
            notes.push(
                "the mark inside the signature (CAdES-T) stays there: it covers the signature \
                 value, and is no mark of the file"
                    .to_owned(),
            );
        }
        if let Contents::Unreadable(error) = &layer.contents {
            notes.push(format!("not looked into further: {}", error.report().headline));
        }
    }
    notes
}

fn nothing(path: &Path, layer: &Layer) -> InspectError {
    InspectError::NothingToExtract { path: path.display().to_string(), kind: layer.kind }
}

#[cfg(test)]
#[path = "extract_tests.rs"]
mod tests;
