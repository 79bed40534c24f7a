//! A disk that fills up while the program serves, and is freed again.
//!
//! The limit of the process on the size of its files stands for the disk: it needs no other rights, and a write beyond it
//! fails in the middle of a commit as one on a full disk does.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::process::Command;
use std::time::{Duration, Instant};

use portcullis::auth::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::{Installation, Server};
use crate::factors::second_factor::Phone;
use crate::mail::{Letterbox, ORIGIN};

/// Lets the files of a running server grow to this size and no further.
fn limit(server: &Server, size: &str) {
    let process = server.process().to_string();
    let limit = format!("--fsize={size}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap().success());
}

/// The program, which gets an error instead of a signal when it writes beyond the limit.
fn start(installation: &Installation) -> Server {
    let mut command = installation.command("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\"", env!("CARGO_BIN_EXE_portcullis")]);
    installation.start_by(command)
}

#[test]
fn whoever_signs_in_after_a_full_disk_was_freed_is_signed_in() {
    let installation = Installation::new();
    let server = start(&installation);
    let mut before = server.client();
    assert_eq!(before.sign_in("testuser", "testpass").status, 200);

    for round in 0..3 {
        let log = std::fs::metadata(installation.path("data/portcullis.db-wal")).unwrap().len();
        limit(&server, &log.to_string());
        for _ in 0..3 {
            let answer = server.client().sign_in("testuser", "testpass");
            assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()), "round {round}");
        }
        assert_eq!(before.protected().status, 200, "nothing is asked of the store for that");

        limit(&server, "unlimited");
        let mut after = server.client();
        assert_eq!(after.sign_in("testuser", "testpass").status, 200, "round {round}: {}", server.said());
        assert_eq!(before.refresh().status, 200);
        assert_eq!(after.logout().status, 200);
        assert_eq!(before.protected().status, 200);
    }
}

#[test]
fn whoever_signs_out_while_the_disk_is_full_is_signed_out_everywhere_once_it_is_freed() {
    let installation = Installation::new();
    let mut server = start(&installation);
    let mut leaving = server.client();
    assert_eq!(leaving.sign_in("testuser", "testpass").status, 200);
    let stolen = leaving.jar.clone();
    let log = std::fs::metadata(installation.path("data/portcullis.db-wal")).unwrap().len();
    limit(&server, &log.to_string());

    let answer = leaving.logout();
    assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()));
    assert!(leaving.jar.get("access_token_cookie").is_none_or(str::is_empty), "the cookies are gone");
    let refused = Client::with(server.address(), &stolen).protected();
    assert_eq!(
        (refused.status, refused.code()),
        (401, "token_revoked".to_owned()),
        "this node knows at once"
    );
    let listed = || String::from_utf8(installation.run(&["session", "list"], b"").stdout).unwrap();
    assert!(listed().contains("testuser"), "it is not kept yet");

    limit(&server, "unlimited");
    let deadline = Instant::now() + Duration::from_secs(10);
    while listed().contains("testuser") {
        assert!(Instant::now() < deadline, "it is never kept");
    }
    assert!(server.terminate().is_some());
    let restarted = installation.start();
    assert_eq!(Client::with(restarted.address(), &stolen).protected().status, 401);
    assert_eq!(Client::with(restarted.address(), &stolen).refresh().status, 401);
}

/// Fills the disk, does it, and frees the disk.
fn on_a_full_disk(installation: &Installation, server: &Server, act: impl FnOnce() -> Answer) {
    let log = std::fs::metadata(installation.path("data/portcullis.db-wal")).unwrap().len();
    limit(server, &log.to_string());
    let answer = act();
    assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()));
    limit(server, "unlimited");
}

fn post(client: &mut Client, path: &str, body: &Value) -> Answer {
    let proof = client.jar.get("csrf_access_token").unwrap_or_default().to_owned();
    client.send(Ask::json(path, &body.to_string()).header("X-CSRF-TOKEN", proof))
}

fn read(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn no_factor_and_no_code_is_lost_to_a_full_disk() {
    let installation = Installation::new();
    let server = start(&installation);
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    on_a_full_disk(&installation, &server, || post(&mut client, "/account/factors/totp", &json!({})));
    let drawn = read(&post(&mut client, "/account/factors/totp", &json!({})));
    let phone = Phone::typed(drawn["secret"].as_str().unwrap());
    let confirm = |client: &mut Client| {
        let code = phone.shows_at(SystemClock::new().now());
        post(client, "/account/factors/totp/confirm", &json!({ "id": drawn["id"], "code": code }))
    };
    on_a_full_disk(&installation, &server, || confirm(&mut client));
    // It is not in use: nobody is asked for it.
    assert_eq!(read(&server.client().sign_in("testuser", "testpass"))["login"], true);
    let told = read(&confirm(&mut client));
    let codes = told["recovery_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 10);

    let mut other = server.client();
    on_a_full_disk(&installation, &server, || other.sign_in("testuser", "testpass"));
    assert_eq!(read(&other.sign_in("testuser", "testpass"))["next"], "second_factor");
    let recover = json!({ "method": "recovery", "code": codes[0] });
    on_a_full_disk(&installation, &server, || post(&mut other, "/login/factor", &recover));
    assert_eq!(read(&post(&mut other, "/login/factor", &recover))["login"], true, "nothing was spent by it");
    let left = read(&other.send(Ask::get("/account/factors")))["recovery_codes_left"].clone();
    assert_eq!(left, 9);
}

#[test]
fn no_link_is_spent_and_nobody_leaves_by_halves_on_a_full_disk() {
    let post_box = Letterbox::new();
    let installation = Installation::new()
        .with("PORTCULLIS_APP__BASE_URL", ORIGIN)
        .with("PORTCULLIS_APP__MAIL", &post_box.route())
        .with("PORTCULLIS_APP__MAIL_FROM", "login@portcullis.example")
        .with("PORTCULLIS_APP__REGISTRATION", "open");
    let server = start(&installation);
    let mut client = server.client();
    let register =
        json!({ "username": "ada", "email": "ada@example.org", "password": "four unrelated words here" });
    on_a_full_disk(&installation, &server, || post(&mut client, "/register", &register));
    assert_eq!(post(&mut client, "/register", &register).status, 202);
    let letter = post_box.take("Your account at Portcullis");
    on_a_full_disk(&installation, &server, || post(&mut client, &letter.link(), &json!({})));
    assert_eq!(client.sign_in("ada", "four unrelated words here").status, 401, "there is no account yet");
    assert_eq!(post(&mut client, &letter.link(), &json!({})).status, 200, "nothing was spent by it");
    assert_eq!(client.sign_in("ada", "four unrelated words here").status, 200);
    on_a_full_disk(&installation, &server, || post(&mut client, "/account/delete", &json!({})));
    assert_eq!(client.protected().status, 200, "nobody has left");
    assert_eq!(post(&mut client, "/account/delete", &json!({})).status, 200);
    let letter = post_box.take("Your account is going to be deleted");
    on_a_full_disk(&installation, &server, || post(&mut client, &letter.link(), &json!({})));
    assert_eq!(post(&mut client, &letter.link(), &json!({})).status, 200);
    assert_eq!(server.client().sign_in("ada", "four unrelated words here").status, 200);
}
