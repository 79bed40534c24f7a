-- Times are whole seconds since 1970, ids are their 16 bytes, roles are a JSON list of texts.

CREATE TABLE accounts (
    name          TEXT    NOT NULL PRIMARY KEY,
    password_hash TEXT    NOT NULL,
    roles         TEXT    NOT NULL,
    disabled      INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created_at    INTEGER NOT NULL
) STRICT;

-- No foreign key leads to accounts: an application that uses the library may keep its people elsewhere.
CREATE TABLE sessions (
    sid               BLOB    NOT NULL PRIMARY KEY CHECK (length(sid) = 16),
    user_name         TEXT    NOT NULL,
    roles             TEXT    NOT NULL,
    generation        INTEGER NOT NULL,
    rotated_at        INTEGER NOT NULL,
    confirmed         INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    idle_ttl          INTEGER NOT NULL,
    idle_deadline     INTEGER NOT NULL,
    absolute_deadline INTEGER NOT NULL,
    ended_at          INTEGER,
    end_reason        TEXT,
    remember          INTEGER NOT NULL CHECK (remember IN (0, 1)),
    created_at        INTEGER NOT NULL,
    auth_time         INTEGER NOT NULL,
    last_seen         INTEGER NOT NULL,
    user_agent        TEXT    NOT NULL,
    address           TEXT,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT;

CREATE INDEX sessions_unended_by_user ON sessions (user_name, last_seen) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_absolute_deadline ON sessions (absolute_deadline);

-- AUTOINCREMENT never gives a number twice, also after the newest rows were purged:
-- a node that has applied all up to a number would otherwise skip what is revoked later.
CREATE TABLE revocations (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    id    BLOB    NOT NULL CHECK (length(id) = 16),
    until INTEGER NOT NULL
) STRICT;

CREATE INDEX revocations_by_id ON revocations (id);
CREATE INDEX revocations_by_until ON revocations (until);

-- Single values that hold for everybody; so far only not_before.
CREATE TABLE global_values (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
