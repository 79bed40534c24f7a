//! Signing in with a second step, and what people do to their own factors: as programs and as pages.

use portcullis::auth::{Clock, UnixTime};
use portcullis::users::{Confirmation, TotpSecret};
use rocket::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, App, FOUR, Setup, Visitor, app, claims, names};

/// An app that shows codes of this secret.
pub(crate) struct Phone(TotpSecret);

impl Phone {
    /// Types the key in, as people do whose camera is broken.
    pub(crate) fn typed(key: &str) -> Self {
        let mut bits = Vec::new();
        for sign in key.bytes().filter(|sign| *sign != b' ') {
            let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == sign).unwrap();
            bits.extend((0..5).rev().map(|place| value >> place & 1));
        }
        let bytes: Vec<_> = bits
            .chunks_exact(8)
            .map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | *bit as u8))
            .collect();
        Self(TotpSecret::from_bytes(bytes.try_into().unwrap()))
    }

    pub(crate) fn shows(&self, app: &App) -> String {
        self.shows_at(app.clock.now())
    }

    pub(crate) fn shows_at(&self, now: UnixTime) -> String {
        self.0.code_at(now)
    }
}

fn list(visitor: &Visitor<'_>) -> Value {
    visitor.get("/account/factors").send().json()
}

/// Takes an app into use; the phone, its id, and the recovery codes of the first.
pub(crate) fn enrol(app: &App, visitor: &Visitor<'_>, label: &str) -> (Phone, String, Vec<String>) {
    let drawn = visitor.post("/account/factors/totp").csrf(&visitor.csrf()).send();
    assert_eq!(drawn.status, 200, "{}", drawn.body);
    let drawn = drawn.json();
    let (id, phone) =
        (drawn["id"].as_str().unwrap().to_owned(), Phone::typed(drawn["secret"].as_str().unwrap()));
    app.pass(30);
    let body = json!({ "id": id, "code": phone.shows(app), "label": label });
    let answer = visitor.post("/account/factors/totp/confirm").csrf(&visitor.csrf()).json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let codes = answer.json()["recovery_codes"].as_array().cloned().unwrap_or_default();
    app.pass(30);
    (phone, id, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

pub(crate) fn second(visitor: &Visitor<'_>, method: &str, code: &str) -> Answer {
    visitor.post("/login/factor").json(&json!({ "method": method, "code": code })).send()
}

/// A program that has given the password of `testuser`, whose account has a factor.
fn halfway(app: &App) -> Visitor<'_> {
    let program = app.program();
    let answer = program.sign_in("testuser", "testpass");
    assert_eq!((answer.status, &answer.json()["login"]), (200, &json!(false)), "{}", answer.body);
    program
}

#[test]
fn somebody_enrols_signs_in_elsewhere_loses_the_phone_and_recovers() {
    let app = app();
    let (first, before) = (app.signed_in(), app.signed_in());
    assert_eq!(list(&first), json!({ "factors": [], "recovery_codes_left": 0, "trusted_browsers": [] }));
    assert!(claims(&first.access_token()).get("acr").is_none());
    let (phone, id, codes) = enrol(&app, &first, " my phone ");
    assert_eq!(codes.len(), 10);
    assert_eq!(before.get("/protected").send().status, 401, "a password alone had begun it");
    let listed = list(&first);
    assert_eq!(listed["factors"][0]["id"], id);
    assert_eq!(
        (&listed["factors"][0]["label"], &listed["factors"][0]["kind"]),
        (&json!("my phone"), &json!("totp"))
    );
    assert_eq!(listed["recovery_codes_left"], 10);
    let seen = claims(&first.access_token());
    assert_eq!(
        (&seen["acr"], &seen["amr"]),
        (&json!("2"), &json!(["pwd", "otp", "mfa"])),
        "it was proved here"
    );

    let other = app.program();
    let answer = other.sign_in("testuser", "testpass");
    let expected = json!({ "login": false, "next": "second_factor", "methods": ["totp", "recovery"] });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_eq!(answer.cookie_names(), names(&["portcullis_pending"]), "and no token of any kind");
    answer.cookie("portcullis_pending").assert_attributes("HttpOnly; SameSite=Lax; Path=/; Max-Age=300");
    let answer = second(&other, "totp", &phone.shows(&app));
    assert_eq!((answer.status, answer.json()), (200, json!({ "login": true })));
    assert!(FOUR.iter().all(|name| answer.cookie_names().contains(*name)));
    assert_eq!(claims(&other.access_token())["acr"], "2");
    assert_eq!(other.refresh().status, 200);
    assert_eq!(claims(&other.access_token())["acr"], "2", "refreshing keeps the level");

    // The phone is gone.
    let third = halfway(&app);
    let answer = second(&third, "recovery", &codes[4].to_ascii_lowercase().replace('-', " "));
    assert_eq!(answer.json(), json!({ "login": true }));
    assert_eq!(list(&third)["recovery_codes_left"], 9);
    assert_eq!(second(&halfway(&app), "recovery", &codes[4]).refusal(), (401, "bad_code".into()), "once");
    let removed = third.post(&format!("/account/factors/{id}/remove")).csrf(&third.csrf()).send();
    assert_eq!((removed.status, removed.json()), (200, json!({ "removed": true })));
    assert_eq!(list(&third), json!({ "factors": [], "recovery_codes_left": 0, "trusted_browsers": [] }));
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
}

#[test]
fn a_pending_sign_in_opens_nothing_but_its_own_page() {
    let app = app();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let opened = [
        "/login",
        "/login/factor",
        "/account/code",
        "/account/forgotten",
        "/link",
        "/static",
        "/favicon",
        "/register",
        "/health",
        "/openapi.json",
        "/.well-known",
        "/",
        "/logout",
    ];
    let program = halfway(&app);
    let browser = program.accepting("text/html");
    for route in portcullis::routes::routes() {
        let path =
            route.uri.path().replace("<name>", "testuser").replace("<id>", "x").replace("<path..>", "x");
        let is_open = opened.iter().any(|open| path == *open || (*open != "/" && path.starts_with(open)));
        if is_open || path == "/cookies/clear" || path.contains("<hash>") || path.starts_with("/assets") {
            continue;
        }
        for visitor in [&program, &browser] {
            let answer = visitor.ask(route.method, &path).send();
            let is_shut =
                answer.status == 401 || answer.status == 303 && answer.location().starts_with("/login");
            assert!(is_shut, "{} {path}: {}", route.method, answer.status);
        }
    }
    assert_eq!(second(&program, "totp", &phone.shows(&app)).status, 200);
}

#[test]
fn wrong_codes_end_the_sign_in_and_are_counted_with_passwords() {
    let app = app();
    let first = app.signed_in();
    let (phone, _, codes) = enrol(&app, &first, "");
    let program = halfway(&app);
    for code in ["000000", "", "not a code", &codes[0]] {
        assert_eq!(second(&program, "totp", code).refusal(), (401, "bad_code".into()), "{code}");
    }
    // The fifth ends it, and the name has to wait whatever comes.
    assert_eq!(second(&program, "totp", "123456789").refusal(), (401, "sign_in_expired".into()));
    assert_eq!(second(&program, "totp", &phone.shows(&app)).refusal(), (401, "sign_in_expired".into()));
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 429);
    let told = app.visitor("text/html", first.jar()).get("/account/factors").send().body;
    assert!(told.contains("Wrong code or passkey"));
    assert_eq!(told.matches("ended after five wrong codes: somebody knows the password").count(), 1);
    app.pass(3600);
    assert_eq!(second(&program, "totp", &phone.shows(&app)).refusal(), (401, "sign_in_expired".into()));
    // A password that was right takes none of it back: guesses are as slow as guesses of passwords.
    let mut looked_at = 0;
    for _ in 0..20 {
        let guesser = app.program();
        if guesser.sign_in("testuser", "testpass").status != 200 {
            break;
        }
        looked_at += u32::from(second(&guesser, "totp", "000000").status == 401);
    }
    assert!(looked_at <= 5, "{looked_at} codes were looked at without a pause");
    app.pass(24 * 3600);
    assert_eq!(
        second(&halfway(&app), "recovery", &codes[0]).status,
        200,
        "nothing was spent by what was not looked at"
    );
}

