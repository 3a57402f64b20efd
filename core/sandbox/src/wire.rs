//! Connections that a fault can cut, before an answer or in the middle of one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// The listener of a sandbox.
pub(crate) struct Door(pub(crate) TcpListener);

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Answers are small and written whole: waiting for more only costs time.
                    let _ = stream.set_nodelay(true);
                    return (Wire { stream, scissors: Scissors::default() }, address);
                }
                // Too many open files, or a caller that is gone already: neither ends the server.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Cuts the connection that a request came on.
#[derive(Clone, Default)]
pub(crate) struct Scissors(Arc<Mutex<Cut>>);

#[derive(Clone, Copy, Default)]
enum Cut {
    #[default]
    Whole,
    /// Nothing more goes out.
    Now,
    /// The answer's head, then so many octets of its body.
    Within { left: usize },
    /// The head is out; so many octets of the body may follow.
    WithinBody { left: usize },
}

impl Scissors {
    /// Lets nothing more go out; the connection ends without an answer.
    pub(crate) fn cut(&self) {
        *self.lock() = Cut::Now;
    }

    /// Lets the next answer's head go out and `left` octets of its body, then cuts.
    pub(crate) fn cut_within_answer(&self, left: usize) {
        *self.lock() = Cut::Within { left };
    }

    /// How many octets of `buffer` may go out; `None` when the connection is cut.
    fn allowed(&self, buffer: &[u8]) -> Option<usize> {
        match *self.lock() {
            Cut::Whole => Some(buffer.len()),
            Cut::Now | Cut::WithinBody { left: 0 } => None,
            Cut::Within { left } => Some(match end_of_head(buffer) {
                Some(end) => buffer.len().min(end.saturating_add(left)),
                None => buffer.len(),
            }),
            Cut::WithinBody { left } => Some(buffer.len().min(left)),
        }
    }

    /// Takes account of what went out.
    fn gone_out(&self, octets: &[u8]) {
        let mut cut = self.lock();
        *cut = match *cut {
            Cut::Within { left } => match end_of_head(octets) {
                Some(end) => Cut::WithinBody { left: left.saturating_sub(octets.len() - end) },
                None => Cut::Within { left },
            },
            Cut::WithinBody { left } => Cut::WithinBody { left: left.saturating_sub(octets.len()) },
            other => other,
        };
    }

    fn lock(&self) -> MutexGuard<'_, Cut> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, Door>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Scissors {
        stream.io().scissors.clone()
    }
}

/// A TCP connection under [`Scissors`].
pub(crate) struct Wire {
    stream: TcpStream,
    scissors: Scissors,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(allowed) = self.scissors.allowed(buffer) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        let written = Pin::new(&mut self.stream).poll_write(context, &buffer[..allowed]);
        if let Poll::Ready(Ok(count)) = written {
            self.scissors.gone_out(&buffer[..count]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where the body begins, when the head ends in `octets`.
fn end_of_head(octets: &[u8]) -> Option<usize> {
    octets.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scissors_count_the_body_only() {
        let scissors = Scissors::default();
        scissors.cut_within_answer(3);
        assert_eq!(scissors.allowed(b"HTTP/1.1 200 OK\r\n"), Some(17));
        scissors.gone_out(b"HTTP/1.1 200 OK\r\n");
        assert_eq!(scissors.allowed(b"a: b\r\n\r\n12345"), Some(11));
        scissors.gone_out(b"a: b\r\n\r\n1");
        assert_eq!(scissors.allowed(b"2345"), Some(2));
        scissors.gone_out(b"23");
        assert_eq!(scissors.allowed(b"45"), None);
    }
}
