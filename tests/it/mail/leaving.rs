//! Leaving, and coming back in time.

use portcullis::auth::OsRandom;
use portcullis::users::Accounts;
use serde_json::{Value, json};

use crate::mail::Letterbox;
use crate::mail::journeys::{follow, prove};
use crate::support::{Answer, App, Visitor, app, now_or_never};

const FAREWELL: &str = "Your account is going to be deleted";
const DISABLED: &str = "Your account was disabled";
const WEEK: u64 = 7 * 24 * 3600;

fn leave(visitor: &Visitor<'_>) -> Answer {
    visitor.post("/account/delete").csrf(&visitor.csrf()).send()
}

fn administrator(app: &App) -> Visitor<'_> {
    let visitor = app.program();
    assert_eq!(visitor.sign_in("admin", "adminpass").status, 200);
    visitor
}

/// Deletes what may be deleted by now; the pseudonym, if there was anybody.
fn turn(app: &App) -> Option<String> {
    let accounts = app.client.rocket().state::<Accounts>().unwrap();
    now_or_never(accounts.delete_one(&OsRandom)).unwrap()
}

#[test]
fn whoever_leaves_is_out_at_once_and_gone_after_a_week() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let (visitor, elsewhere) = (app.signed_in(), app.signed_in());
    prove(&post, &visitor, "ada@example.org");
    let left = leave(&visitor);
    let told = left.json();
    assert_eq!((left.status, &told["deleted"]), (200, &json!(true)), "{}", left.body);
    assert_eq!(told["leaves_at"]["iso"], "2023-11-21T22:13:20Z");
    assert!(left.cookies().iter().all(|cookie| cookie.value.is_empty()), "its cookies go, too");
    for session in [&visitor, &elsewhere] {
        assert_eq!(session.get("/protected").send().status, 401);
    }
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 401);
    assert_eq!(app.program().sign_in("ada@example.org", "testpass").status, 401);
    assert_eq!(post.take(FAREWELL).header("To"), "ada@example.org");
    app.pass(WEEK - 1);
    assert_eq!(turn(&app), None);
    app.pass(1);
    // Reading them keeps the newest events.
    assert_eq!(administrator(&app).get("/people/testuser").send().status, 200);
    let pseudonym = turn(&app).unwrap();
    assert!(pseudonym.starts_with("deleted:") && pseudonym.len() == 24, "{pseudonym}");
    assert_eq!(turn(&app), None);
    let admin = administrator(&app);
    assert_eq!(admin.get("/people/testuser").send().status, 404);
    // Nobody who takes the name inherits anything.
    let added = admin.post("/people").csrf(&admin.csrf()).json(&json!({ "username": "testuser" })).send();
    assert_eq!(added.status, 200);
    let person = admin.get("/people/testuser").send().json();
    assert_eq!((&person["email"], &person["leaves_at"]), (&Value::Null, &Value::Null));
    let what: Vec<_> = person["events"].as_array().unwrap().iter().map(|event| &event["key"]).collect();
    assert_eq!(what, ["code_issued", "account_created"]);
}

#[test]
fn a_link_takes_it_back_until_then() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let visitor = app.signed_in();
    prove(&post, &visitor, "ada@example.org");
    assert_eq!(leave(&visitor).status, 200);
    let letter = post.take(FAREWELL);
    app.pass(WEEK - 1);
    let program = app.program();
    assert_eq!(program.get(&letter.link()).send().json()["purpose"], "stay");
    assert_eq!(follow(&program, &letter, &json!({})).json(), json!({ "done": "stay", "ended": 0 }));
    assert_eq!(follow(&program, &letter, &json!({})).refusal(), (410, "link_over".into()));
    app.pass(60);
    assert_eq!(turn(&app), None);
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
    // Somebody whom an administrator has disabled does not come back by such a link.
    let visitor = app.signed_in();
    assert_eq!(leave(&visitor).status, 200);
    let letter = post.take(FAREWELL);
    let admin = administrator(&app);
    let posted = |path: &str| admin.post(path).csrf(&admin.csrf()).send();
    assert_eq!(posted("/people/testuser/enable").status, 200);
    assert_eq!(posted("/people/testuser/disable").status, 200);
    assert_eq!(post.take(DISABLED).header("To"), "ada@example.org");
    assert_eq!(program.get(&letter.link()).send().refusal(), (410, "link_over".into()));
    assert_eq!(follow(&program, &letter, &json!({})).refusal(), (410, "link_over".into()));
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 401);
}

#[test]
fn leaving_asks_for_a_fresh_password_and_a_proof() {
    let app = app();
    let visitor = app.signed_in();
    assert_eq!(visitor.post("/account/delete").send().status, 403);
    assert_eq!(app.program().post("/account/delete").send().status, 401);
    app.pass(3600);
    visitor.refresh();
    assert_eq!(leave(&visitor).refusal(), (401, "fresh_required".into()));
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
}

#[test]
fn the_last_administrator_cannot_leave_and_sends_others_away() {
    let app = app();
    let admin = administrator(&app);
    assert_eq!(leave(&admin).refusal(), (409, "last_administrator".into()));
    let posted = |path: &str| admin.post(path).csrf(&admin.csrf()).send();
    assert_eq!(posted("/people/admin/delete").refusal(), (409, "own_account".into()));
    assert_eq!(posted("/people/nobody/delete").status, 404);
    let user = app.signed_in();
    let sent_away = posted("/people/testuser/delete").json();
    assert_eq!((&sent_away["deleted"], &sent_away["ended"]), (&json!(true), &json!(1)));
    assert_eq!(user.get("/protected").send().status, 401);
    assert_eq!(admin.get("/people/testuser").send().json()["leaves_at"]["iso"], "2023-11-21T22:13:20Z");
    assert_eq!(posted("/people/testuser/enable").status, 200);
    assert_eq!(admin.get("/people/testuser").send().json()["leaves_at"], Value::Null);
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
    let user = app.signed_in();
    assert_eq!(user.post("/people/admin/delete").csrf(&user.csrf()).send().status, 403);
}

#[test]
fn a_browser_leaves_without_a_script() {
    let app = app();
    let browser = app.signed_in_browser();
    assert!(browser.get("/account").send().body.contains("href=\"/account/delete\""));
    let page = browser.get("/account/delete").send();
    assert!(page.body.contains("after 7 days") && page.body.contains("Until then the people who run"));
    let token = page.hidden("csrf_token");
    let left = browser.post("/account/delete").form(&[("csrf_token", token.as_str())]).send();
    assert_eq!(left.location(), "/login?notice=account_deleted");
    let login = browser.get(left.location()).send();
    assert!(login.body.contains("Your account is deleted"), "{}", login.body);
    let admin = app.browser();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 303);
    let person = admin.get("/people/testuser").send();
    assert!(person.body.contains("Deleted for good") && !person.body.contains("/people/testuser/delete"));
    let page = admin.get("/account/delete").send();
    let token = page.hidden("csrf_token");
    let refused = admin.post("/account/delete").form(&[("csrf_token", token.as_str())]).send();
    assert!(refused.status == 409 && refused.body.contains("Nobody would be left"));
}
