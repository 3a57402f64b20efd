//! What the frames between the program and a worker carry.

use serde::{Deserialize, Serialize};

use crate::connection::{Answer, Broken, Grants, Operation};
use crate::host_table::TableSize;
use crate::image::Found;
use crate::library::{Ended, Unloadable};

/// What a worker loads, and how.
#[derive(Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) image: Found,
    pub(crate) memory: u64,
    /// Without the values of environment variables, which the worker has.
    pub(crate) grants: Grants,
    /// CBOR.
    pub(crate) settings: Vec<u8>,
    pub(crate) size: TableSize,
}

/// Why a worker has no plugin.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    Unloadable(Unloadable),
    Unconfined { problem: String },
}

/// The plugin is there.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) major: u16,
    pub(crate) minor: u16,
}

/// A call, before its name, arguments and context.
pub(crate) struct CallHead {
    pub(crate) operation: Operation,
    /// Which call of this connection it is; the outcome repeats it.
    pub(crate) number: u64,
    pub(crate) name: u32,
    pub(crate) arguments: u32,
}

const CALL_HEAD: usize = 17;

impl CallHead {
    pub(crate) fn bytes(&self) -> [u8; CALL_HEAD] {
        let mut bytes = [0; CALL_HEAD];
        bytes[0] = match self.operation {
            Operation::Describe => 0,
            Operation::Call => 1,
            Operation::Reconcile => 2,
        };
        bytes[1..9].copy_from_slice(&self.number.to_le_bytes());
        bytes[9..13].copy_from_slice(&self.name.to_le_bytes());
        bytes[13..].copy_from_slice(&self.arguments.to_le_bytes());
        bytes
    }

    /// The head, and name, arguments and context after it.
    pub(crate) fn read(payload: &[u8]) -> Option<(CallHead, [&[u8]; 3])> {
        let (&operation, rest) = payload.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (name, rest) = rest.split_first_chunk()?;
        let (arguments, rest) = rest.split_first_chunk()?;
        let head = CallHead {
            operation: match operation {
                0 => Operation::Describe,
                1 => Operation::Call,
                2 => Operation::Reconcile,
                _ => return None,
            },
            number: u64::from_le_bytes(*number),
            name: u32::from_le_bytes(*name),
            arguments: u32::from_le_bytes(*arguments),
        };
        let (name, rest) = rest.split_at_checked(head.name as usize)?;
        let (arguments, context) = rest.split_at_checked(head.arguments as usize)?;
        Some((head, [name, arguments, context]))
    }
}

const OUTCOME_HEAD: usize = 13;
const ANSWERED: u8 = 0;
const NEVER: u8 = 1;
const TWICE: u8 = 2;
const LATE: u8 = 3;
const THREAD: u8 = 4;

/// What a call came to, before the value of its answer.
pub(crate) fn outcome_head(number: u64, ended: &Ended) -> [u8; OUTCOME_HEAD] {
    let (what, code) = match ended {
        Ok(answer) => (ANSWERED, answer.status),
        Err(Broken::NeverReplied { code }) => (NEVER, *code),
        Err(Broken::RepliedTwice) => (TWICE, 0),
        Err(Broken::RepliedLate) => (LATE, 0),
        // Within a worker, nothing else is noticed.
        Err(_) => (THREAD, 0),
    };
    let mut bytes = [0; OUTCOME_HEAD];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8] = what;
    bytes[9..].copy_from_slice(&code.to_le_bytes());
    bytes
}

/// What a call came to, and which it was.
pub(crate) fn read_outcome(payload: &[u8]) -> Option<(u64, Ended)> {
    let (number, rest) = payload.split_first_chunk()?;
    let (&what, rest) = rest.split_first()?;
    let (code, value) = rest.split_first_chunk()?;
    let code = i32::from_le_bytes(*code);
    let ended = match what {
        ANSWERED => Ok(Answer { status: code, value: value.to_vec() }),
        NEVER => Err(Broken::NeverReplied { code }),
        TWICE => Err(Broken::RepliedTwice),
        LATE => Err(Broken::RepliedLate),
        THREAD => Err(Broken::WrongThread),
        _ => return None,
    };
    Some((u64::from_le_bytes(*number), ended))
}
