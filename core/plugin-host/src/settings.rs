//! `[plugins.NAME]` of `ceralacca.toml`: where a plugin runs, its limits, and what it is granted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ceralacca_kernel::manifest::Manifest;
use ceralacca_kernel::{Error, Value};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::connection::{Grants, Launch};
use crate::error::PluginError;

/// The settings of one plugin. Relative paths start at the workspace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PluginSettings {
    /// Whether it runs in this process, without limits: what it breaks is broken here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_process: bool,
    /// How long one call may take: `30s`.
    #[serde(default, skip_serializing_if = "TimeLimit::is_default")]
    pub timeout: TimeLimit,
    /// How much memory it may use: `1 GiB`.
    #[serde(default, skip_serializing_if = "MemoryLimit::is_default")]
    pub memory: MemoryLimit,
    /// Files and folders that it may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<PathBuf>,
    /// Files and folders that it may read and write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<PathBuf>,
    /// What the plugin itself is told, in a form of its own.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub settings: toml::Table,
}

/// How long one call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeLimit(Duration);

/// How many bytes of memory a worker may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemoryLimit(u64);

/// Looks up a variable of the environment of this process.
pub type Environment = fn(&str) -> Option<String>;

impl PluginSettings {
    /// How the plugin of this manifest is started.
    ///
    /// # Errors
    /// `plugin.not_asked_for`, `plugin.settings`.
    pub(crate) fn launch(
        &self,
        manifest: &Manifest,
        root: &Path,
        environment: Environment,
    ) -> Result<Launch, Error> {
        Ok(Launch {
            name: manifest.name.clone(),
            in_process: self.in_process,
            settings: value_of(&toml::Value::Table(self.settings.clone())),
            timeout: self.timeout.0,
            memory: self.memory.0,
            grants: self.granted(manifest, root, environment)?,
        })
    }

    /// What the manifest asks for, as far as these settings allow it.
    pub(crate) fn granted(
        &self,
        manifest: &Manifest,
        root: &Path,
        environment: Environment,
    ) -> Result<Grants, Error> {
        let asked = &manifest.capabilities;
        let unasked = [("read", &self.read), ("write", &self.write)];
        let unasked = unasked.iter().find(|(_, paths)| !asked.files && !paths.is_empty());
        if let Some((setting, _)) = unasked {
            let plugin = manifest.name.clone();
            return Err(PluginError::NotAskedFor { plugin, setting }.into());
        }
        let absolute = |setting: &str, paths: &[PathBuf]| {
            let absolute = paths.iter().map(|path| std::path::absolute(root.join(path)));
            absolute.collect::<Result<Vec<_>, _>>().map_err(|error| PluginError::Settings {
                plugin: manifest.name.clone(),
                setting: setting.to_owned(),
                problem: error.to_string(),
            })
        };
        let variable = |name: &String| Some((name.clone(), environment(name)?));
        Ok(Grants {
            network: asked.network,
            local_sockets: asked.local_sockets,
            read: absolute("read", &self.read)?,
            write: absolute("write", &self.write)?,
            environment: asked.environment.iter().filter_map(variable).collect(),
        })
    }
}

/// Without settings, without grants: how a plugin is looked at that nobody trusts yet.
pub(crate) fn confined(name: &str) -> Launch {
    Launch {
        name: name.to_owned(),
        in_process: false,
        settings: Value::Map(Default::default()),
        timeout: TimeLimit::default().0,
        memory: MemoryLimit::default().0,
        grants: Grants::default(),
    }
}

impl TimeLimit {
    const LONGEST: SignedDuration = SignedDuration::from_hours(24);

    fn is_default(&self) -> bool {
        *self == TimeLimit::default()
    }
}

impl Default for TimeLimit {
    fn default() -> TimeLimit {
        TimeLimit(Duration::from_secs(30))
    }
}

impl TryFrom<String> for TimeLimit {
    type Error = String;

    fn try_from(text: String) -> Result<TimeLimit, String> {
        let span: Option<SignedDuration> = text.trim().parse().ok();
        let span = span.filter(|span| span.is_positive() && *span <= TimeLimit::LONGEST);
        span.and_then(|span| Duration::try_from(span).ok()).map(TimeLimit).ok_or_else(|| {
            format!("{text:?} is no time limit: a span such as \"30s\", at most \"24h\"")
        })
    }
}

impl From<TimeLimit> for String {
    fn from(limit: TimeLimit) -> String {
        let span = SignedDuration::try_from(limit.0).unwrap_or(TimeLimit::LONGEST);
        format!("{span:#}")
    }
}

