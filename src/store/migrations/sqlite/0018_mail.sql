-- Addresses that their owners have proved.
CREATE TABLE addresses (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (name),
    address TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    language TEXT NOT NULL,
    proved_at INTEGER NOT NULL
) STRICT;
-- Links in messages; one without an account leads nowhere.
CREATE TABLE mail_links (
    id BLOB NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    account TEXT REFERENCES accounts (name),
    address TEXT NOT NULL,
    folded TEXT NOT NULL,
    epoch INTEGER,
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX mail_links_by_address ON mail_links (folded, made_at);
CREATE INDEX mail_links_by_end ON mail_links (expires_at);
-- Messages that are to be sent.
CREATE TABLE outbox (
    id BLOB NOT NULL PRIMARY KEY,
    letter TEXT NOT NULL,
    recipient TEXT NOT NULL,
    account TEXT,
    language TEXT NOT NULL,
    link BLOB,
    made_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    is_dead INTEGER NOT NULL,
    last_error TEXT
) STRICT;
CREATE INDEX outbox_by_turn ON outbox (is_dead, not_before);
