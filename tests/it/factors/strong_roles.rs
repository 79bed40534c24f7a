//! Roles that need a second factor, and those who have none yet.

use portcullis::auth::{Algorithm, KeyFile, OsRandom};
use serde_json::{Value, json};

use crate::authenticator::{Authenticator, Key};
use crate::factors::second_factor::{Phone, second};
use crate::support::{Answer, App, FOUR, Setup, Visitor, claims, names};

const ORIGIN: &str = "http://localhost";

fn site() -> App {
    Setup::new().set("app.base_url", ORIGIN).set("app.strong_roles", ["admin"]).launch()
}

/// An administrator who has given the password and has no factor.
fn halfway(app: &App) -> Visitor<'_> {
    let program = app.program();
    let answer = program.sign_in("admin", "adminpass");
    let asked = json!({ "login": false, "next": "factor_enrolment", "methods": ["totp", "passkey"] });
    assert_eq!((answer.status, answer.json()), (200, asked));
    assert_eq!(answer.cookie_names(), names(&["portcullis_pending"]), "and no token of any kind");
    program
}

fn draw(visitor: &Visitor<'_>) -> (Phone, String) {
    let drawn = visitor.post("/login/enrol/totp").json(&json!({})).send();
    assert_eq!(drawn.status, 200, "{}", drawn.body);
    let drawn = drawn.json();
    (Phone::typed(drawn["secret"].as_str().unwrap()), drawn["id"].as_str().unwrap().to_owned())
}

fn confirm(visitor: &Visitor<'_>, id: &str, code: &str) -> Answer {
    let body = json!({ "id": id, "code": code, "label": "phone" });
    visitor.post("/login/enrol/totp/confirm").json(&body).send()
}

fn assert_entered(visitor: &Visitor<'_>, answer: &Answer, amr: &Value) {
    let told = answer.json();
    assert_eq!((answer.status, &told["login"]), (200, &json!(true)), "{}", answer.body);
    assert_eq!(told["recovery_codes"].as_array().unwrap().len(), 10);
    assert!(FOUR.iter().all(|name| answer.cookie_names().contains(*name)));
    assert_eq!(&claims(&visitor.access_token())["amr"], amr);
    assert_eq!(visitor.get("/people").send().status, 200);
}

#[test]
fn an_administrator_without_a_factor_takes_an_app_into_use_and_is_in() {
    let app = site();
    let program = halfway(&app);
    let (phone, id) = draw(&program);
    let picture = program.get(&format!("/login/enrol/totp/{id}/picture")).send();
    assert_eq!(picture.header("Content-Type"), Some("image/svg+xml"));
    assert_eq!(confirm(&program, &id, "000000").refusal(), (401, "bad_code".into()));
    assert_eq!(confirm(&program, "x", "000000").refusal(), (401, "bad_code".into()));
    let answer = confirm(&program, &id, &phone.shows(&app));
    assert_entered(&program, &answer, &json!(["pwd", "otp", "mfa"]));
    assert_eq!(confirm(&program, &id, &phone.shows(&app)).refusal(), (401, "sign_in_expired".into()));
    // From now on the code is asked for.
    app.pass(30);
    let other = app.program();
    assert_eq!(other.sign_in("admin", "adminpass").json()["next"], "second_factor");
    assert_eq!(second(&other, "totp", &phone.shows(&app)).json(), json!({ "login": true }));
    // Nobody else is asked for anything.
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
    // The last one stays, and goes when there is another.
    app.pass(60);
    let remove = || program.post(&format!("/account/factors/{id}/remove")).csrf(&program.csrf()).send();
    assert_eq!(remove().refusal(), (409, "last_factor".into()));
    let asked = program.post("/account/factors/passkey/options").csrf(&program.csrf()).send().json();
    let key = Authenticator::for_options(Key::es256(), ORIGIN, &asked);
    let body = json!({ "credential": key.makes(&asked, |_| {}) });
    assert_eq!(program.post("/account/factors/passkey").csrf(&program.csrf()).json(&body).send().status, 200);
    assert_eq!(remove().json(), json!({ "removed": true }));
}

