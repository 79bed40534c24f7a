//! Becoming somebody here: by oneself, and by invitation.

use serde_json::{Value, json};

use crate::mail::journeys::{CHOSEN, follow, forgotten, prove};
use crate::mail::{Arrived, Letterbox, RESET};
use crate::support::{Answer, App, Setup, Visitor};

const WELCOME: &str = "Your account at Portcullis";
const KNOWN: &str = "You have an account already";
const INVITATION: &str = "Your invitation to Portcullis";

fn open(post: &Letterbox) -> Setup {
    post.setup().set("app.registration", "open")
}

fn register(app: &App, username: &str, email: &str, password: &str) -> Answer {
    let body = json!({ "username": username, "email": email, "password": password });
    app.program().post("/register").json(&body).send()
}

fn administrator(app: &App) -> Visitor<'_> {
    let visitor = app.program();
    assert_eq!(visitor.sign_in("admin", "adminpass").status, 200);
    visitor
}

fn invite(admin: &Visitor<'_>, body: &Value) -> Answer {
    admin.post("/people/invite").csrf(&admin.csrf()).json(body).send()
}

fn is_there(app: &App, name: &str) -> bool {
    administrator(app).get(&format!("/people/{name}")).send().status == 200
}

#[test]
fn somebody_registers_proves_the_address_and_signs_in() {
    let post = Letterbox::new();
    let app = open(&post).launch();
    let answer = register(&app, "Ada", "Ada.L@Example.org", CHOSEN);
    assert_eq!((answer.status, answer.json()), (202, json!({ "sent": true })));
    assert!(answer.cookies().is_empty(), "it signs nobody in");
    let letter = post.take(WELCOME);
    assert_eq!(letter.header("To"), "Ada.L@example.org");
    assert!(letter.body.starts_with("Hello,\n"), "{}", letter.body);
    assert!(!is_there(&app, "ada"), "there is no account before the address is proved");
    assert_eq!(app.program().sign_in("ada", CHOSEN).status, 401);
    let program = app.program();
    let told = program.get(&letter.link()).send().json();
    assert_eq!(told, json!({ "purpose": "join", "username": "ada", "email": "Ada.L@example.org" }));
    assert!(!is_there(&app, "ada"), "looking at it changes nothing");
    assert_eq!(follow(&program, &letter, &json!({})).json(), json!({ "done": "join", "ended": 0 }));
    assert_eq!(follow(&program, &letter, &json!({})).refusal(), (410, "link_over".into()));
    for name in ["ada", "ada.l@example.org"] {
        let ada = app.program();
        assert_eq!(ada.sign_in(name, CHOSEN).json(), json!({ "login": true }));
        let account = ada.get("/account").send().json();
        assert_eq!((&account["username"], &account["email"]), (&json!("ada"), &json!("Ada.L@example.org")));
        assert_eq!(account["roles"], json!([]), "whoever registers has no role");
    }
    assert_eq!(forgotten(&app, "ada").status, 202);
    assert_eq!(post.take(RESET).header("To"), "Ada.L@example.org");
}

