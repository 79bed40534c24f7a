//! `/account/code`: a password of one's own in exchange for a code, as a page and as JSON.

use serde_json::{Value, json};

use crate::support::{Answer, App, app};

const CHOSEN: &str = "a perfectly fine phrase";

/// A code for `testuser`, from an administrator.
fn code(app: &App) -> String {
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let answer = admin.post("/people/testuser/code").csrf(&admin.csrf()).send();
    answer.json()["code"].as_str().unwrap().to_owned()
}

fn exchange(app: &App, body: &Value) -> Answer {
    app.program().post("/account/code").json(body).send()
}

#[test]
fn the_form_leads_through_every_mistake_to_the_sign_in() {
    let app = app();
    let code = code(&app);
    let browser = app.browser();
    let page = browser.get("/account/code").send();
    assert!(page.status == 200 && page.is_page());
    for expected in ["autocomplete=\"one-time-code\"", "autocomplete=\"username\"", "minlength=\"15\""] {
        assert!(page.body.contains(expected), "{expected}");
    }
    let proof = page.hidden("csrf_token");
    let submit = |code: &str, new: &str, again: &str| {
        let fields = [
            ("csrf_token", proof.as_str()),
            ("username", "testuser"),
            ("code", code),
            ("new_password", new),
            ("new_password_again", again),
        ];
        browser.post("/account/code").form(&fields).send()
    };
    for (typed, new, again, status, field, words) in [
        (
            code.as_str(),
            CHOSEN,
            "another phrase here",
            422,
            "new_password_again",
            "The two new passwords differ",
        ),
        (code.as_str(), "short", "short", 422, "new_password", "too short"),
        ("0000-0000-0000-0000", CHOSEN, CHOSEN, 401, "code", "Wrong username or one-time code"),
        ("nonsense", CHOSEN, CHOSEN, 401, "code", "Wrong username or one-time code"),
    ] {
        let page = submit(typed, new, again);
        assert_eq!(page.status, status, "{words}");
        assert!(page.body.contains("<title>Error:") && page.body.contains(words), "{words}");
        assert!(page.body.contains(&format!("<a href=\"#{field}\">")), "{words}");
        assert!(page.body.contains("value=\"testuser\""), "the name is kept");
        for secret in [CHOSEN, "short\"", code.as_str()] {
            assert!(!page.body.contains(secret), "{secret} is echoed");
        }
        assert_eq!(page.body.matches("autofocus").count(), 1, "{words}");
    }
    let done = submit(&code, CHOSEN, CHOSEN);
    assert_eq!((done.status, done.location()), (303, "/login?notice=password_chosen"));
    let page = browser.get(done.location()).send();
    assert!(page.body.contains("Your password is set. Sign in with it."));
    assert_eq!(browser.sign_in("testuser", CHOSEN).status, 303);
}

#[test]
fn an_unfit_password_does_not_spend_the_code() {
    let app = app();
    let code = code(&app);
    for (new, why) in
        [("short", "too_short"), ("qwertyuiopasdfghjkl", "too_common"), ("testuser at home", "contains_name")]
    {
        let answer = exchange(&app, &json!({ "username": "testuser", "code": code, "new_password": new }));
        assert_eq!(answer.refusal(), (422, why.into()));
    }
    let answer = exchange(&app, &json!({ "username": "testuser", "code": code, "new_password": CHOSEN }));
    assert_eq!(answer.status, 200);
}

#[test]
fn guesses_are_throttled_by_address_and_keep_nobody_else_waiting() {
    let app = app();
    let code = code(&app);
    let guess = |code: &str, address| {
        let body = json!({ "username": "testuser", "code": code, "new_password": CHOSEN });
        app.program().post("/account/code").remote(address).json(&body).send()
    };
    let (attacker, owner) = ([203, 0, 113, 9], [198, 51, 100, 7]);
    for _ in 0..50 {
        assert_eq!(guess("0000-0000-0000-0000", attacker).refusal(), (401, "bad_code".into()));
    }
    let answer = guess(&code, attacker);
    assert_eq!(answer.refusal(), (429, "throttled".into()));
    assert!(answer.header("Retry-After").is_some());
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200, "nor the person's password");
    assert_eq!(guess(&code, owner).status, 200);
    for _ in 0..6 {
        let code = self::code(&app);
        assert_eq!(guess(&code, owner).status, 200, "a right code is no failure");
    }
}

