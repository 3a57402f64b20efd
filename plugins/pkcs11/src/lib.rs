//! Plugin: signs with a smart card, a token or an HSM, through the PKCS#11 library of its maker.
//!
//! A key is named by a PKCS#11 URI (RFC 7512), such as `pkcs11:serial=…;id=%01`, and never leaves
//! the token. Only RSA keys sign: the formats of the Agency know no others.
//!
//! ```toml
//! [plugins.pkcs11]
//! read = ["/etc/softhsm"]          # what the library itself reads and writes
//! write = ["/var/lib/softhsm"]
//!
//! [plugins.pkcs11.settings]
//! module = "/usr/lib/softhsm/libsofthsm2.so"
//! ```

mod certificate;
mod devices;
mod error;
mod explain;
mod module;
mod owner;
mod plugin;
mod primitives;
mod rv;
mod signing_key;
mod token;
mod uri;

pub use certificate::CertificateDetails;
pub use error::{Attempts, TokenError, TokenName};
pub use owner::{Opened, Operator, Owner, SignerId};
pub use plugin::{Pkcs11, SECRET};
pub use token::{TokenDetails, TokenState};
pub use uri::KeyUri;
