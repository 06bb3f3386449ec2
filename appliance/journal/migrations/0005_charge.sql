-- Which box works with what is here: this one, or another that took its place. The journal itself
-- sees to it, so that no service can act on what it believed a moment ago.

CREATE TABLE charge (
    only_one   INTEGER PRIMARY KEY CHECK (only_one = 1),
    state      TEXT NOT NULL,
    move       TEXT NOT NULL DEFAULT '',       -- which handover
    other      TEXT NOT NULL DEFAULT '',       -- the box on the other side, as far as it is known
    changed_at TEXT NOT NULL DEFAULT ''
);
INSERT INTO charge (only_one, state) VALUES (1, 'here');

CREATE TABLE charge_move (
    before TEXT NOT NULL,
    after  TEXT NOT NULL,
    why    TEXT NOT NULL,
    PRIMARY KEY (before, after)
) WITHOUT ROWID;

INSERT INTO charge_move VALUES
    ('here',      'leaving',   'it is being written to a stick: nothing is taken in, nothing sent'),
    ('leaving',   'here',      'that was given up before the stick was worth anything'),
    ('leaving',   'releasing', 'the stick is about to be made valid, and perhaps is already'),
    ('releasing', 'left',      'the stick is valid: another box may work with it'),
    ('releasing', 'here',      'the stick is void: this box goes on'),
    ('left',      'here',      'a person vouches that no other box works with it'),
    ('here',      'coming',    'an empty box reads a stick, and must stay empty'),
    ('coming',    'here',      'it read the stick, or gave that up');

CREATE TRIGGER charge_moves BEFORE UPDATE OF state ON charge
BEGIN
    SELECT RAISE(ABORT, 'the handover is not at that point') WHERE NOT EXISTS
        (SELECT 1 FROM charge_move WHERE before = OLD.state AND after = NEW.state);
END;

CREATE TRIGGER charge_takes_in BEFORE INSERT ON item
WHEN (SELECT state FROM charge) != 'here'
BEGIN SELECT RAISE(ABORT, 'handed over'); END;

CREATE TRIGGER charge_is_shown BEFORE INSERT ON arrival
WHEN (SELECT state FROM charge) != 'here'
BEGIN SELECT RAISE(ABORT, 'handed over'); END;

CREATE TRIGGER charge_sends BEFORE UPDATE OF state ON delivery
WHEN NEW.state = 'active' AND (SELECT state FROM charge) != 'here'
BEGIN SELECT RAISE(ABORT, 'handed over'); END;

-- While it is leaving, what had begun comes to its end; then nothing moves any more.

CREATE TRIGGER charge_moves_items BEFORE UPDATE OF state ON item
WHEN (SELECT state FROM charge) NOT IN ('here', 'leaving')
BEGIN SELECT RAISE(ABORT, 'handed over'); END;

CREATE TRIGGER charge_moves_deliveries BEFORE UPDATE OF state ON delivery
WHEN (SELECT state FROM charge) NOT IN ('here', 'leaving')
BEGIN SELECT RAISE(ABORT, 'handed over'); END;
