//! The plugins of a workspace: those that may be used, and why others may not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{
    Error, Namespace, PluginPin, Registry, SecretRule, Service, Touch, did_you_mean,
};

use crate::call::{invoke, reconcile};
use crate::error::PluginError;
use crate::folder::{Found, Shelf};
use crate::lock::{Lock, Locked, plugins_folder};
use crate::names::Names;
use crate::plugin::Plugin;
use crate::settings::{Environment, PluginSettings};
use crate::staging;

/// What is known before a plugin is looked for.
#[derive(Clone)]
pub struct Site<'a> {
    /// The workspace.
    pub root: &'a Path,
    /// A folder of the user with more plugins.
    pub user_folder: Option<PathBuf>,
    /// `[plugins.NAME]` of `ceralacca.toml`, by name.
    pub settings: &'a std::collections::BTreeMap<String, PluginSettings>,
    /// What the program offers itself: names that are taken.
    pub core: &'a Registry,
    /// Variables of the environment, for plugins that ask for some.
    pub environment: Environment,
}

/// The plugins of a workspace; cheap to clone, and a service of runs.
#[derive(Clone, Default)]
pub struct Plugins(Arc<All>);

#[derive(Default)]
struct All {
    shelves: Vec<Shelf>,
    /// Namespaces of the program itself.
    core: Vec<&'static str>,
    usable: Vec<Arc<Plugin>>,
    unusable: Vec<Unusable>,
    namespaces: Vec<Namespace>,
}

/// A locked plugin that cannot be used; only scripts that use it notice.
struct Unusable {
    name: String,
    /// Known when its manifest can be read.
    manifest: Option<Manifest>,
    error: Error,
}

impl Service for Plugins {
    const TOUCH: Option<Touch> = None;
}

impl Site<'_> {
    /// The workspace's folder first: what is there stands in for what the user has.
    pub(crate) fn shelves(&self) -> Vec<Shelf> {
        let own = Shelf { folder: plugins_folder(self.root), top: self.root.to_owned() };
        let users = self.user_folder.iter();
        let users = users.map(|folder| Shelf { folder: folder.clone(), top: folder.clone() });
        std::iter::once(own).chain(users).collect()
    }

    /// The shelf that has the plugin.
    pub(crate) fn shelf_of(&self, name: &str) -> Option<Shelf> {
        self.shelves().into_iter().find(|shelf| shelf.has(name))
    }

    /// A locked plugin as it is on disk, its manifest compared with the lock.
    pub(crate) fn locked(&self, locked: &Locked) -> Result<Found, Error> {
        let name = &locked.name;
        let Some(shelf) = self.shelf_of(name) else {
            let looked_in = self.shelves().iter().map(|shelf| shelf.folder.join(name)).collect();
            return Err(PluginError::Missing { plugin: name.clone(), looked_in }.into());
        };
        let found = shelf.find(name)?;
        let changed = |file: PathBuf, expected: &str, found: &str| PluginError::Changed {
            plugin: name.clone(),
            file,
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        if found.manifest_sha256 != locked.manifest_sha256 {
            let file = shelf.folder.join(name).join(format!("{name}.json"));
            return Err(changed(file, &locked.manifest_sha256, &found.manifest_sha256).into());
        }
        let library = found.library.file_name().unwrap_or_default().to_string_lossy();
        if library != locked.library {
            let problem = format!("{} was locked, {library} is there", locked.library);
            let folder = shelf.folder.join(name);
            return Err(PluginError::Layout { folder, problem }.into());
        }
        Ok(found)
    }

    /// A locked plugin, ready to be started.
    fn plugin(&self, locked: &Locked, found: Found, names: &mut Names) -> Result<Plugin, Error> {
        names.claim(&found.manifest)?;
        let default = PluginSettings::default();
        let settings = self.settings.get(&locked.name).unwrap_or(&default);
        let launch = settings.launch(&found.manifest, self.root, self.environment)?;
        Ok(Plugin::new(found.manifest, locked.pin(), found.library, launch))
    }
}

impl Plugins {
    /// The locked plugins. Their manifests are read; nothing of their libraries is.
    ///
    /// A plugin that cannot be used is no error here: it makes the scripts fail that use it.
    ///
    /// # Errors
    /// `plugin.lock_unreadable`, `plugin.writable_by_others`.
    pub fn open(site: &Site<'_>) -> Result<Plugins, Error> {
        let core = site.core.namespaces().iter().map(|namespace| namespace.name).collect();
        let mut all = All { shelves: site.shelves(), core, ..All::default() };
        let Some(lock) = Lock::read(site.root)? else {
            return Ok(Plugins(Arc::new(all)));
        };
        staging::settle_if_left(site.root, &lock);
        let mut names = Names::of(site.core);
        for locked in &lock.plugins {
            let found = site.locked(locked);
            // Not trusted, but enough to know whose name a script used.
            let untrusted = || Some(site.shelf_of(&locked.name)?.find(&locked.name).ok()?.manifest);
            let manifest = found.as_ref().ok().map(|found| found.manifest.clone());
            match found.and_then(|found| site.plugin(locked, found, &mut names)) {
                Ok(plugin) => all.usable.push(Arc::new(plugin)),
                Err(error) => {
                    let manifest = manifest.or_else(untrusted);
                    all.unusable.push(Unusable { name: locked.name.clone(), manifest, error });
                }
            }
        }
        let namespaces = all.usable.iter().flat_map(|plugin| &plugin.manifest().namespaces);
        all.namespaces = namespaces.map(|written| written.leaked(invoke, reconcile)).collect();
        Ok(Plugins(Arc::new(all)))
    }

