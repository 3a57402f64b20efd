//! The environment as scripts hold it: a handle, and the code behind its primitives.

use std::path::{Path, PathBuf};

use ceralacca_identity::Account;
use ceralacca_kernel::typed::{Bytes, HandleKind};
use ceralacca_kernel::{Call, Document, DocumentId, Error, Folders, SecretRef};
use ceralacca_keystore::cmc::CmcProfile;
use ceralacca_keystore::request_profile::Nonces;
use ceralacca_keystore::{Certificate, CertificateDetails, KeystoreError, Policy, disk};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::copy::Copied;
use crate::error::EnvironmentError;
use crate::folder::{EnvironmentFolder, REQUEST_NAME, RequestDetails};
use crate::open::{OpenEnvironment, PasswordForm};
use crate::pending::Owner;
use crate::ready::require_medium;
use crate::request_outcome::RequestOutcomes;
use crate::seen::EnvironmentSeen;

/// A handle to a security environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:environment")]
pub struct Environment(pub EnvironmentId);

impl HandleKind for Environment {
    const KIND: &'static str = "environment";
}

/// What an [`Environment`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentId {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// What protects its keys.
    pub password: SecretRef,
}

/// Which keys to generate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyOptions {
    /// The signature key pair.
    #[serde(default)]
    pub signing: KeyAlgorithm,
    /// The cipher key pair.
    #[serde(default)]
    pub encryption: KeyAlgorithm,
}

/// A kind of key: the Agency accepts one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// RSA with 4096 bits.
    #[default]
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

/// SHA-256 of the public keys (SubjectPublicKeyInfo), hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyFingerprints {
    /// The signature key.
    pub firma: String,
    /// The cipher key.
    pub cifra: String,
}

impl Environment {
    pub(crate) fn folder(&self) -> EnvironmentFolder {
        EnvironmentFolder::at(&self.0.folder)
    }
}

pub(crate) fn create(
    call: &mut Call<'_>,
    folder: String,
    password: SecretRef,
) -> Result<Environment, Error> {
    let environment = EnvironmentFolder::at(located(call, &folder)?);
    // Asked here, so that nothing is set aside for a password that is never given.
    call.secret(&password)?;
    require_medium(call, environment.path())?;
    // Without a register nobody knows: the request may be with the Agency.
    let known = call.service::<RequestOutcomes>().ok();
    let unknown = RequestOutcomes::unknown();
    let known = known.as_deref().unwrap_or(&unknown);
    if let Some(aside) = environment.create(&owner(call), call.now(), known)? {
        call.progress(&format!("what was in {folder} is now in {}", aside.display()));
    }
    let folder = environment.path().to_owned();
    Ok(Environment(EnvironmentId { folder, password }))
}

pub(crate) fn open(
    call: &mut Call<'_>,
    folder: String,
    password: SecretRef,
) -> Result<Environment, Error> {
    let environment = EnvironmentFolder::at(located(call, &folder)?);
    let open = environment.open(&call.secret(&password)?)?;
    if open.password_form == PasswordForm::UpperCase {
        call.progress("the password was accepted in upper case");
    }
    remember(call, environment.path(), &open);
    let folder = environment.path().to_owned();
    Ok(Environment(EnvironmentId { folder, password }))
}

pub(crate) fn generate_keys(
    call: &mut Call<'_>,
    env: Environment,
    _: Option<KeyOptions>,
) -> Result<KeyFingerprints, Error> {
    let password = call.secret(&env.0.password)?;
    call.progress("generating two RSA-4096 key pairs");
    let keys = env.folder().generate_keys(&owner(call), &password)?;
    Ok(KeyFingerprints { firma: keys.firma.fingerprint(), cifra: keys.cifra.fingerprint() })
}

pub(crate) fn certificate_request(
    call: &mut Call<'_>,
    env: Environment,
    account: Account,
    pincode: SecretRef,
    pin_di_revoca: SecretRef,
    ca: Vec<Bytes>,
) -> Result<Document, Error> {
    let environment = env.folder();
    let folder = waiting_folder(&call.service::<Folders>()?.documents, call)?;
    let request = match environment.saved_request(&folder, call.idempotency_key()) {
        // Made by this call before it was interrupted: the same file again.
        Some(request) => request,
        None => {
            let (pincode, pin_di_revoca) = (call.secret(&pincode)?, call.secret(&pin_di_revoca)?);
            let authorities = ca
                .iter()
                .map(|bytes| Certificate::from_der(&bytes.0))
                .collect::<Result<Vec<_>, _>>()?;
            let details = RequestDetails {
                common_name: &account.common_name(),
                pincode: &pincode,
                pin_di_revoca: &pin_di_revoca,
                authorities: &authorities,
                nonces: Nonces::random(),
                call: call.idempotency_key(),
            };
            let password = call.secret(&env.0.password)?;
            environment.request(&owner(call), &password, &CmcProfile, &details)?
        }
    };
    let path = environment.save_request(&folder, &request, call.now())?;
    let keys = environment.pending().marker()?.and_then(|marker| marker.fingerprints);
    Ok(Document(DocumentId {
        name: REQUEST_NAME.to_owned(),
        tipo_documento: TIPO_DOCUMENTO.to_owned(),
        path,
        sha256: hex::encode(Sha256::digest(&request)),
        keys: keys.map_or_else(Vec::new, |(firma, cifra)| vec![firma, cifra]),
    }))
}

