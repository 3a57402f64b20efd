//! The code behind the primitives about an environment's life: list, import, password, recovery.

use std::path::Path;

use ceralacca_identity::RIEPILOGHI;
use ceralacca_kernel::typed::Bytes;
use ceralacca_kernel::{
    Call, Error, Folders, Secret, SecretRef, atomic_file, document_archive, regular_file,
};
use ceralacca_keystore::certif_in::CertifIn;
use ceralacca_keystore::{Policy, content_kind, disk};
use sha2::{Digest, Sha256};

use crate::change_password::PasswordChange;
use crate::error::EnvironmentError;
use crate::folder::EnvironmentFolder;
use crate::handle::{Environment, EnvironmentId, located, owner, stored_certificates};
use crate::history::EnvironmentHistory;
use crate::recovery_sheet::{RecoveryDetails, numero_busta_of};
use crate::summary::EnvironmentSummary;

pub(crate) fn list(call: &mut Call<'_>, folder: String) -> Result<Vec<EnvironmentSummary>, Error> {
    let own = call.service::<Policy>().ok();
    let policy = own.as_deref().unwrap_or(Policy::embedded());
    let folder = located(call, &folder)?;
    if !folder.is_dir() {
        return Err(EnvironmentError::NoFolder { folder: folder.display().to_string() }.into());
    }
    Ok(EnvironmentHistory::known_to(call, &folder)?.summaries(call.now(), policy))
}

pub(crate) fn pending(
    call: &mut Call<'_>,
    folder: String,
    password: SecretRef,
) -> Result<Environment, Error> {
    let environment = EnvironmentFolder::at(located(call, &folder)?);
    environment.open_pending(&call.secret(&password)?)?;
    let folder = environment.path().to_owned();
    Ok(Environment(EnvironmentId { folder, password }))
}

pub(crate) fn read_certif_in(call: &mut Call<'_>, path: String) -> Result<Bytes, Error> {
    Ok(Bytes(certif_in_file(&located(call, &path)?)?))
}

pub(crate) fn change_password(
    call: &mut Call<'_>,
    env: Environment,
    new_password: SecretRef,
) -> Result<Environment, Error> {
    let old = call.secret(&env.0.password)?;
    let new = call.secret(&new_password)?;
    let passwords = PasswordChange { old: &old, new: &new };
    env.folder().change_password(&owner(call), passwords, call.now())?;
    Ok(Environment(EnvironmentId { folder: env.0.folder, password: new_password }))
}

pub(crate) fn finish_password_change(
    call: &mut Call<'_>,
    folder: String,
    old_password: SecretRef,
    new_password: SecretRef,
) -> Result<Environment, Error> {
    let folder = located(call, &folder)?;
    let env = Environment(EnvironmentId { folder, password: old_password });
    change_password(call, env, new_password)
}

pub(crate) fn recovery_sheet(
    call: &mut Call<'_>,
    env: Environment,
    numero_busta: Option<String>,
) -> Result<String, Error> {
    let environment = env.folder();
    let certificates = match environment.is_complete() {
        true => stored_certificates(call, &env)?,
        false => Vec::new(),
    };
    let at = call.now();
    let made = |numero_busta: Option<&str>| {
        let certificates = &certificates;
        environment.recovery_sheet(&RecoveryDetails { numero_busta, certificates, at })
    };
    let mut sheet = made(numero_busta.as_deref())?;
    let folders = call.service::<Folders>()?;
    let state = "the environment is unchanged; the recovery sheet is not written";
    let wanted = folders.documents.join(RIEPILOGHI);
    let folder = document_archive::folder(&folders.documents, RIEPILOGHI)
        .map_err(disk::refused("creating", &wanted, state))?;
    let path = folder.join(&sheet.file_name);
    // Who imports what another run has asked for may not have the letter at hand.
    if numero_busta.is_none()
        && let Some(known) =
            regular_file::read_text(&path, LONGEST_FILE).ok().as_deref().and_then(numero_busta_of)
    {
        sheet = made(Some(&known))?;
    }
    atomic_file::write_alone(&path, sheet.text.as_bytes())
        .map_err(disk::refused("writing", &path, state))?;
    call.progress(&format!("recovery sheet, to print and keep: {}", path.display()));
    Ok(path.display().to_string())
}

/// Reads a CERTIF.IN that somebody saved; only its format is looked at.
///
/// # Errors
/// `certif_in.unknown_format` with the digest, the length and the kind of another file.
pub fn certif_in_file(path: &Path) -> Result<Vec<u8>, EnvironmentError> {
    let bytes = disk::read(path, LONGEST_FILE)?;
    match CertifIn::from_der(&bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(EnvironmentError::CertifInUnknown {
            path: path.display().to_string(),
            sha256: hex::encode(Sha256::digest(&bytes)),
            length: bytes.len() as u64,
            kind: content_kind::of(&bytes).to_owned(),
        }),
    }
}

impl EnvironmentFolder {
    /// Sees that keys wait here for their certificates and that `password` opens them.
    ///
    /// # Errors
    /// `environment.no_pending_keys`, or `environment.already_complete` when the certificates are
    /// imported already.
    pub fn open_pending(&self, password: &Secret) -> Result<(), EnvironmentError> {
        self.require_any_pending()?;
        if !self.pending().has_both_keys() {
            return Err(self.no_pending_keys());
        }
        self.pending().keys(password)?;
        Ok(())
    }
}

/// A file of another kind than CERTIF.IN is named by its digest, up to this length.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::answer;
    use ceralacca_keystore::KeystoreError;

    #[test]
    fn a_saved_file_is_certif_in_or_named_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certif.in");
        std::fs::write(&path, answer()).unwrap();
        assert_eq!(certif_in_file(&path).unwrap(), answer());
        for (bytes, kind) in [
            (&b"%PDF-1.7 ricevuta"[..], "a PDF document"),
            (&answer()[..300], "a CMS SignedData"),
            (b"", "an empty file"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let refused = certif_in_file(&path).unwrap_err();
            let sha256 = hex::encode(Sha256::digest(bytes));
            let length = bytes.len() as u64;
            let path = path.display().to_string();
            let kind = kind.to_owned();
            assert_eq!(refused, EnvironmentError::CertifInUnknown { path, sha256, length, kind });
        }
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(LONGEST_FILE + 1).unwrap();
        assert!(matches!(
            certif_in_file(&path),
            Err(EnvironmentError::Keystore(KeystoreError::TooLarge { .. }))
        ));
        let missing = certif_in_file(&folder.path().join("altro"));
        assert!(matches!(missing, Err(EnvironmentError::Keystore(KeystoreError::Disk(_)))));
    }
}
