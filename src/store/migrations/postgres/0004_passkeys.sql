-- Passkeys. What verifies a signature is public; nothing here lets anybody sign in.
CREATE TABLE passkeys (
    id         BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account    TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    -- Under which name authenticators keep the person.
    handle     BYTEA  NOT NULL CHECK (length(handle) = 32),
    credential BYTEA  NOT NULL UNIQUE,
    label      TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    used_at    BIGINT,
    counter    BIGINT NOT NULL,
    public_key TEXT   NOT NULL
);

CREATE INDEX passkeys_by_account ON passkeys (account);

-- Challenges that were answered, until nobody would take them any more.
CREATE TABLE spent_challenges (
    digest     BYTEA  NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    expires_at BIGINT NOT NULL
);

CREATE INDEX spent_challenges_by_end ON spent_challenges (expires_at);
