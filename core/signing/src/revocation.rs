//! Certificate revocation lists (RFC 5280 §5): whether one says that a certificate is revoked.

use ceralacca_ber as ber;
use ceralacca_ber::tag::{BOOLEAN, CONTEXT_0, INTEGER, OCTET_STRING, SEQUENCE};
use ceralacca_ber::{Element, Elements, Reason};
use ceralacca_keystore::PublicKey;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::ID_CE_ISSUING_DISTRIBUTION_POINT;
use der::asn1::{GeneralizedTime, UtcTime};
use der::{Decode, Encode};
use jiff::Timestamp;
use x509_cert::certificate::TbsCertificate;
use x509_cert::ext::pkix::crl::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};

use crate::rsa_signature;
use crate::trust::Crl;

/// What the lists say of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is on none, by a list that was in force; the words say which.
    NotRevoked(String),
    /// It is on one, since then.
    Revoked { since: Timestamp, source: String },
    /// No list of its issuer is there.
    NoList,
    /// There is a list, but it cannot be used; the words say why.
    Unusable(String),
}

/// Looks for `certificate` in the lists of its issuer, as of `at`.
pub(crate) fn status(
    certificate: &TbsCertificate,
    issuer: &TbsCertificate,
    crls: &[&Crl],
    at: Timestamp,
) -> Status {
    let Ok(name) = certificate.issuer.to_der() else { return Status::NoList };
    let mut found = Status::NoList;
    for crl in crls {
        let answer = match List::read(&crl.der) {
            Ok(list) if list.issuer != name => continue,
            Ok(list) => list.look_up(crl, certificate, issuer, at),
            Err(reason) => {
                Status::Unusable(format!("{} is no revocation list: {reason}", crl.source))
            }
        };
        match (&answer, &found) {
            (Status::Revoked { .. }, _) => return answer,
            (_, Status::NotRevoked(_)) => {}
            _ => found = answer,
        }
    }
    found
}

/// ```text
/// TBSCertList ::= SEQUENCE { version INTEGER OPTIONAL, signature AlgorithmIdentifier, issuer Name,
///     thisUpdate Time, nextUpdate Time OPTIONAL, revokedCertificates SEQUENCE OF SEQUENCE {
///         userCertificate INTEGER, revocationDate Time, crlEntryExtensions OPTIONAL } OPTIONAL,
///     crlExtensions [0] EXPLICIT Extensions OPTIONAL }
/// ```
/// RFC 5280 §5.1, walked through as it is: lists of millions are not kept.
struct List<'a> {
    issuer: &'a [u8],
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: Elements<'a>,
    extensions: Option<Element<'a>>,
}

