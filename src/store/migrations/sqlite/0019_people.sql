-- What people say of themselves.
CREATE TABLE profiles (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (name),
    display_name TEXT,
    language TEXT
) STRICT;
-- Accounts whose people leave, and from when on they may be deleted.
CREATE TABLE departures (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (name),
    leaves_at INTEGER NOT NULL
) STRICT;
CREATE INDEX departures_by_time ON departures (leaves_at);
-- Of a link by which somebody joins: what is kept of them until then. The roles are NULL in every other link.
ALTER TABLE mail_links ADD COLUMN newcomer TEXT;
ALTER TABLE mail_links ADD COLUMN newcomer_hash TEXT;
ALTER TABLE mail_links ADD COLUMN newcomer_roles TEXT;
ALTER TABLE mail_links ADD COLUMN invited_by TEXT;
CREATE INDEX mail_links_by_inviter ON mail_links (invited_by);
CREATE INDEX mail_links_by_account ON mail_links (account);
CREATE INDEX outbox_by_account ON outbox (account);
