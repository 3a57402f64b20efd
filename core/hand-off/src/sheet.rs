//! The sheets of instructions: which file they are in, and that they fit what is known.
//!
//! ```text
//! da inviare/<run>/ISTRUZIONI.txt          while a file waits to be uploaded
//! ricezione/ISTRUZIONI-<run>.txt           while its receipt has not come
//! da inviare/<run>/ISTRUZIONI-REVOCA.txt   until a revocation is in force
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Folders, atomic_file, document_archive};
use ceralacca_submission::hand_over::{HandOver, HandedFile, Kind, State};
use ceralacca_submission::outbox::{
    LARGEST_DOCUMENT, holds, name_of_key, read_at_most, sha256_hex,
};

use super::error::HandOffError;
use super::instructions;

/// Where the sheet is that says what to do next.
pub(super) fn path(folders: &Folders, one: &HandOver) -> PathBuf {
    match &one.kind {
        Kind::Submission(file) => file.copy.with_file_name("ISTRUZIONI.txt"),
        Kind::Revocation(_) => {
            let da_inviare = document_archive::folder(&folders.documents, "da inviare")
                .unwrap_or_else(|_| folders.documents.join("da inviare"));
            da_inviare.join(&one.run).join("ISTRUZIONI-REVOCA.txt")
        }
    }
}

/// Makes the sheets, and the file that waits, what they should be now. Safe to repeat.
pub(super) fn keep(folders: &Folders, one: &HandOver, answered: bool) -> Result<(), HandOffError> {
    let first = path(folders, one);
    let ricezione = document_archive::folder(&folders.documents, "ricezione")
        .map_err(|error| HandOffError::not_stored(&folders.documents.join("ricezione"), &error))?;
    let Kind::Submission(file) = &one.kind else {
        return match &one.state {
            State::Waiting => write(&first, &instructions::revocation(one)),
            State::Confirmed { .. } => write(&first, &instructions::revocation_in_force(one)),
            _ => remove(&first, true),
        };
    };
    let second = ricezione.join(format!("ISTRUZIONI-{}.txt", one.label()));
    match &one.state {
        State::Waiting => {
            restore(folders, one, file)?;
            remove(&second, false)?;
            write(&first, &instructions::submission(one, file, &ricezione))
        }
        State::Confirmed { .. } if !answered => {
            write(&second, &instructions::receipt(one, file, &ricezione))?;
            remove(&first, false)
        }
        _ => remove(&first, false).and_then(|()| remove(&second, false)),
    }
}

/// Removes the copy for the person where the outbox has the same.
pub(super) fn put_away(folders: &Folders, one: &HandOver) -> Result<(), HandOffError> {
    let Some(file) = one.file() else { return Ok(()) };
    let kept = folders.state.join("outbox").join(name_of_key(&one.key)).join(&file.sha256);
    match holds(&kept, &file.sha256) && holds(&file.copy, &file.sha256) {
        true => remove(&file.copy, true),
        false => Ok(()),
    }
}

/// Puts the file that waits back to where the sheet says it is.
fn restore(folders: &Folders, one: &HandOver, file: &HandedFile) -> Result<(), HandOffError> {
    if holds(&file.copy, &file.sha256) {
        return Ok(());
    }
    let kept = folders.state.join("outbox").join(name_of_key(&one.key)).join(&file.sha256);
    match read_at_most(&kept, LARGEST_DOCUMENT) {
        Ok(bytes) if sha256_hex(&bytes) == file.sha256 => write(&file.copy, &bytes),
        // The outbox puts it back itself when it is asked to send again.
        _ => Ok(()),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), HandOffError> {
    let there = read_at_most(path, LARGEST_DOCUMENT).is_ok_and(|found| found == bytes);
    if there {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    document_archive::create(folder)
        .and_then(|()| atomic_file::write_alone(path, bytes))
        .map_err(|error| HandOffError::not_stored(path, &error))
}

fn remove(path: &Path, with_folder: bool) -> Result<(), HandOffError> {
    atomic_file::remove(path).map_err(|error| HandOffError::not_stored(path, &error))?;
    if let Some(folder) = path.parent().filter(|_| with_folder) {
        // Left alone when it is not empty.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}
