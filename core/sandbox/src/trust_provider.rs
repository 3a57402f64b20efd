//! The pretend trust service provider: it certifies signers and a timestamp authority.
//!
//! Its root has nothing to do with the Agency's CA: a qualified signature and the signature of a
//! security environment are two identities. Everything it issues says SANDBOX.

use std::path::Path;

use aws_lc_rs::rsa::KeySize;
use ceralacca_identity::CodiceFiscale;
use ceralacca_kernel::Secret;
use ceralacca_keystore::{Certificate, KeyPair, PublicKey, pkcs12};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME, ORGANIZATION_NAME, SERIAL_NUMBER};
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_KP_TIME_STAMPING};
use der::asn1::{OctetString, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::{Any, Encode};
use jiff::Timestamp;
use rusqlite::{Transaction, params};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::crl::RevokedCert;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::ext::{AsExtension, Extension, Extensions};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::ca::{self, Ca, failed};
use crate::clock::{CLOCK_FIRST, CLOCK_LAST};
use crate::credentials::{LETTERS_AND_DIGITS, random_text};
use crate::crl;
use crate::error::SandboxError;

/// The provider's root, and the authority's key with its certificate.
pub(crate) struct TrustProvider {
    pub(crate) root: Ca,
    pub(crate) tsa: Ca,
}

/// Somebody who wants a certificate for signing. What is `None` is chosen by the sandbox.
#[derive(Debug)]
pub struct NewSigner {
    /// Whose it is.
    pub codice_fiscale: CodiceFiscale,
    /// `Mario Rossi`, 1 to 64 characters.
    pub common_name: String,
    /// Of the PKCS#12 file; generated without it.
    pub password: Option<Secret>,
    /// Start of the validity; now without it.
    pub valid_from: Option<Timestamp>,
    /// End of the validity; three years after the start without it.
    pub valid_to: Option<Timestamp>,
}

impl NewSigner {
    /// A signer from now on, with a generated password.
    pub fn of(codice_fiscale: CodiceFiscale, common_name: impl Into<String>) -> NewSigner {
        NewSigner {
            codice_fiscale,
            common_name: common_name.into(),
            password: None,
            valid_from: None,
            valid_to: None,
        }
    }
}

/// A key with its certificate, handed over this once; the sandbox keeps no private key of it.
#[derive(Debug)]
pub struct IssuedSigner {
    /// The PKCS#12 file: key, certificate, root.
    pub p12: Vec<u8>,
    /// What opens it.
    pub password: Secret,
    /// Serial number, lower-case hexadecimal: what a revocation names.
    pub serial: String,
    /// The certificate.
    pub certificate: Certificate,
}

impl TrustProvider {
    /// Takes root and authority of the folder, or makes them: RSA 2048, two keys at a time.
    pub(crate) fn open(folder: &Path) -> Result<TrustProvider, SandboxError> {
        let root = Ca::open_or_make(folder, (ROOT_KEY, ROOT_CERTIFICATE), generate, |key| {
            let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
            ca::root(key, name(PROVIDER, None).map_err(failed)?, usage)
        })?;
        let tsa = Ca::open_or_make(folder, (TSA_KEY, TSA_CERTIFICATE), generate, |key| {
            certify_authority(&root, key.public())
        })?;
        Ok(TrustProvider { root, tsa })
    }

    /// Makes a key and certifies it for signing. Slow: some tenths of a second.
    pub(crate) fn issue_signer(
        &self,
        new: NewSigner,
        crl_url: &str,
        at: Timestamp,
    ) -> Result<(IssuedSigner, SignerRow), SandboxError> {
        let from = new.valid_from.unwrap_or(at);
        let to = new.valid_to.unwrap_or_else(|| ca::three_years_after(from));
        check(&new, (from, to))?;
        let key = generate()?;
        let codice_fiscale = new.codice_fiscale.as_str();
        let subject = name(&new.common_name, Some(codice_fiscale)).map_err(failed)?;
        let extensions = self.signer_extensions(key.public(), crl_url, &subject).map_err(failed)?;
        let issued = self.root.certify(subject, key.public(), (from, to), extensions)?;
        let certificate = Certificate::from_der(&issued.der).map_err(|_| broken())?;
        let password =
            new.password.unwrap_or_else(|| Secret::new(random_text(LETTERS_AND_DIGITS, 12)));
        let chain = [certificate.clone(), self.root.certificate.clone()];
        let p12 = pkcs12::write("firma-SANDBOX", &key, &chain, &password).map_err(|_| broken())?;
        let row = SignerRow {
            serial: issued.serial.clone(),
            codice_fiscale: codice_fiscale.to_owned(),
            common_name: new.common_name,
            der: issued.der,
            issued_at: at,
        };
        let serial = hex::encode(issued.serial);
        Ok((IssuedSigner { p12, password, serial, certificate }, row))
    }

    /// The provider's list of revoked certificates, in DER.
    pub(crate) fn crl(
        &self,
        transaction: &Transaction<'_>,
        at: Timestamp,
    ) -> Result<Vec<u8>, SandboxError> {
        crl::signed(transaction, &self.root, CRL_NUMBER, revoked(transaction, at)?, at)
    }

    fn signer_extensions(
        &self,
        public: &PublicKey,
        crl_url: &str,
        subject: &Name,
    ) -> der::Result<Extensions> {
        Ok(vec![
            public.key_identifier().to_extension(subject, &[])?,
            self.root.authority_key_identifier(subject)?,
            BasicConstraints { ca: false, path_len_constraint: None }.to_extension(subject, &[])?,
            KeyUsage(KeyUsages::NonRepudiation.into()).to_extension(subject, &[])?,
            ca::crl_distribution_point(crl_url, subject)?,
            ca::comment()?,
        ])
    }
}

/// A signer's certificate as the state has it.
pub(crate) struct SignerRow {
    serial: Vec<u8>,
    codice_fiscale: String,
    common_name: String,
    der: Vec<u8>,
    issued_at: Timestamp,
}

impl SignerRow {
    pub(crate) fn insert(&self, transaction: &Transaction<'_>) -> Result<(), SandboxError> {
        transaction.execute(
            "INSERT INTO signers (serial, codice_fiscale, common_name, der, issued_at) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                self.serial,
                self.codice_fiscale,
                self.common_name,
                self.der,
                self.issued_at.as_second(),
            ],
        )?;
        Ok(())
    }
}

