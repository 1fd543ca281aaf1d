-- Version 3: what traps see of a connection.

-- When the message's connection was accepted, in microseconds: session.started. NULL: not live.
ALTER TABLE message ADD COLUMN session INTEGER;

-- One row a connection. key: started, or the next free number when two began in the same
-- microsecond; so sessions lie in the order of time and need no other index.
CREATE TABLE session(
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL,          -- 16 bytes: started (8), then of the trap's random number
  trap INTEGER NOT NULL,
  started INTEGER NOT NULL,  -- microseconds since 1970, as `ended`
  ended INTEGER NOT NULL,
  outcome INTEGER NOT NULL,  -- enum session_end
  client BLOB NOT NULL,      -- 4 or 16 bytes
  client_port INTEGER NOT NULL,
  has_proxy INTEGER NOT NULL,
  country TEXT,
  asn INTEGER,
  listener INTEGER,          -- ids of text, as the columns up to auth_mechanism
  persona INTEGER,
  sd1 INTEGER,
  td1 INTEGER,
  tls INTEGER,
  auth_mechanism INTEGER,
  helo TEXT,
  sni TEXT,
  auth_user TEXT,
  password BLOB,             -- keyed hash
  messages INTEGER NOT NULL,
  recipients_accepted INTEGER NOT NULL,
  recipients_refused INTEGER NOT NULL,
  commands INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  bytes BLOB NOT NULL,       -- varints: in, out
  transcript BLOB            -- spool/codec.h: transcript_encode(); redacted
) STRICT;

-- How far each spool is in the store.
CREATE TABLE spool_mark(
  spool TEXT PRIMARY KEY,    -- its id, in hex
  segment INTEGER NOT NULL,
  place INTEGER NOT NULL,    -- offset in the segment
  updated INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- sessions: session rows.
INSERT INTO counter(name, value) VALUES ('sessions', 0);
