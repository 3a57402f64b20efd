//! Revoking an environment: asked for once, then waited for until it is in force.
//!
//! Before anything is asked, `<state>/revocations/<idempotency key>.json` says that it may have
//! been; the Agency's answer is added to it. Where it is found without an answer, the Agency is
//! asked what became of it before it is told again.

use std::path::PathBuf;

use ceralacca_environment::BeforeRevocation;
use ceralacca_kernel::typed::HandleKind;
use ceralacca_kernel::{
    Call, Error, Exit, Folders, Reconciled, Report, Secret, SecretRef, Waiting,
};
use ceralacca_kernel::{atomic_file, document_archive};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outbox::{json, name_of_key, not_stored, read_at_most};
use crate::receipt::{has_passed, parse_timeout};
use crate::revocation_guard::guard;
use crate::revocation_others::{self, require_no_other, require_same_subject};
use crate::{
    Access, Delivery, FetchChannel, Portal, PortalId, Revocation, RevocationRequested, SendChannel,
    SubmissionError,
};

/// A handle to a revocation that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "handle:revoca")]
pub struct Revoca(pub RevocaId);

impl HandleKind for Revoca {
    const KIND: &'static str = "revoca";
}

/// What a [`Revoca`] refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevocaId {
    /// With what access it was asked for.
    pub portal: PortalId,
    /// Which credentials.
    pub busta: Busta,
    /// By what the Agency knows it again.
    pub idempotency_key: String,
    /// What the Agency answered.
    pub requested: RevocationRequested,
}

/// The busta with the credentials, as the portal asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Busta {
    /// *Numero busta*.
    pub numero: String,
    /// *Tipo busta*.
    #[serde(default = "tipo_a")]
    pub tipo: String,
}

/// What is not as it should be when an environment is revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocaOptions {
    /// The environment's keys are lost: what is unread stays unread for ever.
    #[serde(default)]
    pub chiave_persa: bool,
    /// The PIN di revoca is lost: then nobody can revoke from here.
    #[serde(default)]
    pub pin_perso: bool,
    /// The folder of the environment that is revoked: only receipts that its key opens hold it back.
    #[serde(default)]
    pub folder: Option<String>,
    /// What `environment::before_revocation` has found: looked at again when it is asked for.
    #[serde(default)]
    pub environment: Option<BeforeRevocation>,
}

/// `<state>/revocations/<idempotency key>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationMark {
    /// By what the Agency knows it again.
    pub idempotency_key: String,
    /// The run that asked.
    pub run: String,
    /// When it was about to be asked.
    pub at: Timestamp,
    /// Which credentials.
    pub busta: Busta,
    /// Whose environment it is: `<codice fiscale>-<sede>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// SHA-256 of its public keys, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
    /// The Agency's answer; without one, it is not known whether it was asked.
    #[serde(default)]
    pub requested: Option<RevocationRequested>,
}

pub(crate) fn revoke(
    call: &mut Call<'_>,
    portal: Portal,
    busta: Busta,
    options: Option<RevocaOptions>,
) -> Result<Revoca, Error> {
    let options = options.unwrap_or_default().with_environment();
    let busta = busta.checked()?;
    if options.pin_perso {
        return Err(SubmissionError::PinDiRevocaLost.into());
    }
    let channel = call.service::<SendChannel>()?;
    let access = portal.0.access(call, channel.wants_keys())?;
    let mark = Mark::of(call)?;
    match mark.found(&channel, &access)? {
        Found::Requested(answer) => return Ok(revoca(portal, busta, &mark, answer)),
        Found::NotRequested => {}
        Found::Unknown(why) => {
            let document = format!("the revocation for busta {}", busta.numero);
            return Err(SubmissionError::StillUnknown { document, why }.into());
        }
    }
    let _alone = revocation_others::alone(call)?;
    require_no_other(call, &channel, &access, &busta)?;
    require_revocable(call, &portal.0, &access, &options)?;
    // Before anything is marked. At the portal the person types it in.
    let pin_di_revoca = match channel.wants_keys() {
        true => call.secret(&SecretRef(PIN_DI_REVOCA.to_owned()))?,
        false => Secret::new(""),
    };
    mark.begin(&busta, options.environment.as_ref(), call)?;
    let revocation = Revocation {
        idempotency_key: mark.key.clone(),
        at: call.now(),
        run: call.run().to_string(),
        numero_busta: busta.numero.clone(),
        tipo_busta: busta.tipo.clone(),
        account: options.environment.as_ref().map(|environment| environment.account.clone()),
        pin_di_revoca,
    };
    match channel.revoke(&access, &revocation) {
        Ok(answer) => {
            if let Err(error) = mark.answered(&answer) {
                call.progress(&format!(
                    "the Agency has it; the answer is only in the run: {error}"
                ));
            }
            Ok(revoca(portal, busta, &mark, answer))
        }
        Err(failure) if failure.delivery == Delivery::NotDelivered => {
            mark.withdraw();
            Err(refusal(&failure.error))
        }
        // A person has it in hand: the call stays open, and waits.
        Err(failure) if failure.error.exit() == Exit::Waiting => Err(failure.error),
        Err(failure) => {
            Err(Report { exit: Exit::Unknown, ..failure.error.report().clone() }.into())
        }
    }
}

