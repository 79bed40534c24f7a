//! `/people`: what an administrator sees and does, and that nobody else does.

use portcullis::auth::{EventSpan, What};
use serde_json::{Value, json};

use crate::support::{Answer, App, Setup, Visitor, app, now_or_never};

const CHOSEN: &str = "a perfectly fine phrase";

fn administrator(app: &App) -> Visitor<'_> {
    let visitor = app.program();
    assert_eq!(visitor.sign_in("admin", "adminpass").status, 200);
    visitor
}

fn do_it(visitor: &Visitor<'_>, path: &str, body: Option<Value>) -> Answer {
    let ask = visitor.post(path).csrf(&visitor.csrf());
    match body {
        Some(body) => ask.json(&body).send(),
        None => ask.send(),
    }
}

fn add(visitor: &Visitor<'_>, name: &str) -> String {
    let answer = do_it(visitor, "/people", Some(json!({ "username": name, "roles": ["staff"] })));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["code"].as_str().unwrap().to_owned()
}

fn exchange(app: &App, name: &str, code: &str) -> Answer {
    let body = json!({ "username": name, "code": code, "new_password": CHOSEN });
    app.program().post("/account/code").json(&body).send()
}

fn events(app: &Setup, user: &str) -> Vec<(String, Option<String>)> {
    let since = portcullis::auth::UnixTime::from_secs(0);
    let kept = now_or_never(app.stores.events.events_of(user, EventSpan::since(since), 100)).unwrap();
    kept.into_iter().map(|event| (event.what.to_text(), event.by)).collect()
}

#[test]
fn a_person_is_added_chooses_a_password_and_signs_in() {
    let app = app();
    let admin = administrator(&app);
    let code = add(&admin, "Ada@example");
    assert_eq!(
        exchange(&app, "ada@example", &code.to_lowercase()).json(),
        json!({ "password_chosen": true })
    );
    let ada = app.program();
    assert_eq!(ada.sign_in("ada@example", CHOSEN).status, 200);
    assert_eq!(crate::support::claims(&ada.access_token())["roles"], json!(["staff"]));
    assert_eq!(exchange(&app, "ada@example", &code).refusal(), (401, "bad_code".into()), "once");
}

#[test]
fn nobody_signs_in_to_an_account_before_its_code_was_exchanged() {
    let app = app();
    let code = add(&administrator(&app), "ada");
    for guess in ["", "ada", code.as_str(), "nobody's password"] {
        assert_eq!(app.program().sign_in("ada", guess).status, 401, "{guess}");
    }
}

#[test]
fn a_code_is_over_after_its_time() {
    let setup = Setup::new().set("app.code_ttl", 600);
    let app = setup.launch();
    let code = add(&administrator(&app), "ada");
    app.pass(600);
    assert_eq!(exchange(&app, "ada", &code).refusal(), (401, "bad_code".into()));
    let admin = administrator(&app);
    let code = do_it(&admin, "/people/ada/code", None).json()["code"].as_str().unwrap().to_owned();
    app.pass(599);
    assert_eq!(exchange(&app, "ada", &code).status, 200);
}

#[test]
fn only_administrators_with_a_fresh_password_get_in() {
    let app = app();
    let admin = administrator(&app);
    let user = app.signed_in();
    let gets = ["/people", "/people/testuser"];
    let posts = [
        "/people",
        "/people/testuser/code",
        "/people/testuser/code/withdraw",
        "/people/testuser/failures/forget",
        "/people/testuser/disable",
        "/people/testuser/enable",
        "/people/testuser/roles",
        "/people/testuser/sessions/end",
        "/people/testuser/sessions/00112233445566778899aabbccddeeff/end",
    ];
    for path in gets {
        assert_eq!(app.program().get(path).send().refusal(), (401, "missing_token".into()), "{path}");
        assert_eq!(user.get(path).send().refusal(), (403, "forbidden".into()), "{path}");
        assert_eq!(admin.get(path).send().status, 200, "{path}");
    }
    let body = json!({ "username": "x", "roles": [] });
    for path in posts {
        let ask =
            |visitor: &Visitor<'_>| visitor.post(path).csrf(&visitor.csrf()).json(&body).send().refusal();
        assert_eq!(
            app.program().post(path).json(&body).send().refusal(),
            (401, "missing_token".into()),
            "{path}"
        );
        assert_eq!(ask(&user), (403, "forbidden".into()), "{path}");
        let unproven = admin.post(path).json(&body).send().refusal();
        assert_eq!(unproven, (403, "csrf_missing".into()), "{path}");
    }
    app.pass(901);
    assert_eq!(admin.refresh().status, 200);
    for path in gets {
        assert_eq!(admin.get(path).send().refusal(), (401, "fresh_required".into()), "{path}");
    }
    for path in posts {
        let stale = admin.post(path).csrf(&admin.csrf()).json(&body).send().refusal();
        assert_eq!(stale, (401, "fresh_required".into()), "{path}");
    }
}

