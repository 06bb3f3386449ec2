-- The journal as released in 0.1. Every move is checked against a table and lands in history.

CREATE TABLE item_move (
    before TEXT NOT NULL,
    after  TEXT NOT NULL,
    why    TEXT NOT NULL,
    PRIMARY KEY (before, after)
) WITHOUT ROWID;

INSERT INTO item_move VALUES
    ('arrived',     'converted',   'its bodies and evidence are written'),
    ('arrived',     'held',        'a person must act before it can be converted'),
    ('arrived',     'quarantined', 'it cannot be used'),
    ('arrived',     'ignored',     'a rule says it is not an image of its own'),
    ('converted',   'identified',  'its patient is proved'),
    ('converted',   'held',        'its patient or date is not proved'),
    ('converted',   'ignored',     'the same image is already here'),
    ('identified',  'routed',      'its destinations are known'),
    ('identified',  'held',        'it has nowhere to go'),
    ('identified',  'ignored',     'the same image is already here'),
    ('routed',      'done',        'every delivery is confirmed'),
    ('routed',      'ignored',     'somebody gave up what no destination took'),
    ('held',        'arrived',     'somebody wants it read again'),
    ('held',        'identified',  'its patient was released, or the routes changed'),
    ('held',        'ignored',     'somebody discarded it, or a better copy came'),
    ('quarantined', 'arrived',     'somebody wants it read again'),
    ('quarantined', 'ignored',     'somebody discarded it');

CREATE TABLE delivery_move (
    before TEXT NOT NULL,
    after  TEXT NOT NULL,
    why    TEXT NOT NULL,
    PRIMARY KEY (before, after)
) WITHOUT ROWID;

INSERT INTO delivery_move VALUES
    ('waiting',  'prepared',  'its bytes are composed and will never change'),
    ('waiting',  'held',      'it cannot be composed for this destination'),
    ('prepared', 'active',    'a sender took it up'),
    ('prepared', 'deferred',  'the destination cannot be reached'),
    ('prepared', 'held',      'somebody held it'),
    ('active',   'sent',      'the destination answered that it has it'),
    ('active',   'deferred',  'it will be tried again'),
    ('active',   'held',      'the destination will not take it'),
    ('active',   'prepared',  'the sender stopped in between; the same bytes go again'),
    ('sent',     'confirmed', 'the destination proved that it has it'),
    ('sent',     'deferred',  'the destination does not have it; the same bytes go again'),
    ('sent',     'held',      'the destination said it has it, and denies it'),
    ('deferred', 'active',    'its time has come'),
    ('deferred', 'held',      'somebody held it'),
    ('held',     'prepared',  'somebody wants it sent again');

CREATE TABLE item (
    id              INTEGER PRIMARY KEY,
    sha256          TEXT NOT NULL,             -- of the file as it came
    evidence_digest TEXT NOT NULL,             -- of what its name and sidecars say
    size_bytes      INTEGER NOT NULL,
    source          TEXT NOT NULL,             -- that brought it first
    name            TEXT NOT NULL,             -- its path below that source
    sidecars        TEXT NOT NULL DEFAULT '{}',-- JSON: name -> sha256
    modified_at     TEXT NOT NULL DEFAULT '',  -- the file's own time
    state           TEXT NOT NULL DEFAULT 'arrived',
    code            TEXT NOT NULL DEFAULT '',
    sentence        TEXT NOT NULL DEFAULT '',
    hint            TEXT NOT NULL DEFAULT '',
    evidence        TEXT NOT NULL DEFAULT '{}',-- JSON: claims and notes
    identity        TEXT NOT NULL DEFAULT '',  -- JSON, once decided
    claimed_by      TEXT,
    tries           INTEGER NOT NULL DEFAULT 0,-- times taken up in this state
    arrived_at      TEXT NOT NULL,
    changed_at      TEXT NOT NULL,
    changed_by      TEXT NOT NULL,
    purged_at       TEXT,                      -- its bytes left the card
    UNIQUE (sha256, evidence_digest)
);
CREATE INDEX item_by_state ON item (state, id);
CREATE INDEX item_kept ON item (id) WHERE purged_at IS NULL;
CREATE INDEX item_purgeable ON item (changed_at) WHERE state = 'done' AND purged_at IS NULL;
CREATE INDEX item_claimed ON item (claimed_by) WHERE claimed_by IS NOT NULL;

