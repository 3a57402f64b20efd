//! Frames between the program and a worker: a length, a kind and bytes, over two pipes.
//!
//! A call is one frame each way. What a worker sends is hostile: no length is believed before its
//! bytes have come, and no more is kept than the longest frame.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};

use zeroize::Zeroize;

use crate::lookout;

/// The longest frame, in bytes: an answer with what surrounds it.
const LONGEST: usize = 80 << 20;
/// Length and kind.
const HEAD: usize = 5;
/// What is read at first; a secret fits.
const ROOM: usize = 64 << 10;
/// A buffer that grew beyond this is not kept.
const LARGEST_KEPT: usize = 4 << 20;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// To the worker, once: what to load and how.
    Start = 1,
    /// From the worker, once: the plugin is there.
    Ready = 2,
    /// From the worker, once: it is not, and why.
    Failed = 3,
    /// To the worker: a call.
    Call = 4,
    /// From the worker: what the call came to.
    Outcome = 5,
    /// From the worker, in a call: a secret is asked for.
    SecretAsked = 6,
    /// To the worker: the secret.
    SecretGiven = 7,
    /// To the worker: no secret.
    SecretRefused = 8,
    /// From the worker, in a call: a line to show.
    Tell = 9,
    /// From the worker, in a call: a page to show.
    Show = 10,
    /// From the worker, last: the plugin was destroyed.
    Ended = 11,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        use Kind::*;
        let all = [
            Start,
            Ready,
            Failed,
            Call,
            Outcome,
            SecretAsked,
            SecretGiven,
            SecretRefused,
            Tell,
            Show,
            Ended,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Why there is no next frame.
#[derive(Debug)]
pub(crate) enum NoFrame {
    /// The other side is gone.
    Closed,
    /// What came is no frame.
    Garbled { problem: String },
}

/// One frame that was read.
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    bytes: Vec<u8>,
    end: usize,
}

impl Frame {
    /// What it carries.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[HEAD..self.end]
    }

    /// Overwrites what it carries.
    pub(crate) fn wipe(&mut self) {
        self.bytes.zeroize();
    }
}

/// Reads frames from a pipe, several bytes at a time, into buffers that are used again.
pub(crate) struct Reader {
    pipe: File,
    /// All of it was written once; the first `filled` bytes wait to be taken.
    buffer: Vec<u8>,
    filled: usize,
    spare: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(pipe: File) -> Reader {
        Reader { pipe, buffer: vec![0; ROOM], filled: 0, spare: vec![0; ROOM] }
    }

    /// The pipe itself.
    pub(crate) fn pipe(&self) -> &File {
        &self.pipe
    }

    /// Waits for the next frame.
    pub(crate) fn next(&mut self) -> Result<Frame, NoFrame> {
        let (kind, end) = loop {
            if let Some((kind, end)) = self.head()? {
                if self.filled >= end {
                    break (kind, end);
                }
                // Room grows with what has come, not with what was announced.
                if self.filled == self.buffer.len() {
                    let room = end.min(self.filled * 2);
                    self.buffer.resize(room, 0);
                }
            }
            lookout::on_pipe(&self.pipe);
            match self.pipe.read(&mut self.buffer[self.filled..]) {
                Ok(0) => return Err(NoFrame::Closed),
                Ok(length) => self.filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(_) => return Err(NoFrame::Closed),
            }
        };
        Ok(self.taken(kind, end))
    }

    /// Takes the frame out, leaving what follows it.
    fn taken(&mut self, kind: Kind, end: usize) -> Frame {
        let mut next = std::mem::take(&mut self.spare);
        let rest = self.filled - end;
        if next.len() < ROOM.max(rest) {
            next.resize(ROOM.max(rest), 0);
        }
        next[..rest].copy_from_slice(&self.buffer[end..self.filled]);
        self.filled = rest;
        Frame { kind, bytes: std::mem::replace(&mut self.buffer, next), end }
    }

    /// Gives the buffer of a frame back, to be used again.
    pub(crate) fn give_back(&mut self, frame: Frame) {
        if frame.bytes.len() <= LARGEST_KEPT {
            self.spare = frame.bytes;
        }
    }

    /// Kind and end of the frame at the beginning, when its head has come.
    fn head(&self) -> Result<Option<(Kind, usize)>, NoFrame> {
        let Some(head) = self.buffer[..self.filled].first_chunk::<HEAD>() else { return Ok(None) };
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length > LONGEST {
            let problem = format!("a frame of {length} bytes was announced");
            return Err(NoFrame::Garbled { problem });
        }
        let Some(kind) = Kind::of(head[4]) else {
            return Err(NoFrame::Garbled { problem: format!("there is no frame {}", head[4]) });
        };
        Ok(Some((kind, HEAD + length)))
    }
}

/// Writes a frame made of several parts, with one system call when the pipe has room. The parts are
/// copied nowhere: a secret among them is in nobody's buffer.
pub(crate) fn write(pipe: &mut File, kind: Kind, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&u32::try_from(length).expect("not longer").to_le_bytes());
    head[4] = kind as u8;
    let mut slices = [IoSlice::new(&[]); 6];
    slices[0] = IoSlice::new(&head);
    for (slice, part) in slices[1..].iter_mut().zip(parts) {
        *slice = IoSlice::new(part);
    }
    let mut left = &mut slices[..=parts.len()];
    let mut written = 0;
    while written < HEAD + length {
        match pipe.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(now) => {
                written += now;
                IoSlice::advance_slices(&mut left, now);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
