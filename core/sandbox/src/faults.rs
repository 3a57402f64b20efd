//! Injected faults: what a client must survive, once or more often, on a route of the gateway.

use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::spoil::Spoil;
use crate::tsa::TsaFault;

/// A fault that waits for its request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Method and path as the OpenAPI document writes them, or `*` for every gateway route.
    pub route: String,
    /// What happens.
    pub kind: FaultKind,
    /// How many requests it hits, 1 to 1,000,000.
    #[serde(default = "once")]
    pub times: u32,
    /// How many requests it lets pass first.
    #[serde(default)]
    pub skip: u32,
}

/// Kinds of fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// Answers 403 `gateway.refused` and takes nothing in.
    Refuse,
    /// Cuts the connection when the request's head is read; takes nothing in.
    CutBeforeRead,
    /// Cuts the connection when half of the request's body is read; takes nothing in.
    CutMidBody,
    /// Handles the request, commits, then cuts the connection without an answer.
    CutAfterCommit,
    /// Handles the request, commits, and answers so much later.
    Slow {
        /// At most 600,000.
        milliseconds: u64,
    },
    /// Answers with a status of its own.
    Status {
        /// 500 to 599.
        code: u16,
        /// Whether the request is handled and committed first.
        #[serde(default)]
        after_commit: bool,
    },
    /// Handles the request and commits; the answer's body is not what its type says.
    Garbage,
    /// Handles the request and commits; the answer says that it is an HTML page.
    WrongContentType,
    /// Handles the request and commits; half of the answer's body arrives, then nothing.
    Truncated,
    /// The next accepted PKS10 has a bad CERTIF.IN for `times` downloads, then the right one.
    CertifIn(Spoil),
    /// The next `times` marks are wrong, or refused, in this way.
    Tsa(TsaFault),
}

impl FaultKind {
    /// Its name in the request log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            FaultKind::Refuse => "refuse",
            FaultKind::CutBeforeRead => "cut_before_read",
            FaultKind::CutMidBody => "cut_mid_body",
            FaultKind::CutAfterCommit => "cut_after_commit",
            FaultKind::Slow { .. } => "slow",
            FaultKind::Status { .. } => "status",
            FaultKind::Garbage => "garbage",
            FaultKind::WrongContentType => "wrong_content_type",
            FaultKind::Truncated => "truncated",
            FaultKind::CertifIn(_) => "certif_in",
            FaultKind::Tsa(_) => "tsa",
        }
    }
}

/// The faults that are still to happen, in the order they were given.
pub(crate) fn list(transaction: &Transaction<'_>) -> Result<Vec<Fault>, SandboxError> {
    Ok(waiting(transaction)?.into_iter().map(|(_, fault)| fault).collect())
}

/// Replaces all faults by these.
pub(crate) fn replace(
    transaction: &Transaction<'_>,
    faults: &[Fault],
    is_route: impl Fn(&str) -> bool,
) -> Result<(), SandboxError> {
    if faults.len() > MOST {
        return refuse("at most 100 faults");
    }
    transaction.execute("DELETE FROM faults", [])?;
    for fault in faults {
        check(fault, &is_route)?;
        let text = serde_json::to_string(fault).expect("numbers and text are always JSON");
        transaction.execute("INSERT INTO faults (fault) VALUES (?1)", [text])?;
    }
    Ok(())
}

/// The fault that this request meets, which thereby has happened once more.
pub(crate) fn take(
    transaction: &Transaction<'_>,
    route: &str,
) -> Result<Option<FaultKind>, SandboxError> {
    first(transaction, |fault| {
        let spoils = matches!(fault.kind, FaultKind::CertifIn(_) | FaultKind::Tsa(_));
        !spoils && (fault.route == route || fault.route == EVERY_ROUTE)
    })
}

/// The damage that the next CERTIF.IN takes, and for how many downloads.
pub(crate) fn take_spoil(
    transaction: &Transaction<'_>,
) -> Result<Option<(Spoil, u32)>, SandboxError> {
    for (id, mut fault) in waiting(transaction)? {
        let FaultKind::CertifIn(spoil) = fault.kind else { continue };
        if fault.skip > 0 {
            fault.skip -= 1;
            update(transaction, id, &fault)?;
            continue;
        }
        transaction.execute("DELETE FROM faults WHERE id = ?1", [id])?;
        return Ok(Some((spoil, fault.times)));
    }
    Ok(None)
}

/// What is wrong with the mark that is about to be made.
pub(crate) fn take_tsa(transaction: &Transaction<'_>) -> Result<Option<TsaFault>, SandboxError> {
    let found = first(transaction, |fault| matches!(fault.kind, FaultKind::Tsa(_)))?;
    Ok(found.and_then(|kind| match kind {
        FaultKind::Tsa(wrong) => Some(wrong),
        _ => None,
    }))
}

