-- What worklists told, kept for the time of an outage; and items that wait for a late order.

CREATE TABLE worklist_order (
    key      TEXT PRIMARY KEY,
    worklist TEXT NOT NULL,
    day      TEXT NOT NULL,                    -- of the scheduled start: YYYYMMDD, as told
    content  TEXT NOT NULL                     -- JSON: values and codes
) WITHOUT ROWID;
CREATE INDEX worklist_order_by_day ON worklist_order (worklist, day);

CREATE TABLE worklist_day (                    -- days of which a worklist told all it knew
    worklist TEXT NOT NULL,
    day      TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    PRIMARY KEY (worklist, day)
) WITHOUT ROWID;

-- A converted item whose order may still come is not taken up again before then.
ALTER TABLE item ADD COLUMN not_before TEXT NOT NULL DEFAULT '';

-- Who is named by the images of one study or series: two patients in one are a mistake. One row for
-- each image, for what is released to another patient, or discarded, no longer counts.
CREATE TABLE kin (
    uid     TEXT NOT NULL,                     -- of a study or series, as it came
    patient TEXT NOT NULL,                     -- JSON: the identifiers that the image came with
    item_id INTEGER NOT NULL REFERENCES item,
    PRIMARY KEY (uid, patient, item_id)
) WITHOUT ROWID;
CREATE INDEX kin_by_item ON kin (item_id);
