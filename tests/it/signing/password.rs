//! `/account/password`, as a page and as JSON, and across `kill -9`.

use serde_json::{Value, json};

use crate::binary::client::{Ask, Client, Jar};
use crate::binary::server::Installation;
use crate::support::{Answer, Visitor, app};

const NEW: &str = "a perfectly fine phrase";

fn change(visitor: &Visitor<'_>, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    visitor.post("/account/password").csrf(&visitor.csrf()).json(&body).send()
}

#[test]
fn a_changed_password_ends_every_other_session_and_keeps_this_one() {
    let app = app();
    let (visitor, other, third) = (app.signed_in(), app.signed_in(), app.signed_in_browser());
    let answer = change(&visitor, "testpass", NEW);
    assert_eq!((answer.status, answer.json()), (200, json!({ "password_changed": true })));
    assert_eq!(visitor.get("/protected").send().status, 200);
    assert_eq!(visitor.refresh().status, 200);
    for dead in [&other, &third] {
        let dead = dead.accepting("application/json");
        assert_eq!(dead.get("/protected").send().refusal(), (401, "token_revoked".into()));
        assert_eq!(dead.refresh().refusal(), (401, "token_revoked".into()));
    }
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 401);
    assert_eq!(app.program().sign_in("testuser", NEW).status, 200);
    let page = visitor.accepting("text/html").get("/dashboard").send();
    assert!(page.body.contains("Password changed"), "the person reads of it");
}

#[test]
fn what_cannot_be_a_new_password_is_named_and_changes_nothing() {
    let app = app();
    let visitor = app.signed_in();
    let other = app.signed_in();
    for (new, code) in [
        ("short", "too_short"),
        ("fourteen chars", "too_short"),
        ("", "too_short"),
        ("qwertyuiopasdfghjkl", "too_common"),
        ("this is testuser at home", "contains_name"),
        ("the portcullis is down", "contains_service"),
        (&"x".repeat(257), "too_long"),
    ] {
        let answer = change(&visitor, "testpass", new);
        assert_eq!(answer.refusal(), (422, code.into()), "{new}");
    }
    assert_eq!(change(&visitor, "not it", NEW).refusal(), (422, "wrong_password".into()));
    assert_eq!(other.get("/protected").send().status, 200);
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
}

#[test]
fn no_composition_is_asked_for() {
    let app = app();
    let mut current = "testpass".to_owned();
    for new in ["lowercase letters only", "839204718362549", "\u{1f600}\u{1f601}\u{1f602}".repeat(5).as_str()]
    {
        assert_eq!(change(&app_visitor(&app, &current), &current, new).status, 200, "{new}");
        current = new.to_owned();
    }
}

fn app_visitor<'a>(app: &'a crate::support::App, password: &str) -> Visitor<'a> {
    let visitor = app.program();
    assert_eq!(visitor.sign_in("testuser", password).status, 200);
    visitor
}

#[test]
fn the_form_says_what_is_wrong_and_leads_to_the_dashboard() {
    let app = app();
    let browser = app.signed_in_browser();
    let page = browser.get("/account/password").send();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("autocomplete=\"new-password\"") && page.body.contains("15"));
    let submit = |current: &str, new: &str, again: &str| {
        browser
            .post("/account/password")
            .form(&[
                ("csrf_token", &page.hidden("csrf_token")),
                ("current_password", current),
                ("new_password", new),
                ("new_password_again", again),
            ])
            .send()
    };
    for (answer, words) in [
        (submit("testpass", NEW, "something else entirely"), "differ"),
        (submit("testpass", "short", "short"), "too short"),
        (submit("wrong", NEW, NEW), "Wrong password"),
    ] {
        assert!(
            answer.status == 422 && answer.is_page() && answer.body.contains(words),
            "{words}: {}",
            answer.body
        );
        assert!(!answer.body.contains(NEW), "no password comes back");
    }
    let answer = submit("testpass", NEW, NEW);
    assert_eq!((answer.status, answer.location()), (303, "/dashboard?notice=password_changed"));
    assert!(browser.get(answer.location()).send().body.contains("Password changed."));
}

#[test]
fn it_needs_a_fresh_password_a_proof_and_a_session() {
    let app = app();
    let visitor = app.signed_in();
    let body = json!({ "current_password": "testpass", "new_password": NEW });
    let post =
        |visitor: &Visitor<'_>, csrf: &str| visitor.post("/account/password").csrf(csrf).json(&body).send();
    assert_eq!(post(&visitor, "x").refusal(), (403, "csrf_mismatch".into()));
    assert_eq!(post(&app.program(), "x").refusal(), (401, "missing_token".into()));
    app.pass(901);
    assert_eq!(visitor.refresh().status, 200);
    assert_eq!(change(&visitor, "testpass", NEW).refusal(), (401, "fresh_required".into()));
    let page = visitor.accepting("text/html").get("/account/password").send();
    assert_eq!((page.status, page.location()), (303, "/reauthenticate?next=%2Faccount%2Fpassword"));
}

#[test]
fn guesses_at_the_current_password_are_throttled_like_sign_ins() {
    let app = app();
    let visitor = app.signed_in();
    let codes: Vec<_> = (0..7).map(|_| change(&visitor, "a guess", NEW).refusal()).collect();
    assert!(codes.iter().take(5).all(|refusal| *refusal == (422, "wrong_password".into())), "{codes:?}");
    assert_eq!(codes[6], (429, "throttled".into()));
}

#[test]
fn a_crash_in_the_middle_leaves_both_the_hash_and_the_sessions_or_neither() {
    let installation = Installation::new().with("PORTCULLIS_APP__PASSWORD_MIN_LENGTH", "8");
    let mut server = installation.start();
    let mut password = "testpass".to_owned();
    for round in 0..16_u64 {
        let (mut acting, mut other) = (server.client(), server.client());
        assert_eq!(acting.sign_in("testuser", &password).status, 200, "round {round}");
        assert_eq!(other.sign_in("testuser", &password).status, 200, "round {round}");
        let new = format!("a fine phrase no {round}");
        let (address, jar) = (server.address(), acting.jar.clone());
        let request = {
            let (current, new) = (password.clone(), new.clone());
            std::thread::spawn(move || send_change(address, &jar, &current, &new))
        };
        // Two hashes take some 40 ms here; the moments of the crash are spread over the whole of it and beyond.
        std::thread::sleep(std::time::Duration::from_millis(round * 6));
        server.kill();
        let _the_answer_may_be_lost = request.join();

        server = installation.start();
        let other_lives = Client::with(server.address(), &other.jar).protected().status == 200;
        let is_old = server.client().sign_in("testuser", &password).status == 200;
        let is_new = server.client().sign_in("testuser", &new).status == 200;
        assert_ne!(is_old, is_new, "round {round}: exactly one password is right");
        assert_eq!(
            other_lives, is_old,
            "round {round}: the other session lives exactly as long as the old password"
        );
        if is_new {
            password = new;
        }
    }
}

/// Sends the change; the server may be gone before it answers.
fn send_change(address: std::net::SocketAddr, jar: &Jar, current: &str, new: &str) {
    let body: Value = json!({ "current_password": current, "new_password": new });
    let csrf = jar.get("csrf_access_token").unwrap_or_default().to_owned();
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        Client::with(address, jar)
            .send(Ask::json("/account/password", &body.to_string()).header("X-CSRF-TOKEN", csrf));
    }));
    drop(attempt);
}
