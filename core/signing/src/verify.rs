//! Verification of a SignedData: for each signature the questions and their answers.

use std::cell::Cell;
use std::collections::BTreeMap;

use ceralacca_ber::tag::{CONTEXT_1, SEQUENCE};
use ceralacca_ber::{Element, encode};
use ceralacca_keystore::Certificate;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_COUNTERSIGNATURE, ID_DATA};
use jiff::Timestamp;

use crate::algorithm::Algorithm;
use crate::cades::ALGORITHM_PROTECTION;
use crate::digest::DigestAlgorithm;
use crate::path::Followed;
use crate::report::{Answer, Check, Report};
use crate::rsa_signature::{self, Signed};
use crate::signed_data::SignedData;
use crate::signer_info::{SIGNATURE_TIME_STAMP, SignerInfo};
use crate::trust::{Crl, Purpose, Trust};

/// Asks everything there is to ask of each signature; one report per signer, in their order.
///
/// `at` is the time of the questions on the certificate: that of a verified mark on the signature,
/// or now. The marks themselves are not looked at: [`SignerInfo::signature_timestamps`] has them.
/// Without any signer there is one report, and its verdict is *invalid*.
pub fn verify(signed: &SignedData, trust: &Trust, at: Timestamp, purpose: Purpose) -> Vec<Report> {
    if signed.signers.is_empty() {
        let mut report = Report::on("signatures");
        report.push(Check::is("signature.present", "Is there a signature?", false, "none"));
        return vec![report];
    }
    let crl = |der: &Vec<u8>| Crl { der: der.clone(), source: "a list in the file".to_owned() };
    let context = Context {
        signed,
        trust,
        others: signed
            .certificates
            .iter()
            .map(Certificate::as_der)
            .chain(signed.other_certificates.iter().map(Vec::as_slice))
            .collect(),
        crls: signed.crls.iter().map(crl).collect(),
        at,
        purpose,
        reports_left: Cell::new(MAX_REPORTS),
    };
    let content = Content { digests: Some(&signed.digests), content_type: signed.content_type };
    let count = signed.signers.len();
    let mut issuers = Vec::new();
    let mut reports: Vec<Report> = signed
        .signers
        .iter()
        .enumerate()
        .map(|(at, signer)| {
            let name = format!("signature {} of {count}", at + 1);
            context.report(&name, signer, &content, 0, &mut issuers)
        })
        .collect();
    let whole = [context.structure(), context.certificates(&issuers)];
    for report in &mut reports {
        report.checks.extend(whole.iter().flatten().cloned());
    }
    reports
}

/// What is the same for every signature of a file.
struct Context<'a> {
    signed: &'a SignedData,
    trust: &'a Trust,
    others: Vec<&'a [u8]>,
    crls: Vec<Crl>,
    at: Timestamp,
    purpose: Purpose,
    /// Signatures that are still looked at: hostile files nest thousands.
    reports_left: Cell<usize>,
}

/// What a signature should be over.
struct Content<'a> {
    /// `None` where there was no content to hash.
    digests: Option<&'a BTreeMap<DigestAlgorithm, Vec<u8>>>,
    content_type: ObjectIdentifier,
}

