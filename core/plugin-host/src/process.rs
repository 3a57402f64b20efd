//! A plugin in a worker process: started, called, watched, and its end told in words.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use ceralacca_kernel::{Secret, cbor};
use serde::Serialize;

use crate::connection::{Answer, Answers, Broken, Connection, Launch, Request};
use crate::frame::{self, Frame, Kind, NoFrame, Reader};
use crate::host_table::{LONGEST_LINE, LONGEST_NAME, LONGEST_PAGE, TableSize, sheet};
use crate::image::{Found, Image};
use crate::in_process::InProcess;
use crate::inherit;
use crate::library::Unloadable;
use crate::messages::{CallHead, Failure, Ready, Start, read_outcome};
use crate::obituary::{self, LastWords};
use crate::watchdog::Watchdog;
use crate::worker::LONGEST_SECRET;

/// The hidden command that makes this program a worker.
const COMMAND: &str = "plugin-worker";
/// How often a plugin may ask for secrets in one call: waiting for them is not its time.
const MOST_SECRETS: u32 = 64;
/// How many lines and pages it may show in one call.
const MOST_SHOWN: u32 = 10_000;
/// How long an orderly end may take.
const LAST: std::time::Duration = std::time::Duration::from_secs(2);

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConnectError {
    /// The library is no plugin of this host.
    Unloadable(Unloadable),
    /// The system can confine, and it failed.
    Unconfined { problem: String },
    /// The worker could not be started.
    Unstarted { problem: String },
    /// It ended, or had to be ended, while it loaded.
    Broken(Broken),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Unloadable(why) => why.fmt(f),
            ConnectError::Unconfined { problem } => {
                write!(f, "its worker could not be confined: {problem}")
            }
            ConnectError::Unstarted { problem } => {
                write!(f, "its worker could not be started: {problem}")
            }
            ConnectError::Broken(broken) => write!(f, "while it was loaded: {broken}"),
        }
    }
}

/// The program that is started as a worker, where it is not this one.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Sets the program that is started as a worker, once, before the first.
pub fn worker_program(program: PathBuf) {
    let _ = PROGRAM.set(program);
}

/// Loads and creates the plugin where the settings want it.
pub(crate) fn connect(image: &Image, launch: &Launch) -> Result<Box<dyn Connection>, ConnectError> {
    connect_sized(image, launch, TableSize::Normal)
}

/// The same with structures that say they are larger or smaller.
pub(crate) fn connect_sized(
    image: &Image,
    launch: &Launch,
    size: TableSize,
) -> Result<Box<dyn Connection>, ConnectError> {
    if launch.in_process {
        return Ok(Box::new(InProcess::start(image, launch, size)?));
    }
    Ok(Box::new(WorkerConnection::start(image, launch, size)?))
}

/// A plugin in a worker.
pub(crate) struct WorkerConnection {
    watchdog: Watchdog,
    /// None once it is closed, which is how the worker is asked to end.
    writer: Option<File>,
    reader: Reader,
    last_words: LastWords,
    abi: (u16, u16),
    calls: u64,
    memory: u64,
    timeout: std::time::Duration,
    process: u32,
    /// What it was given, so that it shows up in no error.
    secrets: Vec<Secret>,
    ended: Option<Broken>,
}

/// Why an exchange with the worker stopped.
enum Stopped {
    /// The worker closed its pipe: it is gone, or pretends to be.
    Gone,
    /// It has to be ended.
    Garbled { problem: String },
}

impl From<NoFrame> for Stopped {
    fn from(why: NoFrame) -> Stopped {
        match why {
            NoFrame::Closed => Stopped::Gone,
            NoFrame::Garbled { problem } => Stopped::Garbled { problem },
        }
    }
}

impl From<io::Error> for Stopped {
    fn from(_: io::Error) -> Stopped {
        Stopped::Gone
    }
}

impl WorkerConnection {
    fn start(image: &Image, launch: &Launch, size: TableSize) -> Result<Self, ConnectError> {
        let unstarted = |error: io::Error| ConnectError::Unstarted { problem: error.to_string() };
        let command = command(image, launch).map_err(unstarted)?;
        let watchdog = Watchdog::start(command, launch.timeout).map_err(unstarted)?;
        let (writer, reader, errors, process) = {
            let mut worker = watchdog.worker();
            let child = worker.child();
            let (input, output) = (child.stdin.take(), child.stdout.take());
            let pipes = input.zip(output).zip(child.stderr.take());
            let ((input, output), errors) = pipes.expect("all three are pipes");
            (inherit::file(input), inherit::file(output), errors, child.id())
        };
        inherit::widen(&writer, &reader);
        let mut connection = WorkerConnection {
            watchdog,
            writer: Some(writer),
            reader: Reader::new(reader),
            last_words: LastWords::gather(errors).map_err(unstarted)?,
            abi: (0, 0),
            calls: 0,
            memory: launch.memory,
            timeout: launch.timeout,
            process,
            secrets: Vec::new(),
            ended: None,
        };
        connection.greet(image, launch, size)?;
        Ok(connection)
    }

