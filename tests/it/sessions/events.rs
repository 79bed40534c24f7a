//! What happened is told: once, in the store and as a line of JSON, to the person on the dashboard, and never a secret.

use std::collections::BTreeMap;

use portcullis::auth::{EventSpan, UnixTime};
use portcullis::store::Stores;
use serde_json::{Value, json};

use crate::binary::client::{Ask, Client};
use crate::binary::server::Installation;
use crate::support::{App, KEY, Setup, Visitor, app, claims, now_or_never, with_claims};

/// The application, and the store behind it.
fn launch(setup: Setup) -> (App, Stores) {
    let stores = setup.stores.clone();
    (setup.launch(), stores)
}

/// How often each event is in the store about this person. A visit to the dashboard brings what waits into the store.
fn kept((app, stores): &(App, Stores), user: &str) -> BTreeMap<String, usize> {
    let reader = app.browser();
    reader.sign_in("admin", "adminpass");
    assert_eq!(reader.get("/dashboard").send().status, 200);
    let events =
        now_or_never(stores.events.events_of(user, EventSpan::since(UnixTime::from_secs(0)), 1000)).unwrap();
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(event.what.to_text()).or_default() += 1;
    }
    counts
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect()
}

#[test]
fn signing_in_and_out_is_told_once() {
    let both = launch(Setup::new());
    let app = &both.0;
    let visitor = app.signed_in();
    visitor.refresh();
    visitor.get("/protected").send();
    visitor.log_out();
    visitor.log_out();
    assert_eq!(kept(&both, "testuser"), counts(&[("signed_in", 1), ("session_ended:logged_out", 1)]));
}

#[test]
fn a_sign_in_that_failed_is_told_to_the_account_that_was_meant_and_to_nobody_else() {
    let both = launch(Setup::new());
    let app = &both.0;
    for name in ["testuser", "TestUser", "nobody", "testpass"] {
        assert_eq!(app.program().sign_in(name, "wrong").status, 401);
    }
    app.signed_in();
    let expected = [("sign_in_failed", 2), ("signed_in", 1), ("signed_in_after_failures", 1)];
    assert_eq!(kept(&both, "testuser"), counts(&expected));
    assert_eq!(kept(&both, "nobody"), counts(&[]));
    assert_eq!(kept(&both, "testpass"), counts(&[]), "people type passwords into the wrong field");
}

#[test]
fn replays_and_reuse_are_told_once_each_and_a_generation_of_the_future_is_no_theft() {
    let both = launch(Setup::new());
    let app = &both.0;
    let visitor = app.signed_in();
    let old = visitor.copy();
    visitor.refresh();
    visitor.get("/protected").send();
    old.refresh();
    let forger = old.copy();
    forger.put("refresh_token_cookie", &with_claims(&old.refresh_token(), |claims| claims["gen"] = 9.into()));
    assert_eq!(forger.refresh().refusal(), (401, "invalid_token".into()));
    let expected = [("signed_in", 1), ("replayed", 1), ("never_issued", 1)];
    assert_eq!(kept(&both, "testuser"), counts(&expected));

    let thief = app.visitor("application/json", forger.jar());
    thief.put("refresh_token_cookie", &with_claims(&old.refresh_token(), |claims| claims["gen"] = 1.into()));
    app.pass(31);
    for _ in 0..3 {
        assert_eq!(thief.copy().refresh().status, 401);
    }
    let reused = [("reused", 1), ("session_ended:reused", 1)];
    assert_eq!(kept(&both, "testuser"), counts(&[&expected[..], &reused].concat()));
}

#[test]
fn why_a_session_ended_is_told() {
    let both = launch(Setup::new().set("auth.max_sessions", 3));
    let app = &both.0;
    let visitor = app.signed_in();
    visitor.sign_in("testuser", "testpass");
    let other = app.signed_in();
    let id = claims(&other.access_token())["sid"].as_str().unwrap().to_owned();
    visitor.post(&format!("/sessions/{id}/end")).csrf(&visitor.csrf()).send();
    let _surplus = [app.signed_in(), app.signed_in(), app.signed_in()];
    let expected = [
        ("signed_in", 6),
        ("session_ended:replaced", 1),
        ("session_ended:ended_elsewhere", 1),
        ("session_ended:too_many", 1),
    ];
    assert_eq!(kept(&both, "testuser"), counts(&expected));
}

