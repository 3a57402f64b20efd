//! The fault matrix: what a request can meet, a state that is set back for each case, and the table.

pub mod case;
pub mod door;
pub mod prepared;
pub mod rewind;
pub mod search;
pub mod sent;
pub mod table;

use serde_json::{Value, json};

/// What one request meets on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nobody listens: the connection is refused.
    NobodyListens,
    /// The gateway answers 403.
    Refuse,
    /// Cut before the body is read.
    CutBefore,
    /// Cut in the middle of the body.
    CutWithin,
    /// Cut after it was taken in.
    CutAfter,
    /// The answer comes later than the client waits.
    Slow,
    /// 503, and nothing taken in.
    Status,
    /// 503, and taken in.
    StatusAfter,
    /// Taken in; the answer is noise.
    Garbage,
    /// Taken in; the answer says that it is a page.
    WrongType,
    /// Taken in; half of the answer comes.
    Truncated,
    /// Taken in, and the program is killed while it waits for the answer.
    Killed,
}

impl Kind {
    pub const ALL: [Kind; 12] = [
        Kind::NobodyListens,
        Kind::Refuse,
        Kind::CutBefore,
        Kind::CutWithin,
        Kind::CutAfter,
        Kind::Slow,
        Kind::Status,
        Kind::StatusAfter,
        Kind::Garbage,
        Kind::WrongType,
        Kind::Truncated,
        Kind::Killed,
    ];

    /// What differs most: nothing reached, taken in and lost, taken in and killed, noise.
    pub const FEW: [Kind; 4] = [Kind::NobodyListens, Kind::CutAfter, Kind::Garbage, Kind::Killed];

    /// What heads its column.
    pub fn short(self) -> &'static str {
        match self {
            Kind::NobodyListens => "nobody",
            Kind::Refuse => "403",
            Kind::CutBefore => "cut<",
            Kind::CutWithin => "cut=",
            Kind::CutAfter => "cut>",
            Kind::Slow => "slow",
            Kind::Status => "503<",
            Kind::StatusAfter => "503>",
            Kind::Garbage => "noise",
            Kind::WrongType => "page",
            Kind::Truncated => "half",
            Kind::Killed => "kill",
        }
    }

    /// What it is called in full.
    pub fn name(self) -> &'static str {
        match self {
            Kind::NobodyListens => "refused: nobody listens",
            Kind::Refuse => "refused: 403",
            Kind::CutBefore => "cut before the body",
            Kind::CutWithin => "cut in mid-body",
            Kind::CutAfter => "cut after acceptance",
            Kind::Slow => "slow",
            Kind::Status => "503 before acceptance",
            Kind::StatusAfter => "503 after acceptance",
            Kind::Garbage => "garbage",
            Kind::WrongType => "wrong content type",
            Kind::Truncated => "truncated answer",
            Kind::Killed => "killed while it waits",
        }
    }

    /// What the sandbox is told; nothing where it has no part in it.
    pub fn fault(self) -> Option<Value> {
        Some(match self {
            Kind::NobodyListens => return None,
            Kind::Refuse => json!("refuse"),
            Kind::CutBefore => json!("cut_before_read"),
            Kind::CutWithin => json!("cut_mid_body"),
            Kind::CutAfter => json!("cut_after_commit"),
            Kind::Slow => json!({ "slow": { "milliseconds": LATE_MILLISECONDS } }),
            Kind::Status => json!({ "status": { "code": 503 } }),
            Kind::StatusAfter => json!({ "status": { "code": 503, "after_commit": true } }),
            Kind::Garbage => json!("garbage"),
            Kind::WrongType => json!("wrong_content_type"),
            Kind::Truncated => json!("truncated"),
            Kind::Killed => json!({ "slow": { "milliseconds": 60_000 } }),
        })
    }
}

/// How late a slow answer is, and how long the client waits for it.
const LATE_MILLISECONDS: u32 = 12_000;
pub const PATIENT: &str = "6s";

/// A request of a workflow: which route, and which one of those to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// As the OpenAPI document writes it.
    pub route: String,
    /// How many to the same route came before it.
    pub earlier: u32,
    /// How many requests came before it in all.
    pub index: u32,
}

impl Request {
    /// What the table calls it.
    pub fn name(&self) -> String {
        match self.earlier {
            0 => self.route.clone(),
            earlier => format!("{} ({})", self.route, earlier + 1),
        }
    }

    /// Whether it changes something at the Agency.
    pub fn changes(&self) -> bool {
        ["POST /v1/submissions", "POST /v1/revocations"].contains(&self.route.as_str())
    }

    /// How a later process asks what became of it: once it has a session.
    pub fn look_up(&self) -> Request {
        Request { route: self.route.replacen("POST", "GET", 1), earlier: 0, index: 1 }
    }
}

/// The route of a path, as the OpenAPI document writes it.
pub fn route(method: &str, path: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    if parts.get(2) == Some(&"receipts") {
        for (place, name) in [(3, "{protocollo}"), (5, "{name}")] {
            if let Some(part) = parts.get_mut(place) {
                *part = name;
            }
        }
    }
    format!("{method} {}", parts.join("/"))
}
