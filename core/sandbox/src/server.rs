//! A sandbox: its folder, and the HTTP server over it.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use ceralacca_identity::Account;
use ceralacca_kernel::Secret;
use ceralacca_kernel::lock::{FileLock, LockError};
use jiff::Timestamp;
use rusqlite::Transaction;
use tokio::runtime;
use tokio::sync::oneshot;

use crate::accounts::{self, Credentials, NewAccount};
use crate::ca::Ca;
use crate::clock::Clock;
use crate::credentials::random_bytes;
use crate::environments;
use crate::error::SandboxError;
use crate::faults::{self, Fault};
use crate::log::{self, LogEntry};
use crate::refusal::Refusal;
use crate::routes;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::store::Store;
use crate::trust_provider::{self, IssuedSigner, NewSigner, TrustProvider};
use crate::tsa::{self, MarkEntry};
use crate::wire::{Door, Scissors};

/// A pretend Agency, open in this process; clones share it.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    trust: Mutex<Option<Arc<TrustProvider>>>,
    store: Store,
    ca: Ca,
    clock: Clock,
    sessions: Sessions,
    admin_token: Secret,
    // Last, so that it is let go when everything else is closed.
    _lock: FileLock,
}

impl Sandbox {
    /// Opens the sandbox in `folder`, or makes one there; making one takes about a second.
    ///
    /// `clock` gives the real time whenever it is called. The folder is locked until the last clone
    /// is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// `sandbox.in_use`, `sandbox.disk`, `sandbox.store`, `sandbox.newer_store`, `sandbox.ca`.
    pub fn open(
        folder: &Path,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Sandbox, SandboxError> {
        create_private(folder).map_err(|error| disk(folder, &error))?;
        let lock_path = folder.join(LOCK_FILE);
        let holder = format!("process {}", std::process::id());
        let lock = FileLock::acquire(&lock_path, &holder).map_err(|refused| match refused {
            LockError::Held(holder) => {
                SandboxError::InUse { folder: folder.display().to_string(), holder }
            }
            LockError::Io(error) => disk(&lock_path, &error),
        })?;
        ceralacca_kernel::atomic_file::remove_leftovers(folder)
            .map_err(|error| disk(folder, &error))?;
        let store = Store::open(&folder.join(STORE_FILE))?;
        let clock = Clock::new(Arc::new(clock));
        store.transact(|transaction| clock.restore(transaction))?;
        Ok(Sandbox(Arc::new(Inner {
            folder: folder.to_owned(),
            trust: Mutex::default(),
            ca: Ca::open(folder)?,
            store,
            clock,
            sessions: Sessions::default(),
            admin_token: Secret::new(hex::encode(random_bytes::<32>())),
            _lock: lock,
        })))
    }

    /// Starts to answer on `address`, in a thread with a runtime of its own; port 0 is any.
    ///
    /// # Errors
    /// `sandbox.not_loopback`, `sandbox.listen`.
    pub fn listen(&self, address: SocketAddr) -> Result<Running, SandboxError> {
        if !address.ip().is_loopback() {
            return Err(SandboxError::NotLoopback { address: address.to_string() });
        }
        let refused = |error| listen_error(address, &error);
        self.serve(TcpListener::bind(address).map_err(refused)?)
    }

    /// As [`Sandbox::listen`], on a socket that the caller bound.
    ///
    /// # Errors
    /// `sandbox.not_loopback`, `sandbox.listen`.
    pub fn serve(&self, listener: TcpListener) -> Result<Running, SandboxError> {
        let unbound = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = listener.local_addr().map_err(|error| listen_error(unbound, &error))?;
        if !address.ip().is_loopback() {
            return Err(SandboxError::NotLoopback { address: address.to_string() });
        }
        let refused = |error| listen_error(address, &error);
        listener.set_nonblocking(true).map_err(refused)?;
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("sandbox")
            .enable_all()
            .build()
            .map_err(refused)?;
        let guard = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(refused)?;
        drop(guard);
        let service = routes::router(self.clone());
        let service = service.into_make_service_with_connect_info::<Scissors>();
        let (shutdown, told) = oneshot::channel::<()>();
        let serve = move || {
            runtime.block_on(async {
                let server = tokio::spawn(async { axum::serve(Door(listener), service).await });
                // Told, or nobody is left who could tell.
                let _ = told.await;
                server.abort();
            });
        };
        let thread = thread::Builder::new().name("sandbox".to_owned()).spawn(serve);
        Ok(Running {
            address,
            admin_token: self.0.admin_token.clone(),
            shutdown: Some(shutdown),
            thread: Some(thread.map_err(refused)?),
        })
    }

    /// The CA's certificate in DER.
    pub fn ca_certificate(&self) -> &[u8] {
        self.0.ca.certificate.as_der()
    }

    /// SHA-256 of the CA's certificate, lower-case hexadecimal: what a client pins.
    pub fn ca_fingerprint(&self) -> String {
        self.0.ca.fingerprint()
    }

    /// The sandbox's time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Sets the sandbox's time; it goes on from there, in later sessions too.
    ///
    /// # Errors
    /// `sandbox.setting` outside the years 2000 to 2199, `sandbox.store`.
    pub fn set_now(&self, at: Timestamp) -> Result<(), SandboxError> {
        self.set_clock_offset(self.0.clock.offset_to(at))
    }

    /// Sets by how many seconds the sandbox's clock runs ahead of the real time.
    ///
    /// # Errors
    /// As [`Sandbox::set_now`].
    pub fn set_clock_offset(&self, seconds: i64) -> Result<(), SandboxError> {
        self.0.store.transact(|transaction| self.0.clock.set_offset(transaction, seconds))
    }

    /// Creates an account and returns its credentials, this once; only hashes are kept.
    ///
    /// # Errors
    /// `sandbox.account_exists`, also when the busta or the user name is taken,
    /// `sandbox.account_invalid`, `sandbox.store`.
    pub fn create_account(&self, new: NewAccount) -> Result<Credentials, SandboxError> {
        let at = self.now();
        self.0.store.transact(|transaction| accounts::create(transaction, new, at))
    }

    /// Revokes the account's environment at once, as an office of the Agency would.
    ///
    /// # Errors
    /// `sandbox.account_unknown`, `sandbox.no_environment`, `sandbox.store`.
    pub fn revoke_environment(&self, account: &Account) -> Result<Timestamp, SandboxError> {
        let at = self.now();
        let name = account.common_name();
        self.0.store.transact(|transaction| {
            let row = accounts::find_common_name(transaction, &name)?
                .ok_or_else(|| SandboxError::AccountUnknown { account: name.clone() })?;
            let environment = environments::in_force(transaction, row.id, at)?
                .ok_or_else(|| SandboxError::NoEnvironment { account: name.clone() })?;
            environments::revoke(transaction, environment.id, at, at)?;
            Ok(at)
        })
    }

    /// How the sandbox behaves.
    ///
    /// # Errors
    /// `sandbox.store`.
    pub fn settings(&self) -> Result<Settings, SandboxError> {
        self.0.store.transact(Settings::load)
    }

    /// Changes how the sandbox behaves, in later sessions too.
    ///
    /// # Errors
    /// `sandbox.setting` for a value out of range, `sandbox.store`.
    pub fn set_settings(&self, settings: &Settings) -> Result<(), SandboxError> {
        self.0.store.transact(|transaction| settings.save(transaction))
    }

    /// The injected faults that are still to happen.
    ///
    /// # Errors
    /// `sandbox.store`.
    pub fn faults(&self) -> Result<Vec<Fault>, SandboxError> {
        self.0.store.transact(faults::list)
    }

    /// Replaces the faults that are still to happen.
    ///
    /// # Errors
    /// `sandbox.setting` for a fault that cannot be, `sandbox.store`.
    pub fn set_faults(&self, faults: &[Fault]) -> Result<(), SandboxError> {
        let replace = |transaction: &Transaction<'_>| {
            faults::replace(transaction, faults, routes::is_gateway_route)
        };
        self.0.store.transact(replace)
    }

