//! What the register has of a hand-over, brought into line with what a person has said since.

use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, Folders, atomic_file, document_archive};
use ceralacca_submission::esito::{Esito, LARGEST, RICEVUTA, RICEZIONE};
use ceralacca_submission::hand_over::{HandOver, State};
use ceralacca_submission::outbox::{holds, json, read_at_most};
use ceralacca_submission::receipt::save;
use ceralacca_submission::{KeptFile, Protocollo, ReceiptRecord, Stato};

use super::answer::{is_accepted, receipt_record};
use super::arrivals::{Arrival, ArrivalKind, LARGEST_READ};
use super::error::HandOffError;

/// Corrects row and outcome where they are kept already, and keeps them where a person has said what
/// the receipt says. What was opened stands. Safe to repeat.
pub(super) fn bring_into_line(
    folders: &Folders,
    one: &HandOver,
    answer: Option<&Arrival>,
) -> Result<(), Error> {
    let Some(file) = one.file() else { return Ok(()) };
    let numbers: Vec<Protocollo> = one.numbers().collect();
    let Some(current) = numbers.first() else { return Ok(()) };
    let ours = |number: &Protocollo| {
        let row = row(folders, number).filter(|row| row.sha256 == file.sha256);
        let esito = Esito::read(folders, number).filter(|esito| esito.sent_sha256 == file.sha256);
        (row, esito)
    };
    let kept: Vec<_> = numbers.iter().map(|number| (number, ours(number))).collect();
    let noted = kept.iter().any(|(_, (row, esito))| row.is_some() || esito.is_some());
    let told = one.accepted || matches!(one.state, State::Rejected { .. });
    let unreadable = answer.filter(|answer| is_for_people(answer));
    if !(noted || told && unreadable.is_some()) {
        return Ok(());
    }
    let earlier = kept.iter().find_map(|(_, (row, _))| row.clone());
    let Some(row) = receipt_record(one, answer).or_else(|| earlier.map(without_answer)) else {
        return Ok(());
    };
    let opened = kept.iter().find_map(|(_, (_, esito))| esito.clone().filter(is_opened));
    for (number, (row_there, esito_there)) in &kept {
        if *number != current && row_there.is_none() && esito_there.is_none() {
            continue;
        }
        let row = ReceiptRecord { protocollo: (*number).clone(), ..row.clone() };
        let opaque = match unreadable {
            Some(answer) if told || row_there.is_some() => Some(keep_file(folders, &row, answer)?),
            _ => None,
        };
        let numero = (*number != current && current.is_number()).then(|| current.clone());
        let esito = match &opened {
            Some(opened) => Esito {
                protocollo: (*number).clone(),
                numero: numero.or_else(|| opened.numero.clone()),
                ..opened.clone()
            },
            None => Esito {
                numero,
                not_openable: esito_there.clone().and_then(|there| there.not_openable),
                ..as_told(folders, one, &row, opaque)
            },
        };
        keep_row(folders, &row)?;
        if esito_there.is_some() || !matches!(esito.stato, Stato::DaAprire | Stato::InElaborazione)
        {
            esito.keep(folders)?;
        }
    }
    Ok(())
}

/// A receipt whose form is not known here: a person says what it says.
fn is_for_people(answer: &Arrival) -> bool {
    !is_accepted(answer) && !matches!(answer.kind, ArrivalKind::Text { .. })
}

fn is_opened(esito: &Esito) -> bool {
    esito.rcc.is_some() || esito.p7m.is_some()
}

/// It was sent, and its receipt is not there.
fn without_answer(row: ReceiptRecord) -> ReceiptRecord {
    let (stato, motivo_di_scarto) = (Stato::InElaborazione, None);
    ReceiptRecord { stato, motivo_di_scarto, attachments: Vec::new(), notice: None, ..row }
}

/// The outcome by what a person has said.
fn as_told(
    folders: &Folders,
    one: &HandOver,
    row: &ReceiptRecord,
    opaque: Option<KeptFile>,
) -> Esito {
    let accepted = one.accepted && row.stato == Stato::DaAprire;
    let rejected = matches!(one.state, State::Rejected { .. }) && row.stato == Stato::Scartato;
    Esito {
        stato: if accepted { Stato::Elaborato } else { row.stato },
        read_by_person: opaque.is_some() && (accepted || rejected),
        opaque,
        ..Esito::of(folders, row)
    }
}

fn row(folders: &Folders, number: &Protocollo) -> Option<ReceiptRecord> {
    let folder = document_archive::existing(&folders.documents, RICEZIONE)?;
    let row = read_at_most(&folder.join(number.as_str()).join(RICEVUTA), LARGEST).ok()?;
    serde_json::from_slice(&row).ok()
}

fn keep_row(folders: &Folders, row: &ReceiptRecord) -> Result<(), Error> {
    save(folders, RICEZIONE, &row.protocollo, RICEVUTA, &json(row))?;
    Ok(())
}

/// A copy beside the row. Another file of that name is kept too.
fn keep_file(folders: &Folders, row: &ReceiptRecord, answer: &Arrival) -> Result<KeptFile, Error> {
    let unusable = |error: std::io::Error| HandOffError::ReceiptUnusable {
        path: answer.path.display().to_string(),
        problem: error.to_string(),
    };
    let bytes = read_at_most(&answer.path, LARGEST_READ).map_err(unusable)?;
    let listed = row.attachments.first().map_or("ricevuta", |listed| listed.name.as_str());
    let name = if listed.eq_ignore_ascii_case(RICEVUTA) { "ricevuta" } else { listed };
    let there = document_archive::existing(&folders.documents, RICEZIONE)
        .map(|folder| folder.join(row.protocollo.as_str()).join(name));
    if let Some(there) = there.filter(|there| there.is_file() && !holds(there, &answer.sha256)) {
        let aside = former(&there);
        atomic_file::rename(&there, &aside)
            .map_err(|error| HandOffError::not_stored(&aside, &error))?;
    }
    let path = save(folders, RICEZIONE, &row.protocollo, name, &bytes)?;
    Ok(KeptFile::new(folders, &path, &bytes))
}

/// A name that is free for the file that was there before.
fn former(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names = (1..1000).map(|count| path.with_file_name(format!("{name}.precedente-{count}")));
    let mut free = names.filter(|path| !path.exists());
    free.next().unwrap_or_else(|| path.with_file_name(format!("{name}.precedente")))
}
