//! Where workflows are found: workspace, then user folder, then the copies inside the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{
    Engine, Error, Origin, Registry, Source, Workflow, did_you_mean, regular_file,
};
use ceralacca_plugin_host::Plugins;

use crate::error::CliError;

/// The workflows shipped inside the program.
const BUILT_IN: [(&str, &str); 10] = [
    ("setup_environment.rhai", include_str!("../../../scripts/setup_environment.rhai")),
    ("file_impronta.lua", include_str!("../../../scripts/file_impronta.lua")),
    ("replace_impronta.rhai", include_str!("../../../scripts/replace_impronta.rhai")),
    ("recover_environment.rhai", include_str!("../../../scripts/recover_environment.rhai")),
    ("renew_environment.rhai", include_str!("../../../scripts/renew_environment.rhai")),
    ("import_certificates.rhai", include_str!("../../../scripts/import_certificates.rhai")),
    ("collect_receipts.rhai", include_str!("../../../scripts/collect_receipts.rhai")),
    ("send_file.rhai", include_str!("../../../scripts/send_file.rhai")),
    ("change_password.lua", include_str!("../../../scripts/change_password.lua")),
    ("copy_environment.lua", include_str!("../../../scripts/copy_environment.lua")),
];

/// The longest text of a workflow that is read, in bytes.
const LONGEST_SCRIPT: u64 = 4 << 20;

/// A workflow's file, not read yet.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) origin: Origin,
}

/// Finds and reads workflows.
pub(crate) struct Catalogue<'a> {
    pub(crate) engines: &'a [Box<dyn Engine>],
    pub(crate) registry: &'a Registry,
    pub(crate) plugins: Result<&'a Plugins, &'a Error>,
    pub(crate) workspace: Option<&'a Path>,
}

impl Catalogue<'_> {
    /// Every workflow file, best first within a name: the first one of a name wins.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, Vec<Found>>, Error> {
        let mut all: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        let mut add = |file: &str, origin: Origin| {
            if let Some((name, extension)) = file.rsplit_once('.')
                && self.engine(extension).is_some()
            {
                let found = Found { name: name.to_owned(), file: file.to_owned(), origin };
                all.entry(found.name.clone()).or_default().push(found);
            }
        };
        if let Some(root) = self.workspace {
            for (file, path) in files(&root.join("scripts"))? {
                add(&file, Origin::Workspace(path));
            }
        }
        if let Some(folder) = user_folder("scripts") {
            for (file, path) in files(&folder)? {
                add(&file, Origin::User(path));
            }
        }
        for (file, _) in BUILT_IN {
            add(file, Origin::BuiltIn);
        }
        Ok(all)
    }

    /// The workflow of that name, or in that file.
    ///
    /// # Errors
    /// `workflow.unknown`, `workflow.unreadable`, or what its declaration says.
    pub(crate) fn find(&self, name: &str) -> Result<Workflow, Error> {
        let as_path = Path::new(name);
        if as_path.extension().is_some() || as_path.components().count() > 1 {
            let path = std::path::absolute(as_path).map_err(|e| CliError::io(as_path, &e))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return self.read(Found { name: stem, file, origin: Origin::File(path) });
        }
        let mut all = self.all()?;
        match all.remove(name).and_then(|found| found.into_iter().next()) {
            Some(found) => self.read(found),
            None => {
                let known: Vec<String> = all.into_keys().collect();
                let near = did_you_mean(name, known.iter().map(String::as_str)).map(str::to_owned);
                Err(CliError::UnknownWorkflow { name: name.to_owned(), near, known }.into())
            }
        }
    }

    /// Reads and checks a workflow that was found.
    pub(crate) fn read(&self, found: Found) -> Result<Workflow, Error> {
        let text = text_of(&found)?;
        self.understand(found.name, found.origin, Source { name: found.file, text })
    }

    /// Checks a workflow's text against what the program offers.
    pub(crate) fn understand(
        &self,
        name: String,
        origin: Origin,
        source: Source,
    ) -> Result<Workflow, Error> {
        let declaration = self.engine_for(&source)?.declaration(&source)?;
        // An installed plugin that cannot be used says more than an unknown name.
        let unknown = |name: &&String| self.registry.namespace(name).is_none();
        for namespace in declaration.uses.iter().filter(unknown) {
            if let Some(trouble) = self.plugins.map_err(Clone::clone)?.trouble(namespace) {
                return Err(trouble);
            }
        }
        declaration.check(&source.name, self.registry)?;
        Ok(Workflow { name, origin, source, declaration })
    }

    /// The engine that runs a file.
    pub(crate) fn engine_for(&self, source: &Source) -> Result<&dyn Engine, Error> {
        let extension = source.name.rsplit_once('.').map_or("", |(_, extension)| extension);
        self.engine(extension).ok_or_else(|| {
            let known = self.engines.iter().map(|engine| engine.extension().to_owned()).collect();
            CliError::UnknownLanguage { file: source.name.clone(), known }.into()
        })
    }

    fn engine(&self, extension: &str) -> Option<&dyn Engine> {
        self.engines.iter().find(|engine| engine.extension() == extension).map(|engine| &**engine)
    }
}

/// The user's own folder of that name: `scripts`, `plugins`.
pub(crate) fn user_folder(name: &str) -> Option<PathBuf> {
    let base = if cfg!(windows) {
        std::env::var_os("APPDATA").map(PathBuf::from)
    } else {
        std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".config")))
    };
    base.map(|base| base.join("ceralacca").join(name))
}

fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| CliError::io(folder, &error))?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && path.is_file()
        {
            files.push((name.to_owned(), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

fn text_of(found: &Found) -> Result<String, Error> {
    match &found.origin {
        Origin::Workspace(path) | Origin::User(path) | Origin::File(path) => {
            regular_file::read_text(path, LONGEST_SCRIPT)
                .map_err(|error| CliError::io(path, &error).into())
        }
        Origin::BuiltIn | Origin::Journal => Ok(BUILT_IN
            .iter()
            .find(|(file, _)| *file == found.file)
            .map(|(_, text)| (*text).to_owned())
            .unwrap_or_default()),
    }
}