#[test]
fn the_password_again_is_told_whether_right_or_wrong() {
    let both = launch(Setup::new());
    let app = &both.0;
    let visitor = app.signed_in();
    for password in ["wrong", "testpass"] {
        visitor.post("/reauthenticate").csrf(&visitor.csrf()).json(&json!({ "password": password })).send();
    }
    let expected = [("signed_in", 1), ("reauthentication_failed", 1), ("reauthenticated", 1)];
    assert_eq!(kept(&both, "testuser"), counts(&expected));
}

#[test]
fn a_sign_in_that_was_put_off_is_told_to_the_account_that_was_meant() {
    let both = launch(Setup::new());
    let app = &both.0;
    for name in ["testuser", "nobody"] {
        let statuses = [(); 6].map(|()| app.program().sign_in(name, "wrong").status);
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429], "{name}");
    }
    assert_eq!(kept(&both, "testuser"), counts(&[("sign_in_failed", 5), ("sign_in_throttled", 1)]));
    assert_eq!(kept(&both, "nobody"), counts(&[]));
}

#[test]
fn a_password_change_is_told_when_done_and_when_the_old_password_was_wrong() {
    let both = launch(Setup::new());
    let app = &both.0;
    let visitor = app.signed_in();
    for (current, new, status) in [
        ("wrong", "a perfectly fine phrase", 422),
        ("testpass", "short", 422),
        ("testpass", "a perfectly fine phrase", 200),
    ] {
        let body = json!({ "current_password": current, "new_password": new });
        let answer = visitor.post("/account/password").csrf(&visitor.csrf()).json(&body).send();
        assert_eq!(answer.status, status, "{current}: {new}");
    }
    let expected =
        [("signed_in", 1), ("password_change_refused", 1), ("password_changed", 1), ("reauthenticated", 1)];
    assert_eq!(kept(&both, "testuser"), counts(&expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_request_is_told_without_a_name() {
    let installation = Installation::new()
        .with("PORTCULLIS_AUTH__SECRET_KEY", KEY)
        .with("PORTCULLIS_APP__STORE", "sqlite:a.db");
    let mut server = installation.start();
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    assert_eq!(client.send(Ask::post("/refresh")).code(), "csrf_missing");
    assert_eq!(client.send(Ask::post("/refresh").header("X-CSRF-TOKEN", "forged")).code(), "csrf_mismatch");
    let credentials = json!({ "username": "testuser", "password": "testpass" }).to_string();
    let cross = Ask::json("/login", &credentials).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(server.client().send(cross).code(), "cross_site");
    server.terminate();

    let told = ["csrf_refused", "csrf_refused", "cross_site_refused"];
    let said = server.said();
    let lines = said.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let nameless: Vec<_> = lines.iter().filter(|event| event["user"].is_null()).collect();
    assert_eq!(nameless.iter().map(|event| event["what"].as_str().unwrap()).collect::<Vec<_>>(), told);
    assert!(nameless.iter().all(|event| event["event"] == "malicious_csrf" && event["session"].is_null()));

    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(installation.path("a.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let kept =
        sqlx::query_scalar::<_, String>("SELECT what FROM events WHERE user_name IS NULL ORDER BY number");
    assert_eq!(kept.fetch_all(&pool).await.unwrap(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_refused_and_roles_that_are_missing_are_told_and_kept_a_few_times_a_minute() {
    let installation = Installation::new().with("PORTCULLIS_APP__STORE", "sqlite:a.db");
    let mut server = installation.start();
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let held = |name: &str| client.jar.get(name).unwrap().to_owned();
    let (access, refresh) = (held("access_token_cookie"), held("refresh_token_cookie"));
    let ask = |path, cookies: String| {
        server
            .client()
            .send(Ask::get(path).header("Cookie", cookies).header("Accept", "application/json"))
            .status
    };
    for _ in 0..20 {
        assert_eq!(ask("/protected", format!("access_token_cookie={access}x")), 401);
        assert_eq!(ask("/protected", format!("access_token_cookie={access}; access_token_cookie=x")), 401);
        assert_eq!(ask("/protected", format!("access_token_cookie={refresh}")), 401);
        assert_eq!(ask("/people", format!("access_token_cookie={access}")), 403);
    }
    server.terminate();
    let said = server.said();
    let lines = said.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(installation.path("a.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for (what, user) in [
        ("token_invalid", Value::Null),
        ("token_doubled", Value::Null),
        ("token_of_wrong_type", Value::Null),
        ("role_missing", json!("testuser")),
    ] {
        let told: Vec<_> = lines.iter().filter(|line| line["what"] == what).collect();
        assert_eq!(told.len(), 20, "{what}");
        assert!(told.iter().all(|line| line["user"] == user), "{what}");
        let kept = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM events WHERE what = $1").bind(what);
        // The minute may have been another one in between.
        assert!((6..=12).contains(&kept.fetch_one(&pool).await.unwrap()), "{what}");
    }
}

#[test]
fn the_dashboard_tells_of_sign_ins_that_failed_since_the_last_visit() {
    let app = app();
    let said = |browser: &Visitor<'_>| browser.get("/dashboard").send().body;
    let first = app.signed_in_browser();
    assert!(!said(&first).contains("since your last visit"));
    for expected in ["One failed sign-in since your last visit", "3 failed sign-ins since your last visit"] {
        app.pass(3600);
        let failures = if expected.starts_with("One") { 1 } else { 3 };
        for _ in 0..failures {
            assert_eq!(app.program().sign_in("testuser", "wrong").status, 401);
        }
        let browser = app.signed_in_browser();
        assert!(said(&browser).contains(expected), "{expected}");
        assert!(said(&browser).contains("Failed sign-in"), "and they are in the list");
        assert!(!said(&first).contains("since your last visit"), "not to a session from before");
    }
    app.pass(3600);
    assert!(!said(&app.signed_in_browser()).contains("since your last visit"), "they have been told");
}

#[test]
fn other_peoples_events_are_not_on_the_dashboard() {
    let app = app();
    app.pass(5);
    app.program().sign_in("admin", "wrong");
    let page = app.signed_in_browser().get("/dashboard").send();
    assert!(!page.body.contains("Failed sign-in"));
}

#[test]
fn each_event_is_one_line_of_json_without_a_secret() {
    let installation = Installation::new()
        .with("PORTCULLIS_AUTH__SECRET_KEY", KEY)
        .with("PORTCULLIS_AUTH__REFRESH_GRACE", "0")
        .with("RUST_LOG", "trace");
    let mut server = installation.start();
    let mut secrets = vec![KEY.to_owned(), "testpass".to_owned(), "a wrong password".to_owned()];
    let mut client = server.client();
    client.sign_in("testuser", "a wrong password");
    client.sign_in("testuser", "testpass");
    secrets.extend(client.jar.tokens().map(str::to_owned));
    let stolen = client.jar.clone();
    for _ in 0..2 {
        assert_eq!(client.refresh().status, 200);
        secrets.extend(client.jar.tokens().map(str::to_owned));
        assert_eq!(client.protected().status, 200);
    }
    assert_eq!(Client::with(server.address(), &stolen).refresh().status, 401);
    let mut other = server.client();
    other.sign_in("admin", "adminpass");
    secrets.extend(other.jar.tokens().map(str::to_owned));
    let sid = claims(other.jar.get("access_token_cookie").unwrap())["sid"].as_str().unwrap().to_owned();
    other.logout();
    server.terminate();

    let said = server.said();
    let events: Vec<Value> = said
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> =
        events.iter().map(|event| (event["what"].as_str().unwrap(), &event["reason"])).collect();
    let none = &Value::Null;
    let (reused, logged_out) = (&json!("reused"), &json!("logged_out"));
    assert_eq!(
        told,
        [
            ("sign_in_failed", none),
            ("signed_in", none),
            ("signed_in_after_failures", none),
            ("reused", none),
            ("session_ended", reused),
            ("signed_in", none),
            ("session_ended", logged_out),
        ]
    );
    for event in &events {
        let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
        for key in ["appid", "datetime", "event", "level", "session", "source_ip", "user", "what"] {
            assert!(keys.contains(&key), "{event} lacks {key}");
        }
        assert_eq!(event["source_ip"], "127.0.0.1");
    }
    assert_eq!((&events[3]["event"], &events[3]["level"]), (&json!("authn_token_reuse"), &json!("CRITICAL")));
    secrets.push(sid);
    for secret in &secrets {
        let segments = secret.split('.').filter(|part| part.len() > 20);
        for part in segments.chain([secret.as_str()]) {
            // The header of every token is the same and says nothing.
            assert!(part.starts_with("eyJhbGci") || !said.contains(part), "{part} was logged");
        }
    }
}
