//! The pretend certification authority: its key and certificate, and the certificates it issues.
//!
//! Everything it signs says SANDBOX in the issuer, in the subject and in a comment.

use std::path::Path;
use std::time::Duration;

use ceralacca_kernel::{atomic_file, regular_file};
use ceralacca_keystore::{Certificate, KeyPair, PublicKey, Utilizzo};
use const_oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME, ORGANIZATION_NAME};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{
    BitString, GeneralizedTime, Ia5String, OctetString, PrintableStringRef, SetOfVec, UtcTime,
};
use der::flagset::FlagSet;
use der::{Any, Encode};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use sha2::{Digest, Sha256};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, KeyUsage, KeyUsages,
};
use x509_cert::ext::{AsExtension, Extension, Extensions};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};
use zeroize::Zeroizing;

use crate::clock::{self, CLOCK_FIRST, CLOCK_LAST};
use crate::credentials::random_bytes;
use crate::error::SandboxError;
use crate::settings::Settings;

/// A certification authority; its private key stays in this process and in its own file.
pub(crate) struct Ca {
    pub(crate) key: KeyPair,
    pub(crate) certificate: Certificate,
}

/// A certificate that was issued.
pub(crate) struct Issued {
    /// Serial number as it is written, big-endian.
    pub(crate) serial: Vec<u8>,
    /// The certificate in DER.
    pub(crate) der: Vec<u8>,
}

/// What is certified of a key.
#[derive(Clone, Copy)]
pub(crate) struct Certified<'a> {
    /// `<codice fiscale>-<sede>`.
    pub(crate) common_name: &'a str,
    pub(crate) public: &'a PublicKey,
    pub(crate) utilizzo: Utilizzo,
}

impl Ca {
    /// Takes the CA of the folder, or makes one: RSA 4096, self-signed, valid whatever
    /// the clock can be set to.
    ///
    /// The key is written before its certificate, so that an interruption leaves a key without a
    /// certificate at worst, and that is made good here.
    pub(crate) fn open(folder: &Path) -> Result<Ca, SandboxError> {
        let files = (KEY_FILE, CERTIFICATE_FILE);
        Ca::open_or_make(folder, files, generate, |key| self_signed(key, CA_COMMON_NAME))
    }

    /// Takes a key and its certificate from the folder, or makes what is missing of them.
    pub(crate) fn open_or_make(
        folder: &Path,
        (key_file, certificate_file): (&str, &str),
        generate: impl FnOnce() -> Result<KeyPair, SandboxError>,
        certify: impl FnOnce(&KeyPair) -> Result<Certificate, SandboxError>,
    ) -> Result<Ca, SandboxError> {
        let key_path = folder.join(key_file);
        let certificate_path = folder.join(certificate_file);
        let key = match read(&key_path)? {
            Some(pkcs8) => KeyPair::from_pkcs8(Zeroizing::new(pkcs8))
                .map_err(|_| unusable(&key_path, "not a PKCS#8 RSA key"))?,
            None if certificate_path.exists() => {
                return Err(unusable(&key_path, "missing, and its certificate is there"));
            }
            None => {
                let key = generate()?;
                write(&key_path, key.pkcs8())?;
                key
            }
        };
        let certificate = match read(&certificate_path)? {
            Some(der) => Certificate::from_der(&der)
                .map_err(|_| unusable(&certificate_path, "not a certificate in DER"))?,
            None => {
                let certificate = certify(&key)?;
                write(&certificate_path, certificate.as_der())?;
                certificate
            }
        };
        if certificate.public() != key.public() {
            return Err(unusable(&certificate_path, "not the certificate of the key beside it"));
        }
        Ok(Ca { key, certificate })
    }

    /// A CA that nobody was told of, with the same name as the sandbox's or with another.
    pub(crate) fn stranger(same_name: bool) -> Result<Ca, SandboxError> {
        let key = generate()?;
        let common_name = if same_name { CA_COMMON_NAME } else { "CA Sconosciuta SANDBOX" };
        Ok(Ca { certificate: self_signed(&key, common_name)?, key })
    }

