//! A private key with its certificate chain, as PKCS#12 and JKS files hold it.

use crate::certificate::Certificate;
use crate::error::KeystoreError;
use crate::key::KeyPair;

/// A private key under its alias, with its chain: the owner's certificate first, then its issuers.
#[derive(Debug)]
pub struct KeyEntry {
    /// `sign_keypair0`; empty when the file names none.
    pub alias: String,
    /// The private key.
    pub key: KeyPair,
    /// Never empty; `chain[0]` is of `key`.
    pub chain: Vec<Certificate>,
}

impl KeyEntry {
    /// The certificate of the key.
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// Puts an entry together; the first certificate must be of the key.
    pub fn new(
        container: &str,
        alias: &str,
        key: KeyPair,
        chain: Vec<Certificate>,
    ) -> Result<KeyEntry, KeystoreError> {
        let Some(certificate) = chain.first() else {
            return Err(KeystoreError::MissingEntry {
                container: container.to_owned(),
                expected: format!("a certificate of key {}", key.fingerprint()),
            });
        };
        if certificate.public() != key.public() {
            return Err(KeystoreError::KeyMismatch {
                container: container.to_owned(),
                key: key.fingerprint(),
                certificate: certificate.public().fingerprint(),
            });
        }
        Ok(KeyEntry { alias: alias.to_owned(), key, chain })
    }
}

/// The chain from `leaf` through its issuers among `others`, at most eight long.
pub(crate) fn chain_of(leaf: &Certificate, others: &[Certificate]) -> Vec<Certificate> {
    let mut chain = vec![leaf.clone()];
    while chain.len() < 8 {
        let last = &chain[chain.len() - 1];
        let issuer =
            others.iter().find(|other| last.names_issuer(other) && last.is_signed_by(other));
        match issuer {
            Some(issuer) if !chain.contains(issuer) => chain.push(issuer.clone()),
            _ => break,
        }
    }
    chain
}
