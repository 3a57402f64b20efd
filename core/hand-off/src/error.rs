//! What can go wrong where a person carries the files, and what is waited for; with its wording.

use std::io;
use std::path::Path;

use ceralacca_kernel::{Explain, Report};
use ceralacca_submission::{HandOverError, Protocollo};
use jiff::civil::Date;
use serde::Serialize;

/// Every failure of the hand-off channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum HandOffError {
    /// A person has to upload the file.
    ToBeSent {
        /// The run that waits.
        run: String,
        /// File name.
        name: String,
        /// Where the file is.
        copy: String,
        /// Where the instructions are.
        sheet: String,
    },
    /// A person has to ask for the revocation.
    ToBeRevoked {
        /// The run that waits.
        run: String,
        /// Number of the busta.
        numero_busta: String,
        /// Where the instructions are.
        sheet: String,
    },
    /// Nothing was handed over by this run.
    NothingWaits {
        /// The run.
        run: String,
        /// The runs that wait.
        waiting: Vec<String>,
    },
    /// Something else was said before.
    AlreadyConfirmed {
        /// The run.
        run: String,
        /// What is known.
        known: String,
        /// What was said now.
        said: String,
    },
    /// The Agency's own words say otherwise.
    AgainstEvidence {
        /// The run.
        run: String,
        /// Where they are.
        place: String,
        /// What they are.
        what: String,
        /// What was said.
        said: String,
    },
    /// Only a revocation comes into force.
    NotARevocation {
        /// The run.
        run: String,
        /// The file that it handed over.
        name: String,
    },
    /// The day cannot be the day of sending.
    SentOn {
        /// The day that was given.
        found: Date,
        /// The day it was handed over.
        earliest: Date,
        /// Today.
        latest: Date,
    },
    /// The number belongs to another file.
    ProtocolloTaken {
        /// The number.
        protocollo: Protocollo,
        /// The run that it belongs to.
        run: String,
        /// File name there.
        name: String,
    },
    /// The file that was called the receipt cannot be one.
    ReceiptUnusable {
        /// Its path.
        path: String,
        /// Why not.
        problem: String,
    },
    /// The file that was called the receipt answers something else.
    ReceiptOfAnother {
        /// Its path.
        path: String,
        /// What would have been right.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The answer was there and is not any more, or is another one.
    AnswerGone {
        /// The number.
        protocollo: Protocollo,
        /// Name of the file.
        name: String,
        /// Where it should be.
        folder: String,
    },
    /// The answer bears a signature that is not the Agency's.
    AnswerNotSigned {
        /// Its path.
        path: String,
        /// What speaks against it.
        problem: String,
    },
    /// No file with what only the CA can give is configured.
    NoCaFile {
        /// What is missing, in words.
        what: String,
        /// The line for `ceralacca.toml`.
        setting: String,
    },
    /// A file of the settings is not what it should be.
    CaFileUnusable {
        /// Its path.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A record, a sheet or a file beside it; told as it is there.
    #[serde(untagged)]
    HandOver(HandOverError),
}

impl HandOffError {
    pub(crate) fn not_stored(path: &Path, error: &io::Error) -> HandOffError {
        HandOverError::not_stored(path, error).into()
    }
}

impl From<HandOverError> for HandOffError {
    fn from(error: HandOverError) -> HandOffError {
        HandOffError::HandOver(error)
    }
}

impl Explain for HandOffError {
    fn explain(&self) -> Report {
        use HandOffError::*;
        match self {
            ToBeSent { .. } | ToBeRevoked { .. } => explain_waiting(self),
            NothingWaits { .. }
            | AlreadyConfirmed { .. }
            | AgainstEvidence { .. }
            | NotARevocation { .. }
            | SentOn { .. }
            | ProtocolloTaken { .. }
            | ReceiptUnusable { .. }
            | ReceiptOfAnother { .. } => explain_confirmation(self),
            AnswerGone { .. }
            | AnswerNotSigned { .. }
            | NoCaFile { .. }
            | CaFileUnusable { .. } => explain_files(self),
            HandOver(error) => error.explain(),
        }
    }
}

fn explain_waiting(error: &HandOffError) -> Report {
    match error {
        HandOffError::ToBeSent { run, name, copy, sheet } => Report::waiting(
            "hand_off.to_be_sent",
            format!("{name} waits for a person to upload it to the portal"),
        )
        .expected(
            "an upload to the page \"conferma della trasmissione\", and somebody who says so here",
        )
        .found(format!("nobody has said yet whether {copy} was sent"))
        .state("this program has sent nothing itself; the file is kept and must not be made anew")
        .next(format!(
            "follow {sheet}, then ceralacca confirm {run} (--not-sent when no confirmation came)"
        )),
        HandOffError::ToBeRevoked { run, numero_busta, sheet } => Report::waiting(
            "hand_off.to_be_revoked",
            format!("the revocation of busta {numero_busta} waits for a person at the portal"),
        )
        .expected("\"Ripristino dell'ambiente di sicurezza\" with numero busta and PIN di revoca")
        .found("nobody has said yet whether it was asked for")
        .state("this program has asked for nothing itself; nothing was deleted")
        .next(format!(
            "follow {sheet}, then ceralacca confirm {run} (PIN di revoca lost: only at an office)"
        )),
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_confirmation(error: &HandOffError) -> Report {
    use HandOffError::*;
    let report = match error {
        ReceiptUnusable { .. } | ReceiptOfAnother { .. } => explain_given(error),
        NothingWaits { run, waiting } => Report::usage(
            "hand_off.nothing_waits",
            format!("run {run} has handed nothing to a person"),
        )
        .expected(match waiting.as_slice() {
            [] => "a run that waits; there is none".to_owned(),
            runs => format!("a run that waits: {}", runs.join(", ")),
        })
        .found(format!("run {run}"))
        .next("ceralacca status"),
        AlreadyConfirmed { run, known, said } => Report::refused(
            "hand_off.already_confirmed",
            format!("what became of run {run} is known already, and it is something else"),
        )
        .expected(known)
        .found(said)
        .next(format!(
            "look it up in \"Ricerca ricevute\"; if what was said before is wrong, say what is right: \
             ceralacca confirm {run} --correct …"
        )),
        AgainstEvidence { run, place, what, said } => Report::refused(
            "hand_off.against_evidence",
            format!("what is here of run {run} says otherwise"),
        )
        .expected(format!("{what}, in {place}"))
        .found(said)
        .next(format!(
            "look it up in \"Ricerca ricevute\"; a file in ricezione that belongs elsewhere: move it \
             away, then ceralacca confirm {run} once more"
        )),
        NotARevocation { run, name } => Report::usage(
            "hand_off.not_a_revocation",
            format!("run {run} has handed over a file, which does not come into force"),
        )
        .expected("a run that asked for a revocation")
        .found(name)
        .next(format!("ceralacca confirm {run}, without --in-force")),
        SentOn { found, earliest, latest } => {
            Report::usage("hand_off.sent_on", "it cannot have been sent on that day")
                .expected(format!("a day from {earliest}, when it was handed over, to {latest}"))
                .found(found.to_string())
                .next("give the day that \"Ricerca ricevute\" shows under Data invio")
        }
        ProtocolloTaken { protocollo, run, name } => Report::refused(
            "hand_off.protocollo_taken",
            format!("protocollo {protocollo} belongs to another file"),
        )
        .expected("the number that the portal showed for this file")
        .found(format!("the number of {name}, run {run}"))
        .next("copy the protocollo from \"Ricerca ricevute\", from the row of this file"),
        other => unreachable!("{other:?} is explained elsewhere"),
    };
    report.state("nothing was recorded; what the portal has is not changed by this")
}

fn explain_given(error: &HandOffError) -> Report {
    use HandOffError::*;
    match error {
        ReceiptUnusable { path, problem } => Report::refused(
            "hand_off.receipt_unusable",
            format!("{path} cannot be taken for the receipt"),
        )
        .expected("a whole file of at most 5 MiB")
        .found(problem)
        .next("save the file from \"Ricerca ricevute\" once more"),
        ReceiptOfAnother { path, expected, found } => {
            Report::refused("hand_off.receipt_of_another", format!("{path} answers something else"))
                .expected(expected)
                .found(found)
                .next(
                    "save the file from the row of \"Ricerca ricevute\" that the instructions name",
                )
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}

fn explain_files(error: &HandOffError) -> Report {
    use HandOffError::*;
    match error {
        AnswerGone { protocollo, name, folder } => Report::refused(
            "hand_off.answer_gone",
            format!("{name}, the answer to {protocollo}, is not there any more"),
        )
        .expected(format!("the file where it was found, in {folder}"))
        .found("no such file")
        .state("the Agency has the document; only the file of its answer is missing here")
        .next("save it from \"Ricerca ricevute\" once more, then run ceralacca resume")
        .fetch_again(),
        AnswerNotSigned { path, problem } => Report::refused(
            "hand_off.answer_not_signed",
            format!("{path} does not have the Agency's signature"),
        )
        .expected("a signature by the CA that ceralacca.toml names")
        .found(problem)
        .state("nothing was concluded from this file; it was left as it is")
        .next("save it from \"Ricerca ricevute\" once more in its place, then ceralacca resume")
        .fetch_again(),
        NoCaFile { what, setting } => Report::refused(
            "hand_off.no_ca",
            format!("{what} is not configured"),
        )
        .expected("a file with it, since this program does not ask the portal")
        .found(format!("no {setting} in ceralacca.toml"))
        .state("nothing was sent, nothing was asked for")
        .next(format!(
            "save it as a file, add {setting} = [\"…\"] to [agency] of ceralacca.toml, then \
                     ceralacca resume"
        )),
        CaFileUnusable { path, problem } => {
            Report::refused("hand_off.ca_unusable", format!("{path} cannot be used"))
                .expected("X.509 in DER or PEM")
                .found(problem)
                .state("nothing was sent, nothing was asked for")
                .next("correct the file that [agency] ca of ceralacca.toml names, then resume")
        }
        other => unreachable!("{other:?} is explained elsewhere"),
    }
}
