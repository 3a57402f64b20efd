//! A node: an OpenSSH server with its folders, the keys of both sides, and the plugin in a workspace.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::stage::person::ca;
use crate::stage::{Served, Stage, judge};

/// Opens the node's PKCS#12; no file may hold it but the one with the secrets.
pub(crate) const PASSWORD: &str = "Canarino2222Nodo";

/// Certificates with a validity of their own, whatever the date.
const CA: &str = "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nnew_certs_dir = .\nserial = serial\n\
                  default_md = sha256\npolicy = p\nx509_extensions = e\nunique_subject = no\n\
                  [p]\ncommonName = supplied\n\
                  [e]\nkeyUsage = critical, digitalSignature, keyEncipherment\n";

pub(crate) struct Node {
    folder: TempDir,
    port: u16,
    server: Child,
    log: Arc<Mutex<String>>,
}

impl Node {
    pub(crate) fn new() -> Node {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["in", "out", "state", "keys"] {
            fs::create_dir(path(name)).unwrap();
        }
        for name in ["host_key", "identity"] {
            keygen(&path(name));
        }
        fs::copy(path("identity.pub"), path("authorized_keys")).unwrap();
        keys(&path("keys"));
        // What sshd separates its privileges with, where it is not installed as a service.
        if Path::new("/run").is_dir() {
            let _ = fs::create_dir_all("/run/sshd");
        }
        // Another process may take a port that was free a moment ago.
        let started = (0..20).find_map(|_| serve(folder.path(), free_port()));
        let (port, server, log) = started.expect("sshd starts");
        Node { folder, port, server, log }
    }

    /// Makes it the agency of a workspace that has a gateway.
    pub(crate) fn plug_in(&self, stage: &Stage, served: &Served) {
        fs::write(self.path("keys/ca.cer"), ca(served)).unwrap();
        let vendor = tempfile::tempdir().unwrap();
        let library = library();
        let shipped = vendor.path().join(library.file_name().unwrap());
        fs::copy(&library, &shipped).unwrap();
        let manifest = stage.run(&["plugin", "manifest", &shipped.display().to_string()]);
        fs::write(vendor.path().join("sftp.json"), manifest.expect_success().stdout).unwrap();
        let vendor = vendor.path().display().to_string();
        stage.run(&["plugin", "install", &vendor, "--approve"]).expect_success();
        let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
        let gateway = format!("gateway = \"{}\"", served.url);
        assert!(settings.contains(&gateway), "{settings}");
        let settings = settings.replace(&gateway, "plugin = \"sftp\"");
        let text = |name: &str| format!("{:?}", self.path(name).display().to_string());
        let host_key = fs::read_to_string(self.path("host_key.pub")).unwrap();
        let plugin = format!(
            "\n[plugins.sftp]\nread = [{}, {}]\nwrite = [{}]\n\n[plugins.sftp.settings]\n\
             host = \"127.0.0.1\"\nport = {}\nuser = {:?}\nnode = \"01234567\"\nhost_key = {:?}\n\
             identity = {}\noutgoing = {}\nincoming = {}\nsigner = {}\nrecipient = {}\n\
             anchors = [{}]\nca = [{}]\nstate = {}\n",
            text("identity"),
            text("keys"),
            text("state"),
            self.port,
            whoami(),
            host_key.trim(),
            text("identity"),
            text("in"),
            text("out"),
            text("keys/node.p12"),
            text("keys/agency.cer"),
            text("keys/agency.cer"),
            text("keys/ca.cer"),
            text("state"),
        );
        fs::write(stage.path("ceralacca.toml"), format!("{settings}{plugin}")).unwrap();
    }

    /// Has the workspace expect another server; what is given back makes it right again.
    pub(crate) fn other_host_key(&self, stage: &Stage) -> impl Fn(&Stage) + use<> {
        keygen(&self.path("other_key"));
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap().trim().to_owned();
        let (right, wrong) = (read("host_key.pub"), read("other_key.pub"));
        let change = |stage: &Stage, from: &str, to: &str| {
            let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
            assert!(settings.contains(from), "{settings}");
            fs::write(stage.path("ceralacca.toml"), settings.replace(from, to)).unwrap();
        };
        change(stage, &right, &wrong);
        move |stage| change(stage, &wrong, &right)
    }

    /// Has the workspace reach the server by another port.
    pub(crate) fn through(&self, stage: &Stage, port: u16) {
        let settings = fs::read_to_string(stage.path("ceralacca.toml")).unwrap();
        let lines = settings.lines().map(|line| match line.strip_prefix("port = ") {
            Some(_) => format!("port = {port}\n"),
            None => format!("{line}\n"),
        });
        fs::write(stage.path("ceralacca.toml"), lines.collect::<String>()).unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the channel's records.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// What the server wrote.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Names of what lies in a folder of the server.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// openssl, in a folder; the arguments separated by blanks.
pub(crate) fn openssl(folder: &Path, arguments: &str) {
    let ran = Command::new("openssl")
        .args(arguments.split_ascii_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{arguments}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// The keys of the node and of the other side.
fn keys(folder: &Path) {
    fs::write(folder.join("ca.cnf"), CA).unwrap();
    fs::write(folder.join("index.txt"), "").unwrap();
    for name in ["node", "agency"] {
        let request = format!("-subj /CN={name} -keyout {name}.key -out csr");
        openssl(folder, &format!("req -new -newkey rsa:2048 -nodes {request}"));
        let validity = "-startdate 20200101000000Z -enddate 20491231235959Z";
        let files = format!("-keyfile {name}.key -in csr -out {name}.pem");
        let issue = "ca -batch -config ca.cnf -selfsign -create_serial -notext";
        openssl(folder, &format!("{issue} {validity} {files}"));
        openssl(folder, &format!("x509 -in {name}.pem -outform DER -out {name}.cer"));
    }
    let password = folder.join("password");
    fs::write(&password, PASSWORD).unwrap();
    let export = "pkcs12 -export -inkey node.key -in node.pem -passout file:password";
    openssl(folder, &format!("{export} -out node.p12"));
    fs::remove_file(password).unwrap();
}

fn keygen(path: &Path) {
    let path = path.display().to_string();
    judge::agrees("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", &path]);
}

fn serve(folder: &Path, port: u16) -> Option<(u16, Child, Arc<Mutex<String>>)> {
    let path = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
         StrictModes no\nUsePAM no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n\
         LogLevel VERBOSE\n",
        path("host_key"),
        path("authorized_keys"),
    );
    fs::write(folder.join("sshd_config"), config).unwrap();
    let mut server = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f", &path("sshd_config")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if line.contains("Server listening") {
            let log = Arc::new(Mutex::new(String::new()));
            let kept = Arc::clone(&log);
            std::thread::spawn(move || {
                for line in lines.lines().map_while(Result::ok) {
                    kept.lock().unwrap().push_str(&format!("{line}\n"));
                }
            });
            return Some((port, server, log));
        }
    }
    let _ = server.wait();
    None
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn whoami() -> String {
    judge::agrees("id", &["-un"]).stdout.trim().to_owned()
}

/// The plugin as cargo built it for these tests: beside them, or one folder up.
fn library() -> PathBuf {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let name = format!("{prefix}ceralacca_plugin_sftp{suffix}");
    let own = std::env::current_exe().unwrap();
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(&name));
    let found = found.into_iter().find(|path| path.exists());
    found.expect("cargo build -p ceralacca-plugin-sftp makes the library")
}
