//! The operator and the clock during a call, as the program passes them on.

use std::time::Duration;

use ceralacca_kernel::{
    Error, Event, Host, Question, Secret, SecretKeeper, SecretRef, Sheet, Value, cbor,
};
use jiff::Timestamp;

use crate::error::SdkError;
use crate::host_side::{HostSide, NoSecret};

/// One call's view of the operator.
pub(crate) struct Operator<'a> {
    pub(crate) side: &'a HostSide,
    pub(crate) plugin: &'a str,
    pub(crate) call: u64,
    pub(crate) now: Timestamp,
}

impl Operator<'_> {
    fn secret(&self, name: &str) -> Result<Secret, Error> {
        match self.side.secret(self.call, name) {
            Ok(text) => Ok(Secret::new(text.as_str())),
            Err(refusal) => Err(SdkError::Secret {
                plugin: self.plugin.to_owned(),
                secret: name.to_owned(),
                why: match refusal {
                    NoSecret::NotOffered => "this program gives no secrets to plugins",
                    NoSecret::NotGranted => {
                        "the operator gave none, or the manifest does not name it"
                    }
                    NoSecret::Failed => "the program could not pass it on as text",
                },
            }
            .into()),
        }
    }
}

impl Host for Operator<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn ask_secret(&self, question: Question<'_>) -> Result<Secret, Error> {
        self.secret(question.rule.name)
    }

    /// The program has asked already, before it called.
    fn approve(&self, _what: &str) -> Result<bool, Error> {
        Ok(true)
    }

    fn show(&self, sheet: &Sheet) {
        let text = |text: &String| Value::from(text.as_str());
        let line = |(label, line): &(String, String)| Value::List(vec![text(label), text(line)]);
        let lines = sheet.lines.iter().map(line);
        let page = std::iter::once(text(&sheet.title)).chain(lines).collect();
        if !self.side.show(self.call, &cbor::encode(&Value::List(page))) {
            self.side.tell(self.call, &sheet.to_text());
        }
    }

    fn progress(&self, text: &str) {
        self.side.tell(self.call, text);
    }

    fn event(&self, event: Event<'_>) {
        if let Event::Waiting { what } = event {
            self.side.tell(self.call, what);
        }
    }
}

impl SecretKeeper for Operator<'_> {
    fn ask(&self, name: &str, _confirm: bool, _host: &dyn Host) -> Result<SecretRef, Error> {
        self.secret(name).map(|_| SecretRef(name.to_owned()))
    }

    fn get(&self, secret: &SecretRef, _host: &dyn Host) -> Result<Secret, Error> {
        self.secret(&secret.0)
    }
}
