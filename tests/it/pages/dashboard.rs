//! `/dashboard`: the protected page, and the silent renewal that keeps it open.

use portcullis::auth::{Event, JournalEntry, OsRandom, UnixTime, What};

use crate::support::{FOUR, Setup, app, claims, names, now_or_never};

#[test]
fn it_shows_who_is_signed_in_since_when_and_for_how_long() {
    let app = app();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let page = browser.get("/dashboard").send();
    assert!(page.status == 200 && page.is_page());
    assert!(page.body.contains("Signed in as admin"));
    assert!(page.body.contains(r#"<li class="chip">admin</li><li class="chip">user</li>"#));
    for moment in ["2023-11-14T22:13:20Z", "2023-11-14T22:18:20Z", "2023-11-15T22:13:20Z"] {
        assert!(page.body.contains(&format!(r#"datetime="{moment}""#)), "{moment}");
    }
    assert!(page.body.contains(r#"data-access-life="300""#));
    assert_eq!(page.hidden("csrf_token"), browser.csrf());
    for secret in [browser.access_token(), browser.refresh_token()] {
        assert!(!page.body.contains(&secret));
    }
    assert_eq!(page.header("Cache-Control"), Some("no-store"));
    assert_eq!(page.all("Set-Cookie"), Vec::<&str>::new(), "a good token is not renewed");
}

#[test]
fn nobody_is_led_to_the_form_and_a_program_is_told() {
    let app = app();
    let answer = app.browser().get("/dashboard").send();
    assert_eq!((answer.status, answer.location(), answer.body.as_str()), (303, "/login", ""));
    let answer = app.program().get("/dashboard").send();
    assert_eq!(answer.refusal(), (401, "missing_token".into()));
}

#[test]
fn an_expired_access_token_is_renewed_on_the_way() {
    let app = app();
    let browser = app.signed_in_browser();
    app.pass(301);
    let page = browser.get("/dashboard").send();
    assert_eq!(page.status, 200);
    assert_eq!(page.cookie_names(), names(&FOUR));
    assert_eq!(claims(&browser.access_token())["gen"], 2);
    assert_eq!(page.hidden("csrf_token"), browser.csrf());
    let page = browser.get("/dashboard").send();
    assert!(page.status == 200 && page.all("Set-Cookie").is_empty(), "once");
}

#[test]
fn a_missing_or_broken_access_cookie_is_renewed_too() {
    let app = app();
    for broken in ["", "garbage", "a.b.c"] {
        let browser = app.signed_in_browser();
        browser.put("access_token_cookie", broken);
        assert_eq!(browser.get("/dashboard").send().status, 200, "{broken:?}");
    }
}

#[test]
fn a_session_past_its_deadline_is_over() {
    let app = app();
    let browser = app.signed_in_browser();
    app.pass(86_400);
    let answer = browser.get("/dashboard").send();
    assert_eq!((answer.status, answer.location()), (303, "/login?notice=session_expired"));
    let page = browser.get(answer.location()).send();
    assert!(page.body.contains("Your session has expired."));
}

#[test]
fn a_stolen_refresh_token_is_told_of_plainly_wherever_the_browser_comes_in() {
    for (path, status) in [("/dashboard", 401), ("/", 401), ("/login", 200)] {
        let app = app();
        let browser = app.signed_in_browser();
        let thief = browser.copy();
        thief.refresh();
        assert_eq!(thief.get("/dashboard").send().status, 200);
        app.pass(331);
        let answer = browser.get(path).send();
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains("used from two places"), "{path}: {}", answer.body);
        assert!(FOUR.iter().all(|name| answer.cookie(name).has("Max-Age=0")), "{path}");
        let answer = thief.get("/dashboard").send();
        assert_eq!(answer.status, 401, "{path}");
    }
}

/// As after a store was restored: the token is good for some minutes more, and the session is unknown.
#[test]
fn a_session_that_the_store_does_not_know_leads_out_and_not_in_a_circle() {
    let (before, restored) = (app(), app());
    let browser = restored.visitor("text/html", before.signed_in_browser().jar());
    let answer = browser.get("/dashboard").send();
    assert_eq!((answer.status, answer.location()), (303, "/login?notice=session_ended"));
    assert!(FOUR.iter().all(|name| answer.cookie(name).has("Max-Age=0")));
    let page = browser.get(answer.location()).send();
    assert!(page.status == 200 && page.body.contains("Your session was ended."));
}

#[test]
fn names_with_markup_cannot_exist_and_roles_are_escaped() {
    let setup = crate::support::Setup::new();
    let stores = setup.stores.clone();
    let name = "testuser".parse().unwrap();
    let account = crate::support::now_or_never(stores.accounts.find(&name)).unwrap().unwrap();
    let account = portcullis::users::Account {
        name: "o.k@x+y".parse().unwrap(),
        roles: vec!["<img src=x onerror=alert(1)>".to_owned()],
        ..account
    };
    assert!(crate::support::now_or_never(stores.accounts.insert(&account)).unwrap());
    let app = setup.launch();
    let browser = app.browser();
    browser.sign_in("o.k@x+y", "testpass");
    let page = browser.get("/dashboard").send();
    assert!(page.body.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.body.contains("<img src=x"));
    assert!(page.body.contains("Signed in as o.k@x+y"));
}

#[test]
fn everything_that_can_happen_is_told_in_words() {
    for what in What::all() {
        let setup = Setup::new();
        let event = Event {
            at: UnixTime::from_secs(crate::support::NOW),
            what,
            user: Some("testuser".to_owned()),
            session: None,
            address: None,
            by: None,
            roles: None,
        };
        let entry = JournalEntry::draw(event, &OsRandom).unwrap();
        now_or_never(setup.stores.events.record(&[entry])).unwrap();
        let app = setup.launch();
        let page = app.signed_in_browser().get("/dashboard").send().body;
        assert!(!page.contains("Security event"), "{what:?} has no words");
    }
}

#[test]
fn every_page_of_a_person_renews_access_in_time() {
    let app = app();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    for path in
        ["/dashboard", "/sessions", "/account/password", "/reauthenticate", "/people", "/people/admin"]
    {
        let page = browser.get(path).send().body;
        for expected in [r#"data-access-expires="2023-11-14T22:18:20Z""#, r#"data-access-life="300""#] {
            assert!(page.contains(expected), "{expected} on {path}");
        }
    }
    assert!(!app.browser().get("/login").send().body.contains("data-access"));
}
