-- Browsers in which a password is enough for an account as it stood then, by a digest of what the browser holds.
CREATE TABLE trusted_browsers (
    digest  BLOB  NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    account TEXT NOT NULL REFERENCES accounts (name),
    epoch   INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    browser TEXT   NOT NULL
) STRICT;

CREATE INDEX trusted_browsers_by_account ON trusted_browsers (account);
CREATE INDEX trusted_browsers_by_end ON trusted_browsers (until);
