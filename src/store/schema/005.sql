-- Version 5: label generations (docs/relabel.md).

-- Each run that labelled rows again. Number 1 is what messages got when they arrived and has no row.
CREATE TABLE generation(
  number INTEGER PRIMARY KEY,
  made INTEGER NOT NULL,
  pack TEXT NOT NULL,
  note TEXT NOT NULL,
  messages INTEGER NOT NULL,   -- looked at
  changed INTEGER NOT NULL,    -- of them, that got other labels
  gone INTEGER NOT NULL        -- of the period, without a row: they keep their labels
) STRICT;

-- What the days of the label dimensions (rollup_day, dimensions 1 to 3) had more in this generation than in
-- the next one: so a generation is the rollups of today and all differences from it on, and what has
-- arrived since counts the same in both.
CREATE TABLE generation_day(
  generation INTEGER NOT NULL,
  dim INTEGER NOT NULL,
  day INTEGER NOT NULL,
  value INTEGER NOT NULL,
  trap INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  expected INTEGER NOT NULL,
  PRIMARY KEY(generation, dim, day, value, trap)
) STRICT, WITHOUT ROWID;

-- Messages whose decided label changed from this generation to the next one; text ids, 0: unknown.
CREATE TABLE generation_move(
  generation INTEGER NOT NULL,
  dim INTEGER NOT NULL,
  from_label INTEGER NOT NULL,
  to_label INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  PRIMARY KEY(generation, dim, from_label, to_label)
) STRICT, WITHOUT ROWID;

-- How far a reindex has come in each input; deleted when it is through.
CREATE TABLE reindex_mark(
  source TEXT PRIMARY KEY,
  next_ordinal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- generation_from: the oldest generation that can still be made; differences before it are not kept.
INSERT INTO counter(name, value) VALUES ('generation_from', 1);
