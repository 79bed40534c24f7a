//! `/account`: one page for everything that somebody's account is.

use portcullis::auth::{Event, JournalEntry, OsRandom, UnixTime, What};
use serde_json::{Value, json};

use crate::support::{Answer, Setup, Visitor, app, now_or_never};

fn save(visitor: &Visitor<'_>, body: &Value) -> Answer {
    visitor.post("/account").csrf(&visitor.csrf()).json(body).send()
}

#[test]
fn a_person_is_called_what_they_want() {
    let app = app();
    let visitor = app.signed_in();
    let account = visitor.get("/account").send().json();
    assert_eq!(
        account,
        json!({
            "username": "testuser", "display_name": null, "email": null, "language": null,
            "roles": ["user"], "made": { "iso": "2023-11-14T22:13:20Z", "text": "2023-11-14 22:13 UTC" },
            "factors": 0,
        })
    );
    for name in ["Ada Lovelace", "عائشة", "李 🌿", "<script>alert(1)</script>", "e\u{301}"] {
        let saved = save(&visitor, &json!({ "display_name": format!(" {name} ") })).json();
        let expected = if name == "e\u{301}" { "é" } else { name };
        assert_eq!(saved["display_name"], expected);
    }
    save(&visitor, &json!({ "display_name": "<b>Ada</b>" }));
    let browser = app.signed_in_browser();
    for page in ["/account", "/dashboard"] {
        let body = browser.get(page).send().body;
        assert!(body.contains("&lt;b&gt;Ada&lt;") && !body.contains("<b>Ada"), "{page}");
    }
    assert_eq!(app.program().sign_in("<b>Ada</b>", "testpass").status, 401, "nobody signs in with it");
    for bad in ["two\nlines", "a\u{2028}b", &"x".repeat(65), "a\u{0}b"] {
        let refused = save(&visitor, &json!({ "display_name": bad })).refusal();
        assert_eq!(refused, (422, "bad_display_name".into()), "{bad:?}");
    }
    assert_eq!(save(&visitor, &json!({ "display_name": "x".repeat(64) })).status, 200);
    assert_eq!(save(&visitor, &json!({})).json()["display_name"], "x".repeat(64), "it stays");
    assert_eq!(save(&visitor, &json!({ "display_name": "" })).json()["display_name"], Value::Null);
    assert_eq!(visitor.post("/account").json(&json!({})).send().status, 403, "without a proof");
    assert_eq!(save(&visitor, &json!({ "roles": ["admin"] })).status, 422, "and nothing else");
}

#[test]
fn a_chosen_language_holds_in_every_browser() {
    let app = app();
    let browser = app.signed_in_browser();
    let page = browser.get("/account").send();
    assert!(page.body.contains("<html lang=\"en\">"));
    let token = page.hidden("csrf_token");
    let send = |language: &str| {
        let fields = [("csrf_token", token.as_str()), ("display_name", ""), ("language", language)];
        browser.post("/account").form(&fields).send()
    };
    let saved = send("de");
    assert_eq!(saved.location(), "/account?notice=profile_saved", "{:?}", saved.headers);
    assert_eq!(saved.cookie("portcullis_language").value, "de", "{:?}", saved.headers);
    let page = browser.get("/account?notice=profile_saved").send().body;
    assert!(page.contains("<html lang=\"de\">") && page.contains("Gespeichert."), "{page}");
    assert_eq!(send("xx").status, 422);
    // Another browser learns it once the person is there, and keeps it on the sign-in page.
    let other = app.browser();
    assert!(other.get("/login").send().body.contains("<html lang=\"en\">"));
    assert_eq!(other.sign_in("testuser", "testpass").status, 303);
    assert!(other.get("/dashboard").send().body.contains("<html lang=\"de\">"));
    other.log_out();
    assert!(other.get("/login").send().body.contains("<html lang=\"de\">"));
    assert_eq!(send("").location(), "/account?notice=profile_saved");
    assert!(browser.get("/account").send().body.contains("<html lang=\"en\">"));
    let cookie = send("de").cookie("portcullis_language");
    cookie.assert_attributes("HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000");
    browser.put("portcullis_language", "<script>");
    assert_eq!(browser.get("/account").send().status, 200, "whatever stands in the cookie");
}

