//! The handle `mark`, and the code behind the primitives.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{Call, Document, DocumentId, Error, regular_file};
use ceralacca_signing::{DigestAlgorithm, Hasher, Report, TrustStore};
use const_oid::ObjectIdentifier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mark::LARGEST_MARK;
use crate::purchase::Purchase;
use crate::{Formato, Mark, MessageImprint, TimestampError, TsaChannel};

/// A handle to a mark on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:mark")]
pub struct MarkFile(pub MarkId);

impl HandleKind for MarkFile {
    const KIND: &'static str = "mark";
}

/// What a [`MarkFile`] refers to, with what the mark says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarkId {
    /// Where its file is.
    pub path: PathBuf,
    /// SHA-256 of that file, hexadecimal.
    pub sha256: String,
    /// Whether the file holds a TSR or a TST.
    pub formato: Formato,
    /// The algorithm of its imprint.
    pub algorithm: DigestAlgorithm,
    /// Its imprint, hexadecimal.
    pub imprint: String,
    /// When it was made: `2026-11-21T23:05:54.25Z`.
    pub gen_time: String,
    /// Its number.
    pub serial: String,
    /// Who made it.
    pub tsa: String,
    /// The name of the document that it covers.
    pub covers: String,
    /// SHA-256 of that document, hexadecimal.
    pub covers_sha256: String,
}

impl MarkFile {
    /// The handle of a mark in the file at `path` that covers `document`.
    pub fn new(path: &Path, mark: &Mark, document: &DocumentId) -> MarkFile {
        MarkFile(MarkId {
            path: path.to_owned(),
            sha256: hex::encode(DigestAlgorithm::Sha256.digest(mark.bytes())),
            formato: mark.formato(),
            algorithm: mark.message_imprint().algorithm,
            imprint: mark.message_imprint().hex(),
            gen_time: mark.gen_time().to_string(),
            serial: mark.serial(),
            tsa: mark.authority(),
            covers: document.name.clone(),
            covers_sha256: document.sha256.clone(),
        })
    }

    /// Reads the mark again; the file must be the one that this handle was made for.
    ///
    /// # Errors
    /// `timestamp.mark_unreadable`, `timestamp.mark_changed`, and those of [`Mark::from_bytes`].
    pub fn open(&self) -> Result<Mark, TimestampError> {
        let (bytes, sha256) = read_mark(&self.0.path)?;
        if sha256 != self.0.sha256 {
            return Err(TimestampError::MarkChanged {
                path: self.0.path.display().to_string(),
                expected: self.0.sha256.clone(),
                found: sha256,
            });
        }
        Mark::from_bytes(&bytes)
    }
}

/// What can be chosen of a mark.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestOptions {
    /// `sha256` (without it), `sha384`, `sha512`.
    #[serde(default)]
    pub digest: Option<String>,
    /// The authority's policy, as in `1.3.6.1.4.1.99999.3.1`; its own choice without it.
    #[serde(default)]
    pub policy: Option<String>,
}

impl RequestOptions {
    fn digest(&self) -> Result<DigestAlgorithm, TimestampError> {
        let Some(text) = &self.digest else { return Ok(DigestAlgorithm::Sha256) };
        DigestAlgorithm::parse(text)
            .filter(|known| known.is_accepted())
            .ok_or_else(|| wrong_option("digest", text, "sha256, sha384 or sha512"))
    }

    fn policy(&self) -> Result<Option<ObjectIdentifier>, TimestampError> {
        let parse = |text: &String| {
            ObjectIdentifier::new(text)
                .map_err(|_| wrong_option("policy", text, "an object identifier such as 1.3.6.1"))
        };
        self.policy.as_ref().map(parse).transpose()
    }
}

pub(crate) fn request(
    call: &mut Call<'_>,
    document: Document,
    options: Option<RequestOptions>,
) -> Result<MarkFile, Error> {
    let options = options.unwrap_or_default();
    let (algorithm, policy) = (options.digest()?, options.policy()?);
    let (document, channel) = (document.0, call.service::<TsaChannel>()?);
    let trust = call.service::<TrustStore>()?.trust()?;
    let imprint = imprint_of(&document, algorithm)?;
    call.progress(&format!("mark for {} by {}", document.name, channel.authority().describe()));
    let at = call.now();
    let purchase = Purchase { document: &document.path, imprint, policy, trust: &trust, at };
    if purchase.answer_may_be_lost() {
        call.progress(ASKED_AGAIN);
    }
    let (mark, path) = purchase.mark(channel.authority())?;
    Ok(MarkFile::new(&path, &mark, &document))
}

