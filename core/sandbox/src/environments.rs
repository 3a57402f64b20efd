//! Security environments that were certified, their certificates, and their revocation.

use ceralacca_kernel::Secret;
use ceralacca_keystore::{Certificate, Utilizzo};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use crate::ca::{Certified, Issued};
use crate::credentials::SaltedHash;
use crate::error::SandboxError;

/// An environment in force.
pub(crate) struct Environment {
    pub(crate) id: i64,
    pin: SaltedHash,
    /// When its revocation was asked for, which may lie before its taking effect.
    pub(crate) requested_at: Option<i64>,
}

impl Environment {
    /// Whether this is the PIN di revoca that came with the request; some tens of milliseconds.
    pub(crate) fn pin_matches(&self, pin: &Secret) -> bool {
        self.pin.matches(&[pin])
    }
}

/// What is known of a public key.
pub(crate) enum KeyState {
    /// Never certified here.
    Unknown,
    /// Of a revoked environment.
    Revoked,
    /// Of an environment in force.
    InForce,
}

/// Records an environment and returns its number.
pub(crate) fn insert(
    transaction: &Transaction<'_>,
    account_id: i64,
    submission_id: i64,
    pin: &SaltedHash,
) -> Result<i64, SandboxError> {
    transaction.execute(
        "INSERT INTO environments (account_id, submission_id, pin_salt, pin_hash) \
         VALUES (?1, ?2, ?3, ?4)",
        params![account_id, submission_id, pin.salt, pin.hash],
    )?;
    Ok(transaction.last_insert_rowid())
}

/// Records a certificate of an environment.
pub(crate) fn insert_certificate(
    transaction: &Transaction<'_>,
    environment_id: i64,
    certified: &Certified<'_>,
    issued: &Issued,
) -> Result<(), SandboxError> {
    let utilizzo = match certified.utilizzo {
        Utilizzo::Firma => "firma",
        Utilizzo::Cifra => "cifra",
    };
    let key = certified.public.fingerprint();
    transaction.execute(
        "INSERT INTO certificates VALUES (?1, ?2, ?3, ?4, ?5)",
        params![issued.serial, environment_id, utilizzo, key, issued.der],
    )?;
    Ok(())
}

/// The account's environment that is not revoked at this time; expired ones count.
///
/// As with the Agency, certificates that ran out must be revoked before new ones are asked for.
pub(crate) fn in_force(
    transaction: &Transaction<'_>,
    account_id: i64,
    at: Timestamp,
) -> Result<Option<Environment>, SandboxError> {
    let query = "SELECT id, pin_salt, pin_hash, requested_at FROM environments \
                 WHERE account_id = ?1 AND (revoked_at IS NULL OR revoked_at > ?2)";
    let read = |row: &rusqlite::Row<'_>| {
        let pin = SaltedHash { salt: row.get(1)?, hash: row.get(2)? };
        Ok(Environment { id: row.get(0)?, pin, requested_at: row.get(3)? })
    };
    Ok(transaction.query_row(query, params![account_id, at.as_second()], read).optional()?)
}

/// What is known of the key with this fingerprint.
pub(crate) fn key_state(
    transaction: &Transaction<'_>,
    fingerprint: &str,
    at: Timestamp,
) -> Result<KeyState, SandboxError> {
    let query = "SELECT revoked_at IS NOT NULL AND revoked_at <= ?2 FROM certificates \
                 JOIN environments ON environments.id = environment_id \
                 WHERE key_sha256 = ?1 ORDER BY 1 LIMIT 1";
    let values = params![fingerprint, at.as_second()];
    let revoked: Option<bool> =
        transaction.query_row(query, values, |row| row.get(0)).optional()?;
    Ok(match revoked {
        None => KeyState::Unknown,
        Some(true) => KeyState::Revoked,
        Some(false) => KeyState::InForce,
    })
}

/// A certificate that was issued here, and what became of its environment.
pub(crate) struct Found {
    pub(crate) environment_id: i64,
    pub(crate) account_id: i64,
    /// Whether it certifies a signature key.
    pub(crate) firma: bool,
    /// From when on it is revoked; may lie ahead.
    pub(crate) revoked_at: Option<i64>,
}

/// The environment of a certificate, when it is one of those that were issued here.
pub(crate) fn of_certificate(
    transaction: &Transaction<'_>,
    certificate: &Certificate,
) -> Result<Option<Found>, SandboxError> {
    let query = "SELECT environment_id, account_id, utilizzo, revoked_at FROM certificates \
                 JOIN environments ON environments.id = environment_id \
                 WHERE serial = ?1 AND der = ?2";
    let serial = certificate.parsed().tbs_certificate.serial_number.as_bytes();
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Found {
            environment_id: row.get(0)?,
            account_id: row.get(1)?,
            firma: row.get::<_, String>(2)? == "firma",
            revoked_at: row.get(3)?,
        })
    };
    let values = params![serial, certificate.as_der()];
    Ok(transaction.query_row(query, values, read).optional()?)
}

/// The certificate of an environment's cipher key, in DER.
pub(crate) fn cipher_certificate(
    transaction: &Transaction<'_>,
    environment_id: i64,
) -> Result<Vec<u8>, SandboxError> {
    let query = "SELECT der FROM certificates WHERE environment_id = ?1 AND utilizzo = 'cifra'";
    Ok(transaction.query_row(query, [environment_id], |row| row.get(0))?)
}

/// Revokes an environment with effect from `revoked_at`.
pub(crate) fn revoke(
    transaction: &Transaction<'_>,
    id: i64,
    requested_at: Timestamp,
    revoked_at: Timestamp,
) -> Result<(), SandboxError> {
    transaction.execute(
        "UPDATE environments SET requested_at = ?2, revoked_at = ?3 WHERE id = ?1",
        params![id, requested_at.as_second(), revoked_at.as_second()],
    )?;
    Ok(())
}
