//! Step-up: what a stolen session must not do asks for the password again.

use serde_json::json;

use crate::support::{Answer, App, Visitor, app, claims};

/// The action that needs a fresh password here.
fn end_others(visitor: &Visitor<'_>) -> Answer {
    visitor.post("/sessions/end-others").csrf(&visitor.csrf()).send()
}

fn reauthenticate(visitor: &Visitor<'_>, password: &str) -> Answer {
    visitor.post("/reauthenticate").csrf(&visitor.csrf()).json(&json!({ "password": password })).send()
}

/// Signed in so long ago that the password no longer counts; the access token is a new one.
fn stale(app: &App) -> Visitor<'_> {
    let visitor = app.signed_in();
    app.pass(901);
    assert_eq!(visitor.refresh().status, 200);
    visitor
}

#[test]
fn a_password_counts_for_fifteen_minutes_and_refreshing_does_not_prolong_it() {
    let app = app();
    let visitor = app.signed_in();
    for _ in 0..3 {
        app.pass(300);
        assert_eq!(visitor.refresh().status, 200);
        assert_eq!(claims(&visitor.access_token())["fresh"], false);
        assert_eq!(end_others(&visitor).status, 200, "the age of the password counts, not the token's");
    }
    app.pass(1);
    assert_eq!(visitor.refresh().status, 200);
    let answer = end_others(&visitor);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "msg": "Fresh token required", "code": "fresh_required" }));
    assert_eq!(visitor.get("/protected").send().status, 200, "and everything else goes on");
}

#[test]
fn the_password_again_makes_it_fresh_with_new_csrf_values() {
    let app = app();
    let visitor = stale(&app);
    let (sid, csrf, csrf_refresh) = (
        claims(&visitor.access_token())["sid"].clone(),
        visitor.csrf(),
        visitor.cookie("csrf_refresh_token"),
    );
    let answer = reauthenticate(&visitor, "testpass");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"fresh":true}"#));
    assert_eq!(claims(&visitor.access_token())["fresh"], true);
    assert_eq!(claims(&visitor.access_token())["sid"], sid, "it is the same session");
    assert_ne!((visitor.csrf(), visitor.cookie("csrf_refresh_token")), (csrf.clone(), csrf_refresh.clone()));
    let old_form = visitor.post("/sessions/end-others").csrf(&csrf).send();
    assert_eq!(old_form.refusal(), (403, "csrf_mismatch".into()));
    assert_eq!(visitor.post("/refresh").csrf(&csrf_refresh).send().refusal(), (403, "csrf_mismatch".into()));
    assert_eq!(end_others(&visitor).status, 200);
    assert_eq!(visitor.refresh().status, 200);
    assert_eq!(end_others(&visitor).status, 200, "the refreshed token carries when the password was entered");
}

