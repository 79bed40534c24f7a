-- Passkeys. What verifies a signature is public; nothing here lets anybody sign in.
CREATE TABLE passkeys (
    id         BLOB  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account    TEXT NOT NULL REFERENCES accounts (name),
    -- Under which name authenticators keep the person.
    handle     BLOB  NOT NULL CHECK (length(handle) = 32),
    credential BLOB  NOT NULL UNIQUE,
    label      TEXT   NOT NULL,
    made_at    INTEGER NOT NULL,
    used_at    INTEGER,
    counter    INTEGER NOT NULL,
    public_key TEXT   NOT NULL
) STRICT;

CREATE INDEX passkeys_by_account ON passkeys (account);

-- Challenges that were answered, until nobody would take them any more.
CREATE TABLE spent_challenges (
    digest     BLOB  NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX spent_challenges_by_end ON spent_challenges (expires_at);