#[test]
fn nobody_learns_whose_a_name_or_an_address_is() {
    let post = Letterbox::new();
    let app = open(&post).launch();
    prove(&post, &app.signed_in(), "taken@example.org");
    let heard = |username: &str, email: &str| {
        let answer = register(&app, username, email, CHOSEN);
        let headers: Vec<_> =
            answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date")).cloned().collect();
        (answer.status, answer.body, headers)
    };
    let new = heard("ada", "ada@example.org");
    assert_eq!(new.0, 202);
    assert_eq!(post.take(WELCOME).header("To"), "ada@example.org");
    // The name is somebody's: whoever reads the address learns it there, with the link.
    assert_eq!(heard("testuser", "eve@example.org"), new);
    let letter = post.take(WELCOME);
    let program = app.program();
    let told = program.get(&letter.link()).send().json();
    assert_eq!(told["username"], Value::Null);
    assert_eq!(follow(&program, &letter, &json!({})).refusal(), (409, "name_taken".into()));
    let taken = json!({ "username": "admin" });
    assert_eq!(follow(&program, &letter, &taken).refusal(), (409, "name_taken".into()));
    let bad = json!({ "username": "e v e" });
    assert_eq!(follow(&program, &letter, &bad).refusal(), (422, "bad_username".into()));
    assert_eq!(follow(&program, &letter, &json!({ "username": "eve" })).json()["done"], "join");
    assert_eq!(app.program().sign_in("eve", CHOSEN).status, 200);
    assert_eq!(app.program().sign_in("testuser", CHOSEN).status, 401, "whose password stays");
    // The address is somebody's: its reader is told, and may choose a new password.
    assert_eq!(heard("bob", "TAKEN@example.org"), new);
    let letter = post.take(KNOWN);
    assert_eq!(letter.header("To"), "taken@example.org");
    assert!(letter.body.contains("testuser"), "{}", letter.body);
    assert!(!is_there(&app, "bob"));
    let reset = follow(&app.program(), &letter, &json!({ "new_password": "another four unrelated words" }));
    assert_eq!(reset.json()["done"], "reset");
}

#[test]
fn what_nobody_could_sign_in_with_is_told_at_once() {
    let post = Letterbox::new();
    let app = open(&post).launch();
    for (username, email, password, code) in [
        ("a b", "a@example.org", CHOSEN, "bad_username"),
        ("", "a@example.org", CHOSEN, "bad_username"),
        ("ada", "no address", CHOSEN, "bad_address"),
        ("ada", "a@example.org\r\nBcc: b@example.org", CHOSEN, "bad_address"),
        ("ada", "a@example.org", "short", "too_short"),
        ("ada", "a@example.org", "passwordpassword", "too_common"),
        ("lovelace", "a@example.org", "my name is lovelace", "contains_name"),
        ("victim@example.org", "a@example.org", CHOSEN, "name_is_address"),
    ] {
        assert_eq!(register(&app, username, email, password).refusal(), (422, code.into()), "{username}");
    }
    assert_eq!(register(&app, "A@example.org", "a@Example.org", CHOSEN).status, 202, "one's own");
    assert_eq!(follow(&app.program(), &post.take(WELCOME), &json!({})).status, 200);
    let missing = app.program().post("/register").json(&json!({ "username": "ada" })).send();
    assert_eq!(missing.status, 422);
}

#[test]
fn whose_name_looks_like_somebody_elses_address_is_nobody() {
    let post = Letterbox::new();
    let app = open(&post).launch();
    assert_eq!(register(&app, "eve", "eve@example.org", CHOSEN).status, 202);
    let letter = post.take(WELCOME);
    let victims = json!({ "username": "victim@example.org" });
    // Also by the link, where another name may be chosen.
    assert_eq!(follow(&app.program(), &letter, &victims).refusal(), (422, "name_is_address".into()));
}

#[test]
fn registration_is_for_whom_the_operator_says() {
    let post = Letterbox::new();
    let closed = post.setup().launch();
    assert_eq!(closed.program().get("/register").send().status, 404);
    assert_eq!(register(&closed, "ada", "a@example.org", CHOSEN).status, 404);
    assert_eq!(invite(&administrator(&closed), &json!({ "email": "a@example.org" })).status, 404);
    assert!(!closed.browser().get("/login").send().body.contains("/register"));

    let invited = post.setup().set("app.registration", "invited").launch();
    assert_eq!(register(&invited, "ada", "a@example.org", CHOSEN).status, 404);
    assert_eq!(invite(&administrator(&invited), &json!({ "email": "a@example.org" })).status, 202);
    post.take(INVITATION);

    let hosts = post.setup().set("app.registration", ["Example.org"]).launch();
    assert_eq!(register(&hosts, "ada", "a@EXAMPLE.org", CHOSEN).status, 202);
    post.take(WELCOME);
    for elsewhere in ["a@example.net", "a@sub.example.org", "a@example.org.evil.example"] {
        let refused = register(&hosts, "ada", elsewhere, CHOSEN).refusal();
        assert_eq!(refused, (422, "address_not_admitted".into()), "{elsewhere}");
    }
    assert!(hosts.browser().get("/login").send().body.contains("href=\"/register\""));
    for (value, mail) in [
        (json!("anybody"), "file:x"),
        (json!([]), "file:x"),
        (json!(["a@b.c"]), "file:x"),
        (json!("open"), "none"),
    ] {
        let setup = post.setup().set("app.registration", &value).set("app.mail", mail);
        let problems = portcullis::settings::load(&setup.figment()).unwrap_err();
        assert!(problems.len() == 1 && problems[0].starts_with("app.registration: "), "{problems:?}");
    }
}

