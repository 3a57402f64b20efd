//! The CA's certificate revocation list (RFC 5280 §5).

use der::Encode;
use der::asn1::Uint;
use jiff::Timestamp;
use rusqlite::{Transaction, params};
use x509_cert::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::AsExtension;
use x509_cert::ext::pkix::CrlNumber;
use x509_cert::serial_number::SerialNumber;

use crate::ca::{self, Ca, failed};
use crate::clock;
use crate::error::SandboxError;
use crate::settings;

/// The list of the environments' certificates that are revoked at `at`, in DER.
pub(crate) fn current(
    transaction: &Transaction<'_>,
    ca: &Ca,
    at: Timestamp,
) -> Result<Vec<u8>, SandboxError> {
    signed(transaction, ca, NUMBER, revoked(transaction, at)?, at)
}

/// A list signed now, good for a week; its number is counted under `setting`.
pub(crate) fn signed(
    transaction: &Transaction<'_>,
    ca: &Ca,
    setting: &str,
    revoked: Vec<RevokedCert>,
    at: Timestamp,
) -> Result<Vec<u8>, SandboxError> {
    let number = settings::number(transaction, setting)?.unwrap_or(0).saturating_add(1);
    settings::set_number(transaction, setting, number)?;
    let issuer = ca.certificate.parsed().tbs_certificate.subject.clone();
    let number = CrlNumber(Uint::new(&number.to_be_bytes()).map_err(failed)?);
    let extensions = || -> der::Result<_> {
        Ok(vec![ca.authority_key_identifier(&issuer)?, number.to_extension(&issuer, &[])?])
    };
    let tbs_cert_list = TbsCertList {
        version: Version::V2,
        signature: ceralacca_keystore::key::sha256_with_rsa(),
        crl_extensions: Some(extensions().map_err(failed)?),
        issuer,
        this_update: ca::time(at)?,
        next_update: Some(ca::time(clock::after(at, 7 * 86_400))?),
        // RFC 5280 §5.1.2.6: absent when nothing is revoked.
        revoked_certificates: (!revoked.is_empty()).then_some(revoked),
    };
    let signature = ca::signature(&ca.key, &tbs_cert_list.to_der().map_err(failed)?)?;
    let list = CertificateList {
        signature_algorithm: tbs_cert_list.signature.clone(),
        tbs_cert_list,
        signature,
    };
    list.to_der().map_err(failed)
}

fn revoked(transaction: &Transaction<'_>, at: Timestamp) -> Result<Vec<RevokedCert>, SandboxError> {
    let mut query = transaction.prepare(
        "SELECT serial, revoked_at FROM certificates \
         JOIN environments ON environments.id = environment_id \
         WHERE revoked_at <= ?1 ORDER BY revoked_at, serial",
    )?;
    let rows = query.query_map(params![at.as_second()], |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?))
    })?;
    rows.map(|row| {
        let (serial, second) = row?;
        entry(&serial, second)
    })
    .collect()
}

/// One line of a list.
pub(crate) fn entry(serial: &[u8], revoked_at: i64) -> Result<RevokedCert, SandboxError> {
    Ok(RevokedCert {
        serial_number: SerialNumber::new(serial).map_err(failed)?,
        revocation_date: ca::time(settings::instant(revoked_at)?)?,
        crl_entry_extensions: None,
    })
}

const NUMBER: &str = "crl_number";
