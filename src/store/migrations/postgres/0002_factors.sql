-- Counts the changes of an account after which a sign-in that is under way is over.
ALTER TABLE accounts ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;

-- What the person proved in this session: "pwd", or "pwd otp".
ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'pwd';

-- Authenticator apps. The secret is sealed with a key that is not in this database.
CREATE TABLE factors (
    id           BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account      TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    kind         TEXT   NOT NULL,
    label        TEXT   NOT NULL,
    made_at      BIGINT NOT NULL,
    confirmed_at BIGINT,
    used_at      BIGINT,
    sealed       BYTEA  NOT NULL,
    last_step    BIGINT NOT NULL
);

CREATE INDEX factors_by_account ON factors (account);

-- Only digests, of codes with 120 random bits. One that is spent is gone.
CREATE TABLE recovery_codes (
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    digest  BYTEA NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (account, digest)
);

-- Sign-ins that lack their second step, by a digest of what the browser holds.
CREATE TABLE pending_sign_ins (
    digest     BYTEA   NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    account    TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    epoch      BIGINT  NOT NULL,
    remember   BOOLEAN NOT NULL,
    failures   BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    -- Whether a session may begin by it, once.
    proved     BOOLEAN NOT NULL
);

CREATE INDEX pending_sign_ins_by_account ON pending_sign_ins (account);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);