#[test]
fn an_administrator_invites_and_the_person_chooses() {
    let post = Letterbox::new();
    let app = post.setup().set("app.registration", "invited").launch();
    let admin = administrator(&app);
    prove(&post, &app.signed_in(), "taken@example.org");
    for (body, refused) in [
        (json!({ "email": "x" }), (422, "bad_address")),
        (json!({ "email": "Taken@example.org" }), (409, "address_taken")),
        (json!({ "email": "a@example.org", "username": "admin" }), (409, "name_taken")),
        (json!({ "email": "a@example.org", "username": "a b" }), (422, "bad_username")),
        (json!({ "email": "a@example.org", "username": "b@example.org" }), (422, "name_is_address")),
        (json!({ "email": "a@example.org", "roles": ["a b"] }), (422, "bad_roles")),
    ] {
        let (status, code) = refused;
        assert_eq!(invite(&admin, &body).refusal(), (status, code.to_owned()), "{body}");
    }
    let body = json!({ "email": "ada@example.org", "username": "ada", "roles": ["staff"] });
    assert_eq!(invite(&admin, &body).json(), json!({ "sent": true }));
    let letter = post.take(INVITATION);
    assert!(!is_there(&app, "ada"));
    let program = app.program();
    assert_eq!(follow(&program, &letter, &json!({})).refusal(), (422, "too_short".into()));
    let own = json!({ "username": "countess", "new_password": CHOSEN });
    assert_eq!(follow(&program, &letter, &own).json()["done"], "join");
    assert_eq!(program.sign_in("ada@example.org", CHOSEN).status, 200);
    let account = program.get("/account").send().json();
    assert_eq!((&account["username"], &account["roles"]), (&json!("countess"), &json!(["staff"])));
    // Without a name one has to be chosen; on the last day of seven.
    assert_eq!(invite(&admin, &json!({ "email": "bob@example.org" })).status, 202);
    let letter = post.take(INVITATION);
    app.pass(7 * 24 * 3600 - 1);
    let nameless = json!({ "new_password": CHOSEN });
    assert_eq!(follow(&app.program(), &letter, &nameless).refusal(), (422, "bad_username".into()));
    let named = json!({ "username": "bob", "new_password": CHOSEN });
    assert_eq!(follow(&app.program(), &letter, &named).status, 200);
    let admin = administrator(&app);
    assert_eq!(invite(&admin, &json!({ "email": "eve@example.org" })).status, 202);
    let letter = post.take(INVITATION);
    app.pass(7 * 24 * 3600);
    assert_eq!(follow(&app.program(), &letter, &named).refusal(), (410, "link_over".into()));
}

#[test]
fn only_administrators_invite() {
    let post = Letterbox::new();
    let app = post.setup().set("app.registration", "open").launch();
    let user = app.signed_in();
    let body = json!({ "email": "a@example.org", "roles": ["admin"] });
    assert_eq!(user.post("/people/invite").csrf(&user.csrf()).json(&body).send().status, 403);
    assert_eq!(app.program().post("/people/invite").json(&body).send().status, 401);
    let admin = administrator(&app);
    assert_eq!(admin.post("/people/invite").json(&body).send().status, 403, "without a proof");
    assert!(post.of(INVITATION).is_empty());
}

