//! Which of the files in `ricezione` answers which hand-over.

use super::arrivals::{Arrival, ArrivalKind};
use super::record::{HandOver, HandedFile, State};
use crate::{
    AttachmentRecord, Counts, Protocollo, ReceiptRecord, Rejection, Stato, file_name::is_file_name,
};

/// Why a file is taken for the answer; the first is the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// A person said so.
    Person,
    /// It certifies the keys of the request.
    Keys,
    /// Its text has the SHA-256 of the file, and the number.
    Text,
    /// Its text has the SHA-256 of the file, and another number than the person wrote down.
    TextOtherNumber,
    /// It is sealed, and its file name says so.
    SealedName,
    /// Its file name says so.
    Name,
}

impl HandOver {
    /// Whether the answer is among these files.
    pub fn is_answered(&self, arrivals: &[Arrival]) -> bool {
        answer_to(self, arrivals).is_some()
    }

    /// Whether this file answers it; of several, another may answer it better.
    pub fn is_answered_by(&self, arrival: &Arrival) -> bool {
        answer_to(self, std::slice::from_ref(arrival)).is_some()
    }
}

/// The file that answers a hand-over: the one that speaks for itself most clearly.
///
/// A file name counts when it has the protocollo in it, or `ricevuta-<run>-<name of what was
/// sent>`, which the instructions give. For a request for certificates it does not: only what
/// certifies its keys, or tells of its rejection, is of use there.
pub fn answer_to<'a>(one: &HandOver, arrivals: &'a [Arrival]) -> Option<&'a Arrival> {
    let file = one.file()?;
    arrivals
        .iter()
        .filter(|arrival| arrival.is_whole() && arrival.sha256 != file.sha256)
        .filter_map(|arrival| Some((evidence(one, file, arrival)?, arrival)))
        .min_by_key(|(evidence, _)| *evidence)
        .map(|(_, arrival)| arrival)
}

fn evidence(one: &HandOver, file: &HandedFile, arrival: &Arrival) -> Option<Evidence> {
    if one.receipt.as_ref().is_some_and(|given| given.sha256 == arrival.sha256) {
        return Some(Evidence::Person);
    }
    match &arrival.kind {
        ArrivalKind::CertifIn { keys } => certifies(keys, file).then_some(Evidence::Keys),
        ArrivalKind::Text { text, .. } if text.sha256.eq_ignore_ascii_case(&file.sha256) => {
            let same = one.protocollo().is_none_or(|number| *number == text.protocollo);
            Some(if same { Evidence::Text } else { Evidence::TextOtherNumber })
        }
        ArrivalKind::Sealed if is_named(one, file, arrival) => Some(Evidence::SealedName),
        ArrivalKind::Opaque { .. } if is_named(one, file, arrival) => Some(Evidence::Name),
        _ => None,
    }
}

/// Whether all keys of the request are certified.
pub(super) fn certifies(keys: &[String], file: &HandedFile) -> bool {
    let certified = |key: &String| keys.iter().any(|one| one.eq_ignore_ascii_case(key));
    !file.keys.is_empty() && file.keys.iter().all(certified)
}

fn is_named(one: &HandOver, file: &HandedFile, arrival: &Arrival) -> bool {
    if !file.keys.is_empty() {
        return false;
    }
    let by_number = one
        .protocollo()
        .is_some_and(|number| numbers_in(&arrival.name).any(|found| found == number.as_str()));
    let instructed = receipt_name(&one.label(), &file.name).to_lowercase();
    by_number || arrival.name.to_lowercase().contains(&instructed)
}

/// The name under which the instructions ask for a receipt to be saved.
pub(super) fn receipt_name(label: &str, name: &str) -> String {
    format!("ricevuta-{label}-{name}")
}

/// The number that an answer tells, by its text or its name.
pub(super) fn protocollo_in(arrival: &Arrival) -> Option<Protocollo> {
    if let ArrivalKind::Text { text, .. } = &arrival.kind {
        return Some(text.protocollo.clone());
    }
    let mut numbers = numbers_in(&arrival.name);
    match (numbers.next(), numbers.next()) {
        (Some(number), None) => Protocollo::parse(number).ok(),
        _ => None,
    }
}

/// Exactly seventeen digits with none before or after.
fn numbers_in(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == 17)
}

/// What *Ricerca ricevute* would show; `None` while there is nothing to show.
pub(super) fn receipt_record(one: &HandOver, answer: Option<&Arrival>) -> Option<ReceiptRecord> {
    let file = one.file()?;
    let sent = one.acknowledgement()?;
    let mut record = ReceiptRecord {
        protocollo: sent.protocollo.clone(),
        tipo_documento: file.tipo_documento.clone(),
        stato: Stato::DaAprire,
        motivo_di_scarto: None,
        annullato_da: None,
        file_name: file.name.clone(),
        sha256: file.sha256.clone(),
        sent_at: sent.received_at,
        processed_at: None,
        documenti: Counts::default(),
        attachments: answer
            .map(|answer| attachment(answer, &sent.protocollo))
            .into_iter()
            .collect(),
        notice: None,
    };
    match answer.map(|answer| &answer.kind) {
        Some(ArrivalKind::CertifIn { .. }) => record.stato = Stato::Elaborato,
        Some(ArrivalKind::Text { text, .. }) => {
            record.stato = text.stato;
            record.motivo_di_scarto.clone_from(&text.motivo_di_scarto);
            record.sent_at = text.received_at;
            record.processed_at = Some(text.processed_at);
            record.documenti = text.documenti;
            record.notice = Some(text.notice.clone()).filter(|notice| !notice.is_empty());
        }
        _ => {}
    }
    if let State::Rejected { motivo, .. } = &one.state {
        record.stato = Stato::Scartato;
        record.motivo_di_scarto.get_or_insert_with(|| Rejection::clone(motivo));
    } else if answer.is_none() {
        return None;
    }
    Some(record)
}

fn attachment(answer: &Arrival, protocollo: &Protocollo) -> AttachmentRecord {
    let name = match &answer.kind {
        ArrivalKind::CertifIn { .. } => "CERTIF.IN".to_owned(),
        ArrivalKind::Sealed if !answer.name.to_lowercase().ends_with(".rcc") => {
            format!("{protocollo}.rcc")
        }
        _ => plain_name(&answer.name),
    };
    AttachmentRecord { name, sha256: answer.sha256.clone(), length: answer.length }
}

/// A file name as ours are: whatever else is in it becomes `_`.
pub(super) fn plain_name(name: &str) -> String {
    if is_file_name(name) {
        return name.to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || " ._-()".contains(c) { c } else { '_' };
    let characters: Vec<char> = name.chars().map(plain).collect();
    // The end says what it is.
    let start = characters.len().saturating_sub(90);
    let text: String = characters[start..].iter().collect();
    let text = text.trim_matches(['.', ' ']);
    if text.is_empty() { "ricevuta".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
