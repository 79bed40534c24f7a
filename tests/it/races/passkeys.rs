//! Passkeys against real programs: one answer at three nodes at the same moment, and programs that die over one.

use std::time::Duration;

use serde_json::{Value, json};

use super::{draw, installation};
use crate::authenticator::{Authenticator, Key};
use crate::binary::client::{Answer, Ask, Client};
use crate::binary::server::{Installation, Server};
use crate::postgres::{fresh, sql};

const ORIGIN: &str = "https://login.example.org";

fn post(client: &mut Client, path: &str, body: &Value) -> Answer {
    let proof = client.jar.get("csrf_access_token").unwrap_or_default().to_owned();
    client.send(Ask::json(path, &body.to_string()).header("X-CSRF-TOKEN", proof))
}

fn read(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Gives `testuser` a passkey.
fn enrolled(node: &Server) -> Authenticator {
    let mut client = node.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let asked = read(&post(&mut client, "/account/factors/passkey/options", &json!({})));
    let key = Authenticator::for_options(Key::es256(), ORIGIN, &asked);
    let body = json!({ "credential": key.makes(&asked, |_| {}) });
    read(&post(&mut client, "/account/factors/passkey", &body));
    key
}

/// An answer to what this node asks of somebody who is not known yet.
fn shown(node: &Server, key: &mut Authenticator) -> Value {
    let asked = read(&post(&mut node.client(), "/login/passkey/options", &json!({})));
    json!({ "credential": key.shows(&asked, |_| {}) })
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn an_answer_that_comes_to_three_nodes_at_the_same_moment_signs_one_browser_in() {
    let url = fresh();
    let installations = [(); 3].map(|()| {
        installation().with("PORTCULLIS_APP__STORE", &url).with("PORTCULLIS_APP__BASE_URL", ORIGIN)
    });
    let nodes = installations.each_ref().map(|one| one.start());
    let mut key = enrolled(&nodes[0]);
    for round in 0..10 {
        // What one node asked any may judge.
        let body = shown(&nodes[round % 3], &mut key);
        let begun: usize = sql(&url, "SELECT count(*) FROM sessions").parse().unwrap();
        let statuses: Vec<_> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..12)
                .map(|turn: usize| {
                    let (mut there, body) = (nodes[turn % 3].client(), &body);
                    scope.spawn(move || post(&mut there, "/login/passkey", body).status)
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 401, 429].contains(status)), "{statuses:?}");
        let after: usize = sql(&url, "SELECT count(*) FROM sessions").parse().unwrap();
        assert_eq!(after - begun, 1);
        assert_eq!(post(&mut nodes[2].client(), "/login/passkey", &body).status, 401, "nor later");
    }
}

#[test]
fn programs_that_are_killed_over_an_answer_keep_what_they_acknowledged_and_take_nobodys_passkey_along() {
    let installation = Installation::new()
        .with("PORTCULLIS_APP__BASE_URL", ORIGIN)
        .with("PORTCULLIS_AUTH__MAX_SESSIONS", "100");
    let mut node = installation.start();
    let mut key = enrolled(&node);
    let mut seed = 7;
    for _ in 0..10 {
        let body = shown(&node, &mut key);
        let mut there = node.client();
        let sending = {
            let body = body.clone();
            std::thread::spawn(move || {
                let answer = there.try_send(&Ask::json("/login/passkey", &body.to_string()));
                (answer.map(|answer| answer.status), there)
            })
        };
        std::thread::sleep(Duration::from_micros(draw(&mut seed) % 6000));
        node.kill();
        let (answered, there) = sending.join().unwrap();
        node = installation.start();
        if answered == Some(200) {
            let mut signed_in = Client::with(node.address(), &there.jar);
            assert_eq!(signed_in.protected().status, 200, "what was answered is kept");
        }
        // Sent again it begins at most one session, and the next answer always does.
        let again = post(&mut node.client(), "/login/passkey", &body).status;
        assert!(again == 401 || again == 200 && answered.is_none(), "{again} after {answered:?}");
        assert_eq!(post(&mut node.client(), "/login/passkey", &shown(&node, &mut key)).status, 200);
    }
}
