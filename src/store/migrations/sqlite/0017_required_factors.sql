-- Whose administrator has said that they need a factor, whatever the roles.
CREATE TABLE required_factors (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (name)
) STRICT;