/// The environment is the one that was looked at, and nothing that only it opens is unread.
fn require_revocable(
    call: &mut Call<'_>,
    portal: &PortalId,
    access: &Access,
    options: &RevocaOptions,
) -> Result<(), Error> {
    if let Some(environment) = &options.environment {
        require_same_subject(portal, &environment.account)?;
        environment.look_again(call)?;
    }
    guard(call, portal, access, options)
}

/// What became of a `revoke` that was interrupted.
pub(crate) fn reconcile(
    call: &mut Call<'_>,
    portal: Portal,
    busta: Busta,
    _: Option<RevocaOptions>,
) -> Result<Reconciled<Revoca>, Error> {
    let mark = Mark::of(call)?;
    if !mark.is_there() {
        return Ok(Reconciled::NotDone);
    }
    let channel = call.service::<SendChannel>()?;
    let access = portal.0.access(call, channel.wants_keys())?;
    Ok(match mark.found(&channel, &access)? {
        Found::Requested(answer) => {
            Reconciled::Done(revoca(portal, busta.checked()?, &mark, answer))
        }
        Found::NotRequested => Reconciled::NotDone,
        Found::Unknown(why) => Reconciled::Unknown(why),
    })
}

pub(crate) fn wait_in_force(
    call: &mut Call<'_>,
    revoca: Revoca,
    timeout: String,
) -> Result<Waiting<Revoca>, Error> {
    let timeout = parse_timeout(&timeout)?;
    let channel = call.service::<FetchChannel>()?;
    let id = revoca.0;
    let access = id.portal.access(call, channel.wants_keys())?;
    let what = format!("the revocation for busta {} to be in force", id.busta.numero);
    let last = match channel.find_revocation(&access, &id.idempotency_key) {
        Ok(Some(found)) => match found.effective_at {
            Some(_) => {
                let mark = Mark::named(call, &id.idempotency_key)?;
                // What this run sets aside from here on is judged by it.
                mark.answered(&found).map_err(not_stored(&mark.path))?;
                return Ok(Waiting::Ready(Revoca(RevocaId { requested: found, ..id })));
            }
            None => format!("{what}: queued since {}", found.requested_at),
        },
        Ok(None) => format!("{what}: the Agency does not show it yet"),
        Err(failure) if failure.passing => {
            let headline = &failure.error.report().headline;
            format!("{what}; it could not be asked for: {headline}")
        }
        Err(failure) => return Err(failure.error),
    };
    if has_passed(call, timeout) {
        return Err(SubmissionError::RevocationLate {
            requested_at: id.requested.requested_at,
            timeout_seconds: timeout.as_secs(),
            last,
        }
        .into());
    }
    Ok(Waiting::NotYet(last))
}

pub(crate) fn requested_at(_: &mut Call<'_>, revoca: Revoca) -> Result<String, Error> {
    Ok(revoca.0.requested.requested_at.to_string())
}

fn revoca(portal: Portal, busta: Busta, mark: &Mark, requested: RevocationRequested) -> Revoca {
    let idempotency_key = mark.key.clone();
    Revoca(RevocaId { portal: portal.0, busta, idempotency_key, requested })
}

impl RevocaOptions {
    /// What was found of the environment says the rest as well.
    fn with_environment(mut self) -> RevocaOptions {
        if let Some(environment) = &self.environment {
            self.chiave_persa |= environment.lost;
            self.folder.get_or_insert_with(|| environment.folder.display().to_string());
        }
        self
    }
}