impl Context<'_> {
    fn report(
        &self,
        name: &str,
        signer: &SignerInfo,
        content: &Content<'_>,
        depth: usize,
        issuers: &mut Vec<Vec<u8>>,
    ) -> Report {
        let certificate = self.certificate_of(signer);
        let who = certificate.map(Certificate::common_name).filter(|name| !name.is_empty());
        let mut report = Report::on(match who {
            Some(who) => format!("{name}, {who}"),
            None => name.to_owned(),
        });
        report.push(self.certificate_check(signer, certificate));
        report.push(digest_algorithm(signer));
        report.push(content_digest(signer, content));
        if depth == 0 {
            report.push(content_type(signer, content));
        }
        report.push(value(signer, certificate, content));
        report.checks.extend(self.signing_certificate(signer, certificate, depth));
        report.checks.extend(algorithm_protection(signer));
        report.checks.extend(odd_signer(signer));
        report.checks.extend(reordered(signer, certificate));
        if let Some(time) = signer.signing_time() {
            let question = "When does the signer say it was made?";
            report.push(Check::new("signature.time", question, Answer::Note, time.to_string()));
        }
        if let Some(certificate) = certificate {
            let Followed { checks, issuers: found } =
                self.trust.follow(certificate, &self.others, &self.crls, self.at, self.purpose);
            report.checks.extend(checks);
            issuers.extend(found);
        }
        report.parts = self.countersignatures(name, signer, depth, issuers);
        report
    }

    fn certificate_of(&self, signer: &SignerInfo) -> Option<&Certificate> {
        let inside = self.signed.certificates.iter();
        let known = self.trust.anchors().iter().map(|anchor| &anchor.certificate);
        inside.chain(known).find(|certificate| signer.is_by(certificate))
    }

    fn certificate_check(&self, signer: &SignerInfo, found: Option<&Certificate>) -> Check {
        let question = "Is the signer's certificate there?";
        let (answer, words) = match found {
            Some(certificate) => {
                let (subject, issuer) = (certificate.subject(), certificate.issuer());
                let serial = certificate.serial();
                (Answer::Yes, format!("{subject}; issued by {issuer}, serial number {serial}"))
            }
            None if self.signed.other_certificates.is_empty() => {
                let words = "neither inside nor among the trust anchors";
                (Answer::Unknown, format!("{words}: {}", signer.identifier))
            }
            None => {
                let words = "the certificates inside have no RSA key, or are not read here";
                (Answer::Unknown, words.to_owned())
            }
        };
        Check::new("signature.certificate", question, answer, words)
    }

    /// Asked of documents and marks; the Agency's own files need not have the attribute.
    fn signing_certificate(
        &self,
        signer: &SignerInfo,
        certificate: Option<&Certificate>,
        depth: usize,
    ) -> Option<Check> {
        let question = "Does the signature name this certificate?";
        let check = |answer, words: &str| {
            Check::new("signature.signing_certificate", question, answer, words)
        };
        let named = match signer.signing_certificate() {
            Ok(Some(named)) => named,
            Ok(None) if self.purpose == Purpose::Authority || depth > 0 => {
                return Some(check(Answer::Note, "no signing-certificate attribute"));
            }
            Ok(None) if self.purpose == Purpose::Signing => {
                // An older or a foreign program made it; another certificate of the same key
                // would do as well.
                let words = "no signing-certificate attribute: plain CMS, not CAdES";
                return Some(check(Answer::Unknown, words));
            }
            Ok(None) => return Some(check(Answer::No, "no signing-certificate attribute")),
            Err(reason) => return Some(check(Answer::No, reason)),
        };
        let sha1 = named.algorithm == DigestAlgorithm::Sha1.oid();
        Some(match named.names(certificate?) {
            Some(false) => check(Answer::No, "it names another certificate"),
            None => check(Answer::Unknown, &format!("by digest {}", named.algorithm)),
            Some(true) if sha1 && self.purpose == Purpose::Signing => {
                check(Answer::Unknown, "by SHA-1 only, which another certificate may share")
            }
            Some(true) if sha1 => check(Answer::Yes, "signing-certificate, by SHA-1"),
            Some(true) => check(Answer::Yes, "signing-certificate-v2"),
        })
    }

    fn countersignatures(
        &self,
        name: &str,
        signer: &SignerInfo,
        depth: usize,
        issuers: &mut Vec<Vec<u8>>,
    ) -> Vec<Report> {
        let found = signer.countersignatures();
        let left = self.reports_left.get();
        if !found.is_empty() && (depth >= MAX_DEPTH || found.len() > left) {
            let mut report = Report::on(format!("countersignatures of {name}"));
            let question = "Are they all read?";
            let words = "they are too many, or nested too deeply";
            report.push(Check::new(UNSIGNED, question, Answer::Unknown, words));
            return vec![report];
        }
        self.reports_left.set(left - found.len());
        let mut digests = BTreeMap::new();
        for algorithm in DigestAlgorithm::ALL.iter().filter(|_| !found.is_empty()) {
            digests.insert(*algorithm, algorithm.digest(signer.signature()));
        }
        let content = Content { digests: Some(&digests), content_type: ID_DATA };
        let read = |(at, one): (usize, Result<SignerInfo, &'static str>)| {
            let name = format!("countersignature {} of {name}", at + 1);
            match one {
                Ok(one) => self.report(&name, &one, &content, depth + 1, issuers),
                Err(reason) => {
                    let mut report = Report::on(name);
                    report.push(Check::is(UNSIGNED, "Is it readable?", false, reason));
                    report
                }
            }
        };
        found.into_iter().enumerate().map(read).collect()
    }

    /// What no signature covers, but RFC 5652 fixes.
    fn structure(&self) -> Option<Check> {
        let odd = &self.signed.oddities;
        let question = "Is the file written as RFC 5652 asks?";
        (!odd.is_empty())
            .then(|| Check::new("signature.structure", question, Answer::Unknown, odd.join("; ")))
    }

    /// Certificates that nobody vouches for may be there by accident, or not be what was put there.
    fn certificates(&self, issuers: &[Vec<u8>]) -> Option<Check> {
        if self.trust.anchors().is_empty() {
            return None;
        }
        let anchors = self.trust.anchors().iter().map(|anchor| &anchor.certificate);
        let known: Vec<&Certificate> = self.signed.certificates.iter().chain(anchors).collect();
        let vouched =
            |one: &Certificate| {
                issuers.iter().any(|der| der == one.as_der())
                    || self.trust.anchors().iter().any(|anchor| anchor.certificate == *one)
                    || known.iter().filter(|ca| one.names_issuer(ca)).take(MAX_ISSUERS).any(|ca| {
                        rsa_signature::is_signed_by(one.as_der(), ca.public()) == Some(true)
                    })
            };
        let signers: Vec<&Certificate> =
            self.signed.signers.iter().filter_map(|signer| self.certificate_of(signer)).collect();
        let others = self.signed.certificates.iter().filter(|one| !signers.contains(one));
        let mut odd: Vec<String> =
            others.filter(|one| !vouched(one)).map(Certificate::subject).collect();
        let unread = self.signed.other_certificates.iter();
        let unread = unread.filter(|der| !issuers.contains(der)).count();
        if unread > 0 {
            odd.push(format!("{unread} without an RSA key, or damaged"));
        }
        let question = "Do the certificates inside belong to the signatures?";
        (!odd.is_empty()).then(|| {
            Check::new("signature.certificates", question, Answer::Unknown, odd.join("; "))
        })
    }
}

