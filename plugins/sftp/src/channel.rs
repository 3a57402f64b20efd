//! The channel: sends a support once, and finds out what became of it.
//!
//! A support goes up under a temporary name and gets its own by a rename, which the server carries
//! out whole or not at all and which replaces nothing. A mark on our disk says that the rename was
//! begun. Where the mark is found without an answer, the server is asked: the support under its name,
//! or its outcome, says that it was delivered; the temporary file, removed before anybody could rename
//! it, says that it was not.

use std::cell::RefCell;
use std::rc::Rc;

use ceralacca_identity::Account;
use ceralacca_plugin_sdk::serde::{Deserialize, Serialize};
use ceralacca_plugin_sdk::{Bytes, Call, Error, Timestamp};
use ceralacca_submission::Acknowledgement;

use crate::envelope;
use crate::error::SftpError;
use crate::identity::Identity;
use crate::outcome::{Doubt, Outcome};
use crate::records::{LARGEST_SUPPORT, Locked, Progress, Record, Records, sha256};
use crate::remote::{Remote, Trouble};
use crate::settings::{Settings, certificates};
use crate::support_name::SupportName;
use crate::support_zip::{self, is_plain};

/// A document on its way out, as the program hands it over.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
pub(crate) struct Outgoing {
    /// The same text whenever the same submission is tried again.
    pub idempotency_key: String,
    /// File name.
    pub name: String,
    /// `IMPRONTA`.
    pub tipo_documento: String,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
    /// The content.
    pub bytes: Bytes,
    /// The run that sends, for people.
    pub run: String,
    /// When it is sent.
    pub at: Timestamp,
    /// The subject that an incaricato acts for.
    #[serde(default)]
    pub on_behalf_of: Option<Account>,
}

/// `invio.json`, beside the document in the support.
///
/// UNVERIFIED: how a support says what is in it is not public.
#[derive(Serialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde")]
struct Invio<'a> {
    file_name: &'a str,
    tipo_documento: &'a str,
    sha256: &'a str,
    per_conto_di: Option<&'a Account>,
}

/// The channel during one call; the server is connected to when it is first needed.
pub(crate) struct Channel<'a, 'b> {
    pub(crate) call: &'a Call<'b>,
    pub(crate) settings: &'a Settings,
    pub(crate) records: Records,
    remote: RefCell<Option<Rc<Remote>>>,
}

/// What is seen of a support whose delivery was begun.
enum Seen {
    /// It was delivered.
    Sent,
    /// It was not, and will not be by what was begun.
    NotSent,
    /// Nothing shows whether; why.
    Nothing(String),
}

impl<'a, 'b> Channel<'a, 'b> {
    /// The channel with these settings.
    ///
    /// # Errors
    /// `sftp.state`.
    pub(crate) fn new(
        call: &'a Call<'b>,
        settings: &'a Settings,
    ) -> Result<Channel<'a, 'b>, Error> {
        let records = Records::open(&settings.state)?;
        Ok(Channel { call, settings, records, remote: RefCell::default() })
    }

    /// Sends a document. The same key is the same support with the same bytes.
    ///
    /// # Errors
    /// `sftp.in_doubt` when it may have been delivered; with any other it was not.
    pub(crate) fn submit(&self, outgoing: &Outgoing) -> Result<Acknowledgement, Error> {
        let locked = self.records.lock(&outgoing.idempotency_key)?;
        let record = match locked.record()? {
            Some(record) if record.sha256 == outgoing.sha256 => record,
            Some(record) => {
                return Err(SftpError::AnotherDocument {
                    support: record.support.to_string(),
                    expected: record.sha256,
                    found: outgoing.sha256.clone(),
                }
                .into());
            }
            None => self.make(&locked, outgoing)?,
        };
        let record = match locked.progress() {
            Progress::Sent => record,
            Progress::Attempted => match self.seen(&locked, &record)? {
                Seen::Sent => record,
                Seen::NotSent => self.send(&locked, record)?,
                Seen::Nothing(problem) => return Err(in_doubt(&locked, &record, problem).into()),
            },
            Progress::Made => self.send(&locked, record)?,
        };
        Ok(record.acknowledgement())
    }

    /// What is known to be delivered, of this record.
    ///
    /// # Errors
    /// `sftp.in_doubt` when nobody can say.
    pub(crate) fn delivered(&self, locked: &Locked<'_>, record: &Record) -> Result<bool, Error> {
        match locked.progress() {
            Progress::Made => Ok(false),
            Progress::Sent => Ok(true),
            Progress::Attempted => match self.seen(locked, record)? {
                Seen::Sent => Ok(true),
                Seen::NotSent => Ok(false),
                Seen::Nothing(problem) => Err(in_doubt(locked, record, problem).into()),
            },
        }
    }

