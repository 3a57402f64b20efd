//! The settings of the channel, `[plugins.sftp.settings]`, and the files that they name.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ceralacca_kernel::regular_file;
use ceralacca_kernel::text_encoding::{self, NotUtf8};
use ceralacca_keystore::Certificate;
use ceralacca_plugin_sdk::serde::Deserialize;
use ceralacca_signing::armour;
use russh::keys::{HashAlg, PublicKey};
use zeroize::Zeroizing;

use crate::error::SftpError;
use crate::support_name::is_node;

/// `[plugins.sftp.settings]`. Paths are absolute, of files that `read` and `write` grant.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", deny_unknown_fields)]
pub(crate) struct Settings {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    #[serde(default = "ssh_port")]
    pub port: u16,
    /// Whom the server knows us as.
    pub user: String,
    /// The node's identifier, which is part of every support's name.
    pub node: String,
    /// The server's key, or several while it changes: `ssh-ed25519 AAAA…`, or `SHA256:…`.
    pub host_key: OneOrMore,
    /// An OpenSSH private key; without it the server is given a password.
    #[serde(default)]
    pub identity: Option<PathBuf>,
    /// The folder on the server into which supports go.
    pub outgoing: String,
    /// The folder on the server in which outcomes appear.
    pub incoming: String,
    /// PKCS#12 with the key that signs supports.
    pub signer: PathBuf,
    /// Certificate for whose owner supports are encrypted.
    pub recipient: PathBuf,
    /// PKCS#12 with the key that opens outcomes, where it is not the signer's file.
    #[serde(default)]
    pub own: Option<PathBuf>,
    /// Certificates of those who sign outcomes: theirs, not that of the CA above them, which may
    /// well have certified others.
    pub anchors: Vec<PathBuf>,
    /// Certificates of the Agency's CA, which scripts get from `agency.ca_certificates`.
    #[serde(default)]
    pub ca: Vec<PathBuf>,
    /// The folder of the channel's records, granted by `write`.
    pub state: PathBuf,
    /// Seconds in which a connection has to be there.
    #[serde(default = "ten")]
    pub connect_timeout_seconds: u64,
    /// Seconds after which a server that says nothing is given up.
    #[serde(default = "ten")]
    pub silence_timeout_seconds: u64,
}

/// One text, or a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "ceralacca_plugin_sdk::serde", untagged)]
pub(crate) enum OneOrMore {
    /// One.
    One(String),
    /// A list.
    More(Vec<String>),
}

/// A key by which the server is known.
#[derive(Clone, Debug)]
pub(crate) enum HostKey {
    /// The key itself.
    Key(Box<PublicKey>),
    /// Its SHA-256, as OpenSSH prints it.
    Fingerprint(String),
}

impl HostKey {
    /// Whether the server's key is this one.
    pub(crate) fn is(&self, found: &PublicKey) -> bool {
        match self {
            HostKey::Key(key) => key.key_data() == found.key_data(),
            HostKey::Fingerprint(text) => *text == fingerprint(found),
        }
    }

    /// As OpenSSH prints it.
    pub(crate) fn fingerprint(&self) -> String {
        match self {
            HostKey::Key(key) => fingerprint(key),
            HostKey::Fingerprint(text) => text.clone(),
        }
    }
}

/// `SHA256:…`.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

impl Settings {
    /// What the types do not say.
    ///
    /// # Errors
    /// `sftp.settings`.
    pub(crate) fn check(&self) -> Result<(), SftpError> {
        let is_word = |text: &str| {
            !text.is_empty() && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        let is_folder = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        let seconds = |seconds: u64| (1..=3600).contains(&seconds);
        let wrong = [
            ("host", is_word(&self.host), "a name or an address"),
            ("port", self.port != 0, "a number from 1 to 65535"),
            ("user", is_word(&self.user), "a name without spaces"),
            ("node", is_node(&self.node), "one to sixteen letters and digits"),
            ("outgoing", is_folder(&self.outgoing), "a folder on the server"),
            ("incoming", is_folder(&self.incoming), "a folder on the server"),
            ("anchors", !self.anchors.is_empty(), "certificates of those who sign outcomes"),
            ("connect_timeout_seconds", seconds(self.connect_timeout_seconds), "1 to 3600"),
            ("silence_timeout_seconds", seconds(self.silence_timeout_seconds), "1 to 3600"),
        ];
        if let Some((setting, _, expected)) = wrong.into_iter().find(|(_, right, _)| !right) {
            return Err(unusable(setting, format!("it has to be {expected}")));
        }
        let one =
            [("signer", &self.signer), ("recipient", &self.recipient), ("state", &self.state)];
        let some = [("identity", &self.identity), ("own", &self.own)];
        let some = some.iter().filter_map(|(name, path)| Some((*name, path.as_ref()?)));
        let lists = [("anchors", &self.anchors), ("ca", &self.ca)];
        let lists = lists.iter().flat_map(|(name, paths)| paths.iter().map(|path| (*name, path)));
        // Elsewhere, a relative one would be another file; another `state` knows nothing of what was
        // sent.
        let mut relative =
            one.into_iter().chain(some).chain(lists).filter(|(_, path)| !path.is_absolute());
        if let Some((setting, path)) = relative.next() {
            return Err(unusable(setting, format!("{} is no absolute path", path.display())));
        }
        self.host_keys().map(|_| ())
    }

    /// The keys by which the server is known.
    ///
    /// # Errors
    /// `sftp.settings`.
    pub(crate) fn host_keys(&self) -> Result<Vec<HostKey>, SftpError> {
        let texts = match &self.host_key {
            OneOrMore::One(text) => std::slice::from_ref(text),
            OneOrMore::More(texts) => texts,
        };
        let keys = texts.iter().map(|text| host_key(text)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(unusable("host_key", "without it no server is trusted".to_owned()));
        }
        Ok(keys)
    }

    /// How long to wait for a connection.
    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }

