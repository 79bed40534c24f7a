-- At most one code for an account; a digest, because the code itself is known only to whoever was handed it.
CREATE TABLE one_time_codes (
    account    TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (name),
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    issued_by  TEXT,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX one_time_codes_by_issuer ON one_time_codes (issued_by) WHERE issued_by IS NOT NULL;

-- Who did it, where that is somebody else than the person whose account it is.
ALTER TABLE events ADD COLUMN by_user TEXT;
-- The roles that an account has from then on, where that is what happened.
ALTER TABLE events ADD COLUMN roles TEXT;
