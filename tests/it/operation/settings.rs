//! Every mistake in the settings is told at launch in one plain line.

#![expect(clippy::result_large_err, reason = "figment's and Rocket's errors are large")]

use figment::Jail;
use portcullis::settings::{defaults, load};
use rocket::figment::providers::{Format, Toml};
use rocket::figment::{Figment, Profile};
use rocket::local::blocking::Client;

use crate::support::{KEY, Setup};

/// The settings of a profile, with these tables in Rocket.toml.
fn with(profile: &str, toml: &str) -> Figment {
    defaults().merge(Toml::string(toml).nested()).select(Profile::new(profile))
}

#[track_caller]
fn assert_lines(profile: &str, toml: &str, expected: &[&str]) {
    let lines = load(&with(profile, toml)).map(|_| ()).err().unwrap_or_default();
    assert_eq!(lines.len(), expected.len(), "{toml}\n{lines:?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{toml}\n{line:?}");
        assert!(!line.contains('\n') && line.len() < 500, "{line}");
    }
}

const SECRET: &str = "[default.auth]\nsecret_key = \"0123456789012345678901234567890123456789\"\n";

#[test]
fn the_defaults_are_fine_in_debug_and_ask_for_a_secret_in_release() {
    assert_lines("debug", "", &[]);
    assert_lines("release", SECRET, &[]);
    assert_lines("release", "", &["auth.secret_key: required outside the debug profile"]);
    assert_lines("staging", "", &["auth.secret_key: required outside the debug profile"]);
}

#[test]
fn each_mistake_in_the_librarys_table_is_one_line() {
    for (setting, expected) in [
        ("acces_ttl = 300", "auth: unknown key \"acces_ttl\"; did you mean \"access_ttl\"?"),
        ("secret_key = \"short\"", "auth.secret_key: must be at least 32 bytes"),
        ("secret_key = \"\"", "auth.secret_key: must be at least 32 bytes"),
        ("secret_key = \"1234567890123456789012345678901\"", "auth.secret_key: must be at least 32 bytes"),
        ("secret_key = [1]", "auth.secret_key: must be "),
        ("access_ttl = -1", "auth.access_ttl: must be 1 to 86400 seconds, is -1"),
        ("access_ttl = 86401", "auth.access_ttl: must be 1 to 86400 seconds, is 86401"),
        ("access_ttl = \"5m\"", "auth.access_ttl: must be "),
        ("access_ttl = 1.5", "auth.access_ttl: must be "),
        ("refresh_grace = -1", "auth.refresh_grace: must be 0 to 300 seconds, is -1"),
        ("refresh_grace = 301", "auth.refresh_grace: must be 0 to 300 seconds, is 301"),
        ("claims.leeway = 61", "auth.claims.leeway: must be 0 to 60 seconds, is 61"),
        ("fresh_ttl = 0", "auth.fresh_ttl: must be 1 to 86400 seconds, is 0"),
        ("max_staleness = -5", "auth.max_staleness: must be 0 to 3600 seconds, is -5"),
        ("max_sessions = 0", "auth.max_sessions: must be 1 to 1000, is 0"),
        ("token_locations = []", "auth.token_locations: name some of \"cookies\", \"headers\""),
        ("token_locations = [\"cookies\", \"cookies\"]", "auth.token_locations: name "),
        ("token_locations = [\"query\"]", "auth.token_locations.0: must be one of cookies, headers"),
        ("token_locations = [\"json\"]", "auth.token_locations: name some of"),
        ("token_locations = \"cookies\"", "auth.token_locations: must be "),
        ("claims.issuer = \"\"", "auth.claims.issuer: must be 1 to 255 bytes when set"),
        ("claims.audience = \"\"", "auth.claims.audience: must be 1 to 255 bytes when set"),
        ("insecure_http = \"yes\"", "auth.insecure_http: must be "),
    ] {
        let toml = format!("[default.auth]\n{setting}");
        assert_lines("debug", &toml, &[expected]);
    }
}

