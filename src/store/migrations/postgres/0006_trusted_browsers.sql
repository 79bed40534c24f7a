-- Browsers in which a password is enough for an account as it stood then, by a digest of what the browser holds.
CREATE TABLE trusted_browsers (
    digest  BYTEA  NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (name),
    epoch   BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    until   BIGINT NOT NULL,
    browser TEXT   NOT NULL
);

CREATE INDEX trusted_browsers_by_account ON trusted_browsers (account);
CREATE INDEX trusted_browsers_by_end ON trusted_browsers (until);
