//! Getting a mark for a file, once: a mark costs money, and one on disk is never bought again.
//!
//! Beside the document lie, in this order: `.tsq`, the question with its nonce, synced before it is
//! sent; `.tsr.part`, the answer as it came, written and synced before anything else is done with
//! it; `.tsr` and `.tst`, once it was checked. A repeated call takes up whatever it finds. The one
//! moment in which a mark can be lost is between the authority's counting it and the answer's
//! arrival here. An answer that was refused stays as `.tsr.refused`, for asking the authority why.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, Explain, atomic_file, crash_point, regular_file};
use ceralacca_signing::Trust;
use const_oid::ObjectIdentifier;
use jiff::Timestamp;

use crate::check::{check_response, require_sound};
use crate::mark::LARGEST_MARK;
use crate::{Mark, MessageImprint, TimestampAuthority, TimestampError, TimestampRequest};

/// What is to be marked, and how it is checked.
pub struct Purchase<'a> {
    /// The file; the mark goes beside it.
    pub document: &'a Path,
    /// Its digest.
    pub imprint: MessageImprint,
    /// Under which policy, if it matters.
    pub policy: Option<ObjectIdentifier>,
    /// Whom to trust.
    pub trust: &'a Trust,
    /// The time now.
    pub at: Timestamp,
}

impl Purchase<'_> {
    /// The mark of the file and where its `.tsr` is: the one on disk, or else a new one.
    ///
    /// # Errors
    /// As [`check_response`]; `timestamp.in_the_way`, `timestamp.not_stored`, and what the
    /// authority's channel says.
    pub fn mark(&self, authority: &dyn TimestampAuthority) -> Result<(Mark, PathBuf), Error> {
        let tsr = self.beside(".tsr");
        if let Some(bytes) = read(&tsr)? {
            let mark = self.usable(&bytes).map_err(|error| in_the_way(&tsr, &in_words(&error)))?;
            self.finish(&mark)?;
            return Ok((mark, tsr));
        }
        let request = self.request()?;
        let part = self.beside(".tsr.part");
        if let Some(answer) = read(&part)? {
            match check_response(&request, &answer, self.trust, self.at) {
                Ok(mark) => return Ok((self.adopt(mark)?, tsr)),
                // Cut by the interruption, or wrong from the start.
                Err(_) => self.set_aside()?,
            }
        }
        crash_point::reached("before asking the timestamp authority");
        let answer = authority.ask(&request.to_der())?;
        crash_point::reached("before the timestamp authority's answer is on disk");
        keep(&part, &answer).map_err(|error| not_stored(&part, &error, true))?;
        crash_point::reached("after the timestamp authority's answer is on disk");
        match check_response(&request, &answer, self.trust, self.at) {
            Ok(mark) => Ok((self.adopt(mark)?, tsr)),
            Err(refused) => {
                self.set_aside()?;
                let counted = !matches!(refused, TimestampError::Rejected { .. });
                let name = name(&self.beside(".tsr.refused"));
                let mut text = format!("the answer is kept as {name}");
                if counted {
                    text.push_str("; the timestamp authority may have counted a mark");
                }
                Err(Error::from(refused).with_outside_state(&text))
            }
        }
    }

    /// Whether an earlier call asked, or was about to, and no answer came as far as the disk.
    pub fn answer_may_be_lost(&self) -> bool {
        let there = |ending: &str| self.beside(ending).exists();
        there(".tsq") && !there(".tsr.part") && !there(".tsr")
    }

    /// A mark found on disk that serves.
    fn usable(&self, bytes: &[u8]) -> Result<Mark, TimestampError> {
        let mark = Mark::from_bytes(bytes)?;
        mark.require_imprint(&name(self.document), &self.imprint)?;
        if let Some(expected) = self.policy.filter(|policy| *policy != mark.policy()) {
            let (expected, found) = (expected.to_string(), mark.policy().to_string());
            return Err(TimestampError::OtherPolicy { expected, found });
        }
        require_sound(&mark, self.trust, self.at)?;
        Ok(mark)
    }

    /// The question that was asked already, or else a new one; on disk and synced.
    fn request(&self) -> Result<TimestampRequest, Error> {
        let path = self.beside(".tsq");
        let known = read(&path)?.and_then(|bytes| TimestampRequest::from_der(&bytes).ok());
        let fits = |known: &TimestampRequest| {
            known.message_imprint == self.imprint
                && known.policy == self.policy
                && known.nonce.is_some()
                && known.cert_req
        };
        if let Some(known) = known.filter(fits) {
            return Ok(known);
        }
        let request = TimestampRequest::new(self.imprint.clone(), self.policy);
        atomic_file::write(&path, &request.to_der())
            .map_err(|error| not_stored(&path, &error, false))?;
        Ok(request)
    }

    /// Gives a checked answer its name.
    fn adopt(&self, mark: Mark) -> Result<Mark, Error> {
        let tsr = self.beside(".tsr");
        atomic_file::rename(&self.beside(".tsr.part"), &tsr)
            .map_err(|error| not_stored(&tsr, &error, true))?;
        self.finish(&mark)?;
        Ok(mark)
    }

    /// Writes the token, and removes what is needed no more.
    fn finish(&self, mark: &Mark) -> Result<(), Error> {
        let tst = self.beside(".tst");
        let there = read(&tst)?;
        if there.as_deref() != Some(mark.token_der()) {
            if there.is_some_and(|bytes| Mark::from_bytes(&bytes).is_ok()) {
                return Err(in_the_way(&tst, "a token that is not in the .tsr beside it"));
            }
            atomic_file::write(&tst, mark.token_der())
                .map_err(|error| not_stored(&tst, &error, true))?;
        }
        for name in [".tsq", ".tsr.part"] {
            // What cannot be removed is only in the way of nobody.
            let _ = fs::remove_file(self.beside(name));
        }
        Ok(())
    }

    fn set_aside(&self) -> Result<(), Error> {
        let refused = self.beside(".tsr.refused");
        atomic_file::rename(&self.beside(".tsr.part"), &refused)
            .map_err(|error| not_stored(&refused, &error, true))
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.document.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    }
}

/// Writes the answer under its own name at once: in a temporary file it could not be found again.
fn keep(path: &Path, answer: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = regular_file::open_with(path, &mut options)?;
    file.write_all(answer)?;
    file.sync_all()?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => atomic_file::sync_folder(folder),
        _ => atomic_file::sync_folder(Path::new(".")),
    }
}

/// A file that is small or wrong; `None` when there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let unreadable = |error: io::Error| {
        let (path, system) = (path.display().to_string(), error.to_string());
        Error::from(TimestampError::MarkUnreadable { path, system })
    };
    let file = match regular_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    // One byte more than a mark may have: it is then refused for its length.
    file.take(LARGEST_MARK as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(Some(bytes))
}

fn not_stored(path: &Path, error: &io::Error, answered: bool) -> Error {
    let (path, system) = (path.display().to_string(), error.to_string());
    TimestampError::NotStored { path, system, answered }.into()
}

fn in_the_way(path: &Path, reason: &str) -> Error {
    let (path, reason) = (path.display().to_string(), reason.to_owned());
    TimestampError::InTheWay { path, reason }.into()
}

fn in_words(error: &TimestampError) -> String {
    let report = error.explain();
    match report.found {
        Some(found) => format!("{}: {found} ({})", report.headline, report.code),
        None => format!("{} ({})", report.headline, report.code),
    }
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
#[path = "purchase_tests.rs"]
mod tests;
