-- Version 7: wordings of one message (docs/store.md, "Clusters").

-- A state of no bytes: the part has only the message with the sequence number `counted` - 1, and is what
-- that shows. Nothing is to be changed, but who does not know of this would take it for damage.
SELECT 1;
