//! What there is to move: every table, column by column.

use self::ColumnKind::{Bytes, Integer, Text, Truth};

/// What is moved of one table, in its columns' order.
pub(super) struct WholeTable {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, ColumnKind)],
    /// What follows the name of the table where it is read.
    pub(super) reading: &'static str,
}

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Text,
    Integer,
    Truth,
    Bytes,
}

/// Every table but those of the migrations, with every column but those that a database numbers or dates by itself;
/// held below against the tables themselves. Accounts come before what is theirs.
pub(super) const TABLES: [WholeTable; 21] = [
    WholeTable {
        name: "accounts",
        columns: &[
            ("name", Text),
            ("password_hash", Text),
            ("roles", Text),
            ("disabled", Truth),
            ("created_at", Integer),
            ("epoch", Integer),
        ],
        reading: "",
    },
    WholeTable {
        name: "sessions",
        columns: &[
            ("sid", Bytes),
            ("user_name", Text),
            ("roles", Text),
            ("generation", Integer),
            ("rotated_at", Integer),
            ("confirmed", Truth),
            ("idle_ttl", Integer),
            ("idle_deadline", Integer),
            ("absolute_deadline", Integer),
            ("ended_at", Integer),
            ("end_reason", Text),
            ("remember", Truth),
            ("created_at", Integer),
            ("auth_time", Integer),
            ("last_seen", Integer),
            ("user_agent", Text),
            ("address", Text),
            ("methods", Text),
        ],
        reading: "",
    },
    WholeTable {
        name: "revocations",
        columns: &[("id", Bytes), ("until", Integer)],
        reading: "GROUP BY id, until",
    },
    WholeTable { name: "global_values", columns: &[("name", Text), ("value", Integer)], reading: "" },
    WholeTable { name: "store_secrets", columns: &[("name", Text), ("value", Bytes)], reading: "" },
    WholeTable {
        name: "attempts",
        columns: &[("account", Bytes), ("in_a_row", Integer), ("recent", Integer), ("last_at", Integer)],
        reading: "",
    },
    WholeTable {
        name: "devices",
        columns: &[
            ("account", Bytes),
            ("device", Bytes),
            ("last_used", Integer),
            ("in_a_row", Integer),
            ("recent", Integer),
            ("last_at", Integer),
        ],
        reading: "",
    },
    WholeTable {
        name: "events",
        columns: &[
            ("at", Integer),
            ("what", Text),
            ("user_name", Text),
            ("sid", Bytes),
            ("address", Text),
            ("by_user", Text),
            ("roles", Text),
            ("id", Bytes),
        ],
        reading: "ORDER BY number",
    },
    WholeTable {
        name: "passkeys",
        columns: &[
            ("id", Bytes),
            ("account", Text),
            ("handle", Bytes),
            ("credential", Bytes),
            ("label", Text),
            ("made_at", Integer),
            ("used_at", Integer),
            ("counter", Integer),
            ("public_key", Text),
        ],
        reading: "",
    },
    WholeTable {
        name: "trusted_browsers",
        columns: &[
            ("digest", Bytes),
            ("account", Text),
            ("epoch", Integer),
            ("made_at", Integer),
            ("until", Integer),
            ("browser", Text),
        ],
        reading: "",
    },
    WholeTable { name: "required_factors", columns: &[("account", Text)], reading: "" },
    WholeTable {
        name: "spent_challenges",
        columns: &[("digest", Bytes), ("expires_at", Integer)],
        reading: "",
    },
    WholeTable {
        name: "addresses",
        columns: &[
            ("account", Text),
            ("address", Text),
            ("folded", Text),
            ("language", Text),
            ("proved_at", Integer),
        ],
        reading: "",
    },
    WholeTable {
        name: "mail_links",
        columns: &[
            ("id", Bytes),
            ("purpose", Text),
            ("account", Text),
            ("address", Text),
            ("folded", Text),
            ("epoch", Integer),
            ("made_at", Integer),
            ("expires_at", Integer),
            ("used_at", Integer),
            ("newcomer", Text),
            ("newcomer_hash", Text),
            ("newcomer_roles", Text),
            ("invited_by", Text),
        ],
        reading: "",
    },
    WholeTable {
        name: "profiles",
        columns: &[("account", Text), ("display_name", Text), ("language", Text)],
        reading: "",
    },
    WholeTable { name: "departures", columns: &[("account", Text), ("leaves_at", Integer)], reading: "" },
    WholeTable {
        name: "outbox",
        columns: &[
            ("id", Bytes),
            ("letter", Text),
            ("recipient", Text),
            ("account", Text),
            ("language", Text),
            ("link", Bytes),
            ("made_at", Integer),
            ("attempts", Integer),
            ("not_before", Integer),
            ("lease_until", Integer),
            ("is_dead", Truth),
            ("last_error", Text),
        ],
        reading: "",
    },
    WholeTable {
        name: "one_time_codes",
        columns: &[("account", Text), ("digest", Bytes), ("issued_by", Text), ("expires_at", Integer)],
        reading: "",
    },
    WholeTable {
        name: "factors",
        columns: &[
            ("id", Bytes),
            ("account", Text),
            ("kind", Text),
            ("label", Text),
            ("made_at", Integer),
            ("confirmed_at", Integer),
            ("used_at", Integer),
            ("sealed", Bytes),
            ("last_step", Integer),
        ],
        reading: "",
    },
    WholeTable { name: "recovery_codes", columns: &[("account", Text), ("digest", Bytes)], reading: "" },
    WholeTable {
        name: "pending_sign_ins",
        columns: &[
            ("digest", Bytes),
            ("account", Text),
            ("epoch", Integer),
            ("remember", Truth),
            ("failures", Integer),
            ("expires_at", Integer),
            ("proved", Truth),
            ("lacks", Text),
        ],
        reading: "",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_is_forgotten_in_every_table() {
        let forgetting = include_str!("../sql/people.rs");
        // Names in the counts of failures are hashes, which are forgotten by them.
        let of_a_person = |column: &&(&str, ColumnKind)| **column == ("account", Text);
        let tables = TABLES.iter().filter(|table| table.columns.iter().any(|it| of_a_person(&it)));
        let mut count = 0;
        for WholeTable { name, .. } in tables {
            assert!(forgetting.contains(&format!("DELETE FROM {name} WHERE account = $1")), "{name}");
            count += 1;
        }
        assert!(count >= 12, "{count} tables");
    }
}
