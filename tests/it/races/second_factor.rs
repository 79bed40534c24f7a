//! A second factor against real programs, with codes that somebody else's program makes (`oathtool`).

#![expect(clippy::disallowed_methods, reason = "the codes are those of the machine's clock")]

use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{draw, installation};
use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::Server;
use crate::postgres::proxy::{Proxy, Weather};
use crate::postgres::{fresh, sql};

/// The code of an app so many steps from now.
fn oathtool(key: &str, steps: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let then = format!("@{}", i64::try_from(now).unwrap() + 30 * steps);
    let output = Command::new("oathtool").args(["--totp", "--base32", key, "--now", &then]).output();
    let output = output.expect("oathtool is not there; run scripts/test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Begins early in a step, so that what follows happens in the same one.
fn wait_for_a_new_step() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    if now % 30 > 15 {
        std::thread::sleep(Duration::from_secs(30 - now % 30));
    }
}

fn post(client: &mut Client, path: &str, body: &Value) -> Answer {
    let proof = client.jar.get("csrf_access_token").unwrap_or_default().to_owned();
    client.send(Ask::json(path, &body.to_string()).header("X-CSRF-TOKEN", proof))
}

fn read(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Gives `testuser` an app by the code of the step before; its key, and the recovery codes.
fn enrolled(node: &Server) -> (String, Vec<String>) {
    let mut client = node.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let drawn = read(&post(&mut client, "/account/factors/totp", &json!({})));
    let key = drawn["secret"].as_str().unwrap().to_owned();
    let body = json!({ "id": drawn["id"], "code": oathtool(&key, -1) });
    let told = read(&post(&mut client, "/account/factors/totp/confirm", &body));
    let codes = told["recovery_codes"].as_array().unwrap().iter();
    (key, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
}

/// Somebody who has given the password, and nothing else yet.
fn halfway(node: &Server) -> Client {
    let mut client = node.client();
    let answer = client.sign_in("testuser", "testpass");
    assert_eq!(read(&answer)["login"], json!(false));
    assert!(client.jar.get("access_token_cookie").is_none());
    client
}

/// Everybody gives this at the same moment, at node after node; the statuses.
fn at_once(nodes: &[Server], clients: &[Client], body: &Value) -> Vec<u16> {
    std::thread::scope(|scope| {
        let tries: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(turn, client)| {
                let mut there = Client::with(nodes[turn % nodes.len()].address(), &client.jar);
                scope.spawn(move || post(&mut there, "/login/factor", body).status)
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
#[ignore = "needs PostgreSQL and oathtool; scripts/test starts it"]
fn a_code_that_comes_to_three_nodes_at_the_same_moment_signs_one_browser_in() {
    let url = fresh();
    let installations = [(); 3].map(|()| installation().with("PORTCULLIS_APP__STORE", &url));
    let nodes = installations.each_ref().map(|one| one.start());
    wait_for_a_new_step();
    let (key, recovery) = enrolled(&nodes[0]);
    let begun = sql(&url, "SELECT count(*) FROM sessions");
    let clients: Vec<_> = (0..12).map(|turn| halfway(&nodes[turn % 3])).collect();
    assert_eq!(sql(&url, "SELECT count(*) FROM sessions"), begun, "nobody is signed in by it");
    let statuses = at_once(&nodes, &clients, &json!({ "method": "totp", "code": oathtool(&key, 0) }));
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401, 429].contains(status)), "{statuses:?}");
    sql(&url, "DELETE FROM attempts");
    let clients: Vec<_> = (0..12).map(|turn| halfway(&nodes[turn % 3])).collect();
    let statuses = at_once(&nodes, &clients, &json!({ "method": "recovery", "code": recovery[0] }));
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(sql(&url, "SELECT count(*) FROM recovery_codes"), "9");
    let sealed = sql(&url, "SELECT encode(sealed, 'hex') FROM factors");
    assert!(sealed.len() > 60 && !sealed.contains(&hex(&key)), "what is kept of the key does not show it");
}

#[test]
#[ignore = "needs oathtool; scripts/test installs it"]
fn an_app_goes_on_after_a_restart_and_its_key_lies_apart_from_the_database() {
    let installation = crate::binary::server::Installation::new();
    let node = installation.start();
    wait_for_a_new_step();
    let (key, recovery) = enrolled(&node);
    node.kill();
    let node = installation.start();
    let mut client = halfway(&node);
    assert_eq!(post(&mut client, "/login/factor", &json!({ "code": oathtool(&key, 0) })).status, 200);
    assert_eq!(client.protected().status, 200);
    node.kill();
    // With another key the app's codes are wrong, which the log explains, and recovery codes go on.
    std::fs::remove_file(installation.path("data/portcullis.factors.key")).unwrap();
    let node = installation.start();
    let mut client = halfway(&node);
    assert_eq!(post(&mut client, "/login/factor", &json!({ "code": oathtool(&key, 0) })).code(), "bad_code");
    assert!(node.said().contains("was the key replaced?"), "{}", node.said());
    assert_eq!(post(&mut client, "/login/factor", &json!({ "code": recovery[3] })).status, 200);
    // The operator lets the person begin anew.
    let told = installation.run(&["user", "factors", "testuser"], b"");
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("(no name)") && told.contains("9 recovery codes left."), "{told}");
    let told = installation.run(&["user", "reset-factors", "testuser"], b"");
    assert!(told.status.success());
    assert_eq!(client.refresh().status, 401, "the sessions have ended");
    assert_eq!(node.client().sign_in("testuser", "testpass").status, 200);
    assert!(!node.said().contains(&key) && !node.said().contains(&recovery[3]), "a log learns nothing");
}

/// Between a code that is spent and a session that is kept there is no moment in which one is lost: whoever heard no answer
/// sends the same again, and is signed in by it, or was.
#[test]
#[ignore = "needs oathtool; scripts/test installs it"]
fn programs_that_are_killed_take_nobodys_code_along() {
    let installation =
        crate::binary::server::Installation::new().with("PORTCULLIS_AUTH__MAX_SESSIONS", "100");
    let mut node = installation.start();
    wait_for_a_new_step();
    let (_, recovery) = enrolled(&node);
    let (mut begun_before, mut begun_after) = (0, 0);
    let mut seed = 11;
    for code in &recovery {
        let client = halfway(&node);
        let before = sessions_of(&installation);
        let body = json!({ "method": "recovery", "code": code });
        let mut there = Client::with(node.address(), &client.jar);
        let sending = {
            let body = body.clone();
            std::thread::spawn(move || there.try_send(&Ask::json("/login/factor", &body.to_string())))
        };
        std::thread::sleep(Duration::from_micros(draw(&mut seed) % 6000));
        node.kill();
        let answered = sending.join().unwrap().map(|answer| answer.status);
        node = installation.start();
        let during = sessions_of(&installation) - before;
        let mut again = Client::with(node.address(), &client.jar);
        let answer = post(&mut again, "/login/factor", &body);
        match (during, answer.status) {
            // It was kept, whether or not anybody heard of it, and one sign-in is one session.
            (1, 401) => {
                assert_eq!(answer.code(), "sign_in_expired");
                begun_before += 1;
            }
            (0, 200) => {
                assert_eq!(answered, None, "what was answered is kept");
                assert_eq!(again.protected().status, 200);
                begun_after += 1;
            }
            other => assert_eq!(other, (1, 401), "a code was lost, or counted twice: {}", answer.body),
        }
        assert_eq!(sessions_of(&installation) - before, 1);
    }
    assert_eq!(begun_before + begun_after, 10);
}

/// How many sessions the file of this installation holds.
fn sessions_of(installation: &crate::binary::server::Installation) -> usize {
    let listed = installation.run(&["session", "list", "--user", "testuser"], b"");
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.lines().count().saturating_sub(1)
}

/// The bytes of a key in base 32, in hexadecimal.
fn hex(key: &str) -> String {
    let mut bits = String::new();
    for sign in key.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == sign).unwrap();
        bits.push_str(&format!("{value:05b}"));
    }
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| format!("{:02x}", u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap()))
        .collect()
}

