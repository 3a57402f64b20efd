//! The server: a connection that is only made with the key that is expected, and what is done there.
//!
//! Every step has its time: a server that says nothing does not hold anybody up.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Disconnect, Preferred};
use russh_sftp::client::SftpSession;
use russh_sftp::client::error::Error as Failure;
use russh_sftp::protocol::{OpenFlags, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::error::SftpError;
use crate::identity::Identity;
use crate::settings::{HostKey, Settings, fingerprint};

/// A session with the server.
pub(crate) struct Remote {
    server: String,
    silence: Duration,
    ssh: Handle<Expected>,
    sftp: SftpSession,
    runtime: Runtime,
}

/// Why a step on the server did not work.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection is gone, or the server silent: the step may have been carried out.
    Cut(String),
    /// The server says no.
    Refused(String),
}

/// Accepts no server but the one that is expected.
struct Expected {
    keys: Vec<HostKey>,
    found: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Expected {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        server: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        // Certificates were not offered in the negotiation.
        let PublicKeyOrCertificate::PublicKey { key, .. } = server else { return Ok(false) };
        if let Ok(mut found) = self.found.lock() {
            *found = Some(fingerprint(key));
        }
        Ok(self.keys.iter().any(|expected| expected.is(key)))
    }
}

impl Remote {
    /// Connects and logs in.
    ///
    /// # Errors
    /// `sftp.unreachable`, `sftp.host_key`, `sftp.login`, `sftp.remote`.
    pub(crate) fn connect(
        settings: &Settings,
        identity: &mut Identity,
    ) -> Result<Remote, SftpError> {
        let server = format!("{}:{}", settings.host, settings.port);
        let unreachable = |problem: String| {
            let server = server.clone();
            SftpError::Unreachable { server, problem, passing: true }
        };
        let within = settings.connect_timeout();
        let silent = |_| unreachable(format!("nothing was heard for {} s", within.as_secs()));
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unreachable(error.to_string()))?;
        let (ssh, sftp) = runtime.block_on(async {
            let mut ssh = greet(settings, &server).await?;
            let login = timeout(within, identity.log_in(&mut ssh, &settings.user)).await;
            let refused = login.map_err(silent)?.map_err(|error| unreachable(error.to_string()))?;
            if let Some(methods) = refused {
                let names: Vec<&str> = methods.iter().map(<&'static str>::from).collect();
                let allowed =
                    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                let (server, user) = (server.clone(), settings.user.clone());
                let method = identity.method().to_owned();
                return Err(SftpError::Login { server, user, method, allowed });
            }
            let opening = timeout(within, sftp(&ssh, settings.silence_timeout())).await;
            let sftp = opening.map_err(silent)?.map_err(|trouble| match trouble {
                Trouble::Cut(problem) => unreachable(problem),
                Trouble::Refused(answer) => {
                    let path = "the subsystem sftp".to_owned();
                    SftpError::Remote { doing: "to speak SFTP".to_owned(), path, answer }
                }
            })?;
            Ok((ssh, sftp))
        })?;
        Ok(Remote { server, silence: settings.silence_timeout(), ssh, sftp, runtime })
    }

    /// Whether there is something at this path.
    pub(crate) fn exists(&self, path: &str) -> Result<bool, Trouble> {
        self.step(async { self.sftp.try_exists(path).await.map_err(trouble) })
    }

    /// The file at this path; `None` when there is none. A larger one is refused.
    pub(crate) fn fetch(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Trouble> {
        let opening = self.step(async { Ok(self.sftp.open(path).await) })?;
        let mut file = match opening {
            Ok(file) => file,
            Err(Failure::Status(status)) if status.status_code == StatusCode::NoSuchFile => {
                return Ok(None);
            }
            Err(failure) => return Err(trouble(failure)),
        };
        let mut bytes = Vec::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = self.step(async { file.read(&mut piece).await.map_err(in_file) })?;
            if read == 0 {
                return Ok(Some(bytes));
            }
            if (bytes.len() + read) as u64 > limit {
                return Err(Trouble::Refused(format!("{path} is larger than {limit} bytes")));
            }
            bytes.extend_from_slice(&piece[..read]);
        }
    }

