//! Plugins on disk: a folder of a plugin's name with its manifest and its one library.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use ceralacca_kernel::manifest::{LONGEST, Manifest};
use ceralacca_kernel::text_encoding::{self, NotUtf8};
use ceralacca_kernel::{Error, regular_file};
use sha2::{Digest, Sha256};

use crate::error::PluginError;
use crate::permissions;

/// A plugin as its folder has it. Nothing of its library was read.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) manifest: Manifest,
    /// The manifest as the vendor wrote it.
    pub(crate) text: Vec<u8>,
    pub(crate) manifest_sha256: String,
    pub(crate) library: PathBuf,
}

/// A folder with plugins: of the workspace, or of the user.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) folder: PathBuf,
    /// The folder from which on downwards nobody else may write.
    pub(crate) top: PathBuf,
}

impl Shelf {
    /// Names of the plugins that are there, in order; what begins with a dot is none.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// Whether the folder of that plugin is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_name = !name.starts_with('.') && !name.contains(['/', '\\']);
        is_name && fs::symlink_metadata(self.folder.join(name)).is_ok()
    }

    /// The plugin of that name.
    ///
    /// # Errors
    /// `plugin.layout`, `plugin.manifest`, `plugin.unreadable`, `plugin.writable_by_others`,
    /// `plugin.foreign_owner`.
    pub(crate) fn find(&self, name: &str) -> Result<Found, Error> {
        let folder = self.folder.join(name);
        let wrong = |problem: String| PluginError::Layout { folder: folder.clone(), problem };
        if !folder.is_dir() || fs::symlink_metadata(&folder).is_ok_and(|it| it.is_symlink()) {
            return Err(wrong("it is no folder".to_owned()).into());
        }
        let manifest = folder.join(format!("{name}.json"));
        permissions::check(&plain_file(&manifest)?, &self.top)?;
        let found = read_manifest(&manifest)?;
        if found.manifest.name != name {
            let named = &found.manifest.name;
            return Err(wrong(format!("its manifest is of the plugin {named}")).into());
        }
        let library = library_in(&folder)?;
        permissions::check(&plain_file(&library)?, &self.top)?;
        Ok(Found { library, ..found })
    }
}

/// A manifest, with an empty path in place of the library.
pub(crate) fn read_manifest(path: &Path) -> Result<Found, Error> {
    let unreadable = |error| Error::from(PluginError::unreadable(path, &error));
    let mut bytes = Vec::new();
    let file = regular_file::open(path).map_err(unreadable)?;
    // One byte more than it may have: it is then refused for its length.
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if text_encoding::is_utf16(&bytes) {
        return Err(unreadable(NotUtf8::Utf16.into()));
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text_encoding::without_mark(&text);
    let manifest = Manifest::read(&path.display().to_string(), text)?;
    let manifest_sha256 = hex::encode(Sha256::digest(&bytes));
    Ok(Found { manifest, text: bytes, manifest_sha256, library: PathBuf::new() })
}

/// The one library in a folder.
pub(crate) fn library_in(folder: &Path) -> Result<PathBuf, Error> {
    let entries = fs::read_dir(folder).map_err(|error| PluginError::unreadable(folder, &error))?;
    let mut libraries: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| is_library(path)).collect();
    libraries.sort();
    match libraries.as_slice() {
        [library] => Ok(library.clone()),
        several => {
            let problem = match several.len() {
                0 => format!("there is no library in it (*{})", std::env::consts::DLL_SUFFIX),
                count => format!("there are {count} libraries in it"),
            };
            Err(PluginError::Layout { folder: folder.to_owned(), problem }.into())
        }
    }
}

/// The manifest that belongs to a library: beside it, under the name of the library or its own.
pub(crate) fn manifest_beside(library: &Path) -> Result<PathBuf, Error> {
    let folder = library.parent().unwrap_or(Path::new(""));
    let stem = library.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let bare = stem.strip_prefix("lib").unwrap_or(&stem);
    let names = [bare.replace('_', "-"), bare.to_owned(), stem.clone()];
    let mut looked_for: Vec<_> =
        names.iter().map(|name| folder.join(format!("{name}.json"))).collect();
    looked_for.dedup();
    match looked_for.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(PluginError::NoManifest { library: library.to_owned(), looked_for }.into()),
    }
}

