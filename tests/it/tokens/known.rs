//! A token that was let in before is still judged: what is remembered of it opens nothing by itself.

use portcullis::AccessToken;
use portcullis::auth::UnixTime;
use portcullis::testing::{Kit, Sample};
use rocket::{get, post, routes};

use crate::support::{App, NOW, Setup, app};

/// An application whose access tokens live for an hour, so that a test may move the clock.
fn patient() -> App {
    Setup::new().set("auth.access_ttl", 3600).launch()
}

fn status(app: &App, token: &str) -> u16 {
    app.program().get("/protected").cookie_line(&format!("access_token_cookie={token}")).send().status
}

#[test]
fn no_letter_of_a_known_token_can_be_changed() {
    let app = app();
    let token = app.signed_in().access_token();
    assert_eq!(status(&app, &token), 200);
    for at in 0..token.len() {
        for letter in ["A", "B", "9", "-", "."] {
            let mut other = token.clone();
            other.replace_range(at..=at, letter);
            if other != token {
                assert_eq!(status(&app, &other), 401, "letter {at} as {letter}");
            }
        }
    }
    for other in [format!("{token}="), format!("{token}."), format!(".{token}"), token.replace('.', "..")] {
        assert_eq!(status(&app, &other), 401, "{other}");
    }
    assert_eq!(status(&app, &token), 200);
}

#[test]
fn a_known_signature_under_another_message_is_refused() {
    let app = app();
    let (one, other) = (app.signed_in().access_token(), app.signed_in().access_token());
    let (message, _) = one.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!([status(&app, &one), status(&app, &other)], [200, 200]);
    assert_eq!(status(&app, &format!("{message}.{signature}")), 401);
}

#[test]
fn a_known_token_expires_in_its_second() {
    let app = patient();
    let token = app.signed_in().access_token();
    assert_eq!(status(&app, &token), 200);
    app.pass(3599);
    assert_eq!(status(&app, &token), 200);
    app.pass(1);
    assert_eq!(status(&app, &token), 401);
}

#[test]
fn a_known_token_of_an_ended_session_is_refused_at_once() {
    let app = app();
    let visitor = app.signed_in();
    let token = visitor.access_token();
    assert_eq!(status(&app, &token), 200);
    assert_eq!(visitor.log_out().status, 200);
    assert_eq!(status(&app, &token), 401);
}

#[test]
fn a_known_token_of_a_future_that_the_clock_left_again_is_refused() {
    let app = patient();
    app.pass(1000);
    let token = app.signed_in().access_token();
    assert_eq!(status(&app, &token), 200);
    // By a minute two clocks may differ.
    for (back, expected) in [(60, 200), (61, 401), (1000, 401)] {
        app.clock.set(UnixTime::from_secs(NOW + 1000 - back));
        assert_eq!(status(&app, &token), expected, "{back} seconds back");
    }
}

#[test]
fn a_known_token_needs_its_proof_each_time() {
    let setup = Setup::new();
    let rocket = setup.rocket().mount("/", routes![act]);
    let app = setup.launch_as(rocket);
    let visitor = app.signed_in();
    assert_eq!(visitor.post("/act").csrf(&visitor.csrf()).send().body, "testuser");
    assert_eq!(visitor.post("/act").send().refusal(), (403, "csrf_missing".into()));
    assert_eq!(visitor.post("/act").csrf("wrong").send().refusal(), (403, "csrf_mismatch".into()));
    assert_eq!(visitor.post("/act").csrf(&visitor.csrf()).send().body, "testuser");
}

#[post("/act")]
fn act(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[get("/who")]
fn who(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[test]
fn more_tokens_than_are_remembered_are_all_let_in_as_who_they_are() {
    let kit = Kit::new();
    let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![who]));
    let people: Vec<_> = (0..3000).map(|number| format!("person {number}")).collect();
    let tokens: Vec<_> = people.iter().map(|name| site.token(Sample::Access, name, &[])).collect();
    for round in 0..2 {
        for (name, token) in people.iter().zip(&tokens) {
            assert_eq!(&site.anonymous().carrying(token).get("/who").body, name, "round {round}");
        }
    }
}
