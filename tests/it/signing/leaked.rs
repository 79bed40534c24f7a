//! Passwords that were stolen elsewhere.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::json;

use crate::mail::Letterbox;
use crate::support::{App, Setup};

fn list(passwords: &[&str]) -> String {
    let digits = |password: &&str| {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<String>()
    };
    let mut lines: Vec<_> = passwords.iter().map(digits).collect();
    lines.sort();
    lines.iter().map(|line| format!("{line}:7\r\n")).collect()
}

const OTHERS: &str = "a password that others have";
const COMPOSED: &str = "é is one letter or two";

fn setup(folder: &tempfile::TempDir) -> Setup {
    let path = folder.path().join("leaked.txt");
    std::fs::write(&path, list(&[OTHERS, "testpass", COMPOSED])).unwrap();
    Setup::new().set("app.leaked_passwords", path)
}

fn change(app: &App, new: &str) -> (u16, String) {
    let visitor = app.signed_in();
    let body = json!({ "current_password": "testpass", "new_password": new });
    visitor.post("/account/password").csrf(&visitor.csrf()).json(&body).send().refusal()
}

#[test]
fn nobody_chooses_a_password_that_others_have() {
    let (folder, post) = (tempfile::tempdir().unwrap(), Letterbox::new());
    let path = folder.path().join("leaked.txt");
    std::fs::write(&path, list(&[OTHERS, "testpass", COMPOSED])).unwrap();
    let setup = post.setup().set("app.leaked_passwords", path).set("app.registration", "open");
    let app = setup.launch();
    let leaked = || (422, "leaked".to_owned());
    assert_eq!(change(&app, OTHERS), leaked());
    assert_eq!(change(&app, "e\u{301} is one letter or two"), leaked(), "however it was typed");
    let body = json!({ "username": "ada", "email": "a@example.org", "password": OTHERS });
    assert_eq!(app.program().post("/register").json(&body).send().refusal(), leaked());
    let admin = app.program();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    let added = admin.post("/people").csrf(&admin.csrf()).json(&json!({ "username": "bob" })).send();
    let code = added.json()["code"].clone();
    let body = json!({ "username": "bob", "code": code, "new_password": OTHERS });
    assert_eq!(app.program().post("/account/code").json(&body).send().refusal(), leaked());
    let body = json!({ "username": "bob", "code": code, "new_password": "four unrelated words here" });
    assert_eq!(
        app.program().post("/account/code").json(&body).send().status,
        200,
        "the code is not spent by it"
    );
    crate::mail::journeys::prove(&post, &app.signed_in(), "t@example.org");
    assert_eq!(crate::mail::journeys::forgotten(&app, "testuser").status, 202);
    let letter = post.take(crate::mail::RESET);
    let program = app.program();
    let chosen = crate::mail::journeys::follow(&program, &letter, &json!({ "new_password": OTHERS }));
    assert_eq!(chosen.refusal(), leaked());
}

#[test]
fn whoever_has_one_is_told_and_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let app = setup(&folder).launch();
    let program = app.program();
    let told = program.sign_in("testuser", "testpass");
    assert_eq!((told.status, told.json()), (200, json!({ "login": true, "password_leaked": true })));
    assert_eq!(app.program().sign_in("admin", "adminpass").json(), json!({ "login": true }));
    let events = program.get("/account/activity").send().json();
    assert_eq!(events["events"][0]["key"], "password_leaked");
    let browser = app.browser();
    let came = browser.sign_in("testuser", "testpass");
    assert_eq!(came.location(), "/dashboard?notice=password_leaked");
    let page = browser.get(came.location()).send().body;
    assert!(page.contains("stolen from another service"), "{page}");
    // A wrong password is told nothing.
    assert_eq!(app.program().sign_in("admin", "testpass").status, 401);
}

#[test]
fn a_list_that_goes_away_keeps_nobody_out_and_another_in_its_place_counts() {
    let folder = tempfile::tempdir().unwrap();
    let app = setup(&folder).launch();
    let path = folder.path().join("leaked.txt");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
    std::fs::write(&path, "nonsense").unwrap();
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
    std::fs::write(&path, list(&["another password that others have"])).unwrap();
    assert_eq!(change(&app, "another password that others have"), (422, "leaked".into()));
    assert_eq!(app.program().sign_in("testuser", "testpass").json(), json!({ "login": true }));
}

#[test]
fn a_file_that_is_no_list_stops_the_launch() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("unsorted.txt", "nonsense\n"), ("empty.txt", "")] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let setup = Setup::new().set("app.leaked_passwords", &path);
        let problems = portcullis::app::rocket(&setup.figment(), setup.world()).err().unwrap();
        assert!(problems.len() == 1 && problems[0].starts_with("app.leaked_passwords: "), "{problems:?}");
        assert_eq!(portcullis::app::check(&setup.figment()).unwrap_err(), problems);
    }
    let setup = Setup::new().set("app.leaked_passwords", folder.path().join("nowhere"));
    assert!(portcullis::app::check(&setup.figment()).is_err());
}
