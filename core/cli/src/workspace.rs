//! The workspace: a folder with settings, document archive and `.ceralacca/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ceralacca_environment::{EnvironmentHistory, SetAside};
use ceralacca_hand_off::{HandOff, Ricezione};
use ceralacca_kernel::{Error, Folders, Registry, atomic_file};
use ceralacca_keystore::{KeystoreError, Policy};
use ceralacca_plugin_host::Site;
use ceralacca_xml::{ControlSources, SchemaSource};
use jiff::Timestamp;

use crate::arguments::Init;
use crate::catalogue::user_folder;
use crate::error::CliError;
use crate::settings::{
    AgencySettings, FILE, ImprontaSettings, ProxySettings, Settings, TimestampSettings,
    TrustSettings,
};

/// The folders of Entratel's document archive.
const DOCUMENT_FOLDERS: [&str; 8] = [
    "controllati",
    "firmati",
    "da inviare",
    "esiti",
    "inviati",
    "ricevute",
    "compresse",
    "ricezione",
];

/// An opened workspace.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) settings: Settings,
    /// What lies in `ricezione`, as far as it was looked at.
    pub(crate) ricezione: Ricezione,
}

impl Workspace {
    /// Opens the given folder, or the nearest one upwards that is a workspace.
    ///
    /// # Errors
    /// `workspace.none`, `settings.unreadable`, `workspace.unusable`.
    pub(crate) fn open(given: Option<&Path>) -> Result<Workspace, Error> {
        let workspace = Workspace::find(given)?;
        workspace.make_folders()?;
        Ok(workspace)
    }

    /// As [`Workspace::open`], and nothing is made.
    pub(crate) fn find(given: Option<&Path>) -> Result<Workspace, Error> {
        let start = match given {
            Some(given) => std::path::absolute(given),
            None => std::env::current_dir(),
        }
        .map_err(|error| CliError::io(Path::new("."), &error))?;
        let root = match given {
            Some(_) => Some(start.as_path()).filter(|folder| folder.join(FILE).exists()),
            None => start.ancestors().find(|folder| folder.join(FILE).exists()),
        };
        let root = root.ok_or_else(|| CliError::NoWorkspace { folder: start.clone() })?.to_owned();
        let settings = Settings::read(&root)?;
        Ok(Workspace::of(root, settings))
    }

    /// Begins a workspace.
    ///
    /// # Errors
    /// `workspace.exists`, `workspace.unusable`.
    pub(crate) fn init(init: &Init) -> Result<Workspace, Error> {
        let folder = init.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        let root = std::path::absolute(&folder).map_err(|error| CliError::io(&folder, &error))?;
        fs::create_dir_all(&root).map_err(|error| CliError::io(&root, &error))?;
        if root.join(FILE).exists() {
            return Err(CliError::WorkspaceExists { folder: root }.into());
        }
        let settings = Settings {
            documents: init.documents.clone(),
            environment: init.environment.clone(),
            environments_set_aside: Vec::new(),
            agency: AgencySettings {
                gateway: init.gateway.clone(),
                hand_off: init.hand_off,
                ca: init.ca.clone(),
                ..AgencySettings::default()
            },
            proxy: ProxySettings::default(),
            timestamp: TimestampSettings { url: init.tsa.clone(), user: None },
            trust: TrustSettings { anchors: init.trust.clone(), crls: init.trust.clone() },
            impronta: ImprontaSettings::default(),
            norme: None,
            plugins: BTreeMap::new(),
        };
        // A path that is not Unicode cannot be written into TOML.
        let text = toml::to_string(&settings).map_err(|error| {
            let path = root.join(FILE);
            CliError::Settings { path, problem: error.to_string() }
        })?;
        let text = format!("{HEADING}{text}{TRAILER}");
        let workspace = Workspace::of(root.clone(), settings);
        workspace.make_folders()?;
        let path = root.join(FILE);
        atomic_file::write_new(&path, text.as_bytes()).map_err(|e| CliError::io(&path, &e))?;
        Ok(workspace)
    }

    fn of(root: PathBuf, settings: Settings) -> Workspace {
        let folders = folders(&root, &settings);
        Workspace { root, settings, ricezione: Ricezione::new(folders, Timestamp::now) }
    }

    /// `.ceralacca/`.
    pub(crate) fn state(&self) -> PathBuf {
        self.folders().state
    }

    /// State of the sandbox inside the program.
    pub(crate) fn sandbox_folder(&self) -> PathBuf {
        self.state().join("sandbox")
    }

    /// The archivio documenti.
    pub(crate) fn documents(&self) -> PathBuf {
        self.folders().documents
    }

    /// The folders as primitives see them.
    pub(crate) fn folders(&self) -> Folders {
        folders(&self.root, &self.settings)
    }

    /// The channel by way of a person, whether it is the one in use or not.
    pub(crate) fn hand_off(&self) -> HandOff {
        let ca = self.settings.agency.ca.iter().map(|path| self.root.join(path)).collect();
        HandOff::new(self.ricezione.clone(), ca)
    }

