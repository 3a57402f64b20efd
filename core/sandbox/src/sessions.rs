//! Sessions on the pretend portal: random tokens, kept hashed and in memory only.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ceralacca_kernel::Secret;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::clock;
use crate::credentials::random_bytes;

/// Who is at work, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The account that gave its portal keys.
    pub(crate) sender_id: i64,
    /// The *utenza di lavoro*: the same account, or one that it acts for.
    pub(crate) subject_id: i64,
    started_at: Timestamp,
    /// From when it is void.
    pub(crate) expires_at: Timestamp,
}

/// All sessions; they end with the process.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

impl Sessions {
    /// Starts a session of `seconds` and returns its token.
    pub(crate) fn start(
        &self,
        (sender_id, subject_id): (i64, i64),
        seconds: u32,
        at: Timestamp,
    ) -> (Secret, Session) {
        let token = Secret::new(hex::encode(random_bytes::<32>()));
        let expires_at = clock::after(at, i64::from(seconds));
        let session = Session { sender_id, subject_id, started_at: at, expires_at };
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.is_valid_at(at));
        if sessions.len() >= MOST {
            // The oldest goes: it can log in again.
            let oldest = sessions.iter().min_by_key(|(_, session)| session.started_at);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(key(token.expose()), session);
        (token, session)
    }

    /// The session of a token, if it is valid at this time.
    pub(crate) fn find(&self, token: &str, at: Timestamp) -> Option<Session> {
        self.lock().get(&key(token)).copied().filter(|session| session.is_valid_at(at))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        // Each change is a single call on the map, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// A clock that was set back ends a session as well as one set forward.
    fn is_valid_at(&self, at: Timestamp) -> bool {
        self.started_at <= at && at < self.expires_at
    }
}

const MOST: usize = 10_000;

fn key(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_valid_for_its_time() {
        let sessions = Sessions::default();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let (token, session) = sessions.start((1, 2), 60, at);
        assert_eq!(sessions.find(token.expose(), at), Some(session));
        assert_eq!(sessions.find(token.expose(), clock::after(at, 59)), Some(session));
        assert_eq!(sessions.find(token.expose(), clock::after(at, 60)), None);
        assert_eq!(sessions.find(token.expose(), clock::after(at, -1)), None);
        assert_eq!(sessions.find("un altro", at), None);
    }

    #[test]
    fn their_number_is_bounded() {
        let sessions = Sessions::default();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let (first, _) = sessions.start((1, 1), 60, clock::after(at, -1));
        for _ in 0..MOST {
            sessions.start((1, 1), 60, at);
        }
        assert_eq!(sessions.lock().len(), MOST);
        assert_eq!(sessions.find(first.expose(), at), None);
    }
}