#[test]
fn an_administrator_without_a_factor_makes_a_passkey_and_is_in() {
    let app = site();
    let program = halfway(&app);
    let asked = program.post("/login/enrol/passkey/options").json(&json!({})).send().json();
    let mut key = Authenticator::for_options(Key::es256(), ORIGIN, &asked);
    let send =
        |made: &Value| program.post("/login/enrol/passkey").json(&json!({ "credential": made })).send();
    let elsewhere = key.makes(&asked, |draft| draft.client["origin"] = json!("https://evil.example"));
    assert_eq!(send(&elsewhere).refusal(), (401, "bad_passkey".into()));
    let answer = send(&key.makes(&asked, |_| {}));
    assert_entered(&program, &answer, &json!(["pwd", "pop", "mfa"]));
    let asked = app.program().post("/login/passkey/options").send().json();
    let other = app.program();
    let shown = json!({ "credential": key.shows(&asked, |_| {}) });
    assert_eq!(other.post("/login/passkey").json(&shown).send().json(), json!({ "login": true }));
}

#[test]
fn a_sign_in_that_lacks_a_factor_opens_its_own_pages_and_nothing_else() {
    let app = site();
    let program = halfway(&app);
    let browser = program.accepting("text/html");
    for route in portcullis::routes::routes() {
        let path =
            route.uri.path().replace("<name>", "testuser").replace("<id>", "x").replace("<path..>", "x");
        let open = [
            "/login",
            "/account/code",
            "/account/forgotten",
            "/link",
            "/static",
            "/favicon",
            "/register",
            "/health",
            "/openapi.json",
            "/.well-known",
            "/logout",
            "/assets",
        ];
        let is_open = open.iter().any(|open| path.starts_with(open));
        if is_open || path == "/" || path == "/cookies/clear" || path.contains("<hash>") {
            continue;
        }
        for visitor in [&program, &browser] {
            let answer = visitor.ask(route.method, &path).send();
            let is_shut =
                answer.status == 401 || answer.status == 303 && answer.location().starts_with("/login");
            assert!(is_shut, "{} {path}: {}", route.method, answer.status);
        }
    }
    assert_eq!(browser.get("/login/enrol").send().status, 200);
    // It is no second step, which would need what is not there.
    assert_eq!(second(&program, "totp", "123456").refusal(), (401, "sign_in_expired".into()));
    let stranger = app.program();
    assert_eq!(stranger.post("/login/enrol/totp").json(&json!({})).send().refusal().0, 401);
    let halfway = halfway(&app);
    let (phone, id) = draw(&halfway);
    assert_eq!(confirm(&stranger, &id, &phone.shows(&app)).refusal(), (401, "sign_in_expired".into()));
    app.pass(300);
    assert_eq!(confirm(&halfway, &id, &phone.shows(&app)).refusal(), (401, "sign_in_expired".into()));
    // Nor does a sign-in that lacks a code take a first factor into use.
    let first = self::halfway(&app);
    let (phone, id) = draw(&first);
    assert_eq!(confirm(&first, &id, &phone.shows(&app)).status, 200);
    let thief = app.program();
    assert_eq!(thief.sign_in("admin", "adminpass").json()["next"], "second_factor");
    assert_eq!(
        thief.post("/login/enrol/totp").json(&json!({})).send().refusal(),
        (401, "sign_in_expired".into())
    );
    assert_eq!(confirm(&thief, &id, &phone.shows(&app)).refusal(), (401, "sign_in_expired".into()));
}

#[test]
fn a_session_of_a_password_alone_is_led_to_a_factor() {
    let setup = Setup::new().set("app.base_url", ORIGIN);
    let stores = setup.stores.clone();
    let before = setup.launch();
    let program = before.program();
    assert_eq!(program.sign_in("admin", "adminpass").json(), json!({ "login": true }));
    assert_eq!(program.get("/people").send().status, 200);
    // The operator sets it.
    let app = Setup::new().on(stores).set("app.base_url", ORIGIN).set("app.strong_roles", ["admin"]).launch();
    let visitor = app.visitor("application/json", program.jar());
    assert_eq!(visitor.get("/people").send().refusal(), (403, "factor_enrolment_required".into()));
    let page = app.visitor("text/html", visitor.jar()).get("/people").send();
    assert_eq!((page.status, page.location()), (303, "/account/factors?notice=factor_needed"));
    assert_eq!(visitor.get("/protected").send().status, 200, "what takes no such role goes on");
    let drawn = visitor.post("/account/factors/totp").csrf(&visitor.csrf()).send().json();
    let phone = Phone::typed(drawn["secret"].as_str().unwrap());
    let body = json!({ "id": drawn["id"], "code": phone.shows(&app) });
    let confirmed = visitor.post("/account/factors/totp/confirm").csrf(&visitor.csrf()).json(&body).send();
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    assert_eq!(visitor.get("/people").send().status, 200);
}

