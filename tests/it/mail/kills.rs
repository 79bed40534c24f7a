//! The real program, killed between a message and its sending, and beside a mail server that is deaf.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::{Installation, Server};
use crate::mail::server::{MailServer, Mood};
use crate::mail::{Arrived, ORIGIN, arrived};

/// The program, whose messages go this way.
fn installation(route: &str) -> Installation {
    Installation::new()
        .with("PORTCULLIS_APP__BASE_URL", ORIGIN)
        .with("PORTCULLIS_APP__MAIL", route)
        .with("PORTCULLIS_APP__MAIL_FROM", "login@portcullis.example")
}

fn post(client: &mut Client, path: &str, body: &Value) -> Answer {
    let proof = client.jar.get("csrf_access_token").unwrap_or_default().to_owned();
    client.send(Ask::json(path, &body.to_string()).header("X-CSRF-TOKEN", proof))
}

/// What has come, once there is so much of it; a message that somebody took and did not send is free after a minute.
fn wait_for(number: usize, has_come: impl Fn() -> Vec<Arrived>) -> Vec<Arrived> {
    let start = Instant::now();
    loop {
        let all = has_come();
        if all.len() >= number {
            return all;
        }
        assert!(start.elapsed() < Duration::from_secs(90), "{number} messages do not come: {all:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Gives `testuser` an address.
fn prove(server: &Server, has_come: impl Fn() -> Vec<Arrived>) {
    let before = has_come().len();
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let asked = post(&mut client, "/account/email", &json!({ "email": "ada@example.org" }));
    assert_eq!(asked.status, 202, "{}", asked.body);
    let all = wait_for(before + 1, has_come);
    let followed = post(&mut server.client(), &all.last().unwrap().link(), &json!({}));
    assert_eq!(followed.status, 200, "{}", followed.body);
}

fn forgotten(server: &Server) {
    let answer = post(&mut server.client(), "/account/forgotten", &json!({ "account": "testuser" }));
    assert_eq!(answer.status, 202, "{}", answer.body);
}

#[test]
fn what_was_promised_is_sent_after_a_kill_and_once() {
    let mails = MailServer::start(Mood::Fine);
    let installation = installation(&mails.url());
    let server = installation.start();
    prove(&server, || mails.taken());
    mails.be(Mood::Busy);
    forgotten(&server);
    drop(server);
    mails.be(Mood::Fine);
    let mut server = installation.start();
    let taken = wait_for(2, || mails.taken());
    assert_eq!(taken[1].header("Subject"), "Choose a new password");
    assert!(server.terminate().unwrap().success());
    assert_eq!(mails.taken().len(), 2, "and not once more");
}

#[test]
fn what_was_sent_before_a_kill_and_not_noted_comes_twice_under_one_name() {
    let mails = MailServer::start(Mood::Fine);
    let installation = installation(&mails.url());
    let server = installation.start();
    prove(&server, || mails.taken());
    mails.be(Mood::ClosesAfterData);
    forgotten(&server);
    wait_for(2, || mails.taken());
    drop(server);
    mails.be(Mood::Fine);
    let _server = installation.start();
    let taken = wait_for(3, || mails.taken());
    assert_eq!(taken[1].header("Message-ID"), taken[2].header("Message-ID"));
    assert_eq!(taken[1].link(), taken[2].link());
}

#[test]
fn a_deaf_mail_server_keeps_nobody_waiting() {
    let mails = MailServer::start(Mood::Fine);
    let installation = installation(&mails.url());
    let mut server = installation.start();
    prove(&server, || mails.taken());
    mails.be(Mood::Silent);
    for _ in 0..3 {
        let start = Instant::now();
        forgotten(&server);
        assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }
    // Neither does it keep the program from ending.
    let start = Instant::now();
    assert!(server.terminate().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(!server.said().contains("ada@example.org"), "the log knows nobody's address");
    let listed = installation.run(&["mail", "list"], b"");
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.matches("reset_password").count(), 3, "{listed}");
}

#[test]
fn the_operator_sees_what_waits_tries_it_again_and_drops_it() {
    let installation = installation("file:mail");
    let server = installation.start();
    let folder = installation.path("mail");
    prove(&server, || arrived(&folder));
    let said = |arguments: &[&str]| {
        let output = installation.run(arguments, b"");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    assert_eq!(said(&["mail", "list"]).1.lines().count(), 1, "only the head");
    // A folder that cannot be written: something else has its name.
    std::fs::rename(&folder, installation.path("kept")).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    forgotten(&server);
    forgotten(&server);
    let start = Instant::now();
    let listed = loop {
        let listed = said(&["mail", "list"]).1;
        if listed.matches("the folder cannot be written").count() == 2 {
            break listed;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{listed}");
    };
    let ids: Vec<_> = listed.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert!(listed.contains("ada@example.org") && ids.len() == 2, "{listed}");
    assert!(said(&["mail", "drop", ids[0]]).0);
    assert_eq!(
        said(&["mail", "drop", ids[0]]),
        (false, format!("There is no message {}; it may have been sent.\n", ids[0]))
    );
    assert!(!said(&["mail", "drop", "x"]).0 && !said(&["mail", "retry"]).0);
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(said(&["mail", "retry", "--all"]), (true, "1 message is due now.\n".to_owned()));
    let all = wait_for(1, || arrived(&folder));
    assert!(all[0].header("Message-ID").contains(ids[1]));
    assert!(said(&["mail", "retry", ids[1]]).1.starts_with("There is no message"));
}

#[test]
fn settings_that_would_send_links_in_the_open_or_to_nowhere_are_refused() {
    let check = |settings: &[(&'static str, &str)]| {
        let mut installation = Installation::release().with("PORTCULLIS_APP__STORE", "sqlite::memory:");
        for (name, value) in settings {
            installation = installation.with(name, value);
        }
        let output = installation.run(&["check-config"], b"");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let (mail, from, base) =
        ("PORTCULLIS_APP__MAIL", "PORTCULLIS_APP__MAIL_FROM", "PORTCULLIS_APP__BASE_URL");
    let whole = [(mail, "smtps://user:secret@mail.example.org"), (from, "a@example.org"), (base, ORIGIN)];
    let fine = check(&whole);
    assert!(fine.contains("The settings are fine."), "{fine}");
    for (settings, told) in [
        (vec![whole[0], whole[2]], "app.mail_from: needed with app.mail"),
        (vec![whole[0], whole[1]], "app.base_url: needed with app.mail"),
        (vec![(mail, "smtp://user:secret@mail.example.org"), whole[1], whole[2]], "unencrypted"),
        (vec![(mail, "mail.example.org"), whole[1], whole[2]], "app.mail: known are"),
        (vec![(mail, "http://mail.example.org"), whole[1], whole[2]], "app.mail: known are"),
        (vec![(mail, "file:"), whole[1], whole[2]], "not followed by the path"),
    ] {
        let said = check(&settings);
        assert!(said.contains(told) && !said.contains("secret"), "{settings:?}: {said}");
    }
}