pub(crate) fn request_summary(
    _: &mut Call<'_>,
    env: Environment,
) -> Result<Vec<(String, String)>, Error> {
    Ok(env.folder().request_summary()?)
}

pub(crate) fn import_certificates(
    call: &mut Call<'_>,
    env: Environment,
    certif_in: Bytes,
) -> Result<(), Error> {
    let password = call.secret(&env.0.password)?;
    let at = call.now();
    env.folder().import_certificates(&owner(call), &password, &certif_in.0, at)?;
    if let Ok(open) = env.folder().open(&password) {
        remember(call, &env.0.folder, &open);
    }
    Ok(())
}

/// Writes down what the environment is, so that it can be missed; a script has no use for it.
pub(crate) fn remember(call: &Call<'_>, folder: &Path, open: &OpenEnvironment) {
    if let Ok(folders) = call.service::<Folders>() {
        let pair = [open.firma.certificate(), open.cifra.certificate()];
        EnvironmentSeen::remember(&folders.state, folder, &pair, call.now());
    }
}

pub(crate) fn copy_to(
    call: &mut Call<'_>,
    env: Environment,
    backup: String,
) -> Result<Copied, Error> {
    let (password, backup) = (call.secret(&env.0.password)?, located(call, &backup)?);
    require_medium(call, &backup)?;
    env.folder().copy_to(&backup, &password)?;
    let copied = env.folder().copied(&backup);
    if copied.other_disk == Some(false) {
        call.progress("the copy is on the same disk as the environment");
    }
    Ok(copied)
}

pub(crate) fn folder(_: &mut Call<'_>, env: Environment) -> Result<String, Error> {
    Ok(env.0.folder.display().to_string())
}

pub(crate) fn account(call: &mut Call<'_>, env: Environment) -> Result<Account, Error> {
    let certificates = stored_certificates(call, &env)?;
    let name = certificates.first().map(Certificate::common_name).unwrap_or_default();
    Ok(Account::parse_joined(&name)?)
}

pub(crate) fn expires(call: &mut Call<'_>, env: Environment) -> Result<String, Error> {
    let certificates = stored_certificates(call, &env)?;
    let first = certificates.iter().map(Certificate::not_after).min();
    Ok(first.map(|end| end.to_string()).unwrap_or_default())
}

pub(crate) fn certificates(
    call: &mut Call<'_>,
    env: Environment,
) -> Result<Vec<CertificateDetails>, Error> {
    let at = call.now();
    let certificates = stored_certificates(call, &env)?;
    let own = call.service::<Policy>().ok();
    let policy = own.as_deref().unwrap_or(Policy::embedded());
    Ok(certificates.iter().map(|one| CertificateDetails::under(one, at, policy)).collect())
}

/// From UTENTE.KS without asking for the password, unless it is of a kind that needs it.
pub(crate) fn stored_certificates(
    call: &Call<'_>,
    env: &Environment,
) -> Result<Vec<Certificate>, Error> {
    match env.folder().certificates() {
        Err(EnvironmentError::Keystore(KeystoreError::UnsupportedAlgorithm { .. })) => {
            let open = env.folder().open(&call.secret(&env.0.password)?)?;
            Ok(vec![open.firma.certificate().clone(), open.cifra.certificate().clone()])
        }
        other => Ok(other?),
    }
}

/// `da inviare/<run>` of the document archive, in whatever case it is written.
fn waiting_folder(documents: &Path, call: &Call<'_>) -> Result<PathBuf, KeystoreError> {
    let state = "the keys are in in-attesa; req.ccc is not written; nothing was sent";
    disk::create_folder(documents, state)?;
    let found =
        disk::find(documents, DA_INVIARE).map_err(disk::refused("reading", documents, state))?;
    let da_inviare = found.unwrap_or_else(|| documents.join(DA_INVIARE));
    disk::create_folder(&da_inviare, state)?;
    let folder = da_inviare.join(call.run().to_string());
    disk::create_folder(&folder, state)?;
    Ok(folder)
}

pub(crate) fn owner(call: &Call<'_>) -> Owner {
    Owner { id: call.run_key().to_owned(), run: call.run().to_string() }
}

/// The folder or file that a script means.
pub(crate) fn located(call: &Call<'_>, path: &str) -> Result<PathBuf, KeystoreError> {
    let path = Path::new(path);
    call.located(path).map_err(disk::refused("looking for", path, "nothing was changed"))
}

/// The Agency's type of document for the request.
const TIPO_DOCUMENTO: &str = "PKS10";
const DA_INVIARE: &str = "da inviare";
