-- Version 1. docs/store.md says what the tables are for. Times are seconds since 1970 (UTC), days
-- are days since 1970, months are year * 12 + month - 1. Day and month -2147483648 hold what has
-- no receipt time.

-- Strings that repeat. text_key finds them: xxh3-64 of the string (or the next free number when
-- two strings share it). Id 0 is "unknown" and is not in the table.
CREATE TABLE text(
  id INTEGER PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
CREATE TABLE text_key(
  hash INTEGER PRIMARY KEY,
  text INTEGER NOT NULL
) STRICT;

CREATE TABLE trap(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  site TEXT NOT NULL DEFAULT '',
  first_seen INTEGER NOT NULL DEFAULT 0,
  last_seen INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The mail of one botnet (text id, 0: unknown) in one trap: the tag of the entries in tally.
CREATE TABLE stream(
  id INTEGER PRIMARY KEY,
  trap INTEGER NOT NULL,
  botnet INTEGER NOT NULL,
  UNIQUE(trap, botnet)
) STRICT;

-- One row a message, in order of arrival in the store. Names that repeat are ids of text.
CREATE TABLE message(
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  trap INTEGER NOT NULL,
  received INTEGER,          -- NULL: not known (clock 0)
  clock INTEGER NOT NULL,
  client BLOB,               -- 4 or 16 bytes
  country TEXT,
  asn INTEGER,
  helo TEXT,
  ptr TEXT,
  protocol INTEGER,
  tls INTEGER,
  envelope_from TEXT,
  recipients INTEGER NOT NULL,
  recipient_hashes BLOB,     -- 16 bytes each, keyed
  bytes INTEGER NOT NULL,
  sd1 INTEGER,
  hd1 INTEGER,
  td1 INTEGER,
  cd1 TEXT,
  msgid_shape INTEGER,
  boundary_shape INTEGER,
  mime_tree INTEGER,
  mailer INTEGER,
  charsets INTEGER,
  subject TEXT,
  date_offset INTEGER,
  domains TEXT,              -- one a line
  url_shapes BLOB,           -- varints: text ids
  attachments BLOB,          -- (type, name shape, bytes: varints; hash: 16 bytes)...
  quirks INTEGER NOT NULL,
  botnet INTEGER,            -- decided labels; the rest of their posteriors is in labels
  mailer_label INTEGER,
  program INTEGER,
  labels BLOB,
  rules BLOB,                -- varints: text ids, strongest first
  pack INTEGER
) STRICT;
CREATE INDEX message_received ON message(received);

-- Days on which messages were stored, each with the first of them: the age of a row, by which
-- retention goes. Days before that of the oldest row are deleted.
CREATE TABLE arrival(
  day INTEGER PRIMARY KEY,
  first_seq INTEGER NOT NULL
) STRICT;

-- Identity: the first 64 bits of message.id (sign bit flipped, so that the order is that of the
-- ids) or the next free number when two ids share them. Filled in batches: message rows after
-- counter "keyed" are not here yet. Stays when retention deletes the row.
CREATE TABLE message_key(
  key INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL
) STRICT;

CREATE TABLE rollup_day(
  dim INTEGER NOT NULL,
  day INTEGER NOT NULL,
  value INTEGER NOT NULL,
  trap INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  expected INTEGER NOT NULL, -- millionths of a message
  PRIMARY KEY(dim, day, value, trap)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollup_month(
  dim INTEGER NOT NULL,
  month INTEGER NOT NULL,
  value INTEGER NOT NULL,
  trap INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  expected INTEGER NOT NULL,
  PRIMARY KEY(dim, month, value, trap)
) STRICT, WITHOUT ROWID;

-- Names of domains that were seen more than once, or whose message rows are deleted, by domain_key().
CREATE TABLE domain(
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;

-- Counts by values of which there are many, packed: one blob for each (kind, part, bucket), the
-- key of which is kind << 48 | part << 40 | bucket + 2^31. src/store/tally.h has the format.
CREATE TABLE tally(
  key INTEGER PRIMARY KEY,
  entries BLOB NOT NULL
) STRICT;

CREATE TABLE import_mark(
  source TEXT PRIMARY KEY,
  next_ordinal INTEGER NOT NULL,
  bytes_read INTEGER NOT NULL,
  added INTEGER NOT NULL,
  repeated INTEGER NOT NULL,
  rejected INTEGER NOT NULL,
  is_complete INTEGER NOT NULL,
  started INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE fact(
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- next_seq: of the next message; keyed: see message_key; stored: message rows; horizon: retention
-- has deleted rows received before this day; no_clock_gone: 1 when it deleted some without a time.
CREATE TABLE counter(
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter(name, value)
  VALUES ('next_seq', 1), ('keyed', 0), ('stored', 0), ('horizon', -2147483648),
         ('no_clock_gone', 0);