CREATE TABLE arrival (
    id          INTEGER PRIMARY KEY,
    item_id     INTEGER NOT NULL REFERENCES item,
    source      TEXT NOT NULL,
    name        TEXT NOT NULL,
    path        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    seen_at     TEXT NOT NULL,
    settled     TEXT,                          -- kept, deleted, moved, gone, changed
    UNIQUE (source, name, fingerprint)
);
CREATE INDEX arrival_by_item ON arrival (item_id);
CREATE INDEX arrival_by_time ON arrival (source, seen_at);
CREATE INDEX arrival_unsettled ON arrival (source, id) WHERE settled IS NULL;

CREATE TABLE body (
    item_id             INTEGER NOT NULL REFERENCES item,
    number              INTEGER NOT NULL,
    kind                TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    digest              TEXT NOT NULL,
    slices              TEXT NOT NULL,         -- JSON: [[sha256, offset, length], ...]
    attributes          TEXT NOT NULL,         -- JSON
    PRIMARY KEY (item_id, number)
) WITHOUT ROWID;
CREATE INDEX body_by_digest ON body (digest);

CREATE TABLE known_uid (                       -- outlives every purge
    sop_instance_uid TEXT PRIMARY KEY,
    digest           TEXT NOT NULL,
    item_id          INTEGER NOT NULL REFERENCES item,
    first_at         TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE delivery (
    id           INTEGER PRIMARY KEY,
    item_id      INTEGER NOT NULL REFERENCES item,
    destination  TEXT NOT NULL,
    state        TEXT NOT NULL DEFAULT 'waiting',
    code         TEXT NOT NULL DEFAULT '',
    sentence     TEXT NOT NULL DEFAULT '',
    hint         TEXT NOT NULL DEFAULT '',
    claimed_by   TEXT,
    tries        INTEGER NOT NULL DEFAULT 0,
    not_before   TEXT NOT NULL DEFAULT '',
    confirmed_by TEXT,
    warning      TEXT NOT NULL DEFAULT '', -- what the destination said of what it took
    created_at   TEXT NOT NULL,
    changed_at   TEXT NOT NULL,
    changed_by   TEXT NOT NULL,
    UNIQUE (item_id, destination),
    CHECK (state != 'active' OR claimed_by IS NOT NULL),
    CHECK (state != 'confirmed' OR confirmed_by IS NOT NULL)
);
CREATE INDEX delivery_by_state ON delivery (destination, state, id);
CREATE INDEX delivery_held ON delivery (id) WHERE state = 'held';
CREATE INDEX delivery_claimed ON delivery (claimed_by) WHERE claimed_by IS NOT NULL;

CREATE TABLE instance (
    delivery_id         INTEGER NOT NULL REFERENCES delivery,
    number              INTEGER NOT NULL,
    sop_class_uid       TEXT NOT NULL,
    sop_instance_uid    TEXT NOT NULL,
    study_instance_uid  TEXT NOT NULL,
    series_instance_uid TEXT NOT NULL,
    transfer_syntax_uid TEXT NOT NULL,
    digest              TEXT NOT NULL,
    pieces              TEXT NOT NULL,         -- JSON: base64 text or [sha256, offset, length]
    PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

CREATE TABLE place (                           -- how each source and destination is doing
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    state      TEXT NOT NULL,
    code       TEXT NOT NULL DEFAULT '',
    sentence   TEXT NOT NULL DEFAULT '',
    hint       TEXT NOT NULL DEFAULT '',
    changed_at TEXT NOT NULL,
    last_ok_at TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TABLE history (
    id          INTEGER PRIMARY KEY,
    item_id     INTEGER NOT NULL REFERENCES item,
    delivery_id INTEGER REFERENCES delivery,
    at          TEXT NOT NULL,
    who         TEXT NOT NULL,
    before      TEXT NOT NULL,
    after       TEXT NOT NULL,                 -- equal to before: a remark, not a move
    code        TEXT NOT NULL,
    sentence    TEXT NOT NULL
);
CREATE INDEX history_by_item ON history (item_id, id);

CREATE TRIGGER history_is_kept BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

CREATE TRIGGER history_is_final BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

-- What a state promises, whoever makes the move.

CREATE TRIGGER converted_has_a_body BEFORE UPDATE OF state ON item
WHEN NEW.state IN ('converted', 'identified')
    AND NOT EXISTS (SELECT 1 FROM body WHERE item_id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'it has not been read'); END;

CREATE TRIGGER identified_has_a_patient BEFORE UPDATE OF state ON item
WHEN NEW.state = 'identified' AND NEW.identity = ''
BEGIN SELECT RAISE(ABORT, 'whose it is is not known'); END;

CREATE TRIGGER routed_has_a_destination BEFORE UPDATE OF state ON item
WHEN NEW.state = 'routed' AND NOT EXISTS (SELECT 1 FROM delivery WHERE item_id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'it has nowhere to go'); END;

CREATE TRIGGER done_is_confirmed BEFORE UPDATE OF state ON item
WHEN NEW.state = 'done'
    AND NOT (SELECT ifnull(min(state = 'confirmed'), 0) FROM delivery WHERE item_id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'not every delivery of it is confirmed'); END;

CREATE TRIGGER ignored_is_not_under_way BEFORE UPDATE OF state ON item
WHEN NEW.state = 'ignored' AND EXISTS
    (SELECT 1 FROM delivery WHERE item_id = NEW.id AND state NOT IN ('held', 'confirmed'))
BEGIN SELECT RAISE(ABORT, 'some of it is still on its way'); END;

CREATE TRIGGER item_begins AFTER INSERT ON item
BEGIN
    INSERT INTO history (item_id, at, who, before, after, code, sentence)
    VALUES (NEW.id, NEW.changed_at, NEW.changed_by, '', NEW.state, NEW.code, NEW.sentence);
END;

CREATE TRIGGER item_moves AFTER UPDATE OF state ON item
BEGIN
    SELECT RAISE(ABORT, 'this item may not make that move') WHERE NOT EXISTS
        (SELECT 1 FROM item_move WHERE before = OLD.state AND after = NEW.state);
    INSERT INTO history (item_id, at, who, before, after, code, sentence)
    VALUES (NEW.id, NEW.changed_at, NEW.changed_by, OLD.state, NEW.state, NEW.code, NEW.sentence);
END;

CREATE TRIGGER delivery_begins AFTER INSERT ON delivery
BEGIN
    INSERT INTO history (item_id, delivery_id, at, who, before, after, code, sentence)
    VALUES (NEW.item_id, NEW.id, NEW.changed_at, NEW.changed_by, '', NEW.state, '',
            NEW.destination);
END;

CREATE TRIGGER delivery_moves AFTER UPDATE OF state ON delivery
BEGIN
    SELECT RAISE(ABORT, 'this delivery may not make that move') WHERE NOT EXISTS
        (SELECT 1 FROM delivery_move WHERE before = OLD.state AND after = NEW.state);
    INSERT INTO history (item_id, delivery_id, at, who, before, after, code, sentence)
    VALUES (NEW.item_id, NEW.id, NEW.changed_at, NEW.changed_by, OLD.state, NEW.state,
            NEW.code, NEW.sentence);
END;