#[test]
fn a_wrong_password_makes_nothing_fresh_and_signs_nobody_out() {
    let app = app();
    let visitor = stale(&app);
    for wrong in ["wrong", "", "Testpass", &"x".repeat(300)] {
        let answer = reauthenticate(&visitor, wrong);
        assert_eq!(answer.refusal(), (422, "wrong_password".into()), "{wrong:?}");
        assert!(answer.all("Set-Cookie").is_empty());
    }
    assert_eq!(end_others(&visitor).refusal(), (401, "fresh_required".into()));
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn a_browser_is_asked_for_the_password_and_comes_back_to_where_it_was() {
    let app = app();
    let browser = app.signed_in_browser();
    app.pass(901);
    let page = browser.get("/sessions").send();
    let form = [("csrf_token", page_token(&browser))];
    let fields: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser.post("/sessions/end-others").form(&fields).send();
    assert_eq!((answer.status, answer.location()), (303, "/reauthenticate?next=%2Fsessions"));
    let asked = browser.get(answer.location()).send();
    assert!(asked.status == 200 && asked.is_page());
    assert_eq!(asked.hidden("next"), "&#x2F;sessions");
    assert_eq!(page.status, 200);

    let token = asked.hidden("csrf_token");
    let wrong = [("csrf_token", token.as_str()), ("password", "wrong"), ("next", "/sessions")];
    let answer = browser.post("/reauthenticate").form(&wrong).send();
    assert!(answer.status == 422 && answer.is_page());
    assert_eq!(answer.hidden("next"), "&#x2F;sessions", "the way back survives a mistyped password");
    let right = [("csrf_token", token.as_str()), ("password", "testpass"), ("next", "/sessions")];
    let answer = browser.post("/reauthenticate").form(&right).send();
    assert_eq!((answer.status, answer.location()), (303, "/sessions?notice=password_confirmed"));
    assert!(browser.get(answer.location()).send().body.contains("Nothing has been ended yet"));
    let token = page_token(&browser);
    let answer = browser.post("/sessions/end-others").form(&[("csrf_token", token.as_str())]).send();
    assert_eq!((answer.status, answer.location()), (303, "/sessions?notice=others_ended"));
}

fn page_token(browser: &Visitor<'_>) -> String {
    browser.get("/reauthenticate").send().hidden("csrf_token")
}

#[test]
fn the_pages_of_the_account_say_that_the_password_was_right() {
    let app = app();
    let browser = app.signed_in_browser();
    for (next, location) in [
        ("/dashboard", "/dashboard?notice=password_confirmed"),
        ("/account/password", "/account/password?notice=password_confirmed"),
        ("/sessions?notice=session_ended", "/sessions?notice=password_confirmed"),
        ("/protected?a=b", "/protected?a=b"),
    ] {
        let token = page_token(&browser);
        let fields = [("csrf_token", token.as_str()), ("password", "testpass"), ("next", next)];
        let answer = browser.post("/reauthenticate").form(&fields).send();
        assert_eq!((answer.status, answer.location()), (303, location));
        let told = browser.get(location).send().body.contains("Password confirmed.");
        assert_eq!(told, location.contains("notice"), "{location}");
    }
}

#[test]
fn a_throttled_page_says_when_to_come_back() {
    let app = app();
    let browser = app.signed_in_browser();
    let token = page_token(&browser);
    let fields = [("csrf_token", token.as_str()), ("password", "wrong")];
    let answers: Vec<_> = (0..7).map(|_| browser.post("/reauthenticate").form(&fields).send()).collect();
    assert!(answers.iter().take(5).all(|answer| answer.status == 422));
    let throttled = &answers[6];
    assert!(throttled.status == 429 && throttled.is_page());
    assert!(throttled.header("Retry-After").is_some());
}

#[test]
fn the_way_back_stays_on_this_site() {
    let app = app();
    let browser = app.signed_in_browser();
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let token = page_token(&browser);
        let fields = [("csrf_token", token.as_str()), ("password", "testpass"), ("next", next)];
        let answer = browser.post("/reauthenticate").form(&fields).send();
        assert_eq!((answer.status, answer.location()), (303, "/dashboard"), "{next}");
    }
}

#[test]
fn it_needs_a_session_and_its_csrf_proof() {
    let app = app();
    let again = json!({ "password": "testpass" });
    assert_eq!(
        app.program().post("/reauthenticate").json(&again).send().refusal(),
        (401, "missing_token".into())
    );
    let visitor = app.signed_in();
    let unproved = visitor.post("/reauthenticate").json(&again).send();
    assert_eq!(unproved.refusal(), (403, "csrf_missing".into()));
    let of_another = app.signed_in().csrf();
    let crossed = visitor.post("/reauthenticate").csrf(&of_another).json(&again).send();
    assert_eq!(crossed.refusal(), (403, "csrf_mismatch".into()));
    assert_eq!(app.browser().get("/reauthenticate").send().status, 303);
}

/// The thief's copy is of the same session, so it must not become fresh by the victim's password.
#[test]
fn the_victims_password_does_not_make_a_stolen_token_fresh() {
    let app = app();
    let victim = stale(&app);
    let thief = victim.copy();
    assert_eq!(reauthenticate(&victim, "testpass").status, 200);
    assert_eq!(end_others(&thief).refusal(), (401, "fresh_required".into()));
    assert_eq!(thief.refresh().status, 200, "it has the current refresh token");
    assert_eq!(end_others(&thief).refusal(), (401, "fresh_required".into()), "refreshing never makes fresh");
}
