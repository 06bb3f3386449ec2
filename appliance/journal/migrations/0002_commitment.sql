-- What modalities sent over DICOM, and what they want to be told about it.

CREATE TABLE received (                        -- one for each arrival that came by C-STORE
    arrival_id       INTEGER PRIMARY KEY REFERENCES arrival,
    sop_class_uid    TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL
);
CREATE INDEX received_by_uid ON received (sop_instance_uid);

CREATE TABLE commitment (                      -- gone once the modality has been told
    id              INTEGER PRIMARY KEY,
    source          TEXT NOT NULL,
    called          TEXT NOT NULL,
    calling         TEXT NOT NULL,
    host            TEXT NOT NULL,
    transaction_uid TEXT NOT NULL,
    asked_at        TEXT NOT NULL,
    tries           INTEGER NOT NULL DEFAULT 0,-- to tell the modality
    not_before      TEXT NOT NULL DEFAULT '',
    UNIQUE (source, calling, transaction_uid)
);

CREATE TABLE commitment_object (
    commitment_id    INTEGER NOT NULL REFERENCES commitment,
    number           INTEGER NOT NULL,
    sop_class_uid    TEXT NOT NULL,
    sop_instance_uid TEXT NOT NULL,
    PRIMARY KEY (commitment_id, number)
) WITHOUT ROWID;

-- How far a source is with the stick that is being read: files dealt with, of how many.
ALTER TABLE place ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE place ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
