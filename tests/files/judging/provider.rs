//! A trust service provider made with OpenSSL: a root, signers, a timestamp authority, a CRL.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::stage::judge::agrees;

pub struct Provider {
    folder: TempDir,
}

/// Of the provider's `openssl ca` and `openssl ts`.
const CONFIG: &str = "
[ca]
default_ca = provider
[provider]
dir = .
database = ./index.txt
new_certs_dir = .
certificate = ./root.pem
private_key = ./root.key
serial = ./serial
crlnumber = ./crlnumber
default_md = sha256
default_days = 365
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
countryName = optional
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = CA:false
keyUsage = critical,nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[marker]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = authority
[authority]
dir = .
serial = ./ts-serial
crypto_device = builtin
signer_cert = ./tsa.pem
certs = ./root.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha1,sha256,sha384,sha512
accuracy = secs:1,millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";

impl Provider {
    /// A root, two signers (`a`, `b`), one who is revoked (`revoked`), an authority (`tsa`).
    pub fn new() -> Provider {
        let folder = tempfile::tempdir().unwrap();
        let provider = Provider { folder };
        for (name, text) in [
            ("provider.cnf", CONFIG),
            ("index.txt", ""),
            ("serial", "1001\n"),
            ("crlnumber", "01\n"),
            ("ts-serial", "01\n"),
        ] {
            fs::write(provider.path(name), text).unwrap();
        }
        provider.openssl(
            "req -x509 -new -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 3650 \
             -config provider.cnf -extensions root -subj /C=IT/CN=Radice",
        );
        for (name, kind) in
            [("a", "signer"), ("b", "signer"), ("revoked", "signer"), ("tsa", "marker")]
        {
            provider.openssl(&format!(
                "req -new -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr \
                 -config provider.cnf -subj /C=IT/CN={name}"
            ));
            provider.openssl(&format!(
                "ca -batch -notext -config provider.cnf -extensions {kind} -in {name}.csr \
                 -out {name}.pem"
            ));
        }
        provider.openssl("ca -config provider.cnf -revoke revoked.pem");
        provider.openssl("ca -config provider.cnf -gencrl -out crl.pem");
        provider
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `openssl`, in the provider's folder; the arguments separated by blanks.
    pub fn openssl(&self, arguments: &str) {
        let folder = self.folder.path().display();
        agrees("sh", &["-c", &format!("cd '{folder}' && openssl {arguments}")]);
    }

    /// A TSR of the authority over a file of the folder; `reply` is more for `openssl ts -reply`.
    pub fn mark(&self, over: &str, query: &str, reply: &str, out: &str) {
        self.openssl(&format!("ts -query -data {over} {query} -out query.tsq"));
        self.openssl(&format!(
            "ts -reply -config provider.cnf -queryfile query.tsq {reply} -out {out}"
        ));
    }
}