    /// The namespaces of all usable plugins, for the registry.
    pub fn namespaces(&self) -> Vec<Namespace> {
        self.0.namespaces.clone()
    }

    /// The secrets that usable plugins may ask for, for the registry. Each call leaks them anew.
    pub fn secret_rules(&self) -> Vec<SecretRule> {
        self.0.usable.iter().flat_map(|plugin| plugin.manifest().secret_rules()).collect()
    }

    /// Every usable plugin, as the journal keeps it.
    pub fn pins(&self) -> Vec<PluginPin> {
        self.0.usable.iter().map(|plugin| plugin.pin().clone()).collect()
    }

    /// The plugins behind these namespaces, as the journal keeps them.
    pub fn pins_of(&self, namespaces: &[String]) -> Vec<PluginPin> {
        let uses = |plugin: &&Arc<Plugin>| {
            let mut own = plugin.manifest().namespaces.iter();
            own.any(|namespace| namespaces.contains(&namespace.name))
        };
        self.0.usable.iter().filter(uses).map(|plugin| plugin.pin().clone()).collect()
    }

    /// Every usable plugin.
    pub fn usable(&self) -> &[Arc<Plugin>] {
        &self.0.usable
    }

    /// The plugin of that name.
    ///
    /// # Errors
    /// `plugin.unknown`, or why it cannot be used.
    pub fn named(&self, name: &str) -> Result<Arc<Plugin>, Error> {
        if let Some(plugin) = self.0.usable.iter().find(|plugin| plugin.name() == name) {
            return Ok(plugin.clone());
        }
        if let Some(unusable) = self.0.unusable.iter().find(|unusable| unusable.name == name) {
            return Err(unusable.error.clone());
        }
        if let Some(error) = self.not_locked(name) {
            return Err(error);
        }
        let usable = self.0.usable.iter().map(|plugin| plugin.name());
        let unusable = self.0.unusable.iter().map(|unusable| unusable.name.as_str());
        Err(unknown(name, usable.chain(unusable)).into())
    }

    /// Why the namespace of a plugin cannot be used, for scripts that name it; `None` when it can, or no
    /// plugin is known to have it.
    pub fn trouble(&self, namespace: &str) -> Option<Error> {
        let usable = self.0.namespaces.iter().map(|usable| usable.name);
        if usable.chain(self.0.core.iter().copied()).any(|known| known == namespace) {
            return None;
        }
        let found = self.0.unusable.iter().find(|unusable| match &unusable.manifest {
            Some(manifest) => manifest.namespaces.iter().any(|one| one.name == namespace),
            None => unusable.name.replace('-', "_") == namespace,
        });
        match found {
            Some(unusable) => Some(unusable.error.clone()),
            None => self.not_locked(&namespace.replace('_', "-")),
        }
    }

    /// The error of a plugin that is there without being trusted.
    fn not_locked(&self, name: &str) -> Option<Error> {
        let shelf = self.0.shelves.iter().find(|shelf| shelf.has(name))?;
        let (plugin, folder) = (name.to_owned(), shelf.folder.join(name));
        Some(PluginError::NotLocked { plugin, folder }.into())
    }

    /// The plugin that has a namespace.
    pub(crate) fn of_namespace(&self, namespace: &str) -> Result<Arc<Plugin>, Error> {
        let has = |plugin: &&Arc<Plugin>| {
            plugin.manifest().namespaces.iter().any(|own| own.name == namespace)
        };
        match self.0.usable.iter().find(has) {
            Some(plugin) => Ok(plugin.clone()),
            None => Err(self.trouble(namespace).unwrap_or_else(|| {
                unknown(namespace, self.0.usable.iter().map(|plugin| plugin.name())).into()
            })),
        }
    }

    /// How keys of plugins that sign are named.
    pub fn signer_schemes(&self) -> Vec<String> {
        let usable = self.0.usable.iter().map(|plugin| plugin.manifest());
        let unusable = self.0.unusable.iter().filter_map(|unusable| unusable.manifest.as_ref());
        let signers = usable.chain(unusable).filter_map(|manifest| manifest.seams.signer.as_ref());
        let mut schemes: Vec<_> = signers.map(|signer| signer.scheme.clone()).collect();
        schemes.sort();
        schemes.dedup();
        schemes
    }

    /// The plugin whose keys are named by a scheme, such as `pkcs11`.
    ///
    /// # Errors
    /// `plugin.no_signer`, or why the plugin cannot be used.
    pub fn signer(&self, scheme: &str) -> Result<Arc<Plugin>, Error> {
        let has = |manifest: &Manifest| {
            manifest.seams.signer.as_ref().is_some_and(|signer| signer.scheme == scheme)
        };
        if let Some(plugin) = self.0.usable.iter().find(|plugin| has(plugin.manifest())) {
            return Ok(plugin.clone());
        }
        let unusable = self.0.unusable.iter();
        match unusable.into_iter().find(|one| one.manifest.as_ref().is_some_and(has)) {
            Some(unusable) => Err(unusable.error.clone()),
            None => {
                let (scheme, known) = (scheme.to_owned(), self.signer_schemes());
                Err(PluginError::NoSigner { scheme, known }.into())
            }
        }
    }
}

/// The wording for a plugin that is not there.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> PluginError {
    PluginError::Unknown {
        name: name.to_owned(),
        near: did_you_mean(name, known.clone()).map(str::to_owned),
        known: known.map(str::to_owned).collect(),
    }
}
