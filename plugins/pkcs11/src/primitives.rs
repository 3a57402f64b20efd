//! What scripts can ask of the tokens: all of it without a PIN.

use crate::certificate::CertificateDetails;
use crate::token::TokenDetails;

ceralacca_plugin_sdk::primitives! {
    /// Smart cards, tokens and HSMs. A key on one of them signs wherever a signer is asked for, by
    /// its name `pkcs11:serial=…;id=%01`.
    namespace pkcs11;

    /// The tokens that are there.
    ///
    /// ```rhai
    /// for token in pkcs11::tokens() {
    ///     print(`${token.label}: ${token.serial}, ${token.state}`);
    /// }
    /// ```
    function tokens() -> Vec<TokenDetails>
        [since "0.1.0", recorded, touches(Reads)] = crate::plugin::tokens;

    /// The certificates on the token with a serial number; `uri` is the name under which the key of
    /// each signs.
    ///
    /// ```rhai
    /// for certificate in pkcs11::certificates("0123456789abcdef") {
    ///     print(`${certificate.subject}: ${certificate.uri}`);
    /// }
    /// ```
    function certificates(serial: String) -> Vec<CertificateDetails>
        [since "0.1.0", recorded, touches(Reads)] = crate::plugin::certificates;
}
