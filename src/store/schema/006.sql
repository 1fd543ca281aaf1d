-- Version 6: how far the evidence of clusters has come (docs/clusters.md, "Killed").

-- The state knows messages with a sequence number below this, or below counter clusters_counted if
-- that is more: it is what all states know.
ALTER TABLE part_state ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
INSERT INTO counter(name, value) SELECT 'clusters_counted', value FROM counter WHERE name = 'next_seq';
