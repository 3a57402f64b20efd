//! A door before the sandbox that is shut for one connection: nobody listens then.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Lets so many connections through to the sandbox, then listens no more.
pub struct Door {
    pub url: String,
    thread: Option<JoinHandle<()>>,
    done: Arc<AtomicBool>,
    shut: Arc<AtomicBool>,
    address: String,
}

impl Door {
    /// Each request of the program has a connection of its own.
    pub fn shut_after(connections: u32, sandbox: &str) -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let done = Arc::new(AtomicBool::new(false));
        let mut listener = (connections > 0).then_some(listener);
        let shut = Arc::new(AtomicBool::new(listener.is_none()));
        let (told, says, sandbox) = (done.clone(), shut.clone(), sandbox.to_owned());
        let thread = thread::spawn(move || {
            let mut left = connections;
            while let Some(open) = &listener {
                let Ok((mut stream, _)) = open.accept() else { return };
                if told.load(Ordering::SeqCst) {
                    return;
                }
                left -= 1;
                let answer = relayed(&mut stream, &sandbox);
                if left == 0 {
                    // Before the answer is there, and so before the next connection is tried.
                    listener = None;
                    says.store(true, Ordering::SeqCst);
                }
                let _ = stream.write_all(&answer);
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Door { url: format!("http://{address}"), thread: Some(thread), done, shut, address }
    }

    /// Whether so many connections came that nobody listens any more.
    pub fn is_shut(&self) -> bool {
        self.shut.load(Ordering::SeqCst)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.done.store(true, Ordering::SeqCst);
        // Wakes the thread when it still waits for a connection.
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Hands the request to the sandbox; gives the whole answer.
fn relayed(stream: &mut TcpStream, sandbox: &str) -> Vec<u8> {
    let mut request = Vec::new();
    let mut piece = [0; 8192];
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
            let length: usize = length.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
            if request.len() >= end + 4 + length {
                break;
            }
        }
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => request.extend_from_slice(&piece[..count]),
            _ => return Vec::new(),
        }
    }
    crate::stage::http::exchange(sandbox, &request)
}
