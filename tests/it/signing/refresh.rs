//! `/refresh`: the next pair of tokens, and what becomes of the one before.

use serde_json::json;

use crate::support::{FOUR, Setup, app, claims, https_app, names};

#[test]
fn a_refresh_gives_a_new_pair_and_the_same_csrf_values() {
    let app = app();
    let visitor = app.signed_in();
    let old = visitor.copy();
    app.pass(60);
    let answer = visitor.refresh();
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"refresh":true}"#));
    assert_eq!(answer.cookie_names(), names(&FOUR));
    answer.cookie("access_token_cookie").assert_attributes("HttpOnly; SameSite=Lax; Path=/");
    answer.cookie("csrf_refresh_token").assert_attributes("SameSite=Lax; Path=/");
    let (before, after) = (claims(&old.access_token()), claims(&visitor.access_token()));
    for same in ["sid", "sub", "csrf", "auth_time", "roles"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!((&after["gen"], &after["fresh"]), (&json!(2), &json!(false)));
    assert_eq!(after["iat"], before["iat"].as_i64().unwrap() + 60);
    assert_ne!(before["jti"], after["jti"]);
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn over_https_the_new_cookies_are_as_strict_as_the_first() {
    let app = https_app();
    let visitor = app.signed_in();
    let answer = visitor.refresh();
    assert_eq!(answer.status, 200);
    for name in ["access_token_cookie", "refresh_token_cookie"] {
        let name = format!("__Host-{name}");
        answer.cookie(&name).assert_attributes("HttpOnly; SameSite=Lax; Secure; Path=/");
    }
}

#[test]
fn remembered_cookies_never_outlive_the_session() {
    let app = Setup::new().set("auth.remember_idle_ttl", 1000).set("auth.remember_ttl", 1500).launch();
    let visitor = app.program();
    let credentials = json!({ "username": "testuser", "password": "testpass", "remember": true });
    let answer = visitor.post("/login").json(&credentials).send();
    assert!(answer.cookie("refresh_token_cookie").has("Max-Age=1000"));
    app.pass(900);
    let answer = visitor.refresh();
    assert!(answer.cookie("refresh_token_cookie").has("Max-Age=600"), "the absolute deadline stands");
    app.pass(500);
    let answer = visitor.refresh();
    assert!(answer.cookie("access_token_cookie").has("Max-Age=100"), "nor does an access token pass it");
    app.pass(100);
    assert_eq!(visitor.refresh().refusal(), (401, "token_expired".into()));
}

#[test]
fn an_idle_session_ends_at_its_idle_deadline() {
    let app = Setup::new().set("auth.refresh_idle_ttl", 1000).launch();
    let visitor = app.signed_in();
    app.pass(999);
    assert_eq!(visitor.refresh().status, 200);
    app.pass(1000);
    assert_eq!(visitor.refresh().refusal(), (401, "token_expired".into()));
}

#[test]
fn without_a_token_without_a_proof_and_with_a_wrong_one() {
    let app = app();
    let visitor = app.signed_in();
    let nobody = app.program().post("/refresh").send();
    assert_eq!(nobody.status, 401);
    assert_eq!(
        nobody.json(),
        json!({ "msg": "Missing cookie \"refresh_token_cookie\"", "code": "missing_token" })
    );
    let unproved = visitor.post("/refresh").send();
    assert_eq!(unproved.status, 403);
    assert_eq!(unproved.json(), json!({ "msg": "Missing CSRF token", "code": "csrf_missing" }));
    // The access token's value is not the refresh token's.
    for wrong in [visitor.csrf().as_str(), "x", ""] {
        let answer = visitor.post("/refresh").csrf(wrong).send();
        assert_eq!(answer.status, 403);
        assert!(answer.json()["code"].as_str().unwrap().starts_with("csrf_"));
        assert_eq!(answer.all("Set-Cookie"), Vec::<&str>::new());
    }
    assert_eq!(claims(&visitor.refresh_token())["gen"], 1);
    assert_eq!(visitor.refresh().status, 200, "nothing was rotated by the refused ones");
    assert_eq!(claims(&visitor.refresh_token())["gen"], 2);
}

#[test]
fn an_access_token_does_not_refresh() {
    let app = app();
    let visitor = app.signed_in();
    let csrf = visitor.csrf();
    visitor.put("refresh_token_cookie", &visitor.access_token());
    let answer = visitor.post("/refresh").csrf(&csrf).send();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "msg": "Only refresh tokens are allowed", "code": "wrong_type" }));
}

