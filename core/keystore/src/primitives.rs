//! What scripts can call in the namespace `keystore`.

use ceralacca_kernel::SecretRef;

use crate::signer::{self, SignerHandle};

ceralacca_kernel::primitives! {
    /// Keys of people, in files of their own or on devices: those that sign documents.
    namespace keystore;

    /// Opens a PKCS#12 file to sign with the key in it. Where it holds several keys that sign,
    /// `alias` says which.
    ///
    /// ```rhai
    /// let signer = keystore::open_pkcs12("responsabile.p12", prompt::secret("signer_password"));
    /// ```
    function open_pkcs12(path: String, password: SecretRef, alias: Option<String>) -> SignerHandle
        [since "0.2.0", recorded, touches(Reads)] = signer::open_pkcs12;

    /// Opens what signs: a PKCS#12 file, whose password it asks for as `signer_password`, or a key on
    /// a device that a plugin reaches, whose PIN the plugin asks for.
    ///
    /// ```rhai
    /// let signer = keystore::open_signer("responsabile.p12");
    /// ```
    function open_signer(signer: String, alias: Option<String>) -> SignerHandle
        [since "0.4.0", recorded, touches(Reads, Asks)] = signer::open_signer;

    /// Stops when the certificate is not valid now. Gives the signer back.
    ///
    /// ```rhai
    /// signer.require_valid_now();
    /// ```
    method require_valid_now(signer: SignerHandle) -> SignerHandle
        [since "0.2.0", recorded, touches(Reads)] = signer::require_valid_now;

    /// Who signs: the subject of the certificate.
    ///
    /// ```rhai
    /// let who = signer.subject;
    /// ```
    property subject(signer: SignerHandle) -> String
        [since "0.2.0", pure, touches()] = signer::subject;

    /// When the certificate ends: `2029-03-14T09:12:44Z`.
    ///
    /// ```rhai
    /// let expires = signer.expires;
    /// ```
    property expires(signer: SignerHandle) -> String
        [since "0.2.0", recorded, touches(Reads)] = signer::expires;
}
