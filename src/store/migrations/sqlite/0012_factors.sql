-- Counts the changes of an account after which a sign-in that is under way is over.
ALTER TABLE accounts ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- What the person proved in this session: "pwd", or "pwd otp".
ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'pwd';

-- Authenticator apps. The secret is sealed with a key that is not in this database.
CREATE TABLE factors (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account      TEXT    NOT NULL REFERENCES accounts (name),
    kind         TEXT    NOT NULL,
    label        TEXT    NOT NULL,
    made_at      INTEGER NOT NULL,
    confirmed_at INTEGER,
    used_at      INTEGER,
    sealed       BLOB    NOT NULL,
    last_step    INTEGER NOT NULL
) STRICT;

CREATE INDEX factors_by_account ON factors (account);

-- Only digests, of codes with 120 random bits. One that is spent is gone.
CREATE TABLE recovery_codes (
    account TEXT NOT NULL REFERENCES accounts (name),
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (account, digest)
) STRICT;

-- Sign-ins that lack their second step, by a digest of what the browser holds.
CREATE TABLE pending_sign_ins (
    digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    account    TEXT    NOT NULL REFERENCES accounts (name),
    epoch      INTEGER NOT NULL,
    remember   INTEGER NOT NULL CHECK (remember IN (0, 1)),
    failures   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- Whether a session may begin by it, once.
    proved     INTEGER NOT NULL CHECK (proved IN (0, 1))
) STRICT;

CREATE INDEX pending_sign_ins_by_account ON pending_sign_ins (account);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);
