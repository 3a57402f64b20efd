//! The code behind the primitives of the namespace `archive`.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ceralacca_kernel::{Call, Document, DocumentId, Error, Folders, atomic_file, regular_file};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Algorithm, ArchiveError, Differences, Format, Hasher, Lots, Options, Progress, Sincro, Source,
    compare, index_file, read_index,
};

/// How an index is made, in a script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexOptions {
    /// `sha256` (when not given), `sha384` or `sha512`.
    #[serde(default)]
    pub digest: Algorithm,
    /// `xml` (when not given), `txt` or `sincro`.
    #[serde(default)]
    pub format: Format,
    /// `one` (when not given), or `folders`: each direct sub-folder is a lot.
    #[serde(default)]
    pub lots: Lots,
    /// Name of the file without its ending; `indice` when not given.
    pub name: Option<String>,
    /// What a `PIndex` says of itself; for the format `sincro`.
    pub sincro: Option<Sincro>,
}

pub(crate) fn index(
    call: &mut Call<'_>,
    path: String,
    options: Option<IndexOptions>,
) -> Result<Document, Error> {
    let IndexOptions { digest, format, lots, name, sincro } = options.unwrap_or_default();
    let name = file_name(name, format)?;
    let folder = run_folder(call)?;
    let index = folder.join(&name);
    let source = source(located(call, &path)?, lots);
    let options = Options { algorithm: digest, format, sincro, threads: None };
    let mut telling = Telling::new(call);
    let (summary, sha256) =
        index_file(&source, &options, &index, &mut |progress| telling.tell(progress))?;
    for note in &summary.notes {
        call.progress(&note.text());
    }
    if summary.notes_count > summary.notes.len() as u64 {
        let unnamed = summary.notes_count - summary.notes.len() as u64;
        call.progress(&format!("and {unnamed} more such notes"));
    }
    Ok(Document(DocumentId {
        name,
        tipo_documento: "INDICE".to_owned(),
        path: index,
        sha256,
        keys: Vec::new(),
    }))
}

pub(crate) fn verify(
    call: &mut Call<'_>,
    index: Document,
    folder: String,
) -> Result<Differences, Error> {
    let DocumentId { path, sha256, .. } = index.0;
    let mut file = open(&path)?;
    let found = sha256_of(&mut file).map_err(|error| unreadable(&path, &error))?;
    if found != sha256 {
        let path = path.display().to_string();
        return Err(ArchiveError::IndexChanged { path, expected: sha256, found }.into());
    }
    verify_open(call, file, &path, &located(call, &folder)?)
}

pub(crate) fn verify_file(
    call: &mut Call<'_>,
    index: String,
    folder: String,
) -> Result<Differences, Error> {
    let path = located(call, &index)?;
    verify_open(call, open(&path)?, &path, &located(call, &folder)?)
}

pub(crate) fn require_intact(_: &mut Call<'_>, report: Differences) -> Result<Differences, Error> {
    Ok(report.require_intact()?)
}

fn verify_open(
    call: &Call<'_>,
    index: File,
    path: &Path,
    folder: &Path,
) -> Result<Differences, Error> {
    let mut telling = Telling::new(call);
    let named = |error| match error {
        ArchiveError::IndexUnreadable { system, .. } => {
            ArchiveError::IndexUnreadable { path: path.display().to_string(), system }
        }
        other => other,
    };
    let entries = read_index(BufReader::new(index)).map_err(named)?;
    let differences = compare(entries, folder, None, &mut |progress| telling.tell(progress));
    Ok(differences.map_err(named)?)
}

/// The file or folder that a script means.
fn located(call: &Call<'_>, path: &str) -> Result<PathBuf, ArchiveError> {
    call.located(path).map_err(|error| unreadable(Path::new(path), &error))
}

fn source(path: PathBuf, lots: Lots) -> Source {
    // Whatever is no folder would be a list; what it is instead is said when it is opened.
    match path.exists() && !path.is_dir() {
        true => Source::List { path },
        false => Source::Folder { path, lots },
    }
}

