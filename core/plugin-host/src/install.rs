//! Installing, removing, locking and listing the plugins of a workspace.

use std::io::Read;
use std::path::{Path, PathBuf};

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Error, atomic_file, regular_file};

use crate::describe;
use crate::error::PluginError;
use crate::folder::{Found, library_in, manifest_beside, manifest_in, read_manifest};
use crate::image::{Image, LONGEST};
use crate::loading::{image, not_loaded, unusable};
use crate::lock::{self, Lock, Locked};
use crate::names::Names;
use crate::plugins::{Site, unknown};
use crate::process::connect;
use crate::settings::confined;
use crate::staging;
use crate::words::About;

/// A plugin in the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// What it says of itself, when its manifest can be read.
    pub about: Option<About>,
    /// Whether it can be used.
    pub state: State,
}

/// Whether a plugin can be used.
#[derive(Clone, Debug)]
pub enum State {
    /// It can.
    Ready,
    /// It is there, and nobody said that it is trusted.
    NotLocked,
    /// It cannot, for this reason: `plugin.changed` when it is not what was locked.
    Refused(Error),
}

/// Installs a plugin from its library, with the manifest beside it, or from a folder with both; an
/// earlier version is replaced as a whole. It is loaded once, confined, to be asked what it is.
///
/// # Errors
/// What loading it says; `plugin.namespace_taken` and its like, `plugin.not_written`, `plugin.busy`.
pub fn install(file: &Path, site: &Site<'_>) -> Result<About, Error> {
    install_if(file, site, &mut |_| Ok(()))
}

/// As [`install`], when `agree` does, who is shown what the manifest says before anything is written
/// or loaded.
///
/// # Errors
/// As [`install`], and the error of who does not agree.
pub fn install_if(
    file: &Path,
    site: &Site<'_>,
    agree: &mut dyn FnMut(&About) -> Result<(), Error>,
) -> Result<About, Error> {
    let library = if file.is_dir() { library_in(file)? } else { file.to_owned() };
    let manifest = if file.is_dir() { manifest_in(file)? } else { manifest_beside(&library)? };
    let found = Found { library, ..read_manifest(&manifest)? };
    let (name, about) = (found.manifest.name.clone(), About::of(&found.manifest));
    agree(&about)?;
    let _held = lock::take(site.root)?;
    let mut lock = Lock::read(site.root)?.unwrap_or_default();
    staging::settle(site.root, &lock)?;
    names_of_others(site, &lock, &name).claim(&found.manifest)?;
    let staged = staging::new_folder(site.root, &name);
    let locked = stage(&found, &staged).and_then(|locked| {
        let image = image(&name, &staged.join(&locked.library), &locked.library_sha256)?;
        require_truthful(&found.manifest, &image)?;
        Ok(locked)
    });
    let locked = locked.inspect_err(|_| {
        // What cannot be removed now is removed by the next command.
        let _ = staging::remove_folder(&staged);
    })?;
    staging::exchange(site.root, &mut lock, locked)?;
    Ok(about)
}

/// Takes a plugin away: out of the lock, and its folder when it is in the workspace.
///
/// # Errors
/// `plugin.unknown`, `plugin.not_written`, `plugin.busy`.
pub fn remove(name: &str, site: &Site<'_>) -> Result<(), Error> {
    let _held = lock::take(site.root)?;
    let mut lock = Lock::read(site.root)?.unwrap_or_default();
    staging::settle(site.root, &lock)?;
    let there =
        site.shelves().first().is_some_and(|shelf| shelf.names().iter().any(|one| one == name));
    if !there && lock.find(name).is_none() {
        let known = known(site, &lock);
        return Err(unknown(name, known.iter().map(String::as_str)).into());
    }
    staging::take_away(site.root, &mut lock, name)
}

/// Trusts these plugins as they are now, or with no name all that are there. Each is loaded once,
/// confined, to be asked what it is.
///
/// # Errors
/// `plugin.unknown`, what loading says, `plugin.namespace_taken` and its like, `plugin.not_written`.
pub fn lock(names: &[String], site: &Site<'_>) -> Result<Vec<About>, Error> {
    let _held = lock::take(site.root)?;
    let mut lock = Lock::read(site.root)?.unwrap_or_default();
    staging::settle(site.root, &lock)?;
    let all = known(site, &lock);
    let missing = |name: &&String| site.shelf_of(name).is_none();
    if let Some(name) = names.iter().find(missing) {
        return Err(unknown(name, all.iter().map(String::as_str)).into());
    }
    if names.is_empty() {
        lock.plugins.retain(|locked| site.shelf_of(&locked.name).is_some());
    }
    let names = if names.is_empty() { on_shelves(site) } else { names.to_vec() };
    let mut locked = Vec::new();
    for name in &names {
        let Some(shelf) = site.shelf_of(name) else { continue };
        let found = shelf.find(name)?;
        names_of_others(site, &lock, name).claim(&found.manifest)?;
        let image = Image::of(&found.library);
        let image = image.map_err(|error| unusable(name, &found.library, error))?;
        require_truthful(&found.manifest, &image)?;
        lock.set(entry(&found, image.sha256().to_owned()));
        locked.push(About::of(&found.manifest));
    }
    lock.write(site.root)?;
    Ok(locked)
}

