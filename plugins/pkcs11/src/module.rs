//! The PKCS#11 library of a token's maker: loaded and initialised once.

use std::path::Path;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::Session;
use cryptoki::slot::Slot;

use crate::error::TokenError;
use crate::rv;
use crate::signing_key::Scheme;
use crate::token::Token;

/// An initialised library.
pub(crate) struct Module {
    functions: Pkcs11,
    /// Whether this is who initialised it, and not somebody else in the process.
    ours: bool,
}

impl Module {
    /// Loads and initialises the library at `path`.
    pub(crate) fn load(path: &str) -> Result<Module, TokenError> {
        let unusable = |problem: String| TokenError::Module { module: path.to_owned(), problem };
        // A bare name would be looked for in places that the settings do not show.
        if !Path::new(path).is_absolute() {
            return Err(unusable("it is not an absolute path".to_owned()));
        }
        let functions = Pkcs11::new(path).map_err(|error| unusable(rv::said(&error)))?;
        let locking = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        let ours = match functions.initialize(locking) {
            Ok(()) => true,
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => false,
            Err(error) => return Err(unusable(rv::said(&error))),
        };
        Ok(Module { functions, ours })
    }

    /// The tokens that are there now. One that cannot be read is as good as not there.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        let slots = self.functions.get_slots_with_token().unwrap_or_default();
        slots.into_iter().filter_map(|slot| self.token(slot)).collect()
    }

    /// The token in a slot.
    pub(crate) fn token(&self, slot: Slot) -> Option<Token> {
        let info = self.functions.get_token_info(slot).ok()?;
        info.token_initialized().then(|| Token::new(slot, &info))
    }

    /// A session that only reads.
    pub(crate) fn session(&self, slot: Slot) -> Result<Session, Error> {
        self.functions.open_ro_session(slot)
    }

    /// How the token makes RSA signatures with SHA-256.
    pub(crate) fn scheme(&self, slot: Slot) -> Result<Option<Scheme>, Error> {
        let mechanisms = self.functions.get_mechanism_list(slot)?;
        Ok(if mechanisms.contains(&MechanismType::SHA256_RSA_PKCS) {
            Some(Scheme::WholeMessage)
        } else {
            mechanisms.contains(&MechanismType::RSA_PKCS).then_some(Scheme::DigestInfo)
        })
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        if self.ours {
            // The library has nobody left to tell.
            let _ = self.functions.clone().finalize();
        }
    }
}
