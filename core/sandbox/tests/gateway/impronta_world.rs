//! What the tests of the communication of the impronta share: an environment, marks, communications
//! and the sealing of them, right and wrong.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ceralacca_environment::{OpenEnvironment, PasswordForm};
use ceralacca_identity::CodiceFiscale;
use ceralacca_keystore::certif_in::{CertifIn, Expected};
use ceralacca_keystore::key::sha256_with_rsa;
use ceralacca_keystore::key_entry::KeyEntry;
use ceralacca_keystore::{Certificate, KeyPair, KeyPairs, certification_request};
use ceralacca_sandbox::Credentials;
use ceralacca_signing::{DigestAlgorithm, cades};
use ceralacca_submission::envelope;
use ceralacca_timestamp::{
    Formato, GenTime, Mark, MessageImprint, TST_INFO, TimestampResponse, TstInfo,
};
use ceralacca_xml::{
    Communication, Impronta, Marca, Nominativo, PeriodoImposta, Soggetto, Testo, Tipo,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_TIME_STAMPING;
use der::asn1::{BitString, Int, UtcTime};
use der::{DateTime, Encode};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::AsExtension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::client::{Answer, call};
use crate::forge;
use crate::world::World;

/// The signed index that everything is about.
pub(crate) const INDEX: &[u8] = b"indice firmato SANDBOX";

impl World {
    /// Has the account's keys certified and gives its environment.
    pub(crate) fn environment(&self, who: &Credentials, keys: &KeyPairs) -> OpenEnvironment {
        let token = self.login(who);
        let name = who.account.common_name();
        let receipt = self.processed(&token, &format!("pks10-{name}"), &self.request(who, keys));
        assert_eq!(receipt["stato"], "ELABORATO", "{receipt}");
        let protocollo = receipt["protocollo"].as_str().unwrap();
        certified(self, &token, protocollo, (&name, keys, &[self.ca()]))
    }

    /// Sealed as a client seals it; its clock is the sandbox's.
    pub(crate) fn sealed(&self, xml: &[u8], environment: &OpenEnvironment) -> Vec<u8> {
        let at = environment.firma.certificate().not_before();
        envelope(xml, environment, &[self.ca()], at).unwrap()
    }

    /// Submits a communication, and returns its receipt.
    pub(crate) fn filed(&self, token: &str, key: &str, file: &[u8]) -> Value {
        let answer = self.file(token, key, file);
        assert_eq!(answer.status, 201, "{}", answer.json());
        self.receipt(token, answer.json()["protocollo"].as_str().unwrap())
    }

    pub(crate) fn receipt(&self, token: &str, protocollo: &str) -> Value {
        self.get(token, &format!("/v1/receipts/{protocollo}")).json()
    }

    /// Submits a communication, and returns code and text of the rejection.
    pub(crate) fn refused(&self, token: &str, key: &str, file: &[u8]) -> (String, String) {
        let receipt = self.filed(token, key, file);
        assert_eq!(receipt["stato"], "SCARTATO", "{receipt}");
        let counts = &receipt["documenti"];
        assert_eq!((&counts["totale"], &counts["scartati"]), (&1.into(), &1.into()));
        let motivo = &receipt["motivo_di_scarto"];
        let text = motivo["text"].as_str().unwrap();
        assert!(text.starts_with("SANDBOX: "), "{text}");
        (motivo["code"].as_str().unwrap().to_owned(), text.to_owned())
    }

    /// Submits a communication as a right client would, and returns the code of the rejection.
    pub(crate) fn refusal_of(
        &self,
        (token, environment): (&str, &OpenEnvironment),
        key: &str,
        communication: &Communication,
    ) -> (String, String) {
        self.refused(token, key, &self.sealed(&communication.to_xml(), environment))
    }

    pub(crate) fn accepted(
        &self,
        (token, environment): (&str, &OpenEnvironment),
        key: &str,
        communication: &Communication,
    ) -> String {
        let receipt = self.filed(token, key, &self.sealed(&communication.to_xml(), environment));
        assert_eq!(receipt["stato"], "ELABORATO", "{receipt}");
        receipt["protocollo"].as_str().unwrap().to_owned()
    }

    pub(crate) fn file(&self, token: &str, key: &str, file: &[u8]) -> Answer {
        let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(file)));
        let headers = [
            ("authorization", &*format!("Bearer {token}")),
            ("idempotency-key", key),
            ("ceralacca-file-name", "comunicazione.ccf"),
            ("ceralacca-tipo-documento", "IMPRONTA"),
            ("content-digest", &digest),
        ];
        call(self.running.address, ("POST", "/v1/submissions"), &headers, file).unwrap()
    }
}

