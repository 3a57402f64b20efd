-- The pretend trust service provider: certificates of signers, and marks that were made.

CREATE TABLE signers (
    serial         BLOB PRIMARY KEY,
    codice_fiscale TEXT NOT NULL,
    common_name    TEXT NOT NULL,
    der            BLOB NOT NULL,
    issued_at      INTEGER NOT NULL,
    revoked_at     INTEGER
) STRICT, WITHOUT ROWID;

-- A mark counts from here on, whether its answer arrives or not.
CREATE TABLE marks (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    serial    BLOB NOT NULL,
    algorithm TEXT NOT NULL,
    imprint   BLOB NOT NULL
) STRICT;
CREATE INDEX marks_imprint ON marks (imprint);
