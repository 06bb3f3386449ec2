-- Delivery that can be trusted. Each block is of one part of it.

-- Routing: how soon a delivery goes (0 stat, 1 high, 2 routine); and what was made while its
-- destination was for tests, so that promoting that destination sends none of it by itself.
ALTER TABLE delivery ADD COLUMN priority INTEGER NOT NULL DEFAULT 2
    CHECK (priority BETWEEN 0 AND 2);

CREATE TABLE environment (                     -- what each of them was for when last looked at
    kind        TEXT NOT NULL,                 -- destination, worklist
    name        TEXT NOT NULL,
    environment TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TABLE testing (                         -- not routed yet when its destination was promoted
    item_id     INTEGER NOT NULL REFERENCES item,
    destination TEXT NOT NULL,
    PRIMARY KEY (item_id, destination)
) WITHOUT ROWID;

-- What destinations were asked to commit themselves to (PS3.4 J.3), and what they reported.

CREATE TABLE pledge (                          -- written before the destination is asked
    transaction_uid TEXT PRIMARY KEY,
    destination     TEXT NOT NULL,
    peer            TEXT NOT NULL,             -- who was asked, as sentences name it
    asked_at        TEXT NOT NULL,
    told_at         TEXT NOT NULL DEFAULT ''   -- "": no report yet
);
CREATE INDEX pledge_by_age ON pledge (asked_at);

CREATE TABLE pledge_object (                   -- gone once what was told of it is acted upon
    transaction_uid  TEXT NOT NULL REFERENCES pledge ON DELETE CASCADE,
    sop_instance_uid TEXT NOT NULL,
    delivery_id      INTEGER REFERENCES delivery, -- NULL: asked about for a test
    failure          INTEGER,                  -- PS3.3 C.14.1.1; 0: it is safe; NULL: not told
    PRIMARY KEY (transaction_uid, sop_instance_uid)
) WITHOUT ROWID;
CREATE INDEX pledge_object_by_delivery ON pledge_object (delivery_id);
CREATE INDEX pledge_object_told ON pledge_object (delivery_id) WHERE failure IS NOT NULL;

ALTER TABLE delivery ADD COLUMN warning_code TEXT NOT NULL DEFAULT ''; -- of its `warning`

CREATE TABLE ability (                         -- which ways to ask a destination work
    destination TEXT NOT NULL,
    way         TEXT NOT NULL,                 -- commitment, find
    peer        TEXT NOT NULL,                 -- of whom it was learnt
    works       INTEGER,                       -- NULL: it is being tried
    why         TEXT NOT NULL DEFAULT '',      -- it does not work
    until       TEXT NOT NULL,                 -- then it is forgotten
    PRIMARY KEY (destination, way)
) WITHOUT ROWID;

-- TLS: the certificates that this box met and those it shows, as they were last seen.
CREATE TABLE certificate (
    kind        TEXT NOT NULL,                 -- destination, worklist, box
    name        TEXT NOT NULL,                 -- of the entry; '' for the box
    side        TEXT NOT NULL,                 -- theirs, ours
    subject     TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    not_after   TEXT NOT NULL,
    seen_at     TEXT NOT NULL,
    PRIMARY KEY (kind, name, side)
) WITHOUT ROWID;

-- What destinations showed (C-FIND) of the objects that they took on one day from one source.
CREATE TABLE reckoning (
    day         TEXT NOT NULL,                 -- YYYY-MM-DD where the box stands
    source      TEXT NOT NULL,
    destination TEXT NOT NULL,
    objects     INTEGER NOT NULL,              -- that it had taken when it was asked
    found       INTEGER,                       -- NULL: it cannot be asked
    missing     TEXT NOT NULL DEFAULT '[]',    -- JSON: items that it did not show
    asked_at    TEXT NOT NULL,
    PRIMARY KEY (day, source, destination)
) WITHOUT ROWID;

-- Objects that a destination gets encoded otherwise: asked for by forward, made by convert (their
-- pixels) and route (the bytes that are sent), one row for each delivery that ever needed it.

INSERT INTO delivery_move VALUES
    ('active', 'waiting', 'it is made anew, as the destination takes it');

CREATE TABLE recoding (
    delivery_id INTEGER PRIMARY KEY REFERENCES delivery,
    wishes      TEXT NOT NULL,                 -- JSON: number of the instance -> transfer syntax
    step        TEXT NOT NULL CHECK (step IN ('asked', 'made', 'done')),
    tries       INTEGER NOT NULL DEFAULT 0,    -- times taken up at this step
    times       INTEGER NOT NULL DEFAULT 1     -- it was asked for
);
CREATE INDEX recoding_open ON recoding (step, tries, delivery_id) WHERE step != 'done';

CREATE TABLE recoded_body (                    -- gone once the instances are composed of them
    delivery_id         INTEGER NOT NULL REFERENCES delivery,
    number              INTEGER NOT NULL,      -- of the instance
    kind                TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    digest              TEXT NOT NULL,
    slices              TEXT NOT NULL,
    attributes          TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

-- Lanes: what is next, at a destination and at each stage before it, is found without looking at all
-- that waits there: a source with thousands of images beside one with a single film.
ALTER TABLE delivery ADD COLUMN source TEXT NOT NULL DEFAULT '';
UPDATE delivery SET source = (SELECT source FROM item WHERE item.id = item_id);
CREATE INDEX delivery_next ON delivery (destination, priority, source, id)
    WHERE state IN ('prepared', 'deferred') AND claimed_by IS NULL;
CREATE INDEX delivery_later ON delivery (destination, not_before)
    WHERE not_before != '' AND claimed_by IS NULL;
CREATE INDEX item_next ON item (state, source, tries, id)
    WHERE state IN ('arrived', 'converted', 'identified');