/// An answer that is lost may be to something that was done: the person is told that it is not known, finds out by looking,
/// and has what they need either way.
#[test]
#[ignore = "needs PostgreSQL and oathtool; scripts/test starts it"]
fn a_database_that_goes_away_while_an_app_is_taken_into_use_leaves_nobody_without_a_way() {
    let url = fresh();
    let proxy = Proxy::before(&url);
    let installation = installation().with("PORTCULLIS_APP__STORE", &proxy.url(&url));
    let node = installation.start();
    for weather in [Weather::Refuses, Weather::LosesQuestions, Weather::LosesAnswers] {
        wait_for_a_new_step();
        let mut client = node.client();
        let answer = client.sign_in("testuser", "testpass");
        assert_eq!(read(&answer)["login"], true, "{weather:?}");
        let drawn = read(&post(&mut client, "/account/factors/totp", &json!({})));
        let key = drawn["secret"].as_str().unwrap().to_owned();
        let confirm = json!({ "id": drawn["id"], "code": oathtool(&key, -1) });
        proxy.set(weather);
        let answer = post(&mut client, "/account/factors/totp/confirm", &confirm);
        assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()), "{weather:?}");
        proxy.set(Weather::Fair);
        proxy.cut();
        let listed = loop {
            match client.send(Ask::get("/account/factors")) {
                answer if answer.status == 503 => std::thread::sleep(Duration::from_millis(20)),
                answer => break read(&answer),
            }
        };
        if listed["factors"].as_array().unwrap().is_empty() {
            let told = read(&post(&mut client, "/account/factors/totp/confirm", &confirm));
            assert_eq!(told["recovery_codes"].as_array().unwrap().len(), 10, "{weather:?}");
        } else {
            // It is in use, and its recovery codes went with the answer: its code makes new ones.
            assert_eq!(listed["recovery_codes_left"], 10);
            let again = json!({ "method": "totp", "code": oathtool(&key, 0) });
            assert_eq!(read(&post(&mut client, "/reauthenticate", &again))["fresh"], true);
            let told = read(&post(&mut client, "/account/factors/recovery", &json!({})));
            assert_eq!(told["recovery_codes"].as_array().unwrap().len(), 10, "{weather:?}");
        }
        assert_eq!(read(&node.client().sign_in("testuser", "testpass"))["next"], "second_factor");
        assert!(installation.run(&["user", "reset-factors", "testuser"], b"").status.success());
    }
}
