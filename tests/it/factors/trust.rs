//! Browsers that somebody trusts, as programs and pages meet them.

use serde_json::{Value, json};

use crate::factors::second_factor::{Phone, enrol};
use crate::support::{Answer, App, Setup, Visitor, app, claims};

const TRUSTED: &str = "portcullis_trusted";

/// Signs `testuser` in with a code, and says that the browser is to be trusted.
fn trusting<'a>(app: &'a App, phone: &Phone) -> (Visitor<'a>, Answer) {
    let program = app.program();
    assert_eq!(program.sign_in("testuser", "testpass").json()["next"], "second_factor");
    let body = json!({ "method": "totp", "code": phone.shows(app), "trust": true });
    let answer = program.post("/login/factor").json(&body).send();
    assert_eq!(answer.json(), json!({ "login": true }), "{}", answer.body);
    app.pass(30);
    (program, answer)
}

/// Whether a password is enough for whoever holds this cookie.
fn is_enough(app: &App, secret: &str) -> bool {
    let program = app.program();
    program.put(TRUSTED, secret);
    let answer = program.sign_in("testuser", "testpass").json();
    assert!(answer["login"] == true || answer["next"] == "second_factor", "{answer}");
    answer["login"] == true
}

fn listed(visitor: &Visitor<'_>) -> Vec<Value> {
    visitor.get("/account/factors").send().json()["trusted_browsers"].as_array().unwrap().clone()
}

