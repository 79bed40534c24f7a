//! From an address to a forgotten password and back, as programs and as browsers without scripts.

use rocket::http::Method;
use serde_json::{Value, json};

use crate::mail::{Arrived, CHANGED, CONFIRM, Letterbox, MOVED, RESET};
use crate::support::{Answer, App, Visitor};

pub(crate) const CHOSEN: &str = "four unrelated words here";

/// Makes this the address of whoever is signed in.
pub(crate) fn prove(post: &Letterbox, visitor: &Visitor<'_>, address: &str) -> Arrived {
    assert_eq!(ask(visitor, address).json(), json!({ "sent": true }));
    let letter = post.take(CONFIRM);
    let done = follow(visitor, &letter, &json!({}));
    assert_eq!((done.status, done.json()["done"].clone()), (200, json!("prove")), "{}", done.body);
    letter
}

pub(crate) fn ask(visitor: &Visitor<'_>, address: &str) -> Answer {
    visitor.post("/account/email").csrf(&visitor.csrf()).json(&json!({ "email": address })).send()
}

pub(crate) fn forgotten(app: &App, account: &str) -> Answer {
    app.program().post("/account/forgotten").json(&json!({ "account": account })).send()
}

pub(crate) fn follow(visitor: &Visitor<'_>, letter: &Arrived, body: &Value) -> Answer {
    visitor.post(&letter.link()).json(body).send()
}

fn known(visitor: &Visitor<'_>) -> Value {
    visitor.get("/account/email").send().json()["email"].clone()
}

#[test]
fn somebody_proves_an_address_forgets_the_password_and_recovers() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let first = app.signed_in();
    assert_eq!(known(&first), Value::Null);
    assert_eq!(ask(&first, "Ada@Example.org").status, 202);
    let letter = post.take(CONFIRM);
    assert_eq!(letter.header("To"), "Ada@example.org");
    assert_eq!(letter.header("From"), "Portcullis <login@portcullis.example>");
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    assert_eq!(letter.header("Content-Type"), "text/plain; charset=utf-8");
    assert!(letter.header("Message-ID").ends_with("@portcullis.example>"));
    assert!(letter.body.contains("until 2023-11-15 22:13 UTC"), "{}", letter.body);
    assert_eq!(known(&first), Value::Null, "nothing changes before somebody has read it");
    // A machine looks at it before the person does, and on another device.
    let machine = app.program();
    for method in [Method::Head, Method::Get, Method::Get, Method::Get] {
        assert_eq!(machine.ask(method, &letter.link()).send().status, 200);
    }
    let told = machine.get(&letter.link()).send().json();
    assert_eq!(told, json!({ "purpose": "prove", "username": "testuser", "email": "Ada@example.org" }));
    assert_eq!(known(&first), Value::Null);
    assert_eq!(follow(&machine, &letter, &json!({})).json(), json!({ "done": "prove", "ended": 0 }));
    assert_eq!(known(&first), "Ada@example.org");
    assert_eq!(follow(&machine, &letter, &json!({})).refusal(), (410, "link_over".into()));
    assert_eq!(machine.get(&letter.link()).send().refusal(), (410, "link_over".into()));

    for typed in ["testuser", " TestUser ", "ada@example.ORG"] {
        app.pass(3600);
        assert_eq!(forgotten(&app, typed).json(), json!({ "sent": true }));
        assert_eq!(post.take(RESET).header("To"), "Ada@example.org");
    }
    let session = app.signed_in();
    app.pass(3600);
    assert_eq!(forgotten(&app, "testuser").status, 202);
    let letter = post.take(RESET);
    let program = app.program();
    let short = follow(&program, &letter, &json!({ "new_password": "short" }));
    assert_eq!(short.refusal(), (422, "too_short".into()));
    assert_eq!(follow(&program, &letter, &json!({})).refusal(), (422, "too_short".into()));
    let done = follow(&program, &letter, &json!({ "new_password": CHOSEN }));
    assert_eq!(done.json()["done"], "reset", "{}", done.body);
    assert!(done.cookies().is_empty(), "it signs nobody in");
    assert_eq!(session.get("/protected").send().status, 401, "every session has ended");
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 401);
    let notice = post.take(CHANGED);

    // By the address, too.
    let program = app.program();
    assert_eq!(program.sign_in("Ada@example.org", CHOSEN).json(), json!({ "login": true }));
    assert_eq!(program.get("/protected").send().json()["logged_in_as"], "testuser");
    // "This was not me."
    let told = machine.get(&notice.link()).send().json();
    assert_eq!(told["purpose"], "not_me");
    let disowned = follow(&machine, &notice, &json!({}));
    assert_eq!(disowned.json(), json!({ "done": "not_me", "ended": 1 }));
    assert_eq!(program.get("/protected").send().status, 401);
    let reset = post.take(RESET);
    let again = follow(&machine, &reset, &json!({ "new_password": "another four unrelated words" }));
    assert_eq!(again.json()["done"], "reset", "{}", again.body);
}

