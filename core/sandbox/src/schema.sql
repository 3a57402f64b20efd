-- State of the sandbox Agency, version 1. Times are Unix seconds of the sandbox's clock.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id             INTEGER PRIMARY KEY,
    codice_fiscale TEXT NOT NULL,
    sede           TEXT NOT NULL,
    numero_busta   TEXT NOT NULL UNIQUE,
    utente         TEXT NOT NULL UNIQUE,
    pincode_sha256 BLOB NOT NULL,              -- the key of identityProofV2 (RFC 5272 6.2.1)
    access_salt    BLOB NOT NULL,
    access_hash    BLOB NOT NULL,              -- PBKDF2 of password and codice PIN
    created_at     INTEGER NOT NULL,
    UNIQUE (codice_fiscale, sede)
) STRICT;

-- By name, so that an incaricato can be created before the subject.
CREATE TABLE incaricati (
    account_id     INTEGER NOT NULL REFERENCES accounts (id),
    codice_fiscale TEXT NOT NULL,
    sede           TEXT NOT NULL,
    PRIMARY KEY (account_id, codice_fiscale, sede)
) STRICT, WITHOUT ROWID;

-- A submission and its outcome: written together, the outcome shown from processed_at on.
CREATE TABLE submissions (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    protocollo      TEXT UNIQUE,               -- from the id, so NULL until the row has one
    sender_id       INTEGER NOT NULL REFERENCES accounts (id),
    subject_id      INTEGER NOT NULL REFERENCES accounts (id),
    idempotency_key TEXT NOT NULL,
    file_name       TEXT NOT NULL,
    tipo_documento  TEXT NOT NULL,
    sha256          BLOB NOT NULL,
    bytes           BLOB NOT NULL,
    received_at     INTEGER NOT NULL,
    processed_at    INTEGER,
    rejection_code  TEXT,
    rejection_text  TEXT,
    UNIQUE (sender_id, idempotency_key)
) STRICT;
CREATE INDEX submissions_sha256 ON submissions (sha256);
CREATE INDEX submissions_subject ON submissions (subject_id);

CREATE TABLE attachments (
    submission_id INTEGER NOT NULL REFERENCES submissions (id),
    name          TEXT NOT NULL,
    bytes         BLOB NOT NULL,
    spoiled       BLOB,                        -- served instead while spoiled_left > 0
    spoiled_left  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (submission_id, name)
) STRICT, WITHOUT ROWID;

-- Requests that were understood and came from somebody entitled: none is processed twice.
CREATE TABLE seen_requests (
    submission_id  INTEGER NOT NULL REFERENCES submissions (id),
    transaction_id BLOB NOT NULL,
    sender_nonce   BLOB NOT NULL,
    sha256         BLOB NOT NULL
) STRICT;
CREATE INDEX seen_requests_sha256 ON seen_requests (sha256);
CREATE INDEX seen_requests_transaction ON seen_requests (transaction_id);
CREATE INDEX seen_requests_nonce ON seen_requests (sender_nonce);

CREATE TABLE environments (
    id            INTEGER PRIMARY KEY,
    account_id    INTEGER NOT NULL REFERENCES accounts (id),
    submission_id INTEGER NOT NULL UNIQUE REFERENCES submissions (id),
    pin_salt      BLOB NOT NULL,
    pin_hash      BLOB NOT NULL,               -- PBKDF2 of the PIN di revoca
    requested_at  INTEGER,                     -- when revocation was asked for
    revoked_at    INTEGER                      -- from when it shows; may lie ahead
) STRICT;
CREATE INDEX environments_account ON environments (account_id);

CREATE TABLE certificates (
    serial         BLOB PRIMARY KEY,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    utilizzo       TEXT NOT NULL,
    key_sha256     TEXT NOT NULL,
    der            BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX certificates_key ON certificates (key_sha256);

CREATE TABLE faults (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    fault TEXT NOT NULL                        -- JSON
) STRICT;

CREATE TABLE log (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    method        TEXT NOT NULL,
    path          TEXT NOT NULL,
    status        INTEGER,                     -- NULL when the connection was cut
    request_bytes INTEGER NOT NULL,
    answer_bytes  INTEGER NOT NULL,
    fault         TEXT
) STRICT;
