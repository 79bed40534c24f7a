//! Programs that keep their tokens themselves: in the body at sign-in, in a header afterwards, never in a cookie.

use std::collections::BTreeSet;

use rocket::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, App, FOUR, Setup, Visitor, claims, header, names};

fn with_headers() -> App {
    Setup::new().set("auth.token_locations", ["cookies", "headers"]).launch()
}

fn ask_for_body(visitor: &Visitor<'_>) -> Answer {
    let credentials = json!({ "username": "testuser", "password": "testpass", "delivery": "body" });
    visitor.post("/login").json(&credentials).send()
}

/// The pair in an answer's body, beside `what: true` and nothing else.
fn pair(answer: &Answer, what: &str) -> (String, String) {
    assert_eq!((answer.status, answer.all("Set-Cookie").len()), (200, 0), "{}", answer.body);
    let json = answer.json();
    let members: BTreeSet<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from([what, "access_token", "refresh_token"]));
    assert_eq!(json[what], Value::Bool(true));
    let token = |name: &str| json[name].as_str().unwrap().to_owned();
    (token("access_token"), token("refresh_token"))
}

#[test]
fn tokens_are_delivered_in_the_body_and_no_cookie_is_set() {
    let app = with_headers();
    let program = app.program();
    let (access, refresh) = pair(&ask_for_body(&program), "login");
    assert_eq!((&claims(&access)["type"], &claims(&refresh)["type"]), (&json!("access"), &json!("refresh")));
    assert!(program.jar().is_empty());
    let seen = program.get("/protected").bearer(&access).send();
    assert_eq!((seen.status, seen.json()), (200, json!({ "logged_in_as": "testuser" })));
    assert_eq!(seen.all("Set-Cookie").len(), 0);
    assert_eq!(program.get("/protected").bearer(&refresh).send().refusal(), (401, "wrong_type".into()));
}

#[test]
fn tokens_in_the_body_are_refused_where_headers_are_not_looked_at() {
    let app = Setup::new().launch();
    let program = app.program();
    let answer = ask_for_body(&program);
    assert_eq!((answer.refusal(), answer.all("Set-Cookie").len()), ((422, "unprocessable".into()), 0));
    let unknown = json!({ "username": "testuser", "password": "testpass", "delivery": "carrier pigeon" });
    assert_eq!(app.program().post("/login").json(&unknown).send().status, 422);
    let cookies = json!({ "username": "testuser", "password": "testpass", "delivery": "cookies" });
    assert!(app.program().post("/login").json(&cookies).send().cookie_names().is_superset(&names(&FOUR)));
}

#[test]
fn only_json_can_ask_for_tokens_in_the_body() {
    let app = with_headers();
    let answer = app.browser().submit_login(&[
        ("username", "testuser"),
        ("password", "testpass"),
        ("delivery", "body"),
    ]);
    assert_eq!(answer.status, 422);
    assert_eq!(answer.all("Set-Cookie").len(), 0);
}

#[test]
fn a_program_refreshes_and_logs_out_with_its_tokens_and_without_any_proof() {
    let app = with_headers();
    let program = app.program();
    let (access, refresh) = pair(&ask_for_body(&program), "login");
    let (next_access, next_refresh) = pair(&program.post("/refresh").bearer(&refresh).send(), "refresh");
    assert_eq!(claims(&next_refresh)["gen"], 2);
    assert_eq!(claims(&next_access)["sid"], claims(&access)["sid"]);
    assert_eq!(program.post("/refresh").bearer(&access).send().refusal(), (401, "wrong_type".into()));
    assert_eq!(program.get("/protected").bearer(&next_access).send().status, 200);

    let out = program.post("/logout").bearer(&next_access).send();
    assert_eq!((out.status, out.json()), (200, json!({ "logout": true })));
    for token in [&access, &next_access] {
        let refused = program.get("/protected").bearer(token).send();
        assert_eq!(refused.refusal(), (401, "token_revoked".into()));
        assert_eq!(refused.header("WWW-Authenticate"), Some("Bearer"));
    }
    assert_eq!(program.post("/refresh").bearer(&next_refresh).send().refusal().1, "token_revoked");
}

#[test]
fn logging_out_works_with_the_refresh_token_and_with_an_expired_one() {
    let app = with_headers();
    let program = app.program();
    let (access, refresh) = pair(&ask_for_body(&program), "login");
    assert_eq!(program.post("/logout").bearer(&refresh).send().status, 200);
    assert_eq!(program.get("/protected").bearer(&access).send().refusal().1, "token_revoked");
    let (access, refresh) = pair(&ask_for_body(&program), "login");
    app.pass(301);
    assert_eq!(program.post("/logout").bearer(&access).send().status, 200);
    assert_eq!(program.post("/refresh").bearer(&refresh).send().refusal().1, "token_revoked");
}

#[test]
fn a_programs_reused_refresh_token_ends_its_session_and_touches_no_cookie() {
    let app = with_headers();
    let program = app.program();
    let (_, first) = pair(&ask_for_body(&program), "login");
    let (_, second) = pair(&program.post("/refresh").bearer(&first).send(), "refresh");
    let (access, _) = pair(&program.post("/refresh").bearer(&second).send(), "refresh");
    let reused = program.post("/refresh").bearer(&first).send();
    assert_eq!((reused.refusal(), reused.all("Set-Cookie").len()), ((401, "token_reused".into()), 0));
    assert_eq!(program.get("/protected").bearer(&access).send().refusal().1, "token_revoked");
}

#[test]
fn a_bearer_is_neither_helped_nor_harmed_by_the_cookies_of_somebody_else() {
    let app = with_headers();
    let browser = app.signed_in_browser();
    let program = app.program();
    let (access, refresh) = pair(&ask_for_body(&program), "login");
    let both = browser.ask(Method::Get, "/dashboard").bearer(&access).send();
    assert_ne!(both.status, 200, "two credentials are not guessed between");
    let both = browser.post("/refresh").bearer(&refresh).send();
    assert_eq!((both.status, both.all("Set-Cookie").len()), (303, 0));
    assert_eq!(browser.get("/dashboard").send().status, 200);
    assert_eq!(program.get("/protected").bearer(&access).send().status, 200);
}

#[test]
fn a_bearer_token_never_makes_a_page_silently_renewed() {
    let app = with_headers();
    let (access, refresh) = pair(&ask_for_body(&app.program()), "login");
    app.pass(301);
    for token in [&access, &refresh] {
        let answer = app.browser().get("/dashboard").bearer(token).send();
        assert_eq!((answer.status, answer.all("Set-Cookie").len()), (303, 0));
        assert!(answer.location().starts_with("/login"), "{}", answer.location());
    }
    assert_eq!(header(&access)["typ"], "JWT");
}