#[test]
fn all_activity_is_there_page_by_page() {
    let setup = Setup::new();
    let event = |number: i64| Event {
        // Many of them happened in one second.
        at: UnixTime::from_secs(1_700_000_000 - number / 70),
        what: What::PasswordChanged,
        user: Some("testuser".to_owned()),
        session: None,
        address: None,
        by: None,
        roles: None,
    };
    let entries: Vec<_> =
        (0..170).map(|number| JournalEntry::draw(event(number), &OsRandom).unwrap()).collect();
    now_or_never(setup.stores.events.record(&entries)).unwrap();
    let app = setup.launch();
    let visitor = app.signed_in();
    let (mut path, mut seen) = ("/account/activity".to_owned(), Vec::new());
    loop {
        let part = visitor.get(&path).send().json();
        let events = part["events"].as_array().unwrap().clone();
        assert!(events.len() <= 50);
        seen.extend(events);
        match part["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 171, "each once, and the sign-in");
    assert_eq!(seen.iter().filter(|event| event["key"] == "signed_in").count(), 1);
    let moments: Vec<_> = seen.iter().map(|event| event["when"]["iso"].as_str().unwrap()).collect();
    assert!(moments.is_sorted_by(|later, earlier| later >= earlier), "the newest first");
    let browser = app.signed_in_browser();
    let page = browser.get("/account/activity").send().body;
    assert!(page.contains("Next page") && !page.contains("First page"));
    let next = page.split("until=").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let second = browser.get(&format!("/account/activity?until={next}")).send();
    assert!(second.status == 200 && second.body.contains("First page"));
    for far in ["until=-1", "until=9223372036854775807&skip=4294967295"] {
        assert_eq!(visitor.get(&format!("/account/activity?{far}")).send().status, 200, "{far}");
    }
    for none in ["until=x", "skip=-1", "until=1&until=2", "until=", "skip=99999999999999999999"] {
        let refused = visitor.get(&format!("/account/activity?{none}")).send();
        assert_eq!(refused.refusal(), (404, "not_found".into()), "{none}");
        assert_eq!(browser.get(&format!("/account/activity?{none}")).send().status, 404, "{none}");
    }
    assert_eq!(app.program().get("/account/activity").send().status, 401);
}

#[test]
fn everything_that_is_kept_of_a_person_is_theirs() {
    use crate::factors::second_factor::enrol;

    let app = app();
    let visitor = app.signed_in();
    save(&visitor, &json!({ "display_name": "Ada", "language": "de" }));
    let (_, _, codes) = enrol(&app, &visitor, "phone");
    let answer = visitor.get("/account/export").send();
    let data = answer.json();
    assert_eq!((&data["username"], &data["display_name"]), (&json!("testuser"), &json!("Ada")));
    assert_eq!((&data["language"], &data["roles"]), (&json!("de"), &json!(["user"])));
    assert_eq!(data["factors"][0]["label"], "phone");
    assert_eq!(data["sessions"].as_array().unwrap().len(), 1);
    assert!(data["events"].as_array().unwrap().len() >= 2);
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    for secret in ["argon2", visitor.access_token().as_str(), visitor.csrf().as_str()] {
        assert!(!answer.body.contains(secret), "nothing that opens anything");
    }
    assert!(codes.len() == 10 && !codes.iter().any(|code| answer.body.contains(code)));
    let events = visitor.get("/account/activity").send().json();
    assert_eq!(events["events"][0]["key"], "data_exported");
    app.pass(3600);
    visitor.refresh();
    assert_eq!(visitor.get("/account/export").send().refusal(), (401, "fresh_required".into()));
    assert_eq!(app.program().get("/account/export").send().status, 401);
}