impl<'a> List<'a> {
    fn read(der: &'a [u8]) -> Result<List<'a>, Reason> {
        let whole = Element::whole(der)?;
        let tbs = whole.inside().expect(SEQUENCE, "no TBSCertList")?;
        let mut inside = tbs.inside();
        inside.optional(INTEGER)?;
        inside.expect(SEQUENCE, "no signature algorithm")?;
        let issuer = inside.expect(SEQUENCE, "no issuer")?.raw;
        let this_update = inside.next()?.and_then(|one| time(&one)).ok_or("no date")?;
        let is_time = |tag: &u8| [UTC_TIME, GENERALIZED_TIME].contains(tag);
        let next_update = match inside.0.first().filter(|tag| is_time(tag)) {
            Some(_) => inside.next()?.and_then(|one| time(&one)),
            None => None,
        };
        let revoked = inside.optional(SEQUENCE)?.map_or(Elements(&[]), |one| one.inside());
        let extensions = inside.optional(CONTEXT_0)?;
        inside.end()?;
        Ok(List { issuer, this_update, next_update, revoked, extensions })
    }

    fn look_up(
        mut self,
        crl: &Crl,
        certificate: &TbsCertificate,
        issuer: &TbsCertificate,
        at: Timestamp,
    ) -> Status {
        let unusable = |why: &str| Status::Unusable(format!("{} {why}", crl.source));
        match is_by(&crl.der, issuer) {
            Some(true) => {}
            Some(false) => return unusable("was not signed by the issuer"),
            None => return unusable("is signed by an algorithm that is not accepted"),
        }
        match self.covers(certificate) {
            Ok(true) => {}
            Ok(false) => return Status::NoList,
            Err(reason) => return unusable(reason),
        }
        let serial = certificate.serial_number.as_bytes();
        loop {
            match self.revoked.next() {
                Ok(None) => break,
                Ok(Some(entry)) => {
                    let mut inside = entry.inside();
                    let number = inside.expect(INTEGER, "an entry without serial number");
                    if number.is_ok_and(|number| number.content == serial) {
                        let since = inside.next().ok().flatten().and_then(|one| time(&one));
                        let since = since.unwrap_or(Timestamp::MIN);
                        let source = crl.source.clone();
                        return if since <= at {
                            Status::Revoked { since, source }
                        } else {
                            Status::NotRevoked(format!("revoked afterwards, on {since}"))
                        };
                    }
                }
                Err(error) => return unusable(error.into()),
            }
        }
        self.freshness(crl, certificate, at)
    }

    /// Whether not being on the list says anything about `at`.
    fn freshness(&self, crl: &Crl, certificate: &TbsCertificate, at: Timestamp) -> Status {
        let source = &crl.source;
        let ended = instant(certificate.validity.not_after.to_unix_duration());
        if ended.is_none_or(|ended| self.this_update > ended) {
            return Status::Unusable(format!(
                "{source} is of {}, when the certificate had expired",
                self.this_update
            ));
        }
        match self.next_update {
            _ if self.this_update >= at => {}
            Some(next) if at <= next => {}
            Some(next) => return Status::Unusable(format!("{source} ended on {next}")),
            None => {
                return Status::Unusable(format!(
                    "{source} is of {} and says no end",
                    self.this_update
                ));
            }
        }
        Status::NotRevoked(format!("{source}, of {}", self.this_update))
    }

    /// Whether the list is about certificates such as this one (RFC 5280 §5.2.5).
    fn covers(&self, certificate: &TbsCertificate) -> Result<bool, Reason> {
        let Some(extensions) = self.extensions else { return Ok(true) };
        let mut inside = extensions.inside().expect(SEQUENCE, "damaged extensions")?.inside();
        while let Some(extension) = inside.next()? {
            let mut parts = extension.inside();
            let oid = parts.next()?.ok_or("a damaged extension")?.oid()?;
            let critical = parts.optional(BOOLEAN)?.is_some();
            let value = parts.expect(OCTET_STRING, "a damaged extension")?.content;
            if oid == ID_CE_ISSUING_DISTRIBUTION_POINT {
                if !in_scope(value, certificate)? {
                    return Ok(false);
                }
            } else if critical || oid == DELTA_CRL_INDICATOR {
                return Err("has a critical extension that is not followed");
            }
        }
        Ok(true)
    }
}

fn in_scope(value: &[u8], certificate: &TbsCertificate) -> Result<bool, Reason> {
    if !ber::is_der(value) {
        return Err("has a damaged issuing distribution point");
    }
    let point = IssuingDistributionPoint::from_der(value)
        .map_err(|_| "has a damaged issuing distribution point")?;
    if point.indirect_crl || point.only_some_reasons.is_some() {
        return Err("is indirect, or for some reasons only");
    }
    let is_ca = matches!(certificate.get::<BasicConstraints>(), Ok(Some((_, basic))) if basic.ca);
    if point.only_contains_attribute_certs
        || point.only_contains_ca_certs && !is_ca
        || point.only_contains_user_certs && is_ca
    {
        return Ok(false);
    }
    let Some(name) = point.distribution_point else { return Ok(true) };
    let points = certificate.get::<CrlDistributionPoints>().ok().flatten();
    let named = points.map(|(_, points)| points.0).unwrap_or_default();
    let here = uris(&name);
    let mut there = named.iter().filter_map(|point| point.distribution_point.as_ref());
    Ok(there.any(|one| *one == name || uris(one).iter().any(|uri| here.contains(uri))))
}

fn uris(name: &DistributionPointName) -> Vec<&str> {
    let DistributionPointName::FullName(names) = name else { return Vec::new() };
    names.iter().filter_map(uri).collect()
}

fn uri(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    }
}

fn is_by(der: &[u8], issuer: &TbsCertificate) -> Option<bool> {
    let signs_lists = match issuer.get::<KeyUsage>() {
        Ok(Some((_, usage))) => usage.0.contains(KeyUsages::CRLSign),
        Ok(None) => true,
        Err(_) => false,
    };
    let key = PublicKey::try_from(&issuer.subject_public_key_info).ok()?;
    Some(signs_lists && rsa_signature::is_signed_by(der, &key)?)
}

fn time(element: &Element<'_>) -> Option<Timestamp> {
    let duration = match element.tag {
        UTC_TIME => UtcTime::from_der(element.raw).ok()?.to_unix_duration(),
        GENERALIZED_TIME => GeneralizedTime::from_der(element.raw).ok()?.to_unix_duration(),
        _ => return None,
    };
    instant(duration)
}

fn instant(since_1970: std::time::Duration) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(since_1970.as_secs()).ok()?).ok()
}

const DELTA_CRL_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
