-- Version 4: mailers and campaigns (docs/clusters.md).

-- What clusters are made of: variants (kind 0) and wordings (1), by the 64 bits of their key. Messages
-- and tallies have the number of a part, which takes a byte to three where the key takes eight. cluster:
-- where it is now; pin: where a person wants it (0: none). Stays when retention deletes its messages.
CREATE TABLE part(
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  key INTEGER NOT NULL,
  cluster INTEGER NOT NULL DEFAULT 0,
  pin INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX part_key ON part(kind, key);

-- What is known of the parts that the clusters in memory still hold; the format is theirs.
CREATE TABLE part_state(
  part INTEGER PRIMARY KEY,
  state BLOB NOT NULL
) STRICT;

CREATE TABLE cluster(
  kind INTEGER NOT NULL,
  id INTEGER NOT NULL,
  merged_into INTEGER NOT NULL,  -- 0: alive
  namer INTEGER NOT NULL,        -- enum cluster_namer, as label: enum cluster_label
  label INTEGER NOT NULL,
  name TEXT NOT NULL,
  probability REAL NOT NULL,
  note TEXT NOT NULL,
  born INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY(kind, id)
) STRICT, WITHOUT ROWID;

-- What happened to clusters; cluster/event.def has the events.
CREATE TABLE cluster_event(
  seq INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  event INTEGER NOT NULL,
  cluster INTEGER NOT NULL,
  other INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  messages INTEGER NOT NULL
) STRICT;

-- The message's parts (NULL: none, and all that was stored before) and its content sketch packed
-- (print/cd1.h); column cd1 has what cannot be packed.
ALTER TABLE message ADD COLUMN variant INTEGER;
ALTER TABLE message ADD COLUMN wording INTEGER;
ALTER TABLE message ADD COLUMN sketch BLOB;