#[test]
fn registering_is_put_off_for_whoever_asks_too_often() {
    let post = Letterbox::new();
    let app = open(&post).launch();
    let statuses: Vec<_> = (0..60)
        .map(|number| {
            let body =
                json!({ "username": "ada", "email": format!("a{number}@example.org"), "password": CHOSEN });
            app.program().post("/register").remote([192, 0, 2, 7]).json(&body).send().status
        })
        .collect();
    assert!(statuses.starts_with(&[202; 5]) && statuses.ends_with(&[429]), "{statuses:?}");
}

#[test]
fn a_browser_without_scripts_registers_and_is_invited() {
    let post = Letterbox::new();
    let app = open(&post).launch();
    let browser = app.browser();
    assert!(browser.get("/login").send().body.contains("Make an account"));
    let page = browser.get("/register").send();
    let send = |fields: &[(&str, &str)]| {
        let token = page.hidden("csrf_token");
        let mut all = vec![("csrf_token", token.as_str())];
        all.extend(fields);
        browser.post("/register").form(&all).send()
    };
    let fields = |name, again| {
        [
            ("username", name),
            ("email", "ada@example.org"),
            ("new_password", CHOSEN),
            ("new_password_again", again),
        ]
    };
    let differ = send(&fields("ada", "another"));
    assert!(differ.status == 422 && differ.body.contains("The two new passwords differ"));
    assert!(differ.body.contains("value=\"ada@example.org\"") && !differ.body.contains(CHOSEN));
    let bad = send(&fields("a<b", CHOSEN));
    assert!(bad.status == 422 && bad.body.contains("a&lt;b"), "{}", bad.body);
    assert_eq!(send(&fields("testuser", CHOSEN)).location(), "/login?notice=join_sent");
    assert!(browser.get("/login?notice=join_sent").send().body.contains("a message is on its way to it"));
    let letter = post.take(WELCOME);
    let press = |letter: &Arrived, extra: &[(&str, &str)]| {
        let page = browser.get(&letter.link()).send();
        let token = page.hidden("csrf_token");
        let mut fields = vec![("csrf_token", token.as_str())];
        fields.extend(extra);
        browser.post(&letter.link()).form(&fields).send()
    };
    let look = browser.get(&letter.link()).send();
    assert!(look.body.contains("name=\"username\"") && !look.body.contains("name=\"new_password\""));
    let taken = press(&letter, &[("username", "admin")]);
    assert!(taken.status == 409 && taken.body.contains("There is an account of this name already"));
    let done = press(&letter, &[("username", "ada")]);
    assert!(done.status == 200 && done.body.contains("Your account is made"), "{}", done.body);
    assert_eq!(app.browser().sign_in("ada", CHOSEN).status, 303);

    let admin = app.browser();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 303);
    let people = admin.get("/people").send();
    assert!(people.body.contains("action=\"/people/invite\"") && people.body.contains("href=\"/mail\""));
    let token = people.hidden("csrf_token");
    let fields =
        |email| [("csrf_token", token.as_str()), ("email", email), ("username", ""), ("roles", "staff")];
    let refused = admin.post("/people/invite").form(&fields("ada@example.org")).send();
    assert!(refused.status == 409 && refused.body.contains("The address belongs to another account"));
    let sent = admin.post("/people/invite").form(&fields("bob@example.org")).send();
    assert_eq!(sent.location(), "/people?notice=invited");
    assert!(admin.get(sent.location()).send().body.contains("The invitation is on its way"));
    let letter = post.take(INVITATION);
    let words = [("username", "bob"), ("new_password", CHOSEN), ("new_password_again", CHOSEN)];
    assert_eq!(press(&letter, &words).status, 200);
    assert_eq!(app.browser().sign_in("bob", CHOSEN).status, 303);
}