/// The one manifest in a folder.
pub(crate) fn manifest_in(folder: &Path) -> Result<PathBuf, Error> {
    let entries = fs::read_dir(folder).map_err(|error| PluginError::unreadable(folder, &error))?;
    let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_json).collect();
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => {
            let looked_for = vec![folder.join("NAME.json")];
            Err(PluginError::NoManifest { library: folder.to_owned(), looked_for }.into())
        }
        (Some(_), more) => {
            let problem = format!("there are {} files *.json in it", more + 1);
            Err(PluginError::Layout { folder: folder.to_owned(), problem }.into())
        }
    }
}

/// Whether a file is named as a library of some system.
pub(crate) fn is_library(path: &Path) -> bool {
    let endings = ["so", "dylib", "dll"];
    path.extension().is_some_and(|extension| endings.iter().any(|known| extension == *known))
}

/// A file that is there under this name, and not elsewhere by a link.
fn plain_file(path: &Path) -> Result<PathBuf, Error> {
    let metadata =
        fs::symlink_metadata(path).map_err(|error| PluginError::unreadable(path, &error))?;
    if metadata.is_file() {
        return Ok(path.to_owned());
    }
    let folder = path.parent().unwrap_or(path).to_owned();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Err(PluginError::Layout { folder, problem: format!("{name} is no plain file") }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        r#"{"ceralacca_plugin": 1, "name": "a-b", "version": "1", "summary": "s"}"#;

    fn shelf() -> (tempfile::TempDir, Shelf, PathBuf) {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("plugins");
        let plugin = folder.join("a-b");
        for made in [&folder, &plugin] {
            crate::lock::make_folder(made).unwrap();
        }
        write(&plugin.join("a-b.json"), MANIFEST);
        write(&plugin.join("liba_b.so"), "library");
        let shelf = Shelf { folder, top: top.path().to_owned() };
        (top, shelf, plugin)
    }

    fn write(path: &Path, text: &str) {
        ceralacca_kernel::atomic_file::write(path, text.as_bytes()).unwrap();
    }

    #[test]
    fn a_plugin_is_found_by_its_folder() {
        let (_top, shelf, plugin) = shelf();
        assert_eq!(shelf.names(), ["a-b"]);
        let found = shelf.find("a-b").unwrap();
        assert_eq!(found.library, plugin.join("liba_b.so"));
        assert_eq!(found.manifest_sha256, hex::encode(Sha256::digest(MANIFEST)));
        assert_eq!(manifest_beside(&found.library).unwrap(), plugin.join("a-b.json"));
        assert_eq!(manifest_in(&plugin).unwrap(), plugin.join("a-b.json"));
    }

    #[test]
    fn what_is_no_plugin_is_refused() {
        let (_top, shelf, plugin) = shelf();
        let code = |name: &str| shelf.find(name).unwrap_err().code().to_owned();
        assert_eq!(code("none"), "plugin.layout");
        write(&plugin.join("second.so"), "library");
        assert_eq!(code("a-b"), "plugin.layout");
        fs::remove_file(plugin.join("second.so")).unwrap();
        fs::remove_file(plugin.join("liba_b.so")).unwrap();
        assert_eq!(code("a-b"), "plugin.layout");
        write(&plugin.join("liba_b.so"), "library");
        write(&plugin.join("a-b.json"), &MANIFEST.replace("a-b", "other"));
        assert_eq!(code("a-b"), "plugin.layout");
        write(&plugin.join("a-b.json"), &MANIFEST.replace("summary", "sumary"));
        assert_eq!(code("a-b"), "plugin.manifest");
        write(&plugin.join("a-b.json"), &" ".repeat(LONGEST + 1));
        assert_eq!(code("a-b"), "plugin.manifest");
        fs::remove_file(plugin.join("a-b.json")).unwrap();
        assert_eq!(code("a-b"), "plugin.unreadable");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let (top, shelf, plugin) = shelf();
        let elsewhere = top.path().join("elsewhere.so");
        fs::rename(plugin.join("liba_b.so"), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, plugin.join("liba_b.so")).unwrap();
        assert_eq!(shelf.find("a-b").unwrap_err().code(), "plugin.layout");
    }
}