    /// The last `limit` exchanges, oldest first.
    ///
    /// # Errors
    /// `sandbox.store`.
    pub fn log(&self, limit: u32) -> Result<Vec<LogEntry>, SandboxError> {
        self.0.store.transact(|transaction| log::tail(transaction, limit))
    }

    /// The certificate of the trust service provider's root, DER: what a client trusts for signers
    /// and marks. Makes the provider when there is none yet, which takes some tenths of a second.
    ///
    /// # Errors
    /// `sandbox.disk`, `sandbox.ca`, `sandbox.issuing`.
    pub fn trust_certificate(&self) -> Result<Vec<u8>, SandboxError> {
        Ok(self.trust_provider()?.root.certificate.as_der().to_vec())
    }

    /// The trust service provider's list of revoked certificates, DER.
    ///
    /// # Errors
    /// As [`Sandbox::trust_certificate`], and `sandbox.store`.
    pub fn trust_crl(&self) -> Result<Vec<u8>, SandboxError> {
        let (provider, at) = (self.trust_provider()?, self.now());
        self.0.store.transact(|transaction| provider.crl(transaction, at))
    }

    /// Makes a key for signing and certifies it, as a trust service provider would; the key is
    /// handed over this once.
    ///
    /// # Errors
    /// `sandbox.signer_invalid`, and as [`Sandbox::trust_crl`].
    pub fn issue_signer(&self, new: NewSigner) -> Result<IssuedSigner, SandboxError> {
        let (provider, at) = (self.trust_provider()?, self.now());
        let crl_url = self.settings()?.trust_crl_url;
        let (issued, row) = provider.issue_signer(new, &crl_url, at)?;
        self.0.store.transact(|transaction| row.insert(transaction))?;
        Ok(issued)
    }