#[test]
fn nobody_learns_who_has_an_account_or_an_address() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    prove(&post, &app.signed_in(), "ada@example.org");
    let heard = |account: &str| {
        let answer = forgotten(&app, account);
        let headers: Vec<_> =
            answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date")).cloned().collect();
        (answer.status, answer.body, headers)
    };
    let known = heard("testuser");
    assert_eq!(post.take(RESET).header("To"), "ada@example.org");
    let long = "a".repeat(500);
    // "admin" is somebody, who has no address.
    for unknown in
        ["nobody", "admin", "nobody@example.org", "not a name", "", "ädä", "a\r\nBcc: x@example.org", &long]
    {
        assert_eq!(heard(unknown), known, "{unknown:?}");
    }
    assert!(post.of(RESET).is_empty());
    // Neither does whoever is signed in learn whose an address is.
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    assert_eq!(ask(&admin, "ADA@example.org").json(), json!({ "sent": true }));
    assert!(post.of(CONFIRM).is_empty());
}

#[test]
fn an_address_is_changed_and_whoever_had_it_takes_it_back() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let thief = app.signed_in();
    prove(&post, &thief, "ada@example.org");
    assert_eq!(ask(&thief, "thief@example.org").status, 202);
    let letter = post.take(CONFIRM);
    assert_eq!(letter.header("To"), "thief@example.org");
    assert_eq!(follow(&thief, &letter, &json!({})).status, 200);
    let farewell = post.take(MOVED);
    assert_eq!((farewell.header("To"), known(&thief)), ("ada@example.org", json!("thief@example.org")));
    assert!(!farewell.body.contains("thief@"), "the old address is not told the new one");
    // Six days later, and after the thief has changed the password, too.
    app.pass(6 * 24 * 3600);
    let thief = app.signed_in();
    let change = json!({ "current_password": "testpass", "new_password": CHOSEN });
    assert_eq!(thief.post("/account/password").csrf(&thief.csrf()).json(&change).send().status, 200);
    assert_eq!(post.take(CHANGED).header("To"), "thief@example.org");
    let owner = app.program();
    let undone = follow(&owner, &farewell, &json!({}));
    assert_eq!(undone.json()["done"], "undo");
    assert_eq!(thief.get("/protected").send().status, 401);
    // The thief knows the password, so another is chosen next.
    let reset = post.take(RESET);
    assert_eq!(reset.header("To"), "ada@example.org");
    let chosen = json!({ "new_password": "another four unrelated words" });
    assert_eq!(follow(&owner, &reset, &chosen).status, 200);
    assert_eq!(post.take(CHANGED).header("To"), "ada@example.org");
    assert_eq!(app.program().sign_in("testuser", CHOSEN).status, 401);
}

#[test]
fn two_who_want_one_address_do_not_both_get_it() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let (user, admin) = (app.signed_in(), app.program());
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    assert_eq!(ask(&user, "ada@example.org").status, 202);
    let one = post.take(CONFIRM);
    assert_eq!(ask(&admin, "ada@example.org").status, 202);
    let other = post.take(CONFIRM);
    assert_eq!(follow(&app.program(), &other, &json!({})).status, 200);
    assert_eq!(follow(&app.program(), &one, &json!({})).refusal(), (409, "address_taken".into()));
    assert_eq!((known(&user), known(&admin)), (Value::Null, json!("ada@example.org")));
}

#[test]
fn a_reset_leaves_the_second_factor_where_it_is() {
    use crate::factors::second_factor::{enrol, second};

    let post = Letterbox::new();
    let app = post.setup().launch();
    let visitor = app.signed_in();
    prove(&post, &visitor, "ada@example.org");
    let (phone, ..) = enrol(&app, &visitor, "");
    assert_eq!(post.take("A second factor was added").header("To"), "ada@example.org");
    assert_eq!(forgotten(&app, "testuser").status, 202);
    let letter = post.take(RESET);
    assert_eq!(follow(&app.program(), &letter, &json!({ "new_password": CHOSEN })).status, 200);
    let program = app.program();
    assert_eq!(program.sign_in("testuser", CHOSEN).json()["next"], "second_factor");
    assert_eq!(program.get("/protected").send().status, 401);
    assert_eq!(second(&program, "totp", &phone.shows(&app)).status, 200);
}