#[test]
fn a_browser_is_asked_for_the_password_and_led_back() {
    let app = app();
    let browser = app.browser();
    assert_eq!(browser.get("/people/testuser").send().location(), "/login?next=%2Fpeople%2Ftestuser");
    browser.sign_in("admin", "adminpass");
    app.pass(901);
    let stale = browser.get("/people/testuser").send();
    assert_eq!((stale.status, stale.location()), (303, "/reauthenticate?next=%2Fpeople%2Ftestuser"));
    let proof = browser.csrf();
    let stale = browser.post("/people/testuser/disable").form(&[("csrf_token", &proof)]).send();
    assert_eq!((stale.status, stale.location()), (303, "/reauthenticate?next=%2Fpeople%2Ftestuser"));
    let fields = [("csrf_token", proof.as_str()), ("next", "/people/testuser"), ("password", "adminpass")];
    let back = browser.post("/reauthenticate").form(&fields).send();
    assert_eq!(back.location(), "/people/testuser?notice=password_confirmed");
    let page = browser.get(back.location()).send();
    assert!(page.is_page() && page.body.contains("Nothing has been changed yet"));
    assert_eq!(app.signed_in().get("/protected").send().status, 200, "nobody was disabled on the way");
}

#[test]
fn a_disabled_person_is_out_at_once_and_stays_out() {
    let app = app();
    let (admin, user) = (administrator(&app), app.signed_in());
    let answer = do_it(&admin, "/people/testuser/disable", None);
    assert_eq!(answer.json(), json!({ "disabled": true, "ended": 1 }));
    assert_eq!(user.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 401);
    assert_eq!(do_it(&admin, "/people/testuser/code", None).refusal(), (409, "account_disabled".into()));
    assert_eq!(do_it(&admin, "/people/testuser/enable", None).json(), json!({ "disabled": false }));
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
}

