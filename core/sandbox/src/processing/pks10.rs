//! Processing of a PKS10: the request for the two certificates of a security environment.

use ceralacca_keystore::cmc::CmcProfile;
use ceralacca_keystore::request_profile::{OpenedRequest, RequestProfile};
use ceralacca_keystore::{
    Certificate, KeystoreError, Utilizzo, certif_in as certs_only, certification_request,
};
use rusqlite::{Transaction, params};

use crate::accounts::{self, AccountRow};
use crate::ca::{Ca, Certified, Issued};
use crate::credentials::SaltedHash;
use crate::environments::{self, KeyState};
use crate::error::SandboxError;
use crate::faults;
use crate::processing::{Outcome, Received};
use crate::rejection::Rejection;
use crate::settings::Settings;
use crate::spoil::{self, RequestedKeys};

/// The document type of the request.
pub(crate) const PKS10: &str = "PKS10";
/// The name of the answer.
pub(crate) const CERTIF_IN: &str = "CERTIF.IN";

/// Checks a request in order, and issues the certificates when nothing speaks against it.
pub(crate) fn process(
    transaction: &Transaction<'_>,
    ca: &Ca,
    settings: &Settings,
    received: &Received<'_>,
) -> Result<Outcome, SandboxError> {
    let opened = match CmcProfile.open(received.bytes, &ca.certificate, &ca.key) {
        Ok(opened) => opened,
        Err(error) => return Ok(Outcome::Scartato(unreadable(&error))),
    };
    let Some(account) = accounts::find_common_name(transaction, &opened.identification)? else {
        return Ok(Outcome::Scartato(Rejection::UnknownAccount));
    };
    let entitled = sender_rejection(transaction, received, &account)?;
    let rejection = match request_rejection(transaction, received, &opened, &account)? {
        None => entitled.clone(),
        found => found,
    };
    if entitled.is_none() {
        // Not before, or a stranger with a copy could make the owner's own submission a replay.
        remember(transaction, received, &opened)?;
    }
    if let Some(rejection) = rejection {
        return Ok(Outcome::Scartato(rejection));
    }
    certify(transaction, ca, settings, received, (&opened, &account))?;
    Ok(Outcome::Elaborato)
}

/// A CERTIF.IN with these certificates and the CA's.
pub(crate) fn certif_in(ca: &Ca, issued: &[&Issued]) -> Result<Vec<u8>, SandboxError> {
    let failed = |_| SandboxError::Issuing { reason: CERTIF_IN.to_owned() };
    let mut certificates = vec![ca.certificate.clone()];
    for one in issued {
        certificates.push(Certificate::from_der(&one.der).map_err(failed)?);
    }
    certs_only::build(&certificates).map_err(failed)
}

fn unreadable(error: &KeystoreError) -> Rejection {
    match error {
        KeystoreError::RequestSignature { .. } => Rejection::BadSignature,
        KeystoreError::RequestKeySize { bits } => Rejection::KeyTooShort { bits: *bits },
        KeystoreError::RequestOtherSubject { .. } => Rejection::OtherSubject,
        _ => Rejection::UnreadableEnvelope,
    }
}

/// What speaks against the request itself, in the order of checking.
fn request_rejection(
    transaction: &Transaction<'_>,
    received: &Received<'_>,
    opened: &OpenedRequest,
    account: &AccountRow,
) -> Result<Option<Rejection>, SandboxError> {
    // Before the others, so that a file sent twice is called that and not "environment exists".
    if was_seen(transaction, received, opened)? {
        return Ok(Some(Rejection::ReplayedRequest));
    }
    if !opened.proves(&account.pincode_sha256) {
        return Ok(Some(Rejection::WrongPincode));
    }
    for request in [&opened.firma, &opened.cifra] {
        let bits = request.public.bits();
        if bits != ceralacca_keystore::public_key::REQUIRED_BITS {
            return Ok(Some(Rejection::KeyTooShort { bits }));
        }
    }
    if environments::in_force(transaction, account.id, received.at)?.is_some() {
        return Ok(Some(Rejection::EnvironmentExists));
    }
    for request in [&opened.firma, &opened.cifra] {
        let fingerprint = request.public.fingerprint();
        match environments::key_state(transaction, &fingerprint, received.at)? {
            KeyState::Unknown => {}
            KeyState::Revoked => return Ok(Some(Rejection::RevokedKeys)),
            KeyState::InForce => return Ok(Some(Rejection::KeysInUse)),
        }
    }
    let expected = certification_request::subject(&account.common_name());
    let other = |request: &&ceralacca_keystore::certification_request::CertificationRequest| {
        !expected.as_ref().is_ok_and(|expected| *expected == request.subject)
    };
    Ok([&opened.firma, &opened.cifra].iter().any(other).then_some(Rejection::OtherSubject))
}