/// Every plugin that is there or locked, and whether it can be used. Libraries are hashed for it, and
/// not loaded.
///
/// # Errors
/// `plugin.lock_unreadable`; what is wrong with one plugin is in its line.
pub fn list(site: &Site<'_>) -> Result<Vec<Listed>, Error> {
    let lock = Lock::read(site.root)?.unwrap_or_default();
    staging::settle_if_left(site.root, &lock);
    let mut names = Names::of(site.core);
    let mut listed = Vec::new();
    for name in known(site, &lock) {
        let shelf = site.shelf_of(&name);
        let folder = shelf.as_ref().map(|shelf| shelf.folder.join(&name)).unwrap_or_default();
        let there = shelf.and_then(|shelf| shelf.find(&name).ok());
        let about = there.as_ref().map(|found| About::of(&found.manifest));
        let state = match lock.find(&name) {
            None => State::NotLocked,
            Some(locked) => match ready(site, locked, &mut names) {
                Ok(()) => State::Ready,
                Err(error) => State::Refused(error),
            },
        };
        listed.push(Listed { name, folder, about, state });
    }
    Ok(listed)
}

/// The manifest that a library gives of itself, for who has none yet.
///
/// # Errors
/// `plugin.not_loaded`, `plugin.unreadable`, `plugin.manifest`, and what breaks on the way.
pub fn described(library: &Path) -> Result<Manifest, Error> {
    let name = library.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let image = Image::of(library).map_err(|error| unusable(&name, library, error))?;
    load(&name, &image)
}

fn ready(site: &Site<'_>, locked: &Locked, names: &mut Names) -> Result<(), Error> {
    let found = site.locked(locked)?;
    image(&locked.name, &found.library, &locked.library_sha256)?;
    names.claim(&found.manifest)?;
    let settings = site.settings.get(&locked.name).cloned().unwrap_or_default();
    settings.launch(&found.manifest, site.root, site.environment).map(|_| ())
}

/// Loads a library once, confined and without settings, and asks what it is.
fn load(name: &str, image: &Image) -> Result<Manifest, Error> {
    let mut connection = connect(image, &confined(name)).map_err(|why| not_loaded(name, why))?;
    describe::describe(&mut *connection, name)
}

fn require_truthful(manifest: &Manifest, image: &Image) -> Result<(), Error> {
    describe::require_same(manifest, &load(&manifest.name, image)?)
}

/// The names of the program and of every locked plugin but this one.
fn names_of_others(site: &Site<'_>, lock: &Lock, name: &str) -> Names {
    let mut names = Names::of(site.core);
    for locked in lock.plugins.iter().filter(|locked| locked.name != name) {
        // A plugin that cannot be used takes no name.
        let _ = site.locked(locked).and_then(|found| names.claim(&found.manifest));
    }
    names
}

/// Names of all plugins that are there.
fn on_shelves(site: &Site<'_>) -> Vec<String> {
    let mut names: Vec<String> =
        site.shelves().iter().flat_map(crate::folder::Shelf::names).collect();
    names.sort();
    names.dedup();
    names
}

/// Names of all plugins that are there or locked.
fn known(site: &Site<'_>, lock: &Lock) -> Vec<String> {
    let mut names = on_shelves(site);
    names.extend(lock.plugins.iter().map(|locked| locked.name.clone()));
    names.sort();
    names.dedup();
    names
}

/// Copies library and manifest into a new folder.
fn stage(found: &Found, staged: &Path) -> Result<Locked, Error> {
    let unwritable = |error| Error::from(PluginError::not_written(staged, &error));
    staging::remove_folder(staged).map_err(unwritable)?;
    lock::make_folder(staged).map_err(unwritable)?;
    let name = &found.manifest.name;
    let library = found.library.file_name().unwrap_or_default();
    let copy = staged.join(library);
    let from = regular_file::open(&found.library)
        .map_err(|error| PluginError::unreadable(&found.library, &error))?;
    let mut writer = atomic_file::Writer::create(&copy).map_err(unwritable)?;
    // One byte more than a library may have: it is then refused for its length.
    std::io::copy(&mut from.take(LONGEST + 1), &mut writer).map_err(unwritable)?;
    writer.persist().map_err(unwritable)?;
    let manifest = staged.join(format!("{name}.json"));
    atomic_file::write(&manifest, &found.text).map_err(unwritable)?;
    let library_sha256 = Image::of(&copy).map_err(|error| unusable(name, &copy, error))?;
    Ok(entry(found, library_sha256.sha256().to_owned()))
}

fn entry(found: &Found, library_sha256: String) -> Locked {
    Locked {
        name: found.manifest.name.clone(),
        version: found.manifest.version.clone(),
        library: found.library.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        library_sha256,
        manifest_sha256: found.manifest_sha256.clone(),
    }
}