    /// Where plugins are, and what the settings say of them; `core` is what the program itself offers.
    pub(crate) fn plugin_site<'a>(&'a self, core: &'a Registry) -> Site<'a> {
        Site {
            root: &self.root,
            user_folder: user_folder("plugins"),
            settings: &self.settings.plugins,
            core,
            environment: |name| std::env::var(name).ok(),
        }
    }

    /// The environment in use and those set aside, as far as they are there.
    ///
    /// # Errors
    /// `environment.disk_*` when the folder above cannot be read.
    pub(crate) fn environments(&self) -> Result<EnvironmentHistory, KeystoreError> {
        let history = EnvironmentHistory::beside(&self.environment())?;
        Ok(history.with(&self.set_aside().0).remembered_in(&self.state()))
    }

    /// The environment's folder.
    pub(crate) fn environment(&self) -> PathBuf {
        self.root.join(&self.settings.environment)
    }

    /// Set-aside environments that the settings name.
    pub(crate) fn set_aside(&self) -> SetAside {
        let named = &self.settings.environments_set_aside;
        SetAside(named.iter().map(|folder| self.root.join(folder)).collect())
    }

    /// The rules that keys and ciphers are held against.
    pub(crate) fn policy(&self) -> Result<Policy, Error> {
        match &self.settings.norme {
            Some(path) => Ok(Policy::from_file(&self.root.join(path))?),
            None => Ok(Policy::embedded().clone()),
        }
    }

    /// Which agency is talked to, in words.
    pub(crate) fn channel(&self) -> String {
        match &self.settings.agency {
            AgencySettings { gateway: Some(gateway), .. } => format!("the gateway {gateway}"),
            AgencySettings { hand_off: true, .. } => {
                "by hand: you upload to the portal what is in `da inviare`".to_owned()
            }
            AgencySettings { plugin: Some(plugin), .. } => format!("the plugin {plugin}"),
            _ => "the sandbox inside this program: nothing reaches the real Agency".to_owned(),
        }
    }

    /// What communications are checked against.
    pub(crate) fn control_sources(&self) -> ControlSources {
        let ImprontaSettings { schema, scadenze, .. } = &self.settings.impronta;
        ControlSources {
            schema: match schema {
                Some(path) => SchemaSource::File(self.root.join(path)),
                None => SchemaSource::default(),
            },
            scadenze: scadenze.as_ref().map(|path| self.root.join(path)),
            tipi_documento: None,
        }
    }

    fn make_folders(&self) -> Result<(), Error> {
        let documents = self.documents();
        let all = DOCUMENT_FOLDERS.iter().map(|name| documents.join(name)).chain([self.state()]);
        for folder in all {
            fs::create_dir_all(&folder).map_err(|error| CliError::io(&folder, &error))?;
        }
        Ok(())
    }
}

fn folders(root: &Path, settings: &Settings) -> Folders {
    Folders { documents: root.join(&settings.documents), state: root.join(".ceralacca") }
}

const HEADING: &str = "\
# Settings of this ceralacca workspace. Relative paths start at this file.
# documents: archivio documenti. environment: percorso dell'ambiente di sicurezza.
";

const TRAILER: &str = "
# Without more, the sandbox inside the program is used. Other keys of [agency]:
#   hand_off = true          a person uploads to the portal: ceralacca confirm, ceralacca watch
#   ca = [\"ca.cer\"]          certificates of the CA, for the hand-off
#   gateway = \"https://…\"     timeout = \"2m\"
#   ca_sha256 = \"…\"          another CA is then refused
#   plugin = \"NAME\"          an installed plugin is the channel: ceralacca plugin list
# Dati di connessione, behind a proxy (the password is asked for, or `proxy_password` of --secrets):
#   [proxy]
#   http = { url = \"http://proxy.example.it:3128\", user = \"mario\" }
#   https = { url = \"http://proxy.example.it:3128\", user = \"mario\" }
#   exclude = [\"localhost\", \".example.it\"]
# Servizio di marcatura temporale (its password is asked for, or `tsa_password` of --secrets):
#   [timestamp]
#   url = \"https://…\"         user = \"mario\"
# Whom verification trusts: certificates and CRLs, files or folders of them:
#   [trust]
#   anchors = [\"fiducia\"]     crls = [\"fiducia\"]
# Environments set aside that are not beside the one in use (put it above the first [table]):
#   environments_set_aside = [\"/media/vecchia/Ambiente_sicurezza\"]
# Other rules for keys and ciphers (norme.toml; put it above the first [table]):
#   norme = \"norme.toml\"
# Another schema of the communication, another list of deadlines:
#   [impronta]
#   schema = \"schema_impronte.xsd\"     scadenze = \"scadenze.toml\"
#   checks = [\"NAME\"]         plugins that check it, too
# Plugins (ceralacca plugin install FILE); what they may read and write is granted here:
#   [plugins.NAME]
#   read = [\"…\"]     write = [\"…\"]     timeout = \"30s\"     memory = \"1 GiB\"     in_process = false
#   [plugins.NAME.settings]
";
