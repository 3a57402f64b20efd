//! What a plugin implements.

use ceralacca_kernel::manifest::{Manifest, WrittenNamespace};
use ceralacca_kernel::{Call, Error, Namespace, Services, Value, typed};
use serde::de::DeserializeOwned;

use crate::error::SdkError;

/// A plugin: what it says of itself, and how it is made ready.
pub trait Plugin: Sized + 'static {
    /// What it says of itself, as far as its namespaces do not say it: [`about!`](crate::about).
    fn manifest() -> Manifest;

    /// Its primitives, each from a [`primitives!`](crate::primitives).
    fn namespaces() -> Vec<Namespace>;

    /// Makes it ready, with `[plugins.NAME.settings]` of `ceralacca.toml`. Nothing outside is touched
    /// here: a plugin is also made ready only to say what it is.
    ///
    /// # Errors
    /// Whatever the settings lack. Every call then gives this error.
    fn create(settings: Value) -> Result<Self, Error>;

    /// What its primitives find with `call.service::<T>()`. Asked for once.
    fn services(&self) -> Services {
        Services::default()
    }

    /// An operation of a place where it stands in for the program, such as `signer/sign`, for those
    /// that its manifest names. `typed::from_value` and `typed::to_value` read and write what passes.
    ///
    /// # Errors
    /// Whatever stands against it. With `Exit::Unknown`, what it sent may have arrived.
    fn seam(
        &self,
        call: &mut Call<'_>,
        operation: &str,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let (_, _) = (call, arguments);
        Err(SdkError::NoSuchCall { plugin: Self::manifest().name, name: operation.to_owned() }
            .into())
    }
}

/// The whole manifest of a plugin, with its namespaces: what it replies when it is asked.
pub fn full_manifest<P: Plugin>() -> Manifest {
    let namespaces = P::namespaces().iter().map(WrittenNamespace::of).collect();
    Manifest { namespaces, ..P::manifest() }
}

/// Reads the settings of a plugin into a type of its own.
///
/// # Errors
/// `NAME.settings`, with the setting that does not fit.
pub fn read_settings<P: Plugin, T: DeserializeOwned>(settings: Value) -> Result<T, Error> {
    typed::from_value(settings).map_err(|mismatch| {
        SdkError::Settings { plugin: P::manifest().name, mismatch: mismatch.to_string() }.into()
    })
}
