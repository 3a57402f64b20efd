//! What scripts can call in the namespace `environment`.

use ceralacca_identity::Account;
use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{Document, SecretRef};
use ceralacca_keystore::CertificateDetails;

use crate::copy::Copied;
use crate::handle::{self as handle, Environment, KeyFingerprints, KeyOptions};
use crate::life;
use crate::ready::{self as ready, BeforeRevocation};
use crate::summary::EnvironmentSummary;

ceralacca_kernel::primitives! {
    /// The security environment: a folder with the keys and certificates of an account.
    namespace environment;

    /// Prepares a folder for new keys, which `password` will protect. The folder above it must be
    /// there. A folder that holds something is first set aside under a dated name; one that holds
    /// keys of an open request is refused, unless the Agency rejected that request (its folder is
    /// set aside with the reason, in `rifiuto.txt`), its run was given up before it sent it, or this
    /// run has revoked the environment (`messa-da-parte.txt` says so).
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

    /// Looks at an environment that is about to be revoked, and sees that a new one can be made in
    /// its folder: the medium is there and can be written, nothing is pending that is still of use,
    /// and it is the environment of `account`. With `lost` keys, nothing needs to be in it. Gives
    /// what `revoke` wants to know, and `lines` for the operator.
    ///
    /// ```rhai
    /// let old = environment::before_revocation("Ambiente_sicurezza", account);
    /// prompt::summary("Ambiente da revocare", old.lines);
    /// ```
    function before_revocation(folder: String, account: Account, lost: Option<bool>)
        -> BeforeRevocation
        [since "0.3.0", recorded, touches(Reads)] = ready::before_revocation;

    /// Stops unless the environment's certificates are those of `account`.
    ///
    /// ```rhai
    /// env.require_account(identity::account("RSSMRA85M01H501Q", "000"));
    /// ```
    method require_account(env: Environment, account: Account) -> ()
        [since "0.3.0", recorded, touches(Reads)] = ready::require_account_of;

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
    /// and, last, UTENTE.KS. Another run than the one that requested the certificates may do it.
    ///
    /// ```rhai
    /// env.import_certificates(receipt.attachment("CERTIF.IN"));
    /// ```
    method import_certificates(env: Environment, certif_in: Bytes) -> ()
        [since "0.1.0", recorded, touches(Reads, Writes, Signs)] = handle::import_certificates;

    /// Copies UTEF.P12, UTEC.P12 and UTENTE.KS to another folder, overwrites nothing there, and
    /// sees that the copy opens to the same keys. Environments that were set aside are not copied:
    /// `note` names them, and says when the copy is on the same disk.
    ///
    /// ```rhai
    /// env.copy_to("/media/copia/Ambiente_sicurezza");
    /// ```
    method copy_to(env: Environment, backup: String) -> Copied
        [since "0.1.0", recorded, touches(Reads, Writes)] = handle::copy_to;

    /// The environments over time: the one in `folder`, and those set aside beside it under dated
    /// names, newest first, with state, certificates and their validity. No password is needed. A
    /// `folder` that is not there is refused.
    ///
    /// ```rhai
    /// let environments = environment::list("Ambiente_sicurezza");
    /// ```
    function list(folder: String) -> Vec<EnvironmentSummary>
        [since "0.3.0", recorded, touches(Reads)] = life::list;

    /// The environment whose keys wait for their certificates, whichever run made them.
    ///
    /// ```rhai
    /// let env = environment::pending("Ambiente_sicurezza", prompt::secret("password_esistente"));
    /// ```
    function pending(folder: String, password: SecretRef) -> Environment
        [since "0.3.0", recorded, touches(Reads)] = life::pending;

    /// Reads a CERTIF.IN that somebody saved. A file of another format is refused with its digest,
    /// its length and what it looks like.
    ///
    /// ```rhai
    /// let certif_in = environment::read_certif_in("Documenti/ricezione/CERTIF.IN");
    /// ```
    function read_certif_in(path: String) -> Bytes
        [since "0.3.0", recorded, touches(Reads)] = life::read_certif_in;

    /// Changes the password: writes UTEF.P12, UTEC.P12 and UTENTE.KS anew, one after the other. At
    /// every moment each opens with the old or with the new password. From then on, use the handle
    /// that it returns.
    ///
    /// ```rhai
    /// let env = env.change_password(prompt::choose_secret("password"));
    /// ```
    method change_password(env: Environment, new_password: SecretRef) -> Environment
        [since "0.3.0", recorded, touches(Reads, Writes, Signs)] = life::change_password;

    /// Changes the password, and finishes a change that another run has begun and will not finish,
    /// with the same two passwords: such an environment does not open until then.
    ///
    /// ```rhai
    /// let env = environment::finish_password_change(
    ///     "Ambiente_sicurezza", prompt::secret("password_esistente"), prompt::secret("password"));
    /// ```
    function finish_password_change(
        folder: String,
        old_password: SecretRef,
        new_password: SecretRef,
    ) -> Environment
        [since "0.3.0", recorded, touches(Reads, Writes, Signs)] = life::finish_password_change;

    /// Writes the recovery sheet into `riepiloghi` of the document archive, to be printed and kept:
    /// what is needed to revoke, without the PIN di revoca. Says where it is.
    ///
    /// ```rhai
    /// let sheet = env.recovery_sheet("12345678901");
    /// ```
    method recovery_sheet(env: Environment, numero_busta: Option<String>) -> String
        [since "0.3.0", recorded, touches(Reads, Writes)] = life::recovery_sheet;

    /// Where the environment is.
    ///
    /// ```rhai
    /// let folder = env.folder;
    /// ```
    property folder(env: Environment) -> String
        [since "0.1.0", pure, touches()] = handle::folder;

    /// Whose environment it is, by its certificates: codice fiscale and sede.
    ///
    /// ```rhai
    /// let account = env.account;
    /// ```
    property account(env: Environment) -> Account
        [since "0.3.0", recorded, touches(Reads)] = handle::account;

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
