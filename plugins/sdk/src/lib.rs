//! The safe Rust face of the plugin contract: a plugin declares its primitives as the core does.
//!
//! A plugin is a `cdylib` crate that depends on this crate alone. It declares its primitives with
//! [`primitives!`], implements [`Plugin`] and exports itself with [`export_plugin!`]:
//!
//! ```
//! use ceralacca_plugin_sdk::{
//!     Call, Error, Manifest, Namespace, Plugin, Value, about, export_plugin,
//! };
//!
//! pub struct Saluti;
//!
//! impl Plugin for Saluti {
//!     fn manifest() -> Manifest {
//!         about!("saluti", "Greets whoever is named").build()
//!     }
//!
//!     fn namespaces() -> Vec<Namespace> {
//!         vec![primitives::namespace()]
//!     }
//!
//!     fn create(_settings: Value) -> Result<Saluti, Error> {
//!         Ok(Saluti)
//!     }
//! }
//!
//! mod primitives {
//!     ceralacca_plugin_sdk::primitives! {
//!         /// Greetings.
//!         namespace saluti;
//!
//!         /// Greets somebody.
//!         ///
//!         /// ```rhai
//!         /// let text = saluti::greet("Ada");
//!         /// ```
//!         function greet(name: String) -> String
//!             [since "0.1.0", pure, touches()] = super::greet;
//!     }
//! }
//!
//! fn greet(_call: &mut Call<'_>, name: String) -> Result<String, Error> {
//!     Ok(format!("Buongiorno, {name}!"))
//! }
//!
//! export_plugin!(Saluti);
//! # fn main() {}
//! ```
//!
//! What a function is given, [`Call`], is that of the core: the time, the run, the idempotency key,
//! secrets and progress, each asked of the program. Errors are [`Error`]s, made from an enum of the
//! plugin through [`Explain`]; their codes begin with one of its namespaces and a dot.
//!
//! - State that lives from call to call: a [`Service`], given in [`Plugin::services`].
//! - Settings: what `[plugins.NAME.settings]` of `ceralacca.toml` holds, read by [`read_settings`].
//! - Secrets: named in the manifest, then `call.secret(&SecretRef("pin".into()))`.
//! - Places where a plugin stands in for the program (signer, agency, check): [`Plugin::seam`].
//! - Tests under the real program: [`harness`].
//!
//! A panic is caught at the border and becomes an error; a `once` call that panics has an unknown
//! outcome. The profile must not say `panic = "abort"`: then the worker process ends instead.
//!
//! The crate's version is its own; what counts between a plugin and a program is the ABI,
//! [`abi::ABI_MAJOR`] and [`abi::ABI_MINOR`]: a plugin built once runs on every later program of
//! the same major.

mod entry;
mod error;
pub mod harness;
mod host_side;
mod manifest_builder;
mod operator;
mod plugin;
mod seams;
mod serve;

pub use ceralacca_kernel::manifest::{
    self, AgencySeam, Capabilities, CheckSeam, Manifest, Seams, SignerSeam, WrittenSecret,
};
pub use ceralacca_kernel::typed::{self, Bytes, HandleKind};
pub use ceralacca_kernel::{
    Call, Document, DocumentId, Effect, Error, Exit, Explain, Form, Handle, Namespace, Primitive,
    Reconciled, Report, RunId, Secret, SecretRef, Service, Services, Sheet, Touch, Value, Waiting,
    cbor, primitives, schemars, serde,
};
pub use ceralacca_plugin_abi as abi;
pub use jiff::Timestamp;

pub use entry::entry;
pub use manifest_builder::ManifestBuilder;
pub use plugin::{Plugin, full_manifest, read_settings};

/// Begins the [`Manifest`] of a plugin: its name and one line on what it does; the version is the
/// crate's.
#[macro_export]
macro_rules! about {
    ($name:literal, $summary:literal) => {
        $crate::ManifestBuilder::new($name, env!("CARGO_PKG_VERSION"), $summary)
    };
}

/// Exports a [`Plugin`] under the name that the program looks for. Once per library.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        #[allow(
            unsafe_code,
            non_upper_case_globals,
            reason = "the contract gives the name, and a library exports it without its mangling"
        )]
        const _: () = {
            // SAFETY: no other item of the library has this name: the contract reserves it.
            #[unsafe(no_mangle)]
            static ceralacca_plugin_entry: $crate::abi::Entry = $crate::entry::<$plugin>();
        };
    };
}
