//! Revocations of environments: asked for once per idempotency key, in force after a delay.

use ceralacca_kernel::Secret;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use crate::accounts::{self, TIPO_BUSTA};
use crate::clock;
use crate::environments;
use crate::error::SandboxError;
use crate::refusal::Refusal;
use crate::sessions::Session;
use crate::settings::{self, Settings};

/// What is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) idempotency_key: &'a str,
    pub(crate) numero_busta: &'a str,
    pub(crate) tipo_busta: &'a str,
    pub(crate) pin_di_revoca: &'a Secret,
}

/// A revocation that was asked for, and what became of it.
#[derive(Debug, Serialize)]
pub(crate) struct Requested {
    requested_at: Timestamp,
    /// Since when it is in force; `None` as long as it is queued.
    effective_at: Option<Timestamp>,
}

/// Whether a revocation is new.
pub(crate) enum Asked {
    /// It was queued now.
    New(Requested),
    /// It was asked for before, under the same key.
    Known(Requested),
}

/// How many were ever taken in.
pub(crate) fn count(transaction: &Transaction<'_>) -> Result<i64, SandboxError> {
    Ok(transaction.query_row("SELECT count(*) FROM revocations", [], |row| row.get(0))?)
}

/// Queues the revocation of the account's environment.
///
/// Under a key that was used before nothing is checked or done any more: the environment that it
/// was for may be gone by now, and another one, which nobody wants revoked, in force.
///
/// # Errors
/// The refusals of a revocation; nothing is kept under the key then.
pub(crate) fn ask(
    transaction: &Transaction<'_>,
    session: Session,
    wanted: &Wanted<'_>,
    at: Timestamp,
) -> Result<Asked, Refusal> {
    let account = accounts::load(transaction, session.subject_id)?;
    if let Some(known) = find(transaction, session, wanted.idempotency_key, at)? {
        return Ok(Asked::Known(known));
    }
    if account.numero_busta != wanted.numero_busta || wanted.tipo_busta != TIPO_BUSTA {
        return Err(Refusal::UnknownBusta);
    }
    let environment = environments::in_force(transaction, account.id, at)?;
    let environment = environment.ok_or(Refusal::NoEnvironment)?;
    if !environment.pin_matches(wanted.pin_di_revoca) {
        return Err(Refusal::WrongPin);
    }
    if environment.requested_at.is_some() {
        return Err(Refusal::RevocationPending);
    }
    let delay = Settings::load(transaction)?.revocation_delay_seconds;
    let revoked_at = clock::after(at, i64::from(delay));
    environments::revoke(transaction, environment.id, at, revoked_at)?;
    insert(transaction, session, wanted.idempotency_key, environment.id, at)?;
    let effective_at = (revoked_at <= at).then_some(revoked_at);
    Ok(Asked::New(Requested { requested_at: at, effective_at }))
}

/// What was asked for under this key for the account that the session works for.
pub(crate) fn find(
    transaction: &Transaction<'_>,
    session: Session,
    idempotency_key: &str,
    at: Timestamp,
) -> Result<Option<Requested>, SandboxError> {
    let query = "SELECT revocations.requested_at, revoked_at FROM revocations \
                 JOIN environments ON environments.id = environment_id \
                 WHERE revocations.account_id = ?1 AND idempotency_key = ?2";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let values = params![session.subject_id, idempotency_key];
    let found = transaction.query_row(query, values, read).optional()?;
    let Some((requested_at, revoked_at)) = found else { return Ok(None) };
    let in_force = revoked_at <= at.as_second();
    Ok(Some(Requested {
        requested_at: settings::instant(requested_at)?,
        effective_at: in_force.then(|| settings::instant(revoked_at)).transpose()?,
    }))
}

fn insert(
    transaction: &Transaction<'_>,
    session: Session,
    idempotency_key: &str,
    environment_id: i64,
    at: Timestamp,
) -> Result<(), SandboxError> {
    transaction.execute(
        "INSERT INTO revocations VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            session.subject_id,
            session.sender_id,
            idempotency_key,
            environment_id,
            at.as_second()
        ],
    )?;
    Ok(())
}