    /// The outcome of a support, as soon as it is there.
    ///
    /// # Errors
    /// `sftp.outcome_not_verified`, `sftp.outcome_unreadable`, `sftp.outcome_of_another`, and those of
    /// the connection.
    pub(crate) fn outcome(
        &self,
        locked: &Locked<'_>,
        record: &Record,
    ) -> Result<Option<Outcome>, Error> {
        let anchors = certificates("anchors", &self.settings.anchors)?;
        if let Some(signed) = locked.outcome()
            && let Ok(zip) = envelope::verified(&signed, &anchors)
            && let Ok(outcome) = Outcome::read(&zip, record)
        {
            return Ok(Some(outcome));
        }
        let name = record.support.outcome();
        let path = incoming(self.settings, &name);
        let remote = self.remote()?;
        let fetched = remote.fetch(&path, LARGEST_SUPPORT);
        let fetched = fetched.map_err(|why| remote.error(why, "fetching an outcome", &path))?;
        let Some(bytes) = fetched else { return Ok(None) };
        let aside = || {
            let path = self.records.keep_aside(&name, &bytes)?;
            Ok::<_, SftpError>((name.clone(), path.display().to_string()))
        };
        let not_verified = |problem: String| -> Result<Option<Outcome>, Error> {
            let (outcome, path) = aside()?;
            Err(SftpError::OutcomeNotVerified { outcome, path, problem }.into())
        };
        let signed = match envelope::decrypt(self.call, self.settings, &bytes)? {
            Ok(signed) => signed,
            Err(problem) => return not_verified(problem),
        };
        let zip = match envelope::verified(&signed, &anchors) {
            Ok(zip) => zip,
            Err(problem) => return not_verified(problem),
        };
        match Outcome::read(&zip, record) {
            Ok(read) => {
                locked.keep_outcome(&signed)?;
                Ok(Some(read))
            }
            Err(Doubt::Unreadable(problem)) => {
                let (outcome, path) = aside()?;
                Err(SftpError::OutcomeUnreadable { outcome, path, problem }.into())
            }
            Err(Doubt::OfAnother { field, expected, found }) => {
                let ((outcome, path), field) = (aside()?, field.to_owned());
                Err(SftpError::OutcomeOfAnother { outcome, path, field, expected, found }.into())
            }
        }
    }

    /// The server.
    ///
    /// # Errors
    /// Those of connecting.
    pub(crate) fn remote(&self) -> Result<Rc<Remote>, Error> {
        if let Some(remote) = &*self.remote.borrow() {
            return Ok(Rc::clone(remote));
        }
        self.connect()
    }

    /// Connects, whatever was there before.
    fn connect(&self) -> Result<Rc<Remote>, Error> {
        self.remote.replace(None);
        let mut identity = Identity::read(self.call, self.settings)?;
        let remote = Rc::new(Remote::connect(self.settings, &mut identity)?);
        self.remote.replace(Some(Rc::clone(&remote)));
        Ok(remote)
    }

    /// Packs, signs, encrypts and records a support, under a name of its own.
    fn make(&self, locked: &Locked<'_>, outgoing: &Outgoing) -> Result<Record, Error> {
        let Outgoing { name, bytes, sha256: expected, .. } = outgoing;
        let refused = |problem: String| SftpError::Document { problem };
        if !is_plain(name) || name.eq_ignore_ascii_case(INVIO) {
            return Err(refused(format!("a name of {} bytes that is not plain", name.len())).into());
        }
        if bytes.0.len() > LARGEST_DOCUMENT {
            return Err(refused(format!("{} bytes", bytes.0.len())).into());
        }
        if sha256(&bytes.0) != *expected {
            return Err(refused("its SHA-256 is not the one it came with".to_owned()).into());
        }
        let invio = Invio {
            file_name: name,
            tipo_documento: &outgoing.tipo_documento,
            sha256: expected,
            per_conto_di: outgoing.on_behalf_of.as_ref(),
        };
        let invio = serde_json::to_vec_pretty(&invio).expect("plain data");
        let zip = support_zip::pack(&[(name.as_str(), &bytes.0[..]), (INVIO, &invio[..])]);
        let sealed = envelope::seal(self.call, self.settings, &zip.map_err(refused)?, outgoing.at)?;
        let first = SupportName::at(&self.settings.node, outgoing.at, 1);
        let first = first.ok_or_else(|| refused(format!("no support is of {}", outgoing.at)))?;
        let record = Record {
            key: outgoing.idempotency_key.clone(),
            run: outgoing.run.clone(),
            at: outgoing.at,
            file_name: name.clone(),
            tipo_documento: outgoing.tipo_documento.clone(),
            sha256: expected.clone(),
            support: first,
            support_sha256: sha256(&sealed),
        };
        Ok(locked.make(record, &sealed)?)
    }

