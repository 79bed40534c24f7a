//! Mistakes in the settings stop the launch, one plain line each.

use crate::binary::server::{Installation, SECRET};

/// What the program says when it refuses to start; it must end with an error.
fn refusal(installation: &Installation) -> Vec<String> {
    let output = installation.run(&[], b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing was served");
    let judged = installation.run(&["check-config"], b"");
    assert_eq!(
        (judged.status.code(), &judged.stderr),
        (Some(1), &output.stderr),
        "check-config says the same"
    );
    String::from_utf8(output.stderr).unwrap().lines().map(str::to_owned).collect()
}

fn refusal_of(table: &str, line: &str) -> String {
    let content = format!("[default.{table}]\n{line}\n");
    let mut lines = refusal(&Installation::new().with_file("Rocket.toml", &content));
    assert_eq!(lines.len(), 1, "{line}: {lines:?}");
    lines.remove(0)
}

#[test]
fn each_mistake_is_one_plain_line_that_names_the_key() {
    let mistakes = [
        ("auth", "acces_ttl = 300", "auth: unknown key \"acces_ttl\""),
        ("auth", "access_ttl = -1", "auth.access_ttl: must be 1 to 86400 seconds, is -1"),
        ("auth", "access_ttl = 0", "auth.access_ttl: must be 1 to 86400 seconds, is 0"),
        ("auth", "access_ttl = \"soon\"", "auth.access_ttl: must be"),
        (
            "auth",
            "refresh_idle_ttl = 100",
            "auth.access_ttl: 300 s must be shorter than auth.refresh_idle_ttl",
        ),
        ("auth", "refresh_grace = 301", "auth.refresh_grace: must be 0 to 300 seconds"),
        ("auth", "claims.leeway = 61", "auth.claims.leeway: must be 0 to 60 seconds"),
        ("auth", "token_locations = []", "auth.token_locations: name some of \"cookies\", \"headers\" and"),
        ("auth", "token_locations = [\"body\"]", "auth.token_locations.0: must be one of"),
        ("auth", "secret_key = \"short\"", "auth.secret_key: must be at least 32 bytes long"),
        ("auth", "claims.issuer = \"\"", "auth.claims.issuer: must be 1 to 255 bytes"),
        ("auth", "max_sessions = 0", "auth.max_sessions: must be 1 to 1000"),
        ("app", "stroe = \"x\"", "app: unknown key \"stroe\""),
        ("app", "store = \"redis://localhost\"", "app.store: unknown store scheme \"redis\""),
        ("app", "store = \"sqlite:\"", "app.store: \"sqlite:\" is not followed by the path"),
        ("app", "service_name = \"\"", "app.service_name: must have 1 to 60 characters"),
        ("app", "hash_threads = 0", "app.hash_threads: must be 1 to 64"),
    ];
    for (table, line, expected) in mistakes {
        let said = refusal_of(table, line);
        assert!(said.starts_with(expected), "{line} gave {said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}

#[test]
fn several_mistakes_are_told_together() {
    let content = "[default.auth]\naccess_ttl = -1\nleeway = 99\n[default.app]\nstore = \"x\"\n";
    let lines = refusal(&Installation::new().with_file("Rocket.toml", content));
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn the_release_profile_asks_for_a_secret_and_refuses_what_is_for_development() {
    let installation = Installation::new()
        .with("ROCKET_PROFILE", "release")
        .with("PORTCULLIS_AUTH__INSECURE_HTTP", "true")
        .with("PORTCULLIS_APP__DEMO_USERS", "true");
    let lines = refusal(&installation);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("auth.secret_key: required outside the debug profile"), "{lines:?}");
    assert!(lines[1].starts_with("auth.insecure_http: plain HTTP is refused"), "{lines:?}");
    assert!(lines[2].starts_with("app.demo_users: refused outside the debug profile"), "{lines:?}");
}

#[test]
fn another_address_than_loopback_asks_for_what_the_debug_profile_takes_for_granted() {
    let open = || Installation::new().with("ROCKET_ADDRESS", "0.0.0.0");
    let lines = refusal(&open());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("app.demo_users: the debug profile makes accounts"), "{lines:?}");
    assert!(lines[1].starts_with("auth.insecure_http: the debug profile serves plain HTTP"), "{lines:?}");
    for said in ["true", "false"] {
        let installation =
            open().with("PORTCULLIS_APP__DEMO_USERS", said).with("PORTCULLIS_AUTH__INSECURE_HTTP", said);
        let checked = installation.run(&["check-config"], b"");
        assert!(checked.status.success(), "{checked:?}");
    }
    for loopback in ["127.0.0.1", "127.9.9.9", "::1"] {
        assert!(
            Installation::new().with("ROCKET_ADDRESS", loopback).run(&["check-config"], b"").status.success()
        );
    }
}

#[test]
fn demo_accounts_that_were_made_before_stop_every_other_launch() {
    let mut installation = Installation::new();
    drop(installation.start());
    installation = installation.with("ROCKET_PROFILE", "release").with("PORTCULLIS_AUTH__SECRET_KEY", SECRET);
    let refused = |installation: &Installation| {
        let refused = installation.run(&[], b"");
        assert!(!refused.status.success());
        String::from_utf8(refused.stderr).unwrap()
    };
    let said = refused(&installation);
    assert!(
        said.contains("the demo account testuser and of admin; `portcullis user disable NAME`"),
        "{said}"
    );
    assert!(installation.run(&["user", "disable", "admin"], b"").status.success());
    let said = refused(&installation);
    assert!(said.contains("the demo account testuser; "), "{said}");
    let password = b"a better one than that\n";
    assert!(installation.run(&["user", "password", "testuser"], password).status.success());
    let mut server = installation.start();
    assert!(server.is_running());

    // The same in the debug profile, at an address that others can reach.
    let open = Installation::new();
    drop(open.start());
    let open = open
        .with("ROCKET_ADDRESS", "0.0.0.0")
        .with("PORTCULLIS_APP__DEMO_USERS", "false")
        .with("PORTCULLIS_AUTH__INSECURE_HTTP", "true");
    assert!(refused(&open).contains("testuser and of admin"));
}

#[test]
fn a_refused_secret_is_never_repeated() {
    let secret = "hunter2-is-too-short";
    let installation = Installation::new().with("PORTCULLIS_AUTH__SECRET_KEY", secret);
    assert!(!refusal(&installation).join("\n").contains("hunter2"));
    let installation = Installation::new().with("PORTCULLIS_APP__STORE", "postgres://me:hunter2@host/db");
    assert!(!refusal(&installation).join("\n").contains("hunter2"));
}

#[test]
fn a_broken_settings_file_stops_the_launch() {
    let installation = Installation::new().with_file("Rocket.toml", "[default\nport = 8000\n");
    let lines = refusal(&installation);
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn a_broken_theme_stops_the_launch_and_a_sound_one_is_told_in_a_line() {
    let installation = Installation::new()
        .with("PORTCULLIS_APP__THEME", "look")
        .with_file("look/templates/login.html.tera", "{% extends \"base.html\" %}\n{{ t.login.title | }}\n");
    let lines = refusal(&installation);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("app.theme: templates/login.html.tera:2:20: expected an identifier"),
        "{lines:?}"
    );

    let installation = installation
        .with_file("look/templates/login.html.tera", "{% extends \"portcullis/login.html\" %}")
        .with_file("look/static/body.woff2", "x")
        .with_file("look/text/de.json", "{}");
    let judged = installation.run(&["check-config"], b"");
    assert_eq!(judged.status.code(), Some(0));
    let mut server = installation.start();
    assert!(server.terminate().is_some());
    let told = "the theme in look replaces login.html.tera, texts in de and adds body.woff2";
    let said = server.said();
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_port_that_is_none_stops_the_launch() {
    let lines = refusal(&Installation::new().with("ROCKET_PORT", "many"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("port: must be"), "{lines:?}");
}

#[test]
fn a_taken_port_stops_the_launch_with_a_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Installation::new().with("ROCKET_PORT", &port).run(&[], b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("The launch failed: ") && said.lines().count() == 1, "{said}");
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_may_read_or_that_is_missing_stops_the_launch() {
    use std::os::unix::fs::PermissionsExt;

    let secret = crate::binary::server::SECRET;
    let installation = Installation::new()
        .with("ROCKET_PROFILE", "release")
        .with("PORTCULLIS_AUTH__SECRET_KEY_FILE", "secret")
        .with_file("secret", secret);
    let path = installation.path("secret");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let said = |installation: &Installation| {
        let output = installation.run(&[], b"");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let open = said(&installation);
    assert!(open.contains("key file secret: others may read it (mode 640); run chmod 600"), "{open}");
    assert!(!open.contains(secret));

    std::fs::write(&path, "short").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let short = said(&installation);
    assert!(short.contains("key file secret: the secret must be at least 32 bytes long"), "{short}");

    std::fs::remove_file(&path).unwrap();
    let missing = said(&installation);
    assert!(missing.contains("key file secret: "), "{missing}");
    assert!(!path.exists(), "a configured file is never made");
}