    /// SHA-256 of the CA's certificate, lower-case hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.certificate.as_der()))
    }

    /// Certifies the two keys of an environment, the cipher key's certificate first.
    ///
    /// As on the Agency's certificates: three years, the cipher certificate starts one second
    /// before the signature one, and both end at the same instant.
    pub(crate) fn issue_both(
        &self,
        cifra: Certified<'_>,
        firma: Certified<'_>,
        settings: &Settings,
        at: Timestamp,
    ) -> Result<[Issued; 2], SandboxError> {
        let until = match settings.certificate_seconds {
            Some(seconds) => clock::after(at, i64::from(seconds)),
            None => three_years_after(at),
        };
        Ok([
            self.issue(cifra, (clock::after(at, -1), until), &settings.crl_url)?,
            self.issue(firma, (at, until), &settings.crl_url)?,
        ])
    }

    /// A certificate for the CA's own key that allows it to sign receipts, as the CA's certificate
    /// does not; made anew for each receipt and kept nowhere.
    pub(crate) fn receipts_certificate(&self, at: Timestamp) -> Result<Certificate, SandboxError> {
        let public = self.key.public();
        let certified = Certified { common_name: RECEIPTS, public, utilizzo: Utilizzo::Firma };
        let validity = (at, three_years_after(at));
        let issued = self.issue(certified, validity, &Settings::default().crl_url)?;
        Certificate::from_der(&issued.der)
            .map_err(|_| SandboxError::Issuing { reason: RECEIPTS.to_owned() })
    }

    fn issue(
        &self,
        certified: Certified<'_>,
        validity: (Timestamp, Timestamp),
        crl_url: &str,
    ) -> Result<Issued, SandboxError> {
        let subject = name(certified.common_name).map_err(failed)?;
        let extensions = self.user_extensions(certified, crl_url, &subject).map_err(failed)?;
        self.certify(subject, certified.public, validity, extensions)
    }

    /// Signs a certificate with a serial number of its own.
    pub(crate) fn certify(
        &self,
        subject: Name,
        public: &PublicKey,
        validity: (Timestamp, Timestamp),
        extensions: Extensions,
    ) -> Result<Issued, SandboxError> {
        let issuer = &self.certificate.parsed().tbs_certificate.subject;
        let to_be_signed = ToBeSigned { issuer, subject, public, validity };
        let (serial, der) = to_be_signed.sign(&self.key, extensions)?;
        Ok(Issued { serial, der })
    }

    fn user_extensions(
        &self,
        certified: Certified<'_>,
        crl_url: &str,
        subject: &Name,
    ) -> der::Result<Extensions> {
        let key_usage = KeyUsage(match certified.utilizzo {
            Utilizzo::Firma => KeyUsages::DigitalSignature | KeyUsages::NonRepudiation,
            Utilizzo::Cifra => KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment,
        });
        Ok(vec![
            certified.public.key_identifier().to_extension(subject, &[])?,
            self.authority_key_identifier(subject)?,
            BasicConstraints { ca: false, path_len_constraint: None }.to_extension(subject, &[])?,
            key_usage.to_extension(subject, &[])?,
            crl_distribution_point(crl_url, subject)?,
            comment()?,
        ])
    }

    /// The extension that names this CA's key (RFC 5280 §4.2.1.1).
    pub(crate) fn authority_key_identifier(&self, subject: &Name) -> der::Result<Extension> {
        let key_identifier = Some(self.key.public().key_identifier().0);
        AuthorityKeyIdentifier { key_identifier, ..Default::default() }.to_extension(subject, &[])
    }
}

/// An error of the ASN.1 encoding.
pub(crate) fn failed(error: der::Error) -> SandboxError {
    SandboxError::Issuing { reason: error.to_string() }
}

/// Signs `message` with SHA-256 and RSA for a certificate or CRL.
pub(crate) fn signature(key: &KeyPair, message: &[u8]) -> Result<BitString, SandboxError> {
    let refused = |_| SandboxError::Issuing { reason: "the CA's key did not sign".to_owned() };
    BitString::from_bytes(&key.sign_sha256(message).map_err(refused)?).map_err(failed)
}

/// A time as RFC 5280 §4.1.2.5 wants it: UTCTime until 2049, GeneralizedTime from 2050 on.
pub(crate) fn time(at: Timestamp) -> Result<Time, SandboxError> {
    let since_epoch = Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0));
    let time = match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => {
            Time::GeneralTime(GeneralizedTime::from_unix_duration(since_epoch).map_err(failed)?)
        }
    };
    Ok(time)
}

/// What goes into a certificate apart from its extensions.
struct ToBeSigned<'a> {
    issuer: &'a Name,
    subject: Name,
    public: &'a PublicKey,
    validity: (Timestamp, Timestamp),
}

impl ToBeSigned<'_> {
    /// Returns the serial number and the certificate in DER.
    fn sign(
        self,
        key: &KeyPair,
        extensions: Extensions,
    ) -> Result<(Vec<u8>, Vec<u8>), SandboxError> {
        let mut serial = random_bytes::<16>();
        serial[0] = serial[0] & 0x3f | 0x40; // positive, and always 16 bytes
        let (not_before, not_after) = self.validity;
        let tbs_certificate = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial).map_err(failed)?,
            signature: ceralacca_keystore::key::sha256_with_rsa(),
            issuer: self.issuer.clone(),
            validity: Validity { not_before: time(not_before)?, not_after: time(not_after)? },
            subject: self.subject,
            subject_public_key_info: self.public.info(),
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        };
        let signature = signature(key, &tbs_certificate.to_der().map_err(failed)?)?;
        let certificate = x509_cert::Certificate {
            signature_algorithm: tbs_certificate.signature.clone(),
            tbs_certificate,
            signature,
        };
        Ok((serial.to_vec(), certificate.to_der().map_err(failed)?))
    }
}

/// A comment that certificate viewers show. Netscape's extension; RFC 5280 has none for it.
struct Comment(Ia5String);

