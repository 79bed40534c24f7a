//! Inviting, deleting, and the list of stolen passwords, on the command line beside the server.

use portcullis::auth::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::binary::client::{Ask, Client};
use crate::binary::server::Installation;
use crate::factors::second_factor::Phone;
use crate::mail::{CONFIRM, Letterbox, ORIGIN};

const CHOSEN: &str = "four unrelated words here";

fn installation(post: &Letterbox) -> Installation {
    Installation::new()
        .with("PORTCULLIS_APP__BASE_URL", ORIGIN)
        .with("PORTCULLIS_APP__MAIL", &post.route())
        .with("PORTCULLIS_APP__MAIL_FROM", "login@portcullis.example")
}

fn said(installation: &Installation, arguments: &[&str]) -> (bool, String, String) {
    let output = installation.run(arguments, b"");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_operator_invites_and_the_server_sends_it() {
    let post = Letterbox::new();
    let closed = installation(&post);
    drop(closed.start());
    let (is_done, _, problem) = said(&closed, &["user", "invite", "ada@example.org"]);
    assert!(!is_done && problem.contains("app.registration") && problem.lines().count() == 1, "{problem}");
    let installation = closed.with("PORTCULLIS_APP__REGISTRATION", "invited");
    let server = installation.start();
    for (arguments, problem) in [
        (&["user", "invite", "nowhere"][..], "no address for mail"),
        (&["user", "invite", "a@example.org", "--name", "admin"], "already"),
        (&["user", "invite", "a@example.org", "--role", "a b"], "role"),
    ] {
        let (is_done, told, why) = said(&installation, arguments);
        assert!(!is_done && told.is_empty() && why.contains(problem), "{arguments:?}: {why}");
    }
    let invite = ["user", "invite", "ada@example.org", "--name", "ada", "--role", "staff"];
    let (is_done, told, event) = said(&installation, &invite);
    assert!(is_done && told.contains("ada@example.org"), "{told}");
    assert_eq!(serde_json::from_str::<Value>(&event).unwrap()["what"], "invited");
    let (is_done, _, event) = said(&installation, &["user", "invite", "bob@example.org"]);
    assert!(is_done);
    assert_eq!(serde_json::from_str::<Value>(&event).unwrap()["user"], Value::Null, "nobody's yet");
    let letter = post.wait_for(2, "Your invitation to Portcullis");
    let letter = letter.into_iter().find(|letter| letter.header("To") == "ada@example.org").unwrap();
    let mut client = server.client();
    let body = json!({ "new_password": CHOSEN }).to_string();
    assert_eq!(client.send(Ask::json(&letter.link(), &body)).status, 200);
    assert_eq!(client.sign_in("ada", CHOSEN).status, 200);
}

#[test]
fn an_operator_deletes_takes_it_back_and_deletes_for_good() {
    let post = Letterbox::new();
    let installation = installation(&post);
    let server = installation.start();
    let (is_done, told, _) = said(&installation, &["user", "delete", "testuser"]);
    assert!(is_done && told.starts_with("testuser is kept out, and gone for good after "), "{told}");
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 401);
    assert!(said(&installation, &["user", "enable", "testuser"]).0);
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    // With all that a person may have.
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let send = |client: &mut Client, path: &str, body: Value| {
        let proof = client.jar.get("csrf_access_token").unwrap_or_default().to_owned();
        let answer = client.send(Ask::json(path, &body.to_string()).header("X-CSRF-TOKEN", proof));
        assert!([200, 202].contains(&answer.status), "{path}: {}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    send(&mut client, "/account/email", json!({ "email": "ada@example.org" }));
    send(&mut client, &post.take(CONFIRM).link(), json!({}));
    send(&mut client, "/account", json!({ "display_name": "Ada" }));
    let drawn = send(&mut client, "/account/factors/totp", json!({}));
    let phone = Phone::typed(drawn["secret"].as_str().unwrap());
    let code = phone.shows_at(SystemClock::new().now());
    send(&mut client, "/account/factors/totp/confirm", json!({ "id": drawn["id"], "code": code }));
    let (is_done, told, events) = said(&installation, &["user", "delete", "testuser", "--now"]);
    assert!(is_done && told.starts_with("Deleted testuser for good; 1 session ended."), "{told}");
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap();
    assert_eq!(last["what"], "account_deleted");
    assert!(last["user"].as_str().unwrap().starts_with("deleted:"), "{last}");
    let listed = said(&installation, &["user", "list"]).1;
    assert!(listed.contains("admin") && !listed.contains("testuser"), "{listed}");
    let (is_done, _, problem) = said(&installation, &["user", "delete", "testuser"]);
    assert_eq!((is_done, problem.as_str()), (false, "There is no account testuser.\n"));
}

#[test]
fn an_operator_makes_a_filter_and_its_passwords_are_nobodys() {
    // Of "testpass" and "password", as the list has them.
    let list = "206C80413B9A96C1312CC346B7D2517B84463EDD:3\r\n5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9\r\n";
    let installation = Installation::new().with_file("list.txt", list);
    let build = |list: &str| said(&installation, &["leaked-passwords", "build", list, "filter"]);
    let (is_done, _, problem) = build("nowhere.txt");
    assert!(!is_done && problem.contains("nowhere.txt"), "{problem}");
    assert_eq!(build("list.txt").1, "Made a filter of 2 passwords.\n");
    let installation = installation.with("PORTCULLIS_APP__LEAKED_PASSWORDS", "filter");
    let server = installation.start();
    assert!(said(&installation, &["check-config"]).0);
    let told = server.client().sign_in("testuser", "testpass");
    assert_eq!((told.status, told.body.as_str()), (200, r#"{"login":true,"password_leaked":true}"#));
    std::fs::write(installation.path("filter"), "nonsense").unwrap();
    let (is_done, _, problem) = said(&installation, &["check-config"]);
    assert!(!is_done && problem.starts_with("app.leaked_passwords: "), "{problem}");
    assert_eq!(server.client().sign_in("testuser", "testpass").body, r#"{"login":true}"#);
}