#[test]
fn a_sign_in_that_lasts_too_long_or_is_overtaken_begins_again() {
    let app = app();
    let first = app.signed_in();
    let (phone, ..) = enrol(&app, &first, "");
    let program = halfway(&app);
    app.pass(300);
    let answer = second(&program, "totp", &phone.shows(&app));
    assert_eq!(answer.refusal(), (401, "sign_in_expired".into()));
    assert!(answer.cookie("portcullis_pending").has("Max-Age=0"));
    let program = halfway(&app);
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let roles = json!({ "roles": ["user", "staff"] });
    assert_eq!(admin.post("/people/testuser/roles").csrf(&admin.csrf()).json(&roles).send().status, 200);
    assert_eq!(second(&program, "totp", &phone.shows(&app)).refusal(), (401, "sign_in_expired".into()));
    for cookie in ["", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let stranger = app.program();
        stranger.put("portcullis_pending", cookie);
        assert_eq!(second(&stranger, "totp", "123456").refusal(), (401, "sign_in_expired".into()));
    }
    assert_eq!(second(&halfway(&app), "totp", &phone.shows(&app)).status, 200);
}

#[test]
fn one_code_signs_one_browser_in() {
    let app = app();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let (one, other) = (halfway(&app), halfway(&app));
    let code = phone.shows(&app);
    assert_eq!(second(&one, "totp", &code).status, 200);
    assert_eq!(second(&other, "totp", &code).refusal(), (401, "bad_code".into()));
    assert_eq!(second(&one, "totp", &code).refusal(), (401, "sign_in_expired".into()));
    app.pass(30);
    assert_eq!(second(&other, "totp", &phone.shows(&app)).status, 200);
}