    /// Uploads and renames. Gives the record under the name that it went by.
    fn send(&self, locked: &Locked<'_>, mut record: Record) -> Result<Record, Error> {
        let support = locked.support(&record)?;
        let mut remote = self.remote()?;
        loop {
            let name = outgoing(self.settings, &record.support.to_string());
            let outcome = incoming(self.settings, &record.support.outcome());
            let mut taken = false;
            for path in [&name, &outcome] {
                let there = remote.exists(path);
                taken |= there.map_err(|why| remote.error(why, "looking for a support", path))?;
            }
            if taken {
                // Another computer with the records of its own sends for the same node.
                record = locked.rename(record)?;
                continue;
            }
            self.call.progress(&format!("sending {}", record.support));
            let part = outgoing(self.settings, &locked.part(&record));
            let put = remote.put(&part, &support);
            put.map_err(|why| remote.error(why, "writing a support", &part))?;
            locked.mark_attempted(&record)?;
            let Err(trouble) = remote.rename(&part, &name) else {
                locked.mark_sent(&record);
                return Ok(record);
            };
            let refused = matches!(trouble, Trouble::Refused(_));
            let error = remote.error(trouble, "giving a support its name", &name);
            if !refused {
                // On a line that broke off nothing can be seen any more.
                remote = self.connect().map_err(doubtful(locked, &record))?;
            }
            match self.look(locked, &record).map_err(doubtful(locked, &record))? {
                Seen::Sent => return Ok(record),
                Seen::NotSent if refused && remote.exists(&name).unwrap_or(false) => {}
                Seen::NotSent => return Err(error.into()),
                Seen::Nothing(problem) => return Err(in_doubt(locked, &record, problem).into()),
            }
        }
    }

    /// What became of a delivery that was begun earlier.
    fn seen(&self, locked: &Locked<'_>, record: &Record) -> Result<Seen, Error> {
        self.look(locked, record).map_err(doubtful(locked, record))
    }

    /// Looks on the server, and notes what is certain.
    fn look(&self, locked: &Locked<'_>, record: &Record) -> Result<Seen, Error> {
        let remote = self.remote()?;
        if self.shows(locked, record)? {
            locked.mark_sent(record);
            return Ok(Seen::Sent);
        }
        let part = outgoing(self.settings, &locked.part(record));
        let removed = match remote.remove(&part) {
            Ok(removed) => removed,
            // Where nothing may be removed, its being there is all the proof there is.
            Err(Trouble::Refused(_)) => remote.exists(&part).unwrap_or(false),
            Err(cut) => return Err(remote.error(cut, "looking for a support", &part).into()),
        };
        if removed {
            locked.withdraw_attempt()?;
            return Ok(Seen::NotSent);
        }
        // It may have got its name in between.
        if self.shows(locked, record)? {
            locked.mark_sent(record);
            return Ok(Seen::Sent);
        }
        let outcome = record.support.outcome();
        Ok(Seen::Nothing(format!("neither {} nor {outcome} nor {part} is there", record.support)))
    }

    /// Whether the server shows that a support was delivered.
    fn shows(&self, locked: &Locked<'_>, record: &Record) -> Result<bool, Error> {
        let remote = self.remote()?;
        let path = outgoing(self.settings, &record.support.to_string());
        match remote.fetch(&path, LARGEST_SUPPORT) {
            Ok(Some(bytes)) if sha256(&bytes) == record.support_sha256 => return Ok(true),
            // A folder may be for writing only; then its outcome tells.
            Ok(_) | Err(Trouble::Refused(_)) => {}
            Err(cut) => return Err(remote.error(cut, "looking for a support", &path).into()),
        }
        match self.outcome(locked, record) {
            Ok(outcome) => Ok(outcome.is_some()),
            // What is not believed proves nothing.
            Err(error) if error.code().starts_with("sftp.outcome_") => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// An error met while a delivery is in doubt: the doubt is what counts.
fn doubtful(locked: &Locked<'_>, record: &Record) -> impl Fn(Error) -> Error {
    let (record, mark) = (record.clone(), locked.mark_path());
    move |error| {
        let report = error.report();
        let found = report.found.as_deref().unwrap_or_default();
        let problem = format!("{}: {found} ({})", report.headline, report.code);
        let support = record.support.to_string();
        SftpError::InDoubt { support, problem, mark: mark.clone(), passing: true }.into()
    }
}

fn in_doubt(locked: &Locked<'_>, record: &Record, problem: String) -> SftpError {
    let (support, mark) = (record.support.to_string(), locked.mark_path());
    SftpError::InDoubt { support, problem, mark, passing: false }
}

fn outgoing(settings: &Settings, name: &str) -> String {
    join(&settings.outgoing, name)
}

fn incoming(settings: &Settings, name: &str) -> String {
    join(&settings.incoming, name)
}

fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// The file of a support that says what is in it.
const INVIO: &str = "invio.json";
/// Bytes of a document.
const LARGEST_DOCUMENT: usize = 10_000_000;
