//! A plugin in this process, by explicit setting: without limits, and a crash of it is a crash of
//! ours.
//!
//! The contract gives a plugin one thread. Calls may come from several of the host, so that one
//! thread owns the plugin and the others pass their calls to it.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use ceralacca_kernel::{Secret, cbor};

use crate::connection::{Answer, Answers, Broken, Connection, Launch, Operation, Request};
use crate::host_table::{TableSize, Upstream, sheet};
use crate::image::Image;
use crate::library::{Ended, Loaded};
use crate::lookout;
use crate::process::ConnectError;

/// A plugin in this process.
pub(crate) struct InProcess {
    /// None once it is closed, which ends the thread.
    calls: Option<Sender<Job>>,
    events: Receiver<Event>,
    secrets: SyncSender<Option<Secret>>,
    thread: Option<JoinHandle<Result<(), Broken>>>,
    abi: (u16, u16),
    ended: Option<Broken>,
}

struct Job {
    operation: Operation,
    name: String,
    arguments: Vec<u8>,
    context: Vec<u8>,
}

enum Event {
    Ended(Ended),
    SecretAsked(String),
    Tell(String),
    Show(Vec<u8>),
}

/// What the owner thread asks of the thread that made the call.
struct Asking {
    events: Sender<Event>,
    secrets: Receiver<Option<Secret>>,
}

impl Upstream for Asking {
    fn secret(&mut self, name: &str) -> Option<Secret> {
        self.events.send(Event::SecretAsked(name.to_owned())).ok()?;
        self.secrets.recv().ok().flatten()
    }

    // Without anybody at the other end there is nobody to show anything to.
    fn tell(&mut self, text: &str) {
        let _ = self.events.send(Event::Tell(text.to_owned()));
    }

    fn show(&mut self, page: &[u8]) {
        let _ = self.events.send(Event::Show(page.to_owned()));
    }
}

impl InProcess {
    pub(crate) fn start(
        image: &Image,
        launch: &Launch,
        size: TableSize,
    ) -> Result<InProcess, ConnectError> {
        let unstarted =
            |error: std::io::Error| ConnectError::Unstarted { problem: error.to_string() };
        let path = image.kept().map_err(unstarted)?;
        let settings = cbor::encode(&launch.settings);
        let (calls, jobs) = channel::<Job>();
        let (events, heard) = channel();
        let (secrets, given) = sync_channel(1);
        let (loaded, outcome) = sync_channel(1);
        let builder = std::thread::Builder::new().name(format!("plugin-{}", launch.name));
        let thread = builder.spawn(move || {
            let asking = Box::new(Asking { events: events.clone(), secrets: given });
            match Loaded::load(&path, settings, asking, size) {
                Ok(plugin) => {
                    let _ = loaded.send(Ok(plugin.abi()));
                    own(plugin, &jobs, &events)
                }
                Err(why) => {
                    let _ = loaded.send(Err(why));
                    Ok(())
                }
            }
        });
        let thread = Some(thread.map_err(unstarted)?);
        let abi = outcome.recv().map_err(|_| ConnectError::Broken(Broken::Panicked))?;
        let abi = abi.map_err(ConnectError::Unloadable)?;
        let calls = Some(calls);
        Ok(InProcess { calls, events: heard, secrets, thread, abi, ended: None })
    }

    fn call(&self, request: &Request<'_>, answers: &mut dyn Answers) -> Option<Ended> {
        let job = Job {
            operation: request.operation,
            name: request.name.to_owned(),
            arguments: request.arguments.to_owned(),
            context: request.context.to_owned(),
        };
        self.calls.as_ref()?.send(job).ok()?;
        loop {
            match lookout::receive(&self.events).ok()? {
                Event::Ended(ended) => return Some(ended),
                Event::SecretAsked(name) => self.secrets.send(answers.secret(&name).ok()).ok()?,
                Event::Tell(text) => answers.tell(&text),
                Event::Show(page) => {
                    if let Some(page) = sheet(&page) {
                        answers.show(&page);
                    }
                }
            }
        }
    }

    fn finish(&mut self) -> Result<(), Broken> {
        self.calls = None;
        let ended = self.thread.take().map_or(Ok(Ok(())), JoinHandle::join);
        match self.ended.clone() {
            Some(broken) => Err(broken),
            None => ended.unwrap_or(Err(Broken::Panicked)),
        }
    }
}

/// What the thread of the plugin does, until nobody calls any more.
fn own(mut plugin: Loaded, jobs: &Receiver<Job>, events: &Sender<Event>) -> Result<(), Broken> {
    while let Ok(job) = lookout::receive(jobs) {
        let ended = plugin.invoke(job.operation, job.name.as_bytes(), &job.arguments, &job.context);
        if events.send(Event::Ended(ended)).is_err() {
            break;
        }
    }
    plugin.destroy()
}

impl Connection for InProcess {
    fn invoke(
        &mut self,
        request: &Request<'_>,
        answers: &mut dyn Answers,
    ) -> Result<Answer, Broken> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let ended = self.call(request, answers).unwrap_or(Err(Broken::Panicked));
        match &ended {
            Ok(_) | Err(Broken::NeverReplied { .. }) => (),
            Err(broken) => self.ended = Some(broken.clone()),
        }
        ended
    }

    fn abi(&self) -> (u16, u16) {
        self.abi
    }

    fn process(&self) -> Option<u32> {
        None
    }

    fn close(mut self: Box<Self>) -> Result<(), Broken> {
        self.finish()
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