#[test]
fn lifetimes_in_the_wrong_order_are_refused() {
    let toml = "[default.auth]\naccess_ttl = 600\nrefresh_idle_ttl = 600";
    let expected = "auth.access_ttl: 600 s must be shorter than auth.refresh_idle_ttl (600 s)";
    assert_lines("debug", toml, &[expected]);
    let toml = "[default.auth]\naccess_ttl = 600\nrefresh_ttl = 300";
    assert_lines("debug", toml, &["auth.access_ttl: 600 s must be shorter than auth.refresh_ttl (300 s)"]);
    let toml = "[default.auth]\naccess_ttl = 600\nremember_idle_ttl = 60";
    assert_lines("debug", toml, &["auth.access_ttl: 600 s must be shorter than auth.remember_idle_ttl"]);
    for key in ["refresh_ttl", "refresh_idle_ttl", "remember_ttl", "remember_idle_ttl"] {
        let expected = format!("auth.{key}: must be 1 to 31622400 seconds, is -1");
        assert_lines("debug", &format!("[default.auth]\n{key} = -1"), &[&expected]);
    }
}

#[test]
fn each_mistake_in_the_applications_table_is_one_line() {
    for (setting, expected) in [
        ("stor = \"x\"", "app: unknown key \"stor\"; did you mean \"store\"?"),
        ("colour = \"x\"", "app: unknown key \"colour\"; did you mean \"colors\"?"),
        (
            "wallpaper = \"x\"",
            "app: unknown key \"wallpaper\"; Rocket.toml and docs/settings.md name all of them",
        ),
        ("theme = 5", "app.theme: must be "),
        ("colors = 5", "app.colors: must be "),
        ("colors = { accent = 5 }", "app.colors.accent: must be "),
        ("store = \"redis://localhost\"", "app.store: unknown store scheme \"redis\""),
        (
            "store = \"postgres://user:hunter2@host:port/db\"",
            "app.store: this is no URL of a PostgreSQL database",
        ),
        ("store = \"\"", "app.store: not a store URL"),
        ("redis = \"localhost:6379\"", "app.redis: this is no URL of a Redis"),
        ("redis = \"rediss://:hunter2@localhost\"", "app.redis: this is no URL of a Redis"),
        ("redis_asked = true", "app.redis_asked: there is nobody to ask"),
        ("store_listen = \"direct\"", "app.store_listen: only a PostgreSQL database tells news"),
        (
            "store = \"postgres://h/db\"\nstore_listen = \"postgres://user:hunter2@h:port/db\"",
            "app.store_listen: must be \"direct\", or the URL of a PostgreSQL database",
        ),
        ("store = 5", "app.store: must be "),
        ("service_name = \"\"", "app.service_name: must have 1 to 60 characters"),
        ("hash_threads = 0", "app.hash_threads: must be 1 to 64"),
        ("hash_threads = 65", "app.hash_threads: must be 1 to 64"),
        ("hash_queue = 10001", "app.hash_queue: must be at most 10000"),
        ("demo_users = 1", "app.demo_users: must be "),
    ] {
        assert_lines("debug", &format!("[default.app]\n{setting}"), &[expected]);
    }
}

#[test]
fn release_is_never_insecure() {
    let insecure = format!("{SECRET}insecure_http = true");
    assert_lines(
        "release",
        &insecure,
        &["auth.insecure_http: plain HTTP is refused outside the debug profile"],
    );
    assert_lines("debug", &insecure, &[]);
    let demo = format!("{SECRET}[default.app]\ndemo_users = true");
    assert_lines("release", &demo, &["app.demo_users: refused outside the debug profile"]);
    assert_lines("debug", &demo, &[]);
    assert!(load(&with("release", SECRET)).unwrap().auth.is_https());
    assert!(!load(&with("release", SECRET)).unwrap().demo_users);
    assert!(!load(&with("debug", SECRET)).unwrap().auth.is_https());
    assert!(load(&with("debug", SECRET)).unwrap().demo_users);
}