impl Busta {
    /// UNVERIFIED: the form of a busta's number is not public; only what cannot be one is refused.
    fn checked(self) -> Result<Busta, SubmissionError> {
        let numero = self.numero.trim().to_owned();
        let tipo = self.tipo.trim().to_uppercase();
        let plain = |text: &str, most: usize| {
            (1..=most).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !plain(&numero, 30) || !plain(&tipo, 3) {
            let (numero, tipo) = (numero.chars().count(), tipo.chars().count());
            return Err(SubmissionError::BustaForm { numero, tipo });
        }
        Ok(Busta { numero, tipo })
    }
}

fn tipo_a() -> String {
    "A".to_owned()
}

/// What the Agency's refusal means for the person; what refused it keeps its code.
fn refusal(error: &Error) -> Error {
    let mut report = error.report().clone();
    let code = match report.fields.get("code") {
        Some(ceralacca_kernel::Value::Str(code)) => code.clone(),
        _ => String::new(),
    };
    let (state, next) = match code.as_str() {
        "gateway.wrong_pin" => (
            NOTHING_REVOKED,
            "check the PIN di revoca, then ceralacca resume; a PIN that is lost is not given again: \
             then only an office of the Agency can revoke",
        ),
        "gateway.unknown_busta" => (
            NOTHING_REVOKED,
            "check numero busta; a run keeps its inputs: ceralacca abandon RUN --reason busta, then \
             start again with the right one",
        ),
        "gateway.revocation_pending" => (
            "what was asked for before stands; nothing was added to it",
            "ceralacca status shows which run asked for it: resume that one",
        ),
        "gateway.no_environment" => (
            "no environment is in force; nothing was asked for",
            "nothing is left to revoke: run setup_environment",
        ),
        _ => return error.clone(),
    };
    (report.state, report.next) = (state.to_owned(), next.to_owned());
    report.into()
}

/// What is known of an earlier attempt.
enum Found {
    /// The Agency has it.
    Requested(RevocationRequested),
    /// It was never asked, or the Agency says that it was not.
    NotRequested,
    /// Nobody can say, because of this.
    Unknown(String),
}

/// The mark of one revocation.
struct Mark {
    path: PathBuf,
    key: String,
}

impl Mark {
    fn of(call: &Call<'_>) -> Result<Mark, Error> {
        Mark::named(call, call.idempotency_key())
    }

    fn named(call: &Call<'_>, key: &str) -> Result<Mark, Error> {
        let folders = call.service::<Folders>()?;
        let name = format!("{}.json", name_of_key(key));
        Ok(Mark { path: folders.state.join(REVOCATIONS).join(name), key: key.to_owned() })
    }

    /// A mark that cannot be read is still a mark, and so is a disk that cannot say.
    fn is_there(&self) -> bool {
        self.path.try_exists().unwrap_or(true)
    }

    fn read(&self) -> Option<RevocationMark> {
        serde_json::from_slice(&read_at_most(&self.path, 64 << 10).ok()?).ok()
    }

    fn found(&self, channel: &SendChannel, access: &Access) -> Result<Found, Error> {
        if !self.is_there() {
            return Ok(Found::NotRequested);
        }
        if let Some(answer) = self.read().and_then(|mark| mark.requested) {
            return Ok(Found::Requested(answer));
        }
        match channel.find_revocation(access, &self.key) {
            Ok(Some(answer)) => {
                // It is asked again if this is lost.
                let _ = self.answered(&answer);
                Ok(Found::Requested(answer))
            }
            Ok(None) => {
                self.withdraw();
                Ok(Found::NotRequested)
            }
            Err(failure) if failure.error.exit() == Exit::Waiting => Err(failure.error),
            Err(failure) => {
                let report = failure.error.report();
                Ok(Found::Unknown(format!("{} ({})", report.headline, report.code)))
            }
        }
    }

    fn begin(
        &self,
        busta: &Busta,
        environment: Option<&BeforeRevocation>,
        call: &Call<'_>,
    ) -> Result<(), Error> {
        let mark = RevocationMark {
            idempotency_key: self.key.clone(),
            run: call.run().to_string(),
            at: call.now(),
            busta: busta.clone(),
            account: environment.map(|one| one.account.clone()),
            fingerprints: environment.map_or_else(Vec::new, |one| one.fingerprints.clone()),
            requested: None,
        };
        let folder = self.path.parent().unwrap_or(&self.path);
        document_archive::create(folder)
            .and_then(|()| atomic_file::write(&self.path, &json(&mark)))
            .map_err(not_stored(&self.path))
    }

    /// Adds the answer to a mark that is there.
    fn answered(&self, answer: &RevocationRequested) -> std::io::Result<()> {
        match self.read() {
            Some(mark) => {
                let mark = RevocationMark { requested: Some(answer.clone()), ..mark };
                atomic_file::write(&self.path, &json(&mark))
            }
            None => Ok(()),
        }
    }

    /// It is certain that nothing was asked. Failing is safe: the mark only makes us ask first.
    fn withdraw(&self) {
        let _ = atomic_file::remove(&self.path);
    }
}

/// The secret that was chosen when the environment was set up: typed once here.
const PIN_DI_REVOCA: &str = "pin_di_revoca_esistente";
const NOTHING_REVOKED: &str = "nothing was revoked";
/// The folder of the marks.
pub const REVOCATIONS: &str = "revocations";
