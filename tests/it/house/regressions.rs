//! Bugs that were found by looking, each with a test named for it.

use portcullis::auth::{EventSpan, UnixTime};
use portcullis::store;
use serde_json::json;

use crate::support::{FOUR, Setup, app, claims, https_app, now_or_never};

#[test]
fn a_unicode_space_before_a_protected_cookie_name_is_part_of_the_name() {
    let app = https_app();
    let token = app.signed_in().access_token();
    let good = format!("__Host-access_token_cookie={token}");
    assert_eq!(app.program().get("/protected").cookie_line(&good).send().status, 200);
    for space in ['\u{85}', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2003}', '\u{3000}', '\u{b}', '\u{c}'] {
        for line in [
            format!("{space}__Host-access_token_cookie={token}"),
            format!("x=1; {space}__Host-access_token_cookie={token}"),
            format!("__Host-access_token_cookie{space}={token}"),
        ] {
            let answer = app.program().get("/protected").cookie_line(&line).send();
            assert_eq!(answer.refusal(), (401, "missing_token".into()), "{line:?}");
        }
    }
}

#[test]
fn entering_the_password_again_hands_out_a_generation_of_its_own() {
    let app = app();
    let visitor = app.signed_in();
    let thief = visitor.copy();
    let body = json!({ "password": "testpass" });
    let answer = visitor.post("/reauthenticate").csrf(&visitor.csrf()).json(&body).send();
    assert_eq!(answer.status, 200);
    assert_eq!(claims(&visitor.refresh_token())["gen"], 2);
    assert_eq!(visitor.get("/protected").send().status, 200);
    app.pass(31);
    assert_eq!(thief.refresh().refusal(), (401, "token_reused".into()));
    assert_eq!(visitor.get("/protected").send().refusal(), (401, "token_revoked".into()));
}

#[test]
fn a_reuse_clears_the_cookies_also_when_the_store_knows_already_that_the_successor_was_seen() {
    let stores = store::memory();
    let app = Setup::new().on(stores.clone()).launch();
    let visitor = app.signed_in();
    let thief = visitor.copy();
    let id = claims(&visitor.access_token())["sid"].as_str().unwrap().parse().unwrap();
    assert_eq!(visitor.refresh().status, 200);
    now_or_never(stores.sessions.confirm(&[(id, 2)])).unwrap();
    app.pass(31);
    let answer = thief.refresh();
    assert_eq!(answer.refusal(), (401, "token_reused".into()));
    assert!(FOUR.iter().all(|name| answer.cookie(name).has("Max-Age=0")));
}

#[test]
fn a_storm_of_failed_sign_ins_neither_fills_the_store_nor_hides_itself() {
    let stores = store::memory();
    let app = Setup::new().on(stores.clone()).launch();
    assert_eq!(app.signed_in().log_out().status, 200);
    for _ in 0..300 {
        app.program().sign_in("testuser", "a wrong guess");
        app.program().sign_in("nobody-in-particular", "a wrong guess");
    }
    app.pass(120);
    let browser = app.signed_in_browser();
    let page = browser.get("/dashboard").send();
    assert!(page.body.contains("sign-in"), "the person is told: {}", page.body);
    let kept =
        now_or_never(stores.events.events_of("testuser", EventSpan::since(UnixTime::from_secs(0)), 10_000))
            .unwrap();
    assert!((5..40).contains(&kept.len()), "{} events", kept.len());
}

#[test]
fn a_method_in_a_form_makes_no_post_a_get() {
    let app = app();
    let visitor = app.signed_in();
    for body in ["_method=get", "&_method=get", "&&_method=get&x=1"] {
        let answer = visitor.post("/protected").body("application/x-www-form-urlencoded", body).send();
        assert_eq!(answer.refusal().0, 405, "there is no such POST: {body}");
    }
}
