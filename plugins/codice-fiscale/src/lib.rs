//! Plugin: what a codice fiscale says, and whether it goes with a name.
//!
//! The smallest useful plugin, and the one to copy: primitives that only compute, a check of
//! communications, errors with their own words. It needs no settings, no secrets and no capability.

mod codice;
mod control;
mod error;
mod name;
mod primitives;

use ceralacca_plugin_sdk::{Call, Error, Manifest, Namespace, Plugin, Value, about, export_plugin};

pub use codice::{Codice, NatoIl, Persona, Sesso};
pub use error::CodiceError;

/// The plugin. It keeps nothing from one call to the next.
pub struct CodiceFiscale;

impl Plugin for CodiceFiscale {
    fn manifest() -> Manifest {
        about!("codice-fiscale", "What a codice fiscale says, and whether it goes with a name")
            .check()
            .build()
    }

    fn namespaces() -> Vec<Namespace> {
        vec![primitives::namespace()]
    }

    fn create(_settings: Value) -> Result<CodiceFiscale, Error> {
        Ok(CodiceFiscale)
    }

    fn seam(
        &self,
        _call: &mut Call<'_>,
        operation: &str,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        match operation {
            "check/control" => control::control(arguments),
            other => Err(CodiceError::NoOperation { operation: other.to_owned() }.into()),
        }
    }
}

export_plugin!(CodiceFiscale);

/// Gives a codice fiscale in capitals, or stops.
pub fn check(_call: &mut Call<'_>, text: String) -> Result<String, Error> {
    Ok(Codice::parse(&text)?.to_string())
}

/// What a person's codice fiscale says.
pub fn describe(_call: &mut Call<'_>, codice: String) -> Result<Persona, Error> {
    Ok(Codice::parse(&codice)?.persona()?)
}

/// Whether a codice fiscale is made of this name.
pub fn matches(
    _call: &mut Call<'_>,
    codice: String,
    cognome: String,
    nome: String,
) -> Result<bool, Error> {
    Ok(name::goes_with(&Codice::parse(&codice)?, &cognome, &nome)?)
}
