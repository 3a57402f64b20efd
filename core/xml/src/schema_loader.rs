//! What a schema may include or import: files of its own folder, by their plain name.

use std::path::{Path, PathBuf};

use ceralacca_kernel::regular_file;
use xsd_schema::{EmbeddedLoader, LoaderChain, SchemaError, SchemaLoader, SchemaResult};

/// The largest file that is included.
const LARGEST: u64 = 4 << 20;

/// Reads from `folder` alone, besides the schemas of the `xml:` attributes that the validator has.
pub(crate) fn confined_to(folder: Option<&Path>) -> Box<dyn SchemaLoader> {
    let mut chain = LoaderChain::new();
    chain.add(Box::new(EmbeddedLoader::new()));
    if let Some(folder) = folder {
        chain.add(Box::new(FolderLoader { folder: folder.to_owned() }));
    }
    Box::new(chain)
}

#[derive(Debug)]
struct FolderLoader {
    folder: PathBuf,
}

impl SchemaLoader for FolderLoader {
    fn load(&self, location: &str) -> SchemaResult<String> {
        let unreadable = |why: String| SchemaError::resolution(format!("{location}: {why}"));
        let name = plain_name(location).ok_or_else(|| unreadable("not a file name".to_owned()))?;
        regular_file::read_text(&self.folder.join(name), LARGEST)
            .map_err(|error| unreadable(error.to_string()))
    }

    fn can_load(&self, location: &str) -> bool {
        plain_name(location).is_some()
    }
}

/// The name at the end of a location, whatever address stands before it.
fn plain_name(location: &str) -> Option<&str> {
    let name = location.rsplit(['/', '\\']).next()?;
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    plain.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_the_folder_are_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("schemi");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("tipi.xsd"), "<a/>").unwrap();
        std::fs::write(root.path().join("secret.xsd"), "<b/>").unwrap();
        let loader = FolderLoader { folder };
        assert_eq!(loader.load("https://example.it/x/tipi.xsd").unwrap(), "<a/>");
        for outside in ["../secret.xsd", "secret.xsd", "/etc/passwd", "..", ""] {
            assert!(loader.load(outside).is_err(), "{outside}");
        }
    }
}
