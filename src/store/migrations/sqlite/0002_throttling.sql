-- Names and devices are 16 bytes of a keyed hash; the key is in store_secrets.

CREATE TABLE store_secrets (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- Failures to sign in, by the name that was typed; no foreign key, because most names that are tried are nobody's.
CREATE TABLE attempts (
    account  BLOB    NOT NULL PRIMARY KEY CHECK (length(account) = 16),
    in_a_row INTEGER NOT NULL,
    recent   INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX attempts_by_weight ON attempts (in_a_row, last_at);
CREATE INDEX attempts_by_age ON attempts (last_at);

-- Devices that signed in before, each with failures of its own.
CREATE TABLE devices (
    account   BLOB    NOT NULL CHECK (length(account) = 16),
    device    BLOB    NOT NULL CHECK (length(device) = 16),
    last_used INTEGER NOT NULL,
    in_a_row  INTEGER NOT NULL DEFAULT 0,
    recent    INTEGER NOT NULL DEFAULT 0,
    last_at   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, device)
) STRICT;

CREATE INDEX devices_by_age ON devices (last_used);