#[test]
fn the_token_before_is_answered_with_the_same_successor_within_the_grace() {
    let app = app();
    let visitor = app.signed_in();
    let other_tab = visitor.copy();
    assert_eq!(visitor.refresh().status, 200);
    assert_eq!(visitor.get("/protected").send().status, 200);
    app.pass(30);
    assert_eq!(other_tab.refresh().status, 200);
    assert_eq!(claims(&other_tab.refresh_token())["gen"], 2);
    assert_eq!(other_tab.get("/protected").send().status, 200);
    assert_eq!(visitor.refresh().status, 200, "and the first tab is not signed out either");
}

#[test]
fn a_lost_answer_signs_nobody_out_even_after_the_grace() {
    let app = app();
    let visitor = app.signed_in();
    let laptop = visitor.copy();
    assert_eq!(visitor.refresh().status, 200);
    app.pass(3600);
    assert_eq!(laptop.refresh().status, 200, "nobody was ever seen with the successor");
}

#[test]
fn a_reused_token_ends_the_session_and_the_cookies_are_cleared() {
    let app = app();
    let visitor = app.signed_in();
    let thief = visitor.copy();
    assert_eq!(visitor.refresh().status, 200);
    assert_eq!(visitor.get("/protected").send().status, 200);
    app.pass(31);
    let answer = thief.refresh();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "msg": "Token has been revoked", "code": "token_reused" }));
    assert_eq!(answer.cookie_names(), names(&FOUR));
    assert!(answer.cookies().iter().all(|cookie| cookie.value.is_empty() && cookie.has("Max-Age=0")));
    assert!(thief.jar().is_empty());
    assert_eq!(visitor.get("/protected").send().refusal(), (401, "token_revoked".into()));
    let told = visitor.accepting("text/html").get("/dashboard").send();
    assert_eq!(told.status, 401);
    assert!(told.body.contains("Your session was ended"), "the person is told plainly: {}", told.body);
}

#[test]
fn a_thief_and_a_victim_cannot_go_on_one_step_behind_each_other() {
    let app = app();
    let victim = app.signed_in();
    let thief = victim.copy();
    let mut is_caught = false;
    for _ in 0..6 {
        for person in [&thief, &victim] {
            app.pass(31);
            is_caught |= person.refresh().status != 200;
            is_caught |= person.get("/protected").send().status != 200;
        }
    }
    assert!(is_caught);
    assert_ne!(victim.get("/protected").send().status, 200);
    assert_ne!(thief.get("/protected").send().status, 200);
}

#[test]
fn two_generations_back_is_reuse_even_at_once() {
    let app = app();
    let visitor = app.signed_in();
    let old = visitor.copy();
    assert_eq!(visitor.refresh().status, 200);
    assert_eq!(visitor.refresh().status, 200);
    assert_eq!(old.refresh().refusal(), (401, "token_reused".into()));
    assert_eq!(visitor.refresh().refusal(), (401, "token_revoked".into()));
}

#[test]
fn a_generation_that_was_never_issued_is_refused_and_not_called_theft() {
    let app = app();
    let visitor = app.signed_in();
    let oracle = app.visitor("application/json", visitor.jar());
    let ahead = crate::support::with_claims(&visitor.refresh_token(), |claims| claims["gen"] = 7.into());
    oracle.put("refresh_token_cookie", &ahead);
    assert_eq!(oracle.refresh().refusal(), (401, "invalid_token".into()));
    assert_eq!(visitor.refresh().status, 200);
}

#[test]
fn a_browser_comes_back_to_the_dashboard_and_reads_refusals_on_a_page() {
    let app = app();
    let browser = app.signed_in_browser();
    let thief = browser.copy();
    let answer =
        browser.post("/refresh").form(&[("csrf_token", &browser.cookie("csrf_refresh_token"))]).send();
    assert_eq!((answer.status, answer.location()), (303, "/dashboard"));
    assert_eq!(browser.get("/dashboard").send().status, 200);
    app.pass(31);
    let answer = thief.post("/refresh").form(&[("csrf_token", &thief.cookie("csrf_refresh_token"))]).send();
    assert!(answer.status == 401 && answer.is_page(), "{}", answer.body);
    assert!(answer.body.contains("Your session was ended"));
    assert!(FOUR.iter().all(|name| !thief.jar().contains_key(*name)));
}

#[test]
fn get_and_head_refresh_nothing() {
    let app = app();
    let visitor = app.signed_in();
    for method in [rocket::http::Method::Get, rocket::http::Method::Head] {
        for path in ["/refresh", "/logout"] {
            let answer = visitor.ask(method, path).csrf(&visitor.cookie("csrf_refresh_token")).send();
            assert_eq!((answer.status, answer.all("Set-Cookie").len()), (405, 0), "{method} {path}");
        }
    }
    assert_eq!(visitor.get("/protected").send().status, 200);
    visitor.refresh();
    assert_eq!(claims(&visitor.refresh_token())["gen"], 2);
}
