//! The handles `communication` and `checked`, and the code behind the primitives.

use std::path::{Path, PathBuf};

use ceralacca_identity::CodiceFiscale;
use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{Call, Document, DocumentId, Error, Folders, atomic_file, regular_file};
use ceralacca_signing::TrustStore;
use ceralacca_timestamp::MarkFile;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::communication::TIPO_DOCUMENTO;
use crate::controlled_file::{self, Controlled, not_written};
use crate::xml_text::Limits;
use crate::{
    Communication, ControlContext, ControlSettings, DocumentChecks, Finding, ProtocolloSostituito,
    Soggetto, Testo, Tipo, XmlError, composing, control_file_with as control_on_disk,
};

/// A handle to a communication on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:communication")]
pub struct CommunicationFile(pub CommunicationId);

impl HandleKind for CommunicationFile {
    const KIND: &'static str = "communication";
}

/// What a [`CommunicationFile`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommunicationId {
    /// Its file.
    pub document: DocumentId,
    /// The imprint in it, hexadecimal.
    pub impronta: String,
}

/// A handle to the outcome of a control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:checked")]
pub struct Checked(pub CheckedId);

impl HandleKind for Checked {
    const KIND: &'static str = "checked";
}

/// What a [`Checked`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedId {
    /// The name of the file that was checked.
    pub file: String,
    /// The checked file, when nothing stands against sending it.
    pub document: Option<DocumentId>,
    /// The diagnostic.
    pub diagnostic: PathBuf,
    /// How many findings reject the whole file, `***`.
    pub scarto_fornitura: u64,
    /// How many findings reject the document, `**`.
    pub scarto_documento: u64,
    /// How many findings do not stop anything, `*`.
    pub segnalazioni: u64,
    /// The first 20 findings; all are in the diagnostic.
    pub findings: Vec<Finding>,
}

/// What a communication is made of.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommunicationFields {
    /// `ordinaria` (without it) or `sostitutiva`.
    #[serde(default)]
    pub tipo: Tipo,
    /// What is replaced: 17 digits, with `sostitutiva` only.
    #[serde(default)]
    pub protocollo_sostituito: Option<ProtocolloSostituito>,
    /// First day of the period: `2025-01-01`.
    #[schemars(with = "String")]
    pub dal: Date,
    /// Last day of the period: `2025-12-31`.
    #[schemars(with = "String")]
    pub al: Date,
    /// Whose documents they are.
    pub soggetto_interessato: Soggetto,
    /// Who answers for the preservation, where that is somebody else.
    #[serde(default)]
    pub responsabile: Option<Soggetto>,
    /// To whom the responsabile has delegated.
    #[serde(default)]
    pub delegati: Vec<Soggetto>,
    /// Where the archive is kept.
    #[serde(default)]
    pub luogo: Option<Testo>,
    /// Codes of the types of documents: `["D01", "D09"]`.
    pub tipi_documento: Vec<String>,
    /// The signed index, `indice.xml.p7m`.
    pub signed: Document,
    /// The mark over it.
    pub mark: MarkFile,
}

/// What can be said about a control.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlOptions {
    /// Codice fiscale of who will transmit it.
    #[serde(default)]
    pub sender: Option<CodiceFiscale>,
}

/// Findings that a handle holds.
const HELD: usize = 20;

pub(crate) fn communication(
    call: &mut Call<'_>,
    fields: CommunicationFields,
) -> Result<CommunicationFile, Error> {
    let settings = call.service::<ControlSettings>()?.load()?;
    let mark = fields.mark.open()?;
    let communication: Communication = composing::compose(fields, &mark)?;
    let bytes = communication.to_xml_in(settings.schema.target_namespace());
    let folders = call.service::<Folders>()?;
    let folder = folders
        .of_run("impronte", call.run())
        .map_err(|error| not_written(&folders.documents.join("impronte"), &error))?;
    atomic_file::remove_leftovers(&folder).map_err(|error| not_written(&folder, &error))?;
    let path = free_path(&folder, &bytes)?;
    controlled_file::write(&path, &bytes)?;
    call.progress(&format!("communication in {}", path.display()));
    Ok(CommunicationFile(CommunicationId {
        document: document(&path, hex::encode(Sha256::digest(&bytes))),
        impronta: hex::encode(&communication.impronta.digest),
    }))
}