    /// Tells the worker what to load and waits until it is there.
    fn greet(
        &mut self,
        image: &Image,
        launch: &Launch,
        size: TableSize,
    ) -> Result<(), ConnectError> {
        let mut grants = launch.grants.clone();
        grants.environment.clear();
        let start = Start {
            image: image.found(),
            memory: launch.memory,
            grants,
            settings: cbor::encode(&launch.settings),
            size,
        };
        let start = serde_json::to_vec(&start).expect("plain data");
        let frame = self.watched(|this| {
            frame::write(this.writer()?, Kind::Start, &[&start])?;
            Ok(this.reader.next()?)
        });
        let frame = frame.map_err(ConnectError::Broken)?;
        match self.greeted(&frame) {
            Ok(Ok(abi)) => {
                self.abi = abi;
                self.reader.give_back(frame);
                Ok(())
            }
            Ok(Err(Failure::Unloadable(why))) => Err(ConnectError::Unloadable(why)),
            Ok(Err(Failure::Unconfined { problem })) => Err(ConnectError::Unconfined { problem }),
            Err(stopped) => Err(ConnectError::Broken(self.stop(stopped))),
        }
    }

    fn greeted(&self, frame: &Frame) -> Result<Result<(u16, u16), Failure>, Stopped> {
        let nonsense = |error: serde_json::Error| Stopped::Garbled { problem: error.to_string() };
        match frame.kind {
            Kind::Ready => serde_json::from_slice(frame.payload())
                .map(|Ready { major, minor }| Ok((major, minor)))
                .map_err(nonsense),
            Kind::Failed => serde_json::from_slice(frame.payload()).map(Err).map_err(nonsense),
            other => Err(Stopped::Garbled { problem: format!("{other:?} instead of a greeting") }),
        }
    }

    fn writer(&mut self) -> Result<&mut File, Stopped> {
        self.writer.as_mut().ok_or(Stopped::Gone)
    }

