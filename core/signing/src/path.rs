//! Certificate paths: whether a certificate leads to a trust anchor and may do what it did.

use std::time::Duration;

use ceralacca_ber as ber;
use ceralacca_keystore::{Certificate, Utilizzo};
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_KP_TIME_STAMPING};
use der::Decode;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{
    EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath,
    anchor_from_trusted_cert, aws_lc_rs as algorithms,
};
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};

use crate::report::{Answer, Check};
use crate::revocation::{self, Status};
use crate::trust::{Anchor, Crl, Purpose, Trust};

impl Trust {
    /// Asks of `leaf`: does it lead to a trust anchor, was it valid `at`, may it do this, is its
    /// key strong, was it revoked? `others` are certificates that may stand between.
    ///
    /// An expired certificate is *unknown*, not wrong: who can show by a mark that the signature is
    /// older gives the time of the mark as `at`.
    pub fn check_path(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        at: Timestamp,
        purpose: Purpose,
    ) -> Vec<Check> {
        let others: Vec<&[u8]> = others.iter().map(Certificate::as_der).collect();
        self.follow(leaf, &others, &[], at, purpose).checks
    }

    /// As [`Trust::check_path`], with lists that came with the signature.
    pub(crate) fn follow(
        &self,
        leaf: &Certificate,
        others: &[&[u8]],
        crls: &[Crl],
        at: Timestamp,
        purpose: Purpose,
    ) -> Followed {
        let found = self.build(leaf, others, at);
        let chain = match &found {
            Ok(path) => Check::new(CHAIN.0, CHAIN.1, path.answer(leaf, at), path.words()),
            Err((answer, why)) => Check::new(CHAIN.0, CHAIN.1, *answer, why.clone()),
        };
        let mut checks = vec![chain, validity(leaf, at), usage(leaf, purpose), key(leaf)];
        if let Ok(path) = &found {
            let crls: Vec<&Crl> = self.crls().iter().chain(crls).collect();
            checks.extend(path.revocation(leaf, &crls, at, purpose));
        } else {
            let why = "not asked without a chain";
            checks.push(Check::new(REVOKED.0, REVOKED.1, Answer::Unknown, why));
        }
        Followed { checks, issuers: found.map(|path| path.issuers).unwrap_or_default() }
    }

    fn build(
        &self,
        leaf: &Certificate,
        others: &[&[u8]],
        at: Timestamp,
    ) -> Result<Path<'_>, (Answer, String)> {
        if self.anchors().is_empty() {
            return Err((Answer::Unknown, "no trust anchors are set".to_owned()));
        }
        if let Some(anchor) = self.anchors().iter().find(|anchor| anchor.certificate == *leaf) {
            return Ok(Path { issuers: Vec::new(), anchor });
        }
        let der = CertificateDer::from(leaf.as_der());
        let end = EndEntityCert::try_from(&der).map_err(|error| in_words(&error, self, leaf))?;
        let roots: Vec<CertificateDer<'_>> = self
            .anchors()
            .iter()
            .map(|anchor| CertificateDer::from(anchor.certificate.as_der()))
            .collect();
        let anchors: Vec<_> =
            roots.iter().filter_map(|root| anchor_from_trusted_cert(root).ok()).collect();
        let others: Vec<_> = others.iter().map(|other| CertificateDer::from(*other)).collect();
        // Whether the leaf itself was valid is a question of its own.
        let time = at.clamp(leaf.not_before(), leaf.not_after().max(leaf.not_before()));
        let seconds = u64::try_from(time.as_second()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let path = end
            .verify_for_usage(
                ALGORITHMS,
                &anchors,
                &others,
                time,
                AnyUsage,
                None,
                Some(&issuers_may),
            )
            .map_err(|error| in_words(&error, self, leaf))?;
        let key = path.anchor().subject_public_key_info.as_ref();
        let subject = path.anchor().subject.as_ref();
        let anchor = self.anchors().iter().find(|anchor| {
            let root = CertificateDer::from(anchor.certificate.as_der());
            anchor_from_trusted_cert(&root).is_ok_and(|root| {
                root.subject.as_ref() == subject && root.subject_public_key_info.as_ref() == key
            })
        });
        let issuers = path.intermediate_certificates().map(|one| one.der().to_vec()).collect();
        Ok(Path { issuers, anchor: anchor.expect("the path ends in one of the anchors") })
    }
}

/// The answers, and the certificates between the leaf and the anchor.
pub(crate) struct Followed {
    pub(crate) checks: Vec<Check>,
    pub(crate) issuers: Vec<Vec<u8>>,
}