fn digest_algorithm(signer: &SignerInfo) -> Check {
    let question = "Is the digest algorithm accepted?";
    let (answer, words) = match signer.digest() {
        Some(digest) if digest.is_accepted() => (Answer::Yes, digest.name().to_owned()),
        Some(digest) => (Answer::No, format!("{digest} is too weak")),
        None => (Answer::Unknown, format!("{} is not known", signer.digest_algorithm.oid)),
    };
    Check::new("signature.digest_algorithm", question, answer, words)
}

fn content_digest(signer: &SignerInfo, content: &Content<'_>) -> Check {
    let check = |answer, words: String| {
        let question = "Does the content have the signed digest?";
        Check::new("signature.digest", question, answer, words)
    };
    let Some(algorithm) = signer.digest() else {
        return check(Answer::Unknown, format!("by {}", signer.digest_algorithm.oid));
    };
    let digests = content.digests.filter(|digests| !digests.is_empty());
    let Some(digests) = digests else {
        return check(Answer::Unknown, "the content is not here".to_owned());
    };
    let Some(found) = digests.get(&algorithm) else {
        return check(Answer::Unknown, format!("{algorithm} is not announced in the file"));
    };
    if !signer.has_signed_attributes() {
        // The signature itself is over the content.
        return check(Answer::Note, "the content is signed alone".to_owned());
    }
    match signer.message_digest() {
        Ok(Some(signed)) if signed == *found => {
            check(Answer::Yes, format!("{algorithm} {}", hex::encode(found)))
        }
        Ok(Some(signed)) => {
            let (signed, found) = (hex::encode(signed), hex::encode(found));
            check(Answer::No, format!("{algorithm}: signed {signed}, found {found}"))
        }
        Ok(None) => check(Answer::No, "no message-digest attribute".to_owned()),
        Err(reason) => check(Answer::No, reason.to_owned()),
    }
}

fn content_type(signer: &SignerInfo, content: &Content<'_>) -> Check {
    let expected = content.content_type;
    let (holds, words) = match signer.content_type() {
        Ok(Some(found)) => (found == expected, format!("signed as {found}, written as {expected}")),
        // RFC 5652 §5.3: without signed attributes only id-data may be signed.
        Ok(None) if !signer.has_signed_attributes() => {
            (expected == ID_DATA, format!("{expected}, signed alone"))
        }
        Ok(None) => (false, "no content-type attribute".to_owned()),
        Err(reason) => (false, reason.to_owned()),
    };
    Check::is("signature.content_type", "Is the kind of content what was signed?", holds, words)
}

fn value(signer: &SignerInfo, certificate: Option<&Certificate>, content: &Content<'_>) -> Check {
    let check = |answer, words: String| {
        let question = "Was the signature made with the key of the certificate?";
        Check::new("signature.value", question, answer, words)
    };
    let (Some(certificate), Some(digest)) = (certificate, signer.digest()) else {
        return check(Answer::Unknown, "certificate or digest algorithm is not known".to_owned());
    };
    let algorithm = signer.signature_algorithm.oid;
    let Some(scheme) = signer.signature_algorithm.scheme(digest) else {
        return check(Answer::Unknown, format!("algorithm {algorithm} with {digest} is not read"));
    };
    let key = certificate.public();
    let verifies = |signed| rsa_signature::verifies(key, scheme, signed, signer.signature());
    let holds = if signer.has_signed_attributes() {
        let messages = signer.signed_messages();
        messages.iter().any(|message| verifies(Signed::Message(message)))
    } else {
        match content.digests.and_then(|digests| digests.get(&digest)) {
            Some(digest) => verifies(Signed::Digest(digest)),
            None => return check(Answer::Unknown, "the content is not here".to_owned()),
        }
    };
    let words = if holds { "it was" } else { "it was not, or something signed has changed" };
    check(if holds { Answer::Yes } else { Answer::No }, format!("{words} (RSA, {digest})"))
}

