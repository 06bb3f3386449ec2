-- How many stored files the card did not give back when the stick was written: its spare lacks them.
ALTER TABLE charge ADD COLUMN lacking INTEGER NOT NULL DEFAULT 0;