/// A path that holds.
struct Path<'a> {
    /// Certificates between, the leaf's issuer first.
    issuers: Vec<Vec<u8>>,
    anchor: &'a Anchor,
}

impl Path<'_> {
    fn answer(&self, leaf: &Certificate, at: Timestamp) -> Answer {
        let time = at.clamp(leaf.not_before(), leaf.not_after().max(leaf.not_before()));
        let anchor = &self.anchor.certificate;
        if anchor == leaf || anchor.is_valid_at(time) { Answer::Yes } else { Answer::Unknown }
    }

    fn words(&self) -> String {
        let Anchor { certificate, source } = self.anchor;
        let until = certificate.not_after();
        format!("trust anchor {}, until {until}, from {source}", certificate.subject())
    }

    fn revocation(
        &self,
        leaf: &Certificate,
        crls: &[&Crl],
        at: Timestamp,
        purpose: Purpose,
    ) -> Vec<Check> {
        let anchor = &self.anchor.certificate;
        if anchor == leaf {
            return vec![Check::new(REVOKED.0, REVOKED.1, Answer::Note, "it is a trust anchor")];
        }
        let read = |der: &Vec<u8>| x509_cert::Certificate::from_der(der).ok();
        let between: Vec<_> = self.issuers.iter().filter_map(read).collect();
        if between.len() != self.issuers.len() {
            let why = "a certificate of the chain is not read here";
            return vec![Check::new(REVOKED.0, REVOKED.1, Answer::Unknown, why)];
        }
        let mut path: Vec<&TbsCertificate> = vec![&leaf.parsed().tbs_certificate];
        path.extend(between.iter().map(|one| &one.tbs_certificate));
        path.push(&anchor.parsed().tbs_certificate);
        let pairs = path.windows(2).enumerate();
        pairs
            .map(|(at_depth, pair)| {
                let asked = if at_depth == 0 { REVOKED } else { ISSUER_REVOKED };
                let status = revocation::status(pair[0], pair[1], crls, at);
                revocation_check(asked, status, &pair[0].issuer.to_string(), purpose)
            })
            .collect()
    }
}

fn revocation_check(
    (code, question): (&str, &str),
    status: Status,
    issuer: &str,
    purpose: Purpose,
) -> Check {
    let (answer, words) = match status {
        Status::NotRevoked(words) => (Answer::Yes, words),
        Status::Revoked { since, source } => {
            (Answer::No, format!("revoked on {since}, by {source}"))
        }
        Status::NoList if purpose == Purpose::Authority => {
            (Answer::Note, format!("no revocation list of {issuer}"))
        }
        Status::NoList => (Answer::Unknown, format!("no revocation list of {issuer}")),
        Status::Unusable(why) => (Answer::Unknown, why),
    };
    Check::new(code, question, answer, words)
}

fn validity(leaf: &Certificate, at: Timestamp) -> Check {
    let (from, until) = (leaf.not_before(), leaf.not_after());
    let (answer, words) = if at < from {
        (Answer::No, format!("valid from {from}, which is after {at}"))
    } else if at > until {
        let why = "and no mark shows that the signature was made before";
        (Answer::Unknown, format!("expired on {until}, before {at}, {why}"))
    } else {
        (Answer::Yes, format!("from {from} until {until}, at {at}"))
    };
    Check::new("certificate.validity", "Was the certificate valid at that time?", answer, words)
}

fn usage(leaf: &Certificate, purpose: Purpose) -> Check {
    let extended = leaf.parsed().tbs_certificate.get::<ExtendedKeyUsage>();
    let only_marks = matches!(
        &extended, Ok(Some((_, usage))) if usage.0 == [ID_KP_TIME_STAMPING]
    );
    let (holds, words) = match purpose {
        Purpose::Signing | Purpose::Authority => (leaf.allows(Utilizzo::Firma), String::new()),
        Purpose::TimeStamping => {
            let words = match (only_marks, is_critical(leaf)) {
                (true, true) => "extended key usage timeStamping, critical",
                (true, false) => "extended key usage timeStamping, but not critical",
                _ => "extended key usage other than timeStamping alone",
            };
            let holds = only_marks && is_critical(leaf) && leaf.allows(Utilizzo::Firma);
            (holds, format!("; {words}"))
        }
    };
    let words = format!("key usage {}{words}", leaf.key_usage());
    Check::is("certificate.usage", "May the certificate be used for this?", holds, words)
}

fn is_critical(leaf: &Certificate) -> bool {
    let extensions = leaf.parsed().tbs_certificate.extensions.iter().flatten();
    let mut found = extensions.filter(|one| one.extn_id == ID_CE_EXT_KEY_USAGE);
    found.next().is_some_and(|one| one.critical)
}

