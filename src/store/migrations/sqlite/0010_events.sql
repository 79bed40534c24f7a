-- What happened, for operators and for the person whose account it is.
CREATE TABLE events (
    number    INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    what      TEXT    NOT NULL,
    user_name TEXT,
    sid       BLOB,
    address   TEXT
) STRICT;

CREATE INDEX events_by_user ON events (user_name, at) WHERE user_name IS NOT NULL;
CREATE INDEX events_by_time ON events (at);