    /// Writes a file anew, and has the server sync it when it can.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) -> Result<(), Trouble> {
        let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::WRITE;
        let open = self.sftp.open_with_flags(path, flags);
        let mut file = self.step(async { open.await.map_err(trouble) })?;
        for piece in bytes.chunks(64 << 10) {
            self.step(async { file.write_all(piece).await.map_err(in_file) })?;
        }
        self.step(async { file.flush().await.map_err(in_file) })?;
        self.step(async { file.sync_all().await.map_err(trouble) })?;
        self.step(async { file.close().await.map_err(in_file) })
    }

    /// Gives a file its name. What has that name already is not replaced.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), Trouble> {
        self.step(async { self.sftp.rename(from, to).await.map_err(trouble) })
    }

    /// Removes a file; says whether it was there.
    pub(crate) fn remove(&self, path: &str) -> Result<bool, Trouble> {
        self.step(async {
            match self.sftp.remove_file(path).await {
                Ok(()) => Ok(true),
                Err(Failure::Status(status)) if status.status_code == StatusCode::NoSuchFile => {
                    Ok(false)
                }
                Err(failure) => Err(trouble(failure)),
            }
        })
    }

    /// Whether a path is a folder that can be listed.
    pub(crate) fn require_folder(&self, path: &str) -> Result<(), Trouble> {
        let asked = self.step(async { self.sftp.metadata(path).await.map_err(trouble) })?;
        if asked.is_dir() { Ok(()) } else { Err(Trouble::Refused("it is no folder".to_owned())) }
    }

    /// The error of a step before anything was delivered.
    pub(crate) fn error(&self, trouble: Trouble, doing: &str, path: &str) -> SftpError {
        let doing = doing.to_owned();
        match trouble {
            Trouble::Cut(problem) => {
                SftpError::Cut { server: self.server.clone(), doing, problem, passing: true }
            }
            Trouble::Refused(answer) => SftpError::Remote { doing, path: path.to_owned(), answer },
        }
    }

    fn step<T>(&self, step: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        let seconds = self.silence.as_secs();
        let silent = |_| Trouble::Cut(format!("the server said nothing for {seconds} s"));
        self.runtime.block_on(async { timeout(self.silence, step).await.map_err(silent)? })
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Taking leave is polite, and nothing depends on it.
        let leave = async {
            let _ = self.sftp.close().await;
            let _ = self.ssh.disconnect(Disconnect::ByApplication, "", "").await;
        };
        let _ = self.runtime.block_on(async { timeout(LEAVE, leave).await });
    }
}

/// Connects to a server that has the key that is expected.
async fn greet(settings: &Settings, server: &str) -> Result<Handle<Expected>, SftpError> {
    let unreachable = |problem: String| {
        let server = server.to_owned();
        SftpError::Unreachable { server, problem, passing: true }
    };
    let within = settings.connect_timeout();
    let keys = settings.host_keys()?;
    let found = Arc::new(Mutex::new(None));
    let handler = Expected { keys: keys.clone(), found: Arc::clone(&found) };
    let address = (settings.host.as_str(), settings.port);
    let connecting = client::connect(Arc::new(configuration(&keys)), address, handler);
    match timeout(within, connecting).await {
        Ok(Ok(ssh)) => Ok(ssh),
        Ok(Err(russh::Error::UnknownKey)) => {
            let found = found.lock().ok().and_then(|found| found.clone());
            Err(SftpError::HostKey {
                server: server.to_owned(),
                expected: keys.iter().map(HostKey::fingerprint).collect(),
                found: found.unwrap_or_else(|| "a certificate".to_owned()),
            })
        }
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(unreachable(format!("nothing was heard for {} s", within.as_secs()))),
    }
}

async fn sftp(ssh: &Handle<Expected>, silence: Duration) -> Result<SftpSession, Trouble> {
    let cut = |error: russh::Error| Trouble::Cut(error.to_string());
    let channel = ssh.channel_open_session().await.map_err(cut)?;
    channel.request_subsystem(true, "sftp").await.map_err(cut)?;
    let config = russh_sftp::client::Config {
        request_timeout_secs: silence.as_secs(),
        ..russh_sftp::client::Config::default()
    };
    SftpSession::new_with_config(channel.into_stream(), config).await.map_err(trouble)
}

/// Asks for a host key of the kinds that are expected, and for nothing made with SHA-1.
fn configuration(keys: &[HostKey]) -> client::Config {
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    let curve = |curve| Algorithm::Ecdsa { curve };
    let all = [
        Algorithm::Ed25519,
        curve(EcdsaCurve::NistP256),
        curve(EcdsaCurve::NistP384),
        curve(EcdsaCurve::NistP521),
        rsa(HashAlg::Sha512),
        rsa(HashAlg::Sha256),
    ];
    let is_expected = |algorithm: &Algorithm| {
        keys.iter().any(|key| match key {
            HostKey::Fingerprint(_) => true,
            HostKey::Key(key) => match key.algorithm() {
                Algorithm::Rsa { .. } => matches!(algorithm, Algorithm::Rsa { .. }),
                other => other == *algorithm,
            },
        })
    };
    let key = all.into_iter().filter(is_expected).collect();
    let preferred = Preferred { key, ..Preferred::default() };
    client::Config { preferred, nodelay: true, ..client::Config::default() }
}

fn trouble(failure: Failure) -> Trouble {
    match failure {
        Failure::Status(status) => {
            refused(&format!("{}: {}", status.status_code, status.error_message))
        }
        other => Trouble::Cut(other.to_string()),
    }
}

/// Of a file, the library gives what the server said as an error of the system without its code.
fn in_file(error: std::io::Error) -> Trouble {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>());
    match inner {
        Some(failure) => trouble(failure.clone()),
        None => refused(&error.to_string()),
    }
}

/// What a server says is shown, so it is made fit to be shown.
fn refused(said: &str) -> Trouble {
    Trouble::Refused(ceralacca_submission::printable(said, 300))
}

const LEAVE: Duration = Duration::from_secs(1);