/// The first fault that is meant and has let enough requests pass; it is used once.
fn first(
    transaction: &Transaction<'_>,
    is_meant: impl Fn(&Fault) -> bool,
) -> Result<Option<FaultKind>, SandboxError> {
    for (id, mut fault) in waiting(transaction)?.into_iter().filter(|(_, fault)| is_meant(fault)) {
        if fault.skip > 0 {
            fault.skip -= 1;
            update(transaction, id, &fault)?;
            continue;
        }
        fault.times = fault.times.saturating_sub(1);
        update(transaction, id, &fault)?;
        return Ok(Some(fault.kind));
    }
    Ok(None)
}

fn waiting(transaction: &Transaction<'_>) -> Result<Vec<(i64, Fault)>, SandboxError> {
    let mut query = transaction.prepare("SELECT id, fault FROM faults ORDER BY id")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (id, text): (i64, String) = row?;
        let fault = serde_json::from_str(&text)
            .map_err(|error| SandboxError::Store { reason: format!("fault {id}: {error}") })?;
        Ok((id, fault))
    })
    .collect()
}

fn update(transaction: &Transaction<'_>, id: i64, fault: &Fault) -> Result<(), SandboxError> {
    if fault.times == 0 {
        transaction.execute("DELETE FROM faults WHERE id = ?1", [id])?;
        return Ok(());
    }
    let text = serde_json::to_string(fault).expect("numbers and text are always JSON");
    transaction
        .execute("UPDATE faults SET fault = ?2 WHERE id = ?1", rusqlite::params![id, text])?;
    Ok(())
}

fn check(fault: &Fault, is_route: impl Fn(&str) -> bool) -> Result<(), SandboxError> {
    if fault.route != EVERY_ROUTE && !is_route(&fault.route) {
        return refuse("`*`, or method and path of a gateway route as in the OpenAPI document");
    }
    if !(1..=1_000_000).contains(&fault.times) {
        return refuse("1 to 1000000 times");
    }
    match fault.kind {
        FaultKind::Slow { milliseconds } if milliseconds > 600_000 => {
            refuse("at most 600000 milliseconds")
        }
        FaultKind::Status { code, .. } if !(500..=599).contains(&code) => {
            refuse("a status of 500 to 599")
        }
        _ => Ok(()),
    }
}

fn refuse<T>(rule: &str) -> Result<T, SandboxError> {
    Err(SandboxError::Setting { name: "fault".to_owned(), rule: rule.to_owned() })
}

fn once() -> u32 {
    1
}

const EVERY_ROUTE: &str = "*";
const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn faults_are_counted_and_spent() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("stato.sqlite")).unwrap();
        let fault = |text: &str| serde_json::from_str::<Fault>(text).unwrap();
        let faults = [
            fault(r#"{"route": "GET /a", "kind": "refuse", "times": 2, "skip": 1}"#),
            fault(r#"{"route": "*", "kind": {"slow": {"milliseconds": 5}}}"#),
            fault(r#"{"route": "*", "kind": {"certif_in": "pem"}, "times": 3}"#),
        ];
        store.transact(|t| replace(t, &faults, |route| route == "GET /a")).unwrap();
        let next = |route: &str| store.transact(|t| take(t, route)).unwrap();
        assert_eq!(next("GET /a"), Some(FaultKind::Slow { milliseconds: 5 }));
        assert_eq!(next("GET /b"), None);
        assert_eq!(next("GET /a"), Some(FaultKind::Refuse));
        assert_eq!(next("GET /a"), Some(FaultKind::Refuse));
        assert_eq!(next("GET /a"), None);
        assert_eq!(store.transact(take_spoil).unwrap(), Some((Spoil::Pem, 3)));
        assert_eq!(store.transact(take_spoil).unwrap(), None);
        assert_eq!(store.transact(list).unwrap(), []);
    }

    #[test]
    fn impossible_faults_are_refused_and_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("stato.sqlite")).unwrap();
        for text in [
            r#"{"route": "GET /none", "kind": "refuse"}"#,
            r#"{"route": "*", "kind": "refuse", "times": 0}"#,
            r#"{"route": "*", "kind": {"status": {"code": 200}}}"#,
            r#"{"route": "*", "kind": {"slow": {"milliseconds": 600001}}}"#,
        ] {
            let fault = serde_json::from_str::<Fault>(text).unwrap();
            let refused = store.transact(|t| replace(t, &[fault], |_| false));
            assert!(matches!(refused, Err(SandboxError::Setting { .. })), "{text}");
        }
        assert!(serde_json::from_str::<Fault>(r#"{"route": "*", "kind": "unknown"}"#).is_err());
    }
}
