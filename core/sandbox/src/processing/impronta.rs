//! Processing of an IMPRONTA: the sealed communication of the impronta of a digital archive.
//!
//! UNVERIFIED: which checks the Agency makes at reception, and in which order, is public only in
//! part: that the imprint is the one in the mark, and when a replacement is taken.

use ceralacca_kernel::Explain;
use ceralacca_signing::Trust;
use ceralacca_timestamp::Mark;
use ceralacca_xml::{Communication, Limits, Schema, XmlError};
use rusqlite::Transaction;
use sha2::{Digest, Sha256};

use crate::accounts;
use crate::ca::Ca;
use crate::environments;
use crate::error::SandboxError;
use crate::processing::filed::{self, Filing};
use crate::processing::marking::{self, read_mark};
use crate::processing::{Outcome, Received, sealed_file, sealed_receipt};
use crate::rejection_impronta::ImprontaRejection;
use crate::settings::Settings;

/// The document type of the communication.
pub(crate) const IMPRONTA: &str = "IMPRONTA";

/// How far a file was understood, for its receipt.
#[derive(Default)]
pub(crate) struct Understood {
    pub(crate) communication: Option<Communication>,
    pub(crate) mark: Option<Mark>,
    /// The number of the communication that is annulled by this one.
    pub(crate) annuls: Option<String>,
}

/// Why no further check is made.
pub(crate) enum Stop {
    /// The file is rejected.
    Rejected(ImprontaRejection),
    /// The sandbox itself has failed.
    Failed(SandboxError),
}

impl From<ImprontaRejection> for Stop {
    fn from(rejection: ImprontaRejection) -> Stop {
        Stop::Rejected(rejection)
    }
}

impl From<SandboxError> for Stop {
    fn from(error: SandboxError) -> Stop {
        Stop::Failed(error)
    }
}

/// Opens the file, makes every check, and attaches a sealed receipt whatever comes of it.
pub(crate) fn process(
    transaction: &Transaction<'_>,
    ca: &Ca,
    settings: &Settings,
    received: &Received<'_>,
) -> Result<Outcome, SandboxError> {
    let mut understood = Understood::default();
    let opened = sealed_file::open(transaction, ca, received)?;
    let judged = match opened.content {
        Ok(content) => judge(transaction, settings, received, &content, &mut understood),
        Err(rejection) => Err(Stop::Rejected(rejection)),
    };
    let rejection = match judged {
        Ok(()) => None,
        Err(Stop::Rejected(rejection)) => Some(rejection),
        Err(Stop::Failed(error)) => return Err(error),
    };
    let environment = match opened.environment_id {
        Some(id) => Some(id),
        None => environment_of(transaction, received)?,
    };
    if let Some(environment_id) = environment {
        let told = sealed_receipt::Told { understood: &understood, rejection: rejection.as_ref() };
        sealed_receipt::attach(transaction, ca, received, environment_id, &told)?;
    }
    Ok(rejection.map_or(Outcome::Elaborato, |rejection| Outcome::Scartato(rejection.into())))
}

/// The checks of the communication itself; records it when nothing speaks against it.
fn judge(
    transaction: &Transaction<'_>,
    settings: &Settings,
    received: &Received<'_>,
    content: &[u8],
    understood: &mut Understood,
) -> Result<(), Stop> {
    let communication = read(content)?;
    let communication = understood.communication.insert(communication);
    require_sender(transaction, received, communication)?;
    let mark = understood.mark.insert(read_mark(&communication.marca)?);
    marking::require_format(&communication.marca, mark)?;
    marking::require_congruence(communication, mark, &Trust::default(), received.at)?;
    let filing = Filing {
        communication,
        xml_sha256: Sha256::digest(content).into(),
        deadline: filed::deadline(settings, communication),
        at: received.at,
    };
    let annuls = filed::accept(transaction, received.submission_id, &filing)?;
    understood.annuls = annuls;
    Ok(())
}

/// Checked against the schema and its rules, then read.
fn read(content: &[u8]) -> Result<Communication, ImprontaRejection> {
    let findings = Schema::embedded().validate_within(content, &Limits::default());
    if let Some(finding) = findings.iter().find(|finding| finding.blocks()) {
        let why = format!("{} ({})", finding.text, finding.place());
        return Err(ImprontaRejection::Schema { why });
    }
    Communication::from_xml(content).map_err(|error| {
        let why = match &error {
            XmlError::NotACommunication { findings } => {
                findings.first().map(|one| format!("{} ({})", one.text, one.place()))
            }
            other => Some(other.explain().headline),
        };
        ImprontaRejection::Unreadable { why: why.unwrap_or_default() }
    })
}

/// The account must be named in the communication, whatever its sede.
fn require_sender(
    transaction: &Transaction<'_>,
    received: &Received<'_>,
    communication: &Communication,
) -> Result<(), Stop> {
    let account = accounts::load(transaction, received.subject_id)?;
    let mut named = communication.soggetti().map(|soggetto| soggetto.codice_fiscale.as_str());
    if named.any(|codice_fiscale| codice_fiscale == account.codice_fiscale) {
        return Ok(());
    }
    let interessato = communication.soggetto_interessato.codice_fiscale.as_str();
    let switchable = accounts::acts_for(transaction, received.sender_id, interessato)?;
    Err(Stop::Rejected(match switchable {
        true => ImprontaRejection::UtenzaDiLavoro,
        false => ImprontaRejection::WrongSender,
    }))
}

/// The environment to which a receipt goes when the signer is not known: that of the account, or
/// else of who acts for it.
fn environment_of(
    transaction: &Transaction<'_>,
    received: &Received<'_>,
) -> Result<Option<i64>, SandboxError> {
    for account in [received.subject_id, received.sender_id] {
        if let Some(found) = environments::in_force(transaction, account, received.at)? {
            return Ok(Some(found.id));
        }
    }
    Ok(None)
}
