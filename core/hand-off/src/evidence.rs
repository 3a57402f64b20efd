//! What speaks against what a person says: the Agency's own words count for more.

use std::path::Path;

use ceralacca_kernel::Folders;
use ceralacca_submission::esito::Esito;
use ceralacca_submission::hand_over::{HandOver, State, rome_date};
use ceralacca_submission::outbox::{Outbox, name_of_key, read_at_most};
use ceralacca_submission::{Protocollo, REVOCATIONS, RevocationMark, Stato};
use jiff::civil::Date;

use super::answer::{answer_to, is_accepted};
use super::arrivals::{Arrival, ArrivalKind};
use super::confirm::Confirmation;
use super::error::HandOffError;

/// Something that the Agency said, or that was done with what a person said.
struct Evidence {
    /// Where it is.
    place: String,
    /// What it says, in words.
    what: String,
    /// Whether the document was accepted.
    accepted: Option<bool>,
    number: Option<Protocollo>,
    received_on: Option<Date>,
}

/// Refuses what the evidence speaks against; `after` is what would be known.
pub(super) fn require_none_against(
    folders: &Folders,
    one: &HandOver,
    after: &HandOver,
    answers: &[&Arrival],
    said: &Confirmation,
) -> Result<(), HandOffError> {
    let mut evidence: Vec<Evidence> = answers.iter().map(|arrival| of_arrival(arrival)).collect();
    evidence.extend(one.numbers().filter_map(|number| of_esito(folders, one, &number)));
    if after.is_not_sent() {
        evidence.extend(of_use(folders, one));
    }
    let spoken_against = evidence.iter().find_map(|against| {
        let said = against.contradicts(one, after, said)?;
        Some((against, said))
    });
    match spoken_against {
        None => Ok(()),
        Some((against, said)) => Err(HandOffError::AgainstEvidence {
            run: one.run.clone(),
            place: against.place.clone(),
            what: against.what.clone(),
            said,
        }),
    }
}

/// The file that answers it, and the one that is given now.
pub(super) fn answers<'a>(
    one: &HandOver,
    all: &[HandOver],
    arrived: &'a [Arrival],
    given: Option<&'a Arrival>,
) -> Vec<&'a Arrival> {
    answer_to(one, all, arrived).into_iter().chain(given).collect()
}

impl Evidence {
    /// What was said against it, if anything.
    fn contradicts(&self, one: &HandOver, after: &HandOver, said: &Confirmation) -> Option<String> {
        let rejected = matches!(after.state, State::Rejected { .. });
        if after.is_not_sent() {
            return Some("that it was not sent".to_owned());
        }
        if rejected && self.accepted == Some(true) {
            return Some("that it was rejected".to_owned());
        }
        if after.accepted && self.accepted == Some(false) {
            return Some("that it was accepted".to_owned());
        }
        let number = said.protocollo.as_ref().filter(|number| one.protocollo() != Some(*number));
        if let (Some(number), Some(known)) = (number, &self.number)
            && number != known
        {
            return Some(format!("protocollo {number}"));
        }
        let day = said.sent_on.filter(|day| one.sent_on() != Some(*day));
        match (day, self.received_on) {
            (Some(day), Some(known)) if day != known => Some(format!("that it was sent on {day}")),
            _ => None,
        }
    }
}

fn of_arrival(arrival: &Arrival) -> Evidence {
    let (number, received_on) = match &arrival.kind {
        ArrivalKind::Text { text, .. } => {
            (Some(text.protocollo.clone()), Some(rome_date(text.received_at)))
        }
        _ => (None, None),
    };
    let says = matches!(arrival.kind, ArrivalKind::CertifIn { .. } | ArrivalKind::Text { .. });
    Evidence {
        place: arrival.path.display().to_string(),
        what: arrival.describe(),
        accepted: says.then(|| is_accepted(arrival)),
        number,
        received_on,
    }
}

/// What was concluded from a receipt, and not from what a person said.
fn of_esito(folders: &Folders, one: &HandOver, number: &Protocollo) -> Option<Evidence> {
    let file = one.file()?;
    let esito = Esito::read(folders, number).filter(|esito| esito.sent_sha256 == file.sha256)?;
    let opened = esito.rcc.is_some() && esito.p7m.is_some();
    let in_clear = esito.stato == Stato::Elaborato && !esito.read_by_person;
    if !opened && !in_clear {
        return None;
    }
    let place = folders.documents.join("esiti").join(format!("{number}.json"));
    Some(Evidence {
        place: place.display().to_string(),
        what: format!("the receipt of {number}: {}", esito.stato.as_str()),
        accepted: Some(esito.stato != Stato::Scartato),
        number: esito.numero.or_else(|| opened.then(|| esito.protocollo.clone())),
        received_on: None,
    })
}

/// The run has gone on with it as sent.
fn of_use(folders: &Folders, one: &HandOver) -> Option<Evidence> {
    let place = match one.file() {
        Some(file) => {
            let answer = Outbox::new(folders, &one.run, &one.key).acknowledgement()?;
            let inviati = folders.documents.join("inviati");
            inviati.join(format!("{}-{}", answer.protocollo, file.name))
        }
        None => {
            let name = format!("{}.json", name_of_key(&one.key));
            let path = folders.state.join(REVOCATIONS).join(name);
            requested(&path).then_some(path)?
        }
    };
    Some(Evidence {
        place: place.display().to_string(),
        what: format!("run {} has gone on with it as done", one.run),
        accepted: None,
        number: None,
        received_on: None,
    })
}

fn requested(path: &Path) -> bool {
    let mark = read_at_most(path, 64 << 10).ok();
    let mark = mark.and_then(|bytes| serde_json::from_slice::<RevocationMark>(&bytes).ok());
    mark.is_some_and(|mark| mark.requested.is_some())
}
