//! What is known of a hand-over after a person has said something: the same again, more, or otherwise.

use ceralacca_submission::hand_over::{HandOver, State, moment, rome_date};
use ceralacca_submission::{Protocollo, Rejection, printable};
use jiff::Timestamp;
use jiff::civil::Date;

use super::confirm::Confirmation;
use super::error::HandOffError;

/// The hand-over as it is known afterwards; what was said before stays among its corrections.
pub(super) fn after(
    one: &HandOver,
    all: &[HandOver],
    said: &Confirmation,
    number: Option<Protocollo>,
) -> Result<HandOver, HandOffError> {
    let state = match said.correct {
        true => corrected(one, said, number)?,
        false => added(one, said, number)?,
    };
    let outcome_said = said.rejected.is_some() || said.not_sent || is_bare(said);
    let accepted = match (said.accepted, said.correct && outcome_said) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => one.accepted,
    };
    let was_sent = one.sent_on().is_some();
    let day_guessed = one.day_guessed && was_sent && said.sent_on.is_none();
    let before = (one.state.clone(), one.accepted);
    let mut after = HandOver { accepted, day_guessed, ..one.clone() }.entered(state, all);
    if said.correct && before != (after.state.clone(), after.accepted) {
        after.keep_former(one, said.at);
    }
    if said.not_sent {
        after.receipt = None;
    }
    Ok(after)
}

/// Nothing but that it was done.
fn is_bare(said: &Confirmation) -> bool {
    let Confirmation {
        protocollo, sent_on, receipt, rejected, accepted, in_force, not_sent, ..
    } = said;
    let words = [*accepted, *in_force, *not_sent, protocollo.is_some(), sent_on.is_some()];
    !words.contains(&true) && receipt.is_none() && rejected.is_none()
}

/// What is known once this was said too; refused where it is something else.
fn added(
    one: &HandOver,
    said: &Confirmation,
    protocollo: Option<Protocollo>,
) -> Result<State, HandOffError> {
    if said.not_sent {
        return match &one.state {
            State::Waiting => Ok(State::NotSent { at: said.at }),
            State::NotSent { .. } => Ok(one.state.clone()),
            _ => Err(otherwise(one, "that it was not sent".to_owned())),
        };
    }
    // What was not said is as it is known, or else today. A revocation has two days.
    let known_day = one.sent_on().filter(|_| one.file().is_some());
    let known_number = one.protocollo().filter(|_| one.file().is_some()).cloned();
    let day = said.sent_on.or(known_day).unwrap_or_else(|| rome_date(said.at));
    require_day(day, one, said.at)?;
    if known_day.is_some_and(|known| known != day && !one.day_guessed) {
        return Err(otherwise(one, format!("that it was sent on {day}")));
    }
    if let (Some(known), Some(number)) = (&known_number, &protocollo)
        && known != number
    {
        return Err(otherwise(one, format!("protocollo {number}")));
    }
    if said.in_force {
        return in_force(one, said.at, day);
    }
    let motivo = said.rejected.as_deref().map(rejection);
    done(one, said.at, day, known_number.or(protocollo), motivo)
}

/// What is known when this is right and what was said before is not. What nobody speaks of stays.
fn corrected(
    one: &HandOver,
    said: &Confirmation,
    protocollo: Option<Protocollo>,
) -> Result<State, HandOffError> {
    if said.not_sent {
        return Ok(match &one.state {
            State::NotSent { .. } => one.state.clone(),
            _ => State::NotSent { at: said.at },
        });
    }
    let (known_at, known_day) = match &one.state {
        State::Confirmed { at, sent_on, .. } | State::Rejected { at, sent_on, .. } => {
            (Some(*at), Some(*sent_on))
        }
        State::InForce { requested_at, .. } => {
            (Some(*requested_at), Some(rome_date(*requested_at)))
        }
        State::Waiting | State::NotSent { .. } => (None, None),
    };
    let at = known_at.unwrap_or(said.at);
    if said.in_force {
        require_revocation(one)?;
        let day = said.sent_on.unwrap_or_else(|| rome_date(said.at));
        require_day(day, one, said.at)?;
        return Ok(State::InForce { requested_at: at, since: moment(day, said.at) });
    }
    let sent_on = said.sent_on.or(known_day).unwrap_or_else(|| rome_date(said.at));
    require_day(sent_on, one, said.at)?;
    let protocollo = protocollo.or_else(|| one.protocollo().cloned());
    let motivo = match (&said.rejected, &one.state) {
        (Some(text), _) => Some(rejection(text)),
        // Whoever corrects the number of a rejected one does not say that it was not rejected.
        (None, State::Rejected { motivo, .. }) if !said.accepted && !is_bare(said) => {
            Some(motivo.clone())
        }
        _ => None,
    };
    Ok(match motivo {
        Some(motivo) => State::Rejected { at, sent_on, protocollo, motivo },
        None => State::Confirmed { at, sent_on, protocollo },
    })
}