/// Revokes a signer's certificate from `at` on; once more changes nothing. Returns when it was.
pub(crate) fn revoke(
    transaction: &Transaction<'_>,
    serial: &str,
    at: Timestamp,
) -> Result<Timestamp, SandboxError> {
    let unknown = || SandboxError::SignerUnknown { serial: serial.chars().take(64).collect() };
    let plain: String = serial.chars().filter(|c| *c != ':').collect();
    let bytes = hex::decode(&plain).map_err(|_| unknown())?;
    transaction.execute(
        "UPDATE signers SET revoked_at = ?2 WHERE serial = ?1 AND revoked_at IS NULL",
        params![bytes, at.as_second()],
    )?;
    let mut query = transaction.prepare("SELECT revoked_at FROM signers WHERE serial = ?1")?;
    let mut rows = query.query(params![bytes])?;
    let row = rows.next()?.ok_or_else(unknown)?;
    crate::settings::instant(row.get(0)?)
}

fn revoked(transaction: &Transaction<'_>, at: Timestamp) -> Result<Vec<RevokedCert>, SandboxError> {
    let mut query = transaction.prepare(
        "SELECT serial, revoked_at FROM signers WHERE revoked_at <= ?1 \
         ORDER BY revoked_at, serial",
    )?;
    let rows = query.query_map(params![at.as_second()], |row| {
        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?))
    })?;
    rows.map(|row| {
        let (serial, second) = row?;
        crl::entry(&serial, second)
    })
    .collect()
}

