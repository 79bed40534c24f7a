//! Settings that have moved into a table of their own; they still work where they stood.

use rocket::figment::value::{Dict, Value};

/// The table `auth` with everything where it stands today.
pub(super) struct Regrouped {
    pub(super) table: Value,
    /// What stood elsewhere, each with its name of today.
    pub(super) renamed: Vec<(String, String)>,
    /// What stands in both places.
    pub(super) problems: Vec<String>,
}

/// Puts what stands under a name of before under its name of today.
pub(super) fn regroup(table: Value) -> Regrouped {
    let (mut renamed, mut problems) = (Vec::new(), Vec::new());
    let Value::Dict(tag, mut dict) = table else { return Regrouped { table, renamed, problems } };
    for (group, keys) in GROUPS {
        for key in keys {
            let Some(value) = dict.remove(*key) else { continue };
            let (old, new) = (format!("auth.{key}"), format!("auth.{group}.{key}"));
            let inner = dict.entry(group.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            // What is no table is told by whoever reads it.
            let Value::Dict(_, inner) = inner else { continue };
            if inner.contains_key(*key) {
                problems.push(format!("{old} and {new}: set one, not both"));
            } else {
                inner.insert((*key).to_owned(), value);
                renamed.push((old, new));
            }
        }
    }
    Regrouped { table: Value::Dict(tag, dict), renamed, problems }
}

const GROUPS: [(&str, &[&str]); 2] = [
    (
        "names",
        &[
            "access_cookie_name",
            "refresh_cookie_name",
            "access_csrf_cookie_name",
            "refresh_csrf_cookie_name",
            "csrf_in_cookies",
            "cookie_samesite",
            "csrf_header_name",
            "csrf_field_name",
            "header_name",
            "header_type",
            "query_string_name",
            "query_string_value_prefix",
            "json_key",
            "refresh_json_key",
            "error_message_key",
        ],
    ),
    ("claims", &["issuer", "audience", "leeway", "foreign_ttl"]),
];
