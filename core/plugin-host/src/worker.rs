//! The worker's side: a process of its own that confines itself, loads one plugin and serves its
//! calls.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ceralacca_kernel::Secret;
use serde::Serialize;

use crate::connection::Answer;
use crate::frame::{self, Frame, Kind, Reader};
use crate::host_table::Upstream;
use crate::image::Found;
use crate::library::Loaded;
use crate::messages::{CallHead, Failure, Ready, Start, outcome_head};
use crate::{confine, limits, pipes};

/// The longest secret that a plugin is given, in bytes: more than any person types.
pub(crate) const LONGEST_SECRET: usize = 16 << 10;

/// Exit codes of a worker itself; a plugin may end its worker with any.
const WITHOUT_PARENT: i32 = 2;
const NOT_LOADED: i32 = 1;

/// What a worker process does: it is told on its standard input what to load, and ends when that
/// ends. Gives the exit code.
pub fn worker_main() -> i32 {
    let Ok((reader, writer)) = pipes::protocol() else { return WITHOUT_PARENT };
    let wire = Wire { reader: Reader::new(reader), writer };
    let wire = Shared(Arc::new(Mutex::new(wire)));
    let Some(start) = wire.start() else { return WITHOUT_PARENT };
    match loaded(&start, &wire) {
        Ok(plugin) => {
            let (major, minor) = plugin.abi();
            wire.send_json(Kind::Ready, &Ready { major, minor });
            serve(plugin, &wire)
        }
        Err(failure) => {
            wire.send_json(Kind::Failed, &failure);
            NOT_LOADED
        }
    }
}

fn loaded(start: &Start, wire: &Shared) -> Result<Loaded, Failure> {
    let unconfined = |problem: String| Failure::Unconfined { problem };
    limits::apply(start.memory).map_err(|error| unconfined(error.to_string()))?;
    wire.lock().close_all_but(&start.image);
    confine::confine(&start.grants, &start.image).map_err(unconfined)?;
    let settings = start.settings.clone();
    let upstream = Box::new(Shared(Arc::clone(&wire.0)));
    Loaded::load(&start.image.path(), settings, upstream, start.size).map_err(Failure::Unloadable)
}

fn serve(mut plugin: Loaded, wire: &Shared) -> i32 {
    loop {
        let next = wire.lock().reader.next();
        let Ok(frame) = next else {
            let ended = plugin.destroy();
            let ended = ended.map(|()| Answer { status: 0, value: Vec::new() });
            wire.send(Kind::Ended, &[&outcome_head(0, &ended)]);
            return 0;
        };
        let Some((head, [name, arguments, context])) = call(&frame) else { return WITHOUT_PARENT };
        let ended = plugin.invoke(head.operation, name, arguments, context);
        let value = ended.as_ref().map_or(&[][..], |answer| &answer.value);
        let mut wire = wire.lock();
        let sent = frame::write(
            &mut wire.writer,
            Kind::Outcome,
            &[&outcome_head(head.number, &ended), value],
        );
        if sent.is_err() {
            return WITHOUT_PARENT;
        }
        wire.reader.give_back(frame);
    }
}

fn call(frame: &Frame) -> Option<(CallHead, [&[u8]; 3])> {
    if frame.kind == Kind::Call { CallHead::read(frame.payload()) } else { None }
}

/// The two pipes.
struct Wire {
    reader: Reader,
    writer: File,
}

impl Wire {
    /// Closes whatever else was inherited.
    fn close_all_but(&self, image: &Found) {
        pipes::close_all_but([self.reader.pipe(), &self.writer], image);
    }
}

/// The pipes as the loop and the plugin's callbacks share them, all on one thread.
struct Shared(Arc<Mutex<Wire>>);

impl Upstream for Shared {
    fn secret(&mut self, name: &str) -> Option<Secret> {
        let mut wire = self.lock();
        frame::write(&mut wire.writer, Kind::SecretAsked, &[name.as_bytes()]).ok()?;
        let mut frame = wire.reader.next().ok()?;
        let given = frame.kind == Kind::SecretGiven;
        let secret = given.then(|| std::str::from_utf8(frame.payload()).ok().map(Secret::new));
        frame.wipe();
        wire.reader.give_back(frame);
        secret.flatten()
    }

    fn tell(&mut self, text: &str) {
        self.send(Kind::Tell, &[text.as_bytes()]);
    }

    fn show(&mut self, page: &[u8]) {
        self.send(Kind::Show, &[page]);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Option<Start> {
        let frame = self.lock().reader.next().ok()?;
        let start = (frame.kind == Kind::Start).then(|| serde_json::from_slice(frame.payload()));
        start?.ok()
    }

    fn send_json(&self, kind: Kind, value: &impl Serialize) {
        self.send(kind, &[&serde_json::to_vec(value).expect("plain data")]);
    }

    /// Without a parent nobody is left to tell: the next read ends the worker.
    fn send(&self, kind: Kind, parts: &[&[u8]]) {
        let _ = frame::write(&mut self.lock().writer, kind, parts);
    }
}