fn key(leaf: &Certificate) -> Check {
    let bits = leaf.public().bits();
    let holds = bits >= MIN_BITS;
    let words = format!("RSA, {bits} bits, at least {MIN_BITS} are asked for");
    Check::is("certificate.key", "Is the key strong enough?", holds, words)
}

/// webpki asks for basicConstraints; the key usage is asked for here (RFC 5280 §6.1.4 (n)).
fn issuers_may(path: &VerifiedPath<'_>) -> Result<(), Error> {
    let may = |der: &[u8]| {
        let usage = ber::is_der(der).then(|| x509_cert::Certificate::from_der(der).ok()).flatten();
        usage.is_some_and(|one| match one.tbs_certificate.get::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.0.contains(KeyUsages::KeyCertSign),
            Ok(None) => true,
            Err(_) => false,
        })
    };
    let all = path.intermediate_certificates().all(|one| may(&one.der()));
    if all { Ok(()) } else { Err(Error::EndEntityUsedAsCa) }
}

/// Whatever the extended key usage says: what it must say is a question of its own.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}

fn in_words(error: &Error, trust: &Trust, leaf: &Certificate) -> (Answer, String) {
    let no = |words: &str| (Answer::No, words.to_owned());
    let unknown = |words: &str| (Answer::Unknown, words.to_owned());
    match error {
        Error::UnknownIssuer => {
            let (count, issuer) = (trust.anchors().len(), leaf.issuer());
            let words = format!("leads to none of {count} trust anchors; issuer {issuer}");
            (Answer::Unknown, words)
        }
        Error::InvalidSignatureForPublicKey => no("a certificate was not signed by its issuer"),
        Error::CertExpired { .. } => unknown("the certificate of an issuer had expired"),
        Error::CertNotValidYet { .. } => no("the certificate of an issuer was not valid yet"),
        Error::CaUsedAsEndEntity => no("the certificate is a CA's"),
        Error::EndEntityUsedAsCa => no("an issuer is no CA, or may not sign certificates"),
        Error::PathLenConstraintViolated => no("an issuer allows no further CA below it"),
        Error::NameConstraintViolation => no("an issuer may not certify such names"),
        Error::UnsupportedCriticalExtension => unknown("a critical extension is not known"),
        other => (Answer::Unknown, format!("the chain cannot be followed: {other}")),
    }
}

