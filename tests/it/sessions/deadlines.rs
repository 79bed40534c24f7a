//! How long a session lasts: idle, at most, and with "remember me".

use serde_json::json;

use crate::support::{App, NOW, SetCookie, Setup, Visitor, claims};

/// Unremembered: 1000 s idle, 2000 s at most; remembered: 5000 s and 9000 s.
fn app() -> App {
    Setup::new()
        .set("auth.refresh_idle_ttl", 1000)
        .set("auth.refresh_ttl", 2000)
        .set("auth.remember_idle_ttl", 5000)
        .set("auth.remember_ttl", 9000)
        .launch()
}

fn remembered(app: &App) -> Visitor<'_> {
    let visitor = app.program();
    let credentials = json!({ "username": "testuser", "password": "testpass", "remember": true });
    assert_eq!(visitor.post("/login").json(&credentials).send().status, 200);
    visitor
}

fn max_age(cookie: &SetCookie) -> Option<i64> {
    cookie.attributes.iter().find_map(|attribute| attribute.strip_prefix("Max-Age=")?.parse().ok())
}

fn expires(token: &str) -> i64 {
    claims(token)["exp"].as_i64().unwrap() - NOW
}

#[test]
fn remember_me_chooses_between_two_pairs_of_deadlines_in_json_and_on_the_form() {
    let app = app();
    assert_eq!(expires(&app.signed_in().refresh_token()), 1000);
    assert_eq!(expires(&remembered(&app).refresh_token()), 5000);
    for (fields, idle) in [(&[][..], 1000), (&[("remember", "on")][..], 5000)] {
        let browser = app.browser();
        let mut all = vec![("username", "testuser"), ("password", "testpass")];
        all.extend(fields);
        let answer = browser.submit_login(&all);
        assert_eq!(answer.status, 303);
        assert_eq!(expires(&browser.refresh_token()), idle);
        let age = (idle == 5000).then_some(5000);
        assert_eq!(
            max_age(&answer.cookie("refresh_token_cookie")),
            age,
            "without it, the cookie ends with the browser"
        );
    }
}

#[test]
fn the_absolute_deadline_is_never_extended_however_busy_the_session_is() {
    let app = app();
    let visitor = app.signed_in();
    let browser = visitor.accepting("text/html");
    for passed in (0..1800).step_by(200) {
        assert!(expires(&visitor.refresh_token()) <= 2000, "after {passed}");
        app.pass(200);
        assert_eq!(visitor.refresh().status, 200, "after {passed}");
        let again = json!({ "password": "testpass" });
        let answer = visitor.post("/reauthenticate").csrf(&visitor.csrf()).json(&again).send();
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(expires(&visitor.access_token()) <= 2000);
    }
    app.pass(200);
    assert_eq!(visitor.refresh().refusal(), (401, "token_expired".into()));
    assert_eq!(visitor.get("/protected").send().refusal(), (401, "token_expired".into()));
    assert_eq!(browser.get("/dashboard").send().status, 303);
}

#[test]
fn the_idle_deadline_counts_from_the_last_refresh_and_not_from_replays() {
    let app = app();
    let visitor = app.signed_in();
    let other_tab = visitor.copy();
    app.pass(900);
    assert_eq!(visitor.refresh().status, 200);
    app.pass(30);
    assert_eq!(other_tab.refresh().status, 200, "a replay");
    assert_eq!(expires(&other_tab.refresh_token()), 1900);
    app.pass(970);
    assert_eq!(visitor.refresh().refusal(), (401, "token_expired".into()));
    assert_eq!(other_tab.refresh().refusal(), (401, "token_expired".into()));
}

#[test]
fn no_cookie_outlives_its_token_or_its_session() {
    let app = app();
    let visitor = remembered(&app);
    let mut now = 0;
    for pass in [0, 4900, 3900, 100] {
        app.pass(pass);
        now += i64::try_from(pass).unwrap();
        let answer = visitor.refresh();
        assert_eq!(answer.status, 200, "after {now}");
        let pairs = [
            ("access_token_cookie", "csrf_access_token", expires(&visitor.access_token())),
            ("refresh_token_cookie", "csrf_refresh_token", expires(&visitor.refresh_token())),
        ];
        for (token, csrf, expires) in pairs {
            assert!(expires <= 9000 && expires <= now + 5000);
            assert_eq!(max_age(&answer.cookie(token)), Some(expires - now), "{token} after {now}");
            assert_eq!(max_age(&answer.cookie(csrf)), Some(expires - now), "{csrf} after {now}");
        }
    }
}

#[test]
fn a_renewed_page_does_not_outlive_the_session_either() {
    let app = app();
    let browser = app.signed_in_browser();
    app.pass(900);
    assert_eq!(browser.get("/dashboard").send().status, 200);
    app.pass(900);
    assert_eq!(browser.get("/dashboard").send().status, 200);
    assert_eq!(expires(&browser.access_token()), 2000, "two hundred seconds are left, not three hundred");
    app.pass(200);
    let answer = browser.get("/dashboard").send();
    assert_eq!((answer.status, answer.location()), (303, "/login?notice=session_expired"));
}
