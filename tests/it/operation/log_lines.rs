//! What the program says of requests: a name for each, a line where it is asked for, and nothing that they brought.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::binary::client::{Answer, Ask, raw};
use crate::binary::server::{Installation, Server};

const PATIENCE: Duration = Duration::from_secs(20);

fn name_of(answer: &Answer) -> String {
    let names: Vec<_> = answer.all("x-request-id").collect();
    assert_eq!(names.len(), 1, "{answer:?}");
    names[0].to_owned()
}

/// Everything that was said, once this stands in it.
fn said(server: &Server, awaited: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = server.said();
        if said.contains(awaited) {
            return said;
        }
        assert!(Instant::now() < deadline, "{awaited} is not in {said}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_answer_has_a_name_that_stands_in_its_lines() {
    let installation = Installation::new().with("PORTCULLIS_APP__ACCESS_LOG", "true");
    let server = installation.start();
    let mut client = server.client();
    let page = client.send(Ask::get("/login?next=/secret-place").header("Accept", "text/html"));
    let missing = client.send(Ask::get("/nothing/here"));
    let refused = client.sign_in("testuser", "wrong-password-of-somebody");
    let signed_in = client.sign_in("testuser", "testpass");
    let protected = client.protected();
    let slashed = client.send(Ask::get("/protected/"));
    let answers = [&page, &missing, &refused, &signed_in, &protected, &slashed];
    let names: Vec<_> = answers.iter().map(|answer| name_of(answer)).collect();
    let log = said(&server, &format!("request=\"{}\"", names[5]));
    let expected = [
        ("GET", "/login", 200),
        ("GET", "-", 404),
        ("POST", "/login", 401),
        ("POST", "/login", 200),
        ("GET", "/protected", 200),
        ("GET", "-", 308),
    ];
    for (name, (method, route, status)) in names.iter().zip(expected) {
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name} comes once");
        let line = log.lines().find(|line| line.contains("answered") && line.contains(name.as_str()));
        assert!(line.is_some(), "no line of {name} in {log}");
        let line = line.unwrap();
        for part in [
            format!("method=\"{method}\""),
            format!("route=\"{route}\""),
            format!("status={status}"),
            "milliseconds=".to_owned(),
        ] {
            assert!(line.contains(&part), "{part} in {line}");
        }
    }
    let event = log.lines().find(|line| line.contains("sign_in_failed")).unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["request"], *names[2], "the event of a request has its name");
    for hidden in ["secret-place", "nothing/here", "wrong-password-of-somebody", "testpass", "eyJ"] {
        assert!(!log.contains(hidden), "{hidden} in {log}");
    }
}

#[test]
fn what_is_no_request_of_ours_has_a_name_as_well() {
    let installation = Installation::new();
    let server = installation.start();
    for request in [
        "BREW / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    ] {
        let answer = Answer::parse(&raw(server.address(), request.as_bytes(), PATIENCE));
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(name_of(&answer).len(), 16);
    }
    assert!(!server.said().contains("answered"), "nobody asked for lines");
}

#[test]
fn names_of_the_operators_own_proxy_are_kept_and_nobody_elses() {
    let alone = Installation::new();
    let server = alone.start();
    let ask = || Ask::get("/health/live").header("X-Request-Id", "mine");
    assert_eq!(name_of(&server.client().send(ask())).len(), 16, "a stranger names nothing");
    drop(server);
    let proxied = Installation::new().with("PORTCULLIS_APP__TRUSTED_PROXIES", "[\"127.0.0.1\"]");
    let server = proxied.start();
    assert_eq!(name_of(&server.client().send(ask())), "mine");
    for odd in ["two words", "a\"b", "", &"a".repeat(65)] {
        let answer = server.client().send(Ask::get("/health/live").header("X-Request-Id", odd));
        assert_eq!(name_of(&answer).len(), 16, "{odd:?}");
    }
}

#[test]
fn lines_are_json_where_a_program_reads_them() {
    let installation = Installation::new()
        .with("PORTCULLIS_APP__ACCESS_LOG", "true")
        .with("PORTCULLIS_APP__LOG_FORMAT", "json")
        .with("PORTCULLIS_APP__TRUSTED_PROXIES", "[\"127.0.0.1\"]");
    let mut server = installation.start();
    // The proxy says nothing of its caller, which is a warning on account of this request.
    let answer = server.client().sign_in("testuser", "wrong");
    let name = name_of(&answer);
    assert!(server.terminate().unwrap().success());
    let log = server.said();
    let lines = log.lines().filter(|line| !line.starts_with("Portcullis is listening"));
    let lines: Vec<Value> =
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| Value::from(line))).collect();
    assert!(lines.iter().all(Value::is_object), "{log}");
    let of = |what: &str| {
        let found =
            lines.iter().find(|line| line["message"].as_str().is_some_and(|said| said.contains(what)));
        assert!(found.is_some(), "{what} is not in {log}");
        found.unwrap()
    };
    let answered = of("answered");
    assert_eq!((&answered["status"], &answered["route"]), (&401.into(), &"/login".into()));
    assert_eq!(answered["request"], *name);
    assert_eq!(of("X-Forwarded-For")["request"], *name, "other lines say it, too");
    assert!(lines.iter().any(|line| line["what"] == "sign_in_failed" && line["request"] == *name));
}

#[test]
fn a_format_that_is_none_is_told_and_nothing_starts() {
    let output = Installation::new().with("PORTCULLIS_APP__LOG_FORMAT", "xml").run(&["serve"], b"");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("app.log_format: must be one of text, json"), "{said}");
}
