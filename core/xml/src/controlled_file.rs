//! The control of a file on disk: its diagnostic, and beside it the checked file.

use std::fs::{self};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, atomic_file, regular_file};
use sha2::{Digest, Sha256};

use crate::{ControlContext, Diagnostic, Finding, XmlError, control};

/// What a control left on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controlled {
    /// What was found.
    pub diagnostic: Diagnostic,
    /// The diagnostic as text: `comunicazione.dgn`.
    pub dgn: PathBuf,
    /// The diagnostic as JSON: `comunicazione.dgn.json`.
    pub json: PathBuf,
    /// The checked file, byte for byte what was checked: `comunicazione.dcm`. Only when nothing
    /// stands against sending it. UNVERIFIED: the Agency's own form is not public.
    pub dcm: Option<PathBuf>,
}

/// Controls the file at `path` and writes the outcome into `folder`, under the file's name with
/// other endings. What an earlier control of that name left there is replaced.
///
/// # Errors
/// `impronta.file_unreadable`, `impronta.file_too_large`, `impronta.not_written`.
pub fn control_file(
    path: &Path,
    folder: &Path,
    context: &ControlContext<'_>,
) -> Result<Controlled, XmlError> {
    let (diagnostic, bytes) = diagnose(path, context)?;
    keep(path, folder, diagnostic, &bytes)
}

/// What others find in a file, by its name and its bytes.
pub type FurtherChecks<'a> = dyn FnMut(&str, &[u8]) -> Result<Vec<Finding>, Error> + 'a;

/// As [`control_file`], with what others find: the checks of plugins.
///
/// # Errors
/// As [`control_file`], and those of the checks: what could not be checked is not called clean.
pub fn control_file_with(
    path: &Path,
    folder: &Path,
    context: &ControlContext<'_>,
    checks: &mut FurtherChecks<'_>,
) -> Result<Controlled, Error> {
    let (mut diagnostic, bytes) = diagnose(path, context)?;
    diagnostic.findings.extend(checks(&diagnostic.file, &bytes)?);
    diagnostic.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(keep(path, folder, diagnostic, &bytes)?)
}

fn diagnose(path: &Path, context: &ControlContext<'_>) -> Result<(Diagnostic, Vec<u8>), XmlError> {
    let bytes = read(path, context.limits.bytes)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let diagnostic = Diagnostic {
        file: name,
        sha256: hex::encode(Sha256::digest(&bytes)),
        length: bytes.len() as u64,
        schema: context.schema.name().to_owned(),
        at: context.at,
        findings: control(&bytes, context),
    };
    Ok((diagnostic, bytes))
}

fn keep(
    path: &Path,
    folder: &Path,
    diagnostic: Diagnostic,
    bytes: &[u8],
) -> Result<Controlled, XmlError> {
    let mut stem = PathBuf::from(path.file_stem().unwrap_or_default()).into_os_string();
    if stem.is_empty() {
        stem = "comunicazione".into();
    }
    let with = |ending: &str| {
        let mut name = stem.clone();
        name.push(ending);
        folder.join(name)
    };
    let (dgn, json, dcm) = (with(".dgn"), with(".dgn.json"), with(".dcm"));
    prepare(folder).map_err(|error| not_written(folder, &error))?;
    // A checked file is never there without the diagnostic that allows it.
    remove(&dcm)?;
    write(&dgn, diagnostic.to_text().as_bytes())?;
    write(&json, diagnostic.to_json().as_bytes())?;
    let clean = diagnostic.is_clean();
    if clean {
        write(&dcm, bytes)?;
    }
    Ok(Controlled { diagnostic, dgn, json, dcm: clean.then_some(dcm) })
}

fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    atomic_file::remove_leftovers(folder)
}

/// A file that may be a communication: not larger than `limit`.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, XmlError> {
    let unreadable = |error: io::Error| XmlError::FileUnreadable {
        path: path.display().to_string(),
        system: error.to_string(),
    };
    let mut file = regular_file::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::new();
    if found <= limit {
        let mut capped = (&mut file).take(limit.saturating_add(1));
        capped.read_to_end(&mut bytes).map_err(unreadable)?;
    }
    let found = found.max(bytes.len() as u64);
    if found > limit {
        return Err(XmlError::FileTooLarge { path: path.display().to_string(), limit, found });
    }
    Ok(bytes)
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), XmlError> {
    atomic_file::write(path, bytes).map_err(|error| not_written(path, &error))
}

fn remove(path: &Path) -> Result<(), XmlError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(not_written(path, &error)),
        _ => Ok(()),
    }
}

pub(crate) fn not_written(path: &Path, error: &io::Error) -> XmlError {
    XmlError::NotWritten { path: path.display().to_string(), system: error.to_string() }
}
