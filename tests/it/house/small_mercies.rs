//! What people and programs send without meaning it: blanks, byte order marks, preferences.

use serde_json::json;

use crate::support::app;

#[test]
fn blanks_around_a_name_mean_nothing_and_around_a_password_they_do() {
    let app = app();
    for name in ["testuser ", " testuser", "\ttestuser\u{a0}", "TestUser "] {
        let answer = app.program().sign_in(name, "testpass");
        assert_eq!(answer.status, 200, "{name:?}");
        assert_eq!(app.browser().submit_login(&[("username", name), ("password", "testpass")]).status, 303);
    }
    assert_eq!(app.program().sign_in("test user", "testpass").status, 401);
    for password in ["testpass ", " testpass"] {
        assert_eq!(app.program().sign_in("testuser", password).status, 401, "{password:?}");
    }
}

#[test]
fn blanks_around_a_name_buy_no_further_guesses() {
    let app = app();
    let spellings = ["testuser", "testuser ", " testuser", "\ttestuser", "testuser\u{a0}", "testuser  "];
    let answers = spellings.map(|name| app.program().sign_in(name, "a wrong guess").status);
    assert_eq!(answers, [401, 401, 401, 401, 401, 429]);
}

#[test]
fn a_byte_order_mark_before_json_is_passed_over() {
    let body = format!("\u{feff}{}", json!({ "username": "testuser", "password": "testpass" }));
    let app = app();
    assert_eq!(app.program().post("/login").body("application/json", &body).send().status, 200);
    let twice = format!("\u{feff}{body}");
    assert_eq!(app.program().post("/login").body("application/json", &twice).send().status, 400);
}

#[test]
fn of_page_and_data_the_one_with_the_higher_quality_is_given() {
    let app = app();
    for (accept, is_page) in [
        ("text/html", true),
        ("application/json", false),
        ("text/html, application/json", true),
        ("application/json, text/html", false),
        ("text/html;q=0, application/json", false),
        ("application/json;q=0.5, text/html", true),
        ("application/json;q=0.5, text/html;q=0.4", false),
        ("text/html;q=0.9;level=1,application/json;q=0.89", true),
        ("text/html; Q=0.2 , application/json ; q=0.3", false),
        ("text/html;q=0", false),
        ("application/json;q=0", false),
        ("*/*", false),
        ("text/html;q=x", true),
        ("text/html;q=0.0001, application/json;q=0.001", true),
    ] {
        let answer = app.visitor(accept, Default::default()).get("/dashboard").send();
        assert_eq!(answer.status, if is_page { 303 } else { 401 }, "{accept}");
    }
}

#[test]
fn a_script_that_fetches_a_page_is_told_401_and_not_led_to_the_sign_in_page() {
    let app = app();
    let ask = |destination: &str| {
        let browser = app.browser();
        browser.get("/sessions").header("Sec-Fetch-Dest", destination).header("Sec-Fetch-Mode", "cors").send()
    };
    let fetched = ask("empty");
    assert!(fetched.status == 401 && fetched.is_page() && fetched.header("Location").is_none());
    assert_eq!(ask("document").status, 303);
    let person = app.signed_in_browser();
    app.pass(901);
    let stale = person.get("/people").header("Sec-Fetch-Dest", "empty").send();
    assert!([401, 403].contains(&stale.status), "{}", stale.status);
}
