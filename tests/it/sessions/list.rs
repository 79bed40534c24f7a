//! `/sessions`: where somebody is signed in, and ending that.

use serde_json::Value;

use crate::support::{Answer, App, Setup, Visitor, app, claims};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";

fn listed(visitor: &Visitor<'_>) -> Vec<Value> {
    let answer = visitor.get("/sessions").send();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["sessions"].as_array().unwrap().clone()
}

fn id(visitor: &Visitor<'_>) -> String {
    claims(&visitor.access_token())["sid"].as_str().unwrap().to_owned()
}

fn end(visitor: &Visitor<'_>, id: &str) -> Answer {
    visitor.post(&format!("/sessions/{id}/end")).csrf(&visitor.csrf()).send()
}

fn admin(app: &App) -> Visitor<'_> {
    let visitor = app.program();
    assert_eq!(visitor.sign_in("admin", "adminpass").status, 200);
    visitor
}

fn is_dead(visitor: &Visitor<'_>) -> bool {
    let answers = [visitor.get("/protected").send(), visitor.refresh()];
    let is_revoked = |answer: &&Answer| answer.status == 401 && answer.refusal().1 == "token_revoked";
    let dead = answers.iter().filter(is_revoked).count();
    assert!(dead == 0 || dead == 2, "half dead: {answers:?}");
    dead == 2
}

#[test]
fn it_shows_every_live_session_of_the_person_and_nobody_elses() {
    let app = app();
    let phone = app.program();
    let credentials = serde_json::json!({ "username": "testuser", "password": "testpass" });
    let sign_in = phone.post("/login").header("User-Agent", FIREFOX).json(&credentials);
    sign_in.remote([192, 0, 2, 7]).send();
    app.pass(100);
    let laptop = app.program();
    laptop.post("/login").json(&credentials).remote([192, 0, 2, 8]).send();
    let stranger = admin(&app);
    app.pass(60);
    phone.refresh();

    let list = listed(&laptop);
    let ids: Vec<_> = list.iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [id(&laptop), id(&phone)], "this one comes first");
    assert_eq!((&list[0]["current"], &list[1]["current"]), (&true.into(), &false.into()));
    assert_eq!((&list[1]["browser"], &list[1]["system"]), (&"Firefox".into(), &"Linux".into()));
    assert_eq!((&list[0]["address"], &list[1]["address"]), (&"192.0.2.8".into(), &"192.0.2.7".into()));
    assert_eq!(list[1]["began"]["iso"], "2023-11-14T22:13:20Z");
    assert_eq!(list[1]["last_seen"]["iso"], "2023-11-14T22:16:00Z");
    assert!(!list.iter().any(|session| session["id"] == id(&stranger).as_str()));

    laptop.log_out();
    assert_eq!(listed(&phone).len(), 1);
    app.pass(86_400);
    assert_eq!(phone.get("/sessions").send().refusal(), (401, "token_expired".into()));
}