#[test]
fn what_can_be_no_code_is_no_guess() {
    let app = app();
    let code = code(&app);
    let guess = |code: &str| {
        exchange(&app, &json!({ "username": "testuser", "code": code, "new_password": CHOSEN })).refusal()
    };
    for typed in ["", "1", &code[..28], &format!("{code}0"), "ß", "u".repeat(24).as_str()] {
        for _ in 0..20 {
            assert_eq!(guess(typed), (401, "bad_code".into()), "{typed}");
        }
    }
    let pasted = format!(" {code}.\u{200b}\n");
    let body = json!({ "username": "testuser", "code": pasted, "new_password": CHOSEN });
    assert_eq!(exchange(&app, &body).status, 200);
}

#[test]
fn an_attack_on_the_password_does_not_keep_the_person_from_a_new_one() {
    let app = app();
    let code = code(&app);
    for _ in 0..6 {
        app.program().sign_in("testuser", "a wrong guess");
    }
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 429);
    let body = json!({ "username": "testuser", "code": code, "new_password": CHOSEN });
    assert_eq!(exchange(&app, &body).status, 200);
    assert_eq!(app.program().sign_in("testuser", CHOSEN).status, 200, "the name is freed");
}

#[test]
fn known_unknown_and_disabled_names_get_the_same_answers() {
    let app = app();
    let admin = app.program();
    admin.sign_in("admin", "adminpass");
    assert_eq!(admin.post("/people/testuser/disable").csrf(&admin.csrf()).send().status, 200);
    let invited = json!({ "username": "invited" });
    assert_eq!(admin.post("/people").csrf(&admin.csrf()).json(&invited).send().status, 200);
    for round in 0..52 {
        let names = ["testuser", "admin", "invited", "nobody", "no body"];
        let answers = [0, 1, 2, 3, 4].map(|number: u8| {
            let body = json!({
                "username": names[usize::from(number)],
                "code": "0000-0000-0000-0000",
                "new_password": CHOSEN,
            });
            // Each from an address of its own, which has fifty attempts free.
            let address = [203, 0, 113, number];
            let answer = app.program().post("/account/code").remote(address).json(&body).send();
            (answer.status, answer.body, answer.headers)
        });
        assert_eq!(answers[0].0, if round < 50 { 401 } else { 429 });
        for answer in &answers[1..] {
            assert_eq!(answer, &answers[0]);
        }
    }
}

#[test]
fn another_site_cannot_send_the_form() {
    let app = app();
    let code = code(&app);
    let body = json!({ "username": "testuser", "code": code, "new_password": CHOSEN });
    let answer =
        app.program().post("/account/code").header("Sec-Fetch-Site", "cross-site").json(&body).send();
    assert_eq!(answer.refusal(), (403, "cross_site".into()));
    let browser = app.browser();
    let fields = [
        ("username", "testuser"),
        ("code", &*code),
        ("new_password", CHOSEN),
        ("new_password_again", CHOSEN),
    ];
    let answer = browser.post("/account/code").form(&fields).send();
    assert!(answer.status == 403 && answer.body.contains("This form was open for too long"));
    let answer = browser.post("/account/code").body("text/plain", body.to_string()).send();
    assert_eq!(answer.status, 415);
    assert_eq!(exchange(&app, &body).status, 200, "the code was not spent");
}

#[test]
fn whoever_is_still_signed_in_and_has_forgotten_the_password_exchanges_a_code_too() {
    let app = app();
    let code = code(&app);
    let browser = app.signed_in_browser();
    let page = browser.get("/account/code").send();
    assert!(page.status == 200 && page.body.contains("Choose your password"));
    let submit = |proof: &str| {
        let fields = [
            ("csrf_token", proof),
            ("username", "testuser"),
            ("code", &code),
            ("new_password", CHOSEN),
            ("new_password_again", CHOSEN),
        ];
        browser.post("/account/code").form(&fields).send()
    };
    assert_eq!(submit("not the proof").status, 403);
    let done = submit(&page.hidden("csrf_token"));
    assert_eq!((done.status, done.location()), (303, "/login?notice=password_chosen"));
    let page = browser.get(done.location()).send();
    assert!(page.status == 200 && page.body.contains("Your password is set"), "the session has ended");
    assert_eq!(browser.sign_in("testuser", CHOSEN).status, 303);
}

#[test]
fn what_is_no_exchange_is_refused() {
    let app = app();
    for body in [
        json!({}),
        json!({ "username": "testuser", "code": "x" }),
        json!({ "username": "testuser", "code": "x", "new_password": CHOSEN, "more": 1 }),
        json!({ "username": 1, "code": "x", "new_password": CHOSEN }),
        json!([]),
    ] {
        assert_eq!(exchange(&app, &body).refusal(), (422, "unprocessable".into()), "{body}");
    }
    let long = "0".repeat(5000);
    let answer = exchange(&app, &json!({ "username": "testuser", "code": long, "new_password": CHOSEN }));
    assert_eq!(answer.refusal(), (401, "bad_code".into()));
}
