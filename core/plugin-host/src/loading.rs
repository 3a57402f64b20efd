//! From a library to a connection, and the wording for what is in the way.

use std::path::Path;

use ceralacca_kernel::Error;
use ceralacca_plugin_abi as abi;

use crate::connection::Operation;
use crate::describe::nobody;
use crate::error::{Outside, PluginError};
use crate::image::{Image, ImageError};
use crate::library::Unloadable;
use crate::process::ConnectError;
use crate::reply::{self, Asked, Reply, cleaned};

/// The library's bytes, which are those that were locked.
pub(crate) fn image(plugin: &str, library: &Path, sha256: &str) -> Result<Image, Error> {
    Image::read(library, sha256).map_err(|error| unusable(plugin, library, error))
}

/// The wording for a library that cannot be taken into memory.
pub(crate) fn unusable(plugin: &str, library: &Path, error: ImageError) -> Error {
    let file = library.to_owned();
    match error {
        ImageError::Changed { expected, found } => {
            PluginError::Changed { plugin: plugin.to_owned(), file, expected, found }.into()
        }
        ImageError::Unreadable { problem } => {
            PluginError::Unreadable { path: file, problem }.into()
        }
        ImageError::TooLarge { bytes } => {
            let problem = format!("{bytes} bytes are more than a library may have");
            PluginError::Unreadable { path: file, problem }.into()
        }
    }
}

/// The wording for a library that does not become a plugin: its own when `create` gave a reason.
pub(crate) fn not_loaded(name: &str, why: ConnectError) -> Error {
    let plugin = name.to_owned();
    let readable = |problem: &str| cleaned(problem, &[]);
    match why {
        ConnectError::Unloadable(Unloadable::WrongAbi { major, minor }) => {
            let built_for = format!("{major}.{minor}");
            let spoken = format!("{}.{}", abi::ABI_MAJOR, abi::ABI_MINOR);
            PluginError::WrongAbi { plugin, built_for, spoken }.into()
        }
        ConnectError::Unloadable(why) => own_reason(name, &why).unwrap_or_else(|| {
            let problem = readable(&why.to_string());
            PluginError::NotLoaded { plugin, problem }.into()
        }),
        ConnectError::Unconfined { problem } => {
            PluginError::Unconfined { plugin, problem: readable(&problem) }.into()
        }
        ConnectError::Unstarted { problem } => {
            PluginError::NotStarted { plugin, problem: readable(&problem) }.into()
        }
        ConnectError::Broken(why) => {
            let (call, outside) = (CREATE.to_owned(), Outside::Nothing);
            PluginError::Broken { plugin, call, outside, why }.into()
        }
    }
}

const CREATE: &str = "create";

/// What the plugin itself says of why it cannot be created.
fn own_reason(name: &str, why: &Unloadable) -> Option<Error> {
    let Unloadable::CreateFailed { reason: Some(answer), .. } = why else { return None };
    let manifest = nobody(name);
    let asked = Asked {
        manifest: &manifest,
        operation: Operation::Call,
        call: CREATE,
        effect: None,
        outside: Outside::Nothing,
    };
    match reply::read(&asked, answer, &[]) {
        Ok(Reply::Refused(error) | Reply::Unknown(error)) => Some(error),
        _ => None,
    }
}
