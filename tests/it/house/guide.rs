//! The guide "Coming from flask-jwt-extended" covers what it promises, and names only what is there.

use std::collections::BTreeSet;

pub(crate) const GUIDE: &str = include_str!("../../../docs/coming-from-flask-jwt-extended.md");

/// The options that flask-jwt-extended sets by itself; the tests with the real one ask it for them, too.
pub(crate) const OPTIONS: [&str; 43] = [
    "JWT_ACCESS_COOKIE_NAME",
    "JWT_ACCESS_COOKIE_PATH",
    "JWT_ACCESS_CSRF_COOKIE_NAME",
    "JWT_ACCESS_CSRF_COOKIE_PATH",
    "JWT_ACCESS_CSRF_FIELD_NAME",
    "JWT_ACCESS_CSRF_HEADER_NAME",
    "JWT_ACCESS_TOKEN_EXPIRES",
    "JWT_ALGORITHM",
    "JWT_COOKIE_CSRF_PROTECT",
    "JWT_COOKIE_DOMAIN",
    "JWT_COOKIE_SAMESITE",
    "JWT_COOKIE_SECURE",
    "JWT_CSRF_CHECK_FORM",
    "JWT_CSRF_IN_COOKIES",
    "JWT_CSRF_METHODS",
    "JWT_DECODE_ALGORITHMS",
    "JWT_DECODE_AUDIENCE",
    "JWT_DECODE_ISSUER",
    "JWT_DECODE_LEEWAY",
    "JWT_ENCODE_AUDIENCE",
    "JWT_ENCODE_ISSUER",
    "JWT_ENCODE_NBF",
    "JWT_ERROR_MESSAGE_KEY",
    "JWT_HEADER_NAME",
    "JWT_HEADER_TYPE",
    "JWT_IDENTITY_CLAIM",
    "JWT_JSON_KEY",
    "JWT_PRIVATE_KEY",
    "JWT_PUBLIC_KEY",
    "JWT_QUERY_STRING_NAME",
    "JWT_QUERY_STRING_VALUE_PREFIX",
    "JWT_REFRESH_COOKIE_NAME",
    "JWT_REFRESH_COOKIE_PATH",
    "JWT_REFRESH_CSRF_COOKIE_NAME",
    "JWT_REFRESH_CSRF_COOKIE_PATH",
    "JWT_REFRESH_CSRF_FIELD_NAME",
    "JWT_REFRESH_CSRF_HEADER_NAME",
    "JWT_REFRESH_JSON_KEY",
    "JWT_REFRESH_TOKEN_EXPIRES",
    "JWT_SECRET_KEY",
    "JWT_SESSION_COOKIE",
    "JWT_TOKEN_LOCATION",
    "JWT_VERIFY_SUB",
];

/// The names that a table of the settings has fields for.
fn fields(source: &str, table: &str) -> BTreeSet<String> {
    let (_, rest) = source.split_once(&format!("pub struct {table} {{")).unwrap();
    let body = rest.split("\n}").next().unwrap();
    let names = body.lines().filter_map(|line| line.trim().strip_prefix("pub "));
    names.map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

fn auth_settings() -> BTreeSet<String> {
    let mut all = fields(include_str!("../../../src/auth/config.rs"), "AuthConfig");
    let names = fields(include_str!("../../../src/auth/config/names.rs"), "NamesConfig");
    let claims = fields(include_str!("../../../src/auth/config/claims.rs"), "ClaimsConfig");
    assert!(all.remove("names") && all.remove("claims"));
    all.extend(names.into_iter().map(|name| format!("names.{name}")));
    all.extend(claims.into_iter().map(|name| format!("claims.{name}")));
    all
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[test]
fn every_option_has_a_line_of_its_own() {
    for option in OPTIONS {
        let rows = GUIDE.lines().filter(|line| line.starts_with(&format!("| `{option}`"))).count();
        assert_eq!(rows, 1, "{option}");
    }
    assert_eq!(BTreeSet::from(OPTIONS).len(), 43);
}

#[test]
fn every_setting_that_it_names_exists_and_every_row_has_three_columns() {
    let known = auth_settings();
    let mut named = BTreeSet::new();
    for rest in GUIDE.split("`auth.").skip(1) {
        named.insert(rest.split(|letter| !is_word(letter) && letter != '.').next().unwrap().to_owned());
    }
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(named.len() > 25, "{named:?}");
    for row in GUIDE.lines().filter(|line| line.starts_with('|')) {
        assert_eq!(row.matches('|').count(), 4, "{row}");
    }
}

#[test]
fn every_guard_method_and_error_that_it_names_is_in_the_sources() {
    let mut sources = String::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let ours = GUIDE.lines().filter(|line| line.starts_with("| ")).filter_map(|row| row.split('|').nth(2));
    let mut count = 0;
    for code in ours.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        if let Some((owner, member)) = code.split_once("::") {
            let member: String = member.chars().take_while(|letter| is_word(*letter)).collect();
            let is_there = sources.contains(&format!("fn {member}"))
                || sources.contains(&format!("    {member}"))
                || sources.contains(&format!("mod {member}"));
            assert!(is_there, "{owner} has no {member}");
        } else if code.ends_with("()") {
            assert!(
                sources.contains(&format!("fn {code}"))
                    || sources.contains(&format!("fn {}", code.trim_end_matches(')'))),
                "{code}"
            );
        } else if code.ends_with("Token") {
            assert!(sources.contains(&format!("pub struct {code}")), "{code}");
        } else {
            continue;
        }
        count += 1;
    }
    assert!(count > 40, "{count} names found");
}

#[test]
fn the_example_settings_name_every_setting() {
    let example = include_str!("../../../Rocket.toml");
    let app = fields(include_str!("../../../src/settings/table.rs"), "AppConfig");
    for name in auth_settings().union(&app) {
        let name = name.rsplit('.').next().unwrap();
        let line = format!("# {name} = ");
        assert!(example.lines().any(|known| known.starts_with(&line)), "Rocket.toml lacks {name}");
    }
}