fn rejection(text: &str) -> Rejection {
    Rejection { code: String::new(), text: printable(text.trim(), LONGEST_REASON) }
}

/// It was done on that day, and refused where there is a `motivo`.
fn done(
    one: &HandOver,
    at: Timestamp,
    sent_on: Date,
    protocollo: Option<Protocollo>,
    motivo: Option<Rejection>,
) -> Result<State, HandOffError> {
    let is_revocation = one.file().is_none();
    match (&one.state, motivo) {
        (State::InForce { .. }, Some(_)) => Err(otherwise(one, "that it was rejected".to_owned())),
        (State::InForce { .. }, None) => Ok(one.state.clone()),
        (State::Rejected { at, motivo: known, .. }, Some(motivo)) if *known == motivo => {
            Ok(State::Rejected { at: *at, sent_on, protocollo, motivo })
        }
        (State::Rejected { .. }, Some(motivo)) if !is_revocation => {
            Err(otherwise(one, format!("that it was rejected: {}", motivo.text)))
        }
        (State::Rejected { .. }, None) if !is_revocation => {
            Err(otherwise(one, "that it was sent".to_owned()))
        }
        (_, Some(motivo)) if one.accepted => {
            Err(otherwise(one, format!("that it was rejected: {}", motivo.text)))
        }
        (_, Some(motivo)) => Ok(State::Rejected { at, sent_on, protocollo, motivo }),
        // Said again, perhaps after a power cut: nothing new.
        (State::Confirmed { .. }, None) if is_revocation => Ok(one.state.clone()),
        (State::Confirmed { at, .. }, None) => {
            Ok(State::Confirmed { at: *at, sent_on, protocollo })
        }
        (_, None) => Ok(State::Confirmed { at, sent_on, protocollo }),
    }
}

/// A revocation is in force; whether it was confirmed before or not, it was asked for.
fn in_force(one: &HandOver, at: Timestamp, since: Date) -> Result<State, HandOffError> {
    require_revocation(one)?;
    let since = moment(since, at);
    match &one.state {
        State::InForce { .. } => Ok(one.state.clone()),
        State::Confirmed { at: requested_at, .. } => {
            Ok(State::InForce { requested_at: *requested_at, since })
        }
        _ => Ok(State::InForce { requested_at: at, since }),
    }
}

fn require_revocation(one: &HandOver) -> Result<(), HandOffError> {
    match one.file() {
        None => Ok(()),
        Some(file) => {
            Err(HandOffError::NotARevocation { run: one.run.clone(), name: file.name.clone() })
        }
    }
}

fn otherwise(one: &HandOver, said: String) -> HandOffError {
    HandOffError::AlreadyConfirmed { run: one.run.clone(), known: one.describe(), said }
}

fn require_day(day: Date, one: &HandOver, at: Timestamp) -> Result<(), HandOffError> {
    let (earliest, latest) = (rome_date(one.handed_over_at), rome_date(at));
    if day < earliest || day > latest.max(earliest) {
        return Err(HandOffError::SentOn { found: day, earliest, latest });
    }
    Ok(())
}

const LONGEST_REASON: usize = 1000;
