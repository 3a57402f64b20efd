//! A run through a real HTTP proxy with basic authentication.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::stage::{Served, Stage, codice_fiscale, judge};

const PROXY_PASSWORD: &str = "ProxyCanarino99";

/// tinyproxy on a free port.
struct Proxy {
    port: u16,
    folder: TempDir,
    process: Child,
}

impl Proxy {
    fn start() -> Proxy {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("tinyproxy.conf");
        let log = folder.path().join("log");
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogFile \"{}\"\n\
             LogLevel Connect\nBasicAuth mario {PROXY_PASSWORD}\n",
            log.display()
        );
        fs::write(&configuration, text).unwrap();
        let process = Command::new("tinyproxy")
            .args(["-d", "-c"])
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let proxy = Proxy { port, folder, process };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return proxy;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("tinyproxy does not answer");
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn behind(stage: &Stage, proxy: &Proxy, exclude: &str) {
    let path = stage.path("ceralacca.toml");
    let settings = fs::read_to_string(&path).unwrap();
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let text = format!(
        "{settings}\n[proxy]\nhttp = {{ url = \"{address}\", user = \"mario\" }}\nexclude = [{exclude}]\n"
    );
    fs::write(path, text).unwrap();
}

#[test]
fn the_proxy_is_used_and_its_password_matters() {
    if !judge::called("runs through tinyproxy") {
        return;
    }
    let served = Served::start();
    let proxy = Proxy::start();

    // A wrong password: an error that says so, and nothing was submitted.
    let stage = Stage::new(&served);
    behind(&stage, &proxy, "");
    let mut account = served.account(&codice_fiscale(50_000));
    account.set("proxy_password", Some("sbagliata"));
    let refused = stage.setup(&account, &[]);
    assert_eq!(refused.error_code(), "net.proxy_authentication", "{}", refused.stdout);
    assert_eq!(refused.code, Some(1));
    assert!(!refused.stdout.contains("sbagliata"));
    assert_eq!(served.requests(), 0);

    // The right one: the same run goes on, through the proxy.
    account.set("proxy_password", Some(PROXY_PASSWORD));
    stage.resume(1, &account, &[]).expect_success();
    assert_eq!(served.requests(), 1);
    assert!(proxy.log().contains("Established connection"), "{}", proxy.log());

    // An excluded host is reached directly.
    let direct = Stage::new(&served);
    behind(&direct, &proxy, "\"127.0.0.1\"");
    let account = served.account(&codice_fiscale(50_001));
    let before = proxy.log().len();
    direct.setup(&account, &[]).expect_success();
    assert_eq!(proxy.log().len(), before, "{}", proxy.log());
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let served = Served::start();
    let stage = Stage::new(&served);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let path = stage.path("ceralacca.toml");
    let settings = fs::read_to_string(&path).unwrap();
    let text = format!("{settings}\n[proxy]\nhttp = {{ url = \"http://127.0.0.1:{port}\" }}\n");
    fs::write(path, text).unwrap();
    let account = served.account(&codice_fiscale(50_002));
    let refused = stage.setup(&account, &[]);
    assert_eq!(refused.error_code(), "net.proxy_unreachable", "{}", refused.stdout);
    assert_eq!(served.requests(), 0);
}
