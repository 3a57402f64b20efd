//! Names of algorithms that key stores and sealed files may ask for, read here or not.

use const_oid::ObjectIdentifier;

/// `scrypt (1.3.6.1.4.1.11591.4.11)`; the identifier alone when it has no name here.
pub(crate) fn with_identifier(oid: ObjectIdentifier) -> String {
    let identifier = oid.to_string();
    match name(&identifier) {
        Some(name) => format!("{name} ({identifier})"),
        None => identifier,
    }
}

/// The name of an algorithm, by its identifier in dotted form.
pub(crate) fn name(identifier: &str) -> Option<&'static str> {
    let found = NAMES.iter().find(|(known, _)| *known == identifier);
    found.map(|(_, name)| *name)
}

/// Those that programs of the last thirty years write.
const NAMES: [(&str, &str); 98] = [
    // PKCS#5: PBES1, PBES2 and their parts (RFC 8018, RFC 7914, RFC 9579).
    ("1.2.840.113549.1.5.1", "PBE-MD2-DES"),
    ("1.2.840.113549.1.5.3", "PBE-MD5-DES"),
    ("1.2.840.113549.1.5.4", "PBE-MD2-RC2"),
    ("1.2.840.113549.1.5.6", "PBE-MD5-RC2"),
    ("1.2.840.113549.1.5.10", "PBE-SHA1-DES"),
    ("1.2.840.113549.1.5.11", "PBE-SHA1-RC2"),
    ("1.2.840.113549.1.5.12", "PBKDF2"),
    ("1.2.840.113549.1.5.13", "PBES2"),
    ("1.2.840.113549.1.5.14", "PBMAC1"),
    ("1.3.6.1.4.1.11591.4.11", "scrypt"),
    // PKCS#12's own (RFC 7292 appendix C).
    ("1.2.840.113549.1.12.1.1", "PBE-SHA1-RC4-128"),
    ("1.2.840.113549.1.12.1.2", "PBE-SHA1-RC4-40"),
    ("1.2.840.113549.1.12.1.3", "PBE-SHA1-3DES"),
    ("1.2.840.113549.1.12.1.4", "PBE-SHA1-2DES"),
    ("1.2.840.113549.1.12.1.5", "PBE-SHA1-RC2-128"),
    ("1.2.840.113549.1.12.1.6", "PBE-SHA1-RC2-40"),
    // Java's.
    ("1.3.6.1.4.1.42.2.17.1.1", "JKS key protector"),
    ("1.3.6.1.4.1.42.2.19.1", "JCEKS key protector"),
    // Ciphers.
    ("1.3.14.3.2.7", "DES-CBC"),
    ("1.2.840.113549.3.2", "RC2-CBC"),
    ("1.2.840.113549.3.4", "RC4"),
    ("1.2.840.113549.3.7", "3DES-CBC"),
    ("1.2.840.113549.3.9", "RC5-CBC"),
    ("1.2.840.113533.7.66.10", "CAST5-CBC"),
    ("1.3.6.1.4.1.3029.1.2", "Blowfish-CBC"),
    ("1.3.6.1.4.1.188.7.1.1.2", "IDEA-CBC"),
    ("1.2.410.200004.1.4", "SEED-CBC"),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128-CBC"),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192-CBC"),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256-CBC"),
    ("2.16.840.1.101.3.4.1.2", "AES-128-CBC"),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
    ("2.16.840.1.101.3.4.1.22", "AES-192-CBC"),
    ("2.16.840.1.101.3.4.1.26", "AES-192-GCM"),
    ("2.16.840.1.101.3.4.1.42", "AES-256-CBC"),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ("1.3.14.3.2.6", "DES-ECB"),
    ("1.3.14.3.2.8", "DES-OFB"),
    ("1.3.14.3.2.9", "DES-CFB"),
    ("2.16.840.1.101.3.4.1.1", "AES-128-ECB"),
    ("2.16.840.1.101.3.4.1.3", "AES-128-OFB"),
    ("2.16.840.1.101.3.4.1.4", "AES-128-CFB"),
    ("2.16.840.1.101.3.4.1.7", "AES-128-CCM"),
    ("2.16.840.1.101.3.4.1.21", "AES-192-ECB"),
    ("2.16.840.1.101.3.4.1.23", "AES-192-OFB"),
    ("2.16.840.1.101.3.4.1.24", "AES-192-CFB"),
    ("2.16.840.1.101.3.4.1.27", "AES-192-CCM"),
    ("2.16.840.1.101.3.4.1.41", "AES-256-ECB"),
    ("2.16.840.1.101.3.4.1.43", "AES-256-OFB"),
    ("2.16.840.1.101.3.4.1.44", "AES-256-CFB"),
    ("2.16.840.1.101.3.4.1.47", "AES-256-CCM"),
    ("1.2.410.200046.1.1.2", "ARIA-128-CBC"),
    ("1.2.410.200046.1.1.3", "ARIA-128-CFB"),
    ("1.2.410.200046.1.1.4", "ARIA-128-OFB"),
    ("1.2.410.200046.1.1.7", "ARIA-192-CBC"),
    ("1.2.410.200046.1.1.8", "ARIA-192-CFB"),
    ("1.2.410.200046.1.1.9", "ARIA-192-OFB"),
    ("1.2.410.200046.1.1.12", "ARIA-256-CBC"),
    ("1.2.410.200046.1.1.13", "ARIA-256-CFB"),
    ("1.2.410.200046.1.1.14", "ARIA-256-OFB"),
    ("1.2.410.200046.1.1.34", "ARIA-128-GCM"),
    ("1.2.410.200046.1.1.35", "ARIA-192-GCM"),
    ("1.2.410.200046.1.1.36", "ARIA-256-GCM"),
    ("1.2.156.10197.1.104.2", "SM4-CBC"),
    ("1.2.156.10197.1.104.3", "SM4-OFB"),
    ("1.2.156.10197.1.104.4", "SM4-CFB"),
    ("0.3.4401.5.3.1.9.4", "Camellia-128-CFB"),
    ("0.3.4401.5.3.1.9.24", "Camellia-192-CFB"),
    ("0.3.4401.5.3.1.9.44", "Camellia-256-CFB"),
    ("1.2.410.200004.1.5", "SEED-CFB"),
    ("1.2.410.200004.1.6", "SEED-OFB"),
    ("1.2.840.113549.1.9.16.3.18", "ChaCha20-Poly1305"),
    // Digests, as the MAC of a PKCS#12 file names them.
    ("1.2.840.113549.2.2", "MD2"),
    ("1.2.840.113549.2.5", "MD5"),
    ("1.3.14.3.2.26", "SHA-1"),
    ("2.16.840.1.101.3.4.2.4", "SHA-224"),
    ("2.16.840.1.101.3.4.2.1", "SHA-256"),
    ("2.16.840.1.101.3.4.2.2", "SHA-384"),
    ("2.16.840.1.101.3.4.2.3", "SHA-512"),
    ("2.16.840.1.101.3.4.2.5", "SHA-512/224"),
    ("2.16.840.1.101.3.4.2.6", "SHA-512/256"),
    ("2.16.840.1.101.3.4.2.7", "SHA3-224"),
    ("2.16.840.1.101.3.4.2.9", "SHA3-384"),
    ("2.16.840.1.101.3.4.2.11", "SHAKE128"),
    ("2.16.840.1.101.3.4.2.12", "SHAKE256"),
    ("1.2.156.10197.1.401", "SM3"),
    ("1.3.6.1.4.1.1722.12.2.2.8", "BLAKE2s-256"),
    ("1.3.6.1.4.1.1722.12.2.1.16", "BLAKE2b-512"),
    ("2.16.840.1.101.3.4.2.8", "SHA3-256"),
    ("2.16.840.1.101.3.4.2.10", "SHA3-512"),
    ("1.3.36.3.2.1", "RIPEMD-160"),
    ("1.2.643.7.1.1.2.2", "Streebog-256"),
    // Message authentication.
    ("1.2.840.113549.2.8", "HMAC-SHA-224"),
    ("1.2.840.113549.2.12", "HMAC-SHA-512/224"),
    ("1.2.840.113549.2.13", "HMAC-SHA-512/256"),
    // What may stand where data should.
    ("1.2.840.113549.1.7.2", "SignedData"),
    ("1.2.840.113549.1.7.3", "EnvelopedData"),
    ("1.2.840.113549.1.7.6", "EncryptedData"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_every_identifier_is_one() {
        for (identifier, name) in NAMES {
            let oid = ObjectIdentifier::new(identifier).unwrap();
            assert_eq!(with_identifier(oid), format!("{name} ({identifier})"));
            let same = NAMES.iter().filter(|(other, _)| *other == identifier).count();
            assert_eq!(same, 1, "{identifier}");
        }
        let unknown = ObjectIdentifier::new_unwrap("1.2.3.4");
        assert_eq!(with_identifier(unknown), "1.2.3.4");
    }
}
