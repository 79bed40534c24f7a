-- By which an event that is told twice is known again. Those of earlier versions have none.
ALTER TABLE events ADD COLUMN id BLOB CHECK (length(id) = 16);

CREATE UNIQUE INDEX events_by_id ON events (id);
