-- At most one code for an account; a digest, because the code itself is known only to whoever was handed it.
CREATE TABLE one_time_codes (
    account    TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (name),
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    expires_at INTEGER NOT NULL
) STRICT;

-- Who did it, where that is somebody else than the person whose account it is.
ALTER TABLE events ADD COLUMN by_user TEXT;