#[test]
fn the_page_shows_the_same_and_its_forms_work() {
    let app = app();
    let browser = app.signed_in_browser();
    let other = app.signed_in();
    let page = browser.get("/sessions").send();
    assert!(page.status == 200 && page.is_page());
    assert!(page.body.contains(&format!(r#"action="/sessions/{}/end""#, id(&other))));
    assert!(
        !page.body.contains(&format!(r#"action="/sessions/{}/end""#, id(&browser))),
        "logging out is its own"
    );
    for secret in [other.access_token(), other.refresh_token(), other.csrf(), browser.access_token()] {
        assert!(!page.body.contains(&secret));
    }
    let token = page.hidden("csrf_token");
    let path = format!("/sessions/{}/end", id(&other));
    let answer = browser.post(&path).form(&[("csrf_token", token.as_str())]).send();
    assert_eq!((answer.status, answer.location()), (303, "/sessions?notice=session_ended"));
    assert!(is_dead(&other));
    let told = browser.get(answer.location()).send();
    assert!(told.body.contains("Session ended."), "{}", told.body);
    for nothing in
        [path, format!("/sessions/{}/end", id(&admin(&app))), format!("/sessions/{}/end", "0".repeat(32))]
    {
        let answer = browser.post(&nothing).form(&[("csrf_token", token.as_str())]).send();
        assert_eq!((answer.status, answer.location()), (303, "/sessions?notice=nothing_to_end"), "{nothing}");
    }
    assert!(browser.get("/sessions?notice=nothing_to_end").send().body.contains("had already ended."));
    let malformed = browser.post("/sessions/x/end").form(&[("csrf_token", token.as_str())]).send();
    assert!(malformed.status == 404 && malformed.is_page());
}

#[test]
fn ending_one_ends_that_one_alone() {
    let app = app();
    let (one, two, three) = (app.signed_in(), app.signed_in(), app.signed_in());
    assert_eq!(end(&one, &id(&two)).json(), serde_json::json!({ "ended": 1 }));
    assert!(is_dead(&two));
    assert!(!is_dead(&one) && !is_dead(&three));
    assert_eq!(end(&one, &id(&two)).status, 404, "it is over already");
}

#[test]
fn ending_the_others_keeps_this_one_and_other_peoples() {
    let app = app();
    let others = [app.signed_in(), app.signed_in(), app.signed_in()];
    let (this, stranger) = (app.signed_in(), admin(&app));
    let answer = this.post("/sessions/end-others").csrf(&this.csrf()).send();
    assert_eq!(answer.json(), serde_json::json!({ "ended": 3 }));
    assert!(others.iter().all(is_dead));
    assert!(!is_dead(&this) && !is_dead(&stranger));
    let answer = this.post("/sessions/end-others").csrf(&this.csrf()).send();
    assert_eq!(answer.json(), serde_json::json!({ "ended": 0 }));
}

#[test]
fn somebody_elses_session_is_not_found_and_lives_on() {
    let app = app();
    let (visitor, stranger) = (app.signed_in(), admin(&app));
    let theirs = id(&stranger);
    let unknown = "0".repeat(32);
    let answers =
        [theirs.as_str(), &unknown, "x", "..", "%00", &theirs.to_uppercase()].map(|id| end(&visitor, id));
    for answer in &answers {
        assert_eq!(answer.refusal(), (404, "not_found".into()));
        assert_eq!(answer.body, answers[0].body, "it is not told whether there is one");
    }
    assert!(!is_dead(&stranger));
}

#[test]
fn ending_needs_a_fresh_password_and_a_csrf_proof() {
    let app = app();
    let (visitor, other) = (app.signed_in(), app.signed_in());
    for path in [format!("/sessions/{}/end", id(&other)), "/sessions/end-others".to_owned()] {
        assert_eq!(visitor.post(&path).send().refusal(), (403, "csrf_missing".into()));
        assert_eq!(visitor.post(&path).csrf(&other.csrf()).send().refusal(), (403, "csrf_mismatch".into()));
        assert_eq!(visitor.get(&path).send().status, 405);
    }
    app.pass(901);
    assert_eq!((visitor.refresh().status, other.refresh().status), (200, 200));
    assert_eq!(end(&visitor, &id(&other)).refusal(), (401, "fresh_required".into()));
    assert!(!is_dead(&other));
}

#[test]
fn an_id_opens_nothing() {
    let app = app();
    let visitor = app.signed_in();
    let id = id(&visitor);
    for value in [id.as_str(), &format!("{id}.{id}.{id}"), &format!("Bearer {id}")] {
        let thief = app.program();
        thief.put("access_token_cookie", value);
        thief.put("refresh_token_cookie", value);
        assert_eq!(thief.get("/protected").send().refusal(), (401, "invalid_token".into()));
        assert_eq!(thief.post("/refresh").csrf(value).send().refusal(), (401, "invalid_token".into()));
        assert_eq!(app.program().get("/protected").bearer(value).send().status, 401);
    }
}

#[test]
fn one_session_too_many_ends_the_one_that_lay_idle_the_longest() {
    let app = Setup::new().set("auth.max_sessions", 3).launch();
    let oldest = app.signed_in();
    app.pass(10);
    let idle = app.signed_in();
    app.pass(10);
    let newest = app.signed_in();
    app.pass(10);
    oldest.refresh();
    let stranger = admin(&app);
    app.pass(10);
    let one_more = app.signed_in();
    assert!(is_dead(&idle), "the oldest was used since");
    assert!([&oldest, &newest, &one_more, &stranger].iter().all(|visitor| !is_dead(visitor)));
    assert_eq!(listed(&one_more).len(), 3);
}

#[test]
fn signing_in_again_in_the_same_browser_costs_no_other_device_its_session() {
    let app = Setup::new().set("auth.max_sessions", 2).launch();
    let other = app.signed_in();
    app.pass(10);
    let this = app.signed_in();
    let before = this.copy();
    assert_eq!(this.sign_in("testuser", "testpass").status, 200);
    assert!(is_dead(&before), "the session that was replaced");
    assert!(!is_dead(&this));
    assert!(!is_dead(&other), "there were never more than two");
}