#[test]
fn changed_roles_hold_from_the_next_sign_in_and_end_what_was_before() {
    let app = app();
    let (admin, user) = (administrator(&app), app.signed_in());
    let answer = do_it(&admin, "/people/testuser/roles", Some(json!({ "roles": ["user", "admin"] })));
    assert_eq!(answer.json(), json!({ "roles": ["user", "admin"], "ended": 1 }));
    assert_eq!(user.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(app.signed_in().get("/people").send().status, 200);
    for unfit in [json!(["two words"]), json!(["x".repeat(65)]), json!("a;b")] {
        let answer = do_it(&admin, "/people/testuser/roles", Some(json!({ "roles": unfit })));
        assert_eq!(answer.refusal(), (422, "bad_roles".into()), "{unfit}");
    }
    assert_eq!(app.signed_in().get("/people").send().status, 200, "nothing was changed");
}

#[test]
fn sessions_of_a_person_are_ended_one_by_one_and_all_together() {
    let app = app();
    let admin = administrator(&app);
    let [first, second, third] = [app.signed_in(), app.signed_in(), app.signed_in()];
    let page = admin.get("/people/testuser").send().json();
    assert_eq!(page["sessions"].as_array().unwrap().len(), 3);
    let sid = crate::support::claims(&first.access_token())["sid"].as_str().unwrap().to_owned();
    let one = format!("/people/testuser/sessions/{sid}/end");
    assert_eq!(do_it(&admin, &one, None).json(), json!({ "ended": 1 }));
    assert_eq!(first.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(second.get("/protected").send().status, 200);
    assert_eq!(do_it(&admin, &one, None).status, 404);
    let foreign = crate::support::claims(&admin.access_token())["sid"].as_str().unwrap().to_owned();
    let others = format!("/people/testuser/sessions/{foreign}/end");
    assert_eq!(do_it(&admin, &others, None).status, 404, "it is not the session of that person");
    assert_eq!(do_it(&admin, "/people/testuser/sessions/end", None).json(), json!({ "ended": 2 }));
    for dead in [second, third] {
        assert_eq!(dead.get("/protected").send().refusal(), (401, "token_revoked".into()));
    }
    assert_eq!(admin.get("/protected").send().status, 200);
}

#[test]
fn nobody_shuts_themselves_out() {
    let app = app();
    let admin = administrator(&app);
    let own = (409, "own_account".to_owned());
    assert_eq!(do_it(&admin, "/people/admin/disable", None).refusal(), own);
    assert_eq!(do_it(&admin, "/people/admin/code", None).refusal(), own, "it asks for no current password");
    assert_eq!(do_it(&admin, "/people/admin/roles", Some(json!({ "roles": ["user"] }))).refusal(), own);
    assert_eq!(admin.get("/people").send().status, 200);
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let page = browser.post("/people/admin/disable").form(&[("csrf_token", &browser.csrf())]).send();
    assert!(page.status == 409 && page.body.contains("Ask another administrator"), "{}", page.body);
    let page = browser.get("/people/admin").send();
    for refused in ["/people/admin/disable", "/people/admin/code", "/people/admin/sessions/end"] {
        assert!(!page.body.contains(refused), "what is refused is not offered");
    }
}

#[test]
fn a_forgotten_password_is_replaced_and_the_old_one_holds_until_then() {
    let app = app();
    let (admin, user) = (administrator(&app), app.signed_in());
    let code = do_it(&admin, "/people/testuser/code", None).json()["code"].as_str().unwrap().to_owned();
    assert_eq!(user.get("/protected").send().status, 200);
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
    assert_eq!(exchange(&app, "testuser", &code).status, 200);
    assert_eq!(user.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 401);
    assert_eq!(app.program().sign_in("testuser", CHOSEN).status, 200);
}

#[test]
fn whoever_is_not_there_is_not_found() {
    let app = app();
    let admin = administrator(&app);
    assert_eq!(admin.get("/people/nobody").send().refusal(), (404, "not_found".into()));
    assert_eq!(admin.get("/people/no%20body").send().refusal(), (404, "not_found".into()));
    assert_eq!(admin.get("/people/%ff").send().status, 404);
    for what in [
        "code",
        "disable",
        "enable",
        "sessions/nonsense/end",
        "sessions/end",
        "code/withdraw",
        "failures/forget",
    ] {
        let answer = do_it(&admin, &format!("/people/nobody/{what}"), None);
        assert_eq!(answer.refusal(), (404, "not_found".into()), "{what}");
    }
    let answer = do_it(&admin, "/people/nobody/roles", Some(json!({ "roles": [] })));
    assert_eq!(answer.refusal(), (404, "not_found".into()));
}

#[test]
fn what_makes_no_account_is_said_and_kept_in_the_form() {
    let app = app();
    let admin = administrator(&app);
    for (name, roles, status, code) in [
        ("two words", json!([]), 422, "bad_username"),
        ("", json!([]), 422, "bad_username"),
        ("ada", json!(["not one"]), 422, "bad_roles"),
        ("TestUser", json!([]), 409, "name_taken"),
    ] {
        let answer = do_it(&admin, "/people", Some(json!({ "username": name, "roles": roles })));
        assert_eq!(answer.refusal(), (status, code.into()), "{name}");
    }
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let fields =
        [("csrf_token", &*browser.csrf()), ("username", "testuser"), ("roles", "staff, night-shift")];
    let page = browser.post("/people").form(&fields).send();
    assert_eq!(page.status, 409);
    assert!(page.body.contains("<title>Error: People"));
    assert!(page.body.contains("aria-invalid=\"true\" autofocus") && page.body.contains("id=\"error\""));
    assert!(page.body.contains("value=\"testuser\"") && page.body.contains("value=\"staff, night-shift\""));
}

#[test]
fn a_form_shows_the_code_once_and_no_address_carries_it() {
    let app = app();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let fields = [("csrf_token", &*browser.csrf()), ("username", "ada"), ("roles", "staff")];
    let page = browser.post("/people").form(&fields).send();
    assert!(page.status == 200 && page.is_page() && page.location().is_empty());
    assert_eq!(page.header("Cache-Control"), Some("no-store"));
    let (_, rest) = page.body.split_once("<code class=\"code\">").unwrap();
    let code = rest.split('<').next().unwrap().to_owned();
    assert_eq!(code.len(), 29);
    let shown = browser.get("/people/ada").send();
    assert!(shown.body.contains("One-time code open until") && !shown.body.contains(&code));
    assert!(!shown.body.contains("One-time code expired"));
    assert_eq!(exchange(&app, "ada", &code).status, 200);
    assert!(!browser.get("/people/ada").send().body.contains("One-time code open until"));
}

#[test]
fn people_are_found_by_name_and_page_by_page() {
    let app = app();
    let admin = administrator(&app);
    for number in 0..30 {
        add(&admin, &format!("p{number:02}"));
    }
    let names = |path: &str| -> (Vec<String>, Value) {
        let list = admin.get(path).send().json();
        let people = list["people"].as_array().unwrap();
        (people.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect(), list["next"].clone())
    };
    let (first, next) = names("/people");
    assert_eq!((first.len(), first[0].as_str(), next), (25, "admin", json!("p23")));
    let (rest, next) = names("/people?after=p23");
    assert_eq!((rest.len(), rest.last().unwrap().as_str(), next), (7, "testuser", Value::Null));
    assert_eq!(names("/people?q=P1").0, (10..20).map(|number| format!("p{number}")).collect::<Vec<_>>());
    let (long, longer) = ("_".repeat(30_000), "x".repeat(60_000));
    for nobodys in ["%25", "%00", "%00p", "p%00", "!", "p%20q", &long, &longer] {
        assert_eq!(names(&format!("/people?q={nobodys}")).0, Vec::<String>::new(), "{nobodys}");
    }
    assert_eq!(names("/people?q=%20user%20").0, ["testuser"]);
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let page = browser.get("/people?q=p").send().body;
    assert!(page.contains("href=\"&#x2F;people?q=p&amp;after=p24\""), "{page}");
    let page = browser.get("/people?q=nothing").send().body;
    assert!(page.contains("Nobody found."));
    let page = browser.get("/people?q=%3Cscript%3Ealert(1)").send().body;
    assert!(!page.contains("<script>alert"));
}

#[test]
fn the_list_tells_sessions_and_the_last_sign_in() {
    let app = app();
    let admin = administrator(&app);
    let person = || admin.get("/people?q=testuser").send().json()["people"][0].clone();
    assert_eq!((person()["sessions"].clone(), person().get("last_sign_in").cloned()), (json!(0), None));
    let _sessions = [app.signed_in(), app.signed_in()];
    assert_eq!(person()["sessions"], json!(2));
    assert_eq!(person()["last_sign_in"]["iso"], json!("2023-11-14T22:13:20Z"));
    assert_eq!(person()["roles"], json!(["user"]));
}

#[test]
fn every_action_is_an_event_with_the_administrators_name() {
    let setup = Setup::new();
    let stores = setup.stores.clone();
    let kept = Setup::new().on(stores);
    let app = setup.launch();
    let admin = administrator(&app);
    let user = app.signed_in();
    let code = add(&admin, "ada");
    assert_eq!(exchange(&app, "ada", "0000-0000-0000-0000").status, 401);
    assert_eq!(exchange(&app, "ada", &code).status, 200);
    for (what, body) in [
        ("roles", Some(json!({ "roles": ["user", "editor"] }))),
        ("code", None),
        ("disable", None),
        ("enable", None),
    ] {
        assert_eq!(do_it(&admin, &format!("/people/testuser/{what}"), body).status, 200, "{what}");
    }
    let again = app.signed_in();
    assert_eq!(do_it(&admin, "/people/testuser/sessions/end", None).status, 200);
    drop((user, again));
    // Reading them makes the node keep what it has noted.
    assert_eq!(admin.get("/people/testuser").send().status, 200);
    let by_admin = |what: &str| (what.to_owned(), Some("admin".to_owned()));
    let own = |what: &str| (what.to_owned(), None);
    assert_eq!(
        events(&kept, "ada"),
        [own("password_chosen"), own("code_refused"), by_admin("code_issued"), by_admin("account_created")]
    );
    assert_eq!(
        events(&kept, "testuser"),
        [
            by_admin("session_ended:operator"),
            own("signed_in"),
            by_admin("account_enabled"),
            by_admin("account_disabled"),
            by_admin("code_issued"),
            by_admin("session_ended:roles_changed"),
            by_admin("roles_changed"),
            own("signed_in"),
        ]
    );
    assert!(What::from_text("code_issued").is_some());
}

#[test]
fn people_read_what_was_done_to_them_but_not_from_where() {
    let app = app();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let fields = [("csrf_token", &*browser.csrf())];
    let answer = browser.post("/people/testuser/code").remote([203, 0, 113, 9]).form(&fields).send();
    assert_eq!(answer.status, 200);
    let page = app.signed_in_browser().get("/dashboard").send().body;
    assert!(page.contains("One-time code issued by an administrator"));
    assert!(!page.contains("203.0.113.9"), "where an administrator was is not the person's business");
    let page = browser.get("/people/testuser").send().body;
    assert!(page.contains("203.0.113.9") && page.contains("by admin"));
}

#[test]
fn only_administrators_are_shown_the_way_there() {
    let app = app();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    assert!(browser.get("/dashboard").send().body.contains("href=\"&#x2F;people\""));
    assert!(!app.signed_in_browser().get("/dashboard").send().body.contains("people\""));
}

/// `admin` and a second administrator, `boss`.
fn two_administrators(app: &App) -> (Visitor<'_>, Visitor<'_>) {
    let admin = administrator(app);
    let code = do_it(&admin, "/people", Some(json!({ "username": "boss", "roles": ["admin"] })));
    assert_eq!(exchange(app, "boss", code.json()["code"].as_str().unwrap()).status, 200);
    let boss = app.program();
    assert_eq!(boss.sign_in("boss", CHOSEN).status, 200);
    (admin, boss)
}

#[test]
fn a_disabled_administrators_codes_are_worth_nothing() {
    let app = app();
    let (admin, boss) = two_administrators(&app);
    let code = do_it(&boss, "/people/testuser/code", None).json()["code"].as_str().unwrap().to_owned();
    assert_eq!(do_it(&admin, "/people/boss/disable", None).status, 200);
    assert_eq!(exchange(&app, "testuser", &code).refusal(), (401, "bad_code".into()));
}

#[test]
fn a_code_is_withdrawn() {
    let app = app();
    let admin = administrator(&app);
    let code = add(&admin, "ada");
    assert_eq!(do_it(&admin, "/people/ada/code/withdraw", None).json(), json!({ "withdrawn": true }));
    assert_eq!(exchange(&app, "ada", &code).refusal(), (401, "bad_code".into()));
    assert_eq!(do_it(&admin, "/people/ada/code/withdraw", None).status, 404);
}

#[test]
fn failed_sign_ins_are_shown_and_forgotten() {
    let app = app();
    let (admin, browser) = (administrator(&app), app.browser());
    browser.sign_in("admin", "adminpass");
    for _ in 0..8 {
        app.program().sign_in("testuser", "a wrong guess");
    }
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 429);
    let shown = admin.get("/people/testuser").send().json();
    assert_eq!((&shown["failures"], shown["next_attempt"].is_object()), (&json!(5), true), "{shown}");
    let page = browser.get("/people/testuser").send().body;
    assert!(page.contains("testuser/failures/forget") && page.contains("Next attempt"), "{page}");

    assert_eq!(do_it(&admin, "/people/testuser/failures/forget", None).json(), json!({ "failures": 0 }));
    let shown = admin.get("/people/testuser").send().json();
    assert_eq!((&shown["failures"], &shown["next_attempt"]), (&json!(0), &Value::Null), "{shown}");
    assert!(!browser.get("/people/testuser").send().body.contains("/failures/forget"));
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
}

#[test]
fn a_code_that_ran_out_is_told() {
    let app = Setup::new().set("app.code_ttl", 300).launch();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let fields = [("csrf_token", &*browser.csrf()), ("username", "ada")];
    assert_eq!(browser.post("/people").form(&fields).send().status, 200);
    assert!(browser.get("/people/ada").send().body.contains("/code/withdraw"));
    app.pass(301);
    let page = browser.get("/people/ada").send().body;
    assert!(page.contains("One-time code expired") && !page.contains("/code/withdraw"), "{page}");
}

#[test]
fn what_changes_nothing_is_no_event() {
    let setup = Setup::new();
    let kept = Setup::new().on(setup.stores.clone());
    let app = setup.launch();
    let admin = administrator(&app);
    for _ in 0..3 {
        assert_eq!(do_it(&admin, "/people/testuser/enable", None).status, 200);
    }
    for _ in 0..3 {
        assert_eq!(do_it(&admin, "/people/testuser/disable", None).status, 200);
    }
    assert_eq!(admin.get("/people/testuser").send().status, 200);
    assert_eq!(events(&kept, "testuser"), [("account_disabled".to_owned(), Some("admin".to_owned()))]);
}

#[test]
fn events_tell_which_roles_were_given_to_programs_and_to_people() {
    let setup = Setup::new();
    let stores = setup.stores.clone();
    let app = setup.launch();
    let admin = administrator(&app);
    add(&admin, "ada");
    let roles = json!({ "roles": ["staff", "admin"] });
    assert_eq!(do_it(&admin, "/people/ada/roles", Some(roles)).status, 200);
    let page = admin.accepting("text/html").get("/people/ada").send().body;
    assert!(
        page.contains("Roles changed: staff, admin") && page.contains("Account created: staff"),
        "{page}"
    );
    let since = portcullis::auth::UnixTime::from_secs(0);
    let kept = now_or_never(stores.events.events_of("ada", EventSpan::since(since), 9)).unwrap();
    let line = kept.iter().find(|event| event.what == What::RolesChanged).unwrap().to_json();
    assert!(line.contains(r#""roles":["staff","admin"]"#) && line.contains(r#""by":"admin""#), "{line}");
}

#[test]
fn a_stranger_cannot_push_out_what_was_done_to_an_account() {
    let app = app();
    let admin = administrator(&app);
    assert_eq!(do_it(&admin, "/people/testuser/code", None).status, 200);
    for minute in 0..10 {
        app.pass(61 + minute);
        for _ in 0..3 {
            app.program().sign_in("testuser", "a wrong guess");
        }
    }
    let stays = "One-time code issued by an administrator";
    let admin = administrator(&app);
    assert!(admin.accepting("text/html").get("/people/testuser").send().body.contains(stays));
    app.pass(901);
    assert!(app.signed_in_browser().get("/dashboard").send().body.contains(stays));
}

#[test]
fn own_doings_are_nobody_elses() {
    let setup = Setup::new();
    let kept = Setup::new().on(setup.stores.clone());
    let app = setup.launch();
    let admin = administrator(&app);
    let roles = json!({ "roles": ["admin"] });
    assert_eq!(do_it(&admin, "/people/admin/roles", Some(roles)).status, 200);
    let again = administrator(&app);
    assert_eq!(again.get("/people/admin").send().status, 200);
    assert!(events(&kept, "admin").iter().all(|(_, by)| by.is_none()), "{:?}", events(&kept, "admin"));
}

#[test]
fn a_notice_that_is_not_so_is_not_shown() {
    let app = app();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let _session = app.signed_in();
    for notice in ["disabled", "all_ended", "nonsense"] {
        let page = browser.get(&format!("/people/testuser?notice={notice}")).send().body;
        assert!(!page.contains("role=\"status\""), "{notice}");
    }
}

#[test]
fn refused_roles_stay_in_the_form() {
    let app = app();
    let browser = app.browser();
    browser.sign_in("admin", "adminpass");
    let fields = [("csrf_token", &*browser.csrf()), ("roles", "user;staff")];
    let page = browser.post("/people/testuser/roles").form(&fields).send();
    assert!(page.status == 422 && page.body.contains("value=\"user;staff\""), "{}", page.body);
}