pub(crate) fn control(
    call: &mut Call<'_>,
    communication: CommunicationFile,
    options: Option<ControlOptions>,
) -> Result<Checked, Error> {
    let document = communication.0.document;
    let controlled = run_control(call, &document.path, options)?;
    let (expected, found) = (document.sha256, controlled.diagnostic.sha256.clone());
    if expected != found {
        let path = document.path.display().to_string();
        return Err(XmlError::FileChanged { path, expected, found }.into());
    }
    Ok(checked(controlled))
}

pub(crate) fn control_file(
    call: &mut Call<'_>,
    path: String,
    options: Option<ControlOptions>,
) -> Result<Checked, Error> {
    let path = call.located(&path).map_err(|error| {
        let system = error.to_string();
        XmlError::FileUnreadable { path: path.clone(), system }
    })?;
    Ok(checked(run_control(call, &path, options)?))
}

pub(crate) fn require_clean(_: &mut Call<'_>, checked: Checked) -> Result<Checked, Error> {
    clean(&checked)?;
    Ok(checked)
}

pub(crate) fn checked_document(_: &mut Call<'_>, checked: Checked) -> Result<Document, Error> {
    Ok(Document(clean(&checked)?.clone()))
}

pub(crate) fn findings(_: &mut Call<'_>, checked: Checked) -> Result<Vec<Finding>, Error> {
    Ok(checked.0.findings)
}

pub(crate) fn impronta(
    _: &mut Call<'_>,
    communication: CommunicationFile,
) -> Result<String, Error> {
    Ok(communication.0.impronta)
}

fn run_control(
    call: &Call<'_>,
    path: &Path,
    options: Option<ControlOptions>,
) -> Result<Controlled, Error> {
    let settings = call.service::<ControlSettings>()?.load()?;
    let trust = call.service::<TrustStore>()?.trust()?;
    let sender = options.unwrap_or_default().sender;
    let context = ControlContext {
        schema: &settings.schema,
        tipi: &settings.tipi,
        scadenze: &settings.scadenze,
        at: call.now(),
        trust: &trust,
        sender: sender.as_ref(),
        limits: Limits::default(),
    };
    let folders = call.service::<Folders>()?;
    let folder = folders
        .of_run("controllati", call.run())
        .map_err(|error| not_written(&folders.documents.join("controllati"), &error))?;
    let checks = call.service::<DocumentChecks>()?;
    let controlled = control_on_disk(path, &folder, &context, &mut |file, bytes| {
        checks.control(call, file, bytes)
    })?;
    call.progress(&format!("diagnostic in {}", controlled.dgn.display()));
    Ok(controlled)
}

fn checked(controlled: Controlled) -> Checked {
    use crate::Severity::*;
    let diagnostic = controlled.diagnostic;
    let count = |severity| diagnostic.count(severity);
    Checked(CheckedId {
        scarto_fornitura: count(ScartoFornitura),
        scarto_documento: count(ScartoDocumento),
        segnalazioni: count(Segnalazione),
        document: controlled.dcm.map(|path| document(&path, diagnostic.sha256)),
        file: diagnostic.file,
        diagnostic: controlled.dgn,
        findings: diagnostic.findings.into_iter().take(HELD).collect(),
    })
}

/// The checked file, or the error that lists what stands against it.
fn clean(checked: &Checked) -> Result<&DocumentId, XmlError> {
    let checked = &checked.0;
    checked.document.as_ref().ok_or_else(|| XmlError::ControlFailed {
        file: checked.file.clone(),
        diagnostic: checked.diagnostic.display().to_string(),
        findings: checked.findings.iter().filter(|finding| finding.blocks()).cloned().collect(),
    })
}

fn document(path: &Path, sha256: String) -> DocumentId {
    DocumentId {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        tipo_documento: TIPO_DOCUMENTO.to_owned(),
        path: path.to_owned(),
        sha256,
        keys: Vec::new(),
    }
}

/// `comunicazione.xml`, or with a number where another communication of this run has that name. The
/// same bytes get the same name, so that the call can be repeated.
fn free_path(folder: &Path, bytes: &[u8]) -> Result<PathBuf, XmlError> {
    let mut number = 1_u32;
    loop {
        let path = folder.join(match number {
            1 => "comunicazione.xml".to_owned(),
            number => format!("comunicazione-{number}.xml"),
        });
        match regular_file::read(&path, bytes.len() as u64) {
            Ok(there) if there != bytes => number += 1,
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => number += 1,
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(not_written(&path, &error)),
        }
    }
}
