-- Version 2: how the traps watched.

-- What a person says of a trap: a note, since when it is in service and until when (NULL: its first
-- message, and for ever).
ALTER TABLE trap ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE trap ADD COLUMN up_from INTEGER;
ALTER TABLE trap ADD COLUMN retired INTEGER;

-- Names that traps had before they were renamed: what comes in under them is still theirs.
CREATE TABLE trap_alias(
  name TEXT PRIMARY KEY,
  trap INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- State 0 up, 1 degraded, 2 down; source 0 server, 1 person, 2 feed. Intervals of one trap and source
-- do not overlap; between sources a person's word holds.
CREATE TABLE trap_coverage(
  trap INTEGER NOT NULL,
  source INTEGER NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,             -- NULL: still so
  seen INTEGER,              -- last sign of life of an interval that has no end yet
  state INTEGER NOT NULL,
  part REAL,                 -- degraded: the part of the mail that it still saw; NULL: not known
  note TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(trap, source, since)
) STRICT, WITHOUT ROWID;

-- Connections by the hour (hours since 1970) of traps that know them.
CREATE TABLE trap_hour(
  trap INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  connections INTEGER NOT NULL,
  accepted INTEGER NOT NULL,   -- of them, that left a message
  refused INTEGER NOT NULL,    -- of them, that the trap turned away
  PRIMARY KEY(trap, hour)
) STRICT, WITHOUT ROWID;

-- lag_from: from this message on rollup_day has dimension 103, the days from receipt to arrival in
-- the store (0 to 60; more is an archive, not a feed that is late).
INSERT INTO counter(name, value) SELECT 'lag_from', value FROM counter WHERE name = 'next_seq';
