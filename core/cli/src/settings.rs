//! `ceralacca.toml`: the settings that the guide calls *Impostazioni* and *Preferenze*.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ceralacca_kernel::{Error, regular_file};
use ceralacca_plugin_host::PluginSettings;
use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// Name of the settings file; the folder that has it is a workspace.
pub(crate) const FILE: &str = "ceralacca.toml";

/// All settings. Relative paths start at the workspace.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Archivio documenti.
    pub(crate) documents: PathBuf,
    /// Percorso dell'ambiente di sicurezza.
    pub(crate) environment: PathBuf,
    /// Folders of environments that were set aside, where they are not beside the one in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) environments_set_aside: Vec<PathBuf>,
    /// Other rules for keys and ciphers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) norme: Option<PathBuf>,
    /// Which agency is talked to.
    #[serde(default)]
    pub(crate) agency: AgencySettings,
    /// Dati di connessione, for those behind a proxy.
    #[serde(default, skip_serializing_if = "ProxySettings::is_empty")]
    pub(crate) proxy: ProxySettings,
    /// Servizio di marcatura temporale.
    #[serde(default, skip_serializing_if = "TimestampSettings::is_empty")]
    pub(crate) timestamp: TimestampSettings,
    /// Whom verification trusts.
    #[serde(default, skip_serializing_if = "TrustSettings::is_empty")]
    pub(crate) trust: TrustSettings,
    /// The communication of the impronta.
    #[serde(default, skip_serializing_if = "ImprontaSettings::is_empty")]
    pub(crate) impronta: ImprontaSettings,
    /// Installed plugins, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) plugins: BTreeMap<String, PluginSettings>,
}

/// The timestamping service (RFC 3161 over HTTP). Its password is asked for, never written here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimestampSettings {
    /// Its address; without it the one of the sandbox inside the program is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// User for basic authentication; its password is the secret `tsa_password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
}

impl TimestampSettings {
    fn is_empty(&self) -> bool {
        self.url.is_none() && self.user.is_none()
    }
}

/// Certificates that verification ends at, and lists of revoked ones.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustSettings {
    /// Files with certificates, DER or PEM, or folders of such files.
    #[serde(default)]
    pub(crate) anchors: Vec<PathBuf>,
    /// Files with CRLs, DER or PEM, or folders of such files.
    #[serde(default)]
    pub(crate) crls: Vec<PathBuf>,
}

impl TrustSettings {
    fn is_empty(&self) -> bool {
        self.anchors.is_empty() && self.crls.is_empty()
    }
}

/// Files that stand in for those inside the program.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImprontaSettings {
    /// Another schema, such as the Agency's own schema_impronte.xsd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<PathBuf>,
    /// Another list of deadlines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scadenze: Option<PathBuf>,
    /// Plugins that check it, too, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) checks: Vec<String>,
}

impl ImprontaSettings {
    fn is_empty(&self) -> bool {
        self.schema.is_none() && self.scadenze.is_none() && self.checks.is_empty()
    }
}

/// Which agency is talked to, and how: through a gateway, by hand, through a plugin, or the sandbox
/// inside the program.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgencySettings {
    /// Address of a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gateway: Option<String>,
    /// Whether a person carries the files to the portal and back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) hand_off: bool,
    /// Name of a plugin that is a channel to an agency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plugin: Option<String>,
    /// The CA's certificates for the hand-off, DER or PEM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ca: Vec<PathBuf>,
    /// How long a gateway may take to answer a request, such as `2m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    /// SHA-256 of the CA's certificate, hexadecimal: another CA is then refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_sha256: Option<String>,
}

impl AgencySettings {
    /// Whether something other than this program answers, such that a mark of the sandbox would be
    /// out of place.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.gateway.is_some() || self.plugin.is_some()
    }

    /// Whether the keys of the portal are needed: neither a person nor a plugin uses them.
    pub(crate) fn wants_keys(&self) -> bool {
        !self.hand_off && self.plugin.is_none()
    }
}

/// A proxy per scheme, and what is reached without one. Passwords are asked for, never written here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxySettings {
    /// For `http`.
    #[serde(default)]
    pub(crate) http: Option<ProxyServer>,
    /// For `https`.
    #[serde(default)]
    pub(crate) https: Option<ProxyServer>,
    /// Names, addresses and networks reached directly, by the rules of curl's `no_proxy`.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

impl ProxySettings {
    fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none() && self.exclude.is_empty()
    }
}

/// One proxy.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { url = \"http://…\", user = \"…\" }")]
pub(crate) struct ProxyServer {
    /// `http://proxy.example.it:3128`.
    pub(crate) url: String,
    /// User for basic authentication; its password is the secret `proxy_password`.
    #[serde(default)]
    pub(crate) user: Option<String>,
}

/// The longest ceralacca.toml that is read, in bytes.
const LONGEST: u64 = 1 << 20;

impl Settings {
    /// Reads the settings of the workspace at `root`.
    ///
    /// # Errors
    /// `settings.unreadable`, with line and column.
    pub(crate) fn read(root: &Path) -> Result<Settings, Error> {
        let path = root.join(FILE);
        let unreadable = |problem: String| CliError::Settings { path: path.clone(), problem };
        let text = regular_file::read_text(&path, LONGEST)
            .map_err(|error| unreadable(error.to_string()))?;
        let settings: Settings =
            toml::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let AgencySettings { gateway, hand_off, plugin, .. } = &settings.agency;
        let named = [gateway.is_some(), *hand_off, plugin.is_some()];
        if named.into_iter().filter(|named| *named).count() > 1 {
            let problem = "[agency] has more than one of gateway, hand_off = true and plugin";
            return Err(unreadable(problem.to_owned()).into());
        }
        Ok(settings)
    }

    /// The value of a setting that a workflow's input names as its default.
    pub(crate) fn by_name(&self, root: &Path, name: &str) -> Option<String> {
        let path = match name {
            "documents" => &self.documents,
            "environment" => &self.environment,
            _ => return None,
        };
        Some(root.join(path).to_string_lossy().into_owned())
    }
}
