//! What can go wrong with the record of what was handed to a person; with its wording.

use std::io;
use std::path::Path;

use ceralacca_kernel::{Explain, Report};
use serde::Serialize;

/// Every failure of the records of hand-overs, and of what is written beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum HandOverError {
    /// A record of a hand-over cannot be read.
    Unreadable {
        /// Its path.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A record, a sheet or a file cannot be written.
    NotStored {
        /// Its path.
        path: String,
        /// What the operating system said.
        system: String,
    },
}

impl HandOverError {
    /// The error for a file that could not be written.
    pub fn not_stored(path: &Path, error: &io::Error) -> HandOverError {
        HandOverError::NotStored { path: path.display().to_string(), system: error.to_string() }
    }
}

impl Explain for HandOverError {
    fn explain(&self) -> Report {
        match self {
            HandOverError::Unreadable { path, problem } => Report::refused(
                "hand_off.record_unreadable",
                format!("{path} cannot be read"),
            )
            .expected("the record of what was handed to a person")
            .found(problem)
            .state("nothing was changed; whether the file was sent is known to the portal")
            .next("restore it from a backup, or look in \"Ricerca ricevute\" before you remove it"),
            HandOverError::NotStored { path, system } => {
                Report::refused("hand_off.not_stored", format!("{path} cannot be written"))
                    .found(system)
                    .state("nothing was sent by this program, and nothing half-written counts")
                    .next("free or open the folder, then run the command again")
            }
        }
    }
}
