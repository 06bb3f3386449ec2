-- When an item came is no date where the box did not know what time it was.
ALTER TABLE item ADD COLUMN clock_unsure INTEGER NOT NULL DEFAULT 0
    CHECK (clock_unsure IN (0, 1));
