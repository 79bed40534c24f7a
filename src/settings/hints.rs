//! What somebody has probably meant to write.

use rocket::figment::Figment;
use rocket::figment::value::{Dict, Value};

/// What the debug profile would hand to everybody who can reach its address, and what nobody has written out.
pub(super) fn unsaid(figment: &Figment, demo_users: Option<bool>) -> Vec<String> {
    let mut lines = Vec::new();
    if demo_users.is_none() {
        lines.push("app.demo_users: the debug profile makes accounts whose passwords everybody knows, and address is not \
                    loopback; write `false`, or `true` if that is meant".to_owned());
    }
    if !figment.contains("auth.insecure_http") {
        lines.push("auth.insecure_http: the debug profile serves plain HTTP, and address is not loopback; write `false`, \
                    or `true` if that is meant".to_owned());
    }
    lines
}

/// Tables and variables that would silently do nothing: `[default.aut]`, `PORTCULLIS_AUTH_ACCESS_TTL`.
pub(super) fn misspelt(figment: &Figment) -> Vec<String> {
    let all = figment.extract::<Dict>().unwrap_or_default();
    let hint = |(key, value): (String, Value)| {
        let meant = ["auth", "app"].into_iter().find(|table| strsim::damerau_levenshtein(&key, table) <= 2);
        let prefixed = ["auth_", "app_"].into_iter().find(|prefix| key.starts_with(prefix));
        match (meant, prefixed) {
            (Some(table), _) if key != table && value.as_dict().is_some() => {
                Some(format!("{key}: unknown table; did you mean \"{table}\"?"))
            }
            (_, Some(prefix)) => {
                let (table, rest) =
                    (prefix.trim_end_matches('_'), key.get(prefix.len()..).unwrap_or_default());
                Some(format!(
                    "{key}: unknown key; in the environment, two underscores follow the table: {table}__{rest}"
                ))
            }
            _ => None,
        }
    };
    all.into_iter().filter_map(hint).collect()
}