fn file_name(name: Option<String>, format: Format) -> Result<String, ArchiveError> {
    let name = name.unwrap_or_else(|| "indice".to_owned());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(ArchiveError::FileName { length: name.len() });
    }
    Ok(match format {
        Format::Txt => format!("{name}.txt"),
        Format::Xml | Format::Sincro => format!("{name}.xml"),
    })
}

/// The run's folder for its impronta, rid of what an interrupted call left there.
fn run_folder(call: &Call<'_>) -> Result<PathBuf, Error> {
    let folders = call.service::<Folders>()?;
    let failed = |error: io::Error| ArchiveError::Workspace {
        path: folders.documents.join("impronte").display().to_string(),
        system: error.to_string(),
    };
    let folder = folders.of_run("impronte", call.run()).map_err(failed)?;
    atomic_file::remove_leftovers(&folder).map_err(failed)?;
    Ok(folder)
}

fn open(path: &Path) -> Result<File, ArchiveError> {
    regular_file::open(path).map_err(|error| unreadable(path, &error))
}

fn sha256_of(file: &mut File) -> io::Result<String> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(hasher.finish().to_string())
}

fn unreadable(path: &Path, error: &io::Error) -> ArchiveError {
    ArchiveError::IndexUnreadable { path: path.display().to_string(), system: error.to_string() }
}

/// Shows the operator how far it is, four times a second.
struct Telling<'a, 'b> {
    call: &'a Call<'b>,
    began: Timestamp,
    last: Timestamp,
}

impl<'a, 'b> Telling<'a, 'b> {
    fn new(call: &'a Call<'b>) -> Telling<'a, 'b> {
        let now = call.now();
        Telling { call, began: now, last: now }
    }

    fn tell(&mut self, progress: Progress) {
        let now = self.call.now();
        let since =
            |start: Timestamp| Duration::try_from(now.duration_since(start)).unwrap_or_default();
        let done = progress.thousandths();
        if since(self.last) >= Duration::from_millis(250) || done == Some(1000) {
            self.last = now;
            let text = progress.text(since(self.began));
            self.call.advance(ceralacca_kernel::Progress {
                done: done.unwrap_or_default(),
                total: done.map(|_| 1000),
                text: &text,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use ceralacca_kernel::Value;
    use ceralacca_kernel::typed::{from_value, to_value};

    use super::*;
    use crate::Difference;

    #[test]
    fn options_as_a_script_writes_them() {
        let options = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text)));
            from_value::<IndexOptions>(Value::Map(pairs.collect())).map_err(|e| e.to_string())
        };
        assert_eq!(options(&[]), Ok(IndexOptions::default()));
        let all = options(&[("digest", "sha512"), ("format", "txt"), ("lots", "folders")]).unwrap();
        assert_eq!((all.digest, all.format), (Algorithm::Sha512, Format::Txt));
        assert_eq!(all.lots, Lots::Folders);
        assert_eq!(options(&[("digest", "SHA-256")]).unwrap().digest, Algorithm::Sha256);
        let wrong = options(&[("digest", "sha1")]).unwrap_err();
        assert!(wrong.contains("sha256"), "{wrong}");
        assert!(options(&[("digests", "sha256")]).unwrap_err().contains("did you mean `digest`"));
    }

    #[test]
    fn a_report_comes_back_from_a_script() {
        let changed = Difference {
            path: "a".into(),
            expected: "00, 1 bytes".into(),
            found: "01, 1 bytes".into(),
        };
        let report = Differences { changed: vec![changed], documents: 3, ..Differences::default() };
        let value = to_value(&report).unwrap();
        assert_eq!(from_value::<Differences>(value).unwrap(), report);
    }

    #[test]
    fn index_names_are_plain() {
        let name = |name: &str| file_name(Some(name.to_owned()), Format::Xml);
        assert_eq!(file_name(None, Format::Txt).unwrap(), "indice.txt");
        assert_eq!(name("indice-2025").unwrap(), "indice-2025.xml");
        for wrong in ["", "../x", "a/b", "a\\b", ".hidden", "è", &"a".repeat(101)] {
            assert!(matches!(name(wrong), Err(ArchiveError::FileName { .. })), "{wrong}");
        }
    }
}
