//! What is no link, how many are sent, and where there are none.

use rocket::http::Method;
use serde_json::json;

use crate::mail::journeys::{ask, follow, forgotten, prove};
use crate::mail::{CHANGED, CONFIRM, Letterbox, RESET};
use crate::support::{Setup, decode, encode};

#[test]
fn nothing_but_the_link_itself_is_one() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let visitor = app.signed_in();
    prove(&post, &visitor, "ada@example.org");
    assert_eq!(forgotten(&app, "testuser").status, 202);
    let letter = post.take(RESET);
    let link = letter.link();
    let text = link.strip_prefix("/link/").unwrap();
    let mut others = vec![
        String::new(),
        "x".to_owned(),
        text[1..].to_owned(),
        format!("{text}A"),
        format!("{text}="),
        encode([0; 24]),
        "%00".to_owned(),
        "..%2f..%2fetc%2fpasswd".to_owned(),
    ];
    let bytes = decode(text);
    for place in 0..bytes.len() {
        let mut other = bytes.clone();
        other[place] ^= 1;
        others.push(encode(other));
    }
    for other in others {
        let path = format!("/link/{other}");
        let program = app.program();
        let body = json!({ "new_password": "four unrelated words here" });
        for answer in [program.get(&path).send(), program.post(&path).json(&body).send()] {
            let is_refused = answer.status == 404 || answer.refusal() == (410, "link_over".into());
            assert!(is_refused, "{other}: {} {}", answer.status, answer.body);
        }
    }
    assert_eq!(
        follow(&app.program(), &letter, &json!({ "new_password": "four unrelated words here" })).status,
        200
    );
}

#[test]
fn a_link_is_over_in_time_and_when_the_account_changes() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let visitor = app.signed_in();
    prove(&post, &visitor, "ada@example.org");
    let chosen = json!({ "new_password": "four unrelated words here" });
    assert_eq!(forgotten(&app, "testuser").status, 202);
    let letter = post.take(RESET);
    app.pass(3600);
    assert_eq!(follow(&app.program(), &letter, &chosen).refusal(), (410, "link_over".into()), "an hour");
    assert_eq!(forgotten(&app, "testuser").status, 202);
    let one = post.take(RESET);
    assert_eq!(forgotten(&app, "testuser").status, 202);
    let other = post.take(RESET);
    assert_eq!(follow(&app.program(), &one, &chosen).status, 200);
    let told = post.take(CHANGED);
    assert_eq!(
        follow(&app.program(), &other, &chosen).refusal(),
        (410, "link_over".into()),
        "it was for before"
    );
    // Whoever is disabled recovers nothing.
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    assert_eq!(admin.post("/people/testuser/disable").csrf(&admin.csrf()).send().status, 200);
    assert_eq!(follow(&app.program(), &told, &json!({})).refusal(), (410, "link_over".into()));
    assert_eq!(forgotten(&app, "testuser").status, 202);
    assert!(post.of(RESET).is_empty());
}

#[test]
fn one_address_gets_three_links_an_hour_and_one_caller_asks_for_so_many() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    prove(&post, &app.signed_in(), "ada@example.org");
    for _ in 0..10 {
        assert_eq!(forgotten(&app, "testuser").json(), json!({ "sent": true }));
    }
    assert_eq!(post.wait_for(3, RESET).len(), 3);
    let ask = |host: u8| {
        let asked = app.program();
        let asked = asked.post("/account/forgotten").remote([192, 0, 2, host]);
        asked.json(&json!({ "account": "nobody" })).send()
    };
    let allowed = (0..200).take_while(|_| ask(7).status == 202).count();
    assert!((10..=60).contains(&allowed), "{allowed}");
    let refused = ask(7);
    assert_eq!(refused.status, 429);
    assert!(refused.header("Retry-After").is_some());
    assert_eq!(ask(8).status, 202, "others go on");
}

#[test]
fn a_link_is_followed_from_our_own_pages_and_by_programs() {
    let post = Letterbox::new();
    let app = post.setup().launch();
    let visitor = app.signed_in();
    assert_eq!(ask(&visitor, "ada@example.org").status, 202);
    let letter = post.take(CONFIRM);
    let strange =
        app.program().post(&letter.link()).header("Sec-Fetch-Site", "cross-site").json(&json!({})).send();
    assert_eq!(strange.status, 403, "{}", strange.body);
    let unproved = app.browser().post(&letter.link()).form(&[]).send();
    assert_eq!(unproved.status, 403);
    assert_eq!(app.program().post(&letter.link()).json(&json!({ "x": 1 })).send().status, 422);
    assert_eq!(visitor.post("/account/email").json(&json!({ "email": "b@example.org" })).send().status, 403);
    assert_eq!(
        app.program().post("/account/email").json(&json!({ "email": "b@example.org" })).send().status,
        401
    );
    // Somebody who has been away shows first who they are.
    app.pass(3600 * 24 - 1);
    assert_eq!(follow(&app.program(), &letter, &json!({})).status, 200);
}

#[test]
fn where_no_mail_is_sent_there_is_none_of_it() {
    for setup in [
        Setup::new().set("app.mail", "none"),
        Setup::new().set("app.mail", "none").set("app.base_url", "https://portcullis.example"),
    ] {
        let app = setup.launch();
        let visitor = app.signed_in();
        for (method, path) in [
            (Method::Get, "/account/email"),
            (Method::Get, "/account/forgotten"),
            (Method::Get, "/link/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ] {
            assert_eq!(visitor.ask(method, path).send().status, 404, "{path}");
        }
        assert_eq!(ask(&visitor, "ada@example.org").status, 404);
        assert_eq!(forgotten(&app, "testuser").status, 404);
        let page = app.browser().get("/login").send().body;
        assert!(!page.contains("/account/forgotten") && page.contains("Ask the people who run this service"));
    }
}

#[test]
fn keepers_of_passwords_find_the_page_for_another() {
    let app = Setup::new().launch();
    let answer = app.signed_in_browser().get("/.well-known/change-password").send();
    assert_eq!((answer.status, answer.location()), (303, "/account/password"));
}