fn check(new: &NewSigner, (from, to): (Timestamp, Timestamp)) -> Result<(), SandboxError> {
    let invalid = |field: &str, rule: &str| {
        Err(SandboxError::SignerInvalid { field: field.to_owned(), rule: rule.to_owned() })
    };
    let length = new.common_name.chars().count();
    if !(1..=64).contains(&length) || new.common_name.chars().any(char::is_control) {
        return invalid("common_name", "1 to 64 characters, no control characters");
    }
    if let Some(password) = &new.password
        && !(1..=64).contains(&password.expose().chars().count())
    {
        return invalid("password", "1 to 64 characters");
    }
    if from < CLOCK_FIRST || to >= CLOCK_LAST || from >= to {
        return invalid("valid_from and valid_to", "in this order, in the years 2000 to 2199");
    }
    Ok(())
}

/// The authority's certificate: nothing but timestamps, and that critically (RFC 3161 §2.3).
fn certify_authority(root: &Ca, public: &PublicKey) -> Result<Certificate, SandboxError> {
    let subject = name(AUTHORITY, None).map_err(failed)?;
    let extensions = || -> der::Result<Extensions> {
        let usage = ExtendedKeyUsage(vec![ID_KP_TIME_STAMPING]);
        Ok(vec![
            public.key_identifier().to_extension(&subject, &[])?,
            root.authority_key_identifier(&subject)?,
            BasicConstraints { ca: false, path_len_constraint: None }
                .to_extension(&subject, &[])?,
            KeyUsage(KeyUsages::DigitalSignature.into()).to_extension(&subject, &[])?,
            Extension {
                extn_id: ID_CE_EXT_KEY_USAGE,
                critical: true,
                extn_value: OctetString::new(usage.to_der()?)?,
            },
            ca::comment()?,
        ])
    };
    let extensions = extensions().map_err(failed)?;
    let issued = root.certify(subject, public, (CLOCK_FIRST, CLOCK_LAST), extensions)?;
    Certificate::from_der(&issued.der).map_err(|_| broken())
}

/// C=IT, O=`PROVIDER`, then the serial number `TINIT-…` of a person (ETSI EN 319 412-1 §5.1.3),
/// CN=`common_name`.
fn name(common_name: &str, codice_fiscale: Option<&str>) -> der::Result<Name> {
    let printable = |text: &str| PrintableStringRef::new(text).map(Any::from);
    let mut parts: Vec<(ObjectIdentifier, Any)> =
        vec![(COUNTRY_NAME, printable("IT")?), (ORGANIZATION_NAME, printable(PROVIDER)?)];
    if let Some(codice_fiscale) = codice_fiscale {
        parts.push((SERIAL_NUMBER, printable(&format!("TINIT-{codice_fiscale}"))?));
    }
    parts.push((COMMON_NAME, Any::from(Utf8StringRef::new(common_name)?)));
    let names = parts.into_iter().map(|(oid, value)| {
        let one = SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])?;
        Ok(RelativeDistinguishedName(one))
    });
    Ok(RdnSequence(names.collect::<der::Result<_>>()?))
}

/// RSA 2048: what qualified certificates have, and quick to make.
fn generate() -> Result<KeyPair, SandboxError> {
    KeyPair::generate_of(KeySize::Rsa2048).map_err(|_| broken())
}

fn broken() -> SandboxError {
    SandboxError::Issuing { reason: "the trust service provider's part".to_owned() }
}

const PROVIDER: &str = "Prestatore di servizi fiduciari SANDBOX";
const AUTHORITY: &str = "Marca temporale SANDBOX";
const ROOT_KEY: &str = "trust-SANDBOX.p8";
const ROOT_CERTIFICATE: &str = "trust-SANDBOX.cer";
const TSA_KEY: &str = "tsa-SANDBOX.p8";
const TSA_CERTIFICATE: &str = "tsa-SANDBOX.cer";
const CRL_NUMBER: &str = "trust_crl_number";