impl MemoryLimit {
    /// Less holds no process at all.
    const LEAST: u64 = 32 << 20;

    fn is_default(&self) -> bool {
        *self == MemoryLimit::default()
    }
}

impl Default for MemoryLimit {
    fn default() -> MemoryLimit {
        MemoryLimit(1 << 30)
    }
}

const UNITS: [(&str, u64); 3] = [("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

impl TryFrom<String> for MemoryLimit {
    type Error = String;

    fn try_from(text: String) -> Result<MemoryLimit, String> {
        let bytes = UNITS.iter().find_map(|(unit, bytes)| {
            let count: u64 = text.trim().strip_suffix(unit)?.trim().parse().ok()?;
            count.checked_mul(*bytes)
        });
        bytes.filter(|bytes| *bytes >= MemoryLimit::LEAST).map(MemoryLimit).ok_or_else(|| {
            format!(
                "{text:?} is no memory limit: such as \"512 MiB\" or \"1 GiB\", at least 32 MiB"
            )
        })
    }
}

impl From<MemoryLimit> for String {
    fn from(limit: MemoryLimit) -> String {
        let whole = UNITS.iter().rev().find(|(_, bytes)| limit.0.is_multiple_of(*bytes));
        let (unit, bytes) = whole.unwrap_or(&UNITS[0]);
        format!("{} {unit}", limit.0 / bytes)
    }
}

/// TOML as plugins get it: dates are text.
fn value_of(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Str(text.clone()),
        toml::Value::Integer(number) => Value::Int(*number),
        toml::Value::Float(number) => Value::Float(*number),
        toml::Value::Boolean(flag) => Value::Bool(*flag),
        toml::Value::Datetime(moment) => Value::Str(moment.to_string()),
        toml::Value::Array(items) => Value::List(items.iter().map(value_of).collect()),
        toml::Value::Table(table) => {
            Value::Map(table.iter().map(|(key, item)| (key.clone(), value_of(item))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(capabilities: &str) -> Manifest {
        let text = format!(
            r#"{{"ceralacca_plugin": 1, "name": "a-b", "version": "1", "summary": "s",
                "capabilities": {capabilities}}}"#
        );
        Manifest::read("a-b.json", &text).unwrap()
    }

    #[test]
    fn settings_are_read_whole_or_refused() {
        let text = "in_process = true\ntimeout = \"1m 30s\"\nmemory = \"512 MiB\"\n\
                    read = [\"a\"]\n[settings]\nday = 2026-01-31\nlist = [1, 2.5]\n";
        let settings: PluginSettings = toml::from_str(text).unwrap();
        assert_eq!(settings.timeout.0, Duration::from_secs(90));
        assert_eq!(settings.memory.0, 512 << 20);
        let again: PluginSettings = toml::from_str(&toml::to_string(&settings).unwrap()).unwrap();
        assert_eq!(settings, again);
        let root = Path::new(if cfg!(windows) { r"C:\w" } else { "/w" });
        let launch = settings.launch(&manifest(r#"{"files": true}"#), root, |_| None).unwrap();
        assert_eq!(launch.settings.get("day"), Some(&Value::from("2026-01-31")));
        assert_eq!(launch.grants.read, [root.join("a")]);
        let wrong = ["timeout = \"0s\"", "timeout = \"-3s\"", "timeout = \"25h\"", "timeout = 3"];
        let also =
            ["memory = \"1 MiB\"", "memory = \"1 GB\"", "memory = \"99999999 TiB\"", "x = 1"];
        for text in wrong.into_iter().chain(also) {
            assert!(toml::from_str::<PluginSettings>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_is_granted_that_was_not_asked_for() {
        let given = PluginSettings { write: vec!["x".into()], ..PluginSettings::default() };
        let look = |name: &str| (name == "HOME").then(|| "/h".to_owned());
        let error = given.granted(&manifest("{}"), Path::new("/w"), look).unwrap_err();
        assert_eq!(error.code(), "plugin.not_asked_for");
        let asks = manifest(r#"{"network": true, "environment": ["HOME", "NONE"]}"#);
        let granted = PluginSettings::default().granted(&asks, Path::new("/w"), look).unwrap();
        assert!(granted.network && !granted.local_sockets && granted.read.is_empty());
        assert_eq!(granted.environment, [("HOME".to_owned(), "/h".to_owned())]);
    }
}