#[test]
fn a_browser_is_led_through_it() {
    let app = site();
    let browser = app.browser();
    let answer = browser.submit_login(&[("username", "admin"), ("password", "adminpass")]);
    assert_eq!((answer.status, answer.location()), (303, "/login/enrol"));
    let page = browser.get("/login/enrol").send();
    let proof = page.hidden("csrf_token");
    let answer = browser.post("/login/enrol/totp").form(&[("csrf_token", &proof)]).send();
    assert_eq!(answer.status, 303);
    let address = answer.location().to_owned();
    let page = browser.get(&address).send();
    let picture = page.body.split("<img src=\"").nth(2).unwrap().split('"').next().unwrap();
    assert_eq!(picture.replace("&#x2F;", "/"), format!("{address}/picture"));
    let key = page.body.split("<code class=\"code\">").nth(1).unwrap().split('<').next().unwrap();
    let phone = Phone::typed(key);
    let id = page.hidden("id");
    let send = |code: &str| {
        let fields = [("csrf_token", proof.as_str()), ("id", &id), ("label", ""), ("code", code)];
        browser.post("/login/enrol/totp/confirm").form(&fields).send()
    };
    let wrong = send("000000");
    assert!(wrong.status == 401 && wrong.body.contains("was used already"), "{}", wrong.body);
    let answer = send(&phone.shows(&app));
    assert!(answer.status == 200 && answer.body.contains("data-save"), "{}", answer.body);
    assert_eq!(browser.get("/people").send().status, 200);
    for path in ["/login/enrol", &address] {
        let late = app.browser().get(path).send();
        assert_eq!((late.status, late.location()), (303, "/login?notice=sign_in_expired"));
    }
}

#[test]
fn an_administrator_requires_a_factor_of_somebody_and_takes_it_back() {
    let app = Setup::new().launch();
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let ask = |word: &str| {
        let path = format!("/people/testuser/factors/{word}");
        admin.post(&path).csrf(&admin.csrf()).send()
    };
    assert_eq!(admin.get("/people/testuser").send().json()["factor_required"], false);
    let before = app.signed_in();
    assert_eq!(ask("require").json(), json!({ "factor_required": true }));
    assert_eq!(admin.get("/people/testuser").send().json()["factor_required"], true);
    assert_eq!(before.get("/protected").send().status, 200, "it is asked for at the next sign-in");
    let program = app.program();
    assert_eq!(program.sign_in("testuser", "testpass").json()["next"], "factor_enrolment");
    let (phone, id) = draw(&program);
    assert_eq!(confirm(&program, &id, &phone.shows(&app)).status, 200);
    assert_eq!(before.get("/protected").send().status, 401, "a password alone had begun it");
    let remove = || program.post(&format!("/account/factors/{id}/remove")).csrf(&program.csrf()).send();
    assert_eq!(remove().refusal(), (409, "last_factor".into()));
    // Asking for less takes more than a password.
    assert_eq!(ask("release").refusal(), (401, "second_factor_required".into()));
    crate::factors::second_factor::enrol(&app, &admin, "");
    assert_eq!(ask("release").json(), json!({ "factor_required": false }));
    assert_eq!(remove().json(), json!({ "removed": true }));
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
    let page = app.visitor("text/html", program.jar()).get("/account/factors").send();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Second factor no longer required by an administrator"), "{}", page.body);
    assert_eq!(app.program().post("/people/testuser/factors/require").send().status, 401);
}

#[test]
fn no_role_needs_what_nobody_could_have() {
    // Several nodes with a key file, and no key for the secrets of factors.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    KeyFile::at(path.clone()).add(Algorithm::HS256, &OsRandom).unwrap();
    let app = Setup::without_secret()
        .set("auth.secret_key_file", path.to_str().unwrap())
        .set("app.store", "postgres://nobody@localhost/nowhere")
        .set("app.strong_roles", ["admin"])
        .launch();
    let program = app.program();
    assert_eq!(program.sign_in("admin", "adminpass").json(), json!({ "login": true }));
    assert_eq!(program.get("/people").send().status, 200);
    let answer = program.post("/account/factors/totp").csrf(&program.csrf()).send();
    assert_eq!(answer.refusal(), (409, "factors_not_offered".into()));
}