#[test]
fn a_browser_goes_the_whole_way_without_a_script() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let browser = app.signed_in_browser();
    let security = browser.get("/account/factors").send().body;
    assert!(security.contains("href=\"/account/email\"") && security.contains("No address is known yet"));
    let page = browser.get("/account/email").send();
    let send = |address: &str| {
        let fields = [("csrf_token", page.hidden("csrf_token")), ("email", address.to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/account/email").form(&fields).send()
    };
    let refused = send("no address");
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("This is no mail address") && refused.body.contains("no address"));
    assert_eq!(send("ada@example.org").location(), "/account/email?notice=link_sent");
    assert!(browser.get("/account/email?notice=link_sent").send().body.contains("a link is on its way"));
    let letter = post.take(CONFIRM);
    let other = app.browser();
    let looked_at = other.get(&letter.link()).send();
    assert!(looked_at.body.contains("Is this your address?") && looked_at.body.contains("ada@example.org"));
    assert_eq!(looked_at.body.matches("<button class=\"button wide\"").count(), 1);
    let press = |visitor: &Visitor<'_>, letter: &Arrived, extra: &[(&str, &str)]| {
        let page = visitor.get(&letter.link()).send();
        let token = page.hidden("csrf_token");
        let mut fields = vec![("csrf_token", token.as_str())];
        fields.extend(extra);
        visitor.post(&letter.link()).form(&fields).send()
    };
    let done = press(&other, &letter, &[]);
    assert!(done.status == 200 && done.body.contains("go to this address from now on"), "{}", done.body);
    let over = other.get(&letter.link()).send();
    assert!(over.status == 410 && over.body.contains("This link is over"));

    let login = other.get("/login").send();
    assert!(login.body.contains("href=\"/account/forgotten\""));
    let page = other.get("/account/forgotten").send();
    let token = page.hidden("csrf_token");
    let fields = [("csrf_token", token.as_str()), ("account", "testuser")];
    let asked = other.post("/account/forgotten").form(&fields).send();
    assert_eq!(asked.location(), "/login?notice=reset_sent");
    assert!(other.get(asked.location()).send().body.contains("a link is on its way to it"));
    let letter = post.take(RESET);
    let words = |again| [("new_password", CHOSEN), ("new_password_again", again)];
    let differ = press(&other, &letter, &words("another"));
    assert!(differ.status == 422 && differ.body.contains("The two new passwords differ"));
    assert_eq!(press(&other, &letter, &words(CHOSEN)).location(), "/login?notice=password_chosen");
    assert_eq!(app.browser().sign_in("testuser", CHOSEN).status, 303);
}

#[test]
fn people_are_written_to_in_the_language_that_they_read() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let visitor = app.signed_in();
    let german = |path: &str, body: &Value| {
        let asked = visitor.post(path).csrf(&visitor.csrf()).header("Accept-Language", "de-CH, en;q=0.5");
        assert!([200, 202].contains(&asked.json(body).send().status));
    };
    german("/account/email", &json!({ "email": "ada@example.org" }));
    let letter = post.take("Ist das Ihre Adresse?");
    assert!(letter.body.contains("Guten Tag testuser") && letter.body.contains("möchte"), "{}", letter.body);
    german(&letter.link(), &json!({}));
    // Whoever asks, it is the reader's language that counts.
    assert_eq!(forgotten(&app, "testuser").status, 202);
    assert!(post.take("Neues Passwort wählen").body.contains("neues Passwort"));
}

#[test]
fn whoever_has_an_address_is_told_what_happens_to_the_account() {
    use crate::factors::second_factor::enrol;

    let post = Letterbox::new();
    let app = post.setup().launch();
    let visitor = app.signed_in();
    prove(&post, &visitor, "ada@example.org");
    let told = |subject: &str| {
        let letter = post.take(subject);
        assert_eq!(letter.header("To"), "ada@example.org", "{subject}");
        letter.link()
    };
    let (_, id, _) = enrol(&app, &visitor, "");
    told("A second factor was added");
    let posted = |path: &str| visitor.post(path).csrf(&visitor.csrf()).send();
    assert_eq!(posted("/account/factors/recovery").status, 200);
    told("New recovery codes");
    assert_eq!(posted(&format!("/account/factors/{id}/remove")).status, 200);
    told("A second factor was removed");
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let roles = json!({ "roles": ["user", "editor"] });
    assert_eq!(admin.post("/people/testuser/roles").csrf(&admin.csrf()).json(&roles).send().status, 200);
    told("Your roles were changed");
    assert_eq!(admin.post("/people/testuser/code").csrf(&admin.csrf()).send().status, 200);
    told("A one-time code was issued");
    // A browser is new once.
    let browser = app.signed_in_browser();
    told("A new browser signed in");
    assert_eq!(browser.log_out().status, 303);
    assert_eq!(browser.sign_in("testuser", "testpass").status, 303);
    let stranger = app.program();
    assert_eq!(stranger.sign_in("testuser", "testpass").status, 200);
    let link = told("A new browser signed in");
    assert_eq!(app.program().post(&link).json(&json!({})).send().json()["ended"], 2);
    assert_eq!(stranger.get("/protected").send().status, 401);
}
