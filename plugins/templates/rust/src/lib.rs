//! Plugin `{{name}}`: greets whoever is named.

mod error;
mod primitives;

use ceralacca_plugin_sdk::{Call, Error, Manifest, Namespace, Plugin, Value, about, export_plugin};
use error::GreetingError;

/// The plugin. What it keeps from one call to the next goes here.
pub struct ThisPlugin;

impl Plugin for ThisPlugin {
    fn manifest() -> Manifest {
        about!("{{name}}", "Greets whoever is named").build()
    }

    fn namespaces() -> Vec<Namespace> {
        vec![primitives::namespace()]
    }

    fn create(_settings: Value) -> Result<ThisPlugin, Error> {
        Ok(ThisPlugin)
    }
}

export_plugin!(ThisPlugin);

/// Greets somebody.
pub fn greet(call: &mut Call<'_>, name: String) -> Result<String, Error> {
    if name.trim().is_empty() {
        return Err(GreetingError::Nobody.into());
    }
    call.progress("greeting");
    Ok(format!("Buongiorno, {}!", name.trim()))
}
