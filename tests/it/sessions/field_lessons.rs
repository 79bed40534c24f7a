//! What broke elsewhere, as tests; each names the public thread that it was learned from.

use portcullis::AccessToken;
use rocket::error::ErrorKind;
use rocket::local::blocking::Client;
use serde_json::json;

use crate::support::{Answer, Setup, Visitor, app, claims};

fn generation(visitor: &Visitor<'_>) -> u64 {
    claims(&visitor.refresh_token())["gen"].as_u64().unwrap()
}

/// Somebody opens a page, so that the node has seen the newest generation in use.
fn use_it(visitor: &Visitor<'_>) {
    assert_eq!(visitor.get("/protected").send().status, 200);
}

fn reused(answer: &Answer) {
    assert_eq!(answer.refusal(), (401, "token_reused".into()));
}

/// django-oauth/django-oauth-toolkit#1617, fixed in #1777.
#[test]
fn only_the_immediate_predecessor_may_be_replayed() {
    for unseen in [true, false] {
        let app = app();
        let visitor = app.signed_in();
        let first = visitor.copy();
        visitor.refresh();
        let second = visitor.copy();
        visitor.refresh();
        if !unseen {
            use_it(&visitor);
        }
        assert_eq!(second.refresh().status, 200);
        reused(&first.refresh());
    }
}

/// SandeepVashishtha/Eventra#17845.
#[test]
fn the_window_does_not_slide_with_every_replay() {
    let app = app();
    let visitor = app.signed_in();
    let tabs: Vec<_> = (0..4).map(|_| visitor.copy()).collect();
    visitor.refresh();
    use_it(&visitor);
    for tab in &tabs[..3] {
        app.pass(10);
        assert_eq!(tab.refresh().status, 200);
        use_it(tab);
    }
    app.pass(1);
    reused(&tabs[3].refresh());
}

/// engram-app/Engram#341.
#[test]
fn a_token_revoked_a_moment_ago_is_not_taken_for_a_retry() {
    let app = app();
    let visitor = app.signed_in();
    let other_tab = visitor.copy();
    visitor.refresh();
    visitor.log_out();
    assert_eq!(other_tab.refresh().refusal(), (401, "token_revoked".into()));
    // Also when the log of revocations has forgotten it and only the row remembers.
    app.pass(3600);
    assert_eq!(other_tab.refresh().refusal(), (401, "token_revoked".into()));
}

/// byte5ai/palaia#346.
#[test]
fn replays_within_the_window_leave_one_live_successor() {
    let app = app();
    let visitor = app.signed_in();
    let tabs: Vec<_> = (0..5).map(|_| visitor.copy()).collect();
    for tab in &tabs {
        assert_eq!(tab.refresh().status, 200);
    }
    assert!(tabs.iter().all(|tab| generation(tab) == 2));
    assert_eq!(tabs[3].refresh().status, 200);
    use_it(&tabs[3]);
    app.pass(31);
    reused(&tabs[0].refresh());
    assert_eq!(tabs[3].get("/protected").send().refusal(), (401, "token_revoked".into()));
}

/// nightscout/nocturne#391.
#[test]
fn the_loser_of_a_race_is_served_as_signed_in() {
    let app = app();
    let browser = app.signed_in_browser();
    app.pass(301);
    let (one, two) = (browser.copy(), browser.copy());
    for tab in [&one, &two] {
        let page = tab.get("/dashboard").send();
        assert_eq!(page.status, 200, "{}", page.location());
        assert!(page.body.contains("Signed in as testuser"));
    }
    assert_eq!((generation(&one), generation(&two)), (2, 2));
    assert_eq!(one.csrf(), two.csrf(), "a form of either tab works with the cookies of the other");
}

