//! A line to the server that holds what is on its way once the rename has begun.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

pub(crate) struct Line {
    pub(crate) port: u16,
    held: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
    arrives: bool,
    records: PathBuf,
}

impl Line {
    /// Forwards to `port`. The first thing that is sent after the channel has marked an attempt below
    /// `records` is the rename: it is let through and its answer held, or it is held itself.
    pub(crate) fn to(port: u16, records: PathBuf, arrives: bool) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let (say_held, held) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let state = records.clone();
        thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            forward(client, server, &state, arrives, &say_held, &released);
        });
        Line { port: own, held, release, arrives, records }
    }

    /// Until the rename is on its way, and has been carried out if it arrives.
    pub(crate) fn wait_until_held(&self) {
        self.held.recv_timeout(Duration::from_secs(120)).expect("the rename begins");
        let folder = self.records.parent().unwrap().join("in");
        let renamed = || {
            let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            names.into_iter().any(|name| name.to_string_lossy().ends_with(".zip"))
        };
        while self.arrives && !renamed() {
            thread::yield_now();
        }
    }

    /// Lets go of the line: both ends see it closed.
    pub(crate) fn release(&self) {
        let _ = self.release.send(());
    }
}

fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    records: &Path,
    arrives: bool,
    say_held: &mpsc::Sender<()>,
    released: &mpsc::Receiver<()>,
) {
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let holding = Arc::new(AtomicBool::new(false));
    let is_held = Arc::clone(&holding);
    thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if is_held.load(Ordering::SeqCst) || to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
    });
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        if is_attempted(records) {
            holding.store(true, Ordering::SeqCst);
            if arrives {
                server.write_all(&buffer[..read]).unwrap();
            }
            say_held.send(()).unwrap();
            let _ = released.recv();
            break;
        }
        server.write_all(&buffer[..read]).unwrap();
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

fn is_attempted(records: &Path) -> bool {
    let Ok(supports) = fs::read_dir(records.join("supports")) else { return false };
    supports.filter_map(Result::ok).any(|support| support.path().join("attempted").exists())
}
