//! `/logout`: the end of the session, whatever the visitor still holds.

use serde_json::json;

use crate::support::{FOUR, Jar, Setup, app, claims, https_app, names};

#[test]
fn logging_out_ends_the_session_and_clears_the_cookies() {
    let app = app();
    let visitor = app.signed_in();
    let copy = visitor.copy();
    let answer = visitor.log_out();
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"logout":true}"#));
    assert_eq!(answer.cookie_names(), names(&FOUR));
    for name in FOUR {
        let http_only = if name.contains("csrf") { "" } else { "HttpOnly; " };
        let gone = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        let cookie = answer.cookie(name);
        cookie.assert_attributes(&format!("{http_only}SameSite=Lax; Path=/; {gone}"));
        assert_eq!(cookie.value, "");
    }
    assert!(visitor.jar().is_empty());
    assert_eq!(copy.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(copy.refresh().refusal(), (401, "token_revoked".into()));
    let page = copy.accepting("text/html").get("/dashboard").send();
    assert_eq!((page.status, page.location()), (303, "/login?notice=session_ended"));
    let home = copy.accepting("text/html").get("/").send();
    assert_eq!((home.status, home.location()), (303, "/login"));
}

#[test]
fn over_https_a_strict_browser_really_lets_the_cookies_go() {
    let app = https_app();
    let visitor = app.signed_in();
    assert_eq!(visitor.jar().len(), 4);
    let answer = visitor.log_out();
    assert!(answer.cookies().iter().all(|cookie| cookie.has("Secure") && cookie.has("Path=/")));
    assert_eq!(visitor.jar(), Jar::new());
}

#[test]
fn a_browser_is_led_to_the_form_with_a_word() {
    let app = app();
    let browser = app.signed_in_browser();
    let page = browser.get("/dashboard").send();
    let answer = browser.post("/logout").form(&[("csrf_token", &page.hidden("csrf_token"))]).send();
    assert_eq!((answer.status, answer.location()), (303, "/login?notice=signed_out"));
    assert!(answer.header("Clear-Site-Data").unwrap().contains(r#""cache""#));
    let page = browser.get(answer.location()).send();
    assert!(page.body.contains("You have signed out."));
    let answer = browser.get("/dashboard").send();
    assert_eq!((answer.status, answer.location()), (303, "/login"));
}

#[test]
fn it_works_again_and_without_any_token() {
    let app = app();
    let visitor = app.signed_in();
    let copy = visitor.copy();
    for somebody in [&visitor, &visitor, &copy, &copy, &app.program()] {
        let answer = somebody.log_out();
        assert_eq!((answer.status, answer.json()), (200, json!({ "logout": true })));
        assert_eq!(answer.cookie_names(), names(&FOUR));
    }
}

#[test]
fn it_works_with_an_expired_access_token_and_the_refresh_token_dies() {
    let app = app();
    let visitor = app.signed_in();
    let copy = visitor.copy();
    app.pass(301);
    assert_eq!(visitor.log_out().status, 200);
    assert_eq!(copy.refresh().refusal(), (401, "token_revoked".into()));
}

#[test]
fn either_token_alone_ends_the_session() {
    let app = app();
    for kept in ["access_token_cookie", "refresh_token_cookie"] {
        let visitor = app.signed_in();
        let copy = visitor.copy();
        let line = format!("{kept}={}", visitor.cookie(kept));
        assert_eq!(app.program().post("/logout").cookie_line(&line).send().status, 200);
        assert_eq!(copy.get("/protected").send().refusal(), (401, "token_revoked".into()), "{kept}");
        assert_eq!(copy.refresh().refusal(), (401, "token_revoked".into()), "{kept}");
    }
}

#[test]
fn it_works_with_garbage_and_ends_nothing_by_it() {
    let app = app();
    let visitor = app.signed_in();
    let token = visitor.access_token();
    let forged =
        crate::support::mint(&json!({ "alg": "HS256", "typ": "JWT" }), &claims(&token), "not the key");
    let long = "x".repeat(65_536);
    for garbage in ["x", "a.b.c", "\"", forged.as_str(), long.as_str()] {
        let line = format!("access_token_cookie={garbage}; refresh_token_cookie={garbage}");
        let answer = app.program().post("/logout").cookie_line(&line).send();
        assert_eq!((answer.status, answer.cookie_names().len()), (200, 4));
    }
    assert_eq!(visitor.get("/protected").send().status, 200, "a forged token logs nobody out");
}

#[test]
fn doubled_cookies_are_all_ended() {
    let app = app();
    let (one, other) = (app.signed_in(), app.signed_in());
    let line =
        format!("access_token_cookie={}; access_token_cookie={}", one.access_token(), other.access_token());
    assert_eq!(app.program().post("/logout").cookie_line(&line).send().status, 200);
    assert_eq!(one.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(other.get("/protected").send().refusal(), (401, "token_revoked".into()));
}

#[test]
fn only_this_session_ends() {
    let app = app();
    let (here, there) = (app.signed_in(), app.signed_in());
    here.log_out();
    assert_eq!(there.get("/protected").send().status, 200);
    assert_eq!(there.refresh().status, 200);
}

#[test]
fn a_bearer_logs_out_where_bearers_are_taken() {
    let app = Setup::new().set("auth.token_locations", ["headers"]).launch();
    let program = app.program();
    let token = program.sign_in("testuser", "testpass").json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(program.post("/logout").bearer(&token).send().status, 200);
    assert_eq!(program.get("/protected").bearer(&token).send().refusal(), (401, "token_revoked".into()));
}

#[test]
fn a_request_from_another_site_logs_nobody_out() {
    let app = app();
    let visitor = app.signed_in();
    let own = format!("http://{}", crate::support::HOST);
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "nonsense"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", ""),
    ] {
        let answer = visitor.post("/logout").header(name, value).send();
        assert_eq!(answer.refusal(), (403, "cross_site".into()), "{name}: {value}");
        assert_eq!(answer.all("Set-Cookie").len(), 0);
        let page = visitor.accepting("text/html").post("/logout").header(name, value).send();
        assert!(page.status == 403 && page.is_page());
    }
    assert_eq!(visitor.get("/protected").send().status, 200);
    for (name, value) in [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "none"), ("Origin", &own)] {
        let visitor = app.signed_in();
        assert_eq!(visitor.post("/logout").header(name, value).send().status, 200, "{name}: {value}");
    }
}

#[test]
fn both_tokens_stay_dead_as_long_as_they_would_have_lived() {
    let app = app();
    let visitor = app.signed_in();
    let copy = visitor.copy();
    visitor.log_out();
    for _ in 0..5 {
        app.pass(60);
        assert_eq!(copy.get("/protected").send().status, 401);
        assert_eq!(copy.refresh().refusal(), (401, "token_revoked".into()));
    }
    app.pass(86_000);
    assert_eq!(copy.refresh().status, 401);
}