    /// Revokes a signer's certificate at once; `serial` is hexadecimal, with or without colons.
    ///
    /// # Errors
    /// `sandbox.signer_unknown`, `sandbox.store`.
    pub fn revoke_signer(&self, serial: &str) -> Result<Timestamp, SandboxError> {
        let (provider, at) = (self.trust_provider()?, self.now());
        let revoked =
            self.0.store.transact(|transaction| trust_provider::revoke(transaction, serial, at))?;
        self.publish_trust_crl(&provider)?;
        Ok(revoked)
    }

    /// How many marks were ever made, and the last `limit` of them, oldest first.
    ///
    /// # Errors
    /// `sandbox.store`.
    pub fn marks(&self, limit: u32) -> Result<(u64, Vec<MarkEntry>), SandboxError> {
        self.0.store.transact(|transaction| tsa::marks(transaction, limit))
    }

    /// Answers a TimeStampReq; a mark that is made counts, whether its answer arrives or not.
    pub(crate) fn timestamp(&self, request: &[u8]) -> Result<Vec<u8>, SandboxError> {
        let (provider, at) = (self.trust_provider()?, self.now());
        self.0.store.transact(|transaction| {
            let fault = faults::take_tsa(transaction)?;
            tsa::answer(transaction, &provider, request, fault, at)
        })
    }

    fn trust_provider(&self) -> Result<Arc<TrustProvider>, SandboxError> {
        let mut known = self.0.trust.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(provider) = &*known {
            return Ok(provider.clone());
        }
        let provider = Arc::new(TrustProvider::open(&self.0.folder)?);
        self.publish_trust_crl(&provider)?;
        *known = Some(provider.clone());
        Ok(provider)
    }

    /// Puts the provider's list beside its certificate, for those who verify without asking.
    fn publish_trust_crl(&self, provider: &TrustProvider) -> Result<(), SandboxError> {
        let at = self.now();
        let list = self.0.store.transact(|transaction| provider.crl(transaction, at))?;
        let path = self.0.folder.join(TRUST_CRL_FILE);
        ceralacca_kernel::atomic_file::write(&path, &list).map_err(|error| disk(&path, &error))
    }

    pub(crate) fn ca(&self) -> &Ca {
        &self.0.ca
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn is_admin(&self, token: &str) -> bool {
        Secret::new(token) == self.0.admin_token
    }

    /// One transaction on the state; blocks.
    pub(crate) fn transact<T, E: From<SandboxError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.0.store.transact(work)
    }

    /// Runs blocking work away from the threads that serve connections.
    ///
    /// It goes on to its end even when the connection that asked for it is gone.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Sandbox) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let sandbox = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&sandbox)).await;
        done.unwrap_or_else(|_| Err(Refusal::Broken))
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("ca", &self.ca_fingerprint()).finish_non_exhaustive()
    }
}

/// A server at work; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Opens the routes under `/sandbox/v1`; new each time the sandbox is opened.
    pub admin_token: Secret,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// `http://127.0.0.1:8765`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops the server and waits until what it was writing is written.
    pub fn shutdown(self) {
        drop(self);
    }

    /// Waits for as long as the server runs: until the process is ended from outside.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended, and that is all that was waited for.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            // It fails only when the server has ended already.
            let _ = shutdown.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The trust service provider's list of revoked certificates, DER, as of its last change.
const TRUST_CRL_FILE: &str = "trust-SANDBOX.crl";
const LOCK_FILE: &str = "sandbox.lock";
const STORE_FILE: &str = "stato-SANDBOX.sqlite";

/// Creates the folder when it is missing; on Unix only its owner can look inside.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn listen_error(address: SocketAddr, error: &std::io::Error) -> SandboxError {
    SandboxError::Listen { address: address.to_string(), reason: error.to_string() }
}

fn disk(path: &Path, error: &std::io::Error) -> SandboxError {
    SandboxError::Disk { path: path.display().to_string(), reason: error.to_string() }
}