#[test]
fn a_setting_works_where_it_stood_before_and_is_told_of() {
    let toml = format!("{SECRET}\nissuer = \"https://login.example\"\njson_key = \"token\"");
    let settings = load(&with("release", &toml)).unwrap();
    let moved = |key: &str, group: &str| (format!("auth.{key}"), format!("auth.{group}.{key}"));
    assert_eq!(settings.auth.renamed(), [moved("json_key", "names"), moved("issuer", "claims")]);
    let today = format!("{SECRET}\nclaims.issuer = \"https://login.example\"\nnames.json_key = \"token\"");
    let today = load(&with("release", &today)).unwrap();
    assert_eq!(today.auth.renamed(), []);
    let shown = |settings: &portcullis::settings::Settings| {
        format!("{:?}", settings.auth).split("renamed").next().unwrap().to_owned()
    };
    assert_eq!(shown(&settings), shown(&today));

    let both = "[default.auth]\nissuer = \"a\"\nclaims.issuer = \"b\"";
    assert_lines("debug", both, &["auth.issuer and auth.claims.issuer: set one, not both"]);
    assert_lines(
        "debug",
        "[default.auth]\nleeway = 61",
        &["auth.claims.leeway: must be 0 to 60 seconds, is 61"],
    );
    assert_lines("debug", "[default.auth]\nclaims = 7\nleeway = 6", &["auth.claims: must be "]);
    let misspelt = "[default.auth]\nclaims.isuer = \"a\"";
    assert_lines("debug", misspelt, &["auth.claims: unknown key \"isuer\"; did you mean \"issuer\"?"]);
}

#[test]
fn several_mistakes_are_all_told_at_once() {
    let toml = "[default.auth]\nsecret_key = \"short\"\nclaims.leeway = 99\ninsecure_http = true\n\
                [default.app]\nstore = \"x\"\ndemo_users = true\n[default]\nport = \"many\"";
    let expected = [
        "auth.claims.leeway: ",
        "auth.secret_key: ",
        "auth.insecure_http: ",
        "app.store: ",
        "app.demo_users: ",
        "port: ",
    ];
    let lines = load(&with("release", toml)).map(|_| ()).unwrap_err();
    for start in expected {
        let fitting =
            lines.iter().filter(|line| line.starts_with(start) || line.contains(&format!("{start}must")));
        assert_eq!(fitting.count(), 1, "{start}: {lines:?}");
    }
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
}

#[test]
fn no_line_repeats_a_secret() {
    for toml in [
        "[default.auth]\nsecret_key = \"hunter2\"",
        "[default.auth]\nsecret_key = [\"hunter2\"]",
        "[default.auth]\nsecret_key = { hunter2 = 1 }",
        "[default.app]\nstore = \"postgres://user:hunter2@host/db\"",
        "[default.app]\nstore = \"postgres://user:hunter2@host:port/db\"",
        "[default.app]\nstore = \"hunter2\"",
    ] {
        let lines = load(&with("release", toml)).map(|_| ()).unwrap_err();
        assert!(!lines.join("\n").contains("hunter2"), "{lines:?}");
    }
    let secret = "[default.auth]\nsecret_key = \"hunter2 and thirty other characters, or more\"";
    let store = "[default.app]\nstore = \"postgres://user:hunter2@host/db\"";
    let settings = load(&with("debug", &format!("{secret}\n{store}"))).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn two_homes_for_the_secret_are_one_too_many() {
    let toml = format!("{SECRET}secret_key_file = \"x\"");
    assert_lines("release", &toml, &["auth.secret_key and auth.secret_key_file: set one, not both"]);
}

#[cfg(unix)]
#[test]
fn a_key_file_must_be_readable_private_and_long_enough() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let launch = || {
        let setup = Setup::new();
        let figment = defaults().merge(("auth.secret_key_file", &path)).select(Profile::new("debug"));
        Client::untracked(portcullis::app::rocket(&figment, setup.world()).unwrap()).map(|_| ())
    };
    let is_refused = || {
        let error = launch().expect_err("launched with a bad key file");
        matches!(error.kind(), rocket::error::ErrorKind::FailedFairings(_))
    };
    assert!(is_refused(), "there is no such file");
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::write(&path, format!("{KEY}\n")).unwrap();
    for open in [0o644, 0o640, 0o604, 0o660, 0o601] {
        mode(open);
        assert!(is_refused(), "{open:o}");
    }
    for private in [0o600, 0o400] {
        mode(private);
        launch().unwrap();
    }
    mode(0o600);
    std::fs::write(&path, "short\n").unwrap();
    assert!(is_refused(), "too short");
    std::fs::write(&path, [0xff; 64]).unwrap();
    assert!(is_refused(), "not text");
}

