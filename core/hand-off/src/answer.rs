//! Which of the files in `ricezione` answers which hand-over.

use ceralacca_submission::hand_over::{HandOver, HandedFile, State};
use ceralacca_submission::{
    AttachmentRecord, Counts, Protocollo, ReceiptRecord, Rejection, Stato, is_file_name,
};

use super::answers::Answers;
use super::arrivals::{Arrival, ArrivalKind};

/// Why a file is taken for the answer; the first is the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Evidence {
    /// It certifies the keys of the request.
    Keys,
    /// A person said so.
    Person,
    /// Its text has the SHA-256 of the file, and the number.
    Text,
    /// Its text has the SHA-256 of the file, and another number than the person wrote down.
    TextOtherNumber,
    /// It is sealed, and its file name says so.
    SealedName,
    /// Its file name says so.
    Name,
}

/// How good a hand-over's claim to a file is where the same content was handed over more than once;
/// the first is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// A person named the file, or it has the hand-over's number. Two may have the same number.
    Own,
    /// It was sent, and has no answer yet.
    Sent,
    /// Nobody has said yet whether it was sent.
    Waiting,
    /// A person said that it was not sent.
    NotSent,
    /// Something else is known of it.
    Last,
}

/// The file that answers a hand-over: the one that speaks for itself most clearly. For more than a
/// few there is [`Answers`].
///
/// A file name counts when it is the protocollo, or begins with `ricevuta-<run>-<name of what was
/// sent>`, which the instructions give. For a request for certificates it does not: only what
/// certifies its keys, or tells of its rejection, is of use there.
///
/// Where the same content was handed over more than once, an answer belongs to one of `all`: a
/// hand-over never gets the answer to another.
pub fn answer_to<'a>(
    one: &HandOver,
    all: &[HandOver],
    arrivals: &'a [Arrival],
) -> Option<&'a Arrival> {
    Answers::of_one(one, all, arrivals).to(one)
}

/// Whether another hand-over has the same content: the same bytes, or a request for the same keys and
/// more.
pub(super) fn is_same_content(one: &HandOver, other: &HandOver) -> bool {
    let (Some(file), Some(there)) = (one.file(), other.file()) else { return false };
    let same = there.sha256 == file.sha256 || certifies(&there.keys, file);
    other.key != one.key && same
}

/// How good the claim to a file is; `answered` says whether a file of other content has stronger
/// evidence.
pub(super) fn claim(
    one: &HandOver,
    evidence: Evidence,
    arrival: &Arrival,
    kind: &ArrivalKind,
    answered: impl Fn() -> bool,
) -> Claim {
    let by_number = matches!(evidence, Evidence::SealedName | Evidence::Name)
        && one.protocollo().is_some_and(|number| has_number(&arrival.name, number));
    let numbered = evidence == Evidence::Text && one.protocollo().is_some();
    let rejected = matches!(one.state, State::Rejected { .. });
    match &one.state {
        _ if evidence == Evidence::Person || numbered || by_number => Claim::Own,
        State::Rejected { .. } if says_accepted(kind) => Claim::Last,
        State::Confirmed { .. } | State::Rejected { .. } => {
            let other_number = evidence == Evidence::TextOtherNumber;
            if other_number && (rejected || answered()) { Claim::Last } else { Claim::Sent }
        }
        State::Waiting => Claim::Waiting,
        State::NotSent { .. } => Claim::NotSent,
        State::InForce { .. } => Claim::Last,
    }
}

/// Whether it says itself that the document was accepted.
pub(super) fn is_accepted(arrival: &Arrival) -> bool {
    says_accepted(&arrival.kind)
}

fn says_accepted(kind: &ArrivalKind) -> bool {
    match kind {
        ArrivalKind::CertifIn { .. } => true,
        ArrivalKind::Text { text, .. } => text.stato != Stato::Scartato,
        _ => false,
    }
}

/// Why a file that is of this kind would be taken for the answer if there were no other hand-overs.
pub(super) fn evidence(one: &HandOver, arrival: &Arrival, kind: &ArrivalKind) -> Option<Evidence> {
    let file = one.file()?;
    if arrival.sha256 == file.sha256 {
        return None;
    }
    if let ArrivalKind::CertifIn { keys } = kind
        && certifies(keys, file)
    {
        return Some(Evidence::Keys);
    }
    if one.receipt.as_ref().is_some_and(|given| given.sha256 == arrival.sha256) {
        return Some(Evidence::Person);
    }
    match kind {
        ArrivalKind::Text { text, .. } if text.sha256.eq_ignore_ascii_case(&file.sha256) => {
            let same = one.protocollo().is_none_or(|number| *number == text.protocollo);
            Some(if same { Evidence::Text } else { Evidence::TextOtherNumber })
        }
        ArrivalKind::Sealed if is_named(one, file, arrival, kind) => Some(Evidence::SealedName),
        ArrivalKind::Opaque { .. } if is_named(one, file, arrival, kind) => Some(Evidence::Name),
        _ => None,
    }
}

/// Whether all keys of the request are certified.
pub(super) fn certifies(keys: &[String], file: &HandedFile) -> bool {
    let certified = |key: &String| keys.iter().any(|one| one.eq_ignore_ascii_case(key));
    !file.keys.is_empty() && file.keys.iter().all(certified)
}

fn is_named(one: &HandOver, file: &HandedFile, arrival: &Arrival, kind: &ArrivalKind) -> bool {
    if !file.keys.is_empty() {
        return false;
    }
    let by_number = one.protocollo().is_some_and(|number| match kind {
        // Nothing else that the portal gives is sealed.
        ArrivalKind::Sealed => has_number(&arrival.name, number),
        // The page of the confirmation, printed, may have the number in its name too.
        _ => is_number_alone(&arrival.name, number),
    });
    by_number || arrival.name.to_lowercase().starts_with(&instructed_name(one, file))
}

/// With what the name of a receipt begins that was saved as the instructions say, in lower case.
pub(super) fn instructed_name(one: &HandOver, file: &HandedFile) -> String {
    receipt_name(&one.label(), &file.name).to_lowercase()
}

fn has_number(name: &str, number: &Protocollo) -> bool {
    numbers_in(name).any(|found| found == number.as_str())
}

/// The number itself, then at most ` (1)` as browsers count, and an extension.
fn is_number_alone(name: &str, number: &Protocollo) -> bool {
    let Some(rest) = name.strip_prefix(number.as_str()) else { return false };
    let counted = rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let rest = match counted {
        Some((count, rest)) if count.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => rest,
    };
    rest.is_empty() || rest.starts_with('.')
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
pub(super) fn numbers_in(name: &str) -> impl Iterator<Item = &str> {
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
    match (&one.state, answer) {
        // What the Agency says counts for more than what somebody said of it.
        (State::Rejected { .. }, Some(answer)) if is_accepted(answer) => {}
        (State::Rejected { motivo, .. }, _) => {
            record.stato = Stato::Scartato;
            record.motivo_di_scarto.get_or_insert_with(|| Rejection::clone(motivo));
        }
        (_, None) => return None,
        (_, Some(_)) => {}
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
    // Handed out is what is inside of PEM and the like; the file stays as it came.
    let (sha256, length) = match &answer.content {
        Some(content) => (content.sha256.clone(), content.length),
        None => (answer.sha256.clone(), answer.length),
    };
    AttachmentRecord { name, sha256, length }
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
