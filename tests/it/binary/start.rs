//! The first start and the second.

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Barrier};

use crate::binary::client::{Ask, Client};
use crate::binary::server::{Installation, SECRET};

#[test]
fn the_first_start_makes_database_key_and_demo_accounts_and_says_one_line() {
    let installation = Installation::new();
    let server = installation.start();
    for (name, password) in [("testuser", "testpass"), ("admin", "adminpass")] {
        let mut client = server.client();
        assert_eq!(client.sign_in(name, password).body, r#"{"login":true}"#);
        assert_eq!(client.protected().body, format!(r#"{{"logged_in_as":"{name}"}}"#));
    }
    let said = server.said();
    let (line, events) = said.split_once('\n').unwrap();
    assert_eq!(line, format!("Portcullis is listening on http://{}", server.address()));
    let is_told = |line: &str| line.ends_with("messages are laid into the folder data/mail");
    let others: Vec<_> = events.lines().filter(|line| !line.starts_with('{')).collect();
    assert!(others.len() == 1 && is_told(others[0]), "nothing else is said but events: {events}");
    assert!(server.address().ip().is_loopback());
    #[cfg(unix)]
    for name in ["data/portcullis.db", "data/portcullis.db-wal", "data/portcullis.key"] {
        let mode = std::fs::metadata(installation.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
}

#[test]
fn the_key_is_made_of_48_random_bytes() {
    let (one, other) = (Installation::new(), Installation::new());
    drop((one.start(), other.start()));
    let (one, other) = (one.read("data/portcullis.key"), other.read("data/portcullis.key"));
    assert_ne!(one, other);
    assert_eq!(one.trim_end().len(), 64);
}

#[test]
fn the_second_start_finds_everything_and_people_stay_signed_in() {
    let installation = Installation::new();
    let mut server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    assert_eq!(server.terminate().and_then(|status| status.code()), Some(0));
    let key = installation.read("data/portcullis.key");

    let server = installation.start();
    assert_eq!(installation.read("data/portcullis.key"), key);
    let mut client = Client::with(server.address(), &client.jar);
    assert_eq!(client.protected().status, 200);
    assert_eq!(client.refresh().body, r#"{"refresh":true}"#);
    assert_eq!(client.protected().status, 200);
}

#[test]
fn a_release_start_with_an_empty_store_says_how_to_make_the_first_account() {
    let installation = Installation::release().with_empty_store();
    let server = installation.start();
    assert!(
        server.said().contains(
            "there is no account yet; make the first one with `portcullis user add NAME --role admin`"
        ),
        "{}",
        server.said()
    );
    assert!(!server.said().contains(SECRET));
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 401);
    assert_eq!(server.client().sign_in("admin", "adminpass").status, 401);
    assert!(!installation.path("data/portcullis.key").exists(), "the configured secret is the key");
}

#[test]
fn a_release_start_makes_host_cookies_for_https_only() {
    let installation = Installation::release().with_empty_store();
    let server = installation.start();
    let made = installation.run(&["user", "add", "ada"], b"correct horse battery");
    assert!(made.status.success());
    let answer = server.client().sign_in("ada", "correct horse battery");
    assert_eq!(answer.status, 200);
    let lines: Vec<_> = answer.all("set-cookie").collect();
    assert!(lines.len() >= 4, "{lines:?}");
    for line in lines {
        assert!(line.starts_with("__Host-"), "{line}");
        assert!(line.contains("; Secure") && line.contains("; Path=/") && !line.contains("Domain"), "{line}");
    }
    assert!(answer.all("strict-transport-security").next().is_some());
}

#[test]
fn no_answer_names_the_server() {
    let installation = Installation::new();
    let server = installation.start();
    for path in ["/", "/login", "/protected", "/nowhere", "/static/nothing.css"] {
        let answer = server.client().send(Ask::get(path));
        assert_eq!(answer.all("server").next(), None, "{path}");
        assert!(!answer.body.contains("Rocket"), "{path}: {}", answer.body);
    }
}

#[test]
fn fifty_requests_at_once_are_all_answered() {
    let installation = Installation::new();
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let mut caller = Client::with(server.address(), &client.jar);
            std::thread::spawn(move || (0..4).map(|_| caller.protected().status).collect::<Vec<_>>())
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.join().unwrap(), [200; 4]);
    }
}

#[test]
fn fifty_tabs_that_refresh_at_once_stay_signed_in() {
    let installation = Installation::new();
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    let tabs: Vec<_> = (0..50)
        .map(|_| {
            let mut tab = Client::with(server.address(), &client.jar);
            std::thread::spawn(move || (tab.refresh().status, tab.protected().status))
        })
        .collect();
    for tab in tabs {
        assert_eq!(tab.join().unwrap(), (200, 200));
    }
}

#[test]
fn the_database_holds_no_password_token_or_csrf_value() {
    let installation = Installation::new();
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    client.refresh();
    let mut kept = Vec::new();
    for name in ["data/portcullis.db", "data/portcullis.db-wal"] {
        kept.extend(std::fs::read(installation.path(name)).unwrap());
    }
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("testuser") && kept.contains("$argon2id$"), "this is where it is kept");
    let key = installation.read("data/portcullis.key");
    for secret in client.jar.tokens().chain(["testpass", key.trim()]) {
        assert!(!kept.contains(secret), "{secret} is in the database");
    }
}

#[test]
fn a_flood_of_sign_ins_is_answered_503_while_protected_routes_go_on() {
    let installation =
        Installation::new().with("PORTCULLIS_APP__HASH_THREADS", "1").with("PORTCULLIS_APP__HASH_QUEUE", "2");
    let server = installation.start();
    let mut client = server.client();
    client.sign_in("admin", "adminpass");
    // Devices that signed in before are throttled each on its own, so that none is turned away before the queue.
    let devices: Vec<_> = (0..8)
        .map(|_| {
            let mut device = server.client();
            assert_eq!(device.sign_in("testuser", "testpass").status, 200);
            device
        })
        .collect();
    let start = Arc::new(Barrier::new(devices.len()));
    let flood: Vec<_> = devices
        .into_iter()
        .map(|mut device| {
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                start.wait();
                device.sign_in("testuser", "testpass")
            })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(client.protected().status, 200);
    }
    let answers: Vec<_> = flood.into_iter().map(|caller| caller.join().unwrap()).collect();
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(!busy.is_empty(), "the queue holds two");
    for answer in busy {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.all("retry-after").next().is_some(), "{answer:?}");
    }
}

#[test]
fn a_program_that_is_asked_to_end_as_soon_as_it_listens_ends() {
    let installation = Installation::new();
    for _ in 0..8 {
        assert!(installation.start().terminate().expect("it goes on").success());
    }
}