#[test]
fn the_environment_overrides_the_file_key_by_key() {
    Jail::expect_with(|jail| {
        jail.clear_env();
        jail.create_file(
            "Rocket.toml",
            "[default.auth]\naccess_ttl = 200\nclaims.leeway = 7\n[default.app]\nservice_name = \"File\"\n\
             [debug.app]\nhash_queue = 5\n",
        )?;
        jail.set_env("ROCKET_PROFILE", "debug");
        jail.set_env("PORTCULLIS_APP__SERVICE_NAME", "Environment");
        jail.set_env("PORTCULLIS_AUTH__ACCESS_TTL", "99");
        jail.set_env("ROCKET_PORT", "8123");
        let figment = portcullis::settings::figment();
        let settings = load(&figment).map_err(|lines| lines.join("\n"))?;
        assert_eq!(settings.service_name, "Environment");
        assert_eq!(settings.hash_queue, 5);
        assert_eq!(figment.extract_inner::<i64>("auth.access_ttl")?, 99);
        assert_eq!(figment.extract_inner::<i64>("auth.claims.leeway")?, 7);
        assert_eq!(figment.extract_inner::<u16>("port")?, 8123);
        Ok(())
    });
}

#[test]
fn a_secret_in_the_environment_stays_text_and_a_misspelt_variable_is_refused() {
    Jail::expect_with(|jail| {
        jail.clear_env();
        jail.set_env("ROCKET_PROFILE", "release");
        for secret in ["1234567890123456789012345678901234567890", "[true] 45678901234567890123456789012345"]
        {
            jail.set_env("PORTCULLIS_AUTH__SECRET_KEY", secret);
            let figment = portcullis::settings::figment();
            load(&figment).map_err(|lines| lines.join("\n"))?;
            assert_eq!(figment.extract_inner::<String>("auth.secret_key")?, secret);
        }
        jail.set_env("PORTCULLIS_AUTH__ACESS_TTL", "5");
        let lines = load(&portcullis::settings::figment()).map(|_| ()).expect_err("a misspelt variable");
        assert!(lines.len() == 1 && lines[0].contains("acess_ttl"), "{lines:?}");
        Ok(())
    });
}

#[test]
fn the_environment_makes_the_same_mistakes_plain() {
    for (name, value, expected) in [
        ("PORTCULLIS_AUTH__ACCESS_TTL", "-5", "auth.access_ttl: must be 1 to 86400 seconds, is -5"),
        ("PORTCULLIS_AUTH__INSECURE_HTTP", "true", "auth.insecure_http: plain HTTP is refused"),
        ("PORTCULLIS_APP__DEMO_USERS", "true", "app.demo_users: refused outside the debug profile"),
        ("PORTCULLIS_APP__STORE", "redis://x", "app.store: unknown store scheme"),
        (
            "PORTCULLIS_AUTH_ACCESS_TTL",
            "9",
            "auth_access_ttl: unknown key; in the environment, two underscores",
        ),
        ("PORTCULLIS_AUHT__ACCESS_TTL", "9", "auht: unknown table; did you mean \"auth\"?"),
        (
            "PORTCULLIS_AUTH__REFRESH_IDLE_TTL",
            "604801",
            "auth.refresh_idle_ttl: 604801 s must not be longer than",
        ),
        ("PORTCULLIS_AUTH__SECRET_KEY", "short", "auth.secret_key: must be at least 32 bytes"),
    ] {
        Jail::expect_with(|jail| {
            jail.clear_env();
            jail.set_env("ROCKET_PROFILE", "release");
            jail.set_env("PORTCULLIS_AUTH__SECRET_KEY", KEY);
            jail.set_env(name, value);
            let lines = load(&portcullis::settings::figment()).map(|_| ()).expect_err(name);
            assert!(lines.len() == 1 && lines[0].starts_with(expected), "{name}: {lines:?}");
            Ok(())
        });
    }
}

#[test]
fn a_header_about_the_address_is_not_believed_and_the_server_does_not_name_itself() {
    let config = rocket::Config::try_from(defaults()).unwrap();
    assert!(config.ip_header.is_none());
    assert_eq!(config.ident, rocket::config::Ident::none());
    assert_eq!(config.log_level, rocket::config::LogLevel::Off);
}
