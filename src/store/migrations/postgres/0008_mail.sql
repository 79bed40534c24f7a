-- Addresses that their owners have proved.
CREATE TABLE addresses (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (name),
    address TEXT NOT NULL,
    folded TEXT COLLATE "C" NOT NULL UNIQUE,
    language TEXT NOT NULL,
    proved_at BIGINT NOT NULL
);
-- Links in messages; one without an account leads nowhere.
CREATE TABLE mail_links (
    id BYTEA NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    account TEXT COLLATE "C" REFERENCES accounts (name),
    address TEXT NOT NULL,
    folded TEXT COLLATE "C" NOT NULL,
    epoch BIGINT,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX mail_links_by_address ON mail_links (folded, made_at);
CREATE INDEX mail_links_by_end ON mail_links (expires_at);
-- Messages that are to be sent.
CREATE TABLE outbox (
    id BYTEA NOT NULL PRIMARY KEY,
    letter TEXT NOT NULL,
    recipient TEXT NOT NULL,
    account TEXT,
    language TEXT NOT NULL,
    link BYTEA,
    made_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    is_dead BOOLEAN NOT NULL,
    last_error TEXT
);
CREATE INDEX outbox_by_turn ON outbox (is_dead, not_before);
