//! What can be typed after `ceralacca plugin`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  ceralacca plugin install libpkcs11.so          copies it here, shows what it asks for, pins it
  ceralacca plugin list
  ceralacca plugin new saluti --rust --sdk ../ceralacca/plugins/sdk")]
pub(crate) enum Plugin {
    /// Copy a plugin into this workspace and pin library and manifest in plugins.lock.
    Install(Install),
    /// The plugins of this workspace and of the user, their state, and how they are confined.
    List,
    /// Take a plugin out of this workspace.
    Remove {
        /// Its name.
        name: String,
    },
    /// Pin anew what is there, after the vendor was asked: all plugins, or those named.
    Lock {
        /// Their names.
        names: Vec<String>,
    },
    /// Begin a plugin: a folder with a skeleton that builds and passes `plugin check`.
    New(New),
    /// The conformance kit: loads a library in a worker and asks it everything the contract says.
    Check {
        /// The library; its manifest is beside it.
        library: PathBuf,
    },
    /// Print the manifest that a library describes itself with: redirect it to NAME.json.
    Manifest {
        /// The library.
        library: PathBuf,
    },
    /// Call one primitive of a library that is not installed.
    Call(Call),
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The library; its manifest, NAME.json, is beside it.
    pub(crate) library: PathBuf,

    /// Install what it asks for without asking.
    #[arg(long)]
    pub(crate) approve: bool,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Its name: lower case letters, digits and hyphens.
    pub(crate) name: String,

    /// A skeleton in Rust, on the SDK.
    #[arg(long, conflicts_with = "c", required_unless_present = "c", requires = "sdk")]
    pub(crate) rust: bool,

    /// A skeleton in C99, on the header alone.
    #[arg(long)]
    pub(crate) c: bool,

    /// Where the SDK is: the folder plugins/sdk of a copy of ceralacca.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) sdk: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  ceralacca plugin call target/debug/libsaluti.so saluti::hello '\"Mario\"'")]
pub(crate) struct Call {
    /// The library; its manifest is beside it.
    pub(crate) library: PathBuf,

    /// namespace::name
    pub(crate) primitive: String,

    /// The arguments, each in JSON.
    pub(crate) arguments: Vec<String>,
}
