-- Communications of the impronta that were accepted.

CREATE TABLE communications (
    submission_id  INTEGER PRIMARY KEY REFERENCES submissions (id),
    codice_fiscale TEXT NOT NULL,              -- of the soggetto interessato
    dal            TEXT NOT NULL,              -- first day of the period, 2025-01-01
    al             TEXT NOT NULL,              -- last day of the period
    impronta       TEXT NOT NULL,              -- hexadecimal
    xml_sha256     BLOB NOT NULL,
    replaces       INTEGER UNIQUE REFERENCES communications (submission_id)
) STRICT;
CREATE INDEX communications_subject ON communications (codice_fiscale);