    /// How long a server may say nothing.
    pub(crate) fn silence_timeout(&self) -> Duration {
        Duration::from_secs(self.silence_timeout_seconds)
    }

    /// The certificate for whose owner supports are encrypted.
    ///
    /// # Errors
    /// `sftp.settings`.
    pub(crate) fn recipient(&self) -> Result<Certificate, SftpError> {
        let mut found = certificates("recipient", std::slice::from_ref(&self.recipient))?;
        if found.len() != 1 {
            let path = self.recipient.display();
            return Err(unusable("recipient", format!("{path} holds {}, not one", found.len())));
        }
        Ok(found.remove(0))
    }
}

fn host_key(text: &str) -> Result<HostKey, SftpError> {
    let text = text.trim();
    if let Some(digest) = text.strip_prefix("SHA256:") {
        let base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        if digest.len() == 43 && digest.chars().all(base64) {
            return Ok(HostKey::Fingerprint(text.to_owned()));
        }
        return Err(unusable(
            "host_key",
            "SHA256: and 43 characters make a fingerprint".to_owned(),
        ));
    }
    let key = PublicKey::from_openssh(text);
    let key = key.map_err(|error| unusable("host_key", error.to_string()))?;
    Ok(HostKey::Key(Box::new(key)))
}

/// The certificates in these files, DER or PEM, in their order, each once.
///
/// # Errors
/// `sftp.settings`, naming `setting` and the file.
pub(crate) fn certificates(
    setting: &str,
    files: &[PathBuf],
) -> Result<Vec<Certificate>, SftpError> {
    let mut found: Vec<Certificate> = Vec::new();
    for path in files {
        let wrong = |problem: String| unusable(setting, format!("{}: {problem}", path.display()));
        for der in blocks(&read_file(setting, path)?).map_err(wrong)? {
            let certificate = Certificate::from_der(&der).map_err(|error| {
                let error = ceralacca_plugin_sdk::Error::from(error);
                wrong(error.report().found.clone().unwrap_or_default())
            })?;
            if !found.contains(&certificate) {
                found.push(certificate);
            }
        }
    }
    Ok(found)
}

/// The DER inside: itself, or what its PEM blocks hold.
fn blocks(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    if text_encoding::is_utf16(bytes) {
        return Err(NotUtf8::Utf16.to_string());
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN ") => text,
        _ => return Ok(vec![bytes.to_vec()]),
    };
    let mut found = Vec::new();
    for block in text.split(BEGIN).skip(1).take(100) {
        let (body, _) = block.split_once(END).ok_or("a certificate without an end")?;
        found.push(armour::decode(body.as_bytes()).1.into_owned());
    }
    if found.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(found) }
}

/// A file that a setting names, of at most a mebibyte; wiped when dropped, since it may be a key.
///
/// # Errors
/// `sftp.settings`, naming `setting` and the file.
pub(crate) fn read_file(setting: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, SftpError> {
    let read = || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
        regular_file::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let named = |problem: String| unusable(setting, format!("{}: {problem}", path.display()));
    let bytes = read().map_err(|error: std::io::Error| named(error.to_string()))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(named(format!("larger than {LARGEST_FILE} bytes")));
    }
    Ok(bytes)
}

/// A setting that cannot be used.
pub(crate) fn unusable(setting: &str, problem: String) -> SftpError {
    SftpError::Settings { setting: setting.to_owned(), problem }
}

fn ssh_port() -> u16 {
    22
}

fn ten() -> u64 {
    10
}

const LARGEST_FILE: u64 = 1 << 20;