#[test]
fn a_password_is_enough_in_a_browser_that_is_trusted_and_for_nothing_more() {
    let app = app();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let (program, answer) = trusting(&app, &phone);
    let cookie = answer.cookie(TRUSTED);
    cookie.assert_attributes("HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000");
    assert_eq!(claims(&program.access_token())["acr"], "2", "here a code was given");
    let other = app.program();
    other.put(TRUSTED, &cookie.value);
    assert_eq!(other.sign_in("testuser", "testpass").json(), json!({ "login": true }));
    assert!(claims(&other.access_token()).get("acr").is_none(), "a password alone is of the first level");
    let remove = listed(&program)[0]["id"].as_str().unwrap().to_owned();
    for path in ["/account/factors/totp", "/account/factors/recovery"] {
        let answer = other.post(path).csrf(&other.csrf()).send();
        assert_eq!(answer.refusal(), (401, "fresh_required".into()), "{path}");
    }
    // Whatever asks for something entered a moment ago asks for the factor, right after the sign-in too, and also after a
    // refresh.
    assert_eq!(claims(&other.access_token())["fresh"], false);
    let change = json!({ "current_password": "testpass", "new_password": "four unrelated words" });
    let change = || other.post("/account/password").csrf(&other.csrf()).json(&change).send();
    assert_eq!(change().refusal(), (401, "fresh_required".into()));
    assert_eq!(other.refresh().status, 200);
    assert_eq!(change().refusal(), (401, "fresh_required".into()));
    let again = |body: &Value| other.post("/reauthenticate").csrf(&other.csrf()).json(body).send();
    assert_eq!(again(&json!({ "password": "testpass" })).refusal(), (401, "second_factor_required".into()));
    assert_eq!(
        again(&json!({ "method": "totp", "code": phone.shows(&app) })).json(),
        json!({ "fresh": true })
    );
    assert_eq!(claims(&other.access_token())["acr"], "2");
    assert!(!is_enough(&app, ""));
    assert!(!is_enough(&app, &cookie.value[1..]));
    assert!(!is_enough(&app, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    // Without a second step nothing makes it last longer.
    app.pass(30 * 24 * 3600 - 60);
    assert!(is_enough(&app, &cookie.value));
    app.pass(60);
    assert!(!is_enough(&app, &cookie.value));
    assert_eq!(remove.len(), 32);
}

#[test]
fn the_owner_sees_where_it_is_and_takes_it_back() {
    let app = app();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let (program, answer) = trusting(&app, &phone);
    let (_, other) = trusting(&app, &phone);
    let (one, other) = (answer.cookie(TRUSTED).value, other.cookie(TRUSTED).value);
    let list = listed(&program);
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["until"].as_i64().unwrap() - list[0]["since"].as_i64().unwrap(), 2_592_000);
    let page = app.visitor("text/html", program.jar()).get("/account/factors").send().body;
    assert!(page.contains("Trusted browsers"));
    let remove = |id: &Value| {
        let path = format!("/account/factors/browsers/{}/remove", id.as_str().unwrap());
        program.post(&path).csrf(&program.csrf()).send()
    };
    assert_eq!(remove(&list[0]["id"]).json(), json!({ "removed": true }));
    assert_eq!(remove(&list[0]["id"]).status, 404);
    assert_eq!(remove(&json!("x")).status, 404);
    assert_eq!(
        [is_enough(&app, &one), is_enough(&app, &other)],
        [true, false],
        "the younger is listed first"
    );
    // Nobody takes somebody else's.
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let path = format!("/account/factors/browsers/{}/remove", list[1]["id"].as_str().unwrap());
    assert_eq!(admin.post(&path).csrf(&admin.csrf()).send().status, 404);
    assert_eq!(program.post("/sessions/end-others").csrf(&program.csrf()).send().status, 200);
    assert!(!is_enough(&app, &one), "whoever is somewhere else shall not come back");
    assert!(listed(&program).is_empty());
}

#[test]
fn nobody_else_is_trusted_there_and_no_change_of_the_account_is_survived() {
    let app = app();
    let first = app.signed_in();
    let (phone, ..) = enrol(&app, &first, "");
    let (_, answer) = trusting(&app, &phone);
    let secret = answer.cookie(TRUSTED).value;
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    enrol(&app, &admin, "");
    let other = app.program();
    other.put(TRUSTED, &secret);
    assert_eq!(other.sign_in("admin", "adminpass").json()["next"], "second_factor");
    assert!(is_enough(&app, &secret));
    let (_, id, _) = enrol(&app, &first, "another");
    assert!(!is_enough(&app, &secret), "a factor more");
    let (_, answer) = trusting(&app, &phone);
    let secret = answer.cookie(TRUSTED).value;
    let removed = first.post(&format!("/account/factors/{id}/remove")).csrf(&first.csrf()).send();
    assert_eq!(removed.status, 200, "{}", removed.body);
    assert!(!is_enough(&app, &secret), "a factor less");
}

#[test]
fn nobody_is_asked_for_trust_where_the_operator_wants_none_and_nobody_gets_it_by_asking() {
    let app = Setup::new().set("app.trust_ttl", 0).launch();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let (_, answer) = trusting(&app, &phone);
    assert!(!answer.cookie_names().contains(TRUSTED));
    let browser = app.browser();
    browser.submit_login(&[("username", "testuser"), ("password", "testpass")]);
    assert!(!browser.get("/login/factor").send().body.contains("name=\"trust\""));
    // A wrong code buys nothing.
    let app = self::app();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let program = app.program();
    program.sign_in("testuser", "testpass");
    let body = json!({ "method": "totp", "code": "000000", "trust": true });
    assert!(!program.post("/login/factor").json(&body).send().cookie_names().contains(TRUSTED));
    let browser = app.browser();
    browser.submit_login(&[("username", "testuser"), ("password", "testpass")]);
    let page = browser.get("/login/factor").send();
    assert!(page.body.contains("for 30 days"));
    let fields = [
        ("csrf_token", page.hidden("csrf_token")),
        ("code", phone.shows(&app)),
        ("trust", "true".to_owned()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(browser.post("/login/factor").form(&fields).send().cookie_names().contains(TRUSTED));
}

#[test]
fn an_administrator_who_ends_all_sessions_ends_the_trust_too() {
    let app = app();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let (_, answer) = trusting(&app, &phone);
    let secret = answer.cookie(TRUSTED).value;
    assert!(is_enough(&app, &secret));
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let ended = admin.post("/people/testuser/sessions/end").csrf(&admin.csrf()).send();
    assert_eq!(ended.json(), json!({ "ended": 3 }), "{}", ended.body);
    assert!(!is_enough(&app, &secret), "whoever was put out shall not come back with the password alone");
}
