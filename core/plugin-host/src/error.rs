//! What can go wrong with plugins; the wording is in `explain.rs` and beside it.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::connection::Broken;
use crate::plugin::{Plugin, changes_outside};

#[derive(Debug, Serialize)]
pub(crate) enum PluginError {
    /// A setting of `[plugins.NAME]` cannot be used.
    Settings {
        plugin: String,
        setting: String,
        problem: String,
    },
    /// The settings grant what the manifest does not ask for.
    NotAskedFor {
        plugin: String,
        setting: &'static str,
    },
    Unreadable {
        path: PathBuf,
        problem: String,
    },
    NotWritten {
        path: PathBuf,
        problem: String,
    },
    /// A folder that should hold a plugin holds something else.
    Layout {
        folder: PathBuf,
        problem: String,
    },
    NoManifest {
        library: PathBuf,
        looked_for: Vec<PathBuf>,
    },
    WritableByOthers {
        path: PathBuf,
        mode: String,
    },
    ForeignOwner {
        path: PathBuf,
        owner: u32,
    },
    Lock {
        path: PathBuf,
        problem: String,
    },
    /// Another process installs or removes.
    Busy {
        holder: String,
    },
    Unknown {
        name: String,
        near: Option<String>,
        known: Vec<String>,
    },
    NotLocked {
        plugin: String,
        folder: PathBuf,
    },
    Missing {
        plugin: String,
        looked_in: Vec<PathBuf>,
    },
    Changed {
        plugin: String,
        file: PathBuf,
        expected: String,
        found: String,
    },
    Taken {
        plugin: String,
        what: Name,
        name: String,
        by: String,
    },
    NoSigner {
        scheme: String,
        known: Vec<String>,
    },
    NoSeam {
        plugin: String,
        seam: String,
    },
    NotLoaded {
        plugin: String,
        problem: String,
    },
    WrongAbi {
        plugin: String,
        built_for: String,
        spoken: String,
    },
    Unconfined {
        plugin: String,
        problem: String,
    },
    NotStarted {
        plugin: String,
        problem: String,
    },
    ManifestDiffers {
        plugin: String,
        place: String,
        manifest: String,
        described: String,
    },
    GaveUp {
        plugin: String,
        breaks: u32,
        last: String,
    },
    Broken {
        plugin: String,
        call: String,
        outside: Outside,
        why: Broken,
    },
    MalformedReply {
        plugin: String,
        call: String,
        outside: Outside,
    },
    WrongStatus {
        plugin: String,
        call: String,
        outside: Outside,
        status: i32,
    },
    ErrorForm {
        plugin: String,
        call: String,
        outside: Outside,
        problem: String,
    },
    Argument {
        primitive: String,
        position: usize,
        param: String,
        mismatch: String,
    },
    Result {
        plugin: String,
        call: String,
        outside: Outside,
        mismatch: String,
    },
    ForeignHandle {
        plugin: String,
        call: String,
        outside: Outside,
        kind: String,
    },
    SecretNotGranted {
        secret: String,
    },
}

/// What a call that went wrong may have done outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outside {
    /// Nothing that must not be done twice.
    Nothing,
    /// Nobody knows.
    Unknown,
}

/// A name that only one plugin, or the program, can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Name {
    /// A namespace of primitives.
    Namespace,
    /// A kind of secret.
    Secret,
    /// How keys of a signer are named.
    Scheme,
    /// A kind of handle that methods belong to.
    Kind,
}

impl PluginError {
    pub(crate) fn no_seam(plugin: &Plugin, seam: &str) -> PluginError {
        PluginError::NoSeam { plugin: plugin.name().to_owned(), seam: seam.to_owned() }
    }

    /// A seam's operation gave something else than the seam asks for.
    pub(crate) fn result(plugin: &Plugin, operation: &str, mismatch: String) -> PluginError {
        let (plugin, call) = (plugin.name().to_owned(), operation.to_owned());
        let outside = match changes_outside(operation) {
            true => Outside::Unknown,
            false => Outside::Nothing,
        };
        PluginError::Result { plugin, call, outside, mismatch }
    }

    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> PluginError {
        PluginError::Unreadable { path: path.to_owned(), problem: error.to_string() }
    }

    pub(crate) fn not_written(path: &Path, error: &io::Error) -> PluginError {
        PluginError::NotWritten { path: path.to_owned(), problem: error.to_string() }
    }
}
