//! Who acts: codice fiscale, sede and account, the rules of their secrets, the operator's prompts.
//!
//! What is parsed here cannot be wrong afterwards: a [`CodiceFiscale`] has its right check letter,
//! a [`Sede`] its three digits. The rules of the secrets are those of the Agency's guide on the
//! security environment; where it publishes none, the rule only keeps out what cannot be meant.

mod account;
mod codice_fiscale;
mod error;
mod explain;
mod primitives;
mod prompt;
mod prompt_primitives;
mod secrets;

pub use account::{Account, Sede, input_types};
pub use codice_fiscale::CodiceFiscale;
pub use error::IdentityError;
pub use primitives::namespace;
pub use prompt::{Lines, RIEPILOGHI, slug};
pub use prompt_primitives::namespace as prompt_namespace;
pub use secrets::secret_rules;