/// The environment that the CERTIF.IN of this receipt makes of the keys.
pub(crate) fn certified(
    world: &World,
    token: &str,
    protocollo: &str,
    (name, keys, authorities): (&str, &KeyPairs, &[Certificate]),
) -> OpenEnvironment {
    let path = format!("/v1/receipts/{protocollo}/attachments/CERTIF.IN");
    let expected = Expected {
        firma: keys.firma.public(),
        cifra: keys.cifra.public(),
        common_name: Some(name),
        authorities,
        at: world.sandbox.now(),
    };
    let certif_in = world.get(token, &path).body;
    let certified = CertifIn::from_der(&certif_in).unwrap().match_to(&expected).unwrap();
    let entry = |key: &KeyPair, chain: &[Certificate]| {
        KeyEntry::new("test", "test", forge::copy(key), chain.to_vec()).unwrap()
    };
    OpenEnvironment {
        firma: entry(&keys.firma, &certified.firma),
        cifra: entry(&keys.cifra, &certified.cifra),
        password_form: PasswordForm::AsTyped,
    }
}

/// A communication in order: of this subject for 2025, over [`INDEX`], marked at `at`.
pub(crate) fn communication(codice_fiscale: &str, at: Timestamp) -> Communication {
    over(INDEX, codice_fiscale, at)
}

/// As [`communication`], over another index.
pub(crate) fn over(index: &[u8], codice_fiscale: &str, at: Timestamp) -> Communication {
    let imprint = MessageImprint::of(DigestAlgorithm::Sha256, index);
    Communication {
        tipo: Tipo::Ordinaria,
        protocollo_sostituito: None,
        periodo_imposta: year(2025),
        soggetto_interessato: soggetto(codice_fiscale),
        responsabile: None,
        delegati: Vec::new(),
        luogo: None,
        tipi_documento: vec!["D01".to_owned()],
        marca: Marca { formato: Formato::Tsr, bytes: mark(&imprint, at).tsr() },
        impronta: Impronta { algoritmo: imprint.algorithm, digest: imprint.digest },
    }
}

pub(crate) fn soggetto(codice_fiscale: &str) -> Soggetto {
    Soggetto {
        codice_fiscale: CodiceFiscale::parse(codice_fiscale).unwrap(),
        nominativo: Nominativo::Denominazione(Testo::parse("Ditta di prova").unwrap()),
    }
}

pub(crate) fn year(year: i16) -> PeriodoImposta {
    let day = |month, day| -> Date { date(year, month, day) };
    PeriodoImposta { dal: day(1, 1), al: day(12, 31) }
}

/// A mark of an authority that nobody knows, made at `at`.
pub(crate) fn mark(imprint: &MessageImprint, at: Timestamp) -> Mark {
    let info = TstInfo {
        policy: ObjectIdentifier::new_unwrap("1.2.3.4"),
        message_imprint: imprint.clone(),
        serial_number: Int::new(&[1]).unwrap(),
        gen_time: GenTime::new(at),
        accuracy: None,
        ordering: false,
        nonce: None,
        tsa: None,
        extensions: None,
    };
    let info = info.to_der().unwrap();
    let options = cades::Options { detached: false, signing_time: at, content_type: TST_INFO };
    let mut token = Vec::new();
    cades::sign(&*info, Some(info.len() as u64), &mut token, tsa(), &options).unwrap();
    Mark::from_bytes(&TimestampResponse::granted(&token).unwrap()).unwrap()
}

fn tsa() -> &'static KeyEntry {
    static TSA: OnceLock<KeyEntry> = OnceLock::new();
    TSA.get_or_init(|| {
        let key = forge::short_key();
        let certificate = certificate(&key, ("CA di prova", "TSA di prova"), true);
        KeyEntry::new("test", "test", key, vec![certificate]).unwrap()
    })
}

/// A certificate that the key of it has signed itself, under the name of another issuer.
pub(crate) fn certificate(
    key: &KeyPair,
    (issuer, subject): (&str, &str),
    time_stamping: bool,
) -> Certificate {
    let subject = certification_request::subject(subject).unwrap();
    let year = |year| {
        let date = DateTime::new(year, 1, 1, 0, 0, 0).unwrap();
        Time::UtcTime(UtcTime::from_date_time(date).unwrap())
    };
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
    let mut extensions = vec![usage.to_extension(&subject, &[]).unwrap()];
    if time_stamping {
        let usage = ExtendedKeyUsage(vec![ID_KP_TIME_STAMPING]);
        let mut extension = usage.to_extension(&subject, &[]).unwrap();
        extension.critical = true;
        extensions.push(extension);
    }
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&[0x4a, 0x91, 0x0c]).unwrap(),
        signature: sha256_with_rsa(),
        issuer: certification_request::subject(issuer).unwrap(),
        validity: Validity { not_before: year(2020), not_after: year(2040) },
        subject,
        subject_public_key_info: key.public().info(),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signature = key.sign_sha256(&tbs_certificate.to_der().unwrap()).unwrap();
    let certificate = x509_cert::Certificate {
        tbs_certificate,
        signature_algorithm: sha256_with_rsa(),
        signature: BitString::from_bytes(&signature).unwrap(),
    };
    Certificate::from_der(&certificate.to_der().unwrap()).unwrap()
}