/// Whether the sender may file for the account: as itself, or as incaricato after the switch.
fn sender_rejection(
    transaction: &Transaction<'_>,
    received: &Received<'_>,
    account: &AccountRow,
) -> Result<Option<Rejection>, SandboxError> {
    if received.subject_id == account.id {
        return Ok(None);
    }
    let incaricato = accounts::is_incaricato(transaction, received.sender_id, account)?;
    Ok(Some(if incaricato || received.sender_id == account.id {
        Rejection::UtenzaDiLavoro
    } else {
        Rejection::SenderNotIncaricato
    }))
}

fn was_seen(
    transaction: &Transaction<'_>,
    received: &Received<'_>,
    opened: &OpenedRequest,
) -> Result<bool, SandboxError> {
    let query = "SELECT EXISTS (SELECT 1 FROM seen_requests \
                 WHERE sha256 = ?1 OR transaction_id = ?2 OR sender_nonce = ?3)";
    let values = params![received.sha256, opened.transaction_id, opened.sender_nonce];
    Ok(transaction.query_row(query, values, |row| row.get(0))?)
}

fn remember(
    transaction: &Transaction<'_>,
    received: &Received<'_>,
    opened: &OpenedRequest,
) -> Result<(), SandboxError> {
    transaction.execute(
        "INSERT INTO seen_requests VALUES (?1, ?2, ?3, ?4)",
        params![
            received.submission_id,
            opened.transaction_id,
            opened.sender_nonce,
            received.sha256
        ],
    )?;
    Ok(())
}

fn certify(
    transaction: &Transaction<'_>,
    ca: &Ca,
    settings: &Settings,
    received: &Received<'_>,
    (opened, account): (&OpenedRequest, &AccountRow),
) -> Result<(), SandboxError> {
    let common_name = &account.common_name();
    let keys =
        RequestedKeys { common_name, firma: &opened.firma.public, cifra: &opened.cifra.public };
    let at = received.at;
    let certified = |public, utilizzo| Certified { common_name, public, utilizzo };
    let cifra = certified(keys.cifra, Utilizzo::Cifra);
    let firma = certified(keys.firma, Utilizzo::Firma);
    let issued = ca.issue_both(cifra, firma, settings, at)?;
    let pin = SaltedHash::of(&[&opened.pin_di_revoca]);
    let environment = environments::insert(transaction, account.id, received.submission_id, &pin)?;
    for (certified, issued) in [cifra, firma].iter().zip(&issued) {
        environments::insert_certificate(transaction, environment, certified, issued)?;
    }
    let [cifra, firma] = &issued;
    let good = certif_in(ca, &[cifra, firma])?;
    let (spoiled, spoiled_left) = match faults::take_spoil(transaction)? {
        Some((kind, times)) => {
            (Some(spoil::spoiled(kind, ca, keys, &good, (settings, at))?), times)
        }
        None => (None, 0),
    };
    transaction.execute(
        "INSERT INTO attachments VALUES (?1, ?2, ?3, ?4, ?5)",
        params![received.submission_id, CERTIF_IN, good, spoiled, spoiled_left],
    )?;
    Ok(())
}
