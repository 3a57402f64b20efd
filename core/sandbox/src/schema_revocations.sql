-- Revocations that were asked for, each under the key of whoever asked.

CREATE TABLE revocations (
    account_id      INTEGER NOT NULL REFERENCES accounts (id),      -- whose environment
    sender_id       INTEGER NOT NULL REFERENCES accounts (id),      -- who asked: it, or an incaricato
    idempotency_key TEXT NOT NULL,
    environment_id  INTEGER NOT NULL REFERENCES environments (id),
    requested_at    INTEGER NOT NULL,
    PRIMARY KEY (account_id, idempotency_key)
) STRICT, WITHOUT ROWID;