pub(crate) fn existing(
    call: &mut Call<'_>,
    path: String,
    document: Document,
) -> Result<MarkFile, Error> {
    let path = call.located(&path).map_err(|error| unreadable_mark(Path::new(&path), &error))?;
    let mark = Mark::from_bytes(&read_mark(&path)?.0)?;
    let file = MarkFile::new(&path, &mark, &document.0);
    covers(&mark, &document.0)?;
    Ok(file)
}

pub(crate) fn require_covers(
    _: &mut Call<'_>,
    file: MarkFile,
    document: Document,
) -> Result<MarkFile, Error> {
    covers(&file.open()?, &document.0)?;
    Ok(file)
}

pub(crate) fn report(call: &mut Call<'_>, file: MarkFile) -> Result<Report, Error> {
    let trust = call.service::<TrustStore>()?.trust()?;
    Ok(file.open()?.verify(&trust, call.now()))
}

pub(crate) fn gen_time(_: &mut Call<'_>, file: MarkFile) -> Result<String, Error> {
    Ok(file.0.gen_time)
}

pub(crate) fn serial(_: &mut Call<'_>, file: MarkFile) -> Result<String, Error> {
    Ok(file.0.serial)
}

pub(crate) fn formato(_: &mut Call<'_>, file: MarkFile) -> Result<String, Error> {
    Ok(file.0.formato.label().to_owned())
}

pub(crate) fn tsa(_: &mut Call<'_>, file: MarkFile) -> Result<String, Error> {
    Ok(file.0.tsa)
}

pub(crate) fn imprint(_: &mut Call<'_>, file: MarkFile) -> Result<String, Error> {
    Ok(file.0.imprint)
}

/// What the operator is told when RFC 3161 leaves no other way than to ask once more.
pub(crate) const ASKED_AGAIN: &str = "no answer to an earlier question for this mark is on disk: it is asked for again, and the \
     authority may count two";

/// Refuses unless the mark is over the document as it is on disk now.
fn covers(mark: &Mark, document: &DocumentId) -> Result<(), TimestampError> {
    let algorithm = mark.message_imprint().algorithm;
    if !algorithm.is_accepted() {
        return Err(TimestampError::OtherAlgorithm { algorithm: algorithm.name().to_owned() });
    }
    mark.require_imprint(&document.name, &imprint_of(document, algorithm)?)
}

/// The imprint of the document on disk, which must be the one that was made; one pass.
pub(crate) fn imprint_of(
    document: &DocumentId,
    algorithm: DigestAlgorithm,
) -> Result<MessageImprint, TimestampError> {
    let path = document.path.display().to_string();
    let unreadable = |error: io::Error| TimestampError::DocumentUnreadable {
        path: path.clone(),
        system: error.to_string(),
    };
    let mut file = regular_file::open(&document.path).map_err(unreadable)?;
    let mut sha256 = Hasher::new(DigestAlgorithm::Sha256);
    let mut other = (algorithm != DigestAlgorithm::Sha256).then(|| Hasher::new(algorithm));
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        sha256.update(&buffer[..count]);
        if let Some(other) = &mut other {
            other.update(&buffer[..count]);
        }
    }
    let sha256 = sha256.finish();
    let found = hex::encode(&sha256);
    if found != document.sha256 {
        let expected = document.sha256.clone();
        return Err(TimestampError::DocumentChanged { path, expected, found });
    }
    let digest = other.map_or(sha256, Hasher::finish);
    Ok(MessageImprint { algorithm, digest })
}

/// The file, and its SHA-256.
fn read_mark(path: &Path) -> Result<(Vec<u8>, String), TimestampError> {
    let unreadable = |error: io::Error| unreadable_mark(path, &error);
    let mut bytes = Vec::new();
    let file = regular_file::open(path).map_err(unreadable)?;
    // One byte more than a mark may have: it is then refused for its length.
    file.take(LARGEST_MARK as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let sha256 = hex::encode(DigestAlgorithm::Sha256.digest(&bytes));
    Ok((bytes, sha256))
}

fn unreadable_mark(path: &Path, error: &io::Error) -> TimestampError {
    let (path, system) = (path.display().to_string(), error.to_string());
    TimestampError::MarkUnreadable { path, system }
}

fn wrong_option(option: &str, found: &str, expected: &str) -> TimestampError {
    TimestampError::Options {
        option: option.to_owned(),
        found: found.chars().take(60).collect(),
        expected: expected.to_owned(),
    }
}
