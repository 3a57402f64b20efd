//! What can be said of files that are not opened here: key containers, sealed files, certificates.

use std::path::Path;

use ceralacca_ber::tag::{CONTEXT_0, INTEGER, OID, SEQUENCE, SET};
use ceralacca_ber::{self as ber, Element, Reason, Stream, StreamError};
use ceralacca_keystore::Certificate;
use ceralacca_signing::{Anchor, Answer, Check, Purpose, Report, Trust};
use cms::content_info::ContentInfo;
use cms::enveloped_data::{RecipientIdentifier, RecipientInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::DB;
use const_oid::db::rfc5911::{ID_DATA, ID_ENCRYPTED_DATA};
use der::asn1::OctetString;
use der::{Decode, Encode};
use jiff::Timestamp;
use pkcs12::pfx::Pfx;

use crate::error::InspectError;
use crate::kind::Kind;
use crate::section::Section;

/// The report on a file that holds no signature and no mark that is read here.
pub(crate) fn of(path: &Path, kind: Kind, plain: Option<&Section>) -> Result<Report, InspectError> {
    let mut report = Report::on(kind.name());
    match (kind, plain) {
        (Kind::Pkcs12, Some(plain)) => pkcs12(path, plain, &mut report)?,
        (Kind::EnvelopedData, Some(plain)) => enveloped(path, plain, &mut report)?,
        _ => {
            let detail = match kind {
                Kind::Xml | Kind::Pdf => {
                    "no: signatures inside XML and PDF documents are not looked at"
                }
                _ => "no",
            };
            report.push(Check::new("file.signed", SIGNED, Answer::Unknown, detail));
        }
    }
    Ok(report)
}

/// The report on a certificate: what it is, and what speaks for it.
pub(crate) fn certificate(
    certificate: &Certificate,
    others: &[Certificate],
    trust: &Trust,
    at: Timestamp,
) -> Report {
    let mut report = Report::on(format!("certificate: {}", certificate.subject()));
    let note = |question, detail: String| {
        Check::new("certificate.details", question, Answer::Note, detail)
    };
    report.push(note("Who issued it?", certificate.issuer()));
    report.push(note("Which serial number has it?", certificate.serial()));
    report.push(note("What may it be used for?", certificate.key_usage()));
    let until = format!("from {} to {}", certificate.not_before(), certificate.not_after());
    report.push(note("When is it valid?", until));
    if certificate.is_ca() {
        report.push(authority(certificate, trust, at));
        return report;
    }
    let checks = trust.check_path(certificate, others, at, Purpose::Authority);
    // Nothing was signed with it here: for what it may be used was said above.
    report.checks.extend(checks.into_iter().filter(|check| check.code != "certificate.usage"));
    report
}

/// A CA's certificate is believed because it is an anchor, or because an anchor issued it.
fn authority(certificate: &Certificate, trust: &Trust, at: Timestamp) -> Check {
    let issued = |anchor: &&Anchor| {
        let ca = &anchor.certificate;
        let whole = certificate.names_issuer(ca) && certificate.is_signed_by(ca);
        whole && ca.allows_certificates() && certificate.is_valid_at(at)
    };
    let mut anchors = trust.anchors().iter();
    let (answer, detail) = if let Some(anchor) = anchors.find(|a| a.certificate == *certificate) {
        (Answer::Yes, format!("it is one, from {}", anchor.source))
    } else if let Some(anchor) = trust.anchors().iter().find(issued) {
        (Answer::Yes, format!("{}, from {}", anchor.certificate.subject(), anchor.source))
    } else {
        (Answer::Unknown, format!("none of {} issued it", trust.anchors().len()))
    };
    Check::new("certificate.chain", "Does the certificate lead to a trust anchor?", answer, detail)
}

/// PKCS#12 as far as it is readable without its password (RFC 7292 §4).
fn pkcs12(path: &Path, plain: &Section, report: &mut Report) -> Result<(), InspectError> {
    let bytes = plain.load(MAX_PKCS12).map_err(InspectError::disk("reading", path))?;
    let bytes = bytes.ok_or_else(|| InspectError::TooLarge {
        path: path.display().to_string(),
        part: Kind::Pkcs12.name().to_owned(),
        limit: MAX_PKCS12,
    })?;
    let malformed = |reason: &str| InspectError::malformed(path, Kind::Pkcs12, reason);
    let der = match ber::to_der(&bytes) {
        Ok((der, taken)) if taken == bytes.len() => der,
        Ok(_) => return Err(malformed("bytes follow its end")),
        Err(_) => return Err(malformed("not one element")),
    };
    let pfx = Pfx::from_der(&der).map_err(|_| malformed("no PFX"))?;
    let protection = match &pfx.mac_data {
        Some(mac) => {
            let digest = name_of(mac.mac.algorithm.oid);
            format!("a password, {digest} with {} iterations", mac.iterations)
        }
        None => "no password over the whole".to_owned(),
    };
    let note = |code, question, detail: String| Check::new(code, question, Answer::Note, detail);
    report.push(note("pkcs12.protection", "What protects it?", protection));
    report.push(note("pkcs12.contents", "What is in it?", parts_of(&pfx.auth_safe)));
    report.push(Check::new(
        "pkcs12.opened",
        "Do its keys and certificates belong together?",
        Answer::Unknown,
        "only its password opens it",
    ));
    Ok(())
}

/// The parts of an AuthenticatedSafe, by how they are protected.
fn parts_of(safe: &ContentInfo) -> String {
    let parts = || {
        let octets: OctetString = safe.content.decode_as().ok()?;
        let (der, _) = ber::to_der(octets.as_bytes()).ok()?;
        Vec::<ContentInfo>::from_der(&der).ok()
    };
    let Some(parts) = parts().filter(|_| safe.content_type == ID_DATA) else {
        return "parts that only the password shows".to_owned();
    };
    let names = parts.iter().map(|part| match part.content_type {
        ID_DATA => "keys, each encrypted",
        ID_ENCRYPTED_DATA => "certificates, encrypted",
        _ => "a part of another kind",
    });
    names.collect::<Vec<_>>().join("; ")
}

/// Who can open an EnvelopedData, and how it is sealed (RFC 5652 §6.1).
fn enveloped(path: &Path, plain: &Section, report: &mut Report) -> Result<(), InspectError> {
    let malformed = |error| InspectError::element(path, Kind::EnvelopedData, error);
    let (recipients, cipher) = sealed_for(plain).map_err(malformed)?;
    for recipient in recipients {
        let question = "For whom is it sealed?";
        report.push(Check::new("sealed.recipient", question, Answer::Note, recipient));
    }
    let question = "How is it sealed?";
    report.push(Check::new("sealed.cipher", question, Answer::Note, name_of(cipher)));
    report.push(Check::new(
        "sealed.opened",
        "Is what is inside signed?",
        Answer::Unknown,
        "only a recipient's private key opens it",
    ));
    Ok(())
}

fn sealed_for(plain: &Section) -> Result<(Vec<String>, ObjectIdentifier), StreamError> {
    let passed = |_: Element<'_>| Ok::<(), Reason>(());
    let mut ber = Stream::bounded(plain.from_start(), plain.length());
    ber.enter(SEQUENCE, "ContentInfo")?;
    ber.read(OID, MAX_RECIPIENT, "content type", passed)?;
    ber.enter(CONTEXT_0, "content")?;
    ber.enter(SEQUENCE, "EnvelopedData")?;
    ber.read(INTEGER, MAX_RECIPIENT, "version", passed)?;
    if ber.peek_tag()? == Some(CONTEXT_0) {
        ber.skip(MAX_RECIPIENTS, "originatorInfo")?;
    }
    ber.enter(SET, "recipients")?;
    let mut recipients = Vec::new();
    while ber.peek_tag()?.is_some() {
        if recipients.len() == MAX_NAMED {
            return Err(ber.malformed("more recipients than are read"));
        }
        recipients.push(recipient(&ber.element(MAX_RECIPIENT, "recipient")?));
    }
    ber.leave("recipients")?;
    ber.enter(SEQUENCE, "encrypted content")?;
    ber.read(OID, MAX_RECIPIENT, "type of the encrypted content", passed)?;
    ber.enter(SEQUENCE, "cipher")?;
    let cipher = ber.read(OID, MAX_RECIPIENT, "cipher", |one| one.oid())?;
    Ok((recipients, cipher))
}

/// Issuer and serial number of the recipient's certificate, or its key identifier.
fn recipient(bytes: &[u8]) -> String {
    let read = ber::to_der(bytes).ok().and_then(|(der, _)| RecipientInfo::from_der(&der).ok());
    match read {
        Some(RecipientInfo::Ktri(one)) => match &one.rid {
            RecipientIdentifier::IssuerAndSerialNumber(named) => {
                let issuer: Vec<String> =
                    named.issuer.0.iter().map(|part| part.to_string()).collect();
                let serial = hex::encode_upper(named.serial_number.as_bytes());
                format!("certificate {serial} of {}", issuer.join(", "))
            }
            RecipientIdentifier::SubjectKeyIdentifier(identifier) => {
                let der = identifier.to_der().unwrap_or_default();
                format!("key {}", hex::encode_upper(der.get(2..).unwrap_or_default()))
            }
        },
        Some(_) => "a recipient by another way than RSA".to_owned(),
        None => "a recipient that cannot be read".to_owned(),
    }
}

fn name_of(oid: ObjectIdentifier) -> String {
    match DB.by_oid(&oid) {
        Some(name) => format!("{name} ({oid})"),
        None => oid.to_string(),
    }
}

const SIGNED: &str = "Is it signed in a form that is read here?";
const MAX_PKCS12: u64 = 1 << 20;
const MAX_RECIPIENTS: u64 = 1 << 20;
const MAX_RECIPIENT: u64 = 64 << 10;
const MAX_NAMED: usize = 256;

#[cfg(test)]
mod tests {
    use ceralacca_kernel::Secret;
    use ceralacca_keystore::{enveloped_data, pkcs12};

    use super::*;
    use crate::fixtures::*;

    fn words(kind: Kind, bytes: &[u8]) -> Option<String> {
        let section = Section::of_bytes(bytes).unwrap();
        let report = of(Path::new("a file"), kind, Some(&section)).ok()?;
        let words = report.checks.iter().map(|check| check.detail.clone());
        Some(words.collect::<Vec<_>>().join(" | "))
    }

    #[test]
    fn containers_say_what_they_are_without_their_secrets() {
        let (entry, password) = (signer(), Secret::new("Parola12"));
        let p12 = pkcs12::write("a", &entry.key, &entry.chain, &password).unwrap();
        let said = words(Kind::Pkcs12, &p12).unwrap();
        assert!(said.contains("id-sha256") && said.contains("keys, each encrypted"), "{said}");
        let sealed = enveloped_data::seal(b"x", signer().certificate()).unwrap();
        let said = words(Kind::EnvelopedData, &sealed).unwrap();
        assert!(said.contains("certificate 02 of") && said.contains("aes256-CBC"), "{said}");
        for (kind, whole) in [(Kind::Pkcs12, p12), (Kind::EnvelopedData, sealed)] {
            for at in 0..whole.len() {
                words(kind, &whole[..at]);
                let mut damaged = whole.clone();
                damaged[at] ^= 0x80;
                words(kind, &damaged);
            }
        }
    }
}