    /// Does something with the worker, within the time of a call.
    fn watched<T>(
        &mut self,
        work: impl FnOnce(&mut WorkerConnection) -> Result<T, Stopped>,
    ) -> Result<T, Broken> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        self.watchdog.begin();
        let done = match work(self) {
            Ok(done) => Ok(done),
            // The time goes on until the worker is gone: one that only closed its pipe is ended.
            Err(stopped) => Err(self.stop(stopped)),
        };
        if self.watchdog.end() {
            return done;
        }
        let timed_out = Broken::TimedOut { after: self.timeout };
        self.end_of_life();
        self.ended = Some(timed_out.clone());
        Err(timed_out)
    }

    /// Ends what is left of the worker and says why it is gone.
    fn stop(&mut self, stopped: Stopped) -> Broken {
        let broken = match stopped {
            Stopped::Garbled { problem } => {
                self.watchdog.worker().kill();
                self.end_of_life();
                Broken::Garbled { problem }
            }
            Stopped::Gone => match self.end_of_life() {
                Some(status) => {
                    obituary::cause(status, self.memory, &self.last_words, &self.secrets)
                }
                None => Broken::Died { how: "its end could not be learned".to_owned() },
            },
        };
        self.ended = Some(broken.clone());
        broken
    }

    /// Waits until the worker is gone.
    fn end_of_life(&mut self) -> Option<std::process::ExitStatus> {
        self.writer = None;
        inherit::wait(self.process, || self.watchdog.worker())
    }

    /// One call, up to its outcome.
    fn exchange(
        &mut self,
        request: &Request<'_>,
        answers: &mut dyn Answers,
    ) -> Result<Result<Answer, Broken>, Stopped> {
        self.calls += 1;
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let head = CallHead {
            operation: request.operation,
            number: self.calls,
            name: length(request.name.as_bytes()),
            arguments: length(request.arguments),
        };
        let parts = [&head.bytes(), request.name.as_bytes(), request.arguments, request.context];
        frame::write(self.writer()?, Kind::Call, &parts)?;
        let (mut secrets, mut shown) = (0, 0);
        loop {
            let frame = self.reader.next()?;
            shown += u32::from(matches!(frame.kind, Kind::Tell | Kind::Show));
            if shown > MOST_SHOWN {
                return Err(garbled("it had lines to show without end"));
            }
            match frame.kind {
                Kind::Outcome => {
                    let outcome = read_outcome(frame.payload());
                    self.reader.give_back(frame);
                    return match outcome {
                        Some((number, ended)) if number == self.calls => Ok(ended),
                        _ => Err(garbled("an outcome of no call")),
                    };
                }
                Kind::SecretAsked => {
                    secrets += 1;
                    if secrets > MOST_SECRETS {
                        return Err(garbled("it asked for secrets without end"));
                    }
                    self.give_secret(&frame, answers)?;
                }
                Kind::Tell => answers.tell(text(&frame, LONGEST_LINE)?),
                Kind::Show => {
                    let page = Some(frame.payload()).filter(|page| page.len() <= LONGEST_PAGE);
                    let page = page.and_then(sheet);
                    answers.show(&page.ok_or_else(|| garbled("a page that is none"))?);
                }
                other => return Err(garbled(&format!("{other:?} in the middle of a call"))),
            }
            self.reader.give_back(frame);
        }
    }

    fn give_secret(&mut self, frame: &Frame, answers: &mut dyn Answers) -> Result<(), Stopped> {
        let name = text(frame, LONGEST_NAME)?;
        self.watchdog.pause();
        let secret = answers.secret(name);
        self.watchdog.resume();
        match secret {
            Ok(secret) if secret.expose().len() <= LONGEST_SECRET => {
                if !self.secrets.contains(&secret) {
                    self.secrets.push(secret.clone());
                }
                frame::write(self.writer()?, Kind::SecretGiven, &[secret.expose().as_bytes()])?;
            }
            _ => frame::write(self.writer()?, Kind::SecretRefused, &[])?,
        }
        Ok(())
    }

    /// Lets the plugin end, and waits.
    fn finish(&mut self) -> Result<(), Broken> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        let limit = self.timeout.min(LAST);
        self.watchdog.hurry(limit);
        self.timeout = limit;
        let last = self.watched(|this| {
            this.writer = None;
            let frame = this.reader.next()?;
            let outcome = (frame.kind == Kind::Ended).then(|| read_outcome(frame.payload()));
            let (_, outcome) = outcome.flatten().ok_or_else(|| garbled("no last word"))?;
            match this.reader.next() {
                Err(NoFrame::Closed) => (),
                _ => return Err(garbled("it goes on after its last word")),
            }
            // What the process does on its way out is part of its end.
            Ok((outcome, this.end_of_life()))
        });
        let (outcome, status) = last?;
        let over = Broken::Died { how: "it was ended in order".to_owned() };
        self.ended = Some(over);
        outcome?;
        match status {
            Some(status) if !status.success() => {
                Err(obituary::cause(status, self.memory, &self.last_words, &self.secrets))
            }
            _ => Ok(()),
        }
    }
}

impl Connection for WorkerConnection {
    fn invoke(
        &mut self,
        request: &Request<'_>,
        answers: &mut dyn Answers,
    ) -> Result<Answer, Broken> {
        let ended = self.watched(|this| this.exchange(request, answers))?;
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
        Some(self.process)
    }

    fn close(mut self: Box<Self>) -> Result<(), Broken> {
        self.finish()
    }
}

impl Drop for WorkerConnection {
    fn drop(&mut self) {
        let _ = self.finish();
        // Whatever broke it: nothing of it is left behind.
        self.watchdog.worker().kill();
        self.end_of_life();
    }
}

fn garbled(problem: &str) -> Stopped {
    Stopped::Garbled { problem: problem.to_owned() }
}

fn text(frame: &Frame, longest: usize) -> Result<&str, Stopped> {
    let bytes = Some(frame.payload()).filter(|bytes| bytes.len() <= longest);
    let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.ok_or_else(|| garbled("a text that is none"))
}

/// The command that starts the worker: nothing of this program's environment, none of its
/// descriptors but the library's.
fn command(image: &Image, launch: &Launch) -> io::Result<Command> {
    let mut command = Command::new(program()?);
    command.arg(COMMAND).env_clear();
    // Windows loads libraries of its own by it.
    if let Some(root) = std::env::var_os("SystemRoot").filter(|_| cfg!(windows)) {
        command.env("SystemRoot", root);
    }
    command.envs(launch.grants.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Found::Descriptor { number, .. } = image.found() {
        inherit::pass_on(&mut command, number);
    }
    inherit::own_group(&mut command);
    Ok(command)
}

/// This program: on Linux by what runs, even if its file was replaced meanwhile.
fn program() -> io::Result<PathBuf> {
    if let Some(program) = PROGRAM.get() {
        return Ok(program.clone());
    }
    let running = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe()
}