#[test]
fn stepping_up_takes_a_code_where_there_is_one_and_a_password_does_not_do() {
    let app = app();
    let visitor = app.signed_in();
    let again = |body: &Value| visitor.post("/reauthenticate").csrf(&visitor.csrf()).json(body).send();
    app.pass(901);
    assert_eq!(visitor.refresh().status, 200);
    assert_eq!(again(&json!({ "password": "testpass" })).json(), json!({ "fresh": true }));
    let (phone, id, codes) = enrol(&app, &visitor, "");
    app.pass(901);
    assert_eq!(visitor.refresh().status, 200);
    let remove = || visitor.post(&format!("/account/factors/{id}/remove")).csrf(&visitor.csrf()).send();
    assert_eq!(
        remove().refusal(),
        (401, "fresh_required".into()),
        "whoever stole a session takes no factor away"
    );
    for path in ["/account/factors/totp", "/account/factors/recovery"] {
        assert_eq!(visitor.post(path).csrf(&visitor.csrf()).send().refusal(), (401, "fresh_required".into()));
    }
    assert_eq!(again(&json!({ "password": "testpass" })).refusal(), (401, "second_factor_required".into()));
    assert_eq!(again(&json!({ "method": "totp", "code": "000000" })).refusal(), (422, "bad_code".into()));
    assert_eq!(again(&json!({})).refusal(), (401, "second_factor_required".into()));
    assert_eq!(
        again(&json!({ "method": "totp", "code": phone.shows(&app) })).json(),
        json!({ "fresh": true })
    );
    assert_eq!(again(&json!({ "method": "totp", "code": phone.shows(&app) })).status, 422, "it is spent");
    assert_eq!(again(&json!({ "method": "recovery", "code": codes[0] })).json(), json!({ "fresh": true }));
    let made = visitor.post("/account/factors/recovery").csrf(&visitor.csrf()).send().json();
    assert_eq!(made["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(list(&visitor)["recovery_codes_left"], 10);
    assert_eq!(
        again(&json!({ "method": "recovery", "code": codes[1] })).status,
        422,
        "the old ones are gone"
    );
    assert_eq!(remove().json(), json!({ "removed": true }));
    assert_eq!(remove().status, 404);
}

#[test]
fn an_app_counts_for_nothing_before_its_first_code() {
    let app = app();
    let visitor = app.signed_in();
    let drawn = visitor.post("/account/factors/totp").csrf(&visitor.csrf()).send().json();
    assert!(drawn["uri"].as_str().unwrap().starts_with("otpauth://totp/Portcullis:testuser?secret="));
    assert_eq!(list(&visitor)["factors"], json!([]));
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
    let phone = Phone::typed(drawn["secret"].as_str().unwrap());
    let confirm = |visitor: &Visitor<'_>, id: &Value, code: &str| {
        let body = json!({ "id": id, "code": code });
        visitor.post("/account/factors/totp/confirm").csrf(&visitor.csrf()).json(&body).send()
    };
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let refused = (401, "bad_code".to_owned());
    assert_eq!(confirm(&admin, &drawn["id"], &phone.shows(&app)).refusal(), refused, "it is somebody else's");
    assert_eq!(confirm(&visitor, &json!("nonsense"), &phone.shows(&app)).refusal(), refused);
    assert_eq!(confirm(&visitor, &drawn["id"], "000000").refusal(), refused);
    let code = phone.shows(&app);
    assert_eq!(confirm(&visitor, &drawn["id"], &code).status, 200);
    assert_eq!(confirm(&visitor, &drawn["id"], &code).refusal(), refused, "once");
    assert_eq!(second(&halfway(&app), "totp", &code).refusal(), refused, "that code was spent by it");
}

#[test]
fn a_browser_goes_the_whole_way_without_a_script() {
    let app = app();
    let browser = app.signed_in_browser();
    let page = browser.get("/account/factors").send();
    assert!(page.is_page() && page.body.contains("Add an authenticator app"));
    let proof = page.hidden("csrf_token");
    let answer = browser.post("/account/factors/totp").form(&[("csrf_token", &proof)]).send();
    assert_eq!(answer.status, 303, "{}", answer.body);
    let page = browser.get(answer.location()).send();
    let (id, proof) = (page.hidden("id"), page.hidden("csrf_token"));
    let key =
        page.body.split_once("<code class=\"code\">").unwrap().1.split_once("</code>").unwrap().0.to_owned();
    let picture = browser.get(&format!("/account/factors/totp/{id}/picture")).send();
    assert_eq!((picture.status, picture.header("Content-Type")), (200, Some("image/svg+xml")));
    assert_eq!(picture.header("Cache-Control"), Some("no-store"));
    let phone = Phone::typed(&key);
    let confirm = |code: &str| {
        let fields = [("csrf_token", proof.as_str()), ("id", &id), ("code", code), ("label", "<b>phone</b>")];
        browser.post("/account/factors/totp/confirm").form(&fields).send()
    };
    let page = confirm("000000");
    assert!(page.status == 401 && page.is_page() && page.body.contains(&key), "the picture is still there");
    let page = confirm(&phone.shows(&app));
    assert_eq!(page.status, 200, "{}", page.body);
    let recovery = page.body.split("data-code>").nth(1).unwrap().split_once('<').unwrap().0.to_owned();
    assert!(page.body.contains("data-save=\"recovery-codes.txt\" hidden"));
    let page = browser.get("/account/factors").send();
    assert!(page.body.contains("&lt;b&gt;phone") && page.body.contains("Codes left: 10"));

    for (code, expected) in [(phone.shows(&app), "spent"), (recovery, "good")] {
        let other = app.browser();
        let answer =
            other.submit_login(&[("username", "testuser"), ("password", "testpass"), ("next", "/sessions")]);
        assert_eq!((answer.status, answer.location()), (303, "/login/factor?next=%2Fsessions"));
        let page = other.get(answer.location()).send();
        let fields = [
            ("csrf_token", page.hidden("csrf_token")),
            ("next", "/sessions".to_owned()),
            ("code", code.clone()),
        ];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = other.post("/login/factor").form(&fields).send();
        match expected {
            "spent" => {
                assert!(answer.status == 401 && answer.body.contains("was used already"), "{}", answer.body);
            }
            _ => {
                assert_eq!((answer.status, answer.location()), (303, "/sessions"));
                assert_eq!(other.get("/sessions").send().status, 200);
            }
        }
    }
    let stranger = app.browser();
    let answer = stranger.get("/login/factor").send();
    assert_eq!((answer.status, answer.location()), (303, "/login?notice=sign_in_expired"));
    app.pass(901);
    let page = browser.get("/reauthenticate").send();
    assert!(page.body.contains("name=\"code\"") && !page.body.contains("name=\"password\""));
}

#[test]
fn an_administrator_who_has_a_factor_takes_away_what_somebody_has_lost() {
    let app = app();
    let person = app.signed_in();
    let (_, id, _) = enrol(&app, &person, "");
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let seen = |visitor: &Visitor<'_>| visitor.get("/people/testuser").send().json()["factors"].clone();
    assert_eq!(seen(&admin), 1);
    let reset = |name: &str| admin.post(&format!("/people/{name}/factors/reset")).csrf(&admin.csrf()).send();
    assert_eq!(reset("testuser").refusal(), (401, "second_factor_required".into()));
    let page = admin.accepting("text/html").get("/people/testuser").send();
    assert!(page.body.contains("testuser/factors/reset"));
    enrol(&app, &admin, "");
    assert_eq!(reset("admin").refusal(), (409, "own_account".into()));
    assert_eq!(reset("nobody").status, 404);
    assert_eq!(person.get("/account/factors").send().json()["factors"][0]["id"], id);
    assert_eq!(reset("testuser").json(), json!({ "ended": 1 }));
    assert_eq!(person.get("/protected").send().status, 401);
    assert_eq!(seen(&admin), 0);
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
    let told = app.signed_in_browser().get("/dashboard").send();
    assert!(told.body.contains("Authenticator apps and passkeys removed by an administrator"));
}

#[test]
fn a_code_for_a_password_does_not_stand_for_the_second_factor() {
    let app = app();
    let (phone, _, codes) = enrol(&app, &app.signed_in(), "");
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let issued = admin.post("/people/testuser/code").csrf(&admin.csrf()).send().json();
    let body =
        json!({ "username": "testuser", "code": issued["code"], "new_password": "four unrelated words" });
    let program = app.program();
    let answer = program.post("/account/code").json(&body).send();
    assert_eq!(answer.json(), json!({ "password_chosen": true }));
    assert!(FOUR.iter().all(|name| !answer.cookie_names().contains(*name)), "it signs nobody in");
    let asked = program.sign_in("testuser", "four unrelated words").json();
    assert_eq!(asked["next"], "second_factor");
    assert_eq!(second(&program, "totp", &phone.shows(&app)).status, 200);
    assert_eq!(list(&program)["recovery_codes_left"], codes.len());
}

#[test]
fn a_session_that_a_password_alone_began_changes_nothing_once_there_is_a_factor() {
    let setup = Setup::new();
    let factors = setup.stores.factors.clone();
    let app = setup.launch();
    let visitor = app.signed_in();
    let drawn = visitor.post("/account/factors/totp").csrf(&visitor.csrf()).send().json();
    let (id, name) = (drawn["id"].as_str().unwrap(), "testuser".parse().unwrap());
    // As from another browser, whose node died before it ended this session.
    let confirmed = factors.confirm(
        None,
        &name,
        Confirmation { factor: id.parse().unwrap(), step: 1, label: "" },
        &[],
        app.clock.now(),
    );
    assert_eq!(rocket::execute(confirmed).unwrap(), Some(true));
    let remove = format!("/account/factors/{id}/remove");
    for path in ["/account/factors/totp", "/account/factors/recovery", &remove] {
        let answer = visitor.post(path).csrf(&visitor.csrf()).send();
        assert_eq!(answer.refusal(), (401, "second_factor_required".into()), "{path}");
    }
    let code = Phone::typed(drawn["secret"].as_str().unwrap()).shows(&app);
    let again = visitor.post("/reauthenticate").csrf(&visitor.csrf()).json(&json!({ "code": code })).send();
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(visitor.post(&remove).csrf(&visitor.csrf()).send().json(), json!({ "removed": true }));
}

#[test]
fn without_the_key_of_factors_whoever_has_an_app_is_asked_all_the_same() {
    let setup = Setup::new();
    let stores = setup.stores.clone();
    let app = setup.launch();
    let (phone, _, codes) = enrol(&app, &app.signed_in(), "");
    // As after a move to PostgreSQL, whose nodes share a key file: none of them has a key of factors.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    portcullis::auth::KeyFile::at(file.clone())
        .add(portcullis::auth::Algorithm::HS256, &portcullis::auth::OsRandom)
        .unwrap();
    let moved = Setup::without_secret()
        .set("app.store", "postgres://nobody@127.0.0.1:9/none")
        .set("auth.secret_key_file", file.to_str().unwrap())
        .on(stores)
        .launch();
    moved.pass(120);
    let program = halfway(&moved);
    assert_eq!(second(&program, "totp", &phone.shows(&moved)).refusal(), (401, "bad_code".into()));
    assert_eq!(second(&program, "recovery", &codes[0]).status, 200);
    let admin = moved.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let refused = admin.post("/account/factors/totp").csrf(&admin.csrf()).send();
    assert_eq!(refused.refusal(), (409, "factors_not_offered".into()));
    assert!(admin.accepting("text/html").get("/account/factors").send().body.contains("not set up here yet"));
}

#[test]
fn what_changes_something_needs_a_proof_and_the_person() {
    let app = app();
    let visitor = app.signed_in();
    for path in ["/account/factors/totp", "/account/factors/recovery", "/account/factors/x/remove"] {
        assert_eq!(visitor.post(path).send().refusal(), (403, "csrf_missing".into()), "{path}");
        assert_eq!(app.program().post(path).send().status, 401, "{path}");
    }
    assert_eq!(app.program().ask(Method::Get, "/account/factors").send().status, 401);
    let cross = visitor.post("/login/factor").header("Sec-Fetch-Site", "cross-site");
    assert_eq!(cross.json(&json!({ "code": "123456" })).send().refusal(), (403, "cross_site".into()));
}

#[test]
fn a_program_without_cookies_takes_the_second_step_by_the_pending_cookie() {
    let app = Setup::new().set("auth.token_locations", ["headers", "cookies"]).launch();
    let (phone, ..) = enrol(&app, &app.signed_in(), "");
    let program = halfway(&app);
    let body = json!({ "method": "totp", "code": phone.shows(&app), "delivery": "body" });
    let answer = program.post("/login/factor").json(&body).send();
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["acr"], "2");
    assert_eq!(app.program().get("/protected").bearer(&token).send().status, 200);
}