/// Review in F3-Nation/f3-nation#692.
#[test]
fn a_thief_who_refreshed_first_does_not_keep_the_session() {
    let app = app();
    let victim = app.signed_in();
    let thief = victim.copy();
    assert_eq!(thief.refresh().status, 200);
    use_it(&thief);
    app.pass(31);
    reused(&victim.refresh());
    assert_eq!(thief.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(thief.refresh().refusal(), (401, "token_revoked".into()));
}

/// advplyr/audiobookshelf#5281 and #5376: a minute was too short for phones, and so were ten.
#[test]
fn an_answer_that_was_lost_hours_ago_signs_nobody_out() {
    let app = Setup::new().set("auth.refresh_idle_ttl", 400_000).launch();
    let visitor = app.signed_in();
    let asleep = visitor.copy();
    visitor.refresh();
    app.pass(86_400);
    assert_eq!(asleep.refresh().status, 200, "a day later");
    // But not for ever: an abandoned token must not stay good as long as the session.
    let late = visitor.copy();
    late.refresh();
    app.pass(86_401);
    reused(&visitor.copy().refresh());
}

/// The same laptop, with two tabs that wake up together; the exhaustive search in `rotation` found it.
#[test]
fn two_tabs_that_wake_up_after_a_lost_answer_are_both_served() {
    let app = app();
    let visitor = app.signed_in();
    let (one, two, stolen) = (visitor.copy(), visitor.copy(), visitor.copy());
    visitor.refresh();
    app.pass(3600);
    assert_eq!(one.refresh().status, 200);
    use_it(&one);
    assert_eq!(two.refresh().status, 200, "it was on its way with the same old token");
    use_it(&two);
    app.pass(31);
    reused(&stolen.refresh());
}

/// nextauthjs/next-auth#8897.
#[test]
fn a_late_answer_may_overwrite_a_newer_cookie() {
    let app = app();
    let browser = app.signed_in();
    let (one, two) = (browser.copy(), browser.copy());
    one.refresh();
    two.refresh();
    use_it(&two);
    // The first answer arrives last; both tabs have the jar of the first from now on.
    app.pass(3600);
    assert_eq!(one.refresh().status, 200);
    use_it(&one);
    assert_eq!(generation(&one), 3);
}

/// jazzband/djangorestframework-simplejwt#46 and #985.
#[test]
fn a_missing_component_stops_the_launch() {
    #[rocket::get("/hello")]
    fn hello(token: AccessToken<'_>) -> String {
        token.subject().to_owned()
    }
    let rocket = rocket::custom(crate::support::figment()).mount("/", rocket::routes![hello]);
    let error = Client::untracked(rocket).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)), "{error}");
}

/// better-auth/better-auth#10021.
#[test]
fn an_expired_access_cookie_is_a_cache_miss_and_not_a_dead_session() {
    let app = app();
    let browser = app.signed_in_browser();
    for passed in [301, 4000, 80_000] {
        app.pass(passed);
        assert_eq!(browser.get("/dashboard").send().status, 200);
    }
    browser.drop_cookie("access_token_cookie");
    browser.drop_cookie("csrf_access_token");
    assert_eq!(browser.get("/dashboard").send().status, 200);
}

/// dani-garcia/vaultwarden#7060, supertokens/supertokens-website#210: a client that cannot tell why must loop.
#[test]
fn every_cause_has_a_code_of_its_own() {
    let app = app();
    let visitor = app.signed_in();
    let code = |answer: &Answer| answer.refusal().1;
    assert_eq!(code(&app.program().get("/protected").send()), "missing_token");
    assert_eq!(code(&visitor.post("/refresh").send()), "csrf_missing");
    assert_eq!(code(&visitor.post("/refresh").csrf("x").send()), "csrf_mismatch");
    let old = visitor.copy();
    visitor.refresh();
    use_it(&visitor);
    app.pass(301);
    assert_eq!(code(&visitor.get("/protected").send()), "token_expired");
    assert_eq!(code(&old.refresh()), "token_reused");
    assert_eq!(code(&visitor.refresh()), "token_revoked");
}

/// supertokens/supertokens-node#141.
#[test]
fn a_failed_csrf_check_keeps_the_cookies_and_the_session() {
    let app = app();
    let visitor = app.signed_in();
    for answer in [visitor.post("/refresh").csrf("x").send(), visitor.post("/sessions/end-others").send()] {
        assert_eq!((answer.status, answer.all("Set-Cookie").len()), (403, 0));
    }
    use_it(&visitor);
    assert_eq!(visitor.refresh().status, 200);
}

/// Pallets-Eco/flask-security 5.9: there, two parallel refreshes were an attack.
#[test]
fn many_refreshes_at_once_advance_the_generation_by_one() {
    let app = app();
    let first = app.signed_in();
    let tabs: Vec<_> = (0..20).map(|_| first.copy()).collect();
    let generations: Vec<_> = tabs.iter().map(|tab| (tab.refresh().status, generation(tab))).collect();
    assert_eq!(generations, vec![(200, 2); 20]);
}

/// The password of an account whose sessions were stolen is changed: vaultwarden's stamps, axum-login's auth hash.
#[test]
fn changing_the_password_ends_the_other_sessions_and_keeps_this_one() {
    let app = app();
    let (this, other) = (app.signed_in(), app.signed_in());
    let body = json!({ "current_password": "testpass", "new_password": "a much longer pass phrase" });
    let answer = this.post("/account/password").csrf(&this.csrf()).json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(other.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(other.refresh().refusal(), (401, "token_revoked".into()));
    use_it(&this);
    assert_eq!(this.refresh().status, 200);
}
