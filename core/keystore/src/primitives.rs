//! What scripts can call in the namespace `environment`.

use ceralacca_identity::Account;
use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{Document, SecretRef};

use crate::certificate_details::CertificateDetails;
use crate::environment_handle::{self as handle, Environment, KeyFingerprints, KeyOptions};

ceralacca_kernel::primitives! {
    /// The security environment: a folder with the keys and certificates of an account.
    namespace environment;

    /// Prepares a folder for new keys, which `password` will protect. The folder above it must be
    /// there. A folder that holds something is first set aside under a dated name; one that holds
    /// keys of an open request is refused.
    ///
    /// ```rhai
    /// let env = environment::create("Ambiente_sicurezza", prompt::choose_secret("password"));
    /// ```
    function create(folder: String, password: SecretRef) -> Environment
        [since "0.1.0", recorded, touches(Writes)] = handle::create;

    /// Opens an environment to see that the password is right. It is tried as typed, then in upper
    /// case.
    ///
    /// ```rhai
    /// let env = environment::open("Ambiente_sicurezza", prompt::secret("password_esistente"));
    /// ```
    function open(folder: String, password: SecretRef) -> Environment
        [since "0.1.0", recorded, touches(Reads)] = handle::open;

    /// Generates the two key pairs into the folder, encrypted, and tells their fingerprints. When
    /// they are there from an interrupted call, they are kept.
    ///
    /// ```rhai
    /// env.generate_keys(#{ signing: "rsa-4096", encryption: "rsa-4096" });
    /// ```
    method generate_keys(env: Environment, options: Option<KeyOptions>) -> KeyFingerprints
        [since "0.1.0", recorded, touches(Reads, Writes)] = handle::generate_keys;

    /// Makes `req.ccc`, the request for the two certificates, sealed for the first of the CA
    /// certificates, and puts it into `da inviare` of the document archive. The pincode never
    /// travels; the PIN di revoca travels sealed.
    ///
    /// ```rhai
    /// let request = env.certificate_request(account, pincode, pin, agency::ca_certificates());
    /// ```
    method certificate_request(
        env: Environment,
        account: Account,
        pincode: SecretRef,
        pin_di_revoca: SecretRef,
        ca: Vec<Bytes>,
    ) -> Document
        [since "0.1.0", recorded, touches(Reads, Writes, Signs)] = handle::certificate_request;

    /// The Riepilogo of the request: pairs of label and text, without secrets.
    ///
    /// ```rhai
    /// prompt::summary("Riepilogo della richiesta", env.request_summary());
    /// ```
    method request_summary(env: Environment) -> Vec<(String, String)>
        [since "0.1.0", recorded, touches(Reads)] = handle::request_summary;

    /// Imports CERTIF.IN: checks that it certifies the pending keys, and writes UTEF.P12, UTEC.P12
    /// and, last, UTENTE.KS.
    ///
    /// ```rhai
    /// env.import_certificates(receipt.attachment("CERTIF.IN"));
    /// ```
    method import_certificates(env: Environment, certif_in: Bytes) -> ()
        [since "0.1.0", recorded, touches(Reads, Writes, Signs)] = handle::import_certificates;

    /// Copies UTEF.P12, UTEC.P12 and UTENTE.KS to another folder, and overwrites nothing there.
    ///
    /// ```rhai
    /// env.copy_to("/media/copia/Ambiente_sicurezza");
    /// ```
    method copy_to(env: Environment, backup: String) -> ()
        [since "0.1.0", recorded, touches(Reads, Writes)] = handle::copy_to;

    /// Where the environment is.
    ///
    /// ```rhai
    /// let folder = env.folder;
    /// ```
    property folder(env: Environment) -> String
        [since "0.1.0", pure, touches()] = handle::folder;

    /// When the first of its certificates ends: `2029-03-14T09:12:44Z`.
    ///
    /// ```rhai
    /// let expires = env.expires;
    /// ```
    property expires(env: Environment) -> String
        [since "0.1.0", recorded, touches(Reads)] = handle::expires;

    /// Its certificates, as the guide's table shows them, with all details.
    ///
    /// ```rhai
    /// let certificates = env.certificates;
    /// ```
    property certificates(env: Environment) -> Vec<CertificateDetails>
        [since "0.1.0", recorded, touches(Reads)] = handle::certificates;
}