impl AssociatedOid for Comment {
    const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113730.1.13");
}

/// Where the list of revoked certificates is (RFC 5280 §4.2.1.13).
pub(crate) fn crl_distribution_point(url: &str, subject: &Name) -> der::Result<Extension> {
    let crl = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    CrlDistributionPoints(vec![DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![crl])),
        reasons: None,
        crl_issuer: None,
    }])
    .to_extension(subject, &[])
}

/// The comment that everything issued here has.
pub(crate) fn comment() -> der::Result<Extension> {
    let text = Ia5String::new("SANDBOX: issued by a pretend Agency, worth nothing outside tests")?;
    Ok(Extension {
        extn_id: Comment::OID,
        critical: false,
        extn_value: OctetString::new(Comment(text).0.to_der()?)?,
    })
}

/// C=IT, O=Agenzia delle Entrate SANDBOX, CN=`common_name`.
fn name(common_name: &str) -> der::Result<Name> {
    let parts = [
        (COUNTRY_NAME, "IT"),
        (ORGANIZATION_NAME, "Agenzia delle Entrate SANDBOX"),
        (COMMON_NAME, common_name),
    ];
    let mut names = Vec::new();
    for (oid, text) in parts {
        let value = Any::from(PrintableStringRef::new(text)?);
        let one = SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])?;
        names.push(RelativeDistinguishedName(one));
    }
    Ok(RdnSequence(names))
}

fn self_signed(key: &KeyPair, common_name: &str) -> Result<Certificate, SandboxError> {
    let subject = name(common_name).map_err(failed)?;
    // Requests are sealed for the CA's own key, hence keyEncipherment.
    let usage = KeyUsages::KeyCertSign | KeyUsages::CRLSign | KeyUsages::KeyEncipherment;
    root(key, subject, usage)
}

/// A certificate that signs itself and users' certificates, valid whatever the clock can be set to.
pub(crate) fn root(
    key: &KeyPair,
    subject: Name,
    usage: FlagSet<KeyUsages>,
) -> Result<Certificate, SandboxError> {
    let extensions = || -> der::Result<Extensions> {
        Ok(vec![
            key.public().key_identifier().to_extension(&subject, &[])?,
            BasicConstraints { ca: true, path_len_constraint: Some(0) }
                .to_extension(&subject, &[])?,
            KeyUsage(usage).to_extension(&subject, &[])?,
            comment()?,
        ])
    };
    let extensions = extensions().map_err(failed)?;
    let validity = (CLOCK_FIRST, CLOCK_LAST);
    let issuer = subject.clone();
    let to_be_signed = ToBeSigned { issuer: &issuer, subject, public: key.public(), validity };
    let (_, der) = to_be_signed.sign(key, extensions)?;
    Certificate::from_der(&der)
        .map_err(|_| SandboxError::Issuing { reason: "the CA's certificate".to_owned() })
}

/// The same date and time three years on, rounded up to full five minutes.
pub(crate) fn three_years_after(at: Timestamp) -> Timestamp {
    let later = at.to_zoned(TimeZone::UTC).checked_add(3.years()).map(|zoned| zoned.timestamp());
    let second = later.unwrap_or(Timestamp::MAX).as_second();
    let rounded = second.div_euclid(300) * 300 + if second % 300 == 0 { 0 } else { 300 };
    Timestamp::from_second(rounded).unwrap_or(Timestamp::MAX)
}

fn generate() -> Result<KeyPair, SandboxError> {
    KeyPair::generate().map_err(|_| SandboxError::Issuing { reason: "the CA's key".to_owned() })
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, SandboxError> {
    match regular_file::read(path, LARGEST_FILE) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(disk(path, &error)),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
    atomic_file::write_new(path, bytes).map_err(|error| disk(path, &error))
}

fn disk(path: &Path, error: &std::io::Error) -> SandboxError {
    SandboxError::Disk { path: path.display().to_string(), reason: error.to_string() }
}

fn unusable(path: &Path, reason: &str) -> SandboxError {
    SandboxError::Ca { path: path.display().to_string(), reason: reason.to_owned() }
}

/// PKCS#8, unencrypted, readable by its owner only: this CA certifies nothing that counts.
const KEY_FILE: &str = "ca-SANDBOX.p8";
/// A key or certificate of its own, in bytes.
const LARGEST_FILE: u64 = 64 << 10;
const CERTIFICATE_FILE: &str = "ca-SANDBOX.cer";
const RECEIPTS: &str = "Ricevute telematiche SANDBOX";
const CA_COMMON_NAME: &str = "CA Agenzia delle Entrate SANDBOX";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_ends_on_full_five_minutes() {
        for (start, end) in [
            ("2026-11-21T20:17:01Z", "2029-11-21T20:20:00Z"),
            ("2026-11-21T20:20:00Z", "2029-11-21T20:20:00Z"),
            ("2028-02-29T23:59:59Z", "2031-03-01T00:00:00Z"),
        ] {
            assert_eq!(three_years_after(start.parse().unwrap()), end.parse().unwrap());
        }
    }
}
