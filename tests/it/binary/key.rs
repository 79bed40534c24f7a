//! `portcullis key …`: a ring of keys on the command line, and a running server that follows it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::binary::client::{Ask, Client, Jar};
use crate::binary::server::{Installation, SECRET};
use crate::support::header;

/// What a run that succeeds says.
fn done(installation: &Installation, arguments: &[&str]) -> String {
    let output = installation.run(arguments, b"");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*complaint), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line that a run that fails complains with.
fn refused(installation: &Installation, arguments: &[&str]) -> String {
    let output = installation.run(arguments, b"");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]), "{arguments:?}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint.trim_end().to_owned()
}

/// The rows of `key list`, each in its columns.
fn listed(installation: &Installation) -> Vec<Vec<String>> {
    let table = done(installation, &["key", "list"]);
    let mut rows = table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()));
    assert_eq!(rows.next().unwrap().collect::<Vec<_>>(), ["ID", "ALGORITHM", "STATE", "UNTIL"]);
    rows.map(|row| row.map(str::to_owned).collect()).collect()
}

fn kid(jar: &Jar) -> String {
    header(jar.get("access_token_cookie").unwrap())["kid"].as_str().unwrap().to_owned()
}

/// Asks again until it is so; a running server reads its key file once a second.
#[expect(clippy::disallowed_methods, reason = "another process is waited for by the machine's clock")]
#[track_caller]
fn soon(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "it has not come to be");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_rotation_under_a_running_server_signs_nobody_out() {
    let installation = Installation::new();
    let server = installation.start();
    let mut early = server.client();
    assert_eq!(early.sign_in("testuser", "testpass").status, 200);
    let old = kid(&early.jar);
    assert_eq!(listed(&installation), [[old.as_str(), "HS256", "signing", "-"]]);

    let said = done(&installation, &["key", "rotate"]);
    let rows = listed(&installation);
    let new = rows[1][0].clone();
    assert_eq!(rows[1], [new.as_str(), "HS256", "signing", "-"]);
    assert_eq!(rows[0][..3], [old.as_str(), "HS256", "verifying"]);
    let until = &rows[0][3];
    assert!(said.starts_with(&format!("The HS256 key {new} signs from now on")), "{said}");
    assert!(said.contains(until.as_str()), "{said} {until}");

    soon(|| {
        // Somebody else, or so many sessions would displace the early one.
        let mut late = server.client();
        assert_eq!(late.sign_in("admin", "adminpass").status, 200);
        kid(&late.jar) == new
    });
    assert_eq!(early.protected().status, 200);
    let before = early.jar.clone();
    assert_eq!(early.refresh().status, 200);
    assert_eq!(kid(&early.jar), new);

    assert_eq!(
        refused(&installation, &["key", "retire", &new]),
        "key file data/portcullis.key: this key signs; rotate first"
    );
    assert_eq!(
        done(&installation, &["key", "retire", &old]),
        format!("Retired the key {old}; what it has signed is refused.\n")
    );
    let mut copy = Client::with(server.address(), &before);
    soon(|| copy.protected().status == 401);
    assert_eq!(copy.protected().code(), "invalid_token");
    assert_eq!(early.protected().status, 200);
    assert_eq!(listed(&installation), [[new.as_str(), "HS256", "signing", "-"]]);
    // The public set never shows a secret.
    assert_eq!(early.send(Ask::get("/.well-known/jwks.json")).body, r#"{"keys":[]}"#);
}

#[test]
fn a_key_made_beforehand_is_known_before_it_signs() {
    let installation = Installation::new();
    assert!(done(&installation, &["key", "new"]).contains("it signs from now on"));
    let said = done(&installation, &["key", "new", "--algorithm", "EdDSA"]);
    assert!(said.contains("it signs after the next rotation"), "{said}");
    let rows = listed(&installation);
    assert_eq!([rows[0][2].as_str(), rows[1][2].as_str()], ["signing", "next"]);
    let next = rows[1][0].clone();
    let second = refused(&installation, &["key", "new"]);
    assert!(second.ends_with("there is a next key already; rotate to it, or retire it first"), "{second}");

    let server = installation.start();
    let published = server.client().send(Ask::get("/.well-known/jwks.json")).body;
    assert!(published.contains(&next) && !published.contains("\"d\""), "{published}");
    done(&installation, &["key", "rotate"]);
    assert_eq!(listed(&installation)[1], [next.as_str(), "EdDSA", "signing", "-"]);
    drop(server);
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    assert_eq!((kid(&client.jar), client.protected().status), (next, 200));
}

#[test]
fn a_file_of_every_algorithm_can_be_made_and_nothing_secret_is_printed() {
    let installation = Installation::new();
    let mut printed = String::new();
    for algorithm in ["HS256", "HS384", "HS512", "EdDSA", "ES256", "ES384", "RS256", "PS256"] {
        printed += &done(&installation, &["key", "new", "--algorithm", algorithm]);
        if algorithm != "HS256" {
            printed += &done(&installation, &["key", "rotate"]);
        }
    }
    printed += &done(&installation, &["key", "list"]);
    let rows = listed(&installation);
    let names: BTreeSet<_> = rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(names.len(), 8, "{rows:?}");
    let file: serde_json::Value = serde_json::from_str(&installation.read("data/portcullis.key")).unwrap();
    for entry in file["keys"].as_array().unwrap() {
        for line in entry["key"].as_str().unwrap().lines().filter(|line| !line.starts_with("-----")) {
            assert!(!printed.contains(line), "a key was printed");
        }
    }
    assert_eq!(installation.start().client().sign_in("testuser", "testpass").status, 200);
}

#[test]
fn a_configured_file_is_worked_on_also_in_the_release_profile() {
    let installation = Installation::new()
        .with("ROCKET_PROFILE", "release")
        .with("PORTCULLIS_AUTH__SECRET_KEY_FILE", "keys/ring");
    assert!(refused(&installation, &["key", "list"]).starts_with("key file keys/ring: "));
    assert!(refused(&installation, &["key", "rotate"]).starts_with("key file keys/ring: "));
    done(&installation, &["key", "new", "--algorithm", "ES256"]);
    assert_eq!(listed(&installation)[0][1..], ["ES256", "signing", "-"]);
    assert!(installation.run(&["user", "add", "ada"], b"a heron stands on the weir").status.success());
    let server = installation.start();
    assert!(server.client().send(Ask::get("/.well-known/jwks.json")).body.contains("ES256"));
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let configured = Installation::new().with("PORTCULLIS_AUTH__SECRET_KEY", SECRET);
    for arguments in [&["key", "new"][..], &["key", "list"], &["key", "rotate"], &["key", "retire", "x"]] {
        assert_eq!(
            refused(&configured, arguments),
            "auth.secret_key: the key is the configuration's; use auth.secret_key_file to manage keys here"
        );
    }
    let memory = Installation::new().with("PORTCULLIS_APP__STORE", "sqlite::memory:");
    assert_eq!(
        refused(&memory, &["key", "list"]),
        "app.store: sqlite::memory: keeps no keys; set auth.secret_key_file"
    );

    let installation = Installation::new();
    done(&installation, &["key", "new"]);
    let unknown = refused(&installation, &["key", "retire", "0123456789abcdef"]);
    assert_eq!(unknown, "key file data/portcullis.key: there is no such key");
    let output = installation.run(&["key", "new", "--algorithm", "none"], b"");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint.contains("unknown algorithm; known are HS256"), "{complaint}");
}
