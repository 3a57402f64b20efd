//! What scripts can call in the namespace `agency`.

use ceralacca_environment::Environment;
use ceralacca_identity::Account;
use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{Document, SecretRef};

use crate::{
    Busta, Collected, OpenOptions, OpenedReceipt, Portal, Receipt, ReceiptOptions, Revoca,
    RevocaOptions, Submission,
};

ceralacca_kernel::primitives! {
    /// The way to the Agency: send a document once, wait for its receipt, fetch what belongs to it.
    namespace agency;

    /// The certificates of the CA to which requests are sealed, DER. Where the settings pin a
    /// fingerprint, only the certificate that it names.
    ///
    /// ```rhai
    /// let ca = agency::ca_certificates();
    /// ```
    function ca_certificates() -> Vec<Bytes>
        [since "0.1.0", recorded, touches(Fetches)] = crate::ca::ca_certificates;

    /// The portal, for oneself or, as an incaricato, for another subject. Its keys (password and
    /// Codice Pin) are asked for when they are needed, and not at all where a person goes to the
    /// portal; then `utente` may be left out.
    ///
    /// ```rhai
    /// let portal = agency::portal("RSSMRA85M01H501Q");
    /// ```
    function portal(utente: Option<String>, on_behalf_of: Option<Account>) -> Portal
        [since "0.3.0", pure, touches()] = crate::portal::portal;

    /// Access with keys that the script asks for itself, for oneself or, as an incaricato, for
    /// another subject. Nothing is sent yet.
    ///
    /// ```rhai
    /// let password = prompt::secret("portal_password");
    /// let portal = agency::access("RSSMRA85M01H501Q", password, prompt::secret("codice_pin"));
    /// ```
    function access(
        utente: String, password: SecretRef, codice_pin: SecretRef, on_behalf_of: Option<Account>,
    ) -> Portal
        [since "0.1.0", pure, touches()] = crate::portal::access;

    /// Seals a checked document for the Agency: signed with the environment's signature key, then
    /// enveloped for the CA that issued the environment. The result is the `.ccf` to submit, in
    /// `firmati/<run>/` of the document archive. At most 3 MB, for a checked file (`.dcm`) 5 MB.
    ///
    /// ```rhai
    /// let sealed = env.seal(checked.document, agency::ca_certificates());
    /// ```
    method seal(env: Environment, document: Document, ca: Vec<Bytes>) -> Document
        [since "0.2.0", recorded, touches(Reads, Writes, Signs)] = crate::seal::seal;

    /// Sends a document, once: what happens to this process meanwhile, the Agency gets it one time.
    ///
    /// ```rhai
    /// let submission = portal.submit(request);
    /// ```
    method submit(portal: Portal, document: Document) -> Submission
        [since "0.1.0", once(crate::submit::reconcile), touches(Sends, Reads, Writes)]
        = crate::submit::submit;

    /// Waits for the receipt until the Agency has processed the document; `timeout` as in `"2h"` or
    /// `"30m"`. The run is suspended when the operator's patience ends first.
    ///
    /// ```rhai
    /// let receipt = submission.wait("2h");
    /// ```
    method wait(submission: Submission, timeout: String) -> Receipt
        [since "0.1.0", wait, touches(Fetches, Reads, Writes)] = crate::receipt::wait;

    /// Stops unless the document was accepted; the error has the Agency's code and text. Gives the
    /// receipt back. Where the answer came sealed it has to be opened first.
    ///
    /// ```rhai
    /// receipt.require_accepted();
    /// ```
    method require_accepted(receipt: Receipt) -> Receipt
        [since "0.1.0", recorded, touches(Reads)] = crate::receipt::require_accepted;

    /// A file that belongs to the receipt, checked against its digest and saved in
    /// `ricezione/<protocollo>/` of the document archive.
    ///
    /// ```rhai
    /// let answer = receipt.attachment("CERTIF.IN");
    /// ```
    method attachment(receipt: Receipt, name: String) -> Bytes
        [since "0.1.0", recorded, touches(Fetches, Writes)] = crate::receipt::attachment;

    /// Opens the sealed receipt (`.rcc`) with the environment's cipher key, for accepted and
    /// rejected documents alike: decrypts it, verifies the Agency's signature and that it is about
    /// what was sent, and keeps it in `ricevute/<protocollo>/`: `.p7m` signed, `.rel` the text. A
    /// receipt for an environment that was set aside opens with the key of that one.
    ///
    /// ```rhai
    /// let opened = receipt.open(env);
    /// let number = opened.protocollo;
    /// ```
    method open(receipt: Receipt, env: Environment) -> OpenedReceipt
        [since "0.2.0", recorded, touches(Fetches, Reads, Writes)] = crate::sealed_receipt::open;

    /// The receipts of *Ricerca ricevute*, newest first, by its filters: `protocollo`, `dal` and
    /// `al` (days of sending), `tipo_documento`; `unread: true` gives those that are sealed and
    /// are not open here, also where what was opened is lost or changed. Each row is kept in `ricezione/<protocollo>/ricevuta.json`.
    ///
    /// ```rhai
    /// let unread = portal.receipts(#{ unread: true });
    /// ```
    method receipts(portal: Portal, filter: Option<ReceiptOptions>) -> Vec<Receipt>
        [since "0.3.0", recorded, touches(Fetches, Reads, Writes)]
        = crate::receipt_list::receipts;

    /// Opens any number of sealed receipts, as `open` does. One that does not open stops none of
    /// the others: it is listed in `not_opened` with the reason; with `require_all: true` the error
    /// names each, once the others are open and kept. What did not open before is tried again when
    /// an environment was added or changed, or with `again: true`; until then it is only listed,
    /// in `not_openable`.
    ///
    /// ```rhai
    /// let collected = agency::open_receipts(portal.receipts(#{ unread: true }), env);
    /// ```
    function open_receipts(
        receipts: Vec<Receipt>, env: Environment, options: Option<OpenOptions>,
    ) -> Collected
        [since "0.3.0", recorded, touches(Fetches, Reads, Writes)]
        = crate::open_receipts::open_receipts;

    /// Stops when a receipt could not be opened; the error names each. Gives back its argument.
    ///
    /// ```rhai
    /// agency::require_all_opened(agency::open_receipts(receipts, env));
    /// ```
    function require_all_opened(collected: Collected) -> Collected
        [since "0.3.0", pure, touches()] = crate::open_receipts::require_all_opened;

    /// Asks for the environment to be revoked, once. It is refused while receipts that only its
    /// cipher key opens are unread; with `chiave_persa: true` (the keys are lost) it says which can
    /// never be opened. The PIN di revoca is asked for when it is needed, and not at all where a
    /// person types it at the portal; with `pin_perso: true` the error names the only way left. What
    /// `environment::before_revocation` has found, as `environment`, is looked at again. It is
    /// refused when a later run has asked for the same busta, or an earlier one is still asking.
    ///
    /// ```rhai
    /// let old = environment::before_revocation("Ambiente_sicurezza", account);
    /// let revoca = portal.revoke(#{ numero: "12345678" }, #{ environment: old });
    /// ```
    method revoke(portal: Portal, busta: Busta, options: Option<RevocaOptions>) -> Revoca
        [since "0.3.0", once(crate::revocation::reconcile),
         touches(Sends, Fetches, Reads, Writes)]
        = crate::revocation::revoke;

    /// Waits until the revocation is in force; `timeout` as in `wait`.
    ///
    /// ```rhai
    /// revoca.wait_in_force("2d");
    /// ```
    method wait_in_force(revoca: Revoca, timeout: String) -> Revoca
        [since "0.3.0", wait, touches(Fetches, Reads, Writes)]
        = crate::revocation::wait_in_force;

    /// When the revocation was asked for, RFC 3339.
    ///
    /// ```rhai
    /// let since = revoca.requested_at;
    /// ```
    property requested_at(revoca: Revoca) -> String
        [since "0.3.0", pure, touches()] = crate::revocation::requested_at;

    /// The number of the submission, 17 digits.
    ///
    /// ```rhai
    /// let number = receipt.protocollo;
    /// ```
    property protocollo(receipt: Receipt) -> String
        [since "0.1.0", pure, touches()] = crate::receipt::protocollo;

    /// `ELABORATO`, `SCARTATO`, or `ANNULLATO` when a later document took its place.
    ///
    /// ```rhai
    /// let stato = receipt.stato;
    /// ```
    property stato(receipt: Receipt) -> String
        [since "0.1.0", pure, touches()] = crate::receipt::stato;
}