const CHAIN: (&str, &str) = ("certificate.chain", "Does the certificate lead to a trust anchor?");
const REVOKED: (&str, &str) = ("certificate.revocation", "Is the certificate not revoked?");
const ISSUER_REVOKED: (&str, &str) = ("issuer.revocation", "Is the issuer's one not revoked?");
const MIN_BITS: usize = 2048;
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Contents, crl, intermediate, moment, root, trust};

    fn asked(trust: &Trust, leaf: &Certificate, purpose: Purpose) -> Vec<(String, Answer)> {
        let checks = trust.check_path(leaf, &[intermediate()], moment(), purpose);
        assert!(checks.iter().all(|check| !check.detail.is_empty()), "{checks:?}");
        let odd = checks.into_iter().filter(|check| check.answer != Answer::Yes);
        odd.map(|check| (check.code, check.answer)).collect()
    }

    fn odd(code: &str, answer: Answer) -> Vec<(String, Answer)> {
        vec![(code.to_owned(), answer)]
    }

    #[test]
    fn certificates_are_asked_one_thing_at_a_time() {
        let trust = trust();
        let by_ca = |contents: Contents| contents.signed_by(1);
        let base = Contents::signer;
        let cases = [
            (by_ca(base()), vec![]),
            (
                by_ca(Contents { years: (2024, 2026), ..base() }),
                odd("certificate.validity", Answer::Unknown),
            ),
            (
                by_ca(Contents { years: (2027, 2028), ..base() }),
                odd("certificate.validity", Answer::No),
            ),
            (
                by_ca(Contents { usage: KeyUsages::KeyEncipherment.into(), ..base() }),
                odd("certificate.usage", Answer::No),
            ),
        ];
        for (leaf, expected) in cases {
            // What had expired before the lists were made is no longer on them.
            let found = asked(&trust, &leaf, Purpose::Signing);
            let found: Vec<_> =
                found.into_iter().filter(|one| one.0 != "certificate.revocation").collect();
            assert_eq!(found, expected, "{leaf:?}");
        }
    }

    #[test]
    fn chains_that_do_not_hold() {
        let leaf = Contents::signer().signed_by(1);
        let code = |answer| ("certificate.chain".to_owned(), answer);
        assert_eq!(asked(&Trust::default(), &leaf, Purpose::Signing)[0], code(Answer::Unknown));
        let mut other = Trust::default();
        other.add_anchor(Contents::ca("Altra radice", 3).signed_by(3), "altra.cer");
        assert_eq!(asked(&other, &leaf, Purpose::Signing)[0], code(Answer::Unknown));
        let forged = Contents::signer().signed_by(3);
        assert_eq!(asked(&trust(), &forged, Purpose::Signing)[0], code(Answer::No));
        // An end certificate that plays CA.
        let issuer = Contents { serial: 30, ..Contents::signer() }.signed_by(1);
        let below =
            Contents { issuer: "Rossi Mario", subject: "Falso", key: 3, ..Contents::signer() };
        let below = below.signed_by(2);
        let checks =
            trust().check_path(&below, &[issuer, intermediate()], moment(), Purpose::Signing);
        assert_eq!(checks[0].answer, Answer::No, "{checks:?}");
        // A CA whose key may not sign certificates.
        let usage = KeyUsages::CRLSign.into();
        let ca = Contents { usage, serial: 2, ..Contents::ca("CA di prova", 1) }.signed_by(0);
        let checks = trust().check_path(&leaf, &[ca], moment(), Purpose::Signing);
        assert_eq!(checks[0].answer, Answer::No, "{checks:?}");
    }

    #[test]
    fn an_anchor_is_believed_as_it_is() {
        let leaf = Contents::signer().signed_by(1);
        let mut trust = Trust::default();
        trust.add_anchor(leaf.clone(), "firmatario.cer");
        let found = asked(&trust, &leaf, Purpose::Signing);
        assert_eq!(found, odd("certificate.revocation", Answer::Note));
    }

    #[test]
    fn marks_need_a_critical_extended_key_usage_alone() {
        let tsa = |extended| Contents { extended, ..Contents::tsa() }.signed_by(1);
        let (mark, other) = (ID_KP_TIME_STAMPING, const_oid::db::rfc5280::ID_KP_CODE_SIGNING);
        for (extended, holds) in [
            (Some((vec![mark], true)), true),
            (Some((vec![mark], false)), false),
            (Some((vec![mark, other], true)), false),
            (Some((vec![other], true)), false),
            (None, false),
        ] {
            let expected = if holds { vec![] } else { odd("certificate.usage", Answer::No) };
            let leaf = tsa(extended);
            assert_eq!(asked(&trust(), &leaf, Purpose::TimeStamping), expected);
        }
    }

    #[test]
    fn revocation_lists_must_be_there_fresh_and_genuine() {
        let leaf = Contents::signer().signed_by(1);
        let with = |lists: &[Vec<u8>]| {
            let mut trust = Trust::default();
            trust.add_anchor(root(), "radice.cer");
            trust.add_crl(&crl("Radice di prova", 0, &[]), "radice.crl");
            for list in lists {
                trust.add_crl(list, "ca.crl");
            }
            trust
        };
        let revoked = |since| crl("CA di prova", 1, &[(6, since), (7, since), (8, since)]);
        let free = crl("CA di prova", 1, &[]);
        let forged = crl("CA di prova", 3, &[(7, "260101000000Z")]);
        let code = "certificate.revocation";
        for (lists, expected) in [
            (vec![], odd(code, Answer::Unknown)),
            (vec![free.clone()], vec![]),
            (vec![revoked("260101000000Z")], odd(code, Answer::No)),
            (vec![free.clone(), revoked("260101000000Z")], odd(code, Answer::No)),
            (vec![revoked("260315000000Z")], vec![]),
            (vec![forged.clone()], odd(code, Answer::Unknown)),
            (vec![forged, free.clone()], vec![]),
            (vec![b"no list".to_vec()], odd(code, Answer::Unknown)),
        ] {
            assert_eq!(asked(&with(&lists), &leaf, Purpose::Signing), expected);
        }
        assert_eq!(asked(&with(&[]), &leaf, Purpose::Authority), odd(code, Answer::Note));
        let later = "2026-05-01T00:00:00Z".parse().unwrap();
        let checks = with(&[free]).check_path(&leaf, &[intermediate()], later, Purpose::Signing);
        let old: Vec<_> = checks.iter().filter(|check| check.answer == Answer::Unknown).collect();
        assert_eq!(old.len(), 2, "{checks:?}");
        let mut trust = with(&[]);
        trust.add_crl(&crl("Radice di prova", 0, &[(2, "260101000000Z")]), "radice.crl");
        assert!(
            asked(&trust, &leaf, Purpose::Signing)
                .contains(&("issuer.revocation".to_owned(), Answer::No))
        );
    }
}
