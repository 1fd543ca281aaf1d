-- Version 7: wordings of one message (docs/store.md, "Clusters").

-- A part without a state that has only this message, by its sequence number, and is what that shows. NULL:
-- it has a state, or nothing is known of it any more.
ALTER TABLE part ADD COLUMN message INTEGER;
