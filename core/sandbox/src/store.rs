//! The sandbox's state: one SQLite file, and one connection that everything goes through in turn.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ceralacca_kernel::regular_file;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::SandboxError;

/// The state; clones share one connection.
#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Connection>>);

impl Store {
    /// Opens or creates the file and brings its schema up to date.
    ///
    /// Write-ahead log with `synchronous=FULL`: what was committed survives SIGKILL and power loss.
    pub(crate) fn open(path: &Path) -> Result<Store, SandboxError> {
        create_private(path)?;
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        // What a row held, a PIN's hash included, does not linger in free pages.
        connection.pragma_update(None, "secure_delete", "ON")?;
        migrate(&connection)?;
        Ok(Store(Arc::new(Mutex::new(connection))))
    }

    /// Runs `work` in one transaction, committed and synced before this returns.
    ///
    /// Whatever `work` wrote is gone when it fails. Blocks while others are at work.
    pub(crate) fn transact<T, E: From<SandboxError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        // A panic inside `work` rolled its transaction back, so the connection is still good.
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(SandboxError::from)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(SandboxError::from)?;
        Ok(done)
    }
}

/// The schema's version, kept in `user_version`.
const VERSION: i64 = MIGRATIONS.len() as i64;

/// The Nth brings the state from version N to N + 1.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_impronta.sql"),
    include_str!("schema_trust.sql"),
    include_str!("schema_revocations.sql"),
];

/// Creates the file when it is missing; on Unix nobody but its owner can read it
/// or the log that SQLite writes beside it.
fn create_private(path: &Path) -> Result<(), SandboxError> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = regular_file::open_with(path, &mut options);
    opened.map(drop).map_err(|error| SandboxError::Disk {
        path: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn migrate(connection: &Connection) -> Result<(), SandboxError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let Ok(done) = usize::try_from(found) else {
        return Err(SandboxError::Store { reason: format!("schema version {found}") });
    };
    if found > VERSION {
        return Err(SandboxError::NewerStore { expected: VERSION, found });
    }
    for (version, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        let next = version + 1;
        connection
            .execute_batch(&format!("BEGIN; {migration}; PRAGMA user_version = {next}; COMMIT;"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_again_and_refuses_what_is_newer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stato.sqlite");
        drop(Store::open(&path).unwrap());
        drop(Store::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let refused = Store::open(&path).err().unwrap();
        assert_eq!(refused, SandboxError::NewerStore { expected: VERSION, found: 99 });
    }

    #[test]
    fn an_older_state_is_brought_up_to_date_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stato.sqlite");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.execute("INSERT INTO settings VALUES ('a', 'b')", []).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        drop(connection);
        let store = Store::open(&path).unwrap();
        let counts = |transaction: &Transaction<'_>| -> Result<(i64, i64), SandboxError> {
            let query = "SELECT (SELECT count(*) FROM settings), count(*) FROM communications";
            Ok(transaction.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
        };
        assert_eq!(store.transact(counts).unwrap(), (1, 0));
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stato.sqlite");
        std::fs::write(&path, vec![0x42; 8192]).unwrap();
        assert!(matches!(Store::open(&path), Err(SandboxError::Store { .. })));
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("stato.sqlite")).unwrap();
        let failed: Result<(), SandboxError> = store.transact(|transaction| {
            transaction.execute("INSERT INTO settings VALUES ('a', 'b')", [])?;
            Err(SandboxError::Setting { name: "a".into(), rule: "none".into() })
        });
        assert!(failed.is_err());
        let count = |transaction: &Transaction<'_>| -> Result<i64, SandboxError> {
            Ok(transaction.query_row("SELECT count(*) FROM settings", [], |row| row.get(0))?)
        };
        assert_eq!(store.transact(count).unwrap(), 0);
    }
}
