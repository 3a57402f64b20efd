//! An OpenSSH server on loopback, and a line to it that can be cut.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const SSHD: &str = "/usr/sbin/sshd";

/// A server that runs until it is dropped.
pub(crate) struct Sshd {
    pub(crate) port: u16,
    process: Child,
    log: Arc<Mutex<String>>,
}

impl Sshd {
    /// Starts it with its own configuration in `folder`, where its host key is, too.
    pub(crate) fn start(folder: &Path) -> Sshd {
        // What sshd separates its privileges with, where it is not installed as a service.
        if Path::new("/run").is_dir() {
            let _ = fs::create_dir_all("/run/sshd");
        }
        if !folder.join("host_key").exists() {
            key(&folder.join("host_key"), "ed25519", "");
        }
        // Another process may take a port that was free a moment ago.
        (0..20).find_map(|_| Sshd::on(folder, free_port())).expect("sshd starts")
    }

    fn on(folder: &Path, port: u16) -> Option<Sshd> {
        let path = |name: &str| folder.join(name).display().to_string();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication yes\n\
             PermitRootLogin yes\nSubsystem sftp internal-sftp\nLogLevel VERBOSE\n",
            path("host_key"),
            path("authorized_keys"),
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let mut process = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if line.contains("Server listening") {
                let log = Arc::new(Mutex::new(String::new()));
                let kept = Arc::clone(&log);
                thread::spawn(move || {
                    for line in lines.lines().map_while(Result::ok) {
                        kept.lock().unwrap().push_str(&format!("{line}\n"));
                    }
                });
                return Some(Sshd { port, process, log });
            }
        }
        let _ = process.wait();
        None
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A key pair by ssh-keygen.
pub(crate) fn key(path: &Path, kind: &str, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"])
        .arg(path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The public half of a key pair.
pub(crate) fn public(path: &Path) -> String {
    let name = format!("{}.pub", path.display());
    fs::read_to_string(PathBuf::from(name)).unwrap().trim().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where a line is cut, once the mark `attempted` is on the client's disk: what the client sends then
/// is the rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The rename does not reach the server.
    Before,
    /// The rename reaches the server, its answer does not come back.
    After,
}

/// A line between the client and the server.
pub(crate) struct Line {
    pub(crate) port: u16,
    open: Arc<AtomicBool>,
}

impl Line {
    /// Forwards to `port`; cuts one connection as `cut` says once `mark` exists, and after that takes
    /// no other when `stays_down`.
    pub(crate) fn to(port: u16, mark: PathBuf, cut: Cut, stays_down: bool) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let open = Arc::new(AtomicBool::new(true));
        let is_open = Arc::clone(&open);
        let was_cut = Arc::new(AtomicBool::new(false));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !is_open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let forward = Forward {
                    mark: mark.clone(),
                    cut,
                    was_cut: Arc::clone(&was_cut),
                    open: Arc::clone(&is_open),
                    stays_down,
                };
                forward.start(client, server);
            }
        });
        Line { port: own, open }
    }

    /// Takes connections again.
    pub(crate) fn mend(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

struct Forward {
    mark: PathBuf,
    cut: Cut,
    was_cut: Arc<AtomicBool>,
    open: Arc<AtomicBool>,
    stays_down: bool,
}

impl Forward {
    fn start(self, client: TcpStream, server: TcpStream) {
        let (mut back_from, mut back_to) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        let silent = Arc::new(AtomicBool::new(false));
        let is_silent = Arc::clone(&silent);
        thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(read @ 1..) = back_from.read(&mut buffer) {
                if is_silent.load(Ordering::SeqCst) || back_to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = back_to.shutdown(Shutdown::Both);
        });
        thread::spawn(move || self.to_server(client, server, &silent));
    }

    fn to_server(&self, mut client: TcpStream, mut server: TcpStream, silent: &AtomicBool) {
        let mut buffer = [0; 16 << 10];
        while let Ok(read @ 1..) = client.read(&mut buffer) {
            let now =
                self.mark.exists() && !self.was_cut.swap(self.mark.exists(), Ordering::SeqCst);
            if now {
                self.open.store(!self.stays_down, Ordering::SeqCst);
                if self.cut == Cut::After {
                    silent.store(true, Ordering::SeqCst);
                    server.write_all(&buffer[..read]).unwrap();
                    // The client hears nothing of the answer, and the line closes behind it.
                    return;
                }
                let _ = server.shutdown(Shutdown::Both);
                let _ = client.shutdown(Shutdown::Both);
                return;
            }
            if server.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    }
}
