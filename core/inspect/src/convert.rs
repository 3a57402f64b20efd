//! Turns one mark container into another: TSR, TST, TSD, M7M.

use std::fmt;
use std::path::{Path, PathBuf};

use ceralacca_kernel::Error;
use ceralacca_timestamp::{Formato, Mark, MessageImprint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::InspectError;
use crate::kind::Kind;
use crate::marks::{Marked, marked};
use crate::names;
use crate::new_file::NewFile;
use crate::open::unarmour;
use crate::section::Section;
use crate::{m7m, tsd};

/// What holds a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// TimeStampResp: the mark alone, with the authority's status.
    Tsr,
    /// TimeStampToken: the mark alone.
    Tst,
    /// TimeStampedData: the mark and the document.
    Tsd,
    /// The mark and the p7m in a MIME message.
    M7m,
}

/// How to convert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConvertOptions {
    /// The document that the mark is over; without it, the one in the container or beside it.
    pub document: Option<PathBuf>,
    /// The file to write; without it, the document's name with the container's extension, beside
    /// the mark.
    pub output: Option<PathBuf>,
}

/// What became of a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Converted {
    /// The file written.
    pub path: PathBuf,
    /// What the mark was found in.
    pub from: Kind,
    /// What it is in now.
    pub to: Container,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

impl Container {
    /// Reads `tsr`, `TSD` and the like.
    ///
    /// # Errors
    /// `inspect.unknown_container`.
    pub fn parse(name: &str) -> Result<Container, InspectError> {
        let all = [Container::Tsr, Container::Tst, Container::Tsd, Container::M7m];
        let plain = name.trim_start_matches('.');
        all.into_iter()
            .find(|container| container.extension().eq_ignore_ascii_case(plain))
            .ok_or_else(|| InspectError::UnknownContainer { name: name.chars().take(60).collect() })
    }

    /// `tsr`, `tst`, `tsd`, `m7m`: the file name's end.
    pub fn extension(self) -> &'static str {
        match self {
            Container::Tsr => "tsr",
            Container::Tst => "tst",
            Container::Tsd => "tsd",
            Container::M7m => "m7m",
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// Writes the mark of the file at `path` in another container.
///
/// A TSD or M7M is only written when the mark is over the document. The mark's signature is not
/// verified: that is [`verify_file`](crate::verify_file). No file is overwritten; one that is there
/// with the same content is kept.
///
/// # Errors
/// `inspect.needs_document`, `inspect.mark_other_document`, `inspect.not_a_p7m`, `inspect.exists`
/// and those of [`mark_of`](crate::mark_of).
pub fn convert(path: &Path, to: Container, options: &ConvertOptions) -> Result<Converted, Error> {
    let Marked { mark, kind, document } = marked(path)?;
    let (name, document) = named_document(path, kind, document, options)?;
    let mut notes = Vec::new();
    if mark.formato() == Formato::Tst && matches!(to, Container::Tsr | Container::M7m) {
        notes.push(GRANTED_HERE.to_owned());
    }
    let must_cover = options.document.is_some() || matches!(to, Container::Tsd | Container::M7m);
    if let Some(document) = &document
        && let Err(other) = require_covers(&mark, &name, document)?
    {
        if must_cover {
            return Err(other.into());
        }
        notes.push(format!("the mark is not over {name} itself"));
    }
    let file_name = format!("{name}.{to}");
    let output = options.output.clone().unwrap_or_else(|| path.with_file_name(file_name));
    let mut file = NewFile::create(output)?;
    match to {
        Container::Tsr => file.put(&mark.tsr())?,
        Container::Tst => file.put(mark.token_der())?,
        Container::Tsd | Container::M7m => {
            let document = document.ok_or_else(|| InspectError::NeedsDocument {
                path: path.display().to_string(),
                to: to.extension().to_owned(),
            })?;
            with_document(to, &mark, &name, &document, &mut file)?;
        }
    }
    Ok(Converted { path: file.persist()?, from: kind, to, notes })
}

fn with_document(
    to: Container,
    mark: &Mark,
    name: &str,
    document: &Section,
    file: &mut NewFile,
) -> Result<(), InspectError> {
    let path = file.path().to_owned();
    let written = if to == Container::Tsd {
        tsd::write(document, mark.token_der(), name, file)
    } else {
        let (kind, _, _) = unarmour(Path::new(name), document)?;
        if kind != Kind::SignedData {
            return Err(InspectError::NotAP7m { path: name.to_owned(), kind });
        }
        m7m::write(document, &mark.tsr(), name, file)
    };
    written.map_err(InspectError::disk("writing", &path))
}

/// The document given, or that in the container, or that beside it; with its name.
fn named_document(
    path: &Path,
    kind: Kind,
    inside: Option<Section>,
    options: &ConvertOptions,
) -> Result<(String, Option<Section>), InspectError> {
    if let Some(given) = &options.document {
        let section = Section::open(given).map_err(InspectError::disk("reading", given))?;
        return Ok((names::file_name(given), Some(section)));
    }
    let Some(document) = inside else {
        let name = names::covered(path, kind, false);
        let beside = path.with_file_name(&name);
        let section = beside.is_file().then(|| Section::open(&beside)).transpose();
        return Ok((name, section.map_err(InspectError::disk("reading", &beside))?));
    };
    let (found, _, _) = unarmour(path, &document)?;
    Ok((names::covered(path, kind, found == Kind::SignedData), Some(document)))
}

/// Whether the mark is over the document; the inner error says over what.
fn require_covers(
    mark: &Mark,
    name: &str,
    document: &Section,
) -> Result<Result<(), InspectError>, InspectError> {
    let algorithm = mark.message_imprint().algorithm;
    let digest = algorithm
        .digest_reader(document.from_start())
        .map_err(InspectError::disk("reading", Path::new(name)))?;
    let found = MessageImprint { algorithm, digest };
    if found == *mark.message_imprint() {
        return Ok(Ok(()));
    }
    Ok(Err(InspectError::MarkOtherDocument {
        document: name.to_owned(),
        expected: found.in_words(),
        found: mark.message_imprint().in_words(),
    }))
}

const GRANTED_HERE: &str = "the status \"granted\" was put around the token here: the authority's \
                            own response was not kept";
