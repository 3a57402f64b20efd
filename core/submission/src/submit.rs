//! Sending a document once, and finding out what became of one that was interrupted.

use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{Call, Document, DocumentId, Error, Exit, Folders, Reconciled, Report};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outbox::{Outbox, Prepared};
use crate::{
    Access, Acknowledgement, Delivery, Outgoing, Portal, PortalId, Search, SendChannel,
    SubmissionError,
};

/// A handle to a document that the Agency has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:submission")]
pub struct Submission(pub SubmissionId);

impl HandleKind for Submission {
    const KIND: &'static str = "submission";
}

/// What a [`Submission`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubmissionId {
    /// With what access it was sent.
    pub portal: PortalId,
    /// What the Agency answered.
    pub acknowledgement: Acknowledgement,
}

pub(crate) fn submit(
    call: &mut Call<'_>,
    portal: Portal,
    document: Document,
) -> Result<Submission, Error> {
    let channel = call.service::<SendChannel>()?;
    let outbox = outbox(call)?;
    // Before anything is marked: it may have to be asked for, and refused.
    let access = portal.0.access(call, channel.wants_keys())?;
    let answer = deliver(&outbox, &channel, &access, &document.0, call.now())?;
    Ok(finish(call, &outbox, portal, &document.0, answer))
}

/// What became of a `submit` that was interrupted.
pub(crate) fn reconcile(
    call: &mut Call<'_>,
    portal: Portal,
    document: Document,
) -> Result<Reconciled<Submission>, Error> {
    let outbox = outbox(call)?;
    let found = match outbox.acknowledgement() {
        Some(answer) => Found::Delivered(answer),
        None if !outbox.was_attempted() => Found::NotDelivered,
        None => {
            let channel = call.service::<SendChannel>()?;
            let access = portal.0.access(call, channel.wants_keys())?;
            ask(&outbox, &channel, &access, &document.0)?
        }
    };
    Ok(match found {
        Found::Delivered(answer) => {
            Reconciled::Done(finish(call, &outbox, portal, &document.0, answer))
        }
        Found::NotDelivered => Reconciled::NotDone,
        Found::Unknown(why) => Reconciled::Unknown(why),
        Found::Stopped(error) => Reconciled::Stopped(error),
    })
}

/// What the outbox and the Agency say of an earlier attempt.
#[derive(Debug, PartialEq)]
enum Found {
    /// The Agency has it.
    Delivered(Acknowledgement),
    /// The Agency says that it does not have it, or nothing was ever sent.
    NotDelivered,
    /// Nobody can say, because of this.
    Unknown(String),
    /// A person has it in hand, and this is wrong here.
    Stopped(Error),
}

/// Stores, marks, sends, keeps the answer. Sends nothing while an earlier attempt is in doubt.
fn deliver(
    outbox: &Outbox,
    channel: &SendChannel,
    access: &Access,
    document: &DocumentId,
    at: Timestamp,
) -> Result<Acknowledgement, Error> {
    if let Some(answer) = outbox.acknowledgement() {
        return Ok(answer);
    }
    let Prepared { bytes, copy } = outbox.prepare(document)?;
    if outbox.was_attempted() {
        match ask(outbox, channel, access, document)? {
            Found::Delivered(answer) => return Ok(answer),
            Found::NotDelivered => {}
            Found::Stopped(error) => return Err(error),
            Found::Unknown(why) => {
                let document = document.name.clone();
                return Err(SubmissionError::StillUnknown { document, why }.into());
            }
        }
    }
    outbox.begin_attempt(document, at)?;
    let outgoing = Outgoing {
        idempotency_key: outbox.key(),
        name: &document.name,
        tipo_documento: &document.tipo_documento,
        sha256: &document.sha256,
        bytes: &bytes,
        at,
        run: outbox.run(),
        copy: &copy,
        keys: &document.keys,
    };
    match channel.submit(access, &outgoing) {
        Ok(answer) if answer.sha256 == document.sha256 => {
            outbox.acknowledge(&answer)?;
            Ok(answer)
        }
        Ok(answer) => Err(SubmissionError::AnswerForAnother {
            document: document.name.clone(),
            protocollo: answer.protocollo,
            expected: document.sha256.clone(),
            found: answer.sha256,
        }
        .into()),
        Err(failure) if failure.delivery == Delivery::NotDelivered => {
            outbox.withdraw_attempt();
            Err(failure.error)
        }
        // A person has it in hand: the call stays open, and waits.
        Err(failure) if failure.error.exit() == Exit::Waiting => Err(failure.error),
        // Whatever the error says of itself: the call stays open and is reconciled.
        Err(failure) => {
            Err(Report { exit: Exit::Unknown, ..failure.error.report().clone() }.into())
        }
    }
}

/// Asks the Agency for an earlier attempt: by key, then by content that no other attempt has.
fn ask(
    outbox: &Outbox,
    channel: &SendChannel,
    access: &Access,
    document: &DocumentId,
) -> Result<Found, Error> {
    for search in [Search::Key(outbox.key()), Search::Sha256(&document.sha256)] {
        let mut answers = match channel.find_submissions(access, &search) {
            Ok(answers) => answers,
            Err(failure) if failure.error.exit() == Exit::Waiting => return Err(failure.error),
            // By hand nothing is asked over a line: what is wrong is wrong here, and says so itself.
            Err(failure) if !channel.wants_keys() => return Ok(Found::Stopped(failure.error)),
            Err(failure) => {
                let report = failure.error.report();
                return Ok(Found::Unknown(format!("{} ({})", report.headline, report.code)));
            }
        };
        // The same file may have been sent before: what became of that is another's.
        if matches!(search, Search::Sha256(_)) {
            answers.retain(|answer| !outbox.is_anothers(&answer.protocollo));
        }
        let Some(first) = answers.first() else { continue };
        let Some(answer) = answers.iter().find(|answer| answer.sha256 == document.sha256) else {
            let other = &first.protocollo;
            return Ok(Found::Unknown(format!(
                "the Agency has another content under this key: {other}"
            )));
        };
        outbox.acknowledge(answer)?;
        return Ok(Found::Delivered(answer.clone()));
    }
    outbox.withdraw_attempt();
    Ok(Found::NotDelivered)
}

fn outbox(call: &Call<'_>) -> Result<Outbox, Error> {
    let folders = call.service::<Folders>()?;
    Ok(Outbox::new(&folders, &call.run().to_string(), call.idempotency_key()))
}

/// It is delivered and nothing may undo that: a copy that cannot be moved is only reported.
fn finish(
    call: &Call<'_>,
    outbox: &Outbox,
    portal: Portal,
    document: &DocumentId,
    acknowledgement: Acknowledgement,
) -> Submission {
    match outbox.file_away(document, &acknowledgement) {
        Ok(path) => call.progress(&format!(
            "protocollo {}, copy in {}",
            acknowledgement.protocollo,
            path.display()
        )),
        Err(error) => call.progress(&format!(
            "protocollo {}; the copy is still in `da inviare`, do not send it again: {error}",
            acknowledgement.protocollo
        )),
    }
    Submission(SubmissionId { portal: portal.0, acknowledgement })
}

#[cfg(test)]
mod tests;