/// RFC 5652 §5.3: the attributes are written as they are signed, in DER. Where they only verify
/// after they were put into its order, somebody has moved them, or wrote them as nobody should.
fn reordered(signer: &SignerInfo, certificate: Option<&Certificate>) -> Option<Check> {
    let scheme = signer.signature_algorithm.scheme(signer.digest()?)?;
    let messages = signer.signed_messages();
    let [written, _] = messages.as_slice() else { return None };
    let message = Signed::Message(written);
    let holds = rsa_signature::verifies(certificate?.public(), scheme, message, signer.signature());
    let question = "Are the signed attributes in the order that was signed?";
    let words = "only once they are sorted";
    (!holds).then(|| Check::new("signature.order", question, Answer::Unknown, words))
}

/// RFC 6211 §3: where the attribute is there, it must say what is written outside it.
fn algorithm_protection(signer: &SignerInfo) -> Option<Check> {
    let read = || -> Result<Option<bool>, &'static str> {
        let Some(value) = signer.signed_value(ALGORITHM_PROTECTION)? else { return Ok(None) };
        let value = Element::whole(value)?;
        let mut inside = value.inside();
        let digest = inside.expect(SEQUENCE, "no digest algorithm")?;
        let signature = inside.expect(CONTEXT_1, "no signature algorithm")?;
        let signature = encode(SEQUENCE, signature.content);
        Ok(Some(
            Algorithm::from_element(&digest)? == signer.digest_algorithm
                && Algorithm::from_element(&Element::whole(&signature)?)?
                    == signer.signature_algorithm,
        ))
    };
    let holds = read().unwrap_or(Some(false))?;
    let words = if holds { "they are" } else { "the file was changed after signing" };
    let question = "Are the algorithms those that were signed?";
    Some(Check::is("signature.algorithms", question, holds, words))
}

/// What in a SignerInfo no signature covers: its version, parameters, unsigned attributes.
fn odd_signer(signer: &SignerInfo) -> Option<Check> {
    use crate::signer_info::SignerIdentifier as Id;
    let mut odd: Vec<String> = Vec::new();
    let expected = if matches!(signer.identifier, Id::IssuerAndSerial { .. }) { 1 } else { 3 };
    if signer.version != expected {
        odd.push(format!("version {} instead of {expected}", signer.version));
    }
    if !signer.digest_algorithm.has_no_parameters() {
        odd.push("parameters of the digest algorithm".to_owned());
    }
    for attribute in &signer.unsigned_attributes {
        if !KNOWN_UNSIGNED.contains(&attribute.oid) {
            odd.push(format!("attribute {} is not read", attribute.oid));
        }
    }
    let question = "Is there nothing else in it?";
    (!odd.is_empty()).then(|| Check::new(UNSIGNED, question, Answer::Unknown, odd.join("; ")))
}

const UNSIGNED: &str = "signature.unsigned";
const MAX_DEPTH: usize = 4;
/// Countersignatures that are looked at in one file.
const MAX_REPORTS: usize = 64;
/// Issuers of one name that are tried.
const MAX_ISSUERS: usize = 4;

/// Unsigned attributes that say nothing against a signature: marks, countersignatures, and the
/// evidence for later of RFC 5126 §6 and EN 319 122-1 §5.
const KNOWN_UNSIGNED: [ObjectIdentifier; 12] = [
    SIGNATURE_TIME_STAMP,
    ID_COUNTERSIGNATURE,
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.21"), // certificate references
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.22"), // revocation references
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.23"), // certificate values
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.24"), // revocation values
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.25"), // CAdES-C time-stamp
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.26"), // certificates and CRLs, stamped
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.48"), // archive time-stamp, version 2
    ObjectIdentifier::new_unwrap("0.4.0.1733.2.4"),             // archive time-stamp, version 3
    ObjectIdentifier::new_unwrap("0.4.0.1733.2.2"),             // long-term validation
    ObjectIdentifier::new_unwrap("0.4.0.1733.2.5"),             // ATS hash index
];
